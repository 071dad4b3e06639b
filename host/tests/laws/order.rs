//! Writes at the same time: in order for one entry, in pages for many, to their end for all.

use crate::support::{PEOPLE, Room, expect, imported, name_of, patiently, people, setup, until};
use ecma_plugin_sdk::testkit::Fake;
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn writes_to_one_entry_keep_their_order() {
    let (system, room) = imported("order", 2, PEOPLE).await;
    system.hold(false, true);
    let mut running = Vec::new();
    for number in 0..20 {
        let other = room.clone();
        let rename = async move { other.rename("1", &format!("name {number}")).await };
        running.push(room.begin(rename).await);
    }
    system.hold(false, false);
    for (number, one) in running.into_iter().enumerate() {
        let answer = one.await.unwrap();
        expect(&answer, 200);
        assert_eq!(answer.body["displayName"], format!("name {number}"));
    }
    let exported: Vec<String> = system
        .state()
        .exported
        .iter()
        .flatten()
        .map(|change| change.text("displayName").unwrap().to_owned())
        .collect();
    let expected: Vec<String> = (0..20).map(|number| format!("name {number}")).collect();
    assert_eq!(exported, expected);
    assert_eq!(name_of(&system, "1").unwrap(), "name 19");
}

#[tokio::test]
async fn writes_to_many_entries_go_out_in_pages() {
    let (system, room) = imported("pages", 30, PEOPLE).await;
    system.hold(false, true);
    let mut running = Vec::new();
    for id in 1..=30 {
        let other = room.clone();
        running.push(room.begin(async move { other.rename(&id.to_string(), "Two").await }).await);
    }
    system.hold(false, false);
    for one in running {
        expect(&one.await.unwrap(), 200);
    }
    let exported = system.state().exported.clone();
    assert!(exported.iter().any(|page| page.len() > 1), "no page: {exported:?}");
    let ids: BTreeSet<String> =
        exported.iter().flatten().map(|change| change.id().anchor.to_string()).collect();
    assert_eq!((ids.len(), exported.iter().flatten().count()), (30, 30), "each once");
}

#[tokio::test]
async fn a_connector_without_pages_gets_one_change_at_a_time() {
    let system = people("one-by-one", 8);
    system.state().capabilities.export_pages = false;
    system.state().capabilities.concurrent = false;
    let setup = setup::<Fake>("one-by-one", PEOPLE);
    let room = Room(setup.host());
    assert!(room.import().await);
    system.hold(false, true);
    let mut running = Vec::new();
    for id in 1..=8 {
        let other = room.clone();
        running.push(room.begin(async move { other.rename(&id.to_string(), "Two").await }).await);
    }
    system.hold(false, false);
    for one in running {
        expect(&one.await.unwrap(), 200);
    }
    assert!(system.state().exported.iter().all(|page| page.len() == 1));
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_lose_the_write() {
    let (system, room) = imported("away", 3, PEOPLE).await;
    system.hold(false, true);
    let other = room.clone();
    let rename = room.begin(async move { other.rename("1", "Two").await }).await;
    let other = room.clone();
    let second = room.begin(async move { other.rename("1", "Three").await }).await;
    let other = room.clone();
    let create = room.begin(async move { other.create(json!({"userName": "kim"})).await }).await;
    for gone in [rename, second, create] {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    patiently().await;
    system.hold(false, false);
    until("all writes arrive", || {
        name_of(&system, "1").as_deref() == Some("Three") && room.binding.entries() == 4
    })
    .await;
    // The next write waits for its turn behind those.
    assert_eq!(room.rename("1", "Four").await.body["displayName"], "Four");
    assert_eq!(system.state().exported.iter().flatten().count(), 4);
}

#[tokio::test]
async fn a_write_waits_for_its_turn_and_sees_what_the_one_before_did() {
    let (system, room) = imported("turn", 2, PEOPLE).await;
    let version = room.user("1").await.header("etag").to_owned();
    system.hold(false, true);
    let other = room.clone();
    let first = room.begin(async move { other.rename("1", "Two").await }).await;
    let other = room.clone();
    let second = room
        .begin(async move {
            let body =
                json!({"Operations": [{"op": "replace", "path": "displayName", "value": "x"}]});
            let headers = [("if-match", version.as_str())];
            other.ask("PATCH", "/Users/user.1", Some(&body), &headers).await
        })
        .await;
    let other = room.clone();
    let third = room.begin(async move { other.delete("1").await }).await;
    let other = room.clone();
    let last = room.begin(async move { other.rename("1", "Five").await }).await;
    system.hold(false, false);
    expect(&first.await.unwrap(), 200);
    expect(&second.await.unwrap(), 412);
    expect(&third.await.unwrap(), 204);
    expect(&last.await.unwrap(), 404);
}

#[tokio::test]
async fn an_order_of_many_is_made_once_somebody_asks_for_it() {
    // More than are put in order as they come.
    const MANY: usize = 20_100;
    let document = PEOPLE.replace("page_size = 3", "page_size = 5000");
    let (_system, room) = imported("ordered", MANY, &document).await;
    let space = &room.binding.ready().unwrap().space;
    let memory = || space.read().memory();
    let before = memory();
    let page = async |start: usize| {
        let path = format!("/Users?sortBy=userName&startIndex={start}&count=3&attributes=userName");
        let answer = room.get(&path).await;
        expect(&answer, 200);
        let resources = answer.body["Resources"].as_array().unwrap().clone();
        resources.iter().map(|one| one["userName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page(1).await, ["p1", "p10", "p100"]);
    until("the order is there", || memory() >= before + MANY * size_of::<u32>()).await;
    assert_eq!(page(1).await, ["p1", "p10", "p100"]);
    assert_eq!(page(MANY - 1).await, ["p9998", "p9999"]);
}
