//! Each server at work: it starts, answers, restarts, loses connections, and leaves nothing behind.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{
    sync::LazyLock,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use support::{Trace, eventually};
use targets::{Certificate, Database, Mariadb, NULL, Postgres, Running};

static POSTGRES: LazyLock<Postgres> = LazyLock::new(Postgres::start);
static MARIADB: LazyLock<Mariadb> = LazyLock::new(Mariadb::start);

fn servers() -> [&'static Running; 2] {
    [&POSTGRES, &MARIADB]
}

fn trace(server: &Running) -> Trace {
    support::trace(server.host(), server.port(), server.ca_pem())
}

#[test]
fn rows_come_back_with_null_told_from_empty_and_every_character_whole() {
    let text = "a|b\tc\nd <row> & \"e\" é 🦀";
    for (server, name) in servers().into_iter().zip(["rows_p", "rows_m"]) {
        let database = server.fresh_database(name);
        database.sql("create table t (id int primary key, a varchar(99), b varchar(99));");
        database.sql(&format!("insert into t values (1, null, ''), (2, '{text}', 'x');"));
        let rows = database.query("select id, a, b from t order by id");
        assert_eq!(rows, [["1", NULL, ""], ["2", text, "x"]]);
        assert!(database.query("select id from t where id > 2").is_empty());
        assert_eq!(database.query("select '' from t where id = 1"), [[""]]);
        assert_eq!(database.query("select 1; select 'a\nb'; select ''"), [["1"], ["a\nb"], [""]]);
    }
}

#[test]
fn a_failing_script_tells_the_clients_words_and_stops_there() {
    for (server, name) in servers().into_iter().zip(["script_p", "script_m"]) {
        let database = server.fresh_database(name);
        let script = "create table t (a int); select * from nobodys; create table u (a int);";
        let error = database.try_sql(script).unwrap_err().to_string();
        assert!(error.contains("nobodys"), "{error}");
        assert!(!error.contains(database.password()), "{error}");
        assert!(database.query("select a from t").is_empty());
        assert!(database.try_sql("select a from u").is_err());
    }
}

#[test]
fn fresh_databases_are_empty_and_apart() {
    for server in servers() {
        let one = server.fresh_database("one_of_two");
        let two = server.fresh_database("two_of_two");
        one.sql("create table only_in_one (a int)");
        assert!(two.try_sql("select * from only_in_one").is_err());
        assert_eq!((one.database(), server.database()), ("one_of_two", "hr"));
        assert_eq!(one.port(), two.port());
    }
}

#[test]
fn the_servers_keep_what_tests_rely_on() {
    let settings = "select current_setting('max_connections'), current_setting('server_encoding'),
                    current_setting('password_encryption'), datcollate
                    from pg_database where datname = 'hr'";
    assert_eq!(POSTGRES.query(settings), [["60", "UTF8", "scram-sha-256", "C.UTF-8"]]);
    let tls = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
    assert_eq!(POSTGRES.query(tls), [["true"]]);
    assert_eq!(MARIADB.query("select @@character_set_server, @@log_bin"), [["utf8mb4", "0"]]);
    let tls = MARIADB.query("show session status like 'Ssl_version'");
    assert!(tls[0][1].starts_with("TLS"), "{tls:?}");
    MARIADB.fresh_database("triggers").sql(
        "create table t (a int); create trigger twice before insert on t for each row
         set new.a = new.a * 2; insert into t values (2);",
    );
    assert!(MARIADB.try_sql("create database others").is_err(), "the user is no administrator");
    for server in servers() {
        assert_eq!((server.host(), server.user()), ("127.0.0.1", "app"));
        assert_eq!((server.password().len(), server.certificate_sha256().len()), (32, 64));
    }
    assert_ne!(POSTGRES.password(), MARIADB.password());
}

/// Sleeps on the server until the connection is killed, and checks that it was.
fn is_killed(database: &Database, nap: &str, naps: &str, others: &Database) {
    let began = Instant::now();
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| database.try_sql(nap));
        eventually("the connection is there", || database.query(naps) == [["1"]]);
        others.kill_connections();
        assert_eq!(database.query(naps), [["1"]], "other databases are left alone");
        database.kill_connections();
        assert_eq!(database.query(naps), [["0"]]);
        assert!(sleeper.join().unwrap().is_err());
    });
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn killed_connections_end_in_this_database_only() {
    let database = POSTGRES.fresh_database("killed");
    let naps = "select count(*) from pg_stat_activity
                where datname = 'killed' and query like '%sleep(60)%' and pid <> pg_backend_pid()";
    is_killed(&database, "select pg_sleep(60)", naps, &POSTGRES);
    let database = MARIADB.fresh_database("killed");
    let naps = "select count(*) from information_schema.processlist
                where db = 'killed' and info like '%sleep(60)%' and id <> connection_id()";
    is_killed(&database, "select sleep(60)", naps, &MARIADB);
}

/// Restarts and drops a server with a client still connected.
fn lives_and_goes<S: std::ops::Deref<Target = Running>>(server: S, nap: &str) {
    let (port, pid, trace) = (server.port(), server.pid(), trace(&server));
    server.sql("create table kept (a int); insert into kept values (7);");
    server.restart();
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
    assert_eq!(server.query("select a from kept"), [["7"]]);

    let last = Database::clone(&server);
    thread::scope(|scope| {
        scope.spawn(|| last.try_sql(nap));
        sleep(Duration::from_millis(300));
        let began = Instant::now();
        drop(server);
        assert!(began.elapsed() < Duration::from_secs(9), "it took {:?}", began.elapsed());
    });
    assert!(support::is_gone(&trace));
}

#[test]
fn a_postgres_with_its_own_authority_keeps_port_and_data_and_is_gone_when_dropped() {
    let server = Postgres::start_with(Certificate::SelfSignedAuthority);
    lives_and_goes(server, "select pg_sleep(60)");
}

#[test]
fn a_mariadb_with_its_own_authority_keeps_port_and_data_and_is_gone_when_dropped() {
    lives_and_goes(Mariadb::start_with(Certificate::SelfSignedAuthority), "select sleep(60)");
}

#[test]
fn databases_start_with_certificates_that_are_wrong() {
    let postgres = Postgres::start_with(Certificate::Expired);
    let tls = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
    assert_eq!(postgres.query(tls), [["true"]]);
    let mariadb = Mariadb::start_with(Certificate::WrongName);
    let tls = mariadb.query("show session status like 'Ssl_version'");
    assert!(tls[0][1].starts_with("TLS"), "{tls:?}");
}

#[test]
fn servers_end_when_the_test_is_killed() {
    support::servers_end_with_their_test("servers_end_when_the_test_is_killed", || {
        servers().map(trace).to_vec()
    });
}
