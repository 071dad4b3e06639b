//! The plugin loader against real bad files: each is refused with a reason and a remedy, none of them
//! ends the process, and no neighbor suffers. Builds libraries with the C compiler that Rust needs
//! anyway; the formats are Linux's.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod catalog;
mod files;
mod home;
mod isolated;
mod opened;
