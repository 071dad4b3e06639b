//! Decides whether a resource matches a filter (RFC 7644 §3.4.2.2), with the types its schemas give.
//!
//! What the RFC leaves open is decided so: an attribute nobody knows matches nothing, `ne` included;
//! a known attribute without a value is not equal to anything but `null`; of several values one
//! that matches is enough; what is no number or no moment has no order with one that is, and asking
//! for such an order is refused by [`Filter::check`].

use super::filter::{Filter, Operator};
use super::path::Path;
use super::resource::{Place, lookup, visit_elements};
use super::schema::{AttributeDefinition, AttributeKind};
use super::schemas::{Found, ResourceSchemas};
use super::{Error, Resource, ScimType, dialect};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

impl Filter {
    /// Whether the resource matches.
    pub fn matches(&self, resource: &Resource, schemas: &ResourceSchemas) -> bool {
        match self {
            Filter::And(parts) => parts.iter().all(|part| part.matches(resource, schemas)),
            Filter::Or(parts) => parts.iter().any(|part| part.matches(resource, schemas)),
            Filter::Not(inner) => !inner.matches(resource, schemas),
            Filter::Has(path) => holds(path, Operator::Pr, &Value::Null, resource, schemas),
            Filter::Compare(path, operator, value) => {
                holds(path, *operator, value, resource, schemas)
            }
        }
    }

    /// Refuses what these schemas make senseless: an order among booleans or binary values, or
    /// between a number or a dateTime and what is none.
    pub fn check(&self, schemas: &ResourceSchemas) -> Result<(), Error> {
        match self {
            Filter::And(parts) | Filter::Or(parts) => {
                parts.iter().try_for_each(|part| part.check(schemas))
            }
            Filter::Not(inner) => inner.check(schemas),
            Filter::Has(path) => check_brackets(path, schemas.find(path)),
            Filter::Compare(path, operator, wanted) => {
                let found = schemas.find(path);
                check_brackets(path, found)?;
                check_order(path, *operator, wanted, found.and_then(|found| found.compared()))
            }
        }
    }

    fn check_element(&self, attribute: &AttributeDefinition) -> Result<(), Error> {
        match self {
            Filter::And(parts) | Filter::Or(parts) => {
                parts.iter().try_for_each(|part| part.check_element(attribute))
            }
            Filter::Not(inner) => inner.check_element(attribute),
            Filter::Has(_) => Ok(()),
            Filter::Compare(path, operator, wanted) => {
                check_order(path, *operator, wanted, attribute.sub(&path.attribute))
            }
        }
    }

    /// Whether one element of a multi-valued attribute matches; names are its sub-attributes.
    /// Without a definition, text is compared without case.
    pub fn matches_element(
        &self,
        element: &Value,
        attribute: Option<&AttributeDefinition>,
    ) -> bool {
        match self {
            Filter::And(parts) => parts.iter().all(|part| part.matches_element(element, attribute)),
            Filter::Or(parts) => parts.iter().any(|part| part.matches_element(element, attribute)),
            Filter::Not(inner) => !inner.matches_element(element, attribute),
            Filter::Has(_) => false,
            Filter::Compare(path, operator, wanted) => {
                let stored = match element {
                    Value::Object(parts) => lookup(parts, &path.attribute),
                    scalar if path.attribute.eq_ignore_ascii_case("value") => Some(scalar),
                    _ => None,
                };
                let definition = match attribute {
                    Some(attribute) if attribute.kind == AttributeKind::Complex => {
                        match attribute.sub(&path.attribute) {
                            Some(sub) => Some(sub),
                            None => return false,
                        }
                    }
                    // A simple value is the `value` of itself and has no other parts.
                    Some(_) if !path.attribute.eq_ignore_ascii_case("value") => return false,
                    other => other,
                };
                decide(*operator, wanted, definition, |test| {
                    stored.is_some_and(|stored| visit_elements(stored, test))
                })
            }
        }
    }
}

fn check_brackets(path: &Path, found: Option<Found<'_>>) -> Result<(), Error> {
    match (&path.filter, found.and_then(|found| found.attribute)) {
        (Some(filter), Some(attribute)) => filter.check_element(attribute),
        _ => Ok(()),
    }
}

fn check_order(
    path: &Path,
    operator: Operator,
    wanted: &Value,
    definition: Option<&AttributeDefinition>,
) -> Result<(), Error> {
    let refused = |detail: String| Err(Error::new(ScimType::InvalidFilter, detail));
    let Some(definition) = definition.filter(|_| operator.orders()) else { return Ok(()) };
    match definition.kind {
        AttributeKind::Boolean | AttributeKind::Binary => {
            let name = operator.name();
            refused(format!("the attribute {path} has no order and cannot be compared by {name}"))
        }
        AttributeKind::DateTime if !wanted.is_null() && moment(wanted).is_none() => {
            refused(format!("the attribute {path} is a dateTime and {wanted} is none"))
        }
        AttributeKind::Integer | AttributeKind::Decimal
            if !wanted.is_null() && as_number(wanted).is_none() =>
        {
            refused(format!("the attribute {path} is a number and {wanted} is none"))
        }
        _ => Ok(()),
    }
}

fn holds(
    path: &Path,
    operator: Operator,
    wanted: &Value,
    resource: &Resource,
    schemas: &ResourceSchemas,
) -> bool {
    let Some(found) = schemas.find(path) else { return false };
    let compared = found.compared();
    let has_no_value = compared.is_none() && operator != Operator::Pr && !wanted.is_null();
    if has_no_value {
        return false; // a complex attribute without a `value`, such as `name eq "x"`
    }
    let place = Place {
        extension: found.extension.map(|schema| schema.id.as_str()),
        attribute: found.attribute.map_or("", |attribute| &attribute.name),
        definition: found.attribute,
        filter: path.filter.as_deref(),
        sub: found.sub.map(|sub| sub.name.as_str()),
    };
    decide(operator, wanted, compared, |test| resource.visit(&place, test))
}

/// Puts the test of the operator to each value until one passes.
fn decide<'r>(
    operator: Operator,
    wanted: &Value,
    definition: Option<&AttributeDefinition>,
    any: impl FnOnce(&mut dyn FnMut(&'r Value) -> bool) -> bool,
) -> bool {
    match (operator, wanted) {
        (Operator::Pr, _) | (Operator::Ne, Value::Null) => any(&mut is_present),
        (Operator::Eq, Value::Null) => !any(&mut is_present),
        (_, Value::Null) => false,
        (Operator::Ne, _) => {
            let mut seen = false;
            let differs = any(&mut |stored| {
                let stored = compared(stored);
                seen |= stored.is_some();
                stored.is_some_and(|stored| compare(Operator::Ne, stored, wanted, definition))
            });
            differs || !seen
        }
        _ => any(&mut |stored| {
            compared(stored).is_some_and(|stored| compare(operator, stored, wanted, definition))
        }),
    }
}

/// What of a value is compared: `emails` means `emails.value`, also where an element has none.
fn compared(value: &Value) -> Option<&Value> {
    let value = match value {
        Value::Object(parts) => lookup(parts, "value")?,
        scalar => scalar,
    };
    Some(value).filter(|value| is_present(value))
}

pub(super) fn is_present(value: &Value) -> bool {
    !dialect::is_clear(value)
}

/// Compares two values without knowing their schema.
pub(super) fn loosely_equal(left: &Value, right: &Value) -> bool {
    compare(Operator::Eq, left, right, None)
}

fn compare(
    operator: Operator,
    stored: &Value,
    wanted: &Value,
    definition: Option<&AttributeDefinition>,
) -> bool {
    let kind = match definition {
        Some(definition) => definition.kind,
        None if stored.is_boolean() => AttributeKind::Boolean,
        None if stored.is_number() && wanted.is_number() => AttributeKind::Decimal,
        None => AttributeKind::String,
    };
    let ordering = match kind {
        AttributeKind::Boolean => {
            // Stored or wanted, "True" is true: Entra writes booleans as text.
            let equal = match (dialect::boolean(stored), dialect::boolean(wanted)) {
                (Some(stored), Some(wanted)) => stored == wanted,
                _ => false,
            };
            return match operator {
                Operator::Eq => equal,
                Operator::Ne => !equal,
                _ => false,
            };
        }
        AttributeKind::Integer | AttributeKind::Decimal => order_numbers(stored, wanted),
        AttributeKind::DateTime => match (moment(stored), moment(wanted)) {
            (Some(stored), Some(wanted)) => Some(stored.cmp(&wanted)),
            _ => None,
        },
        _ => None,
    };
    if let Some(ordering) = ordering
        && let Some(answer) = ordered(operator, ordering)
    {
        return answer;
    }
    let by_value =
        matches!(kind, AttributeKind::Integer | AttributeKind::Decimal | AttributeKind::DateTime);
    if by_value && operator.orders() {
        return false; // a number has no order with what is none
    }
    let exact = definition.is_some_and(|definition| definition.case_exact);
    let (stored, wanted) = (text(stored), text(wanted));
    if definition.is_some_and(names_resources) && matches!(operator, Operator::Eq | Operator::Ne) {
        // A reference is a URL; clients ask by the id as well.
        let id = |url: &str| url.rsplit('/').next().map_or(String::new(), str::to_owned);
        return compare_text(operator, &id(&stored), &id(&wanted), exact);
    }
    compare_text(operator, &stored, &wanted, exact)
}

/// Whether the values are URLs of resources of this server.
fn names_resources(definition: &AttributeDefinition) -> bool {
    let elsewhere = |name: &String| name == "external" || name == "uri";
    definition.kind == AttributeKind::Reference
        && !definition.reference_types.is_empty()
        && !definition.reference_types.iter().any(elsewhere)
}

fn ordered(operator: Operator, ordering: Ordering) -> Option<bool> {
    match operator {
        Operator::Eq => Some(ordering.is_eq()),
        Operator::Ne => Some(ordering.is_ne()),
        Operator::Gt => Some(ordering.is_gt()),
        Operator::Ge => Some(ordering.is_ge()),
        Operator::Lt => Some(ordering.is_lt()),
        Operator::Le => Some(ordering.is_le()),
        _ => None,
    }
}

fn compare_text(operator: Operator, stored: &str, wanted: &str, exact: bool) -> bool {
    if !exact && stored.is_ascii() && wanted.is_ascii() {
        match operator {
            Operator::Eq => return stored.eq_ignore_ascii_case(wanted),
            Operator::Ne => return !stored.eq_ignore_ascii_case(wanted),
            _ => {}
        }
    }
    let (stored, wanted) = match exact {
        true => (Cow::Borrowed(stored), Cow::Borrowed(wanted)),
        false => (fold(stored), fold(wanted)),
    };
    match operator {
        Operator::Co => stored.contains(&*wanted),
        Operator::Sw => stored.starts_with(&*wanted),
        Operator::Ew => stored.ends_with(&*wanted),
        Operator::Pr => true,
        _ => ordered(operator, stored.cmp(&wanted)).unwrap_or(false),
    }
}

/// Text without case, as comparisons of attributes with `caseExact: false` see it.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        }
    } else {
        Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
    }
}

pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn order_numbers(stored: &Value, wanted: &Value) -> Option<Ordering> {
    let (stored, wanted) = (as_number(stored)?, as_number(wanted)?);
    match (stored.as_i64(), wanted.as_i64()) {
        (Some(stored), Some(wanted)) => Some(stored.cmp(&wanted)),
        _ => stored.as_f64()?.partial_cmp(&wanted.as_f64()?),
    }
}

pub(super) fn as_number(value: &Value) -> Option<Cow<'_, Number>> {
    match value {
        Value::Number(number) => Some(Cow::Borrowed(number)),
        Value::String(text) => serde_json::from_str(text.trim()).ok().map(Cow::Owned),
        _ => None,
    }
}

/// A moment; without a zone it is taken as UTC.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?.trim();
    text.parse().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

#[cfg(test)]
mod tests;
