//! The resources that filters, paths and operations are tried on, and their schemas.

use ecma_host::scim::{
    self, AttributeDefinition, AttributeKind, Mutability, Resource, ResourceSchemas, Schema,
};
use serde_json::{Value, json};
use std::sync::LazyLock;

const OWN: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";

/// Users with the enterprise extension and one of our own with an attribute of each kind.
pub(crate) static USERS: LazyLock<ResourceSchemas> = LazyLock::new(|| {
    let own = Schema {
        id: OWN.into(),
        name: "User".into(),
        description: String::new(),
        attributes: vec![
            AttributeDefinition::new("FullName", AttributeKind::String),
            AttributeDefinition::new("Level", AttributeKind::Integer),
            AttributeDefinition::new("Score", AttributeKind::Decimal),
            AttributeDefinition::new("Hired", AttributeKind::DateTime),
            AttributeDefinition::new("IsActive", AttributeKind::Boolean),
            AttributeDefinition::new("Key", AttributeKind::Binary),
            AttributeDefinition::new("tags", AttributeKind::String).multi_valued(),
            AttributeDefinition::new("Badge", AttributeKind::String)
                .mutability(Mutability::Immutable),
        ],
    };
    ResourceSchemas::new(scim::user(), vec![(scim::enterprise_user(), false), (own, false)])
});

/// Groups.
pub(crate) static GROUPS: LazyLock<ResourceSchemas> =
    LazyLock::new(|| ResourceSchemas::new(scim::group(), vec![]));

fn resource(json: Value) -> Resource {
    serde_json::from_value(json).expect("an object is a resource")
}

/// A user with something in most attributes.
pub(crate) static USER: LazyLock<Resource> = LazyLock::new(|| {
    resource(json!({
        "schemas": [scim::USER, scim::ENTERPRISE_USER, OWN],
        "id": "user.1", "externalId": "ada-7", "userName": "ada@example.org", "active": true,
        "displayName": "Ada Lovelace", "title": "Countess",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"type": "work", "value": "ada@example.org", "primary": true},
                   {"type": "home", "value": "ada@home.example"}],
        "phoneNumbers": [{"type": "mobile", "value": "+44 1"}],
        "roles": [{"value": "a"}, {"value": "b", "display": "B"}],
        "meta": {"resourceType": "User", "created": "2024-02-29T12:00:00Z"},
        scim::ENTERPRISE_USER: {"employeeNumber": "42", "department": "Engines",
            "manager": {"value": "user.2", "displayName": "Grace", "$ref": "../Users/user.2"}},
        OWN: {"FullName": "Ada, Countess of Lovelace", "Level": 7, "Score": 2.5,
              "Hired": "2020-01-01T01:00:00+01:00", "IsActive": false, "Key": "AAEC",
              "tags": ["Red", "blue"], "Badge": "b1"},
    }))
});

/// A user with nothing but what each must have.
pub(crate) static NEWCOMER: LazyLock<Resource> =
    LazyLock::new(|| resource(json!({"id": "user.9", "userName": "kim"})));

/// A group with two members.
pub(crate) static GROUP: LazyLock<Resource> = LazyLock::new(|| {
    resource(json!({
        "schemas": [scim::GROUP], "id": "group.1", "displayName": "Engineers",
        "members": [{"value": "user.1", "type": "User"}, {"value": "user.2"}],
    }))
});
