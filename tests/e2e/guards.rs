//! What operators do to guard a host: exports held back, tokens, addresses.

use crate::support::{Host, MEMORY};
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
    assert!(host.log().contains("What the export guard held before is not known"));
}
