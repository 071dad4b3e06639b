//! DB2 for Linux, Unix and Windows.

use super::{Catalog, Dialect, Savepoints};
use crate::driver::Storage;
use ecma_plugin_sdk::AttributeType;

/// DB2.
pub(crate) const DB2: &dyn Dialect = &Db2;

#[derive(Debug)]
struct Db2;

impl Dialect for Db2 {
    fn answer(&self, query: &str) -> String {
        format!("VALUES ({query})")
    }

    fn mark(&self, _: usize) -> String {
        "?".to_owned()
    }

    fn answering(&self, insert: &str, columns: &str) -> Option<String> {
        Some(format!("SELECT {columns} FROM FINAL TABLE ({insert})"))
    }

    fn defaults(&self, column: &str) -> String {
        format!("({column}) VALUES (DEFAULT)")
    }

    fn savepoints(&self) -> Option<Savepoints> {
        Some(Savepoints {
            set: "SAVEPOINT one_change ON ROLLBACK RETAIN CURSORS",
            forget: Some("RELEASE SAVEPOINT one_change"),
            back: "ROLLBACK TO SAVEPOINT one_change",
        })
    }
}

/// What DB2 says of the tables of everybody but its own. A unique key is named by its number, as
/// the messages do.
pub(crate) const DB2_CATALOG: Catalog = Catalog {
    tables: "
SELECT RTRIM(t.tabschema), t.tabname, CASE t.type WHEN 'T' THEN 'T' ELSE 'V' END,
       CASE WHEN t.tabschema = CURRENT SCHEMA THEN 1 ELSE 0 END
FROM syscat.tables t
WHERE t.type IN ('T', 'V') AND t.ownertype = 'U' AND t.tabschema NOT LIKE 'SYS%'
ORDER BY CASE WHEN t.tabschema = CURRENT SCHEMA THEN 0 ELSE 1 END, t.tabschema, t.tabname",
    // Characters without a code page are bytes.
    columns: "
SELECT RTRIM(c.tabschema), c.tabname, c.colname,
       CASE WHEN c.typename IN ('CHARACTER', 'VARCHAR', 'LONG VARCHAR') AND c.codepage = 0
            THEN 'BINARY' ELSE c.typename END,
       CASE c.nulls WHEN 'N' THEN 1 ELSE 0 END,
       CASE WHEN c.default IS NOT NULL THEN 1 ELSE 0 END,
       CASE c.identity WHEN 'Y' THEN 1 ELSE 0 END,
       CASE WHEN c.generated <> ' ' AND c.identity <> 'Y' THEN 1 ELSE 0 END,
       0
FROM syscat.columns c JOIN syscat.tables t
  ON t.tabschema = c.tabschema AND t.tabname = c.tabname AND t.type IN ('T', 'V')
WHERE c.tabschema NOT LIKE 'SYS%' AND c.hidden = ' '
ORDER BY c.tabschema, c.tabname, c.colno",
    keys: "
SELECT RTRIM(i.tabschema), i.tabname, VARCHAR(i.iid),
       CASE i.uniquerule WHEN 'P' THEN 1 ELSE 0 END, u.colname
FROM syscat.indexes i JOIN syscat.indexcoluse u
  ON u.indschema = i.indschema AND u.indname = i.indname AND u.colorder IN ('A', 'D')
WHERE i.uniquerule IN ('P', 'U') AND i.tabschema NOT LIKE 'SYS%'
ORDER BY i.tabschema, i.tabname, i.iid, u.colseq",
    foreign: "
SELECT RTRIM(r.tabschema), r.tabname, r.constname, f.colname,
       RTRIM(r.reftabschema), r.reftabname, k.colname
FROM syscat.references r
JOIN syscat.keycoluse f ON f.constname = r.constname
  AND f.tabschema = r.tabschema AND f.tabname = r.tabname
JOIN syscat.keycoluse k ON k.constname = r.refkeyname
  AND k.tabschema = r.reftabschema AND k.tabname = r.reftabname AND k.colseq = f.colseq
ORDER BY r.tabschema, r.tabname, r.constname, f.colseq",
    type_of,
};

fn type_of(name: &str) -> (AttributeType, Storage) {
    match name {
        "SMALLINT" | "INTEGER" | "BIGINT" => (AttributeType::Integer, Storage::Integer),
        "REAL" | "DOUBLE" => (AttributeType::Text, Storage::Real),
        "DECIMAL" | "DECFLOAT" => (AttributeType::Text, Storage::Numeric),
        "BINARY" | "VARBINARY" | "BLOB" => (AttributeType::Binary, Storage::Bytes),
        "BOOLEAN" => (AttributeType::Boolean, Storage::Integer),
        "TIMESTAMP" => (AttributeType::DateTime, Storage::Text),
        _ => (AttributeType::Text, Storage::Text),
    }
}
