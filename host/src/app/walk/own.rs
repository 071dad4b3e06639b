//! Trust for the certificate that the host of this home serves, whoever signed it, and for what this
//! machine trusts.

use super::Walk;
use crate::{
    app::{any_sealing_key, certificates},
    web::tls::Pair,
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::sync::Arc;

/// How a client of this home's host shakes hands.
pub(super) fn trusting(walk: &Walk<'_>) -> ClientConfig {
    let files = certificates::files(walk.config, &any_sealing_key(walk.config));
    let chain = files.ok().and_then(|files| Some(Pair::read(&files).ok()?.chain()));
    let chain = chain.unwrap_or_default();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has both versions");
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let Ok(usual) = usual else {
        return config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    };
    let own = Own { usual, leaf: chain.into_iter().next() };
    config.dangerous().with_custom_certificate_verifier(Arc::new(own)).with_no_client_auth()
}

/// See the head of the file.
#[derive(Debug)]
struct Own {
    usual: Arc<WebPkiServerVerifier>,
    leaf: Option<CertificateDer<'static>>,
}

impl ServerCertVerifier for Own {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let usual = self.usual.verify_server_cert(leaf, between, name, ocsp, now);
        let is_own = self.leaf.as_ref().is_some_and(|own| own.as_ref() == leaf.as_ref());
        match usual {
            // Its own, of an authority that only its clients know.
            Err(Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) if is_own => {
                verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            usual => usual,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
