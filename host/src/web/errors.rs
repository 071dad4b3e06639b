//! The table from a plugin's errors to what a client hears, for the documentation. It is made by the
//! code that answers, so it says what is.

use super::reply;
use crate::{binding::Failure, config::Scrubber};
use ecma_plugin_sdk::{Error, ErrorKind};
use std::fmt::Write;

/// What becomes of the entry, or of the connector, besides the answer.
fn besides(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "the entry leaves the space; of a DELETE it is a success",
        ErrorKind::AlreadyExists => {
            "of a POST: an import is begun, so that the entry is found next time"
        }
        ErrorKind::Unreachable => {
            "the connection is given up; what may have happened is looked up where the plugin can read"
        }
        ErrorKind::Timeout | ErrorKind::Internal => {
            "the same; the call is abandoned and its connection replaced"
        }
        ErrorKind::Credentials => {
            "the connection is given up; never 401, which a client takes for its own token"
        }
        ErrorKind::Forbidden => "never 403, which a client takes for its own token",
        _ => "",
    }
}

/// The table as Markdown.
#[must_use]
pub fn error_table() -> String {
    let mut table = String::from(
        "# What a client hears of a plugin's error\n\n\
         Written by `cargo xtask reference`. The plugin says a kind and a sentence, here `in the target's \
         words`; secrets are taken out of it.\n\n\
         | plugin says | status | scimType | detail | Retry-After | besides |\n\
         |---|---|---|---|---|---|\n",
    );
    for kind in ErrorKind::ALL {
        let error = Error::new(kind, "in the target's words");
        let failure = Failure::target(&error, None, &Scrubber::new(Vec::new()));
        let retry = failure.retry_after.map(|seconds| format!("{seconds} s")).unwrap_or_default();
        let (status, error) = reply::judged(failure);
        let scim_type = error.scim_type.map(|kind| serde_json::json!(kind));
        let scim_type = scim_type.and_then(|kind| kind.as_str().map(|kind| format!("`{kind}`")));
        writeln!(
            table,
            "| `{kind:?}` | {} | {} | {} | {retry} | {} |",
            status.as_u16(),
            scim_type.unwrap_or_default(),
            error.detail,
            besides(kind)
        )
        .expect("writing to a string does not fail");
    }
    table
}
