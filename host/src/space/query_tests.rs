//! Filters: an index and a look at everybody answer alike.

use super::{
    flow_tests::{BASE, ENTERPRISE, Made, OWN, everything},
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
        ] {
            prop_assert_eq!(slots(&indexed, &filter), slots(&plain, &filter), "{}", filter);
        }
    }
}

#[test]
fn a_filter_is_answered_by_the_best_index() {
    let person = |id: &str, login: &str, number: i64| {
        Entry::new("person").anchor("id", id).set("login", login).set("level", number)
    };
    let entries = [person("1", "Ada", 5), person("2", "eva", 5), person("3", "ada", 6)];
    let made = Made::of(everything(), &entries);
    let check = |filter: &str, expected: Plan| {
        let found = plan(&made.space, &made.flow, &Filter::parse(filter).unwrap());
        assert_eq!(found, expected, "{filter}");
    };
    let found = |slots: &[u32], exact| Plan::Slots { slots: slots.to_vec(), exact };
    check("userName eq \"ADA\"", found(&[0, 2], true));
    check("userName eq \"nobody\"", found(&[], true));
    check("userName eq \"\"", Plan::Nothing);
    check("userName eq null", Plan::Scan);
    check("PLACEHOLDER eq \"x\"", Plan::Nothing);
    check("userName eq \"ada\" and PLACEHOLDER eq \"x\"", Plan::Nothing);
    check(&format!("{OWN}:level eq 5 and userName eq \"eva\""), found(&[1], false));
    check(&format!("{OWN}:level eq 6 and userName eq \"ada\""), found(&[2], false));
    check("id eq \"person.2\"", found(&[1], false));
    check("id eq \"person.9\"", found(&[], false));
    check("id eq 2", found(&[], false));
    check("userName ne \"ada\"", Plan::Scan);
    check("userName eq \"ada\" or userName eq \"eva\"", Plan::Scan);
    check("title eq \"x\"", Plan::Scan);
    assert_eq!(slots(&made, "id eq \"person.2\""), [1]);
    assert_eq!(slots(&made, "userName eq null"), [0_u32; 0]);
}
