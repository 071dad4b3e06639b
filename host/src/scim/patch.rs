//! Applies a PATCH (RFC 7644 §3.5.2) to a resource, all of it or nothing.
//!
//! # To add a quirk
//!
//! Clients differ in two ways, and each has its place:
//! - *the shape of a value* (a boolean as text, a list around one value, JSON within text): one row
//!   of the table at the top of `dialect.rs` and one arm below it;
//! - *what an operation means* (a filter that finds nothing makes its element, members listed in
//!   a `remove`): `draft.rs` or `lists.rs`, at the rule of the RFC that it bends, with the client's name.
//!
//! Then the request as it was seen becomes a row of the table of tests below.
//!
//! | quirk | where |
//! |---|---|
//! | `op` in any case, members nobody knows | `message.rs` |
//! | dotted names, URNs and value filters as names in a value without a path | `Draft::spread` |
//! | `id` and `meta` repeated in a value without a path (Okta) | `Draft::spread` |
//! | `manager` without the URN of its extension | `ResourceSchemas::find` |
//! | attributes that nobody knows are passed over | `Draft::place` |
//! | a filter that finds nothing makes the element it describes | `lists::write_matching` |
//! | a complex value is merged, also by `replace` | `Draft::write_value`, `lists::write_matching` |
//! | `remove` with a list of values removes only these | `lists::subtract` |
//! | `primary: true` clears it elsewhere | `lists::keep_one_primary` |

use super::draft::{Apart, Draft};
use super::message::{PatchKind, PatchOp, PatchRequest};
use super::path::Path;
use super::schemas::ResourceSchemas;
use super::write::check_still_required;
use super::{Error, Resource, ScimType};
use serde_json::{Map, Value};

/// What a PATCH did.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched {
    /// The paths that the client named, in the schema's spelling; unknown ones are not among them.
    /// Of a complex attribute they are the sub-attributes that the value held.
    pub named: Vec<Path>,
    /// Whether the resource is another than before.
    pub changed: bool,
    /// What is to be done to the lists that stand apart, in this order.
    pub edits: Vec<Apart>,
}

/// Applies the operations in their order. After an error the resource is as it was.
///
/// Lists at the paths in `apart` are not part of the resource: what the operations do to them is
/// answered.
pub fn apply(
    resource: &mut Resource,
    request: &PatchRequest,
    schemas: &ResourceSchemas,
    apart: &[Path],
) -> Result<Patched, Error> {
    let changes: usize = request.operations.iter().map(weight).sum();
    if changes > MOST_CHANGES {
        let detail = format!("{changes} changes in one request are more than {MOST_CHANGES}");
        return Err(Error::new(ScimType::TooMany, detail));
    }
    let mut draft = Draft::patching(resource.clone(), schemas, apart);
    for operation in &request.operations {
        operate(&mut draft, operation)?;
    }
    check_still_required(resource, &draft.resource, schemas)?;
    let changed = draft.resource != *resource;
    if changed {
        if draft.resource.as_map().contains_key("schemas") {
            draft.resource.declare_schemas(schemas);
        }
        *resource = draft.resource;
    }
    Ok(Patched { named: draft.named, changed, edits: draft.edits })
}

/// Each change looks through what those before it made: many at once would keep a thread busy for
/// long.
const MOST_CHANGES: usize = 2000;

/// How many changes an operation makes: one, or one for each name in a value without a path.
fn weight(operation: &PatchOp) -> usize {
    let names = |value: &Value| match value {
        Value::Object(parts) => {
            parts.values().map(|part| 1 + part.as_object().map_or(0, Map::len)).sum()
        }
        _ => 1,
    };
    match (&operation.path, &operation.value) {
        (None, Some(value)) => names(value),
        _ => 1,
    }
}

fn operate(draft: &mut Draft<'_>, operation: &PatchOp) -> Result<(), Error> {
    let value = operation.value.clone();
    match (&operation.path, operation.kind) {
        (Some(path), kind) => draft.place(kind, &Path::parse(path)?, value),
        (None, PatchKind::Remove) => {
            Err(Error::new(ScimType::NoTarget, "an operation that removes needs a path"))
        }
        (None, kind) => draft.spread(kind, None, value.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::{AttributeDefinition, AttributeKind, Mutability, Schema};
    use super::super::standard::{self, ENTERPRISE_USER};
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const HOST: &str = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";

    fn user_schemas() -> ResourceSchemas {
        let host = Schema {
            id: HOST.into(),
            name: "User".into(),
            description: String::new(),
            attributes: vec![
                AttributeDefinition::new("FullName", AttributeKind::String),
                AttributeDefinition::new("Level", AttributeKind::Integer),
                AttributeDefinition::new("tags", AttributeKind::String).multi_valued(),
                AttributeDefinition::new("Badge", AttributeKind::String)
                    .mutability(Mutability::Immutable),
            ],
        };
        let extensions = vec![(standard::enterprise_user(), false), (host, false)];
        ResourceSchemas::new(standard::user(), extensions)
    }

    fn run(
        schemas: &ResourceSchemas,
        before: &Value,
        operations: &Value,
    ) -> Result<(Value, Patched), Error> {
        let mut resource: Resource = serde_json::from_value(before.clone()).unwrap();
        let request = PatchRequest::try_from(json!({"Operations": operations}))?;
        match apply(&mut resource, &request, schemas, &[]) {
            Ok(patched) => Ok((resource.into(), patched)),
            Err(error) => {
                assert_eq!(&Value::from(resource), before, "a refused PATCH changes nothing");
                Err(error)
            }
        }
    }

    /// Applies to `{"userName": "kim"}` with the given attributes; expects these attributes.
    fn check(before: Value, operations: Value, expected: Value) {
        let with_name = |mut value: Value| {
            value["userName"] = value.get("userName").cloned().unwrap_or("kim".into());
            value
        };
        let (before, expected) = (with_name(before), with_name(expected));
        let (after, patched) = run(&user_schemas(), &before, &operations)
            .unwrap_or_else(|error| panic!("{operations}: {error}"));
        assert_eq!(after, expected, "{operations}");
        assert_eq!(patched.changed, before != after, "{operations}");
    }

    fn refused(before: Value, operations: Value, expected: ScimType) {
        let error = run(&user_schemas(), &before, &operations).unwrap_err();
        assert_eq!(error.scim_type, Some(expected), "{operations}: {error}");
    }

    #[test]
    fn entra_without_the_flag() {
        check(
            json!({"active": true, "name": {"givenName": "Kim", "familyName": "Lee"},
                   "emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "h"}]}),
            json!([
                {"op": "Replace", "path": "displayName", "value": "Kim L."},
                {"op": "Replace", "path": "name.familyName", "value": "Li"},
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "k"},
                {"op": "Add", "path": format!("{ENTERPRISE_USER}:employeeNumber"), "value": "43"},
                {"op": "Replace", "path": format!("{HOST}:FullName"), "value": "Kim Li"},
                {"op": "Replace", "path": "active", "value": "False"}
            ]),
            json!({"active": false, "displayName": "Kim L.",
                   "name": {"givenName": "Kim", "familyName": "Li"},
                   "emails": [{"type": "work", "value": "k"}, {"type": "home", "value": "h"}],
                   ENTERPRISE_USER: {"employeeNumber": "43"}, HOST: {"FullName": "Kim Li"}}),
        );
        check(
            json!({}),
            json!([{"op": "Replace", "path": "displayName", "value": [{"$ref": null, "value": "Kim"}]}]),
            json!({"displayName": "Kim"}),
        );
        check(
            json!({}),
            json!([{"op": "Add", "path": "title", "value": ["Dr"]}]),
            json!({"title": "Dr"}),
        );
    }

    #[test]
    fn entra_with_the_flag() {
        check(
            json!({"active": true, "emails": [{"type": "work", "value": "a"}]}),
            json!([
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "k"},
                {"op": "replace", "value": {"displayName": "Kim", "name.givenName": "Kim",
                    "name.familyName": "Li", "active": false, "emails[type eq \"home\"].value": "h",
                    format!("{ENTERPRISE_USER}:employeeNumber"): "44", "nobody.knows": 1, "a b": 2}},
                {"op": "add", "path": "nickName", "value": "K"}
            ]),
            json!({"active": false, "displayName": "Kim", "nickName": "K",
                   "name": {"givenName": "Kim", "familyName": "Li"},
                   "emails": [{"type": "work", "value": "k"}, {"type": "home", "value": "h"}],
                   ENTERPRISE_USER: {"employeeNumber": "44"}}),
        );
        check(json!({"active": true}), json!([]), json!({"active": true}));
        check(
            json!({}),
            json!([{"op": "replace", "value": {"id": "7", "displayName": "G", "schemas": ["x"]}}]),
            json!({"displayName": "G"}),
        );
        check(
            json!({}),
            json!([{"op": "replace", "value": {ENTERPRISE_USER: {"Division": "d"}}},
                   {"op": "add", "path": HOST, "value": {"fullname": "f", "LEVEL": "3"}},
                   {"op": "add", "value": "{\"title\": \"Dr\"}"}]),
            json!({"title": "Dr", ENTERPRISE_USER: {"division": "d"}, HOST: {"FullName": "f", "Level": 3}}),
        );
    }

    #[test]
    fn managers_in_every_dialect() {
        let with = |value: Value| json!({ENTERPRISE_USER: {"manager": value}});
        let urn = format!("{ENTERPRISE_USER}:manager");
        let old = || with(json!({"value": "m1", "displayName": "Max", "$ref": "../m1"}));
        let new = || with(json!({"value": "m2"}));
        for (path, value) in [
            ("manager", json!([{"$ref": "http://x/Users/m2", "value": "m2"}])),
            (&urn, json!({"value": "m2"})),
            (&urn, json!("m2")),
            (&format!("{urn}.value"), json!("m2")),
            (&urn, json!("{\"value\": \"m2\"}")),
        ] {
            let mut expected = new();
            if path == "manager" {
                expected[ENTERPRISE_USER]["manager"]["$ref"] = json!("http://x/Users/m2");
            }
            for op in ["add", "Replace"] {
                check(old(), json!([{"op": op, "path": path, "value": value}]), expected.clone());
            }
        }
        for value in [
            json!(""),
            json!(null),
            json!({"value": ""}),
            json!([]),
            json!({}),
            json!([{"value": null}]),
        ] {
            check(old(), json!([{"op": "replace", "path": urn, "value": value}]), json!({}));
        }
        check(old(), json!([{"op": "Remove", "path": "manager", "value": "m1"}]), json!({}));
        check(old(), json!([{"op": "remove", "path": "manager.value"}]), json!({}));
        check(old(), json!([{"op": "remove", "path": ENTERPRISE_USER}]), json!({}));
    }

    #[test]
    fn clearing_and_order() {
        for value in [json!(""), json!(null), json!([])] {
            check(
                json!({"title": "x"}),
                json!([{"op": "replace", "path": "title", "value": value}]),
                json!({}),
            );
            check(
                json!({"emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b"}]}),
                json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": value}]),
                json!({"emails": [{"type": "home", "value": "b"}]}),
            );
            check(
                json!({"name": {"givenName": "x"}}),
                json!([{"op": "replace", "path": "name.givenName", "value": value}]),
                json!({}),
            );
        }
        check(
            json!({"title": "x"}),
            json!([{"op": "remove", "path": "title"}, {"op": "add", "path": "title", "value": "y"},
                   {"op": "replace", "path": "title", "value": "z"}]),
            json!({"title": "z"}),
        );
        check(
            json!({}),
            json!([{"op": "remove", "path": "userName"}, {"op": "add", "path": "userName", "value": "new"}]),
            json!({"userName": "new"}),
        );
        check(json!({}), json!([{"op": "remove", "path": "title"}]), json!({}));
    }

    #[test]
    fn filters_make_the_element_they_describe() {
        check(
            json!({"roles": [{"primary": true, "value": "old"}]}),
            json!([{"op": "add", "path": "emails[type eq \"work\"].value", "value": "k"},
                   {"op": "Add", "path": "roles[primary eq \"True\"].display", "value": "R"},
                   {"op": "replace", "path": "phoneNumbers[TYPE eq \"fax\" and primary eq true].Value", "value": "1"},
                   {"op": "add", "path": "addresses[type eq \"work\"]", "value": {"locality": "Rome"}},
                   {"op": "add", "path": "x509Certificates[primary eq true].value", "value": "AA"}]),
            json!({"emails": [{"type": "work", "value": "k"}],
                   "roles": [{"primary": true, "value": "old", "display": "R"}],
                   "phoneNumbers": [{"type": "fax", "primary": true, "value": "1"}],
                   "addresses": [{"type": "work", "locality": "Rome"}],
                   "x509Certificates": [{"primary": true, "value": "AA"}]}),
        );
        let none = || json!({"emails": [{"type": "home", "value": "h"}]});
        let at = |path: &str| json!([{"op": "replace", "path": path, "value": "k"}]);
        refused(none(), at("emails[type sw \"work\"].value"), ScimType::NoTarget);
        refused(none(), at("emails[type eq \"a\" or type eq \"b\"].value"), ScimType::NoTarget);
        let both = "emails[type eq \"work\" and type eq \"fax\"].value";
        refused(none(), at(both), ScimType::NoTarget);
        refused(none(), at("emails[nope eq \"a\"].value"), ScimType::NoTarget);
        let gone = json!([{"op": "remove", "path": "emails[type eq \"work\"]"}]);
        refused(none(), gone, ScimType::NoTarget);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let op =
            |op: &str, path: &str, value: Value| json!([{"op": op, "path": path, "value": value}]);
        let user = || json!({"userName": "kim", HOST: {"Badge": "b"}});
        refused(user(), op("replace", "id", json!("x")), ScimType::Mutability);
        refused(user(), op("remove", "groups", json!(null)), ScimType::Mutability);
        refused(user(), op("replace", "meta.created", json!("x")), ScimType::Mutability);
        refused(user(), op("replace", "manager.displayName", json!("x")), ScimType::Mutability);
        refused(user(), op("remove", "userName", json!(null)), ScimType::Mutability);
        refused(user(), op("replace", "userName", json!("")), ScimType::Mutability);
        refused(user(), op("replace", &format!("{HOST}:badge"), json!("c")), ScimType::Mutability);
        refused(user(), op("remove", HOST, json!(null)), ScimType::Mutability);
        refused(user(), op("replace", "emails[", json!("x")), ScimType::InvalidPath);
        refused(user(), op("replace", "title[value eq 1]", json!("x")), ScimType::InvalidPath);
        refused(user(), op("replace", "active", json!("maybe")), ScimType::InvalidValue);
        refused(user(), op("replace", "title", json!(["a", "b"])), ScimType::InvalidValue);
        refused(user(), op("replace", "name", json!("Kim")), ScimType::InvalidValue);
        refused(user(), json!([{"op": "remove"}]), ScimType::NoTarget);
        refused(user(), json!([{"op": "add", "value": 7}]), ScimType::InvalidValue);
        let late =
            json!([{"op": "add", "path": "title", "value": "x"}, {"op": "remove", "path": "["}]);
        refused(user(), late, ScimType::InvalidPath);
        check(
            json!({HOST: {"Badge": "b"}}),
            op("replace", &format!("{HOST}:badge"), json!("b")),
            json!({HOST: {"Badge": "b"}}),
        );
        check(json!({}), op("add", "nobodyKnows.this", json!("x")), json!({}));
    }

    #[test]
    fn named_paths_are_told_even_without_a_change() {
        let operations = json!([
            {"op": "replace", "path": "USERNAME", "value": "kim"},
            {"op": "add", "path": "Emails[TYPE eq \"work\"].VALUE", "value": "k"},
            {"op": "replace", "value": {"NAME": {"GivenName": "K"}, "nobody": 1}},
            {"op": "remove", "path": "TITLE"}
        ]);
        let before = json!({"userName": "kim", "emails": [{"type": "work", "value": "k"}],
                            "name": {"givenName": "K"}});
        let (_, patched) = run(&user_schemas(), &before, &operations).unwrap();
        let named: Vec<_> = patched.named.iter().map(Path::to_string).collect();
        let work = "emails[type eq \"work\"].value";
        assert_eq!(named, ["userName", work, "name.givenName", "title"]);
        assert!(!patched.changed);
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "|True|work|\\{\"value\":\"x\"\\}|[a-z]{1,3}".prop_map(Value::from),
        ];
        let name =
            prop::sample::select(vec!["value", "type", "primary", "givenName", "emails", "id"]);
        leaf.prop_recursive(3, 12, 3, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(name.clone(), inner, 0..3).prop_map(|map| {
                    map.into_iter()
                        .map(|(k, v)| (k.to_owned(), v))
                        .collect::<serde_json::Map<_, _>>()
                        .into()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_patch_leaves_one_primary_and_no_nulls(
            operations in prop::collection::vec((
                prop::sample::select(vec!["add", "replace", "remove"]),
                prop::sample::select(vec![
                    "emails", "emails[type eq \"work\"]", "emails[primary eq true].value", "emails.value",
                    "emails[not (type eq \"work\")].primary", "name", "name.givenName", "active",
                    "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User:tags[value eq \"a\"]",
                    "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User:tags", "",
                ]),
                anything(),
            ), 0..6),
        ) {
            let before = json!({"userName": "kim", "emails": [{"type": "work", "value": "a", "primary": true}]});
            let operations: Vec<_> = operations.into_iter()
                .map(|(op, path, value)| json!({"op": op, "path": path, "value": value}))
                .collect();
            if let Ok((after, _)) = run(&user_schemas(), &before, &json!(operations)) {
                let text = after.to_string();
                prop_assert!(!text.contains("null") && !text.contains("{}") && !text.contains("[]"), "{text}");
                let emails = after["emails"].as_array().cloned().unwrap_or_default();
                let primary = emails.iter().filter(|one| one["primary"] == json!(true)).count();
                prop_assert!(primary <= 1, "{}", text);
            }
        }
    }
}
