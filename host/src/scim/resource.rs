//! The JSON of one resource, read and written by path. Names are taken in the schema's spelling
//! when written; reading forgives other cases.

use super::dialect;
use super::filter::Filter;
use super::path::Path;
use super::schema::AttributeDefinition;
use super::schemas::ResourceSchemas;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Attributes of the core schemas that hold lists; `put` writes them as such.
const PLURAL: [&str; 11] = [
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "members",
    "schemas",
];

/// One resource: what stands in the body of a SCIM message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource(pub(super) Map<String, Value>);

/// A path with what is known of it.
pub(super) struct Place<'p> {
    pub(super) extension: Option<&'p str>,
    pub(super) attribute: &'p str,
    pub(super) definition: Option<&'p AttributeDefinition>,
    pub(super) filter: Option<&'p Filter>,
    pub(super) sub: Option<&'p str>,
}

impl<'p> From<&'p Path> for Place<'p> {
    fn from(path: &'p Path) -> Self {
        Self {
            extension: path.extension(),
            attribute: &path.attribute,
            definition: None,
            filter: path.filter.as_deref(),
            sub: path.sub.as_deref(),
        }
    }
}

impl Resource {
    /// A resource without attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The JSON object.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The JSON object.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// The text of an attribute at the top, such as `id`.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        lookup(&self.0, attribute)?.as_str()
    }

    /// The values at a path: each element of a list, and of each element the sub-attribute.
    pub fn get(&self, path: &Path) -> Vec<&Value> {
        let mut values = Vec::new();
        self.visit(&path.into(), &mut |value| {
            values.push(value);
            false
        });
        values
    }

    /// Shows the values at a place to the visitor until it answers true.
    pub(super) fn visit<'r>(
        &'r self,
        place: &Place<'_>,
        visitor: &mut dyn FnMut(&'r Value) -> bool,
    ) -> bool {
        let scope = match place.extension {
            None => Some(&self.0),
            Some(urn) => match lookup(&self.0, urn) {
                Some(whole) if place.attribute.is_empty() => return visitor(whole),
                Some(whole) => whole.as_object(),
                None => None,
            },
        };
        let Some(value) = scope.and_then(|scope| lookup(scope, place.attribute)) else {
            return false;
        };
        visit_elements(value, &mut |element| {
            if place.filter.is_some_and(|wanted| !wanted.matches_element(element, place.definition))
            {
                return false;
            }
            match (place.sub, element) {
                (None, element) => visitor(element),
                (Some(sub), Value::Object(parts)) => {
                    lookup(parts, sub).is_some_and(|value| visit_elements(value, visitor))
                }
                (Some(sub), scalar) => sub.eq_ignore_ascii_case("value") && visitor(scalar),
            }
        })
    }

    /// Writes the values at a path, which is taken as canonical.
    ///
    /// No value removes. One value is written as it is and several as a list; the multi-valued
    /// attributes of RFC 7643 always hold a list. `emails.value` makes an element of each value;
    /// `emails[type eq "work"].value` finds the elements with that type or makes them.
    pub fn put(&mut self, path: &Path, values: Vec<Value>) {
        let plural = values.len() > 1
            || path.extension().is_none() && PLURAL.iter().any(|name| *name == path.attribute);
        self.write(path, values, plural);
    }

    /// Writes as [`Resource::put`] does, to an attribute that is known to be multi-valued.
    pub fn put_list(&mut self, path: &Path, values: Vec<Value>) {
        self.write(path, values, true);
    }

    fn write(&mut self, path: &Path, mut values: Vec<Value>, plural: bool) {
        values.retain(|value| !value.is_null());
        if values.is_empty() {
            return self.remove(path);
        }
        if path.attribute.is_empty() {
            if let (Some(urn), Some(whole)) = (path.extension(), values.pop()) {
                self.0.insert(urn.to_owned(), whole);
            }
            return;
        }
        let scope = self.scope(path.extension());
        match (&path.filter, &path.sub) {
            (Some(filter), sub) => {
                let list = list_at(scope, &path.attribute);
                let mut matching = (0..list.len())
                    .filter(|at| filter.matches_element(&list[*at], None))
                    .collect::<Vec<_>>()
                    .into_iter();
                for value in values {
                    let at = matching.next().unwrap_or_else(|| {
                        list.push(Value::Object(dialect::element_for(filter).unwrap_or_default()));
                        list.len() - 1
                    });
                    write_element(&mut list[at], sub.as_deref(), value);
                }
            }
            (None, Some(sub)) if plural => {
                let list = list_at(scope, &path.attribute);
                for (at, value) in values.into_iter().enumerate() {
                    if at == list.len() {
                        list.push(Value::Object(Map::new()));
                    }
                    write_element(&mut list[at], Some(sub), value);
                }
            }
            (None, Some(sub)) => {
                if let Some(value) = values.pop() {
                    object_at(scope, &path.attribute).insert(sub.clone(), value);
                }
            }
            (None, None) => {
                let value = match values.len() {
                    1 if !plural || values[0].is_array() => values.remove(0),
                    _ => Value::Array(values),
                };
                scope.insert(path.attribute.clone(), value);
            }
        }
    }

    /// Removes what is at a path, and what is left empty around it.
    pub fn remove(&mut self, path: &Path) {
        self.remove_at(&path.into());
    }

    /// Removes what is at a place; says whether the place's filter found something.
    pub(super) fn remove_at(&mut self, place: &Place<'_>) -> bool {
        let Some(scope) = self.existing_scope(place) else { return false };
        let found = match scope.get_mut(place.attribute) {
            None => false,
            Some(value) => {
                let (found, empty) = remove_within(value, place);
                if empty {
                    scope.remove(place.attribute);
                }
                found
            }
        };
        self.drop_empty_extension(place.extension);
        found
    }

    fn existing_scope(&mut self, place: &Place<'_>) -> Option<&mut Map<String, Value>> {
        match place.extension {
            None => Some(&mut self.0),
            Some(urn) if place.attribute.is_empty() => {
                self.0.remove(urn);
                None
            }
            Some(urn) => self.0.get_mut(urn)?.as_object_mut(),
        }
    }

    pub(super) fn drop_empty_extension(&mut self, urn: Option<&str>) {
        if let Some(urn) = urn
            && self.0.get(urn).and_then(Value::as_object).is_some_and(Map::is_empty)
        {
            self.0.remove(urn);
        }
    }

    /// The object that holds the attributes of an extension, or those at the top.
    pub(super) fn scope(&mut self, extension: Option<&str>) -> &mut Map<String, Value> {
        match extension {
            None => &mut self.0,
            Some(urn) => object_at(&mut self.0, urn),
        }
    }

    /// Sets `schemas` to the core schema and the extensions that the resource uses.
    pub fn declare_schemas(&mut self, schemas: &ResourceSchemas) {
        let used = schemas.extensions().iter().map(|one| &one.schema.id);
        let used = used.filter(|id| self.0.contains_key(id.as_str()));
        let urns = std::iter::once(&schemas.core().id).chain(used);
        let urns = urns.map(|id| Value::String(id.clone())).collect();
        self.0.insert("schemas".to_owned(), Value::Array(urns));
    }
}

impl From<Map<String, Value>> for Resource {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl From<Resource> for Value {
    fn from(resource: Resource) -> Self {
        Value::Object(resource.0)
    }
}

/// Removes within the value of an attribute: whether something matched, and whether nothing is left.
fn remove_within(value: &mut Value, place: &Place<'_>) -> (bool, bool) {
    let (filter, sub) = match (place.filter, place.sub) {
        (None, None) => return (true, true),
        other => other,
    };
    let mut found = false;
    let mut keep = |element: &mut Value| {
        if filter.is_some_and(|wanted| !wanted.matches_element(element, place.definition)) {
            return true;
        }
        found = true;
        match (sub, element) {
            (Some(sub), Value::Object(parts)) => {
                parts.remove(sub);
                !(parts.is_empty() || filter.is_some() && is_hollow(parts))
            }
            (Some(_), _) => true,
            (None, _) => false,
        }
    };
    let empty = match value {
        Value::Array(list) => {
            list.retain_mut(keep);
            list.is_empty()
        }
        single => !keep(single),
    };
    (found, empty)
}

/// Whether an element says nothing any more: only what kind of value it was.
pub(super) fn is_hollow(parts: &Map<String, Value>) -> bool {
    parts.keys().all(|name| name == "type" || name == "primary")
}

fn write_element(element: &mut Value, sub: Option<&str>, value: Value) {
    match (element, sub, value) {
        (Value::Object(parts), Some(sub), value) => {
            parts.insert(sub.to_owned(), value);
        }
        (Value::Object(parts), None, Value::Object(more)) => parts.extend(more),
        (Value::Object(parts), None, value) => {
            parts.insert("value".to_owned(), value);
        }
        (element, Some(sub), value) => {
            *element = Value::Object(Map::from_iter([(sub.to_owned(), value)]));
        }
        (element, None, value) => *element = value,
    }
}

/// The member of that name: exactly, or else in any case.
pub(super) fn lookup<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    map.get(name).or_else(|| {
        map.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// Shows each element of a list, or the single value, to the visitor until it answers true.
pub(super) fn visit_elements<'r>(
    value: &'r Value,
    visitor: &mut dyn FnMut(&'r Value) -> bool,
) -> bool {
    match value {
        Value::Array(list) => list.iter().any(visitor),
        Value::Null => false,
        single => visitor(single),
    }
}

/// The object under a name, made if there is none.
pub(super) fn object_at<'m>(
    map: &'m mut Map<String, Value>,
    name: &str,
) -> &'m mut Map<String, Value> {
    if !map.get(name).is_some_and(Value::is_object) {
        map.insert(name.to_owned(), Value::Object(Map::new()));
    }
    map.get_mut(name).and_then(Value::as_object_mut).expect("an object was just put there")
}

/// The list under a name, made if there is none; a single value becomes its only element.
pub(super) fn list_at<'m>(map: &'m mut Map<String, Value>, name: &str) -> &'m mut Vec<Value> {
    if !map.get(name).is_some_and(Value::is_array) {
        let list = map.remove(name).filter(|value| !value.is_null()).into_iter().collect();
        map.insert(name.to_owned(), Value::Array(list));
    }
    map.get_mut(name).and_then(Value::as_array_mut).expect("a list was just put there")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(writes: &[(&str, Value)], expected: Value) {
        let mut resource = Resource::new();
        for (path, values) in writes {
            let path = Path::parse(path).unwrap();
            let values = values.as_array().unwrap();
            resource.put(&path, values.clone());
            let back: Vec<_> = resource.get(&path).into_iter().cloned().collect();
            assert_eq!(&back, values, "{path}");
        }
        assert_eq!(Value::from(resource.clone()), expected);
        for (path, _) in writes {
            resource.remove(&Path::parse(path).unwrap());
        }
        assert_eq!(resource, Resource::new());
    }

    #[test]
    fn what_is_put_at_a_path_is_found_there() {
        check(&[("userName", json!(["kim"]))], json!({"userName": "kim"}));
        check(
            &[("name.givenName", json!(["Kim"])), ("name.familyName", json!(["Lee"]))],
            json!({"name": {"givenName": "Kim", "familyName": "Lee"}}),
        );
        check(
            &[
                (r#"emails[type eq "work"].value"#, json!(["w"])),
                (r#"emails[type eq "home"].value"#, json!(["h"])),
                (r#"emails[type eq "work"].display"#, json!(["W"])),
            ],
            json!({"emails": [{"type": "work", "value": "w", "display": "W"},
                              {"type": "home", "value": "h"}]}),
        );
        check(
            &[(r#"emails[type eq "other"].value"#, json!(["a", "b"]))],
            json!({"emails": [{"type": "other", "value": "a"}, {"type": "other", "value": "b"}]}),
        );
        check(&[("emails.value", json!(["a"]))], json!({"emails": [{"value": "a"}]}));
        check(&[("members", json!([{"value": "u1"}]))], json!({"members": [{"value": "u1"}]}));
        check(
            &[("urn:x:2.0:User:badge", json!([7])), ("urn:x:2.0:User:tags", json!(["a", "b"]))],
            json!({"urn:x:2.0:User": {"badge": 7, "tags": ["a", "b"]}}),
        );
        check(
            &[("urn:x:2.0:User:manager.value", json!(["m"]))],
            json!({"urn:x:2.0:User": {"manager": {"value": "m"}}}),
        );
        check(
            &[(r#"emails[primary eq true].value"#, json!(["p"]))],
            json!({"emails": [{"primary": true, "value": "p"}]}),
        );
    }

    #[test]
    fn a_list_of_one_stays_a_list_where_asked() {
        let mut resource = Resource::new();
        resource.put_list(&Path::of("tags"), vec![json!("a")]);
        resource.put_list(&Path::of("tels").with_sub("value"), vec![json!("1")]);
        assert_eq!(Value::from(resource), json!({"tags": ["a"], "tels": [{"value": "1"}]}));
    }

    #[test]
    fn putting_nothing_removes() {
        let mut resource = Resource::new();
        let path = Path::parse(r#"emails[type eq "work"].value"#).unwrap();
        resource.put(&path, vec![json!("w")]);
        resource.put(&path, vec![Value::Null]);
        assert_eq!(resource, Resource::new());
    }

    #[test]
    fn reading_forgives_case() {
        let resource: Resource = serde_json::from_value(json!({
            "UserName": "kim", "urn:X:y": {"Badge": [1, 2]}
        }))
        .unwrap();
        assert_eq!(resource.text("username"), Some("kim"));
        assert_eq!(resource.get(&Path::parse("urn:x:Y:badge").unwrap()), [&json!(1), &json!(2)]);
    }
}
