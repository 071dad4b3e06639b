//! The host's log: format, level, and where it goes. Events of the target `audit` are
//! written whatever the level, unless the level names `audit` itself.

use crate::config::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// Sets up the log of the process; a level that cannot be read is told and `info` used.
pub fn init(log: &Log) {
    let wanted = std::env::var("ECMA_LOG").unwrap_or_else(|_| log.level.clone());
    let (filter, bad) = match EnvFilter::try_new(&wanted) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let filter = match "audit=info".parse() {
        Ok(audit) if !wanted.contains("audit") => filter.add_directive(audit),
        _ => filter,
    };
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber in one process happens in tests only, where the first is as good.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if let Some(error) = bad {
        tracing::warn!(level = wanted, %error, "Log level not understood, using info");
    }
}
