//! The pair in its files: what is refused, what is served, what a reload does.

use super::*;
use p12_keystore::{EncryptionAlgorithm, KeyStore, KeyStoreEntry, LocalKeyId, PrivateKeyChain};
use rcgen::{CertificateParams, KeyPair};

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
            password: None,
        };
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }
}

fn refusal(certificate: &str, key: &str) -> TlsError {
    let folder = Folder::new();
    Certificates::load(folder.with(certificate, key)).unwrap_err()
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
    let cut = certificate.split_once("-----END").unwrap().0;
    for (text, said) in [
        (broken.as_str(), "what stands between BEGIN and END is no base64"),
        (cut, "its line END CERTIFICATE is missing"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "it is no X.509 certificate, or a damaged one",
        ),
    ] {
        let told = refusal(text, &key).to_string();
        assert!(told.contains(said), "{told}");
    }
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
    let refused = Certificates::load(files.clone()).unwrap_err();
    assert!(matches!(&refused, TlsError::Read { .. }), "{refused}");
    assert!(refused.to_string().contains("gone.pem"), "{refused}");
}

#[test]
fn a_certificate_of_any_age_and_one_file_for_both_are_served() {
    let (certificate, key) = pair("a.example");
    let both = format!("{}{certificate}", key.serialize_pem());
    let folder = Folder::new();
    let certificates = Certificates::load(folder.with(&both, &both)).unwrap();
    assert_eq!(certificates.facts().not_after.to_string(), "2026-03-01T00:00:00Z");
}

#[test]
fn a_bad_pair_at_reload_leaves_the_old_one() {
    let (certificate, key) = pair("a.example");
    let (other, other_key) = pair("b.example");
    let folder = Folder::new();
    let files = folder.with(&certificate, &key.serialize_pem());
    let certificates = Certificates::load(files.clone()).unwrap();
    let served = || certificates.facts().sha256;
    let before = served();
    assert!(!certificates.reload(files.clone()).unwrap());

    // The state between the two writes of an operator who replaces one file after the other.
    folder.with(&other, &key.serialize_pem());
    assert!(matches!(certificates.reload(files.clone()), Err(TlsError::Mismatch { .. })));
    assert_eq!(served(), before);

    folder.with(&other, &other_key.serialize_pem());
    assert!(certificates.reload(files.clone()).unwrap());
    assert_ne!(served(), before);
}

/// A PKCS#12 file: the root first, as some programs write it, then the server's own.
fn archive(scheme: EncryptionAlgorithm, password: &str) -> Vec<u8> {
    let (root, root_key) = {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "root");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        (params, key)
    };
    let root_der = root.self_signed(&root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "own");
    let own = params.signed_by(&key, &rcgen::Issuer::new(root, root_key)).unwrap();
    let certificate = |der: &[u8]| p12_keystore::Certificate::from_der(der).unwrap();
    let chain = PrivateKeyChain::new(
        LocalKeyId(b"one".to_vec()),
        p12_keystore::PrivateKey::from_der(&key.serialize_der()).unwrap(),
        [certificate(own.der()), certificate(root_der.der())],
    );
    let mut store = KeyStore::new();
    store.add_entry("host", KeyStoreEntry::PrivateKeyChain(chain));
    store.writer(password).encryption_algorithm(scheme).write().unwrap()
}

#[test]
fn pkcs12_of_new_and_old_kinds_is_served_with_its_chain() {
    let folder = Folder::new();
    let file = folder.0.path().join("cert.p12");
    let files = |password: &str| CertificateFiles {
        certificate: file.clone(),
        key: file.clone(),
        password: Some(password.into()),
    };
    for scheme in [
        EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
        EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
        EncryptionAlgorithm::PbeWithShaAnd40BitRc4Cbc,
    ] {
        std::fs::write(&file, archive(scheme, "größe 12")).unwrap();
        let pair = Pair::read(&files("größe 12")).unwrap();
        assert_eq!(
            (pair.facts.names.as_slice(), pair.certified.cert.len()),
            (&["a.example".to_owned()][..], 2)
        );
        let wrong = Pair::read(&files("grosse12")).unwrap_err();
        assert!(matches!(wrong, TlsError::Password { .. }), "{scheme:?}: {wrong}");
        assert!(!format!("{:?} {wrong}", files("größe 12")).contains("größe"));

        // What is read can be written as PEM and read again.
        let again = Folder::new();
        let pem = Pair::read(&again.with(&pair.chain_pem(), &pair.key_pem())).unwrap();
        assert_eq!(pem.facts, pair.facts);
        assert_eq!(pem.certified.cert, pair.certified.cert);
    }
    for (bytes, said) in [(&b"neither"[..], "is no PEM text"), (b"", "is no PEM text")] {
        std::fs::write(&file, bytes).unwrap();
        let refused = Pair::read(&files("")).unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    }
}
