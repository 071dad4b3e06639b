//! What only OpenLDAP is asked for on the server that all tests share.

use crate::place::{Place, connect, everything, export, refusal};
use ecma_plugin_sdk::prelude::*;

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

pub(crate) fn references_to_other_servers_are_not_followed(place: &Place) {
    place.put("x");
    place.add(&format!(
        "dn: ou=elsewhere,{}\nobjectClass: referral\nobjectClass: extensibleObject\n\
         ou: elsewhere\nref: ldap://127.0.0.1:1/dc=elsewhere\n",
        place.base
    ));
    let all = everything(&mut place.connect());
    assert_eq!(all.len(), 2, "the container and the person");
}
