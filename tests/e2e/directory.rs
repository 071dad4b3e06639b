//! A company in OpenLDAP: 50,000 people and groups of them, seen and changed over SCIM as Entra does
//! it, and changed behind the host's back.

use crate::support::{Answer, Entra, Host, until};
use serde_json::{Value, json};
use targets::{Slapd, SlapdOptions};

const PEOPLE: usize = 50_000;
const BASE: &str = "dc=example,dc=com";
const OWN: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn document(directory: &Slapd) -> String {
    format!(
        r#"plugin = "generic-ldap"
[values]
servers = ["127.0.0.1:{port}"]
ca_file = "{ca}"
user = "{user}"
password = "env:LDAP_PASSWORD"
base = ["{BASE}"]
dn_templates = ["inetOrgPerson=uid={{uid}},ou=people,{{base}}", "groupOfNames=cn={{cn}},ou=groups,{{base}}"]
[[object]]
type = "inetOrgPerson"
query = ["mail"]
[object.attributes]
uid = "userName"
cn = "displayName"
givenName = "name.givenName"
sn = "name.familyName"
mail = "emails"
title = "title"
employeeNumber = "{ENTERPRISE}:employeeNumber"
manager = "{ENTERPRISE}:manager"
"-enabled-" = "active"
"-dn-" = ""
export_password = "password"
[[object]]
type = "groupOfNames"
resource = "Group"
[object.attributes]
cn = "displayName"
member = "members"
"#,
        port = directory.ldaps_port(),
        ca = directory.ca().display(),
        user = directory.bind_dn(),
    )
}

fn patch(entra: &Entra, path: &str, operations: Value) -> Answer {
    let request = entra.request("PATCH", path);
    Entra::send(Entra::with_body(request, &json!({"Operations": operations})))
}

/// Somebody comes behind the host's back. That somebody is there whom the host does not know makes it
/// import.
fn comes(directory: &Slapd, entra: &Entra, name: &str) {
    directory.add(&format!(
        "dn: uid={name},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: New\nsn: Comer\n"
    ));
    let clash = json!({"userName": name, "displayName": "N", "name": {"familyName": "N"}});
    entra.create(&clash).refused(409);
    until("the import has seen it", || entra.matched(name));
}

#[test]
fn people_and_groups_in_openldap_flow_both_ways() {
    let directory = Slapd::start_as(SlapdOptions { people: PEOPLE, ..SlapdOptions::default() });
    let mut host = Host::with(&["generic-ldap"]);
    host.variable("LDAP_PASSWORD", directory.password());
    host.document("DIR", &document(&directory));
    host.start();
    let entra = host.entra("DIR");

    assert_eq!(entra.get("/Users?count=0").expect(200)["totalResults"], PEOPLE);
    let groups =
        entra.get("/Groups?filter=displayName%20eq%20%22everybody%22&excludedAttributes=members");
    let everybody = &groups.expect(200)["Resources"][0];
    let group = entra.get(&format!("/Groups/{}", everybody["id"].as_str().unwrap())).expect(200);
    assert_eq!(
        group["members"].as_array().unwrap().len(),
        PEOPLE,
        "everybody is found by its name"
    );

    comes(&directory, &entra, "first");
    assert_eq!(host.health_of("DIR")["lastRun"]["kind"], "delta", "it brought what changed");

    let boss = entra.get("/Users?count=1").expect(200)["Resources"][0]["id"].clone();
    let new = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": "robert, \"tables\" <dba>; #1", "active": true, "displayName": "Robert Tables",
        "name": {"givenName": "Robert", "familyName": "Tables"},
        "emails": [{"type": "work", "value": "robert@example.com"}],
        "password": "correct horse battery",
        ENTERPRISE: {"manager": {"value": boss}},
    });
    let made = entra.create(&new).expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let dn = made[OWN]["-dn-"].as_str().unwrap().to_owned();
    assert!(directory.binds(&dn, "correct horse battery"), "the new password logs in");
    assert!(!made.to_string().contains("correct horse"));
    let clash = entra.create(&new).refused(409);
    assert!(clash.contains("userName"), "{clash}");

    let short = json!({"userName": "brief", "displayName": "B", "name": {"familyName": "B"}, "password": "x"});
    let refused = entra.create(&short).refused(400);
    assert!(refused.contains("password") && refused.contains("short"), "{refused}");
    let left = directory.search(BASE, "sub", "(uid=brief)", &["uid"]);
    assert!(left.is_empty(), "who was refused a password is not there: {left:?}");

    let user = format!("/Users/{id}");
    patch(
        &entra,
        &user,
        json!([
            {"op": "Replace", "path": "userName", "value": "robert"},
            {"op": "Replace", "path": "title", "value": "Pilot"},
            {"op": "Replace", "path": "active", "value": "False"},
        ]),
    )
    .expect(200);
    let renamed = entra.get(&user).expect(200);
    assert_eq!(renamed[OWN]["-dn-"], format!("uid=robert,ou=people,{BASE}"));
    assert_eq!(renamed[ENTERPRISE]["manager"]["value"], boss, "a change leaves the manager");
    assert_eq!((&renamed["active"], &renamed["title"]), (&json!(false), &json!("Pilot")));
    let dn = format!("uid=robert,ou=people,{BASE}");
    assert!(!directory.binds(&dn, "correct horse battery"), "who is disabled is not let in");

    let team = json!({"displayName": "Pilots", "members": [{"value": id}]});
    let team = Entra::send(Entra::with_body(entra.request("POST", "/Groups"), &team)).expect(201);
    let team = format!("/Groups/{}", team["id"].as_str().unwrap());
    let found = directory.search(BASE, "sub", "(cn=Pilots)", &["member"]);
    assert_eq!(found[0].1["member"], [dn.as_str()]);
    patch(&entra, &team, json!([{"op": "Remove", "path": format!("members[value eq \"{id}\"]")}]))
        .expect(204);
    assert_eq!(entra.get(&team).expect(200)["members"], Value::Null, "an empty group is empty");

    // Behind the host's back: somebody moves, somebody goes, somebody comes.
    directory.modify(&format!("dn: {dn}\nchangetype: modrdn\nnewrdn: uid=bob\ndeleteoldrdn: 1\n"));
    directory.delete(&targets::People::new(BASE, PEOPLE).dn(PEOPLE - 1));
    comes(&directory, &entra, "second");
    assert_eq!(entra.get(&user).expect(200)["userName"], "bob", "the same person by another name");
    assert_eq!(entra.get("/Users?count=0").expect(200)["totalResults"], PEOPLE + 2);

    // The directory gives a group the new name of its member: the host learns of it soon.
    patch(&entra, &team, json!([{"op": "Add", "path": "members", "value": [{"value": id}]}]))
        .expect(204);
    patch(&entra, &user, json!([{"op": "Replace", "path": "userName", "value": "rob"}]))
        .expect(200);
    until("the group has its member again", || {
        let members = &entra.get(&team).expect(200)["members"];
        (members[0]["value"] == id.as_str()).then_some(())
    });
    let found = directory.search(BASE, "sub", "(cn=Pilots)", &["member"]);
    assert!(found[0].1["member"].contains(&format!("uid=rob,ou=people,{BASE}")), "{found:?}");

    // The server is gone for a while.
    directory.restart();
    let again = json!([{"op": "Replace", "path": "title", "value": "Captain"}]);
    let first = patch(&entra, &user, again.clone());
    if first.status != 200 {
        assert_eq!(first.status, 503, "{}", first.text);
        patch(&entra, &user, again).expect(200);
    }
    assert_eq!(Entra::send(entra.request("DELETE", &user)).status, 204);
    assert!(host.stop().success());
    for secret in [directory.password(), "correct horse battery"] {
        assert!(!host.log().contains(secret), "a password is in no log");
    }
}
