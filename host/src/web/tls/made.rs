//! Makes the host's own certificate at its first start: one self-signed server certificate that a
//! client trusts as it is. There is no authority behind it, so no key lies about that could sign
//! names for others.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tracing::info;
use zeroize::Zeroizing;

use super::{CertificateFiles, TlsError};
use crate::config::{private_folder, write_atomic};

/// Two years, less the day that a leap year has more.
const DAYS: u32 = 730;
/// The upper bound of a common name (RFC 5280 appendix A.1, ub-common-name).
const COMMON_NAME_BYTES: usize = 64;

/// What a new certificate should be like.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// The names of the host, the first of them its common name. Those of this machine come with them.
    pub names: Vec<String>,
    /// How long it is valid.
    pub days: u32,
    /// Whether the key is made anew too.
    pub new_key: bool,
}

/// Gives the pair in `state_dir`, made now if it is not there. An existing pair is left alone,
/// whatever its age and names; a key that stands alone gets a new certificate.
pub fn ensure_certificate(
    state_dir: &Path,
    host_name: &str,
    now: Timestamp,
) -> Result<CertificateFiles, TlsError> {
    let files = made_files(state_dir);
    let wishes = |new_key| Wishes { names: vec![host_name.to_owned()], days: DAYS, new_key };
    match (exists(&files.certificate)?, exists(&files.key)?) {
        (true, true) => return Ok(files),
        (true, false) => {
            return Err(TlsError::LostKey { key: files.key, certificate: files.certificate });
        }
        (false, has_key) => make(&files, &wishes(!has_key), now)?,
    }
    info!(path = %files.certificate.display(), host_name, "Made a self-signed certificate");
    Ok(files)
}

/// Makes the pair in `state_dir` anew, or the certificate only. What is replaced is kept beside, under
/// a name with the time; gives those names.
pub fn renew_certificate(
    state_dir: &Path,
    wishes: &Wishes,
    now: Timestamp,
) -> Result<(CertificateFiles, Vec<PathBuf>), TlsError> {
    let files = made_files(state_dir);
    let new_key = wishes.new_key || !exists(&files.key)?;
    let mut kept = Vec::new();
    for (path, is_replaced) in [(&files.key, new_key), (&files.certificate, true)] {
        if is_replaced && exists(path)? {
            kept.push(keep(path, now)?);
        }
    }
    make(&files, &Wishes { new_key, ..wishes.clone() }, now)?;
    Ok((files, kept))
}

/// Copies a file beside itself, under a name with the time.
pub fn keep(path: &Path, now: Timestamp) -> Result<PathBuf, TlsError> {
    let mut name = path.as_os_str().to_owned();
    // Finer than a second: what was kept before is not to be lost.
    name.push(format!(".{}", now.strftime("%Y%m%dT%H%M%S%.3fZ")));
    let kept = PathBuf::from(name);
    // The mode goes with the content.
    let copied = fs::copy(path, &kept).map(drop);
    copied.map_err(|source| {
        // A part of a file is no copy.
        let _ = fs::remove_file(&kept);
        TlsError::Write { path: kept.clone(), source }
    })?;
    Ok(kept)
}

fn made_files(state_dir: &Path) -> CertificateFiles {
    CertificateFiles {
        certificate: state_dir.join("cert.pem"),
        key: state_dir.join("key.pem"),
        password: None,
    }
}

/// Writes the key first: a certificate that stands alone is of no use.
fn make(files: &CertificateFiles, wishes: &Wishes, now: Timestamp) -> Result<(), TlsError> {
    let key = match wishes.new_key {
        true => KeyPair::generate().expect("ring makes P-256 keys"),
        false => read_key(&files.key)?,
    };
    // Before anything is written: the names may not be right.
    let certificate = certificate(wishes, &key, now)?;
    if wishes.new_key {
        let text = Zeroizing::new(key.serialize_pem());
        write(&files.key, &text, 0o600)?;
    }
    write(&files.certificate, &certificate, 0o644)
}

fn certificate(wishes: &Wishes, key: &KeyPair, now: Timestamp) -> Result<String, TlsError> {
    let mut names: Vec<String> = Vec::new();
    let local = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    for name in wishes.names.iter().chain(&local) {
        if name.is_empty() || name.contains(char::is_whitespace) {
            let reason = "it is empty or has blanks; set host_name in host.toml".to_owned();
            return Err(TlsError::HostName { host_name: name.clone(), reason });
        }
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.clone());
        }
    }
    let host_name = names[0].clone();
    let refused = |error: rcgen::Error| TlsError::HostName {
        host_name: host_name.clone(),
        reason: error.to_string(),
    };
    let mut params = CertificateParams::new(names).map_err(refused)?;
    params.distinguished_name.remove(DnType::CommonName);
    let is_short = host_name.len() <= COMMON_NAME_BYTES;
    let common_name = if is_short { host_name.as_str() } else { "ecma-host" };
    params.distinguished_name.push(DnType::CommonName, common_name);

    // A certificate that says "CA" is refused as a server's own by webpki (CaUsedAsEndEntity), and
    // a plain one is accepted as a root by every client we know; so it says plainly that it is none.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];

    // A day back, for clients whose clock is behind.
    let today = now.to_zoned(TimeZone::UTC).date();
    let first = today.yesterday().unwrap_or(today);
    let last = today.saturating_add(i64::from(wishes.days).days());
    params.not_before = date_time_ymd(first.year().into(), part(first.month()), part(first.day()));
    params.not_after = date_time_ymd(last.year().into(), part(last.month()), part(last.day()));
    Ok(params.self_signed(key).map_err(refused)?.pem())
}

fn part(of_date: i8) -> u8 {
    of_date.unsigned_abs()
}

fn read_key(path: &Path) -> Result<KeyPair, TlsError> {
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    KeyPair::from_pem(&text)
        .map_err(|error| TlsError::BadKey { path: path.to_owned(), reason: error.to_string() })
}

fn exists(path: &Path) -> Result<bool, TlsError> {
    path.try_exists().map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let folder = path.parent().map_or(Ok(()), private_folder);
    folder
        .and_then(|()| write_atomic(path, text.as_bytes(), Some(mode)))
        .map_err(|source| TlsError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::super::{Certificates, Offer};
    use super::*;
    use std::sync::Arc;

    use rustls::crypto::ring;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    fn now() -> Timestamp {
        Timestamp::now()
    }

    /// A whole handshake in memory by a client that trusts this one file.
    fn handshake(files: &CertificateFiles, name: &str) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&files.certificate).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let certificates = Arc::new(Certificates::load(files.clone()).unwrap());
        let mut server =
            ServerConnection::new(Offer::new(&certificates, None).unwrap().config()).unwrap();
        while client.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn a_client_that_trusts_the_file_reaches_every_name_of_the_host_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let files = ensure_certificate(home.path(), "idm.example.org", now()).unwrap();
        for name in ["idm.example.org", "localhost", "127.0.0.1", "::1"] {
            assert_eq!(handshake(&files, name), Ok(()), "{name}");
        }
        assert!(matches!(
            handshake(&files, "other.example.org"),
            Err(rustls::Error::InvalidCertificate(_))
        ));
    }

    #[test]
    fn the_pair_lasts_two_years_and_is_made_once() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        let day = "2028-02-29T12:00:00Z".parse().unwrap();
        let files = ensure_certificate(&state, "localhost", day).unwrap();
        let certificates = Certificates::load(files.clone()).unwrap();
        assert_eq!(certificates.facts().not_after.to_string(), "2030-02-28T00:00:00Z");

        let first = fs::read(&files.certificate).unwrap();
        assert_eq!(ensure_certificate(&state, "renamed.example", now()).unwrap(), files);
        assert_eq!(fs::read(&files.certificate).unwrap(), first);
        let left: Vec<_> = fs::read_dir(&state).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        let files = ensure_certificate(&state, "a.example", now()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        assert_eq!(mode(&files.key), 0o600);
        assert_eq!(mode(&files.certificate), 0o644);
    }

    #[test]
    fn a_key_alone_gets_a_certificate_and_a_certificate_alone_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let files = ensure_certificate(home.path(), "a.example", now()).unwrap();
        let key = fs::read(&files.key).unwrap();

        fs::remove_file(&files.certificate).unwrap();
        ensure_certificate(home.path(), "a.example", now()).unwrap();
        assert_eq!(fs::read(&files.key).unwrap(), key);
        assert_eq!(handshake(&files, "a.example"), Ok(()));

        fs::remove_file(&files.key).unwrap();
        let refused = ensure_certificate(home.path(), "a.example", now()).unwrap_err();
        assert!(matches!(refused, TlsError::LostKey { .. }), "{refused}");
    }

    #[test]
    fn a_name_that_cannot_stand_in_a_certificate_is_refused() {
        let home = tempfile::tempdir().unwrap();
        for name in ["", "two words", "bücher.example"] {
            let refused = ensure_certificate(home.path(), name, now()).unwrap_err();
            assert!(matches!(refused, TlsError::HostName { .. }), "{name}: {refused}");
        }
        let long = format!("{}.example", "a".repeat(63));
        let files = ensure_certificate(home.path(), &long, now()).unwrap();
        assert_eq!(handshake(&files, &long), Ok(()));
    }

    #[test]
    fn a_renewed_certificate_has_the_names_and_days_asked_for_and_the_old_one_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let files = ensure_certificate(home.path(), "a.example", now()).unwrap();
        let (old, key) = (fs::read(&files.certificate).unwrap(), fs::read(&files.key).unwrap());
        let names = vec!["b.example".to_owned(), "c.example".to_owned()];
        let wishes = Wishes { names, days: 90, new_key: false };
        let (renewed, kept) = renew_certificate(home.path(), &wishes, now()).unwrap();
        assert_eq!(renewed, files);
        assert_eq!(kept.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>(), [old]);
        assert_eq!(fs::read(&files.key).unwrap(), key);
        let facts = Certificates::load(files.clone()).unwrap().facts();
        assert_eq!(facts.names, ["b.example", "c.example", "localhost", "127.0.0.1", "::1"]);
        assert!((89..=90).contains(&facts.days(now())), "{facts:?}");

        let wishes = Wishes { new_key: true, ..wishes };
        let later = now() + jiff::SignedDuration::from_secs(2);
        let (_, kept) = renew_certificate(home.path(), &wishes, later).unwrap();
        assert_eq!(fs::read(&kept[0]).unwrap(), key);
        assert_ne!(fs::read(&files.key).unwrap(), key);
        assert_eq!(handshake(&files, "c.example"), Ok(()));
    }
}
