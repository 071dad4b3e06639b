//! The catalogue of plugins: what lies in the plugins folder, sound or refused with a reason.
//!
//! Start at [`Catalog::scan`]. Each candidate goes through the same steps, and one that fails stops
//! nobody else: who may write the file (`candidate.rs`), is it a whole library for this machine and
//! does it say it is a plugin (`inspect.rs`), is its name its own, copy to a private folder by its
//! hash (`shadow.rs`), load in a process that is thrown away (`worker`). What can go wrong, and what
//! to do about it, is `refusal.rs`. [`Catalog::plugin`] then hands plugins out: the library in this
//! process, never unloaded and never a second one (`shelf.rs`), or a process of its own (`worker`).
//! Nothing here knows SCIM, spaces or bindings.
//!
//! To add a check: a variant in `refusal.rs` with its sentence and its remedy, and the place where
//! it is found out.

mod candidate;
mod inspect;
mod log;
mod refusal;
mod scan;
mod shadow;
mod shelf;
pub mod worker;

pub use log::install as install_log;
pub use refusal::Refusal;
pub use worker::Surroundings;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ecma_plugin_sdk::{Info, Plugin};

use candidate::Stamp;
use shadow::Copy;
use shelf::Shelf;
use worker::Isolated;

/// Where a plugin runs.
#[derive(Debug, Clone)]
pub enum Isolation {
    /// In this process, one for all connectors.
    InProcess,
    /// In a process of its own, one for each connector.
    Process(Surroundings),
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It was loaded to try it out, and can be used.
    Loaded(Info),
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
    /// Where it is loaded from, when it can be.
    copy: Option<Arc<Copy>>,
    /// The files as they were; none when that cannot be told.
    stamps: Vec<Stamp>,
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

/// The plugins folder as it was when it was scanned.
pub struct Catalog {
    folder: PathBuf,
    shadow: PathBuf,
    home: Option<PathBuf>,
    program: PathBuf,
    shelf: Arc<Shelf>,
    found: Vec<Found>,
}

impl Catalog {
    /// Checks what lies in the plugins folder. Plugins are loaded from copies in the shadow folder,
    /// which is made when it is not there. Files are named as seen from `home`. `program` is what is
    /// started as a worker, see [`worker::program`].
    #[must_use]
    pub fn scan(folder: &Path, shadow: &Path, home: Option<&Path>, program: &Path) -> Catalog {
        let empty = Catalog {
            folder: folder.to_owned(),
            shadow: shadow.to_owned(),
            home: home.map(Path::to_owned),
            program: program.to_owned(),
            shelf: Arc::default(),
            found: Vec::new(),
        };
        empty.rescan()
    }

    /// The folder as it is now; files that did not change are not read again. Plugins that were
    /// handed out go on working whatever became of their files. A connector's next process takes the
    /// new file; what this process has loaded stays until its end.
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
                    copy: None,
                    stamps: Vec::new(),
                }]
            }
        };
        let catalog = Catalog {
            folder: self.folder.clone(),
            shadow: self.shadow.clone(),
            home: self.home.clone(),
            program: self.program.clone(),
            shelf: Arc::clone(&self.shelf),
            found,
        };
        for found in &catalog.found {
            if let (State::Loaded(_), Some(copy)) = (&found.state, &found.copy) {
                catalog.shelf.put(&found.name, copy);
            }
            catalog.tell(found, self);
        }
        catalog
    }

    /// All candidates, in the order of their file names.
    #[must_use]
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// The plugin of this name, or why there is none and what to do. In this process it is loaded the
    /// first time it is asked for, and is one for all; a process of its own is one for each connector,
    /// as long as its surroundings stay the same, and starts when the plugin is asked something.
    pub fn plugin(&self, name: &str, how: Isolation) -> Result<Arc<Plugin>, String> {
        if let (Isolation::InProcess, Some(plugin)) = (&how, self.shelf.loaded(name)) {
            return Ok(plugin);
        }
        let sound = |found: &&Found| found.name == name && found.loaded().is_some();
        let Some(Found { file, sha256: Some(hash), state: State::Loaded(info), .. }) =
            self.found.iter().find(sound)
        else {
            return Err(self.why_not(name));
        };
        match (how, self.shelf.newest(name)) {
            (Isolation::Process(surroundings), Some(newest)) => {
                Ok(self.shelf.isolated(name, hash, &surroundings, || {
                    let (program, around) = (self.program.clone(), surroundings.clone());
                    let isolated = Isolated::new(program, name.to_owned(), newest, around);
                    Plugin::new(info.clone(), isolated)
                }))
            }
            _ => self.shelf.load(name, hash).map_err(|refusal| self.refused(name, file, &refusal)),
        }
    }

    fn refused(&self, name: &str, file: &Path, refusal: &Refusal) -> String {
        let file = self.shown(file);
        format!("plugin {name} ({file}) was refused: {refusal}; {}", refusal.remedy())
    }

    /// The names of the plugins that can be used, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> =
            self.found.iter().filter(|f| f.loaded().is_some()).map(|f| f.name.as_str()).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The SHA-256 of the plugin of this name, when it can be used.
    #[must_use]
    pub fn hash(&self, name: &str) -> Option<&str> {
        let sound = |found: &&Found| found.name == name && found.loaded().is_some();
        self.found.iter().find(sound)?.sha256.as_deref()
    }

    /// Whether the host's own process has loaded another file of this plugin than that which is there
    /// now.
    #[must_use]
    pub fn has_loaded_another(&self, name: &str) -> bool {
        self.shelf.has_other(name, self.hash(name))
    }

    /// Why a connector does not get the plugin of this name, and what to do.
    #[must_use]
    pub fn why_not(&self, name: &str) -> String {
        let refused = self.found.iter().find_map(|found| match &found.state {
            State::Refused(refusal) if found.name == name => Some((found, refusal)),
            _ => None,
        });
        if let Some((found, refusal)) = refused {
            return self.refused(name, &found.file, refusal);
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
                State::Loaded(_) if self.shelf.has_other(&found.name, found.sha256.as_deref()) => (
                    "loaded; the file has changed".to_owned(),
                    "restart the host to pick it up".to_owned(),
                ),
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
                sdk: found.loaded().map_or_else(String::new, |info| info.sdk.clone()),
                state,
                remedy,
            }
        };
        self.found.iter().map(row).collect()
    }

    /// Removes copies of plugins from the shadow folder that neither this catalogue nor a connector
    /// uses. For the one process that serves.
    pub fn sweep(&self) {
        let awaited = self.shelf.awaited();
        let folders = awaited.iter().filter_map(|copy| copy.plugin.parent()?.file_name()?.to_str());
        let keep: Vec<&str> =
            self.found.iter().filter_map(|f| f.sha256.as_deref()).chain(folders).collect();
        shadow::sweep(&self.shadow, &keep);
    }

    /// A path as seen from the host's home.
    fn shown(&self, path: &Path) -> String {
        let home = self.home.as_deref().unwrap_or(Path::new(""));
        let seen = path.strip_prefix(home).unwrap_or(path);
        seen.display().to_string()
    }
}

impl Found {
    /// Who the plugin is, when it can be used.
    #[must_use]
    pub fn loaded(&self) -> Option<&Info> {
        match &self.state {
            State::Loaded(info) => Some(info),
            _ => None,
        }
    }
}
