//! JSON as it is read from a client: an object that names one member twice is refused, because
//! nobody can tell which of the two is meant (RFC 8259 §4). SCIM's names ignore case (RFC 7643 §2.1).

use super::{Error, ScimType};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{collections::HashSet, fmt};

/// Names that are compared one by one; of more a set is made.
const FEW: usize = 16;

/// Reads a body.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let refused = |error| {
        Error::new(
            ScimType::InvalidSyntax,
            format!("the body is not JSON that can be used: {error}"),
        )
    };
    serde_json::from_slice::<Strict>(bytes).map(|Strict(value)| value).map_err(refused)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Strict, D::Error> {
        deserializer.deserialize_any(Reader).map(Strict)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::with_capacity(list.size_hint().unwrap_or_default().min(1024));
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = object.next_key::<String>()? {
            let known = if members.len() < FEW {
                members.keys().any(|known: &String| known.eq_ignore_ascii_case(&name))
            } else {
                if names.is_empty() {
                    names.extend(members.keys().map(|known| known.to_ascii_lowercase()));
                }
                !names.insert(name.to_ascii_lowercase())
            };
            if known {
                return Err(A::Error::custom(format!("the member {name:?} is there twice")));
            }
            let Strict(value) = object.next_value()?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_member_that_is_there_twice_is_refused() {
        let many: Vec<String> = (0..40).map(|n| format!("\"m{n}\": 1")).collect();
        let many = |last: &str| format!("{{{}, \"{last}\": 2}}", many.join(","));
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": 1, "A": 2}"#,
            r#"{"x": [{"b": 1, "c": {}, "b": 2}]}"#,
            &many("M39"),
            &many("m3"),
        ] {
            let refused = parse(text.as_bytes()).unwrap_err();
            assert_eq!(refused.scim_type, Some(ScimType::InvalidSyntax));
            assert!(refused.detail.contains("twice"), "{}", refused.detail);
        }
        assert!(parse(many("m40").as_bytes()).is_ok());
        assert!(parse(br#"{"a": {"a": {"A": 1}}}"#).is_ok());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9..1e9_f64).prop_map(Value::from),
            ".{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,3}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_else_is_read_as_it_is(value in json()) {
            prop_assert_eq!(parse(value.to_string().as_bytes()).unwrap(), value);
        }

        #[test]
        fn what_is_no_json_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(parse(&bytes).is_ok(), serde_json::from_slice::<Value>(&bytes).is_ok());
        }
    }
}
