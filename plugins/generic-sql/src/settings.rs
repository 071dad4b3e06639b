//! What is asked of the operator.

use crate::driver::tls;
use ecma_plugin_sdk::Problem;
use ecma_plugin_sdk::prelude::*;
use std::path::PathBuf;

/// The longest wait for a lock: ten minutes.
const LONGEST_WAIT: u32 = 600;

const NOT_FOR_MYSQL: &str = "is not for mysql; use ca_file with the authority that signed the \
    server's certificate, or with that certificate when it is not an authority itself";

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum DriverName {
    /// A file of SQLite, nothing to install.
    Sqlite,
    /// A server of PostgreSQL, nothing to install.
    Postgresql,
    /// A server of MySQL or MariaDB, nothing to install.
    Mysql,
}

/// How a connection to a server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Tls {
    /// Encrypted, and the server's certificate is checked.
    On,
    /// Not at all.
    Off,
}

/// The settings of a connector.
#[derive(Debug, Clone, Config)]
pub struct Settings {
    /// Driver
    ///
    /// The kind of database: `sqlite`, a file, or a server: `postgresql`, or `mysql`, which is MariaDB
    /// too. All are built in and need nothing to be installed.
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
}

impl Settings {
    /// What is wrong without a look at the database.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |name: &str, text: &str| problems.push(Problem::new(name, text));
        if self.busy_timeout_seconds > LONGEST_WAIT {
            wrong("busy_timeout_seconds", "is more than 600 seconds");
        }
        let texts = [
            ("server", &self.server),
            ("database_name", &self.database_name),
            ("user", &self.user),
            ("certificate_sha256", &self.certificate_sha256),
        ];
        if self.driver == DriverName::Sqlite {
            if self.database.is_none() {
                wrong("database", "is missing: the file of the database");
            }
            for (name, _) in texts.iter().filter(|(_, value)| value.is_some()) {
                wrong(name, "is for a server, and sqlite is a file");
            }
        } else {
            for (name, _) in texts[..3].iter().filter(|(_, value)| value.is_none()) {
                wrong(name, "is missing: a server needs it");
            }
            if self.database.is_some() {
                wrong("database", "is a file, and this is a server; it has a database_name");
            }
            let fingerprint = self.certificate_sha256.as_deref();
            if fingerprint.is_some_and(|text| tls::parse(text).is_none()) {
                wrong("certificate_sha256", tls::NO_FINGERPRINT);
            }
            if self.driver == DriverName::Mysql && fingerprint.is_some() {
                wrong("certificate_sha256", NOT_FOR_MYSQL);
            }
            if self.tls == Tls::Off && (self.ca_file.is_some() || fingerprint.is_some()) {
                wrong("tls", "is off, so that no certificate is looked at");
            }
            if self.ca_file.is_some() && fingerprint.is_some() {
                wrong("ca_file", "is not looked at beside certificate_sha256");
            }
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

    /// Whether there is a statement that sets a password.
    pub(crate) fn sets_passwords(&self) -> bool {
        !self.set_password_queries.is_empty() || !self.set_password_procedures.is_empty()
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
