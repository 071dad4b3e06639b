//! Documents that are not right: each is refused with its place and a way out, and no other connector
//! suffers.

use crate::support::{Host, MEMORY};

/// A host with these documents beside one that is right.
fn beside(documents: &[(&str, &str)]) -> Host {
    let mut host = Host::with(&["misbehaving", "folder"]);
    host.document("GOOD", &format!("{MEMORY}store = \"good\""));
    for (name, text) in documents {
        host.document(name, text);
    }
    host.listen();
    host
}

#[track_caller]
fn refuses(host: &Host, name: &str, parts: &[&str]) {
    assert_eq!(host.settled(name)["state"], "failed");
    let entra = host.entra(name);
    for path in ["/Users", "/Schemas", "/Users/person.1"] {
        let detail = entra.get(path).refused(503);
        assert!(!detail.contains(host.path("").to_str().unwrap()), "{detail}");
        for part in parts {
            assert!(detail.contains(part), "{name}: {part:?} is not in {detail:?}");
        }
    }
    let health = host.health();
    assert_eq!(health["status"], "degraded");
    assert_eq!(host.settled("GOOD")["state"], "ready");
    assert_eq!(host.entra("GOOD").matched("ada").unwrap()["displayName"], "Ada Lovelace");
}

#[test]
fn mistakes_are_told_with_their_place() {
    let host = beside(&[("BAD", &format!("autosnyc = 5\nguards = 1\n{MEMORY}"))]);
    refuses(
        &host,
        "BAD",
        &[
            "connectors/BAD.toml:2:1: autosnyc: ",
            "did you mean \"autosync\"?",
            "connectors/BAD.toml:3:1: guards: ",
            "did you mean \"guard\"?",
        ],
    );
    assert!(host.log().contains("autosnyc"), "the operator reads it in the log too");
}

#[test]
fn a_document_that_is_no_toml_is_told_with_its_line() {
    let host = beside(&[("BAD", "plugin = \"folder\nautosync = 1")]);
    refuses(&host, "BAD", &["connectors/BAD.toml:2:"]);
}

#[test]
fn a_plugin_that_is_not_there_has_a_nearest_one() {
    let host = beside(&[("BAD", &MEMORY.replace("\"misbehaving\"", "\"misbehavin\""))]);
    refuses(
        &host,
        "BAD",
        &[
            "connectors/BAD.toml: there is no plugin misbehavin in ECMA",
            "did you mean misbehaving?",
        ],
    );
}

#[test]
fn values_that_the_plugin_does_not_take_are_all_named() {
    let host =
        beside(&[("BAD", &format!("{MEMORY}mode = \"angry\"\npause = \"long\"\nsotre = 1"))]);
    refuses(&host, "BAD", &["connectors/BAD.toml: values.mode", "values.pause", "values.sotre"]);
}

#[test]
fn attributes_that_the_target_does_not_have_are_named() {
    let mapping = MEMORY.replace("displayName = \"displayName\"", "dispalyName = \"displayName\"");
    let host = beside(&[("BAD", &mapping), ("TYPE", &MEMORY.replace("\"person\"", "\"persons\""))]);
    refuses(&host, "BAD", &["object[0].attributes.dispalyName", "\"displayName\""]);
    refuses(&host, "TYPE", &["object[0].type", "persons", "\"person\""]);
}

#[test]
fn secrets_in_plain_text_are_refused_and_not_repeated() {
    let plain = "hunter2-plain-text";
    let host = beside(&[("VALUE", &format!("{MEMORY}password = \"{plain}\""))]);
    refuses(&host, "VALUE", &["values.password", "`ecma-host seal`"]);
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", MEMORY);
    host.raw_document("TOKEN", &format!("token = \"{plain}\"\n{}", MEMORY.trim_start()));
    host.raw_document("NONE", MEMORY.trim_start());
    host.listen();
    refuses(&host, "TOKEN", &["connectors/TOKEN.toml:1:9: token", "`ecma-host token new TOKEN`"]);
    refuses(
        &host,
        "NONE",
        &["connectors/NONE.toml:1:1: token: missing", "`ecma-host token new NAME`"],
    );
    for said in [host.log(), host.health().to_string()] {
        assert!(!said.contains(plain), "{said}");
    }
    assert_eq!(host.entra("GOOD").everybody().len(), 3);
}

#[test]
fn references_that_lead_nowhere_are_named() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("FILE", &format!("{MEMORY}password = \"file:nowhere\""));
    host.document("SEALED", &format!("{MEMORY}password = \"sealed:AAAA\""));
    host.document("GOOD", MEMORY);
    host.listen();
    refuses(&host, "FILE", &["values.password", "nowhere"]);
    refuses(&host, "SEALED", &["values.password", "seal the value anew"]);
}

#[test]
fn a_file_that_is_no_document_has_no_endpoint() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", MEMORY);
    host.raw_document("not-a-name", "plugin = 1");
    host.write("connectors/README.md", "not a document");
    host.listen();
    assert_eq!(host.settled("GOOD")["state"], "ready");
    assert_eq!(host.entra("not-a-name").get("/Users").status, 404);
    assert!(host.log().contains("not-a-name"), "the operator is told");
}

#[test]
fn a_host_without_connectors_serves_all_the_same() {
    let mut host = Host::with(&[]);
    host.start();
    assert_eq!(host.health()["connectors"], serde_json::json!([]));
    host.entra("ANY").get("/Users").refused(404);
    assert!(host.stop().success());
}

#[test]
fn a_host_with_a_broken_document_of_its_own_does_not_start() {
    let host = Host::with(&[]);
    host.settings("[limits]\nrequets = 7\n");
    let output = host.run(&["run", "--port", "0"], "");
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("host.toml:5:1: limits.requets: "), "{said}");
    assert!(said.contains("did you mean \"requests\"?"), "{said}");
}
