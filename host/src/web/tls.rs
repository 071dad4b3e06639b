//! The host's certificate: read, checked, served to each handshake, replaced without a restart.
//! Nothing here writes files; the pair of the first start is made in `made.rs`.

mod clients;
mod error;
mod facts;
mod made;
mod read;

pub use clients::{Clients, Offer};
pub use error::TlsError;
pub use facts::{Age, Facts};
pub use made::{Wishes, ensure_certificate, keep, renew_certificate};
pub use read::Pair;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::Secret;

/// Where the certificate chain and its private key are; both may be the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the server's own certificate first, then the ones that lead to the root. Or PKCS#12, of
    /// both.
    pub certificate: PathBuf,
    /// PEM: the private key as PKCS#8, PKCS#1 or SEC1. The same file in the case of PKCS#12.
    pub key: PathBuf,
    /// The password of a PKCS#12 file.
    pub password: Option<Secret>,
}

/// The certificate served now; a reload replaces it for the handshakes to come.
#[derive(Debug)]
pub struct Certificates {
    served: ArcSwap<Served>,
}

#[derive(Debug)]
struct Served {
    files: CertificateFiles,
    pair: Pair,
}

impl Certificates {
    /// Reads and checks the pair. A certificate outside its validity is served all the same.
    pub fn load(files: CertificateFiles) -> Result<Self, TlsError> {
        let pair = Pair::read(&files)?;
        Ok(Self { served: ArcSwap::from_pointee(Served { files, pair }) })
    }

    /// Reads these files and says whether the certificate is a different one now. A bad pair is
    /// refused and the old one stays.
    pub fn reload(&self, files: CertificateFiles) -> Result<bool, TlsError> {
        let pair = Pair::read(&files)?;
        let changed = pair.facts.sha256 != self.facts().sha256;
        self.served.store(Arc::new(Served { files, pair }));
        Ok(changed)
    }

    /// What the served certificate says.
    pub fn facts(&self) -> Facts {
        self.served.load().pair.facts.clone()
    }

    /// The files the pair was read from.
    pub fn files(&self) -> CertificateFiles {
        self.served.load().files.clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.served.load().pair.certified))
    }
}

#[cfg(test)]
mod tests;
