//! For tests: the contract every connector keeps, a connected system in memory, places for files.

mod contract;
mod fake;

pub use crate::plugin::linked;
pub use contract::{Contract, import};
pub use fake::{Fake, Fault, System};
pub use tempfile::TempDir;

use std::path::PathBuf;

/// A new folder that is removed with all it holds when the value is dropped.
#[must_use]
pub fn temp_dir() -> TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

/// The library of a plugin crate, as `cargo test` has just built it.
///
/// # Panics
/// When there is none: the crate must be the one under test or among its dependencies, and have
/// `crate-type = ["cdylib", "rlib"]`.
#[must_use]
pub fn built_library(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    // The copy that cargo leaves one folder higher may be older than this test.
    let file = format!(
        "{}{}{}",
        std::env::consts::DLL_PREFIX,
        name.replace('-', "_"),
        std::env::consts::DLL_SUFFIX
    );
    let near = test
        .ancestors()
        .skip(1)
        .take(4)
        .flat_map(|folder| [folder.join(&file), folder.join("deps").join(&file)]);
    let found: Vec<PathBuf> = near.filter(|path| path.is_file()).collect();
    found
        .iter()
        .find(|path| path.parent().is_some_and(|folder| folder.ends_with("deps")))
        .or(found.first())
        .unwrap_or_else(|| panic!("no {file} near {}", test.display()))
        .clone()
}
