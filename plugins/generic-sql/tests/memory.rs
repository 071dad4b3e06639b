//! An import takes the memory of a page, not of the table. Alone in its binary: what is measured is
//! the whole process.
#![expect(clippy::unwrap_used, reason = "tests")]
#![cfg(target_os = "linux")]

use ecma_plugin_sdk::{Pager, page::Page, prelude::*, testkit};
use generic_sql::GenericSql;
use std::fs;

/// Far less than the table, far more than a page.
const ALLOWED_KILOBYTES: u64 = 16 * 1024;
const ROWS: usize = 200_000;

#[derive(Default)]
struct Count {
    rows: usize,
    largest: usize,
}

impl Pager for Count {
    fn page(&mut self, page: &[u8]) -> bool {
        self.largest = self.largest.max(page.len());
        self.rows += Page::parse(page).unwrap().records().count();
        true
    }
}

/// The most memory the process ever had, in kilobytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_import_takes_the_memory_of_a_page() {
    let dir = testkit::temp_dir();
    let path = dir.path().join("large.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    let rows = format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO t SELECT i, hex(zeroblob(200)) FROM n;
         CREATE TABLE few (t INTEGER, value TEXT);
         INSERT INTO few SELECT id, 'value ' || id FROM t UNION ALL SELECT id, 'other' FROM t;
         CREATE INDEX few_of_t ON few (t);"
    );
    database.execute_batch(&rows).unwrap();
    drop(database);
    let size = fs::metadata(&path).unwrap().len() / 1024;
    assert!(size > 4 * ALLOWED_KILOBYTES, "the table is large: {size} kB");

    let plugin = Plugin::linked::<GenericSql>("generic-sql", "0");
    let plain = Values::new([("database", path.to_str().unwrap())]).with("tables", "t");
    let children = "t.values = few.value WHERE few.t = t.id";
    for values in [plain.clone(), plain.with("multi_valued_tables", children)] {
        let mut connection = plugin.connect(&values).unwrap();
        let before = peak();
        let mut count = Count::default();
        connection.import(&ImportRun::full(), &mut count).unwrap();
        let grown = peak() - before;
        assert_eq!(count.rows, ROWS);
        assert!(grown < ALLOWED_KILOBYTES, "{grown} kB more for a table of {size} kB");
        assert!(count.largest < 1 << 21, "a page of {} bytes", count.largest);
    }
}
