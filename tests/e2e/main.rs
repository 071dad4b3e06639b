//! The whole product at work: the real binary, real plugin libraries from a temporary `ECMA/`, TLS,
//! and a client that behaves like Entra; then a look into the target itself.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod behind;
mod certs;
mod cli;
mod commands;
mod directory;
mod documents;
mod durability;
mod employees;
mod faults;
mod flows;
mod groups;
mod journey;
mod keys;
mod laws;
mod live;
mod passwords;
mod protocol;
mod secrets;
mod simulate;
mod support;
