//! People in a system in memory, the host in front of it, and waiting without sleeping.

use crate::room::{Answer, Host, Setup};
use ecma_plugin_sdk::{
    Connector, Plugin,
    testkit::{Fake, System},
};
use serde_json::{Value as Json, json};
use std::{
    future::Future,
    ops::Deref,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// A mapping of the people that [`System::new`] holds.
pub(crate) const PEOPLE: &str = r#"
[run.full_import]
page_size = 3
[run.delta_import]
page_size = 3
[[object]]
type = "user"
query = ["userName"]
[object.attributes]
userName = "userName"
displayName = "displayName"
active = "active"
mails = ""
password = "password"
"#;

/// Nobody waits longer than this for what has to happen.
const PATIENCE: Duration = Duration::from_secs(30);

static SECONDS: AtomicI64 = AtomicI64::new(1_750_000_000);

/// A clock that is a second later each time it is looked at.
fn ticking() -> jiff::Timestamp {
    jiff::Timestamp::from_second(SECONDS.fetch_add(1, Ordering::Relaxed)).unwrap()
}

/// The setup of a host over this system.
pub(crate) fn setup<C: Connector>(name: &str, document: &str) -> Setup {
    let setup = Setup::new(Plugin::linked::<C>("fake", "1.0.0"), name, document);
    Setup { clock: ticking, ..setup }
}

/// A system with people `1` to `count` called `p1` …, shown as `One`.
pub(crate) fn people(name: &str, count: usize) -> System {
    let system = System::new(name);
    system.state().next = 1001;
    for number in 1..=count {
        let id = number.to_string();
        system.put(system.person(&id, &format!("p{id}")).set("displayName", "One"));
    }
    system
}

/// A host in front of people that have been imported.
pub(crate) async fn imported(name: &str, count: usize, document: &str) -> (System, Room) {
    let system = people(name, count);
    let room = Room(setup::<Fake>(name, document).host());
    assert!(room.import().await);
    (system, room)
}

/// A host and what is said to it often.
#[derive(Clone)]
pub(crate) struct Room(pub(crate) Host);

impl Deref for Room {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.0
    }
}

impl Room {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None, &[]).await
    }

    pub(crate) async fn user(&self, id: &str) -> Answer {
        self.get(&format!("/Users/user.{id}")).await
    }

    pub(crate) async fn create(&self, body: Json) -> Answer {
        self.ask("POST", "/Users", Some(&body), &[]).await
    }

    /// Renames a person, as Entra does.
    pub(crate) async fn rename(&self, id: &str, name: &str) -> Answer {
        let body = json!({"Operations": [{"op": "Replace", "path": "displayName", "value": name}]});
        self.ask("PATCH", &format!("/Users/user.{id}"), Some(&body), &[]).await
    }

    pub(crate) async fn delete(&self, id: &str) -> Answer {
        self.ask("DELETE", &format!("/Users/user.{id}"), None, &[]).await
    }

    /// How many users a list shows.
    pub(crate) async fn total(&self) -> u64 {
        self.get("/Users").await.body["totalResults"].as_u64().unwrap()
    }

    /// The last run's outcome, as `/health` has it, after so many runs.
    pub(crate) async fn ran(&self, runs: usize) -> Json {
        until("a run ends", || self.binding.status().runs().len() >= runs).await;
        json!(self.binding.status().runs()[runs - 1])
    }

    /// Begins a request that is not over before this answers, as the target holds it.
    pub(crate) async fn begin(
        &self,
        request: impl Future<Output = Answer> + Send + 'static,
    ) -> JoinHandle<Answer> {
        let running = tokio::spawn(request);
        patiently().await;
        assert!(!running.is_finished(), "acknowledged before the target accepted it");
        running
    }
}

/// Lets everything that can go on go on.
pub(crate) async fn patiently() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Waits for something that has to happen.
pub(crate) async fn until(what: &str, happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}

/// Waits for an answer that fits.
pub(crate) async fn answered<F: Future<Output = Answer>>(
    what: &str,
    ask: impl Fn() -> F,
    fits: impl Fn(&Answer) -> bool,
) -> Answer {
    let began = Instant::now();
    loop {
        let answer = ask().await;
        if fits(&answer) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}; {answer:?}");
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}

/// What a person is called in the target.
pub(crate) fn name_of(system: &System, id: &str) -> Option<String> {
    system.get(id)?.text("displayName").map(str::to_owned)
}

/// Checks status and, of errors, that the body is SCIM's.
#[track_caller]
pub(crate) fn expect(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    if status >= 400 {
        let schema = "urn:ietf:params:scim:api:messages:2.0:Error";
        assert_eq!(answer.body["schemas"], json!([schema]), "{answer:?}");
        assert_eq!(answer.body["status"], status.to_string(), "{answer:?}");
        assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        assert_eq!(status == 503, !answer.header("retry-after").is_empty(), "{answer:?}");
    }
}
