//! Why a file in the plugins folder is not used: a sentence of what is wrong, one of what to do.

use std::{fmt, path::PathBuf};

use crate::config::quoted;
use ecma_plugin_sdk::LoadError;

/// Why a file is not used as a plugin. Its text says what is wrong, [`Refusal::remedy`] what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The file or folder cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's word.
        error: String,
    },
    /// It belongs to somebody who is neither this account nor root.
    ForeignOwner {
        /// The file or its folder.
        path: PathBuf,
        /// The user id of the owner.
        owner: u32,
    },
    /// Its group or everybody may write to it.
    Writable {
        /// The file or its folder.
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// It has no content.
    Empty,
    /// It is something else; what.
    NotALibrary(String),
    /// Its end is missing, or its tables point outside of it.
    Incomplete {
        /// How long it is.
        length: u64,
        /// How long it must be at least, when it says so.
        needed: Option<u64>,
    },
    /// It is a library of another operating system.
    WrongFormat {
        /// What it is.
        found: &'static str,
        /// What this host needs.
        expected: &'static str,
    },
    /// It is made for other processors.
    WrongArchitecture {
        /// For which.
        found: String,
        /// For which this host is made.
        expected: String,
    },
    /// It is a library, but not a plugin.
    NotAPlugin,
    /// What it says of itself is not understood.
    Marker(String),
    /// Its panics end the process.
    PanicAborts,
    /// It speaks another version of the plugin interface.
    Interface {
        /// Its version.
        found: u32,
        /// The host's.
        expected: u32,
    },
    /// Its name is not one.
    BadName(String),
    /// A library in the same folder is not sound.
    Prerequisite {
        /// The library's file name.
        file: String,
        /// What is wrong with it.
        refusal: Box<Refusal>,
    },
    /// None of the libraries of the folder is a plugin.
    NoneOf {
        /// The file name of the one that would be.
        expected: String,
    },
    /// Several libraries of the folder are plugins.
    SeveralOf {
        /// Their file names.
        files: Vec<String>,
        /// The file name that would decide.
        expected: String,
    },
    /// Another file is a plugin of the same name with other content.
    Duplicate {
        /// The name.
        name: String,
        /// The other file.
        other: PathBuf,
    },
    /// It cannot be copied to the folder from which plugins are loaded.
    Shadow {
        /// The path that failed.
        path: PathBuf,
        /// The system's word, or what is wrong with the folder.
        error: String,
    },
    /// It was opened and is not usable.
    Load(LoadError),
    /// The process in which it was opened ended; how.
    Ended(String),
    /// It did not say who it is; after so many seconds it was ended.
    Silent(u64),
    /// There is no process to open it in; the system's word.
    NoProcess(String),
    /// It gives itself another name than the file does.
    OtherName {
        /// The name in the file.
        marker: String,
        /// The name it answered.
        answered: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unreadable { path, error } => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            Refusal::ForeignOwner { path, owner } => write!(
                f,
                "{} belongs to user {owner}, neither to the host's account nor to root",
                path.display()
            ),
            Refusal::Writable { path, mode } => {
                let who = if mode & 0o002 == 0 { "its group" } else { "everybody" };
                write!(f, "{} may be written by {who} (mode {mode:04o})", path.display())
            }
            Refusal::Empty => f.write_str("the file is empty"),
            Refusal::NotALibrary(found) => write!(f, "the file is {found}, not a library"),
            Refusal::Incomplete { length, needed: Some(needed) } => {
                write!(f, "the library is incomplete: {length} bytes of at least {needed}")
            }
            Refusal::Incomplete { length, needed: None } => {
                write!(
                    f,
                    "the library is incomplete or damaged: its tables do not fit {length} bytes"
                )
            }
            Refusal::WrongFormat { found, expected } => {
                write!(f, "the file is a library for {found}, this host runs on {expected}")
            }
            Refusal::WrongArchitecture { found, expected } => {
                write!(f, "the library is built for {found} processors, this host for {expected}")
            }
            Refusal::NotAPlugin => f.write_str("it is a library but not a connector plugin"),
            Refusal::Marker(what) => write!(f, "what the plugin says of itself is damaged: {what}"),
            Refusal::PanicAborts => {
                f.write_str("the plugin is built so that a panic in it would end the host")
            }
            Refusal::Interface { found, expected } => {
                let age = if found > expected { "newer" } else { "older" };
                write!(
                    f,
                    "the plugin is built for the {age} plugin interface {found}, this host has \
                     {expected}"
                )
            }
            Refusal::BadName(name) => write!(
                f,
                "the plugin's name \"{}\" is not made of a-z, 0-9 and hyphens",
                name.escape_default()
            ),
            Refusal::Prerequisite { file, refusal } => {
                write!(f, "{file}, which the plugin brings along, is not sound: {refusal}")
            }
            Refusal::NoneOf { .. } => {
                f.write_str("none of the libraries in the folder is a connector plugin")
            }
            Refusal::SeveralOf { files, .. } => {
                write!(f, "several libraries in the folder are plugins: {}", files.join(", "))
            }
            Refusal::Duplicate { name, other } => {
                write!(f, "{} is a plugin named {name} too, with other content", other.display())
            }
            Refusal::Shadow { path, error } => {
                write!(f, "plugins cannot be loaded from {}: {error}", path.display())
            }
            Refusal::Load(error) => write!(f, "{error}"),
            Refusal::Ended(how) => write!(f, "{how}, while it was loaded"),
            Refusal::Silent(seconds) => {
                write!(f, "it did not say who it is within {seconds} seconds after it was loaded")
            }
            Refusal::NoProcess(error) => {
                write!(f, "there is no process to load it in: {error}")
            }
            Refusal::OtherName { marker, answered } => {
                write!(f, "the file says it is the plugin {marker}, the plugin says {answered}")
            }
        }
    }
}

impl Refusal {
    /// Whether only another file can change it. What depends on other files, on the system or on how
    /// busy it is may be another thing the next time.
    pub(super) fn is_of_the_file(&self) -> bool {
        match self {
            Refusal::Unreadable { .. }
            | Refusal::ForeignOwner { .. }
            | Refusal::Writable { .. }
            | Refusal::Duplicate { .. }
            | Refusal::Shadow { .. }
            | Refusal::NoProcess(_)
            | Refusal::Load(LoadError::MissingDependency(_) | LoadError::Open(_)) => false,
            Refusal::Prerequisite { refusal, .. } => refusal.is_of_the_file(),
            _ => true,
        }
    }

    /// The same in a process that may take only so many megabytes; 0: any. Where the loader got no memory,
    /// the limit is named with it.
    pub(super) fn under_limit(self, memory_mb: u32) -> Refusal {
        match self {
            Refusal::Load(LoadError::Open(text)) if got_no_memory(&text) => {
                let why = want_of_memory(memory_mb);
                Refusal::Load(LoadError::Open(format!("{text}{why}")))
            }
            other => other,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Refusal::Unreadable { path, .. } => {
                format!("make {} readable for the host's account", path.display())
            }
            Refusal::ForeignOwner { path, .. } => {
                format!("check where it comes from, then run `chown root {}`", quoted(path))
            }
            Refusal::Writable { path, .. } => {
                format!("check that nobody changed it, then run `chmod go-w {}`", quoted(path))
            }
            Refusal::Empty | Refusal::Incomplete { .. } => {
                "copy the file again, completely, and compare its checksum with the vendor's"
                    .to_owned()
            }
            Refusal::NotALibrary(_) => {
                "remove the file, or put the plugin's library in its place".to_owned()
            }
            Refusal::WrongFormat { expected, .. } => {
                format!("get the plugin built for {expected}")
            }
            Refusal::WrongArchitecture { expected, .. } => {
                format!("get the plugin built for {expected}")
            }
            Refusal::NotAPlugin => {
                "remove the file; a library that a plugin needs goes into one folder with it"
                    .to_owned()
            }
            Refusal::Marker(_) => "copy the file again, or get a sound build of it".to_owned(),
            Refusal::PanicAborts => {
                "have the plugin built with `panic = \"unwind\"` in its Cargo profile".to_owned()
            }
            Refusal::Interface { found, expected }
            | Refusal::Load(LoadError::Waist { found, expected }) => {
                let which = if found > expected { "host" } else { "plugin" };
                format!("update the {which}")
            }
            Refusal::BadName(_) => {
                "have the plugin's package renamed, for example to generic-sql".to_owned()
            }
            Refusal::Prerequisite { file, refusal } => format!("{file}: {}", refusal.remedy()),
            Refusal::NoneOf { expected } => {
                format!("put the plugin into the folder; by the folder's name it is {expected}")
            }
            Refusal::SeveralOf { expected, .. } => format!(
                "give each plugin a folder of its own, or rename the one that is meant to {expected}"
            ),
            Refusal::Duplicate { .. } => "remove the one that is not wanted".to_owned(),
            Refusal::Shadow { path, .. } => format!(
                "make {} a folder of the host's account with mode 0700 and space left, or remove it: \
                 the host makes it anew",
                path.display()
            ),
            Refusal::Load(error) => load_remedy(error),
            Refusal::Ended(_) => {
                "look for the plugin's own message in the log and ask its vendor".to_owned()
            }
            Refusal::Silent(_) => {
                "ask the plugin's vendor what it waits for while it is loaded".to_owned()
            }
            Refusal::NoProcess(_) => {
                "let the host's account start more processes, then look for plugins again"
                    .to_owned()
            }
            Refusal::OtherName { .. } => "get a sound build of the plugin".to_owned(),
        }
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Refusal {
        match error {
            LoadError::NoSymbol => Refusal::NotAPlugin,
            LoadError::Waist { found, expected } => Refusal::Interface { found, expected },
            error => Refusal::Load(error),
        }
    }
}

fn load_remedy(error: &LoadError) -> String {
    match error {
        LoadError::MissingDependency(name) => format!(
            "install the system package that has {name}, or put the plugin and {name} together into \
             one folder below the plugins folder"
        ),
        LoadError::Open(text) if text.contains("GLIBC") => {
            "get the plugin built for an older system, or update this one".to_owned()
        }
        LoadError::Open(text) if text.contains("failed to map") => {
            "let the host's state folder be on a file system that is not mounted noexec".to_owned()
        }
        LoadError::Layout => {
            "have the plugin built again with the SDK of this host's release".to_owned()
        }
        LoadError::Panicked => {
            "look for the plugin's own message in the log and ask its vendor".to_owned()
        }
        _ => "get a sound build of the plugin from its vendor".to_owned(),
    }
}

/// Whether the loader's words may mean that.
fn got_no_memory(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["failed to map", "cannot allocate", "out of memory"].iter().any(|words| text.contains(words))
}

/// What a limit of memory may have to do with a failure, as the end of its sentence.
pub(super) fn want_of_memory(memory_mb: u32) -> String {
    match memory_mb {
        0 => String::new(),
        _ => {
            format!(", perhaps for want of memory: it may take {memory_mb} MB ([worker] memory_mb)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_of_an_interface_is_told_what_to_update() {
        let newer = Refusal::Interface { found: 2, expected: 1 };
        assert!(newer.to_string().contains("newer plugin interface 2, this host has 1"));
        assert_eq!(newer.remedy(), "update the host");
        assert_eq!(Refusal::Interface { found: 1, expected: 2 }.remedy(), "update the plugin");
        let lying = Refusal::Load(LoadError::Waist { found: 2, expected: 1 });
        assert_eq!(lying.remedy(), "update the host");
    }

    #[test]
    fn what_gets_no_memory_under_a_limit_names_the_limit() {
        let failed = || Refusal::Load(LoadError::Open("x.so: failed to map segment".to_owned()));
        assert_eq!(failed().under_limit(0), failed());
        let limited = failed().under_limit(40);
        assert!(
            limited.to_string().contains("it may take 40 MB ([worker] memory_mb)"),
            "{limited}"
        );
        let symbol = || Refusal::Load(LoadError::Open("x.so: undefined symbol: y".to_owned()));
        assert_eq!(symbol().under_limit(40), symbol(), "that has nothing to do with memory");
        assert_eq!(Refusal::NotAPlugin.under_limit(40), Refusal::NotAPlugin);
    }

    #[test]
    fn a_command_can_be_pasted_whatever_the_path_is() {
        let path = PathBuf::from("/srv/it's here/libx.so");
        let writable = Refusal::Writable { path, mode: 0o666 };
        assert!(writable.to_string().contains("may be written by everybody (mode 0666)"));
        assert!(writable.remedy().ends_with(r"`chmod go-w '/srv/it'\''s here/libx.so'`"));
    }
}
