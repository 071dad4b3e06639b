//! The people that SCIM requests are about: a target with the attributes Entra is usually given.

use crate::room::{Host, Setup};
use ecma_plugin_sdk::{
    AttributeType, Entry, ObjectType, Plugin, Schema, Value,
    testkit::{Fake, System},
};

/// The mapping of [`target`].
const DOCUMENT: &str = r#"
[[object]]
type = "user"
query = ["userName", "work", "alias", "staff"]
[object.attributes]
userName = "userName"
alias = "externalId"
shown = "displayName"
given = "name.givenName"
family = "name.familyName"
title = "title"
nick = "nickName"
enabled = { scim = "active", true = "yes", false = "no" }
work = 'emails[type eq "work"].value'
home = 'emails[type eq "home"].value'
mobile = 'phoneNumbers[type eq "mobile"].value'
staff = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"
unit = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
boss = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
level = ""
tags = ""
IsActive = ""
[[object]]
type = "group"
resource = "Group"
query = ["userName"]
[object.attributes]
userName = "displayName"
alias = "externalId"
members = "members"
"#;

fn schema() -> Schema {
    let mut user = ObjectType::new("user").anchor("id", AttributeType::Text);
    user = user.attribute("userName", AttributeType::Text).required().unique().case_insensitive();
    for name in ["alias", "shown", "given", "family", "title", "nick", "enabled"] {
        user = user.attribute(name, AttributeType::Text);
    }
    for name in ["work", "home", "mobile", "staff", "unit"] {
        user = user.attribute(name, AttributeType::Text).case_insensitive();
    }
    user = user.attribute("boss", AttributeType::Reference).refers_to(["user"]);
    user = user.attribute("level", AttributeType::Integer);
    user = user.attribute("tags", AttributeType::Text).multi_valued();
    user = user.attribute("IsActive", AttributeType::Boolean);
    // The system in memory insists on the name of this one.
    let mut group = ObjectType::new("group").anchor("id", AttributeType::Text);
    group = group.attribute("userName", AttributeType::Text).required().case_insensitive();
    group = group.attribute("alias", AttributeType::Text);
    group = group.attribute("members", AttributeType::Reference).multi_valued();
    group = group.refers_to(["user", "group"]);
    Schema::new([user, group])
}

fn person(id: &str, login: &str, family: &str) -> Entry {
    Entry::new("user").anchor("id", id).set("userName", login).set("family", family)
}

/// A member as the target names it: people and groups may have the same anchor.
fn member(id: &str) -> Value {
    Value::Reference(format!("CN={id},OBJECT=user"))
}

/// A system with three people and a group, and the host in front of it after its first import.
pub(crate) async fn target(name: &str) -> (System, Host) {
    let system = System::new(name);
    system.state().schema = schema();
    system.state().next = 1001;
    system.put(
        person("1", "ada@example.org", "Lovelace")
            .set("given", "Ada")
            .set("shown", "Ada Lovelace")
            .set("alias", "ada-7")
            .set("title", "Countess")
            .set("enabled", "yes")
            .set("work", "ada@example.org")
            .set("home", "ada@home.example")
            .set("mobile", "+44 1")
            .set("staff", "42")
            .set("unit", "Engines")
            .set("boss", Value::Reference("2".to_owned()))
            .set("level", 7)
            .set("tags", ["a", "b"]),
    );
    system.put(
        person("2", "grace@example.org", "Hopper")
            .set("shown", "Grace")
            .set("enabled", "no")
            .set("work", "grace@example.org")
            .set("unit", "Ships")
            .set("level", 12),
    );
    system.put(person("3", "mary@example.org", "Jackson").set("title", "Engineer"));
    let group = Entry::new("group").anchor("id", "g1").set("userName", "Engineers");
    system.put(group.set("members", ["1", "2"].map(member)));
    let host = Setup::new(Plugin::linked::<Fake>("fake", "1.0.0"), name, DOCUMENT).host();
    assert!(host.import().await);
    (system, host)
}
