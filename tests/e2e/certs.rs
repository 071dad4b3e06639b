//! Certificates: shown, made, installed and followed while the host runs; and those of clients.

use crate::support::{Host, MEMORY, until};
use p12_keystore::{KeyStore, KeyStoreEntry, LocalKeyId, PrivateKeyChain};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::blocking::Client;
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt};

/// An authority, as PEM and for signing.
fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
}

/// A certificate and its key.
fn signed(
    issuer: &Issuer<'static, KeyPair>,
    name: &str,
    ends: i32,
) -> (rcgen::Certificate, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(ends, 1, 1);
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}

fn archive(certificate: &rcgen::Certificate, key: &KeyPair, password: &str) -> Vec<u8> {
    let chain = PrivateKeyChain::new(
        LocalKeyId(b"1".to_vec()),
        p12_keystore::PrivateKey::from_der(&key.serialize_der()).unwrap(),
        [p12_keystore::Certificate::from_der(certificate.der()).unwrap()],
    );
    let mut store = KeyStore::new();
    store.add_entry("host", KeyStoreEntry::PrivateKeyChain(chain));
    store.writer(password).write().unwrap()
}

/// What a command prints with `--json`, and how it ends.
fn json_of(host: &Host, arguments: &[&str], input: &str) -> (i32, Value) {
    let output = host.run(&[arguments, &["--json"]].concat(), input);
    let value = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), value.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

/// How a command ends, and all it says.
fn ends(host: &Host, arguments: &[&str], input: &str) -> (i32, String) {
    let output = host.run(arguments, input);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn the_certificate_is_shown_whether_or_not_a_host_runs() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    let (code, said) = ends(&host, &["cert", "show"], "");
    assert!(code == 1 && said.contains("there is no certificate yet"), "{said}");
    host.start();
    let (code, said) = ends(&host, &["cert", "show"], "");
    assert!(code == 0 && said.contains("served       by the running host"), "{said}");
    assert!(said.contains("localhost, 127.0.0.1, ::1") && said.contains("is among"), "{said}");
    let (code, shown) = json_of(&host, &["cert", "show"], "");
    assert_eq!((code, &shown["differs"]), (0, &json!(false)));
    assert_eq!(shown["file"], shown["running"]);
    assert_eq!(shown["file"]["key"], "ECDSA P-256");
    assert_eq!(shown["file"]["selfSigned"], true);
    let health = host.health();
    assert_eq!(health["certificate"]["notAfter"], shown["file"]["notAfter"]);
    assert!((728..=730).contains(&health["certificate"]["days"].as_i64().unwrap()), "{health}");

    let key = fs::read(host.path("state/key.pem")).unwrap();
    host.write("state/key.pem", "no key");
    let (code, said) = ends(&host, &["cert", "show"], "");
    assert!(code == 1 && said.contains("no private key in"), "{said}");
    assert!(said.contains("served       ANOTHER one"), "{said}");
    host.write("state/key.pem", key);
    assert!(host.stop().success());
    let (code, said) = ends(&host, &["cert", "show"], "");
    assert!(code == 0 && said.contains("served       no host runs in"), "{said}");
}

#[test]
fn a_new_certificate_is_made_and_served_at_once() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    host.start();
    let old = fs::read(host.path("state/cert.pem")).unwrap();
    let generate = ["cert", "generate", "--name", "idm.example.org", "--days", "90"];
    let (code, made) = json_of(&host, &generate, "");
    assert_eq!((code, &made["served"]), (0, &json!(true)), "{made}");
    assert_eq!(made["certificate"]["names"][0], "idm.example.org");
    let kept = made["kept"].as_array().unwrap();
    assert_eq!(kept.len(), 1, "the key stays");
    assert_eq!(fs::read(kept[0].as_str().unwrap()).unwrap(), old);
    let days = made["certificate"]["days"].as_i64().unwrap();
    assert!((89..=90).contains(&days), "{made}");
    host.again("MEMORY").get("/Users").expect(200);

    let (code, said) = ends(&host, &["cert", "generate", "--new-key"], "");
    assert!(code == 0 && said.contains("by the running host from the next handshake"), "{said}");
    assert!(said.contains("certutil -addstore Root") && said.contains("kept "), "{said}");
    host.again("MEMORY").get("/Users").expect(200);
    let mode = fs::metadata(host.path("state/key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (code, said) = ends(&host, &["cert", "generate", "--name", "two words"], "");
    assert!(code == 1 && said.contains("no certificate can be made for"), "{said}");
    assert_eq!(ends(&host, &["cert", "generate", "--days", "0"], "").0, 2);
}

#[test]
fn a_certificate_of_ones_own_is_installed_and_served_at_once() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    let (ca, issuer) = authority("ours");
    host.start();
    let (own, key) = signed(&issuer, "localhost", 2090);
    host.write("new.pem", own.pem());
    host.write("new.key", key.serialize_pem());
    let path = |name: &str| host.path(name).to_str().unwrap().to_owned();
    let (cert, key_file) = (path("new.pem"), path("new.key"));

    let (_, other_key) = signed(&issuer, "localhost", 2090);
    host.write("other.key", other_key.serialize_pem());
    let (code, said) = ends(&host, &["cert", "install", &cert, "--key", &path("other.key")], "");
    assert!(code == 1 && said.contains("does not belong to"), "{said}");
    let (late, late_key) = signed(&issuer, "localhost", 2021);
    host.write("late.pem", late.pem() + &late_key.serialize_pem());
    let (code, said) = ends(&host, &["cert", "install", &path("late.pem")], "");
    assert!(code == 1 && said.contains("ended at 2021-01-01T00:00:00Z"), "{said}");
    assert!(!fs::read_to_string(host.path("host.toml")).unwrap().contains("[tls]"));

    let install = ["cert", "install", &cert, "--key", &key_file];
    let (code, installed) = json_of(&host, &install, "");
    assert_eq!((code, &installed["served"]), (0, &json!(true)), "{installed}");
    let settings = fs::read_to_string(host.path("host.toml")).unwrap();
    assert!(settings.contains("[tls]\ncertificate = \"state/own-cert.pem\"\n"), "{settings}");
    assert!(settings.contains("level = \"trace\""), "{settings}");
    let mode = fs::metadata(host.path("state/own-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (code, said) = ends(&host, &["cert", "generate"], "");
    assert!(code == 1 && said.contains("`ecma-host cert install`"), "{said}");

    // The next one goes where `[tls]` points by now.
    let (next, next_key) = signed(&issuer, "localhost", 2091);
    host.write("next.p12", archive(&next, &next_key, "hunter2"));
    let install = ["cert", "install", &path("next.p12"), "--password-stdin"];
    let (code, said) = ends(&host, &install, "wrong\n");
    assert!(code == 1 && said.contains("or that none was given, does not open"), "{said}");
    let (code, said) = ends(&host, &install, "hunter2\n");
    assert!(code == 0 && said.contains("by the running host from the next handshake"), "{said}");
    assert_eq!(said.matches("kept  ").count(), 2, "{said}");
    let (_, shown) = json_of(&host, &["cert", "show"], "");
    assert_eq!(shown["running"]["notAfter"], "2091-01-01T00:00:00Z");

    host.write("trust.pem", ca);
    host.restart();
    assert_eq!(host.health()["certificate"]["notAfter"], "2091-01-01T00:00:00Z");
}

#[test]
fn a_pkcs12_file_is_served_with_its_password_from_elsewhere() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    let (ca, issuer) = authority("ours");
    let (own, key) = signed(&issuer, "localhost", 2090);
    host.write("cert.p12", archive(&own, &key, "hunter2hunter2"));
    host.write("trust.pem", ca);
    let sealed = host.prints(&["seal"], "hunter2hunter2");
    let wrong = host.prints(&["seal"], "hunter2hunter3");
    let settings = |sealed: &str| {
        format!("[tls]\npkcs12 = \"cert.p12\"\npassword = \"{}\"\n", sealed.trim_end())
    };
    host.settings(&settings(&wrong));
    let (code, said) = ends(&host, &["run"], "");
    assert!(code == 1 && said.contains("or that none was given, does not open"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    host.settings(&settings(&sealed));
    host.start();
    let (code, shown) = json_of(&host, &["cert", "show"], "");
    assert_eq!((code, &shown["running"]["names"]), (0, &json!(["localhost"])));

    let (next, next_key) = signed(&issuer, "localhost", 2091);
    host.write("cert.p12", archive(&next, &next_key, "hunter2hunter2"));
    until("the next certificate is served", || {
        (host.health()["certificate"]["notAfter"] == "2091-01-01T00:00:00Z").then_some(())
    });
}

#[test]
fn a_listener_wants_certificates_of_clients() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    let (ca, ours) = authority("ours");
    let (other_ca, theirs) = authority("theirs");
    host.write("clients.pem", ca);
    let listener = |client: &str| {
        format!(
            "[[listener]]\naddress = \"127.0.0.1:0\"\nclient_ca = \"clients.pem\"\n\
             client = \"{client}\"\n"
        )
    };
    let metrics = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
    host.settings(&(listener("required") + &listener("optional") + metrics));
    host.start();
    let ready = fs::read(host.path("state/ready.json")).unwrap();
    let ready: Value = serde_json::from_slice(&ready).unwrap();
    let trusted = fs::read(host.path("state/cert.pem")).unwrap();
    // Whether a new client is answered, by the place of the listener.
    let is_served = |place: usize, shown: Option<&Issuer<'static, KeyPair>>| {
        let address: SocketAddr = ready["listen"][place].as_str().unwrap().parse().unwrap();
        let certificate = reqwest::Certificate::from_pem(&trusted).unwrap();
        let mut client = Client::builder().tls_certs_only([certificate]).no_proxy();
        if let Some(issuer) = shown {
            let (own, key) = signed(issuer, "entra.example", 2090);
            let pem = own.pem() + &key.serialize_pem();
            client = client.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        let client = client.resolve("localhost", address).build().unwrap();
        let url = format!("https://localhost:{}/health", address.port());
        client.get(url).send().is_ok_and(|answer| answer.status().as_u16() == 200)
    };
    for (place, none, wrong, right) in
        [(0, true, true, true), (1, false, false, true), (2, true, false, true)]
    {
        assert_eq!(is_served(place, None), none, "{place}");
        assert_eq!(is_served(place, Some(&theirs)), wrong, "{place}");
        assert_eq!(is_served(place, Some(&ours)), right, "{place}");
    }
    let log = host.log();
    let told: Vec<&str> =
        log.lines().filter(|line| line.contains("A client's certificate was refused")).collect();
    assert_eq!(told.len(), 1, "once for each address: {told:?}");
    assert!(told[0].contains("WARN") && told[0].contains("peer=127.0.0.1"), "{told:?}");
    assert!(told[0].contains("it showed none, and this listener requires one"), "{told:?}");
    let metrics = format!("http://{}/metrics", ready["metrics"].as_str().unwrap());
    let metrics = Client::builder().no_proxy().build().unwrap().get(metrics).send().unwrap();
    let metrics = metrics.text().unwrap();
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix("ecma_client_certificates_refused_total "))
        .unwrap();
    assert!(counted.parse::<u32>().unwrap() >= 3, "{counted}");
    host.write("clients.pem", other_ca);
    until("the other authority counts", || is_served(1, Some(&theirs)).then_some(()));
    assert!(!is_served(1, Some(&ours)));
}
