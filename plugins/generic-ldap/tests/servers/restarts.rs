//! Servers that halt or are restarted; each scenario has one of its own.

use crate::{
    place::{Place, connect, everything, full, in_pages, linked, reach},
    vendors::Own,
};
use ecma_plugin_sdk::{Connection, Pager, Watermark, page::Page, prelude::*, testkit};
use std::collections::HashSet;
use targets::Directory;

/// Takes pages, and restarts the server when the first one has come.
struct Restarting<'a> {
    server: &'a Directory,
    pages: usize,
    entries: Vec<String>,
}

impl Pager for Restarting<'_> {
    fn page(&mut self, page: &[u8]) -> bool {
        let page = Page::parse(page).unwrap();
        for record in page.records() {
            let change = page.change(&record.unwrap()).unwrap();
            self.entries.push(change.id().to_string());
        }
        if self.pages == 0 {
            self.server.restart();
        }
        self.pages += 1;
        true
    }
}

/// Runs an import in whose middle the server is restarted: which entries came, and how it ended.
fn restarted(
    connection: &mut Connection,
    run: &ImportRun,
    server: &Directory,
) -> (Vec<String>, Result<Option<Watermark>>) {
    let mut pager = Restarting { server, pages: 0, entries: Vec::new() };
    let imported = connection.import(run, &mut pager);
    assert!(pager.pages > 0, "it was restarted");
    (pager.entries, imported)
}

/// More than the page that has come and the one that is on its way.
const PEOPLE: usize = 60;

/// A server with people below a container; the settings that reach them, and their names.
fn crowded(place: &Place) -> (Own, Values, Vec<String>) {
    let server = (place.vendor.own)();
    let crowd = place.ou("crowd", server.base());
    server.add(&format!("dn: {crowd}\nobjectClass: organizationalUnit\nou: crowd\n"));
    let names: Vec<String> =
        (0..PEOPLE).map(|n| place.dn_in(&crowd, &format!("p{n:02}"))).collect();
    let ldif = |dn: &String| place.ldif(dn, dn.split(['=', ',']).nth(1).unwrap());
    server.add(&names.iter().map(ldif).collect::<String>());
    let values = reach(&server, place.vendor).with("base", vec![crowd]);
    (server, values, names)
}

pub(crate) fn a_restart_between_pages_breaks_an_import_off_and_the_next_one_is_whole(
    place: &Place,
) {
    let (server, values, names) = crowded(place);
    let mut connection = connect(&values);
    let whole = everything(&mut connection);
    assert_eq!(whole.len(), names.len() + 1);
    let (came, imported) = restarted(&mut connection, &in_pages(10), &server);
    let error = imported.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(came.len() < whole.len(), "{came:?}");
    assert_eq!(came.iter().collect::<HashSet<_>>().len(), came.len(), "none twice: {came:?}");
    assert!(everything(&mut connection) == whole, "the next one is whole");
}

pub(crate) fn a_restart_in_the_middle_of_a_delta_loses_no_change(place: &Place) {
    let (server, values, names) = crowded(place);
    for strategy in place.vendor.strategies {
        let mut connection = connect(&values.clone().with("delta_strategy", *strategy));
        let (_, since) = full(&mut connection, &ImportRun::full());
        let change = |dn| format!("dn: {dn}\nchangetype: modify\nreplace: sn\nsn: {strategy}\n\n");
        server.modify(&names.iter().map(change).collect::<String>());
        let mut run = ImportRun::delta(since.unwrap());
        run.page_size = 10;
        let (came, imported) = restarted(&mut connection, &run, &server);
        match imported {
            // The answer was all on its way already.
            Ok(_) => assert!(came.len() >= PEOPLE, "{strategy}: {came:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unreachable, "{strategy}: {error}"),
        }
        let again = match testkit::import(&mut connection, &run) {
            // Its log was in the memory of the server.
            Err(error) if *strategy == "syncrepl" => {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                testkit::import(&mut connection, &ImportRun::full()).unwrap()
            }
            again => again.unwrap(),
        };
        assert_eq!(again.refused, []);
        let news = again.changes.iter().filter(|change| change.text("sn") == Some(strategy));
        let came: HashSet<&str> = news.filter_map(|change| change.text("-dn-")).collect();
        let missing: Vec<&String> = names.iter().filter(|dn| !came.contains(dn.as_str())).collect();
        assert!(missing.is_empty(), "{strategy}: {missing:?}");
    }
}

/// With a server of its own, which is stopped.
pub(crate) fn a_server_that_halts_is_a_timeout_and_one_that_is_restarted_is_found_again(
    place: &Place,
) {
    let server = (place.vendor.own)();
    let values = reach(&server, place.vendor).with("timeout_seconds", 1);
    let values = values.with("import_timeout_seconds", 1).with("connect_timeout_seconds", 2);
    let mut connection = connect(&values);
    let count = everything(&mut connection).len();
    server.stop();
    let error = testkit::import(&mut connection, &ImportRun::full()).err().unwrap();
    let new = linked().connect(&values).err().unwrap();
    server.cont();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(new.kind(), ErrorKind::Timeout, "{new}");
    assert_eq!(everything(&mut connection).len(), count);
    server.restart();
    assert_eq!(everything(&mut connection).len(), count);
}

/// With a server of its own, which is restarted.
pub(crate) fn a_mark_outlives_a_restart_of_the_server(place: &Place) {
    let server = (place.vendor.own)();
    for strategy in place.vendor.strategies {
        let values = reach(&server, place.vendor).with("delta_strategy", *strategy);
        let mut connection = connect(&values);
        let imported = testkit::import(&mut connection, &ImportRun::full()).unwrap();
        server.restart();
        let dn = place.ou(strategy, server.base());
        server.add(&format!("dn: {dn}\nobjectClass: organizationalUnit\nou: {strategy}\n"));
        let run = ImportRun::delta(imported.watermark.unwrap());
        let changes = testkit::import(&mut connection, &run).unwrap().changes;
        let is_new = |change: &&Change| change.text("-dn-") == Some(dn.as_str());
        assert!(changes.iter().any(|change| is_new(&change)), "{strategy}: {changes:?}");
        let others = changes.iter().filter(|change| !is_new(change));
        assert!(*strategy == "timestamp" || others.count() == 0, "{strategy}: {changes:?}");
    }
}
