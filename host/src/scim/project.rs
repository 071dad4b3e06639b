//! Which attributes of a resource an answer shows (RFC 7644 §3.9, RFC 7643 §2.2 `returned`).

use super::path::Path;
use super::schema::{AttributeDefinition, Returned};
use super::schemas::ResourceSchemas;
use super::{Error, Resource};
use serde_json::{Map, Value};

/// What a client asked to see with `attributes` and `excludedAttributes`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Projection {
    /// Only these, and those that are always returned; empty asks for the default.
    pub attributes: Vec<Path>,
    /// The default without these.
    pub excluded: Vec<Path>,
}

impl Projection {
    /// Reads the two query parameters, lists with commas between the paths.
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>) -> Result<Self, Error> {
        let paths = |text: Option<&str>| {
            split(text.unwrap_or_default()).into_iter().map(Path::parse).collect::<Result<_, _>>()
        };
        Ok(Self { attributes: paths(attributes)?, excluded: paths(excluded)? })
    }

    /// Reads the lists of a search request.
    pub fn of_lists(attributes: &[String], excluded: &[String]) -> Result<Self, Error> {
        Self::parse(Some(&attributes.join(",")), Some(&excluded.join(",")))
    }
}

/// The parts between commas that do not stand in brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}

/// The resource as it is shown. What the schemas do not know is shown unless `attributes` is given.
pub fn project(
    resource: &Resource,
    projection: &Projection,
    schemas: &ResourceSchemas,
) -> Resource {
    let canonical =
        |paths: &[Path]| paths.iter().filter_map(|path| schemas.canonical(path)).collect();
    let choice = Choice {
        only: !projection.attributes.is_empty(),
        wanted: canonical(&projection.attributes),
        excluded: canonical(&projection.excluded),
    };
    let mut shown = Map::new();
    for (name, value) in resource.as_map() {
        let value = match schemas.extension(name) {
            Some(extension) => {
                let urn = Some(extension.schema.id.as_str());
                let inner = value.as_object().map(|inner| {
                    let shown = inner.iter().filter_map(|(name, value)| {
                        let path = Path { schema: urn.map(str::to_owned), ..Path::of(name) };
                        Some((name.clone(), choice.attribute(path, value, schemas)?))
                    });
                    shown.collect::<Map<_, _>>()
                });
                inner.filter(|inner| !inner.is_empty()).map(Value::Object)
            }
            None => choice.attribute(Path::of(name), value, schemas),
        };
        if let Some(value) = value {
            shown.insert(name.clone(), value);
        }
    }
    Resource::from(shown)
}

struct Choice {
    only: bool,
    wanted: Vec<Path>,
    excluded: Vec<Path>,
}

impl Choice {
    fn attribute(&self, path: Path, value: &Value, schemas: &ResourceSchemas) -> Option<Value> {
        let Some(attribute) = schemas.definition(&path) else {
            return (!self.only).then(|| value.clone());
        };
        let asked = |paths: &[Path]| -> Asked {
            let mut subs = Vec::new();
            for one in paths.iter().filter(|one| one.extension() == path.extension()) {
                if one.attribute.is_empty() || one.attribute == path.attribute {
                    match &one.sub {
                        None => return Asked::Whole,
                        Some(sub) => subs.push(sub.clone()),
                    }
                }
            }
            if subs.is_empty() { Asked::No } else { Asked::Parts(subs) }
        };
        match (attribute.returned, self.only) {
            (Returned::Never, _) => None,
            (Returned::Always, _) => self.parts(attribute, value, &Asked::Default, &Asked::No),
            (_, true) => match (asked(&self.wanted), asked(&self.excluded)) {
                (Asked::No, _) | (_, Asked::Whole) => None,
                (wanted, excluded) => self.parts(attribute, value, &wanted, &excluded),
            },
            (Returned::Request, false) => None,
            (Returned::Default, false) => match asked(&self.excluded) {
                Asked::Whole => None,
                excluded => self.parts(attribute, value, &Asked::Default, &excluded),
            },
        }
    }

    fn parts(
        &self,
        attribute: &AttributeDefinition,
        value: &Value,
        wanted: &Asked,
        excluded: &Asked,
    ) -> Option<Value> {
        let shows = |name: &str| match attribute.sub(name).map(|sub| sub.returned) {
            Some(Returned::Always) => true,
            Some(Returned::Never) => false,
            Some(Returned::Request) => matches!(wanted, Asked::Whole) || wanted.names(name),
            _ => {
                let whole = matches!(wanted, Asked::Whole | Asked::Default);
                (whole || wanted.names(name)) && !excluded.names(name)
            }
        };
        match value {
            Value::Object(members) => {
                let members = members.iter().filter(|(name, _)| shows(name));
                let members: Map<_, _> =
                    members.map(|(name, value)| (name.clone(), value.clone())).collect();
                (!members.is_empty()).then_some(Value::Object(members))
            }
            Value::Array(list) => {
                let list = list.iter();
                let list: Vec<_> = list
                    .filter_map(|element| self.parts(attribute, element, wanted, excluded))
                    .collect();
                (!list.is_empty()).then_some(Value::Array(list))
            }
            scalar => Some(scalar.clone()),
        }
    }
}

/// How much of an attribute is asked for, or excluded.
enum Asked {
    No,
    /// What is shown unasked.
    Default,
    Parts(Vec<String>),
    Whole,
}

impl Asked {
    fn names(&self, sub: &str) -> bool {
        matches!(self, Asked::Parts(names) if names.iter().any(|name| name.eq_ignore_ascii_case(sub)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::AttributeKind;
    use super::super::standard::{self, ENTERPRISE_USER};
    use super::*;
    use serde_json::json;

    fn check(attributes: Option<&str>, excluded: Option<&str>, expected: Value) {
        let mut core = standard::user();
        core.attributes.push(
            AttributeDefinition::new("photo", AttributeKind::Binary).returned(Returned::Request),
        );
        let schemas = ResourceSchemas::new(core, vec![(standard::enterprise_user(), false)]);
        let resource: Resource = serde_json::from_value(json!({
            "schemas": ["u"], "id": "1", "userName": "kim", "password": "secret", "photo": "AA==",
            "name": {"givenName": "Kim", "familyName": "Lee"},
            "emails": [{"type": "work", "value": "w"}, {"type": "home"}],
            ENTERPRISE_USER: {"division": "d", "department": "e"}
        }))
        .unwrap();
        let projection = Projection::parse(attributes, excluded).unwrap();
        let shown = project(&resource, &projection, &schemas);
        assert_eq!(Value::from(shown), expected, "{attributes:?} {excluded:?}");
    }

    #[test]
    fn answers_show_what_was_asked() {
        let emails = json!([{"type": "work", "value": "w"}, {"type": "home"}]);
        check(
            None,
            Some("name.givenName, EMAILS,id,schemas"),
            json!({"schemas": ["u"], "id": "1", "userName": "kim", "name": {"familyName": "Lee"},
                   ENTERPRISE_USER: {"division": "d", "department": "e"}}),
        );
        check(Some("ID"), None, json!({"schemas": ["u"], "id": "1"}));
        check(
            Some(r#"emails[type eq "a,b"],name.FAMILYNAME,photo,password,nope"#),
            None,
            json!({"schemas": ["u"], "id": "1", "photo": "AA==", "emails": emails,
                   "name": {"familyName": "Lee"}}),
        );
        check(
            Some("emails.value"),
            None,
            json!({"schemas": ["u"], "id": "1", "emails": [{"value": "w"}]}),
        );
        check(
            Some(&format!("{ENTERPRISE_USER}:division")),
            None,
            json!({"schemas": ["u"], "id": "1", ENTERPRISE_USER: {"division": "d"}}),
        );
        check(
            Some(ENTERPRISE_USER),
            Some("department"),
            json!({"schemas": ["u"], "id": "1", ENTERPRISE_USER: {"division": "d"}}),
        );
        check(
            None,
            Some(&format!("{ENTERPRISE_USER},userName,name,emails")),
            json!({"schemas": ["u"], "id": "1"}),
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        assert!(Projection::parse(Some("a b"), None).is_err());
        assert_eq!(Projection::parse(Some(" ,"), Some("")).unwrap(), Projection::default());
    }
}
