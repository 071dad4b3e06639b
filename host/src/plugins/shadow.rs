//! The private folder from which plugins are loaded: one folder per content, named by its hash. A
//! library that is loaded is never written again, so the file it came from can be replaced.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::config;

use super::{candidate::Sound, refusal::Refusal};

/// A plugin's files where nobody else writes.
pub(super) struct Copy {
    pub(super) plugin: PathBuf,
    pub(super) prerequisites: Vec<PathBuf>,
}

/// The hash of a file's bytes, in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of all that belongs to a plugin: of its file, and of what it brings along.
pub(super) fn content_hash(sound: &Sound) -> String {
    let own = sha256(&sound.plugin.bytes);
    if sound.prerequisites.is_empty() && sound.companions.is_empty() {
        return own;
    }
    let mut all = own;
    for content in sound.prerequisites.iter().chain(&sound.companions) {
        let name = content.path.file_name().unwrap_or_default().to_string_lossy();
        all.push_str(&format!("\n{} {name}", sha256(&content.bytes)));
    }
    sha256(all.as_bytes())
}

/// Copies a plugin, as it was read, to the folder of its content; what is there already stays.
pub(super) fn copy(shadow: &Path, hash: &str, sound: &Sound) -> Result<Copy, Refusal> {
    let folder = shadow.join(hash);
    for path in [shadow, &folder] {
        config::private_folder(path).map_err(|error| refused(path, &error))?;
        private(path)?;
    }
    // The loader takes a relative path for one that it looks for elsewhere.
    let folder = fs::canonicalize(&folder).map_err(|error| refused(&folder, &error))?;
    let place = |path: &Path, bytes: &[u8]| {
        let target = folder.join(path.file_name().unwrap_or_default());
        if !fs::read(&target).is_ok_and(|there| there == bytes) {
            let written = config::write_atomic(&target, bytes, Some(0o500));
            written.map_err(|error| refused(&target, &error))?;
        }
        Ok::<PathBuf, Refusal>(target)
    };
    let mut prerequisites = Vec::new();
    for content in &sound.prerequisites {
        prerequisites.push(place(&content.path, &content.bytes)?);
    }
    for content in &sound.companions {
        place(&content.path, &content.bytes)?;
    }
    Ok(Copy { plugin: place(&sound.plugin.path, &sound.plugin.bytes)?, prerequisites })
}

/// Removes the folders of contents that are not among these. What another process still has open
/// goes on working; on Windows it stays where it is.
pub(super) fn sweep(shadow: &Path, keep: &[&str]) {
    let Ok(entries) = fs::read_dir(shadow) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_hash = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash && !keep.contains(&name.as_str()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn refused(path: &Path, error: &io::Error) -> Refusal {
    Refusal::Shadow { path: path.to_owned(), error: error.to_string() }
}

/// Whether only this account may look into a folder.
#[cfg(unix)]
fn private(path: &Path) -> Result<(), Refusal> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(|error| refused(path, &error))?;
    let problem = if metadata.uid() != rustix::process::geteuid().as_raw() {
        format!("it belongs to user {}", metadata.uid())
    } else if metadata.mode() & 0o077 != 0 {
        format!("others may use it (mode {:04o})", metadata.mode() & 0o7777)
    } else {
        return Ok(());
    };
    Err(Refusal::Shadow { path: path.to_owned(), error: problem })
}

#[cfg(not(unix))]
fn private(_: &Path) -> Result<(), Refusal> {
    Ok(())
}
