//! Views, and statements that the operator wrote.

use crate::support::{Database, add, entries, export, failure, id, plugin, update};
use ecma_plugin_sdk::{PasswordOptions, prelude::*};

const PEOPLE: &str = "
CREATE TABLE person (id INTEGER PRIMARY KEY, login TEXT UNIQUE, name TEXT, age INTEGER,
    secret TEXT, changed INTEGER DEFAULT 1);
INSERT INTO person (login, name, age) VALUES ('ada', 'Ada', 36), ('grace', 'Grace', NULL);
CREATE TABLE log (what TEXT);";

/// One entry, whatever commas it has.
fn list(entry: &str) -> Vec<String> {
    vec![entry.to_owned()]
}

fn queries(values: Values) -> Values {
    values
        .with("queries", list("person = SELECT id, login, name, age FROM person"))
        .with("anchor", "id")
        .with("insert_queries", list("person =
             INSERT INTO person (login, name, age)
               VALUES (@login, @name, @age) RETURNING id\nINSERT INTO log VALUES ('+' || @login)"))
        .with("update_queries", list("person =\nUPDATE person SET login = @login, name = @NAME, age = @age WHERE id = @id\n\
             INSERT INTO log VALUES ('=' || @login || ' @login')"))
        .with("delete_queries", list("person =\nDELETE FROM person WHERE id = @id\nINSERT INTO log VALUES ('-' || @login);"))
}

#[test]
fn a_query_is_an_object_type_and_its_statements_write_it() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(queries);
    let logins: Vec<String> =
        entries(&mut connection).iter().map(|e| e.text("login").unwrap().to_owned()).collect();
    assert_eq!(logins, ["ada", "grace"]);
    let hostile = "'; DROP TABLE person; --";
    let new = Entry::new("person").set("login", hostile).set("name", "@age");
    let exported = export(&mut connection, add(new)).unwrap();
    let new = exported.entry.unwrap();
    assert_eq!(new.id().anchor.get("id"), Some(&Value::Integer(3)));
    assert_eq!(new.text("login"), Some(hostile));
    let change = update(id("person", "id", 1)).set("name", "Lovelace");
    let exported = export(&mut connection, Change::Update(change)).unwrap();
    assert_eq!(exported.entry.unwrap().get("age"), [Value::Integer(36)]);
    export(&mut connection, Change::Delete { id: id("person", "id", 2) }).unwrap();
    assert_eq!(
        database.rows("SELECT id, login, name, age FROM person ORDER BY id"),
        ["1|'ada'|'Lovelace'|36", "3|''; DROP TABLE person; --'|'@age'|NULL"]
    );
    let log = database.rows("SELECT what FROM log ORDER BY rowid");
    assert_eq!(log, ["'+'; DROP TABLE person; --'", "'=ada @login'", "'-grace'"]);
}

#[test]
fn a_statement_that_changes_no_row_or_several_is_refused_and_undone() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(|values| {
        queries(values)
            .with("update_queries", list("person = UPDATE person SET name = @name WHERE id <= @id"))
    });
    let mut rename = |number: i64| {
        let change = update(id("person", "id", number)).set("name", "new");
        export(&mut connection, Change::Update(change))
    };
    assert_eq!(failure(rename(9)).0, ErrorKind::NotFound);
    assert_eq!(failure(rename(2)).0, ErrorKind::Conflict);
    rename(1).unwrap();
    assert_eq!(database.rows("SELECT name FROM person ORDER BY id"), ["'new'", "'Grace'"]);
    let gone = Change::Delete { id: id("person", "id", 9) };
    assert_eq!(failure(export(&mut connection, gone)).0, ErrorKind::NotFound);
    assert_eq!(database.rows("SELECT count(*) FROM log"), ["0"]);
}

#[test]
fn what_no_statement_writes_is_read_only_and_refused() {
    let database = Database::new(PEOPLE);
    let adapt = |values| {
        queries(values)
            .with("insert_queries", list("person = INSERT INTO person (login) VALUES (@login)"))
            .with("update_queries", list("person = UPDATE person SET name = @name WHERE id = @id"))
    };
    let mut connection = database.open_with(adapt);
    let schema = connection.schema().unwrap();
    let access = |name: &str| schema.get("person").unwrap().get(name).unwrap().access;
    assert_eq!(access("age"), ecma_plugin_sdk::Access::ImportOnly);
    assert_eq!(access("name"), ecma_plugin_sdk::Access::ImportExport);
    let new = Entry::new("person").set("login", "x").set("name", "X");
    let refused = failure(export(&mut connection, add(new)));
    assert_eq!(refused, (ErrorKind::Invalid, Some("name".to_owned())));
    let change = update(id("person", "id", 1)).set("age", 7);
    let refused = failure(export(&mut connection, Change::Update(change)));
    assert_eq!(refused, (ErrorKind::Invalid, Some("age".to_owned())));
    // Without RETURNING nobody would know the new key.
    let refused = failure(export(&mut connection, add(Entry::new("person").set("login", "x"))));
    assert_eq!(refused, (ErrorKind::Invalid, Some("id".to_owned())));
    assert_eq!(database.rows("SELECT count(*) FROM person"), ["2"]);
}

#[test]
fn what_has_no_statement_is_not_written() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(|values| {
        values.with("queries", list("person = SELECT * FROM person")).with("anchor", "person.id")
    });
    let change = update(id("person", "id", 1)).set("name", "new");
    for change in [
        add(Entry::new("person").set("login", "x")),
        Change::Update(change),
        Change::Delete { id: id("person", "id", 1) },
    ] {
        assert_eq!(failure(export(&mut connection, change)).0, ErrorKind::Unsupported);
    }
}

#[test]
fn a_query_takes_part_in_deltas_and_has_child_tables() {
    let database = Database::new(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, changed INTEGER);
         CREATE TABLE role (person INTEGER, role TEXT, PRIMARY KEY (person, role));
         INSERT INTO person VALUES (1, 'Ada', 1), (2, 'Grace', 1);
         INSERT INTO role VALUES (1, 'a'), (1, 'b'), (2, 'c');",
    );
    let query = "person = SELECT id, upper(name) AS name, changed FROM person -- all of them";
    let mut connection = database.open_with(|values| {
        values
            .with("queries", list(query))
            .with("anchor", "id")
            .with("watermark_column", "changed")
            .with(
                "multi_valued_tables",
                list("person.roles = role.role WHERE role.person = person.id"),
            )
    });
    let full = ecma_plugin_sdk::testkit::import(&mut connection, &ImportRun::full()).unwrap();
    let shown = |change: &Change| match change {
        Change::Add(entry) => format!("{}: {:?}", entry.text("name").unwrap(), entry.get("roles")),
        other => format!("{other:?}"),
    };
    let all: Vec<String> = full.changes.iter().map(shown).collect();
    assert_eq!(all, ["ADA: [Text(\"a\"), Text(\"b\")]", "GRACE: [Text(\"c\")]"]);
    database
        .sql
        .execute_batch("UPDATE person SET name = 'Hopper', changed = 2 WHERE id = 2")
        .unwrap();
    let delta = ImportRun::delta(full.watermark.unwrap());
    let delta = ecma_plugin_sdk::testkit::import(&mut connection, &delta).unwrap();
    let names: Vec<String> = delta.changes.iter().map(shown).collect();
    assert_eq!(names, ["HOPPER: [Text(\"c\")]"]);
}

#[test]
fn pages_that_a_query_asks_for_are_one() {
    let database = Database::new(PEOPLE);
    let query = "person = SELECT * FROM person WHERE id BETWEEN @StartIndex AND @endindex";
    let mut connection =
        database.open_with(|values| values.with("queries", list(query)).with("anchor", "id"));
    assert_eq!(entries(&mut connection).len(), 2);
}

#[test]
fn a_view_is_read_and_its_triggers_write_it() {
    let database = Database::new(&format!(
        "{PEOPLE}
         CREATE VIEW staff AS SELECT id, login, name FROM person;
         CREATE TRIGGER added INSTEAD OF INSERT ON staff BEGIN
            INSERT INTO person (id, login, name) VALUES (new.id, new.login, new.name); END;
         CREATE TRIGGER changed INSTEAD OF UPDATE ON staff BEGIN
            UPDATE person SET login = new.login, name = new.name WHERE id = old.id; END;
         CREATE TRIGGER removed INSTEAD OF DELETE ON staff BEGIN
            DELETE FROM person WHERE id = old.id; END;"
    ));
    let mut connection =
        database.open_with(|values| values.with("tables", "staff").with("anchor", "staff.id"));
    assert_eq!(entries(&mut connection).len(), 2);
    let new = Entry::new("staff").anchor("id", 7).set("login", "x");
    export(&mut connection, add(new)).unwrap();
    let change = update(id("staff", "id", 1)).set("name", "Lovelace");
    export(&mut connection, Change::Update(change)).unwrap();
    export(&mut connection, Change::Delete { id: id("staff", "id", 2) }).unwrap();
    let missing = update(id("staff", "id", 2)).set("name", "nobody");
    assert_eq!(failure(export(&mut connection, Change::Update(missing))).0, ErrorKind::NotFound);
    let missing = Change::Delete { id: id("staff", "id", 2) };
    assert_eq!(failure(export(&mut connection, missing)).0, ErrorKind::NotFound);
    let rows = database.rows("SELECT id, login, name FROM person ORDER BY id");
    assert_eq!(rows, ["1|'ada'|'Lovelace'", "7|'x'|NULL"]);
}

#[test]
fn a_view_is_no_object_type_unless_it_is_named() {
    let database = Database::new(&format!("{PEOPLE} CREATE VIEW staff AS SELECT * FROM person;"));
    let schema = database.open().schema().unwrap();
    assert!(schema.get("person").is_some() && schema.get("staff").is_none());
    let problems = database.problems(|values| values.with("tables", "staff"));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("anchor is missing for staff"), "{problems:?}");
}

#[test]
fn a_column_that_is_only_written_is_never_imported_and_stays() {
    let database = Database::new(PEOPLE);
    let adapt = |values: Values| {
        values.with("tables", "person").with("export_only_columns", "person.secret")
    };
    let mut connection = database.open_with(adapt);
    let change = update(id("person", "id", 1)).set("secret", "s3cret");
    let exported = export(&mut connection, Change::Update(change)).unwrap();
    assert_eq!(exported.entry.unwrap().get("secret"), []);
    assert!(entries(&mut connection).iter().all(|entry| entry.get("secret").is_empty()));
    let mut whole = database.open_with(|values| adapt(values).with("export_object_replace", true));
    let entry = Entry::new("person").anchor("id", 1).set("login", "ada");
    export(&mut whole, Change::Replace(entry)).unwrap();
    assert_eq!(database.rows("SELECT secret, name FROM person WHERE id = 1"), ["'s3cret'|NULL"]);
}

#[test]
fn a_password_is_set_and_changed_by_statements_and_never_told() {
    let database = Database::new(PEOPLE);
    let adapt = |values: Values| {
        values
            .with("tables", "person")
            .with(
                "set_password_queries",
                list(
                    "person = UPDATE person SET secret = @newPassword || ':' || @PasswordOptions \
                 WHERE id = @id",
                ),
            )
            .with(
                "change_password_queries",
                list(
                    "person = UPDATE person SET secret = @newPassword \
                 WHERE id = @id AND secret = @oldPassword",
                ),
            )
    };
    assert!(plugin().capabilities(&adapt(database.values())).unwrap().password);
    assert!(!plugin().capabilities(&database.values()).unwrap().password);
    let mut connection = database.open_with(adapt);
    let ada = id("person", "id", 1);
    let (one, two) = (Secret::new("'one'"), Secret::new("two"));
    let options = PasswordOptions { force_change: true, unlock: true, ..Default::default() };
    connection.set_password(&ada, &one, options).unwrap();
    let secret = || database.rows("SELECT secret FROM person WHERE id = 1").remove(0);
    assert_eq!(secret(), "''one':ForceChangeAtLogOn,UnlockAccount'");
    connection.set_password(&ada, &one, PasswordOptions::default()).unwrap();
    connection.change_password(&ada, &Secret::new("'one':"), &two).unwrap();
    assert_eq!(secret(), "'two'");
    let wrong = connection.change_password(&ada, &one, &two);
    assert_eq!(failure(wrong).0, ErrorKind::NotFound);
    let nobody = connection.set_password(&id("person", "id", 9), &one, options);
    assert_eq!(failure(nobody).0, ErrorKind::NotFound);
    database
        .sql
        .execute_batch(
            "CREATE TRIGGER refused BEFORE UPDATE ON person WHEN new.secret LIKE 'weak%' BEGIN
                SELECT raise(ABORT, 'weak password is too weak'); END",
        )
        .unwrap();
    let weak = connection.set_password(&ada, &Secret::new("weak"), options).unwrap_err();
    assert_eq!(weak.kind(), ErrorKind::Invalid);
    assert!(!weak.to_string().contains("weak"), "{weak}");
}

#[test]
fn statements_that_do_not_fit_are_named() {
    let database = Database::new(PEOPLE);
    let with = |name: &str, text: &str| {
        let problems = database.problems(|values| queries(values).with(name, list(text)));
        assert_eq!(problems.len(), 1, "{name} {text}: {problems:?}");
        problems[0].clone()
    };
    for (name, text, expected) in [
        ("queries", "SELECT 1", "has no object type and equals sign before it"),
        ("queries", "person = SELECT 1; \nSELECT 2", "which has 2 statements where one is read"),
        ("queries", "person = SELECT @login", "which has @login: nothing is given to an import"),
        ("queries", "person = SELEKT id FROM person", "which the database does not take"),
        ("queries", "person = SELECT id, name AS ID FROM person", "two columns of the name"),
        ("queries", "person = SELECT 'x", "in which a text does not end"),
        ("update_queries", "persn = UPDATE", "did you mean \"person\"?"),
        ("update_queries", "person = SET @logn", "did you mean \"login\"?"),
        ("update_queries", "person = SET @newPassword", "there is none when this is done"),
        ("update_queries", "person =\n", "which has no statement"),
        ("procedures", "team = list_teams", "sqlite has no stored procedures"),
        ("procedures", "team = list_teams\nx", "which has the line \"x\", which has no direction"),
        ("add_procedures", "person = p\nx:INPUT:@y", "whose @y is no attribute of person"),
        ("add_procedures", "person = p", "another one does that for person"),
        ("export_only_columns", "nothing", "which is no column"),
    ] {
        let problem = with(name, text);
        assert!(problem.starts_with(&format!("{name} ")), "{text}: {problem}");
        assert!(problem.contains(expected), "{text}: {problem}");
    }
}

#[test]
fn an_attribute_that_only_statements_know_is_given_to_them() {
    let database = Database::new(PEOPLE);
    let mut connection = database.open_with(|values| {
        queries(values).with("export_only_columns", "person.note").with("update_queries", list("person =\nUPDATE person SET name = @name WHERE id = @id\nINSERT INTO log VALUES (@note)"))
    });
    let change = update(id("person", "id", 1)).set("note", "seen");
    export(&mut connection, Change::Update(change)).unwrap();
    assert_eq!(database.rows("SELECT what FROM log"), ["'seen'"]);
    assert_eq!(database.rows("SELECT name FROM person WHERE id = 1"), ["'Ada'"]);
}
