//! What the binding of a changed document takes over, and what clients notice of it.

use crate::support::{PEOPLE, Room, answered, expect, imported, patiently, setup};
use ecma_host::{
    binding::{Binding, Takeover, Unbound},
    web::Endpoint,
};
use ecma_plugin_sdk::testkit::Fake;
use serde_json::json;
use std::sync::Arc;

/// The binding of a changed document, and what it takes over.
async fn changed(
    room: &Room,
    system: &str,
    document: &str,
) -> Result<(Arc<Binding>, Takeover), Unbound> {
    let mut next = setup::<Fake>(system, document).bind();
    let old = Arc::clone(&room.binding);
    let taken =
        tokio::task::spawn_blocking(move || next.take_over(&old).map(|taken| (next, taken)));
    taken.await.unwrap()
}

fn put_in_place(room: &Room, next: &Arc<Binding>) {
    room.web.set(next.name().clone(), Endpoint::Bound(Arc::clone(next)));
}

#[tokio::test]
async fn another_path_needs_no_import() {
    let (_system, room) = imported("path", 3, PEOPLE).await;
    let other = PEOPLE.replace("= \"displayName\"", "= \"nickName\"");
    let (next, taken) = changed(&room, "path", &other).await.unwrap();
    assert_eq!((taken, next.memory()), (Takeover::Kept, room.binding.memory()));
    put_in_place(&room, &next);
    assert_eq!(room.user("1").await.body["nickName"], "One");
    assert_eq!(next.status().runs().len(), 1, "the run of the binding before");
}

#[tokio::test]
async fn what_was_written_while_a_successor_reads_is_not_lost() {
    let small = PEOPLE.replace("displayName = \"displayName\"\n", "");
    let (system, room) = imported("written", 5, &small).await;
    let (next, taken) = changed(&room, "written", PEOPLE).await.unwrap();
    assert!(matches!(taken, Takeover::Beside(_)), "{taken:?}");
    room.binding.begin_journal();
    system.hold(true, false);
    let reading = Arc::clone(&next);
    let running = tokio::task::spawn_blocking(move || reading.import());
    answered("the successor reads", || room.user("1"), |_| next.entries() >= 3).await;
    let disable = json!({"Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
    expect(&room.ask("PATCH", "/Users/user.3", Some(&disable), &[]).await, 200);
    expect(&room.delete("2").await, 204);
    let kim = room.create(json!({"userName": "kim"})).await;
    expect(&kim, 201);
    system.hold(false, false);
    assert!(running.await.unwrap());
    next.catch_up(room.binding.take_journal()).await;
    put_in_place(&room, &next);
    let third = room.user("3").await.body;
    assert_eq!((&third["active"], &third["displayName"]), (&json!(false), &json!("One")));
    expect(&room.user("2").await, 404);
    let id = kim.body["id"].as_str().unwrap();
    assert_eq!(room.get(&format!("/Users/{id}")).await.body["userName"], "kim");
    assert_eq!(room.total().await, 5);
    next.stop().await;
}

#[tokio::test]
async fn another_target_or_other_types_are_read_anew() {
    let (_system, room) = imported("anew", 3, PEOPLE).await;
    let (next, taken) = changed(&room, "elsewhere", PEOPLE).await.unwrap();
    assert_eq!(taken, Takeover::Anew("values.system was another".to_owned()));
    assert_ne!(next.memory(), room.binding.memory());
    assert_eq!(next.status().runs().len(), 1, "what was run is remembered");
    assert!(next.ready().is_err(), "nothing is known of the other target");
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused() {
    let (_system, room) = imported("misfit", 3, PEOPLE).await;
    let wrong = PEOPLE.replace("mails = \"\"", "nothing = \"title\"");
    let Err(Unbound(reasons)) = changed(&room, "misfit", &wrong).await else {
        panic!("it was taken")
    };
    assert!(reasons[0].contains("attributes.nothing"), "{reasons:?}");
    expect(&room.user("1").await, 200);
}

#[tokio::test]
async fn requests_wait_while_another_binding_takes_the_place() {
    let (_system, room) = imported("turning", 3, PEOPLE).await;
    let (done, turning) = tokio::sync::watch::channel(());
    room.web.set(room.binding.name().clone(), Endpoint::Turning(turning));
    let asking = room.clone();
    let waiting = tokio::spawn(async move { asking.user("1").await });
    patiently().await;
    assert!(!waiting.is_finished());
    put_in_place(&room, &room.binding);
    drop(done);
    expect(&waiting.await.unwrap(), 200);
}

#[tokio::test]
async fn a_binding_ends_after_the_writes_that_found_it() {
    let (system, room) = imported("ends", 3, PEOPLE).await;
    system.hold(false, true);
    let other = room.clone();
    let writing = room.begin(async move { other.rename("1", "New").await }).await;
    let old = Arc::clone(&room.binding);
    let retiring = tokio::spawn(async move { old.retire().await });
    patiently().await;
    assert!(!retiring.is_finished());
    system.hold(false, false);
    expect(&writing.await.unwrap(), 200);
    retiring.await.unwrap();
}
