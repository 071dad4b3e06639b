//! The host's log: format, level, and where it goes. Events of the target `audit` are
//! written whatever the level, unless the level names `audit` itself.

use crate::config::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// Sets up the log of the process; a level that cannot be read is told and `info` used.
pub fn init(log: &Log) {
    start(log, &log.level, true);
}

/// Sets up the log of a command whose output is for a person: warnings, unless `ECMA_LOG` says
/// otherwise. Without `audit`, exports are never told as such.
pub fn quiet(log: &Log, audit: bool) {
    start(log, "warn,audit=off", audit);
}

fn start(log: &Log, level: &str, audit: bool) {
    let mut wanted = std::env::var("ECMA_LOG").unwrap_or_else(|_| level.to_owned());
    if !audit {
        wanted.push_str(",audit=off");
    }
    let (filter, bad) = match EnvFilter::try_new(&wanted) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let filter = match "audit=info".parse() {
        Ok(audit) if !wanted.contains("audit") => filter.add_directive(audit),
        _ => filter,
    };
    // A line that cannot be written is lost: telling of that on the same full disk would panic.
    let builder =
        fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    // A second subscriber in one process happens in tests only, where the first is as good.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if let Some(error) = bad {
        tracing::warn!(level = wanted, %error, "Log level not understood, using info");
    }
}
