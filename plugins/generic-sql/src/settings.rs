//! What is asked of the operator.

mod partition;
mod problems;

use crate::object_types;
use ecma_plugin_sdk::{prelude::*, tls::Trust};
use std::path::PathBuf;

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum DriverName {
    /// A file of SQLite, nothing to install.
    Sqlite,
    /// A server of PostgreSQL, nothing to install.
    Postgresql,
    /// A server of MySQL or MariaDB, nothing to install.
    Mysql,
    /// Whatever has a 64-bit ODBC driver: SQL Server, Oracle, DB2 and others.
    Odbc,
}

/// How the database behind an ODBC driver writes its SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum DialectName {
    /// The standard, for any database.
    Ansi,
    /// SQL Server, Azure SQL.
    SqlServer,
    /// Oracle.
    Oracle,
    /// DB2 for Linux, Unix and Windows.
    Db2,
    /// MySQL, MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgresql,
    /// SQLite.
    Sqlite,
}

/// How a connection to a server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Tls {
    /// Encrypted, and the server's certificate is checked.
    On,
    /// Not at all.
    Off,
}

/// How a delta import finds out what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum DeltaStrategy {
    /// Not at all: there are full imports only.
    None,
    /// By a column that grows with each change.
    Watermark,
    /// By a history table, which triggers fill.
    History,
    /// By the account of changes that the database keeps itself.
    #[config(name = "change_tracking")]
    ChangeTracking,
}

/// The settings of a connector.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// Driver
    ///
    /// The kind of database: `sqlite`, a file, or a server: `postgresql`, or `mysql`, which is MariaDB
    /// too. All are built in and need nothing to be installed. `odbc` is whatever has an ODBC driver,
    /// which has to be installed, and a driver manager with it.
    #[config(default = "sqlite")]
    pub(crate) driver: DriverName,
    /// Database file
    ///
    /// SQLite: the file of the database, relative to the host's home. It must be there: it is never
    /// created. The host's account needs to write to the file and to its folder.
    pub(crate) database: Option<PathBuf>,
    /// Server
    ///
    /// A server: its name or address, as it stands in its certificate.
    pub(crate) server: Option<String>,
    /// Port
    ///
    /// A server: its port, when it is not the usual one of its kind.
    pub(crate) port: Option<u16>,
    /// Name of the database
    ///
    /// A server: which of its databases.
    pub(crate) database_name: Option<String>,
    /// User
    ///
    /// A server: the account. It needs to read the tables of the connector, and to write those
    /// that clients may change.
    pub(crate) user: Option<String>,
    /// Password
    ///
    /// A server: the account's password.
    pub(crate) password: Option<Secret>,
    /// Encryption
    ///
    /// A server: `on` encrypts the connection and checks the server's certificate; `off` sends
    /// everything as it is, for a server on the same machine.
    #[config(default = "on")]
    pub(crate) tls: Tls,
    /// Certificate authority
    ///
    /// A server: a file with the certificates, in PEM, one of which has signed the server's. Without
    /// one, those the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
    /// Fingerprint of the certificate
    ///
    /// A server: the SHA-256 fingerprint of its certificate. That one is accepted, whoever signed it
    /// and whatever name it has, and no other. `openssl x509 -in server.crt -noout -fingerprint
    /// -sha256` prints it. Not for `mysql`: there `ca_file` may name the server's own certificate,
    /// when that is not a certificate authority itself.
    pub(crate) certificate_sha256: Option<String>,
    /// Connection string
    ///
    /// ODBC: what the driver and the database are, as `Driver={ODBC Driver 18 for SQL
    /// Server};Server=db.example.org;Database=HR`. One of this, `dsn` and `dsn_file` is needed. It is
    /// a secret, since a password may stand here; `user` and `password` go before those in it.
    pub(crate) connection_string: Option<Secret>,
    /// Data source
    ///
    /// ODBC: the name of a data source that is set up on the host's machine.
    pub(crate) dsn: Option<String>,
    /// File data source
    ///
    /// ODBC: a file with a data source, lines of `KEY=value` in UTF-8, relative to the host's home.
    pub(crate) dsn_file: Option<PathBuf>,
    /// Dialect
    ///
    /// ODBC: how the database writes its SQL, when it is not recognized, or in a wrong way.
    pub(crate) dialect: Option<DialectName>,
    /// Wait for locks
    ///
    /// For how many seconds a call waits while somebody else writes to the database.
    #[config(default = 10)]
    pub(crate) busy_timeout_seconds: u32,
    /// Time for a statement
    ///
    /// How many seconds a statement may take from its start to its last row; 0 is no limit. An import
    /// reads a whole table with one statement.
    #[config(default = 0)]
    pub(crate) command_timeout_seconds: u32,
    /// Replace whole rows
    ///
    /// Writes every writable column of a row when one of them changes. Columns that an entry has
    /// no value for are emptied, also those that the connector does not select; name such columns
    /// as read only.
    #[config(capabilities, default = false)]
    pub(crate) export_object_replace: bool,
    /// Tables and views
    ///
    /// The object types: the name of a table or a view each, or `type=table`. Without any, every
    /// table of the database that has a key. A view needs an `anchor`.
    #[config(schema = 1)]
    pub(crate) tables: Vec<String>,
    /// Queries
    ///
    /// Object types whose entries a query answers, as `type = SELECT ...`. Each needs an `anchor`,
    /// and statements of its own for what is to be written.
    #[config(schema = 1)]
    pub(crate) queries: Vec<String>,
    /// Stored procedures
    ///
    /// Object types whose entries a procedure answers, as `type = procedure`, with a line
    /// `NAME:INPUT:VALUE` below it for each parameter. `@StartIndex` and `@EndIndex` stand for the
    /// first and the last row of a page, counted from 1; how many are in a page is the `page_size`
    /// of the import.
    #[config(schema = 1)]
    pub(crate) procedures: Vec<String>,
    /// Column of object types
    ///
    /// The column of a table or a view whose values are the names of the object types, as
    /// `table.column`. The entries of a type are those of the table or view of its name; or as
    /// `tables`, `queries` and `procedures` say, which do not add types then.
    #[config(schema = 1)]
    pub(crate) object_type_column: Option<String>,
    /// Query for object types
    ///
    /// As `object_type_column`: a SELECT that answers the names in one column.
    #[config(schema = 1)]
    pub(crate) object_type_query: Option<String>,
    /// Procedure for object types
    ///
    /// As `object_type_column`: a procedure that answers the names in a column, as
    /// `column = procedure`, with a line `NAME:INPUT:VALUE` below it for each parameter.
    #[config(schema = 1)]
    pub(crate) object_type_procedure: Option<String>,
    /// Booleans
    ///
    /// Columns of truth values, as `column` or `table.column`. Those declared BOOLEAN or BOOL are
    /// known. 1 and 0 are written.
    #[config(schema = 2)]
    pub(crate) boolean: Vec<String>,
    /// Words of booleans
    ///
    /// What is written for true and for false in columns of text: `Y/N` for all of them, or
    /// `person.active=Y/N` for one. The usual words and 1 and 0 are read too.
    #[config(schema = 2)]
    pub(crate) boolean_words: Vec<String>,
    /// Cut off padding
    ///
    /// Whether the spaces that a database puts behind the values of a CHAR column of fixed length are
    /// cut off.
    #[config(schema = 2, default = true)]
    pub(crate) trim_char_padding: bool,
    /// Points in time
    ///
    /// Columns of points in time, as `column` or `table.column`: text in the `time_zone`, or seconds
    /// since 1970 in a column of whole numbers. Those declared DATETIME or TIMESTAMP are known.
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
    /// Columns that are only written
    ///
    /// Columns that are exported and never imported, as `column` or `table.column`; also attributes
    /// that only statements are given, as `type.attribute`.
    #[config(schema = 4)]
    pub(crate) export_only_columns: Vec<String>,
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
    /// Names
    ///
    /// Object types whose entries have the attribute `-dn-`, `CN=<value>,OBJECT=<type>`, and the column
    /// with the value, as `type = column`. For mappings made for Microsoft's connector.
    #[config(schema = 3)]
    pub(crate) dn_attributes: Vec<String>,
    /// Names are anchors
    ///
    /// Whether the anchor is that name: of the column in `dn_attributes`, else of the anchor there would
    /// be otherwise. For one object type.
    #[config(schema = 3, default = false)]
    pub(crate) dn_is_anchor: bool,
    /// Time zone
    ///
    /// Where a date and time without an offset is meant: a name such as `Europe/Berlin`, or Windows'
    /// `W. Europe Standard Time`. UTC when left out.
    #[config(global)]
    pub(crate) time_zone: Option<String>,
    /// Date and time format
    ///
    /// How points in time are written in columns of text, in the notation of .NET:
    /// `dd/MMM/yyyy HH:mm:ss`. As `2026-01-31 08:30:00` when left out.
    #[config(global)]
    pub(crate) date_time_format: Option<String>,
    /// Delta strategy
    ///
    /// How a delta import finds out what changed: `watermark`, a column that grows with each change
    /// and tells nothing of deleted rows; `history`, a table that triggers fill; `change_tracking`,
    /// the account that SQL Server keeps itself; `none`. Without one, `watermark` when there is a
    /// watermark_column, else `none`.
    #[config(global)]
    pub(crate) delta_strategy: Option<DeltaStrategy>,
    /// Watermark column
    ///
    /// A column of every table that grows with each change of a row: a number or a point in time.
    /// It makes delta imports possible; they see new and changed rows, not deleted ones. An index
    /// on it keeps them quick.
    #[config(global)]
    pub(crate) watermark_column: Option<String>,
    /// Use named parameters
    ///
    /// Tells the arguments of procedures apart by their names, not by their order.
    #[config(global, default = false)]
    pub(crate) named_parameters: bool,
    /// Queries that set a password
    ///
    /// As `insert_queries`; `@newPassword` is the password, `@PasswordOptions` its options.
    #[config(global)]
    pub(crate) set_password_queries: Vec<String>,
    /// Procedures that set a password
    ///
    /// As `add_procedures`, with the values `newPassword` and `PasswordOptions`.
    #[config(global)]
    pub(crate) set_password_procedures: Vec<String>,
    /// Queries that change a password
    ///
    /// As `insert_queries`; `@oldPassword` and `@newPassword` are the passwords.
    #[config(global)]
    pub(crate) change_password_queries: Vec<String>,
    /// Procedures that change a password
    ///
    /// As `add_procedures`, with the values `oldPassword` and `newPassword`.
    #[config(global)]
    pub(crate) change_password_procedures: Vec<String>,
    /// Insert queries
    ///
    /// Statements that add an entry, as `type = INSERT ...`; `@attribute` is the value of an
    /// attribute. A line is a statement; one that begins with a space goes on with the line before.
    /// A key that the database makes has to be answered, as by RETURNING.
    #[config(global)]
    pub(crate) insert_queries: Vec<String>,
    /// Update queries
    ///
    /// Statements that change an entry, as `type = UPDATE ...`; the first one has to change one row.
    #[config(global)]
    pub(crate) update_queries: Vec<String>,
    /// Delete queries
    ///
    /// Statements that remove an entry, as `type = DELETE ...`; the first one has to remove one row.
    #[config(global)]
    pub(crate) delete_queries: Vec<String>,
    /// Procedures that add
    ///
    /// A procedure that adds an entry, as `type = procedure`, with a line `NAME:INPUT:ATTRIBUTE` or
    /// `NAME:OUTPUT:ATTRIBUTE` below it for each parameter. A value that is no attribute is given as
    /// it stands.
    #[config(global)]
    pub(crate) add_procedures: Vec<String>,
    /// Procedures that change
    ///
    /// As `add_procedures`, for changed entries.
    #[config(global)]
    pub(crate) update_procedures: Vec<String>,
    /// Procedures that remove
    ///
    /// As `add_procedures`, for removed entries.
    #[config(global)]
    pub(crate) delete_procedures: Vec<String>,
    /// Watermark query
    ///
    /// Strategy `watermark`: one SELECT that answers one value, up to where an import comes, such as
    /// the database's time. Without one, the greatest value of the column.
    #[config(global)]
    pub(crate) watermark_query: Option<String>,
    /// History tables
    ///
    /// Strategy `history`: of each object type the history table and how its rows name those of the
    /// type, as `person = person_history WHERE person_history.id = person.id`. The join has the
    /// columns of the anchor.
    #[config(global)]
    pub(crate) history_tables: Vec<String>,
    /// Watermark column of the history
    ///
    /// Strategy `history`: the column of the history tables that grows with each row, a number or a
    /// point in time in UTC. An index on it keeps deltas quick.
    #[config(global)]
    pub(crate) history_watermark_column: Option<String>,
    /// Operation column of the history
    ///
    /// Strategy `history`: the column that says what happened. What an entry is now is read from its
    /// table; the word matters only to find triggers that write others.
    #[config(global)]
    pub(crate) history_operation_column: Option<String>,
    /// Word for an added row
    ///
    /// Strategy `history`: `Add` when left out, in any case.
    #[config(global)]
    pub(crate) history_add: Option<String>,
    /// Word for a changed row
    ///
    /// Strategy `history`: `Update` when left out, in any case. `Modify` and `Modify_Attribute` are
    /// known too.
    #[config(global)]
    pub(crate) history_update: Option<String>,
    /// Word for a deleted row
    ///
    /// Strategy `history`: `Delete` when left out, in any case.
    #[config(global)]
    pub(crate) history_delete: Option<String>,
    /// Overlap of deltas
    ///
    /// Strategy `history`: how far a delta looks back beyond the last one, for transactions that ended
    /// late: so many numbers, or seconds where the watermark column of the history is a point in
    /// time. 1,000 numbers or 60 seconds when left out.
    #[config(global)]
    pub(crate) history_overlap: Option<u32>,
    /// Databases of partitions
    ///
    /// Object types that stand in another database, as `type = name`: the file of SQLite, the name of
    /// the database of a server, the file data source of ODBC. The tables are there as in the
    /// connector's own database.
    #[config(partition)]
    pub(crate) partition_databases: Vec<String>,
    /// Users of partitions
    ///
    /// Object types for which another account is used, as `type = account`.
    #[config(partition)]
    pub(crate) partition_users: Vec<String>,
    /// Passwords of partitions
    ///
    /// The passwords of these accounts, a line `type = password` for each. Spaces at the ends are no
    /// part of one.
    #[config(partition)]
    pub(crate) partition_passwords: Option<Secret>,
    /// Time zones of partitions
    ///
    /// Object types with another `time_zone`, as `type = Europe/Berlin`.
    #[config(partition)]
    pub(crate) partition_time_zones: Vec<String>,
    /// Date and time formats of partitions
    ///
    /// Object types with another `date_time_format`, as `type = dd/MMM/yyyy HH:mm:ss`.
    #[config(partition)]
    pub(crate) partition_date_time_formats: Vec<String>,
    /// Delta strategies of partitions
    ///
    /// Object types with another `delta_strategy`, as `type = history`.
    #[config(partition)]
    pub(crate) partition_delta_strategies: Vec<String>,
    /// Watermark queries of partitions
    ///
    /// Object types with another `watermark_query`, as `type = SELECT ...`.
    #[config(partition)]
    pub(crate) partition_watermark_queries: Vec<String>,
}

impl Settings {
    /// Whether it is said what the object types are, so that not every table is one.
    pub(crate) fn has_types(&self) -> bool {
        let lists = [&self.tables, &self.queries, &self.procedures];
        lists.iter().any(|list| !list.is_empty()) || object_types::are_named(self)
    }

    /// Whether there is a statement that sets a password.
    pub(crate) fn sets_passwords(&self) -> bool {
        !self.set_password_queries.is_empty() || !self.set_password_procedures.is_empty()
    }

    /// Which server is believed to be the database's.
    pub(crate) fn trust(&self) -> Trust<'_> {
        match (&self.certificate_sha256, &self.ca_file) {
            (Some(fingerprint), _) => Trust::Fingerprint(fingerprint),
            (None, Some(path)) => Trust::Authority(path),
            (None, None) => Trust::System,
        }
    }

    /// How a delta import finds out what changed, of object types of which nothing else is said.
    pub(crate) fn strategy(&self) -> DeltaStrategy {
        self.delta_strategy.unwrap_or(match self.watermark_column {
            Some(_) => DeltaStrategy::Watermark,
            None => DeltaStrategy::None,
        })
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
