//! Why a certificate cannot be made, read or served, and what to do about it.

use super::CertificateFiles;
use rustls::pki_types::pem;
use std::{io, path::PathBuf};

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
    #[error("{} is not sound PEM: {}", .path.display(), of_pem(.source))]
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
        files: Box<CertificateFiles>,
        /// The certificate in the chain the key does belong to, counted from one.
        matching: Option<usize>,
    },
    /// The password of a PKCS#12 file is not the one it was made with.
    #[error(
        "the password, or that none was given, does not open {}: correct `password` under [tls] in \
         host.toml, or give it with --password-stdin",
        .path.display()
    )]
    Password {
        /// The file.
        path: PathBuf,
    },
    /// A file is neither PEM nor a PKCS#12 file that can be used.
    #[error(
        "{} is no PEM text, and as PKCS#12 it cannot be used: {reason}; export certificate and key \
         again, with AES-256 or 3DES",
        .path.display()
    )]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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

/// What the reader of PEM met; it would show lines of the file as numbers.
fn of_pem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("its line END {} is missing", String::from_utf8_lossy(end_marker).trim())
        }
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is damaged".to_owned(),
        pem::Error::Base64Decode(_) => "what stands between BEGIN and END is no base64".to_owned(),
        other => other.to_string(),
    }
}
