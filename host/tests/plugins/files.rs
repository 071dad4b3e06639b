//! Files that are refused before they are opened.

use std::{fs, os::unix::fs::symlink, process::Command};

use ecma_host::plugins::Refusal;

use crate::home::{Home, MARKER, chmod, library, patched, works};

#[test]
fn a_file_that_is_no_library_is_called_what_it_is() {
    for (bytes, said) in [
        (&b""[..], "the file is empty"),
        (b"hello", "the file is only 5 bytes long, not a library"),
        (&[b'x'; 100], "the file is a text, not a library"),
        (&[7; 100], "the file is of no format the host knows, not a library"),
        (b"!<arch>\nand so on, and so on, and so on", "the file is an archive, not a library"),
    ] {
        let home = Home::new();
        home.put("libbad.so", bytes);
        assert_eq!(home.refusal().to_string(), said);
    }
    let home = Home::new();
    home.put("libshort.so", &library("folder")[..40]);
    assert!(matches!(home.refusal(), Refusal::Incomplete { .. }));
    let home = Home::new();
    let pipe = home.ecma().join("libpipe.so");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(matches!(home.refusal(), Refusal::NotALibrary(_)));
    fs::remove_file(&pipe).unwrap();
    symlink("nowhere.so", &pipe).unwrap();
    assert!(matches!(home.refusal(), Refusal::Unreadable { .. }));
}

#[test]
fn a_truncated_library_is_refused_wherever_it_ends() {
    let whole = library("folder");
    let mut lengths: Vec<usize> = (1..64).map(|part| whole.len() * part / 64).collect();
    lengths.extend((0..40).map(|less| whole.len() - 1 - less * less));
    lengths.extend((1..20).map(|page| whole.len() / 4096 / page * 4096));
    lengths.extend([63, 64, 65, 100, 1000, 100_000]);
    for length in lengths {
        let home = Home::new();
        home.put("libfolder.so", &whole[..length]);
        let refusal = home.refusal();
        let cut = matches!(refusal, Refusal::Incomplete { .. } | Refusal::NotALibrary(_));
        assert!(cut, "{length}: {refusal}");
        assert!(!home.shadow().exists(), "{length}: nothing was copied, so nothing was opened");
    }
}

#[test]
fn libraries_for_other_machines_are_named() {
    let mut other = library("folder");
    let (machine, name, mine) = match std::env::consts::ARCH {
        "x86_64" => (183_u16, "aarch64", "x86_64"),
        mine => (62, "x86_64", mine),
    };
    other[18..20].copy_from_slice(&machine.to_le_bytes());
    let home = Home::new();
    home.put("libother.so", &other);
    assert_eq!(
        home.refusal().to_string(),
        format!("the library is built for {name} processors, this host for {mine}")
    );

    let mut windows = vec![0; 512];
    windows[..2].copy_from_slice(b"MZ");
    windows[0x3c] = 0x80;
    windows[0x80..0x84].copy_from_slice(b"PE\0\0");
    windows[0x98..0x9a].copy_from_slice(&[0x0b, 0x02]);
    let mut apple = vec![0; 512];
    apple[..4].copy_from_slice(&[0xcf, 0xfa, 0xed, 0xfe]);
    for (file, bytes, system) in
        [("plugin.dll", windows, "Windows"), ("libplugin.dylib", apple, "macOS")]
    {
        let home = Home::new();
        home.put(file, &bytes);
        let refusal = home.refusal();
        let expected = format!("the file is a library for {system}, this host runs on Linux");
        assert_eq!(refusal.to_string(), expected);
        assert_eq!(refusal.remedy(), "get the plugin built for Linux");
    }
}

#[test]
fn a_library_that_is_no_plugin_is_never_opened() {
    let home = Home::new();
    // Opening it would end this process.
    let code = "#include <stdlib.h>\n__attribute__((constructor)) void go(void) { _Exit(3); }";
    let plain = home.cc("libz.so", code, &[]);
    home.put("libz.so", &fs::read(plain).unwrap());
    assert_eq!(home.refusal(), Refusal::NotAPlugin);
}

#[test]
fn what_the_marker_says_is_checked_before_the_library_is_opened() {
    let whole = library("folder");
    for (marker, said) in [
        (
            MARKER.replace("abi=1", "abi=2"),
            "the plugin is built for the newer plugin interface 2, this host has 1",
        ),
        (
            MARKER.replace("abi=1", "abi=0"),
            "the plugin is built for the older plugin interface 0, this host has 1",
        ),
        (
            MARKER.replace("unwind;", "abort;;"),
            "the plugin is built so that a panic in it would end the host",
        ),
        (
            MARKER.replace("name=folder", "name=Folder"),
            "the plugin's name \"Folder\" is not made of a-z, 0-9 and hyphens",
        ),
        (
            MARKER.replace("version=", "neglect="),
            "what the plugin says of itself is damaged: it lacks version",
        ),
        (
            MARKER.replace("ecma-plugin;", "some-plugin;"),
            "what the plugin says of itself is damaged: it begins with other words",
        ),
    ] {
        let home = Home::new();
        home.put("libfolder.so", &patched(&whole, MARKER, &marker));
        assert_eq!(home.refusal().to_string(), said);
        assert!(!home.shadow().exists(), "{marker}: not copied, so not opened");
    }
}

#[test]
fn what_others_may_write_is_not_loaded() {
    let home = Home::new();
    let file = home.put("libfolder.so", &library("folder"));
    for mode in [0o664, 0o646, 0o666] {
        chmod(&file, mode);
        let refusal = home.refusal();
        assert_eq!(refusal, Refusal::Writable { path: file.clone(), mode });
        assert_eq!(
            refusal.remedy().split('`').nth(1).unwrap(),
            format!("chmod go-w {}", file.display())
        );
    }
    chmod(&file, 0o644);
    chmod(&home.ecma(), 0o775);
    assert_eq!(home.refusal(), Refusal::Writable { path: home.ecma(), mode: 0o775 });
    chmod(&home.ecma(), 0o755);
    chmod(&file, 0);
    // Root reads whatever it likes.
    match fs::read(&file) {
        Ok(_) => works(&home.scan()),
        Err(_) => assert!(matches!(home.refusal(), Refusal::Unreadable { .. })),
    }
}
