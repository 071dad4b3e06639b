//! What goes wrong between the connector and a server, and how it goes on.

use crate::{
    place::{Place, connect, everything, export, refusal},
    proxy::{Break, Message, Proxy},
};
use ecma_plugin_sdk::{Update, Values, prelude::*, testkit};
use std::net::TcpListener;

/// A port at which nobody listens.
fn nobody() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The settings for plain connections to a port.
pub(crate) fn plain(values: &Values, host: &str, port: u16) -> Values {
    let mut values = values
        .clone()
        .with("servers", host)
        .with("port", i64::from(port))
        .with("encryption", "off")
        .with("allow_plain_password", true);
    values.remove("ca_file");
    values
}

pub(crate) fn who_may_not_log_in_or_write_is_told_so(place: &Place) {
    let error = refusal(&place.values.clone().with("password", "wrong"));
    assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
    assert!(!error.message().contains("wrong"), "{error}");

    // Somebody who may log in, and read.
    (place.vendor.rules)(place.server);
    let entry = place.put("reader");
    let mut connection = place.connect();
    let all = everything(&mut connection);
    let id = all.values().find(|known| known.text("cn") == Some("reader")).unwrap().id();
    let password = Secret::new("Some-Pass-word1");
    connection.set_password(id, &password, ecma_plugin_sdk::PasswordOptions::default()).unwrap();
    let enable = Update::new(id.clone()).set("-enabled-", true);
    export(&mut connection, Change::Update(enable)).unwrap();
    let values = place.values.clone().with("user", entry.as_str());
    let mut reader = connect(&values.with("password", password.expose()));
    assert_eq!(everything(&mut reader).len(), all.len());
    for change in [
        Change::Add(place.person("new")),
        Change::Update(Update::new(id.clone()).set("employeeNumber", "1")),
        Change::Delete { id: id.clone() },
    ] {
        let error = export(&mut reader, change.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{change:?}: {error}");
    }
}

pub(crate) fn the_next_server_is_taken_when_one_is_down(place: &Place) {
    let down = format!("{}:{}", place.host(), nobody());
    let mut values = place.values.clone().with("servers", vec![down.clone()]);
    let error = refusal(&values);
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.message().contains(&down), "{error}");
    values.set("servers", vec![down, place.host().to_owned()]);
    assert_eq!(everything(&mut connect(&values)).len(), 1);
}

pub(crate) fn a_connection_that_was_closed_is_opened_again(place: &Place) {
    let proxy = Proxy::to(place.host(), place.port());
    let mut connection = connect(&plain(&place.values, "127.0.0.1", proxy.port));
    place.put("x");
    let all = everything(&mut connection);
    let id = all.values().find(|entry| entry.text("cn") == Some("x")).unwrap().id();
    proxy.close();
    assert_eq!(everything(&mut connection).len(), 2);
    proxy.close();
    export(&mut connection, Change::Update(Update::new(id.clone()).set("sn", "Other"))).unwrap();
    proxy.close();
    assert_eq!(connection.read(std::slice::from_ref(id)).unwrap()[0].as_ref().unwrap().id(), id);
    proxy.close();
    connection.test().unwrap();
}

pub(crate) fn an_import_that_is_broken_off_is_an_error_and_the_next_one_is_whole(place: &Place) {
    let proxy = Proxy::to(place.host(), place.port());
    let ldif = |n: usize| place.ldif(&place.dn(&n.to_string()), &n.to_string());
    place.add(&(0..20).map(ldif).collect::<String>());
    let mut connection = connect(&plain(&place.values, "127.0.0.1", proxy.port));
    let run = crate::place::in_pages(5);
    for entries in [1, 12] {
        proxy.breaks(Break::After(Message::SearchEntry, entries));
        let error = testkit::import(&mut connection, &run).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert_eq!(everything(&mut connection).len(), 21);
    }
}

pub(crate) fn a_time_limit_in_the_middle_of_pages_costs_no_entry_and_none_comes_twice(
    place: &Place,
) {
    let proxy = Proxy::to(place.host(), place.port());
    let ldif = |n: usize| place.ldif(&place.dn(&n.to_string()), &n.to_string());
    place.add(&(0..40).map(ldif).collect::<String>());
    let mut connection = connect(&plain(&place.values, "127.0.0.1", proxy.port));
    let expected = everything(&mut connection);
    for nth in [1, 2] {
        proxy.limits(15, nth);
        let imported = testkit::import(&mut connection, &crate::place::in_pages(15)).unwrap();
        assert!(!proxy.has_limit(), "it was met");
        assert_eq!((imported.changes.len(), imported.refused.len()), (expected.len(), 0));
        assert_eq!(everything(&mut connection), expected);
    }
    proxy.limits(10, 1);
    let error = testkit::import(&mut connection, &crate::place::in_pages(10)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.message().contains("raise the server's time limit"), "{error}");
}

pub(crate) fn an_add_without_an_answer_is_looked_up_and_not_made_twice(place: &Place) {
    let proxy = Proxy::to(place.host(), place.port());
    let values = plain(&place.values, "127.0.0.1", proxy.port);
    let values = values.with("operational_attributes", true);
    let mut connection = connect(&values);
    // It did not reach the server, or only the answer was lost.
    for (name, when) in
        [("before", Break::Before(Message::Add)), ("after", Break::Before(Message::Added))]
    {
        proxy.writes();
        proxy.breaks(when);
        let person = place.person(name).set("employeeNumber", "7");
        let exported = export(&mut connection, Change::Add(person.clone())).unwrap();
        assert_eq!(proxy.writes(), [Message::Add], "{name}");
        let entry = exported.entry.unwrap();
        let (dn, number) = (place.dn(name), entry.text("employeeNumber"));
        assert_eq!((entry.id().dn.as_ref().unwrap().as_str(), number), (dn.as_str(), Some("7")));
        let error = export(&mut connection, Change::Add(person)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }
    // Somebody else's entry of that name is not taken for the new one.
    place.put("other");
    proxy.breaks(Break::Before(Message::Added));
    let other = place.person("other").set("employeeNumber", "7");
    let error = export(&mut connection, Change::Add(other.set("sn", "Of Mine"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
}
