//! A disk without space: what was there stays, the command says what to do, a running host serves on.
#![cfg(target_os = "linux")]

use crate::{
    faults::the_neighbor_works,
    support::{Host, MEMORY},
};
use std::{
    fs,
    io::Write,
    process::{Command, Output},
};

/// Runs the binary where this folder of its home is a full disk of one mebibyte that holds what the
/// folder held; shows what it holds then. `None` where the kernel lets nobody mount.
fn on_a_full_disk(host: &Host, folder: &str, arguments: &[&str]) -> Option<Output> {
    const MOUNT: &str = "mount -t tmpfs -o size=1m,mode=0700 none";
    let namespace = |script: String| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script, env!("CARGO_BIN_EXE_ecma-host"), "--home"]);
        command.arg(host.path("")).args(arguments).env_remove("ECMA_LOG");
        command.output()
    };
    let folder = host.path(folder).display().to_string();
    let tried = namespace(format!("{MOUNT} '{folder}'"));
    if !tried.is_ok_and(|tried| tried.status.success()) {
        // Shown by the test runner.
        let _ = writeln!(std::io::stderr(), "skipped: nobody may mount a small disk here");
        return None;
    }
    let script = format!(
        "cp -a '{folder}' '{folder}.old' && {MOUNT} '{folder}' && cp -a '{folder}.old/.' '{folder}' \
         && (dd if=/dev/zero of='{folder}/filler' bs=1k 2>/dev/null; true) \
         && \"$0\" \"$@\"; code=$?; rm -rf '{folder}.old'; rm '{folder}/filler'; \
         mkdir '{folder}.left' && cp -a '{folder}/.' '{folder}.left'; exit $code"
    );
    Some(namespace(script).unwrap())
}

/// The names in a folder, in order.
fn names(host: &Host, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(host.path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn is_told(output: &Output, file: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    for part in [file, "No space left on device", "free some space and try again"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_new_token_that_cannot_be_kept_leaves_the_document() {
    let host = Host::with(&[]);
    host.document("GOOD", MEMORY);
    let before = fs::read(host.path("connectors/GOOD.toml")).unwrap();
    let Some(output) = on_a_full_disk(&host, "connectors", &["token", "new", "GOOD"]) else {
        return;
    };
    is_told(&output, "connectors/GOOD.toml");
    assert!(output.stdout.is_empty(), "no token that nobody knows of is shown");
    assert_eq!(fs::read(host.path("connectors.left/GOOD.toml")).unwrap(), before);
    assert_eq!(names(&host, "connectors.left"), ["GOOD.toml"], "no draft is left");
}

#[test]
fn a_key_that_cannot_be_kept_is_not_used() {
    let host = Host::with(&[]);
    fs::create_dir(host.path("state")).unwrap();
    let Some(output) = on_a_full_disk(&host, "state", &["run"]) else { return };
    is_told(&output, "state/seal.key");
    assert!(!host.path("state.left/seal.key").exists());
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let mut host = Host::with(&["misbehaving"]);
    std::os::unix::fs::symlink("/dev/full", host.path("log")).unwrap();
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    host.start();
    for _ in 0..3 {
        the_neighbor_works(&host);
    }
    host.document("LATE", &format!("{MEMORY}store = \"LATE\""));
    crate::support::until("a new document is served", || {
        (host.health()["connectors"].as_array().unwrap().len() == 2).then_some(())
    });
    assert_eq!(host.settled("LATE")["state"], "ready");
    assert!(host.stop().success());
}
