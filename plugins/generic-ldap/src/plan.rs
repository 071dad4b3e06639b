//! Which entries and attributes are wanted, and how an entry of the directory becomes one of the host.

use crate::{
    client::{Client, Found, Search},
    delta,
    dn::{self, Name},
    enabled::ENABLED,
    export::add::required_lists,
    known, members, range,
    schema::{DN, DN_AS_ANCHOR, Field, Type},
    settings::{DeltaStrategy, Settings},
    target::Target,
    value,
};
use ecma_plugin_sdk::{
    Anchor, AttributeType, Dn, Entry, EntryId, Error, ErrorKind, ImportRun, Result, Value,
};
use std::collections::{BTreeSet, HashSet};

/// What is wanted of an object type.
struct Kind<'a> {
    kind: &'a Type,
    /// Names of attributes.
    wanted: HashSet<&'a str>,
    /// What its entries have to fit beside their class.
    filter: Option<&'a str>,
}

/// What an import or a look at single entries wants.
pub(crate) struct Plan<'a> {
    target: &'a Target,
    kinds: Vec<Kind<'a>>,
    asked: Vec<String>,
    include: Vec<Name>,
    exclude: Vec<Name>,
}

/// What an entry of the directory is to the host.
#[derive(Debug)]
pub(crate) enum Taken {
    /// An entry that is wanted.
    Entry(Box<Entry>),
    /// One that is not, or not any more; its anchor.
    Other(Option<String>),
}

impl<'a> Plan<'a> {
    /// What a run wants.
    pub(crate) fn of_run(target: &'a Target, run: &ImportRun) -> Result<Plan<'a>> {
        for selection in &run.selected {
            if target.types.get(&selection.object_type).is_none() {
                let text = format!("there is no object type {}", selection.object_type);
                return Err(Error::config(text));
            }
        }
        let names = |own: &[String], more: &[Dn]| -> Result<Vec<Name>> {
            let texts = own.iter().map(String::as_str).chain(more.iter().map(Dn::as_str));
            let read = texts.map(|text| Name::parse(text).map_err(|why| (text, why)));
            read.collect::<Result<_, _>>().map_err(|(text, why)| {
                Error::config(format!("\"{text}\" is no distinguished name: {why}"))
            })
        };
        let wanted = target.types.iter().filter(|kind| run.wants(&kind.name));
        let mut plan = Plan::of(target, wanted, |kind, name| run.wants_attribute(kind, name));
        plan.include = names(&target.settings.include_containers, &run.include)?;
        plan.exclude = names(&target.settings.exclude_containers, &run.exclude)?;
        Ok(plan)
    }

    /// All of an object type but the members of groups, which are many.
    pub(crate) fn without_members(target: &'a Target, kind: &'a Type) -> Plan<'a> {
        let is_list = |name: &str| {
            let attribute = kind.object_type.get(name);
            attribute.is_some_and(|a| a.multi_valued && a.kind == AttributeType::Reference)
        };
        Plan::of(target, std::iter::once(kind), |_, name| !is_list(name))
    }

    /// All of an object type.
    pub(crate) fn whole(target: &'a Target, kind: &'a Type) -> Plan<'a> {
        Plan::of(target, std::iter::once(kind), |_, _| true)
    }

    fn of(
        target: &'a Target,
        kinds: impl Iterator<Item = &'a Type>,
        wants: impl Fn(&str, &str) -> bool,
    ) -> Plan<'a> {
        let anchor = target.anchor_attribute();
        let mut asked = BTreeSet::from(["objectClass".to_owned()]);
        asked.extend(anchor.map(str::to_owned));
        if target.strategy() == DeltaStrategy::Timestamp {
            asked.extend(delta::TIMES.map(str::to_owned));
        }
        let kinds: Vec<Kind<'a>> = kinds
            .map(|kind| {
                let names = kind.object_type.attributes.iter().map(|a| a.name.as_str());
                let wanted: HashSet<&str> = names.filter(|name| wants(&kind.name, name)).collect();
                let fields = kind.fields.iter().filter(|field| field.is_readable());
                let fields = fields.filter(|field| wanted.contains(field.name.as_str()));
                asked.extend(fields.map(|field| field.wire.clone()));
                let enabled = target.enabled.as_ref().filter(|_| wanted.contains(ENABLED));
                asked.extend(enabled.map(|enabled| enabled.attribute.clone()));
                let filter = Settings::of_type(&target.settings.filters, &kind.name);
                Kind { kind, wanted, filter }
            })
            .collect();
        let asked = asked.into_iter().collect();
        Plan { target, kinds, asked, include: Vec::new(), exclude: Vec::new() }
    }

    /// The attributes to be asked for.
    pub(crate) fn asked(&self) -> &[String] {
        &self.asked
    }

    /// The first object type that is wanted.
    pub(crate) fn object_type(&self) -> &str {
        self.kinds.first().map_or("", |kind| kind.kind.name.as_str())
    }

    /// What entries have to fit.
    pub(crate) fn filter(&self) -> String {
        either(self.kinds.iter().map(|kind| match kind.filter {
            Some(filter) => format!("(&{}{filter})", kind.kind.filter()),
            None => kind.kind.filter(),
        }))
    }

    /// What entries have to fit, the filters of the settings left out.
    pub(crate) fn classes_filter(&self) -> String {
        either(self.kinds.iter().map(|kind| kind.kind.filter()))
    }

    /// A filter for entries that fit this one, and for containers: with a container's name change those
    /// of all that stands below, and no server counts that as a change of them.
    pub(crate) fn with_containers(&self, filter: &str) -> String {
        let classes = known::CONTAINERS.map(|class| format!("(objectClass={class})"));
        format!("(|{filter}{})", classes.concat())
    }

    /// Where a full import of this base looks: the chosen containers in it, or the base itself.
    pub(crate) fn roots(&self, base: &str) -> Result<Vec<String>> {
        let whole = Name::parse(base).map_err(|why| {
            Error::config(format!("base: \"{base}\" is no distinguished name: {why}"))
        })?;
        if self.include.is_empty() || self.include.iter().any(|name| whole.is_within(name)) {
            return Ok(vec![base.to_owned()]);
        }
        let inside = self.include.iter().filter(|name| name.is_within(&whole));
        // What stands below another one is found with that.
        let topmost = inside.filter(|name| !self.include.iter().any(|o| name.is_below(o)));
        Ok(topmost.map(ToString::to_string).collect())
    }

    fn is_inside(&self, dn: &str) -> bool {
        if self.include.is_empty() && self.exclude.is_empty() {
            return true;
        }
        let Ok(name) = Name::parse(dn) else { return false };
        let included = self.include.is_empty() || self.include.iter().any(|c| name.is_within(c));
        included && !self.exclude.iter().any(|container| name.is_within(container))
    }

    /// What the entries of a page are to the host; an error is about the entry alone.
    pub(crate) fn take(
        &self,
        client: &mut Client,
        mut page: Vec<Found>,
    ) -> Result<Vec<(Found, Result<Taken>)>> {
        for found in &mut page {
            range::complete(client, found)?;
        }
        members::read(client, self.target, &mut page)?;
        let taken = |found: Found| {
            let taken = self.one(&found);
            (found, taken)
        };
        Ok(page.into_iter().map(taken).collect())
    }

    /// Whether an entry that was found without the filters of the settings fits them.
    pub(crate) fn fits(&self, client: &mut Client, found: &Found) -> Result<bool> {
        let filter = self.kind_of(found).and_then(|kind| kind.filter);
        let Some(filter) = filter else { return Ok(true) };
        let search = Search {
            filter: filter.to_owned(),
            ..Search::entry(found.dn.as_str(), &["1.1".to_owned()])
        };
        Ok(client.find(&search)?.is_some())
    }

    fn kind_of(&self, found: &Found) -> Option<&Kind<'a>> {
        let kind = self.target.types.of(&found.texts("objectClass"))?;
        self.kinds.iter().find(|known| known.kind.name == kind.name)
    }

    /// The anchor of an entry.
    pub(crate) fn anchor(&self, found: &Found) -> Result<String> {
        anchor(self.target, found)
    }

    fn one(&self, found: &Found) -> Result<Taken> {
        let Some(kind) = self.kind_of(found).filter(|_| self.is_inside(&found.dn)) else {
            return Ok(Taken::Other(self.anchor(found).ok()));
        };
        let id = id(self.target, &kind.kind.name, found)?;
        let dn = id.dn.clone();
        let mut entry = Entry::with_id(id);
        for (wire, values) in &found.attributes {
            let field = kind.kind.field_on_wire(wire).filter(|field| field.is_readable());
            // The anchor is said by the id.
            let is_anchor =
                |field: &Field| self.target.anchor_attribute() == Some(field.name.as_str());
            let field = field.filter(|field| !is_anchor(field));
            let Some(field) = field.filter(|field| kind.wanted.contains(field.name.as_str()))
            else {
                continue;
            };
            // A group that must have a member has itself when it has no other.
            let has_itself = required_lists(kind.kind).any(|list| list == field.wire);
            let is_own =
                |value: &Value| has_itself && value.as_text() == dn.as_ref().map(Dn::as_str);
            let values = values.iter().map(|bytes| field.read(bytes).map(named));
            let values: Result<Vec<Value>, String> = values.collect();
            let mut values = values.map_err(|why| Error::invalid(&field.name, why))?;
            values.retain(|value| !is_own(value));
            entry.put(field.name.as_str(), values);
        }
        if let Some(enabled) =
            self.target.enabled.as_ref().filter(|_| kind.wanted.contains(ENABLED))
        {
            entry.put(ENABLED, vec![Value::Boolean(enabled.read(found))]);
        }
        if let Some(dn) = dn.filter(|_| kind.wanted.contains(DN)) {
            entry.put(DN, vec![Value::Text(dn.as_str().to_owned())]);
        }
        Ok(Taken::Entry(Box::new(entry)))
    }

    /// The identities that an entry with this anchor can have.
    pub(crate) fn ids<'s>(&'s self, anchor: &'s str) -> impl Iterator<Item = EntryId> + 's {
        let name = self.target.anchor_attribute().unwrap_or(DN_AS_ANCHOR);
        self.kinds.iter().map(move |kind| EntryId {
            object_type: kind.kind.name.clone(),
            anchor: Anchor::new([(name, anchor)]),
            dn: None,
        })
    }
}

/// The anchor of an entry.
pub(crate) fn anchor(target: &Target, found: &Found) -> Result<String> {
    let Some(name) = target.anchor_attribute() else {
        return Ok(dn::canonical(&found.dn).into_owned());
    };
    let missing = || {
        let text = format!("{} has no {name}, or hides it from this account", found.dn);
        Error::new(ErrorKind::Invalid, text)
    };
    let bytes = found.first(name).ok_or_else(missing)?;
    let value =
        value::decode(target.anchor_form, bytes).map_err(|why| Error::invalid(name, why))?;
    Ok(value.to_string())
}

/// What the host calls an entry of this object type.
pub(crate) fn id(target: &Target, object_type: &str, found: &Found) -> Result<EntryId> {
    let name = target.anchor_attribute().unwrap_or(DN_AS_ANCHOR);
    Ok(EntryId {
        object_type: object_type.to_owned(),
        anchor: Anchor::new([(name, anchor(target, found)?)]),
        dn: Some(Dn::new(dn::canonical(&found.dn))),
    })
}

/// A reference in the one way in which names are written here.
fn named(value: Value) -> Value {
    match value {
        Value::Reference(text) => Value::Reference(dn::canonical(&text).into_owned()),
        value => value,
    }
}

fn either(filters: impl Iterator<Item = String>) -> String {
    let filters: BTreeSet<String> = filters.collect();
    match filters.len() {
        1 => filters.into_iter().collect(),
        _ => format!("(|{})", filters.into_iter().collect::<String>()),
    }
}
