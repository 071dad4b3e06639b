//! What PostgreSQL's catalog says of tables: those that may be read, in the search path by their own
//! name, others as `schema.table`.

use super::{Postgres, type_of};
use crate::driver::{Cell, ColumnFacts, Driver as _, Failure, ForeignKey, TableFacts};
use std::collections::HashMap;

const TABLES: &str = "
SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text,
       pg_table_is_visible(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp_)'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY NOT pg_table_is_visible(c.oid), n.nspname, c.relname";

/// Of a domain, the type it is made of.
const COLUMNS: &str = "
SELECT a.attrelid::int8, a.attnum::int8, a.attname::text,
       CASE t.typtype WHEN 'd' THEN b.typname ELSE t.typname END::text,
       a.attnotnull OR t.typnotnull,
       (a.atthasdef AND a.attgenerated = '') OR t.typdefault IS NOT NULL,
       a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%',
       a.attgenerated <> '',
       t.typname = 'citext' OR (l.collisdeterministic IS NOT NULL AND NOT l.collisdeterministic)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f')
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum";

/// Keys of columns alone, each with the numbers of its columns.
const KEYS: &str = "
SELECT i.indrelid::int8, i.indisprimary,
       array_to_string((i.indkey::int2[])[0:i.indnkeyatts - 1], ' ')
FROM pg_index i
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indrelid, i.indnkeyatts, i.indexrelid";

const FOREIGN: &str = "
SELECT k.conrelid::int8, k.confrelid::int8, array_to_string(k.conkey, ' '),
       (SELECT string_agg(f.attname::text, E'\\n' ORDER BY o.at)
        FROM unnest(k.confkey) WITH ORDINALITY AS o (number, at)
        JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = o.number)
FROM pg_constraint k WHERE k.contype = 'f'
ORDER BY k.conrelid, k.oid";

/// A row of the catalog.
type Facts = Vec<Fact>;

#[derive(Debug, Default)]
struct Fact {
    number: i64,
    text: String,
}

fn rows(postgres: &Postgres, sql: &str, width: usize) -> Result<Vec<Facts>, Failure> {
    let mut found = Vec::new();
    postgres.query(sql, &[], &mut |cells| {
        let fact = |at| match cells.cell(at) {
            Cell::Integer(number) => Fact { number, text: String::new() },
            Cell::Text(text) => {
                Fact { number: 0, text: String::from_utf8_lossy(text).into_owned() }
            }
            _ => Fact::default(),
        };
        found.push((0..width).map(fact).collect());
        Ok(())
    })?;
    Ok(found)
}

/// Rows by the table they are of, without that column.
fn by_table(rows: Vec<Facts>) -> HashMap<i64, Vec<Facts>> {
    let mut tables: HashMap<i64, Vec<Facts>> = HashMap::new();
    for mut row in rows {
        let table = row.remove(0).number;
        tables.entry(table).or_default().push(row);
    }
    tables
}

pub(super) fn describe(postgres: &Postgres) -> Result<Vec<TableFacts>, Failure> {
    let dialect = postgres.dialect();
    let tables = rows(postgres, TABLES, 5)?;
    let name = |table: &Facts| match table[4].number {
        1 => table[2].text.clone(),
        _ => format!("{}.{}", table[1].text, table[2].text),
    };
    let names: HashMap<i64, String> =
        tables.iter().map(|table| (table[0].number, name(table))).collect();
    let mut columns = by_table(rows(postgres, COLUMNS, 9)?);
    let mut keys = by_table(rows(postgres, KEYS, 3)?);
    let mut foreign = by_table(rows(postgres, FOREIGN, 4)?);
    let mut described = Vec::new();
    for table in &tables {
        let oid = table[0].number;
        let quoted = format!("{}.{}", dialect.name(&table[1].text), dialect.name(&table[2].text));
        let unfit = match table[3].text.as_str() {
            "v" => Some("a view"),
            "m" => Some("a materialized view"),
            _ => None,
        };
        let columns = columns.remove(&oid).unwrap_or_default();
        let numbers: Vec<i64> = columns.iter().map(|column| column[0].number).collect();
        // Places of the columns with these numbers; of one that is gone there is none.
        let places = |text: &str| -> Option<Vec<usize>> {
            let place = |word: &str| {
                let number: i64 = word.parse().ok()?;
                numbers.iter().position(|known| *known == number)
            };
            text.split_whitespace().map(place).collect()
        };
        let keys: Vec<(bool, Vec<usize>)> = keys
            .remove(&oid)
            .unwrap_or_default()
            .iter()
            .filter_map(|key| Some((key[0].number == 1, places(&key[1].text)?)))
            .collect();
        let primary = keys.iter().find(|(is_primary, _)| *is_primary).map(|(_, key)| key.clone());
        let primary = primary.unwrap_or_default();
        let mut columns: Vec<ColumnFacts> = columns.iter().map(column).collect();
        primary.iter().for_each(|at| columns[*at].primary_key = true);
        let mut references = Vec::new();
        for key in foreign.remove(&oid).unwrap_or_default() {
            let (of, parts) = (places(&key[1].text).unwrap_or_default(), &key[2].text);
            let Some(target) = names.get(&key[0].number) else { continue };
            for (column, part) in of.iter().zip(parts.split('\n')) {
                references.push(ForeignKey {
                    column: *column,
                    table: target.clone(),
                    key: Some(part.to_owned()),
                    alone: of.len() == 1,
                });
            }
        }
        let unique = keys.into_iter().filter(|(is_primary, _)| !is_primary);
        described.push(TableFacts {
            name: names[&oid].clone(),
            quoted,
            unfit,
            columns,
            unique: unique.map(|(_, key)| key).collect(),
            foreign: references,
        });
    }
    Ok(described)
}

fn column(facts: &Facts) -> ColumnFacts {
    let (kind, storage) = type_of(&facts[2].text);
    let is = |at: usize| facts[at].number == 1;
    ColumnFacts {
        name: facts[1].text.clone(),
        kind,
        storage,
        not_null: is(3),
        default: is(4),
        primary_key: false,
        numbered: is(5),
        computed: is(6),
        ignores_case: is(7),
    }
}
