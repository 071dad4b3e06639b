//! The password of an entry goes to the target by a call of its own, and one that is refused leaves
//! nothing behind.

use crate::support::{PEOPLE, Room, expect, name_of, people, setup};
use ecma_plugin_sdk::{
    Change, ErrorKind, ExportStyle, PasswordOptions,
    testkit::{Fake, Fault, System},
};
use serde_json::json;

/// Two people of a system that sets passwords, in front of a host that maps them.
async fn room(name: &str, style: ExportStyle) -> (System, Room) {
    let system = people(name, 2);
    {
        let mut state = system.state();
        state.capabilities.password = true;
        state.capabilities.export_style = style;
        state.schema.types[0].attributes.retain(|attribute| attribute.name != "password");
    }
    let document = PEOPLE
        .replace("password = \"password\"", "export_password = \"password\"")
        .replace("mails = \"\"", "id = \"externalId\"");
    let room = Room(setup::<Fake>(name, &document).host());
    assert!(room.import().await);
    (system, room)
}

/// Whose passwords were set, and to what.
fn passwords(system: &System) -> Vec<(String, String)> {
    let state = system.state();
    let policy = PasswordOptions { validate: true, ..PasswordOptions::default() };
    assert!(state.passwords.iter().all(|(_, _, options)| *options == policy));
    let of = |(id, password, _): &(_, String, _)| {
        let id: &ecma_plugin_sdk::EntryId = id;
        (id.anchor.get("id").unwrap().to_string(), password.clone())
    };
    state.passwords.iter().map(of).collect()
}

fn set(id: &str, password: &str) -> (String, String) {
    (id.to_owned(), password.to_owned())
}

async fn patch(room: &Room, operations: serde_json::Value) -> crate::room::Answer {
    let body = json!({"Operations": operations});
    room.ask("PATCH", "/Users/user.1", Some(&body), &[]).await
}

#[tokio::test]
async fn a_new_entry_has_its_password_and_nobody_is_shown_it() {
    let (system, room) = room("password-new", ExportStyle::AttributeUpdate).await;
    let body = json!({"userName": "kim", "password": "correct horse"});
    let created = room.create(body).await;
    expect(&created, 201);
    assert_eq!(
        (created.body["id"].as_str(), passwords(&system)),
        (Some("user.1001"), vec![set("1001", "correct horse")])
    );
    assert!(!format!("{:?}", system.state().exported).contains("horse"), "not in the change");
    let config = room.get("/ServiceProviderConfig").await;
    assert_eq!(config.body["changePassword"]["supported"], true);
    for path in ["/Users/user.1001", "/Users?attributes=password", "/cache"] {
        let shown = room.get(path).await;
        expect(&shown, 200);
        assert!(!shown.body.to_string().contains("horse"), "{shown:?}");
    }
    expect(&room.create(json!({"userName": "lee"})).await, 201);
    assert_eq!(passwords(&system).len(), 1, "who has none is given none");
}

#[tokio::test]
async fn a_password_that_is_refused_leaves_no_entry_behind() {
    let (system, room) = room("password-refused", ExportStyle::AttributeUpdate).await;
    let body = json!({"userName": "kim", "password": "short"});
    system.fail(Fault::Password(ErrorKind::Invalid));
    let refused = room.create(body.clone()).await;
    expect(&refused, 400);
    assert_eq!(refused.body["scimType"], "invalidValue");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("(password)") && !detail.contains("short"), "{detail}");
    let entries = system.state().entries.len();
    assert_eq!((entries, room.total().await), (2, 2));
    system.fail(Fault::Password(ErrorKind::NotFound));
    expect(&room.create(body.clone()).await, 500);
    expect(&room.create(body).await, 201);
    assert_eq!(passwords(&system), [set("1003", "short")]);
}

#[tokio::test]
async fn an_entry_that_cannot_be_deleted_again_is_told_and_found_by_an_import() {
    let (system, room) = room("password-left", ExportStyle::AttributeUpdate).await;
    room.binding.start();
    room.ran(2).await;
    system.fail(Fault::Password(ErrorKind::Invalid));
    system.fail(Fault::Delete(ErrorKind::Forbidden));
    let refused = room.create(json!({"userName": "kim", "password": "short"})).await;
    expect(&refused, 400);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("could not be deleted"), "{detail}");
    assert_eq!(room.ran(3).await["outcome"], "success", "it is looked for at once");
    expect(&room.user("1001").await, 200);
    room.binding.stop().await;
}

#[tokio::test]
async fn a_password_is_set_before_the_rest_is_changed() {
    for (at, style) in
        [ExportStyle::AttributeUpdate, ExportStyle::ObjectReplace].into_iter().enumerate()
    {
        let (system, room) = room(&format!("password-first-{at}"), style).await;
        let both =
            json!([{"op": "replace", "value": {"displayName": "Two", "password": "s3cret"}}]);
        system.fail(Fault::Password(ErrorKind::Invalid));
        expect(&patch(&room, both.clone()).await, 400);
        assert_eq!(
            name_of(&system, "1").unwrap(),
            "One",
            "an error means that nothing was changed"
        );
        expect(&patch(&room, both).await, 200);
        assert_eq!(name_of(&system, "1").unwrap(), "Two");
        let alone = json!([{"op": "replace", "path": "password", "value": "an0ther"}]);
        let pages = system.state().exported.len();
        expect(&patch(&room, alone).await, 200);
        assert_eq!(system.state().exported.len(), pages, "there is nothing else to export");
        let put = json!({"userName": "p1", "externalId": "1", "displayName": "Two", "password": "by put"});
        expect(&room.ask("PUT", "/Users/user.1", Some(&put), &[]).await, 200);
        let put = json!({"userName": "p1", "externalId": "1", "displayName": "Three"});
        expect(&room.ask("PUT", "/Users/user.1", Some(&put), &[]).await, 200);
        let expected = [set("1", "s3cret"), set("1", "an0ther"), set("1", "by put")];
        assert_eq!(passwords(&system), expected);
        assert_eq!(name_of(&system, "1").unwrap(), "Three");
    }
}

#[tokio::test]
async fn a_password_cannot_be_taken_away() {
    let (system, room) = room("password-none", ExportStyle::AttributeUpdate).await;
    for change in [
        json!({"op": "remove", "path": "password"}),
        json!({"op": "replace", "path": "password", "value": ""}),
    ] {
        let refused = patch(&room, json!([change])).await;
        expect(&refused, 400);
        assert_eq!(refused.body["scimType"], "invalidValue");
    }
    assert_eq!((passwords(&system), system.state().exported.len()), (vec![], 0));
}

#[tokio::test]
async fn the_password_of_somebody_who_is_gone_is_not_found() {
    let (system, room) = room("password-gone", ExportStyle::AttributeUpdate).await;
    system.remove("1");
    let alone = json!([{"op": "replace", "path": "password", "value": "s3cret"}]);
    expect(&patch(&room, alone).await, 404);
    expect(&room.user("1").await, 404);
}

#[tokio::test]
async fn a_lost_connection_is_no_reason_to_go_without_a_password() {
    let (system, room) = room("password-lost", ExportStyle::AttributeUpdate).await;
    system.fail(Fault::Password(ErrorKind::Unreachable));
    let both = json!([{"op": "replace", "value": {"displayName": "One", "password": "s3cret"}}]);
    expect(&patch(&room, both).await, 200);
    system.fail(Fault::Password(ErrorKind::Unreachable));
    expect(
        &room.create(json!({"userName": "kim", "externalId": "k1", "password": "fresh"})).await,
        201,
    );
    system.fail(Fault::LostAnswer(ErrorKind::Timeout));
    expect(
        &room.create(json!({"userName": "lee", "externalId": "l1", "password": "lost"})).await,
        201,
    );
    assert_eq!(passwords(&system), [set("1", "s3cret"), set("k1", "fresh"), set("l1", "lost")]);
    // A new entry that has to do without is deleted, after a lost answer as well.
    system.fail(Fault::LostAnswer(ErrorKind::Timeout));
    system.fail(Fault::Password(ErrorKind::Invalid));
    expect(
        &room.create(json!({"userName": "max", "externalId": "m1", "password": "bad"})).await,
        400,
    );
    assert_eq!(system.get("m1"), None);
    let deleted = |change: &Change| matches!(change, Change::Delete { .. });
    let deletes = system.state().exported.iter().flatten().filter(|c| deleted(c)).count();
    assert_eq!(deletes, 2, "kim's first one, and max");
}
