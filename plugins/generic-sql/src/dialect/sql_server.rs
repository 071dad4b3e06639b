//! SQL Server and Azure SQL.

use super::{Account, Catalog, Dialect, Savepoints};
use crate::driver::Storage;
use ecma_plugin_sdk::AttributeType;

/// SQL Server.
pub(crate) const SQL_SERVER: &dyn Dialect = &SqlServer;

#[derive(Debug)]
struct SqlServer;

impl Dialect for SqlServer {
    fn mark(&self, _: usize) -> String {
        "?".to_owned()
    }

    fn quotes(&self) -> (char, char) {
        ('[', ']')
    }

    /// What has a type of its own is read as the text that the server writes of it.
    fn shown(&self, column: &str, storage: Storage) -> String {
        match storage {
            Storage::Own => format!("CAST({column} AS nvarchar(max))"),
            _ => column.to_owned(),
        }
    }

    /// OUTPUT would do it for any key, but not in a table with a trigger.
    fn answering(&self, _: &str, _: &str) -> Option<String> {
        None
    }

    /// A prepared statement is a scope of its own, so the number is asked for inside it.
    fn numbering(&self, insert: &str) -> Option<String> {
        Some(format!(
            "SET NOCOUNT ON; {insert}; SELECT @@ROWCOUNT, CAST(SCOPE_IDENTITY() AS bigint)"
        ))
    }

    fn named(&self, name: &str, mark: &str, is_answered: bool) -> Option<String> {
        let word = if is_answered { " OUTPUT" } else { "" };
        let is_plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '#' | '$'));
        is_plain.then(|| format!("@{name} = {mark}{word}"))
    }

    fn change_tracking(&self) -> Option<&'static dyn Account> {
        Some(&SqlServer)
    }

    fn compares_rows(&self) -> bool {
        false
    }

    fn savepoints(&self) -> Option<Savepoints> {
        Some(Savepoints {
            set: "SAVE TRANSACTION one_change",
            forget: None,
            back: "ROLLBACK TRANSACTION one_change",
        })
    }

    fn limit(&self, sql: &str, rows: usize) -> String {
        match sql.strip_prefix("SELECT ") {
            Some(rest) => format!("SELECT TOP ({rows}) {rest}"),
            None => sql.to_owned(),
        }
    }
}

/// Change tracking, by primary key: `ALTER DATABASE … SET CHANGE_TRACKING = ON` and
/// `ALTER TABLE … ENABLE CHANGE_TRACKING`.
impl Account for SqlServer {
    fn now(&self) -> String {
        "SELECT CHANGE_TRACKING_CURRENT_VERSION()".to_owned()
    }

    fn least(&self) -> String {
        "SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(?))".to_owned()
    }

    fn changes(&self, table: &str, mark: &str) -> String {
        format!("CHANGETABLE(CHANGES {table}, {mark})")
    }
}

/// What SQL Server says of its tables: those that may be read.
pub(crate) const SQL_SERVER_CATALOG: Catalog = Catalog {
    tables: "
SELECT s.name, o.name, CASE o.type WHEN 'V' THEN 'V' ELSE 'T' END,
       CASE WHEN s.name = SCHEMA_NAME() THEN 1 ELSE 0 END
FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
  AND HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT') = 1
ORDER BY CASE WHEN s.name = SCHEMA_NAME() THEN 0 ELSE 1 END, s.name, o.name",
    // A type that somebody made is what it is made of.
    columns: "
SELECT s.name, o.name, c.name, COALESCE(b.name, t.name),
       CASE c.is_nullable WHEN 0 THEN 1 ELSE 0 END,
       CASE WHEN c.default_object_id <> 0 THEN 1 ELSE 0 END,
       CAST(c.is_identity AS int),
       CASE WHEN c.is_computed = 1 OR c.generated_always_type <> 0 OR t.name = 'timestamp'
            THEN 1 ELSE 0 END,
       CASE WHEN c.collation_name LIKE '%[_]CI%' THEN 1 ELSE 0 END
FROM sys.columns c
JOIN sys.objects o ON o.object_id = c.object_id AND o.type IN ('U', 'V')
JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.types t ON t.user_type_id = c.user_type_id
LEFT JOIN sys.types b ON b.user_type_id = t.system_type_id
ORDER BY s.name, o.name, c.column_id",
    keys: "
SELECT s.name, o.name, i.name, CAST(i.is_primary_key AS int), c.name
FROM sys.indexes i
JOIN sys.objects o ON o.object_id = i.object_id AND o.type = 'U'
JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
  AND k.is_included_column = 0
JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
WHERE i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0
ORDER BY s.name, o.name, i.name, k.key_ordinal",
    foreign: "
SELECT s.name, o.name, f.name, c.name, rs.name, ro.name, rc.name
FROM sys.foreign_keys f
JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id
JOIN sys.objects o ON o.object_id = f.parent_object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.columns c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
JOIN sys.objects ro ON ro.object_id = f.referenced_object_id
JOIN sys.schemas rs ON rs.schema_id = ro.schema_id
JOIN sys.columns rc ON rc.object_id = k.referenced_object_id
  AND rc.column_id = k.referenced_column_id
ORDER BY s.name, o.name, f.name, k.constraint_column_id",
    type_of,
};

fn type_of(name: &str) -> (AttributeType, Storage) {
    match name {
        "bit" => (AttributeType::Boolean, Storage::Integer),
        "tinyint" | "smallint" | "int" | "bigint" => (AttributeType::Integer, Storage::Integer),
        "real" | "float" => (AttributeType::Text, Storage::Real),
        "decimal" | "numeric" | "money" | "smallmoney" => (AttributeType::Text, Storage::Numeric),
        "char" | "varchar" | "nchar" | "nvarchar" | "text" | "ntext" | "sysname" => {
            (AttributeType::Text, Storage::Text)
        }
        "binary" | "varbinary" | "image" | "timestamp" => (AttributeType::Binary, Storage::Bytes),
        // Written by us, and compared by the server as what they are.
        "datetime" | "datetime2" | "smalldatetime" | "datetimeoffset" => {
            (AttributeType::DateTime, Storage::Text)
        }
        "date" => (AttributeType::Text, Storage::Text),
        _ => (AttributeType::Text, Storage::Own),
    }
}
