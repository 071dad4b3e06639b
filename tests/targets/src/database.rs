//! One database of a running server.

use std::{
    path::Path,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::client::{Client, Login, Vendor};

/// The database that each server has from its start.
pub(crate) const FIRST: &str = "hr";
pub(crate) const USER: &str = "app";
const KILLED_WITHIN: Duration = Duration::from_secs(10);
/// MariaDB's number for a connection that has gone by itself.
const NO_SUCH_THREAD: &str = "ERROR 1094";

/// How to reach a server.
pub(crate) struct Access {
    pub(crate) client: Client,
    pub(crate) password: String,
    /// Of the account that makes databases.
    pub(crate) administrator: (&'static str, String),
    pub(crate) certificate_sha256: String,
}

/// A database, and how to reach it. It may outlive its server, and nobody answers then.
#[derive(Clone)]
pub struct Database {
    access: Arc<Access>,
    name: String,
}

impl Database {
    pub(crate) fn new(access: Access) -> Database {
        Database { access: Arc::new(access), name: FIRST.to_owned() }
    }

    /// The address the server listens on: `127.0.0.1`. The certificate is for `localhost` too.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The TCP port; it stays when the server is restarted.
    pub fn port(&self) -> u16 {
        self.access.client.port
    }

    /// The name of the account that has all rights in this database.
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The password of [`user`](Database::user), another one for each server.
    pub fn password(&self) -> &str {
        &self.access.password
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.name
    }

    /// The PEM file of what a client has to trust.
    pub fn ca_pem(&self) -> &Path {
        &self.access.client.ca
    }

    /// SHA-256 of the server's certificate as DER, in 64 lower-case hexadecimal digits.
    pub fn certificate_sha256(&self) -> &str {
        &self.access.certificate_sha256
    }

    /// Runs a script with the vendor's client. Panics with the client's words at the first
    /// statement that fails.
    #[track_caller]
    pub fn sql(&self, text: &str) {
        or_panic(self.try_sql(text));
    }

    /// Runs a script with the vendor's client. The error has the client's words about the first
    /// statement that failed.
    pub fn try_sql(&self, text: &str) -> anyhow::Result<()> {
        self.access.client.run(self.login(), text)
    }

    /// The rows of a query as texts, read through the vendor's client; [`NULL`](crate::NULL) stands
    /// for NULL. Panics with the client's words if it fails.
    #[track_caller]
    pub fn query(&self, text: &str) -> Vec<Vec<String>> {
        or_panic(self.access.client.rows(self.login(), text))
    }

    /// Ends all connections of the user to this database, and waits until they are gone. Those to
    /// other databases of the server stay.
    #[track_caller]
    pub fn kill_connections(&self) {
        or_panic(self.try_kill());
    }

    fn try_kill(&self) -> anyhow::Result<()> {
        let list = match self.access.client.vendor {
            Vendor::Postgres => {
                "select pid from pg_stat_activity where usename = current_user
                 and datname = current_database() and pid <> pg_backend_pid()"
            }
            Vendor::Mariadb => {
                "select id from information_schema.processlist
                 where db = database() and id <> connection_id()"
            }
        };
        let started = Instant::now();
        loop {
            let found = self.access.client.rows(self.login(), list)?;
            if found.is_empty() {
                return Ok(());
            }
            if started.elapsed() > KILLED_WITHIN {
                bail!("{} connections are still there", found.len());
            }
            for id in found.iter().flatten() {
                self.kill(id)?;
            }
            sleep(Duration::from_millis(20));
        }
    }

    fn kill(&self, id: &str) -> anyhow::Result<()> {
        match self.access.client.vendor {
            Vendor::Postgres => self.try_sql(&format!("select pg_terminate_backend({id})")),
            Vendor::Mariadb => match self.try_sql(&format!("kill connection {id}")) {
                Err(error) if error.to_string().contains(NO_SUCH_THREAD) => Ok(()),
                outcome => outcome,
            },
        }
    }

    /// Whether the server takes this account's password.
    pub(crate) fn answers(&self) -> anyhow::Result<()> {
        self.try_sql("select 1")
    }

    /// Another database on the same server, which must not be there yet.
    pub(crate) fn create(&self, name: &str) -> anyhow::Result<Database> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            bail!("{name:?} is no name for a database: use a-z, 0-9 and _");
        }
        let script = match self.access.client.vendor {
            Vendor::Postgres => format!("create database \"{name}\""),
            Vendor::Mariadb => format!("create database `{name}`; {}", grants(name)),
        };
        let (user, password) = &self.access.administrator;
        let login = Login { user, password, ..self.login() };
        let created = self.access.client.run(login, &script);
        created.with_context(|| format!("cannot create the database {name}"))?;
        Ok(Database { access: Arc::clone(&self.access), name: name.to_owned() })
    }

    fn login(&self) -> Login<'_> {
        Login { user: USER, password: &self.access.password, database: &self.name }
    }
}

/// What gives MariaDB's user all rights in a database, on one line.
pub(crate) fn grants(database: &str) -> String {
    // An underscore stands for any character where rights are given.
    let pattern = database.replace('_', "\\_");
    let grant = |host| format!("grant all on `{pattern}`.* to {USER}@'{host}';");
    ["127.0.0.1", "localhost"].map(grant).join(" ")
}

/// The value, or the end of the test with everything that is known of the failure.
#[track_caller]
pub(crate) fn or_panic<T>(outcome: anyhow::Result<T>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("{error:#}"),
    }
}
