//! What the waist costs an import: entries from a generator become the rows that the connector
//! space keeps, straight, through pages in one program, through a loaded library, and through one in a
//! process of its own. And what that process costs an export.
//!
//! `cargo bench -p ecma-host --bench waist [-- COUNT ROUNDS]` prints one line of JSON per way and one
//! with the ratios. Ways take turns; of each the best of five rounds counts. More and shorter rounds
//! help on a machine that is not quiet.

use ecma_host::{
    plugins::{Catalog, Isolation, Surroundings},
    space::{
        Layout,
        layout::Keeping,
        row::{Row, Translator},
    },
};
use ecma_plugin_sdk::{
    Attribute, Change, Entry, ImportRun, Pager, Plugin, Schema, Update, Values,
    page::{Cell, Page, put_varint},
    testkit::{TempDir, built_library, temp_dir},
};
use generator::{Generator, Person};
use std::{
    fs,
    hint::black_box,
    io::{Write, stdout},
    sync::Arc,
    time::Instant,
};

const COUNT: u32 = 200_000;
const ROUNDS: u32 = 5;
const SEED: u32 = 1;
const EXPORTS: u32 = 2_000;

type Rows = Vec<Box<[u8]>>;

/// The generator alone, for telling its part of the times.
fn generate(count: u32) -> Rows {
    let mut person = Person::default();
    for number in 0..count {
        person.make(SEED, number);
        black_box(person.values().last());
    }
    Rows::new()
}

/// No boundary: what the generator says is written into rows right away.
fn straight(layout: &Layout, count: u32) -> Rows {
    let kept = &layout.types[0].kept;
    let mut rows = Rows::with_capacity(count as usize);
    let mut person = Person::default();
    let mut bytes = Vec::new();
    for number in 0..count {
        person.make(SEED, number);
        bytes.clear();
        put_varint(&mut bytes, 0);
        for (attribute, value) in person.values().enumerate() {
            let (tag, value) = (kept[attribute].tag, value.as_bytes());
            Cell { attribute: attribute as u32, tag, bytes: value }.put(&mut bytes);
        }
        rows.push(bytes.as_slice().into());
    }
    rows
}

/// Takes pages as the host does.
struct Keep<'a> {
    layout: &'a Layout,
    row: Row,
    rows: Rows,
}

impl Pager for Keep<'_> {
    fn page(&mut self, page: &[u8]) -> bool {
        let page = Page::parse(page).expect("the page is whole");
        let translator = Translator::new(self.layout, &page);
        for record in page.records() {
            let record = record.expect("the record is whole");
            let kept = translator.row(&record, &mut self.row).expect("the entry is sound");
            assert!(kept, "people are kept");
            self.rows.push(self.row.bytes.as_slice().into());
        }
        true
    }
}

fn through(plugin: &Plugin, layout: &Layout, count: u32) -> Rows {
    let values = [("count", count.to_string()), ("seed", SEED.to_string())];
    let mut connection = plugin.connect(&Values::new(values)).expect("the generator connects");
    let rows = Rows::with_capacity(count as usize);
    let mut keep = Keep { layout, row: Row::default(), rows };
    connection.import(&ImportRun::full(), &mut keep).expect("the generator imports");
    keep.rows
}

fn layout(schema: &Schema) -> Layout {
    let mut layout = Layout::default();
    let person = &schema.types[0];
    let anchors: Vec<Attribute> = person.anchors().cloned().collect();
    let others: Vec<Attribute> = person.attributes.iter().filter(|a| !a.anchor).cloned().collect();
    layout.add(&person.name, &anchors, &others, |_| Keeping::default());
    layout
}

/// A catalogue of these plugins, and the folder it is of.
fn catalog(names: &[&str]) -> (TempDir, Catalog) {
    let home = temp_dir();
    let folder = home.path().join("ECMA");
    fs::create_dir(&folder).expect("the folder is new");
    for name in names {
        let library = built_library(name);
        let file = library.file_name().expect("a library has a name");
        fs::copy(&library, folder.join(file)).expect("the library can be copied");
    }
    let program = env!("CARGO_BIN_EXE_ecma-host");
    let catalog = Catalog::scan(&folder, &home.path().join("shadow"), None, program.as_ref());
    (home, catalog)
}

/// Microseconds of an export of one change, to people in memory and to a table of SQLite.
fn export(plugin: &Plugin, values: &Values, id: &Entry, attribute: &str) -> f64 {
    let mut connection = plugin.connect(values).expect("the plugin connects");
    let started = Instant::now();
    for number in 0..EXPORTS {
        let update = Update::new(id.id().clone()).set(attribute, format!("name {number}"));
        let results = connection.export(&[Change::Update(update)]).expect("the page is exported");
        results.into_iter().for_each(|result| drop(result.expect("the change is exported")));
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(EXPORTS)
}

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let (count, rounds) = (numbers.next().unwrap_or(COUNT), numbers.next().unwrap_or(ROUNDS));
    let library = Plugin::load(&built_library("generator")).expect("the library is a plugin");
    let linked = Plugin::linked::<Generator>("generator", "0");
    let mut connection = linked.connect(&Values::default()).expect("the generator connects");
    let layout = layout(&connection.schema().expect("the generator has a schema"));

    let (home, catalog) = catalog(&["generator", "generic-sql", "misbehaving"]);
    let process = |name: &str| -> Arc<Plugin> {
        let own = Surroundings { connector: "BENCH".to_owned(), ..Surroundings::default() };
        catalog.plugin(name, Isolation::Process(own)).expect("the plugin is sound")
    };
    let isolated = process("generator");

    let expected = straight(&layout, 1000);
    assert_eq!(through(&isolated, &layout, 1000), expected, "another process brings the same");
    assert_eq!(through(&library, &layout, 1000), expected, "a library brings the same");
    assert_eq!(through(&linked, &layout, 1000), expected, "linked in brings the same");
    let bytes = expected.iter().map(|row| row.len()).sum::<usize>() / expected.len();

    let ways: [(&str, &dyn Fn() -> Rows); 5] = [
        ("generator alone", &|| generate(count)),
        ("straight", &|| straight(&layout, count)),
        ("linked", &|| through(&linked, &layout, count)),
        ("library", &|| through(&library, &layout, count)),
        ("process", &|| through(&isolated, &layout, count)),
    ];
    let mut best = [f64::INFINITY; 5];
    for _ in 0..rounds {
        for ((_, way), best) in ways.iter().zip(&mut best) {
            let started = Instant::now();
            let rows = black_box(way());
            *best = best.min(started.elapsed().as_secs_f64());
            drop(rows);
        }
    }
    let mut out = stdout();
    for ((name, _), seconds) in ways.iter().zip(best) {
        let (nanoseconds, rate) = (seconds * 1e9 / f64::from(count), f64::from(count) / seconds);
        writeln!(
            out,
            "{{\"bench\":\"waist\",\"way\":\"{name}\",\"entries\":{count},\"row_bytes\":{bytes},\
             \"ns_per_entry\":{nanoseconds:.0},\"entries_per_second\":{rate:.0}}}"
        )
        .expect("standard output takes the line");
    }
    let [_, straight, linked, library, process_of_its_own] = best;
    writeln!(
        out,
        "{{\"bench\":\"waist\",\"library_to_straight\":{:.2},\"linked_to_straight\":{:.2},\
         \"process_to_library\":{:.3},\"target\":1.6}}",
        library / straight,
        linked / straight,
        process_of_its_own / library
    )
    .expect("standard output takes the line");

    let database = home.path().join("people.db");
    let tables = rusqlite::Connection::open(&database).expect("the database can be made");
    tables
        .execute_batch(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO person VALUES (1, 'A')",
        )
        .expect("the table can be made");
    let person = Entry::new("person").anchor("id", 1);
    let sql = Values::new([("database", database.to_str().expect("the path is text"))]);
    for (name, values, attribute) in [
        ("misbehaving", Values::new([("store", "bench")]), "displayName"),
        ("generic-sql", sql, "name"),
    ] {
        let inside = catalog.plugin(name, Isolation::InProcess).expect("the plugin is sound");
        let outside = process(name);
        let mut best = [f64::INFINITY; 2];
        for _ in 0..rounds {
            for (plugin, best) in [&inside, &outside].into_iter().zip(&mut best) {
                *best = best.min(export(plugin, &values, &person, attribute));
            }
        }
        let [library, process] = best;
        writeln!(
            out,
            "{{\"bench\":\"waist\",\"exports\":{EXPORTS},\"plugin\":\"{name}\",\
             \"library_us\":{library:.1},\"process_us\":{process:.1},\"process_to_library\":{:.3}}}",
            process / library
        )
        .expect("standard output takes the line");
    }
}
