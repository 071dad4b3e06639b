//! An outcome that is not known is looked up in the target, never guessed.

use crate::support::{PEOPLE, Room, expect, imported, name_of, people, setup};
use ecma_plugin_sdk::{
    ErrorKind,
    testkit::{Fake, Fault, System},
};
use serde_json::json;

/// People whose anchor a client gives, so that an add can be looked up.
fn with_anchor() -> String {
    PEOPLE.replace("mails = \"\"", "id = \"externalId\"")
}

async fn room(name: &str) -> (System, Room) {
    imported(name, 4, &with_anchor()).await
}

fn pages(system: &System) -> usize {
    system.state().exported.len()
}

#[tokio::test]
async fn a_lost_answer_to_what_was_done_is_a_success() {
    for (at, kind) in [ErrorKind::Unreachable, ErrorKind::Timeout].into_iter().enumerate() {
        let (system, room) = room(&format!("done-{at}")).await;
        system.fail(Fault::LostAnswer(kind));
        let answer = room.rename("1", "Two").await;
        expect(&answer, 200);
        assert_eq!(answer.body["displayName"], "Two");
        system.fail(Fault::LostAnswer(kind));
        expect(&room.delete("2").await, 204);
        expect(&room.user("2").await, 404);
        system.fail(Fault::LostAnswer(kind));
        let created = room.create(json!({"externalId": "k1", "userName": "kim"})).await;
        expect(&created, 201);
        assert_eq!(created.body["id"], "user.k1");
        assert_eq!(pages(&system), 3, "nothing was sent twice");
        assert!(system.state().faults.is_empty());
    }
}

#[tokio::test]
async fn what_surely_was_not_done_is_tried_once_more_if_the_connection_broke() {
    let (system, room) = room("not-done").await;
    system.fail(Fault::Export(ErrorKind::Unreachable));
    let answer = room.rename("1", "Two").await;
    expect(&answer, 200);
    assert_eq!((name_of(&system, "1").unwrap().as_str(), pages(&system)), ("Two", 2));
    system.fail(Fault::Export(ErrorKind::Unreachable));
    expect(&room.create(json!({"externalId": "k1", "userName": "kim"})).await, 201);
    system.fail(Fault::Export(ErrorKind::Unreachable));
    expect(&room.delete("3").await, 204);
    assert_eq!(system.get("3"), None);
}

#[tokio::test]
async fn it_is_tried_no_more_than_twice() {
    let (system, room) = room("twice").await;
    for _ in 0..2 {
        system.fail(Fault::Export(ErrorKind::Unreachable));
    }
    expect(&room.rename("1", "Two").await, 503);
    assert_eq!(pages(&system), 2);
    assert_eq!(room.user("1").await.body["displayName"], "One");
}

#[tokio::test]
async fn what_timed_out_and_was_not_done_is_not_tried_again() {
    let (system, room) = room("slow").await;
    system.fail(Fault::Export(ErrorKind::Timeout));
    expect(&room.rename("1", "Two").await, 504);
    assert_eq!((name_of(&system, "1").unwrap().as_str(), pages(&system)), ("One", 1));
    assert_eq!(room.user("1").await.body["displayName"], "One");
}

#[tokio::test]
async fn a_value_that_was_there_before_is_no_proof_of_an_add() {
    let (system, room) = room("proof").await;
    // Somebody else's entry with that anchor, which the space does not know.
    system.person("k1", "somebody");
    system.fail(Fault::Export(ErrorKind::Timeout));
    expect(&room.create(json!({"externalId": "k1", "userName": "kim"})).await, 504);
    assert_eq!(system.get("k1").unwrap().text("userName"), Some("somebody"));
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_unavailable_and_an_import_is_asked_for() {
    let system = people("unreadable", 2);
    system.state().capabilities.read = false;
    let room = Room(setup::<Fake>("unreadable", PEOPLE).host());
    room.binding.start();
    room.ran(1).await;
    system.fail(Fault::LostAnswer(ErrorKind::Unreachable));
    expect(&room.rename("1", "Two").await, 503);
    assert_eq!(pages(&system), 1, "not tried again: that could do it twice");
    room.ran(2).await;
    assert_eq!(room.user("1").await.body["displayName"], "Two", "the import brought it");
    // A new entry whose anchor the target gives cannot be looked up either.
    system.fail(Fault::LostAnswer(ErrorKind::Timeout));
    expect(&room.create(json!({"userName": "kim"})).await, 504);
    room.ran(3).await;
    assert_eq!(room.total().await, 3);
    room.binding.stop().await;
}

#[tokio::test]
async fn a_connection_that_could_not_be_opened_is_no_unknown_outcome() {
    let (system, room) = room("no-connection").await;
    system.fail(Fault::Connect(ErrorKind::Unreachable));
    expect(&room.rename("1", "Two").await, 503);
    assert_eq!(pages(&system), 0);
    expect(&room.rename("1", "Two").await, 200);
}
