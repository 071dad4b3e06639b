//! What is sent: for each attribute that a connector maps and a client may write, a value of the
//! right kind, known by its mark as one that may be thrown away.

use crate::{
    config::DisableFlow,
    scim::{AttributeKind, Path, Resource},
    space::{Flow, mapping::extension_urn},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ecma_plugin_sdk::{Access, Attribute};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// A mapped attribute that a client may write.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    /// Where SCIM has it.
    pub(super) path: Path,
    /// The kind of its values.
    pub(super) kind: AttributeKind,
    /// Whether it holds a list of plain values.
    pub(super) list: bool,
    /// Whether it may be left out.
    pub(super) optional: bool,
    /// Whether no two may have the same value.
    pub(super) unique: bool,
    /// Whether it is never shown.
    pub(super) hidden: bool,
    /// Whether it may change.
    pub(super) changes: bool,
    /// Whether upper and lower case differ when a client compares.
    pub(super) case_exact: bool,
    canonical: Vec<String>,
    given: Option<String>,
}

/// What there is to try out of one resource type.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) flow: Arc<Flow>,
    pub(super) leaves: Vec<Leaf>,
    /// The reference to a superior.
    pub(super) manager: Option<Path>,
    /// Whether others can be members.
    pub(super) members: bool,
    /// Whether `active` says something of the target.
    pub(super) active: bool,
    /// What looks for one.
    pub(super) matching: Path,
}

/// One throw-away object, as it should be.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) values: Vec<(Leaf, Json)>,
}

impl Plan {
    /// The plan of a flow; `given` are values of the operator's.
    pub(super) fn of(flow: &Arc<Flow>, matching: &Path, given: &[(Path, String)]) -> Plan {
        let mapping = &flow.mapping;
        let own = extension_urn(&mapping.resource);
        let mut mapped: Vec<(&str, Option<Path>, bool)> = Vec::new();
        for attribute in &mapping.attributes {
            let path = match &attribute.scim {
                Some(text) => Path::parse(text).ok(),
                None => Some(Path { schema: Some(own.clone()), ..Path::of(&attribute.target) }),
            };
            mapped.push((&attribute.target, path, attribute.single));
        }
        if let DisableFlow::Set { attribute, .. } = &mapping.deprovisioning.disable {
            mapped.push((attribute, Some(Path::of("active")), false));
        }
        let mut plan = Plan {
            flow: Arc::clone(flow),
            leaves: Vec::new(),
            manager: None,
            members: flow.links().iter().any(|link| link.path == Path::of("members")),
            active: false,
            matching: flow.schemas.canonical(matching).unwrap_or_else(|| matching.clone()),
        };
        for (target, path, single) in mapped {
            let Some(target) = flow.object_type.get(target) else { continue };
            let Some(mut path) = path.and_then(|path| flow.schemas.canonical(&path)) else {
                continue;
            };
            let leaf = flow.schemas.find(&path).and_then(|found| found.leaf());
            if path.sub.is_none() && leaf.is_some_and(|l| l.kind == AttributeKind::Complex) {
                path = path.with_sub("value");
            }
            plan.add(target, path, single, given);
        }
        plan
    }

    fn add(&mut self, target: &Attribute, path: Path, single: bool, given: &[(Path, String)]) {
        let refers = self.flow.behind(&path).is_some_and(|(_, rule)| rule.refers.is_some());
        let is_link = self.flow.links().iter().any(|link| link.target == target.name);
        if path.attribute == "manager" && refers {
            self.manager = Some(Path { sub: None, filter: None, ..path.clone() });
        }
        self.active |= path == Path::of("active");
        // Other objects are named in steps of their own; what the target makes is its own affair.
        let left_alone = refers || is_link || target.access == Access::ImportOnly;
        if left_alone || target.generated || self.leaves.iter().any(|known| known.path == path) {
            return;
        }
        let Some(found) = self.flow.schemas.find(&path) else { return };
        let Some(definition) = found.compared() else { return };
        let plain = path.sub.is_none() && path.filter.is_none();
        let same = |other: &Path| self.flow.schemas.canonical(other).as_ref() == Some(&path);
        let given = given.iter().find(|(other, _)| same(other)).map(|(_, text)| text.clone());
        if given.as_ref().is_some_and(String::is_empty) {
            return;
        }
        let hidden = target.access == Access::ExportOnly;
        self.leaves.push(Leaf {
            kind: definition.kind,
            list: plain && definition.multi_valued && !single,
            optional: !target.required && !target.anchor && !definition.required,
            unique: target.unique || target.anchor || path == self.matching,
            hidden,
            changes: !target.anchor && !hidden && given.is_none(),
            case_exact: definition.case_exact,
            canonical: definition.canonical_values.clone(),
            given,
            path,
        });
    }

    /// The leaf behind a path.
    pub(super) fn leaf(&self, path: &Path) -> Option<&Leaf> {
        self.leaves.iter().find(|leaf| leaf.path == *path)
    }

    /// An attribute of text that may be empty, to clear and to fill.
    pub(super) fn spare(&self) -> Option<&Leaf> {
        let fits = |leaf: &&Leaf| {
            leaf.kind == AttributeKind::String
                && leaf.optional
                && !leaf.unique
                && leaf.changes
                && !leaf.list
        };
        self.leaves.iter().find(fits)
    }

    /// The leaves that a PATCH may change, `active` apart.
    pub(super) fn changing(&self) -> impl Iterator<Item = &Leaf> {
        self.leaves.iter().filter(|leaf| leaf.changes && leaf.path != Path::of("active"))
    }

    /// A new object.
    pub(super) fn draft(&self, mark: &str, number: usize) -> Draft {
        let value = |leaf: &Leaf| (leaf.clone(), leaf.value(mark, number, 0));
        Draft { id: String::new(), values: self.leaves.iter().map(value).collect() }
    }
}

impl Leaf {
    /// The path as a client writes it.
    pub(super) fn text(&self) -> String {
        self.path.to_string()
    }

    /// The value of one object in one round of changes.
    pub(super) fn value(&self, mark: &str, number: usize, round: usize) -> Json {
        let value = self.single(mark, number, round);
        if self.list { Json::Array(vec![value]) } else { value }
    }

    fn single(&self, mark: &str, number: usize, round: usize) -> Json {
        if let Some(given) = &self.given {
            return match self.kind {
                AttributeKind::Boolean => json!(given.eq_ignore_ascii_case("true")),
                AttributeKind::Integer | AttributeKind::Decimal => {
                    serde_json::from_str(given).unwrap_or_else(|_| json!(given))
                }
                _ => json!(given),
            };
        }
        match self.kind {
            AttributeKind::Boolean => {
                json!(self.path == Path::of("active") || round.is_multiple_of(2))
            }
            AttributeKind::Integer if self.unique => {
                let digits = u64::from_str_radix(mark.rsplit('-').next().unwrap_or_default(), 16);
                json!(
                    1_000_000_000
                        + digits.unwrap_or_default() % 1_000_000 * 1000
                        + (number * 20 + round) as u64
                )
            }
            AttributeKind::Integer => json!(10 + number + round),
            AttributeKind::Decimal => json!(1.5 + round as f64),
            AttributeKind::DateTime => json!(format!("2031-01-{:02}T08:00:00Z", 1 + round % 28)),
            AttributeKind::Binary => json!(BASE64.encode(format!("{mark} {number} {round}"))),
            AttributeKind::Reference => {
                json!(format!("https://example.org/{mark}/{number}/{}/{round}", self.word()))
            }
            _ => json!(self.words(mark, number, round)),
        }
    }

    /// A short word that tells this attribute from its neighbors.
    fn word(&self) -> String {
        let text = self.path.filter.as_ref().map(ToString::to_string).unwrap_or_default();
        let kind = text.split('"').nth(1).unwrap_or_default();
        let end = self.path.sub.as_deref().unwrap_or_default();
        let parts = [self.path.attribute.as_str(), kind, end];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("-")
    }

    fn words(&self, mark: &str, number: usize, round: usize) -> String {
        if let Some(one) = self.canonical.get(round % self.canonical.len().max(1)) {
            return one.clone();
        }
        let one = |all: &[&str]| all[round % all.len()].to_owned();
        let end = self.path.sub.as_deref().unwrap_or(&self.path.attribute);
        match (self.path.attribute.as_str(), end) {
            ("userName", _) if self.path.schema.is_none() => {
                format!("{mark}-{number}-{round}@example.org")
            }
            ("emails", "value") => format!("{mark}-{number}-{}-{round}@example.org", self.word()),
            ("phoneNumbers", "value") => format!("+1 201 555 {:04}", 100 + number * 10 + round),
            ("password", _) => format!("Aa1-{mark}-{number}"),
            (_, "locale" | "preferredLanguage") => one(&["en-US", "de-DE"]),
            (_, "timezone") => one(&["Europe/Berlin", "America/Los_Angeles"]),
            (_, "country") => one(&["DE", "US"]),
            _ if self.unique => format!("{mark}-{number}-{round}"),
            _ => format!("{mark} {} {round}", self.word()),
        }
    }

    /// Whether a resource shows this value here. Moments may be written in several ways.
    pub(super) fn is_shown(&self, resource: &Resource, wanted: &Json) -> bool {
        let found = resource.get(&self.path);
        let wanted: Vec<&Json> = match wanted {
            Json::Array(all) => all.iter().collect(),
            one => vec![one],
        };
        let moment = |value: &Json| value.as_str()?.parse::<jiff::Timestamp>().ok();
        let same = |one: &Json, other: &Json| {
            one == other
                || self.kind == AttributeKind::DateTime
                    && moment(one).is_some_and(|one| Some(one) == moment(other))
        };
        found.len() == wanted.len()
            && wanted.iter().all(|wanted| found.iter().any(|found| same(found, wanted)))
    }
}

impl Draft {
    /// The value at a path.
    pub(super) fn get(&self, path: &Path) -> Option<&Json> {
        self.values.iter().find(|(leaf, _)| leaf.path == *path).map(|(_, value)| value)
    }

    /// Sets the value at a leaf; null clears it.
    pub(super) fn set(&mut self, leaf: &Leaf, value: Json) {
        self.values.retain(|(known, _)| known.path != leaf.path);
        if !value.is_null() {
            self.values.push((leaf.clone(), value));
        }
    }

    /// The body of a POST or PUT; `write` says how a value is written.
    pub(super) fn body(&self, plan: &Plan, write: impl Fn(&Json) -> Json) -> Resource {
        let mut resource = Resource::new();
        for (leaf, value) in &self.values {
            match write(value) {
                Json::Array(all) => resource.put_list(&leaf.path, all),
                one => resource.put(&leaf.path, vec![one]),
            }
        }
        resource.declare_schemas(&plan.flow.schemas);
        resource
    }

    /// What of it a resource does not show as it was written.
    pub(super) fn missing(&self, resource: &Resource) -> Vec<String> {
        let shown = self.values.iter().filter(|(leaf, _)| !leaf.hidden);
        let wrong = shown.filter(|(leaf, value)| !leaf.is_shown(resource, value));
        let found = |leaf: &Leaf| match resource.get(&leaf.path).as_slice() {
            [] => "nothing".to_owned(),
            [one] => one.to_string(),
            several => several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        wrong
            .map(|(leaf, value)| format!("{} is {value}, not {}", leaf.path, found(leaf)))
            .collect()
    }
}

/// As Microsoft writes booleans: in words.
pub(super) fn in_words(value: &Json) -> Json {
    match value {
        Json::Bool(true) => json!("True"),
        Json::Bool(false) => json!("False"),
        other => other.clone(),
    }
}
