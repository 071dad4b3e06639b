//! `connectors/<name>.toml`: one document per connector, and the folder of them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    addresses::{self, Addresses},
    document::{self, Entry, Section},
    files,
    keys::{Key, Shape},
    mapping::{self, ObjectMapping},
    name::ConnectorName,
    problem::Problem,
    sealing::SealingKey,
    token::TokenSource,
    tokens::{self, TokenEntry},
    value::{ConfigValue, Resolved},
    worker::{self, WorkerConfig},
};

/// The keys of a connector document.
pub(super) const CONNECTOR: &[Key] = &[
    Key::new("plugin", Shape::NAME, "The plugin, by the name it gives itself.").required(),
    Key::new("name", Shape::NAME, "The connector's name; must equal the file's, without .toml."),
    Key::new("description", Shape::Text, "What this connector is for, in your words."),
    Key::new(
        "token",
        Shape::NAME,
        "The hash of the secret token, or \"env:NAME\" or \"file:PATH\".",
    ),
    Key::new(
        "tokens",
        Shape::Tables(tokens::TOKENS),
        "More tokens, so that one can be changed without a gap.",
    ),
    addresses::ALLOW,
    Key::new(
        "autosync",
        Shape::Whole { from: 0, to: 525_600, default: 120 },
        "Minutes between imports; 0 imports at the start only.",
    ),
    worker::ISOLATION,
    worker::WORKER,
    Key::new("guard", Shape::Table(GUARD), "How much an import may remove before it is held back."),
    Key::new(
        "export_guard",
        Shape::Table(EXPORT_GUARD),
        "How many deletes and disables may go before they are held back.",
    ),
    Key::new("values", VALUES, "The plugin's parameters by name."),
    Key::new("partitions", Shape::Table(PARTITIONS), "Which of the plugin's partitions are used."),
    Key::new("run", Shape::Table(RUN), "How imports and exports run."),
    Key::new("object", Shape::Tables(mapping::OBJECT), "An object type that is exposed.")
        .required_because("missing: at least one [[object]] says what is exposed"),
];

const VALUES: Shape = Shape::Map(&Shape::Value);

const GUARD: &[Key] = &[
    Key::new(
        "percent",
        Shape::Whole { from: 0, to: 100, default: 20 },
        "Removals in percent of what the space holds.",
    ),
    Key::new(
        "objects",
        Shape::Whole { from: 0, to: u32::MAX as i64, default: 50 },
        "Removals in number; an import is held back when both bounds are exceeded.",
    ),
];

const EXPORT_GUARD: &[Key] = &[
    Key::new(
        "percent",
        Shape::Whole { from: 0, to: 100, default: 10 },
        "Deletes and disables in percent of what the space holds; 100 turns the guard off.",
    ),
    Key::new(
        "objects",
        Shape::Whole { from: 0, to: u32::MAX as i64, default: 50 },
        "The same in number; they are held back when both bounds are exceeded.",
    ),
    Key::new(
        "minutes",
        Shape::Whole { from: 1, to: 10_080, default: 60 },
        "The window in which they are counted.",
    ),
];

const PARTITIONS: &[Key] = &[Key::new(
    "selected",
    Shape::Names { default: &[], at_least: 1 },
    "The partitions by name; without this table, every one.",
)
.required()];

const RUN: &[Key] = &[
    Key::new("full_import", Shape::Table(FULL_IMPORT), "Reads everything."),
    Key::new("delta_import", Shape::Table(DELTA_IMPORT), "Reads what changed."),
    Key::new("export", Shape::Table(EXPORT), "Writes what clients ask for."),
];

const fn page_size(default: i64) -> Key {
    Key::new("page_size", Shape::Whole { from: 1, to: 100_000, default }, "Objects in one page.")
}

const STEP_VALUES: Key = Key::new("values", VALUES, "The plugin's parameters of this run step.");

const FULL_IMPORT: &[Key] = &[page_size(500), STEP_VALUES];

const DELTA_IMPORT: &[Key] = &[
    Key::new("enabled", Shape::Flag { default: true }, "Used when the plugin can."),
    page_size(500),
    STEP_VALUES,
];

const EXPORT: &[Key] = &[
    page_size(100),
    Key::new(
        "connections",
        Shape::Whole { from: 1, to: 1000, default: 2 },
        "Connections to the target for exports.",
    ),
    Key::new(
        "seconds",
        Shape::Whole { from: 1, to: 3600, default: 30 },
        "The deadline of one export call.",
    ),
];

/// The settings of one connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorConfig {
    /// The connector's name, which is the file's.
    pub name: ConnectorName,
    /// The plugin, by the name it gives itself.
    pub plugin: String,
    /// What the connector is for.
    pub description: Option<String>,
    /// The tokens that clients present, at least one.
    pub tokens: Vec<TokenEntry>,
    /// Where requests may come from.
    pub allow: Addresses,
    /// Minutes between imports; 0: at the start only.
    pub autosync: u32,
    /// The process that the plugin runs in; `None`: the host's.
    pub worker: Option<WorkerConfig>,
    /// How much an import may remove.
    pub guard: Guard,
    /// How many deletes and disables may go.
    pub export_guard: ExportGuard,
    /// The plugin's parameters, all pages but partition and run step.
    pub values: BTreeMap<String, ConfigValue>,
    /// The partitions that are used; `None`: every one.
    pub partitions: Option<Vec<String>>,
    /// How imports and exports run.
    pub run: RunProfiles,
    /// The object types that are exposed, at least one.
    pub objects: Vec<ObjectMapping>,
}

/// Removals an import may make at once; it is held back when both bounds are exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// In percent of what the space holds.
    pub percent: u32,
    /// In number.
    pub objects: u32,
}

/// Deletes and disables that may go to the target within a window; more are held back when both bounds
/// are exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportGuard {
    /// In percent of what the space holds; 100 lets everything go.
    pub percent: u32,
    /// In number.
    pub objects: u32,
    /// The window.
    pub minutes: u32,
}

impl ExportGuard {
    /// How many may go within the window, of so many that were known when it began.
    #[must_use]
    pub fn bound(&self, known: usize) -> u64 {
        u64::from(self.objects).max(known as u64 * u64::from(self.percent) / 100)
    }
}

/// The run profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunProfiles {
    /// Reads everything.
    pub full_import: FullImport,
    /// Reads what changed.
    pub delta_import: DeltaImport,
    /// Writes.
    pub export: Export,
}

/// How everything is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullImport {
    /// Objects in one page.
    pub page_size: u32,
    /// The plugin's parameters of this run step.
    pub values: BTreeMap<String, ConfigValue>,
}

/// How changes are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaImport {
    /// Whether to use it when the plugin can.
    pub enabled: bool,
    /// Objects in one page.
    pub page_size: u32,
    /// The plugin's parameters of this run step.
    pub values: BTreeMap<String, ConfigValue>,
}

/// How changes are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Objects in one call.
    pub page_size: u32,
    /// Connections to the target.
    pub connections: u32,
    /// The deadline of one call.
    pub seconds: u32,
}

impl ConnectorConfig {
    /// Reads a connector document; `file` is what problems call it.
    pub fn parse(name: &ConnectorName, file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        document::read(file, text, CONNECTOR, |root| build(name, root))
    }

    /// The values of all pages and run steps, and of the worker's environment.
    fn all_values(&self) -> impl Iterator<Item = &ConfigValue> {
        let run = &self.run;
        let all = [&self.values, &run.full_import.values, &run.delta_import.values];
        let environment = self.worker.as_ref().map(|worker| &worker.environment);
        all.into_iter().chain(environment).flat_map(BTreeMap::values)
    }

    /// The sealed values, as written.
    pub fn sealed(&self) -> Vec<&str> {
        let values = self.all_values();
        let sealed = values.filter_map(|value| match value {
            ConfigValue::Sealed(text) => Some(text.as_str()),
            _ => None,
        });
        sealed.collect()
    }

    /// The files that the document takes values and tokens from, as written.
    pub fn referenced_files(&self) -> Vec<&str> {
        let tokens = self.tokens.iter().filter_map(|token| match &token.source {
            TokenSource::File(path) => Some(path),
            _ => None,
        });
        let values = self.all_values().filter_map(|value| match value {
            ConfigValue::File(path) => Some(path),
            _ => None,
        });
        values.chain(tokens).map(String::as_str).collect()
    }

    /// Follows the references among the plugin's parameters; failures by parameter.
    ///
    /// The parameters of run steps are resolved the same way by [`ConfigValue::resolve`].
    pub fn resolve_values(
        &self,
        home: &Path,
        key: &SealingKey,
    ) -> Result<BTreeMap<String, Resolved>, BTreeMap<String, String>> {
        let (mut values, mut failures) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in &self.values {
            match value.resolve(home, key) {
                Ok(value) => drop(values.insert(name.clone(), value)),
                Err(message) => drop(failures.insert(name.clone(), message)),
            }
        }
        if failures.is_empty() { Ok(values) } else { Err(failures) }
    }
}

fn build(name: &ConnectorName, root: &Section<'_>) -> ConnectorConfig {
    if let Some(written) =
        root.text("name").filter(|text| !text.is_empty() && text != name.as_str())
    {
        root.problem("name", format!("{written:?} is not the file's name {:?}", name.as_str()));
    }
    let (guard, exports) = (root.section("guard"), root.section("export_guard"));
    ConnectorConfig {
        name: name.clone(),
        plugin: root.text("plugin").unwrap_or_default(),
        description: root.text("description"),
        tokens: tokens::tokens(name.as_str(), root),
        allow: Addresses::of(root),
        autosync: root.whole("autosync"),
        worker: worker::worker(root),
        guard: Guard { percent: guard.whole("percent"), objects: guard.whole("objects") },
        export_guard: ExportGuard {
            percent: exports.whole("percent"),
            objects: exports.whole("objects"),
            minutes: exports.whole("minutes"),
        },
        values: values(root),
        partitions: root.written_section("partitions").map(|table| table.texts("selected")),
        run: run(&root.section("run")),
        objects: mapping::objects(root),
    }
}

fn values(section: &Section<'_>) -> BTreeMap<String, ConfigValue> {
    let value = |entry: &Entry<'_>| {
        if let Some(text) = entry.text() {
            return ConfigValue::from_text(text).map_err(|message| entry.problem(message)).ok();
        }
        let whole = entry.whole().map(ConfigValue::Integer);
        let flag = || entry.flag().map(ConfigValue::Boolean);
        whole.or_else(flag).or_else(|| entry.texts().map(ConfigValue::List))
    };
    let entries = section.entries("values").into_iter();
    entries.filter_map(|entry| Some((entry.key.clone(), value(&entry)?))).collect()
}

fn run(section: &Section<'_>) -> RunProfiles {
    let (full, delta) = (section.section("full_import"), section.section("delta_import"));
    let export = section.section("export");
    RunProfiles {
        full_import: FullImport { page_size: full.whole("page_size"), values: values(&full) },
        delta_import: DeltaImport {
            enabled: delta.flag("enabled"),
            page_size: delta.whole("page_size"),
            values: values(&delta),
        },
        export: Export {
            page_size: export.whole("page_size"),
            connections: export.whole("connections"),
            seconds: export.whole("seconds"),
        },
    }
}

/// What became of one file in the folder of connectors.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The connector's name, when the file's name is one.
    pub name: Option<ConnectorName>,
    /// The file.
    pub file: PathBuf,
    /// The settings, or everything wrong with them.
    pub result: Result<ConnectorConfig, Vec<Problem>>,
    /// The SHA-256 of its text, when it could be read; sealed values are left out of it, see
    /// [`ConnectorConfig::sealed`].
    pub sha256: Option<[u8; 32]>,
}

/// Reads every connector document of a folder, in the order of their names.
///
/// A broken document hides none of its neighbors. A folder that does not exist has no connectors;
/// one that cannot be read yields its problem. Dot files, `*~` and other endings are passed over.
pub fn load_connectors(folder: &Path) -> Vec<Loaded> {
    let label = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
    let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let result = Err(vec![files::unreadable(&label, &error)]);
            return vec![Loaded { name: None, file: folder.to_owned(), result, sha256: None }];
        }
    };
    let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    files.sort();
    files.into_iter().filter_map(|file| load(&label, file)).collect()
}

/// One file; `None` when it is no connector document.
fn load(folder: &str, file: PathBuf) -> Option<Loaded> {
    let file_name = file.file_name()?.to_string_lossy().into_owned();
    let stem = file_name.strip_suffix(".toml").filter(|_| !file_name.starts_with('.'))?;
    let label = format!("{folder}/{file_name}");
    let name = stem.parse::<ConnectorName>();
    let mut sha256 = None;
    let result = match &name {
        Err(error) => {
            let message = format!("{error}, and {stem:?} is not: rename the file");
            Err(vec![Problem::of_file(&label, message)])
        }
        Ok(name) => match files::read_document(&file) {
            Ok(text) => {
                let parsed = ConnectorConfig::parse(name, &label, &text);
                let sealed = parsed.as_ref().map(ConnectorConfig::sealed).unwrap_or_default();
                let rest = sealed.iter().fold(text, |text, sealed| text.replace(sealed, "sealed:"));
                sha256 = Some(Sha256::digest(&rest).into());
                parsed
            }
            Err(error) => Err(vec![files::unreadable(&label, &error)]),
        },
    };
    Some(Loaded { name: name.ok(), file, result, sha256 })
}
