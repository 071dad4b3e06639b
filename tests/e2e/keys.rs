//! The sealing key: another one while the host runs, from other places, and a wrong one.

use crate::support::{Host, MEMORY, until};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, process::Command};

fn sealed(host: &Host, secret: &str) -> String {
    host.prints(&["seal"], secret).trim_end().to_owned()
}

fn memory(store: &str, sealed: &str) -> String {
    format!("{MEMORY}store = \"{store}\" # s\npassword = \"{sealed}\" # p\n")
}

fn json_of(host: &Host, arguments: &[&str]) -> Value {
    let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&host.prints(&all, "")).unwrap()
}

fn sealed_in(host: &Host, name: &str) -> String {
    let text = fs::read_to_string(host.path(&format!("connectors/{name}.toml"))).unwrap();
    let at = text.find("sealed:").unwrap();
    text[at..].split('"').next().unwrap().to_owned()
}

#[test]
fn the_key_is_changed_while_the_host_runs_and_nothing_is_read_again() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("ONE", &memory("one", &sealed(&host, "hunter2hunter2")));
    host.document("TWO", &memory("two", &sealed(&host, "hunter3hunter3")));
    host.document("GONE", &memory("gone", &sealed(&host, "hunter4hunter4")));
    host.prints(&["connectors", "remove", "GONE", "--yes"], "");
    host.start();
    let (old, before) =
        (fs::read_to_string(host.path("state/seal.key")).unwrap(), sealed_in(&host, "ONE"));
    let done = json_of(&host, &["secrets", "rotate-key"]);
    assert_eq!(done["running"], true);
    let resealed: u64 = done["documents"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["resealed"].as_u64())
        .sum();
    assert_eq!(resealed, 3, "{done}");
    let kept = done["kept"].as_str().unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), old);
    for file in [kept, host.path("state/seal.key").to_str().unwrap()] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_ne!(fs::read_to_string(host.path("state/seal.key")).unwrap(), old);
    assert_ne!(sealed_in(&host, "ONE"), before);
    let text = fs::read_to_string(host.path("connectors/ONE.toml")).unwrap();
    assert!(text.contains("store = \"one\" # s") && text.ends_with("\" # p\n"), "{text}");

    // The same values: nobody noticed.
    assert_eq!(json_of(&host, &["history", "ONE"]).as_array().unwrap().len(), 1);
    assert!(!host.log().contains("Document changed"), "a value sealed anew is no change");
    // The host opens what the new key seals, and the old one is not known any more.
    host.document("ONE", &memory("other", &sealed(&host, "hunter5hunter5")));
    until("the other value counts", || {
        (json_of(&host, &["history", "ONE"]).as_array()?.len() == 2).then_some(())
    });
    host.restart();
    assert_eq!(host.health_of("TWO")["state"], "ready");
    let said = host.prints(&["secrets", "rotate-key", "--forget"], "");
    assert!(said.contains("connectors/TWO.toml: 1 sealed anew"), "{said}");
    assert!(said.contains("holds a new key") && !said.contains("kept"), "{said}");
    host.restart();
}

#[test]
fn a_change_that_was_interrupted_goes_on_where_it_was_left() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("ONE", &memory("one", &sealed(&host, "hunter2hunter2")));
    host.document("TWO", &memory("two", &sealed(&host, "hunter3hunter3")));
    host.start();
    // A document that cannot be edited stops it in the middle, with both keys in the file.
    host.raw_document("WRONG", "a = = \"sealed:\"\n");
    let output = host.run(&["secrets", "rotate-key"], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("the old one stays until then"), "{said}");
    let key = fs::read_to_string(host.path("state/seal.key")).unwrap();
    assert_eq!(key.lines().count(), 2);
    for name in ["ONE", "TWO"] {
        assert_eq!(host.health_of(name)["state"], "ready");
    }
    host.kill();
    host.listen();
    for name in ["ONE", "TWO"] {
        assert_eq!(host.settled(name)["state"], "ready");
    }
    fs::remove_file(host.path("connectors/WRONG.toml")).unwrap();
    let done = json_of(&host, &["secrets", "rotate-key"]);
    assert_eq!(done["documents"], json!([]), "they were sealed anew before");
    let after = fs::read_to_string(host.path("state/seal.key")).unwrap();
    assert_eq!(after.lines().collect::<Vec<_>>(), [key.lines().next().unwrap()]);
    host.restart();
}

#[test]
fn a_wrong_key_stops_only_those_who_need_it() {
    let mut host = Host::with(&["misbehaving"]);
    let one = sealed(&host, "hunter2hunter2");
    host.document("SEALED", &memory("sealed", &one));
    host.document("OPEN", &format!("{MEMORY}store = \"open\"\n"));
    let key = fs::read(host.path("state/seal.key")).unwrap();
    host.write("state/seal.key", "no key");
    host.listen();
    assert_eq!(host.settled("OPEN")["state"], "ready");
    let broken = host.settled("SEALED");
    let detail = broken["detail"].as_str().unwrap();
    assert!(broken["state"] == "failed" && detail.contains("values.password"), "{broken}");
    assert!(detail.contains("seal.key is damaged: restore it from a backup"), "{broken}");
    let home = host.path("");
    let home = home.to_str().unwrap().trim_end_matches('/');
    assert!(!broken.to_string().contains(home), "no token was asked for: {broken}");
    let told = host.prints(&["connectors", "list", "--json"], "");
    assert!(told.contains(&format!("{home}/state/seal.key")), "an operator sees it: {told}");
    let refused = host.run(&["seal"], "x");
    assert!(!refused.status.success());

    // Restored, it counts at once; another one is noticed as well.
    host.write("state/seal.key", &key);
    until("the restored key counts", || {
        (host.health_of("SEALED")["state"] == "ready").then_some(())
    });
    let other = Host::with(&[]);
    sealed(&other, "anything");
    host.write("state/seal.key", fs::read(other.path("state/seal.key")).unwrap());
    until("the other key is noticed", || {
        let notice = host.health_of("SEALED")["notices"][0]["detail"].as_str()?.to_owned();
        notice.contains("does not open the sealed text").then_some(())
    });
    assert_eq!(host.health_of("SEALED")["state"], "ready", "the one before goes on");
    host.stop();
    host.listen();
    let detail = host.entra("SEALED").get("/Users").refused(503);
    assert!(detail.contains("seal.key does not open") && detail.contains("seal the value anew"));
    assert!(!detail.contains(host.path("state").to_str().unwrap()), "where it is: {detail}");
    assert_eq!(host.settled("OPEN")["state"], "ready");
}

#[test]
fn the_key_comes_from_the_environment_a_credential_or_a_program() {
    let mut host = Host::with(&["misbehaving"]);
    let line = |host: &Host| {
        sealed(host, "x");
        fs::read_to_string(host.path("state/seal.key")).unwrap()
    };
    let (first, second) = (line(&Host::with(&[])), line(&Host::with(&[])));
    host.write("first.key", &first);
    let folder = host.path("");
    host.variable("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    host.variable("SEAL", &first);
    let file = host.path("first.key");
    for source in [
        "env:SEAL".to_owned(),
        "credential:first.key".to_owned(),
        format!("command:/bin/cat {}", file.display()),
    ] {
        host.settings(&format!("[secrets]\nkey = \"{source}\"\n"));
        host.document("ONE", &memory("one", &sealed(&host, "hunter2hunter2")));
        host.start();
        assert_eq!(host.health_of("ONE")["state"], "ready", "{source}");
        assert!(host.stop().success());
        assert!(!host.path("state/seal.key").exists());
    }
    // The host cannot write there: it says what to do, and does its part then.
    let output = host.run(&["secrets", "rotate-key"], "");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && said.contains("openssl rand -base64 32"), "{said}");
    // The host that runs read the key when it started: nothing is sealed that it could not open.
    host.start();
    host.write("first.key", second + &first);
    let before = sealed_in(&host, "ONE");
    let output = host.run(&["secrets", "rotate-key", "--json"], "");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &said["documents"]), (Some(1), &json!([])), "{said}");
    assert!(
        said["steps"][0].as_str().unwrap().contains("the running host does not know"),
        "{said}"
    );
    assert!(said["steps"][2].as_str().unwrap().starts_with("restart the host"), "{said}");
    assert_eq!(sealed_in(&host, "ONE"), before);
    host.stop();
    host.start();
    let done = json_of(&host, &["secrets", "rotate-key"]);
    assert_eq!((&done["documents"][0]["resealed"], &done["running"]), (&json!(1), &json!(true)));
    assert_ne!(sealed_in(&host, "ONE"), before);
    assert_eq!(host.health_of("ONE")["state"], "ready");
    host.stop();
    let done = json_of(&host, &["secrets", "rotate-key"]);
    assert!(done["steps"][2].as_str().unwrap().starts_with("no host runs in this home"), "{done}");
    host.settings("[secrets]\nkey = \"command:/bin/sh -c false\"\n");
    let output = host.run(&["secrets", "seal"], "x");
    assert!(String::from_utf8(output.stderr).unwrap().contains("run it by hand to see why"));
}

#[test]
fn a_change_of_the_key_survives_being_killed_at_any_moment() {
    let host = Host::with(&["misbehaving"]);
    let names: Vec<String> = (0..20).map(|number| format!("C{number}")).collect();
    let one = sealed(&host, "hunter2hunter2");
    names.iter().for_each(|name| host.document(name, &memory(name, &one)));
    for kill in 0..12 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ecma-host"))
            .args(["--home", host.path("").to_str().unwrap(), "secrets", "rotate-key", "--forget"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Until so many documents are another than before, or it has ended.
        let before: Vec<String> = names.iter().map(|name| sealed_in(&host, name)).collect();
        let changed =
            || names.iter().zip(&before).filter(|(name, old)| sealed_in(&host, name) != **old);
        while changed().count() < kill * 2 && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        let problems = json_of(&host, &["connectors", "validate"]);
        assert!(
            problems.as_array().unwrap().iter().all(|one| one["problems"] == json!([])),
            "{problems}"
        );
    }
    host.prints(&["secrets", "rotate-key", "--forget"], "");
    assert_eq!(fs::read_to_string(host.path("state/seal.key")).unwrap().lines().count(), 1);
    let problems = json_of(&host, &["connectors", "validate"]);
    assert!(
        problems.as_array().unwrap().iter().all(|one| one["problems"] == json!([])),
        "{problems}"
    );
}

#[test]
fn a_lost_key_is_told_and_not_replaced_while_values_are_sealed_with_it() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("OPEN", &format!("{MEMORY}store = \"open\"\n"));
    for looks in [["connectors", "validate"], ["connectors", "list"], ["doctor", "--json"]] {
        host.prints(&looks, "");
        assert!(!host.path("state/seal.key").exists(), "{looks:?} makes no key");
    }
    host.document("ONE", &memory("one", &sealed(&host, "hunter2hunter2")));
    host.document("GONE", &memory("gone", &sealed(&host, "hunter4hunter4")));
    host.prints(&["connectors", "remove", "GONE", "--yes"], "");
    host.start();
    let key = fs::read(host.path("state/seal.key")).unwrap();
    fs::remove_file(host.path("state/seal.key")).unwrap();
    let says = "seal.key is missing, and 2 values are sealed with it: restore it from a backup, or \
                remove those values";
    for arguments in [
        ["connectors", "validate"],
        ["doctor", "--json"],
        ["connectors", "test"],
        ["secrets", "seal"],
        ["secrets", "rotate-key"],
    ] {
        let name = (arguments[1] == "test").then_some("ONE");
        let output = host.run(&[&arguments, name.as_slice()].concat(), "x");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success() && said.contains(says), "{arguments:?}: {said}");
        assert!(!host.path("state/seal.key").exists(), "{arguments:?} makes no key");
    }
    // The host that runs goes on, and so does one that starts, without the connector.
    let notice = |host: &Host| {
        let health = host.health();
        let notice = &health["hostNotices"][0];
        assert!(notice.is_null() || health["status"] == "degraded", "{health}");
        notice["detail"].as_str().map(str::to_owned)
    };
    let told = until("the missing key is told", || notice(&host));
    assert!(
        told.contains("the one before goes on until a restart") && told.contains(says),
        "{told}"
    );
    let listed = String::from_utf8(host.run(&["connectors", "list"], "").stderr).unwrap();
    assert!(listed.contains(says), "{listed}");
    let examined = String::from_utf8(host.run(&["doctor", "--json"], "").stdout).unwrap();
    // With the whole path of the file, which `/health` keeps to itself.
    let running = examined.split("\"at\": \"host\"").nth(1).unwrap();
    assert!(running.contains("the one before goes on until a restart"), "{examined}");
    assert!(running.contains(says), "{examined}");
    assert_eq!(host.health_of("ONE")["state"], "ready");
    host.stop();
    host.listen();
    assert_eq!(host.settled("OPEN")["state"], "ready");
    assert!(host.settled("ONE")["detail"].as_str().unwrap().contains(says));
    let told = notice(&host).unwrap();
    assert!(told.starts_with("nothing sealed can be opened") && told.contains(says), "{told}");
    assert!(!host.path("state/seal.key").exists());

    // A damaged one takes its place, and then the right one.
    host.write("state/seal.key", "no key");
    fs::set_permissions(host.path("state/seal.key"), fs::Permissions::from_mode(0o600)).unwrap();
    until("the damaged key is told", || notice(&host)?.contains("is damaged").then_some(()));
    host.write("state/seal.key", key);
    until("the restored key counts", || {
        (host.health_of("ONE")["state"] == "ready" && notice(&host).is_none()).then_some(())
    });
}

#[test]
fn without_what_was_sealed_a_new_key_is_made() {
    let host = Host::with(&["misbehaving"]);
    host.document("ONE", &memory("one", &sealed(&host, "hunter2hunter2")));
    fs::remove_file(host.path("state/seal.key")).unwrap();
    assert!(!host.run(&["seal"], "x").status.success());
    host.document("ONE", MEMORY);
    host.document("ONE", &memory("one", &sealed(&host, "hunter2hunter2")));
    assert_eq!(json_of(&host, &["connectors", "validate"])[0]["problems"], json!([]));
}
