//! The real router without a socket, over a connected system in memory.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request},
};
use ecma_host::{
    binding::{Binding, Clock, LastUse, Steps, Tokens},
    config::{ConnectorConfig, ConnectorName, Limits, Resolved, TokenHash},
    web::{Endpoint, Web},
};
use ecma_plugin_sdk::Plugin;
use serde_json::Value as Json;
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tower::ServiceExt;

/// The token of every connector here, with characters that a bearer token need not have.
pub(crate) const TOKEN: &str = "kite (7) & \"lamp\"";

/// A host with one connector, `ROOM`.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) binding: Arc<Binding>,
    pub(crate) web: Arc<Web>,
}

/// What a host is made of; tests change what they are about.
pub(crate) struct Setup {
    pub(crate) plugin: Plugin,
    /// The name of the system behind the connector.
    pub(crate) system: String,
    /// The connector's document below plugin, token and values.
    pub(crate) document: String,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    /// How long a filter may look at every entry.
    pub(crate) scan: Duration,
}

impl Setup {
    pub(crate) fn new(plugin: Plugin, system: &str, document: &str) -> Setup {
        let limits = Limits {
            body_bytes: 1 << 16,
            header_seconds: 10,
            body_seconds: 30,
            request_seconds: 60,
            connections: 16,
            requests: 4096,
            shutdown_seconds: 20,
        };
        Setup {
            plugin,
            system: system.to_owned(),
            document: document.to_owned(),
            clock: || jiff::Timestamp::from_second(1_750_000_000).unwrap(),
            limits,
            scan: Duration::from_secs(20),
        }
    }

    /// The host; nothing has been imported yet.
    pub(crate) fn host(self) -> Host {
        let web = Web::new(&self.limits, (self.clock)());
        let binding = self.bind();
        web.set(binding.name().clone(), Endpoint::Bound(Arc::clone(&binding)));
        Host { binding, web }
    }

    /// The binding alone.
    pub(crate) fn bind(self) -> Arc<Binding> {
        let token = TokenHash::new(TOKEN);
        let text = format!(
            "plugin = \"fake\"\ntoken = \"{token}\"\nautosync = 0\nvalues = {{ system = \"{}\" }}\n{}",
            self.system, self.document
        );
        let name: ConnectorName = "ROOM".parse().unwrap();
        let config = ConnectorConfig::parse(&name, "ROOM.toml", &text).unwrap();
        let values =
            BTreeMap::from([("system".to_owned(), Resolved::Text(self.system.as_str().into()))]);
        let tokens = Tokens::of(&config, Path::new("."), |_| LastUse::default()).unwrap();
        let plugin = Arc::new(self.plugin);
        Binding::new(config, tokens, values, Steps::default(), plugin, self.clock, self.scan)
            .unwrap()
    }
}

/// An answer with its body as JSON; null when there is none.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Json,
}

impl Host {
    /// Asks the connector, with its token. A body that is a text goes out as it is.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/ecma2host_ROOM/scim{path}"))
            .header("host", "host.test");
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {TOKEN}"));
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/scim+json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            None => Body::empty(),
            Some(Json::String(raw)) => Body::from(raw.clone()),
            Some(json) => Body::from(json.to_string()),
        };
        let response = self.web.front().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body =
            if bytes.is_empty() { Json::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Imports and answers whether it went well.
    pub(crate) async fn import(&self) -> bool {
        let binding = Arc::clone(&self.binding);
        tokio::task::spawn_blocking(move || binding.import()).await.unwrap()
    }
}

impl Answer {
    /// A header as text; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
