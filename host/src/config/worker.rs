//! Where a connector's plugin runs, and what surrounds it there.

use std::{collections::BTreeMap, path::Path};

use super::{
    document::{Entry, Section},
    keys::{Key, Shape},
    sealing::SealingKey,
    secrets::Secret,
    value::{ConfigValue, Resolved},
};

const PROCESS: &str = "process";
const IN_PROCESS: &str = "in-process";

/// Where the plugin runs.
pub(super) const ISOLATION: Key = Key::new(
    "isolation",
    Shape::Word { words: &[PROCESS, IN_PROCESS], default: PROCESS },
    "Where the plugin runs: in a process of this connector's own, or in the host's.",
);

/// What surrounds it in a process of its own.
pub(super) const WORKER: Key =
    Key::new("worker", Shape::Table(KEYS), "The process that the plugin runs in.");

/// The least limit of memory. To load and to import 1,000 people, `csv-file` and `generic-sql` with SQLite
/// take 5 MB and `generic-ldap` takes 7; each connection takes 2 more, and drivers of vendors far more.
const LEAST_MEMORY: u32 = 32;

const KEYS: &[Key] = &[
    Key::new(
        "memory_mb",
        Shape::Whole { from: 0, to: 1 << 20, default: 0 },
        "Megabytes that the plugin may take, 2 for each of its threads among them: 0, no limit, or at \
         least 32.",
    ),
    Key::new(
        "cpu_seconds",
        Shape::Whole { from: 0, to: u32::MAX as i64, default: 0 },
        "Seconds of a processor after which the process is ended; 0: no limit.",
    ),
    Key::new(
        "files",
        Shape::Whole { from: 32, to: 1 << 20, default: 1024 },
        "Files and connections that are open at once.",
    ),
    Key::new(
        "environment",
        Shape::Map(&Shape::Text),
        "Variables of its environment, references as in [values]; it has no others of the host's but \
         PATH, HOME, LANG, LC_*, TZ, TMPDIR and LD_LIBRARY_PATH.",
    ),
];

/// A process for a connector's plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerConfig {
    /// What it may take.
    pub limits: WorkerLimits,
    /// Its variables by name.
    pub environment: BTreeMap<String, ConfigValue>,
}

/// What the process of a plugin may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerLimits {
    /// Megabytes; 0: no limit.
    pub memory_mb: u32,
    /// Seconds of a processor in all its life; 0: no limit.
    pub cpu_seconds: u32,
    /// Files and connections that are open at once.
    pub files: u32,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self { memory_mb: 0, cpu_seconds: 0, files: 1024 }
    }
}

impl WorkerConfig {
    /// Follows the references among the variables; failures by name.
    pub fn resolve_environment(
        &self,
        home: &Path,
        key: &SealingKey,
    ) -> Result<Vec<(String, Secret)>, BTreeMap<String, String>> {
        let (mut variables, mut failures) = (Vec::new(), BTreeMap::new());
        for (name, value) in &self.environment {
            match value.resolve(home, key) {
                Ok(Resolved::Text(text)) if text.expose().contains('\0') => {
                    drop(failures.insert(name.clone(), "holds a zero byte".to_owned()));
                }
                Ok(Resolved::Text(text)) => variables.push((name.clone(), text)),
                Ok(_) => {}
                Err(message) => drop(failures.insert(name.clone(), message)),
            }
        }
        if failures.is_empty() { Ok(variables) } else { Err(failures) }
    }
}

/// The process of this connector; `None`: its plugin runs in the host's.
pub(super) fn worker(root: &Section<'_>) -> Option<WorkerConfig> {
    if root.text("isolation").is_some_and(|isolation| isolation == IN_PROCESS) {
        if root.has("worker") {
            let message = format!("has no effect while isolation is \"{IN_PROCESS}\": remove one");
            root.problem("worker", message);
        }
        return None;
    }
    let section = root.section("worker");
    let variable = |entry: Entry<'_>| {
        let is_name = |name: &str| {
            let mut letters = name.chars();
            let begins = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            begins && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !is_name(&entry.key) {
            entry.problem("is no name of a variable: ASCII letters, digits and underscores");
        }
        let value = ConfigValue::from_text(entry.text()?);
        Some((entry.key.clone(), value.map_err(|message| entry.problem(message)).ok()?))
    };
    let memory_mb: u32 = section.whole("memory_mb");
    if (1..LEAST_MEMORY).contains(&memory_mb) {
        let message = format!("must be 0, no limit, or at least {LEAST_MEMORY}, found {memory_mb}");
        section.problem("memory_mb", message);
    }
    Some(WorkerConfig {
        limits: WorkerLimits {
            memory_mb,
            cpu_seconds: section.whole("cpu_seconds"),
            files: section.whole("files"),
        },
        environment: section.entries("environment").into_iter().filter_map(variable).collect(),
    })
}
