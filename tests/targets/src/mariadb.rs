//! A server of MariaDB.

use std::{fs, ops::Deref};

use anyhow::Context as _;

use crate::{
    Certificate,
    client::{Client, Login, Vendor},
    database::{Access, FIRST, USER, grants, or_panic},
    programs::{Account, folders, program},
    running::Running,
    server::{INSTALLED_WITHIN, Place, Server, directory, password},
    watchdog::Watchdog,
};

const PACKAGE: &str = "mariadb-server";
const STOP: &str = "TERM";
const ROOT: &str = "root";

/// A running MariaDB server, and its database `hr`. The user has all rights in `hr` and in fresh
/// databases, none elsewhere. Plain connections are answered as well as TLS.
pub struct Mariadb(Running);

impl Mariadb {
    /// Starts a server. Panics with the end of its log when it does not come up within 30 s, and
    /// with the name of the Debian package when its programs are missing.
    #[track_caller]
    pub fn start() -> Mariadb {
        Mariadb::start_with(Certificate::default())
    }

    /// Starts a server that shows this kind of certificate.
    #[track_caller]
    pub fn start_with(certificate: Certificate) -> Mariadb {
        or_panic(start(certificate).context("cannot start MariaDB"))
    }
}

impl Deref for Mariadb {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.0
    }
}

fn start(certificate: Certificate) -> anyhow::Result<Mariadb> {
    let folders = folders();
    let install = program("mariadb-install-db", &folders, PACKAGE)?;
    let mariadbd = program("mariadbd", &folders, PACKAGE)?;
    let client = program("mariadb", &folders, "mariadb-client")?;
    let account = Account::unprivileged()?;
    let mut watchdog = Watchdog::start(directory(&account)?, STOP)?;
    let directory = watchdog.directory().to_owned();
    let place = Place { directory: &directory, account: &account };
    let files = certificate.make(&place, "127.0.0.1")?;

    let data = [
        "--no-defaults".to_owned(),
        format!("--datadir={}", place.path("data")),
        "--innodb-log-file-size=16M".to_owned(),
    ];
    let mut options = data.to_vec();
    options.push("--auth-root-authentication-method=normal".to_owned());
    options.push("--skip-test-db".to_owned());
    watchdog
        .run_to_end(&account.words(&install, &options), INSTALLED_WITHIN)
        .context("mariadb-install-db failed")?;

    let (password, root_password) = (password()?, self::password()?);
    // The server reads this before it listens, so nobody finds accounts without a password. Each
    // start reads it again.
    let accounts = place.write("accounts.sql", &accounts(&password, &root_password))?;
    let words = |[port]: [u16; 1]| {
        let mut options = data.to_vec();
        options.extend([
            format!("--init-file={}", accounts.display()),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--port={port}"),
            // In the data directory; a longer path may be too long.
            "--socket=mariadb.sock".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--character-set-server=utf8mb4".to_owned(),
            "--skip-log-bin".to_owned(),
            // Triggers may be made by those who have the right in their database.
            "--log-bin-trust-function-creators=1".to_owned(),
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
            format!("--ssl-ca={}", files.ca.display()),
            format!("--ssl-cert={}", files.certificate.display()),
            format!("--ssl-key={}", files.key.display()),
        ]);
        Ok(account.words(&mariadbd, &options))
    };
    let (ca, checks) = (files.ca.clone(), certificate.stands_a_check());
    let client = Client { vendor: Vendor::Mariadb, program: client, port: 0, ca, checks };
    let login = Login { user: USER, password: &password, database: FIRST };
    let answers = |[port]: [u16; 1]| client.at(port).run(login, "select 1");
    let (server, [port]) = Server::start(watchdog, words, answers)?;
    let client = client.at(port);
    fs::write(&accounts, "").context("cannot empty the file of the accounts")?;
    let administrator = (ROOT, root_password);
    let certificate_sha256 = files.sha256;
    let access = Access { client, password, administrator, certificate_sha256 };
    Ok(Mariadb(Running::new(access, server)))
}

/// The accounts and the first database, one statement on each line.
fn accounts(password: &str, root_password: &str) -> String {
    [
        format!("alter user {ROOT}@'localhost' identified by '{root_password}';"),
        format!("create or replace user {ROOT}@'127.0.0.1' identified by '{root_password}';"),
        format!("grant all on *.* to {ROOT}@'127.0.0.1' with grant option;"),
        format!("create user {USER}@'127.0.0.1' identified by '{password}';"),
        format!("create user {USER}@'localhost' identified by '{password}';"),
        format!("create database {FIRST};"),
        grants(FIRST).replace("; ", ";\n"),
    ]
    .map(|line| line + "\n")
    .concat()
}
