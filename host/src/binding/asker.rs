//! Who asked for what is done: the name of the client's token, carried along to the audit.

use std::{future::Future, sync::Arc};

tokio::task_local! {
    static ASKER: Arc<str>;
}

/// Does what the owner of this token asks for.
pub fn asked_by<F: Future>(token: Arc<str>, request: F) -> impl Future<Output = F::Output> {
    ASKER.scope(token, request)
}

/// The same request, to go on in a task of its own.
pub fn same_asker<F: Future>(request: F) -> impl Future<Output = F::Output> {
    let token = asker();
    async move {
        match token {
            Some(token) => ASKER.scope(token, request).await,
            None => request.await,
        }
    }
}

/// Who asked; `None` when nobody had to say.
pub(super) fn asker() -> Option<Arc<str>> {
    ASKER.try_with(Arc::clone).ok()
}
