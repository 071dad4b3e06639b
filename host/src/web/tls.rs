//! The host's certificate: read, checked, served to each handshake, replaced without a restart.
//! Nothing here writes files; the pair of the first start is made in `made.rs`.

mod made;
mod validity;

pub use made::ensure_certificate;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tracing::warn;
use zeroize::Zeroizing;

/// From this long before the end of a certificate each load warns.
const RENEWAL_NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Where the certificate chain and its private key are; both may be the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the server's own certificate first, then the ones that lead to the root.
    pub certificate: PathBuf,
    /// PEM: the private key as PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Why a certificate cannot be made or served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A file of the made pair cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The PEM armor or the base64 inside it is broken.
    #[error("{} is not sound PEM: {source}", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the reader met.
        source: pem::Error,
    },
    /// No certificate is in the certificate file.
    #[error(
        "no certificate in {}: expected PEM text with a \"BEGIN CERTIFICATE\" line",
        .path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is there but cannot be understood.
    #[error("the certificate in {} is not usable: {reason}", .path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No private key is in the key file.
    #[error(
        "no private key in {}: expected PEM text with a \"BEGIN PRIVATE KEY\", \"BEGIN RSA \
         PRIVATE KEY\" or \"BEGIN EC PRIVATE KEY\" line",
        .path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key needs a pass phrase.
    #[error(
        "the private key in {} is encrypted: store it without a pass phrase, as \
         \"openssl pkey -in KEY -out key.pem\" does",
        .path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is of a kind that cannot sign here.
    #[error(
        "the private key in {} is not usable: {reason}; give one for RSA of 2048 to 8192 bits, \
         ECDSA P-256 or P-384, or Ed25519",
        .path.display()
    )]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key belongs to another certificate.
    #[error(
        "the private key in {} does not belong to the first certificate in {}{}",
        .files.key.display(), .files.certificate.display(), belongs_elsewhere(*.matching)
    )]
    Mismatch {
        /// The two files.
        files: CertificateFiles,
        /// The certificate in the chain the key does belong to, counted from one.
        matching: Option<usize>,
    },
    /// A made certificate stands without its key.
    #[error(
        "{} is missing while {} is there: put the key back, or remove the certificate to have a \
         new pair made",
        .key.display(), .certificate.display()
    )]
    LostKey {
        /// The missing file.
        key: PathBuf,
        /// The file that stands alone.
        certificate: PathBuf,
    },
    /// The host name cannot stand in a certificate.
    #[error("no certificate can be made for the host name \"{host_name}\": {reason}")]
    HostName {
        /// The name as configured.
        host_name: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn belongs_elsewhere(matching: Option<usize>) -> String {
    matching.map_or_else(String::new, |place| {
        format!("; it belongs to number {place}: the server's own certificate must come first")
    })
}

#[derive(Debug)]
struct Served {
    key: Arc<CertifiedKey>,
    not_after: Timestamp,
}

/// The certificate served now; a reload replaces it for the handshakes to come.
#[derive(Debug)]
pub struct Certificates {
    files: CertificateFiles,
    served: ArcSwap<Served>,
}

impl Certificates {
    /// Reads and checks the pair. A certificate outside its validity is served with a warning.
    pub fn load(files: CertificateFiles, now: Timestamp) -> Result<Self, TlsError> {
        let served = read(&files, now)?;
        Ok(Self { files, served: ArcSwap::from_pointee(served) })
    }

    /// Reads the files again and says whether the certificate is a different one now. A bad pair is
    /// refused and the old one stays.
    pub fn reload(&self, now: Timestamp) -> Result<bool, TlsError> {
        let fresh = read(&self.files, now)?;
        let changed = fresh.key.cert != self.served.load().key.cert;
        self.served.store(Arc::new(fresh));
        Ok(changed)
    }

    /// When the served certificate ends.
    pub fn not_after(&self) -> Timestamp {
        self.served.load().not_after
    }

    /// The files the pair is read from.
    pub fn files(&self) -> &CertificateFiles {
        &self.files
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.served.load().key))
    }
}

/// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1 by ALPN. Sessions resume by ticket, so a client that was
/// here before keeps its session over a reload and sees the new certificate at its next full
/// handshake.
pub fn server_config(certificates: &Arc<Certificates>) -> ServerConfig {
    // The provider is named because a plugin's driver may bring a second one into the tree, and
    // rustls then refuses to choose.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("ring serves both versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(certificates) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new().expect("the system gives random bytes");
    config
}

fn read(files: &CertificateFiles, now: Timestamp) -> Result<Served, TlsError> {
    let chain = read_chain(&files.certificate)?;
    let key = read_key(&files.key)?;
    let provider = ring::default_provider();
    let bad_certificate = |reason: String| {
        let path = files.certificate.clone();
        TlsError::BadCertificate { path, reason }
    };

    let certified =
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider).map_err(|error| {
            match error {
                rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                    files: files.clone(),
                    matching: place_of_key(&chain, &key, &provider),
                },
                rustls::Error::InvalidCertificate(reason) => bad_certificate(format!("{reason:?}")),
                rustls::Error::General(reason) => {
                    TlsError::BadKey { path: files.key.clone(), reason }
                }
                other => bad_certificate(other.to_string()),
            }
        })?;
    let (not_before, not_after) = validity::of_certificate(&chain[0])
        .ok_or_else(|| bad_certificate("its validity cannot be read".to_owned()))?;

    let path = files.certificate.display();
    if now > not_after {
        warn!(%path, %not_after, "The certificate has expired");
    } else if now < not_before {
        warn!(%path, %not_before, "The certificate is not valid yet");
    } else if not_after.duration_since(now) < RENEWAL_NOTICE {
        warn!(%path, %not_after, "The certificate expires soon");
    }
    Ok(Served { key: Arc::new(certified), not_after })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read_file(path)?;
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = Zeroizing::new(read_file(path)?);
    let says = |words: &[u8]| text.windows(words.len()).any(|window| window == words);
    if says(b"BEGIN ENCRYPTED PRIVATE KEY") || says(b"Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError::EncryptedKey { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::NoKey { path: path.to_owned() },
        source => TlsError::Pem { path: path.to_owned(), source },
    })
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
    chain.iter().position(belongs).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().expect("a moment")
    }

    fn pair(name: &str) -> (String, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 3, 1);
        (params.self_signed(&key).unwrap().pem(), key)
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn with(&self, certificate: &str, key: &str) -> CertificateFiles {
            let files = CertificateFiles {
                certificate: self.0.path().join("cert.pem"),
                key: self.0.path().join("key.pem"),
            };
            std::fs::write(&files.certificate, certificate).unwrap();
            std::fs::write(&files.key, key).unwrap();
            files
        }
    }

    fn refusal(certificate: &str, key: &str) -> TlsError {
        let folder = Folder::new();
        Certificates::load(folder.with(certificate, key), now()).unwrap_err()
    }

    #[test]
    fn each_bad_pair_is_refused_for_its_own_reason() {
        let (certificate, key) = pair("a.example");
        let (other, other_key) = pair("b.example");
        let key = key.serialize_pem();
        let broken = certificate.replace("MII", "!!!");

        assert!(matches!(refusal("", &key), TlsError::NoCertificate { .. }));
        assert!(matches!(refusal(&key, &key), TlsError::NoCertificate { .. }));
        assert!(matches!(refusal(&broken, &key), TlsError::Pem { .. }));
        let wrapped = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(refusal(wrapped, &key), TlsError::BadCertificate { .. }));
        assert!(matches!(refusal(&certificate, ""), TlsError::NoKey { .. }));
        assert!(matches!(refusal(&certificate, &certificate), TlsError::NoKey { .. }));
        let wrapped = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(refusal(&certificate, wrapped), TlsError::BadKey { .. }));
        let locked = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
        assert!(matches!(refusal(&certificate, &locked), TlsError::EncryptedKey { .. }));
        assert!(matches!(
            refusal(&certificate, &other_key.serialize_pem()),
            TlsError::Mismatch { matching: None, .. }
        ));
        let wrong_order = refusal(&format!("{other}{certificate}"), &key);
        assert!(matches!(wrong_order, TlsError::Mismatch { matching: Some(2), .. }));
        assert!(wrong_order.to_string().ends_with("own certificate must come first"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = Folder::new();
        let mut files = folder.with("", "");
        files.certificate.set_file_name("gone.pem");
        let refused = Certificates::load(files, now()).unwrap_err();
        assert!(matches!(&refused, TlsError::Read { .. }), "{refused}");
        assert!(refused.to_string().contains("gone.pem"), "{refused}");
    }

    #[test]
    fn an_expired_certificate_and_one_file_for_both_are_served() {
        let (certificate, key) = pair("a.example");
        let both = format!("{}{certificate}", key.serialize_pem());
        let folder = Folder::new();
        let certificates = Certificates::load(folder.with(&both, &both), now()).unwrap();
        assert!(certificates.not_after() < now());
    }

    #[test]
    fn a_bad_pair_at_reload_leaves_the_old_one() {
        let (certificate, key) = pair("a.example");
        let (other, other_key) = pair("b.example");
        let folder = Folder::new();
        let files = folder.with(&certificate, &key.serialize_pem());
        let certificates = Certificates::load(files, now()).unwrap();
        let served = || certificates.served.load().key.cert.clone();
        let before = served();
        assert!(!certificates.reload(now()).unwrap());

        // The state between the two writes of an operator who replaces one file after the other.
        folder.with(&other, &key.serialize_pem());
        assert!(matches!(certificates.reload(now()), Err(TlsError::Mismatch { .. })));
        assert_eq!(served(), before);

        folder.with(&other, &other_key.serialize_pem());
        assert!(certificates.reload(now()).unwrap());
        assert_ne!(served(), before);
    }
}
