//! Not knowing is not "not there": what is said before the first import, without the target, and at
//! the end.

use crate::{
    room::Answer,
    support::{PEOPLE, Room, answered, expect, imported, name_of, patiently, people, setup, until},
};
use ecma_plugin_sdk::{
    Capabilities, Change, Connector, Entry, ErrorKind, Exported, ImportRun, ImportSink, Result,
    Schema, Watermark,
    testkit::{Fake, Fault},
};
use serde_json::json;
use std::sync::Arc;

fn detail(answer: &Answer) -> &str {
    answer.body["detail"].as_str().unwrap_or_default()
}

/// All that a client may ask about entries.
async fn asks(room: &Room) -> Vec<Answer> {
    vec![
        room.user("1").await,
        room.user("nobody").await,
        room.get("/Users").await,
        room.get("/Users?filter=userName+eq+%22p1%22").await,
        room.get("/Users?filter=PLACEHOLDER+eq+%22x%22").await,
        room.get("/cache").await,
        room.create(json!({"userName": "kim"})).await,
        room.rename("1", "Two").await,
        room.delete("nobody").await,
    ]
}

#[tokio::test]
async fn before_the_first_import_nobody_is_missing() {
    let system = people("first", 6);
    let room = Room(setup::<Fake>("first", PEOPLE).host());
    for answer in asks(&room).await {
        expect(&answer, 503);
    }
    system.hold(true, false);
    room.binding.start();
    answered(
        "the progress is told",
        || room.user("1"),
        |answer| detail(answer).contains("3 entries so far"),
    )
    .await;
    for answer in asks(&room).await {
        expect(&answer, 503);
        assert!(detail(&answer).contains("importing"), "{answer:?}");
    }
    // What it is like is known already.
    expect(&room.get("/ServiceProviderConfig").await, 200);
    assert_eq!(room.get("/Schemas").await.status, 200);
    assert_eq!(room.get("/ResourceTypes/User").await.status, 200);
    assert!(system.state().exported.is_empty());
    system.hold(false, false);
    room.ran(1).await;
    expect(&room.user("1").await, 200);
    expect(&room.user("nobody").await, 404);
    let dummy = room.get("/Users?filter=PLACEHOLDER+eq+%22x%22").await;
    assert_eq!(dummy.body["totalResults"], 0);
    room.binding.stop().await;
}

#[tokio::test]
async fn a_target_that_is_down_at_the_start_is_found_later() {
    let system = people("down", 2);
    system.fail(Fault::Connect(ErrorKind::Unreachable));
    let room = Room(setup::<Fake>("down", PEOPLE).host());
    room.binding.start();
    assert_eq!(room.ran(1).await["outcome"], "failed");
    for answer in asks(&room).await {
        expect(&answer, 503);
        assert!(detail(&answer).contains("could not be imported yet"), "{answer:?}");
    }
    assert_eq!(room.binding.status().health().state, "failed");
    // It is tried again by itself; who does not want to wait for that asks.
    room.binding.run_soon();
    assert_eq!(room.ran(2).await["outcome"], "success");
    expect(&room.user("1").await, 200);
    expect(&room.user("nobody").await, 404);
    assert_eq!(room.binding.status().health().state, "ready");
    room.binding.stop().await;
}

#[tokio::test]
async fn a_first_import_that_fails_half_way_shows_nobody() {
    let system = people("half", 6);
    let room = Room(setup::<Fake>("half", PEOPLE).host());
    system.fail(Fault::Import(4, ErrorKind::Unreachable));
    assert!(!room.import().await);
    for answer in asks(&room).await {
        expect(&answer, 503);
    }
    assert!(room.import().await);
    expect(&room.user("6").await, 200);
}

#[tokio::test]
async fn a_target_that_goes_down_later_leaves_what_is_known() {
    let (system, room) = imported("later", 2, PEOPLE).await;
    for _ in 0..3 {
        system.fail(Fault::Connect(ErrorKind::Unreachable));
        assert!(!room.import().await);
    }
    expect(&room.user("1").await, 200);
    expect(&room.user("nobody").await, 404);
    let health = room.binding.status().health();
    assert!(health.detail.is_some(), "{health:?}");
}

#[tokio::test]
async fn a_connector_that_only_exports_knows_what_it_exported() {
    let system = people("export-only", 1);
    system.state().capabilities.full_import = false;
    let room = Room(setup::<Fake>("export-only", PEOPLE).host());
    room.binding.start();
    let created = answered(
        "the schema is known",
        || room.create(json!({"userName": "kim"})),
        |answer| answer.status != 503,
    )
    .await;
    expect(&created, 201);
    assert_eq!(room.total().await, 1);
    room.binding.stop().await;
}

/// A target without end.
struct Endless(Fake);

impl Connector for Endless {
    type Config = <Fake as Connector>::Config;

    fn connect(config: Self::Config) -> Result<Endless> {
        Fake::connect(config).map(Endless)
    }

    fn capabilities(config: &Self::Config) -> Capabilities {
        Fake::capabilities(config)
    }

    fn schema(&mut self) -> Result<Schema> {
        self.0.schema()
    }

    fn import(&mut self, _: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        loop {
            sink.entry(Entry::new("user").anchor("id", "1").set("userName", "p1"))?;
        }
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        self.0.export(change)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_an_import_that_is_under_way() {
    let _system = people("endless", 1);
    let room = Room(setup::<Endless>("endless", PEOPLE).host());
    room.binding.start();
    answered("it imports", || room.user("1"), |answer| detail(answer).contains("importing")).await;
    tokio::time::timeout(std::time::Duration::from_secs(20), room.binding.stop()).await.unwrap();
    assert_eq!(room.ran(1).await["outcome"], "failed");
    expect(&room.user("1").await, 503);
}

#[tokio::test]
async fn stopping_finishes_the_writes_under_way_and_takes_no_more() {
    let (system, room) = imported("stop", 3, PEOPLE).await;
    room.binding.start();
    room.ran(2).await;
    system.hold(false, true);
    let other = room.clone();
    let rename = room.begin(async move { other.rename("1", "Two").await }).await;
    let binding = Arc::clone(&room.binding);
    let stopping = tokio::spawn(async move { binding.stop().await });
    patiently().await;
    assert!(!stopping.is_finished(), "it waits for the write");
    system.hold(false, false);
    stopping.await.unwrap();
    expect(&rename.await.unwrap(), 200);
    assert_eq!(name_of(&system, "1").unwrap(), "Two");
    expect(&room.rename("1", "Three").await, 503);
    until("the target is left alone", || name_of(&system, "1").as_deref() == Some("Two")).await;
}
