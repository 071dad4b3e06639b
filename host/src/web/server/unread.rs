//! What an answer has left unread of a request's body, on HTTP/2.
//!
//! hyper resets such a stream after the answer, as it may (RFC 9113, section 8.1). curl 7.88 and others
//! forget the answer then, and a person hears nothing of a wrong token. So a short body is read to its end
//! first.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::timeout;

/// Longer bodies are not waited for: most clients of today understand the reset.
const SHORT: u64 = 64 << 10;
/// How long the rest of a body may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a body goes that was not read to its end.
#[derive(Default)]
pub(super) struct Unread(Arc<Mutex<Option<Incoming>>>);

impl Unread {
    /// The body for whoever answers.
    pub(super) fn lend(&self, body: Incoming) -> Body {
        Body::new(Lent { body: Some(body), back: Arc::clone(&self.0) })
    }

    /// Reads what is left, once nobody else wants it.
    pub(super) async fn read(self) {
        let left = self.0.lock().take();
        if let Some(mut body) = left {
            let rest = async { while let Some(Ok(_)) = body.frame().await {} };
            // Who sends no more gets the answer all the same.
            let _ = timeout(PATIENCE, rest).await;
        }
    }
}

struct Lent {
    body: Option<Incoming>,
    back: Arc<Mutex<Option<Incoming>>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let is_short = |body: &Incoming| body.size_hint().upper().is_some_and(|most| most <= SHORT);
        let left = self.body.take().filter(|body| !body.is_end_stream() && is_short(body));
        *self.back.lock() = left;
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}
