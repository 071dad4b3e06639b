//! A look at the plugins folder: which candidates are sound, which of them are used, which were known.

use std::{path::PathBuf, sync::Arc};

use ecma_plugin_sdk::Info;

use super::{
    Catalog, Found, State,
    candidate::{Candidate, Sound, Stamp},
    inspect,
    refusal::Refusal,
    shadow::{self, Copy},
    worker,
};

/// A candidate that looks sound.
struct Looked<'a> {
    candidate: &'a Candidate,
    stamps: Vec<Stamp>,
    name: String,
    version: String,
    hash: String,
    /// What was read; nothing when the files are those of the catalogue before.
    sound: Option<Sound>,
}

/// Another sound plugin of the same name.
struct Twin {
    earlier: bool,
    file: PathBuf,
    hash: String,
}

impl Catalog {
    pub(super) fn find(&self, candidates: &[Candidate]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut all = Vec::new();
        for candidate in candidates {
            let stamps = candidate.stamps();
            let same = |known: &&Found| {
                known.file == candidate.path && !stamps.is_empty() && known.stamps == stamps
            };
            match self.found.iter().find(same) {
                Some(known) if known.stays_refused() => found.push(known.clone()),
                Some(Found {
                    name,
                    version: Some(version),
                    sha256: Some(hash),
                    copy: Some(_),
                    ..
                }) => {
                    let (name, version, hash) = (name.clone(), version.clone(), hash.clone());
                    all.push(Looked { candidate, stamps, name, version, hash, sound: None });
                }
                _ => match candidate.check() {
                    Ok(sound) => {
                        let hash = shadow::content_hash(&sound);
                        let inspect::Marker { name, version } = sound.marker.clone();
                        let sound = Some(sound);
                        all.push(Looked { candidate, stamps, name, version, hash, sound });
                    }
                    Err(refusal) => found.push(Found {
                        file: candidate.path.clone(),
                        name: candidate.guess(),
                        version: None,
                        sha256: None,
                        state: State::Refused(refusal),
                        copy: None,
                        stamps,
                    }),
                },
            }
        }
        for (at, looked) in all.iter().enumerate() {
            let twin = |(other, twin): (usize, &Looked<'_>)| {
                (other != at && twin.name == looked.name).then(|| Twin {
                    earlier: other < at,
                    file: twin.candidate.path.clone(),
                    hash: twin.hash.clone(),
                })
            };
            let twins: Vec<Twin> = all.iter().enumerate().filter_map(twin).collect();
            let (state, copy) = match self.admit(looked, &twins) {
                Ok((info, copy)) => (State::Loaded(info), Some(copy)),
                Err(state) => (state, None),
            };
            found.push(Found {
                file: looked.candidate.path.clone(),
                name: looked.name.clone(),
                version: Some(looked.version.clone()),
                sha256: Some(looked.hash.clone()),
                state,
                copy,
                stamps: looked.stamps.clone(),
            });
        }
        found.sort_by(|one, other| one.file.cmp(&other.file));
        found
    }

    /// Decides about a sound plugin, given the others of its name.
    fn admit(&self, looked: &Looked<'_>, twins: &[Twin]) -> Result<(Info, Arc<Copy>), State> {
        // Which one is meant only the operator knows; guessing might write with the wrong one.
        if let Some(other) = twins.iter().find(|twin| twin.hash != looked.hash) {
            let (name, other) = (looked.name.clone(), PathBuf::from(self.shown(&other.file)));
            return Err(State::Refused(Refusal::Duplicate { name, other }));
        }
        if let Some(first) = twins.iter().find(|twin| twin.earlier) {
            return Err(State::SameAs(first.file.clone()));
        }
        for known in self.found.iter().filter(|f| f.sha256.as_deref() == Some(&looked.hash)) {
            if let (State::Loaded(info), Some(copy)) = (&known.state, &known.copy) {
                return Ok((info.clone(), Arc::clone(copy)));
            }
        }
        self.try_out(looked).map_err(State::Refused)
    }

    /// Loads a plugin where it can do no harm: a library that ends its process while it is loaded, or
    /// hangs, is refused like any other.
    fn try_out(&self, looked: &Looked<'_>) -> Result<(Info, Arc<Copy>), Refusal> {
        let sound = match &looked.sound {
            Some(sound) => sound,
            // Only read again when a twin of it has gone.
            None => &looked.candidate.check()?,
        };
        let copy = shadow::copy(&self.shadow, &looked.hash, sound)?;
        let info = worker::try_out(&self.program, &looked.name, &copy)?;
        if looked.name != info.name {
            let (marker, answered) = (looked.name.clone(), info.name);
            return Err(Refusal::OtherName { marker, answered });
        }
        Ok((info, Arc::new(copy)))
    }

    /// One line in the log for each candidate; none for what is as it was.
    pub(super) fn tell(&self, found: &Found, before: &Catalog) {
        let file = self.shown(&found.file);
        let same = |known: &&Found| known.file == found.file && known.sha256 == found.sha256;
        if before.found.iter().find(same).is_some_and(|known| known.state == found.state) {
            return;
        }
        match &found.state {
            State::Loaded(Info { name, version, .. }) => {
                tracing::info!(plugin = name, version, file, "Plugin loaded");
                if self.shelf.has_other(name, found.sha256.as_deref()) {
                    tracing::warn!(
                        plugin = name,
                        file,
                        "The plugin's file has changed; connectors that \
                        run in the host's process get it after a restart"
                    );
                }
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
}

impl Found {
    /// Whether the same files are refused again.
    fn stays_refused(&self) -> bool {
        matches!(&self.state, State::Refused(refusal) if refusal.is_of_the_file())
    }
}
