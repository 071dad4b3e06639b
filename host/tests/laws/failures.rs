//! What the target refuses, and how the client is told.

use crate::support::{PEOPLE, Room, expect, imported, people, setup};
use ecma_plugin_sdk::{
    Capabilities, Change, Connector, Entry, EntryId, Error, ErrorKind, Exported, ImportRun,
    ImportSink, Result, Schema, Watermark,
    testkit::{Fake, Fault},
};
use serde_json::json;

#[tokio::test]
async fn every_kind_of_refusal_has_its_status() {
    let (system, room) = imported("statuses", 9, PEOPLE).await;
    for (kind, status) in [
        (ErrorKind::AlreadyExists, 409),
        (ErrorKind::Invalid, 400),
        (ErrorKind::Conflict, 412),
        (ErrorKind::Unsupported, 501),
        (ErrorKind::Busy, 503),
        (ErrorKind::Cancelled, 503),
        (ErrorKind::Timeout, 504),
        (ErrorKind::Credentials, 500),
        (ErrorKind::Forbidden, 500),
        (ErrorKind::Config, 500),
        (ErrorKind::Internal, 500),
        (ErrorKind::NotFound, 404),
    ] {
        system.fail(Fault::Export(kind));
        let answer = room.rename("1", "Two").await;
        expect(&answer, status);
        let scim_type = match status {
            409 => json!("uniqueness"),
            400 => json!("invalidValue"),
            _ => json!(null),
        };
        assert_eq!(answer.body["scimType"], scim_type, "{kind:?}");
        if kind != ErrorKind::NotFound {
            assert_eq!(room.user("1").await.body["displayName"], "One", "{kind:?}");
        }
    }
    // The target's own word that it is gone.
    expect(&room.user("1").await, 404);
    assert_eq!(room.total().await, 8);
}

#[tokio::test]
async fn who_refused_whom_is_said() {
    let (system, room) = imported("refused", 1, PEOPLE).await;
    for (kind, words) in [
        (ErrorKind::Credentials, "the target refuses the connector's log-in"),
        (ErrorKind::Forbidden, "the target forbids this to the connector"),
    ] {
        system.fail(Fault::Export(kind));
        let answer = room.rename("1", "Two").await;
        expect(&answer, 500);
        assert!(answer.body["detail"].as_str().unwrap().contains(words), "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), "");
    }
}

#[tokio::test]
async fn an_entry_that_is_gone_in_the_target_is_not_found_and_leaves_the_space() {
    let (system, room) = imported("vanished", 3, PEOPLE).await;
    system.remove("1");
    expect(&room.rename("1", "Two").await, 404);
    expect(&room.user("1").await, 404);
    let matched = room.get("/Users?filter=userName+eq+%22p1%22").await;
    assert_eq!(matched.body["totalResults"], 0);
}

#[tokio::test]
async fn somebody_unknown_in_the_target_is_a_conflict_and_is_imported() {
    let (system, room) = imported("somebody", 1, PEOPLE).await;
    room.binding.start();
    room.ran(2).await;
    system.person("99", "kim");
    let answer = room.create(json!({"userName": "kim"})).await;
    expect(&answer, 409);
    assert_eq!(answer.body["scimType"], "uniqueness");
    room.ran(3).await;
    let matched = room.get("/Users?filter=userName+eq+%22KIM%22").await;
    assert_eq!(matched.body["Resources"][0]["id"], "user.99");
    room.binding.stop().await;
}

#[tokio::test]
async fn somebody_known_is_a_conflict_without_asking_the_target() {
    let (system, room) = imported("known", 2, PEOPLE).await;
    expect(&room.create(json!({"userName": "P1"})).await, 409);
    assert!(system.state().exported.is_empty());
}

#[tokio::test]
async fn a_panic_fails_its_request_and_the_next_one_has_a_new_connection() {
    let (system, room) = imported("panic", 2, PEOPLE).await;
    expect(&room.rename("1", "Two").await, 200);
    for _ in 0..3 {
        system.fail(Fault::Panic);
        expect(&room.rename("1", "Three").await, 500);
        expect(&room.rename("2", "Two").await, 200);
        expect(&room.user("1").await, 200);
    }
    expect(&room.rename("1", "Four").await, 200);
}

/// A target that knows what a name is.
struct Picky(Fake);

impl Connector for Picky {
    type Config = <Fake as Connector>::Config;

    fn connect(config: Self::Config) -> Result<Picky> {
        Fake::connect(config).map(Picky)
    }

    fn capabilities(config: &Self::Config) -> Capabilities {
        Fake::capabilities(config)
    }

    fn schema(&mut self) -> Result<Schema> {
        self.0.schema()
    }

    fn import(&mut self, run: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        self.0.import(run, sink)
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        match change.text("displayName") {
            Some("?") => Err(Error::invalid("displayName", "a name has letters")),
            _ => self.0.export(change),
        }
    }

    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        self.0.read(ids)
    }
}

#[tokio::test]
async fn a_value_the_target_refuses_is_named_as_the_client_knows_it() {
    let _system = people("picky", 2);
    let document = PEOPLE.replace("\"displayName\"", "\"name.formatted\"");
    let room = Room(setup::<Picky>("picky", &document).host());
    assert!(room.import().await);
    let rename = |name: &str| json!({"Operations": [{"op": "replace", "path": "name.formatted", "value": name}]});
    let wrong = room.ask("PATCH", "/Users/user.1", Some(&rename("?")), &[]).await;
    expect(&wrong, 400);
    assert_eq!(wrong.body["scimType"], "invalidValue");
    let detail = wrong.body["detail"].as_str().unwrap();
    assert!(detail.contains("name.formatted") && detail.contains("a name has letters"), "{detail}");
    let created = room.create(json!({"userName": "kim", "name": {"formatted": "?"}})).await;
    expect(&created, 400);
    expect(&room.ask("PATCH", "/Users/user.1", Some(&rename("Kim")), &[]).await, 200);
}

#[tokio::test]
async fn one_bad_change_of_a_page_does_not_spoil_its_neighbors() {
    let (system, room) = imported("neighbors", 12, PEOPLE).await;
    system.hold(false, true);
    system.fail(Fault::Export(ErrorKind::Invalid));
    let mut running = Vec::new();
    for id in 1..=12 {
        let other = room.clone();
        running.push(room.begin(async move { other.rename(&id.to_string(), "Two").await }).await);
    }
    system.hold(false, false);
    let mut statuses = Vec::new();
    for one in running {
        statuses.push(one.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!((&statuses[..11], statuses[11]), (&[200; 11][..], 400));
}

#[tokio::test]
async fn a_connector_that_cannot_write_says_so() {
    let system = people("read-only", 1);
    system.state().capabilities.export = false;
    let room = Room(setup::<Fake>("read-only", PEOPLE).host());
    assert!(room.import().await);
    expect(&room.rename("1", "Two").await, 501);
    expect(&room.create(json!({"userName": "kim"})).await, 501);
    expect(&room.delete("1").await, 501);
    expect(&room.user("1").await, 200);
}
