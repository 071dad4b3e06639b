//! The laws of binding and web: what is acknowledged, what survives, what is said when nobody knows.
#![expect(clippy::unwrap_used, reason = "tests")]

mod addresses;
mod bounds;
mod clock;
mod exports;
mod failures;
mod fence;
mod groups;
mod imports;
mod meanwhile;
mod names;
mod order;
mod passwords;
mod readiness;
#[path = "../room/mod.rs"]
mod room;
mod successors;
mod support;
mod tokens;
mod types;
mod unknown;
mod writes;
