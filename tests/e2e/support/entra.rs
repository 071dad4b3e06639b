//! A client that behaves like Entra's provisioning service.

use reqwest::{
    Method,
    blocking::{Client, RequestBuilder},
};
use serde_json::{Value, json};
use std::net::SocketAddr;

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ECMA: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";

/// A path in the extension of the target's own attributes.
pub(crate) fn extension(name: &str) -> String {
    format!("{ECMA}:{name}")
}

/// What the host answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) text: String,
    headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body, when the status is as expected.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The detail of a SCIM error with this status.
    #[track_caller]
    pub(crate) fn refused(self, status: u16) -> String {
        let retry = self.header("retry-after").map(|value| value.parse::<u32>().unwrap());
        assert!(status != 503 || retry.is_some_and(|seconds| seconds > 0), "{}", self.text);
        let body = self.expect(status);
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(body["status"], status.to_string());
        body["detail"].as_str().unwrap().to_owned()
    }
}

/// The client of one connector.
#[derive(Clone)]
pub(crate) struct Entra {
    client: Client,
    origin: String,
    base: String,
    token: String,
}

impl Entra {
    pub(crate) fn new(client: Client, address: SocketAddr, name: &str, token: String) -> Entra {
        let origin = format!("https://localhost:{}", address.port());
        let base = format!("{origin}/ecma2host_{name}/scim");
        Entra { client, origin, base, token }
    }

    pub(crate) fn with_token(mut self, token: &str) -> Entra {
        self.token = token.to_owned();
        self
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The URL a client is given.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A request without a token; a path that begins with two slashes is one of the server.
    pub(crate) fn bare(&self, method: &str, path: &str) -> RequestBuilder {
        let url = match path.strip_prefix('/') {
            Some(path) if path.starts_with('/') => format!("{}{path}", self.origin),
            _ => format!("{}{path}", self.base),
        };
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }

    /// A request with the token.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.bare(method, path).header("Authorization", format!("Bearer {}", self.token))
    }

    /// Sends a request that may fail on its way.
    pub(crate) fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, body, text, headers })
    }

    pub(crate) fn send(request: RequestBuilder) -> Answer {
        Self::try_send(request).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Self::send(self.request("GET", path))
    }

    /// A POST that is not sent yet.
    pub(crate) fn creating(&self, body: &Value) -> RequestBuilder {
        Self::with_body(self.request("POST", "/Users"), body)
    }

    pub(crate) fn create(&self, body: &Value) -> Answer {
        Self::send(self.creating(body))
    }

    pub(crate) fn user(&self, id: &str) -> Answer {
        self.get(&format!("/Users/{id}"))
    }

    pub(crate) fn put(&self, id: &str, body: &Value) -> Answer {
        Self::send(Self::with_body(self.request("PUT", &format!("/Users/{id}")), body))
    }

    pub(crate) fn patch(&self, id: &str, operations: Value) -> Answer {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        let body = json!({"schemas": schemas, "Operations": operations});
        Self::send(Self::with_body(self.request("PATCH", &format!("/Users/{id}")), &body))
    }

    pub(crate) fn delete(&self, id: &str) -> Answer {
        Self::send(self.request("DELETE", &format!("/Users/{id}")))
    }

    pub(crate) fn with_body(request: RequestBuilder, body: &Value) -> RequestBuilder {
        request.header("Content-Type", "application/scim+json").body(body.to_string())
    }

    /// The start of each cycle: a person that cannot be there.
    pub(crate) fn probe(&self) {
        let found = self.list("PLACEHOLDER eq \"4a7f0f3e-1f0a-4c0e-9d0b-2f6f5c1f8e11\"");
        assert_eq!(found["totalResults"], 0);
        assert_eq!(found["Resources"], json!([]));
    }

    /// What a filter finds.
    pub(crate) fn list(&self, filter: &str) -> Value {
        self.try_list(filter).expect(200)
    }

    pub(crate) fn try_list(&self, filter: &str) -> Answer {
        // As Entra writes queries: `+` for spaces, the rest percent-encoded.
        let filter: String = filter
            .bytes()
            .map(|byte| match byte {
                b' ' => "+".to_owned(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        self.get(&format!("/Users?filter={filter}"))
    }

    /// Finds a person by user name, as Entra matches: nobody or one.
    pub(crate) fn matched(&self, user_name: &str) -> Option<Value> {
        let found = self.list(&format!("userName eq \"{user_name}\""));
        let mut resources = found["Resources"].as_array().unwrap().clone();
        assert_eq!(found["totalResults"], resources.len());
        assert!(resources.len() < 2, "{user_name}: {found}");
        resources.pop()
    }

    /// Everybody's ids and versions, page by page.
    pub(crate) fn everybody(&self) -> Vec<(String, String)> {
        let mut everybody = Vec::new();
        loop {
            let start = everybody.len() + 1;
            let page = self.get(&format!("/Users?startIndex={start}&count=7")).expect(200);
            let resources = page["Resources"].as_array().unwrap();
            assert_eq!(page["startIndex"], start);
            assert_eq!(page["itemsPerPage"], resources.len());
            assert!(resources.len() <= 7);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            everybody
                .extend(resources.iter().map(|r| (text(&r["id"]), text(&r["meta"]["version"]))));
            if resources.is_empty() {
                assert_eq!(page["totalResults"], everybody.len());
                return everybody;
            }
        }
    }
}

/// A person as Entra posts one, with the target's own `badge`, and `id` for targets that make none.
pub(crate) fn person(user_name: &str, id: &str) -> Value {
    json!({
        "schemas": [CORE, ENTERPRISE],
        "externalId": "nobody-maps-this",
        "userName": user_name,
        "active": true,
        "displayName": "Zoë Ångström",
        "emails": [{"primary": true, "type": "work", "value": user_name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Zoë Ångström", "familyName": "Ångström", "givenName": "Zoë"},
        "roles": [],
        ENTERPRISE: {"department": "R&D, \"Optics\""},
        ECMA: {"id": id, "badge": "B-7"},
    })
}
