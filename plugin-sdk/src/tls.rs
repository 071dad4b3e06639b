//! Encrypted connections from a plugin to its connected system: whose certificate is accepted, and
//! with which one the plugin shows who it is.
//!
//! The provider of the cryptography is chosen here: a library has no say in what the process chose
//! for itself.

use crate::{Error, Result};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};
use std::{path::Path, sync::Arc};

/// Which server is believed to be who it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust<'a> {
    /// One whose certificate is signed by an authority that the system trusts.
    System,
    /// One whose certificate is signed by one of the certificates in this file, in PEM.
    Authority(&'a Path),
    /// The one whose certificate has this SHA-256 fingerprint, whoever signed it and whatever else
    /// it says: 64 hexadecimal digits, with colons or without.
    Fingerprint(&'a str),
    /// Any, so that nobody knows who listens. For a test, and never without a word in the log.
    Anybody,
}

/// The certificate that a client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// A file with the certificate and those that signed it, in PEM.
    pub certificate: &'a Path,
    /// A file with its private key, in PEM.
    pub key: &'a Path,
}

/// How a client speaks TLS 1.2 or 1.3 that believes these servers. An error is of kind `Config` and
/// names the file.
pub fn client(trust: Trust<'_>, identity: Option<Identity<'_>>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(error.to_string()))?;
    let builder = match verifier(trust, provider)? {
        Some(verifier) => builder.dangerous().with_custom_certificate_verifier(verifier),
        None => {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(roots(trust)?);
            builder.with_root_certificates(store)
        }
    };
    let Some(Identity { certificate, key }) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let config = builder.with_client_auth_cert(certificates(certificate)?, secret);
    config.map_err(|error| wrong(certificate, &error))
}

/// Who decides instead of the authorities.
fn verifier(
    trust: Trust<'_>,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ServerCertVerifier>>> {
    let fingerprint = match trust {
        Trust::System | Trust::Authority(_) => return Ok(None),
        Trust::Fingerprint(text) => {
            Some(fingerprint(text).ok_or_else(|| Error::config(NO_FINGERPRINT))?)
        }
        Trust::Anybody => None,
    };
    Ok(Some(Arc::new(Pinned { fingerprint, provider })))
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::config(format!("{}: {error}", path.display()))
}

/// The certificates of a file in PEM, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(path, &error))?;
    let found: Result<Vec<_>, _> = found.collect();
    let found = found.map_err(|error| wrong(path, &error))?;
    if found.is_empty() {
        return Err(wrong(path, &"has no certificate in PEM"));
    }
    Ok(found)
}

/// Makes ring what rustls uses where a crate asks the process for it, as some do. A library
/// for the host has a copy of rustls of its own, so that this is nobody else's; where the plugin is
/// linked, as in tests, somebody may have chosen before.
pub fn choose_ring() {
    // An error says only that there is a choice.
    drop(ring::default_provider().install_default());
}

/// The certificates one of which has to have signed the server's; each can be used as one. None
/// where no authority decides.
pub fn roots(trust: Trust<'_>) -> Result<Vec<CertificateDer<'static>>> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::System => {
            // One that cannot be read says nothing about the others.
            let found = rustls_native_certs::load_native_certs().certs;
            Ok(found.into_iter().filter(|one| roots.add(one.clone()).is_ok()).collect())
        }
        Trust::Authority(path) => {
            let found = certificates(path)?;
            for certificate in &found {
                roots.add(certificate.clone()).map_err(|error| wrong(path, &error))?;
            }
            Ok(found)
        }
        Trust::Fingerprint(_) | Trust::Anybody => Ok(Vec::new()),
    }
}

/// What is wrong with a text that [`fingerprint`] cannot read.
pub const NO_FINGERPRINT: &str =
    "is no SHA-256 fingerprint: 64 hexadecimal digits, with colons or without";

/// The bytes of a SHA-256 fingerprint, with or without colons.
pub fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.contains('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

/// Accepts one certificate, or any, whoever signed it and whatever else it says. The server still proves
/// that it has the key.
#[derive(Debug)]
struct Pinned {
    /// Of the one; without it, any.
    fingerprint: Option<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.fingerprint.is_none_or(|known| Sha256::digest(certificate)[..] == known) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_with_colons_and_without() {
        let plain = "0123456789abcdefABCDEF00000000000000000000000000000000000000ff10";
        let bytes = fingerprint(plain).unwrap();
        assert_eq!((bytes[0], bytes[1], bytes[31]), (0x01, 0x23, 0x10));
        let pairs: Vec<&str> = (0..32).map(|at| &plain[2 * at..2 * at + 2]).collect();
        assert_eq!(fingerprint(&pairs.join(":")), Some(bytes));
        for text in ["", "0123", &plain.replace('a', "g"), &format!("{plain}00")] {
            assert_eq!(fingerprint(text), None, "{text}");
        }
    }
}
