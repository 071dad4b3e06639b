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
        match self.driver {
            DriverName::Sqlite => self.problems_of_a_file(&mut wrong),
            DriverName::Postgresql | DriverName::Mysql => self.problems_of_a_server(&mut wrong),
            DriverName::Odbc => self.problems_of_odbc(&mut wrong),
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

    fn problems_of_a_file(&self, wrong: &mut dyn FnMut(&str, &str)) {
        if self.database.is_none() {
            wrong("database", "is missing: the file of the database");
        }
        for (name, _) in self.of_a_server().iter().filter(|(_, is_there)| *is_there) {
            wrong(name, "is for a server, and sqlite is a file");
        }
        self.not_odbc(wrong);
    }

    fn problems_of_a_server(&self, wrong: &mut dyn FnMut(&str, &str)) {
        for (name, _) in self.of_a_server()[..3].iter().filter(|(_, is_there)| !is_there) {
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
        self.not_odbc(wrong);
    }

    fn problems_of_odbc(&self, wrong: &mut dyn FnMut(&str, &str)) {
        let sources = self.of_odbc();
        let given: Vec<&str> =
            sources[..3].iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect();
        match given.as_slice() {
            [_] => {}
            [] => wrong("connection_string", "is missing; or else dsn, or dsn_file"),
            [_, second, ..] => {
                wrong(second, "is too much: one of connection_string, dsn and dsn_file is needed");
            }
        }
        let more = [
            ("database", self.database.is_some()),
            ("port", self.port.is_some()),
            ("ca_file", self.ca_file.is_some()),
            ("tls", self.tls == Tls::Off),
        ];
        let user = |name: &str| name == "user";
        let others = self.of_a_server().into_iter().filter(|(name, _)| !user(name)).chain(more);
        for (name, _) in others.filter(|(_, is_there)| *is_there) {
            wrong(name, "is not for odbc; say it in the connection string, in the driver's words");
        }
    }

    fn not_odbc(&self, wrong: &mut dyn FnMut(&str, &str)) {
        for (name, _) in self.of_odbc().into_iter().filter(|(_, is_there)| *is_there) {
            wrong(name, "is for odbc, and this is another driver");
        }
    }

    /// What only a server has, those that it needs first, and whether they are there.
    fn of_a_server(&self) -> [(&'static str, bool); 4] {
        [
            ("server", self.server.is_some()),
            ("database_name", self.database_name.is_some()),
            ("user", self.user.is_some()),
            ("certificate_sha256", self.certificate_sha256.is_some()),
        ]
    }

    /// What only ODBC has, the sources first, and whether they are there.
    fn of_odbc(&self) -> [(&'static str, bool); 4] {
        [
            ("connection_string", self.connection_string.is_some()),
            ("dsn", self.dsn.is_some()),
            ("dsn_file", self.dsn_file.is_some()),
            ("dialect", self.dialect.is_some()),
        ]
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
