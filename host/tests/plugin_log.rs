//! What the log has of plugins. Alone in its program: who logs for the first time while others make
//! and drop subscribers may find that nobody listens.
#![cfg(target_os = "linux")]

use ecma_host::plugins::{Catalog, Isolation, Surroundings, install_log};
use ecma_plugin_sdk::{
    Values,
    testkit::{built_library, temp_dir},
};
use std::{fs, os::unix::fs::PermissionsExt, sync::Mutex};

#[test]
fn loading_is_told_in_the_log_and_lines_of_a_plugin_come_in_the_span_of_the_call() {
    let home = temp_dir();
    let (ecma, shadow, log) =
        (home.path().join("ECMA"), home.path().join("shadow"), home.path().join("log"));
    fs::create_dir(&ecma).unwrap();
    fs::set_permissions(&ecma, fs::Permissions::from_mode(0o755)).unwrap();
    let library = fs::read(built_library("misbehaving")).unwrap();
    for (name, bytes) in [("libmisbehaving.so", &library[..]), ("libbad.so", b"")] {
        fs::write(ecma.join(name), bytes).unwrap();
        fs::set_permissions(ecma.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    install_log();
    let writer = Mutex::new(fs::File::create(&log).unwrap());
    let subscriber =
        tracing_subscriber::fmt().with_writer(writer).with_ansi(false).without_time().finish();
    tracing::subscriber::with_default(subscriber, || {
        let program = env!("CARGO_BIN_EXE_ecma-host");
        let catalog = Catalog::scan(&ecma, &shadow, Some(home.path()), program.as_ref());
        let span = tracing::info_span!("call", connector = "PEOPLE");
        let _entered = span.enter();
        let values = Values::new([("password", "sesame"), ("mode", "nothing")]);
        for how in [Isolation::InProcess, Isolation::Process(Surroundings::default())] {
            let plugin = catalog.plugin("misbehaving", how).unwrap();
            drop(plugin.connect(&values).unwrap());
            let panics = Values::new([("mode", "panic")]);
            assert!(plugin.connect(&panics).is_err());
        }
    });
    let text = fs::read_to_string(log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert!(lines[0].contains("ERROR") && lines[0].contains("Plugin refused"), "{text}");
    assert!(lines[0].contains("reason=\"the file is empty\" remedy=\"copy the file"), "{text}");
    assert!(lines[1].contains("INFO") && lines[1].contains("Plugin loaded"), "{text}");
    assert!(lines[1].contains("file=\"ECMA/libmisbehaving.so\""), "{text}");
    assert!(lines[2].contains("call{connector=\"PEOPLE\"}: plugin: Store opened"), "{text}");
    assert!(lines[2].contains("password=Some(***)") && !text.contains("sesame"), "{text}");
    assert!(lines[3].contains("ERROR") && lines[3].contains("The plugin panicked"), "{text}");
    assert_eq!(lines[2..4], lines[4..6], "the same from a process of its own");
}
