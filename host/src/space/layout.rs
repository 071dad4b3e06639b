//! Which attributes the space keeps of each object type, and the numbers it gives them.
//!
//! Attributes are numbered per object type: the anchor's first, in its order, the others in the
//! order of the schema, the distinguished name last. The numbers follow from schema and selection
//! alone, so two hosts with the same documents number alike.

use ecma_plugin_sdk::{Access, Attribute, AttributeType, page::Tag};
use std::collections::HashMap;

/// How an attribute is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keeping {
    /// With an index, for clients to search by.
    pub indexed: bool,
    /// Look-ups take upper and lower case as the same.
    pub folded: bool,
    /// Its values name other entries and are many: they stand beside the rows.
    pub linked: bool,
}

/// One attribute the space keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What the target says of it.
    pub attribute: Attribute,
    /// The tag its cells have.
    pub tag: Tag,
    /// Number of its index, when it has one.
    pub index: Option<usize>,
    /// Whether look-ups take upper and lower case as the same.
    pub folded: bool,
    /// Whether its values stand beside the rows.
    pub linked: bool,
}

/// An index and how it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Number of the index.
    pub index: usize,
    /// Whether upper and lower case are the same.
    pub folded: bool,
    /// Whether an entry has several values.
    pub multi_valued: bool,
}

/// One object type the space keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeLayout {
    /// Name in the target.
    pub name: String,
    /// Attributes by number, the anchor's first.
    pub kept: Vec<Kept>,
    /// How many attributes make the anchor.
    pub anchors: usize,
    /// The number after that of the last attribute with an index.
    pub indexed_to: u32,
    /// How the distinguished name is found, when it is.
    pub dn_index: Option<Column>,
    numbers: HashMap<String, u32>,
}

/// All object types of a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// By number.
    pub types: Vec<TypeLayout>,
    /// How many indexes there are, of all types.
    pub indexes: usize,
}

/// The tag of an attribute's cells.
#[must_use]
pub fn tag(kind: AttributeType) -> Tag {
    match kind {
        AttributeType::Integer => Tag::INTEGER,
        AttributeType::Boolean => Tag::BOOLEAN,
        AttributeType::Binary => Tag::BINARY,
        AttributeType::Reference => Tag::REFERENCE,
        _ => Tag::TEXT,
    }
}

impl Layout {
    /// Adds an object type: its anchor, then the selected attributes in the schema's order.
    pub fn add(
        &mut self,
        name: &str,
        anchors: &[Attribute],
        others: &[Attribute],
        keeping: impl Fn(&Attribute) -> Keeping,
    ) -> u32 {
        let mut kept = Vec::new();
        let readable = others.iter().filter(|attribute| attribute.access != Access::ExportOnly);
        for (attribute, anchor) in
            anchors.iter().map(|a| (a, true)).chain(readable.map(|a| (a, false)))
        {
            let Keeping { indexed, folded, linked } = keeping(attribute);
            let linked = linked && !anchor;
            let index = (indexed && !linked).then(|| {
                self.indexes += 1;
                self.indexes - 1
            });
            let tag = tag(attribute.kind);
            kept.push(Kept {
                attribute: attribute.clone(),
                tag: if anchor { tag.anchor() } else { tag },
                index,
                folded,
                linked,
            });
        }
        let numbers = kept
            .iter()
            .enumerate()
            .map(|(number, kept)| (kept.attribute.name.clone(), number as u32))
            .collect();
        let anchors = anchors.len();
        let indexed_to = kept.iter().rposition(|kept| kept.index.is_some());
        let indexed_to = indexed_to.map_or(0, |last| last as u32 + 1);
        self.types.push(TypeLayout {
            name: name.to_owned(),
            kept,
            anchors,
            indexed_to,
            dn_index: None,
            numbers,
        });
        self.types.len() as u32 - 1
    }

    /// Entries of all types are found by their distinguished names from now on.
    pub fn index_names(&mut self, folded: bool) {
        for kind in &mut self.types {
            kind.dn_index = Some(Column { index: self.indexes, folded, multi_valued: false });
            kind.indexed_to = kind.dn() + 1;
            self.indexes += 1;
        }
    }

    /// The number of an object type.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.types.iter().position(|known| known.name == name).map(|number| number as u32)
    }
}

impl TypeLayout {
    /// The number of an attribute.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The number under which the distinguished name is kept.
    #[must_use]
    pub fn dn(&self) -> u32 {
        self.kept.len() as u32
    }

    /// The index of an attribute, or of the distinguished name.
    #[must_use]
    pub fn column(&self, number: u32) -> Option<Column> {
        let Some(kept) = self.kept.get(number as usize) else { return self.dn_index };
        let Kept { attribute, folded, .. } = kept;
        let multi_valued = attribute.multi_valued;
        kept.index.map(|index| Column { index, folded: *folded, multi_valued })
    }

    /// The numbers of the attributes whose values stand beside the rows.
    pub fn linked(&self) -> impl Iterator<Item = u32> {
        let numbers = 0..self.kept.len() as u32;
        numbers.filter(|number| self.kept[*number as usize].linked)
    }

    /// Names of the anchor's attributes, in order.
    pub fn anchor_names(&self) -> impl Iterator<Item = &str> {
        self.kept[..self.anchors].iter().map(|kept| kept.attribute.name.as_str())
    }
}
