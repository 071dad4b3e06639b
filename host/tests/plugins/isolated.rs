//! Plugins in a process of their own: the contract holds there too, and a library that ends the
//! process it is loaded in, or hangs there, is refused like any other.

use std::{fs, path::PathBuf, sync::Arc};

use ecma_host::{
    config::WorkerLimits,
    plugins::{Catalog, Isolation, Refusal, Surroundings},
};
use ecma_plugin_sdk::{
    Entry, ErrorKind, ImportRun, Pager, Plugin, Values,
    testkit::{self, Contract, TempDir, temp_dir},
};

use crate::home::{Home, chmod, claims, library, process, refused, works};

/// A plugin in a process of its own, and the home it is from.
fn isolated(name: &str) -> (Home, Plugin) {
    let home = Home::new();
    let file = format!("lib{}.so", name.replace('-', "_"));
    home.put(&file, &library(name));
    let plugin = home.scan().plugin(name, process()).unwrap();
    (home, Arc::into_inner(plugin).unwrap())
}

fn people() -> (TempDir, PathBuf) {
    let folder = temp_dir();
    let file = folder.path().join("people.csv");
    fs::write(&file, "id,name,mail\n1,Ada,ada@example.org\n2,Grace,\n3,Edsger,e@example.org\n")
        .unwrap();
    (folder, file)
}

#[test]
fn the_contract_is_kept_in_a_process_of_its_own() {
    let (_home, plugin) = isolated("csv-file");
    let (_folder, file) = people();
    let values = Values::new([("file", file.to_str().unwrap()), ("anchor", "id")]);
    let sample = Entry::new("person").anchor("id", "9").set("name", "Marvin");
    Contract::new(plugin, values).sample(sample).verify();

    let (_home, plugin) = isolated("misbehaving");
    let sample = Entry::new("person").set("userName", "marvin").set("displayName", "Marvin");
    Contract::new(plugin, Values::new([("store", "contract")])).sample(sample).verify();
}

#[test]
fn a_library_that_ends_its_process_while_it_is_loaded_is_refused() {
    for (name, code, how) in [
        ("aborts", "void abort(void);", "abort()"),
        ("exits", "void _exit(int);", "_exit(3)"),
        ("crashes", "", "*(volatile int *)0 = 1"),
    ] {
        let home = Home::new();
        let code = format!(
            "{code}\n__attribute__((constructor)) static void start(void) {{ {how}; }}\n\
             unsigned ecma_plugin_abi(void) {{ return 1; }}"
        );
        let built = home.cc(&format!("lib{name}.so"), &claims(name, &code), &[]);
        home.put(&format!("lib{name}.so"), &fs::read(built).unwrap());
        home.put("libfolder.so", &library("folder"));
        let catalog = home.scan();
        let found = catalog.found().iter().find(|found| found.name == name).unwrap();
        let refusal = refused(found);
        let said = refusal.to_string();
        assert!(matches!(refusal, Refusal::Ended(_)), "{said}");
        assert!(said.starts_with("the plugin's process ended ("), "{said}");
        assert!(catalog.plugin(name, process()).err().unwrap().contains(&said));
        works(&catalog);
    }
}

#[test]
fn a_library_that_hangs_while_it_is_loaded_is_refused_and_not_tried_again() {
    let home = Home::new();
    let code = "int pause(void);\n__attribute__((constructor)) static void start(void) \
                { for (;;) pause(); }\nunsigned ecma_plugin_abi(void) { return 1; }";
    let built = home.cc("libhangs.so", &claims("hangs", code), &[]);
    home.put("libhangs.so", &fs::read(built).unwrap());
    let catalog = home.scan();
    assert_eq!(*refused(&catalog.found()[0]), Refusal::Silent(20));
    // Trying it again would copy it again.
    fs::remove_dir_all(home.shadow()).unwrap();
    let again = catalog.rescan();
    assert_eq!((again.rows(), home.shadow().exists()), (catalog.rows(), false));
}

#[test]
fn an_import_that_is_silent_hears_that_the_host_wants_no_more() {
    struct NoMore;
    impl Pager for NoMore {
        fn page(&mut self, _: &[u8]) -> bool {
            true
        }
        fn go_on(&self) -> bool {
            false
        }
    }
    let (_home, plugin) = isolated("misbehaving");
    let values = Values::new([("mode", "hang"), ("at", "import")]).with("polite", true);
    let mut connection = plugin.connect(&values).unwrap();
    let error = connection.import(&ImportRun::full(), &mut NoMore).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    connection.test().unwrap();
}

#[test]
fn pages_on_their_way_when_the_host_wants_no_more_are_dropped_and_the_next_import_is_whole() {
    /// Wants so many pages.
    struct Few(usize);
    impl Pager for Few {
        fn page(&mut self, _: &[u8]) -> bool {
            self.0 = self.0.checked_sub(1).expect("a page comes after the last one");
            self.0 > 0
        }
    }
    let (_home, plugin) = isolated("generator");
    let mut connection = plugin.connect(&Values::new([("count", "2000")])).unwrap();
    let mut run = ImportRun::full();
    run.page_size = 10;
    for wanted in 1..=5 {
        let error = connection.import(&run, &mut Few(wanted)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{wanted}");
        let imported = testkit::import(&mut connection, &run).unwrap();
        assert_eq!((imported.changes.len(), imported.refused.len()), (2000, 0), "{wanted}");
    }
}

#[test]
fn a_connection_says_that_its_process_has_ended_and_the_next_one_works() {
    let (_home, plugin) = isolated("misbehaving");
    let connect = |mode: &str| plugin.connect(&Values::new([("mode", mode), ("at", "test")]));
    let (mut broken, mut bystander) = (connect("abort").unwrap(), connect("nothing").unwrap());
    bystander.test().unwrap();
    let error = broken.test().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(error.message(), "the plugin's process ended (signal: 6 (SIGABRT))");
    for connection in [&mut broken, &mut bystander] {
        assert!(!connection.is_open());
        assert_eq!(connection.test().unwrap_err(), error);
    }
    let mut next = connect("nothing").unwrap();
    next.test().unwrap();
    assert!(plugin.end());
    let error = next.test().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "worth another try: {error}");
    connect("nothing").unwrap().test().unwrap();
}

#[test]
fn a_plugin_that_gets_too_little_memory_names_the_limit() {
    let home = Home::new();
    home.put("libfolder.so", &library("folder"));
    let limits = WorkerLimits { memory_mb: 1, ..WorkerLimits::default() };
    let surroundings = Surroundings { limits, ..Surroundings::default() };
    let plugin = home.scan().plugin("folder", Isolation::Process(surroundings)).unwrap();
    let error = plugin.parameters(None, &Values::default()).unwrap_err();
    assert!(error.message().contains("it may take 1 MB ([worker] memory_mb)"), "{error}");
}

#[test]
fn what_a_worker_sends_is_not_believed() {
    let home = Home::new();
    home.put("libfolder.so", &library("folder"));
    for (script, said) in [
        ("printf 'AAAAAAAAAAAAAAAA'; sleep 60", "there is no kind of frame 65"),
        // A page of more than 1 GB.
        (r"printf '\000\000\000\100\013\000\000\000\000'; sleep 60", "1073741824 bytes"),
        // An answer where the plugin has to say who it is.
        (r"printf '\002\000\000\000\011\000\000\000\000{}'; sleep 60", "not understood"),
        ("exit 7", "(exit status: 7)"),
    ] {
        let program = home.path().join("program");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        chmod(&program, 0o755);
        let catalog = Catalog::scan(&home.ecma(), &home.shadow(), None, &program);
        let refusal = refused(&catalog.found()[0]).to_string();
        assert!(refusal.contains(said), "{script}: {refusal}");
    }
    let absent = home.path().join("absent");
    let catalog = Catalog::scan(&home.ecma(), &home.shadow(), None, &absent);
    assert!(matches!(refused(&catalog.found()[0]), Refusal::NoProcess(_)));
}
