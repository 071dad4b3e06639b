//! Pages of lists: however they are reached, they are those of the whole list.

use super::{
    Space,
    cache::{By, Edit},
    flow_tests::{BASE, Made, OWN, everything},
    needs::Needs,
    row,
    selection::{Chosen, Part, Selection, Wanted},
};
use crate::{
    config::ObjectMapping,
    scim::{Filter, Position, Sort, SortKey},
};
use ecma_plugin_sdk::Entry;
use proptest::prelude::*;
use std::sync::Arc;

fn person(id: usize, login: &str, number: i64) -> Entry {
    let entry = Entry::new("person").anchor("id", id.to_string()).set("level", number);
    entry.set("login", login).set("work", login).set("seen", login)
}

fn choose(made: &Made, filter: Option<&str>, sort: Option<&Sort>, part: Part) -> Chosen {
    let filter = filter.map(|text| Filter::parse(text).unwrap());
    let wanted = vec![Wanted { flow: Arc::clone(&made.flow), filter }];
    let (space, sort) = (&made.space, sort.cloned());
    let mut selection = Selection::begin(space, wanted, sort, part, BASE.to_owned());
    // Few at a time, as a search on a thread of its own does it.
    while !selection.step(space, 3) {}
    selection.chosen()
}

/// The list, made the plain way.
fn listed(made: &Made, filter: Option<&str>, sort: Option<&Sort>) -> Vec<u32> {
    let filter = filter.map(|text| Filter::parse(text).unwrap());
    let schemas = &made.flow.schemas;
    let mut found: Vec<(SortKey, u32)> = Vec::new();
    for stored in made.space.slots() {
        let resource = made.flow.resource(&made.space, &stored, BASE, &Needs::ALL);
        if filter.as_ref().is_none_or(|filter| filter.matches(&resource, schemas)) {
            let key = sort.map_or(SortKey::Missing, |sort| sort.key(&resource, schemas));
            found.push((key, stored.slot));
        }
    }
    found.sort();
    if sort.is_some_and(|sort| sort.descending) {
        found.reverse();
    }
    found.into_iter().map(|(_, slot)| slot).collect()
}

const SORTS: [&str; 9] = [
    "userName",
    "emails",
    "emails[type eq \"work\"].value",
    "title",
    "id",
    "meta.lastModified",
    "addresses.locality",
    "nobody",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn pages_are_parts_of_the_whole_list(
        people in proptest::collection::vec(("[aAäÄ1]{0,2}", -2_i64..12), 0..24),
        gone in proptest::collection::vec(0_usize..24, 0..6),
        take in 1_usize..9,
    ) {
        let people = people.iter().enumerate();
        let entries: Vec<Entry> =
            people.map(|(at, (login, number))| person(at, login, *number)).collect();
        let indexed = Made::of(everything(), &entries);
        let plain = Made::of(ObjectMapping { query: Vec::new(), ..everything() }, &entries);
        for mut made in [indexed, plain] {
            for id in &gone {
                remove(&mut made.space, *id);
            }
            let own = format!("{OWN}:level");
            for by in SORTS.into_iter().chain([own.as_str()]) {
                for descending in [false, true] {
                    let order = if descending { "descending" } else { "ascending" };
                    let sort = Sort::parse(Some(by), Some(order)).unwrap();
                    let sort = sort.filter(|sort| sort.orders(&made.flow.schemas));
                    for filter in [None, Some("userName sw \"a\""), Some("title co \"a\""),
                        Some("userName ge \"a\" and title pr"), Some("nobody pr")]
                    {
                        check(&made, filter, sort.as_ref(), take);
                    }
                }
            }
        }
    }
}

fn remove(space: &mut Space, id: usize) {
    let entry = Entry::new("person").anchor("id", id.to_string());
    let row = row::encode(space.layout(), &entry).unwrap();
    space.apply(&Edit::Remove(row.key()), By::Import, 1);
}

/// By number and by position, all pages together are the list.
fn check(made: &Made, filter: Option<&str>, sort: Option<&Sort>, take: usize) {
    let whole = listed(made, filter, sort);
    let place = format!("{filter:?} {sort:?} {take}");
    let (mut by_number, mut behind, mut after) = (Vec::new(), Vec::new(), None::<Position>);
    for skip in (0..=whole.len()).step_by(take) {
        let chosen = choose(made, filter, sort, Part { after: None, skip, take });
        assert_eq!(chosen.total, whole.len(), "{place}");
        assert_eq!(chosen.next.is_some(), skip + take < whole.len(), "{place}");
        by_number.extend(chosen.slots);
    }
    assert_eq!(by_number, whole, "{place}");
    loop {
        let chosen = choose(made, filter, sort, Part { after, skip: 0, take });
        assert_eq!(chosen.total, whole.len(), "{place}");
        behind.extend(chosen.slots);
        after = chosen.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(behind, whole, "{place}");
}

/// Makes the order that the last question wished for.
fn make_order(space: &mut Space) {
    let mut order = space.begin_order().unwrap();
    while !order.step(space, 3) {}
    order.sort(&|look| look(space));
    space.end_order(order);
}

#[test]
fn an_order_that_is_made_between_two_pages_loses_and_repeats_nobody() {
    for descending in ["ascending", "descending"] {
        let entries: Vec<Entry> =
            (0..40).map(|id| person(id, ["Ä", "a", "A", "", "ä1"][id % 5], 1)).collect();
        let mut made = Made::of(everything(), &entries);
        let sort = Sort::parse(Some("userName"), Some(descending)).unwrap();
        let whole = listed(&made, None, sort.as_ref());
        for made_after in 0..8 {
            made.space.forget_orders();
            let (mut seen, mut after) = (Vec::new(), None);
            for page in 0..8 {
                let chosen = choose(&made, None, sort.as_ref(), Part { after, skip: 0, take: 5 });
                assert_eq!(made.space.wants_order(), page <= made_after);
                seen.extend(chosen.slots);
                after = chosen.next;
                if page == made_after {
                    make_order(&mut made.space);
                }
            }
            assert_eq!(after, None);
            assert_eq!(seen, whole, "{descending}, made after page {made_after}");
        }
    }
}

#[test]
fn those_that_stay_are_neither_lost_nor_repeated_when_others_come_and_go() {
    for by in [None, Some("userName"), Some("title"), Some("id")] {
        let entries: Vec<Entry> =
            (0..40).map(|id| person(id, &format!("u{}", id % 7), 1)).collect();
        let mut made = Made::of(everything(), &entries);
        let sort = Sort::parse(by, Some("descending")).unwrap();
        let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let part = Part { after, skip: 0, take: 5 };
            let chosen = choose(&made, None, sort.as_ref(), part);
            let id = |slot: &u32| {
                let stored = made.space.stored(*slot).unwrap();
                made.space.entry(&stored).id().anchor.first().unwrap().to_string()
            };
            seen.extend(chosen.slots.iter().map(id));
            after = chosen.next;
            if after.is_none() {
                break;
            }
            // Of those seen and of those to come one goes, also the last of the page; one comes.
            let last = seen.last().and_then(|id| id.parse::<usize>().ok()).unwrap();
            for gone in [last, 3 * pages + 1] {
                remove(&mut made.space, gone);
            }
            let new = person(100 + pages, &format!("u{}", pages % 7), 1);
            let row = row::encode(made.space.layout(), &new).unwrap();
            made.space.apply(&Edit::Put(&row), By::Import, 2);
            pages += 1;
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "{by:?}: nobody twice");
        for stored in made.space.slots() {
            let id = made.space.entry(&stored).id().anchor.first().unwrap().to_string();
            let new = id.len() > 2;
            assert!(new || seen.contains(&id), "{by:?}: {id} was there all the time");
        }
    }
}

#[test]
fn what_indexes_answer_alone_is_done_at_once() {
    let entries: Vec<Entry> = (0..2000).map(|id| person(id, &format!("u{id}"), 1)).collect();
    let made = Made::of(everything(), &entries);
    for (filter, sort, at_once) in [
        (None, None, true),
        (None, Some("userName"), true),
        (None, Some("title"), false),
        (Some("userName sw \"u1\""), None, true),
        (Some("userName sw \"u19\""), Some("title"), false),
        (Some("nobody pr"), Some("title"), true),
        (Some("title co \"u\""), None, false),
    ] {
        let filter = filter.map(|text| Filter::parse(text).unwrap());
        let wanted = vec![Wanted { flow: Arc::clone(&made.flow), filter: filter.clone() }];
        let sort = Sort::parse(sort, None).unwrap();
        let part = Part { after: None, skip: 0, take: 5 };
        let selection = Selection::begin(&made.space, wanted, sort, part, BASE.to_owned());
        assert_eq!(selection.is_small(0), at_once, "{filter:?}");
    }
}
