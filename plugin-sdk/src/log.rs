//! A plugin's `tracing` lines on their way to the host's log.
//!
//! A plugin library has its own copy of `tracing`; without a subscriber its lines would be lost. The
//! SDK installs one that asks the host first and hands the line over with its fields. The host
//! writes it inside the span of the call, since that call is on the same thread.

use crate::words::encode;
use ecma_plugin_abi::{
    HostLog,
    abi_stable::std_types::{RSlice, RStr},
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::OnceLock};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};

/// One line as it crosses the waist.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub level: u8,
    /// Name of the plugin.
    pub plugin: String,
    /// The module that wrote it.
    #[serde(default)]
    pub target: String,
    /// The constant text.
    #[serde(default)]
    pub message: String,
    /// Names and values of the fields.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
}

/// The subscriber inside a plugin.
pub(crate) struct HostLine {
    log: HostLog,
    plugin: String,
}

/// Where the lines of this library go.
static INSTALLED: OnceLock<HostLog> = OnceLock::new();

/// Where the lines of this library go, when a host has said so.
#[cfg(feature = "companion")]
pub(crate) fn installed() -> Option<HostLog> {
    INSTALLED.get().copied()
}

impl HostLine {
    /// Installs it, once for the life of the library.
    pub(crate) fn install(log: HostLog, plugin: &str) {
        let _ = INSTALLED.set(log);
        let subscriber = HostLine { log, plugin: plugin.to_owned() };
        // Fails only when the vendor installed a subscriber first: then that one is wanted.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

impl Subscriber for HostLine {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // The host's level may change while it runs: ask each time.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (self.log.enabled)(number(*metadata.level()), RStr::from(metadata.target()))
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = LogLine {
            level: number(*metadata.level()),
            plugin: self.plugin.clone(),
            target: metadata.target().to_owned(),
            ..LogLine::default()
        };
        event.record(&mut Fields(&mut line));
        (self.log.line)(RSlice::from_slice(&encode(&line)));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Fields<'a>(&'a mut LogLine);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field.name(), value.to_owned());
    }
}

impl Fields<'_> {
    fn take(&mut self, name: &str, value: String) {
        match name {
            "message" => self.0.message = value,
            name => self.0.fields.push((name.to_owned(), value)),
        }
    }
}
