//! The other commands of the binary, and files in the plugins folder that are no plugins.

use crate::support::{Host, MEMORY, person};
use ecma_plugin_sdk::testkit::built_library;
use serde_json::{Value, json};
use std::{fs, process::Command};

/// A library that is no plugin, built by the compiler that Rust needs anyway.
fn plain_library(host: &Host) -> Vec<u8> {
    let (code, library) = (host.path("plain.c"), host.path("plain.so"));
    fs::write(&code, "int forty_two(void) { return 42; }\n").unwrap();
    let mut cc = Command::new("cc");
    let done = cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&code).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    fs::read(library).unwrap()
}

#[test]
fn bad_files_are_listed_with_a_remedy_and_stop_nobody() {
    let mut host = Host::with(&["misbehaving", "panics-at-start"]);
    let whole = fs::read(built_library("folder")).unwrap();
    host.plugin(
        "libtext.so",
        "a letter is not a library, however it is called\n".repeat(9).as_bytes(),
    );
    host.plugin("libempty.so", b"");
    host.plugin("libcut.so", &whole[..whole.len() / 2]);
    host.plugin("libplain.so", &plain_library(&host));
    host.plugin("README.md", b"not even a candidate");
    host.document("MEMORY", MEMORY);

    let rows: Value =
        serde_json::from_str(&host.prints(&["plugins", "list", "--json"], "")).unwrap();
    let row = |file: &str| -> Value {
        let rows = rows.as_array().unwrap();
        let found = rows.iter().find(|row| row["file"].as_str().unwrap().ends_with(file));
        found.unwrap_or_else(|| panic!("{file} is not in {rows:?}")).clone()
    };
    let good = row("libmisbehaving.so");
    assert_eq!((&good["state"], &good["plugin"]), (&json!("loaded"), &json!("misbehaving")));
    assert_eq!(
        (&good["version"], &good["remedy"]),
        (&json!(env!("CARGO_PKG_VERSION")), &json!(""))
    );
    let table = host.prints(&["plugins", "list"], "");
    for (file, reason, remedy) in [
        ("libtext.so", "the file is a text, not a library", "remove the file"),
        ("libempty.so", "the file is empty", "copy the file again"),
        ("libcut.so", "the library is incomplete", "copy the file again"),
        ("libplain.so", "it is a library but not a connector plugin", "remove the file"),
        ("libpanics_at_start.so", "panic", "ask its vendor"),
    ] {
        let row = row(file);
        let (state, todo) = (row["state"].as_str().unwrap(), row["remedy"].as_str().unwrap());
        assert!(state.starts_with("refused: ") && state.contains(reason), "{file}: {state}");
        assert!(todo.contains(remedy), "{file}: {todo}");
        let at = table.lines().position(|line| line.contains(file)).unwrap();
        let next = table.lines().nth(at + 1).unwrap();
        assert!(next.contains(&format!("→ {todo}")), "{table}");
    }
    assert_eq!(rows.as_array().unwrap().len(), 6, "{table}");
    assert!(table.lines().next().unwrap().starts_with("PLUGIN"));

    host.start();
    assert_eq!(host.entra("MEMORY").everybody().len(), 3);
    for file in ["libtext.so", "libcut.so", "libplain.so", "libpanics_at_start.so"] {
        let lines = host.log().lines().filter(|line| line.contains(file)).count();
        assert!(lines >= 1, "{file} is in the log");
    }
    host.document("LOST", &MEMORY.replace("misbehaving", "panics-at-start"));
    assert!(host.stop().success());
    host.listen();
    let detail = host.entra("LOST").get("/Users").refused(503);
    assert!(detail.contains("panics-at-start") && detail.contains("panic"), "{detail}");
}

#[test]
fn a_plugins_file_may_be_replaced_while_the_host_runs() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    host.start();
    // Into the same file: who had it mapped would crash.
    host.plugin("libmisbehaving.so", b"");
    let entra = host.entra("MEMORY");
    entra.create(&person("late", "")).expect(201);
    assert_eq!(entra.everybody().len(), 4);
    host.plugin("libmisbehaving.so", &fs::read(built_library("misbehaving")).unwrap());
    host.restart();
    assert_eq!(host.entra("MEMORY").everybody().len(), 3, "these people live in the library");
}

#[test]
fn an_empty_folder_of_plugins_says_what_to_do() {
    let host = Host::with(&[]);
    assert!(host.prints(&["plugins", "list"], "").contains("put their libraries into"));
    assert_eq!(host.prints(&["plugins", "list", "--json"], "").trim(), "[]");
}

#[test]
fn a_new_token_works_after_a_restart_and_the_old_one_does_not() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &format!("# mine\n{MEMORY}# the end\n"));
    host.start();
    let printed = host.prints(&["token", "new", "MEMORY"], "");
    let token = printed.trim_end();
    assert_eq!(token.len(), 43);
    let document = fs::read_to_string(host.path("connectors/MEMORY.toml")).unwrap();
    assert!(!document.contains(token), "the document has its hash only");
    assert!(document.contains("# mine") && document.ends_with("# the end\n"), "the rest stays");
    host.restart();
    let entra = host.entra("MEMORY");
    entra.get("/Users").refused(401);
    let entra = entra.with_token(token);
    assert_eq!(entra.everybody().len(), 3);

    let own = "correct horse battery";
    assert_eq!(host.prints(&["token", "new", "MEMORY", "--stdin"], &format!("{own}\n")), "");
    host.restart();
    assert_eq!(host.entra("MEMORY").with_token(own).everybody().len(), 3);
    for (arguments, input, said) in [
        (&["token", "new", "MEMORY", "--stdin"][..], "short", "at least 12"),
        (&["token", "new", "NOBODY"], "", "there is no connector NOBODY"),
        (&["token", "new", "no-name"], "", "there is no connector no-name"),
    ] {
        let output = host.run(arguments, input);
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_token_command_says_when_the_running_host_refuses_the_document() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    host.start();
    host.document("NEVER", "plugin = \"misbehaving\"\nautosink = 3\n");
    let told = |arguments: &[&str], code: i32, said: &str| {
        let output = host.run(arguments, "");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    };
    told(&["token", "new", "NEVER"], 1, "the new token is not good yet");
    let leaked = told(&["token", "new", "MEMORY", "--label", "leaked"], 0, "has taken it");
    let leaked = host.entra("MEMORY").with_token(leaked.trim_end());
    let sound = fs::read_to_string(host.path("connectors/MEMORY.toml")).unwrap();
    let path = host.path("connectors/MEMORY.toml");
    fs::write(&path, format!("autosink = 3\n{sound}")).unwrap();
    told(&["token", "new", "MEMORY", "--label", "more"], 1, "autosink");
    let removed = told(&["token", "remove", "MEMORY", "leaked", "--json"], 1, "IT IS STILL GOOD");
    assert!(removed.contains("\"refused\"") && removed.contains("autosink"), "{removed}");
    assert_eq!(leaked.get("/Users").status, 200, "as it was said");
    let repaired = fs::read_to_string(&path).unwrap().replace("autosink = 3\n", "");
    fs::write(&path, repaired).unwrap();
    told(&["token", "remove", "MEMORY", "more"], 0, "");
    leaked.get("/Users").refused(401);
}

#[test]
fn a_token_can_be_elsewhere() {
    let mut host = Host::with(&["misbehaving"]);
    host.variable("MEMORY_TOKEN", "a token in the environment");
    host.write("token.txt", "a token in a file\n");
    for (name, token) in [("ENV", "env:MEMORY_TOKEN"), ("FILE", "file:token.txt")] {
        host.raw_document(name, &format!("token = \"{token}\"\n{MEMORY}store = \"{name}\"\n"));
    }
    host.start();
    for (name, token) in [("ENV", "a token in the environment"), ("FILE", "a token in a file")] {
        assert_eq!(host.entra(name).with_token(token).everybody().len(), 3);
        host.entra(name).with_token("another token altogether").get("/Users").refused(401);
    }
}

#[test]
fn schemas_of_documents_are_json() {
    let host = Host::with(&[]);
    for (document, key) in [("connector", "plugin"), ("host", "listen")] {
        let schema: Value = serde_json::from_str(&host.prints(&["schema", document], "")).unwrap();
        assert!(schema["properties"].get(key).is_some(), "{schema}");
        assert_eq!(schema["additionalProperties"], false);
    }
}
