//! Tests of the export guard: what may go, what is held, what is kept.

use super::*;
use proptest::prelude::*;

fn at(minute: i64, entries: usize) -> Moment {
    at_of(10, 5, minute, entries)
}

fn at_of(percent: u32, objects: u32, minute: i64, entries: usize) -> Moment {
    let now = Timestamp::from_second(1_750_000_000 + minute * 60).unwrap();
    Moment { rule: ExportGuard { percent, objects, minutes: 60 }, now, entries }
}

/// How many of so many go one after the other.
fn go(count: &mut Count, at: Moment, many: usize) -> usize {
    let one = |_: &usize| count.reserve(at).map(|()| count.settle(at, true)).is_ok();
    (0..many).filter(one).count()
}

#[test]
fn the_larger_bound_counts() {
    for (percent, objects, entries, may) in [
        (10, 5, 1000, 100),
        (10, 5, 20, 5),
        (10, 5, 0, 5),
        (0, 5, 1000, 5),
        (0, 0, 1000, 0),
        (99, 0, 1000, 990),
    ] {
        let mut count = Count::default();
        let at = at_of(percent, objects, 0, entries);
        assert_eq!(go(&mut count, at, 2000), may, "{percent} % of {entries}, {objects}");
        let held = count.held.unwrap();
        assert_eq!((held.gone, held.refused), (may as u64, 2000 - may as u64));
    }
}

#[test]
fn the_share_is_one_of_what_was_there_when_the_window_began() {
    let mut count = Count::default();
    let gone = (0..1000).filter(|gone| go(&mut count, at(0, 1000 - gone), 1) == 1).count();
    assert_eq!(gone, 100);
}

#[test]
fn what_is_older_than_the_window_does_not_count_but_what_is_held_stays_held() {
    let mut count = Count::default();
    assert_eq!(go(&mut count, at(0, 10), 5), 5);
    assert_eq!(go(&mut count, at(60, 10), 5), 5, "the window passed");
    assert_eq!(go(&mut count, at(61, 10), 1), 0);
    assert_eq!(go(&mut count, at(600, 10), 1), 0, "nobody released it");
    assert_eq!(count.held.unwrap().refused, 2);
}

#[test]
fn what_failed_gives_its_place_back() {
    let mut count = Count::default();
    for _ in 0..100 {
        count.reserve(at(0, 10)).unwrap();
        count.settle(at(0, 10), false);
    }
    assert_eq!((go(&mut count, at(0, 10), 9), count.held.is_some()), (5, true));
}

#[test]
fn those_under_way_hold_places_and_the_last_success_trips() {
    for (success, is_held) in [(true, true), (false, false)] {
        let mut count = Count::default();
        let taken = (0..9).filter(|_| count.reserve(at(0, 10)).is_ok()).count();
        assert_eq!((taken, count.held.is_some()), (5, false), "nothing went yet");
        (0..5).for_each(|_| count.settle(at(0, 10), success));
        assert_eq!(count.held.as_ref().map(|held| held.refused), is_held.then_some(4));
        assert_eq!(count.reserve(at(0, 10)).is_ok(), !is_held);
    }
}

#[test]
fn a_release_lets_so_many_go_and_no_more() {
    let mut count = Count::default();
    let now = at(0, 10);
    assert!(count.release(now, None).unwrap_err().contains("nothing is held"));
    go(&mut count, at(0, 10), 6);
    assert_eq!(count.release(now, None), Ok(5));
    assert_eq!((go(&mut count, at(1, 10), 9), count.held.is_some()), (5, true));
    assert_eq!(count.release(now, Some(2)), Ok(2));
    assert_eq!((go(&mut count, at(2, 10), 9), count.held.is_some()), (2, true));
    assert_eq!(count.release(now, None), Ok(5), "the guard's bound again, not the two");
    assert!(count.release(now, Some(0)).is_err());
    assert_eq!(count.release(now, Some(40)), Ok(40));
    assert_eq!(go(&mut count, at(3, 10), 10), 10);
    assert_eq!(go(&mut count, at(62, 10), 10), 0, "the ten are still in the window");
    let mut nothing = Count::default();
    go(&mut nothing, at_of(0, 0, 0, 10), 1);
    assert!(nothing.release(at_of(0, 0, 0, 10), None).unwrap_err().contains("--count"));
    assert_eq!(nothing.release(now, Some(1)), Ok(1));
    assert_eq!(go(&mut nothing, at_of(0, 0, 1, 10), 2), 1);
}

proptest! {
    #[test]
    fn never_more_than_the_bound_goes_within_a_window(
        steps in proptest::collection::vec((0..3u8, 0..30i64), 1..300)
    ) {
        let (mut count, mut minute, mut waiting) = (Count::default(), 0, 0);
        let mut gone: Vec<i64> = Vec::new();
        for (step, later) in steps {
            minute += later;
            match step {
                0 => waiting += usize::from(count.reserve(at(minute, 10)).is_ok()),
                _ if waiting > 0 => {
                    waiting -= 1;
                    count.settle(at(minute, 10), step == 1);
                    gone.extend((step == 1).then_some(minute));
                }
                _ => {}
            }
            let within = gone.iter().filter(|then| minute - **then < 60).count();
            prop_assert!(within <= 5, "{within} at {minute}");
        }
    }
}

#[test]
fn what_is_held_is_kept_in_a_file_that_follows_a_rename() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join("guards").join(name);
    let guard = Guard::default();
    guard.keep_in(file("A.json"));
    assert!(guard.with("A", |count| count.reserve(at_of(0, 0, 0, 10))).is_err());
    guard.keep_in(file("B.json"));
    assert!(!file("A.json").exists());
    // What another connector of that name left behind says nothing of this one.
    let other = Guard::default();
    other.keep_in(file("C.json"));
    other.keep_in(file("B.json"));
    assert!(!file("B.json").exists());
    guard.keep_in(file("D.json"));
    guard.keep_in(file("B.json"));
    let again = Guard::default();
    again.keep_in(file("B.json"));
    let held = again.0.lock().count.held.clone().unwrap();
    assert_eq!((held.since, held.refused), ("2025-06-15T15:06:40Z".to_owned(), 0));
    again.with("B", |count| count.release(at(1, 10), Some(1))).unwrap();
    assert!(!file("B.json").exists());
}

#[test]
fn a_torn_file_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("A.json");
    fs::write(&file, "{\"since\": \"20").unwrap();
    let guard = Guard::default();
    guard.keep_in(file);
    assert!(guard.0.lock().count.held.is_none());
}
