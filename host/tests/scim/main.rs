//! SCIM at the router: every answer's status, headers and body, without a socket.
#![expect(clippy::unwrap_used, reason = "tests")]

mod bulk;
mod conditions;
mod cursor;
mod discovery;
mod errors;
mod filters;
mod headers;
mod methods;
mod paging;
mod projection;
#[path = "../room/mod.rs"]
mod room;
mod search;
mod sorting;
mod support;
#[path = "../room/target.rs"]
mod target;
mod tolerance;
