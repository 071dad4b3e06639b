//! Settings of child tables and references that do not fit, and what is said of them.

use crate::{
    children::{MEMBERS, TEAMS, teams},
    support::{Database, plugin},
};
use ecma_plugin_sdk::{Access, AttributeType, ExportStyle, prelude::*};

#[test]
fn a_mistake_in_a_child_table_is_said_by_name() {
    let database =
        Database::new(&format!("{TEAMS} CREATE VIEW seen AS SELECT * FROM team_member;"));
    let entry = |value: &str, join: &str| format!("team.members = {value} WHERE {join}");
    let by_id = "team_member.team_id = team.id";
    for (entry, expected) in [
        (
            "members".to_owned(),
            "whose \"members\" should be the attribute, as table.column; it is written as",
        ),
        (
            "tem.members = team_member.member_id WHERE team_member.team_id = tem.id".to_owned(),
            "whose \"tem\" is no object type, did you mean \"team\"?",
        ),
        (
            entry("team_membr.member_id", by_id),
            "whose child table \"team_membr\" is not in the database, did you mean \"team_member\"?",
        ),
        (
            entry("person.login", "person.id = team.id"),
            "whose child table person is an object type itself; values stand in a table of their own",
        ),
        (
            entry("team_member.membr_id", by_id),
            "whose \"membr_id\" is no column of team_member, did you mean \"member_id\"?",
        ),
        (
            entry("team_member.member_id", "team_member.team_id = team.key"),
            "whose \"key\" is no column of team; there is id, name",
        ),
        (
            entry("team_member.member_id", "team_member.team = team.id"),
            "whose \"team\" is no column of team_member, did you mean \"team_id\"?",
        ),
        (
            entry("team_member.member_id", "team_member.team_id = person.id"),
            "whose join of team_member.team_id and person.id is not between team_member and team",
        ),
        (
            entry("team_member.member_id", "team_member.member_type = team.name"),
            "whose join is not by a key of team; its anchor is id",
        ),
        (
            entry("team_member.member_id", &format!("{by_id} TYPE team_member.kind")),
            "whose \"kind\" is no column of team_member; there is team_id, member_id, member_type",
        ),
        (
            entry("team_member.member_id", &format!("{by_id} TYPE team.name")),
            "whose type column is of \"team\", which is not the child table team_member",
        ),
        (
            format!("team.name = team_member.member_id WHERE {by_id}"),
            "whose attribute team.name is there already",
        ),
    ] {
        let found = database.problems(|values| {
            values.with("tables", "person,team").with("multi_valued_tables", entry.as_str())
        });
        assert_eq!(found.len(), 1, "{found:?}");
        let start = format!("multi_valued_tables has \"{entry}\", {expected}");
        assert!(found[0].starts_with(&start), "{}\n{start}", found[0]);
    }
    let twice = format!("{MEMBERS}, {MEMBERS}");
    let found = database.problems(|values| values.with("multi_valued_tables", twice));
    assert!(found[0].ends_with("whose attribute team.members is there already"), "{found:?}");
    let all =
        "team.a = x.y WHERE x.z = team.id, team.b = team_member.y WHERE team_member.z = team.x";
    let found = database.problems(|values| values.with("multi_valued_tables", all));
    assert_eq!(found.len(), 4, "all at once: {found:?}");
}

#[test]
fn references_name_types_there_are() {
    let database = Database::new(&format!(
        "{TEAMS} CREATE TABLE device (site TEXT, number INTEGER, boss INTEGER, PRIMARY KEY (site, number));"
    ));
    for (answer, expected) in [
        ("x=person", Some("names \"x\", which is no column of device, person, team")),
        (
            "boss=persn",
            Some("has \"boss=persn\", but \"persn\" is no object type, did you mean \"person\"?"),
        ),
        (
            "boss=device",
            Some(
                "has \"boss=device\", but \"device\" has an anchor of several columns, which is no value",
            ),
        ),
        (
            "device.boss",
            Some(
                "has \"device.boss\", which does not say what it names, and no foreign key does; \
                 write \"device.boss=device\"",
            ),
        ),
        (
            "boss=*",
            Some(
                "has \"boss=*\", but the column has numbers, which do not say the object type; name one",
            ),
        ),
        ("boss=person, boss=team", Some("has \"boss=team\", but the column has numbers")),
        ("boss=PERSON", None),
        ("login=*", None),
        ("manager_id", None),
        ("team.members=person", None),
        ("members=*", None),
    ] {
        let found = database.problems(|values| teams(values).with("references", answer));
        match expected {
            None => assert_eq!(found, [""; 0], "{answer}"),
            Some(expected) => {
                let start = format!("references {expected}");
                assert!(found.len() == 1 && found[0].starts_with(&start), "{answer}: {found:?}");
            }
        }
    }
}

#[test]
fn foreign_keys_say_what_is_named() {
    let database = Database::new(TEAMS);
    let schema = database.open_with(teams).schema().unwrap();
    let shown = |object_type: &str, name: &str| {
        let attribute = schema.get(object_type).unwrap().get(name).unwrap();
        let refers_to = attribute.refers_to.clone();
        (attribute.kind, attribute.multi_valued, refers_to, attribute.access)
    };
    let both = Access::ImportExport;
    use AttributeType::{Reference, Text};
    assert_eq!(shown("person", "manager_id"), (Reference, false, vec!["person".to_owned()], both));
    assert_eq!(shown("team", "members"), (Reference, true, vec![], both));
    assert_eq!(shown("person", "roles"), (Text, true, vec![], both));
    let types: Vec<&str> = schema.types.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(types, ["person", "team"]);
    let two = |values: Values| values.with("tables", "user=person,staff=person");
    let schema = database.open_with(two).schema().unwrap();
    let staff = schema.get("staff").unwrap().get("manager_id").unwrap();
    assert_eq!(staff.refers_to, ["staff"], "of two types that are one table it is the own one");
}

#[test]
fn settings_name_attributes_of_child_tables_too() {
    let database = Database::new(TEAMS);
    let named =
        |values| teams(values).with("read_only_columns", "team.members").with("boolean", "roles");
    let schema = database.open_with(named).schema().unwrap();
    let members = schema.get("team").unwrap().get("members").unwrap();
    assert_eq!(members.access, Access::ImportOnly);
    assert_eq!(schema.get("person").unwrap().get("roles").unwrap().kind, AttributeType::Boolean);
    let found = database.problems(|values| teams(values).with("anchor", "members"));
    assert_eq!(found, ["anchor names \"members\", which is no column of person, team"]);
}

#[test]
fn changes_of_groups_come_as_what_is_added_and_removed() {
    let database = Database::new(TEAMS);
    let style = |values: Values| plugin().capabilities(&values).unwrap().export_style;
    assert_eq!(style(database.values()), ExportStyle::AttributeReplace);
    assert_eq!(style(teams(database.values())), ExportStyle::AttributeUpdate);
    let whole = teams(database.values()).with("export_object_replace", true);
    assert_eq!(style(whole), ExportStyle::ObjectReplace);
}
