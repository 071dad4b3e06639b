//! Random tables and random changes, against a plain model.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use ecma_plugin_sdk::prelude::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{Place, person, update};

type Table = BTreeMap<String, [String; 2]>;
const NAMES: [&str; 2] = ["name", "note, or so"];

#[derive(Debug, Clone)]
enum Step {
    Add(u8, [String; 2]),
    Set(u8, usize, String),
    Delete(u8),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c,;\"\r\n \u{feff}é€-]{0,6}", "[=+@-][a-z]"]
}

fn texts() -> impl Strategy<Value = [String; 2]> {
    [text(), text()]
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 0_u8..12;
    prop_oneof![
        (id(), texts()).prop_map(|(id, texts)| Step::Add(id, texts)),
        (id(), 0_usize..2, text()).prop_map(|(id, at, text)| Step::Set(id, at, text)),
        id().prop_map(Step::Delete),
    ]
}

impl Step {
    fn change(&self) -> Change {
        match self {
            Step::Add(id, [name, note]) => {
                let entry = person(id.to_string()).set(NAMES[0], name.as_str());
                Change::Add(entry.set(NAMES[1], note.as_str()))
            }
            Step::Set(id, at, text) => {
                Change::Update(update(&id.to_string()).set(NAMES[*at], text.as_str()))
            }
            Step::Delete(id) => support::delete(&id.to_string()),
        }
    }

    /// Does it to the model; whether it can be done.
    fn apply(&self, table: &mut Table) -> bool {
        match self {
            Step::Add(id, texts) => {
                let free = !table.contains_key(&id.to_string());
                if free {
                    table.insert(id.to_string(), texts.clone());
                }
                free
            }
            Step::Set(id, at, text) => match table.get_mut(&id.to_string()) {
                Some(texts) => {
                    texts[*at].clone_from(text);
                    true
                }
                None => false,
            },
            Step::Delete(id) => table.remove(&id.to_string()).is_some(),
        }
    }
}

fn written(table: &Table, delimiter: u8, crlf: bool) -> Vec<u8> {
    let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .terminator(terminator)
        .from_writer(Vec::new());
    writer.write_record([NAMES[0], "id", NAMES[1]]).unwrap();
    for (id, [name, note]) in table {
        writer.write_record([name, id, note]).unwrap();
    }
    writer.into_inner().unwrap()
}

fn read(bytes: &[u8], delimiter: u8) -> Table {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let row = |row: csv::StringRecord| (row[1].to_owned(), [row[0].to_owned(), row[2].to_owned()]);
    reader.records().map(|record| row(record.unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn pages_of_changes_do_what_the_model_does(
        start in proptest::collection::btree_map("[0-9]", texts(), 0..8),
        pages in proptest::collection::vec(proptest::collection::vec(step(), 1..6), 1..4),
        semicolon in any::<bool>(),
        crlf in any::<bool>(),
        wide in any::<bool>(),
    ) {
        let delimiter = if semicolon { b';' } else { b',' };
        let bytes = written(&start, delimiter, crlf);
        let encoded: Vec<u8> = if wide {
            std::str::from_utf8(&bytes).unwrap().encode_utf16().flat_map(u16::to_be_bytes).collect()
        } else {
            bytes
        };
        let place = Place::new(encoded).with("delimiter", char::from(delimiter).to_string());
        let place = place.with("encoding", if wide { "utf-16be" } else { "utf-8" });
        let mut model = start;
        for page in &pages {
            let expected: Vec<bool> = page.iter().map(|step| step.apply(&mut model)).collect();
            let changes: Vec<Change> = page.iter().map(Step::change).collect();
            let found: Vec<bool> = place.export(&changes).iter().map(Result::is_ok).collect();
            prop_assert_eq!(found, expected);
        }
        let bytes = place.bytes();
        let bytes = if wide {
            let units = bytes.chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            char::decode_utf16(units).map(|c| c.unwrap()).collect::<String>().into_bytes()
        } else {
            bytes
        };
        prop_assert_eq!(read(&bytes, delimiter), model.clone());
        let (entries, refused) = place.entries();
        prop_assert!(refused.is_empty());
        let entries: Table = entries
            .iter()
            .map(|entry| {
                let text = |name| entry.text(name).unwrap_or_default().to_owned();
                (text("id"), [text(NAMES[0]), text(NAMES[1])])
            })
            .collect();
        prop_assert_eq!(entries, model);
    }
}
