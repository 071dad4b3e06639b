//! `[log]` of `host.toml`: what is logged, how and where to.

use super::{
    document::Section,
    keys::{Key, Shape},
};
use std::path::{Path, PathBuf};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

/// The keys of `[log]`.
pub(super) const LOG: &[Key] = &[
    Key::new(
        "level",
        Shape::Name { default: Some("info") },
        "error, warn, info, debug or trace, or filter directives such as \"info,audit=off\".",
    ),
    Key::new(
        "format",
        Shape::Word { words: &["text", "json"], default: "text" },
        "Lines for people or for machines.",
    ),
    Key::new(
        "to",
        Shape::Word { words: &["stderr", "journald", "file"], default: "stderr" },
        "Where the log goes.",
    ),
    Key::new(
        "file",
        Shape::Name { default: Some("state/log/host.log") },
        "The file, where `to` is \"file\"; relative to the host's home.",
    ),
    Key::new("daily", Shape::Flag { default: true }, "Begin a new file each day (UTC)."),
    Key::new(
        "megabytes",
        Shape::Whole { from: 1, to: 10_240, default: 100 },
        "Begin a new file when it would be larger than this.",
    ),
    Key::new(
        "keep",
        Shape::Whole { from: 0, to: 1000, default: 14 },
        "How many older files are kept: file.1 is the youngest.",
    ),
    Key::new(
        "audit",
        Shape::NAME,
        "A file to append the audit to, one JSON object a line; relative to the host's home.",
    ),
];

/// What is logged, how and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Filter directives, as [`directives`] reads them.
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
    /// Where it goes.
    pub to: LogTo,
    /// The file, where it goes to one.
    pub file: LogFile,
    /// The file that the audit is appended to.
    pub audit: Option<PathBuf>,
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTo {
    /// Standard error.
    Stderr,
    /// The journal of systemd.
    Journald,
    /// A file that is begun anew now and then.
    File,
}

/// The log's file, and when it is begun anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// The file.
    pub path: PathBuf,
    /// Each day (UTC).
    pub daily: bool,
    /// When it would have more bytes than this.
    pub bytes: u64,
    /// How many older files are kept.
    pub keep: usize,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one object a line.
    Json,
}

impl Log {
    /// What the section says; paths start at the home.
    pub(super) fn of(log: &Section<'_>, home: &Path) -> Log {
        let level = log.text("level").unwrap_or_default();
        if let Err(reason) = directives(&level) {
            log.problem("level", reason);
        }
        Log {
            level,
            format: match log.text("format").as_deref() {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            to: match log.text("to").as_deref() {
                Some("journald") => LogTo::Journald,
                Some("file") => LogTo::File,
                _ => LogTo::Stderr,
            },
            file: LogFile {
                path: home.join(log.text("file").unwrap_or_default()),
                daily: log.flag("daily"),
                bytes: log.whole::<u64>("megabytes") << 20,
                keep: log.whole("keep"),
            },
            audit: log.text("audit").filter(|file| !file.is_empty()).map(|file| home.join(file)),
        }
    }
}

/// The filter of these directives; an error says what is wrong, and what is allowed.
pub fn directives(wanted: &str) -> Result<EnvFilter, String> {
    const ALLOWED: &str = "give error, warn, info, debug, trace or off, or directives such as \
                           \"info,plugin=debug\"";
    let is_word = |part: &&str| !part.is_empty() && !part.contains(['=', '[', ':']);
    let is_level = |part: &str| part.parse::<LevelFilter>().is_ok();
    // A word alone would be a target: a level with a slip would turn everything else off.
    if let Some(word) =
        wanted.split(',').map(str::trim).filter(is_word).find(|word| !is_level(word))
    {
        return Err(format!("{word:?} is no level: {ALLOWED}"));
    }
    EnvFilter::try_new(wanted)
        .map_err(|error| format!("{wanted:?} is not understood ({error}): {ALLOWED}"))
}
