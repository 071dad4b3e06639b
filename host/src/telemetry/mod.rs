//! The log of the process: what is written, how, and where to. Nobody who logs ever waits for the place
//! it goes to. Events of the target `audit` are written whatever the level, unless the level names
//! `audit` itself; where there is a file of them, always.

mod file;
mod queue;
mod recent;

pub use recent::{Lines, Recent};

use crate::config::{Log, LogFormat, LogTo, directives};
use file::LineFile;
use parking_lot::Mutex;
use queue::{Queue, Stderr};
use std::{io::IsTerminal, sync::Arc};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::filter_fn, fmt, layer::SubscriberExt as _,
    registry::LookupSpan, reload, util::SubscriberInitExt as _,
};

/// The variable that counts more than `[log] level`.
const VARIABLE: &str = "ECMA_LOG";

/// Standard error as a place.
const STDERR: &str = "stderr";

/// Where the time comes from.
pub type Clock = fn() -> jiff::Timestamp;

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

/// The log of a host at work.
pub struct Telemetry {
    filter: reload::Handle<EnvFilter, Registry>,
    level: Mutex<String>,
    has_audit_file: bool,
    place: String,
    recent: Arc<Recent>,
    queues: Vec<Arc<Queue>>,
}

impl Telemetry {
    /// Sets up the log of the process. A level of the environment that cannot be read is told and `info`
    /// used; a place that cannot be written to is told and standard error used.
    #[must_use]
    pub fn start(log: &Log, clock: Clock) -> Arc<Telemetry> {
        let mut level = std::env::var(VARIABLE).unwrap_or_else(|_| log.level.clone());
        let mut told: Vec<String> = Vec::new();
        let mut queues = Vec::new();
        let audit = log.audit.as_ref().and_then(|path| {
            let queue = LineFile::appended(path).and_then(|file| Queue::to(file, "audit"));
            let failed = |error| {
                told.push(format!("cannot write the audit to {}: {error}", path.display()));
            };
            queue.map_err(failed).ok()
        });
        let has_audit_file = audit.is_some();
        let audit_file = log.audit.as_ref().filter(|_| has_audit_file);
        let audit_file = audit_file.map(|path| path.display().to_string());
        let filter = filter(&level, has_audit_file).unwrap_or_else(|error| {
            told.push(format!("{VARIABLE}: {error}; using info"));
            level = "info".to_owned();
            filter("info", has_audit_file).unwrap_or_default()
        });
        let (filter, handle) = reload::Layer::new(filter);
        let recent = Arc::new(Recent::default());
        let mut layers: Vec<Boxed<_>> = vec![
            fmt::layer().json().with_current_span(false).with_writer(Arc::clone(&recent)).boxed(),
        ];
        if let Some(audit) = audit {
            layers.push(audit_layer(Arc::clone(&audit)));
            queues.push(audit);
        }
        let (layer, place) = match journal(log) {
            Some(Ok(layer)) => (layer, "journald".to_owned()),
            journal => {
                if let Some(Err(reason)) = journal {
                    told.push(format!("cannot write to the journal: {reason}; using stderr"));
                }
                match lines(log, clock, &mut told) {
                    Some((queue, place)) => {
                        queues.push(Arc::clone(&queue));
                        let ansi = log.to != LogTo::File && std::io::stderr().is_terminal();
                        (line_layer(log.format, ansi, queue), place)
                    }
                    // Without a thread to write there is still the way without one.
                    None => (line_layer(log.format, false, std::io::stderr), STDERR.to_owned()),
                }
            }
        };
        layers.push(layer);
        // A second subscriber in one process happens in tests only, where the first is as good.
        let _ = tracing_subscriber::registry().with(filter).with(layers).try_init();
        for reason in told {
            tracing::warn!(reason, "The log is not as it was asked for");
        }
        tracing::info!(to = place, level, audit = audit_file, "Logging");
        Arc::new(Telemetry {
            filter: handle,
            level: Mutex::new(level),
            has_audit_file,
            place,
            recent,
            queues,
        })
    }

    /// Where lines go: `stderr`, `journald`, or a file.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is written now, as directives.
    #[must_use]
    pub fn level(&self) -> String {
        self.level.lock().clone()
    }

    /// Writes something else from now on; an error says what is wrong with the directives.
    pub fn set_level(&self, wanted: &str) -> Result<(), String> {
        let filter = filter(wanted, self.has_audit_file)?;
        let mut level = self.level.lock();
        self.filter.reload(filter).map_err(|error| error.to_string())?;
        wanted.clone_into(&mut level);
        Ok(())
    }

    /// The settings changed: another level, unless the environment says which. Answers whether it is
    /// another now.
    pub fn follow(&self, log: &Log) -> Result<bool, String> {
        if std::env::var_os(VARIABLE).is_some() || log.level == self.level() {
            return Ok(false);
        }
        self.set_level(&log.level).map(|()| true)
    }

    /// The last lines.
    #[must_use]
    pub fn recent(&self) -> &Arc<Recent> {
        &self.recent
    }

    /// How many lines could not be written since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queues.iter().map(|queue| queue.lost()).sum()
    }

    /// Opens the files anew: somebody moved them away.
    pub fn reopen(&self) {
        self.queues.iter().for_each(|queue| queue.reopen());
    }

    /// Waits a moment for what is not written yet.
    pub fn flush(&self) {
        self.queues.iter().for_each(|queue| queue.flush());
    }
}

/// Sets up the log of a command whose output is for a person: warnings, unless `ECMA_LOG` says
/// otherwise. Without `audit`, exports are never told as such.
pub fn quiet(log: &Log, audit: bool) {
    let mut wanted = std::env::var(VARIABLE).unwrap_or_else(|_| "warn,audit=off".to_owned());
    if !audit {
        wanted.push_str(",audit=off");
    }
    let understood = filter(&wanted, false);
    let bad = understood.as_ref().err().cloned();
    let filter = understood.unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    let layer: Boxed<_> = line_layer(log.format, ansi, std::io::stderr);
    let _ = tracing_subscriber::registry().with(filter).with(vec![layer]).try_init();
    if let Some(error) = bad {
        tracing::warn!(level = wanted, error, "Log level not understood, using info");
    }
}

/// The filter of these directives, the audit besides.
fn filter(wanted: &str, audit_always: bool) -> Result<EnvFilter, String> {
    let filter = directives(wanted)?;
    match "audit=info".parse() {
        Ok(audit) if audit_always || !wanted.contains("audit") => Ok(filter.add_directive(audit)),
        _ => Ok(filter),
    }
}

/// The queue to where lines go, and where that is; nothing when there is no thread for it.
fn lines(log: &Log, clock: Clock, told: &mut Vec<String>) -> Option<(Arc<Queue>, String)> {
    if log.to == LogTo::File {
        match LineFile::rotated(&log.file, clock).and_then(|file| Queue::to(file, "log")) {
            Ok(queue) => return Some((queue, log.file.path.display().to_string())),
            Err(error) => {
                let path = log.file.path.display();
                told.push(format!("cannot write the log to {path}: {error}; using stderr"));
            }
        }
    }
    Queue::to(Stderr, "log").ok().map(|queue| (queue, STDERR.to_owned()))
}

fn line_layer<S, W>(format: LogFormat, ansi: bool, writer: W) -> Boxed<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    // A line that cannot be written is lost: telling of that on the same full disk would panic.
    let layer = fmt::layer().log_internal_errors(false).with_writer(writer);
    match format {
        LogFormat::Text => layer.with_ansi(ansi).boxed(),
        LogFormat::Json => layer.json().with_current_span(false).boxed(),
    }
}

/// Events of the audit, with the request they belong to.
fn audit_layer<S>(queue: Arc<Queue>) -> Boxed<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_of_audit = |metadata: &Metadata<'_>| {
        metadata.target() == "audit" || metadata.is_span() && *metadata.level() == Level::ERROR
    };
    let layer = fmt::layer().json().flatten_event(true).with_current_span(false);
    layer.with_writer(queue).with_filter(filter_fn(is_of_audit)).boxed()
}

/// The journal, where the log shall go there; or why it cannot.
#[cfg(target_os = "linux")]
fn journal<S>(log: &Log) -> Option<Result<Boxed<S>, String>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = || tracing_journald::layer().map_err(|error| error.to_string());
    (log.to == LogTo::Journald).then(|| layer().map(|layer| layer.boxed()))
}

/// The journal is a thing of Linux.
#[cfg(not(target_os = "linux"))]
fn journal<S>(log: &Log) -> Option<Result<Boxed<S>, String>> {
    (log.to == LogTo::Journald).then(|| Err("this system has none".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_is_written_unless_the_level_names_it() {
        let text = |wanted, always| filter(wanted, always).unwrap().to_string();
        assert!(text("warn", false).contains("audit=info"));
        assert!(text("warn,audit=off", false).contains("audit=off"));
        assert!(!text("warn,audit=off", true).contains("audit=off"), "there is a file of it");
        assert!(filter("info,what=loud", false).is_err());
        assert!(filter("dbug", false).unwrap_err().contains("\"dbug\" is no level"));
        assert!(filter("", false).is_ok() && filter("warn, ecma_host::web", false).is_ok());
    }
}
