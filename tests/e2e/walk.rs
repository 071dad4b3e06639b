//! `connectors test`: each link of the way from the client to the target, whole and broken.

use crate::support::{Host, MEMORY, until};
use serde_json::Value;
use std::{fs, net::TcpListener};

const PEOPLE: &str = "id,login,mail\n1,ada,ada@example.org\n2,grace,grace@example.org\n";
const DOCUMENT: &str = "plugin = \"csv-file\"\n[values]\nfile = \"people.csv\"\nanchor = [\"id\"]\n\
    [[object]]\ntype = \"person\"\n[object.attributes]\nid = \"\"\nlogin = \"userName\"\nmail = \"emails\"\n";

fn home() -> Host {
    let host = Host::with(&["csv-file"]);
    host.write("people.csv", PEOPLE);
    host.document("HR", DOCUMENT);
    host
}

/// What the command says as JSON, and whether it ended well.
fn tested(host: &Host, more: &[&str], input: &str) -> (bool, Value) {
    let output = host.run(&[&["connectors", "test", "HR", "--json"], more].concat(), input);
    let value = serde_json::from_slice(&output.stdout);
    (output.status.success(), value.unwrap_or_else(|_| panic!("{output:?}")))
}

/// The state of each link, by name.
fn states(value: &Value) -> Vec<(&str, &str)> {
    let links = value["links"].as_array().unwrap().iter();
    links.map(|link| (link["what"].as_str().unwrap(), link["state"].as_str().unwrap())).collect()
}

fn link<'v>(value: &'v Value, what: &str) -> &'v Value {
    value["links"].as_array().unwrap().iter().find(|link| link["what"] == what).unwrap()
}

/// The one link that is broken, with what to do.
fn broken(value: &Value) -> (String, String) {
    let links = value["links"].as_array().unwrap().iter();
    let broken: Vec<&Value> = links.filter(|link| link["state"] == "failed").collect();
    assert_eq!(broken.len(), 1, "{value:#}");
    assert_ne!(broken[0]["remedy"], "", "{value:#}");
    let text = |key: &str| broken[0][key].as_str().unwrap().to_owned();
    (text("what"), format!("{} → {}", text("detail"), text("remedy")))
}

#[test]
fn every_link_of_a_sound_connector_holds() {
    let mut host = home();
    host.start();
    let token = host.entra("HR").token().to_owned();
    let (is_well, value) = tested(&host, &["--token-stdin"], &token);
    assert!(is_well, "{value:#}");
    assert!(states(&value).iter().all(|(_, state)| *state == "ok"), "{value:#}");
    assert_eq!(states(&value).len(), 12);
    let said = host.prints(&["connectors", "test", "HR"], "");
    assert!(
        said.contains("skipped  token") && said.contains("give it with --token-stdin"),
        "{said}"
    );
    assert!(
        said.contains("ok       look-up") && said.ends_with("\nNothing is broken.\n"),
        "{said}"
    );
}

#[test]
fn without_a_host_the_half_behind_it_is_walked() {
    let host = home();
    let (is_well, value) = tested(&host, &[], "");
    assert!(is_well && value["works"] == true, "{value:#}");
    assert_eq!(
        states(&value),
        [
            ("document", "ok"),
            ("name", "skipped"),
            ("tcp", "skipped"),
            ("tls", "skipped"),
            ("token", "skipped"),
            ("query", "skipped"),
            ("plugin", "ok"),
            ("values", "ok"),
            ("target", "ok"),
            ("schema", "ok"),
            ("import", "skipped"),
            ("look-up", "skipped"),
        ]
    );
    let output = host.run(&["connectors", "test", "NOBODY"], "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_broken_behind_the_host_is_named() {
    let host = home();
    let with = |from: &str, to: &str| DOCUMENT.replace(from, to);
    let required = with("anchor =", "required = [\"mail\"]\nanchor =");
    for (document, what, said) in [
        (with("plugin", "plugn"), "document", "did you mean"),
        (with("csv-file", "csv-fil"), "plugin", "did you mean csv-file?"),
        (with("anchor = [\"id\"]\n", ""), "values", "anchor"),
        (with("people.csv", "peoples.csv"), "target", "peoples.csv"),
        (with("mail =", "male ="), "schema", "did you mean \"mail\"?"),
        (
            required.replace("mail = \"emails\"\n", ""),
            "schema",
            "mail is required in the target and not mapped",
        ),
    ] {
        host.document("HR", &document);
        let (is_well, value) = tested(&host, &[], "");
        let (at, words) = broken(&value);
        assert!(!is_well && at == what && words.contains(said), "{what}: {value:#}");
    }
}

#[test]
fn what_the_target_changed_since_it_was_read_is_told() {
    let mut host = home();
    host.document("HR", &DOCUMENT.replace("anchor", "integer = \"env:NUMBERS\"\nanchor"));
    host.variable("NUMBERS", "");
    host.start();
    host.variable("NUMBERS", "id");
    let (_, value) = tested(&host, &[], "");
    let (what, said) = broken(&value);
    assert!(what == "schema" && said.contains("was text and is integer"), "{value:#}");
}

#[test]
fn what_is_broken_before_the_host_is_named() {
    let mut host = home();
    host.start();
    let port = host.port();
    let token = host.entra("HR").token().to_owned();
    // Somebody who listens and is no host.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let other_port = other.local_addr().unwrap().port();
    let closes = std::thread::spawn(move || drop(other.accept().unwrap()));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, token, what, said) in [
        ("https://nobody.invalid:8585".to_owned(), None, "name", "hosts file"),
        (format!("https://127.0.0.1:{free}"), None, "tcp", "`listen` in host.toml"),
        (format!("https://127.0.0.1:{other_port}"), None, "tls", "no other program"),
        (format!("https://127.0.0.2:{port}"), None, "tcp", "firewall"),
        (format!("https://localhost:{port}"), Some("a-wrong-token"), "token", "token new HR"),
        (
            format!("https://localhost:{port}/ecma2host_HR/scim/Nothing"),
            Some(token.as_str()),
            "query",
            "404",
        ),
    ] {
        let more = ["--url", &url, "--token-stdin"];
        let input = token.unwrap_or("some-other-token");
        let (is_well, value) = tested(&host, &more, input);
        let (at, words) = broken(&value);
        assert!(!is_well && at == what && words.contains(said), "{url}: {value:#}");
    }
    closes.join().unwrap();
    let (_, value) = tested(&host, &["--url", &format!("http://localhost:{port}")], "");
    assert!(value["error"].as_str().unwrap().contains("https://host:8585"), "{value}");
}

#[test]
fn a_certificate_that_is_not_right_is_told_by_its_fault() {
    let mut host = home();
    host.start();
    let made = rcgen::generate_simple_self_signed(vec!["idm.example.org".to_owned()]).unwrap();
    host.write("state/key.pem", made.signing_key.serialize_pem());
    host.write("state/cert.pem", made.cert.pem());
    until("the other certificate is served", || {
        host.log().contains("The certificate is another one").then_some(())
    });
    let (_, value) = tested(&host, &[], "");
    let (what, said) = broken(&value);
    assert!(what == "tls" && said.contains("the certificate is not for localhost"), "{value:#}");
    assert_eq!(link(&value, "token")["state"], "skipped");
    // The same, but trusted by nobody: the file is another one than what is served.
    let stranger = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::create_dir(host.path("elsewhere")).unwrap();
    host.write("elsewhere/cert.pem", stranger.cert.pem());
    host.settings("[tls]\ncertificate = \"elsewhere/cert.pem\"\nkey = \"elsewhere/key.pem\"\n");
    let (_, value) = tested(&host, &[], "");
    let (what, said) = broken(&value);
    assert!(what == "tls" && said.contains("is not trusted"), "{value:#}");
}

#[test]
fn an_import_that_did_not_go_well_is_told() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("HR", &format!("{MEMORY}mode = \"fail\"\nat = \"import\"\n"));
    host.listen();
    host.settled("HR");
    let (is_well, value) = tested(&host, &[], "");
    let import = link(&value, "import");
    assert!(!is_well && import["state"] == "failed", "{value:#}");
    assert!(import["remedy"].as_str().unwrap().contains("ecma-host history HR"), "{value:#}");
}
