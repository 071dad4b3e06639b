//! `host.toml` while the host runs: the log's level, the addresses that may ask and the files of the
//! certificate are followed, everything else waits for a restart, and a mistake changes nothing.

use super::{certificates::Tls, texts};
use crate::{
    config::HostConfig,
    telemetry::Telemetry,
    web::{Notice, Web},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The document's name in the home.
pub(super) const DOCUMENT: &str = "host.toml";
/// What needs no restart: keys, and tables with all in them.
const LIVE: [&str; 3] = ["log.level", "allow", "tls"];

/// What the host was started with.
pub(super) struct Settings {
    started: HostConfig,
    written: BTreeMap<String, String>,
    telemetry: Arc<Telemetry>,
}

impl Settings {
    /// `started`: as the document said it, without what the command line changed.
    pub(super) fn new(started: HostConfig, telemetry: Arc<Telemetry>) -> Settings {
        let written = written(&started.home);
        Settings { started, written, telemetry }
    }

    /// The document.
    pub(super) fn document(&self) -> PathBuf {
        self.started.home.join(DOCUMENT)
    }

    /// Whether what happens to this file, in a folder that is watched, is our own doing or nobody's
    /// business: logs beside what is followed must not wake the host at every line. `is_home_alone`:
    /// nothing else is followed in the home.
    pub(super) fn is_noise(&self, path: &Path, is_home_alone: bool) -> bool {
        let log = &self.started.log;
        let is_log = |file: &Path| {
            path.as_os_str().as_encoded_bytes().starts_with(file.as_os_str().as_encoded_bytes())
        };
        let in_home = path.parent() == Some(&*self.started.home);
        is_log(&log.file.path)
            || log.audit.as_deref().is_some_and(is_log)
            || in_home && is_home_alone && path.file_name().is_none_or(|name| name != DOCUMENT)
    }

    /// The document changed; what is to be known of it now.
    pub(super) fn follow(&self, web: &Web, tls: &Tls) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut notice = |kind, detail| notices.push(Notice { kind, detail });
        match HostConfig::load(&self.started.home) {
            Err(problems) => {
                let reason = texts(&problems);
                tracing::error!(reason, "host.toml refused; the settings before go on");
                notice("refused", format!("host.toml was changed and is refused: {reason}"));
            }
            Ok(now) => {
                match self.telemetry.follow(&now.log) {
                    Ok(true) => tracing::info!(level = now.log.level, "Another log level"),
                    Ok(false) => {}
                    Err(reason) => {
                        tracing::error!(reason, "The log's level cannot be changed");
                        notice("refused", format!("host.toml: log.level: {reason}"));
                    }
                }
                web.allow(now.allow.clone());
                tls.name(now.tls.clone());
                let keys = self.waiting(now).join(", ");
                if !keys.is_empty() {
                    tracing::warn!(keys, "host.toml changed; restart to pick it up");
                    notice("restart", format!("host.toml: restart to pick up: {keys}"));
                }
            }
        }
        notices
    }

    /// The keys that say something else than at the start.
    fn waiting(&self, mut now: HostConfig) -> Vec<String> {
        let started = &self.started;
        now.log.level.clone_from(&started.log.level);
        now.allow.clone_from(&started.allow);
        now.tls.clone_from(&started.tls);
        if now == self.started {
            return Vec::new();
        }
        let now = written(&self.started.home);
        let keys =
            self.written.keys().chain(now.keys().filter(|key| !self.written.contains_key(*key)));
        let is_live = |key: &str| {
            let rest = LIVE.iter().find_map(|live| key.strip_prefix(live));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_other = |key: &&String| !is_live(key) && self.written.get(*key) != now.get(*key);
        keys.filter(is_other).cloned().collect()
    }
}

/// What a document says, by the full names of its keys.
fn written(home: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(home.join(DOCUMENT)).unwrap_or_default();
    let mut all = BTreeMap::new();
    let mut left = vec![(String::new(), text.parse::<toml::Table>().unwrap_or_default())];
    while let Some((path, table)) = left.pop() {
        for (key, value) in table {
            let name = if path.is_empty() { key } else { format!("{path}.{key}") };
            match value {
                toml::Value::Table(table) => left.push((name, table)),
                value => drop(all.insert(name, value.to_string())),
            }
        }
    }
    all
}
