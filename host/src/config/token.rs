//! The secret token of a connector: made here, kept as a hash, compared in constant time.

use std::{fmt, path::Path, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    secrets::Secret,
    value::{read_env, read_file},
};

const PREFIX: &str = "sha256:";
const SHORTEST: usize = 12;

/// A new token: 32 random bytes as URL-safe base64.
pub fn new_token() -> Secret {
    URL_SAFE_NO_PAD.encode(random::<32>()).into()
}

/// Random bytes of the operating system.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

/// A salted hash of a token, `sha256:<salt>:<hash>` in a document.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash {
    salt: [u8; 16],
    hash: [u8; 32],
}

impl TokenHash {
    /// Hashes a token with a new salt.
    pub fn new(token: &str) -> Self {
        let salt = random();
        Self { salt, hash: digest(&salt, token.as_bytes()) }
    }

    /// Whether this is the token; takes the same time whether or not it is.
    pub fn matches(&self, presented: &[u8]) -> bool {
        digest(&self.salt, presented).ct_eq(&self.hash).into()
    }
}

fn digest(salt: &[u8], token: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(token).finalize().into()
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}:{}", hex(&self.salt), hex(&self.hash))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(***)")
    }
}

impl FromStr for TokenHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':'));
        parts
            .and_then(|(salt, hash)| Some(Self { salt: unhex(salt)?, hash: unhex(hash)? }))
            .ok_or_else(|| "is not sha256:<32 hex digits>:<64 hex digits>".into())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Where a connector's token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// Its hash is in the document.
    Hash(TokenHash),
    /// In the environment variable of this name.
    Env(String),
    /// In the file of this path, relative to the home.
    File(String),
}

impl TokenSource {
    /// Reads the document's form. Plain text is refused, and the text is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sha256", _)) => Ok(Self::Hash(text.parse()?)),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            Some(("left-out", _)) => Err("was left out at export".into()),
            Some(("env" | "file", _)) => Err("names nothing after the colon".into()),
            _ => Err("is plain text, which is refused here".into()),
        }
    }

    /// The hash to compare with; follows a reference, relative to `home`.
    pub fn resolve(&self, home: &Path) -> Result<TokenHash, String> {
        let token = match self {
            Self::Hash(hash) => return Ok(hash.clone()),
            Self::Env(name) => read_env(name)?,
            Self::File(path) => read_file(home, path)?,
        };
        check_rule(token.expose())?;
        Ok(TokenHash::new(token.expose()))
    }
}

/// A client sends the token in a header, where other characters or outer spaces do not survive.
fn check_rule(token: &str) -> Result<(), String> {
    let printable = token.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if printable && token.len() >= SHORTEST && token.trim() == token {
        return Ok(());
    }
    Err(format!(
        "a token has at least {SHORTEST} printable ASCII characters, without a space at either end"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_token_only_and_survives_writing() {
        let token = new_token();
        assert_eq!(token.expose().len(), 43);
        assert_ne!(token, new_token());
        let hash = TokenHash::new(token.expose());
        assert_ne!(hash, TokenHash::new(token.expose()), "the salt is new each time");
        let read: TokenHash = hash.to_string().parse().unwrap();
        assert_eq!(read, hash);
        assert!(read.matches(token.expose().as_bytes()));
        for wrong in [&b""[..], b"wrong", &token.expose().as_bytes()[..42]] {
            assert!(!read.matches(wrong));
        }
        assert_eq!(format!("{hash:?}"), "TokenHash(***)");
    }

    #[test]
    fn the_written_form_is_salt_then_token() {
        let known: TokenHash = "sha256:000102030405060708090a0b0c0d0e0f:\
                                4707f011c00b1bdf67bbc391f4e982957953f59c5858f0cb7b87bc9d846242c4"
            .parse()
            .unwrap();
        assert!(known.matches(b"correct horse battery"));
        assert!(!known.matches(b"correct horse batterz"));
    }

    #[test]
    fn sources_are_told_by_their_prefix() {
        let hash = TokenHash::new("0123456789ab").to_string();
        let damaged = Err("is not sha256:<32 hex digits>:<64 hex digits>".to_owned());
        for (text, expected) in [
            (hash.as_str(), Ok(TokenSource::Hash(hash.parse().unwrap()))),
            ("env:TOKEN", Ok(TokenSource::Env("TOKEN".into()))),
            ("file:/run/secrets/token", Ok(TokenSource::File("/run/secrets/token".into()))),
            ("env:", Err("names nothing after the colon".into())),
            (crate::config::LEFT_OUT, Err("was left out at export".into())),
            ("hunter2hunter2", Err("is plain text, which is refused here".into())),
            ("", Err("is plain text, which is refused here".into())),
            ("sha256:00:00", damaged.clone()),
            (&hash[..hash.len() - 1], damaged.clone()),
            (&hash.replace("sha256:", "sha256:+"), damaged),
        ] {
            assert_eq!(TokenSource::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_referenced_token_keeps_the_rule() {
        let home = tempfile::tempdir().unwrap();
        let source = TokenSource::File("token".into());
        for (content, good) in [
            ("0123456789ab", true),
            ("0123456789ab\n", true),
            ("!#$%&' ()*+,-./", true),
            ("0123456789a", false),
            ("0123456789ab\n\n", false),
            (" 0123456789ab", false),
            ("0123456789äb", false),
        ] {
            std::fs::write(home.path().join("token"), content).unwrap();
            match source.resolve(home.path()) {
                Ok(hash) => assert!(good && hash.matches(content.trim().as_bytes()), "{content}"),
                Err(error) => assert!(!good && error.contains("at least 12"), "{content}: {error}"),
            }
        }
        assert!(TokenSource::Env("ECMA_HOST_NEVER_SET".into()).resolve(home.path()).is_err());
    }
}
