//! Oracle. An empty text is NULL there, which suits: neither is a value to us.

use super::{Catalog, Dialect, Savepoints};
use crate::driver::Storage;
use ecma_plugin_sdk::AttributeType;

/// Oracle.
pub(crate) const ORACLE: &dyn Dialect = &Oracle;

#[derive(Debug)]
struct Oracle;

impl Dialect for Oracle {
    fn answer(&self, query: &str) -> String {
        format!("SELECT ({query}) FROM DUAL")
    }

    /// Its driver knows arguments by their order.
    fn named(&self, _: &str, _: &str, _: bool) -> Option<String> {
        None
    }

    fn mark(&self, _: usize) -> String {
        "?".to_owned()
    }

    /// RETURNING wants a variable to write to, which a query has not.
    fn answering(&self, _: &str, _: &str) -> Option<String> {
        None
    }

    fn defaults(&self, column: &str) -> String {
        format!("({column}) VALUES (DEFAULT)")
    }

    fn savepoints(&self) -> Option<Savepoints> {
        Some(Savepoints {
            set: "SAVEPOINT one_change",
            forget: None,
            back: "ROLLBACK TO SAVEPOINT one_change",
        })
    }
}

/// What Oracle says of the tables that may be read, those of its own accounts left out.
pub(crate) const ORACLE_CATALOG: Catalog = Catalog {
    tables: "
SELECT o.owner, o.object_name, CASE o.object_type WHEN 'VIEW' THEN 'V' ELSE 'T' END,
       CASE WHEN o.owner = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') THEN 1 ELSE 0 END
FROM all_objects o JOIN all_users u ON u.username = o.owner AND u.oracle_maintained = 'N'
WHERE o.object_type IN ('TABLE', 'VIEW') AND o.secondary = 'N' AND o.object_name NOT LIKE 'BIN$%'
ORDER BY CASE WHEN o.owner = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') THEN 0 ELSE 1 END,
         o.owner, o.object_name",
    // A NUMBER without a fraction is a whole number when it fits 64 bits.
    columns: "
SELECT c.owner, c.table_name, c.column_name,
       CASE WHEN c.data_type = 'NUMBER' AND c.data_scale = 0 AND c.data_precision <= 18
            THEN 'INTEGER' ELSE c.data_type END,
       CASE c.nullable WHEN 'N' THEN 1 ELSE 0 END,
       CASE WHEN c.default_length IS NOT NULL AND c.virtual_column = 'NO' THEN 1 ELSE 0 END,
       0,
       CASE c.virtual_column WHEN 'YES' THEN 1 ELSE 0 END,
       0
FROM all_tab_cols c JOIN all_users u ON u.username = c.owner AND u.oracle_maintained = 'N'
WHERE c.hidden_column = 'NO'
ORDER BY c.owner, c.table_name, c.column_id",
    keys: "
SELECT k.owner, k.table_name, k.constraint_name,
       CASE k.constraint_type WHEN 'P' THEN 1 ELSE 0 END, c.column_name
FROM all_constraints k
JOIN all_cons_columns c ON c.owner = k.owner AND c.constraint_name = k.constraint_name
  AND c.table_name = k.table_name
JOIN all_users u ON u.username = k.owner AND u.oracle_maintained = 'N'
WHERE k.constraint_type IN ('P', 'U') AND k.status = 'ENABLED'
ORDER BY k.owner, k.table_name, k.constraint_name, c.position",
    foreign: "
SELECT k.owner, k.table_name, k.constraint_name, c.column_name,
       r.owner, r.table_name, r.column_name
FROM all_constraints k
JOIN all_cons_columns c ON c.owner = k.owner AND c.constraint_name = k.constraint_name
  AND c.table_name = k.table_name
JOIN all_cons_columns r ON r.owner = k.r_owner AND r.constraint_name = k.r_constraint_name
  AND r.position = c.position
JOIN all_users u ON u.username = k.owner AND u.oracle_maintained = 'N'
WHERE k.constraint_type = 'R'
ORDER BY k.owner, k.table_name, k.constraint_name, c.position",
    type_of,
};

fn type_of(name: &str) -> (AttributeType, Storage) {
    match name {
        "INTEGER" => (AttributeType::Integer, Storage::Integer),
        "NUMBER" => (AttributeType::Text, Storage::Numeric),
        "FLOAT" | "BINARY_FLOAT" | "BINARY_DOUBLE" => (AttributeType::Text, Storage::Real),
        "RAW" | "LONG RAW" | "BLOB" | "BFILE" => (AttributeType::Binary, Storage::Bytes),
        "BOOLEAN" => (AttributeType::Boolean, Storage::Integer),
        // It has a time of the day too.
        "DATE" => (AttributeType::DateTime, Storage::Text),
        name if name.starts_with("TIMESTAMP") => (AttributeType::DateTime, Storage::Text),
        _ => (AttributeType::Text, Storage::Text),
    }
}
