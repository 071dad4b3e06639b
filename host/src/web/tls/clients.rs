//! What a listener offers in its handshakes: versions, suites, and whether clients show a certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, ResolvesServerCert, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use super::{Certificates, TlsError, read};

/// The certificates that a listener wants to see of its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// PEM: the authorities that may have signed them.
    pub ca: PathBuf,
    /// Whether a client without one is refused.
    pub required: bool,
}

impl Clients {
    /// Whether a listener can be offered with them.
    pub fn check(&self) -> Result<(), TlsError> {
        verifier(self).map(drop)
    }
}

/// What one listener offers; a reload changes it for the handshakes to come.
#[derive(Debug)]
pub struct Offer {
    certificates: Arc<Certificates>,
    clients: Option<Clients>,
    now: ArcSwap<Made>,
}

#[derive(Debug)]
struct Made {
    config: Arc<ServerConfig>,
    authorities: [u8; 32],
}

impl Offer {
    /// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1 by ALPN. The suites are those of ring: ECDHE with
    /// AES-GCM or ChaCha20-Poly1305, nothing older.
    ///
    /// Sessions resume by ticket, so a client that was here before keeps its session over a change of
    /// the server's certificate and sees the new one at its next full handshake. A ticket is good for
    /// one listener, and until its authorities change.
    pub fn new(
        certificates: &Arc<Certificates>,
        clients: Option<Clients>,
    ) -> Result<Arc<Self>, TlsError> {
        let made = make(certificates, clients.as_ref())?;
        let certificates = Arc::clone(certificates);
        Ok(Arc::new(Self { certificates, clients, now: ArcSwap::from_pointee(made) }))
    }

    /// Reads the authorities of clients again and says whether they are different ones now. Bad ones
    /// are refused and the old ones stay.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let made = make(&self.certificates, self.clients.as_ref())?;
        let changed = made.authorities != self.now.load().authorities;
        if changed {
            self.now.store(Arc::new(made));
        }
        Ok(changed)
    }

    /// The file of the authorities of clients.
    pub fn ca(&self) -> Option<&Path> {
        self.clients.as_ref().map(|clients| clients.ca.as_path())
    }

    /// For a handshake that begins now.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.now.load().config)
    }
}

fn make(certificates: &Arc<Certificates>, clients: Option<&Clients>) -> Result<Made, TlsError> {
    let (verifier, authorities) = match clients {
        Some(clients) => verifier(clients)?,
        None => (Arc::new(NoClientAuth) as Arc<dyn ClientCertVerifier>, [0; 32]),
    };
    // The provider is named because a plugin's driver may bring a second one into the tree, and
    // rustls then refuses to choose.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("ring serves both versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::clone(certificates) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // One of its own: a session that began without a certificate must not go on at a listener that
    // wants one.
    config.ticketer = ring::Ticketer::new().expect("the system gives random bytes");
    Ok(Made { config: Arc::new(config), authorities })
}

fn verifier(clients: &Clients) -> Result<(Arc<dyn ClientCertVerifier>, [u8; 32]), TlsError> {
    let refused = |reason: String| TlsError::BadCertificate { path: clients.ca.clone(), reason };
    let (mut roots, mut authorities) = (RootCertStore::empty(), Sha256::new());
    for authority in read::certificates(&clients.ca)? {
        authorities.update(Sha256::digest(&authority));
        roots.add(authority).map_err(|error| refused(error.to_string()))?;
    }
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
    let verifier = builder.build().map_err(|error| refused(error.to_string()))?;
    Ok((verifier, authorities.finalize().into()))
}

#[cfg(test)]
mod tests;
