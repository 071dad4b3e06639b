//! Rows: what pages and entries become, and what they are read back as.

use super::row::*;
use super::{
    Pass, Space,
    layout::{Keeping, Layout},
    pass::Differences,
};
use ecma_plugin_sdk::{
    Attribute, AttributeType, Change, Dn, Entry, Value,
    page::{Page, PageWriter, Record, Tag},
};
use proptest::prelude::*;

fn layout() -> Layout {
    use AttributeType::{Binary, Boolean, Integer, Reference, Text};
    let attribute = |name: &str, kind| Attribute::new(name, kind);
    let mut secret = attribute("secret", Text);
    secret.access = ecma_plugin_sdk::Access::ExportOnly;
    let mut layout = Layout::default();
    let others = [
        attribute("name", Text),
        attribute("age", Integer),
        secret,
        attribute("vip", Boolean),
        attribute("photo", Binary),
        attribute("boss", Reference),
    ];
    let anchors = [attribute("room", Integer), attribute("seat", Text)];
    layout.add("seat", &anchors, &others, |_| Keeping::default());
    layout
}

fn page(write: impl FnOnce(&mut PageWriter)) -> Vec<u8> {
    let mut writer = PageWriter::default();
    write(&mut writer);
    writer.finish().unwrap().to_vec()
}

/// A page of one row with these cells.
fn cells_of(columns: &[(&str, bool)], cells: &[(usize, Tag, &[u8])]) -> Vec<u8> {
    page(|writer| {
        let columns = columns.iter().map(|(name, anchor)| ((*name).to_owned(), *anchor));
        let layout = writer.layout("seat", columns);
        writer.begin_row(layout);
        cells.iter().for_each(|(column, tag, bytes)| writer.cell(layout, *column, *tag, bytes));
        writer.end_row();
    })
}

fn rows(bytes: &[u8]) -> Vec<Result<Vec<u8>, String>> {
    let layout = layout();
    let page = Page::parse(bytes).unwrap();
    let translator = Translator::new(&layout, &page);
    let mut row = Row::default();
    let row = |record: Record<'_>| match translator.row(&record, &mut row) {
        Ok(kept) => Ok(if kept { row.bytes.clone() } else { Vec::new() }),
        Err(message) => Err(message),
    };
    page.records().map(Result::unwrap).map(row).collect()
}

const COLUMNS: [(&str, bool); 5] =
    [("name", false), ("seat", true), ("other", false), ("room", true), ("boss", false)];

fn check(cells: &[(usize, Tag, &[u8])], expected: Result<&Entry, &str>) {
    let expected = match expected {
        Ok(entry) => Ok(encode(&layout(), entry).unwrap().bytes),
        Err(message) => Err(message.to_owned()),
    };
    assert_eq!(rows(&cells_of(&COLUMNS, cells)), [expected], "{cells:?}");
}

#[test]
fn equal_entries_have_equal_bytes() {
    let entry = Entry::new("seat").anchor("room", 7).anchor("seat", "a").set("name", ["x", "y"]);
    let room = (3, Tag::INTEGER, &[14_u8][..]);
    let wide = (3, Tag::INTEGER, &[14_u8, 0, 0, 0, 0, 0, 0, 0][..]);
    let seat = (1, Tag::TEXT, &b"a"[..]);
    let (x, y) = ((0, Tag::TEXT, &b"x"[..]), (0, Tag::TEXT, &b"y"[..]));
    let unwanted = (2, Tag::BINARY, &b"z"[..]);
    check(&[room, seat, x, y], Ok(&entry));
    check(&[x, seat, unwanted, room, y], Ok(&entry));
    check(&[unwanted, x, y, wide, seat], Ok(&entry));
    let reversed = Entry::new("seat").anchor("room", 7).anchor("seat", "a").set("name", ["y", "x"]);
    check(&[y, room, x, seat], Ok(&reversed));
    let mut boss = entry.clone();
    boss.put("boss", vec![Value::Reference("b".to_owned())]);
    check(&[room, seat, x, y, (4, Tag::TEXT, b"b")], Ok(&boss));
}

#[test]
fn what_is_no_entry_is_refused_by_name() {
    let room = (3, Tag::INTEGER, &[14_u8][..]);
    let seat = (1, Tag::TEXT, &b"a"[..]);
    check(&[room], Err("it has no value of seat, which is part of its anchor"));
    check(&[seat], Err("it has no value of room, which is part of its anchor"));
    check(
        &[room, (1, Tag::TEXT, b"")],
        Err("it has no value of seat, which is part of its anchor"),
    );
    let twice = "it has several values of room, which is part of its anchor";
    check(&[room, room, seat], Err(twice));
    let twice = "it has several values of seat, which is part of its anchor";
    check(&[room, seat, seat], Err(twice));
    let kind = "the value of name is not of the kind that the schema says";
    check(&[room, seat, (0, Tag::INTEGER, &[1])], Err(kind));
    check(&[room, seat, (0, Tag::TEXT, &[0xff])], Err(kind));
    check(&[room, seat, (0, Tag(0x30), b"")], Err(kind));
    let kind = "the value of room is not of the kind that the schema says";
    check(&[seat, (3, Tag::INTEGER, &[1; 9])], Err(kind));
    check(&[seat, (3, Tag::TEXT, b"7")], Err(kind));
    let refused = encode(&layout(), &Entry::new("seat").anchor("room", "7").anchor("seat", "a"));
    assert!(refused.unwrap_err().error.to_string().contains(kind));
    assert!(encode(&layout(), &Entry::new("seat").anchor("room", 7)).is_err());
    assert!(encode(&layout(), &Entry::new("table").anchor("room", 7)).is_err());
    let other = page(|writer| writer.change(&Change::Add(Entry::new("table").anchor("id", 1))));
    assert_eq!(rows(&other), [Ok(Vec::new())], "entries of other types are passed over");
}

fn entry() -> impl Strategy<Value = Entry> {
    let texts = || proptest::collection::vec("\\PC{0,4}", 0..3);
    let dn = proptest::option::of("[a-z=,]{0,5}");
    let rest = (proptest::option::of(any::<bool>()), any::<Option<Vec<u8>>>(), texts());
    (any::<i64>(), "\\PC{1,4}", texts(), any::<Option<i64>>(), rest, dn).prop_map(
        |(room, seat, names, age, (vip, photo, bosses), dn)| {
            let mut entry = Entry::new("seat").anchor("room", room).anchor("seat", seat);
            entry = entry.set("name", names).set("age", age).set("vip", vip);
            entry.put("photo", photo.into_iter().map(Value::Binary).collect());
            entry.put("boss", bosses.into_iter().map(Value::Reference).collect());
            entry.id_mut().dn = dn.map(Dn::new);
            entry
        },
    )
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(entry in entry()) {
        let layout = layout();
        let row = encode(&layout, &entry).unwrap();
        prop_assert_eq!(&decode(&layout, &row.bytes), &entry);
        prop_assert_eq!(key(&layout, &row.bytes), row.key());
        let more = entry.clone().set("secret", "s").set("unknown", 1);
        prop_assert_eq!(encode(&layout, &more).unwrap().bytes, row.bytes.clone());
        let sent = page(|writer| writer.change(&Change::Add(more)));
        prop_assert_eq!(rows(&sent), [Ok(row.bytes)]);
    }

    #[test]
    fn damaged_pages_are_refused_and_never_a_panic(
        entry in entry(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let layout = layout();
        let mut bytes = page(|writer| writer.change(&Change::Add(entry)));
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(page) = Page::parse(&bytes) {
            let mut space = Space::new(std::sync::Arc::new(layout));
            let mut pass = Pass::begin(&mut space, true);
            let mut differences = Differences::default();
            if pass.compare(&space, &page, &mut differences).is_ok() {
                while pass.absorb(&mut space, &mut differences, 0) {}
            }
            for stored in space.slots() {
                let again = encode(space.layout(), &space.entry(&stored)).unwrap();
                prop_assert_eq!(again.bytes.as_slice(), stored.bytes);
            }
        }
    }
}
