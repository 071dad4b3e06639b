//! Random pages of changes against a plain model.

use crate::support::{Database, entries, id};
use ecma_plugin_sdk::{Update, prelude::*};
use proptest::{collection, option, prelude::*, sample};
use std::collections::BTreeMap;

const TABLE: &str = "CREATE TABLE t (
    id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, \"the \"\"name\"\"\" TEXT, n INTEGER, raw BLOB)";
const NAME: &str = "the \"name\"";

#[derive(Debug, Clone)]
enum Step {
    Add(i64, Row),
    /// Attributes that are named, and their values.
    Update(i64, Option<String>, Option<Option<String>>, Option<Option<i64>>),
    Delete(i64),
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    login: String,
    name: Option<String>,
    n: Option<i64>,
    raw: Option<Vec<u8>>,
}

impl Row {
    fn entry(&self, key: i64) -> Entry {
        Entry::new("t")
            .anchor("id", key)
            .set("login", self.login.as_str())
            .set(NAME, self.name.clone())
            .set("n", self.n)
            .set("raw", self.raw.clone())
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,12}", "\\PC{1,6}", Just("'); DROP TABLE t; --".to_owned())]
}

fn key() -> impl Strategy<Value = i64> {
    prop_oneof![1..6_i64, sample::select(vec![i64::MIN, -1, 0, i64::MAX])]
}

fn step() -> impl Strategy<Value = Step> {
    let login = || prop_oneof!["[a-d]", text()];
    let row = (login(), option::of(text()), any::<Option<i64>>());
    let raw = option::of(collection::vec(any::<u8>(), 1..5));
    let row = (row, raw).prop_map(|((login, name, n), raw)| Row { login, name, n, raw });
    let update =
        (option::of(login()), option::of(option::of(text())), any::<Option<Option<i64>>>());
    prop_oneof![
        (key(), row).prop_map(|(key, row)| Step::Add(key, row)),
        (key(), update).prop_map(|(key, (login, name, n))| Step::Update(key, login, name, n)),
        key().prop_map(Step::Delete),
    ]
}

fn change(step: &Step) -> Change {
    let id = |key: &i64| id("t", "id", *key);
    match step {
        Step::Add(key, row) => Change::Add(row.entry(*key)),
        Step::Delete(key) => Change::Delete { id: id(key) },
        Step::Update(key, login, name, n) => {
            let mut update = Update::new(id(key));
            if let Some(login) = login {
                update = update.set("login", login.as_str());
            }
            if let Some(name) = name {
                update = update.set(NAME, name.clone());
            }
            if let Some(n) = n {
                update = update.set("n", *n);
            }
            Change::Update(update)
        }
    }
}

/// Does the step, or says why not.
fn apply(model: &mut BTreeMap<i64, Row>, step: &Step) -> Result<Option<Entry>, ErrorKind> {
    let taken = |model: &BTreeMap<i64, Row>, login: &str, but: i64| {
        model.iter().any(|(key, row)| row.login == login && *key != but)
    };
    match step {
        Step::Add(key, row) if model.contains_key(key) || taken(model, &row.login, *key) => {
            Err(ErrorKind::AlreadyExists)
        }
        Step::Add(key, row) => {
            model.insert(*key, row.clone());
            Ok(Some(row.entry(*key)))
        }
        Step::Delete(key) => model.remove(key).map(|_| None).ok_or(ErrorKind::NotFound),
        Step::Update(key, login, name, n) => {
            let Some(mut row) = model.get(key).cloned() else { return Err(ErrorKind::NotFound) };
            if let Some(login) = login {
                if taken(model, login, *key) {
                    return Err(ErrorKind::AlreadyExists);
                }
                row.login = login.clone();
            }
            row.name = name.clone().unwrap_or(row.name);
            row.n = n.unwrap_or(row.n);
            model.insert(*key, row.clone());
            Ok(Some(row.entry(*key)))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_database_is_what_the_model_is(pages in collection::vec(collection::vec(step(), 1..8), 1..6)) {
        let database = Database::new(TABLE);
        let mut connection = database.open();
        let mut model = BTreeMap::new();
        for page in &pages {
            let changes: Vec<Change> = page.iter().map(change).collect();
            let results = connection.export(&changes).unwrap();
            for (step, result) in page.iter().zip(results) {
                let found = result.map(|done| done.entry).map_err(|error| error.kind());
                prop_assert_eq!(found, apply(&mut model, step), "{:?}", step);
            }
        }
        let expected: Vec<Entry> = model.iter().map(|(key, row)| row.entry(*key)).collect();
        prop_assert_eq!(entries(&mut connection), expected);
    }
}
