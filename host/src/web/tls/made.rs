//! Makes the host's own certificate at its first start: one self-signed server certificate that a
//! client trusts as it is. There is no authority behind it, so no key lies about that could sign
//! names for others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tracing::info;
use zeroize::Zeroizing;

use super::{CertificateFiles, TlsError};

const YEARS: i64 = 2;
/// The upper bound of a common name (RFC 5280 appendix A.1, ub-common-name).
const COMMON_NAME_BYTES: usize = 64;

/// Gives the pair in `state_dir`, made now if it is not there. An existing pair is left alone,
/// whatever its age and names; a key that stands alone gets a new certificate.
pub fn ensure_certificate(
    state_dir: &Path,
    host_name: &str,
    now: Timestamp,
) -> Result<CertificateFiles, TlsError> {
    let files = CertificateFiles {
        certificate: state_dir.join("cert.pem"),
        key: state_dir.join("key.pem"),
    };
    let key = match (exists(&files.certificate)?, exists(&files.key)?) {
        (true, true) => return Ok(files),
        (true, false) => {
            return Err(TlsError::LostKey { key: files.key, certificate: files.certificate });
        }
        (false, true) => read_key(&files.key)?,
        (false, false) => {
            make_folder(state_dir)
                .map_err(|source| TlsError::Write { path: state_dir.to_owned(), source })?;
            let key = KeyPair::generate().expect("ring makes P-256 keys");
            let text = Zeroizing::new(key.serialize_pem());
            write(&files.key, &text, 0o600)?;
            key
        }
    };
    write(&files.certificate, &certificate(host_name, &key, now)?, 0o644)?;
    info!(path = %files.certificate.display(), host_name, "Made a self-signed certificate");
    Ok(files)
}

fn certificate(host_name: &str, key: &KeyPair, now: Timestamp) -> Result<String, TlsError> {
    let refused = |error: rcgen::Error| TlsError::HostName {
        host_name: host_name.to_owned(),
        reason: error.to_string(),
    };
    if host_name.is_empty() || host_name.contains(char::is_whitespace) {
        let reason = "it is empty or has blanks; set host_name in host.toml".to_owned();
        return Err(TlsError::HostName { host_name: host_name.to_owned(), reason });
    }
    let mut names = vec![host_name.to_owned()];
    for local in ["localhost", "127.0.0.1", "::1"] {
        if !host_name.eq_ignore_ascii_case(local) {
            names.push(local.to_owned());
        }
    }
    let mut params = CertificateParams::new(names).map_err(refused)?;
    params.distinguished_name.remove(DnType::CommonName);
    let common_name = if host_name.len() <= COMMON_NAME_BYTES { host_name } else { "ecma-host" };
    params.distinguished_name.push(DnType::CommonName, common_name);

    // A certificate that says "CA" is refused as a server's own by webpki (CaUsedAsEndEntity), and
    // a plain one is accepted as a root by every client we know; so it says plainly that it is none.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];

    // A day back, for clients whose clock is behind.
    let today = now.to_zoned(TimeZone::UTC).date();
    let first = today.yesterday().unwrap_or(today);
    let last = today.saturating_add(YEARS.years());
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

/// Writes beside the file and renames, so that no reader ever meets half of it.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let fresh = path.with_extension("pem.new");
    let written = write_new(&fresh, text, mode).and_then(|()| {
        fs::rename(&fresh, path)?;
        sync_folder(path)
    });
    written.map_err(|source| TlsError::Write { path: path.to_owned(), source })
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = open_private(&mut options, path)?;
    set_mode(&file, mode)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

/// Sets the mode outright: the umask may have taken bits away.
#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Certificates, server_config};
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
        let certificates = Arc::new(Certificates::load(files.clone(), now()).unwrap());
        let mut server = ServerConnection::new(Arc::new(server_config(&certificates))).unwrap();
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
        let certificates = Certificates::load(files.clone(), day).unwrap();
        assert_eq!(certificates.not_after().to_string(), "2030-02-28T00:00:00Z");

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
            let key = KeyPair::generate().unwrap();
            let refused = certificate(name, &key, now()).unwrap_err();
            assert!(matches!(refused, TlsError::HostName { .. }), "{name}: {refused}");
        }
        let long = format!("{}.example", "a".repeat(63));
        let files = ensure_certificate(home.path(), &long, now()).unwrap();
        assert_eq!(handshake(&files, &long), Ok(()));
    }
}
