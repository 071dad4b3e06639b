//! The files behind the settings: read with care, written so that a crash leaves the old or the new.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, Item, Value};

use super::{problem::Problem, token::random};

const DOCUMENT_LIMIT: u64 = 1 << 20;

/// Why a document was not edited.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The document.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The document is not TOML.
    #[error(transparent)]
    Syntax(Problem),
    /// The change does not fit the document.
    #[error("{}: {reason}", .path.display())]
    Refused {
        /// The document.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Reads a document; refuses what is no text file, too large, or writable by anybody.
pub(super) fn read_document(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    if mode(&metadata).is_some_and(|mode| mode & 0o002 != 0) {
        let remedy = format!("may be written by anybody: run `chmod o-w {}`", quoted(path));
        return Err(io::Error::other(remedy));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(DOCUMENT_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > DOCUMENT_LIMIT {
        return Err(io::Error::other("is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|&&byte| byte == b'\n').count() + 1;
        io::Error::other(format!("is not UTF-8 text, see line {line}"))
    })
}

/// The failure of [`read_document`] as a problem of the whole file.
pub(super) fn unreadable(file: &str, error: &io::Error) -> Problem {
    let ours = error.get_ref().is_some();
    let message = if ours { error.to_string() } else { format!("cannot be read: {error}") };
    Problem::of_file(file, message)
}

/// The permission bits, where the system has them.
#[cfg(unix)]
pub(super) fn mode(metadata: &fs::Metadata) -> Option<u32> {
    Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777)
}

/// The permission bits, where the system has them.
#[cfg(not(unix))]
pub(super) fn mode(_metadata: &fs::Metadata) -> Option<u32> {
    None
}

/// Makes a folder, and those above it, that only its owner may enter. One that exists stays as it is.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file in one step: readers see the old or the new content, a crash leaves one of both.
///
/// The file gets `mode`, or keeps the mode it had; a new one without a mode is 0644. Links are
/// followed; the owner is kept where that is allowed.
pub fn write_atomic(path: &Path, content: &[u8], mode: Option<u32>) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = fs::metadata(path).ok();
    let kept = old.as_ref().and_then(self::mode);
    let draft = Draft::write(path, content, mode.or(kept).unwrap_or(0o644), old.as_ref());
    let draft = draft.map_err(with_remedy)?;
    fs::rename(&draft.path, path)?;
    draft.settle()
}

/// A full disk is named with what to do.
fn with_remedy(error: io::Error) -> io::Error {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        kind @ (StorageFull | QuotaExceeded | FileTooLarge) => {
            let remedy = "what was there is as it was; free some space and try again";
            io::Error::new(kind, format!("{error}; {remedy}"))
        }
        _ => error,
    }
}

/// Writes a file that must not exist yet, in one step.
pub(super) fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let draft = Draft::write(path, content, mode, None).map_err(with_remedy)?;
    fs::hard_link(&draft.path, path)?;
    draft.settle()
}

/// A complete file under another name in the folder of the one it becomes; removed when dropped.
struct Draft {
    path: PathBuf,
    folder: PathBuf,
}

impl Draft {
    fn write(
        target: &Path,
        content: &[u8],
        mode: u32,
        old: Option<&fs::Metadata>,
    ) -> io::Result<Self> {
        let name = target.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let unique = u64::from_le_bytes(random());
        let path = folder.join(format!(".{}.{unique:016x}.tmp", name.to_string_lossy()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        let draft = Self { path, folder };
        file.write_all(content)?;
        dress(&file, mode, old)?;
        file.sync_all()?;
        Ok(draft)
    }

    /// Makes the new name last.
    fn settle(self) -> io::Result<()> {
        // Only there a folder can be opened as a file.
        if cfg!(unix) {
            fs::File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn dress(file: &fs::File, mode: u32, old: Option<&fs::Metadata>) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    if let Some(old) = old {
        // Only root may give a file away; for others it is theirs from now on.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn dress(_file: &fs::File, _mode: u32, _old: Option<&fs::Metadata>) -> io::Result<()> {
    Ok(())
}

/// Sets one top-level key of a TOML document to a string; the rest, comments included, stays.
pub fn set_string(path: &Path, key: &str, value: &str) -> Result<(), EditError> {
    change_document(path, |document| {
        match document.get_mut(key) {
            Some(Item::Value(old)) => {
                let decor = old.decor().clone();
                *old = Value::from(value);
                *old.decor_mut() = decor;
            }
            None | Some(Item::None) => document[key] = toml_edit::value(value),
            Some(Item::Table(_) | Item::ArrayOfTables(_)) => {
                return Err(format!("{key} is a table, where a string is wanted"));
            }
        }
        Ok(())
    })
}

/// Changes a TOML document; what is refused changes nothing.
pub(super) fn change_document(
    path: &Path,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), String>,
) -> Result<(), EditError> {
    let file = |source| EditError::File { path: path.to_owned(), source };
    let _alone = alone(path).map_err(file)?;
    let text = read_document(path).map_err(file)?;
    let mut document = parsed(path, &text)?;
    change(&mut document).map_err(|reason| EditError::Refused { path: path.to_owned(), reason })?;
    write_atomic(path, document.to_string().as_bytes(), None).map_err(file)
}

/// Keeps other commands from changing documents of the same folder, as long as it is held: what one has
/// read is still so when it writes.
pub(super) fn alone(document: &Path) -> io::Result<Option<fs::File>> {
    // Only there a folder can be opened as a file.
    if cfg!(not(unix)) {
        return Ok(None);
    }
    let folder = document.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::File::open(folder.unwrap_or(Path::new(".")))?;
    folder.lock()?;
    Ok(Some(folder))
}

/// A document to be edited.
pub(super) fn parsed(path: &Path, text: &str) -> Result<DocumentMut, EditError> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let offset = error.span().map_or(0, |span| span.start);
        EditError::Syntax(Problem::at(&path.to_string_lossy(), text, offset, "", error.message()))
    })
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, "").unwrap();
        std::thread::scope(|scope| {
            for at in 0..16 {
                let path = &path;
                scope.spawn(move || set_string(path, &format!("key{at}"), "x").unwrap());
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 16, "{text}");
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| name(entry).into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("taken");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("inside"), "").unwrap();
        assert!(write_atomic(&target, b"x", None).is_err());
        assert!(write_new(&target, b"x", 0o600).is_err());
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn a_write_replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        write_atomic(&path, b"one", None).unwrap();
        write_atomic(&path, b"two", None).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let again = write_new(&path, b"three", 0o600).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a.toml"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_mode_is_kept_or_given_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.toml"), folder.path().join("link.toml"));
        let mode = |path: &Path| super::mode(&fs::metadata(path).unwrap()).unwrap();
        write_atomic(&path, b"one", None).unwrap();
        assert_eq!(mode(&path), 0o644);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.toml", &link).unwrap();
        write_atomic(&link, b"two", None).unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o640, b"two".to_vec()));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        write_atomic(&path, b"three", Some(0o600)).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn one_key_is_edited_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        for (before, after) in [
            (
                "# top\ntoken = \"old\"   # keep me\n\n[values] # v\na = 1\n",
                "# top\ntoken = \"new\"   # keep me\n\n[values] # v\na = 1\n",
            ),
            (
                "plugin = \"x\" # p\n\n# about values\n[values]\n",
                "plugin = \"x\" # p\ntoken = \"new\"\n\n# about values\n[values]\n",
            ),
            ("", "token = \"new\"\n"),
        ] {
            fs::write(&path, before).unwrap();
            set_string(&path, "token", "new").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn what_cannot_be_edited_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        for (text, expected) in [
            ("a = 1\nb = = 2\n", ":2:5: "),
            ("[token]\n", ": token is a table, where a string is wanted"),
        ] {
            fs::write(&path, text).unwrap();
            let error = set_string(&path, "token", "new").unwrap_err().to_string();
            assert!(error.starts_with(&format!("{}{expected}", path.display())), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert!(matches!(
            set_string(&folder.path().join("absent"), "a", "b"),
            Err(EditError::File { .. })
        ));
    }
}
