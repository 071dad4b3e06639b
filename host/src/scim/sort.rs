//! The order of a list (RFC 7644 §3.4.2.3): what stands in the place of a resource when two of them
//! are compared.
//!
//! What the RFC leaves open is decided so: an attribute nobody knows, or one that is no value such
//! as `name`, orders nothing; of several values the primary one counts, else the first; empty text
//! is no value. A key has at most [`SortKey::LONGEST`] bytes, so that a list in order and a cursor
//! into it stay small: what differs later is taken as equal.

use super::dialect;
use super::matching::{as_number, fold, is_present, moment, text};
use super::path::Path;
use super::resource::{Place, lookup};
use super::schema::AttributeKind;
use super::schemas::ResourceSchemas;
use super::{Error, Resource};
use serde_json::Value;

/// By what a list is sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct Sort {
    /// The attribute.
    pub path: Path,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What stands for a resource in a sorted list; those without a value come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// Bytes whose order is that of the values.
    Value(Box<[u8]>),
    /// There is no value.
    Missing,
}

impl SortKey {
    /// The most bytes of a key.
    pub const LONGEST: usize = 256;

    /// The key of a text that is folded already where case does not matter.
    #[must_use]
    pub fn of_bytes(folded: &[u8]) -> Self {
        match folded {
            [] => SortKey::Missing,
            some => SortKey::Value(Self::cut(some).into()),
        }
    }

    /// The key of a text; `exact` minds case.
    #[must_use]
    pub fn of_text(text: &str, exact: bool) -> Self {
        let folded = if exact { text.into() } else { fold(text) };
        Self::of_bytes(folded.as_bytes())
    }

    /// The key of a moment, in seconds since 1970.
    #[must_use]
    pub fn of_seconds(seconds: i64) -> Self {
        Self::number(i128::from(seconds) * 1_000_000_000)
    }

    /// As much of a text as a key holds.
    #[must_use]
    pub fn cut(folded: &[u8]) -> &[u8] {
        &folded[..folded.len().min(Self::LONGEST)]
    }

    /// Numbers come before what should be one and is not.
    fn number(number: i128) -> Self {
        // With the sign turned, the bytes are in the order of the numbers.
        let bytes = (number ^ i128::MIN).to_be_bytes();
        SortKey::Value([&[0][..], &bytes].concat().into())
    }

    fn other(value: &Value) -> Self {
        let text = text(value);
        SortKey::Value([&[1][..], Self::cut(fold(&text).as_bytes())].concat().into())
    }
}

impl Sort {
    /// Reads the two query parameters; without the first there is no order.
    pub fn parse(by: Option<&str>, order: Option<&str>) -> Result<Option<Self>, Error> {
        let descending = match order.map(str::trim) {
            None | Some("") => false,
            Some(order) if order.eq_ignore_ascii_case("ascending") => false,
            Some(order) if order.eq_ignore_ascii_case("descending") => true,
            Some(other) => {
                let problem = format!("is neither ascending nor descending: {other:?}");
                return Err(Error::value("sortOrder", &problem));
            }
        };
        let by = by.map(str::trim).filter(|by| !by.is_empty());
        by.map(|by| Ok(Sort { path: Path::parse(by)?, descending })).transpose()
    }

    /// Whether resources of these schemas have an order by it.
    #[must_use]
    pub fn orders(&self, schemas: &ResourceSchemas) -> bool {
        schemas.find(&self.path).is_some_and(|found| found.compared().is_some())
    }

    /// What stands for the resource.
    #[must_use]
    pub fn key(&self, resource: &Resource, schemas: &ResourceSchemas) -> SortKey {
        let found = schemas.find(&self.path);
        let Some((found, compared)) = found.and_then(|one| Some((one, one.compared()?))) else {
            return SortKey::Missing;
        };
        let place = Place {
            extension: found.extension.map(|schema| schema.id.as_str()),
            attribute: found.attribute.map_or("", |attribute| &attribute.name),
            definition: found.attribute,
            filter: self.path.filter.as_deref(),
            sub: None,
        };
        let sub = found.sub.map_or("value", |sub| sub.name.as_str());
        let mut chosen = None;
        resource.visit(&place, &mut |element| {
            let value = match element {
                Value::Object(parts) => lookup(parts, sub),
                scalar => Some(scalar),
            };
            let Some(value) = value.filter(|value| is_present(value)) else { return false };
            let primary = element.get("primary").and_then(dialect::boolean) == Some(true);
            if primary || chosen.is_none() {
                chosen = Some(value);
            }
            primary
        });
        let Some(value) = chosen else { return SortKey::Missing };
        match compared.kind {
            AttributeKind::Boolean => match dialect::boolean(value) {
                Some(truth) => SortKey::number(i128::from(truth)),
                None => SortKey::other(value),
            },
            AttributeKind::Integer | AttributeKind::Decimal => {
                let number = as_number(value).and_then(|number| scaled(&number));
                number.map_or_else(|| SortKey::other(value), SortKey::number)
            }
            AttributeKind::DateTime => match moment(value) {
                Some(moment) => SortKey::number(moment.as_nanosecond()),
                None => SortKey::other(value),
            },
            _ => SortKey::of_text(&text(value), compared.case_exact),
        }
    }
}

/// A number as a whole one: whole numbers and those behind a point meet in one order.
fn scaled(number: &serde_json::Number) -> Option<i128> {
    const SCALE: i128 = 1_000_000_000;
    match number.as_i64() {
        Some(whole) => Some(i128::from(whole) * SCALE),
        // Saturates: beyond that all numbers are alike.
        None => number.as_f64().map(|number| (number * SCALE as f64) as i128),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AttributeDefinition, standard};
    use super::*;
    use serde_json::json;

    fn schemas() -> ResourceSchemas {
        let mut custom = standard::enterprise_user();
        custom.id = "urn:x:Custom".into();
        custom.attributes = vec![
            AttributeDefinition::new("level", AttributeKind::Integer),
            AttributeDefinition::new("score", AttributeKind::Decimal),
            AttributeDefinition::new("hired", AttributeKind::DateTime),
            AttributeDefinition::new("code", AttributeKind::String).case_exact(),
        ];
        ResourceSchemas::new(standard::user(), vec![(custom, false)])
    }

    /// Each resource sorts before the next one.
    fn check(by: &str, resources: &[Value]) {
        let sort = Sort::parse(Some(by), None).unwrap().unwrap();
        assert!(sort.orders(&schemas()), "{by}");
        let key = |json: &Value| {
            let resource: Resource = serde_json::from_value(json.clone()).unwrap();
            sort.key(&resource, &schemas())
        };
        for pair in resources.windows(2) {
            assert!(key(&pair[0]) < key(&pair[1]), "{by}: {pair:?}");
        }
    }

    #[test]
    fn values_are_compared_by_their_type() {
        let own = |name: &str, value: Value| json!({"urn:x:Custom": {name: value}});
        let names = ["ada", "Bob", "ädA", "Ö"];
        check("USERNAME", &names.map(|name| json!({"userName": name})));
        check("urn:x:Custom:code", &["Bob", "ada"].map(|code| own("code", json!(code))));
        let levels = [json!(-7), json!(-1), json!("2"), json!(10), json!("x")];
        check("level", &levels.map(|level| own("level", level)));
        let scores = [json!(-2.5), json!(-2), json!(0.25), json!(3), json!(3.5)];
        check("score", &scores.map(|score| own("score", score)));
        let hired =
            ["2020-01-01T01:00:00+02:00", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z", "x"];
        check("hired", &hired.map(|hired| own("hired", json!(hired))));
        check("active", &[json!({"active": false}), json!({"active": "True"})]);
        check("name.familyName", &[json!({"name": {"familyName": "a"}}), json!({"name": {}})]);
        check("title", &[json!({"title": "z"}), json!({"title": ""})]);
    }

    #[test]
    fn of_several_values_the_primary_or_the_first_counts() {
        let a = json!({"emails": [{"value": "a", "type": "work"}, {"value": "z"}]});
        let b = json!({"emails": [{"value": "z"}, {"value": "B", "type": "work",
                                                  "primary": "true"}]});
        let c = json!({"emails": [{"display": "none"}, {"value": "c", "type": "work"}]});
        let none = json!({"emails": [{"type": "home"}]});
        for by in ["emails", "emails.value", "emails[type eq \"work\"].value"] {
            check(by, &[a.clone(), b.clone(), c.clone(), none.clone()]);
        }
    }

    #[test]
    fn what_has_no_order_is_known() {
        let orders = |by: &str| Sort::parse(Some(by), None).unwrap().unwrap().orders(&schemas());
        assert!(orders("id") && orders("meta.lastModified") && orders("emails"));
        assert!(!orders("PLACEHOLDER") && !orders("name") && !orders("name.nope"));
        assert_eq!(Sort::parse(Some(" "), Some("descending")).unwrap(), None);
        assert_eq!(Sort::parse(None, None).unwrap(), None);
        assert!(Sort::parse(Some("a"), Some("Descending")).unwrap().unwrap().descending);
        assert!(Sort::parse(Some("a b"), None).is_err());
        assert!(Sort::parse(Some("a"), Some("upwards")).is_err());
    }

    #[test]
    fn long_texts_have_short_keys() {
        let long = |end: &str| SortKey::of_text(&("x".repeat(300) + end), true);
        assert_eq!(long("a"), long("b"));
        assert!(SortKey::of_text("x", true) < long(""));
        assert!(SortKey::of_seconds(-1) < SortKey::of_seconds(0));
    }
}
