//! A write is acknowledged after the target accepted it, and shows what the target has then.

use crate::support::{PEOPLE, Room, expect, imported, name_of, people, setup};
use ecma_plugin_sdk::{
    AttributeChange, Capabilities, Change, Connector, EntryId, Exported, ImportRun, ImportSink,
    Result, Schema, Watermark, testkit::Fake,
};
use serde_json::json;

#[tokio::test]
async fn a_write_is_acknowledged_only_after_the_target_accepted_it() {
    let (system, room) = imported("accepted", 3, PEOPLE).await;
    system.hold(false, true);
    let other = room.clone();
    let rename = room.begin(async move { other.rename("1", "Two").await }).await;
    let other = room.clone();
    let delete = room.begin(async move { other.delete("2").await }).await;
    let other = room.clone();
    let create = room.begin(async move { other.create(json!({"userName": "new"})).await }).await;
    assert_eq!(room.user("1").await.body["displayName"], "One", "the space does not run ahead");
    expect(&room.user("2").await, 200);
    assert_eq!(room.total().await, 3);
    system.hold(false, false);
    assert_eq!(rename.await.unwrap().body["displayName"], "Two");
    expect(&delete.await.unwrap(), 204);
    let created = create.await.unwrap();
    expect(&created, 201);
    assert_eq!(name_of(&system, "1").unwrap(), "Two");
    assert_eq!(system.get("2"), None);
    expect(&room.user("2").await, 404);
    assert_eq!(room.get("/Users/user.1").await.body["displayName"], "Two");
    assert_eq!(room.total().await, 3);
}

/// A target that has its own mind: names in capitals, an anchor of its own.
struct OwnMind(Fake);

impl Connector for OwnMind {
    type Config = <Fake as Connector>::Config;

    fn connect(config: Self::Config) -> Result<OwnMind> {
        Fake::connect(config).map(OwnMind)
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
        let mut change = change.clone();
        match &mut change {
            Change::Add(entry) => {
                let name = entry.text("displayName").unwrap_or_default().to_uppercase();
                entry.put("displayName", vec![name.into()]);
            }
            Change::Update(update) => {
                for (_, change) in update.attributes.iter_mut().filter(|(n, _)| n == "displayName")
                {
                    let AttributeChange::Set(values) = change else { continue };
                    *values = vec![values[0].to_string().to_uppercase().into()];
                }
            }
            _ => {}
        }
        let exported = self.0.export(&change)?;
        let anchor = exported.anchor.unwrap_or_else(|| change.id().anchor.clone());
        let id = EntryId { anchor, ..change.id().clone() };
        let entry = self.0.read(std::slice::from_ref(&id))?.remove(0);
        Ok(entry.map_or_else(Exported::done, Exported::with_entry))
    }
}

#[tokio::test]
async fn an_answer_shows_what_the_target_made_of_the_write() {
    let system = people("own-mind", 2);
    let room = Room(setup::<OwnMind>("own-mind", PEOPLE).host());
    assert!(room.import().await);
    system.state().next = 77;
    let created = room.create(json!({"userName": "kim", "displayName": "Kim"})).await;
    expect(&created, 201);
    assert_eq!(
        (&created.body["id"], &created.body["displayName"]),
        (&json!("user.77"), &json!("KIM"))
    );
    for (id, body) in [
        ("77", json!({"displayName": "Lee"})),
        ("1", json!({"displayName": "lee", "userName": "p1"})),
    ] {
        let answer = room.rename(id, body["displayName"].as_str().unwrap()).await;
        assert_eq!(answer.body["displayName"], "LEE");
        assert_eq!(room.user(id).await.body, answer.body, "later answers are the same");
    }
}

#[tokio::test]
async fn a_named_attribute_is_exported_even_if_the_space_shows_it_already() {
    let (system, room) = imported("named", 2, PEOPLE).await;
    let before = room.user("1").await;
    let put = json!({"userName": "p1", "displayName": "One", "active": true});
    for put in [None, Some(put)] {
        system.put(system.get("1").unwrap().set("displayName", "drifted"));
        let answer = match &put {
            None => room.rename("1", "One").await,
            Some(body) => room.ask("PUT", "/Users/user.1", Some(body), &[]).await,
        };
        expect(&answer, 200);
        assert_eq!(name_of(&system, "1").unwrap(), "One", "{put:?}");
        if put.is_none() {
            assert_eq!(answer.body, before.body, "version and lastModified are as they were");
            assert_eq!(answer.header("etag"), before.header("etag"));
        }
    }
    let after = room.rename("1", "Two").await.body;
    assert_ne!(after["meta"]["version"], before.body["meta"]["version"]);
    assert!(after["meta"]["lastModified"].as_str() > before.body["meta"]["lastModified"].as_str());
}

#[tokio::test]
async fn what_is_only_written_is_never_shown() {
    let (system, room) = imported("password", 1, PEOPLE).await;
    let body = json!({"userName": "kim", "password": "correct horse"});
    let created = room.create(body).await;
    expect(&created, 201);
    assert!(!created.body.to_string().contains("horse"), "{created:?}");
    assert_eq!(system.get("1001").unwrap().text("password"), Some("correct horse"));
    for path in ["/Users/user.1001", "/Users?attributes=password", "/cache"] {
        let shown = room.get(path).await;
        expect(&shown, 200);
        assert!(!shown.body.to_string().contains("horse"), "{shown:?}");
    }
}

#[tokio::test]
async fn a_flow_set_to_none_answers_success_and_changes_nothing() {
    let document = format!("{PEOPLE}[object.deprovisioning]\ndelete = \"none\"\n");
    let (system, room) = imported("no-flow", 2, &document).await;
    expect(&room.delete("1").await, 204);
    assert!(system.get("1").is_some() && system.state().exported.is_empty());
    expect(&room.user("1").await, 200);
}

#[tokio::test]
async fn disabling_by_deleting_takes_the_entry_away() {
    let document = format!("{PEOPLE}[object.deprovisioning]\ndisable = \"delete\"\n");
    let (system, room) = imported("disable", 2, &document).await;
    let body = json!({"Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
    expect(&room.ask("PATCH", "/Users/user.1", Some(&body), &[]).await, 204);
    assert_eq!(system.get("1"), None);
    expect(&room.user("1").await, 404);
}

#[tokio::test]
async fn a_delete_of_what_is_gone_in_the_target_is_done() {
    let (system, room) = imported("gone", 2, PEOPLE).await;
    system.remove("1");
    expect(&room.delete("1").await, 204);
    expect(&room.delete("1").await, 404);
}

#[tokio::test]
async fn an_update_carries_what_changed_and_no_more() {
    let (system, room) = imported("little", 1, PEOPLE).await;
    expect(&room.rename("1", "Two").await, 200);
    let exported = system.state().exported.clone();
    let [page] = exported.as_slice() else { panic!("{exported:?}") };
    let [Change::Update(update)] = page.as_slice() else { panic!("{page:?}") };
    let names: Vec<&str> = update.attributes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["displayName"]);
}
