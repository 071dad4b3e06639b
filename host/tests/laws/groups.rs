//! Groups and references: ids outside, the target's own names inside, and a change of members that
//! exports what changed.

use crate::{
    room::Answer,
    support::{Room, expect, setup},
};
use ecma_plugin_sdk::{
    AttributeChange, AttributeType, Change, DnStyle, Entry, ExportStyle, ObjectType, Schema, Value,
    testkit::{Fake, System},
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
const OWN: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";
const DOCUMENT: &str = r#"
[[object]]
type = "user"
query = ["userName"]
[object.attributes]
userName = "userName"
displayName = "displayName"
boss = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
deputy = ""
[[object]]
type = "group"
resource = "Group"
[object.attributes]
userName = "displayName"
members = "members"
"#;

/// A member as a target without distinguished names calls it.
fn named(kind: &str, id: &str) -> Value {
    Value::Reference(format!("CN={id},OBJECT={kind}"))
}

/// People `1` to `6`, the group `g` of `1` and `2`, and `h` of `g` and `3`.
fn system(name: &str) -> System {
    let system = System::new(name);
    let user = ObjectType::new("user")
        .anchor("id", AttributeType::Text)
        .attribute("userName", AttributeType::Text)
        .attribute("displayName", AttributeType::Text)
        .attribute("boss", AttributeType::Reference)
        .refers_to(["user"])
        .attribute("deputy", AttributeType::Reference)
        .refers_to(["user"]);
    let group = ObjectType::new("group")
        .anchor("id", AttributeType::Text)
        .attribute("userName", AttributeType::Text)
        .attribute("members", AttributeType::Reference)
        .multi_valued()
        .refers_to(["user", "group"]);
    system.state().schema = Schema::new([user, group]);
    system.state().next = 1001;
    for id in ["1", "2", "3", "4", "5", "6"] {
        system.put(system.person(id, &format!("p{id}")).set("displayName", format!("Person {id}")));
    }
    group_of(&system, "g", [named("user", "1"), named("user", "2")]);
    group_of(&system, "h", [named("group", "g"), named("user", "3")]);
    system
}

fn group_of(system: &System, id: &str, members: impl IntoIterator<Item = Value>) {
    let mut group = Entry::new("group").anchor("id", id).set("userName", format!("Group {id}"));
    group.put("members", members.into_iter().collect());
    system.put(group);
}

async fn room(system: &System, name: &str) -> Room {
    let room = Room(setup::<Fake>(name, DOCUMENT).host());
    assert!(room.import().await, "{name}");
    assert_eq!(system.state().exported.len(), 0);
    room
}

impl Room {
    async fn patch(&self, path: &str, operations: Json) -> Answer {
        let body = json!({"Operations": operations});
        self.ask("PATCH", path, Some(&body), &[]).await
    }

    /// The ids of a group's members.
    async fn members(&self, id: &str) -> BTreeSet<String> {
        let body = self.get(&format!("/Groups/group.{id}")).await.body;
        let members = body["members"].as_array().cloned().unwrap_or_default();
        members.iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect()
    }
}

/// The target's names of a group's members.
fn in_target(system: &System, id: &str) -> BTreeSet<String> {
    let group = system.get(id).unwrap();
    let names: Vec<String> = group.get("members").iter().map(ToString::to_string).collect();
    let once: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(once.len(), names.len(), "each member once");
    once
}

/// The change of members in the last export.
fn last_change(system: &System) -> AttributeChange {
    match system.state().exported.last().unwrap().last().unwrap() {
        Change::Update(update) => update.get("members").unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn references_are_shown_by_id_url_name_and_type() {
    let system = system("shown-references");
    system.put(
        Entry::new("user").anchor("id", "1").set("userName", "p1").set("displayName", "Person 1"),
    );
    let mut two = system.get("2").unwrap();
    two.put("boss", vec![Value::Reference("1".to_owned())]);
    two.put("deputy", vec![Value::Reference("3".to_owned())]);
    system.put(two);
    let room = room(&system, "shown-references").await;
    let base = "https://host.test/ecma2host_ROOM/scim";
    let member = |kind: &str, id: &str, display: &str| {
        let reference = format!("{base}/{kind}s/{id}");
        match display {
            "" => json!({"value": id, "$ref": reference, "type": kind}),
            _ => json!({"value": id, "$ref": reference, "display": display, "type": kind}),
        }
    };
    let group = room.get("/Groups/group.h").await;
    let expected = json!([member("User", "user.3", ""), member("Group", "group.g", "")]);
    assert_eq!(group.body["members"], expected);
    let expected =
        json!([member("User", "user.3", "Person 3"), member("Group", "group.g", "Group g")]);
    let asked = room.get("/Groups/group.h?attributes=members").await;
    assert_eq!(asked.body["members"], expected, "names are told who asks");
    let asked = room.get("/Groups/group.h?attributes=members.display").await;
    assert_eq!(asked.body["members"], json!([{"display": "Person 3"}, {"display": "Group g"}]));
    let two = room.user("2").await.body;
    let manager = json!({"value": "user.1", "$ref": format!("{base}/Users/user.1")});
    assert_eq!(
        two["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"],
        manager
    );
    assert_eq!(two[OWN]["deputy"], format!("{base}/Users/user.3"));
    let direct = |kind: &str, id: &str, display: &str| {
        let reference = format!("{base}/Groups/{id}");
        json!({"value": id, "$ref": reference, "display": display, "type": kind})
    };
    let groups =
        json!([direct("direct", "group.g", "Group g"), direct("indirect", "group.h", "Group h")]);
    assert_eq!(two["groups"], groups);
    assert_eq!(
        room.user("3").await.body["groups"],
        json!([direct("direct", "group.h", "Group h")])
    );
    assert_eq!(room.user("4").await.body.get("groups"), None);
    let listed = room.get("/Users?filter=userName+eq+%22p2%22").await.body;
    assert_eq!(listed["Resources"][0], two, "a list shows the same");
}

#[tokio::test]
async fn groups_that_contain_each_other_come_to_an_end() {
    let system = system("circle");
    group_of(&system, "g", [named("group", "h"), named("user", "1")]);
    group_of(&system, "h", [named("group", "g")]);
    let room = room(&system, "circle").await;
    let groups = room.user("1").await.body["groups"].as_array().unwrap().len();
    assert_eq!(groups, 2);
}

#[tokio::test]
async fn a_change_of_members_exports_what_changed_and_is_answered_in_short() {
    let system = system("members-change");
    let room = room(&system, "members-change").await;
    let version = room.get("/Groups/group.g").await.header("etag").to_owned();
    let add = json!([{"op": "add", "path": "members", "value": [{"value": "user.4"}]}]);
    let added = room.patch("/Groups/group.g", add.clone()).await;
    expect(&added, 204);
    assert_ne!(added.header("etag"), version, "another version");
    let modify = |added: &[Value], removed: &[Value]| AttributeChange::Modify {
        added: added.to_vec(),
        removed: removed.to_vec(),
    };
    assert_eq!(last_change(&system), modify(&[named("user", "4")], &[]));
    // Named again: the target may have lost it; nothing changed here.
    let again = room.patch("/Groups/group.g", add).await;
    assert_eq!(again.header("etag"), added.header("etag"));
    assert_eq!(last_change(&system), modify(&[named("user", "4")], &[]));
    let remove = json!([{"op": "Remove", "path": "members[value eq \"user.1\"]"},
                        {"op": "Remove", "path": "members", "value": [{"value": "user.2", "$ref": null}]}]);
    expect(&room.patch("/Groups/group.g", remove).await, 204);
    assert_eq!(last_change(&system), modify(&[], &[named("user", "1"), named("user", "2")]));
    assert_eq!(room.members("g").await, BTreeSet::from(["user.4".to_owned()]));
    assert_eq!(in_target(&system, "g"), BTreeSet::from(["CN=4,OBJECT=user".to_owned()]));
    let asked = json!({"Operations": [{"op": "add", "path": "members", "value": "user.5"}]});
    let path = "/Groups/group.g?attributes=members";
    let asked = room.ask("PATCH", path, Some(&asked), &[]).await;
    expect(&asked, 200);
    assert_eq!(asked.body["members"].as_array().unwrap().len(), 2);
    assert_eq!(asked.body.get("displayName"), None);
    assert_eq!(room.user("5").await.body["groups"][0]["value"], "group.g");
    assert_eq!(room.user("1").await.body.get("groups"), None);
}

#[tokio::test]
async fn an_operation_that_names_no_member_exports_nothing() {
    let system = system("no-members-named");
    let room = room(&system, "no-members-named").await;
    for operation in [
        json!({"op": "add", "path": "members", "value": []}),
        json!({"op": "remove", "path": "members", "value": []}),
        json!({"op": "remove", "path": "members[value eq \"nobody\"]"}),
        json!({"op": "remove", "path": "members[display eq \"nobody\"]"}),
    ] {
        expect(&room.patch("/Groups/group.g", json!([operation])).await, 204);
        assert_eq!(system.state().exported.len(), 0, "{operation}");
    }
}

#[tokio::test]
async fn who_is_not_known_is_not_referred_to() {
    let system = system("unknown-reference");
    let room = room(&system, "unknown-reference").await;
    let manager = |id: &str| json!([{"op": "add", "path": MANAGER, "value": id}]);
    let member = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    for (path, operations, about) in [
        ("/Users/user.1", manager("user.99"), "manager"),
        // Groups are nobody's manager.
        ("/Users/user.1", manager("group.g"), "manager"),
        (
            "/Users/user.1",
            json!([{"op": "add", "path": format!("{OWN}:deputy"), "value": "x"}]),
            "deputy",
        ),
        ("/Groups/group.g", member("user.99"), "members"),
        ("/Groups/group.g", member("4"), "members"),
    ] {
        let refused = room.patch(path, operations).await;
        expect(&refused, 400);
        assert_eq!(refused.body["scimType"], "invalidValue");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(about), "{detail}");
    }
    let body = json!({"displayName": "New", "members": [{"value": "user.99"}]});
    expect(&room.ask("POST", "/Groups", Some(&body), &[]).await, 400);
    assert_eq!(system.state().exported.len(), 0, "nothing went out");
}

#[tokio::test]
async fn references_are_understood_as_ids_and_as_urls() {
    let system = system("reference-urls");
    let room = room(&system, "reference-urls").await;
    let operations = json!([
        {"op": "add", "path": MANAGER, "value": {"$ref": "../Users/user.2"}},
        {"op": "add", "path": format!("{OWN}:deputy"), "value": "https://elsewhere/scim/Users/user.3"}
    ]);
    expect(&room.patch("/Users/user.1", operations).await, 200);
    let one = system.get("1").unwrap();
    assert_eq!((one.text("boss"), one.text("deputy")), (Some("2"), Some("3")));
    let operations = json!([
        {"op": "replace", "path": MANAGER, "value": ""},
        {"op": "remove", "path": format!("{OWN}:deputy")}
    ]);
    expect(&room.patch("/Users/user.1", operations).await, 200);
    let one = system.get("1").unwrap();
    assert_eq!((one.text("boss"), one.text("deputy")), (None, None));
    let body = json!({"displayName": "New", "members": [{"$ref": "https://h/Users/user.4"},
                      {"value": "group.g", "type": "Group"}]});
    let made = room.ask("POST", "/Groups", Some(&body), &[]).await;
    expect(&made, 201);
    assert_eq!(made.body["members"].as_array().unwrap().len(), 2);
    let id = made.body["id"].as_str().unwrap().trim_start_matches("group.");
    assert_eq!(in_target(&system, id).len(), 2);
}

#[tokio::test]
async fn what_leads_nowhere_is_not_shown_and_stays() {
    let system = system("dangling");
    let stranger = named("contact", "77");
    group_of(&system, "g", [named("user", "1"), stranger.clone()]);
    let mut two = system.get("2").unwrap();
    two.put("boss", vec![Value::Reference("99".to_owned())]);
    system.put(two);
    let room = room(&system, "dangling").await;
    assert_eq!(room.members("g").await, BTreeSet::from(["user.1".to_owned()]));
    assert_eq!(room.user("2").await.body[MANAGER.trim_end_matches(":manager")], Json::Null);
    let body = json!({"displayName": "Group g", "members": [{"value": "user.2"}]});
    expect(&room.ask("PUT", "/Groups/group.g", Some(&body), &[]).await, 200);
    let expected = ["CN=2,OBJECT=user", "CN=77,OBJECT=contact"].map(str::to_owned);
    assert_eq!(in_target(&system, "g"), BTreeSet::from(expected));
    expect(&room.rename("2", "Two").await, 200);
    assert_eq!(system.get("2").unwrap().text("boss"), Some("99"));
    // Somebody who went is still to be taken out of the target's group.
    group_of(&system, "g", [named("user", "1"), named("user", "2")]);
    assert!(room.import().await);
    expect(&room.delete("2").await, 204);
    let remove = json!([{"op": "remove", "path": "members[value eq \"user.2\"]"}]);
    expect(&room.patch("/Groups/group.g", remove).await, 204);
    assert_eq!(in_target(&system, "g"), BTreeSet::from(["CN=1,OBJECT=user".to_owned()]));
}

#[tokio::test]
async fn an_import_brings_members_and_takes_them() {
    let system = system("imported-members");
    let room = room(&system, "imported-members").await;
    let version = room.get("/Groups/group.g").await.header("etag").to_owned();
    group_of(&system, "g", [named("user", "2"), named("user", "1")]);
    assert!(room.import().await);
    assert_eq!(room.get("/Groups/group.g").await.header("etag"), version, "in another order");
    group_of(&system, "g", [named("user", "2"), named("user", "5")]);
    assert!(room.import().await);
    assert_ne!(room.get("/Groups/group.g").await.header("etag"), version);
    let expected = ["user.2", "user.5"].map(str::to_owned);
    assert_eq!(room.members("g").await, BTreeSet::from(expected));
    assert_eq!(room.user("1").await.body.get("groups"), None);
    system.remove("g");
    assert!(room.import().await);
    assert_eq!(room.user("5").await.body.get("groups"), None);
}

#[tokio::test]
async fn where_entries_have_distinguished_names_these_are_what_references_hold() {
    let system = system("dn-references");
    system.state().capabilities.dn_style = DnStyle::Ldap;
    let person = |id: &str| system.get(id).unwrap().dn(format!("uid={id},ou=People,dc=x"));
    for one in ["1", "2"].map(person) {
        system.put(one);
    }
    group_of(&system, "g", [Value::Reference("UID=1,ou=people,DC=x".to_owned())]);
    let room = room(&system, "dn-references").await;
    assert_eq!(room.members("g").await, BTreeSet::from(["user.1".to_owned()]));
    let operations = json!([{"op": "add", "path": "members", "value": "user.2"}]);
    expect(&room.patch("/Groups/group.g", operations).await, 204);
    assert!(in_target(&system, "g").contains("uid=2,ou=People,dc=x"));
    assert_eq!(room.members("g").await.len(), 2);
    assert_eq!(room.user("2").await.body["groups"][0]["value"], "group.g");
}

#[tokio::test]
async fn references_come_second_where_the_target_wants_it_so() {
    let system = system("second-pass");
    system.state().capabilities.references_in_second_pass = true;
    let room = room(&system, "second-pass").await;
    let body = json!({"displayName": "New", "members": [{"value": "user.4"}]});
    let made = room.ask("POST", "/Groups", Some(&body), &[]).await;
    expect(&made, 201);
    assert_eq!(made.body["members"][0]["value"], "user.4");
    let exported: Vec<Change> = system.state().exported.iter().flatten().cloned().collect();
    assert!(matches!(&exported[0], Change::Add(entry) if entry.get("members").is_empty()));
    assert!(matches!(&exported[1], Change::Update(update) if update.get("members").is_some()));
}

#[tokio::test]
async fn excluded_members_are_left_out_everywhere() {
    let system = system("excluded");
    let room = room(&system, "excluded").await;
    for path in
        ["/Groups/group.g?excludedAttributes=members", "/Groups/group.g?attributes=displayName"]
    {
        let group = room.get(path).await;
        assert_eq!(group.body.get("members"), None);
        assert_eq!(group.body["displayName"], "Group g");
        assert!(!group.header("etag").is_empty());
    }
    let listed = room.get("/Groups?excludedAttributes=members").await.body;
    assert_eq!(listed["totalResults"], 2);
    assert!(listed["Resources"].as_array().unwrap().iter().all(|one| one.get("members").is_none()));
    let whole = room.get("/Groups").await.body;
    assert!(whole["Resources"].as_array().unwrap().iter().all(|one| one["members"].is_array()));
}

#[tokio::test]
async fn a_long_list_of_members_is_shown_and_changed_as_a_short_one() {
    let system = system("long-list");
    for id in 100..3100 {
        system.person(&id.to_string(), &format!("q{id}"));
    }
    group_of(&system, "g", (100..3100).map(|id| named("user", &id.to_string())));
    let room = room(&system, "long-list").await;
    assert_eq!(room.members("g").await.len(), 3000);
    let list = room.get("/Groups").await.body["Resources"].clone();
    assert_eq!(list[0]["members"].as_array().unwrap().len(), 3000);
    let operations = json!([{"op": "remove", "path": "members[value eq \"user.1500\"]"}]);
    expect(&room.patch("/Groups/group.g", operations).await, 204);
    assert_eq!(room.members("g").await.len(), 2999);
    let operations =
        json!([{"op": "remove", "path": "members[display sw \"q\" and value ne \"user.200\"]"}]);
    expect(&room.patch("/Groups/group.g", operations).await, 204);
    assert_eq!(room.members("g").await, BTreeSet::from(["user.200".to_owned()]));
}

#[derive(Debug, Clone)]
enum Edit {
    Add(Vec<u8>),
    Remove(Vec<u8>),
    RemoveOne(u8),
    RemoveByName(u8),
    Replace(Vec<u8>),
    Clear,
}

fn edit() -> impl Strategy<Value = Edit> {
    let ids = || prop::collection::vec(1_u8..7, 0..4);
    prop_oneof![
        4 => ids().prop_map(Edit::Add),
        2 => ids().prop_map(Edit::Remove),
        2 => (1_u8..7).prop_map(Edit::RemoveOne),
        1 => (1_u8..7).prop_map(Edit::RemoveByName),
        1 => ids().prop_map(Edit::Replace),
        1 => Just(Edit::Clear),
    ]
}

impl Edit {
    /// The operation of a PATCH, and what it makes of the members.
    fn operation(&self, members: &mut BTreeSet<u8>) -> Json {
        let list = |ids: &[u8]| -> Json {
            ids.iter().map(|id| json!({"value": format!("user.{id}")})).collect()
        };
        match self {
            Edit::Add(ids) => {
                members.extend(ids);
                json!({"op": "Add", "path": "members", "value": list(ids)})
            }
            Edit::Remove(ids) => {
                members.retain(|id| !ids.contains(id));
                json!({"op": "Remove", "path": "members", "value": list(ids)})
            }
            Edit::RemoveOne(id) => {
                members.remove(id);
                json!({"op": "remove", "path": format!("members[value eq \"user.{id}\"]")})
            }
            Edit::RemoveByName(id) => {
                members.remove(id);
                json!({"op": "remove", "path": format!("members[display eq \"person {id}\"]")})
            }
            Edit::Replace(ids) => {
                *members = ids.iter().copied().collect();
                json!({"op": "replace", "value": {"Members": list(ids)}})
            }
            Edit::Clear => {
                members.clear();
                json!({"op": "remove", "path": "members"})
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn members_are_what_a_set_would_be_in_each_style_of_export(
        requests in prop::collection::vec(prop::collection::vec(edit(), 1..4), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for style in [
            ExportStyle::AttributeUpdate,
            ExportStyle::ReferenceUpdate,
            ExportStyle::AttributeReplace,
            ExportStyle::ObjectReplace,
        ] {
            runtime.block_on(async {
                let name = format!("set-{style:?}");
                let system = system(&name);
                system.state().capabilities.export_style = style;
                let room = room(&system, &name).await;
                let mut members = BTreeSet::from([1, 2]);
                for edits in &requests {
                    let operations: Json =
                        edits.iter().map(|edit| edit.operation(&mut members)).collect();
                    let answer = room.patch("/Groups/group.g", operations.clone()).await;
                    assert_eq!(answer.status, 204, "{operations}: {}", answer.body);
                    let ids = members.iter().map(|id| format!("user.{id}")).collect();
                    assert_eq!(room.members("g").await, ids, "{style:?} {operations}");
                    let names = members.iter().map(|id| format!("CN={id},OBJECT=user")).collect();
                    assert_eq!(in_target(&system, "g"), names, "{style:?} {operations}");
                }
                assert!(room.import().await);
                assert_eq!(room.binding.status().runs().last().unwrap().changed, 0);
            });
        }
    }
}
