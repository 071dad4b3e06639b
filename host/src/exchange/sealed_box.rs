//! Secrets under a passphrase: a key by Argon2id (RFC 9106), the box by AES-256-GCM.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Payload},
};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::config::Secret;

const KDF: &str = "argon2id";
const CIPHER: &str = "aes-256-gcm";
const KEY: usize = 32;
const CHECK: usize = 16;
/// A file may ask for no more than this; a guess at it is to cost memory, not to end the host.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 64;

/// What one guess at a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl Cost {
    /// OWASP's recommendation for Argon2id.
    pub(super) const OWASP: Cost = Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
}

/// A sealed box as a file has it. Bytes are in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SealedBox {
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    /// Tells a wrong passphrase from a damaged box; made beside the key, so it tells nothing of it.
    check: String,
    cipher: String,
    nonce: String,
    content: String,
}

/// Why a box stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// The passphrase is another one.
    Passphrase,
    /// The box is damaged, or does not belong to what stands around it.
    Damaged,
    /// It is made in a way that this host does not know.
    Unknown,
}

impl SealedBox {
    /// Seals a text; `around` has to be the same when it is opened.
    pub(super) fn seal(cost: Cost, passphrase: &Secret, text: &str, around: &[u8]) -> SealedBox {
        let (salt, nonce) = (random::<16>(), random::<12>());
        let keys = Keys::derive(cost, passphrase, &salt).expect("the cost is within its bounds");
        let payload = Payload { msg: text.as_bytes(), aad: around };
        let content =
            keys.cipher().encrypt(&nonce.into(), payload).expect("a short text can be sealed");
        SealedBox {
            kdf: KDF.into(),
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            salt: STANDARD.encode(salt),
            check: STANDARD.encode(keys.check()),
            cipher: CIPHER.into(),
            nonce: STANDARD.encode(nonce),
            content: STANDARD.encode(content),
        }
    }

    /// Opens what [`seal`](Self::seal) made.
    pub(super) fn open(&self, passphrase: &Secret, around: &[u8]) -> Result<Secret, Closed> {
        if self.kdf != KDF || self.cipher != CIPHER {
            return Err(Closed::Unknown);
        }
        let bounded = self.memory_kib <= MOST_MEMORY_KIB
            && self.passes <= MOST_PASSES
            && self.lanes <= MOST_LANES;
        if !bounded {
            return Err(Closed::Damaged);
        }
        let cost = Cost { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes };
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| Closed::Damaged);
        let (salt, check) = (bytes(&self.salt)?, bytes(&self.check)?);
        let keys = Keys::derive(cost, passphrase, &salt).ok_or(Closed::Damaged)?;
        if !bool::from(keys.check().ct_eq(&check)) {
            return Err(Closed::Passphrase);
        }
        let nonce = <[u8; 12]>::try_from(bytes(&self.nonce)?).map_err(|_| Closed::Damaged)?;
        let payload = Payload { msg: &bytes(&self.content)?, aad: around };
        let opened = keys.cipher().decrypt(&nonce.into(), payload).map_err(|_| Closed::Damaged)?;
        Ok(String::from_utf8(opened).map_err(|_| Closed::Damaged)?.into())
    }
}

/// What comes of a passphrase: the key, and the bytes that tell that it is the right one.
struct Keys(Zeroizing<[u8; KEY + CHECK]>);

impl Keys {
    fn derive(cost: Cost, passphrase: &Secret, salt: &[u8]) -> Option<Keys> {
        let length = Some(KEY + CHECK);
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, length).ok()?;
        let kdf = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut keys = Keys(Zeroizing::new([0; KEY + CHECK]));
        kdf.hash_password_into(passphrase.expose().as_bytes(), salt, &mut *keys.0).ok()?;
        Some(keys)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new_from_slice(&self.0[..KEY]).expect("the key has 32 bytes")
    }

    fn check(&self) -> &[u8] {
        &self.0[KEY..]
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn sealed(cost: Cost) -> SealedBox {
        SealedBox::seal(cost, &"correct horse".into(), "größe", b"around")
    }

    #[test]
    fn a_box_opens_with_its_passphrase_only() {
        for cost in [CHEAP, Cost::OWASP] {
            let sealed = sealed(cost);
            let open = |passphrase: &str| sealed.open(&passphrase.into(), b"around");
            assert_eq!(open("correct horse"), Ok("größe".into()));
            assert_eq!(open("correct horsf"), Err(Closed::Passphrase));
            assert_eq!(open(""), Err(Closed::Passphrase));
        }
        assert_ne!(sealed(CHEAP).content, sealed(CHEAP).content);
    }

    #[test]
    fn damage_is_told_from_a_wrong_passphrase() {
        let whole = sealed(CHEAP);
        let open = |change: &dyn Fn(&mut SealedBox), around: &[u8]| {
            let mut sealed = whole.clone();
            change(&mut sealed);
            sealed.open(&"correct horse".into(), around)
        };
        let other = |text: &str| {
            let mut bytes = STANDARD.decode(text).unwrap();
            bytes[0] ^= 1;
            STANDARD.encode(bytes)
        };
        assert_eq!(open(&|_| {}, b"around"), Ok("größe".into()));
        assert_eq!(open(&|_| {}, b"elsewhere"), Err(Closed::Damaged));
        assert_eq!(open(&|b| b.content = other(&b.content), b"around"), Err(Closed::Damaged));
        assert_eq!(open(&|b| b.nonce = other(&b.nonce), b"around"), Err(Closed::Damaged));
        assert_eq!(open(&|b| b.nonce = "AAAA".into(), b"around"), Err(Closed::Damaged));
        assert_eq!(open(&|b| b.content = "%".into(), b"around"), Err(Closed::Damaged));
        assert_eq!(open(&|b| b.salt = String::new(), b"around"), Err(Closed::Damaged));
        assert_eq!(open(&|b| b.kdf = "scrypt".into(), b"around"), Err(Closed::Unknown));
        assert_eq!(open(&|b| b.cipher = "rot13".into(), b"around"), Err(Closed::Unknown));
    }

    #[test]
    fn a_box_that_asks_for_too_much_is_refused() {
        for (memory_kib, passes, lanes) in [
            (MOST_MEMORY_KIB + 1, 1, 1),
            (8, MOST_PASSES + 1, 1),
            (8 * (MOST_LANES + 1), 1, MOST_LANES + 1),
            (0, 1, 1),
        ] {
            let greedy = SealedBox { memory_kib, passes, lanes, ..sealed(CHEAP) };
            assert_eq!(greedy.open(&"correct horse".into(), b"around"), Err(Closed::Damaged));
        }
    }
}
