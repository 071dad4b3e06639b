//! What a client may put into a resource as a whole: POST (RFC 7644 §3.3) and PUT (§3.5.1).

use super::draft::{Apart, Draft, ListEdit};
use super::message::PatchKind;
use super::path::Path;
use super::schema::{AttributeDefinition, Mutability};
use super::schemas::ResourceSchemas;
use super::{Error, Resource, ScimType, dialect};
use serde_json::{Map, Value};

/// A resource as a client wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The resource in the schema's spelling.
    pub resource: Resource,
    /// The paths that the client named, in the schema's spelling.
    pub named: Vec<Path>,
    /// What the lists that stand apart shall be.
    pub edits: Vec<Apart>,
}

/// The resource that the body of a POST describes. Unknown attributes and those that only the
/// server writes are left out; a missing required attribute is `invalidValue`.
/// Lists at the paths in `apart` are answered apart.
pub fn create(body: Value, schemas: &ResourceSchemas, apart: &[Path]) -> Result<Written, Error> {
    let written = build(body, schemas, apart)?;
    check_required(&written.resource, schemas)?;
    Ok(written)
}

/// The resource that the body of a PUT makes of an old one. What only the server writes stays;
/// what can be set once must stay (`mutability`); the rest is as in the body, and absent is gone.
/// Lists at the paths in `apart` are answered apart.
pub fn replace(
    old: &Resource,
    body: Value,
    schemas: &ResourceSchemas,
    apart: &[Path],
) -> Result<Written, Error> {
    let mut written = build(body, schemas, apart)?;
    let emptied = (0..apart.len()).map(|at| (at, ListEdit::Replace(Vec::new())));
    written.edits = emptied.chain(written.edits).collect();
    for attribute in schemas.top() {
        keep(old, &mut written.resource, attribute, None)?;
    }
    for extension in schemas.extensions() {
        for attribute in &extension.schema.attributes {
            keep(old, &mut written.resource, attribute, Some(&extension.schema.id))?;
        }
    }
    written.resource.declare_schemas(schemas);
    check_required(&written.resource, schemas)?;
    Ok(written)
}

fn build(body: Value, schemas: &ResourceSchemas, apart: &[Path]) -> Result<Written, Error> {
    if !body.is_object() {
        return Err(Error::new(ScimType::InvalidSyntax, "the body is not an object"));
    }
    let mut draft = Draft::building(schemas, apart);
    draft.spread(PatchKind::Add, None, body)?;
    draft.resource.declare_schemas(schemas);
    Ok(Written { resource: draft.resource, named: draft.named, edits: draft.edits })
}

/// Carries over what a PUT may not change.
fn keep(
    old: &Resource,
    new: &mut Resource,
    attribute: &AttributeDefinition,
    extension: Option<&str>,
) -> Result<(), Error> {
    let Some(before) = scope(old, extension).and_then(|scope| scope.get(&attribute.name)) else {
        return Ok(());
    };
    let after = scope(new, extension).and_then(|scope| scope.get(&attribute.name));
    let kept = match (attribute.mutability, after) {
        (Mutability::ReadOnly, _) | (Mutability::Immutable, None) => before.clone(),
        (Mutability::Immutable, Some(after)) if after != before => {
            return Err(Error::mutability(&attribute.name, "cannot change once it is set"));
        }
        (_, Some(Value::Object(after))) => match before.as_object() {
            Some(before) if before.get("value") == after.get("value") => {
                let mut parts = after.clone();
                let fixed = attribute.sub_attributes.iter();
                for sub in fixed.filter(|sub| sub.mutability == Mutability::ReadOnly) {
                    if let Some(value) = before.get(&sub.name) {
                        parts.insert(sub.name.clone(), value.clone());
                    }
                }
                Value::Object(parts)
            }
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    new.scope(extension).insert(attribute.name.clone(), kept);
    Ok(())
}

fn scope<'r>(resource: &'r Resource, extension: Option<&str>) -> Option<&'r Map<String, Value>> {
    match extension {
        None => Some(resource.as_map()),
        Some(urn) => resource.as_map().get(urn)?.as_object(),
    }
}

fn check_required(resource: &Resource, schemas: &ResourceSchemas) -> Result<(), Error> {
    check_scope(resource.as_map(), schemas.top(), None)?;
    for extension in schemas.extensions() {
        let id = &extension.schema.id;
        match scope(resource, Some(id)) {
            Some(present) => check_scope(present, extension.schema.attributes.iter(), Some(id))?,
            None if extension.required => {
                return Err(Error::new(
                    ScimType::InvalidValue,
                    format!("the extension {id} is required and missing"),
                ));
            }
            None => {}
        }
    }
    Ok(())
}

fn check_scope<'s>(
    scope: &Map<String, Value>,
    attributes: impl Iterator<Item = &'s AttributeDefinition>,
    extension: Option<&str>,
) -> Result<(), Error> {
    for attribute in attributes.filter(|one| one.mutability != Mutability::ReadOnly) {
        let path = || Path { schema: extension.map(str::to_owned), ..Path::of(&attribute.name) };
        let missing = |path: Path| Error::value(path, "is required and missing");
        let value = scope.get(&attribute.name).filter(|value| !dialect::is_clear(value));
        let Some(value) = value else {
            if attribute.required {
                return Err(missing(path()));
            }
            continue;
        };
        for sub in attribute.sub_attributes.iter().filter(|sub| sub.required) {
            let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            if elements.iter().any(|element| element.get(&sub.name).is_none()) {
                return Err(missing(path().with_sub(&sub.name)));
            }
        }
    }
    Ok(())
}

/// Refuses a change that leaves a required attribute without the value it had
/// (RFC 7644 §3.5.2.2).
pub(super) fn check_still_required(
    before: &Resource,
    after: &Resource,
    schemas: &ResourceSchemas,
) -> Result<(), Error> {
    let core = schemas.top().map(|attribute| (None, attribute));
    let more = schemas.extensions().iter().flat_map(|one| {
        one.schema.attributes.iter().map(|attribute| (Some(one.schema.id.as_str()), attribute))
    });
    for (extension, attribute) in core.chain(more).filter(|(_, attribute)| attribute.required) {
        let has = |resource| {
            scope(resource, extension).is_some_and(|scope| scope.contains_key(&attribute.name))
        };
        if has(before) && !has(after) {
            return Err(Error::mutability(&attribute.name, "is required and cannot be removed"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::schema::AttributeKind;
    use super::super::standard::{self, ENTERPRISE_USER, USER};
    use super::*;
    use serde_json::json;

    fn schemas() -> ResourceSchemas {
        let mut core = standard::user();
        core.attributes.push(
            AttributeDefinition::new("badge", AttributeKind::String)
                .mutability(Mutability::Immutable),
        );
        ResourceSchemas::new(core, vec![(standard::enterprise_user(), false)])
    }

    fn check(body: Value, expected: Value) {
        assert_eq!(Value::from(create(body, &schemas(), &[]).unwrap().resource), expected);
    }

    #[test]
    fn a_post_is_brought_into_shape() {
        check(
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0User", "x"],
                "id": "mine", "meta": {"resourceType": "User"}, "groups": [{"value": "g"}],
                "UserName": "kim", "Active": "True", "RequestIdentifier": "0f", "no name": 1,
                "displayName": null, "title": "", "roles": [{"Primary": "True", "value": "r"}],
                "phoneNumbers": [], "name": {"GIVENNAME": "Kim", "familyName": null, "zip": 1},
                "URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User":
                    {"EmployeeNumber": 42, "manager": "m1", "division": null},
                "urn:unknown:2.0:User": {"x": 1}
            }),
            json!({
                "schemas": [USER, ENTERPRISE_USER], "userName": "kim", "active": true,
                "roles": [{"primary": true, "value": "r"}], "name": {"givenName": "Kim"},
                ENTERPRISE_USER: {"employeeNumber": "42", "manager": {"value": "m1"}}
            }),
        );
    }

    #[test]
    fn a_post_names_its_attributes() {
        let body = json!({"USERNAME": "kim", "name": {"GivenName": "K"}, "emails": [{"value": "x"}],
                          "manager": "m", "nope": 1});
        let mut named: Vec<_> =
            create(body, &schemas(), &[]).unwrap().named.iter().map(Path::to_string).collect();
        named.sort();
        let manager = format!("{ENTERPRISE_USER}:manager.value");
        assert_eq!(named, ["emails", "name.givenName", &manager, "userName"]);
    }

    #[test]
    fn a_bad_post_is_refused_with_the_attribute() {
        let check = |body: Value, expected: ScimType, attribute: &str| {
            let refused = create(body, &schemas(), &[]).unwrap_err();
            assert_eq!(refused.scim_type, Some(expected), "{refused}");
            assert!(refused.detail.contains(attribute), "{refused}");
        };
        check(json!([]), ScimType::InvalidSyntax, "body");
        check(json!({}), ScimType::InvalidValue, "userName");
        check(json!({"userName": ""}), ScimType::InvalidValue, "userName");
        check(json!({"userName": "k", "active": "maybe"}), ScimType::InvalidValue, "active");
        check(json!({"userName": ["a", "b"]}), ScimType::InvalidValue, "userName");
        check(json!({"userName": "k", "name": "Kim"}), ScimType::InvalidValue, "name");
        check(
            json!({"userName": "k", "emails": [{"primary": "x"}]}),
            ScimType::InvalidValue,
            "emails.primary",
        );
    }

    #[test]
    fn a_put_keeps_what_the_client_cannot_write() {
        let old: Resource = serde_json::from_value(json!({
            "schemas": [USER], "id": "1", "meta": {"version": "v"}, "userName": "kim", "title": "Dr",
            "badge": "b1", "groups": [{"value": "g"}],
            ENTERPRISE_USER: {"division": "d", "manager": {"value": "m", "displayName": "Max"}}
        }))
        .unwrap();
        let body = json!({"id": "2", "userName": "kim2", "groups": [],
                          ENTERPRISE_USER: {"manager": {"value": "m"}}});
        let new = replace(&old, body, &schemas(), &[]).unwrap();
        assert_eq!(
            Value::from(new.resource),
            json!({"schemas": [USER, ENTERPRISE_USER], "id": "1", "meta": {"version": "v"},
                   "userName": "kim2", "badge": "b1", "groups": [{"value": "g"}],
                   ENTERPRISE_USER: {"manager": {"value": "m", "displayName": "Max"}}})
        );
        let refused = |body| replace(&old, body, &schemas(), &[]).unwrap_err().scim_type;
        assert_eq!(refused(json!({"userName": "kim", "badge": "b2"})), Some(ScimType::Mutability));
        assert_eq!(refused(json!({"badge": "b1"})), Some(ScimType::InvalidValue));
    }
}
