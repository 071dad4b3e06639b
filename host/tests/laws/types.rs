//! Resource types follow from the connector: which there are, what is told of their attributes.

use crate::support::{Room, expect, setup};
use ecma_plugin_sdk::{
    AttributeType, Entry, ObjectType, Schema, Value,
    testkit::{Fake, System},
};
use serde_json::{Value as Json, json};

const DOCUMENT: &str = r#"
[[object]]
type = "user"
[object.attributes]
userName = "userName"
work = 'emails[type eq "work"].value'
other = 'emails[type eq "other"].value'
tags = ""
seen = ""
pin = ""
owner_of = ""
[[object]]
type = "group"
resource = "Group"
[object.attributes]
userName = "displayName"
members = "members"
[[object]]
type = "phone"
resource = "Device"
query = ["userName"]
[object.attributes]
userName = "label"
owner = "owner"
level = "level"
"#;

async fn room(name: &str) -> (System, Room) {
    let system = System::new(name);
    let kind = |name| ObjectType::new(name).anchor("id", AttributeType::Text);
    let user = kind("user")
        .attribute("userName", AttributeType::Text)
        .required()
        .unique()
        .attribute("work", AttributeType::Text)
        .attribute("other", AttributeType::Text)
        .attribute("tags", AttributeType::Text)
        .multi_valued()
        .case_insensitive()
        .attribute("seen", AttributeType::DateTime)
        .import_only()
        .attribute("pin", AttributeType::Text)
        .export_only()
        .attribute("owner_of", AttributeType::Reference)
        .multi_valued()
        .refers_to(["phone", "group"]);
    let group = kind("group")
        .attribute("userName", AttributeType::Text)
        .attribute("members", AttributeType::Reference)
        .multi_valued()
        .refers_to(["user", "phone"]);
    let phone = kind("phone")
        .attribute("userName", AttributeType::Text)
        .required()
        .attribute("owner", AttributeType::Reference)
        .refers_to(["user"])
        .attribute("level", AttributeType::Integer);
    system.state().schema = Schema::new([user, group, phone]);
    system.state().next = 1001;
    system.put(Entry::new("user").anchor("id", "1").set("userName", "ada"));
    let mut phone = Entry::new("phone").anchor("id", "p").set("userName", "desk").set("level", 3);
    phone.put("owner", vec![Value::Reference("1".to_owned())]);
    system.put(phone);
    let room = Room(setup::<Fake>(name, DOCUMENT).host());
    assert!(room.import().await);
    (system, room)
}

/// An attribute of a schema, `members.value` or `tags`.
fn attribute<'s>(schema: &'s Json, path: &str) -> &'s Json {
    let mut list = &schema["attributes"];
    let mut found = &Json::Null;
    for name in path.split('.') {
        found = list.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
        list = &found["subAttributes"];
    }
    found
}

#[tokio::test]
async fn each_object_type_is_a_resource_type_of_its_own() {
    let (system, room) = room("own-types").await;
    let types = room.get("/ResourceTypes").await.body;
    let told: Vec<(&str, &str)> = types["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["endpoint"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("User", "/Users"), ("Group", "/Groups"), ("Device", "/Devices")]);
    let desk = room.get("/Devices/phone.p").await;
    expect(&desk, 200);
    assert_eq!(desk.body["label"], "desk");
    assert_eq!(desk.body["level"], 3);
    assert_eq!(desk.body["meta"]["resourceType"], "Device");
    let owner = "https://host.test/ecma2host_ROOM/scim/Users/user.1";
    assert_eq!(desk.body["owner"], owner);
    let body = json!({"label": "mobile", "owner": "user.1", "level": "4"});
    let made = room.ask("POST", "/Devices", Some(&body), &[]).await;
    expect(&made, 201);
    assert_eq!(made.body["schemas"], json!(["urn:ietf:params:scim:schemas:ECMA2Host:2.0:Device"]));
    assert_eq!(system.get("1001").unwrap().text("owner"), Some("1"));
    let found = room.get("/Devices?filter=owner+eq+%22user.1%22+and+level+gt+3").await.body;
    assert_eq!(found["Resources"][0]["id"], "phone.1001");
    assert_eq!(found["totalResults"], 1);
    let patch = json!({"Operations": [{"op": "replace", "path": "level", "value": "x"}]});
    let refused = room.ask("PATCH", "/Devices/phone.p", Some(&patch), &[]).await;
    expect(&refused, 400);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("level") && detail.contains('x'), "attribute and value: {detail}");
    expect(&room.get("/Users/phone.p").await, 404);
    expect(&room.ask("DELETE", "/Devices/phone.p", None, &[]).await, 204);
}

#[tokio::test]
async fn schemas_tell_the_characteristics_that_the_target_gives() {
    let (_system, room) = room("characteristics").await;
    let schema = async |urn: &str| room.get(&format!("/Schemas/{urn}")).await.body;
    let user = schema("urn:ietf:params:scim:schemas:core:2.0:User").await;
    let name = attribute(&user, "userName");
    assert_eq!((&name["required"], &name["uniqueness"]), (&json!(true), &json!("server")));
    let types = &attribute(&user, "emails.type")["canonicalValues"];
    assert_eq!(types, &json!(["work", "other"]), "those that are mapped");
    assert_eq!(attribute(&user, "groups")["mutability"], "readOnly");
    let own = schema("urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User").await;
    let tags = attribute(&own, "tags");
    assert_eq!((&tags["multiValued"], &tags["caseExact"]), (&json!(true), &json!(false)));
    let seen = attribute(&own, "seen");
    assert_eq!((&seen["type"], &seen["mutability"]), (&json!("dateTime"), &json!("readOnly")));
    let pin = attribute(&own, "pin");
    assert_eq!((&pin["mutability"], &pin["returned"]), (&json!("writeOnly"), &json!("never")));
    let owner_of = attribute(&own, "owner_of");
    assert_eq!(owner_of["type"], "reference");
    assert_eq!(owner_of["referenceTypes"], json!(["Group", "Device"]));
    let group = schema("urn:ietf:params:scim:schemas:core:2.0:Group").await;
    let members = attribute(&group, "members");
    assert_eq!(members["multiValued"], true);
    let names: Vec<&str> = members["subAttributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["value", "$ref", "type", "display"]);
    assert_eq!(attribute(&group, "members.type")["canonicalValues"], json!(["User", "Device"]));
    assert_eq!(attribute(&group, "members.$ref")["referenceTypes"], json!(["User", "Device"]));
    assert_eq!(attribute(&group, "members.value")["mutability"], "immutable");
}
