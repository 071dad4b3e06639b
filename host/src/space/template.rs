//! A resource as JSON text, written straight from a row.
//!
//! The text is that of [`super::Flow::resource`], member for member; building a tree first and
//! writing it then costs several times as much, and look-ups are most of what clients ask. A mapping
//! of unusual shape has no template and goes by the tree.

use super::{cache::Space, flow::Flow, identity::ResourceId, row, rows::Stored, rule::Rule};
use crate::scim::{AttributeKind, Filter, Operator, ResourceSchemas};
use ecma_plugin_sdk::page::{Cell, Tag};
use jiff::fmt::{StdIoWrite, temporal::DateTimePrinter};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The members of a resource, in the order of their names.
#[derive(Debug)]
pub(super) struct Template(Vec<Member>);

#[derive(Debug)]
struct Member {
    /// Comma, name and colon, as they are written.
    key: String,
    node: Node,
}

impl Member {
    fn new(name: &str, node: Node) -> Member {
        Member { key: format!(",{}:", quoted(name)), node }
    }
}

#[derive(Debug)]
enum Node {
    /// The values of one rule.
    Rule(Leaf),
    /// The entry that a value names.
    Reference(Leaf),
    Groups,
    Object(Vec<Member>),
    /// Elements of a list, each with a type of its own.
    Elements(Vec<Element>),
    /// A text that is there when anything beside it is.
    Constant(String),
    Active,
    Id,
    Meta,
    /// The core schema, and the extensions with the rules that use them.
    Schemas(String, Vec<(String, Vec<(usize, usize)>)>),
}

#[derive(Debug)]
struct Leaf {
    rule: usize,
    number: usize,
    list: bool,
    /// Whether it is one value that is shown as the text it is, if it is a text.
    plain: bool,
}

#[derive(Debug)]
struct Element {
    numbers: Vec<usize>,
    members: Vec<Member>,
}

enum Draft {
    Rule(Leaf),
    Reference(Leaf),
    Object(BTreeMap<String, Draft>),
    Elements(Vec<(String, BTreeMap<String, Draft>)>),
}

/// A row taken apart: cells, and where those of each attribute stand.
struct Cells<'a> {
    all: Vec<Cell<'a>>,
    places: Vec<(u32, u32)>,
}

impl<'a> Cells<'a> {
    fn of(bytes: &'a [u8], attributes: usize) -> Cells<'a> {
        let mut cells =
            Cells { all: Vec::with_capacity(attributes), places: vec![(0, 0); attributes] };
        for cell in row::cells(bytes) {
            let at = cells.all.len() as u32;
            if let Some(place) = cells.places.get_mut(cell.attribute as usize) {
                if place.0 == place.1 {
                    place.0 = at;
                }
                place.1 = at + 1;
                cells.all.push(cell);
            }
        }
        cells
    }

    fn get(&self, number: usize) -> &[Cell<'a>] {
        let (from, to) = self.places[number];
        &self.all[from as usize..to as usize]
    }
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

impl Template {
    /// The template of these rules; `None` for a shape it does not know.
    pub(super) fn new(
        rules: &[Rule],
        by_number: &[Vec<usize>],
        shows_active: bool,
        shows_groups: bool,
        schemas: &ResourceSchemas,
    ) -> Option<Template> {
        let mut root = BTreeMap::new();
        let extensions = schemas.extensions().iter().map(|one| (one.schema.id.clone(), Vec::new()));
        let mut extensions: Vec<(String, Vec<(usize, usize)>)> = extensions.collect();
        for (number, rules_of) in by_number.iter().enumerate() {
            for at in rules_of {
                let rule = &rules[*at];
                let scope = match rule.path.extension() {
                    None => &mut root,
                    Some(urn) => {
                        let used = extensions.iter_mut().find(|(known, _)| known == urn)?;
                        used.1.push((*at, number));
                        object(&mut root, urn)?
                    }
                };
                let list = rule.list || rule.multi_valued;
                insert(
                    scope,
                    rule,
                    Leaf { rule: *at, number, list, plain: !list && is_shown_as_text(rule) },
                )?;
            }
        }
        let mut members = finish(root);
        let mut add = |name: &str, node| members.push(Member::new(name, node));
        if shows_active {
            add("active", Node::Active);
        }
        if shows_groups {
            add("groups", Node::Groups);
        }
        add("id", Node::Id);
        add("meta", Node::Meta);
        add("schemas", Node::Schemas(schemas.core().id.clone(), extensions));
        members.sort_by(|one, other| one.key.cmp(&other.key));
        Some(Template(members))
    }

    /// Appends the text of a row's resource.
    pub(super) fn write(
        &self,
        flow: &Flow,
        space: &Space,
        stored: &Stored<'_>,
        base: &str,
        out: &mut Vec<u8>,
    ) {
        let layout = space.layout();
        let attributes = layout.types[flow.number as usize].kept.len();
        let cells = Cells::of(stored.bytes, attributes);
        let id = ResourceId::of(layout, stored.bytes);
        Writer { flow, space, stored, id, base, cells, out }.object(&self.0);
    }
}

fn object<'m>(
    scope: &'m mut BTreeMap<String, Draft>,
    name: &str,
) -> Option<&'m mut BTreeMap<String, Draft>> {
    let draft = scope.entry(name.to_owned()).or_insert_with(|| Draft::Object(BTreeMap::new()));
    match draft {
        Draft::Object(members) => Some(members),
        _ => None,
    }
}

fn insert(scope: &mut BTreeMap<String, Draft>, rule: &Rule, leaf: Leaf) -> Option<()> {
    let name = &rule.path.attribute;
    if rule.refers.is_some() {
        let is_whole = rule.path.filter.is_none() && !rule.multi_valued && !rule.list;
        let taken = scope.insert(name.clone(), Draft::Reference(leaf)).is_some();
        return (is_whole && !taken).then_some(());
    }
    let (members, sub, leaf) = match (&rule.path.filter, &rule.path.sub) {
        (None, None) => (scope, name, leaf),
        (None, Some(sub)) if !leaf.list => (object(scope, name)?, sub, leaf),
        (Some(filter), Some(sub)) if !rule.multi_valued => {
            let kind = element_type(filter)?;
            let draft = scope.entry(name.clone()).or_insert_with(|| Draft::Elements(Vec::new()));
            let Draft::Elements(elements) = draft else { return None };
            let at = elements.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
                elements.push((kind, BTreeMap::new()));
                elements.len() - 1
            });
            (&mut elements[at].1, sub, Leaf { list: false, ..leaf })
        }
        _ => return None,
    };
    let taken = members.insert(sub.clone(), Draft::Rule(leaf)).is_some();
    (!taken).then_some(())
}

/// The type that `type eq "work"` asks for.
fn element_type(filter: &Filter) -> Option<String> {
    match filter {
        Filter::Compare(path, Operator::Eq, Json::String(kind))
            if path.attribute == "type" && path.sub.is_none() && path.schema.is_none() =>
        {
            Some(kind.clone())
        }
        _ => None,
    }
}

fn finish(members: BTreeMap<String, Draft>) -> Vec<Member> {
    let node = |draft| match draft {
        Draft::Rule(leaf) => Node::Rule(leaf),
        Draft::Reference(leaf) => Node::Reference(leaf),
        Draft::Object(members) => Node::Object(finish(members)),
        Draft::Elements(elements) => Node::Elements(
            elements
                .into_iter()
                .map(|(kind, members)| {
                    let numbers = members.values().filter_map(|draft| match draft {
                        Draft::Rule(leaf) => Some(leaf.number),
                        _ => None,
                    });
                    let numbers = numbers.collect();
                    let mut members = finish(members);
                    let constant = Node::Constant(quoted(&kind));
                    members.push(Member::new("type", constant));
                    members.sort_by(|one, other| one.key.cmp(&other.key));
                    Element { numbers, members }
                })
                .collect(),
        ),
    };
    let members = members.into_iter();
    members.map(|(name, draft)| Member::new(&name, node(draft))).collect()
}

struct Writer<'a> {
    flow: &'a Flow,
    space: &'a Space,
    stored: &'a Stored<'a>,
    id: ResourceId,
    base: &'a str,
    cells: Cells<'a>,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// Writes an object; nothing, when it has no members but constants.
    fn object(&mut self, members: &[Member]) -> bool {
        let start = self.out.len();
        let mut alive = false;
        self.out.push(b'{');
        for member in members {
            if let Node::Rule(leaf) | Node::Reference(leaf) = &member.node
                && self.cells.get(leaf.number).is_empty()
            {
                continue;
            }
            let before = self.out.len();
            let comma = usize::from(before == start + 1);
            self.out.extend_from_slice(&member.key.as_bytes()[comma..]);
            if self.node(&member.node) {
                alive |= !matches!(member.node, Node::Constant(_));
            } else {
                self.out.truncate(before);
            }
        }
        self.out.push(b'}');
        if !alive {
            self.out.truncate(start);
        }
        alive
    }

    /// Writes a value; `false` when there is none.
    fn node(&mut self, node: &Node) -> bool {
        match node {
            Node::Rule(leaf) => return self.values(leaf),
            Node::Reference(leaf) => return self.reference(leaf),
            Node::Groups => return self.groups(),
            Node::Object(members) => return self.object(members),
            Node::Elements(elements) => return self.elements(elements),
            Node::Constant(text) => self.out.extend_from_slice(text.as_bytes()),
            Node::Active => self.out.extend_from_slice(b"true"),
            Node::Id => {
                // An id has no character that JSON escapes.
                raw(self.out, &["\"", self.id.as_str(), "\""]);
            }
            Node::Meta => self.meta(),
            Node::Schemas(core, extensions) => self.schemas(core, extensions),
        }
        true
    }

    fn values(&mut self, leaf: &Leaf) -> bool {
        let rule = &self.flow.rules()[leaf.rule];
        let cells = self.cells.get(leaf.number);
        if leaf.plain
            && let [cell, ..] = cells
            && is_text(cell)
        {
            write_text(self.out, cell);
            return true;
        }
        let take = if rule.multi_valued { cells.len() } else { cells.len().min(1) };
        let start = self.out.len();
        if leaf.list {
            self.out.push(b'[');
        }
        let mut written = 0;
        for cell in &cells[..take] {
            let before = self.out.len();
            if written > 0 {
                self.out.push(b',');
            }
            if write_value(self.out, rule, cell) {
                written += 1;
            } else {
                self.out.truncate(before);
            }
        }
        if leaf.list {
            self.out.push(b']');
        }
        if written == 0 {
            self.out.truncate(start);
        }
        written > 0
    }

    fn reference(&mut self, leaf: &Leaf) -> bool {
        let rule = &self.flow.rules()[leaf.rule];
        let Some(cell) = self.cells.get(leaf.number).first() else { return false };
        self.flow.write_reference(self.space, rule, cell, self.base, self.out)
    }

    fn groups(&mut self) -> bool {
        let groups = self.flow.groups(self.space, self.stored, self.base);
        !groups.is_empty() && serde_json::to_writer(&mut *self.out, &groups).is_ok()
    }

    /// Elements stand in the order of the attributes that made them.
    fn elements(&mut self, elements: &[Element]) -> bool {
        let first = |element: &Element| {
            element.numbers.iter().copied().filter(|at| !self.cells.get(*at).is_empty()).min()
        };
        let start = self.out.len();
        self.out.push(b'[');
        if elements.is_sorted_by(|one, other| one.numbers.iter().max() < other.numbers.iter().min())
        {
            elements.iter().for_each(|element| self.element(element, start));
        } else {
            let mut order: Vec<(usize, &Element)> =
                elements.iter().filter_map(|element| Some((first(element)?, element))).collect();
            order.sort_by_key(|(first, _)| *first);
            order.into_iter().for_each(|(_, element)| self.element(element, start));
        }
        if self.out.len() == start + 1 {
            self.out.truncate(start);
            return false;
        }
        self.out.push(b']');
        true
    }

    /// Writes an element of the list that begins at `start`, when it has values.
    fn element(&mut self, element: &Element, start: usize) {
        let before = self.out.len();
        if before > start + 1 {
            self.out.push(b',');
        }
        if !self.object(&element.members) {
            self.out.truncate(before);
        }
    }

    fn meta(&mut self) {
        let modified = jiff::Timestamp::from_second(i64::from(self.stored.modified));
        let modified = modified.unwrap_or_default();
        let (endpoint, id) = (&self.flow.endpoint, self.id.as_str());
        let out = &mut *self.out;
        raw(out, &["{\"lastModified\":\""]);
        let printed = DateTimePrinter::new().print_timestamp(&modified, StdIoWrite(&mut *out));
        printed.expect("writing to memory does not fail");
        raw(out, &["\",\"location\":\""]);
        escape(out, self.base.as_bytes());
        raw(out, &["/", endpoint, "/", id, "\",\"resourceType\":\""]);
        raw(out, &[self.flow.resource_type(), "\",\"version\":\"W/\\\""]);
        let tag = row::version(self.stored.bytes);
        out.extend(
            (0..16).rev().map(|digit| b"0123456789abcdef"[(tag >> (4 * digit)) as usize & 15]),
        );
        raw(out, &["\\\"\"}"]);
    }

    fn schemas(&mut self, core: &str, extensions: &[(String, Vec<(usize, usize)>)]) {
        raw(self.out, &["[\"", core, "\""]);
        for (urn, users) in extensions {
            let shows = |(rule, number): &(usize, usize)| {
                let rule = &self.flow.rules()[*rule];
                let cells = self.cells.get(*number);
                if rule.refers.is_some() {
                    let named =
                        |cell| self.flow.reference(self.space, rule, cell, self.base, false);
                    return cells.first().and_then(named).is_some();
                }
                let take = if rule.multi_valued { cells.len() } else { cells.len().min(1) };
                cells[..take]
                    .iter()
                    .any(|cell| is_plain(rule, cell) || rule.to_json(cell).is_some())
            };
            if users.iter().any(shows) {
                raw(self.out, &[",\"", urn, "\""]);
            }
        }
        self.out.push(b']');
    }
}

pub(super) fn raw(out: &mut Vec<u8>, texts: &[&str]) {
    texts.iter().for_each(|text| out.extend_from_slice(text.as_bytes()));
}

/// Appends what stands between the quotes of a JSON string.
pub(super) fn escape(out: &mut Vec<u8>, text: &[u8]) {
    // Without branches, so that many bytes are looked at in one step.
    let special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    if !text.iter().fold(false, |found, byte| found | special(byte)) {
        return out.extend_from_slice(text);
    }
    let quoted = quoted(&String::from_utf8_lossy(text));
    out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
}

fn is_text(cell: &Cell<'_>) -> bool {
    matches!(cell.tag.kind(), Tag::TEXT | Tag::REFERENCE)
}

/// Whether texts are shown as they are.
fn is_shown_as_text(rule: &Rule) -> bool {
    ![AttributeKind::Boolean, AttributeKind::Integer, AttributeKind::Decimal].contains(&rule.kind)
}

/// Whether the value is shown as the text it is.
fn is_plain(rule: &Rule, cell: &Cell<'_>) -> bool {
    is_text(cell) && is_shown_as_text(rule)
}

fn write_text(out: &mut Vec<u8>, cell: &Cell<'_>) {
    out.push(b'"');
    escape(out, cell.bytes);
    out.push(b'"');
}

/// Appends a value; `false` when SCIM does not show it.
fn write_value(out: &mut Vec<u8>, rule: &Rule, cell: &Cell<'_>) -> bool {
    if is_plain(rule, cell) {
        write_text(out, cell);
        return true;
    }
    let value = rule.to_json(cell);
    value.is_some_and(|value| serde_json::to_writer(out, &value).is_ok())
}
