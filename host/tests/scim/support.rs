//! Short ways to ask, and what every answer has in common.

use crate::{
    room::{Answer, Host},
    target::target,
};
use ecma_plugin_sdk::testkit::System;
use serde_json::{Value as Json, json};

pub(crate) const BASE: &str = "https://host.test/ecma2host_ROOM/scim";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const OWN: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";

/// A host in front of Ada, Grace and Mary.
pub(crate) struct Scim {
    pub(crate) system: System,
    pub(crate) host: Host,
}

impl Scim {
    pub(crate) async fn new(name: &str) -> Scim {
        let (system, host) = target(name).await;
        Scim { system, host }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    pub(crate) async fn with(&self, method: &str, path: &str, body: Json) -> Answer {
        self.send(method, path, Some(&body), &[]).await
    }

    /// A PATCH of Ada.
    pub(crate) async fn patch(&self, operations: Json) -> Answer {
        self.with("PATCH", "/Users/user.1", json!({"Operations": operations})).await
    }

    /// Asks, and checks what holds for every answer.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let answer = self.host.ask(method, path, body, headers).await;
        let kind = answer.header("content-type");
        let empty = answer.body.is_null();
        let place = format!("{method} {path}: {answer:?}");
        assert!(empty || kind == "application/scim+json", "{place}");
        assert!(empty || !nulls(&answer.body), "{place}");
        if answer.status >= 400 && method != "HEAD" {
            let schema = "urn:ietf:params:scim:api:messages:2.0:Error";
            assert_eq!(answer.body["schemas"], json!([schema]), "{place}");
            assert_eq!(answer.body["status"], answer.status.to_string(), "{place}");
            assert!(answer.body["detail"].as_str().is_some_and(|text| text.len() > 5), "{place}");
        }
        answer
    }

    /// The ids that a filter finds.
    pub(crate) async fn found(&self, filter: &str) -> Vec<String> {
        let query: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let answer = self.get(&format!("/Users?filter={query}")).await;
        assert_eq!(answer.status, 200, "{filter}: {answer:?}");
        let ids = ids(&answer.body);
        assert_eq!(answer.body["totalResults"], ids.len(), "{filter}");
        ids
    }
}

/// The ids of a list, without the type in front.
pub(crate) fn ids(list: &Json) -> Vec<String> {
    let resources = list["Resources"].as_array().unwrap();
    let id = |resource: &Json| resource["id"].as_str().unwrap().replace("user.", "");
    resources.iter().map(id).collect()
}

/// Whether there is a null anywhere: discovery clients stumble over it.
fn nulls(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(list) => list.iter().any(nulls),
        Json::Object(members) => members.values().any(nulls),
        _ => false,
    }
}
