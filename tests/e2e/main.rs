//! The whole product at work: the real binary, real plugin libraries from a temporary `ECMA/`, TLS,
//! and a client that behaves like Entra; then a look into the target itself.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod behind;
mod certs;
mod cli;
mod commands;
mod cut_off;
mod directory;
mod disk_full;
mod doctor;
mod documents;
mod durability;
mod employees;
mod exchange;
mod faults;
mod first_hour;
mod flows;
mod groups;
mod guards;
mod hostile;
mod isolation;
mod journey;
mod keys;
mod kills;
mod laws;
mod live;
mod logs;
mod new;
mod passwords;
mod protocol;
mod secrets;
mod service;
mod shutdown;
mod simulate;
mod support;
mod terminal;
mod walk;
