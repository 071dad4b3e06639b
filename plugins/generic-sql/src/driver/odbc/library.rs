//! The companion beside the plugin, and what to do when it, or what it needs, is not there.

use super::words::VERSION;
use crate::driver::Failure;
use ecma_plugin_sdk::{
    Error, LoadError,
    companion::{self, Opened},
    library_folder,
};
use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    path::{Path, PathBuf},
};

/// Opens the companion and begins a session with it.
pub(super) fn open() -> Result<Opened, Failure> {
    open_in(&folder()?)
}

fn open_in(folder: &Path) -> Result<Opened, Failure> {
    let name = format!("{DLL_PREFIX}generic_sql_odbc{DLL_SUFFIX}");
    let path = folder.join(&name);
    if !path.is_file() {
        let text = format!(
            "the library {name} is not beside the plugin; ODBC needs both in one folder below ECMA"
        );
        return Err(Error::config(text).into());
    }
    let words = rmp_serde::to_vec_named(&VERSION).map_err(super::bug)?;
    let opened = companion::open(&path, &words).map_err(|error| not_loaded(&name, &error))?;
    Ok(opened?)
}

/// The folder that the host loaded the plugin from; where it is linked into a program, that one's.
fn folder() -> Result<PathBuf, Failure> {
    if let Some(folder) = library_folder() {
        return Ok(folder);
    }
    let program = std::env::current_exe().map_err(super::bug)?;
    Ok(program.parent().unwrap_or(Path::new(".")).to_owned())
}

fn not_loaded(name: &str, error: &LoadError) -> Error {
    match error {
        LoadError::MissingDependency(missing) if missing.contains("odbc") => {
            Error::config(format!(
                "the ODBC driver manager is not there ({missing} is missing); install unixodbc \
                 (Debian, Ubuntu), unixODBC (RHEL, SUSE, macOS)"
            ))
        }
        error => Error::config(format!("the library {name} cannot be used: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(failure: Failure) -> String {
        Error::from(failure).message().to_owned()
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        let folder = ecma_plugin_sdk::testkit::temp_dir();
        let missing = open_in(folder.path()).err().expect("there is none");
        assert!(text(missing).contains("is not beside the plugin"));
        let manager = LoadError::MissingDependency("libodbc.so.2".to_owned());
        let said = not_loaded("x", &manager);
        assert!(said.message().contains("install unixodbc (Debian, Ubuntu)"), "{said}");
    }

    #[test]
    fn a_plugin_is_not_taken_for_the_companion() {
        let folder = ecma_plugin_sdk::testkit::temp_dir();
        let name = format!("{DLL_PREFIX}generic_sql_odbc{DLL_SUFFIX}");
        let plugin = ecma_plugin_sdk::testkit::built_library("generic-sql");
        std::fs::copy(plugin, folder.path().join(name)).expect("it can be copied");
        let failure = open_in(folder.path()).err().expect("it is a plugin");
        assert!(text(failure).contains("is not a library that a plugin opens itself"));
    }
}
