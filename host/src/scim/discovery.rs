//! What a server says of itself: resource types (RFC 7643 §6) and the service provider
//! configuration (RFC 7643 §5, RFC 9865 §4 for paging).

use super::schemas::ResourceSchemas;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A kind of resource and its endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceType {
    /// Its name, which is its id as well: `User`.
    pub name: String,
    /// A sentence for people.
    pub description: String,
    /// Its endpoint under the base URL: `/Users`.
    pub endpoint: String,
    /// Its schemas.
    pub schemas: ResourceSchemas,
}

impl ResourceType {
    /// The URN of the message.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

    /// The resource that the endpoint shows; `base` is the URL in front of `/ResourceTypes`.
    pub fn to_json(&self, base: &str) -> Value {
        let extensions: Vec<_> = self
            .schemas
            .extensions()
            .iter()
            .map(|one| json!({"schema": one.schema.id, "required": one.required}))
            .collect();
        let location = format!("{base}/ResourceTypes/{}", self.name);
        json!({
            "schemas": [Self::SCHEMA],
            "id": self.name,
            "name": self.name,
            "description": self.description,
            "endpoint": self.endpoint,
            "schema": self.schemas.core().id,
            "schemaExtensions": extensions,
            "meta": {"resourceType": "ResourceType", "location": location},
        })
    }
}

/// The bounds of bulk requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bulk {
    /// Whether there are any.
    pub supported: bool,
    /// How many operations one may hold.
    pub max_operations: u64,
    /// How many bytes one may have.
    pub max_payload_size: u64,
}

/// The bounds of paging (RFC 9865 §4).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Whether pages are reached by cursor.
    pub cursor: bool,
    /// Whether pages are reached by index.
    pub index: bool,
    /// Which of the two is used when a client does not say: `index` or `cursor`.
    pub default_pagination_method: &'static str,
    /// How many resources a page holds when a client does not say.
    pub default_page_size: u64,
    /// How many resources a page holds at most.
    pub max_page_size: u64,
}

/// One way to authenticate.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationScheme {
    /// `oauthbearertoken` and its kin.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name for people.
    pub name: String,
    /// A sentence for people.
    pub description: String,
    /// Whether it is the preferred one.
    pub primary: bool,
}

impl AuthenticationScheme {
    /// A token in the `Authorization` header.
    pub fn bearer(description: impl Into<String>) -> Self {
        Self {
            kind: "oauthbearertoken".into(),
            name: "Bearer token".into(),
            description: description.into(),
            primary: true,
        }
    }
}

/// What of the protocol is supported.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceProviderConfig {
    /// Where people read on.
    pub documentation: Option<String>,
    /// Whether PATCH is.
    pub patch: bool,
    /// Bulk requests.
    pub bulk: Bulk,
    /// How many resources a filter may yield; none means filters are not supported.
    pub filter_max_results: Option<u64>,
    /// Whether passwords can be changed.
    pub change_password: bool,
    /// Whether lists can be sorted.
    pub sort: bool,
    /// Whether versions are checked.
    pub etag: bool,
    /// How lists are paged.
    pub pagination: Pagination,
    /// How a client authenticates.
    pub authentication_schemes: Vec<AuthenticationScheme>,
}

impl ServiceProviderConfig {
    /// The URN of the message.
    pub const SCHEMA: &'static str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

    /// The resource that the endpoint shows; `base` is the URL in front of it.
    pub fn to_json(&self, base: &str) -> Value {
        let supported = |yes: bool| json!({"supported": yes});
        let filter = json!({
            "supported": self.filter_max_results.is_some(),
            "maxResults": self.filter_max_results.unwrap_or(0),
        });
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("schemas", json!([Self::SCHEMA]));
        if let Some(url) = &self.documentation {
            put("documentationUri", json!(url));
        }
        put("patch", supported(self.patch));
        put("bulk", json!(self.bulk));
        put("filter", filter);
        put("changePassword", supported(self.change_password));
        put("sort", supported(self.sort));
        put("etag", supported(self.etag));
        put("pagination", json!(self.pagination));
        put("authenticationSchemes", json!(self.authentication_schemes));
        let location = format!("{base}/ServiceProviderConfig");
        put("meta", json!({"resourceType": "ServiceProviderConfig", "location": location}));
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::standard;
    use super::*;

    #[test]
    fn a_resource_type_names_its_schemas() {
        let extensions = vec![(standard::enterprise_user(), false)];
        let kind = ResourceType {
            name: "User".into(),
            description: "People".into(),
            endpoint: "/Users".into(),
            schemas: ResourceSchemas::new(standard::user(), extensions),
        };
        let json = kind.to_json("https://h/scim");
        assert_eq!(json["schema"], standard::USER);
        assert_eq!(
            json["schemaExtensions"],
            json!([{"schema": standard::ENTERPRISE_USER, "required": false}])
        );
        assert_eq!(json["meta"]["location"], "https://h/scim/ResourceTypes/User");
    }

    #[test]
    fn the_configuration_has_every_required_part_and_no_nulls() {
        let config = ServiceProviderConfig {
            documentation: None,
            patch: true,
            bulk: Bulk { supported: false, max_operations: 0, max_payload_size: 0 },
            filter_max_results: Some(1000),
            change_password: false,
            sort: false,
            etag: true,
            pagination: Pagination {
                cursor: true,
                index: true,
                default_pagination_method: "index",
                default_page_size: 100,
                max_page_size: 1000,
            },
            authentication_schemes: vec![AuthenticationScheme::bearer("made by the operator")],
        };
        let json = config.to_json("https://h/scim");
        for name in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
            assert!(json[name]["supported"].is_boolean(), "{name}");
        }
        assert_eq!(json["authenticationSchemes"][0]["type"], "oauthbearertoken");
        assert!(!json.to_string().contains("null"));
    }
}
