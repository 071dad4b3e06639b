//! A database that goes away under load and comes back: who reads does not notice, who writes is told
//! to come again, nothing acknowledged is missing, and nobody has to restart the host.

use crate::support::{Entra, Host, person, until};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};
use targets::Postgres;

const WRITERS: usize = 3;

fn document(database: &Postgres) -> String {
    format!(
        "plugin = \"generic-sql\"\n[values]\ndriver = \"postgresql\"\nserver = \"{}\"\nport = {}\n\
         database_name = \"{}\"\nuser = \"{}\"\npassword = \"env:DB_PASSWORD\"\nca_file = \"{}\"\n\
         tables = [\"person\"]\n[[object]]\ntype = \"person\"\nquery = [\"login\"]\n\
         [object.attributes]\nlogin = \"userName\"\n[run.export]\nconnections = 3\n",
        database.host(),
        database.port(),
        database.database(),
        database.user(),
        database.ca_pem().display(),
    )
}

/// What became of the writes.
#[derive(Default)]
struct Counts {
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
}

/// Creates people until it is over; those that were acknowledged.
fn posts(entra: &Entra, writer: usize, counts: &Counts, is_over: &AtomicBool) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let login = format!("w{writer}n{number}");
        let answer = entra.create(&person(&login, ""));
        match answer.status {
            201 => {
                acknowledged.push(login);
                counts.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            // The connection may have ended under a change, whose outcome nobody can look up.
            503 | 504 => drop(counts.refused.fetch_add(1, Ordering::Relaxed)),
            status => panic!("{status}: {}", answer.text),
        }
    }
    acknowledged
}

#[test]
fn a_database_that_goes_away_and_comes_back_needs_no_restart() {
    let database = Postgres::start();
    database.sql(
        "CREATE TABLE person (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
         login text NOT NULL UNIQUE)",
    );
    database.sql("INSERT INTO person (login) VALUES ('ada')");
    let mut host = Host::with(&["generic-sql"]);
    host.variable("DB_PASSWORD", database.password());
    host.document("HR", &document(&database));
    host.start();
    let (entra, pid) = (host.entra("HR"), host.pid());
    let (counts, is_over) = (Counts::default(), AtomicBool::new(false));
    let more = |what: &str, count: &AtomicUsize| {
        let before = count.load(Ordering::Relaxed);
        until(what, || (count.load(Ordering::Relaxed) > before).then_some(()));
    };
    let acknowledged: Vec<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (entra, counts, is_over) = (&entra, &counts, &is_over);
                scope.spawn(move || posts(entra, writer, counts, is_over))
            })
            .collect();
        let story = scope.spawn(|| {
            more("changes are acknowledged", &counts.acknowledged);
            database.stopped_while(|| {
                for _ in 0..20 {
                    more("changes are refused", &counts.refused);
                    assert!(entra.matched("ada").is_some(), "who only reads does not notice");
                }
                assert_eq!(host.health()["status"], "degraded");
                assert_eq!(host.health_of("HR")["state"], "ready");
            });
            more("changes are acknowledged again", &counts.acknowledged);
        });
        let told = story.join();
        is_over.store(true, Ordering::Relaxed);
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        told.unwrap();
        ended.into_iter().flat_map(Result::unwrap).collect()
    });
    let there: BTreeSet<String> = database
        .query("SELECT login FROM person")
        .into_iter()
        .map(|row| row[0].to_string())
        .collect();
    for login in acknowledged {
        assert!(there.contains(&login), "{login} was acknowledged");
    }
    assert_eq!(host.pid(), pid);
    assert!(host.stop().success());
}
