//! Views, queries and procedures, on every server.

use super::{
    Vendor, linked,
    scenarios::{KINDS, types},
};
use ecma_plugin_sdk::{
    ExportStyle, PasswordOptions, Update,
    prelude::*,
    testkit::{self, Contract},
};

/// Names that somebody would like to be SQL.
const HOSTILE: [&str; 6] = [
    "'; DROP TABLE staff; --",
    "\"; DROP TABLE staff; --",
    "`; DROP TABLE staff; --",
    "\\'; DROP TABLE staff; --",
    "$1 ?1 @login :login {fn now()} %s",
    "Robert') /* 𝕏 \u{1F600} */",
];

pub(crate) fn list(entry: impl Into<String>) -> Vec<String> {
    vec![entry.into()]
}

fn queries(vendor: &Vendor, values: Values) -> Values {
    values
        .with("queries", list("staff = SELECT id, login, age FROM staff WHERE login IS NOT NULL"))
        .with("anchor", "staff.id")
        .with(
            "insert_queries",
            list(format!("staff =\n{}\nINSERT INTO log VALUES ('add')", vendor.add_staff)),
        )
        .with(
            "update_queries",
            list("staff = UPDATE staff SET login = @login, age = @age WHERE id = @id"),
        )
        .with(
            "delete_queries",
            list("staff = DELETE FROM staff WHERE id = @id\nINSERT INTO log VALUES (@login)"),
        )
}

pub(crate) fn procedures(values: Values) -> Values {
    values
        .with(
            "procedures",
            list("staff = list_staff\nfirst:INPUT:@StartIndex\nlast:INPUT:@EndIndex"),
        )
        .with("anchor", "staff.id")
        .with(
            "add_procedures",
            list("staff = add_staff\nlog_in:INPUT:login\nyears:INPUT:age\nmade:OUTPUT:id"),
        )
        .with(
            "update_procedures",
            list("staff = change_staff\nkey:INPUT:id\nlog_in:INPUT:login\nyears:INPUT:age"),
        )
        .with("delete_procedures", list("staff = remove_staff\nkey:INPUT:@id"))
        .with(
            "set_password_procedures",
            list("staff = password_staff\nkey:INPUT:id\nword:INPUT:newPassword\nwhy:INPUT:asked"),
        )
}

fn pages_of(size: u32) -> ImportRun {
    let mut run = ImportRun::full();
    run.page_size = size;
    run
}

pub(crate) fn marvin() -> Entry {
    Entry::new("staff").set("login", "marvin").set("age", 42)
}

pub(crate) fn queries_keep_the_contract(vendor: &Vendor) {
    let (_database, values) = vendor.database("queries", vendor.staff);
    Contract::new(linked(), queries(vendor, values)).sample(marvin()).verify();
}

pub(crate) fn procedures_keep_the_contract(vendor: &Vendor) {
    let (_database, values) = vendor.database("procedures", vendor.staff);
    Contract::new(linked(), procedures(values)).sample(marvin()).verify();
}

pub(crate) fn a_view_keeps_the_contract(vendor: &Vendor) {
    let sql = "CREATE VIEW people AS SELECT id, login, age FROM staff;";
    let (_database, values) = vendor.database("views", &format!("{}{sql}", vendor.staff));
    let sample = Entry::new("people").anchor("id", 77).set("login", "marvin").set("age", 42);
    let values = values.with("tables", "people").with("anchor", "people.id");
    Contract::new(linked(), values).sample(sample).verify();
}

pub(crate) fn pages_of_a_procedure_are_all_read(vendor: &Vendor) {
    let (_database, values) = vendor.database("paged", vendor.staff);
    for page_size in [1, 3, 7, 500] {
        let mut connector = linked().connect(&procedures(values.clone())).unwrap();
        let imported = testkit::import(&mut connector, &pages_of(page_size)).unwrap();
        let login = |change: &Change| match change {
            Change::Add(entry) => entry.text("login").unwrap().to_owned(),
            other => panic!("a full import adds only: {other:?}"),
        };
        let logins: Vec<String> = imported.changes.iter().map(login).collect();
        assert_eq!(logins, ["p1", "p2", "p3", "p4", "p5", "p6", "p7"], "{page_size}");
    }
}

pub(crate) fn a_procedure_that_does_not_heed_its_pages_is_told(vendor: &Vendor) {
    let (_database, values) = vendor.database("unpaged", vendor.staff);
    let text = "staff = list_staff_whole\nfirst:INPUT:@StartIndex\nlast:INPUT:@EndIndex";
    let values = values.with("procedures", list(text)).with("anchor", "staff.id");
    for page_size in [3, 500] {
        let mut connector = linked().connect(&values).unwrap();
        let failed = testkit::import(&mut connector, &pages_of(page_size));
        let error = failed.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("answers the same rows for each page"), "{error}");
    }
}

pub(crate) fn no_value_becomes_sql_whatever_the_method(vendor: &Vendor) {
    let (database, values) = vendor.database("hostile", vendor.staff);
    let tables = values.clone().with("tables", "staff");
    for values in [tables, queries(vendor, values.clone()), procedures(values)] {
        let mut connector = linked().connect(&values).unwrap();
        for text in HOSTILE {
            let new = Entry::new("staff").set("login", text).set("age", 1);
            let added = connector.export(&[Change::Add(new)]).unwrap().remove(0).unwrap();
            let anchor = added.anchor.or(added.entry.map(|entry| entry.id().anchor.clone()));
            let id = EntryId { object_type: "staff".to_owned(), anchor: anchor.unwrap(), dn: None };
            let whole = Entry::with_id(id.clone()).set("login", format!("{text}!")).set("age", 2);
            let change = match linked().capabilities(&values).unwrap().export_style {
                ExportStyle::ObjectReplace => Change::Replace(whole),
                _ => Change::Update(Update::new(id.clone()).set("login", format!("{text}!"))),
            };
            connector.export(&[change]).unwrap().remove(0).unwrap();
            let there = database.query("SELECT login FROM staff WHERE id > 7");
            assert_eq!(there, [[format!("{text}!")]]);
            connector.export(&[Change::Delete { id }]).unwrap().remove(0).unwrap();
        }
    }
    assert_eq!(database.query("SELECT count(*) FROM staff"), [["7"]]);
}

pub(crate) fn a_procedure_sets_a_password(vendor: &Vendor) {
    let (database, values) = vendor.database("passwords", vendor.staff);
    let mut connector = linked().connect(&procedures(values)).unwrap();
    let id = |key: i64| Entry::new("staff").anchor("id", key).id().clone();
    let options = PasswordOptions::default();
    connector.set_password(&id(2), &Secret::new("s3'cret"), options).unwrap();
    let rows = database.query("SELECT secret FROM staff WHERE id = 2");
    assert_eq!(rows, [["s3'cret asked"]]);
    let nobody = connector.set_password(&id(99), &Secret::new("s3cret"), options).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound, "{nobody}");
}

pub(crate) fn a_procedure_that_is_not_there_is_named(vendor: &Vendor) {
    let (_database, values) = vendor.database("absent", vendor.staff);
    let values = values.with("procedures", list("staff = list_stuff")).with("anchor", "id");
    let problems = linked().check(&values).unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let text = problems[0].to_string();
    assert!(text.starts_with("procedures has \"staff = list_stuff\", which"), "{text}");
    assert!(text.contains("list_stuff") && !text.contains("the database failed"), "{text}");
}

pub(crate) fn object_types_are_what_a_procedure_answers(vendor: &Vendor) {
    let sql = format!("{}{KINDS}{}", vendor.teams, vendor.kinds);
    let (_database, values) = vendor.database("type_called", &sql);
    let called = |text: &str| values.clone().with("object_type_procedure", text);
    assert_eq!(types(&called("name = list_kinds\nunwanted:INPUT:no")), ["person", "team"]);
    for (text, expected) in [
        ("name = list_kinds\nunwanted:INPUT:a", "names the type \"Robot\", and there is no table"),
        (
            "title = list_kinds\nunwanted:INPUT:no",
            "whose \"title\" is no column of what it answers",
        ),
        ("name = list_kindz", "which the database does not take"),
    ] {
        let problem = linked().check(&called(text)).unwrap()[0].to_string();
        assert!(problem.starts_with("object_type_procedure "), "{problem}");
        assert!(problem.contains(expected), "{problem}");
    }
}
