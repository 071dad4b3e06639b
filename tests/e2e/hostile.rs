//! Clients that mean no good: thousands of bad requests of all kinds at once over TLS, while a good
//! client is answered and the host does not grow.
#![cfg(target_os = "linux")]

use crate::support::{Entra, Host, MEMORY, until};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// Bad requests over connections that are kept.
const QUICK: usize = 9_400;
/// Bad requests that take a connection each: slow heads, slow bodies, huge heads.
const SLOW: usize = 600;
/// Threads of bad clients.
const CROWD: usize = 8;
/// What the host may grow, in KiB.
const GROWTH: usize = 64 * 1024;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Resident memory in KiB and threads of a process.
fn taken(pid: u32) -> (usize, usize) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib = line.trim().trim_end_matches(" kB").parse().unwrap();
    (kib, fs::read_dir(format!("/proc/{pid}/task")).unwrap().count())
}

/// A connection that speaks HTTP/1.1 by hand.
fn connect(config: &Arc<ClientConfig>, port: u16) -> Tls {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
    StreamOwned::new(connection, tcp)
}

fn trust(host: &Host) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(host.path("state/cert.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth())
}

/// All that the host says on a connection until it closes it; a cut connection says no more.
fn last_words(mut stream: Tls) -> String {
    let (mut said, mut bytes) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        said.extend_from_slice(&bytes[..length]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// One bad request of a client that is quick, and the status that answers it.
fn quick(entra: &Entra, number: usize) -> (u16, u16) {
    let post = |body: String| entra.request("POST", "/Users").body(body);
    let json = |body: String| post(body).header("Content-Type", "application/scim+json");
    let (request, expected) = match number % 8 {
        0 | 1 => {
            (entra.bare("GET", "/Users").header("Authorization", format!("Bearer {number}")), 401)
        }
        2 => (json(format!("{{\"userName\": \"{number}")), 400),
        3 => (json("[".repeat(20_000)), 400),
        4 => (json("{}".into()).header("Content-Encoding", "gzip"), 415),
        5 => (post("a=b".into()).header("Content-Type", "application/x-www-form-urlencoded"), 415),
        6 => (entra.request("GET", &format!("/Users?filter={}", "(".repeat(3000))), 400),
        _ => (json(format!("\"{}\"", "x".repeat(40_000))), 413),
    };
    (Entra::send(request).status, expected)
}

/// Begins a bad request that takes its time; the statuses that may end it, 0 for a cut.
fn slow(config: &Arc<ClientConfig>, entra: &Entra, number: usize) -> (Tls, &'static [u16]) {
    let port = entra.base().split([':', '/']).nth(4).unwrap().parse().unwrap();
    let mut stream = connect(config, port);
    let head = format!(
        "POST /ecma2host_GOOD/scim/Users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n",
        entra.token()
    );
    let (sent, expected): (String, &[u16]) = match number % 3 {
        0 => ("GET /ecma2host_GOOD/scim/Users HTTP/1.1\r\nHost: loc".into(), &[0, 408]),
        1 => (format!("{head}Content-Length: 100\r\n\r\n{{\"userName\":"), &[408]),
        _ => (format!("{head}X-Long: {}\r\n\r\n", "x".repeat(300_000)), &[0, 431]),
    };
    // The host may have cut it by then.
    let _ = stream.write_all(sent.as_bytes());
    (stream, expected)
}

/// The status of what was said; 0 when nothing was.
fn status(said: &str) -> u16 {
    said.split_whitespace().nth(1).map_or(0, |status| status.parse().unwrap())
}

#[test]
fn thousands_of_hostile_requests_cost_the_host_little_and_good_clients_nothing() {
    let mut host = Host::with(&["misbehaving"]);
    let limits = "body_bytes = 32768\nheader_seconds = 2\nbody_seconds = 2\nconnections = 256";
    host.write("host.toml", format!("listen = [\"127.0.0.1:0\"]\n[limits]\n{limits}\n"));
    host.document("GOOD", MEMORY);
    host.start();
    let config = trust(&host);
    let entra = host.entra("GOOD");
    // What is made once is made: threads, buffers, the plugin's connection.
    for number in 0..CROWD * 8 {
        quick(&entra, number);
    }
    let (before, threads) = taken(host.pid());
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let good = host.again("GOOD");
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(good.matched("ada").unwrap()["displayName"], "Ada Lovelace");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        until("the good client is answered", || {
            (answered.load(Ordering::Relaxed) > 0).then_some(())
        });
        let mut crowd = Vec::new();
        for first in 0..CROWD {
            let (config, quick_one) = (Arc::clone(&config), host.again("GOOD"));
            crowd.push(scope.spawn(move || {
                let (mut waiting, mut wrong) = (Vec::new(), Vec::new());
                let mut end = |(stream, expected): (Tls, &[u16])| {
                    let said = last_words(stream);
                    if !expected.contains(&status(&said)) {
                        wrong.push(said);
                    }
                };
                for number in (first..SLOW).step_by(CROWD) {
                    waiting.push(slow(&config, &quick_one, number));
                    if waiting.len() == 24 {
                        waiting.drain(..).for_each(&mut end);
                    }
                }
                waiting.into_iter().for_each(&mut end);
                for number in (first..QUICK).step_by(CROWD) {
                    let (status, expected) = quick(&quick_one, number);
                    if status != expected {
                        wrong.push(format!("{number}: {status} instead of {expected}"));
                    }
                }
                wrong
            }));
        }
        let ended: Vec<_> = crowd.into_iter().map(|one| one.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        let wrong: Vec<String> = ended.into_iter().flat_map(Result::unwrap).collect();
        assert!(wrong.is_empty(), "{} of them: {:?}", wrong.len(), wrong.first());
    });
    assert!(answered.load(Ordering::Relaxed) > 10);
    let (after, threads_after) = taken(host.pid());
    assert!(after < before + GROWTH, "from {before} KiB to {after} KiB");
    assert!(threads_after <= threads + 4, "from {threads} threads to {threads_after}");
    assert_eq!(host.health()["status"], "ok");
    assert_eq!(entra.everybody().len(), 3);
}
