//! What the catalog says of the tables: for databases that have a driver of their own by the same
//! statements, for others by those of their dialect, and for unknown ones by what ODBC tells.

use super::{
    Odbc,
    words::{self, Described, Kind},
};
use crate::{
    dialect::{self, Catalog},
    driver::{
        Cell, Cells, ColumnFacts, Driver as _, Failure, ForeignKey, Moments, Storage, TableFacts,
        facts::{Facts, rows},
        keys::{Keys, TableKeys},
        mysql, postgres, sqlite,
    },
    settings::DialectName,
    statement::Source,
};
use ecma_plugin_sdk::AttributeType;
use std::collections::{BTreeMap, HashMap};

pub(super) fn describe(odbc: &Odbc) -> Result<(Vec<TableFacts>, Keys), Failure> {
    match odbc.vendor.0 {
        DialectName::Mysql => mysql::catalog::describe(odbc),
        DialectName::Postgresql => postgres::catalog::describe(odbc),
        DialectName::Sqlite => {
            // Which text a column compares without case, SQLite tells its own library only.
            let mut facts = sqlite::catalog::describe(odbc, &|_, _| Ok(false))?;
            let columns = facts.iter_mut().flat_map(|table| &mut table.columns);
            for column in columns.filter(|column| column.storage == Storage::Bytes) {
                // The driver hands bytes over as a text, `X'00FF'`, and says that it is one.
                column.kind = AttributeType::Text;
                column.computed = true;
            }
            Ok((facts, Keys::default()))
        }
        DialectName::SqlServer => by_texts(odbc, &dialect::SQL_SERVER_CATALOG),
        DialectName::Oracle => by_texts(odbc, &dialect::ORACLE_CATALOG),
        DialectName::Db2 => by_texts(odbc, &dialect::DB2_CATALOG),
        DialectName::Ansi => by_odbc(odbc),
    }
}

/// Rows of a catalog, in one shape for all: see [`Catalog`].
struct Found {
    tables: Vec<Facts>,
    columns: Vec<Facts>,
    keys: Vec<Facts>,
    foreign: Vec<Facts>,
}

fn by_texts(odbc: &Odbc, catalog: &Catalog) -> Result<(Vec<TableFacts>, Keys), Failure> {
    let found = Found {
        tables: rows(odbc, catalog.tables, &[], 4)?,
        columns: rows(odbc, catalog.columns, &[], 9)?,
        keys: rows(odbc, catalog.keys, &[], 5)?,
        foreign: rows(odbc, catalog.foreign, &[], 7)?,
    };
    Ok(assemble(odbc, found, catalog.type_of))
}

/// A table by its schema and its name.
type Place = (String, String);

/// Rows by the table they are about, without it.
fn by_table(rows: Vec<Facts>) -> BTreeMap<Place, Vec<Facts>> {
    let mut tables: BTreeMap<Place, Vec<Facts>> = BTreeMap::new();
    for mut row in rows {
        let rest = row.split_off(2);
        let [schema, table] = <[String; 2]>::try_from(row).expect("a row is longer than two");
        tables.entry((schema, table)).or_default().push(rest);
    }
    tables
}

/// Parts by the key they are of, in the order in which they came.
fn by_key(parts: Vec<Facts>) -> Vec<Vec<Facts>> {
    let mut keys: Vec<Vec<Facts>> = Vec::new();
    for part in parts {
        match keys.last_mut().filter(|key| key[0][0] == part[0]) {
            Some(key) => key.push(part),
            None => keys.push(vec![part]),
        }
    }
    keys
}

fn assemble(
    odbc: &Odbc,
    found: Found,
    type_of: fn(&str) -> (AttributeType, Storage),
) -> (Vec<TableFacts>, Keys) {
    let dialect = odbc.dialect();
    let named = |row: &Facts| match (row[3].as_str(), row[0].as_str()) {
        ("1", _) | (_, "") => row[1].clone(),
        (_, schema) => format!("{schema}.{}", row[1]),
    };
    let names: HashMap<Place, String> =
        found.tables.iter().map(|row| ((row[0].clone(), row[1].clone()), named(row))).collect();
    let mut columns = by_table(found.columns);
    let mut keys = by_table(found.keys);
    let mut foreign = by_table(found.foreign);
    let (mut described, mut known) = (Vec::new(), Keys::default());
    for row in &found.tables {
        let place = (row[0].clone(), row[1].clone());
        let name = named(row);
        let quoted = match row[0].as_str() {
            "" => dialect.name(&row[1]),
            schema => format!("{}.{}", dialect.name(schema), dialect.name(&row[1])),
        };
        let facts = columns.remove(&place).unwrap_or_default();
        let mut columns: Vec<ColumnFacts> =
            facts.iter().map(|facts| column(facts, type_of)).collect();
        let (mut unique, mut first) = (Vec::new(), HashMap::new());
        for parts in by_key(keys.remove(&place).unwrap_or_default()) {
            let at = |part: &Facts| columns.iter().position(|column| column.name == part[2]);
            first.insert(parts[0][0].clone(), parts[0][2].clone());
            let Some(places) = parts.iter().map(at).collect::<Option<Vec<usize>>>() else {
                continue;
            };
            match parts[0][1].as_str() {
                "1" => places.iter().for_each(|at| columns[*at].primary_key = true),
                _ => unique.push(places),
            }
        }
        first.retain(|_, column| !column.is_empty());
        unique.sort_by_key(Vec::len);
        let mut references = Vec::new();
        for parts in by_key(foreign.remove(&place).unwrap_or_default()) {
            for part in &parts {
                let at = columns.iter().position(|column| column.name == part[1]);
                let target = names.get(&(part[2].clone(), part[3].clone()));
                let (Some(column), Some(target)) = (at, target) else { continue };
                references.push(ForeignKey {
                    column,
                    table: target.clone(),
                    key: Some(part[4].clone()),
                    alone: parts.len() == 1,
                });
            }
        }
        known.0.push(TableKeys { table: name.clone(), quoted: quoted.clone(), columns: first });
        let source = if row[2] == "V" { Source::View } else { Source::Table };
        described.push(TableFacts {
            name,
            quoted,
            source,
            // Whether a trigger changes a row after it was written nobody asked.
            answers_row: false,
            unfit: None,
            columns,
            unique,
            foreign: references,
        });
    }
    (described, known)
}

/// Whether values of a type are filled up with spaces.
fn is_padded(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    matches!(name.as_str(), "CHAR" | "NCHAR" | "CHARACTER" | "GRAPHIC")
}

/// How a type keeps points in time.
fn moments_of(name: &str) -> Moments {
    let name = name.to_ascii_uppercase();
    if name.contains("CHAR") || name.contains("TEXT") || name.contains("CLOB") {
        return Moments::Text;
    }
    match name.contains("OFFSET") || name.contains("WITH TIME ZONE") {
        true => Moments::Absolute,
        false => Moments::Local,
    }
}

fn column(facts: &Facts, type_of: fn(&str) -> (AttributeType, Storage)) -> ColumnFacts {
    let is = |at: usize| facts[at] == "1";
    ColumnFacts {
        not_null: is(2),
        default: is(3),
        numbered: is(4),
        computed: is(5),
        ignores_case: is(6),
        padded: is_padded(&facts[1]),
        ..ColumnFacts::new(&facts[0], type_of(&facts[1]), moments_of(&facts[1]))
    }
}

/// By the functions of ODBC. They tell no unique keys but the primary one, as far as they are asked
/// here, and not in which schema the connection is: a table that is in one schema only has its own
/// name.
fn by_odbc(odbc: &Odbc) -> Result<(Vec<TableFacts>, Keys), Failure> {
    let mut tables = Vec::new();
    odbc.catalog(words::Catalog::Tables, &mut |cells| {
        let kind = text(cells, 3).to_uppercase();
        if matches!(kind.trim(), "TABLE" | "VIEW") {
            let letter = if kind.trim() == "VIEW" { "V" } else { "T" };
            tables.push(vec![text(cells, 1), text(cells, 2), letter.to_owned(), String::new()]);
        }
        Ok(())
    })?;
    let mut times: HashMap<String, usize> = HashMap::new();
    tables.iter().for_each(|table: &Facts| *times.entry(table[1].clone()).or_default() += 1);
    for table in &mut tables {
        table[3] = if times[&table[1]] == 1 { "1" } else { "0" }.to_owned();
    }
    let mut columns = Vec::new();
    odbc.catalog(words::Catalog::Columns, &mut |cells| {
        let kind = text(cells, 5).to_lowercase();
        let default = text(cells, 12);
        let has_default = !default.is_empty() && !default.eq_ignore_ascii_case("null");
        let flag = |is: bool| if is { "1" } else { "0" }.to_owned();
        columns.push(vec![
            text(cells, 1),
            text(cells, 2),
            text(cells, 3),
            text(cells, 4),
            flag(text(cells, 10) == "0"),
            flag(has_default),
            // The only word for it that drivers have in common.
            flag(kind.contains("identity") || kind.contains("auto_increment")),
            flag(false),
            flag(false),
        ]);
        Ok(())
    })?;
    let (mut keys, mut foreign) = (Vec::new(), Vec::new());
    for table in tables.iter().filter(|table| table[2] == "T") {
        let (schema, name) = (table[0].clone(), table[1].clone());
        let (place, at) = ((schema.clone(), name.clone()), keys.len());
        let request = words::Catalog::PrimaryKeys { schema, table: name };
        let mut parts = Vec::new();
        odbc.catalog(request, &mut |cells| {
            let number: i64 = text(cells, 4).parse().unwrap_or_default();
            parts.push((number, text(cells, 3)));
            Ok(())
        })?;
        parts.sort();
        let part = |(_, column): (i64, String)| {
            let (schema, name) = place.clone();
            vec![schema, name, format!("primary {at}"), "1".to_owned(), column]
        };
        keys.extend(parts.into_iter().map(part));
        let (schema, name) = place.clone();
        let request = words::Catalog::ForeignKeys { schema, table: name };
        let mut number = 0;
        odbc.catalog(request, &mut |cells| {
            // A key begins with its first column; its name may be missing.
            number += usize::from(text(cells, 8) == "1");
            let (schema, name) = place.clone();
            let (target_schema, target) = (text(cells, 1), text(cells, 2));
            let (column, key) = (text(cells, 7), text(cells, 3));
            let id = format!("foreign {number}");
            foreign.push(vec![schema, name, id, column, target_schema, target, key]);
            Ok(())
        })?;
    }
    Ok(assemble(odbc, Found { tables, columns, keys, foreign }, type_of))
}

fn text(cells: &dyn Cells, at: usize) -> String {
    match cells.cell(at) {
        Cell::Integer(number) => number.to_string(),
        Cell::Text(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}

/// What kind of values a type of ODBC stands for, by its number.
fn type_of(number: &str) -> (AttributeType, Storage) {
    match number {
        "-7" => (AttributeType::Boolean, Storage::Integer),
        "-6" | "-5" | "4" | "5" => (AttributeType::Integer, Storage::Integer),
        "6" | "7" | "8" => (AttributeType::Text, Storage::Real),
        "2" | "3" => (AttributeType::Text, Storage::Numeric),
        "-2" | "-3" | "-4" => (AttributeType::Binary, Storage::Bytes),
        "11" | "93" => (AttributeType::DateTime, Storage::Text),
        _ => (AttributeType::Text, Storage::Text),
    }
}

/// A column of what a query answers.
pub(super) fn described(column: &Described) -> ColumnFacts {
    let of_kind = match column.kind {
        Kind::Integer => (AttributeType::Integer, Storage::Integer),
        Kind::Single | Kind::Real => (AttributeType::Text, Storage::Real),
        Kind::Exact => (AttributeType::Text, Storage::Numeric),
        Kind::Bit => (AttributeType::Boolean, Storage::Integer),
        Kind::Bytes => (AttributeType::Binary, Storage::Bytes),
        Kind::Timestamp => (AttributeType::DateTime, Storage::Text),
        Kind::Text | Kind::Date | Kind::Time | Kind::Other => (AttributeType::Text, Storage::Text),
    };
    let moments = match column.kind {
        Kind::Timestamp => Moments::Local,
        _ => Moments::Text,
    };
    ColumnFacts { not_null: column.not_null, ..ColumnFacts::new(&column.name, of_kind, moments) }
}
