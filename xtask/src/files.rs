//! Writing files whole: a reader sees the old one or the new one, never a part.

use std::{fs, io::Write as _, path::Path};

use anyhow::Context as _;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Everybody; only the owner writes.
    All,
    /// The owner alone: it holds a secret.
    Owner,
}

/// Writes `bytes` beside `path` and renames them into place; makes the folder if it is not there.
pub(crate) fn write(path: &Path, bytes: &[u8], reader: Reader) -> anyhow::Result<()> {
    let place = || format!("cannot write {}", path.display());
    let folder = folder_of(path);
    fs::create_dir_all(folder).with_context(place)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(place)?;
    file.write_all(bytes).with_context(place)?;
    set_mode(file.as_file(), reader).with_context(place)?;
    file.persist(path).with_context(place)?;
    Ok(())
}

/// The folder a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes a file; one that is not there is removed already.
pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn set_mode(file: &fs::File, reader: Reader) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if reader == Reader::All { 0o644 } else { 0o600 };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_file: &fs::File, _reader: Reader) -> std::io::Result<()> {
    Ok(())
}
