//! What was acknowledged is in the target, whatever ends: the client, the request's time, the host.

use crate::support::{CsvTarget, Entra, Host, MEMORY, SqlTarget, Target, person, until};
use std::{fs, sync::mpsc::channel, thread, time::Duration};

fn what_is_acknowledged_is_there<T: Target>() {
    let mut host = Host::with(&[T::PLUGIN]);
    let target = T::new(&host);
    for round in 0..4 {
        host.start();
        let login = format!("round{round}@example.org");
        let answer = host.entra("PEOPLE").create(&person(&login, &format!("{}", 500 + round)));
        host.kill();
        answer.expect(201);
        assert!(target.rows().contains_key(&login), "round {round}");
    }
    host.start();
    assert_eq!(host.entra("PEOPLE").everybody().len(), 16);
}

#[test]
fn a_database_has_what_was_acknowledged_before_the_host_was_killed() {
    what_is_acknowledged_is_there::<SqlTarget>();
}

#[test]
fn a_csv_file_has_what_was_acknowledged_before_the_host_was_killed() {
    what_is_acknowledged_is_there::<CsvTarget>();
}

/// Posts people one after the other until the host is gone; how many were acknowledged.
fn posts(entra: &Entra, from: usize, told: &std::sync::mpsc::Sender<()>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in from.. {
        let login = format!("p{number}@example.org");
        let request = entra.creating(&person(&login, &number.to_string()));
        let Ok(answer) = Entra::try_send(request) else { break };
        answer.expect(201);
        acknowledged.push(login);
        let _ = told.send(());
    }
    acknowledged
}

#[test]
fn a_csv_file_is_whole_whenever_the_host_is_killed() {
    let mut host = Host::with(&[CsvTarget::PLUGIN]);
    let target = CsvTarget::new(&host);
    // Large enough that most of the time goes into writing it.
    target.change(|rows| {
        for number in 0..3000 {
            let mut row = rows["edsger@example.org"].clone();
            let login = format!("mass{number}@example.org");
            row.insert("id".into(), format!("m{number}"));
            row.insert("login".into(), login.clone());
            rows.insert(login, row);
        }
    });
    for round in 0..6 {
        let before = target.bytes();
        host.start();
        let entra = host.entra("PEOPLE");
        let (told, heard) = channel();
        let acknowledged: Vec<String> = thread::scope(|scope| {
            let posting: Vec<_> = (0..3)
                .map(|thread| {
                    let (entra, told) = (&entra, told.clone());
                    let from = 100_000 * (1 + thread) + 1000 * round;
                    scope.spawn(move || posts(entra, from, &told))
                })
                .collect();
            // The others are in the middle of their writes then.
            (0..=round).for_each(|_| heard.recv().unwrap());
            host.kill();
            posting.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let after = target.bytes();
        assert!(after.starts_with(&before), "round {round}: what was there is there to the byte");
        let rows = CsvTarget::parse(&after);
        for login in acknowledged {
            assert_eq!(rows[&login]["display"], "Zoë Ångström", "{login}");
        }
    }
    host.start();
    assert_eq!(host.entra("PEOPLE").everybody().len(), target.rows().len());
    let left: Vec<_> =
        fs::read_dir(host.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    let drafts = left.iter().filter(|name| name.to_string_lossy().contains("people.csv.new"));
    assert!(drafts.count() <= 1, "drafts do not pile up: {left:?}");
}

/// A connector whose exports wait for a file, with a deadline that no test reaches.
fn waiting(settings: &str) -> (Host, std::path::PathBuf) {
    let mut host = Host::with(&["misbehaving"]);
    host.settings(settings);
    let release = host.path("release");
    let orders = format!("mode = \"hang\"\nat = \"export\"\nrelease = \"{}\"\n", release.display());
    host.document("SLOW", &format!("{MEMORY}{orders}[run.export]\nseconds = 600\n"));
    host.start();
    (host, release)
}

#[test]
fn a_client_that_goes_away_does_not_lose_its_write() {
    let (host, release) = waiting("");
    let entra = host.entra("SLOW");
    let request = entra.creating(&person("gone", "")).timeout(Duration::from_secs(3));
    assert!(Entra::try_send(request).unwrap_err().is_timeout());
    assert_eq!(entra.matched("gone"), None, "the target has not accepted it yet");
    fs::write(release, "").unwrap();
    until("the write is done", || entra.matched("gone"));
}

#[test]
fn a_request_whose_time_is_over_does_not_lose_its_write() {
    let (host, release) = waiting("[limits]\nrequest_seconds = 1\n");
    let entra = host.entra("SLOW");
    let detail = entra.create(&person("patient", "")).refused(503);
    assert!(detail.contains("took too long"), "{detail}");
    fs::write(release, "").unwrap();
    until("the write is done", || entra.matched("patient"));
}

#[test]
fn a_host_that_is_asked_to_stop_finishes_what_is_under_way() {
    let mut host = Host::with(&["misbehaving", SqlTarget::PLUGIN]);
    let target = SqlTarget::new(&host);
    host.start();
    let entra = host.entra("PEOPLE");
    let (told, heard) = channel();
    let posting = thread::spawn(move || {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            let login = format!("p{number}@example.org");
            let Ok(answer) = Entra::try_send(entra.creating(&person(&login, ""))) else { break };
            // Stopping: nothing is accepted any more.
            if answer.status != 201 {
                answer.refused(503);
                break;
            }
            acknowledged.push(login);
            let _ = told.send(());
        }
        acknowledged
    });
    (0..5).for_each(|_| heard.recv().unwrap());
    assert!(host.stop().success());
    let acknowledged = posting.join().unwrap();
    let rows = target.rows();
    assert!(acknowledged.len() >= 5 && acknowledged.iter().all(|login| rows.contains_key(login)));
    assert_eq!(rows.len(), 12 + acknowledged.len(), "and nothing that was not answered");
    assert!(!host.path("state/ready.json").exists());
}
