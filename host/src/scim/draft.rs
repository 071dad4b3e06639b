//! A resource while operations are applied to it: the rules of RFC 7644 §3.5.2 for one operation
//! at one path. The draft is thrown away when one of them fails.

use super::filter::Filter;
use super::lists::{
    add, keep_one_primary, merge, no_target, subtract, write_in_each, write_matching,
};
use super::message::PatchKind;
use super::path::Path;
use super::resource::{Place, object_at};
use super::schema::{AttributeDefinition, AttributeKind, Mutability};
use super::schemas::{Found, ResourceSchemas};
use super::{Error, Resource, ScimType, dialect};
use serde_json::{Map, Value};

/// What an operation does to a list that stands apart: one too long to be part of the resource that
/// operations work on. Elements are in the schema's spelling.
#[derive(Debug, Clone, PartialEq)]
pub enum ListEdit {
    /// The list has these elements besides those it has.
    Add(Vec<Value>),
    /// The list has these elements and no others.
    Replace(Vec<Value>),
    /// The list has these elements no more.
    Remove(Vec<Value>),
    /// The list has the elements that match no more.
    RemoveMatching(Filter),
}

/// An edit of one of the lists that stand apart, by its place among them.
pub type Apart = (usize, ListEdit);

pub(super) struct Draft<'s> {
    pub(super) resource: Resource,
    pub(super) named: Vec<Path>,
    pub(super) edits: Vec<Apart>,
    /// The lists that stand apart, in the schema's spelling.
    apart: &'s [Path],
    schemas: &'s ResourceSchemas,
    /// Whether writing what only the server writes is an error, or passed over as in POST and PUT.
    refuses: bool,
}

impl<'s> Draft<'s> {
    pub(super) fn patching(
        resource: Resource,
        schemas: &'s ResourceSchemas,
        apart: &'s [Path],
    ) -> Self {
        let (named, edits) = (Vec::new(), Vec::new());
        Self { resource, named, edits, apart, schemas, refuses: true }
    }

    pub(super) fn building(schemas: &'s ResourceSchemas, apart: &'s [Path]) -> Self {
        let draft = Self::patching(Resource::new(), schemas, apart);
        Self { refuses: false, ..draft }
    }

    /// Applies an operation to each attribute that the value names. The names may be paths with
    /// dots, URNs and value filters, as Entra sends them.
    pub(super) fn spread(
        &mut self,
        kind: PatchKind,
        extension: Option<&str>,
        value: Value,
    ) -> Result<(), Error> {
        let members = match value {
            Value::Object(members) => Some(members),
            Value::String(text) => dialect::object_in(&text),
            _ => None,
        };
        let Some(members) = members else {
            return Err(Error::new(
                ScimType::InvalidValue,
                "the value is not an object that names attributes, and there is no path",
            ));
        };
        for (name, value) in members {
            let Ok(mut path) = Path::parse(&name) else { continue };
            if path.schema.is_none() {
                path.schema = extension.map(str::to_owned);
            }
            // Okta repeats the id in the value, others the meta they were given.
            let ours = ["id", "meta"].iter().any(|name| path.attribute.eq_ignore_ascii_case(name));
            if !(ours && path.extension().is_none()) {
                self.place(kind, &path, Some(value))?;
            }
        }
        Ok(())
    }

    /// Applies an operation at a path. What the schemas do not know is passed over.
    pub(super) fn place(
        &mut self,
        kind: PatchKind,
        path: &Path,
        value: Option<Value>,
    ) -> Result<(), Error> {
        let Some((found, path)) = self.schemas.find(path).zip(self.schemas.canonical(path)) else {
            return Ok(());
        };
        let Some(attribute) = found.attribute else {
            return self.place_all(kind, path, value);
        };
        if found.extension.is_none() && attribute.name == "schemas" {
            return Ok(()); // it follows from the attributes
        }
        if attribute.mutability == Mutability::ReadOnly
            || found.leaf().is_some_and(|leaf| leaf.mutability == Mutability::ReadOnly)
        {
            return if self.refuses {
                Err(Error::mutability(&path, "is read-only"))
            } else {
                Ok(())
            };
        }
        if path.filter.is_some() && !attribute.multi_valued {
            return Err(Error::new(
                ScimType::InvalidPath,
                format!("the path {path} has a filter, but the attribute takes one value"),
            ));
        }
        let is_meant =
            |one: &Path| one.attribute == path.attribute && one.extension() == path.extension();
        if let Some(at) = self.apart.iter().position(is_meant) {
            let edit = apart_edit(kind, &path, found, value)?;
            self.edits.extend(edit.map(|edit| (at, edit)));
            return Ok(());
        }
        let place = Place { definition: Some(attribute), ..Place::from(&path) };
        let before = found
            .leaf()
            .filter(|leaf| leaf.mutability == Mutability::Immutable)
            .map(|_| self.values(&place));
        match (kind, attribute.multi_valued) {
            (PatchKind::Remove, true) => self.remove_values(&path, attribute, value)?,
            // As by `replace` with no value: what described the removed one goes as well.
            (PatchKind::Remove, false) if found.sub.is_some() => {
                self.write_value(&path, found, Value::Null)?;
            }
            (PatchKind::Remove, false) => {
                self.resource.remove_at(&place);
                self.name(path.clone());
            }
            (_, true) => self.write_values(kind, &path, found, value.unwrap_or_default())?,
            (_, false) => self.write_value(&path, found, value.unwrap_or_default())?,
        }
        let extension = found.extension.map(|schema| schema.id.as_str());
        self.resource.drop_empty_extension(extension);
        match before {
            Some(before) if !before.is_empty() && before != self.values(&place) => {
                Err(Error::mutability(&path, "cannot change once it is set"))
            }
            _ => Ok(()),
        }
    }

    /// An operation on all attributes of a schema, whose URN is the path.
    fn place_all(
        &mut self,
        kind: PatchKind,
        path: Path,
        value: Option<Value>,
    ) -> Result<(), Error> {
        let value = value.unwrap_or_default();
        if kind != PatchKind::Remove && !dialect::is_clear(&value) {
            let extension = path.extension().map(str::to_owned);
            return self.spread(kind, extension.as_deref(), value);
        }
        if path.extension().is_none() {
            return Err(Error::new(
                ScimType::NoTarget,
                "the core attributes cannot be removed all at once",
            ));
        }
        if kind != PatchKind::Add {
            self.check_removable(&path)?;
            self.resource.remove(&path);
            self.name(path);
        }
        Ok(())
    }

    /// An extension goes only with all its attributes, and some are not the client's to remove
    /// (RFC 7644 §3.5.2.2).
    fn check_removable(&self, extension: &Path) -> Result<(), Error> {
        let schema = extension.extension().and_then(|urn| self.schemas.extension(urn));
        for attribute in schema.into_iter().flat_map(|one| &one.schema.attributes) {
            let path = Path { attribute: attribute.name.clone(), ..extension.clone() };
            let fixed =
                matches!(attribute.mutability, Mutability::ReadOnly | Mutability::Immutable);
            if fixed && !self.resource.get(&path).is_empty() {
                return Err(Error::mutability(&path, "cannot be removed"));
            }
        }
        Ok(())
    }

    fn values(&self, place: &Place<'_>) -> Vec<Value> {
        let mut values = Vec::new();
        self.resource.visit(place, &mut |value| {
            values.push(value.clone());
            false
        });
        values
    }

    fn name(&mut self, path: Path) {
        if self.named.last() != Some(&path) {
            self.named.push(path);
        }
    }

    /// Add and replace at an attribute with one value. Members of a complex value are merged.
    fn write_value(&mut self, path: &Path, found: Found<'_>, value: Value) -> Result<(), Error> {
        let Some(attribute) = found.attribute else { return Ok(()) };
        let empty_object = value.as_object().is_some_and(Map::is_empty);
        let members = match found.sub {
            Some(sub) => Map::from_iter([(sub.name.clone(), dialect::member(sub, value, path)?)]),
            None if attribute.kind != AttributeKind::Complex => {
                let value = dialect::simple(attribute, value, path)?;
                let scope = self.resource.scope(path.extension());
                if value.is_null() {
                    scope.remove(&attribute.name);
                } else {
                    scope.insert(attribute.name.clone(), value);
                }
                self.name(path.clone());
                return Ok(());
            }
            None if !value.is_object() && dialect::is_clear(&value) || empty_object => {
                self.resource.remove(path);
                self.name(path.clone());
                return Ok(());
            }
            None => dialect::complex(attribute, value, path)?,
        };
        for name in members.keys() {
            self.name(Path { sub: Some(name.clone()), ..path.clone() });
        }
        let scope = self.resource.scope(path.extension());
        let parts = object_at(scope, &attribute.name);
        // A new `value` points elsewhere: what described the old one goes.
        if members.get("value").is_some_and(|value| parts.get("value") != Some(value)) {
            for name in ["$ref", "display", "displayName"] {
                parts.remove(name);
            }
        }
        merge(parts, members);
        if parts.is_empty() {
            scope.remove(&attribute.name);
        }
        Ok(())
    }

    /// Add and replace at a multi-valued attribute.
    fn write_values(
        &mut self,
        kind: PatchKind,
        path: &Path,
        found: Found<'_>,
        value: Value,
    ) -> Result<(), Error> {
        let Some(attribute) = found.attribute else { return Ok(()) };
        let scope = self.resource.scope(path.extension());
        let mut list = match scope.remove(&attribute.name) {
            Some(Value::Array(list)) => list,
            Some(Value::Null) | None => Vec::new(),
            Some(single) => vec![single],
        };
        let primary = match (&path.filter, found.sub) {
            (Some(filter), sub) => write_matching(&mut list, filter, attribute, sub, value, path)?,
            (None, Some(sub)) => write_in_each(&mut list, sub, value, path)?,
            (None, None) => {
                let new = dialect::list(attribute, value, path)?;
                if kind == PatchKind::Replace {
                    list.clear();
                }
                add(&mut list, new, attribute)
            }
        };
        if let Some(at) = primary {
            keep_one_primary(&mut list, at);
        }
        if !list.is_empty() {
            scope.insert(attribute.name.clone(), Value::Array(list));
        }
        self.name(path.clone());
        Ok(())
    }

    fn remove_values(
        &mut self,
        path: &Path,
        attribute: &AttributeDefinition,
        value: Option<Value>,
    ) -> Result<(), Error> {
        let place = Place { definition: Some(attribute), ..Place::from(path) };
        let listed = match value {
            Some(value) if path.filter.is_none() && path.sub.is_none() => match value {
                Value::Null => None,
                Value::String(text) if text.is_empty() => None,
                value => Some(dialect::list(attribute, value, path)?),
            },
            _ => None,
        };
        match listed {
            Some(listed) => {
                let scope = self.resource.scope(path.extension());
                if let Some(Value::Array(list)) = scope.get_mut(&attribute.name) {
                    subtract(list, &listed, attribute);
                    if list.is_empty() {
                        scope.remove(&attribute.name);
                    }
                }
            }
            None => {
                let found = self.resource.remove_at(&place);
                if path.filter.is_some() && !found {
                    return Err(no_target(path)); // RFC 7644 §3.5.2.2
                }
            }
        }
        self.name(path.clone());
        Ok(())
    }
}

/// What an operation does to a list that stands apart.
fn apart_edit(
    kind: PatchKind,
    path: &Path,
    found: Found<'_>,
    value: Option<Value>,
) -> Result<Option<ListEdit>, Error> {
    let Some(attribute) = found.attribute else { return Ok(None) };
    let of_value = found.sub.is_none_or(|sub| sub.name == "value");
    if !of_value {
        // What describes the entry that is named follows from it.
        return Ok(None);
    }
    let elements = |value: Value| match found.sub {
        None => dialect::list(attribute, value, path),
        Some(sub) => {
            let values = match value {
                Value::Array(values) => values,
                single => vec![single],
            };
            let element = |value| {
                let value = dialect::member(sub, value, path)?;
                Ok(Value::Object(Map::from_iter([(sub.name.clone(), value)])))
            };
            let mut elements = values.into_iter().map(element).collect::<Result<Vec<_>, _>>()?;
            elements.retain(|element| !dialect::is_clear(element));
            Ok(elements)
        }
    };
    let value = value.unwrap_or_default();
    Ok(Some(match (kind, &path.filter) {
        (PatchKind::Remove, None) if dialect::is_clear(&value) && !value.is_array() => {
            ListEdit::Replace(Vec::new())
        }
        (PatchKind::Remove, None) => ListEdit::Remove(elements(value)?),
        (PatchKind::Remove, Some(filter)) => match dialect::element_for(filter) {
            Some(described) if described.contains_key("value") => {
                ListEdit::Remove(vec![Value::Object(described)])
            }
            _ => ListEdit::RemoveMatching((**filter).clone()),
        },
        (PatchKind::Add, None) => ListEdit::Add(elements(value)?),
        (PatchKind::Replace, None) => ListEdit::Replace(elements(value)?),
        (_, Some(filter)) => {
            let described = dialect::element_for(filter);
            let described = described.filter(|described| described.contains_key("value"));
            let described = described.ok_or_else(|| no_target(path))?;
            let other = match (found.sub, value) {
                (Some(_), value) => Some(value),
                (None, Value::Object(mut members)) => members.remove("value"),
                (None, Value::Null) => None,
                (None, value) => Some(value),
            };
            match other {
                None => ListEdit::Add(vec![Value::Object(described)]),
                Some(other) if dialect::is_clear(&other) => {
                    ListEdit::Remove(vec![Value::Object(described)])
                }
                Some(other) if described.get("value") == Some(&other) => {
                    ListEdit::Add(vec![Value::Object(described)])
                }
                Some(_) => return Err(Error::mutability(path, "cannot change once it is set")),
            }
        }
    }))
}
