//! Imports: what they take, what they hold back and what they leave alone.

use super::{
    Pass, PassReport, Space,
    cache::{By, Edit},
    pass::Differences,
    row,
    tests::{layout, page_of},
};
use crate::config::Guard;
use ecma_plugin_sdk::{Change, Entry, page::Page};

fn user(id: i64, login: &str) -> Entry {
    Entry::new("user").anchor("id", id).set("login", login)
}

fn take(space: &mut Space, pass: &mut Pass, changes: &[Change]) {
    let bytes = page_of(changes);
    let page = Page::parse(&bytes).unwrap();
    let mut differences = Differences::default();
    pass.compare(space, &page, &mut differences).unwrap();
    while pass.absorb(space, &mut differences, 1) {}
}

fn filled(count: i64) -> Space {
    let mut space = Space::new(layout());
    let mut pass = Pass::begin(&mut space, true);
    let all: Vec<Change> = (0..count).map(|id| Change::Add(user(id, "a"))).collect();
    take(&mut space, &mut pass, &all);
    assert!(pass.removals(&space, Guard { percent: 0, objects: 0 }).is_empty());
    assert_eq!(pass.end(&mut space).added, count as usize);
    space
}

fn finish(space: &mut Space, mut pass: Pass, guard: Guard) -> (PassReport, bool) {
    let removals = pass.removals(space, guard);
    pass.remove(space, &removals, 2);
    let is_whole = pass.is_whole();
    (pass.end(space), is_whole)
}

fn check_guard(gone: i64, percent: u32, objects: u32, is_held: bool) {
    for full in [true, false] {
        let mut space = filled(100);
        let mut pass = Pass::begin(&mut space, full);
        let kept = (gone..100).map(|id| Change::Add(user(id, "a")));
        let deleted = (0..gone).map(|id| Change::Delete { id: user(id, "").id().clone() });
        let changes: Vec<Change> = if full { kept.collect() } else { deleted.collect() };
        take(&mut space, &mut pass, &changes);
        let (report, is_whole) = finish(&mut space, pass, Guard { percent, objects });
        let (held, removed) = if is_held { (gone, 0) } else { (0, gone) };
        assert_eq!((report.held, report.removed), (held as usize, removed as usize));
        assert_eq!((space.len(), is_whole), (100 - removed as usize, !is_held));
    }
}

#[test]
fn removals_are_held_back_when_both_bounds_are_exceeded() {
    check_guard(20, 20, 10, false);
    check_guard(21, 20, 20, true);
    check_guard(21, 20, 21, false);
    check_guard(20, 19, 19, true);
    check_guard(50, 0, 49, true);
    check_guard(50, 0, 50, false);
    check_guard(99, 100, 0, false);
    check_guard(1, 0, 0, true);
}

#[test]
fn a_delta_is_taken_in_its_order() {
    let mut space = filled(3);
    let mut pass = Pass::begin(&mut space, false);
    let id = |id| user(id, "").id().clone();
    let update = |number, name: &str, value: &str| {
        Change::Update(ecma_plugin_sdk::Update::new(id(number)).set(name, value))
    };
    let changes = [
        Change::Add(user(0, "b")),
        Change::Add(user(0, "a")),
        update(1, "login", "c"),
        update(1, "mails", "m"),
        Change::Delete { id: id(2) },
        Change::Add(user(2, "d")),
        Change::Add(user(9, "e")),
        update(9, "login", "f"),
        Change::Delete { id: Entry::new("unknown").anchor("id", 1).id().clone() },
    ];
    take(&mut space, &mut pass, &changes);
    let (report, is_whole) = finish(&mut space, pass, Guard { percent: 0, objects: 0 });
    let entries: Vec<Entry> = space.slots().map(|stored| space.entry(&stored)).collect();
    let expected = [user(0, "a"), user(1, "c").set("mails", "m"), user(2, "d"), user(9, "f")];
    assert_eq!(entries, expected);
    assert!(is_whole);
    let counted = (report.added, report.changed, report.unchanged, report.removed, report.refused);
    assert_eq!(counted, (1, 2, 1, 0, 0));
}

#[test]
fn rows_stay_in_order_over_many_chunks() {
    let mut space = Space::new(layout());
    let mut pass = Pass::begin(&mut space, true);
    let all: Vec<Change> = (0..500).map(|id| Change::Add(user(id, "a"))).collect();
    take(&mut space, &mut pass, &all);
    let anchors: Vec<_> = space.slots().map(|s| space.entry(&s).id().anchor.clone()).collect();
    assert!(anchors.is_sorted());
    assert_eq!((anchors.len(), pass.imported()), (500, 500));
}

#[test]
fn an_entry_that_cannot_be_read_is_not_gone() {
    let guard = Guard { percent: 100, objects: 100 };
    let bad = |id: i64| {
        let mut entry = Entry::new("user").anchor("id", id);
        entry.put("login", vec![7.into()]);
        Change::Add(entry)
    };
    let mut space = filled(3);
    let mut pass = Pass::begin(&mut space, true);
    take(&mut space, &mut pass, &[Change::Add(user(0, "a")), bad(1)]);
    let (report, _) = finish(&mut space, pass, guard);
    assert_eq!((report.refused, report.removed, report.held), (1, 1, 0));
    assert_eq!(report.refusals[0].place, "user 1");
    assert!(report.refusals[0].error.to_string().contains("login"));
    let login = |space: &Space| {
        let stored: Vec<String> =
            space.slots().map(|s| space.entry(&s).id().anchor.to_string()).collect();
        stored.join(" ")
    };
    assert_eq!(login(&space), "0 1");
}

#[test]
fn entries_without_a_name_hold_removals_back_once_they_are_new() {
    let guard = Guard { percent: 100, objects: 100 };
    let nameless = Change::Add(Entry::new("user").set("login", "x"));
    let run = |space: &mut Space, kept: i64, bad: usize| {
        let mut pass = Pass::begin(space, true);
        let mut all: Vec<Change> = (0..kept).map(|id| Change::Add(user(id, "a"))).collect();
        all.extend(std::iter::repeat_n(nameless.clone(), bad));
        take(space, &mut pass, &all);
        let (report, _) = finish(space, pass, guard);
        (report.refused, report.held, report.removed)
    };
    let mut space = filled(5);
    assert_eq!(run(&mut space, 4, 1), (1, 1, 0), "it may be the one that is missing");
    assert_eq!(run(&mut space, 4, 1), (1, 1, 0));
    assert_eq!(run(&mut space, 5, 1), (1, 0, 0), "it was another one");
    assert_eq!(run(&mut space, 4, 1), (1, 0, 1));
    assert_eq!(run(&mut space, 3, 2), (2, 1, 0));
    assert_eq!(run(&mut space, 3, 0), (0, 0, 1));
}

#[test]
fn a_slot_that_is_used_again_is_not_touched() {
    let mut space = filled(1);
    let mut pass = Pass::begin(&mut space, false);
    let row = row::encode(space.layout(), &user(0, "b")).unwrap();
    space.apply(&Edit::Put(&row), By::Export, 1);
    space.apply(&Edit::Remove(row.key()), By::Export, 1);
    take(&mut space, &mut pass, &[Change::Add(user(1, "c"))]);
    take(&mut space, &mut pass, &[Change::Add(user(1, "d")), Change::Add(user(0, "b"))]);
    let entries: Vec<Entry> = space.slots().map(|stored| space.entry(&stored)).collect();
    assert_eq!(entries, [user(1, "d")]);
    assert_eq!(pass.report().passed_over, 1);
    assert!(!pass.is_whole());
}
