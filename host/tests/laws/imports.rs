//! What an import takes away: nothing when it failed or came in part, never more than the guard lets.

use crate::support::{PEOPLE, expect, imported};
use ecma_plugin_sdk::{
    Entry, ErrorKind,
    testkit::{Fault, System},
};
use serde_json::{Value as Json, json};

fn full_only() -> String {
    PEOPLE.replace("[run.delta_import]", "[run.delta_import]\nenabled = false")
}

#[tokio::test]
async fn a_failed_import_removes_nothing() {
    for (at, kind) in [ErrorKind::Unreachable, ErrorKind::Internal, ErrorKind::Credentials]
        .into_iter()
        .enumerate()
    {
        let (system, room) = imported(&format!("failed-{at}"), 6, &full_only()).await;
        for id in ["1", "2", "6"] {
            system.remove(id);
        }
        for after in [0, 1, 2] {
            system.fail(Fault::Import(after, kind));
            assert!(!room.import().await);
            assert_eq!(room.total().await, 6, "{kind:?} after {after}");
        }
        assert_eq!(room.ran(4).await["outcome"], "failed");
        assert!(room.import().await);
        assert_eq!(room.total().await, 3);
        expect(&room.user("6").await, 404);
    }
}

#[tokio::test]
async fn a_failed_delta_keeps_its_watermark() {
    let (system, room) = imported("watermark", 2, PEOPLE).await;
    for id in ["3", "4", "5", "6"] {
        system.person(id, &format!("p{id}"));
    }
    system.remove("1");
    system.fail(Fault::Import(4, ErrorKind::Unreachable));
    assert!(!room.import().await);
    expect(&room.user("1").await, 200);
    assert!(room.import().await);
    let run = room.ran(3).await;
    assert_eq!((&run["kind"], &run["outcome"]), (&json!("delta"), &json!("success")));
    expect(&room.user("1").await, 404);
    for id in ["3", "6"] {
        expect(&room.user(id).await, 200);
    }
    // And the next one goes on behind it.
    assert!(room.import().await);
    let run = room.ran(4).await;
    assert_eq!((&run["kind"], &run["unchanged"]), (&json!("delta"), &json!(0)));
}

#[tokio::test]
async fn a_watermark_the_target_does_not_know_any_more_means_a_full_import() {
    let (system, room) = imported("old-watermark", 3, PEOPLE).await;
    system.state().entries.retain(|_, entry| entry.text("userName") != Some("p1"));
    system.fail(Fault::Import(0, ErrorKind::Conflict));
    system.person("9", "p9");
    assert!(room.import().await);
    expect(&room.user("1").await, 404);
    expect(&room.user("9").await, 200);
}

/// Person `2` cannot be taken any more, person `3` is gone.
fn spoil(system: &System) {
    system.put(Entry::new("user").anchor("id", "2").set("userName", 7));
    system.remove("3");
}

#[tokio::test]
async fn an_entry_that_cannot_be_taken_is_not_gone() {
    let (system, room) = imported("partial", 6, &full_only()).await;
    spoil(&system);
    assert!(room.import().await);
    let run = room.ran(2).await;
    assert_eq!((&run["outcome"], &run["refused"]), (&json!("partial"), &json!(1)), "{run}");
    assert_eq!(room.user("2").await.body["userName"], "p2");
    expect(&room.user("3").await, 404);
}

#[tokio::test]
async fn an_import_with_an_entry_nobody_can_name_removes_nothing() {
    let (system, room) = imported("nameless", 6, &full_only()).await;
    system.state().entries.insert(
        ecma_plugin_sdk::Anchor::new([("id", "7")]),
        Entry::new("user").set("userName", "nobody"),
    );
    system.remove("3");
    room.import().await;
    expect(&room.user("3").await, 200);
    assert_eq!(room.total().await, 6);
}

fn guarded(percent: u32, objects: u32) -> String {
    format!("guard = {{ percent = {percent}, objects = {objects} }}\n{}", full_only())
}

#[tokio::test]
async fn an_import_that_would_remove_too_much_removes_nothing_and_says_so() {
    for (at, guard, gone, held) in [
        (0, guarded(20, 2), 5, 5),
        (1, guarded(20, 5), 5, 0),
        (2, guarded(50, 2), 5, 0),
        (3, guarded(0, 0), 1, 1),
        (4, guarded(100, 0), 10, 0),
    ] {
        let (system, room) = imported(&format!("guard-{at}"), 10, &guard).await;
        for id in 1..=gone {
            system.remove(&id.to_string());
        }
        system.person("99", "new");
        assert!(room.import().await);
        let run = room.ran(2).await;
        let removed = if held > 0 { 0 } else { gone };
        assert_eq!((&run["held"], &run["removed"]), (&json!(held), &json!(removed)), "{at}");
        let outcome: Json = if held > 0 { "held".into() } else { "success".into() };
        assert_eq!(run["outcome"], outcome, "{at}");
        assert_eq!(room.total().await, 11 - removed as u64, "{at}: the rest was taken");
        expect(&room.user("1").await, if held > 0 { 200 } else { 404 });
    }
}

#[tokio::test]
async fn a_delta_that_would_remove_too_much_is_held_and_asked_again() {
    let document = format!("guard = {{ percent = 20, objects = 2 }}\n{PEOPLE}");
    let (system, room) = imported("guard-delta", 10, &document).await;
    for id in 1..=5 {
        system.remove(&id.to_string());
    }
    for runs in [2, 3] {
        assert!(room.import().await);
        assert_eq!(room.ran(runs).await["outcome"], "held", "the watermark stays");
        assert_eq!(room.total().await, 10);
    }
    for id in 1..=4 {
        system.person(&id.to_string(), &format!("p{id}"));
    }
    assert!(room.import().await);
    assert_eq!(room.ran(4).await["outcome"], "success");
    assert_eq!(room.total().await, 9);
}

#[tokio::test]
async fn a_quiet_import_changes_no_version() {
    let (_system, room) = imported("quiet", 4, &full_only()).await;
    let before = room.get("/Users").await.body;
    assert!(room.import().await);
    assert_eq!(room.get("/Users").await.body, before);
    assert_eq!(room.ran(2).await["unchanged"], 4);
}
