//! Encrypted connections to database servers: whose certificate is accepted.

use super::Failure;
use crate::settings::Settings;
use ecma_plugin_sdk::Error;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// How a client of these settings speaks TLS. The provider is chosen here: a library has no say in
/// what the process chose for itself.
pub(super) fn client(settings: &Settings) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(error.to_string()))?;
    if let Some(fingerprint) = &settings.certificate_sha256 {
        let fingerprint = parse(fingerprint).ok_or_else(|| Error::config(NO_FINGERPRINT))?;
        let pinned = Arc::new(Pinned { fingerprint, provider });
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(pinned)
            .with_no_client_auth());
    }
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots(settings)?);
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// Makes ring what rustls uses where a crate asks the process for it, as mysql_async does. A library
/// for the host has a copy of rustls of its own, so that this is nobody else's; where the plugin is
/// linked, as in tests, somebody may have chosen before.
pub(super) fn choose_ring() {
    // An error says only that there is a choice.
    drop(ring::default_provider().install_default());
}

/// The certificates one of which has to have signed the server's; each can be used as one.
pub(super) fn roots(settings: &Settings) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let mut roots = RootCertStore::empty();
    let mut kept = Vec::new();
    match &settings.ca_file {
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| {
                Error::config(format!("ca_file: {}: {error}", path.display()))
            };
            let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| wrong(&error))?;
                roots.add(certificate.clone()).map_err(|error| wrong(&error))?;
                kept.push(certificate);
            }
            if kept.is_empty() {
                return Err(wrong(&"has no certificate in PEM").into());
            }
        }
        None => {
            // One that cannot be read says nothing about the others.
            let found = rustls_native_certs::load_native_certs().certs;
            kept.extend(found.into_iter().filter(|one| roots.add(one.clone()).is_ok()));
        }
    }
    Ok(kept)
}

pub(crate) const NO_FINGERPRINT: &str =
    "is no SHA-256 fingerprint: 64 hexadecimal digits, with colons or without";

/// The bytes of a fingerprint, with or without colons.
pub(crate) fn parse(text: &str) -> Option<[u8; 32]> {
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

/// Accepts one certificate, whoever signed it and whatever else it says. The server still proves
/// that it has the key.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
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
        if Sha256::digest(certificate)[..] == self.fingerprint {
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
        let bytes = parse(plain).unwrap();
        assert_eq!((bytes[0], bytes[1], bytes[31]), (0x01, 0x23, 0x10));
        let pairs: Vec<&str> = (0..32).map(|at| &plain[2 * at..2 * at + 2]).collect();
        assert_eq!(parse(&pairs.join(":")), Some(bytes));
        for text in ["", "0123", &plain.replace('a', "g"), &format!("{plain}00")] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
