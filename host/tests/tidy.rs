//! What every file of the workspace keeps to: it says what it is, is not long, and hides nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

const LONGEST: usize = 800;

/// Where the waist may leave the safe language.
const WAIST: [&str; 3] =
    ["plugin-sdk/abi/src/", "plugin-sdk/src/export.rs", "plugin-sdk/src/foreign.rs"];

// The words looked for are put together here, so that this file does not hold them.
const TESTS_THAT_HIDE: [&str; 2] = [concat!("should_", "panic"), concat!("#[", "ignore")];
const OUT_OF_SAFETY: &str = concat!("un", "safe");
const MACHINES: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp/", "spec"),
    concat!("bash", "_jobs"),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files of the workspace with these extensions, by their path in it.
fn files(extensions: &[&str]) -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![workspace()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            // What cargo, git and the demo made.
            if matches!(name, "target" | ".git" | "demo" | "state") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if extensions
                .iter()
                .any(|extension| path.extension().is_some_and(|e| e == *extension))
            {
                let place = path.strip_prefix(workspace()).unwrap().to_str().unwrap().to_owned();
                found.push((place, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// Whether code, comments aside, leaves the safe language.
fn leaves_safety(text: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    code.match_indices(OUT_OF_SAFETY).any(|(at, word)| {
        let after = &code[at + word.len()..];
        !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
            && [" {", " fn", " impl", " extern", " trait", "("]
                .iter()
                .any(|next| after.starts_with(next))
    })
}

#[test]
fn every_file_says_what_it_is() {
    let files = files(&["rs"]);
    assert!(files.len() > 100, "the files were found");
    for (file, text) in files {
        let first = text.lines().next().unwrap_or_default();
        assert!(first.strip_prefix("//! ").is_some_and(|said| said.len() > 10), "{file}: {first}");
    }
}

#[test]
fn no_file_is_long() {
    for (file, text) in files(&["rs"]) {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{file} has {lines} lines, {LONGEST} are allowed");
    }
}

#[test]
fn no_test_hides() {
    for (file, text) in files(&["rs"]) {
        for word in TESTS_THAT_HIDE {
            assert!(!text.contains(word), "{file} has {word}");
        }
    }
}

#[test]
fn only_the_waist_leaves_the_safe_language() {
    let (block, word) = (format!("{OUT_OF_SAFETY} {{}}"), format!("{OUT_OF_SAFETY}_code"));
    assert!(leaves_safety(&block) && !leaves_safety(&word), "the test sees the difference");
    for (file, text) in files(&["rs"]) {
        let waist = WAIST.iter().any(|part| file.starts_with(part));
        assert!(waist || !leaves_safety(&text), "{file} leaves the safe language");
    }
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    for (file, text) in files(&["rs", "toml", "md", "json", "yml", "yaml"]) {
        for word in MACHINES {
            assert!(!text.contains(word), "{file} has {word}");
        }
    }
}

#[test]
fn the_readme_shows_the_example_connector_as_it_is_and_it_stays_small() {
    let read = |path: &str| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        std::fs::read_to_string(format!("{root}/{path}")).unwrap()
    };
    let connector = read("tests/plugins/folder/src/lib.rs");
    let contract = read("tests/plugins/folder/tests/contract.rs");
    assert!(read("README.md").contains(&connector), "the README shows another connector");
    assert!(connector.lines().count() <= 60, "a small connector has 60 lines at most");
    assert!(contract.lines().count() <= 20, "and its test 20");
}
