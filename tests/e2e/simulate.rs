//! Trying a connector out: what is told of it, and that the target is as before.

use crate::support::{CsvTarget, Host, MEMORY, SqlTarget, Target};
use serde_json::Value;

/// What a simulation said: exit code, standard output, standard error.
fn simulate(host: &Host, arguments: &[&str]) -> (i32, String, String) {
    let mut all = vec!["simulate"];
    all.extend(arguments);
    let output = host.run(&all, "");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The verdict of each step, and why.
fn verdicts(told: &Value) -> Vec<(String, String, String)> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let steps = told["steps"].as_array().unwrap().iter();
    steps.map(|step| (text(step, "verdict"), text(step, "name"), text(step, "detail"))).collect()
}

#[track_caller]
fn steps_of(host: &Host, arguments: &[&str], code: i32) -> Vec<(String, String, String)> {
    let mut all = arguments.to_vec();
    all.push("--json");
    let (exit, told, said) = simulate(host, &all);
    assert_eq!(exit, code, "{told}{said}");
    verdicts(&serde_json::from_str(&told).unwrap())
}

fn good_cycles<T: Target>() {
    let host = Host::with(&[T::PLUGIN]);
    let target = T::new(&host);
    let before = target.rows();
    for client in ["entra", "okta"] {
        let steps = steps_of(&host, &["PEOPLE", "--as", client], 0);
        let skipped: Vec<&str> =
            steps.iter().filter(|(v, ..)| v == "SKIP").map(|(_, name, _)| name.as_str()).collect();
        match client {
            "entra" => assert_eq!(skipped, ["manager", "groups"]),
            _ => assert_eq!(skipped, ["group push"]),
        }
        assert!(steps.iter().all(|(verdict, ..)| verdict != "FAIL"), "{steps:?}");
        assert!(steps.len() > 10, "{steps:?}");
        assert_eq!(target.rows(), before, "{client} left the target as it was");
    }
    let (code, told, _) = simulate(&host, &["PEOPLE", "--dry-run", "--set", "displayName=Kim Lee"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(target.rows(), before);
    for line in
        ["PASS  disable", "would export: add person", "display = \"Kim Lee\"", "enabled = \"0\""]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("POST"), "exchanges are shown when asked for: {told}");
    let (code, _, said) = simulate(&host, &["PEOPLE", "--dry-run", "--set", "nickName=K"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--set: no client sends nickName here; there is "), "{said}");
    assert!(said.contains("displayName"), "{said}");
}

#[test]
fn a_csv_file_does_what_clients_want_and_is_as_before() {
    good_cycles::<CsvTarget>();
}

#[test]
fn a_database_does_what_clients_want_and_is_as_before() {
    good_cycles::<SqlTarget>();
}

#[test]
fn a_dry_run_touches_no_byte() {
    let mut host = Host::with(&["csv-file"]);
    let target = CsvTarget::new(&host);
    let before = target.bytes();
    for client in ["entra", "okta"] {
        let (code, told, _) = simulate(&host, &["PEOPLE", "--dry-run", "--as", client]);
        assert_eq!(code, 0, "{told}");
        assert_eq!(target.bytes(), before, "{client}");
    }
    host.variable("ECMA_LOG", "info");
    let (_, told, said) = simulate(&host, &["PEOPLE", "--dry-run"]);
    assert!(told.contains("would export: delete person"), "{told}");
    assert!(said.contains("Import finished") && !said.contains("Exported"), "{said}");
    let (_, _, said) = simulate(&host, &["PEOPLE"]);
    assert!(said.contains("Exported"), "the audit of what is done: {said}");
}

#[test]
fn a_connector_that_a_client_cannot_match_by_fails() {
    let host = Host::with(&["generic-sql"]);
    let target = SqlTarget::new(&host);
    let before = target.rows();
    let document = SqlTarget::document();
    host.document("UNMATCHED", &document.replace("login = \"userName\"", "login = \"nickName\""));
    let steps = steps_of(&host, &["UNMATCHED"], 1);
    let (verdict, _, detail) =
        steps.iter().find(|(_, name, _)| name == "match: nobody is there yet").unwrap();
    assert_eq!(verdict, "FAIL");
    assert!(detail.contains("userName") && detail.contains("--match"), "{detail}");
    assert_eq!(target.rows(), before, "it is cleaned up all the same");
    // By what is mapped it works, but for the second one of the same name.
    let steps = steps_of(&host, &["UNMATCHED", "--match", "nickName"], 0);
    assert!(steps.iter().any(|(v, name, _)| v == "PASS" && name == "match: it is found"));
    assert_eq!(target.rows(), before);
}

#[test]
fn what_fails_is_shown_with_what_was_sent_and_answered() {
    let host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &format!("{MEMORY}mode = \"fail\"\nat = \"export\"\n"));
    let (code, told, _) = simulate(&host, &["MEMORY"]);
    assert_eq!(code, 1, "{told}");
    for line in ["FAIL  create a user", "→ POST /Users", "← 503", "1 failed"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(told.contains("SKIP  change, disable and delete: no user was created"), "{told}");
}

#[test]
fn a_connector_that_keeps_what_is_deleted_is_cleaned_up_all_the_same() {
    let host = Host::with(&["generic-sql"]);
    let target = SqlTarget::new(&host);
    let before = target.rows();
    let keeps = |flow: &str| {
        SqlTarget::document().replace("[values]", &format!("delete = {flow}\n[values]"))
    };
    for flow in ["\"none\"", "{ set = \"note\", value = \"left\" }"] {
        host.document("KEEPS", &keeps(flow));
        let steps = steps_of(&host, &["KEEPS"], 0);
        let (_, _, detail) = steps.iter().find(|(_, name, _)| name == "delete").unwrap();
        assert!(detail.contains("stays in the target"), "{detail}");
        assert_eq!(target.rows(), before, "{flow}");
    }
    host.document(
        "GONE",
        &SqlTarget::document().replace(
            "disable = { set = \"enabled\", true = \"1\", false = \"0\" }",
            "disable = \"delete\"",
        ),
    );
    let steps = steps_of(&host, &["GONE"], 0);
    let restored = steps.iter().find(|(_, name, _)| name == "restore").unwrap();
    assert_eq!(restored.2, "created anew");
    assert_eq!(target.rows(), before);
}

#[test]
fn where_there_is_nothing_to_try_the_reason_is_told() {
    let host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    host.raw_document("BROKEN", "plugin = \"misbehaving\"\ntokn = 7\n");
    host.document("LOST", &MEMORY.replace("misbehaving", "misbehavin"));
    host.document("DEAF", &format!("{MEMORY}mode = \"fail\"\nat = \"import\"\n"));
    for (name, reason) in [
        ("MEMROY", "did you mean MEMORY?"),
        ("BROKEN", "BROKEN.toml:2"),
        ("LOST", "misbehaving"),
        ("DEAF", "connectors/DEAF.toml: the target could not be imported"),
    ] {
        let (code, told, said) = simulate(&host, &[name]);
        assert_eq!((code, told.as_str()), (2, ""), "{said}");
        assert!(said.contains(reason), "{name}: {said}");
    }
    let (code, _, said) = simulate(&host, &["MEMORY"]);
    assert_eq!(code, 0, "its neighbors are broken, not it: {said}");
}
