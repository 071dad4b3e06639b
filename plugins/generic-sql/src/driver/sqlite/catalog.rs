//! What SQLite says of the tables of a file.

use crate::driver::{
    ColumnFacts, Driver, Failure, ForeignKey, Moments, Scalar, Storage, TableFacts,
    facts::{Facts, rows},
};
use crate::statement::Source;
use ecma_plugin_sdk::AttributeType;

/// Rows of a statement about a table, or anything else by its name.
fn facts(sqlite: &dyn Driver, sql: &str, name: &str, width: usize) -> Result<Vec<Facts>, Failure> {
    let parameters = vec![Scalar::Text(name.to_owned()); sql.matches('?').count()];
    rows(sqlite, sql, &parameters, width)
}

/// Whether a column of a table compares without case.
pub(in crate::driver) type IgnoresCase<'a> = dyn Fn(&str, &str) -> Result<bool, Failure> + 'a;

pub(in crate::driver) fn describe(
    sqlite: &dyn Driver,
    ignores_case: &IgnoresCase<'_>,
) -> Result<Vec<TableFacts>, Failure> {
    let sql = "SELECT name, type, wr FROM pragma_table_list \
               WHERE schema = 'main' AND substr(name, 1, 7) <> ? ORDER BY name";
    let mut described = Vec::new();
    for table in facts(sqlite, sql, "sqlite_", 3)? {
        let [name, kind, without_rowid] = table.try_into().expect("the query has three columns");
        let (source, unfit) = match kind.as_str() {
            "table" => (Source::Table, None),
            "view" => (Source::View, None),
            _ => (Source::Table, Some("a virtual table")),
        };
        let quoted = sqlite.dialect().name(&name);
        let (mut columns, mut unique, mut foreign) = Default::default();
        if unfit.is_none() {
            columns = self::columns(sqlite, &name, without_rowid != "0", ignores_case)?;
            unique = self::unique(sqlite, &name)?;
            foreign = self::foreign(sqlite, &name, &columns)?;
        }
        // A trigger that fills a column does so after the row is written.
        let answers_row = false;
        described.push(TableFacts {
            name,
            quoted,
            source,
            answers_row,
            unfit,
            columns,
            unique,
            foreign,
        });
    }
    Ok(described)
}

fn columns(
    sqlite: &dyn Driver,
    table: &str,
    without_rowid: bool,
    ignores_case: &IgnoresCase<'_>,
) -> Result<Vec<ColumnFacts>, Failure> {
    let sql = "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden \
               FROM pragma_table_xinfo(?) ORDER BY cid";
    let rows = facts(sqlite, sql, table, 6)?;
    let key_columns = rows.iter().filter(|row| row[4] != "0").count();
    // `INTEGER PRIMARY KEY DESC` and tables without row ids have an index of their own for the key;
    // then the column is not another name of the row id and is not numbered.
    let sql = "SELECT name FROM pragma_index_list(?) WHERE origin = 'pk'";
    let own_index = !facts(sqlite, sql, table, 1)?.is_empty();
    let mut columns = Vec::new();
    for row in rows {
        let [name, declared, not_null, default, key, hidden] =
            row.try_into().expect("the query has six columns");
        let (kind, storage) = type_of(&declared);
        let numbered = key != "0"
            && key_columns == 1
            && !own_index
            && !without_rowid
            && declared.eq_ignore_ascii_case("integer");
        columns.push(ColumnFacts {
            kind,
            storage,
            not_null: not_null != "0",
            default: default != "0",
            primary_key: key != "0",
            numbered,
            // A generated column, as it is and as it is stored.
            computed: matches!(hidden.as_str(), "2" | "3"),
            padded: false,
            moments: Moments::Text,
            ignores_case: ignores_case(table, &name)?,
            name,
        });
    }
    Ok(columns)
}

fn unique(sqlite: &dyn Driver, table: &str) -> Result<Vec<Vec<usize>>, Failure> {
    let sql = "SELECT name FROM pragma_index_list(?) \
               WHERE \"unique\" AND NOT partial AND origin <> 'pk'";
    let mut keys = Vec::new();
    for index in facts(sqlite, sql, table, 1)? {
        let sql = "SELECT cid FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno";
        let parts = facts(sqlite, sql, &index[0], 1)?;
        // A part below zero is an expression or the row id, not a column.
        let columns: Option<Vec<usize>> = parts.iter().map(|part| part[0].parse().ok()).collect();
        keys.extend(columns);
    }
    keys.sort_by_key(|columns| (columns.len(), columns.clone()));
    Ok(keys)
}

fn foreign(
    sqlite: &dyn Driver,
    table: &str,
    columns: &[ColumnFacts],
) -> Result<Vec<ForeignKey>, Failure> {
    let sql = "SELECT \"from\", \"table\", \"to\", \
               (SELECT count(*) FROM pragma_foreign_key_list(?) AS o WHERE o.id = k.id) \
               FROM pragma_foreign_key_list(?) AS k ORDER BY id, seq";
    let at = |name: &str| columns.iter().position(|c| c.name.eq_ignore_ascii_case(name));
    let key = |row: Facts| {
        let [column, table, key, parts] = row.try_into().ok()?;
        let (column, key) = (at(&column)?, Some(key).filter(|key| !key.is_empty()));
        Some(ForeignKey { column, table, key, alone: parts == "1" })
    };
    Ok(facts(sqlite, sql, table, 4)?.into_iter().filter_map(key).collect())
}

/// SQLite's rules of affinity (<https://www.sqlite.org/datatype3.html> §3.1), and the declared
/// types that mean more than it keeps.
pub(super) fn type_of(declared: &str) -> (AttributeType, Storage) {
    let upper = declared.to_ascii_uppercase();
    let has = |word: &str| upper.contains(word);
    let storage = if has("INT") {
        Storage::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Storage::Text
    } else if has("BLOB") {
        Storage::Bytes
    } else if upper.is_empty() || upper == "ANY" {
        Storage::AsGiven
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Storage::Real
    } else {
        Storage::Numeric
    };
    let word = upper.split(['(', ' ']).next().unwrap_or_default();
    let kind = match (word, storage) {
        ("BOOLEAN" | "BOOL", _) => AttributeType::Boolean,
        ("DATETIME" | "TIMESTAMP", _) => AttributeType::DateTime,
        (_, Storage::Integer) => AttributeType::Integer,
        (_, Storage::Bytes) => AttributeType::Binary,
        _ => AttributeType::Text,
    };
    (kind, storage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_are_kinds_and_storage() {
        use AttributeType::{Binary, Boolean, DateTime, Integer, Text};
        for (declared, kind, storage) in [
            ("INTEGER", Integer, Storage::Integer),
            ("bigint", Integer, Storage::Integer),
            ("VARCHAR(20)", Text, Storage::Text),
            ("clob", Text, Storage::Text),
            ("BLOB", Binary, Storage::Bytes),
            ("", Text, Storage::AsGiven),
            ("ANY", Text, Storage::AsGiven),
            ("DOUBLE PRECISION", Text, Storage::Real),
            ("DECIMAL(10,2)", Text, Storage::Numeric),
            ("BOOLEAN", Boolean, Storage::Numeric),
            ("bool", Boolean, Storage::Numeric),
            ("DATETIME", DateTime, Storage::Numeric),
            ("timestamp with time zone", DateTime, Storage::Numeric),
            ("DATE", Text, Storage::Numeric),
        ] {
            assert_eq!(type_of(declared), (kind, storage), "{declared}");
        }
    }
}
