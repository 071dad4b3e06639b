//! The strategy `change_tracking`, with a table of SQLite that keeps the account.

use super::attach;
use crate::{
    databases::Databases,
    dialect::{self, Account, Dialect},
    driver::{
        self, Answer, Call, Called, ColumnFacts, Driver, Each, Failure, Purpose, Scalar, TableFacts,
    },
    import,
    schema::{self, Table},
    settings::Settings,
};
use ecma_plugin_sdk::{Pager, Problem, page::Page, prelude::*, testkit};

const PEOPLE: &str = "
    CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO person VALUES (1, 'a'), (2, 'b'), (3, 'c');
    CREATE TABLE role (person INTEGER, role TEXT, PRIMARY KEY (person, role));
    CREATE TABLE account (version INTEGER, id INTEGER);
    CREATE TABLE roles_account (version INTEGER, person INTEGER, role TEXT);
    CREATE TABLE kept (least INTEGER, now INTEGER);
    INSERT INTO kept VALUES (1, 5);";

/// SQLite, with an account of changes.
#[derive(Debug)]
struct Accounting;

impl Dialect for Accounting {
    fn mark(&self, number: usize) -> String {
        dialect::SQLITE.mark(number)
    }

    fn limit(&self, sql: &str, rows: usize) -> String {
        dialect::SQLITE.limit(sql, rows)
    }

    fn change_tracking(&self) -> Option<&'static dyn Account> {
        Some(&Accounting)
    }
}

impl Account for Accounting {
    fn now(&self) -> String {
        "SELECT now FROM kept".to_owned()
    }

    fn least(&self) -> String {
        "SELECT least FROM kept WHERE ?1 IN ('\"person\"', '\"role\"')".to_owned()
    }

    fn changes(&self, table: &str, mark: &str) -> String {
        match table {
            "\"person\"" => format!("(SELECT DISTINCT id FROM account WHERE version > {mark})"),
            "\"role\"" => format!("(SELECT * FROM roles_account WHERE version > {mark})"),
            other => panic!("nobody keeps account of {other}"),
        }
    }
}

struct Fake(Box<dyn Driver>);

impl Driver for Fake {
    fn dialect(&self) -> &'static dyn Dialect {
        &Accounting
    }

    fn alive(&self) -> Result<(), Failure> {
        self.0.alive()
    }

    fn describe(&self) -> Result<Vec<TableFacts>, Failure> {
        self.0.describe()
    }

    fn query(&self, sql: &str, parameters: &[Scalar], each: &mut Each<'_>) -> Result<(), Failure> {
        self.0.query(sql, parameters, each)
    }

    fn columns(&self, sql: &str) -> Result<Vec<ColumnFacts>, Failure> {
        self.0.columns(sql)
    }

    fn call(&self, call: &Call<'_>, each: &mut Answer<'_>) -> Result<Called, Failure> {
        self.0.call(call, each)
    }

    fn execute(&self, sql: &str, parameters: &[Scalar]) -> Result<u64, Failure> {
        self.0.execute(sql, parameters)
    }

    fn run(&self, sql: &str) -> Result<(), Failure> {
        self.0.run(sql)
    }

    fn begin(&self, purpose: Purpose) -> Result<(), Failure> {
        self.0.begin(purpose)
    }

    fn in_transaction(&self) -> bool {
        self.0.in_transaction()
    }
}

#[derive(Default)]
struct Pages(Vec<String>);

impl Pager for Pages {
    fn page(&mut self, bytes: &[u8]) -> bool {
        let page = Page::parse(bytes).unwrap();
        for record in page.records() {
            self.0.push(match page.change(&record.unwrap()).unwrap() {
                Change::Add(entry) => format!("+{}", entry.text("name").unwrap_or_default()),
                change => format!("-{}", change.id().anchor.get("id").unwrap()),
            });
        }
        true
    }
}

struct Database {
    databases: Databases,
    tables: Vec<Table>,
    _dir: testkit::TempDir,
}

impl Database {
    fn new() -> Database {
        let dir = testkit::temp_dir();
        let path = dir.path().join("test.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch(PEOPLE).unwrap();
        let values = Values::new([("database", path.to_str().unwrap())])
            .with("tables", "person")
            .with("multi_valued_tables", "person.roles = role.role WHERE role.person = person.id")
            .with("delta_strategy", "change_tracking");
        let settings = Settings::read(&values).unwrap();
        let driver = Fake(driver::connect(&settings).unwrap());
        let facts = driver.describe().unwrap();
        let tables = schema::tables(&settings, dialect::SQLITE, &facts, None, Vec::new()).unwrap();
        let tables = attach(&settings, &facts, driver.dialect(), tables).unwrap();
        Database { databases: Databases::sharing(Box::new(driver)), tables, _dir: dir }
    }

    fn run(&self, sql: &str) {
        self.databases.shared().run(sql).unwrap();
    }

    fn import(&self, run: &ImportRun) -> Result<(Vec<String>, Watermark)> {
        let mut pages = Pages::default();
        let mut sink = ImportSink::new(10, &mut pages);
        let watermark = import::run(&self.databases, &self.tables, run, &mut sink);
        self.databases.forget().unwrap();
        let watermark = watermark?;
        sink.finish()?;
        Ok((pages.0, watermark.unwrap()))
    }

    fn delta(&self, since: &Watermark) -> (Vec<String>, Watermark) {
        self.import(&ImportRun::delta(since.clone())).unwrap()
    }
}

#[test]
fn the_account_tells_what_changed_and_what_is_gone() {
    let database = Database::new();
    let (all, since) = database.import(&ImportRun::full()).unwrap();
    assert_eq!(all, ["+a", "+b", "+c"]);
    assert_eq!(database.delta(&since).0, Vec::<String>::new());
    database.run("UPDATE person SET name = 'B' WHERE id = 2");
    database.run("DELETE FROM person WHERE id = 3");
    database.run("INSERT INTO account VALUES (5, 1), (6, 2), (7, 3)");
    database.run("UPDATE kept SET now = 7");
    let (changes, since) = database.delta(&since);
    assert_eq!(changes, ["+B", "-3"], "version 5 was imported");
    assert_eq!(database.delta(&since).0, Vec::<String>::new());
}

#[test]
fn rows_of_child_tables_touch_their_owner() {
    let database = Database::new();
    let (_, since) = database.import(&ImportRun::full()).unwrap();
    database.run("INSERT INTO roles_account VALUES (5, 1, 'old'), (6, 2, 'gone'), (7, 9, 'stray')");
    assert_eq!(database.delta(&since).0, ["+b"], "added or removed, and no deleted entry");
}

#[test]
fn versions_that_are_not_kept_any_more_ask_for_a_full_import() {
    let database = Database::new();
    let (_, since) = database.import(&ImportRun::full()).unwrap();
    database.run("UPDATE kept SET least = 6");
    let error = database.import(&ImportRun::delta(since)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    database.run("UPDATE kept SET least = NULL, now = 9");
    let (_, since) = database.import(&ImportRun::full()).unwrap();
    let error = database.import(&ImportRun::delta(since)).unwrap_err();
    assert_eq!(
        error.message(),
        "table person has no change tracking; turn it on, or choose another delta_strategy"
    );
}

#[test]
fn the_anchor_has_to_be_of_the_primary_key() {
    let database = Database::new();
    database.run("CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)");
    let values = Values::new([("database", "x"), ("anchor", "name")])
        .with("tables", "team")
        .with("delta_strategy", "change_tracking");
    let settings = Settings::read(&values).unwrap();
    let facts = database.databases.shared().describe().unwrap();
    let tables = schema::tables(&settings, dialect::SQLITE, &facts, None, Vec::new()).unwrap();
    let problems = attach(&settings, &facts, &Accounting, tables).unwrap_err();
    let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
    let expected = "delta_strategy is change_tracking, but team.name is no column of the primary \
                    key, by which changes are tracked";
    assert_eq!(problems, [expected]);
}
