//! What only OpenLDAP is asked for on the server that all tests share.

use crate::place::{Place, connect, everything, export, refusal};
use ecma_plugin_sdk::{prelude::*, testkit::temp_dir};
use std::{fs, sync::Mutex};

pub(crate) fn a_client_certificate_logs_in(place: &Place) {
    let (certificate, key) = place.client_certificate("connector");
    let mut values = place
        .values
        .clone()
        .with("bind", "external")
        .with("client_certificate", certificate.to_str().unwrap())
        .with("client_key", key.to_str().unwrap());
    values.remove("user");
    values.remove("password");
    let port = i64::from(place.port());
    for (at, values) in
        [values.clone(), values.clone().with("encryption", "starttls").with("port", port)]
            .into_iter()
            .enumerate()
    {
        let person = place.person(&at.to_string());
        export(&mut connect(&values), Change::Add(person)).unwrap();
    }
    let without = ["client_certificate", "client_key"];
    without.into_iter().for_each(|name| drop(values.remove(name)));
    assert_eq!(refusal(&values).kind(), ErrorKind::Config);
}

pub(crate) fn a_value_that_has_to_be_unique_is_there_already(place: &Place) {
    let people = format!("ou=people,{}", place.server.base());
    let known = place.search(&people, "one", "(uid=*)", &["uid"]);
    let uid = known[0].1["uid"][0].as_str();
    let person = place.person("twin").set("-dn-", place.dn_in(&people, "twin"));
    let error = export(&mut place.connect(), Change::Add(person.set("uid", uid))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
}

pub(crate) fn references_to_other_servers_are_counted_and_not_followed(place: &Place) {
    place.put("x");
    for name in ["elsewhere", "nowhere"] {
        place.add(&format!(
            "dn: ou={name},{}\nobjectClass: referral\nobjectClass: extensibleObject\n\
             ou: {name}\nref: ldap://127.0.0.1:1/dc={name}\n",
            place.base
        ));
    }
    let mut connection = place.connect();
    let mut all = 0;
    let text = logged(|| all = everything(&mut connection).len());
    assert_eq!(all, 2, "the container and the person");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("not followed")).collect();
    assert!(lines.len() == 1 && lines[0].contains("references=2"), "{text}");
}

/// What is written to the log meanwhile.
fn logged(act: impl FnOnce()) -> String {
    let folder = temp_dir();
    let path = folder.path().join("log");
    let writer = Mutex::new(fs::File::create(&path).unwrap());
    let subscriber =
        tracing_subscriber::fmt().with_writer(writer).with_ansi(false).without_time().finish();
    tracing::subscriber::with_default(subscriber, act);
    fs::read_to_string(path).unwrap()
}
