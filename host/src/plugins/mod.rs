//! The catalogue of plugins: what lies in the plugins folder, loaded or refused with a reason.
//!
//! Start at [`Catalog::scan`]. Each candidate goes through the same steps, and one that fails stops
//! nobody else: who may write the file (`candidate.rs`), is it a whole library for this machine and
//! does it say it is a plugin (`inspect.rs`), is its name its own, copy to a private folder by its
//! hash (`shadow.rs`), open (the SDK's `foreign`). What can go wrong, and what to do about it, is
//! `refusal.rs`. Nothing here knows SCIM, spaces or bindings; libraries are never unloaded.
//!
//! To add a check: a variant in `refusal.rs` with its sentence and its remedy, and the place where
//! it is found out.

mod candidate;
mod inspect;
mod log;
mod refusal;
mod shadow;

pub use log::install as install_log;
pub use refusal::Refusal;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ecma_plugin_sdk::{LoadError, Plugin};

use candidate::{Candidate, Sound};

/// What became of a candidate.
#[derive(Clone)]
pub enum State {
    /// It can be used.
    Loaded(Arc<Plugin>),
    /// The same plugin, byte for byte, as this file, which is used.
    SameAs(PathBuf),
    /// It cannot be used.
    Refused(Refusal),
}

/// A candidate in the plugins folder.
#[derive(Clone)]
pub struct Found {
    /// The file, or the folder of a plugin that brings libraries along.
    pub file: PathBuf,
    /// The plugin's name; by the file's name when it does not say it.
    pub name: String,
    /// The plugin's version, when it says it.
    pub version: Option<String>,
    /// The SHA-256 of its content, when that is sound. A plugin with other content is another one,
    /// so a connector whose plugin's hash changed can be opened anew.
    pub sha256: Option<String>,
    /// What became of it.
    pub state: State,
}

/// One line of `ecma-host plugins list`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// The file, as seen from the host's home where it lies there.
    pub file: String,
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version, or empty.
    pub version: String,
    /// The version of the SDK it was built with, or empty.
    pub sdk: String,
    /// `loaded`, `not used: …` or `refused: …`.
    pub state: String,
    /// What to do, or empty.
    pub remedy: String,
}

/// Another sound plugin of the same name.
struct Twin {
    earlier: bool,
    file: PathBuf,
    hash: String,
}

/// The plugins folder as it was when it was scanned.
pub struct Catalog {
    folder: PathBuf,
    shadow: PathBuf,
    home: Option<PathBuf>,
    found: Vec<Found>,
}

impl Catalog {
    /// Checks and loads what lies in the plugins folder. Plugins are loaded from copies in the
    /// shadow folder, which is made when it is not there. Files are named as seen from `home`.
    #[must_use]
    pub fn scan(folder: &Path, shadow: &Path, home: Option<&Path>) -> Catalog {
        let empty = Catalog {
            folder: folder.to_owned(),
            shadow: shadow.to_owned(),
            home: home.map(Path::to_owned),
            found: Vec::new(),
        };
        empty.rescan()
    }

    /// The folder as it is now. A plugin whose content is the same stays the same `Plugin`; the
    /// plugins of this catalogue go on working whatever became of their files.
    #[must_use]
    pub fn rescan(&self) -> Catalog {
        let found = match candidate::candidates(&self.folder) {
            Ok(candidates) => self.find(&candidates),
            Err(error) => {
                let refusal =
                    Refusal::Unreadable { path: self.folder.clone(), error: error.to_string() };
                vec![Found {
                    file: self.folder.clone(),
                    name: String::new(),
                    version: None,
                    sha256: None,
                    state: State::Refused(refusal),
                }]
            }
        };
        let catalog = Catalog {
            folder: self.folder.clone(),
            shadow: self.shadow.clone(),
            home: self.home.clone(),
            found,
        };
        for found in &catalog.found {
            catalog.tell(found, self);
        }
        catalog
    }

    /// All candidates, in the order of their file names.
    #[must_use]
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// The plugin of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.found.iter().find(|found| found.name == name && found.loaded().is_some())?.loaded()
    }

    /// The names of the plugins that can be used, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> =
            self.found.iter().filter(|f| f.loaded().is_some()).map(|f| f.name.as_str()).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Why a connector does not get the plugin of this name, and what to do.
    #[must_use]
    pub fn why_not(&self, name: &str) -> String {
        let refused = self.found.iter().find_map(|found| match &found.state {
            State::Refused(refusal) if found.name == name => Some((found, refusal)),
            _ => None,
        });
        if let Some((found, refusal)) = refused {
            let file = self.shown(&found.file);
            return format!("plugin {name} ({file}) was refused: {refusal}; {}", refusal.remedy());
        }
        let folder = self.shown(&self.folder);
        if let [Found { file, state: State::Refused(refusal), .. }] = self.found.as_slice()
            && *file == self.folder
        {
            return format!("there is no plugin {name}: {refusal}; {}", refusal.remedy());
        }
        let near = self
            .names()
            .map(|known| (strsim::osa_distance(name, known), known))
            .filter(|(distance, known)| *distance <= known.len().max(name.len()).div_ceil(3))
            .min();
        match (near, self.names().next()) {
            (Some((_, known)), _) => {
                format!("there is no plugin {name} in {folder}, did you mean {known}?")
            }
            (None, Some(_)) => {
                let known: Vec<&str> = self.names().collect();
                format!("there is no plugin {name} in {folder}; it has {}", known.join(", "))
            }
            (None, None) => format!("there is no plugin {name} in {folder}; put its library there"),
        }
    }

    /// What `ecma-host plugins list` shows.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let row = |found: &Found| {
            let (state, remedy) = match &found.state {
                State::Loaded(_) => ("loaded".to_owned(), String::new()),
                State::SameAs(other) => (
                    format!("not used: the same plugin as {}", self.shown(other)),
                    "remove one of them".to_owned(),
                ),
                State::Refused(refusal) => (format!("refused: {refusal}"), refusal.remedy()),
            };
            Row {
                file: self.shown(&found.file),
                plugin: found.name.clone(),
                version: found.version.clone().unwrap_or_default(),
                sdk: found.loaded().map_or_else(String::new, |p| p.info().sdk.clone()),
                state,
                remedy,
            }
        };
        self.found.iter().map(row).collect()
    }

    /// Removes copies of plugins from the shadow folder that this catalogue does not use. For the
    /// one process that serves, once after its start.
    pub fn sweep(&self) {
        let keep: Vec<&str> = self.found.iter().filter_map(|f| f.sha256.as_deref()).collect();
        shadow::sweep(&self.shadow, &keep);
    }

    fn find(&self, candidates: &[Candidate]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut sound = Vec::new();
        for candidate in candidates {
            match candidate.check() {
                Ok(checked) => sound.push((candidate, shadow::content_hash(&checked), checked)),
                Err(refusal) => found.push(Found {
                    file: candidate.path.clone(),
                    name: candidate.guess(),
                    version: None,
                    sha256: None,
                    state: State::Refused(refusal),
                }),
            }
        }
        for (at, (candidate, hash, checked)) in sound.iter().enumerate() {
            let name = &checked.marker.name;
            let twin = |(other, (file, hash, checked)): (usize, &(&Candidate, String, Sound))| {
                let is_twin = other != at && checked.marker.name == *name;
                is_twin.then(|| Twin {
                    earlier: other < at,
                    file: file.path.clone(),
                    hash: hash.clone(),
                })
            };
            let twins: Vec<Twin> = sound.iter().enumerate().filter_map(twin).collect();
            found.push(Found {
                file: candidate.path.clone(),
                name: name.clone(),
                version: Some(checked.marker.version.clone()),
                sha256: Some(hash.clone()),
                state: self.admit(hash, checked, &twins),
            });
        }
        found.sort_by(|one, other| one.file.cmp(&other.file));
        found
    }

    /// Decides about a sound plugin, given the others of its name.
    fn admit(&self, hash: &str, sound: &Sound, twins: &[Twin]) -> State {
        let name = &sound.marker.name;
        // Which one is meant only the operator knows; guessing might write with the wrong one.
        if let Some(other) = twins.iter().find(|twin| twin.hash != hash) {
            let (name, other) = (name.clone(), PathBuf::from(self.shown(&other.file)));
            return State::Refused(Refusal::Duplicate { name, other });
        }
        if let Some(first) = twins.iter().find(|twin| twin.earlier) {
            return State::SameAs(first.file.clone());
        }
        let known = self.found.iter().find(|found| found.sha256.as_deref() == Some(hash));
        if let Some(plugin) = known.and_then(Found::loaded) {
            return State::Loaded(plugin.clone());
        }
        match self.load(hash, sound) {
            Ok(plugin) => State::Loaded(Arc::new(plugin)),
            Err(refusal) => State::Refused(refusal),
        }
    }

    fn load(&self, hash: &str, sound: &Sound) -> Result<Plugin, Refusal> {
        let copy = shadow::copy(&self.shadow, hash, sound)?;
        let plugin =
            Plugin::load_with(&copy.plugin, &copy.prerequisites).map_err(|error| match error {
                LoadError::NoSymbol => Refusal::NotAPlugin,
                LoadError::Waist { found, expected } => Refusal::Interface { found, expected },
                error => Refusal::Load(error),
            })?;
        let (marker, answered) = (&sound.marker.name, &plugin.info().name);
        if marker != answered {
            let (marker, answered) = (marker.clone(), answered.clone());
            return Err(Refusal::OtherName { marker, answered });
        }
        Ok(plugin)
    }

    /// One line in the log for each candidate; none for what is as it was.
    fn tell(&self, found: &Found, before: &Catalog) {
        let file = self.shown(&found.file);
        let known = before.found.iter().find(|known| known.file == found.file);
        match &found.state {
            State::Loaded(plugin) => {
                let same = |known: &Found| known.loaded().is_some_and(|p| Arc::ptr_eq(p, plugin));
                if known.is_some_and(same) {
                    return;
                }
                let (name, version) = (&plugin.info().name, &plugin.info().version);
                tracing::info!(plugin = name, version, file, "Plugin loaded");
            }
            State::SameAs(other) => {
                let same_as = self.shown(other);
                tracing::info!(plugin = found.name, file, same_as, "Plugin is there twice");
            }
            State::Refused(refusal) => {
                let (reason, remedy) = (refusal.to_string(), refusal.remedy());
                tracing::error!(plugin = found.name, file, reason, remedy, "Plugin refused");
            }
        }
    }

    /// A path as seen from the host's home.
    fn shown(&self, path: &Path) -> String {
        let home = self.home.as_deref().unwrap_or(Path::new(""));
        let seen = path.strip_prefix(home).unwrap_or(path);
        seen.display().to_string()
    }
}

impl Found {
    /// The plugin, when it can be used.
    #[must_use]
    pub fn loaded(&self) -> Option<&Arc<Plugin>> {
        match &self.state {
            State::Loaded(plugin) => Some(plugin),
            _ => None,
        }
    }
}
