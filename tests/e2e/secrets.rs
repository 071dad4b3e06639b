//! Tokens and secret values never leave: not in the log at its most talkative, not in answers, not in
//! `/health`.

use crate::support::{Host, MEMORY, person};
use serde_json::json;
use std::fs;

const SECRET: &str = "s3cr3t-P4ssw0rd-of-the-target";
const PLACE: &str = "pr1v4te-place";

#[test]
fn secrets_never_leave() {
    let mut host = Host::with(&["misbehaving", "generic-sql"]);
    let sealed = host.prints(&["seal"], &format!("{SECRET}\n"));
    let sealed = sealed.trim_end();
    assert!(sealed.starts_with("sealed:") && !sealed.contains(SECRET));
    host.document("GOOD", &format!("{MEMORY}password = \"{sealed}\"\n"));
    // The plugin's own message repeats what it was given.
    host.variable("PLACE", &format!("{PLACE}.db"));
    let people = "plugin = \"generic-sql\"\n[[object]]\ntype = \"person\"\n[object.attributes]\n\
                  login = \"userName\"\n[values]\ndatabase = \"env:PLACE\"\n";
    host.document("AWAY", people);
    let fails = format!("{MEMORY}store = \"x\"\nmode = \"panic\"\nat = \"export\"\n");
    host.document("FAILS", &format!("{fails}password = \"{sealed}\"\n"));
    host.listen();
    for name in ["GOOD", "AWAY", "FAILS"] {
        host.settled(name);
    }

    let entra = host.entra("GOOD");
    let token = entra.token().to_owned();
    let mut said = Vec::new();
    for route in ["/Users", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/cache"] {
        said.push(entra.get(route).text);
        said.push(entra.clone().with_token(&token[1..]).get(route).text);
        said.push(host.entra("AWAY").get(route).text);
    }
    assert!(said[2].contains("***"), "what the plugin repeats is crossed out: {}", said[2]);
    said.push(entra.create(&person("zoe", "")).text);
    said.push(entra.create(&json!({"userName": "x", "password": SECRET})).text);
    said.push(host.entra("FAILS").create(&person("zoe", "")).text);
    said.push(host.health().to_string());
    said.push(String::from_utf8(fs::read(host.path("out")).unwrap()).unwrap());
    assert!(host.stop().success());
    assert!(host.log().contains("Store opened"), "the plugin's own lines are in the log");
    said.push(host.log());
    for text in said {
        for secret in [&token, &token[1..], SECRET, PLACE, sealed] {
            let at = text.find(secret).map(|at| &text[at.saturating_sub(300)..at + secret.len()]);
            assert_eq!(at, None);
        }
    }
    let document = fs::read_to_string(host.path("connectors/GOOD.toml")).unwrap();
    assert!(!document.contains(SECRET) && !document.contains(&token));
}

#[test]
fn what_the_host_keeps_for_itself_is_for_its_account_only() {
    use std::os::unix::fs::PermissionsExt;
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", MEMORY);
    host.prints(&["seal"], "anything");
    host.start();
    let mode = |name: &str| fs::metadata(host.path(name)).unwrap().permissions().mode() & 0o777;
    for folder in ["state", "state/shadow"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    for file in ["state/key.pem", "state/seal.key", "state/ready.json"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    let pem = fs::read(host.path("state/cert.pem")).unwrap();
    host.restart();
    assert_eq!(fs::read(host.path("state/cert.pem")).unwrap(), pem, "the certificate stays");
}

#[test]
fn a_sealed_value_opens_on_its_own_host_only() {
    let other = Host::with(&[]).prints(&["seal"], SECRET);
    let mut host = Host::with(&["misbehaving"]);
    host.document("ALIEN", &format!("{MEMORY}password = \"{}\"\n", other.trim_end()));
    host.listen();
    let detail = host.entra("ALIEN").get("/Users").refused(503);
    assert!(detail.contains("values.password") && detail.contains("seal"), "{detail}");
    assert!(!host.log().contains(other.trim_end()));
    let nothing = host.run(&["seal"], "\n");
    assert!(!nothing.status.success());
}
