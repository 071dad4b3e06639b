//! A target that fails again and again is left alone for a while; who only reads does not notice.

use crate::support::{PEOPLE, Room, expect, imported, name_of};
use ecma_plugin_sdk::{
    ErrorKind,
    testkit::{Fault, System},
};

async fn fails(system: &System, room: &Room, times: usize) {
    for _ in 0..times {
        system.fail(Fault::Export(ErrorKind::Timeout));
        expect(&room.rename("1", "Two").await, 504);
    }
}

#[tokio::test]
async fn after_five_failures_in_a_row_changes_are_refused_without_asking_the_target() {
    let (system, room) = imported("fenced", 3, PEOPLE).await;
    fails(&system, &room, 5).await;
    let sent = system.state().exported.len();
    let answers = [
        room.rename("1", "Two").await,
        room.create(serde_json::json!({"userName": "kim"})).await,
        room.delete("2").await,
    ];
    for answer in answers {
        expect(&answer, 503);
        let seconds: u32 = answer.header("retry-after").parse().unwrap();
        assert!((1..=5).contains(&seconds), "{answer:?}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("failed 5 times in a row"), "{answer:?}");
    }
    assert_eq!(system.state().exported.len(), sent);
    assert_eq!(room.binding.fenced().unwrap().fence, "open");
    assert_eq!(room.user("1").await.body["displayName"], "One");
    assert_eq!(room.total().await, 3);
    assert!(room.import().await, "imports go on");
}

#[tokio::test]
async fn a_word_of_the_target_begins_the_count_anew() {
    let (system, room) = imported("word", 4, PEOPLE).await;
    let words = [ErrorKind::NotFound, ErrorKind::Invalid, ErrorKind::AlreadyExists];
    for (kind, id) in words.into_iter().zip(["2", "3", "4"]) {
        fails(&system, &room, 4).await;
        system.fail(Fault::Export(kind));
        assert!(room.rename(id, "Two").await.status < 500, "{kind:?}");
    }
    fails(&system, &room, 4).await;
    expect(&room.rename("1", "Two").await, 200);
}

#[tokio::test]
async fn an_unknown_outcome_is_looked_up_whatever_others_met() {
    let (system, room) = imported("looked-up", 6, PEOPLE).await;
    system.hold(false, true);
    let mut running = Vec::new();
    for id in 1..=6 {
        let other = room.clone();
        running.push(room.begin(async move { other.rename(&id.to_string(), "Two").await }).await);
    }
    (0..5).for_each(|_| system.fail(Fault::Export(ErrorKind::Timeout)));
    system.fail(Fault::LostAnswer(ErrorKind::Timeout));
    system.hold(false, false);
    for (at, one) in running.into_iter().enumerate() {
        let answer = one.await.unwrap();
        let is_done = name_of(&system, &(at + 1).to_string()).as_deref() == Some("Two");
        expect(&answer, if is_done { 200 } else { 504 });
    }
}
