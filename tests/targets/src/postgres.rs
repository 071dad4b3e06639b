//! A server of PostgreSQL.

use std::{fs, ops::Deref};

use anyhow::Context as _;

use crate::{
    Certificate,
    client::{Client, Login, Vendor},
    database::{Access, FIRST, USER, or_panic},
    programs::{Account, postgres_folders, program, together},
    running::Running,
    server::{INSTALLED_WITHIN, Place, Server, directory, password},
    watchdog::Watchdog,
};

const PACKAGE: &str = "postgresql";
/// "Fast": TERM would wait for clients to leave.
const STOP: &str = "INT";

/// A running PostgreSQL server, and its database `hr`. The user is a superuser with a
/// scram-sha-256 password. Plain connections are answered as well as TLS.
pub struct Postgres(Running);

impl Postgres {
    /// Starts a server. Panics with the end of its log when it does not come up within 30 s, and
    /// with the name of the Debian package when its programs are missing.
    #[track_caller]
    pub fn start() -> Postgres {
        Postgres::start_with(Certificate::default())
    }

    /// Starts a server that shows this kind of certificate.
    #[track_caller]
    pub fn start_with(certificate: Certificate) -> Postgres {
        or_panic(start(certificate).context("cannot start PostgreSQL"))
    }
}

impl Deref for Postgres {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.0
    }
}

fn start(certificate: Certificate) -> anyhow::Result<Postgres> {
    let folders = postgres_folders();
    let [initdb, postgres] = together(["initdb", "postgres"], &folders, PACKAGE)?;
    let psql = program("psql", &folders, "postgresql-client")?;
    let account = Account::unprivileged()?;
    let mut watchdog = Watchdog::start(directory(&account)?, STOP)?;
    let directory = watchdog.directory().to_owned();
    let place = Place { directory: &directory, account: &account };
    let files = certificate.make(&place, "127.0.0.1")?;

    let password = password()?;
    let password_file = place.write("password", &password)?;
    let data = place.path("data");
    let options = [
        format!("--pgdata={data}"),
        format!("--username={USER}"),
        format!("--pwfile={}", password_file.display()),
        "--auth=scram-sha-256".to_owned(),
        "--encoding=UTF8".to_owned(),
        "--locale=C.UTF-8".to_owned(),
        "--no-sync".to_owned(),
    ];
    watchdog
        .run_to_end(&account.words(&initdb, &options), INSTALLED_WITHIN)
        .context("initdb failed")?;
    fs::remove_file(&password_file).context("cannot remove the password's file")?;

    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        // A path to a socket may be too long, and nobody needs one.
        "unix_socket_directories=".to_owned(),
        "max_connections=60".to_owned(),
        "fsync=off".to_owned(),
        "full_page_writes=off".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", files.certificate.display()),
        format!("ssl_key_file={}", files.key.display()),
    ];
    let words = |[port]: [u16; 1]| {
        let mut options = vec!["-D".to_owned(), data.clone(), "-p".to_owned(), port.to_string()];
        options.extend(settings.iter().flat_map(|setting| ["-c".to_owned(), setting.clone()]));
        Ok(account.words(&postgres, &options))
    };
    let checks = certificate.stands_a_check();
    let client = Client { vendor: Vendor::Postgres, program: psql, port: 0, ca: files.ca, checks };
    let login = Login { user: USER, password: &password, database: "postgres" };
    let answers = |[port]: [u16; 1]| client.at(port).run(login, "select 1");
    let (server, [port]) = Server::start(watchdog, words, answers)?;
    let client = client.at(port);
    client.run(login, &format!("create database {FIRST}"))?;
    let administrator = (USER, password.clone());
    let certificate_sha256 = files.sha256;
    let access = Access { client, password, administrator, certificate_sha256 };
    Ok(Postgres(Running::new(access, server)))
}
