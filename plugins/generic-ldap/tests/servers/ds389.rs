//! 389 Directory Server: every scenario, and what only it has.

use crate::{
    place::{connect, export, full, reach},
    vendors::DS389,
};
use ecma_plugin_sdk::{prelude::*, testkit};
use std::time::{Duration, Instant};
use targets::Ds389;

every_scenario! { DS389 }

#[test]
fn a_log_that_was_trimmed_asks_for_a_full_import() {
    let server = Ds389::start();
    let values = reach(&server, &DS389);
    let (_, since) = full(&mut connect(&values), &ImportRun::full());
    let unit =
        |n| format!("dn: ou=u{n},{}\nobjectClass: organizationalUnit\nou: u{n}\n\n", server.base());
    server.add(&(0..3).map(unit).collect::<String>());
    server.modify(
        "dn: cn=Retro Changelog Plugin,cn=plugins,cn=config\nchangetype: modify\n\
         replace: nsslapd-changelogmaxage\nnsslapd-changelogmaxage: 1s\n-\n\
         replace: nsslapd-changelog-trim-interval\nnsslapd-changelog-trim-interval: 1s\n",
    );
    server.restart();
    let run = ImportRun::delta(since.unwrap());
    let started = Instant::now();
    let error = loop {
        // Something new, so that it has something to trim.
        let now = format!("{:?}", started.elapsed());
        server.modify(&format!(
            "dn: ou=u0,{}\nchangetype: modify\nreplace: description\ndescription: {now}\n",
            server.base()
        ));
        match testkit::import(&mut connect(&values), &run) {
            Err(error) => break error,
            Ok(_) => assert!(started.elapsed() < Duration::from_secs(60), "it never trims"),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

/// On a server of its own, which takes only small requests.
#[test]
fn a_new_group_may_be_larger_than_a_request() {
    let server = Ds389::start();
    let most = 32 * 1024;
    server.modify(&format!(
        "dn: cn=config\nchangetype: modify\nreplace: nsslapd-maxbersize\n\
         nsslapd-maxbersize: {most}\n"
    ));
    server.restart();
    let name = |n: usize| format!("cn=member {n:05},ou=people,{}", server.base());
    let members: Vec<Value> = (0..2_000).map(|n| Value::Reference(name(n))).collect();
    assert!(members.len() * name(0).len() > 2 * most);
    let dn = format!("cn=all,ou=groups,{}", server.base());
    let group = Entry::new("group").set("-dn-", dn.as_str()).set("member", members.clone());
    let values = reach(&server, &DS389);
    let at_once = connect(&values.clone().with("values_per_modification", 10_000));
    let error = export(&mut { at_once }, Change::Add(group.clone())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "it hangs up: {error}");
    let mut connection = connect(&values.with("values_per_modification", 500));
    let id = export(&mut connection, Change::Add(group)).unwrap().entry.unwrap().id().clone();
    let whole = connection.read(&[id]).unwrap().remove(0).unwrap();
    assert_eq!(whole.get("member").len(), members.len());
}
