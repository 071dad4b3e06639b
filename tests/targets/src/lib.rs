//! Real servers for tests: the databases PostgreSQL and MariaDB, the directories OpenLDAP, 389
//! Directory Server and Samba's Active Directory. Each has a private temporary directory; all but
//! Samba run as an unprivileged user, on free ports of 127.0.0.1.
//!
//! A server stops, and its directory goes, when its value is dropped, and also when the test process
//! ends without dropping it: a shell holds the other end of a pipe and cleans up when it closes. So
//! many tests may share one server:
//!
//! ```no_run
//! use std::sync::LazyLock;
//! static SERVER: LazyLock<targets::Postgres> = LazyLock::new(targets::Postgres::start);
//!
//! let database = SERVER.fresh_database("people");
//! database.sql("create table person (id int primary key, name text)");
//! database.sql("insert into person values (1, null)");
//! assert_eq!(database.query("select * from person"), [["1", targets::NULL]]);
//! ```
//!
//! [`Directory`] says the same of directories. The servers of Samba in one process begin with copies
//! of one domain, which lies in a directory of its own until the process ends.
//!
//! Everything panics with what the server or its client said; this is for tests.

#![cfg(unix)]

mod certificate;
mod client;
mod database;
mod directory;
mod mariadb;
mod odbc;
mod postgres;
mod programs;
mod running;
mod server;
mod watchdog;

pub use certificate::Certificate;
pub use client::NULL;
pub use database::Database;
pub use directory::{
    Directory, Ds389, Found, People, SambaAd, Slapd, SlapdOptions, escape_dn_value,
};
pub use mariadb::Mariadb;
pub use odbc::odbc_driver;
pub use postgres::Postgres;
pub use running::Running;
