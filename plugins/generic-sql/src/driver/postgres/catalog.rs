//! What PostgreSQL's catalog says of tables: those that may be read, in the search path by their own
//! name, others as `schema.table`.

use super::{moments_of, type_of};
use crate::driver::{
    ColumnFacts, Driver, Failure, ForeignKey, TableFacts,
    facts::{Facts, by_first, rows},
    keys::{Keys, TableKeys},
};
use crate::statement::Source;
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
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum";

/// Keys of columns alone, each with the numbers of its columns and its name.
const KEYS: &str = "
SELECT i.indrelid::int8, i.indisprimary,
       array_to_string((i.indkey::int2[])[0:i.indnkeyatts - 1], ' '), c.relname::text
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indrelid, i.indnkeyatts, i.indexrelid";

const FOREIGN: &str = "
SELECT k.conrelid::int8, k.confrelid::int8, array_to_string(k.conkey, ' '),
       (SELECT string_agg(f.attname::text, E'\\n' ORDER BY o.at)
        FROM unnest(k.confkey) WITH ORDINALITY AS o (number, at)
        JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = o.number)
FROM pg_constraint k WHERE k.contype = 'f'
ORDER BY k.conrelid, k.oid";

/// Tables that something changes after a row is written.
const CHANGED_AFTER: &str = "
SELECT tgrelid::int8 FROM pg_trigger
WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 66 = 0
UNION SELECT ev_class::int8 FROM pg_rewrite WHERE rulename <> '_RETURN'";

pub(in crate::driver) fn describe(
    postgres: &dyn Driver,
) -> Result<(Vec<TableFacts>, Keys), Failure> {
    let dialect = postgres.dialect();
    let tables = rows(postgres, TABLES, &[], 5)?;
    let name = |table: &Facts| match table[4].as_str() {
        "1" => table[2].clone(),
        _ => format!("{}.{}", table[1], table[2]),
    };
    let names: HashMap<&str, String> =
        tables.iter().map(|table| (table[0].as_str(), name(table))).collect();
    let mut columns = by_first(rows(postgres, COLUMNS, &[], 9)?);
    let mut keys = by_first(rows(postgres, KEYS, &[], 4)?);
    let mut foreign = by_first(rows(postgres, FOREIGN, &[], 4)?);
    let changed_after = by_first(rows(postgres, CHANGED_AFTER, &[], 1)?);
    let (mut described, mut known) = (Vec::new(), Keys::default());
    for table in &tables {
        let oid = table[0].as_str();
        let quoted = format!("{}.{}", dialect.name(&table[1]), dialect.name(&table[2]));
        let source = match table[3].as_str() {
            "v" | "m" => Source::View,
            _ => Source::Table,
        };
        let columns = columns.remove(oid).unwrap_or_default();
        let numbers: Vec<&str> = columns.iter().map(|column| column[0].as_str()).collect();
        // Places of the columns with these numbers; of one that is gone there is none.
        let places = |text: &str| -> Option<Vec<usize>> {
            let place = |number: &str| numbers.iter().position(|known| *known == number);
            text.split_whitespace().map(place).collect()
        };
        let keys = keys.remove(oid).unwrap_or_default();
        let first = |key: &Facts| {
            let column = columns.get(*places(&key[1])?.first()?)?;
            Some((key[2].clone(), column[1].clone()))
        };
        let first = keys.iter().filter_map(first).collect();
        let keys: Vec<(bool, Vec<usize>)> =
            keys.iter().filter_map(|key| Some((key[0] == "1", places(&key[1])?))).collect();
        let primary = keys.iter().find(|(is_primary, _)| *is_primary).map(|(_, key)| key.clone());
        let primary = primary.unwrap_or_default();
        let mut columns: Vec<ColumnFacts> = columns.iter().map(column).collect();
        primary.iter().for_each(|at| columns[*at].primary_key = true);
        let mut references = Vec::new();
        for key in foreign.remove(oid).unwrap_or_default() {
            let (of, parts) = (places(&key[1]).unwrap_or_default(), &key[2]);
            let Some(target) = names.get(key[0].as_str()) else { continue };
            for (column, part) in of.iter().zip(parts.split('\n')) {
                references.push(ForeignKey {
                    column: *column,
                    table: target.clone(),
                    key: Some(part.to_owned()),
                    alone: of.len() == 1,
                });
            }
        }
        let name = names[oid].clone();
        known.0.push(TableKeys { table: name.clone(), quoted: quoted.clone(), columns: first });
        let unique = keys.into_iter().filter(|(is_primary, _)| !is_primary);
        described.push(TableFacts {
            name,
            quoted,
            answers_row: source == Source::Table && !changed_after.contains_key(oid),
            source,
            unfit: None,
            columns,
            unique: unique.map(|(_, key)| key).collect(),
            foreign: references,
        });
    }
    Ok((described, known))
}

fn column(facts: &Facts) -> ColumnFacts {
    let is = |at: usize| facts[at] == "1";
    ColumnFacts {
        not_null: is(3),
        default: is(4),
        numbered: is(5),
        computed: is(6),
        ignores_case: is(7),
        padded: facts[2] == "bpchar",
        ..ColumnFacts::new(&facts[1], type_of(&facts[2]), moments_of(&facts[2]))
    }
}
