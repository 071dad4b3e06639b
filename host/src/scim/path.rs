//! Attribute paths: `userName`, `name.givenName`, `emails[type eq "work"].value`, `urn:…:attribute`
//! (RFC 7644 §3.5.2 and §3.10). A path is only text here; [`super::ResourceSchemas`] gives it a type.

use super::filter::Filter;
use super::matching::loosely_equal;
use super::parser::Parser;
use super::{Error, ScimType};
use std::fmt;
use std::str::FromStr;

/// URNs of core schemas begin so; their attributes stand at the top of a resource.
const CORE: &str = "urn:ietf:params:scim:schemas:core:";

/// The place of a value in a resource.
///
/// A path that is only a schema's URN has an empty `attribute` and means all attributes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The URN in front of the attribute, as it was written.
    pub schema: Option<String>,
    /// The attribute.
    pub attribute: String,
    /// Which elements of a multi-valued attribute are meant; names in it are sub-attributes.
    pub filter: Option<Box<Filter>>,
    /// The sub-attribute.
    pub sub: Option<String>,
}

impl Path {
    /// Reads a path; what is not one is `invalidPath`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Parser::path(text).map_err(|detail| Error::new(ScimType::InvalidPath, detail))
    }

    /// The path of an attribute at the top of a resource.
    pub fn of(attribute: impl Into<String>) -> Self {
        Self { schema: None, attribute: attribute.into(), filter: None, sub: None }
    }

    /// This path with a sub-attribute.
    pub fn with_sub(mut self, sub: impl Into<String>) -> Self {
        self.sub = Some(sub.into());
        self
    }

    /// The URN under which the attribute stands in a resource; core attributes stand at the top.
    pub fn extension(&self) -> Option<&str> {
        self.schema.as_deref().filter(|urn| !starts_with(urn, CORE))
    }

    /// Whether writing one of the two paths may change what the other one shows.
    /// Both are taken to be spelled alike in their schema; case does not matter.
    pub fn overlaps(&self, other: &Path) -> bool {
        let same_schema = match (self.extension(), other.extension()) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
            _ => false,
        };
        if !same_schema {
            return false;
        }
        if self.attribute.is_empty() || other.attribute.is_empty() {
            return true;
        }
        if !self.attribute.eq_ignore_ascii_case(&other.attribute) {
            return false;
        }
        if let (Some(ours), Some(theirs)) = (&self.sub, &other.sub)
            && ours.eq_ignore_ascii_case("primary")
            && theirs.eq_ignore_ascii_case("primary")
        {
            return true; // setting one primary clears it in the other elements
        }
        // Writing a sub-attribute by which the other side selects moves elements in and out.
        if other.selects_by(self.sub.as_deref()) || self.selects_by(other.sub.as_deref()) {
            return true;
        }
        let disjoint = match (&self.filter, &other.filter) {
            (Some(ours), Some(theirs)) => ours != theirs && exclude_each_other(ours, theirs),
            _ => false,
        };
        let same_sub = match (&self.sub, &other.sub) {
            (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
            _ => true,
        };
        same_sub && !disjoint
    }

    fn selects_by(&self, sub: Option<&str>) -> bool {
        match (&self.filter, sub) {
            (Some(filter), Some(sub)) => filter.names(sub),
            _ => false,
        }
    }
}

/// Whether both filters want one sub-attribute to equal different values.
fn exclude_each_other(ours: &Filter, theirs: &Filter) -> bool {
    ours.equalities().iter().any(|(path, value)| {
        theirs.equalities().iter().any(|(other, wanted)| {
            other.attribute.eq_ignore_ascii_case(&path.attribute) && !loosely_equal(value, wanted)
        })
    })
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

impl Filter {
    /// Whether the filter looks at an attribute of this name.
    fn names(&self, name: &str) -> bool {
        match self {
            Filter::And(parts) | Filter::Or(parts) => parts.iter().any(|part| part.names(name)),
            Filter::Not(inner) => inner.names(name),
            Filter::Has(path) | Filter::Compare(path, ..) => {
                path.attribute.eq_ignore_ascii_case(name)
            }
        }
    }
}

impl FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            f.write_str(schema)?;
            if !self.attribute.is_empty() {
                f.write_str(":")?;
            }
        }
        f.write_str(&self.attribute)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, schema: Option<&str>, attribute: &str, sub: Option<&str>) {
        let path = Path::parse(text).unwrap();
        assert_eq!(
            (path.schema.as_deref(), path.attribute.as_str(), path.sub.as_deref()),
            (schema, attribute, sub),
            "{text}"
        );
        assert_eq!(path.to_string(), text.trim());
    }

    #[test]
    fn paths_are_taken_apart() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        check("userName", None, "userName", None);
        check(" name.givenName ", None, "name", Some("givenName"));
        check("members.$ref", None, "members", Some("$ref"));
        check(enterprise, Some(enterprise), "", None);
        check(&format!("{enterprise}:manager"), Some(enterprise), "manager", None);
        check(&format!("{enterprise}:manager.value"), Some(enterprise), "manager", Some("value"));
        check("URN:example:Custom:cost_center", Some("URN:example:Custom"), "cost_center", None);
        check(r#"emails[type eq "work"]"#, None, "emails", None);
        check(r#"emails[type eq "w\"]" and primary eq true].value"#, None, "emails", Some("value"));
        check(r#"urn:a:b:tags[value eq "a:b.c"].value"#, Some("urn:a:b"), "tags", Some("value"));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            " ",
            ".",
            "a.",
            ".a",
            "a.b.c",
            "a b",
            "a[",
            "a[]",
            "a[b]",
            "a[b eq 1",
            "a[b eq 1].",
            "a[b eq 1]c",
            "a.b[c eq 1]",
            "a[b[c eq 1]]",
            ":a",
            "urn:a:",
            "a]",
            "a,b",
            "name\"",
            "a(b)",
        ] {
            let refused = Path::parse(text).unwrap_err();
            assert_eq!(refused.scim_type, Some(ScimType::InvalidPath), "{text:?}");
        }
    }

    #[test]
    fn overlap_is_seen_from_both_sides() {
        let check = |left: &str, right: &str, expected: bool| {
            let (left, right) = (Path::parse(left).unwrap(), Path::parse(right).unwrap());
            assert_eq!(left.overlaps(&right), expected, "{left} and {right}");
            assert_eq!(right.overlaps(&left), expected, "{right} and {left}");
        };
        let work = r#"emails[type eq "work"]"#;
        let work_value = r#"emails[Type eq "WORK"].value"#;
        let home_value = r#"emails[type eq "home"].value"#;
        check("userName", "USERNAME", true);
        check("userName", "displayName", false);
        check("name", "name.givenName", true);
        check("name.familyName", "name.givenName", false);
        check("emails", work_value, true);
        check("emails.value", work_value, true);
        check("emails.display", work_value, false);
        check(work, work_value, true);
        check(work, r#"emails[type eq "home"]"#, false);
        check(work_value, home_value, false);
        let neither = r#"emails[type eq "work" and type eq "home"].value"#;
        check(neither, neither, true);
        check(work_value, "emails.type", true);
        check(r#"emails[type eq "work"].type"#, home_value, true);
        check(r#"emails[primary eq true].value"#, work_value, true);
        check(r#"emails[type eq "work"].primary"#, r#"emails[type eq "home"].primary"#, true);
        check("urn:a:b:2.0:User", "urn:A:B:2.0:User:x", true);
        check("urn:a:b:2.0:User", "x", false);
        check("urn:a:b:2.0:User:x", "x", false);
        check("urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName", true);
    }

    proptest! {
        #[test]
        fn printing_undoes_parsing(
            text in r#"(urn:[a-z]{1,5}(:[a-z]{1,3}){0,2}:(2\.0:User:)?)?[a-zA-Z][a-zA-Z0-9_-]{0,8}(\[[a-z]{1,4} (eq|ne) ("[a-z\]]{0,3}"|true|[1-9][0-9]{0,3})\])?(\.[$a-z]{1,5})?"#,
        ) {
            let path = Path::parse(&text).unwrap();
            prop_assert_eq!(path.to_string(), text);
            prop_assert_eq!(Path::parse(&path.to_string()).unwrap(), path);
        }

        #[test]
        fn no_text_panics(text in r#"([a-z.:\[\]()"\\ ]|\PC){0,40}"#) {
            if let Ok(path) = Path::parse(&text) {
                prop_assert_eq!(Path::parse(&path.to_string()).unwrap(), path);
            }
        }
    }
}
