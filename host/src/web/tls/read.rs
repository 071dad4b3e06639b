//! Reads a certificate with its chain and its private key out of PEM files or a PKCS#12 file, and
//! checks that they belong together.

use std::{path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p12_keystore::{Pkcs12Archive, error::Error as ArchiveError};
use rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::{CertificateFiles, Facts, TlsError, facts};

/// A certificate with those that lead to its root, and its private key.
#[derive(Debug)]
pub struct Pair {
    /// What the certificate says.
    pub facts: Facts,
    key: PrivateKeyDer<'static>,
    pub(super) certified: Arc<CertifiedKey>,
}

impl Pair {
    /// The certificate, and those that lead to its root.
    #[must_use]
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.certified.cert.clone()
    }

    /// Reads and checks the files. Whether the certificate is valid by now is not looked at.
    pub fn read(files: &CertificateFiles) -> Result<Self, TlsError> {
        let provider = ring::default_provider();
        let certificate = Zeroizing::new(read_file(&files.certificate)?);
        let (chain, key) = if files.certificate == files.key && !says(&certificate, b"-----BEGIN") {
            archived(files, &certificate, &provider)?
        } else {
            (chain(&files.certificate, &certificate)?, key(&files.key)?)
        };
        let bad_certificate = |reason: String| {
            let path = files.certificate.clone();
            TlsError::BadCertificate { path, reason }
        };
        let facts = Facts::of(&chain[0]).map_err(bad_certificate)?;
        let certified =
            CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider).map_err(|error| {
                match error {
                    rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                        files: Box::new(files.clone()),
                        matching: place_of_key(&chain, &key, &provider).map(|index| index + 1),
                    },
                    rustls::Error::InvalidCertificate(reason) => {
                        bad_certificate(reason.to_string())
                    }
                    rustls::Error::General(reason) => {
                        TlsError::BadKey { path: files.key.clone(), reason }
                    }
                    other => bad_certificate(other.to_string()),
                }
            })?;
        Ok(Self { facts, key, certified: Arc::new(certified) })
    }

    /// The chain as PEM, the server's own certificate first.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.certified.cert.iter().map(|one| armored("CERTIFICATE", one)).collect()
    }

    /// The private key as PEM.
    #[must_use]
    pub fn key_pem(&self) -> Zeroizing<String> {
        let label = match self.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        Zeroizing::new(armored(label, self.key.secret_der()))
    }
}

fn armored(label: &str, der: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, letter) in encoded.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text + &format!("\n-----END {label}-----\n")
}

/// All certificates of a PEM file; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    chain(path, &read_file(path)?)
}

fn chain(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = Zeroizing::new(read_file(path)?);
    if says(&text, b"BEGIN ENCRYPTED PRIVATE KEY") || says(&text, b"Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError::EncryptedKey { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::NoKey { path: path.to_owned() },
        source => TlsError::Pem { path: path.to_owned(), source },
    })
}

/// What a PKCS#12 file holds: the key, the certificate it belongs to, and those that lead to the root.
fn archived(
    files: &CertificateFiles,
    bytes: &[u8],
    provider: &CryptoProvider,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let path = || files.certificate.clone();
    let password = files.password.as_ref().map_or("", |password| password.expose());
    let archive = Pkcs12Archive::from_pkcs12(bytes, password).map_err(|error| match error {
        ArchiveError::MacError(_) | ArchiveError::Pkcs5Error(_) | ArchiveError::UnpadError => {
            TlsError::Password { path: path() }
        }
        other => TlsError::Archive { path: path(), reason: other.to_string() },
    })?;
    let mut left: Vec<CertificateDer<'static>> =
        archive.certs.iter().map(|bag| bag.cert.as_der().to_vec().into()).collect();
    for bag in &archive.keys {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bag.key.as_der().to_vec()));
        let Some(own) = place_of_key(&left, &key, provider) else { continue };
        let mut chain = vec![left.swap_remove(own)];
        while let Some(next) =
            left.iter().position(|other| facts::is_issuer(other, &chain[chain.len() - 1]))
        {
            chain.push(left.swap_remove(next));
        }
        return Ok((chain, key));
    }
    let reason = match (archive.keys.len(), left.len()) {
        (0, _) => "it holds no private key",
        (_, 0) => "it holds no certificate",
        _ => "its private key belongs to none of its certificates",
    };
    Err(TlsError::Archive { path: path(), reason: reason.to_owned() })
}

fn says(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn place_of_key(
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Option<usize> {
    let belongs = |certificate: &CertificateDer<'static>| {
        CertifiedKey::from_der(vec![certificate.clone()], key.clone_key(), provider).is_ok()
    };
    chain.iter().position(belongs)
}
