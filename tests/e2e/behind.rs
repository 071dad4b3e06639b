//! Somebody changes the target behind the host's back: imports see it, and never take away more than
//! is safe to believe.

use crate::support::{CsvTarget, Host, SqlTarget, Target, person, until};
use serde_json::{Value, json};
use std::fs;

fn started<T: Target>() -> (Host, T) {
    let mut host = Host::with(&[T::PLUGIN]);
    let target = T::new(&host);
    host.start();
    (host, target)
}

/// Makes the host import again: it learns of somebody it does not know of.
fn imports_again(host: &Host, newcomer: &str) {
    let entra = host.entra("PEOPLE");
    let before = host.health_of("PEOPLE")["lastRun"]["began"].clone();
    assert_eq!(entra.matched(newcomer), None);
    let clash = entra.create(&person(newcomer, "5000"));
    assert_eq!(clash.body["scimType"], "uniqueness", "{}", clash.text);
    clash.refused(409);
    until("the host has imported again", || {
        (host.health_of("PEOPLE")["lastRun"]["began"] != before).then_some(())
    });
}

fn row(login: &str, id: &str) -> crate::support::Row {
    let cells = [("id", id), ("login", login), ("display", "Behind"), ("enabled", "1")];
    cells.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn edit<T: Target>(target: &T) {
    target.change(|rows| {
        rows.remove("grace@example.org").unwrap();
        rows.get_mut("edsger@example.org").unwrap().insert("given".into(), "E. W.".into());
        rows.insert("newcomer@example.org".into(), row("newcomer@example.org", "4000"));
    });
}

fn is_seen(host: &Host, grace: &str) {
    let entra = host.entra("PEOPLE");
    assert_eq!(entra.matched("newcomer@example.org").unwrap()["displayName"], "Behind");
    assert_eq!(entra.matched("edsger@example.org").unwrap()["name"]["givenName"], "E. W.");
    assert_eq!(entra.matched("grace@example.org"), None);
    entra.user(grace).refused(404);
    assert_eq!(entra.everybody().len(), 12);
}

fn what_others_change_is_seen<T: Target>(kind: &str) {
    let (mut host, target) = started::<T>();
    let grace = host.entra("PEOPLE").matched("grace@example.org").unwrap();
    let grace = grace["id"].as_str().unwrap();
    edit(&target);
    imports_again(&host, "newcomer@example.org");
    let run = host.health_of("PEOPLE")["lastRun"].clone();
    let counts = ["kind", "outcome", "added", "changed", "removed", "refused", "held"];
    let counts = counts.map(|name| run[name].clone());
    let expected =
        [json!(kind), json!("success"), 1.into(), 1.into(), 1.into(), 0.into(), 0.into()];
    assert_eq!(counts, expected);
    is_seen(&host, grace);
    host.restart();
    is_seen(&host, grace);
}

#[test]
fn changes_in_a_csv_file_are_seen() {
    what_others_change_is_seen::<CsvTarget>("delta");
}

#[test]
fn changes_in_a_database_are_seen() {
    what_others_change_is_seen::<SqlTarget>("full");
}

#[test]
fn the_schedule_alone_brings_what_others_change() {
    let mut host = Host::with(&[CsvTarget::PLUGIN]);
    let target = CsvTarget::new(&host);
    let document = host.path("connectors/PEOPLE.toml");
    let text = fs::read_to_string(&document).unwrap().replace("autosync = 0", "autosync = 1");
    fs::write(&document, text).unwrap();
    host.start();
    edit(&target);
    let entra = host.entra("PEOPLE");
    until("a minute has passed", || entra.matched("newcomer@example.org"));
    until("the import has ended", || {
        (host.health_of("PEOPLE")["lastRun"]["kind"] == "delta").then_some(())
    });
    assert_eq!(entra.matched("grace@example.org"), None);
}

fn crowd<T: Target>(target: &T) {
    target.change(|rows| {
        for number in 0..100 {
            let login = format!("crowd{number}@example.org");
            rows.insert(login.clone(), row(&login, &(1000 + number).to_string()));
        }
    });
}

fn too_many_removals_are_held_back<T: Target>() {
    let mut host = Host::with(&[T::PLUGIN]);
    let target = T::new(&host);
    crowd(&target);
    host.start();
    assert_eq!(host.health_of("PEOPLE")["entries"], 112);
    target.change(|rows| {
        for number in 0..60 {
            rows.remove(&format!("crowd{number}@example.org")).unwrap();
        }
        rows.insert("newcomer@example.org".into(), row("newcomer@example.org", "4000"));
    });
    imports_again(&host, "newcomer@example.org");
    let health = host.health_of("PEOPLE");
    let run = &health["lastRun"];
    assert_eq!((&run["held"], &run["removed"]), (&json!(60), &json!(0)), "{health}");
    assert_eq!((&run["outcome"], &run["added"]), (&json!("held"), &json!(1)), "{health}");
    assert_eq!((&health["state"], &health["entries"]), (&json!("ready"), &json!(113)));
    let entra = host.entra("PEOPLE");
    let crowd: Vec<Value> =
        (0..100).filter_map(|n| entra.matched(&format!("crowd{n}@example.org"))).collect();
    assert_eq!(crowd.len(), 100, "nobody is gone");
    assert!(host.log().contains("Import would remove too many entries"));

    // Who starts anew has nothing to compare with, and believes the target.
    host.restart();
    assert_eq!(host.health_of("PEOPLE")["entries"], 53);
}

#[test]
fn too_many_removals_of_a_csv_file_are_held_back() {
    too_many_removals_are_held_back::<CsvTarget>();
}

#[test]
fn too_many_removals_of_a_database_are_held_back() {
    too_many_removals_are_held_back::<SqlTarget>();
}

#[test]
fn somebody_deleted_behind_the_hosts_back_is_gone_when_written_to() {
    let (host, target) = started::<SqlTarget>();
    let entra = host.entra("PEOPLE");
    let id = entra.matched("grace@example.org").unwrap()["id"].as_str().unwrap().to_owned();
    target.change(|rows| drop(rows.remove("grace@example.org")));
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Grace"}]);
    entra.patch(&id, rename).refused(404);
    entra.user(&id).refused(404);
    assert_eq!(entra.matched("grace@example.org"), None, "the client creates her again");
    assert_eq!(entra.create(&person("grace@example.org", "")).status, 201);
}
