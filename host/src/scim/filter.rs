//! Filters as data (RFC 7644 §3.4.2.2): the tree, its text, and the shapes an index can answer.
//! Reading stands in `parser`, deciding in `matching`.

use super::parser::Parser;
use super::{Error, Path, ResourceSchemas, ScimType};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// A question about one resource.
///
/// `And` and `Or` hold at least two parts and never directly one of their own kind, so that equal
/// questions have one shape; [`Filter::all`] and [`Filter::any`] see to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Each part matches.
    And(Vec<Filter>),
    /// At least one part matches.
    Or(Vec<Filter>),
    /// The inner filter does not match.
    Not(Box<Filter>),
    /// A value path: some element of the attribute matches the path's own filter.
    Has(Path),
    /// An attribute compared with a value; `pr` has `null` for a value.
    Compare(Path, Operator, Value),
}

/// The operators that compare an attribute with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than, or after.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Less than, or before.
    Lt,
    /// Less than or equal.
    Le,
    /// Present: has a value that is not empty.
    Pr,
}

impl Operator {
    const ALL: [(Operator, &'static str); 10] = [
        (Operator::Eq, "eq"),
        (Operator::Ne, "ne"),
        (Operator::Co, "co"),
        (Operator::Sw, "sw"),
        (Operator::Ew, "ew"),
        (Operator::Gt, "gt"),
        (Operator::Ge, "ge"),
        (Operator::Lt, "lt"),
        (Operator::Le, "le"),
        (Operator::Pr, "pr"),
    ];

    /// The operator of that name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, text)| text.eq_ignore_ascii_case(name)).map(|(found, _)| *found)
    }

    /// The operator's name.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether it asks for an order.
    pub fn orders(self) -> bool {
        matches!(self, Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le)
    }
}

impl Filter {
    /// The longest filter that is read, in bytes.
    pub const LONGEST: usize = 8192;
    /// How deep parentheses and brackets may nest.
    pub const DEEPEST: usize = 32;

    /// Reads a filter; what is not one is `invalidFilter`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Parser::filter(text).map_err(|detail| Error::new(ScimType::InvalidFilter, detail))
    }

    /// Reads a filter and refuses comparisons that make no sense for these schemas.
    pub fn parse_for(text: &str, schemas: &ResourceSchemas) -> Result<Self, Error> {
        let filter = Self::parse(text)?;
        filter.check(schemas)?;
        Ok(filter)
    }

    /// `path eq value`.
    pub fn equal(path: Path, value: impl Into<Value>) -> Self {
        Filter::Compare(path, Operator::Eq, value.into())
    }

    /// The conjunction of the parts.
    pub fn all(parts: Vec<Filter>) -> Self {
        Self::join(parts, Filter::And, |part| match part {
            Filter::And(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// The disjunction of the parts.
    pub fn any(parts: Vec<Filter>) -> Self {
        Self::join(parts, Filter::Or, |part| match part {
            Filter::Or(inner) => Ok(inner),
            other => Err(other),
        })
    }

    fn join(
        mut parts: Vec<Filter>,
        wrap: fn(Vec<Filter>) -> Filter,
        open: fn(Filter) -> Result<Vec<Filter>, Filter>,
    ) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match open(part) {
                Ok(inner) => flat.extend(inner),
                Err(part) => flat.push(part),
            }
        }
        wrap(flat)
    }

    /// The path and value of a plain `path eq value`: what an index of one attribute answers.
    pub fn as_equality(&self) -> Option<(&Path, &Value)> {
        match self {
            Filter::Compare(path, Operator::Eq, value) => Some((path, value)),
            _ => None,
        }
    }

    /// The equalities that must all hold for the filter to match; the filter may ask for more.
    /// An index over any one of them gives a superset of the answer.
    pub fn equalities(&self) -> Vec<(&Path, &Value)> {
        match self {
            Filter::And(parts) => parts.iter().filter_map(Filter::as_equality).collect(),
            other => other.as_equality().into_iter().collect(),
        }
    }

    /// Whether the filter is nothing but equalities that must all hold.
    pub fn is_equalities(&self) -> bool {
        match self {
            Filter::And(parts) => parts.iter().all(|part| part.as_equality().is_some()),
            other => other.as_equality().is_some(),
        }
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::And(parts) => write_joined(f, parts, " and "),
            Filter::Or(parts) => write_joined(f, parts, " or "),
            Filter::Not(inner) => write!(f, "not ({inner})"),
            Filter::Has(path) => write!(f, "{path}"),
            Filter::Compare(path, Operator::Pr, _) => write!(f, "{path} pr"),
            Filter::Compare(path, operator, value) => {
                write!(f, "{path} {} {value}", operator.name())
            }
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, parts: &[Filter], word: &str) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        match part {
            Filter::Or(_) => write!(f, "({part})")?,
            _ => write!(f, "{part}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(text: &str, printed: &str) {
        let filter = Filter::parse(text).unwrap();
        assert_eq!(filter.to_string(), printed, "{text}");
        assert_eq!(Filter::parse(printed).unwrap(), filter);
    }

    #[test]
    fn filters_are_read() {
        check(r#"userName Eq "bjensen""#, r#"userName eq "bjensen""#);
        check(r#"name.familyName co "O'Malley""#, r#"name.familyName co "O'Malley""#);
        check(
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        );
        check("title PR", "title pr");
        check("active eq True AND a ne NULL", "active eq true and a ne null");
        check("a pr or b pr and c pr", "a pr or b pr and c pr");
        check("(a pr or b pr) and c pr", "(a pr or b pr) and c pr");
        check("((a pr)) and (b pr and c pr)", "a pr and b pr and c pr");
        check("not(a pr) and not (b pr or c pr)", "not (a pr) and not (b pr or c pr)");
        check("NOT (not (a pr))", "not (not (a pr))");
        check("not pr", "not pr");
        check("(a pr)and(b pr)", "a pr and b pr");
        check(
            r#"userType eq "E" and (emails[type eq "work" and value co "@x"])"#,
            r#"userType eq "E" and emails[type eq "work" and value co "@x"]"#,
        );
        check(r#"emails[type eq "work"].value eq "x""#, r#"emails[type eq "work"].value eq "x""#);
        check(r#"emails[type eq "work"] or a pr"#, r#"emails[type eq "work"] or a pr"#);
        check(r#"emails[type eq "work"] pr"#, r#"emails[type eq "work"] pr"#);
        check("n gt -1.50e3 or n le 0.1", "n gt -1500.0 or n le 0.1");
        check(r#"a eq "\u00e9\"\\\n\ud83d\ude00""#, r#"a eq "é\"\\\n😀""#);
        check(r#"PLACEHOLDER eq "0f""#, r#"PLACEHOLDER eq "0f""#);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let deep = format!("{}a pr{}", "(".repeat(33), ")".repeat(33));
        let deeper = "(".repeat(8000);
        let long = format!("a eq \"{}\"", "x".repeat(8192));
        for text in [
            "",
            " ",
            "a",
            "a eq",
            "eq \"x\"",
            "a eq x",
            "a eq \"x",
            "a eq 'x'",
            "a eq \"\\x\"",
            "a eq \"\\ud800\"",
            "a eq 01",
            "a eq +1",
            "a eq 1.",
            "a eq 1e999",
            "a foo \"x\"",
            "a pr b pr",
            "a pr and",
            "and a pr",
            "a pr or or b pr",
            "(a pr",
            "a pr)",
            "()",
            "not",
            "not a pr",
            "not ()",
            "a[b pr",
            "a[]",
            "a[b]",
            "a[b[c pr]]",
            "a[b pr].",
            "a[b pr].c",
            "a[b pr] eq",
            "a.b.c pr",
            "userName sw O",
            "a eq \"x\" \"y\"",
            "a eq [1]",
            "a eq {}",
            &deep,
            &deeper,
            &long,
        ] {
            let refused = Filter::parse(text).unwrap_err();
            assert_eq!(refused.scim_type, Some(ScimType::InvalidFilter), "{text:?}");
        }
    }

    #[test]
    fn the_deepest_and_the_widest_are_read() {
        let deep = format!("{}a pr{}", "(".repeat(32), ")".repeat(32));
        assert_eq!(Filter::parse(&deep).unwrap(), Filter::parse("a pr").unwrap());
        let wide = ["a pr"; 800].join(" or ");
        assert!(matches!(Filter::parse(&wide).unwrap(), Filter::Or(parts) if parts.len() == 800));
    }

    #[test]
    fn equalities_are_recognized() {
        let check = |text: &str, expected: &[(&str, Value)], whole: bool| {
            let filter = Filter::parse(text).unwrap();
            let found: Vec<_> =
                filter.equalities().iter().map(|(p, v)| (p.to_string(), (*v).clone())).collect();
            let expected: Vec<_> =
                expected.iter().map(|(p, v)| ((*p).to_owned(), v.clone())).collect();
            assert_eq!((found, filter.is_equalities()), (expected, whole), "{text}");
        };
        check(r#"userName eq "x""#, &[("userName", json!("x"))], true);
        check(
            r#"id eq "1" and manager eq "2""#,
            &[("id", json!("1")), ("manager", json!("2"))],
            true,
        );
        check(r#"id eq "1" and title pr"#, &[("id", json!("1"))], false);
        check(r#"id eq "1" or id eq "2""#, &[], false);
        check(r#"not (id eq "1")"#, &[], false);
        let work = r#"emails[type eq "work"].value"#;
        check(&format!("{work} eq \"x\""), &[(work, json!("x"))], true);
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            ".{0,12}".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON has none", |f| f.is_finite()).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ]
    }

    fn compare(path: impl Strategy<Value = Path>) -> impl Strategy<Value = Filter> {
        (path, 0..Operator::ALL.len(), value()).prop_map(|(path, operator, value)| {
            match Operator::ALL[operator].0 {
                Operator::Pr => Filter::Compare(path, Operator::Pr, Value::Null),
                operator => Filter::Compare(path, operator, value),
            }
        })
    }

    fn tree(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::all),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::any),
                inner.prop_map(|inner| Filter::Not(Box::new(inner))),
            ]
        })
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let plain = "(urn:[a-z]{1,4}:x:)?[a-zA-Z][a-zA-Z0-9_-]{0,6}(\\.[a-z]{1,4})?"
            .prop_map(|text| Path::parse(&text).unwrap());
        let inner = tree(compare("[a-z]{1,4}".prop_map(Path::of)));
        let bracketed = ("[a-z]{1,4}", inner, prop::option::of("[a-z]{1,4}"))
            .prop_map(|(name, inner, sub)| Path {
                filter: Some(Box::new(inner)),
                sub,
                ..Path::of(name)
            })
            .boxed();
        let has = bracketed.clone().prop_map(|path| match path.sub {
            None => Filter::Has(path),
            Some(_) => Filter::Compare(path, Operator::Pr, Value::Null),
        });
        tree(prop_oneof![compare(plain), compare(bracketed), has])
    }

    proptest! {
        #[test]
        fn parsing_undoes_printing(filter in filter()) {
            prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
        }

        #[test]
        fn no_text_panics(text in r#"([a-z0-9.:\[\]()"\\ ]| (eq|and|or|not|pr) |\PC){0,40}"#) {
            if let Ok(filter) = Filter::parse(&text) {
                prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
            }
        }
    }
}
