//! A new sealing key in place of the old one, in steps each of which leaves all sealed values readable:
//! [`begin_rotation`], then [`reseal`] of each document, then [`end_rotation`]. Whoever is interrupted
//! begins again, and goes on where it was left.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    edit::change_texts,
    files::{EditError, alone, parsed, read_document, write_atomic},
    key_source::KeySource,
    sealing::{SealError, SealingKey, new_key},
};

/// Puts a new key before the one in the file, which from then on only opens. A file with several keys is
/// one whose rotation was not ended: it stays as it is.
pub fn begin_rotation(path: &Path) -> Result<SealingKey, SealError> {
    let source = KeySource::File(path.to_owned());
    let key = SealingKey::load(&source)?;
    if key.len() > 1 {
        return Ok(key);
    }
    let text = zeroize::Zeroizing::new(format!("{}{}", *new_key(), *key.lines(0..1)));
    write_atomic(path, text.as_bytes(), Some(0o600))
        .map_err(|source| SealError::File { path: path.to_owned(), source })?;
    SealingKey::load(&source)
}

/// What became of the sealed values of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The document.
    pub file: PathBuf,
    /// How many are sealed with the first key by now, and were not before.
    pub resealed: usize,
    /// The names of those that no key opens; they stay as they are.
    pub unopened: Vec<String>,
}

/// Seals with the first key what another one sealed. The rest of the document stays.
pub fn reseal(path: &Path, key: &SealingKey) -> Result<Resealed, EditError> {
    let file = |source| EditError::File { path: path.to_owned(), source };
    let mut done = Resealed { file: path.to_owned(), resealed: 0, unopened: Vec::new() };
    let _alone = match alone(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        alone => alone.map_err(file)?,
    };
    let text = match read_document(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(done),
        read => read.map_err(file)?,
    };
    if !text.contains("sealed:") {
        return Ok(done);
    }
    let mut document = parsed(path, &text)?;
    change_texts(document.as_table_mut(), &mut |name, text| {
        if !text.starts_with("sealed:") {
            return None;
        }
        match key.open_with(text) {
            Ok((0, _)) => None,
            Ok((_, secret)) => {
                done.resealed += 1;
                key.seal(secret.expose()).ok()
            }
            Err(_) => {
                done.unopened.push(name.to_owned());
                None
            }
        }
    });
    if done.resealed > 0 {
        write_atomic(path, document.to_string().as_bytes(), None).map_err(file)?;
    }
    Ok(done)
}

/// Takes all keys but the first out of the file. `kept` is where they go; without it they are gone.
pub fn end_rotation(path: &Path, kept: Option<&Path>) -> Result<(), SealError> {
    let key = SealingKey::load(&KeySource::File(path.to_owned()))?;
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| SealError::File { path: path.clone(), source }
    };
    if let Some(kept) = kept {
        let old = key.lines(1..key.len());
        write_atomic(kept, old.as_bytes(), Some(0o600)).map_err(file(kept))?;
    }
    write_atomic(path, key.lines(0..1).as_bytes(), Some(0o600)).map_err(file(path))
}

/// All documents of a folder, in the order of their names; a folder that is not there has none.
pub fn documents_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home {
        folder: tempfile::TempDir,
        key: PathBuf,
        document: PathBuf,
    }

    impl Home {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (key, document) = (folder.path().join("seal.key"), folder.path().join("A.toml"));
            let sealed = SealingKey::load_or_create(&key).unwrap().seal("hunter2").unwrap();
            let text =
                format!("# mine\n[values] # v\npassword = \"{sealed}\" # p\nother = \"x\"\n");
            fs::write(&document, text).unwrap();
            Self { folder, key, document }
        }

        fn opened(&self) -> String {
            let text = fs::read_to_string(&self.document).unwrap();
            let sealed = text.split('"').nth(1).unwrap();
            let key = SealingKey::load_or_create(&self.key).unwrap();
            key.open(sealed).unwrap().expose().to_owned()
        }
    }

    #[test]
    fn after_each_step_everything_opens_and_beginning_again_ends_it() {
        // Where it stops: after the new key, after a document, after the kept key, not at all.
        for stop in 0..4 {
            let home = Home::new();
            let old = fs::read_to_string(&home.key).unwrap();
            let kept = home.folder.path().join("seal.key.old");
            let key = begin_rotation(&home.key).unwrap();
            assert_eq!(home.opened(), "hunter2");
            if stop > 0 {
                reseal(&home.document, &key).unwrap();
                assert_eq!(home.opened(), "hunter2");
            }
            if stop > 1 {
                fs::write(&kept, &old).unwrap();
            }
            if stop > 2 {
                end_rotation(&home.key, Some(&kept)).unwrap();
                assert_eq!(home.opened(), "hunter2");
            }
            let first = fs::read_to_string(&home.key).unwrap().lines().next().unwrap().to_owned();
            if stop < 3 {
                let key = begin_rotation(&home.key).unwrap();
                assert_eq!(reseal(&home.document, &key).unwrap().resealed, usize::from(stop == 0));
                end_rotation(&home.key, Some(&kept)).unwrap();
            }
            assert_eq!(fs::read_to_string(&home.key).unwrap(), format!("{first}\n"), "{stop}");
            assert_ne!(format!("{first}\n"), old);
            assert_eq!(fs::read_to_string(&kept).unwrap(), old, "{stop}");
            assert_eq!(home.opened(), "hunter2");
        }
    }

    #[test]
    fn only_what_another_key_sealed_is_changed() {
        let home = Home::new();
        let alien = home.folder.path().join("alien.key");
        let alien = SealingKey::load_or_create(&alien).unwrap().seal("x").unwrap();
        let before =
            fs::read_to_string(&home.document).unwrap() + &format!("alien = \"{alien}\"\n");
        fs::write(&home.document, &before).unwrap();
        let key = begin_rotation(&home.key).unwrap();
        let done = reseal(&home.document, &key).unwrap();
        assert_eq!((done.resealed, done.unopened), (1, vec!["alien".to_owned()]));
        let after = fs::read_to_string(&home.document).unwrap();
        let sealed = |text: &str| text.split('"').nth(1).unwrap().to_owned();
        assert_eq!(after, before.replace(&sealed(&before), &sealed(&after)));
        assert_eq!(reseal(&home.document, &key).unwrap().resealed, 0);

        fs::write(&home.document, "a = = \"sealed:\"\n").unwrap();
        assert!(matches!(reseal(&home.document, &key), Err(EditError::Syntax(_))));
        assert_eq!(reseal(&home.folder.path().join("none"), &key).unwrap().resealed, 0);
    }
}
