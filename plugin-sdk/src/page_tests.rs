//! Tests of pages: what is written is read, damage is an error.

use super::*;
use crate::Value;
use proptest::prelude::*;

fn round_trip(changes: &[Change]) -> Vec<Change> {
    let mut writer = PageWriter::default();
    changes.iter().for_each(|change| writer.change(change));
    let bytes = writer.finish().map(<[u8]>::to_vec).unwrap_or_default();
    if bytes.is_empty() {
        return Vec::new();
    }
    let page = Page::parse(&bytes).unwrap();
    page.records().map(|record| page.change(&record.unwrap()).unwrap()).collect()
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::Text),
        any::<i64>().prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
        any::<Vec<u8>>().prop_map(Value::Binary),
        "[a-z]{0,9}".prop_map(Value::Reference),
    ]
}

fn attribute_change() -> impl Strategy<Value = AttributeChange> {
    let values = || proptest::collection::vec(value(), 1..4);
    prop_oneof![
        values().prop_map(AttributeChange::Set),
        Just(AttributeChange::Clear),
        (values(), values())
            .prop_map(|(added, removed)| AttributeChange::Modify { added, removed }),
    ]
}

fn id() -> impl Strategy<Value = EntryId> {
    ("[a-z]{1,5}", value(), proptest::option::of("[a-z=,]{0,9}")).prop_map(
        |(object_type, anchor, dn)| EntryId {
            object_type,
            anchor: Anchor::new([("id", anchor)]),
            dn: dn.map(Dn::new),
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let attributes = proptest::collection::btree_map("[a-h]", attribute_change(), 0..5);
    (id(), attributes, 0..4, proptest::option::of("[a-z]{0,9}")).prop_map(
        |(id, attributes, kind, new_dn)| match kind {
            0 => Change::Delete { id },
            1 => Change::Update(Update {
                id,
                new_dn: new_dn.map(Dn::new),
                attributes: attributes.into_iter().collect(),
            }),
            kind => {
                let mut entry = Entry::with_id(id);
                for (name, change) in attributes {
                    entry.put(name, change.apply(&[]));
                }
                if kind == 2 { Change::Add(entry) } else { Change::Replace(entry) }
            }
        },
    )
}

#[test]
fn parts_of_a_text_are_written_as_texts_are() {
    let whole = format!("é{}ü{}", "b".repeat(130), "c".repeat(70));
    let columns = (0..130).map(|number| (format!("c{number}"), number == 0));
    let mut writers = [PageWriter::default(), PageWriter::default()];
    let layouts = writers.each_mut().map(|writer| writer.layout("person", columns.clone()));
    writers.iter_mut().zip(layouts).for_each(|(writer, layout)| writer.begin_row(layout));
    let [texts, parts] = &mut writers;
    for column in [0, 1, 127, 128] {
        for nothing in [0, whole.len()] {
            parts.part(layouts[1], column, &whole, nothing..nothing);
        }
        let places = whole.char_indices().map(|(at, _)| at).chain([whole.len()]);
        for (from, to) in places.clone().flat_map(|from| places.clone().map(move |to| (from, to))) {
            if from < to {
                texts.cell(layouts[0], column, Tag::TEXT, &whole.as_bytes()[from..to]);
                parts.part(layouts[1], column, &whole, from..to);
            }
        }
    }
    writers.iter_mut().for_each(PageWriter::end_row);
    let [texts, parts] = &mut writers;
    assert!(texts.finish() == parts.finish());
}

proptest! {
    #[test]
    fn what_is_written_is_read(changes in proptest::collection::vec(change(), 0..8)) {
        prop_assert_eq!(round_trip(&changes), changes);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic(
        changes in proptest::collection::vec(change(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut writer = PageWriter::default();
        changes.iter().for_each(|change| writer.change(change));
        let mut bytes = writer.finish().unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(1 + cut.index(bytes.len()));
        if let Ok(page) = Page::parse(&bytes) {
            for record in page.records().flatten() {
                let _ = page.change(&record);
            }
        }
    }

    #[test]
    fn numbers_keep_their_value(number in any::<u32>()) {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, number);
        prop_assert_eq!(take_varint(&mut bytes.as_slice()), Some(number));
    }
}

#[test]
fn rows_are_entries() {
    let mut writer = PageWriter::default();
    let columns = [("id".to_owned(), true), ("name".to_owned(), false)];
    let person = writer.layout("person", columns);
    for page in 0..2 {
        writer.begin_row(person);
        writer.integer_cell(person, 0, 7);
        writer.cell(person, 1, Tag::TEXT, b"Ada");
        writer.end_row();
        writer.begin_row(person);
        writer.abandon_row();
        let bytes = writer.finish().unwrap().to_vec();
        let parsed = Page::parse(&bytes).unwrap();
        let changes: Vec<_> =
            parsed.records().map(|record| parsed.change(&record.unwrap()).unwrap()).collect();
        let expected = Entry::new("person").anchor("id", 7).set("name", "Ada");
        assert_eq!(changes, [Change::Add(expected)], "page {page}");
        writer.clear();
    }
}

#[test]
fn a_refusal_keeps_its_place_and_error() {
    let mut writer = PageWriter::default();
    writer.refused("line 7", &Error::invalid("id", "is empty"));
    let bytes = writer.finish().unwrap().to_vec();
    let page = Page::parse(&bytes).unwrap();
    let record = page.records().next().unwrap().unwrap();
    let refused = page.change(&record).unwrap_err();
    assert_eq!(refused.place, "line 7");
    assert_eq!(refused.error, Error::invalid("id", "is empty"));
}
