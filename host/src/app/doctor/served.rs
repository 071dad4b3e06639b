//! The certificate, the port, and the host that runs.

use super::Findings;
use crate::{
    app::{machine_name, now, ready_file, simulate::is_running, walk::Ask},
    config::HostConfig,
    web::tls::{CertificateFiles, Certificates},
};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
};
use serde_json::Value;
use std::net::TcpListener;

/// From this many days before its end a certificate is warned of.
const RENEWAL: i64 = 30;

pub(super) fn certificate(config: &HostConfig, found: &mut Findings) {
    let files = match &config.tls {
        Some(files) => {
            CertificateFiles { certificate: files.certificate.clone(), key: files.key.clone() }
        }
        None => CertificateFiles {
            certificate: config.state.join("cert.pem"),
            key: config.state.join("key.pem"),
        },
    };
    let shown = files.certificate.strip_prefix(&config.home).unwrap_or(&files.certificate);
    let shown = shown.display().to_string();
    if config.tls.is_none() && !files.certificate.exists() {
        return found.note(&shown, "there is no certificate yet", "the first start makes one");
    }
    let name = config.host_name.clone().unwrap_or_else(machine_name);
    if !is_for(&files, &name) {
        found.warning(
            &shown,
            format!("it is not for {name}, as this host is called"),
            "set `host_name` to the name that clients use, and have a certificate with that name",
        );
    }
    let renew = "replace it; the next handshake has the new one";
    match Certificates::load(files, now()) {
        Err(error) => found.error(&shown, error.to_string(), "put a sound pair in place"),
        Ok(pair) => {
            let end = pair.not_after();
            let days = end.duration_since(now()).as_hours() / 24;
            match end > now() {
                false => found.error(&shown, format!("it expired on {end}"), renew),
                true if days < RENEWAL => {
                    found.warning(&shown, format!("it expires in {days} days"), renew);
                }
                true => found.ok(&shown, format!("it is valid for {days} more days")),
            }
        }
    }
}

fn is_for(files: &CertificateFiles, name: &str) -> bool {
    let Ok(certificate) = CertificateDer::from_pem_file(&files.certificate) else {
        // What is wrong with the file is told with the pair.
        return true;
    };
    let name = ServerName::try_from(name);
    let parsed = ParsedCertificate::try_from(&certificate);
    matches!((parsed, name), (Ok(parsed), Ok(name)) if verify_server_name(&parsed, &name).is_ok())
}

/// The lock, the socket, the port, the version, and how the connectors stand.
pub(super) fn running(config: &HostConfig, admin: Option<Ask<'_>>, found: &mut Findings) {
    let holds_lock = is_running(&config.state);
    let health = admin.map(|ask| ask("/v1/health"));
    match (holds_lock, health) {
        (true, Some(Ok(health))) => {
            found.ok("host", format!("it runs as process {}", health["pid"]));
            stands(&health, found);
        }
        (true, Some(Err(error))) => {
            found.error("admin socket", error, "run this as the host's account")
        }
        (true, None) => found.error(
            "admin socket",
            "a host holds state/lock, and its socket does not answer",
            "see its log; stop it and start it again",
        ),
        (false, _) => {
            found.note("host", "none runs in this home", "start it with `ecma-host run`");
            for rest in [ready_file(config), config.state.join("admin.sock")] {
                if rest.exists() {
                    let rest = rest.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    found.note(
                        &format!("state/{rest}"),
                        "it was left by a host that did not end by itself",
                        "the next start removes it; its log may say why it ended",
                    );
                }
            }
            ports(config, found);
        }
    }
}

fn stands(health: &Value, found: &mut Findings) {
    let ours = env!("CARGO_PKG_VERSION");
    if health["version"] != ours {
        let theirs = health["version"].as_str().unwrap_or("another");
        let what = format!("the running host is {theirs}, this program is {ours}");
        found.warning("version", what, "restart the host");
    }
    for connector in health["connectors"].as_array().into_iter().flatten() {
        let name = connector["name"].as_str().unwrap_or_default();
        let at = format!("connector {name}");
        let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let test = format!("`ecma-host connectors test {name}` says which link is broken");
        let before = found.0.len();
        if connector["state"] == "failed" {
            found.error(&at, words(&connector["detail"]), test);
        }
        for notice in connector["notices"].as_array().into_iter().flatten() {
            match notice["kind"].as_str() {
                Some("refused") => {
                    found.error(&at, words(&notice["detail"]), "correct the document")
                }
                _ => found.note(&at, words(&notice["detail"]), ""),
            }
        }
        if let Some(held) = connector["held"].as_u64() {
            let remedy = format!("`ecma-host imports release {name}` lets them go");
            found.error(&at, format!("{held} removals are held back"), remedy);
        }
        if found.0.len() == before {
            found.ok(
                &at,
                format!("{}, {} entries", words(&connector["state"]), connector["entries"]),
            );
        }
    }
}

fn ports(config: &HostConfig, found: &mut Findings) {
    for address in &config.listen {
        let at = address.to_string();
        match TcpListener::bind(address) {
            Ok(_) => found.ok(&at, "free"),
            Err(error) => found.error(
                &at,
                format!("cannot be listened on: {error}"),
                "see who listens there, or change `listen` in host.toml",
            ),
        }
    }
}
