//! `logs`: the level of a running host, its lines as they come, and a file of all that helps others to
//! find a fault.

use super::{Asked, Exit, client::Client, collect};
use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};
use std::{
    fmt::Write as _,
    io::{self, Write},
    path::PathBuf,
};

#[derive(Subcommand)]
pub(super) enum Logs {
    /// Show what a running host logs, or set it until the next restart.
    Level {
        /// error, warn, info, debug or trace, or directives such as info,plugin=debug.
        directives: Option<String>,
    },
    /// Show the lines of a running host as they come.
    Follow {
        /// Only lines of this level or graver; the host has to log them, see `logs level`.
        #[arg(long)]
        level: Option<Level>,
        /// Only lines of this connector.
        #[arg(long)]
        connector: Option<String>,
    },
    /// Make a file for support: log, settings without secrets, versions, history, health, metrics.
    ///
    /// Works without a running host, with what is there then.
    Collect {
        /// The file; by default ecma-support-TIME.zip where the command runs.
        file: Option<PathBuf>,
    },
}

/// From the gravest on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

pub(super) fn run(asked: &Asked, what: Logs) -> anyhow::Result<Exit> {
    match what {
        Logs::Level { directives } => level(asked, directives.as_deref()),
        Logs::Follow { level, connector } => follow(asked, level, connector.as_deref()),
        Logs::Collect { file } => collect::run(asked, file),
    }
}

fn level(asked: &Asked, directives: Option<&str>) -> anyhow::Result<Exit> {
    let client = Client::new(&asked.settings()?)?;
    let answer = match directives {
        Some(level) => client.post("/v1/log/level", &json!({"level": level}))?,
        None => client.get("/v1/log/level")?,
    };
    asked.print(&answer, |out| {
        let level = answer["level"].as_str().unwrap_or_default();
        match answer["before"].as_str() {
            Some(before) => writeln!(out, "{level} until the next restart; it was {before}"),
            None => writeln!(out, "{level}"),
        }
    })?;
    Ok(Exit::Well)
}

fn follow(asked: &Asked, level: Option<Level>, connector: Option<&str>) -> anyhow::Result<Exit> {
    let client = Client::new(&asked.settings()?)?;
    let mut out = io::stdout().lock();
    client.lines("/v1/log/follow", |line| {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return true };
        if !is_wanted(&value, level, connector) {
            return true;
        }
        let written = match asked.json {
            true => writeln!(out, "{line}"),
            false => writeln!(out, "{}", text(&value)),
        };
        // Whoever read is gone.
        written.and_then(|()| out.flush()).is_ok()
    })?;
    Ok(Exit::Well)
}

fn is_wanted(line: &Value, level: Option<Level>, connector: Option<&str>) -> bool {
    if line.get("lost").is_some() {
        return true;
    }
    let of = |text: &str| Level::from_str(text, true).unwrap_or(Level::Error);
    let is_grave =
        level.is_none_or(|level| of(line["level"].as_str().unwrap_or_default()) <= level);
    let spans = line["spans"].as_array().into_iter().flatten();
    let is_of = |name: &str| {
        spans.chain([&line["fields"]]).any(|fields| fields["connector"].as_str() == Some(name))
    };
    is_grave && connector.is_none_or(is_of)
}

/// A line for people, as the host writes it in text.
fn text(line: &Value) -> String {
    if let Some(lost) = line["lost"].as_u64() {
        return format!("… {lost} lines came faster than they were read");
    }
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = |fields: &Map<String, Value>, but: &str| {
        let all = fields.iter().filter(|(name, _)| *name != but);
        all.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    let none = Map::new();
    let mut text = format!("{} {:>5} ", word(&line["timestamp"]), word(&line["level"]));
    for span in line["spans"].as_array().into_iter().flatten() {
        let fields = pairs(span.as_object().unwrap_or(&none), "name");
        let _ = write!(text, "{}{{{fields}}}: ", word(&span["name"]));
    }
    let fields = line["fields"].as_object().unwrap_or(&none);
    let message = fields.get("message").map(word).unwrap_or_default();
    let _ = write!(text, "{}: {message} {}", word(&line["target"]), pairs(fields, "message"));
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Value {
        json!({
            "timestamp": "2026-01-31T08:30:00Z", "level": "WARN", "target": "plugin",
            "fields": {"message": "Table read", "rows": 3, "place": "a b"},
            "spans": [{"name": "request", "connector": "PEOPLE", "id": "x1"}],
        })
    }

    #[test]
    fn a_line_is_shown_as_the_host_writes_it() {
        let shown = "2026-01-31T08:30:00Z  WARN request{connector=\"PEOPLE\" id=\"x1\"}: \
                     plugin: Table read place=\"a b\" rows=3";
        assert_eq!(text(&line()), shown);
        assert_eq!(text(&json!({"lost": 7})), "… 7 lines came faster than they were read");
    }

    #[test]
    fn lines_are_chosen_by_level_and_connector() {
        let wanted = |level, connector| is_wanted(&line(), level, connector);
        assert!(wanted(None, None) && wanted(Some(Level::Warn), Some("PEOPLE")));
        assert!(!wanted(Some(Level::Error), None) && !wanted(None, Some("TEAMS")));
        assert!(is_wanted(&json!({"lost": 1}), Some(Level::Error), Some("TEAMS")));
    }
}
