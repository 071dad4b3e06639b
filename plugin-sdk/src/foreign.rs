//! The outer side of the waist: opening a library and calling it. The host does so with plugins, a
//! plugin with its companions.
//!
//! Libraries are opened from files that nobody else writes to and are never unloaded. The file must
//! have been looked at before: opening a truncated one ends the process.

use crate::{
    Error, Pager, Plugin, Result, companion,
    log::{self, LogLine},
    plugin::{Session, Transport},
    words::{Info, Question, decode, encode},
};
use ecma_plugin_abi::{
    self as abi, HostLog, Pages, PluginModule_Ref,
    abi_stable::{
        abi_stability::abi_checking::check_layout_compatibility,
        library::{LibraryError, RootModule, RootModuleError, lib_header_from_path},
        std_types::{RSlice, RStr, RVec},
    },
};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Where the lines of all plugins go.
#[derive(Clone, Copy)]
pub struct LogTarget {
    /// Whether a line of this level (1 error … 5 trace) from this module would be written.
    pub enabled: fn(level: u8, target: &str) -> bool,
    /// Writes a line.
    pub line: fn(&LogLine),
}

static LOG: OnceLock<LogTarget> = OnceLock::new();

/// Says where the lines of plugins go; the first call counts.
pub fn set_log(target: LogTarget) {
    let _ = LOG.set(target);
}

extern "C" fn log_enabled(level: u8, target: RStr<'_>) -> bool {
    LOG.get().is_some_and(|log| (log.enabled)(level, target.as_str()))
}

extern "C" fn log_line(record: RSlice<'_, u8>) {
    if let (Some(log), Ok(line)) = (LOG.get(), decode(record.as_slice())) {
        (log.line)(&line);
    }
}

/// Why a library is not a plugin that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LoadError {
    /// The system's loader refused it; the text is the loader's.
    Open(String),
    /// A library it needs is not there.
    MissingDependency(String),
    /// It is a library, but not a plugin.
    NoSymbol,
    /// It speaks another version of the waist.
    Waist {
        /// Its version.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// It says the right version, but its waist is laid out otherwise.
    Layout,
    /// It panicked while it was being initialised.
    Panicked,
    /// It did not say who it is.
    NoInfo(String),
    /// It is a plugin, and no library that a plugin brings along.
    NoCompanion,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Open(text) => write!(f, "the system cannot load it: {text}"),
            LoadError::MissingDependency(name) => {
                write!(f, "it needs the library {name}, which is not there")
            }
            LoadError::NoSymbol => f.write_str("it is a library but not a connector plugin"),
            LoadError::Waist { found, expected } => {
                write!(f, "it is built for plugin interface {found}, this host has {expected}")
            }
            LoadError::Layout => f.write_str("its plugin interface is laid out differently"),
            LoadError::Panicked => f.write_str("it panicked while it was being initialised"),
            LoadError::NoInfo(text) => write!(f, "it does not say who it is: {text}"),
            LoadError::NoCompanion => f.write_str("it is not a library that a plugin opens itself"),
        }
    }
}

impl std::error::Error for LoadError {}

/// A loaded plugin library, for whoever carries its bytes further; others use [`Plugin::load`]. It
/// stays loaded until the process ends.
pub struct Library(PluginModule_Ref);

impl Plugin {
    /// Opens a plugin library. It stays loaded until the process ends.
    pub fn load(path: &Path) -> Result<Plugin, LoadError> {
        Plugin::load_with(path, &[])
    }

    /// Opens a plugin library and before it the libraries that it brings along, in whatever order
    /// works. One that cannot be opened is no error unless the plugin then misses a library. All of
    /// them stay loaded until the process ends.
    pub fn load_with(path: &Path, prerequisites: &[PathBuf]) -> Result<Plugin, LoadError> {
        let (info, library) = Library::open(path, prerequisites)?;
        Ok(Plugin::new(info, library))
    }
}

impl Library {
    /// Opens a plugin library as [`Plugin::load_with`] does; answers who it is as well.
    pub fn open(path: &Path, prerequisites: &[PathBuf]) -> Result<(Info, Library), LoadError> {
        let left = open_prerequisites(prerequisites);
        let module = load(path).map_err(|error| match (error, left) {
            // The plugin misses what could not be opened for want of something else.
            (LoadError::MissingDependency(_), Some(first @ LoadError::MissingDependency(_))) => {
                first
            }
            (error, _) => error,
        })?;
        let info = start(module, HostLog { enabled: log_enabled, line: log_line })?;
        if let Some(folder) = path.parent().and_then(Path::to_str) {
            // A plugin of an older SDK does not know the word, and has no use for it.
            let folder = encode(&Question::Folder(folder.to_owned()));
            drop(module.ask()(RSlice::from_slice(&folder)));
        }
        Ok((info, Library(module)))
    }
}

/// Opens a companion and begins a session with it; its lines go where those of this library go.
pub(crate) fn open_companion(
    path: &Path,
    words: &[u8],
) -> Result<Result<Box<dyn Session>>, LoadError> {
    let module = load(path)?;
    let says = module.ask()(RSlice::from_slice(&[]));
    if says.as_slice() != companion::SAYS {
        return Err(LoadError::NoCompanion);
    }
    let ours = HostLog { enabled: log_enabled, line: log_line };
    start(module, log::installed().unwrap_or(ours))?;
    Ok(Library(module).connect(words))
}

/// Opens a library and finds its module. It stays loaded until the process ends.
#[expect(unsafe_code, reason = "the waist")]
fn load(path: &Path) -> Result<PluginModule_Ref, LoadError> {
    // Whatever comes now: its constructors ran, it may have threads, it stays.
    let library = std::mem::ManuallyDrop::new(open(path)?);
    // SAFETY: the symbol's type is fixed by the waist since its first version.
    let version = unsafe {
        library
            .get::<extern "C" fn() -> u32>(abi::VERSION_SYMBOL)
            .map_err(|_| LoadError::NoSymbol)?
    }();
    if version != abi::VERSION {
        return Err(LoadError::Waist { found: version, expected: abi::VERSION });
    }
    // Never `RootModule::load_from_file`: it keeps one module per type and would hand out the
    // first plugin for the second.
    let header = lib_header_from_path(path).map_err(|error| loaded(&error))?;
    let ours = PluginModule_Ref::CONSTANTS.layout().into_option();
    let (Some(ours), Some(theirs)) = (ours, header.layout()) else {
        return Err(LoadError::Layout);
    };
    // A plugin may be older or newer than the host; abi_stable's own check allows only newer.
    if check_layout_compatibility(ours, theirs).is_err()
        && check_layout_compatibility(theirs, ours).is_err()
    {
        return Err(LoadError::Layout);
    }
    // SAFETY: one layout is a prefix of the other, just checked; fields that an older plugin
    // lacks are accessed through accessors that say so.
    unsafe { header.init_root_module_with_unchecked_layout::<PluginModule_Ref>() }
        .map_err(|error| loaded(&error))
}

fn start(module: PluginModule_Ref, log: HostLog) -> Result<Info, LoadError> {
    let info = module.start()(log);
    decode(&info).map_err(|error| LoadError::NoInfo(error.message().to_owned()))
}

/// Opens what a plugin brings along until nothing more can be opened; answers the first failure
/// that is left.
fn open_prerequisites(paths: &[PathBuf]) -> Option<LoadError> {
    let mut pending: Vec<&PathBuf> = paths.iter().collect();
    loop {
        let (before, mut first) = (pending.len(), None);
        pending.retain(|path| match open(path) {
            Ok(library) => {
                std::mem::forget(library);
                false
            }
            Err(error) => {
                first.get_or_insert(error);
                true
            }
        });
        if pending.is_empty() || pending.len() == before {
            return first;
        }
    }
}

/// Opens a library with all its symbols bound, so that one which lacks a function is refused here
/// and does not end the process in the middle of a call.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the waist")]
fn open(path: &Path) -> Result<libloading::Library, LoadError> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: running the constructors of a library is what loading a plugin means; the operator
    // put it there, and the caller has looked at the file.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    library.map(Into::into).map_err(|error| opened(&error))
}

/// Opens a library; what it needs is looked for in its own folder as well.
#[cfg(windows)]
#[expect(unsafe_code, reason = "the waist")]
fn open(path: &Path) -> Result<libloading::Library, LoadError> {
    use libloading::os::windows::{LOAD_WITH_ALTERED_SEARCH_PATH, Library};
    // SAFETY: as on Unix.
    let library = unsafe { Library::load_with_flags(path, LOAD_WITH_ALTERED_SEARCH_PATH) };
    library.map(Into::into).map_err(|error| opened(&error))
}

/// What the loader said. libloading keeps the reason in the source of its error.
fn opened(error: &libloading::Error) -> LoadError {
    let text =
        std::error::Error::source(error).map_or_else(|| error.to_string(), |e| e.to_string());
    match missing(&text) {
        Some(name) => LoadError::MissingDependency(name.to_owned()),
        None => LoadError::Open(text),
    }
}

/// The library that the loader looked for in vain.
fn missing(text: &str) -> Option<&str> {
    let between = |before, after| Some(text.split_once(before)?.1.split_once(after)?.0.trim());
    // glibc: "libdep.so: cannot open shared object file: No such file or directory".
    text.split_once(": cannot open shared object file")
        .map(|(name, _)| name)
        // musl: "Error loading shared library libdep.so: No such file or directory (needed by …)".
        .or_else(|| between("Error loading shared library ", ": "))
        // dyld: "Library not loaded: libdep.dylib\n  Referenced from: …".
        .or_else(|| between("Library not loaded: ", "\n"))
}

/// Never abi_stable's own text: for a layout it has thousands of lines.
fn loaded(error: &LibraryError) -> LoadError {
    match error {
        LibraryError::RootModule { err: RootModuleError::Unwound, .. } => LoadError::Panicked,
        LibraryError::GetSymbolError { .. } => LoadError::NoSymbol,
        LibraryError::OpenError { err, .. } => LoadError::Open(err.to_string()),
        _ => LoadError::Layout,
    }
}

impl Transport for Library {
    fn ask(&self, question: &[u8]) -> Result<Vec<u8>> {
        Ok(self.0.ask()(RSlice::from_slice(question)).into_vec())
    }

    fn connect(&self, values: &[u8]) -> Result<Box<dyn Session>> {
        let connected = self.0.connect()(RSlice::from_slice(values));
        match connected.session.into_option() {
            Some(session) => Ok(Box::new(Open(session))),
            None => Err(decode::<Error>(&connected.failure).unwrap_or_else(|error| error)),
        }
    }
}

struct Open(abi::Session);

// SAFETY: the waist says a session is used by one thread at a time, not always by the same one; the
// SDK asks `Send` of every connector.
#[expect(unsafe_code, reason = "the waist")]
unsafe impl Send for Open {}

#[expect(unsafe_code, reason = "the waist")]
impl Session for Open {
    fn call(&mut self, request: &[u8], pager: &mut dyn Pager) -> Result<Vec<u8>> {
        let mut pager: &mut dyn Pager = pager;
        let state = (&raw mut pager).cast::<()>();
        let pages = Pages { state, page: take_page, go_on };
        // SAFETY: the session is open, `&mut self` makes this the only call, and `pages` outlives it.
        let answer: RVec<u8> =
            unsafe { (self.0.call)(self.0.state, RSlice::from_slice(request), pages) };
        Ok(answer.into_vec())
    }
}

#[expect(unsafe_code, reason = "the waist")]
impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: closed once, here.
        unsafe { (self.0.close)(self.0.state) }
    }
}

#[expect(unsafe_code, reason = "the waist")]
unsafe extern "C" fn take_page(state: *mut (), page: RSlice<'_, u8>) -> bool {
    // SAFETY: `state` is the pager of the call in progress, on whose thread or under whose exclusive
    // borrow the plugin sends pages.
    let pager = unsafe { &mut *state.cast::<&mut dyn Pager>() };
    pager.page(page.as_slice())
}

#[expect(unsafe_code, reason = "the waist")]
unsafe extern "C" fn go_on(state: *mut ()) -> bool {
    // SAFETY: as above.
    let pager = unsafe { &*state.cast::<&mut dyn Pager>() };
    pager.go_on()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_library_is_found_in_what_each_loader_says() {
        for (text, name) in [
            (
                "libdep.so.1: cannot open shared object file: No such file or directory",
                Some("libdep.so.1"),
            ),
            (
                "Error loading shared library libdep.so.1: No such file or directory (needed by x)",
                Some("libdep.so.1"),
            ),
            (
                "dlopen(x, 5): Library not loaded: @rpath/dep.dylib\n  Referenced from: x",
                Some("@rpath/dep.dylib"),
            ),
            ("x: undefined symbol: y", None),
        ] {
            assert_eq!(missing(text), name);
        }
    }
}
