//! What operators do to guard a host: exports held back, tokens, addresses.

use crate::support::{Host, MEMORY, until};
use serde_json::{Value, json};
use std::fs;

fn json_of(host: &Host, arguments: &[&str]) -> Value {
    let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&host.prints(&all, "")).unwrap()
}

/// How a command fails, and what it says.
fn fails(host: &Host, arguments: &[&str]) -> String {
    let output = host.run(arguments, "");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn deletes_are_held_over_a_restart_until_an_operator_releases_them() {
    let mut host = Host::with(&["misbehaving"]);
    let guard = "export_guard = { percent = 0, objects = 1 }";
    host.document("MEMORY", &format!("{guard}\n{}", MEMORY.trim_start()));
    host.start();
    assert_eq!(json_of(&host, &["exports", "held"]), json!([]));
    assert!(host.prints(&["exports", "held"], "").contains("no export guard holds"));
    assert!(fails(&host, &["exports", "release", "MEMORY"]).contains("nothing is held back"));
    let entra = host.entra("MEMORY");
    entra.delete("person.1").expect(204);
    let detail = entra.delete("person.2").refused(503);
    assert!(detail.contains("1 may go within 60 minutes"), "{detail}");
    assert!(detail.contains("`ecma-host exports release MEMORY`"), "{detail}");
    assert_eq!(host.log().matches("held back by the export guard").count(), 1);
    entra.delete("person.3").refused(503);
    let held = &json_of(&host, &["exports", "held"])[0];
    assert_eq!((&held["connector"], &held["refused"]), (&json!("MEMORY"), &json!(2)));
    assert_eq!((&held["gone"], &held["bound"]), (&json!(1), &json!(1)));
    let said = host.prints(&["exports", "held"], "");
    assert!(said.starts_with("CONNECTOR  REFUSED") && said.contains("MEMORY     2"), "{said}");
    assert_eq!(host.log().matches("held back by the export guard").count(), 1);

    host.stop();
    host.listen();
    host.settled("MEMORY");
    assert_eq!(host.health()["status"], "degraded");
    let notice = host.health_of("MEMORY")["notices"][0].clone();
    assert_eq!(notice["kind"], "held");
    assert!(notice["detail"].as_str().unwrap().contains("exports release MEMORY"), "{notice}");
    let entra = host.entra("MEMORY");
    entra.delete("person.2").refused(503);
    let released = json_of(&host, &["exports", "release", "MEMORY", "--count", "2"]);
    assert_eq!(released, json!({"connector": "MEMORY", "released": 2}));
    entra.delete("person.2").expect(204);
    entra.delete("person.3").expect(204);
    assert!(!host.path("state/guards/MEMORY.json").exists());
    let said = host.prints(&["exports", "release", "MEMORY", "--count", "7"], "");
    assert_eq!(said, "7 deletes and disables of MEMORY may go\n");
}

#[test]
fn a_torn_file_of_the_guard_is_told_and_holds_nothing() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &format!("{MEMORY}\n"));
    fs::create_dir_all(host.path("state/guards")).unwrap();
    host.write("state/guards/MEMORY.json", "{\"since\":");
    host.start();
    host.entra("MEMORY").delete("person.1").expect(204);
    assert!(
        host.log().contains("What the export guard held before is not known, or cannot be kept")
    );
}

/// The rows of a table, without its headings.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn a_token_is_changed_without_a_gap_and_its_use_is_told() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &format!("{MEMORY}\n"));
    host.start();
    let old = host.entra("MEMORY");
    let made = json_of(&host, &["token", "new", "MEMORY", "--label", "next", "--expires", "10d"]);
    assert_eq!((&made["connector"], &made["label"]), (&json!("MEMORY"), &json!("next")));
    let new = old.clone().with_token(made["token"].as_str().unwrap());
    until("the new token is taken", || (new.get("/Users").status == 200).then_some(()));
    old.get("/Users").expect(200);
    new.delete("person.1").expect(204);
    let audit = host.log();
    let audit = audit.lines().find(|line| line.contains("kind=\"delete\"")).unwrap();
    assert!(audit.contains("token=\"next\""), "{audit}");
    assert!(!audit.contains(new.token()), "{audit}");
    let kinds = host.health_of("MEMORY")["notices"].clone();
    assert_eq!(kinds[0]["kind"], "token");
    assert!(kinds[0]["detail"].as_str().unwrap().contains("the token next expires at"), "{kinds}");
    assert!(host.health_of("MEMORY").get("tokens").is_none(), "that is for operators only");

    let removed = json_of(&host, &["token", "remove", "MEMORY", "default"]);
    let note = removed["note"].as_str().unwrap();
    assert!(note.contains("the last one, next, expires at"), "{removed}");
    until("the old token is refused", || (old.get("/Users").status == 401).then_some(()));
    new.get("/Users").expect(200);
    let said = fails(&host, &["token", "remove", "MEMORY", "next"]);
    assert!(said.contains("the last token cannot be removed"), "{said}");
    let text = host.prints(&["token", "list", "MEMORY"], "");
    assert!(text.starts_with("NAME"), "{text}");
    let shown = rows(&text);
    assert_eq!((shown[0][0], shown[0][1], shown[0].last()), ("next", "full", Some(&"good")));
    let all = json_of(&host, &["token", "list", "MEMORY"]);
    let used = all["tokens"][0]["lastUsed"].clone();
    assert!(used.is_string(), "{all}");
    let state = json_of(&host, &["connectors", "show", "MEMORY"]);
    assert_eq!(state["running"]["tokens"][0]["lastUsed"], used);
    host.stop();
    let all = json_of(&host, &["token", "list", "MEMORY"]);
    assert!(all["tokens"][0]["lastUsed"].as_str() >= used.as_str(), "{all}");
    host.start();
    let kept = json_of(&host, &["token", "list", "MEMORY"]);
    assert_eq!(kept["tokens"][0]["lastUsed"], all["tokens"][0]["lastUsed"]);
}

#[test]
fn a_token_may_only_read_or_be_over() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &format!("{MEMORY}\n"));
    let new = ["token", "new", "MEMORY", "--stdin", "--label"];
    let label = |more: &[&'static str]| [&new[..], more].concat();
    host.prints(&label(&["eye", "--read-only"]), "eye-of-the-operator");
    host.prints(&label(&["long", "--expires", "2999-12-31"]), "over-and-done-with");
    for (arguments, input, said) in [
        (label(&["past", "--expires", "2001-01-01"]), "", "is over"),
        (label(&["never", "--expires", "soon"]), "", "nor a number of days such as 90d"),
        (label(&["eye"]), "some-other-token", "there is a token eye already"),
        (vec!["token", "list", "NOBODY"], "", "there is no connector NOBODY"),
    ] {
        let output = host.run(&arguments, input);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && error.contains(said), "{error}");
    }
    let path = host.path("connectors/MEMORY.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("2999-12-31", "2001-12-31")).unwrap();
    host.start();
    let eye = host.entra("MEMORY").with_token("eye-of-the-operator");
    eye.get("/Users").expect(200);
    assert!(eye.delete("person.1").refused(403).contains("the token eye may only read"));
    let over = host.entra("MEMORY").with_token("over-and-done-with");
    assert!(over.get("/Users").refused(401).contains("the token long has expired"));
    let log = host.log();
    let warning = log.lines().find(|line| line.contains("A token ends, or has ended")).unwrap();
    assert!(warning.contains("the token long has expired at"), "{warning}");
    let all = json_of(&host, &["token", "list", "MEMORY"]);
    let states: Vec<_> = all["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| format!("{} {} {}", token["name"], token["kind"], token["state"]))
        .collect();
    let expected = [
        "\"default\" \"full\" \"good\"",
        "\"eye\" \"read-only\" \"good\"",
        "\"long\" \"full\" \"expired\"",
    ];
    assert_eq!(states, expected);
}

#[test]
fn addresses_that_are_not_allowed_are_turned_away_and_counted() {
    let mut host = Host::with(&["misbehaving"]);
    let closed = format!("allow = [\"192.0.2.0/24\"]\n{}", MEMORY.trim_start());
    host.document("MEMORY", &closed);
    host.start();
    let entra = host.entra("MEMORY");
    for _ in 0..3 {
        let detail = entra.get("/Users").refused(403);
        assert_eq!(detail, "requests from 127.0.0.1 are not allowed here");
    }
    assert_eq!(host.log().matches("A request from an address that is not allowed").count(), 1);
    let shown = json_of(&host, &["connectors", "show", "MEMORY"]);
    assert_eq!(shown["running"]["turnedAway"], 3);
    let token = entra.token().to_owned();
    let tested = host.run(&["connectors", "test", "MEMORY", "--token-stdin"], &token);
    let said = String::from_utf8(tested.stdout).unwrap();
    assert!(said.contains("put this machine's address into `allow`"), "{said}");
    host.document("MEMORY", &closed.replace("192.0.2.0/24", "127.0.0.0/8"));
    until("the address is allowed", || (entra.get("/Users").status == 200).then_some(()));
}
