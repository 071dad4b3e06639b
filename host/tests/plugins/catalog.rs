//! Several plugins at once, plugins that change, and what the operator is told.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use ecma_host::plugins::{Catalog, Isolation, Refusal, Surroundings};
use ecma_plugin_sdk::{Plugin, Values};

use crate::home::{Home, PROGRAM, chmod, library, other_version, process, reads, refused, works};

#[test]
fn good_plugins_are_loaded_side_by_side_and_other_files_ignored() {
    let home = Home::new();
    home.put("libfolder.so", &library("folder"));
    home.put("misbehaving/libmisbehaving.so", &library("misbehaving"));
    for other in ["README.md", ".gitignore", ".libhidden.so", "notes.txt", "docs/a.md"] {
        home.put(other, b"not a library");
    }
    let catalog = home.scan();
    assert_eq!(catalog.names().collect::<Vec<_>>(), ["folder", "misbehaving"]);
    let rows = catalog.rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!((rows[0].file.as_str(), rows[0].state.as_str()), ("ECMA/libfolder.so", "loaded"));
    assert_eq!(rows[1].file, "ECMA/misbehaving");
    assert!(!rows[0].version.is_empty() && !rows[0].sdk.is_empty(), "{rows:?}");
    works(&catalog);
    let hash = catalog.found()[0].sha256.clone().unwrap();
    for private in [home.shadow(), home.shadow().join(&hash)] {
        assert_eq!(fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o700);
    }
    assert_eq!(fs::read(home.shadow().join(hash).join("libfolder.so")).unwrap(), library("folder"));
}

#[test]
fn the_plugin_of_a_folder_is_the_one_named_like_it_or_the_only_one() {
    let (plugin, plain) = (library("folder"), Home::new());
    let plain = fs::read(plain.cc("libplain.so", "int plain;", &[])).unwrap();
    let home = Home::new();
    home.put("vendor/libwhatever.so", &plugin);
    home.put("vendor/libplain.so", &plain);
    works(&home.scan());
    home.put("vendor/libmisbehaving.so", &library("misbehaving"));
    let refusal = home.refusal();
    assert!(matches!(&refusal, Refusal::SeveralOf { files, .. } if files.len() == 2), "{refusal}");
    assert!(refusal.remedy().ends_with("rename the one that is meant to libvendor.so"));
    let (other, version) = other_version(&plugin, "7");
    home.put("vendor/libvendor.so", &other);
    let catalog = home.scan();
    assert_eq!(catalog.found()[0].version.as_deref(), Some(version.as_str()));
    let home = Home::new();
    home.put("vendor/liba.so", &plain);
    home.put("vendor/libb.so", &plain);
    assert_eq!(home.refusal(), Refusal::NoneOf { expected: "libvendor.so".to_owned() });
}

#[test]
fn two_plugins_of_one_name_are_both_refused_and_copies_of_one_are_one() {
    let whole = library("folder");
    let home = Home::new();
    home.put("liba.so", &whole);
    home.put("libb.so", &whole);
    let catalog = home.scan();
    assert!(catalog.found()[0].loaded().is_some());
    assert_eq!(catalog.rows()[1].state, "not used: the same plugin as ECMA/liba.so");
    works(&catalog);

    home.put("libb.so", &other_version(&whole, "7").0);
    let catalog = home.scan();
    assert!(catalog.plugin("folder", process()).is_err());
    for (at, other) in [(0, "ECMA/libb.so"), (1, "ECMA/liba.so")] {
        let said = format!("{other} is a plugin named folder too, with other content");
        assert_eq!(refused(&catalog.found()[at]).to_string(), said);
    }
    assert!(catalog.why_not("folder").starts_with("plugin folder (ECMA/liba.so) was refused:"));
}

#[test]
fn a_file_that_is_overwritten_leaves_what_is_loaded_and_is_taken_by_the_next_process() {
    let whole = library("folder");
    let home = Home::new();
    let file = home.put("libfolder.so", &whole);
    let misbehaving = home.put("libmisbehaving.so", &library("misbehaving"));
    let before = home.scan();
    let loaded = before.plugin("folder", Isolation::InProcess).unwrap();
    let own = Surroundings { connector: "REPLACED".to_owned(), ..Surroundings::default() };
    let process_of_old = before.plugin("folder", Isolation::Process(own)).unwrap();
    reads(&process_of_old);
    // In place: the very bytes that would be mapped if it had been opened where it lies.
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let half = before.rescan();
    assert!(matches!(refused(&half.found()[0]), Refusal::Incomplete { .. }));
    works(&before);
    reads(&process_of_old);
    let (other, version) = other_version(&whole, "7");
    fs::write(&file, other).unwrap();
    let after = half.rescan();
    let found = &after.found()[0];
    assert_eq!(found.version.as_deref(), Some(version.as_str()));
    assert_ne!(found.sha256, before.found()[0].sha256);
    let row = &after.rows()[0];
    assert_eq!(row.state, "loaded; the file has changed");
    assert_eq!(row.remedy, "restart the host to pick it up");
    let still = after.plugin("folder", Isolation::InProcess).unwrap();
    assert!(Arc::ptr_eq(&loaded, &still), "no second copy comes into this process");
    assert!(command_line(&process_of_old).contains(before.found()[0].sha256.as_ref().unwrap()));
    assert!(process_of_old.end());
    reads(&process_of_old);
    assert!(
        command_line(&process_of_old).contains(found.sha256.as_ref().unwrap()),
        "the next has the new"
    );
    works(&after);
    fs::remove_file(misbehaving).unwrap();
    let last = after.rescan();
    assert!(last.plugin("misbehaving", Isolation::InProcess).is_err());
    last.sweep();
    let shadows: Vec<_> = fs::read_dir(home.shadow()).unwrap().collect();
    assert_eq!(shadows.len(), 1, "only the copy in use is left");
    works(&before);
}

/// The command line of the process that runs for the connector `REPLACED`.
fn command_line(plugin: &Plugin) -> String {
    // Asked something, it has a process.
    plugin.parameters(None, &Values::default()).unwrap();
    let children = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let parent = format!("PPid:\t{}", std::process::id());
        let is_ours = status.lines().any(|line| line == parent);
        let words = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        (is_ours && words.contains("\0REPLACED\0")).then_some(words)
    });
    children.collect()
}

#[test]
fn what_did_not_change_is_not_read_again_and_what_depends_on_others_is() {
    let home = Home::new();
    let folder = home.put("libfolder.so", &library("folder"));
    home.put("libbad.so", b"a letter is no library");
    let first = home.scan();
    fs::remove_dir_all(home.shadow()).unwrap();
    let again = first.rescan();
    assert!(!home.shadow().exists(), "nothing was copied");
    assert_eq!(again.rows(), first.rows());
    // A twin changes what is thought of a file that did not change.
    let (other, _) = other_version(&library("folder"), "7");
    let twin = home.put("libother.so", &other);
    let twins = again.rescan();
    assert!(matches!(refused(&twins.found()[1]), Refusal::Duplicate { .. }));
    fs::remove_file(twin).unwrap();
    works(&twins.rescan());
    chmod(&folder, 0o666);
    assert!(matches!(refused(&again.rescan().found()[1]), Refusal::Writable { .. }));
}

#[test]
fn a_plugin_that_is_not_there_is_answered_with_the_nearest_name() {
    let home = Home::new();
    let said = "there is no plugin sql in ECMA; put its library there";
    assert_eq!(home.scan().why_not("sql"), said);
    home.put("libfolder.so", &library("folder"));
    let catalog = home.scan();
    assert_eq!(
        catalog.why_not("foldre"),
        "there is no plugin foldre in ECMA, did you mean folder?"
    );
    assert_eq!(catalog.why_not("ldap"), "there is no plugin ldap in ECMA; it has folder");
    home.put("libgeneric_sql.so", b"");
    assert_eq!(
        home.scan().why_not("generic-sql"),
        "plugin generic-sql (ECMA/libgeneric_sql.so) was refused: the file is empty; copy the file \
         again, completely, and compare its checksum with the vendor's"
    );
    let absent = home.path().join("absent");
    let catalog = Catalog::scan(&absent, &home.shadow(), Some(home.path()), PROGRAM.as_ref());
    assert!(catalog.why_not("x").starts_with("there is no plugin x: "), "{}", catalog.why_not("x"));
}
