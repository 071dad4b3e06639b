//! The life of a person, as Entra drives it, against each target; each step is then looked for in
//! the target itself.

use crate::support::{CsvTarget, Entra, Host, SqlTarget, Target, extension, person};
use serde_json::{Value, json};

const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";

fn id_of(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}

/// What a target's row has in these columns.
fn cells<T: Target>(target: &T, login: &str, columns: &[&str]) -> Vec<String> {
    let row = target.rows().remove(login).unwrap_or_else(|| panic!("{login} is in the target"));
    columns.iter().map(|name| row.get(*name).cloned().unwrap_or_default()).collect()
}

fn matches(entra: &Entra) {
    entra.probe();
    let ada = entra.matched("ada@example.org").unwrap();
    assert_eq!(entra.matched("ADA@Example.org"), Some(ada.clone()));
    assert_eq!(entra.matched("nobody@example.org"), None);
    assert_eq!(entra.matched("李明@example.org").unwrap()["displayName"], "李明");
    assert_eq!(ada["displayName"], "Ada, \"the first\"");
    assert_eq!(ada["name"], json!({"givenName": "Ada", "familyName": "Lovelace"}));
    assert_eq!(ada["active"], true);
    assert_eq!(entra.matched("Łucja@example.org").unwrap()["active"], false);
    let mail = entra.list("emails[type eq \"work\"].value eq \"ada@example.org\"");
    assert_eq!(mail["Resources"], json!([ada]));
    let badge = extension("badge");
    for (filter, found) in [
        ("active eq false", 1),
        ("not (active eq true)", 1),
        ("active eq \"False\"", 1),
        ("userName sw \"e\"", 1),
        ("userName ew \"@EXAMPLE.org\"", 12),
        ("displayName co \"ance\"", 1),
        ("name.givenName eq \"GRACE\" or name.givenName eq \"edsger\"", 2),
        ("userName sw \"j\" and not (displayName eq \"José\")", 1),
        ("emails[type eq \"work\" and value sw \"ada\"]", 1),
        ("emails[type eq \"home\"]", 0),
        (&format!("{DEPARTMENT} eq \"engines\""), 1),
        (&format!("{badge} pr"), 1),
        ("externalId eq \"x\"", 0),
        ("id eq \"person.1\" and userName eq \"ada@example.org\"", 1),
        ("meta.resourceType eq \"User\" and (userName gt \"e\") and userName le \"f\"", 1),
    ] {
        assert_eq!(entra.list(filter)["totalResults"], found, "{filter}");
    }
}

fn creates<T: Target>(entra: &Entra, target: &T) -> String {
    let created = entra.create(&person("zoe@example.org", "100"));
    let location = created.header("location").map(str::to_owned);
    let version = created.header("etag").map(str::to_owned);
    let resource = created.expect(201);
    let id = id_of(&resource);
    assert_eq!(location.unwrap(), format!("{}/Users/{id}", entra.base()));
    assert_eq!(resource["meta"]["location"], format!("{}/Users/{id}", entra.base()));
    assert_eq!(resource["meta"]["version"], version.unwrap());
    assert_eq!(resource["userName"], "zoe@example.org");
    assert_eq!(resource["active"], true);
    assert_eq!(resource["emails"][0]["value"], "zoe@example.org");
    assert!(resource.get("externalId").is_none(), "the target does not hold it");
    let columns = ["display", "given", "family", "mail", "department", "enabled", "badge", "note"];
    let there = cells(target, "zoe@example.org", &columns);
    let zoe = ["Zoë Ångström", "Zoë", "Ångström", "zoe@example.org", "R&D, \"Optics\"", "1", "B-7"];
    assert_eq!(there[..7], zoe);
    assert_eq!(there[7], "", "nobody named the note");

    for (name, id) in [("zoe@example.org", "101"), ("ZOE@example.org", "102")] {
        let again = entra.create(&person(name, id));
        assert_eq!(again.body["scimType"], "uniqueness");
        again.refused(409);
    }
    let missing = entra.create(&json!({"displayName": "Nameless"}));
    assert_eq!(missing.body["scimType"], "invalidValue");
    missing.refused(400);
    assert_eq!(entra.user(&id).expect(200), resource);
    assert_eq!(entra.matched("zoe@example.org").unwrap(), resource);
    id
}

fn patches<T: Target>(entra: &Entra, target: &T, id: &str) {
    let legacy = json!([
        {"op": "Replace", "path": "displayName", "value": "Zoë L."},
        {"op": "Replace", "path": "name.familyName", "value": "Li"},
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "z@example.org"},
        {"op": "Add", "path": DEPARTMENT, "value": "43"},
        {"op": "Replace", "path": extension("badge"), "value": [{"$ref": null, "value": "B-8"}]},
        {"op": "Replace", "path": "active", "value": "False"},
    ]);
    let patched = entra.patch(id, legacy).expect(200);
    assert_eq!(patched["active"], false);
    let columns = ["display", "given", "family", "mail", "department", "badge", "enabled"];
    assert_eq!(
        cells(target, "zoe@example.org", &columns),
        ["Zoë L.", "Zoë", "Li", "z@example.org", "43", "B-8", "0"]
    );
    assert_eq!(entra.user(id).expect(200)["active"], false, "disabled people are still there");
    assert_eq!(entra.matched("zoe@example.org").unwrap(), patched);

    let new = json!([
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "zoe@example.org"},
        {"op": "replace", "value": {
            "displayName": "Zoë", "name.givenName": "Zoe", "name.familyName": "Lee",
            "active": true, DEPARTMENT: "44", extension("badge"): "B-9",
            "userName": "zoe.lee@example.org",
        }},
    ]);
    let patched = entra.patch(id, new).expect(200);
    assert_eq!((&patched["id"], &patched["active"]), (&json!(id), &json!(true)));
    assert_eq!(
        cells(target, "zoe.lee@example.org", &columns),
        ["Zoë", "Zoe", "Lee", "zoe@example.org", "44", "B-9", "1"]
    );
    assert_eq!(entra.matched("zoe@example.org"), None, "that name is free again");
    assert_eq!(id_of(&entra.matched("zoe.lee@example.org").unwrap()), id);

    let before = entra.user(id).expect(200);
    assert_eq!(entra.patch(id, json!([])).expect(200), before, "no operations, no change");
    let remove = json!([{"op": "Remove", "path": DEPARTMENT}, {"op": "replace", "path": "name.givenName", "value": ""}]);
    entra.patch(id, remove).expect(200);
    let columns = ["department", "given", "family"];
    assert_eq!(cells(target, "zoe.lee@example.org", &columns), ["", "", "Lee"]);
    let wrong = entra.patch(id, json!([{"op": "replace", "path": "emails[type eq", "value": 1}]));
    assert_eq!(wrong.body["scimType"], "invalidPath");
    wrong.refused(400);
    let taken = json!([{"op": "replace", "path": "userName", "value": "ada@example.org"}]);
    let taken = entra.patch(id, taken);
    assert_eq!(taken.body["scimType"], "uniqueness", "{}", taken.text);
    taken.refused(409);
}

fn replaces<T: Target>(entra: &Entra, target: &T, id: &str) {
    let columns = ["display", "family", "mail", "department", "badge", "enabled"];
    let mut body = person("zoe@example.org", "100");
    body["name"] = Value::Null;
    body["active"] = json!("True");
    body["id"] = json!(id);
    body.as_object_mut().unwrap().remove("emails");
    entra.put(id, &body).expect(200);
    assert_eq!(
        cells(target, "zoe@example.org", &columns),
        ["Zoë Ångström", "", "", "R&D, \"Optics\"", "B-7", "1"]
    );
    body.as_object_mut().unwrap().remove("userName");
    entra.put(id, &body).refused(400);
    for (active, there) in [(json!(false), "0"), (json!("True"), "1"), (json!("false"), "0")] {
        let active = json!([{"op": "Replace", "path": "active", "value": active}]);
        assert_eq!(entra.patch(id, active).expect(200)["active"], there == "1");
        assert_eq!(cells(target, "zoe@example.org", &["enabled"]), [there]);
    }
}

fn deletes<T: Target>(entra: &Entra, target: &T, id: &str) {
    let deleted = entra.delete(id);
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert!(!target.rows().contains_key("zoe@example.org"));
    entra.user(id).refused(404);
    entra.delete(id).refused(404);
    entra.patch(id, json!([{"op": "replace", "path": "title", "value": "x"}])).refused(404);
    assert_eq!(entra.matched("zoe@example.org"), None);
    entra.probe();
}

/// Create to delete; the id of a person that stays at the end.
fn journey<T: Target>(host: &mut Host, target: &T) {
    let entra = host.entra("PEOPLE");
    let before = target.rows();
    matches(&entra);
    let id = creates(&entra, target);
    patches(&entra, target, &id);
    replaces(&entra, target, &id);
    let everybody = entra.everybody();
    assert_eq!(everybody.len(), 13);
    let distinct: std::collections::BTreeSet<_> = everybody.iter().collect();
    assert_eq!(distinct.len(), 13, "no page repeats another");
    let others = |mut rows: std::collections::BTreeMap<_, _>| {
        rows.remove("zoe@example.org");
        rows
    };
    assert_eq!(others(target.rows()), before, "the neighbors are as they were");

    host.restart();
    let entra = host.entra("PEOPLE");
    let (mut after, mut known) = (entra.everybody(), everybody);
    after.sort();
    known.sort();
    assert_eq!(after, known, "the same ids and versions");
    assert_eq!(entra.user(&id).expect(200)["userName"], "zoe@example.org");
    deletes(&entra, target, &id);
    assert_eq!(target.rows(), before);
}

#[test]
fn a_person_of_a_database() {
    let mut host = Host::with(&[SqlTarget::PLUGIN]);
    let target = SqlTarget::new(&host);
    host.start();
    journey(&mut host, &target);
}

#[test]
fn a_person_of_a_csv_file_and_not_a_byte_more() {
    let mut host = Host::with(&[CsvTarget::PLUGIN]);
    let target = CsvTarget::new(&host);
    let before = target.bytes();
    host.start();
    let entra = host.entra("PEOPLE");
    let body = json!({"userName": "eve@example.org", "displayName": "Eve, \"E\"",
        "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User": {"id": "77"}});
    let id = id_of(&entra.create(&body).expect(201));
    let line = "77,eve@example.org,\"Eve, \"\"E\"\"\",,,,,,,\r\n";
    assert_eq!(target.bytes(), format!("{before}{line}"));

    let ada = id_of(&entra.matched("ada@example.org").unwrap());
    let title = json!([{"op": "Replace", "path": "name.givenName", "value": "Augusta"}]);
    entra.patch(&ada, title).expect(200);
    let changed = before.replacen(",Ada,Lovelace,", ",Augusta,Lovelace,", 1);
    assert_ne!(changed, before);
    assert_eq!(target.bytes(), format!("{changed}{line}"), "one cell changed and nothing else");
    let back = json!([{"op": "Replace", "path": "name.givenName", "value": "Ada"}]);
    entra.patch(&ada, back).expect(200);
    entra.delete(&id).expect(204);
    assert_eq!(target.bytes(), before, "all is as it was, to the byte");

    journey(&mut host, &target);
    assert_eq!(target.bytes(), before);
}
