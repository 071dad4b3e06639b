//! Without an order the plugin keeps the contract; with one, each call goes wrong as ordered.

use ecma_plugin_sdk::{prelude::*, testkit::*};
use misbehaving::Misbehaving;

fn linked() -> Plugin {
    Plugin::linked::<Misbehaving>("misbehaving", "0")
}

fn library() -> Plugin {
    Plugin::load(&built_library("misbehaving")).unwrap()
}

fn ordered(store: &str, mode: &str, at: &str) -> Values {
    Values::new([("store", store), ("mode", mode), ("at", at)])
}

fn verify(plugin: Plugin, store: &str) {
    let sample = Entry::new("person").set("userName", "marvin").set("displayName", "Marvin");
    Contract::new(plugin, Values::new([("store", store)])).sample(sample).verify();
}

fn add(user_name: &str) -> Change {
    Change::Add(Entry::new("person").set("userName", user_name))
}

#[test]
fn without_an_order_the_contract_is_kept() {
    verify(linked(), "contract linked");
    verify(library(), "contract library");
}

#[test]
fn a_panic_is_an_error_of_its_call_and_closes_the_connection() {
    for plugin in [linked(), library()] {
        let values = ordered("panics", "panic", "schema");
        let mut connection = plugin.connect(&values).unwrap();
        connection.test().unwrap();
        let error = connection.schema().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.message().contains("ordered: a panic in Schema"), "{error}");
        let after = connection.test().unwrap_err();
        assert!(after.message().contains("closed after a panic"), "{after}");
        for at in ["connect", "every"] {
            let error = plugin.connect(&ordered("panics", "panic", at)).err().unwrap();
            assert!(error.message().contains("ordered: a panic in Connect"), "{error}");
        }
        for at in ["refine", "check", "capabilities"] {
            let values = ordered("panics", "panic", at);
            let error = match at {
                "refine" => plugin.parameters(None, &values).unwrap_err(),
                "check" => plugin.check(&values).unwrap_err(),
                _ => plugin.capabilities(&values).unwrap_err(),
            };
            assert_eq!(error.kind(), ErrorKind::Internal, "{at}");
        }
    }
}

#[test]
fn a_panic_while_closing_ends_nothing() {
    let plugin = library();
    let connection = plugin.connect(&ordered("closes", "panic", "drop")).unwrap();
    drop(connection);
    plugin.connect(&ordered("closes", "nothing", "every")).unwrap().test().unwrap();
}

#[test]
fn one_bad_entry_of_a_page_leaves_the_others() {
    for (plugin, store) in [(linked(), "one linked"), (library(), "one library")] {
        let mut connection = plugin.connect(&ordered(store, "fail-one", "every")).unwrap();
        let page = [add("good one"), add("bad one"), add("good two")];
        let done: Vec<_> = connection.export(&page).unwrap().iter().map(Result::is_ok).collect();
        assert_eq!(done, [true, false, true]);
        assert_eq!(import(&mut connection, &ImportRun::full()).unwrap().changes.len(), 5);
    }
}

#[test]
fn a_lie_about_the_number_of_answers_is_noticed() {
    let mut connection = library().connect(&ordered("lies", "lie", "every")).unwrap();
    let error = connection.export(&[add("one"), add("two")]).unwrap_err();
    assert_eq!(error.message(), "the plugin answered 1 results for 2 changes");
    let ids = [Entry::new("person").anchor("id", 1).id().clone()];
    assert_eq!(connection.read(&ids).unwrap_err().kind(), ErrorKind::Internal);
}

#[test]
fn a_lost_answer_comes_after_the_work() {
    let plugin = library();
    let mut connection = plugin.connect(&ordered("loses", "lose", "export")).unwrap();
    let error = connection.export(&[add("lost")]).unwrap().remove(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let changes = import(&mut connection, &ImportRun::full()).unwrap().changes;
    assert!(changes.iter().any(|change| change.text("userName") == Some("lost")));
}

#[test]
fn a_polite_import_ends_when_the_host_says_stop_and_any_when_it_is_released() {
    struct Stop;
    impl ecma_plugin_sdk::Pager for Stop {
        fn page(&mut self, _: &[u8]) -> bool {
            true
        }
        fn go_on(&self) -> bool {
            false
        }
    }
    let plugin = library();
    let polite = ordered("hangs", "hang", "import").with("polite", true);
    let mut connection = plugin.connect(&polite).unwrap();
    let error = connection.import(&ImportRun::full(), &mut Stop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);

    let folder = temp_dir();
    let file = folder.path().join("go");
    let values = ordered("hangs", "hang", "import").with("release", file.to_str().unwrap());
    let mut connection = plugin.connect(&values).unwrap();
    let hanging =
        std::thread::spawn(move || import(&mut connection, &ImportRun::full()).unwrap().changes);
    std::fs::write(file, "").unwrap();
    assert_eq!(hanging.join().unwrap().len(), 3);
}
