//! What the catalog of MySQL and MariaDB says of the tables of the database that is connected to.

use super::value::type_of;
use crate::driver::{
    ColumnFacts, Driver, Failure, ForeignKey, Moments, TableFacts,
    facts::{Facts, by_first, rows},
    keys::{Keys, TableKeys},
};
use crate::statement::Source;
use std::collections::HashMap;

const TABLES: &str = "
SELECT DATABASE(), table_name, table_type FROM information_schema.tables
WHERE table_schema = DATABASE()
  AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')
ORDER BY table_name";

/// MariaDB says of a column without a default that it is NULL, in words.
const COLUMNS: &str = "
SELECT table_name, column_name, data_type, column_type, is_nullable = 'NO',
       column_default IS NOT NULL AND column_default <> 'NULL',
       extra LIKE '%auto_increment%',
       extra LIKE '%VIRTUAL GENERATED%' OR extra LIKE '%STORED GENERATED%',
       COALESCE(collation_name, '')
FROM information_schema.columns WHERE table_schema = DATABASE()
ORDER BY table_name, ordinal_position";

/// Parts of unique keys. One of an expression has no column, one of the first letters a length.
const KEYS: &str = "
SELECT table_name, index_name, COALESCE(column_name, ''), sub_part IS NULL
FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0
ORDER BY table_name, index_name, seq_in_index";

const FOREIGN: &str = "
SELECT table_name, constraint_name, column_name, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE()
ORDER BY table_name, constraint_name, ordinal_position";

/// The key that is the primary one.
const PRIMARY: &str = "PRIMARY";

pub(in crate::driver) fn describe(mysql: &dyn Driver) -> Result<(Vec<TableFacts>, Keys), Failure> {
    let dialect = mysql.dialect();
    let tables = rows(mysql, TABLES, &[], 3)?;
    let mut columns = by_first(rows(mysql, COLUMNS, &[], 9)?);
    let mut keys = by_first(rows(mysql, KEYS, &[], 4)?);
    let mut foreign = by_first(rows(mysql, FOREIGN, &[], 5)?);
    let names: Vec<&String> = tables.iter().map(|table| &table[1]).collect();
    // Where names have no case, a key may spell its table in another way.
    let spelled = |name: &str| {
        let exact = names.iter().find(|known| **known == name);
        exact.or_else(|| names.iter().find(|known| known.eq_ignore_ascii_case(name)))
    };
    let (mut described, mut known) = (Vec::new(), Keys::default());
    for table in &tables {
        let [database, name, kind] = &table[..] else { continue };
        let quoted = format!("{}.{}", dialect.name(database), dialect.name(name));
        let rows = columns.remove(name).unwrap_or_default();
        let mut columns: Vec<ColumnFacts> = rows.iter().map(|row| column(row)).collect();
        let place = |columns: &[ColumnFacts], name: &str| {
            columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
        };
        let mut first = HashMap::new();
        let mut unique = Vec::new();
        for (key, parts) in by_first(keys.remove(name).unwrap_or_default()) {
            first.insert(key.clone(), parts[0][0].clone());
            let whole = |part: &Facts| place(&columns, &part[0]).filter(|_| part[1] == "1");
            let Some(places) = parts.iter().map(whole).collect::<Option<Vec<usize>>>() else {
                continue;
            };
            match key.as_str() {
                PRIMARY => places.iter().for_each(|at| columns[*at].primary_key = true),
                _ => unique.push(places),
            }
        }
        first.retain(|_, column| !column.is_empty());
        unique.sort_by_key(Vec::len);
        let mut references = Vec::new();
        for parts in by_first(foreign.remove(name).unwrap_or_default()).into_values() {
            for part in &parts {
                let at = place(&columns, &part[0]);
                let (Some(column), Some(target)) = (at, spelled(&part[1])) else { continue };
                references.push(ForeignKey {
                    column,
                    table: (*target).clone(),
                    key: Some(part[2].clone()),
                    alone: parts.len() == 1,
                });
            }
        }
        known.0.push(TableKeys { table: name.clone(), quoted: quoted.clone(), columns: first });
        described.push(TableFacts {
            name: name.clone(),
            quoted,
            source: if kind == "VIEW" { Source::View } else { Source::Table },
            // No trigger may change the table that it is of after the row is written.
            answers_row: kind != "VIEW",
            unfit: None,
            columns,
            unique,
            foreign: references,
        });
    }
    Ok((described, known))
}

fn column(facts: &[String]) -> ColumnFacts {
    let type_of = type_of(&facts[1].to_ascii_lowercase(), &facts[2].to_ascii_lowercase());
    let is = |at: usize| facts[at] == "1";
    let moments = match facts[1].to_ascii_lowercase().as_str() {
        // The connection's time zone is UTC.
        "timestamp" => Moments::Absolute,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Moments::Text,
        _ => Moments::Local,
    };
    // The server cuts off the padding of CHAR itself.
    ColumnFacts {
        not_null: is(3),
        default: is(4),
        numbered: is(5),
        computed: is(6),
        ignores_case: facts[7].ends_with("_ci"),
        ..ColumnFacts::new(&facts[0], type_of, moments)
    }
}
