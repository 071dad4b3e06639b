//! The laws of the house, where they show only in the whole: what runs at the same time, what drifted,
//! what came in part.

use crate::support::{CsvTarget, Host, MEMORY, SqlTarget, Target, person, until};
use serde_json::json;
use std::fs;

#[test]
fn an_older_view_never_undoes_what_was_exported_meanwhile() {
    let mut host = Host::with(&["misbehaving"]);
    let release = host.path("release");
    let orders = format!("mode = \"hang\"\nat = \"import\"\nrelease = \"{}\"\n", release.display());
    // Each connector has a process of its own, so their people are in a file.
    host.document("SLOW", &format!("{MEMORY}file = \"people.json\"\n{orders}"));
    host.document("OTHER", &format!("{MEMORY}file = \"people.json\""));
    fs::write(&release, "").unwrap();
    host.start();
    let entra = host.entra("SLOW");

    // The next import takes its view and hangs in the middle of telling it.
    fs::remove_file(&release).unwrap();
    host.entra("OTHER").create(&person("behind", "")).expect(201);
    let began = host.health_of("SLOW")["lastRun"]["began"].clone();
    let before = host.log().matches("run{connector=SLOW").count();
    entra.create(&person("behind", "")).refused(409);
    // Every import opens the store anew.
    let opened = |log: String| log.matches("run{connector=SLOW").count();
    until("the import is under way", || (opened(host.log()) > before).then_some(()));
    let rename = |name: &str| json!([{"op": "replace", "path": "displayName", "value": name}]);
    for id in ["person.1", "person.2"] {
        assert_eq!(entra.patch(id, rename("New")).expect(200)["displayName"], "New");
    }
    assert_eq!(entra.delete("person.3").status, 204);
    let meanwhile = entra.create(&person("meanwhile", "")).expect(201);
    fs::write(&release, "").unwrap();
    until("the import is done", || {
        (host.health_of("SLOW")["lastRun"]["began"] != began).then_some(())
    });
    for id in ["person.1", "person.2"] {
        assert_eq!(entra.user(id).expect(200)["displayName"], "New", "{id}");
    }
    entra.user("person.3").refused(404);
    assert_eq!(entra.matched("meanwhile").unwrap(), meanwhile);
    assert!(entra.matched("behind").is_some(), "and the import brought what it saw");
}

#[test]
fn what_a_client_names_is_exported_even_if_nothing_seems_to_change() {
    let mut host = Host::with(&[SqlTarget::PLUGIN]);
    let target = SqlTarget::new(&host);
    host.start();
    let entra = host.entra("PEOPLE");
    let grace = entra.matched("grace@example.org").unwrap();
    let drift = |rows: &mut std::collections::BTreeMap<String, crate::support::Row>| {
        let row = rows.get_mut("grace@example.org").unwrap();
        row.insert("display".into(), "drifted".into());
        row.insert("given".into(), "drifted".into());
    };
    target.change(drift);
    let same = json!([{"op": "Replace", "path": "displayName", "value": grace["displayName"]}]);
    let patched = entra.patch(grace["id"].as_str().unwrap(), same).expect(200);
    let row = &target.rows()["grace@example.org"];
    assert_eq!(row["display"], grace["displayName"].as_str().unwrap(), "what was named is right");
    assert_eq!(row["given"], "drifted", "what was not named is not touched");
    assert_eq!(patched["displayName"], grace["displayName"]);
}

#[test]
fn an_import_that_came_in_part_removes_nobody() {
    let mut host = Host::with(&[CsvTarget::PLUGIN]);
    let target = CsvTarget::new(&host);
    host.start();
    let entra = host.entra("PEOPLE");
    let grace = entra.matched("grace@example.org").unwrap();
    let newcomer = "99,newcomer@example.org,New,,,,,1,,\r\n";
    let edited: String = target
        .bytes()
        .split_inclusive("\r\n")
        .filter(|line| !line.contains("edsger@"))
        .map(|line| match line.contains("grace@") {
            true => "5,grace@example.org,one,cell,too,many,here,1,,,,\r\n".to_owned(),
            false => line.to_owned(),
        })
        .collect();
    host.write("edited", edited + newcomer);
    fs::rename(host.path("edited"), host.path("people.csv")).unwrap();
    entra.create(&person("newcomer@example.org", "100")).refused(409);
    until("the import has brought the newcomer", || entra.matched("newcomer@example.org"));
    let run = until("the run is over", || {
        let run = host.health_of("PEOPLE")["lastRun"].clone();
        (run["refused"] == 1).then_some(run)
    });
    assert_eq!((&run["outcome"], &run["removed"]), (&json!("partial"), &json!(0)), "{run}");
    assert_eq!(entra.matched("grace@example.org").unwrap(), grace);
    assert!(entra.matched("edsger@example.org").is_some(), "not seen is not gone");
    let told = host
        .log()
        .lines()
        .any(|line| line.contains("Entries could not be imported") && line.contains("line 6"));
    assert!(told, "the operator reads which line");

    // The row that is not understood stays as it is, to the byte, when others are written.
    let ada = entra.matched("ada@example.org").unwrap()["id"].as_str().unwrap().to_owned();
    let rename = json!([{"op": "replace", "path": "name.givenName", "value": "A."}]);
    entra.patch(&ada, rename).expect(200);
    assert!(target.bytes().contains("\r\n5,grace@example.org,one,cell,too,many,here,1,,,,\r\n"));
}

#[test]
fn the_operators_own_certificate_is_served() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    host.start();
    for file in ["cert.pem", "key.pem"] {
        fs::copy(host.path("state").join(file), host.path(file)).unwrap();
    }
    assert!(host.stop().success());
    fs::remove_dir_all(host.path("state")).unwrap();
    host.settings("[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n");
    host.start();
    assert_eq!(host.entra("MEMORY").everybody().len(), 3);
    assert!(!host.path("state/cert.pem").exists(), "none is made when there is one");
}
