//! Deletes and disables beyond the export guard's bound are held until an operator lets them go.

use crate::{
    room::{Answer, Host},
    support::{PEOPLE, Room, expect, imported, patiently, setup},
};
use ecma_host::{binding::Takeover, web::Endpoint};
use ecma_plugin_sdk::{
    ErrorKind,
    testkit::{Fake, Fault},
};
use serde_json::json;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A guard that lets so many go, whatever their share.
fn guarded(objects: u32) -> String {
    format!("export_guard = {{ percent = 0, objects = {objects} }}\n{PEOPLE}")
}

async fn disable(room: &Room, id: usize) -> Answer {
    let body = json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
    room.ask("PATCH", &format!("/Users/user.{id}"), Some(&body), &[]).await
}

#[track_caller]
fn expect_held(answer: &Answer) {
    expect(answer, 503);
    assert_eq!(answer.header("retry-after"), "600");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("`ecma-host exports release ROOM`"), "{detail}");
}

#[tokio::test]
async fn deletes_and_disables_beyond_the_bound_are_held_and_all_else_goes_on() {
    let (system, room) = imported("guard-held", 10, &guarded(3)).await;
    expect(&room.delete("1").await, 204);
    expect(&disable(&room, 2).await, 200);
    let gone = json!({"userName": "p3", "active": false});
    expect(&room.ask("PUT", "/Users/user.3", Some(&gone), &[]).await, 200);
    expect_held(&room.delete("4").await);
    expect_held(&disable(&room, 5).await);
    expect(&room.rename("4", "Two").await, 200);
    expect(&room.create(json!({"userName": "late"})).await, 201);
    expect(&disable(&room, 2).await, 200);
    assert!(system.get("4").is_some());
    let held = room.binding.held_exports().unwrap();
    assert_eq!((held.gone, held.bound, held.refused, held.minutes), (3, 3, 2, 60));
    assert_eq!(room.binding.release_exports(None), Ok(3));
    expect(&room.delete("4").await, 204);
    assert_eq!(room.binding.held_exports(), None);
}

#[tokio::test]
async fn what_the_target_refused_does_not_count() {
    let (system, room) = imported("guard-failed", 10, &guarded(2)).await;
    for _ in 0..5 {
        system.fail(Fault::Delete(ErrorKind::Forbidden));
        expect(&room.delete("1").await, 500);
    }
    expect(&room.delete("1").await, 204);
    expect(&room.delete("2").await, 204);
    expect_held(&room.delete("3").await);
}

#[tokio::test]
async fn those_that_come_together_do_not_slip_past() {
    let (system, room) = imported("guard-together", 60, &guarded(20)).await;
    system.hold(false, true);
    let mut running = JoinSet::new();
    for id in 1..=60 {
        let room = room.clone();
        running.spawn(async move { room.delete(&id.to_string()).await });
    }
    patiently().await;
    assert_eq!(room.binding.held_exports(), None, "nothing has gone yet");
    system.hold(false, false);
    let answers = running.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 20);
    answers.iter().filter(|answer| answer.status != 204).for_each(expect_held);
    assert_eq!(room.binding.held_exports().unwrap().refused, 40);
    assert_eq!(room.total().await, 40);
}

#[tokio::test]
async fn each_operation_of_a_bulk_request_counts() {
    let (_system, room) = imported("guard-bulk", 10, &guarded(4)).await;
    let delete = |id| json!({"method": "DELETE", "path": format!("/Users/user.{id}")});
    let operations: Vec<_> = (1..=9).map(delete).collect();
    let answer = room.ask("POST", "/Bulk", Some(&json!({"Operations": operations})), &[]).await;
    let results = answer.body["Operations"].as_array().unwrap();
    let count = |status: &str| results.iter().filter(|one| one["status"] == status).count();
    assert_eq!((count("204"), count("503")), (4, 5), "{answer:?}");
    assert_eq!(room.total().await, 6);
}

#[tokio::test]
async fn what_does_not_end_anybody_does_not_count() {
    let flows = "[object.deprovisioning]\ndelete = \"none\"\n";
    let unmapped = guarded(0).replace("active = \"active\"\n", "");
    let (_system, room) = imported("guard-none", 3, &format!("{unmapped}{flows}")).await;
    expect(&room.delete("1").await, 204);
    expect(&disable(&room, 1).await, 200);
    let marking = "[object.deprovisioning]\ndelete = { set = \"displayName\", value = \"left\" }\n";
    let (_system, room) = imported("guard-marks", 3, &format!("{}{marking}", guarded(0))).await;
    expect_held(&room.delete("1").await);
    let deleting = "[object.deprovisioning]\ndisable = \"delete\"\n";
    let (_system, room) = imported("guard-ends", 3, &format!("{}{deleting}", guarded(0))).await;
    expect_held(&disable(&room, 1).await);
}

#[tokio::test]
async fn a_guard_of_a_hundred_percent_is_none() {
    let off = format!("export_guard = {{ percent = 100, objects = 0 }}\n{PEOPLE}");
    let (_system, room) = imported("guard-off", 10, &off).await;
    for id in 1..=10 {
        expect(&room.delete(&id.to_string()).await, 204);
    }
}

#[tokio::test]
async fn another_document_does_not_let_go_what_is_held() {
    let (_system, room) = imported("guard-document", 10, &guarded(0)).await;
    expect_held(&room.delete("1").await);
    let Host { mut binding, web } = setup::<Fake>("guard-document", &guarded(5)).host();
    let name = binding.name().clone();
    web.remove(&name);
    assert_eq!(binding.take_over(&room.binding), Ok(Takeover::Kept));
    web.set(name, Endpoint::Bound(Arc::clone(&binding)));
    let next = Room(Host { binding, web });
    expect_held(&next.delete("1").await);
    assert_eq!(next.binding.release_exports(Some(1)), Ok(1));
    expect(&next.delete("1").await, 204);
    expect_held(&next.delete("2").await);
}
