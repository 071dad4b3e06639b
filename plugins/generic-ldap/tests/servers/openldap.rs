//! OpenLDAP: every scenario, the contract, and what only it has.

use crate::{
    place::{connect, everything, full, linked, reach},
    vendors::OPENLDAP,
};
use ecma_plugin_sdk::{
    Plugin, Values,
    prelude::*,
    testkit::{self, Contract, built_library},
};
use targets::{Slapd, SlapdOptions};

every_scenario! { OPENLDAP }

tests_of! { OPENLDAP, only_openldap:
    a_client_certificate_logs_in
    a_value_that_has_to_be_unique_is_there_already
    references_to_other_servers_are_counted_and_not_followed
}

tests_of! { OPENLDAP, passwords:
    a_password_that_was_set_has_to_be_changed
    a_locked_account_is_unlocked_with_a_password
}

/// The settings that reach a server with these options.
fn started(options: SlapdOptions) -> (Slapd, Values) {
    let server = Slapd::start_as(options);
    let values = reach(&server, &OPENLDAP);
    (server, values)
}

/// On a server of its own: it tells changes of all its entries.
#[test]
fn the_contract_is_kept_whatever_tells_of_changes() {
    let (server, values) = started(SlapdOptions { people: 5, ..SlapdOptions::default() });
    let people = format!("ou=people,{}", server.base());
    let library = Plugin::load(&built_library("generic-ldap")).unwrap();
    for (plugin, strategy) in
        [(linked(), "syncrepl"), (linked(), "accesslog"), (library, "syncrepl")]
    {
        let sample = Entry::new("person")
            .set("-dn-", format!("cn=Marvin,{people}"))
            .set("sn", "Of Tests")
            .set("departmentNumber", "1")
            .set("jpegPhoto", vec![0_u8, 255])
            .set("-enabled-", false);
        let values = values.clone().with("base", vec![people.clone()]);
        let values = values.with("delta_strategy", strategy);
        let contract = Contract::new(plugin, values).sample(sample);
        contract.changed("sn", vec!["Of Others".into()]).verify();
    }
}

#[test]
fn an_account_without_pages_is_told_and_can_use_a_sorted_list() {
    let options = SlapdOptions { pages: false, people: 600, ..SlapdOptions::default() };
    let (_server, values) = started(options);
    let mut connection = connect(&values);
    let error = testkit::import(&mut connection, &ImportRun::full()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.message().contains("paging"), "{error}");
    let all = everything(&mut connect(&values.with("paging", "vlv")));
    assert!(all.len() > 600, "{}", all.len());
}

#[test]
fn a_server_that_tells_no_changes_is_asked_for_times() {
    let options = SlapdOptions { accesslog: false, syncprov: false, ..SlapdOptions::default() };
    let (server, values) = started(options);
    let (_, since) = full(&mut connect(&values), &ImportRun::full());
    assert!(since.as_ref().unwrap().as_str().contains("timestamp"), "{since:?}");
    server.add(&format!("dn: ou=x,{0}\nobjectClass: organizationalUnit\nou: x\n", server.base()));
    let run = ImportRun::delta(since.unwrap());
    let changes = testkit::import(&mut connect(&values), &run).unwrap().changes;
    assert!(changes.iter().any(|change| change.text("ou") == Some("x")), "{changes:?}");
    for (strategy, said) in [("accesslog", "cn=accesslog"), ("syncrepl", "syncrepl")] {
        let mut connection = connect(&values.clone().with("delta_strategy", strategy));
        let error = testkit::import(&mut connection, &ImportRun::full()).err().unwrap();
        assert!(error.message().contains(said), "{error}");
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}

#[test]
fn more_changes_than_the_server_keeps_ask_for_a_full_import() {
    let (server, values) = started(SlapdOptions::default());
    let mut connection = connect(&values);
    let dn = |n: usize| format!("ou=u{n},ou=people,{}", server.base());
    server.add(&format!("dn: {}\nobjectClass: organizationalUnit\nou: u0\n", dn(0)));
    let (_, since) = full(&mut connection, &ImportRun::full());
    server.delete(&dn(0));
    let unit = |n| format!("dn: {}\nobjectClass: organizationalUnit\nou: u{n}\n\n", dn(n));
    server.add(&(1..1_100).map(unit).collect::<String>());
    let run = ImportRun::delta(since.unwrap());
    let error = testkit::import(&mut connection, &run).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}
