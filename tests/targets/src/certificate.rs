//! The certificates that servers show.

use std::path::PathBuf;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use sha2::{Digest as _, Sha256};

use crate::server::Place;

/// What kind of certificate a server shows. Each is for `localhost` and `127.0.0.1`.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// One that an authority made for this server has signed.
    #[default]
    SignedByAuthority,
    /// One that signed itself and says that it is an authority, as servers on premises often have.
    /// Strict clients (webpki) refuse it even when they are told to trust it.
    SelfSignedAuthority,
}

/// Where a certificate and its key are.
pub(crate) struct Files {
    /// What a client trusts.
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Of the server's certificate as DER, in hexadecimal digits.
    pub(crate) sha256: String,
}

impl Certificate {
    pub(crate) fn make(self, place: &Place) -> anyhow::Result<Files> {
        let key = KeyPair::generate().context("cannot make a key")?;
        let mut params = named("localhost")?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (certificate, ca) = match self {
            Certificate::SignedByAuthority => {
                let ca_key = KeyPair::generate().context("cannot make a key")?;
                let mut ca = named("Authority of a test")?;
                ca.subject_alt_names.clear();
                ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
                let ca_pem = ca.self_signed(&ca_key).context("cannot sign the authority")?.pem();
                params.is_ca = IsCa::ExplicitNoCa;
                params.use_authority_key_identifier_extension = true;
                let issuer = Issuer::new(ca, ca_key);
                (params.signed_by(&key, &issuer).context("cannot sign")?, Some(ca_pem))
            }
            Certificate::SelfSignedAuthority => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.key_usages.push(KeyUsagePurpose::KeyCertSign);
                (params.self_signed(&key).context("cannot sign")?, None)
            }
        };
        let ca = ca.unwrap_or_else(|| certificate.pem());
        let digest = Sha256::digest(certificate.der());
        Ok(Files {
            ca: place.write("ca.pem", &ca)?,
            certificate: place.write("server.pem", &certificate.pem())?,
            key: place.write("server.key", &key.serialize_pem())?,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}

fn named(name: &str) -> anyhow::Result<CertificateParams> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).context("cannot name the server")?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}
