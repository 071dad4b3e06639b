//! The schemas of one resource type, and the look-up from a path to its definition.

use super::filter::Filter;
use super::path::Path;
use super::schema::{AttributeDefinition, AttributeKind, Schema};
use super::{dialect, standard};
use serde_json::Value;

/// An extension of a resource type.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// Its schema.
    pub schema: Schema,
    /// Whether each resource must have it.
    pub required: bool,
    index: Index,
}

/// The schemas of one resource type: a core schema, its extensions and the common attributes
/// (`schemas`, `id`, `externalId`, `meta`), with a look-up that ignores case.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceSchemas {
    core: Schema,
    common: Vec<AttributeDefinition>,
    index: Index,
    extensions: Vec<Extension>,
}

/// What a path means in the schemas of a resource type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'s> {
    /// The extension it lies in.
    pub extension: Option<&'s Schema>,
    /// The attribute; a path that is only a URN has none.
    pub attribute: Option<&'s AttributeDefinition>,
    /// The sub-attribute, if the path names one.
    pub sub: Option<&'s AttributeDefinition>,
}

impl<'s> Found<'s> {
    /// The definition of what the path ends in.
    pub fn leaf(&self) -> Option<&'s AttributeDefinition> {
        self.sub.or(self.attribute)
    }

    /// The definition that a comparison uses: of a complex attribute, that of its `value`.
    pub fn compared(&self) -> Option<&'s AttributeDefinition> {
        let leaf = self.leaf()?;
        if leaf.kind == AttributeKind::Complex { leaf.sub("value") } else { Some(leaf) }
    }
}

impl ResourceSchemas {
    /// Schemas of a resource type; each extension says whether it is required.
    pub fn new(core: Schema, extensions: Vec<(Schema, bool)>) -> Self {
        let common = standard::common();
        let index = Index::over(core.attributes.iter().chain(&common));
        let extensions = extensions
            .into_iter()
            .map(|(schema, required)| Extension {
                index: Index::over(schema.attributes.iter()),
                schema,
                required,
            })
            .collect();
        Self { core, common, index, extensions }
    }

    /// The core schema.
    pub fn core(&self) -> &Schema {
        &self.core
    }

    /// The extensions.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The core schema and those of the extensions.
    pub fn all(&self) -> impl Iterator<Item = &Schema> {
        std::iter::once(&self.core).chain(self.extensions.iter().map(|one| &one.schema))
    }

    /// The attributes that stand at the top of a resource: common and core.
    pub fn top(&self) -> impl Iterator<Item = &AttributeDefinition> {
        self.common.iter().chain(&self.core.attributes)
    }

    /// The extension of that URN, in any case.
    pub fn extension(&self, urn: &str) -> Option<&Extension> {
        self.extensions.iter().find(|one| one.schema.id.eq_ignore_ascii_case(urn))
    }

    /// What a path means here. An attribute without a URN is looked for in the core schema, then in
    /// the extensions: clients write `manager` for the one of the enterprise extension.
    pub fn find(&self, path: &Path) -> Option<Found<'_>> {
        let Some(urn) = &path.schema else {
            return self.find_at_top(path).or_else(|| {
                self.extensions.iter().find_map(|one| find_in_extension(one, &path.attribute, path))
            });
        };
        if urn.eq_ignore_ascii_case(&self.core.id) {
            return if path.attribute.is_empty() {
                Some(Found { extension: None, attribute: None, sub: None })
            } else {
                self.find_at_top(path)
            };
        }
        for one in &self.extensions {
            let id = &one.schema.id;
            if id.eq_ignore_ascii_case(urn) {
                return find_in_extension(one, &path.attribute, path);
            }
            // The text alone does not tell where the URN ends; a known URN does.
            if let Some((front, last)) = id.rsplit_once(':')
                && front.eq_ignore_ascii_case(urn)
                && last.eq_ignore_ascii_case(&path.attribute)
            {
                return find_in_extension(one, "", path);
            }
            if path.attribute.is_empty()
                && let Some((front, last)) = urn.rsplit_once(':')
                && id.eq_ignore_ascii_case(front)
            {
                return find_in_extension(one, last, path);
            }
        }
        None
    }

    fn find_at_top(&self, path: &Path) -> Option<Found<'_>> {
        let at = self.index.find(&path.attribute)?;
        let core = self.core.attributes.len();
        let attribute = if at < core { &self.core.attributes[at] } else { &self.common[at - core] };
        with_sub(Found { extension: None, attribute: Some(attribute), sub: None }, path)
    }

    /// The definition of what a path ends in.
    pub fn definition(&self, path: &Path) -> Option<&AttributeDefinition> {
        self.find(path)?.leaf()
    }

    /// The path in the schema's spelling: core attributes without a URN, extension attributes with
    /// theirs. None for what the schemas do not know.
    pub fn canonical(&self, path: &Path) -> Option<Path> {
        let found = self.find(path)?;
        let filter = path.filter.as_ref().map(|filter| {
            let mut filter = filter.clone();
            if let Some(attribute) = found.attribute {
                respell(&mut filter, attribute);
            }
            filter
        });
        Some(Path {
            schema: match found.extension {
                Some(schema) => Some(schema.id.clone()),
                None if found.attribute.is_none() => Some(self.core.id.clone()),
                None => None,
            },
            attribute: found.attribute.map(|one| one.name.clone()).unwrap_or_default(),
            filter,
            sub: found.sub.map(|sub| sub.name.clone()),
        })
    }
}

fn find_in_extension<'s>(one: &'s Extension, attribute: &str, path: &Path) -> Option<Found<'s>> {
    let mut found = Found { extension: Some(&one.schema), attribute: None, sub: None };
    if attribute.is_empty() {
        return Some(found);
    }
    found.attribute = Some(&one.schema.attributes[one.index.find(attribute)?]);
    with_sub(found, path)
}

fn with_sub<'s>(mut found: Found<'s>, path: &Path) -> Option<Found<'s>> {
    if let Some(name) = &path.sub {
        found.sub = Some(found.attribute?.sub(name)?);
    }
    Some(found)
}

/// Gives the sub-attributes in a value filter their spelling, and booleans their type.
fn respell(filter: &mut Filter, attribute: &AttributeDefinition) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            parts.iter_mut().for_each(|part| respell(part, attribute));
        }
        Filter::Not(inner) => respell(inner, attribute),
        Filter::Has(path) | Filter::Compare(path, ..) => {
            let Some(sub) = attribute.sub(&path.attribute) else { return };
            path.attribute.clone_from(&sub.name);
            if let Filter::Compare(_, _, value) = filter
                && sub.kind == AttributeKind::Boolean
                && let Some(boolean) = dialect::boolean(value)
            {
                *value = Value::Bool(boolean);
            }
        }
    }
}

/// Lower-case names in order, each with its place; found without allocating.
#[derive(Debug, Clone, PartialEq)]
struct Index(Box<[(Box<str>, usize)]>);

impl Index {
    fn over<'s>(attributes: impl Iterator<Item = &'s AttributeDefinition>) -> Self {
        let mut names: Vec<_> = attributes
            .enumerate()
            .map(|(at, one)| (one.name.to_ascii_lowercase().into_boxed_str(), at))
            .collect();
        names.sort();
        names.dedup_by(|later, earlier| later.0 == earlier.0);
        Self(names.into())
    }

    fn find(&self, name: &str) -> Option<usize> {
        let wanted = || name.bytes().map(|byte| byte.to_ascii_lowercase());
        let at = self.0.binary_search_by(|(known, _)| known.bytes().cmp(wanted())).ok()?;
        Some(self.0[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas() -> ResourceSchemas {
        let custom = Schema {
            id: "urn:example:people:Custom".into(),
            name: "Custom".into(),
            description: String::new(),
            attributes: vec![AttributeDefinition::new("Badge_No", AttributeKind::String)],
        };
        let extensions = vec![(standard::enterprise_user(), false), (custom, false)];
        ResourceSchemas::new(standard::user(), extensions)
    }

    fn check(path: &str, expected: Option<&str>) {
        let path = Path::parse(path).unwrap();
        let canonical = schemas().canonical(&path).map(|found| found.to_string());
        assert_eq!(canonical.as_deref(), expected, "{path}");
    }

    #[test]
    fn paths_get_the_schemas_spelling() {
        let enterprise = standard::ENTERPRISE_USER;
        check("USERNAME", Some("userName"));
        check("Name.GivenName", Some("name.givenName"));
        check("name.nope", None);
        check("PLACEHOLDER", None);
        check("id", Some("id"));
        check("meta.LASTMODIFIED", Some("meta.lastModified"));
        check("urn:ietf:params:scim:schemas:core:2.0:user:username", Some("userName"));
        check("URN:ietf:params:scim:schemas:CORE:2.0:User", Some(standard::USER));
        check("urn:ietf:params:scim:schemas:core:2.0:Group:displayName", None);
        check("Manager", Some(&format!("{enterprise}:manager")));
        check(&enterprise.to_uppercase(), Some(enterprise));
        check(&format!("{enterprise}:MANAGER.value"), Some(&format!("{enterprise}:manager.value")));
        check("urn:example:people:custom", Some("urn:example:people:Custom"));
        check("urn:example:people:custom:badge_no", Some("urn:example:people:Custom:Badge_No"));
        check(r#"EMAILS[Primary eq "True"].VALUE"#, Some("emails[primary eq true].value"));
    }

    #[test]
    fn a_schema_has_no_nulls() {
        for schema in schemas().all() {
            let text = schema.to_json("https://host/scim").to_string();
            assert!(!text.contains("null"), "{text}");
            assert!(text.contains(&format!("https://host/scim/Schemas/{}", schema.id)));
        }
    }
}
