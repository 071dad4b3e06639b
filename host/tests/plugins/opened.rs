//! Plugins that look sound and are refused when they are copied or opened.

use std::fs;

use ecma_host::plugins::Refusal;
use ecma_plugin_sdk::LoadError;

use crate::home::{Home, MARKER, chmod, claims, library, patched, refused, works};

#[test]
fn a_plugin_that_lies_in_its_marker_is_found_out_when_opened() {
    let whole = library("folder");
    let home = Home::new();
    let none = home.cc("libnone.so", &claims("none", ""), &[]);
    home.put("libnone.so", &fs::read(none).unwrap());
    assert_eq!(home.refusal(), Refusal::NotAPlugin);

    let home = Home::new();
    let code = claims("two", "unsigned ecma_plugin_abi(void) { return 2; }");
    home.put("libtwo.so", &fs::read(home.cc("libtwo.so", &code, &[])).unwrap());
    let refusal = home.refusal();
    assert_eq!(refusal, Refusal::Interface { found: 2, expected: 1 });
    assert_eq!(refusal.remedy(), "update the host");

    let home = Home::new();
    let renamed = MARKER.replace("name=folder", "name=holder");
    home.put("libfolder.so", &patched(&whole, MARKER, &renamed));
    let said = "the file says it is the plugin holder, the plugin says folder";
    assert_eq!(home.refusal().to_string(), said);
}

#[test]
fn another_layout_of_the_interface_is_refused() {
    let whole = library("folder");
    let half = claims("half", "unsigned ecma_plugin_abi(void) { return 1; }");
    let home = Home::new();
    home.put("libhalf.so", &fs::read(home.cc("libhalf.so", &half, &[])).unwrap());
    assert_eq!(home.refusal(), Refusal::NotAPlugin);
    for (from, to) in [
        // A function of another name, another version of the waist, another abi_stable.
        ("start;log,ask;question,connect;values,", "start;log,ask;question,konnect;values,"),
        ("ecma-plugin-abi;1.0.0", "ecma-plugin-abi;2.0.0"),
        ("abi stable", "abi stale!"),
    ] {
        let home = Home::new();
        home.put("libfolder.so", &patched(&whole, from, to));
        assert_eq!(home.refusal(), Refusal::Load(LoadError::Layout), "{to}");
    }
}

#[test]
fn a_panic_while_it_is_initialised_ends_nothing() {
    let home = Home::new();
    home.put("libpanics_at_start.so", &library("panics_at_start"));
    home.put("libfolder.so", &library("folder"));
    let catalog = home.scan();
    assert_eq!(*refused(&catalog.found()[1]), Refusal::Load(LoadError::Panicked));
    assert_eq!(
        catalog.why_not("panics-at-start"),
        "plugin panics-at-start (ECMA/libpanics_at_start.so) was refused: it panicked while it was \
         being initialised; look for the plugin's own message in the log and ask its vendor"
    );
    works(&catalog);
}

#[test]
fn a_missing_library_is_named_and_one_that_is_brought_along_is_found() {
    let home = Home::new();
    let deep = home.cc("libh7deep.so.1", "unsigned deep(void) { return 7; }", &[]);
    let code = "unsigned deep(void); unsigned dep(void) { return deep(); }";
    let dep = home.cc("libh7dep.so.1", code, &[&deep]);
    let code =
        claims("needy", "unsigned dep(void); unsigned ecma_plugin_abi(void) { return dep(); }");
    let plugin = fs::read(home.cc("libneedy.so", &code, &[&dep])).unwrap();

    let alone = home.put("libneedy.so", &plugin);
    let refusal = home.refusal();
    assert_eq!(refusal.to_string(), "it needs the library libh7dep.so.1, which is not there");
    assert!(refusal.remedy().contains("install the system package that has libh7dep.so.1"));
    fs::remove_file(alone).unwrap();

    home.put("needy/libneedy.so", &plugin);
    let broken = fs::read(&dep).unwrap();
    let dep = home.put("needy/libh7dep.so.1", &broken[..broken.len() / 2]);
    let refusal = home.refusal();
    assert!(matches!(&refusal, Refusal::Prerequisite { file, .. } if file == "libh7dep.so.1"));
    fs::write(dep, broken).unwrap();
    let refusal = home.refusal();
    assert_eq!(refusal.to_string(), "it needs the library libh7deep.so.1, which is not there");

    home.put("needy/libh7deep.so.1", &fs::read(deep).unwrap());
    // Its version function answers what the deepest library says: all three are there.
    assert_eq!(home.refusal(), Refusal::Interface { found: 7, expected: 1 });
}

#[test]
fn a_companion_is_copied_beside_the_plugin_and_opened_by_nobody() {
    let home = Home::new();
    let trace = home.path().join("opened");
    // Opening it would leave a trace, and fail: what it needs is not there.
    let deep = home.cc("libh8deep.so.1", "void deep(void) {}", &[]);
    let code = format!(
        "#include <stdio.h>\nvoid deep(void);\n__attribute__((constructor)) static void opened(void) \
         {{ fclose(fopen(\"{}\", \"w\")); deep(); }}",
        trace.display()
    );
    let companion = fs::read(home.cc("libfolder_more.so", &code, &[&deep])).unwrap();
    home.put("folder/libfolder.so", &library("folder"));
    home.put("folder/libfolder_more.so", &companion);
    let catalog = home.scan();
    works(&catalog);
    let hash = catalog.found()[0].sha256.clone().unwrap();
    let copies = home.shadow().join(&hash);
    assert_eq!(fs::read(copies.join("libfolder_more.so")).unwrap(), companion);
    assert!(!trace.exists(), "somebody opened it");
    assert_ne!(hash, {
        let alone = Home::new();
        alone.put("folder/libfolder.so", &library("folder"));
        alone.scan().found()[0].sha256.clone().unwrap()
    });

    // It is looked at as all others are.
    home.put("folder/libfolder_more.so", &companion[..companion.len() / 2]);
    let refusal = home.refusal();
    assert!(matches!(&refusal, Refusal::Prerequisite { file, .. } if file == "libfolder_more.so"));
}

#[test]
fn a_companion_alone_is_no_plugin() {
    let home = Home::new();
    let companion = MARKER.replace("ecma-plugin;", "ecma-companion;").replace("name=folder;", "");
    let companion = patched(&library("folder"), MARKER, &format!("{companion:<0$}", MARKER.len()));
    home.put("libfolder_more.so", &companion);
    assert_eq!(home.refusal(), Refusal::NotAPlugin);
}

#[test]
fn a_shadow_folder_that_others_may_enter_is_not_used() {
    let home = Home::new();
    home.put("libfolder.so", &library("folder"));
    fs::create_dir(home.shadow()).unwrap();
    chmod(&home.shadow(), 0o755);
    let refusal = home.refusal();
    assert!(refusal.to_string().ends_with("others may use it (mode 0755)"), "{refusal}");
    chmod(&home.shadow(), 0o700);
    let hash = home.scan().found()[0].sha256.clone().unwrap();
    let fresh = Home::new();
    fresh.put("libfolder.so", &library("folder"));
    let copy = fresh.shadow().join(hash).join("libfolder.so");
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    chmod(&fresh.shadow(), 0o700);
    chmod(copy.parent().unwrap(), 0o700);
    fs::write(&copy, &library("folder")[..1000]).unwrap();
    works(&fresh.scan());
    assert_eq!(fs::read(copy).unwrap(), library("folder"), "a damaged copy is made anew");
}
