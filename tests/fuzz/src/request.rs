//! Target `request`: the input is a request, put to the real routes in front of a system in memory.
//!
//! The first line is the method and what follows the connector's base URL, or, after two slashes,
//! the whole path. Then come headers, an empty line and the body:
//!
//! ```text
//! PATCH /Users/user.1
//! If-Match: *
//!
//! {"Operations": [{"op": "remove", "path": "title"}]}
//! ```

use crate::Worth;
use axum::{
    body::Body,
    http::{Method, Request, Response},
};
use ecma_host::{
    binding::{Binding, LastUse, Steps, Tokens},
    config::{ConnectorConfig, ConnectorName, Limits, Resolved, TokenHash},
    web::{Endpoint, Web},
};
use ecma_plugin_sdk::{
    Anchor, AttributeType, Entry, ObjectType, Plugin, Schema,
    testkit::{Fake, System},
};
use serde_json::{Value as Json, json};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const TOKEN: &str = "token";
const BASE: &str = "/ecma2host_ROOM/scim";
const NEXT: i64 = 1001;

/// Everything an answer may have for a status while the target is well. 500 is not among them. 403 is
/// for a filter over what the server says of itself (RFC 7644, section 4).
const STATUSES: [u16; 15] =
    [200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 416, 501];

const DOCUMENT: &str = r#"
[[object]]
type = "user"
query = ["userName", "work", "alias"]
[object.attributes]
userName = "userName"
alias = "externalId"
shown = "displayName"
given = "name.givenName"
title = "title"
enabled = { scim = "active", true = "yes", false = "no" }
work = 'emails[type eq "work"].value'
home = 'emails[type eq "home"].value'
staff = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"
boss = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
level = ""
tags = ""
IsActive = ""
[[object]]
type = "group"
resource = "Group"
query = ["userName"]
[object.attributes]
userName = "displayName"
members = "members"
"#;

fn schema() -> Schema {
    let mut user = ObjectType::new("user").anchor("id", AttributeType::Text);
    user = user.attribute("userName", AttributeType::Text).required().unique().case_insensitive();
    for name in ["alias", "shown", "given", "title", "enabled", "work", "home", "staff", "boss"] {
        user = user.attribute(name, AttributeType::Text);
    }
    user = user.attribute("level", AttributeType::Integer);
    user = user.attribute("tags", AttributeType::Text).multi_valued();
    user = user.attribute("IsActive", AttributeType::Boolean);
    // The system in memory insists on the name of this one.
    let mut group = ObjectType::new("group").anchor("id", AttributeType::Text);
    group = group.attribute("userName", AttributeType::Text).required().case_insensitive();
    group = group.attribute("members", AttributeType::Text).multi_valued();
    Schema::new([user, group])
}

fn entries() -> [Entry; 4] {
    let person = |id: &str, name: &str| {
        Entry::new("user").anchor("id", id).set("userName", name).set("given", "A")
    };
    [
        person("1", "ada@example.org")
            .set("shown", "Ada Lovelace")
            .set("alias", "ada-7")
            .set("title", "Countess")
            .set("enabled", "yes")
            .set("work", "ada@example.org")
            .set("home", "ada@home.example")
            .set("staff", "42")
            .set("boss", "user.2")
            .set("level", 7)
            .set("tags", ["a", "b"]),
        person("2", "grace@example.org").set("enabled", "no").set("level", 12),
        person("3", "mary@example.org").set("title", "Engineer"),
        Entry::new("group")
            .anchor("id", "g1")
            .set("userName", "Engineers")
            .set("members", ["user.1", "user.2"]),
    ]
}

/// A host with its connected system; one for the whole process.
struct Room {
    runtime: Runtime,
    system: System,
    binding: Arc<Binding>,
    web: Arc<Web>,
    /// What the system holds before each request.
    before: BTreeMap<Anchor, Entry>,
}

impl Room {
    fn new() -> Room {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime on this thread");
        let system = System::new("fuzz");
        system.state().schema = schema();
        let before =
            entries().into_iter().map(|entry| (entry.id().anchor.clone(), entry)).collect();
        let (web, binding) = runtime.block_on(async {
            let token = TokenHash::new(TOKEN);
            let text = format!(
                "plugin = \"fake\"\ntoken = \"{token}\"\nautosync = 0\nexport_guard.percent = 100\nvalues = {{ system = \"fuzz\" }}\n{DOCUMENT}"
            );
            let name: ConnectorName = "ROOM".parse().expect("a name");
            let config = ConnectorConfig::parse(&name, "ROOM.toml", &text).expect("a document");
            let values = BTreeMap::from([("system".to_owned(), Resolved::Text("fuzz".into()))]);
            let tokens = Tokens::of(&config, Path::new("."), |_| LastUse::default());
            let tokens = tokens.expect("a hash is a token");
            let plugin = Arc::new(Plugin::linked::<Fake>("fake", "1.0.0"));
            let clock = || jiff::Timestamp::UNIX_EPOCH;
            let longest = Duration::from_secs(5);
            let steps = Steps::default();
            let binding = Binding::new(config, tokens, values, steps, plugin, clock, longest)
                .expect("a connector");
            let limits = Limits {
                body_bytes: 1 << 14,
                header_seconds: 10,
                body_seconds: 4,
                request_seconds: 8,
                connections: 16,
                requests: 16,
                shutdown_seconds: 20,
            };
            let web = Web::new(&limits, clock());
            web.set(name, Endpoint::Bound(Arc::clone(&binding)));
            (web, binding)
        });
        let room = Room { runtime, system, binding, web, before };
        room.start_again();
        room
    }

    /// Puts the system and the host back to where each input finds them.
    fn start_again(&self) {
        {
            let mut state = self.system.state();
            state.entries = self.before.clone();
            state.next = NEXT;
            state.journal.clear();
            state.exported.clear();
        }
        let binding = Arc::clone(&self.binding);
        let imported = self.runtime.block_on(async {
            tokio::task::spawn_blocking(move || binding.import()).await.expect("an import ends")
        });
        assert!(imported, "the import after an input");
    }
}

static ROOM: LazyLock<Mutex<Room>> = LazyLock::new(|| Mutex::new(Room::new()));

pub(crate) fn run(input: &[u8]) -> Worth {
    let Some(request) = read(input) else { return Worth::Nothing };
    let room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    let is_head = request.method() == Method::HEAD;
    let (response, body) = room.runtime.block_on(async {
        let Ok(response) = room.web.front().oneshot(request).await;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("the body is in memory");
        (Response::from_parts(head, ()), body)
    });
    check(&response, &body, is_head);
    if room.system.state().entries != room.before {
        room.start_again();
    }
    Worth::Keeping
}

/// The request that the bytes are, if HTTP has such a one.
fn read(input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|two| two == b"\n\n");
    let (head, body) = match end {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let target = match target.strip_prefix('/') {
        Some(whole) if whole.starts_with('/') => whole.to_owned(),
        _ => format!("{BASE}{target}"),
    };
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in [("host", "host.test"), ("authorization", "Bearer token")] {
        if !request.headers_ref()?.contains_key(name) && !mentions(head, name) {
            request = request.header(name, value);
        }
    }
    for line in lines {
        let (name, value) = line.split_once(':')?;
        request = request.header(name, value.trim());
    }
    request.body(Body::from(body.to_vec())).ok()
}

/// Whether a header of that name is given, so that none is added.
fn mentions(head: &[u8], name: &str) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.any(|line| {
        line.get(..name.len()).is_some_and(|is| is.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// What holds for every answer.
fn check(response: &Response<()>, body: &[u8], is_head: bool) {
    let status = response.status().as_u16();
    let shown = String::from_utf8_lossy(body);
    assert!(STATUSES.contains(&status), "status {status}: {shown}");
    if body.is_empty() {
        let may_be = is_head || matches!(status, 204 | 304 | 405);
        assert!(may_be, "status {status} without a body");
        return;
    }
    assert!(!matches!(status, 204 | 304), "status {status} with a body");
    let kind = response.headers().get("content-type").map(|kind| kind.as_bytes());
    let json: Json =
        serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {shown}"));
    if kind != Some(b"application/scim+json") {
        // Only the health of the process is told in plain JSON.
        assert!(kind == Some(b"application/json") && json.get("status").is_some(), "{kind:?}");
        return;
    }
    if status >= 400 {
        let schema = "urn:ietf:params:scim:api:messages:2.0:Error";
        assert_eq!(json["schemas"], json!([schema]), "{shown}");
        assert_eq!(json["status"], status.to_string(), "{shown}");
        assert!(json["detail"].as_str().is_some_and(|text| text.len() > 5), "{shown}");
    } else {
        assert!(json["schemas"].is_array(), "{shown}");
    }
}
