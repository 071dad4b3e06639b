//! Sealing: AES-256-GCM with a key that only the host's account can read, so that documents show no
//! secrets.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{files, key_source::KeySource, secrets::Secret, token::random, value::SEALED};

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
/// Authenticated with every text, so that what another program sealed is not ours.
const PURPOSE: &[u8] = b"ecma-host sealed value";

/// The keys of one host: the first seals, all of them open. Whoever has them can open every sealed value.
pub struct SealingKey {
    keys: Vec<Zeroizing<[u8; 32]>>,
    /// What errors call it.
    place: String,
    /// Why there are no keys.
    unusable: Option<String>,
}

/// Why a key or a sealed text is of no use, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key's file cannot be read or made.
    #[error("sealing key {}: {source}", .path.display())]
    File {
        /// The key's file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others may read the key's file.
    #[error(
        "sealing key {} is readable by others: run `chmod 600 {}`, and seal values anew if it was copied",
        .path.display(), super::quoted(.path)
    )]
    Readable {
        /// The key's file.
        path: PathBuf,
    },
    /// The key cannot be had from where it is.
    #[error("{place}: {reason}")]
    Source {
        /// Where it is, in words.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// What is there is no key.
    #[error(
        "{place} is damaged: restore it from a backup, or remove it and the values sealed with it, and \
         seal them anew; each line of it is 32 bytes as base64"
    )]
    Key {
        /// Where it is, in words.
        place: String,
    },
    /// There is no key, and nothing that it would open.
    #[error("there is no sealing key {} yet: `ecma-host seal` makes one", .path.display())]
    NotYet {
        /// Where it would be.
        path: PathBuf,
    },
    /// The key is gone, and values are sealed with it.
    #[error(
        "the sealing key {} is missing, and {} sealed with it: restore it from a backup, or remove {}",
        .path.display(),
        if *.count == 1 { "1 value is".to_owned() } else { format!("{count} values are") },
        if *.count == 1 { "that value" } else { "those values" }
    )]
    Missing {
        /// Where it was.
        path: PathBuf,
        /// How many values.
        count: usize,
    },
    /// There is no key, and nobody knows what is sealed.
    #[error("there is no sealing key, and whether anything is sealed cannot be told: {}: {source}", .path.display())]
    Uncounted {
        /// What cannot be read.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There was no key when the host looked.
    #[error("nothing sealed can be opened: {0}")]
    Unusable(String),
    /// The text was never sealed or is cut off.
    #[error("the sealed text is damaged: seal the value anew")]
    Damaged,
    /// The text was sealed by a newer host.
    #[error(
        "the text is sealed in form {0}, which this host does not know: update it, or seal the value anew"
    )]
    Version(u8),
    /// No key opens the text.
    #[error(
        "{place} does not open the sealed text: it was sealed with another key or is damaged; restore \
         that key or seal the value anew"
    )]
    WrongKey {
        /// Where the keys are, in words.
        place: String,
    },
}

impl SealingKey {
    /// Reads the key from its file, or makes it and its folder at the first start.
    pub fn load_or_create(path: &Path) -> Result<Self, SealError> {
        let file = |source| SealError::File { path: path.to_owned(), source };
        if !path.try_exists().map_err(file)? {
            files::private_folder(path.parent().unwrap_or(Path::new("."))).map_err(file)?;
            match files::write_new(path, new_key().as_bytes(), 0o600) {
                // Another process was faster; its key is the one.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => written.map_err(file)?,
            }
        }
        Self::load(&KeySource::File(path.to_owned()))
    }

    /// Reads the key, one line or several, from where it is.
    pub fn load(source: &KeySource) -> Result<Self, SealError> {
        let text = source.read()?;
        let place = source.to_string();
        let damaged = || SealError::Key { place: place.clone() };
        let mut keys = Vec::new();
        for line in text.split_ascii_whitespace() {
            let decoded = Zeroizing::new(STANDARD.decode(line).unwrap_or_default());
            let bytes = <[u8; 32]>::try_from(decoded.as_slice()).map_err(|_| damaged())?;
            keys.push(Zeroizing::new(bytes));
        }
        if keys.is_empty() {
            return Err(damaged());
        }
        Ok(Self { keys, place, unusable: None })
    }

    /// Stands for a key that cannot be read: it opens nothing, and says why.
    #[must_use]
    pub fn unusable(why: &SealError) -> Self {
        Self { keys: Vec::new(), place: String::new(), unusable: Some(why.to_string()) }
    }

    /// Whether it stands for one that cannot be read.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        self.unusable.is_some()
    }

    /// Why it cannot be read, where it stands for such a one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.unusable.as_deref()
    }

    /// How many keys there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one, or the reason why not")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Some of the keys, as a file has them.
    pub(super) fn lines(&self, which: Range<usize>) -> Zeroizing<String> {
        let line = |key: &Zeroizing<[u8; 32]>| STANDARD.encode(key.as_slice()) + "\n";
        Zeroizing::new(self.keys[which].iter().map(line).collect())
    }

    /// Seals a text for a document: `sealed:` and base64 of form, nonce, ciphertext and tag.
    pub fn seal(&self, text: &str) -> Result<String, SealError> {
        let key = self.keys.first().ok_or_else(|| self.wrong())?;
        let nonce = random::<NONCE>();
        let payload = Payload { msg: text.as_bytes(), aad: PURPOSE };
        let sealed =
            cipher(key).encrypt(&nonce.into(), payload).expect("a short text can be sealed");
        let bytes: Vec<u8> = [VERSION].into_iter().chain(nonce).chain(sealed).collect();
        Ok(format!("{SEALED}{}", STANDARD.encode(bytes)))
    }

    /// Opens what [`seal`](Self::seal) made.
    pub fn open(&self, text: &str) -> Result<Secret, SealError> {
        self.open_with(text).map(|(_, secret)| secret)
    }

    /// The same, and the place of the key that opens it.
    pub(super) fn open_with(&self, text: &str) -> Result<(usize, Secret), SealError> {
        let (nonce, sealed) = check_form(text)?;
        let opened = self.keys.iter().enumerate().find_map(|(place, key)| {
            let payload = Payload { msg: sealed.as_slice(), aad: PURPOSE };
            Some((place, cipher(key).decrypt(&nonce.into(), payload).ok()?))
        });
        let (place, bytes) = opened.ok_or_else(|| self.wrong())?;
        Ok((place, String::from_utf8(bytes).map_err(|_| SealError::Damaged)?.into()))
    }

    fn wrong(&self) -> SealError {
        match &self.unusable {
            Some(why) => SealError::Unusable(why.clone()),
            None => SealError::WrongKey { place: self.place.clone() },
        }
    }
}

/// A new key, as a file has it.
pub(super) fn new_key() -> Zeroizing<String> {
    let bytes = Zeroizing::new(random::<32>());
    Zeroizing::new(STANDARD.encode(bytes.as_slice()) + "\n")
}

fn cipher(key: &Zeroizing<[u8; 32]>) -> Aes256Gcm {
    Aes256Gcm::new_from_slice(key.as_slice()).expect("the key has 32 bytes")
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(***)")
    }
}

/// What can be told of a sealed text without the key: nonce and ciphertext with its tag.
pub(super) fn check_form(text: &str) -> Result<([u8; NONCE], Vec<u8>), SealError> {
    let encoded = text.strip_prefix(SEALED).ok_or(SealError::Damaged)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| SealError::Damaged)?;
    if bytes.len() < 1 + NONCE + TAG {
        return Err(SealError::Damaged);
    }
    let (form, rest) = (bytes[0], &bytes[1..]);
    if form != VERSION {
        return Err(SealError::Version(form));
    }
    let (nonce, sealed) = rest.split_first_chunk().expect("the length has been checked");
    Ok((*nonce, sealed.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn key(folder: &Path, name: &str) -> SealingKey {
        SealingKey::load_or_create(&folder.join(name)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_again_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["s3cret", "", "größe\n"] {
            let sealed = key(folder.path(), "state/seal.key").seal(text).unwrap();
            assert!(sealed.starts_with("sealed:"));
            let again = key(folder.path(), "state/seal.key").seal(text).unwrap();
            assert_ne!(sealed, again, "nonces differ");
            assert_eq!(key(folder.path(), "state/seal.key").open(&sealed).unwrap().expose(), text);
        }
    }

    #[test]
    fn another_key_and_damage_are_told_apart_from_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (key(folder.path(), "ours"), key(folder.path(), "theirs"));
        let sealed = ours.seal("s3cret").unwrap();
        let error = theirs.open(&sealed).unwrap_err();
        assert!(matches!(error, SealError::WrongKey { .. }));
        assert!(error.to_string().contains("seal the value anew"), "{error}");

        let mut bytes = STANDARD.decode(&sealed["sealed:".len()..]).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let flipped = format!("sealed:{}", STANDARD.encode(&bytes));
        assert!(matches!(ours.open(&flipped), Err(SealError::WrongKey { .. })));
        bytes[0] = 9;
        let newer = format!("sealed:{}", STANDARD.encode(&bytes));
        assert!(matches!(ours.open(&newer), Err(SealError::Version(9))));
        for damaged in ["s3cret", "sealed:", "sealed:%%%", "sealed:AQID", &sealed[..20]] {
            assert!(matches!(ours.open(damaged), Err(SealError::Damaged)), "{damaged}");
        }
    }

    #[test]
    fn a_damaged_key_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        files::write_new(&path, b"short", 0o600).unwrap();
        assert!(matches!(SealingKey::load_or_create(&path), Err(SealError::Key { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }

    #[test]
    fn the_first_of_several_keys_seals_and_all_open() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (key(folder.path(), "old"), key(folder.path(), "new"));
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let both = text("new") + "\n" + &text("old");
        files::write_new(&folder.path().join("both"), both.as_bytes(), 0o600).unwrap();
        let both = key(folder.path(), "both");
        let sealed = both.seal("s3cret").unwrap();
        assert_eq!(new.open(&sealed).unwrap().expose(), "s3cret");
        assert!(old.open(&sealed).is_err());
        assert_eq!(both.open_with(&sealed).unwrap().0, 0);
        assert_eq!(both.open_with(&old.seal("x").unwrap()).unwrap().0, 1);
        assert_eq!(format!("{both:?}"), "SealingKey(***)");
    }

    #[test]
    fn one_that_cannot_be_read_opens_nothing_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = key(folder.path(), "ours").seal("s3cret").unwrap();
        files::write_new(&folder.path().join("bad"), b"short", 0o600).unwrap();
        let why = SealingKey::load_or_create(&folder.path().join("bad")).unwrap_err();
        let none = SealingKey::unusable(&why);
        for refused in [none.open(&sealed).unwrap_err(), none.seal("x").unwrap_err()] {
            let text = refused.to_string();
            assert!(text.contains("/bad is damaged: restore it from a backup"), "{text}");
        }
        assert!(matches!(none.open("sealed:x"), Err(SealError::Damaged)));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/seal.key");
        let _ = key(folder.path(), "state/seal.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let state = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(state.permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = SealingKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
    }
}
