//! The arrows between the rooms of the host, and who may know which neighbor outside.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each room with the rooms it may use and the crates it may not know.
const ROOMS: [(&str, &[&str], &[&str]); 11] = [
    // The program in front of the library: it names what it uses as `ecma_host::`.
    ("cli", &[], &["axum", "rustls"]),
    ("scim", &[], &["axum", "hyper", "tokio", "rustls", "ecma_plugin_sdk"]),
    ("config", &[], &["axum", "hyper", "tokio", "rustls", "ecma_plugin_sdk"]),
    ("space", &["scim", "config"], &["axum", "hyper", "tokio", "rustls", "std::fs", "std::net"]),
    ("binding", &["space", "scim", "config"], &["axum", "hyper", "rustls", "std::process"]),
    ("plugins", &["config"], &["axum", "hyper", "tokio", "rustls"]),
    ("web", &["binding", "plugins", "scim", "space", "config", "telemetry"], &[]),
    (
        "simulate",
        &["web", "binding", "scim", "space", "config"],
        &["axum", "hyper", "rustls", "std::fs", "std::net", "std::process"],
    ),
    (
        "exchange",
        &["config"],
        &[
            "axum",
            "hyper",
            "tokio",
            "rustls",
            "std::fs",
            "std::net",
            "std::process",
            "ecma_plugin_sdk",
        ],
    ),
    (
        "draft",
        &["space", "config"],
        &["axum", "hyper", "tokio", "rustls", "std::fs", "std::net", "std::process"],
    ),
    ("telemetry", &["config"], &["axum", "hyper", "tokio", "rustls", "ecma_plugin_sdk"]),
];

/// Crates that only these parts of the workspace name.
const OWNED: [(&str, &[&str]); 2] = [
    ("axum", &["host/src/web/"]),
    (
        "abi_stable",
        &[
            "plugin-sdk/abi/src/",
            "plugin-sdk/src/export.rs",
            "plugin-sdk/src/foreign.rs",
            "plugin-sdk/src/log.rs",
        ],
    ),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The code of each file below a folder, without comments, by its path in the workspace.
fn sources(folder: &str) -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![workspace().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let name = path.strip_prefix(workspace()).unwrap().to_str().unwrap().to_owned();
                found.push((name, code.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    found
}

/// The rooms that code names after `crate::`, alone or in braces.
fn rooms_named(code: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut named = Vec::new();
    for after in code.split("crate::").skip(1) {
        let Some(inside) = after.strip_prefix('{') else {
            named.push(word(after));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inside.char_indices() {
            if depth == 0 && matches!(c, ',' | '}') {
                named.push(word(&inside[start..at]));
                start = at + 1;
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

fn names(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        !before.ends_with(part) && after.starts_with("::")
    })
}

#[test]
fn rooms_are_found_in_every_form_of_a_path() {
    let code = "use crate::{\n    scim::{self, Filter},\n    space::Flow,\n};\nfn x(_: crate::web::Web) {}";
    assert_eq!(rooms_named(code), ["scim", "space", "web"]);
    assert!(names("use axum::body;", "axum") && !names("let axum = 1; maxum::x()", "axum"));
}

#[test]
fn rooms_use_each_other_along_the_arrows_only() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (file, code) in sources("host/src") {
        let inside = file.strip_prefix("host/src/").unwrap();
        let room = inside.split('/').next().unwrap().trim_end_matches(".rs");
        if matches!(room, "app" | "main" | "lib") {
            continue;
        }
        let known = ROOMS.iter().find(|(name, ..)| *name == room);
        let Some((_, allowed, unknown)) = known else {
            wrong.push(format!("{file}: the room {room} has no arrows yet"));
            continue;
        };
        seen += 1;
        for other in rooms_named(&code) {
            if other != room && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{file}: {room} ─► {other}"));
            }
        }
        for outside in unknown.iter().filter(|outside| names(&code, outside)) {
            wrong.push(format!("{file}: {room} knows {outside}"));
        }
    }
    assert!(seen > 50, "the rooms were found");
    assert!(wrong.is_empty(), "wrong arrows:\n{}", wrong.join("\n"));
}

#[test]
fn some_crates_have_one_owner() {
    let folders = ["host/src", "plugin-sdk/src", "plugin-sdk/abi/src", "plugins", "xtask/src"];
    let sources: Vec<_> = folders.iter().flat_map(|folder| sources(folder)).collect();
    for (owned, owners) in OWNED {
        for (file, _) in sources.iter().filter(|(_, code)| names(code, owned)) {
            assert!(owners.iter().any(|owner| file.starts_with(owner)), "{file} knows {owned}");
        }
    }
}
