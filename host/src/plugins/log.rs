//! Log lines of plugins as `tracing` events. A plugin writes on the thread of the call, so its lines
//! stand in the span of that call.

use ecma_plugin_sdk::{LogLine, LogTarget, set_log};
use tracing::Level;

/// The target of all lines of plugins, for filters: `plugin=debug`.
const TARGET: &str = "plugin";

/// Lets the lines of all plugins go to the `tracing` subscriber. Call it before plugins are loaded.
pub fn install() {
    set_log(LogTarget { enabled, line });
}

/// Whether a line would be written. The filter knows plugins by the target `plugin`, not by their
/// modules.
fn enabled(level: u8, _module: &str) -> bool {
    match level {
        0 | 1 => tracing::event_enabled!(target: TARGET, Level::ERROR),
        2 => tracing::event_enabled!(target: TARGET, Level::WARN),
        3 => tracing::event_enabled!(target: TARGET, Level::INFO),
        4 => tracing::event_enabled!(target: TARGET, Level::DEBUG),
        _ => tracing::event_enabled!(target: TARGET, Level::TRACE),
    }
}

/// The lowest level of which a line would be written: 0 none, 1 errors … 5 all.
pub(super) fn level() -> u8 {
    (1..=5).rev().find(|level| enabled(*level, "")).unwrap_or(0)
}

/// Writes what a plugin printed.
pub(super) fn noise(plugin: &str, connector: &str, text: &str) {
    tracing::warn!(target: TARGET, plugin, connector, "{}", one_line(text));
}

/// Writes a line of a plugin.
pub(super) fn line(line: &LogLine) {
    macro_rules! write {
        ($level:expr) => {{
            let fields = rendered(&line.fields);
            tracing::event!(
                target: TARGET,
                $level,
                plugin = line.plugin,
                module = line.target,
                fields = (!fields.is_empty()).then_some(fields.as_str()),
                "{}",
                one_line(&line.message)
            );
        }};
    }
    match line.level {
        0 | 1 => write!(Level::ERROR),
        2 => write!(Level::WARN),
        3 => write!(Level::INFO),
        4 => write!(Level::DEBUG),
        _ => write!(Level::TRACE),
    }
}

/// `key=value key="two words"`.
fn rendered(fields: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push(' ');
        }
        let plain = !value.is_empty()
            && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"\"=".contains(c));
        if plain || value.starts_with('"') && value.ends_with('"') && value.len() > 1 {
            text.push_str(&format!("{}={}", one_line(name), one_line(value)));
        } else {
            text.push_str(&format!("{}={value:?}", one_line(name)));
        }
    }
    text
}

/// The text without line breaks and other control characters: a value of the connected system must
/// not be able to write a line of its own.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };
    use tracing_subscriber::EnvFilter;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, act: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, act);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn of_level(level: u8, message: &str) -> LogLine {
        LogLine {
            level,
            plugin: "generic-sql".to_owned(),
            target: "generic_sql::query".to_owned(),
            message: message.to_owned(),
            fields: vec![
                ("rows".to_owned(), "3".to_owned()),
                ("table".to_owned(), "old people".to_owned()),
            ],
        }
    }

    #[test]
    fn a_line_keeps_its_level_span_and_fields() {
        let text = logged("trace", || {
            let span = tracing::info_span!("import", connector = "CORPDB1");
            let _entered = span.enter();
            for level in 0..=6 {
                line(&of_level(level, "Table read"));
            }
        });
        let levels: Vec<&str> =
            text.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
        assert_eq!(levels, ["ERROR", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "TRACE"], "{text}");
        let first = text.lines().next().unwrap();
        assert!(first.contains("import{connector=\"CORPDB1\"}: plugin: Table read"), "{first}");
        assert!(first.contains("plugin=\"generic-sql\" module=\"generic_sql::query\""), "{first}");
        assert!(first.contains(r#"fields="rows=3 table=\"old people\"""#), "{first}");
    }

    #[test]
    fn the_filter_of_the_host_decides_what_a_plugin_is_asked_for() {
        let asked = || (1..=5).map(|level| enabled(level, "any")).collect::<Vec<_>>();
        for (filter, expected) in [("off", 0), ("error", 1), ("warn,plugin=debug", 4), ("trace", 5)]
        {
            logged(filter, || assert_eq!(level(), expected, "{filter}"));
        }
        logged("warn", || assert_eq!(asked(), [true, true, false, false, false]));
        logged("warn,plugin=debug", || assert_eq!(asked(), [true, true, true, true, false]));
        logged("off", || assert_eq!(asked(), [false; 5]));
    }

    #[test]
    fn a_plugin_cannot_write_a_line_of_its_own() {
        let text = logged("trace", || {
            let mut forged = of_level(3, "ok\nERROR the host is broken\u{1b}[2J");
            forged.fields = vec![("name".to_owned(), "a\r\nb".to_owned())];
            line(&forged);
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(r"ok\nERROR the host is broken\u{1b}[2J"), "{text}");
    }
}
