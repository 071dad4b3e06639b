//! The certificates that servers show, and those that clients do.

use std::path::PathBuf;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use sha2::{Digest as _, Sha256};

use crate::server::Place;

/// What kind of certificate a server shows, for `localhost` and `127.0.0.1` if nothing else is said.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// One that an authority made for this server has signed.
    #[default]
    SignedByAuthority,
    /// One that signed itself and says that it is an authority, as servers on premises often have.
    /// Strict clients (webpki) refuse it even when they are told to trust it.
    SelfSignedAuthority,
    /// One that the authority has signed, and that was valid until the end of 2019.
    Expired,
    /// One that the authority has signed, for `elsewhere.example`.
    WrongName,
}

/// Where a certificate and its key are.
pub(crate) struct Files {
    /// What a client trusts.
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Of the server's certificate as DER, in hexadecimal digits.
    pub(crate) sha256: String,
    pub(crate) authority: Issuer<'static, KeyPair>,
}

impl Certificate {
    /// Whether it satisfies a client that trusts the authority and comes by `127.0.0.1`.
    pub(crate) fn stands_a_check(self) -> bool {
        matches!(self, Certificate::SignedByAuthority | Certificate::SelfSignedAuthority)
    }

    /// Makes the certificate for `localhost` and a host, usually `127.0.0.1`.
    pub(crate) fn make(self, place: &Place, host: &str) -> anyhow::Result<Files> {
        let key = KeyPair::generate().context("cannot make a key")?;
        let key_pem = key.serialize_pem();
        let mut params = match self {
            Certificate::WrongName => named("elsewhere.example", &["elsewhere.example"])?,
            _ => named("localhost", &["localhost", host])?,
        };
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (certificate, ca, authority) = if self == Certificate::SelfSignedAuthority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
            let certificate = params.self_signed(&key).context("cannot sign")?;
            let pem = certificate.pem();
            (certificate, pem, Issuer::new(params, key))
        } else {
            let ca_key = KeyPair::generate().context("cannot make a key")?;
            let mut ca = named("Authority of a test", &[])?;
            ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            let ca_pem = ca.self_signed(&ca_key).context("cannot sign the authority")?.pem();
            params.is_ca = IsCa::ExplicitNoCa;
            params.use_authority_key_identifier_extension = true;
            if self == Certificate::Expired {
                params.not_after = date_time_ymd(2019, 12, 31);
            }
            let issuer = Issuer::new(ca, ca_key);
            (params.signed_by(&key, &issuer).context("cannot sign")?, ca_pem, issuer)
        };
        let digest = Sha256::digest(certificate.der());
        Ok(Files {
            ca: place.write("ca.pem", &ca)?,
            certificate: place.write("server.pem", &certificate.pem())?,
            key: place.write("server.key", &key_pem)?,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            authority,
        })
    }
}

/// Makes a client's certificate with the subject `CN=name` as PEM, and its key as PEM (PKCS #8).
pub(crate) fn for_client(
    authority: &Issuer<'_, KeyPair>,
    name: &str,
) -> anyhow::Result<(String, String)> {
    let key = KeyPair::generate().context("cannot make a key")?;
    let mut params = named(name, &[])?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, authority).context("cannot sign")?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn named(name: &str, hosts: &[&str]) -> anyhow::Result<CertificateParams> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).context("cannot name the server")?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}
