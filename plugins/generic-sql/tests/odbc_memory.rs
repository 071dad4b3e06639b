//! An import over ODBC takes flat memory where the driver can: psqlODBC is told not to keep whole
//! results. Alone in its binary: what is measured is the whole process.
#![expect(clippy::unwrap_used, reason = "tests")]
#![cfg(target_os = "linux")]

use ecma_plugin_sdk::{Pager, page::Page, prelude::*};
use generic_sql::GenericSql;
use std::fs;
use targets::{Database, Postgres, odbc_driver};

/// Far less than the table, far more than a page.
const ALLOWED_KILOBYTES: u64 = 24 * 1024;
const ROWS: usize = 200_000;
const BYTES_OF_A_ROW: usize = 400;

#[derive(Default)]
struct Count(usize);

impl Pager for Count {
    fn page(&mut self, page: &[u8]) -> bool {
        self.0 += Page::parse(page).unwrap().records().count();
        true
    }
}

/// The most memory the process ever had, in kilobytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn import(database: &Database, server: &str) {
    let text = format!("{server};Port={};Database={}", database.port(), database.database());
    let values = Values::new([("driver", "odbc"), ("connection_string", text.as_str())])
        .with("user", database.user())
        .with("password", database.password())
        .with("tables", "t");
    let plugin = Plugin::linked::<GenericSql>("generic-sql", "0");
    let mut connection = plugin.connect(&values).unwrap();
    let before = peak();
    let mut count = Count::default();
    connection.import(&ImportRun::full(), &mut count).unwrap();
    let grown = peak() - before;
    assert_eq!(count.0, ROWS);
    let size = ROWS * BYTES_OF_A_ROW / 1024;
    assert!(grown < ALLOWED_KILOBYTES, "{server}: {grown} kB more for a table of {size} kB");
}

#[test]
fn an_import_over_odbc_takes_flat_memory() {
    let postgres = Postgres::start();
    postgres.sql(&format!(
        "CREATE TABLE t (id integer PRIMARY KEY, note varchar({BYTES_OF_A_ROW}));
         INSERT INTO t SELECT i, repeat('x', {BYTES_OF_A_ROW}) FROM generate_series(1, {ROWS}) i;"
    ));
    let file = odbc_driver("psqlodbcw.so");
    import(&postgres, &format!("Driver={file};Server=127.0.0.1;sslmode=require"));
}
