//! What a listener offers, and whom it lets in: real handshakes in memory.

use super::*;
use crate::web::tls::{CertificateFiles, ensure_certificate};

use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, ProtocolVersion, ServerConnection,
    SupportedProtocolVersion,
};

/// A host with its own certificate, and an authority for those of clients.
struct Place {
    home: tempfile::TempDir,
    files: CertificateFiles,
    certificates: Arc<Certificates>,
}

/// An authority, and the certificate as PEM.
fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A client's certificate.
fn client(authority: &Issuer<'static, KeyPair>) -> Shown {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["entra.example".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let files = ensure_certificate(home.path(), "localhost", Timestamp::now()).unwrap();
        let certificates = Arc::new(Certificates::load(files.clone()).unwrap());
        Self { home, files, certificates }
    }

    fn offer(&self, ca: &str, required: bool) -> Arc<Offer> {
        let file = self.home.path().join("clients.pem");
        std::fs::write(&file, ca).unwrap();
        Offer::new(&self.certificates, Some(Clients { ca: file, required })).unwrap()
    }

    fn connect(
        &self,
        offer: &Offer,
        provider: rustls::crypto::CryptoProvider,
        version: &'static SupportedProtocolVersion,
        shown: Option<Shown>,
    ) -> Result<ServerConnection, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.files.certificate).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])?
            .with_root_certificates(roots);
        let config = match shown {
            Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = ServerConnection::new(offer.config()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(server)
    }

    fn shown(&self, offer: &Offer, shown: Option<&Shown>) -> Vec<Result<usize, rustls::Error>> {
        let copy = || shown.map(|(chain, key)| (chain.clone(), key.clone_key()));
        [&TLS12, &TLS13]
            .map(|version| {
                let server = self.connect(offer, ring::default_provider(), version, copy())?;
                Ok(server.peer_certificates().map_or(0, <[_]>::len))
            })
            .into()
    }
}

#[test]
fn a_listener_offers_these_versions_and_suites_and_no_others() {
    let place = Place::new();
    let offer = Offer::new(&place.certificates, None).unwrap();
    let all: Vec<_> = offer.config().crypto_provider().cipher_suites.clone();
    let offered: Vec<CipherSuite> = all.iter().map(|suite| suite.suite()).collect();
    // Those that Entra names are all but the last of each kind.
    assert_eq!(
        offered,
        [
            CipherSuite::TLS13_AES_256_GCM_SHA384,
            CipherSuite::TLS13_AES_128_GCM_SHA256,
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]
    );
    // The key of this host is for ECDSA: its suites are tried one by one.
    for suite in all {
        let version = suite.version();
        let provider = rustls::crypto::CryptoProvider {
            cipher_suites: vec![suite],
            ..ring::default_provider()
        };
        let agreed = place.connect(&offer, provider, version, None);
        let is_rsa = format!("{:?}", suite.suite()).contains("ECDHE_RSA");
        match agreed {
            Ok(server) => {
                assert!(!is_rsa);
                assert_eq!(server.negotiated_cipher_suite().unwrap().suite(), suite.suite());
                let version = server.protocol_version().unwrap();
                assert!([ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3].contains(&version));
            }
            Err(error) => assert!(is_rsa, "{suite:?}: {error}"),
        }
    }
}

#[test]
fn a_listener_that_requires_certificates_lets_in_those_of_its_authority_only() {
    let place = Place::new();
    let (ours, pem) = authority("ours");
    let (theirs, _) = authority("theirs");
    let offer = place.offer(&pem, true);
    assert!(place.shown(&offer, None).iter().all(Result::is_err));
    assert!(place.shown(&offer, Some(&client(&theirs))).iter().all(Result::is_err));
    assert_eq!(place.shown(&offer, Some(&client(&ours))), [Ok(1), Ok(1)]);
}

#[test]
fn a_listener_that_asks_for_certificates_lets_in_who_has_none() {
    let place = Place::new();
    let (ours, pem) = authority("ours");
    let (theirs, _) = authority("theirs");
    let offer = place.offer(&pem, false);
    assert_eq!(place.shown(&offer, None), [Ok(0), Ok(0)]);
    assert!(place.shown(&offer, Some(&client(&theirs))).iter().all(Result::is_err));
    assert_eq!(place.shown(&offer, Some(&client(&ours))), [Ok(1), Ok(1)]);
}

#[test]
fn authorities_are_read_again_and_bad_ones_are_refused() {
    let place = Place::new();
    let (ours, pem) = authority("ours");
    let (theirs, other) = authority("theirs");
    let offer = place.offer(&pem, true);
    assert!(!offer.reload().unwrap());
    std::fs::write(offer.ca().unwrap(), "no certificate").unwrap();
    assert!(matches!(offer.reload(), Err(TlsError::NoCertificate { .. })));
    assert_eq!(place.shown(&offer, Some(&client(&ours))), [Ok(1), Ok(1)]);
    std::fs::write(offer.ca().unwrap(), other).unwrap();
    assert!(offer.reload().unwrap());
    assert!(place.shown(&offer, Some(&client(&ours))).iter().all(Result::is_err));
    assert_eq!(place.shown(&offer, Some(&client(&theirs))), [Ok(1), Ok(1)]);
}
