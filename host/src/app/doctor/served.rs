//! The certificate, the port, and the host that runs.

use super::Findings;
use crate::{
    app::{any_sealing_key, certificates, now, ready_file, simulate::is_running, walk::Ask},
    config::{Account, HostConfig, exposed_of_connector, load_connectors},
    web::tls::{Age, Pair},
};
use serde_json::Value;
use std::net::TcpListener;

/// The authorities of clients, without which the host does not start.
pub(super) fn authorities(config: &HostConfig, found: &mut Findings) {
    for listener in &config.listeners {
        if let Err(error) = certificates::clients(listener).check() {
            let what = format!("client_ca of the listener {}: {error}", listener.address);
            let remedy = "put the certificates of the authorities there, as PEM, or correct client_ca; \
                          the host does not start without them";
            found.error("host.toml", what, remedy);
        }
    }
}

pub(super) fn certificate(config: &HostConfig, found: &mut Findings) {
    let (file, _) = certificates::places(config);
    let shown = file.strip_prefix(&config.home).unwrap_or(&file).display().to_string();
    if config.tls.is_none() && !file.exists() {
        return found.note(&shown, "there is no certificate yet", "the first start makes one");
    }
    let read = certificates::files(config, &any_sealing_key(config))
        .and_then(|files| Ok(Pair::read(&files)?.facts));
    let facts = match read {
        Ok(facts) => facts,
        Err(error) => {
            return found.error(&shown, format!("{error:#}"), "put a sound pair in place");
        }
    };
    // One of the operator's own is not the host's to make.
    let renewal = match config.tls {
        Some(_) => "`ecma-host cert install`",
        None => "`ecma-host cert generate` or `cert install`",
    };
    let name = certificates::host_name(config);
    if !facts.covers(&name) {
        found.warning(
            &shown,
            format!("it is not for {name}, as this host is called"),
            format!(
                "set `host_name` to the name that clients use, and have a certificate with that name: \
                 {renewal}"
            ),
        );
    }
    let renew = format!("replace it with {renewal}; the next handshake has the new one");
    let days = facts.days(now());
    match facts.age(now()) {
        Age::Fine => found.ok(&shown, format!("it is valid for {days} more days")),
        Age::Early => {
            found.error(&shown, format!("it is valid only from {} on", facts.not_before), renew);
        }
        Age::EndsSoon | Age::EndsVerySoon => {
            found.warning(&shown, format!("it expires in {days} days"), renew);
        }
        Age::Ended => found.error(&shown, format!("it expired on {}", facts.not_after), renew),
    }
}

/// Secrets that others may read: those of the certificate, and of the connectors.
pub(super) fn exposed(config: &HostConfig, account: &Account, found: &mut Findings) {
    let loaded = load_connectors(&config.connectors);
    let connectors = loaded.iter().filter_map(|one| one.result.as_ref().ok());
    let connectors = connectors.flat_map(|one| exposed_of_connector(&config.home, one, account));
    for one in certificates::exposed(config, account).into_iter().chain(connectors) {
        let shown = one.path.strip_prefix(&config.home).unwrap_or(&one.path).display().to_string();
        let what = format!("{} may read it ({:o}), and a secret is in it", one.who, one.mode);
        found.warning(&shown, what, format!("`{}`", one.remedy));
    }
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
    for notice in health["hostNotices"].as_array().into_iter().flatten() {
        let what = notice["detail"].as_str().unwrap_or_default();
        match notice["kind"].as_str() {
            Some("refused") => found.error("host", what, "put it right before the next restart"),
            _ => found.note("host", what, ""),
        }
    }
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
        } else if connector["detail"].is_string() {
            found.warning(&at, words(&connector["detail"]), test);
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
    let open = config.listen.iter().map(|address| (address, "`listen`"));
    let clients = config.listeners.iter().map(|one| (&one.address, "`address` of [[listener]]"));
    let metrics = config.metrics.iter().map(|address| (address, "`listen` of [metrics]"));
    // Held to the end, as the host does: one of them may be in the way of another.
    let mut held = Vec::new();
    for (address, key) in open.chain(clients).chain(metrics) {
        let at = address.to_string();
        match TcpListener::bind(address) {
            Ok(listener) => {
                held.push(listener);
                found.ok(&at, "free");
            }
            Err(error) => found.error(
                &at,
                format!("cannot be listened on: {error}"),
                format!("see who listens there, or change {key} in host.toml"),
            ),
        }
    }
}
