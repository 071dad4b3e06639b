//! Which files of the plugins folder may be plugins, and reading them with care: only what nobody
//! else may write is read, once, and those bytes are what is checked, copied and loaded.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    inspect::{self, Marker},
    refusal::Refusal,
};

/// A file and its content.
pub(super) struct Content {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// A file that may be a plugin, or a folder that may hold one.
pub(super) struct Candidate {
    /// Where it is, below the plugins folder.
    pub(super) path: PathBuf,
    is_folder: bool,
}

/// A file as it was: with the same stamp it is the same content, and trusted as much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    /// Owner and mode; number and time of change as well for what is read.
    system: Vec<i64>,
}

/// A sound plugin, not opened yet.
pub(super) struct Sound {
    pub(super) marker: Marker,
    pub(super) plugin: Content,
    /// Libraries that are opened before the plugin.
    pub(super) prerequisites: Vec<Content>,
    /// Libraries that the plugin opens itself, when it needs them.
    pub(super) companions: Vec<Content>,
}

/// The candidates of a folder, in the order of their names.
pub(super) fn candidates(folder: &Path) -> io::Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for path in listed(folder)? {
        let is_folder = path.is_dir();
        let holds = || listed(&path).is_ok_and(|inside| inside.iter().any(|p| is_shared(p)));
        if if is_folder { holds() } else { is_library(&path) } {
            candidates.push(Candidate { path, is_folder });
        }
    }
    Ok(candidates)
}

/// What a folder holds, hidden files left out, in the order of names.
fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether the name is that of a plugin on any system: one of another is refused with a reason.
fn is_library(path: &Path) -> bool {
    let known =
        |suffix: &OsStr| ["so", "dll", "dylib"].iter().any(|s| suffix.eq_ignore_ascii_case(s));
    path.extension().is_some_and(known)
}

/// Whether the name is that of a library, `libdep.so.1` included: plugins need such ones.
fn is_shared(path: &Path) -> bool {
    let versioned = |name: &str| {
        let version = name.split_once(".so.").map(|(_, version)| version);
        version.is_some_and(|v| !v.is_empty() && v.chars().all(|c| c.is_ascii_digit() || c == '.'))
    };
    is_library(path) || path.file_name().and_then(OsStr::to_str).is_some_and(versioned)
}

impl Candidate {
    /// The plugin's name by the name of the file or folder, for those that do not say it.
    pub(super) fn guess(&self) -> String {
        let name = if self.is_folder { self.path.file_name() } else { self.path.file_stem() };
        let name = name.unwrap_or_default().to_string_lossy();
        let name = if self.is_folder { &name } else { name.strip_prefix("lib").unwrap_or(&name) };
        name.replace('_', "-")
    }

    /// What [`Candidate::check`] would read, without reading it; empty when it cannot be told.
    pub(super) fn stamps(&self) -> Vec<Stamp> {
        let mut files = vec![self.path.clone()];
        if self.is_folder {
            files.extend(listed(&self.path).into_iter().flatten().filter(|path| is_shared(path)));
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let stamps = files.iter().map(|path| stamp(path, true)).chain([stamp(folder, false)]);
        stamps.collect::<Option<_>>().unwrap_or_default()
    }

    /// Reads and checks what is there; nothing of it runs.
    pub(super) fn check(&self) -> Result<Sound, Refusal> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        trusted(folder, &metadata(folder)?)?;
        if !self.is_folder {
            let plugin = read(&self.path)?;
            let marker = inspect::plugin(&inspect::library(&plugin.bytes)?)?;
            return Ok(Sound { marker, plugin, prerequisites: Vec::new(), companions: Vec::new() });
        }
        trusted(&self.path, &metadata(&self.path)?)?;
        let listed = listed(&self.path).map_err(|error| unreadable(&self.path, &error))?;
        let mut contents = Vec::new();
        for path in listed.iter().filter(|path| path.is_file() && is_shared(path)) {
            contents.push(read(path)?);
        }
        let plugin = contents.remove(self.choose(&contents)?);
        let marker = inspect::plugin(&inspect::library(&plugin.bytes)?)?;
        for content in &contents {
            inspect::library(&content.bytes).map_err(|refusal| Refusal::Prerequisite {
                file: name(&content.path),
                refusal: Box::new(refusal),
            })?;
        }
        let (companions, prerequisites) =
            contents.into_iter().partition(|content| is_companion(&content.path, &plugin.path));
        Ok(Sound { marker, plugin, prerequisites, companions })
    }

    /// Which library of the folder is the plugin: the one named like the folder, else the only one
    /// that says so, else the only one.
    fn choose(&self, contents: &[Content]) -> Result<usize, Refusal> {
        let expected = self.expected();
        if let Some(at) = contents.iter().position(|content| name(&content.path) == expected) {
            return Ok(at);
        }
        let marked = |content: &Content| {
            let marker = inspect::library(&content.bytes).map(|file| inspect::plugin(&file));
            matches!(marker, Ok(marker) if marker != Err(Refusal::NotAPlugin))
        };
        let marked: Vec<usize> = (0..contents.len()).filter(|&at| marked(&contents[at])).collect();
        match (marked.as_slice(), contents.len()) {
            ([at], _) => Ok(*at),
            ([], 1) => Ok(0),
            ([], _) => {
                // One that is cut off cannot say that it is the plugin: then this is the news.
                let broken = contents.iter().find_map(|content| {
                    let refusal = Box::new(inspect::library(&content.bytes).err()?);
                    Some(Refusal::Prerequisite { file: name(&content.path), refusal })
                });
                Err(broken.unwrap_or(Refusal::NoneOf { expected }))
            }
            (several, _) => {
                let files = several.iter().map(|&at| name(&contents[at].path)).collect();
                Err(Refusal::SeveralOf { files, expected })
            }
        }
    }

    /// The file name of the plugin, by the folder's.
    fn expected(&self) -> String {
        use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
        format!("{DLL_PREFIX}{}{DLL_SUFFIX}", name(&self.path).replace('-', "_"))
    }
}

/// Whether a library is one that the plugin opens itself: `libx_more.so` beside `libx.so`.
fn is_companion(path: &Path, plugin: &Path) -> bool {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let (Some(own), Some(plugin)) = (stem(path), stem(plugin)) else { return false };
    let more = own.strip_prefix(&plugin).and_then(|rest| rest.strip_prefix('_'));
    is_library(path) && more.is_some_and(|more| !more.is_empty())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn unreadable(path: &Path, error: &io::Error) -> Refusal {
    Refusal::Unreadable { path: path.to_owned(), error: error.to_string() }
}

/// Of a folder that others may put files into only who may do so counts.
fn stamp(path: &Path, is_read: bool) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let system = {
        use std::os::unix::fs::MetadataExt as _;
        let mut system = vec![metadata.uid().into(), metadata.mode().into()];
        if is_read {
            system.extend([metadata.ino().cast_signed(), metadata.ctime(), metadata.ctime_nsec()]);
        }
        system
    };
    #[cfg(not(unix))]
    let system = Vec::new();
    let (length, modified) = (metadata.len(), metadata.modified().ok());
    Some(Stamp {
        path: path.to_owned(),
        length: if is_read { length } else { 0 },
        modified: modified.filter(|_| is_read),
        system,
    })
}

fn metadata(path: &Path) -> Result<fs::Metadata, Refusal> {
    fs::metadata(path).map_err(|error| unreadable(path, &error))
}

/// Reads a file that nobody else may write. What is asked is asked of the open file.
fn read(path: &Path) -> Result<Content, Refusal> {
    let special = || Refusal::NotALibrary("a device, pipe or socket".to_owned());
    // Opening a pipe would wait for its other end.
    if !metadata(path)?.is_file() {
        return Err(special());
    }
    let mut file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        return Err(special());
    }
    trusted(path, &metadata)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    Ok(Content { path: path.to_owned(), bytes })
}

/// Whether only this account or root may change it.
#[cfg(unix)]
fn trusted(path: &Path, metadata: &fs::Metadata) -> Result<(), Refusal> {
    use std::os::unix::fs::MetadataExt;
    let account = rustix::process::geteuid().as_raw();
    ours(path, account, metadata.uid(), metadata.mode() & 0o7777)
}

/// Windows folders inherit their access from the installation's; nothing is asked of them here.
#[cfg(not(unix))]
fn trusted(_: &Path, _: &fs::Metadata) -> Result<(), Refusal> {
    Ok(())
}

#[cfg(unix)]
fn ours(path: &Path, account: u32, owner: u32, mode: u32) -> Result<(), Refusal> {
    if owner != 0 && owner != account {
        return Err(Refusal::ForeignOwner { path: path.to_owned(), owner });
    }
    if mode & 0o022 != 0 {
        return Err(Refusal::Writable { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_of_this_account_and_of_root_are_trusted_when_nobody_else_may_write() {
        let path = Path::new("libx.so");
        for (owner, mode) in [(0, 0o755), (1000, 0o644), (1000, 0o400)] {
            assert_eq!(ours(path, 1000, owner, mode), Ok(()));
        }
        let owner = Refusal::ForeignOwner { path: path.to_owned(), owner: 1001 };
        assert_eq!(ours(path, 1000, 1001, 0o644), Err(owner.clone()));
        assert_eq!(ours(path, 0, 1001, 0o644), Err(owner.clone()));
        assert_eq!(
            owner.to_string(),
            "libx.so belongs to user 1001, neither to the host's account nor to root"
        );
        assert!(matches!(ours(path, 1000, 0, 0o664), Err(Refusal::Writable { .. })));
    }

    #[test]
    fn a_companion_has_the_plugins_name_and_more() {
        for (name, expected) in [
            ("libx_odbc.so", true),
            ("libx_a_b.so", true),
            ("libx_.so", false),
            ("libxy.so", false),
            ("liby_odbc.so", false),
            ("libx_odbc.so.1", false),
        ] {
            assert_eq!(is_companion(Path::new(name), Path::new("a/libx.so")), expected, "{name}");
        }
    }

    #[test]
    fn names_tell_libraries_and_what_a_plugin_may_be_called() {
        for (name, plugin, shared) in [
            ("libx.so", true, true),
            ("X.DLL", true, true),
            ("libx.dylib", true, true),
            ("libx.so.1.2", false, true),
            ("libx.so.old", false, false),
            ("notes.txt", false, false),
        ] {
            assert_eq!((is_library(Path::new(name)), is_shared(Path::new(name))), (plugin, shared));
        }
        for (path, is_folder, name) in [
            ("ECMA/libgeneric_sql.so", false, "generic-sql"),
            ("ECMA/generic_sql.dll", false, "generic-sql"),
            ("ECMA/library", true, "library"),
        ] {
            assert_eq!(Candidate { path: PathBuf::from(path), is_folder }.guess(), name);
        }
    }
}
