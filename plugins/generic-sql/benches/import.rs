//! A full import of 1,000,000 rows of 20 columns beside a bare loop of rusqlite over the same file,
//! and once more with two values for each row from a child table:
//! `cargo bench -p generic-sql --bench import [-- ROWS]`.

use ecma_plugin_sdk::{Pager, prelude::*, testkit};
use generic_sql::GenericSql;
use rusqlite::types::ValueRef;
use std::{
    io::{self, Write},
    time::Instant,
};

struct Bytes(usize);

impl Pager for Bytes {
    fn page(&mut self, page: &[u8]) -> bool {
        self.0 += page.len();
        true
    }
}

fn main() {
    let rows: u32 = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let dir = testkit::temp_dir();
    let path = dir.path().join("people.db");
    let database = rusqlite::Connection::open(&path).expect("a new file opens");
    let columns: Vec<String> = (1..20).map(|n| format!("attribute_{n} TEXT")).collect();
    let values: Vec<String> = (1..20).map(|n| format!("'value {n} of ' || i")).collect();
    let fill = format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         CREATE TABLE person (id INTEGER PRIMARY KEY, {});
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO person SELECT i, {} FROM n;
         CREATE TABLE role (person INTEGER, role TEXT, PRIMARY KEY (person, role)) WITHOUT ROWID;
         INSERT INTO role SELECT id, 'one' FROM person UNION ALL SELECT id, 'two' FROM person",
        columns.join(", "),
        values.join(", ")
    );
    database.execute_batch(&fill).expect("the table is filled");

    let plugin = Plugin::linked::<GenericSql>("generic-sql", "0");
    let values = Values::new([("database", path.to_str().expect("the path is UTF-8"))]);
    let values = values.with("tables", "person");
    let mut connection = plugin.connect(&values).expect("the plugin connects");
    let roles = "person.roles = role.role WHERE role.person = person.id";
    let values = values.with("multi_valued_tables", roles);
    let mut with_roles = plugin.connect(&values).expect("the plugin connects");
    let rate = |started: Instant| f64::from(rows) / started.elapsed().as_secs_f64();
    for _ in 0..3 {
        let started = Instant::now();
        let bare_bytes = bare(&database).expect("the bare loop reads");
        let bare_rate = rate(started);
        let mut pages = Bytes(0);
        let started = Instant::now();
        connection.import(&ImportRun::full(), &mut pages).expect("the import reads");
        let import_rate = rate(started);
        let share = import_rate / bare_rate;
        let started = Instant::now();
        with_roles.import(&ImportRun::full(), &mut Bytes(0)).expect("the import reads");
        let roles_rate = rate(started);
        writeln!(
            io::stdout(),
            "bare {bare_rate:.0} rows/s of {bare_bytes} bytes, \
             import {import_rate:.0} rows/s of {} bytes, {share:.2} of the bare rate, \
             with a child table {roles_rate:.0} rows/s",
            pages.0
        )
        .expect("the figures are written");
    }
}

/// Reads every value and does nothing with it but count its bytes.
fn bare(database: &rusqlite::Connection) -> rusqlite::Result<usize> {
    let mut statement = database.prepare("SELECT * FROM person")?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        for column in 0..width {
            bytes += match row.get_ref(column)? {
                ValueRef::Text(text) | ValueRef::Blob(text) => text.len(),
                _ => 8,
            };
        }
    }
    Ok(bytes)
}
