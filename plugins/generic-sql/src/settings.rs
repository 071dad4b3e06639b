//! What is asked of the operator.

use ecma_plugin_sdk::Problem;
use ecma_plugin_sdk::prelude::*;
use std::path::PathBuf;

/// The longest wait for a lock: ten minutes.
const LONGEST_WAIT: u32 = 600;

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum DriverName {
    /// A file of SQLite, nothing to install.
    Sqlite,
}

/// The settings of a connector.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// Driver
    ///
    /// The kind of database. `sqlite` is built in and needs nothing to be installed.
    #[config(default = "sqlite")]
    pub(crate) driver: DriverName,
    /// Database
    ///
    /// The file of the database, relative to the host's home. It must be there: it is never
    /// created. The host's account needs to write to the file and to its folder.
    pub(crate) database: PathBuf,
    /// Wait for locks
    ///
    /// For how many seconds a call waits while somebody else writes to the database.
    #[config(default = 10)]
    pub(crate) busy_timeout_seconds: u32,
    /// Replace whole rows
    ///
    /// Writes every writable column of a row when one of them changes. Columns that an entry has
    /// no value for are emptied, also those that the connector does not select; name such columns
    /// as read only.
    #[config(capabilities, default = false)]
    pub(crate) export_object_replace: bool,
    /// Tables
    ///
    /// The object types: the name of a table each, or `type=table`. Without any, every table of
    /// the database that has a key.
    #[config(schema = 1)]
    pub(crate) tables: Vec<String>,
    /// Booleans
    ///
    /// Columns of truth values, as `column` or `table.column`. Those declared BOOLEAN or BOOL are
    /// known. 1 and 0 are written.
    #[config(schema = 2)]
    pub(crate) boolean: Vec<String>,
    /// Points in time
    ///
    /// Columns of points in time, as `column` or `table.column`: text in UTC, or seconds since
    /// 1970 in a column of whole numbers. Those declared DATETIME or TIMESTAMP are known.
    #[config(schema = 2)]
    pub(crate) date_time: Vec<String>,
    /// References
    ///
    /// Columns and attributes that name another entry by its anchor: `column=type`, or `column=*`
    /// when it may be of any object type; `table.column=type` where several tables have such a
    /// column. A foreign key to the anchor of a table among the object types is known; without
    /// one, and with one object type, `column` will do.
    #[config(schema = 2)]
    pub(crate) references: Vec<String>,
    /// Read only columns
    ///
    /// Columns that are imported and never written, as `column` or `table.column`. Computed
    /// columns are known.
    #[config(schema = 2)]
    pub(crate) read_only_columns: Vec<String>,
    /// Multi-valued columns
    ///
    /// Columns that hold several values in one text, as `column` or `table.column`.
    #[config(schema = 2)]
    pub(crate) multi_valued: Vec<String>,
    /// Separator of values
    ///
    /// What stands between the values of a multi-valued column.
    #[config(schema = 2)]
    pub(crate) multi_value_separator: Option<String>,
    /// Multi-valued attributes in tables of their own
    ///
    /// Attributes whose values are rows of a child table, as `team.members = member.person_id
    /// WHERE member.team_id = team.id`: object type and attribute, the column of the values, and
    /// how rows of the child table belong to the object's. With `TYPE member.type` after it that
    /// column has the object type of what a value refers to. An index on the columns of the join
    /// keeps imports and exports quick.
    #[config(schema = 2)]
    pub(crate) multi_valued_tables: Vec<String>,
    /// Anchor
    ///
    /// The columns that tell one row from all others and never change, as `column` or
    /// `table.column`. Without any, the primary key, else the first unique key without NULL.
    #[config(schema = 3)]
    pub(crate) anchor: Vec<String>,
    /// Watermark column
    ///
    /// A column of every table that grows with each change of a row: a number or a point in time.
    /// It makes delta imports possible; they see new and changed rows, not deleted ones. An index
    /// on it keeps them quick.
    #[config(global)]
    pub(crate) watermark_column: Option<String>,
}

impl Settings {
    /// What is wrong without a look at the database.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |name: &str, text: &str| problems.push(Problem::new(name, text));
        if self.busy_timeout_seconds > LONGEST_WAIT {
            wrong("busy_timeout_seconds", "is more than 600 seconds");
        }
        match &self.multi_value_separator {
            Some(separator) if separator.is_empty() => wrong("multi_value_separator", "is empty"),
            Some(_) if self.multi_valued.is_empty() => {
                wrong("multi_valued", "names no column for the separator");
            }
            None if !self.multi_valued.is_empty() => {
                wrong("multi_value_separator", "is missing for the columns of multi_valued");
            }
            _ => {}
        }
        problems
    }

    /// The lists of columns, with the names of their parameters, and whether they may name
    /// attributes of child tables too.
    pub(crate) fn column_lists(&self) -> [(&'static str, &[String], bool); 5] {
        [
            ("anchor", &self.anchor, false),
            ("boolean", &self.boolean, true),
            ("date_time", &self.date_time, true),
            ("read_only_columns", &self.read_only_columns, true),
            ("multi_valued", &self.multi_valued, false),
        ]
    }
}
