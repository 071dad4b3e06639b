//! Kills in the middle of exports, and exports of several processes at once. The tests start
//! themselves again as the process that exports.
#![expect(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

mod support;

use ecma_plugin_sdk::prelude::*;
use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};
use support::{Place, person, update};

const ROLE: &str = "CSV_FILE_TEST_FILE";

fn child(test: &str, place: &Place, more: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, &place.file)
        .env("CSV_FILE_TEST_MORE", more)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn role() -> Option<Place> {
    let file = env::var_os(ROLE)?;
    Some(Place::new("").with("file", file.to_str().unwrap()))
}

fn table(generation: u64) -> String {
    (0..2000).fold("id,generation\n".to_owned(), |table, id| format!("{table}{id},{generation}\n"))
}

/// Exports pages that give all rows the next number, for ever.
fn export_for_ever(place: &Place) -> ! {
    let (entries, _) = place.entries();
    let generation: u64 = entries[0].text("generation").unwrap().parse().unwrap();
    let mut out = io::stdout();
    for generation in generation + 1.. {
        let set = |id: u64| {
            Change::Update(update(&id.to_string()).set("generation", generation.to_string()))
        };
        let page: Vec<Change> = (0..2000).map(set).collect();
        place.export(&page).into_iter().for_each(|result| drop(result.unwrap()));
        writeln!(out, "exported").unwrap();
    }
    unreachable!("numbers do not end")
}

#[test]
fn a_kill_leaves_the_old_or_the_new_file_whole() {
    if let Some(place) = role() {
        export_for_ever(&place);
    }
    let place = Place::new(table(0));
    let mut last = 0;
    for round in 0_usize..20 {
        let mut child = child("a_kill_leaves_the_old_or_the_new_file_whole", &place, "");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let done = lines.map(Result::unwrap).filter(|line| line.ends_with("exported"));
        assert_eq!(done.take(1 + round % 3).count(), 1 + round % 3, "the child exports");
        // A little work of another length each round, so that the kill falls somewhere else.
        std::hint::black_box(table(round as u64).repeat(round));
        child.kill().unwrap();
        child.wait().unwrap();
        let bytes = String::from_utf8(place.bytes()).unwrap();
        let generation = bytes.lines().nth(1).unwrap().split_once(',').unwrap().1.parse().unwrap();
        assert!(bytes == table(generation), "round {round}: the file is whole");
        assert!(generation > last, "round {round}: what was acknowledged is there");
        last = generation;
    }
    let change = Change::Update(update("0").set("generation", "x"));
    assert!(place.export(&[change])[0].is_ok(), "no lock and no leftover is in the way");
    let left = std::fs::read_dir(place.dir.path()).unwrap().count();
    assert_eq!(left, 3, "the file, its lock, its snapshots");
}

#[test]
fn exports_of_two_processes_lose_nothing() {
    if let Some(place) = role() {
        let prefix = env::var("CSV_FILE_TEST_MORE").unwrap();
        for number in 0..50 {
            let entry = person(format!("{prefix}{number}")).set("name", "x");
            place.export(&[Change::Add(entry)]).remove(0).unwrap();
        }
        return;
    }
    let place = Place::new("id,name\n");
    let start = |prefix| child("exports_of_two_processes_lose_nothing", &place, prefix);
    let children = [start("a"), start("b")];
    for number in 0..50 {
        let entry = person(format!("c{number}")).set("name", "x");
        place.export(&[Change::Add(entry)]).remove(0).unwrap();
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let (entries, refused) = place.entries();
    assert_eq!((entries.len(), refused.len()), (150, 0));
}
