//! Sealing: AES-256-GCM with a key in the host's state folder, so that documents show no secrets.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{files, secrets::Secret, token::random, value::SEALED};

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
/// Authenticated with every text, so that what another program sealed is not ours.
const PURPOSE: &[u8] = b"ecma-host sealed value";

/// The key of one host. Whoever has it can open every sealed value.
pub struct SealingKey {
    bytes: Zeroizing<[u8; 32]>,
    path: PathBuf,
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
        "sealing key {0} is readable by others: run `chmod 600 {0}`, and seal values anew if it was copied",
        .path.display()
    )]
    Readable {
        /// The key's file.
        path: PathBuf,
    },
    /// The key's file holds something else.
    #[error(
        "sealing key {} is damaged: restore it from a backup, or remove it and seal every value anew",
        .path.display()
    )]
    Key {
        /// The key's file.
        path: PathBuf,
    },
    /// The text was never sealed or is cut off.
    #[error("the sealed text is damaged: seal the value anew")]
    Damaged,
    /// The text was sealed by a newer host.
    #[error(
        "the text is sealed in form {0}, which this host does not know: update it, or seal the value anew"
    )]
    Version(u8),
    /// The key does not open the text.
    #[error(
        "{} does not open the sealed text: it was sealed with another key or is damaged; restore that key or seal the value anew",
        .path.display()
    )]
    WrongKey {
        /// The key's file.
        path: PathBuf,
    },
}

impl SealingKey {
    /// Reads the key, or makes it and its folder at the first start.
    pub fn load_or_create(path: &Path) -> Result<Self, SealError> {
        let file = |source| SealError::File { path: path.to_owned(), source };
        if !path.try_exists().map_err(file)? {
            files::private_folder(path.parent().unwrap_or(Path::new("."))).map_err(file)?;
            let text = Zeroizing::new(format!("{}\n", STANDARD.encode(random::<32>())));
            match files::write_new(path, text.as_bytes(), 0o600) {
                // Another process was faster; its key is the one.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                written => written.map_err(file)?,
            }
        }
        if files::mode(&fs::metadata(path).map_err(file)?).is_some_and(|mode| mode & 0o077 != 0) {
            return Err(SealError::Readable { path: path.to_owned() });
        }
        let text = Zeroizing::new(fs::read(path).map_err(file)?);
        let decoded = Zeroizing::new(STANDARD.decode(text.trim_ascii()).unwrap_or_default());
        let bytes = <[u8; 32]>::try_from(decoded.as_slice())
            .map_err(|_| SealError::Key { path: path.to_owned() })?;
        Ok(Self { bytes: Zeroizing::new(bytes), path: path.to_owned() })
    }

    /// Seals a text for a document: `sealed:` and base64 of form, nonce, ciphertext and tag.
    pub fn seal(&self, text: &str) -> String {
        let nonce = random::<NONCE>();
        let payload = Payload { msg: text.as_bytes(), aad: PURPOSE };
        let sealed =
            self.cipher().encrypt(&nonce.into(), payload).expect("a short text can be sealed");
        let bytes: Vec<u8> = [VERSION].into_iter().chain(nonce).chain(sealed).collect();
        format!("{SEALED}{}", STANDARD.encode(bytes))
    }

    /// Opens what [`seal`](Self::seal) made.
    pub fn open(&self, text: &str) -> Result<Secret, SealError> {
        let (nonce, sealed) = check_form(text)?;
        let wrong = || SealError::WrongKey { path: self.path.clone() };
        let payload = Payload { msg: &sealed, aad: PURPOSE };
        let bytes = self.cipher().decrypt(&nonce.into(), payload).map_err(|_| wrong())?;
        Ok(String::from_utf8(bytes).map_err(|_| SealError::Damaged)?.into())
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new_from_slice(self.bytes.as_slice()).expect("the key has 32 bytes")
    }
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

    fn key(folder: &Path, name: &str) -> SealingKey {
        SealingKey::load_or_create(&folder.join(name)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_again_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["s3cret", "", "größe\n"] {
            let sealed = key(folder.path(), "state/seal.key").seal(text);
            assert!(sealed.starts_with("sealed:"));
            assert_ne!(sealed, key(folder.path(), "state/seal.key").seal(text), "nonces differ");
            assert_eq!(key(folder.path(), "state/seal.key").open(&sealed).unwrap().expose(), text);
        }
    }

    #[test]
    fn another_key_and_damage_are_told_apart_from_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (key(folder.path(), "ours"), key(folder.path(), "theirs"));
        let sealed = ours.seal("s3cret");
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
