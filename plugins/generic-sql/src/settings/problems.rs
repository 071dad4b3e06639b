//! What is wrong with the settings by themselves, without a look at the database.

use super::{DriverName, Settings, Tls};
use crate::{delta, form, object_types};
use ecma_plugin_sdk::{Problem, tls};

/// The longest wait for a lock: ten minutes.
const LONGEST_WAIT: u32 = 600;
/// The longest time for a statement: a day.
const LONGEST_STATEMENT: u32 = 86_400;
const NOT_FOR_MYSQL: &str = "is not for mysql; use ca_file with the authority that signed the \
    server's certificate, or with that certificate when it is not an authority itself";

impl Settings {
    /// What is wrong without a look at the database.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |name: &str, text: &str| problems.push(Problem::new(name, text));
        if self.command_timeout_seconds > LONGEST_STATEMENT {
            wrong("command_timeout_seconds", "is more than 86400 seconds, a day");
        }
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
        if self.dn_is_anchor && !self.dn_attributes.is_empty() && !self.anchor.is_empty() {
            let text = "is not looked at beside dn_is_anchor and dn_attributes, whose column is the \
                anchor; leave it out, or dn_attributes";
            problems.push(Problem::new("anchor", text));
        }
        problems.extend(object_types::problems(self));
        problems.extend(delta::problems(self));
        problems.extend(form::problems(self));
        problems.extend(self.problems_of_partitions());
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
        if fingerprint.is_some_and(|text| tls::fingerprint(text).is_none()) {
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
}
