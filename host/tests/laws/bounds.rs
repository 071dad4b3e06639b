//! Nothing waits for ever and nothing grows without end; each bound has an answer.

use crate::support::{PEOPLE, Room, expect, imported, name_of, patiently, people, setup, until};
use ecma_host::binding::Exporter;
use ecma_plugin_sdk::{
    Capabilities, Change, Connector, Entry, EntryId, ErrorKind, Exported, ImportRun, ImportSink,
    Plugin, Result, Schema, Update, Watermark,
    testkit::{Fake, System},
};
use serde_json::json;
use std::{sync::Arc, sync::mpsc, time::Duration};
use tokio::task::JoinSet;

fn exporter(system: &System, deadline: Duration) -> Arc<Exporter> {
    let plugin = Arc::new(Plugin::linked::<Fake>("fake", "1.0.0"));
    Arc::new(Exporter::new("ROOM".into(), plugin, system.values(), 1, 1, deadline))
}

fn rename(system: &System, id: &str) -> Change {
    let id = system.get(id).unwrap().id().clone();
    Change::Update(Update::new(id).set("displayName", "Two"))
}

#[tokio::test]
async fn the_queue_of_changes_has_an_end() {
    let system = people("queue", 1);
    let exporter = exporter(&system, Duration::from_secs(60));
    system.hold(false, true);
    let mut running = JoinSet::new();
    for _ in 0..1010 {
        let (exporter, change) = (Arc::clone(&exporter), rename(&system, "1"));
        running.spawn(async move { exporter.export(change).await });
    }
    patiently().await;
    system.hold(false, false);
    let results = running.join_all().await;
    let busy = results
        .iter()
        .filter(|result| result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy));
    // A thousand wait, and one may be with the target already.
    assert!((9..=10).contains(&busy.count()));
    assert!(results.iter().filter(|result| result.is_ok()).count() >= 1000);
    exporter.stop();
}

#[tokio::test]
async fn too_many_calls_that_do_not_come_back_refuse_new_ones() {
    let system = people("stuck", 1);
    let exporter = exporter(&system, Duration::from_millis(20));
    system.hold(false, true);
    let export = || exporter.export(rename(&system, "1"));
    let mut given_up = 0;
    let refused = loop {
        let error = export().await.unwrap_err();
        match error.kind() {
            ErrorKind::Timeout => given_up += 1,
            // The thread for it has not even begun.
            ErrorKind::Busy if error.message().contains("other changes") => {}
            _ => break error,
        }
        assert!(given_up <= 4);
    };
    assert_eq!((given_up, refused.kind()), (4, ErrorKind::Busy), "{refused}");
    assert!(exporter.read(system.get("1").unwrap().id().clone()).await.is_err());
    system.hold(false, false);
    // They came back: there is room again.
    let began = std::time::Instant::now();
    while let Err(error) = export().await {
        assert!(began.elapsed() < Duration::from_secs(30), "{error}");
        tokio::task::yield_now().await;
    }
    exporter.stop();
}

/// A target that does not come back from some changes until it is let.
struct Sleeper(Fake);

static LET: parking_lot::Mutex<Option<mpsc::Receiver<()>>> = parking_lot::Mutex::new(None);

impl Connector for Sleeper {
    type Config = <Fake as Connector>::Config;

    fn connect(config: Self::Config) -> Result<Sleeper> {
        Fake::connect(config).map(Sleeper)
    }

    fn capabilities(config: &Self::Config) -> Capabilities {
        let mut capabilities = Fake::capabilities(config);
        (capabilities.export_pages, capabilities.concurrent) = (false, false);
        capabilities
    }

    fn schema(&mut self) -> Result<Schema> {
        self.0.schema()
    }

    fn import(&mut self, run: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        self.0.import(run, sink)
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        if change.text("displayName") == Some("Sleep") {
            // Ends when the test lets go of the other end.
            let gate = LET.lock().take();
            let _ = gate.map(|gate| gate.recv());
        }
        self.0.export(change)
    }

    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        self.0.read(ids)
    }
}

#[tokio::test]
async fn a_call_that_does_not_come_back_is_given_up_and_others_are_served() {
    let system = people("sleeper", 3);
    let document = format!("run.export.seconds = 1\n{PEOPLE}");
    let room = Room(setup::<Sleeper>("sleeper", &document).host());
    assert!(room.import().await);
    let (release, gate) = mpsc::channel();
    *LET.lock() = Some(gate);
    let answer = room.rename("1", "Sleep").await;
    expect(&answer, 504);
    assert!(answer.body["detail"].as_str().unwrap().contains("1 seconds"), "{answer:?}");
    assert_eq!(name_of(&system, "1").unwrap(), "One");
    for id in ["2", "3", "1"] {
        expect(&room.rename(id, "Two").await, 200);
    }
    drop(release);
    until("the late call arrives", || name_of(&system, "1").as_deref() == Some("Sleep")).await;
    expect(&room.rename("1", "Three").await, 200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_and_its_write_goes_on() {
    let system = people("patience", 1);
    let mut setup = setup::<Fake>("patience", PEOPLE);
    setup.limits.request_seconds = 0;
    let room = Room(setup.host());
    assert!(room.import().await);
    system.hold(false, true);
    let answer = room.rename("1", "Two").await;
    expect(&answer, 503);
    assert!(answer.body["detail"].as_str().unwrap().contains("finished all the same"));
    system.hold(false, false);
    until("the write arrives", || name_of(&system, "1").as_deref() == Some("Two")).await;
}

#[tokio::test]
async fn requests_in_flight_have_a_bound() {
    let system = people("in-flight", 1);
    let mut setup = setup::<Fake>("in-flight", PEOPLE);
    setup.limits.requests = 1;
    let room = Room(setup.host());
    assert!(room.import().await);
    system.hold(false, true);
    let other = room.clone();
    let running = room.begin(async move { other.rename("1", "Two").await }).await;
    expect(&room.user("1").await, 503);
    system.hold(false, false);
    expect(&running.await.unwrap(), 200);
    expect(&room.user("1").await, 200);
}

#[tokio::test]
async fn a_filter_that_looks_at_everybody_has_a_deadline() {
    let system = people("scan", 3000);
    let mut setup = setup::<Fake>("scan", PEOPLE);
    setup.scan = Duration::ZERO;
    let room = Room(setup.host());
    assert!(room.import().await);
    let answer = room.get("/Users?filter=displayName+co+%22n%22").await;
    expect(&answer, 503);
    assert!(answer.body["detail"].as_str().unwrap().contains("eq"), "{answer:?}");
    let indexed = room.get("/Users?filter=userName+eq+%22p2999%22").await;
    assert_eq!(indexed.body["totalResults"], 1);
    let listed = room.get("/Users?startIndex=2990").await;
    assert_eq!(listed.body["itemsPerPage"], 11);
    drop(system);
}

#[tokio::test]
async fn scans_are_few_at_once_and_all_are_answered() {
    let (_system, room) = imported("scans", 2000, PEOPLE).await;
    let mut running = JoinSet::new();
    for _ in 0..20 {
        let room = room.clone();
        running.spawn(async move { room.get("/Users?filter=displayName+co+%22n%22").await });
    }
    for answer in running.join_all().await {
        expect(&answer, 200);
        assert_eq!(answer.body["totalResults"], 2000);
    }
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let (_system, room) = imported("body", 1, PEOPLE).await;
    let long = json!({"userName": "x".repeat(1 << 17)});
    expect(&room.create(long).await, 413);
    expect(&room.user("1").await, 200);
}
