//! The text of each statement in each dialect. For SQL Server, Oracle and DB2 this is all there is: no
//! server of theirs is at hand.

use super::*;
use crate::{
    child::{Child, Join},
    schema::{Column, Table},
};

const ALL: [(&str, &dyn Dialect); 9] = [
    ("sqlite", SQLITE),
    ("postgresql", POSTGRES),
    ("mysql", MYSQL),
    ("sqlite by odbc", SQLITE_BY_ODBC),
    ("postgresql by odbc", POSTGRES_BY_ODBC),
    ("sql server", SQL_SERVER),
    ("oracle", ORACLE),
    ("db2", DB2),
    ("ansi", ANSI),
];

fn column(name: &str, storage: Storage, anchor: bool) -> Column {
    Column { anchor, ..Column::new(name, AttributeType::Text, storage) }
}

fn table(dialect: &dyn Dialect) -> Table {
    Table {
        object_type: "t".to_owned(),
        name: "t".to_owned(),
        quoted: dialect.name("t"),
        columns: vec![
            column("a", Storage::Text, true),
            column("b", Storage::Integer, true),
            column("n", Storage::Own, false),
        ],
        watermark: None,
        deltas: Default::default(),
        children: Vec::new(),
        source: Default::default(),
        methods: Default::default(),
        answers_row: false,
        dn: None,
    }
}

fn child(dialect: &dyn Dialect) -> Child {
    let join = |name: &str, storage, parent| Join { child: name.to_owned(), storage, parent };
    Child {
        value: column("values", Storage::Text, false),
        table: "c".to_owned(),
        quoted: dialect.name("c"),
        column: "v".to_owned(),
        join: vec![join("a", Storage::Text, 0), join("b", Storage::Integer, 1)],
        type_column: None,
        types: Vec::new(),
        watermark: None,
    }
}

/// What each dialect makes of something.
fn check(made: impl Fn(&dyn Dialect) -> String, expected: [(&str, &str); 9]) {
    for ((name, dialect), (expected_name, text)) in ALL.into_iter().zip(expected) {
        assert_eq!((name, made(dialect).as_str()), (expected_name, text));
    }
}

#[test]
fn names_are_quoted_whatever_is_in_them() {
    for (name, quoted) in [
        ("person", "\"person\""),
        ("select", "\"select\""),
        ("a\"b", "\"a\"\"b\""),
        ("\"; DROP TABLE person; --", "\"\"\"; DROP TABLE person; --\""),
        ("größe", "\"größe\""),
    ] {
        for dialect in [SQLITE, POSTGRES, SQLITE_BY_ODBC, POSTGRES_BY_ODBC, ORACLE, DB2, ANSI] {
            assert_eq!(dialect.name(name), quoted);
        }
    }
    assert_eq!(MYSQL.name("`; DROP TABLE person; -- \""), "```; DROP TABLE person; -- \"`");
    assert_eq!(SQL_SERVER.name("[a]; DROP TABLE b; --"), "[[a]]; DROP TABLE b; --]");
}

#[test]
fn different_values_are_groups_of_what_is_shown() {
    let different = |dialect: &dyn Dialect| dialect.different("t", "a", Storage::Own, 9);
    for (dialect, text) in [
        (POSTGRES, "SELECT \"a\"::text FROM t p GROUP BY \"a\"::text LIMIT 9"),
        (MYSQL, "SELECT CAST(`a` AS CHAR) FROM t p GROUP BY CAST(`a` AS CHAR) LIMIT 9"),
        (
            SQL_SERVER,
            "SELECT TOP (9) CAST([a] AS nvarchar(max)) FROM t p GROUP BY CAST([a] AS nvarchar(max))",
        ),
        (ORACLE, "SELECT \"a\" FROM t p GROUP BY \"a\" FETCH FIRST 9 ROWS ONLY"),
    ] {
        assert_eq!(different(dialect), text);
    }
}

#[test]
fn a_table_is_probed_by_one_row() {
    check(
        |dialect| dialect.probe("t"),
        [
            ("sqlite", "SELECT 1 FROM t p LIMIT 1"),
            ("postgresql", "SELECT 1 FROM t p LIMIT 1"),
            ("mysql", "SELECT 1 FROM t p LIMIT 1"),
            ("sqlite by odbc", "SELECT 1 FROM t p LIMIT 1"),
            ("postgresql by odbc", "SELECT 1 FROM t p LIMIT 1"),
            ("sql server", "SELECT TOP (1) 1 FROM t p"),
            ("oracle", "SELECT 1 FROM t p FETCH FIRST 1 ROWS ONLY"),
            ("db2", "SELECT 1 FROM t p FETCH FIRST 1 ROWS ONLY"),
            ("ansi", "SELECT 1 FROM t p FETCH FIRST 1 ROWS ONLY"),
        ],
    );
}

#[test]
fn a_new_row_answers_its_anchor_where_there_is_a_way() {
    check(
        |dialect| {
            let table = table(dialect);
            let (sql, answers) = dialect.insert(&table, &[&table.columns[2]]);
            format!("{answers}: {sql}")
        },
        [
            (
                "sqlite",
                "true: INSERT OR ABORT INTO \"t\" (\"n\") VALUES (?1) RETURNING \"a\", \"b\"",
            ),
            ("postgresql", "true: INSERT INTO \"t\" (\"n\") VALUES ($1) RETURNING \"a\", \"b\""),
            ("mysql", "false: INSERT INTO `t` (`n`) VALUES (?)"),
            ("sqlite by odbc", "false: INSERT OR ABORT INTO \"t\" (\"n\") VALUES (?)"),
            (
                "postgresql by odbc",
                "true: INSERT INTO \"t\" (\"n\") VALUES (?) RETURNING \"a\", \"b\"",
            ),
            ("sql server", "false: INSERT INTO [t] ([n]) VALUES (?)"),
            ("oracle", "false: INSERT INTO \"t\" (\"n\") VALUES (?)"),
            (
                "db2",
                "true: SELECT \"a\", \"b\" FROM FINAL TABLE (INSERT INTO \"t\" (\"n\") VALUES (?))",
            ),
            ("ansi", "false: INSERT INTO \"t\" (\"n\") VALUES (?)"),
        ],
    );
    assert_eq!(
        SQL_SERVER.numbering("INSERT INTO [t] ([n]) VALUES (?)").as_deref(),
        Some(
            "SET NOCOUNT ON; INSERT INTO [t] ([n]) VALUES (?); \
             SELECT @@ROWCOUNT, CAST(SCOPE_IDENTITY() AS bigint)"
        )
    );
}

#[test]
fn a_row_of_defaults_is_a_row() {
    check(
        |dialect| {
            let (sql, _) = dialect.insert(&table(dialect), &[]);
            sql.split(" RETURNING ").next().unwrap_or_default().to_owned()
        },
        [
            ("sqlite", "INSERT OR ABORT INTO \"t\" DEFAULT VALUES"),
            ("postgresql", "INSERT INTO \"t\" DEFAULT VALUES"),
            ("mysql", "INSERT INTO `t` () VALUES ()"),
            ("sqlite by odbc", "INSERT OR ABORT INTO \"t\" DEFAULT VALUES"),
            ("postgresql by odbc", "INSERT INTO \"t\" DEFAULT VALUES"),
            ("sql server", "INSERT INTO [t] DEFAULT VALUES"),
            ("oracle", "INSERT INTO \"t\" (\"a\") VALUES (DEFAULT)"),
            (
                "db2",
                "SELECT \"a\", \"b\" FROM FINAL TABLE (INSERT INTO \"t\" (\"a\") VALUES (DEFAULT))",
            ),
            ("ansi", "INSERT INTO \"t\" DEFAULT VALUES"),
        ],
    );
}

#[test]
fn a_row_is_changed_and_deleted_by_its_anchor() {
    check(
        |dialect| {
            let table = table(dialect);
            dialect.update(&table, &[&table.columns[2]]).0
        },
        [
            ("sqlite", "UPDATE OR ABORT \"t\" SET \"n\" = ?1 WHERE \"a\" = ?2 AND \"b\" = ?3"),
            ("postgresql", "UPDATE \"t\" SET \"n\" = $1 WHERE \"a\" = $2 AND \"b\" = $3::int8"),
            ("mysql", "UPDATE `t` SET `n` = ? WHERE `a` = ? AND `b` = ?"),
            ("sqlite by odbc", "UPDATE OR ABORT \"t\" SET \"n\" = ? WHERE \"a\" = ? AND \"b\" = ?"),
            (
                "postgresql by odbc",
                "UPDATE \"t\" SET \"n\" = ? WHERE \"a\" = ? AND \"b\" = ?::int8",
            ),
            ("sql server", "UPDATE [t] SET [n] = ? WHERE [a] = ? AND [b] = ?"),
            ("oracle", "UPDATE \"t\" SET \"n\" = ? WHERE \"a\" = ? AND \"b\" = ?"),
            ("db2", "UPDATE \"t\" SET \"n\" = ? WHERE \"a\" = ? AND \"b\" = ?"),
            ("ansi", "UPDATE \"t\" SET \"n\" = ? WHERE \"a\" = ? AND \"b\" = ?"),
        ],
    );
    for (dialect, text) in [
        (SQL_SERVER, "DELETE FROM [t] WHERE [a] = ? AND [b] = ?"),
        (ORACLE, "DELETE FROM \"t\" WHERE \"a\" = ? AND \"b\" = ?"),
        (DB2, "DELETE FROM \"t\" WHERE \"a\" = ? AND \"b\" = ?"),
        (ANSI, "DELETE FROM \"t\" WHERE \"a\" = ? AND \"b\" = ?"),
    ] {
        assert_eq!(dialect.delete(&table(dialect)), text);
    }
}

#[test]
fn a_page_of_rows_goes_on_behind_an_anchor() {
    let page = |dialect: &dyn Dialect| {
        let table = table(dialect);
        let (behind, _) = dialect.beyond(&table, true, 1);
        dialect.limit(&dialect.parents(&table, &table.columns, &behind), 9)
    };
    for (dialect, text) in [
        (
            SQL_SERVER,
            "SELECT TOP (9) p.[a], p.[b], CAST(p.[n] AS nvarchar(max)) FROM [t] p \
             WHERE (p.[a] > ? OR p.[a] = ? AND p.[b] > ?) ORDER BY p.[a], p.[b]",
        ),
        (
            ORACLE,
            "SELECT p.\"a\", p.\"b\", p.\"n\" FROM \"t\" p \
             WHERE (p.\"a\" > ? OR p.\"a\" = ? AND p.\"b\" > ?) ORDER BY p.\"a\", p.\"b\" \
             FETCH FIRST 9 ROWS ONLY",
        ),
    ] {
        assert_eq!(page(dialect), text);
    }
    assert_eq!((page(DB2), page(ANSI)), (page(ORACLE), page(ORACLE)));
}

#[test]
fn parents_with_a_child_are_found_with_and_without_lists_of_rows() {
    let found = |dialect: &dyn Dialect| {
        dialect.has_child(&table(dialect), &child(dialect), &dialect.since("c.x", 1))
    };
    let list = "(p.\"a\", p.\"b\") IN (SELECT c.\"a\", c.\"b\" FROM \"c\" c WHERE c.x >= ?)";
    assert_eq!((found(ORACLE).as_str(), found(DB2).as_str()), (list, list));
    assert_eq!(
        found(SQL_SERVER),
        "EXISTS (SELECT 1 FROM [c] c WHERE c.[a] = p.[a] AND c.[b] = p.[b] AND c.x >= ?)"
    );
    assert_eq!(
        found(ANSI),
        "EXISTS (SELECT 1 FROM \"c\" c WHERE c.\"a\" = p.\"a\" AND c.\"b\" = p.\"b\" AND c.x >= ?)"
    );
}

#[test]
fn children_are_read_added_and_removed() {
    let dialect = SQL_SERVER;
    let (table, child) = (table(dialect), child(dialect));
    assert_eq!(
        dialect.children(&table, &child, ""),
        "SELECT p.[a], p.[b], c.[v] FROM [t] p JOIN [c] c ON c.[a] = p.[a] AND c.[b] = p.[b] \
         ORDER BY p.[a], p.[b], c.[v]"
    );
    assert_eq!(
        dialect.child_rows(&child, true),
        "SELECT [v] FROM [c] WHERE [a] = ? AND [b] = ? AND [v] = ? ORDER BY [v]"
    );
    assert_eq!(dialect.child_insert(&child), "INSERT INTO [c] ([a], [b], [v]) VALUES (?, ?, ?)");
    assert_eq!(dialect.child_delete(&child, false), "DELETE FROM [c] WHERE [a] = ? AND [b] = ?");
}

#[test]
fn savepoints_are_said_in_each_ones_words() {
    let words = |dialect: &dyn Dialect| {
        dialect.savepoints().map(|words| (words.set, words.forget, words.back))
    };
    let back = "ROLLBACK TO SAVEPOINT one_change";
    let release = Some("RELEASE SAVEPOINT one_change");
    for (name, dialect) in ALL {
        let expected = match name {
            "sql server" => {
                Some(("SAVE TRANSACTION one_change", None, "ROLLBACK TRANSACTION one_change"))
            }
            "oracle" => Some(("SAVEPOINT one_change", None, back)),
            "db2" => Some(("SAVEPOINT one_change ON ROLLBACK RETAIN CURSORS", release, back)),
            "ansi" => None,
            _ => Some(("SAVEPOINT one_change", release, back)),
        };
        assert_eq!(words(dialect), expected, "{name}");
    }
}

#[test]
fn types_of_vendors_are_kinds_and_storage() {
    use AttributeType::{Binary, Boolean, DateTime, Integer, Text};
    for (catalog, name, kind, storage) in [
        (&SQL_SERVER_CATALOG, "int", Integer, Storage::Integer),
        (&SQL_SERVER_CATALOG, "bit", Boolean, Storage::Integer),
        (&SQL_SERVER_CATALOG, "nvarchar", Text, Storage::Text),
        (&SQL_SERVER_CATALOG, "datetime2", DateTime, Storage::Text),
        (&SQL_SERVER_CATALOG, "varbinary", Binary, Storage::Bytes),
        (&SQL_SERVER_CATALOG, "uniqueidentifier", Text, Storage::Own),
        (&ORACLE_CATALOG, "INTEGER", Integer, Storage::Integer),
        (&ORACLE_CATALOG, "NUMBER", Text, Storage::Numeric),
        (&ORACLE_CATALOG, "VARCHAR2", Text, Storage::Text),
        (&ORACLE_CATALOG, "DATE", DateTime, Storage::Text),
        (&ORACLE_CATALOG, "TIMESTAMP(6)", DateTime, Storage::Text),
        (&ORACLE_CATALOG, "RAW", Binary, Storage::Bytes),
        (&DB2_CATALOG, "BIGINT", Integer, Storage::Integer),
        (&DB2_CATALOG, "DECIMAL", Text, Storage::Numeric),
        (&DB2_CATALOG, "TIMESTAMP", DateTime, Storage::Text),
        (&DB2_CATALOG, "BLOB", Binary, Storage::Bytes),
        (&DB2_CATALOG, "VARCHAR", Text, Storage::Text),
    ] {
        assert_eq!((catalog.type_of)(name), (kind, storage), "{name}");
    }
}

#[test]
fn a_row_that_stays_as_it_is_written_is_answered() {
    let mut table = table(POSTGRES);
    table.answers_row = true;
    let columns: Vec<&Column> = vec![&table.columns[2]];
    assert_eq!(
        POSTGRES.update(&table, &columns),
        (
            "UPDATE \"t\" SET \"n\" = $1 WHERE \"a\" = $2 AND \"b\" = $3::int8 \
             RETURNING \"a\", \"b\", \"n\"::text"
                .to_owned(),
            true
        )
    );
    assert!(!MARIADB.update(&table, &columns).1, "it answers only what it adds");
    table.quoted = MARIADB.name("t");
    let columns: Vec<&Column> = vec![&table.columns[2]];
    assert_eq!(
        MARIADB.insert(&table, &columns).0,
        "INSERT INTO `t` (`n`) VALUES (?) RETURNING `a`, `b`, CAST(`n` AS CHAR)"
    );
}

#[test]
fn sql_server_tells_what_its_account_has_of_a_key_of_several_columns() {
    let account = SQL_SERVER.change_tracking().unwrap();
    let table = table(SQL_SERVER);
    let key = |name: &str, storage, parent| Join { child: name.to_owned(), storage, parent };
    let keys = [key("a", Storage::Text, 0), key("b", Storage::Integer, 1)];
    let changes = format!("{} h", account.changes("[dbo].[t]", "?"));
    assert_eq!(
        SQL_SERVER.touched(&table, &keys, &changes, ""),
        "EXISTS (SELECT 1 FROM CHANGETABLE(CHANGES [dbo].[t], ?) h \
         WHERE p.[a] = h.[a] AND p.[b] = h.[b])"
    );
    assert_eq!(
        SQL_SERVER.gone(&table, &keys, &changes, ""),
        "SELECT DISTINCT h.[a], h.[b] FROM CHANGETABLE(CHANGES [dbo].[t], ?) h \
         WHERE h.[a] IS NOT NULL AND h.[b] IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM [t] p WHERE p.[a] = h.[a] AND p.[b] = h.[b])"
    );
    assert_eq!(account.now(), "SELECT CHANGE_TRACKING_CURRENT_VERSION()");
    assert_eq!(account.least(), "SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(?))");
}

#[test]
fn one_value_is_asked_for_and_arguments_are_named_as_each_database_wants_it() {
    for (dialect, value, named) in [
        (POSTGRES, "SELECT (now())::text", Some("\"a b\" => ?")),
        (MYSQL, "SELECT (now())", None),
        (ORACLE, "SELECT (now()) FROM DUAL", None),
        (DB2, "VALUES (now())", Some("\"a b\" => ?")),
        (SQL_SERVER, "SELECT (now())", None),
    ] {
        assert_eq!(dialect.answer("now()"), value);
        assert_eq!(dialect.named("a b", "?", false).as_deref(), named);
    }
    assert_eq!(SQL_SERVER.named("id", "?", true).as_deref(), Some("@id = ? OUTPUT"));
}
