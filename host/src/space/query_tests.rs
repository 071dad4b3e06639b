//! Filters: an index and a look at everybody answer alike.

use super::{
    flow_tests::{BASE, ENTERPRISE, Made, OWN, everything},
    needs::Needs,
    query::{Plan, matches, plan},
};
use crate::{config::ObjectMapping, scim::Filter};
use ecma_plugin_sdk::Entry;
use proptest::prelude::*;
use serde_json::json;

fn slots(made: &Made, filter: &str) -> Vec<u32> {
    let filter = Filter::parse(filter).unwrap();
    let candidates = match plan(&made.space, &made.flow, &filter) {
        Plan::Nothing => Vec::new(),
        Plan::All => return (0..made.space.used()).collect(),
        Plan::Slots { slots, exact: true } => return slots,
        Plan::Slots { slots, .. } => slots,
        Plan::Scan => (0..made.space.used()).collect(),
    };
    let fits = |slot: &u32| {
        let stored = made.space.stored(*slot).unwrap();
        matches(&made.space, &made.flow, &filter, &made.flow.needs_of(&filter), &stored, BASE)
    };
    candidates.into_iter().filter(fits).collect()
}

/// Those that match, without a plan.
fn matching(made: &Made, filter: &str) -> Vec<u32> {
    let filter = Filter::parse(filter).unwrap();
    let resource = |slot: u32| {
        let stored = made.space.stored(slot).unwrap();
        made.flow.resource(&made.space, &stored, BASE, &Needs::ALL)
    };
    let all = 0..made.space.used();
    all.filter(|slot| filter.matches(&resource(*slot), &made.flow.schemas)).collect()
}

proptest! {
    #[test]
    fn an_index_finds_what_a_look_at_everybody_finds(
        logins in proptest::collection::vec("[aAäÄ1 ]{0,2}", 1..12),
        numbers in proptest::collection::vec(-2_i64..12, 1..12),
        wanted in "[aAäÄ1 ]{0,2}|-?[0-9]{1,2}|01|7\\.0",
    ) {
        let entries: Vec<Entry> = logins
            .iter()
            .zip(numbers.iter().cycle())
            .enumerate()
            .map(|(at, (login, number))| {
                Entry::new("person")
                    .anchor("id", at.to_string())
                    .set("login", login.as_str())
                    .set("work", login.as_str())
                    .set("tags", [login.as_str(), "z", login.as_str()])
                    .set("proxies", match *number {
                        ..4 => vec![login.as_str(), "a"],
                        _ => vec!["a", login.as_str()],
                    })
                    .set("number", *number)
                    .set("level", *number)
            })
            .collect();
        let indexed = Made::of(everything(), &entries);
        let plain = Made::of(ObjectMapping { query: Vec::new(), ..everything() }, &entries);
        let quoted = json!(wanted).to_string();
        for filter in [
            format!("userName eq {quoted}"),
            format!("{ENTERPRISE}:employeeNumber eq {quoted}"),
            format!("{OWN}:level eq {quoted}"),
            format!("{OWN}:tags eq {quoted}"),
            format!("emails[type eq \"work\"].value eq {quoted}"),
            format!("emails[type eq \"work\" and value eq {quoted}]"),
            format!("userName eq {quoted} and {OWN}:level eq 3"),
            format!("userName eq {quoted} and not ({OWN}:level eq 3)"),
            format!("nickName eq {quoted}"),
            format!("nickName sw {quoted}"),
            format!("nickName ge {quoted}"),
            format!("userName sw {quoted}"),
            format!("userName gt {quoted}"),
            format!("userName ge {quoted}"),
            format!("userName lt {quoted}"),
            format!("userName le {quoted}"),
            format!("not (userName lt {quoted})"),
            format!("emails[type eq \"work\"].value sw {quoted}"),
            format!("emails[type eq \"work\" and value sw {quoted}]"),
            format!("emails[value eq {quoted}]"),
            format!("emails.value eq {quoted}"),
            format!("userName sw {quoted} and userName le \"a1\""),
            format!("userName sw {quoted} and {OWN}:tags eq \"a\" and id eq \"person.1\""),
            format!("userName eq {quoted} or {OWN}:level eq 3 or nobody eq 1"),
            format!("userName eq {quoted} or userName sw \"1\" and nobody pr"),
            format!("nickName eq {quoted} or title ne {quoted}"),
            format!("not (nobody eq {quoted}) and userName sw {quoted}"),
            format!("meta.resourceType eq \"User\" and userName sw {quoted}"),
            format!("meta.resourceType eq {quoted} or {OWN}:tags sw {quoted}"),
            "userName eq \"\" or userName sw \"\"".to_owned(),
            format!("{ENTERPRISE}:employeeNumber sw {quoted}"),
        ] {
            let looked_at = matching(&plain, &filter);
            prop_assert_eq!(&slots(&indexed, &filter), &looked_at, "{}", filter);
            prop_assert_eq!(&slots(&plain, &filter), &looked_at, "{}", filter);
        }
    }
}

#[test]
fn a_filter_is_answered_by_the_best_index() {
    let person = |id: &str, login: &str, number: i64| {
        Entry::new("person").anchor("id", id).set("login", login).set("level", number)
    };
    let known_as = |person: Entry, names: [&str; 2]| person.set("proxies", names);
    let entries = [
        known_as(person("1", "Ada", 5), ["a", "c"]),
        known_as(person("2", "eva", 5), ["c", "e"]),
        person("3", "ada", 6),
    ];
    let made = Made::of(everything(), &entries);
    let check = |filter: &str, expected: Plan| {
        let found = plan(&made.space, &made.flow, &Filter::parse(filter).unwrap());
        assert_eq!(found, expected, "{filter}");
    };
    let found = |slots: &[u32], exact| Plan::Slots { slots: slots.to_vec(), exact };
    check("userName eq \"ADA\"", found(&[0, 2], true));
    check("userName eq \"nobody\"", found(&[], true));
    check("userName eq \"\"", Plan::Nothing);
    // SCIM shows the first value of several, the index knows all.
    check("nickName eq \"c\"", found(&[0, 1], false));
    assert_eq!(slots(&made, "nickName eq \"c\""), [1]);
    check("userName eq null", Plan::Scan);
    check("PLACEHOLDER eq \"x\"", Plan::Nothing);
    check("userName eq \"ada\" and PLACEHOLDER eq \"x\"", Plan::Nothing);
    check(&format!("{OWN}:level eq 5 and userName eq \"eva\""), found(&[1], true));
    check(&format!("{OWN}:level eq 6 and userName eq \"ada\""), found(&[2], true));
    check("userName eq \"ada\" and title pr", found(&[0, 2], false));
    let several = "userName eq \"ada\" and title pr or userName eq \"eva\"";
    check(&format!("userName eq \"ada\" and ({several})"), found(&[0, 2], false));
    check("userName sw \"E\"", found(&[1], true));
    check("userName sw \"e\" and userName sw \"x\"", found(&[], false));
    check("userName ge \"ada\" and userName lt \"b\" and title pr", found(&[0, 2], false));
    check("not (PLACEHOLDER eq \"x\")", Plan::All);
    check("not (not (PLACEHOLDER eq \"x\"))", Plan::Nothing);
    check("externalId eq \"x\" or ims pr", Plan::Nothing);
    check("meta.resourceType eq \"Group\"", Plan::Nothing);
    check("meta.nobody eq \"x\"", Plan::Nothing);
    check("id eq \"person.2\"", found(&[1], true));
    check("id eq \"person.9\"", found(&[], true));
    check("id eq 2", found(&[], true));
    check("userName ne \"ada\"", Plan::Scan);
    check("userName eq \"eva\" or userName sw \"a\"", found(&[0, 1, 2], true));
    check("userName eq \"ada\" or title eq \"eva\"", Plan::Scan);
    check("title eq \"x\"", Plan::Scan);
    assert_eq!(slots(&made, "id eq \"person.2\""), [1]);
    assert_eq!(slots(&made, "userName eq null"), [0_u32; 0]);
}

#[test]
fn long_values_are_told_apart_behind_what_an_index_compares() {
    let long = |end: &str| "x".repeat(300) + end;
    let person = |id: &str, login: String| {
        Entry::new("person").anchor("id", id).set("login", login.as_str())
    };
    let made = Made::of(
        everything(),
        &[person("1", long("a")), person("2", long("B")), person("3", "x".to_owned())],
    );
    for (condition, expected) in [
        (format!("sw \"{}\"", long("A")), vec![0]),
        (format!("gt \"{}\"", long("a")), vec![1]),
        (format!("ge \"{}\"", long("a")), vec![0, 1]),
        (format!("lt \"{}\"", long("b")), vec![0, 2]),
        (format!("le \"{}\"", long("b")), vec![0, 1, 2]),
        (format!("eq \"{}\"", long("b")), vec![1]),
    ] {
        assert_eq!(slots(&made, &format!("userName {condition}")), expected, "{condition}");
    }
}

#[test]
fn many_of_one_value_are_found_by_its_order() {
    let person = |id: u32| {
        let login = if id.is_multiple_of(3) { "All" } else { "some" };
        Entry::new("person").anchor("id", id.to_string()).set("login", login)
    };
    let entries: Vec<Entry> = (0..9000).map(person).collect();
    let made = Made::of(everything(), &entries);
    // Nearly as many conditions as there is room for, each with many: nothing is piled up.
    let wide = ["userName sw \"\""; 300];
    let filter = Filter::parse(&wide.join(" or ")).unwrap();
    assert_eq!(plan(&made.space, &made.flow, &filter), Plan::Scan);
    assert_eq!(slots(&made, &wide[..3].join(" and ")).len(), 9000);
    let expected: Vec<u32> = (0..9000).filter(|id: &u32| id.is_multiple_of(3)).collect();
    assert_eq!(slots(&made, "userName eq \"aLL\""), expected);
}
