//! 389 Directory Server: every scenario, and what only it has.

use crate::{
    place::{connect, full, reach},
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
