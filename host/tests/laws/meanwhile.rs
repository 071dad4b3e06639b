//! What an import that is under way does not undo.

use crate::support::{PEOPLE, Room, answered, expect, imported, name_of, people, setup};
use ecma_plugin_sdk::testkit::{Fake, Fault, System};
use serde_json::json;
use tokio::task::JoinHandle;

/// An import that has taken its view of the target and holds back its last page: person `0`, put
/// behind the host's back, has come, and so have the two after it.
async fn import_under_way(system: &System, room: &Room) -> JoinHandle<bool> {
    system.person("0", "marker");
    system.hold(true, false);
    let other = room.clone();
    let running = tokio::spawn(async move { other.import().await });
    answered("the import has begun", || room.user("0"), |answer| answer.status == 200).await;
    assert!(!running.is_finished());
    running
}

fn full_only() -> String {
    PEOPLE.replace("[run.delta_import]", "[run.delta_import]\nenabled = false")
}

#[tokio::test]
async fn an_import_does_not_undo_what_was_exported_since_it_began() {
    let (system, room) = imported("meanwhile", 5, &full_only()).await;
    let running = import_under_way(&system, &room).await;
    expect(&room.rename("3", "New").await, 200);
    expect(&room.rename("1", "New").await, 200);
    expect(&room.delete("4").await, 204);
    expect(&room.delete("2").await, 204);
    let created = room.create(json!({"userName": "kim"})).await;
    expect(&created, 201);
    // What somebody else changed is not known to this import either, and not our business.
    system.put(system.get("5").unwrap().set("displayName", "Theirs"));
    system.hold(false, false);
    assert!(running.await.unwrap());
    for id in ["1", "3"] {
        assert_eq!(room.user(id).await.body["displayName"], "New", "{id}");
    }
    for id in ["2", "4"] {
        expect(&room.user(id).await, 404);
    }
    let id = created.body["id"].as_str().unwrap();
    assert_eq!(room.get(&format!("/Users/{id}")).await.body, created.body);
    assert_eq!(room.user("5").await.body["displayName"], "One");
    // The next import agrees with all of it and brings the rest.
    assert!(room.import().await);
    assert_eq!(room.user("5").await.body["displayName"], "Theirs");
    assert_eq!(room.total().await, 5);
}

#[tokio::test]
async fn a_delta_does_not_undo_it_either() {
    let (system, room) = imported("meanwhile-delta", 3, PEOPLE).await;
    for id in ["0", "8", "9"] {
        system.person(id, &format!("p{id}"));
    }
    for id in ["1", "2", "3"] {
        system.put(system.get(id).unwrap().set("displayName", "Theirs"));
    }
    system.hold(true, false);
    let other = room.clone();
    let running = tokio::spawn(async move { other.import().await });
    answered("the first page came", || room.user("0"), |answer| answer.status == 200).await;
    expect(&room.rename("3", "New").await, 200);
    system.hold(false, false);
    assert!(running.await.unwrap());
    assert_eq!(name_of(&system, "3").unwrap(), "New");
    assert_eq!(room.user("3").await.body["displayName"], "New");
    assert!(room.import().await);
    assert_eq!(room.user("1").await.body["displayName"], "Theirs");
}

#[tokio::test]
async fn readers_are_served_while_an_import_is_under_way() {
    let (system, room) = imported("reading", 5, &full_only()).await;
    let running = import_under_way(&system, &room).await;
    expect(&room.user("5").await, 200);
    assert_eq!(room.total().await, 6);
    let matched = room.get("/Users?filter=userName+eq+%22p4%22").await;
    assert_eq!(matched.body["totalResults"], 1);
    system.hold(false, false);
    assert!(running.await.unwrap());
}

#[tokio::test]
async fn an_import_that_fails_at_its_end_keeps_what_was_exported_meanwhile() {
    let system = people("late-failure", 5);
    let room = Room(setup::<Fake>("late-failure", &full_only()).host());
    assert!(room.import().await);
    system.fail(Fault::Import(5, ecma_plugin_sdk::ErrorKind::Unreachable));
    let running = {
        system.person("0", "marker");
        let other = room.clone();
        tokio::spawn(async move { other.import().await })
    };
    assert!(!running.await.unwrap());
    expect(&room.rename("3", "New").await, 200);
    assert_eq!(room.user("3").await.body["displayName"], "New");
    assert_eq!(room.total().await, 6, "what came before the failure stays");
}
