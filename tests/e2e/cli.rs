//! The commands of an operator: what they print for people and as JSON, how they end, and what they do
//! to a running host.

use crate::support::{Host, MEMORY, until};
use serde_json::{Value, json};
use std::fs;

/// What a command prints with `--json`; it has to succeed.
fn json_of(host: &Host, arguments: &[&str]) -> Value {
    let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&host.prints(&all, "")).unwrap()
}

/// How a command ends, and all it says.
fn ends(host: &Host, arguments: &[&str]) -> (i32, String) {
    let output = host.run(arguments, "");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn memory(more: &str) -> String {
    format!("{MEMORY}{more}\n")
}

#[test]
fn connectors_are_listed_whether_or_not_a_host_runs() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", &format!("description = \"People\"\n{}", memory("").trim_start()));
    host.document("BAD", "plugin = 1");
    let (code, said) = ends(&host, &["connectors", "list"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("NAME"), "{said}");
    assert!(said.contains("GOOD  misbehaving  stopped"), "{said}");
    assert!(said.contains("BAD                broken"), "{said}");
    assert!(said.contains("no host runs in"), "{said}");
    host.listen();
    assert_eq!(host.settled("GOOD")["state"], "ready");
    let all = json_of(&host, &["connectors", "list"]);
    assert_eq!(all[1]["name"], "GOOD");
    assert_eq!(all[1]["description"], "People");
    assert_eq!(all[1]["running"]["state"], "ready");
    assert_eq!(all[1]["running"]["entries"], 3);
    assert!(all[0]["problems"].to_string().contains("connectors/BAD.toml:2:10"), "{all}");
    let (_, said) = ends(&host, &["connectors", "list"]);
    assert!(said.contains("GOOD  misbehaving  ready   3"), "{said}");
}

#[test]
fn a_connector_is_shown_without_its_secrets() {
    let mut host = Host::with(&["misbehaving"]);
    let sealed = host.prints(&["seal"], "hunter2hunter2");
    host.document("MEMORY", &memory(&format!("password = \"{}\"", sealed.trim())));
    host.start();
    let shown = host.prints(&["connectors", "show", "MEMORY"], "");
    assert!(shown.contains("token = \"***\"") && shown.contains("password = \"***\""), "{shown}");
    assert!(shown.contains("query = [\"userName\"]") && shown.contains("# running"), "{shown}");
    let shown = json_of(&host, &["connectors", "show", "MEMORY"]);
    assert_eq!(shown["running"]["state"], "ready");
    assert!(!shown.to_string().contains("sealed:"), "{shown}");
    assert_eq!(shown["problems"], json!([]));
    // One that is no TOML: what is behind it are comments, and as JSON it is one value.
    host.document("BAD", "plugin = \n");
    for name in ["MEMORY", "BAD"] {
        let text = host.prints(&["connectors", "show", name], "");
        let running = text.lines().skip_while(|line| !line.contains("running"));
        assert!(running.clone().count() > 0, "{text}");
        assert!(running.into_iter().all(|line| line.starts_with("# ")), "{text}");
        let is_toml = text.parse::<toml::Table>().is_ok();
        assert_eq!(is_toml, name == "MEMORY", "{text}");
    }
    let shown = json_of(&host, &["connectors", "show", "BAD"]);
    assert!(
        shown["problems"][0].as_str().unwrap().starts_with("connectors/BAD.toml:2:"),
        "{shown}"
    );
    assert!(shown["document"].as_str().unwrap().contains("token = \"***\""), "{shown}");
    let (code, said) = ends(&host, &["connectors", "show", "MEMORI"]);
    assert_eq!(code, 1);
    assert!(said.contains("did you mean MEMORY?"), "{said}");
}

#[test]
fn documents_are_validated_without_a_host() {
    let host = Host::with(&["misbehaving"]);
    host.document("GOOD", &memory(""));
    assert_eq!(
        ends(&host, &["connectors", "validate"]),
        (0, "connectors/GOOD.toml: right\n".into())
    );
    host.document("BAD", &memory("pause = \"long\""));
    let (code, said) = ends(&host, &["connectors", "validate", "BAD"]);
    assert_eq!(code, 1);
    assert!(said.contains("connectors/BAD.toml: values.pause"), "{said}");
    let output = host.run(&["connectors", "validate", "--json"], "");
    assert_eq!(output.status.code(), Some(1));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all[1], json!({"file": "connectors/GOOD.toml", "problems": []}));
    assert_eq!(ends(&host, &["connectors", "validate", "NOBODY"]).0, 1);
    // What no target makes right.
    host.document("PATHS", &memory("").replace("\"userName\"", "\"name.first\""));
    let (code, said) = ends(&host, &["connectors", "validate", "PATHS"]);
    assert_eq!(code, 1);
    assert!(said.contains("connectors/PATHS.toml: object[0].attributes."), "{said}");
    assert!(said.contains("SCIM has no name.first in a User"), "{said}");
}

#[test]
fn a_connector_is_renamed_and_removed_while_the_host_runs() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("OLD", &format!("name = \"OLD\"\n{}", memory("").trim_start()));
    host.start();
    let token = host.entra("OLD").token().to_owned();
    let said = host.prints(&["connectors", "rename", "OLD", "NEW"], "");
    assert!(said.contains("/ecma2host_NEW/scim"), "{said}");
    let new = host.entra("NEW").with_token(&token);
    until("the new name is served", || (new.get("/Users").status == 200).then_some(()));
    let (code, said) = ends(&host, &["connectors", "remove", "NEW"]);
    assert!(code == 1 && said.contains("--yes is needed"), "{said}");
    let removed = json_of(&host, &["connectors", "remove", "NEW", "--yes"]);
    until("the connector is gone", || (new.get("/Users").status == 404).then_some(()));
    let kept = fs::read_to_string(host.path(removed["kept"].as_str().unwrap())).unwrap();
    assert!(kept.contains("plugin = \"misbehaving\""), "{kept}");
    assert_eq!(json_of(&host, &["connectors", "list"]), json!([]));
}

#[test]
fn an_import_is_asked_for_and_waited_for() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.start();
    let said = host.prints(&["sync", "MEMORY", "--full", "--wait"], "");
    assert!(said.starts_with("RUN  BEGAN") && said.contains("full  success"), "{said}");
    let run = json_of(&host, &["sync", "MEMORY", "--wait"]);
    assert_eq!((&run["number"], &run["unchanged"]), (&json!(3), &json!(3)), "{run}");
    let (code, said) = ends(&host, &["sync", "MEMORY", "--delta"]);
    assert!(code == 1 && said.contains("no delta import"), "{said}");
    assert_eq!(json_of(&host, &["history", "MEMORY"]).as_array().unwrap().len(), 3);
    assert_eq!(host.prints(&["history", "MEMORY"], "").lines().count(), 4);
    let (code, said) = ends(&host, &["sync", "NOBODY"]);
    assert!(code == 1 && said.contains("there is no connector NOBODY"), "{said}");
}

#[test]
fn what_the_host_knows_is_shown() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.start();
    let all = json_of(&host, &["cache", "MEMORY"]);
    assert_eq!(all["totalResults"], 3);
    let filter =
        ["cache", "MEMORY", "--filter", "userName eq \"ada\"", "--attributes", "displayName"];
    let found = json_of(&host, &filter);
    assert_eq!(found["Resources"][0]["displayName"], "Ada Lovelace");
    assert!(found["Resources"][0].get("userName").is_none(), "{found}");
    assert!(host.prints(&filter, "").ends_with("1 of 1\n"));
    let users = json_of(&host, &["cache", "MEMORY", "--endpoint", "users"]);
    assert_eq!(users["Resources"][0]["schemas"][0], "urn:ietf:params:scim:schemas:core:2.0:User");
    let (code, said) = ends(&host, &["cache", "MEMORY", "--endpoint", "Grups"]);
    assert_eq!(code, 1);
    assert!(said.contains("MEMORY has no Grups; it has Users"), "{said}");
    let (code, said) = ends(&host, &["cache", "MEMORY", "--filter", "userName is ada"]);
    assert_eq!(code, 1, "{said}");
}

#[test]
fn removals_that_were_held_back_are_released_or_discarded() {
    let mut host = Host::with(&["csv-file"]);
    let people = |count: usize| {
        let rows = (0..count).map(|at| format!("{at},user{at}\n"));
        std::iter::once("id,login\n".to_owned()).chain(rows).collect::<String>()
    };
    host.write("people.csv", people(100));
    host.document(
        "FILE",
        "plugin = \"csv-file\"\n[guard]\npercent = 10\nobjects = 5\n[values]\nfile = \"people.csv\"\n\
         anchor = [\"id\"]\n[[object]]\ntype = \"person\"\n[object.attributes]\nlogin = \"userName\"\n\
         id = \"externalId\"\n",
    );
    host.start();
    assert_eq!(json_of(&host, &["imports", "held"]), json!([]));
    for (action, left) in [("discard", 100), ("release", 50)] {
        host.write("people.csv", people(50));
        let (code, said) = ends(&host, &["sync", "FILE", "--full", "--wait"]);
        assert!(code == 1 && said.contains("held"), "{said}");
        let held = json_of(&host, &["imports", "held"]);
        assert_eq!(held, json!([{"connector": "FILE", "held": 50, "entries": 100}]));
        assert!(host.prints(&["imports", "held"], "").contains("FILE       50        100"));
        let wait = if action == "release" { Some("--wait") } else { None };
        let all: Vec<&str> = ["imports", action, "FILE"].into_iter().chain(wait).collect();
        host.prints(&all, "");
        assert_eq!(json_of(&host, &["imports", "held"]), json!([]));
        assert_eq!(json_of(&host, &["cache", "FILE"])["totalResults"], left);
    }
    let (code, said) = ends(&host, &["imports", "release", "FILE"]);
    assert!(code == 1 && said.contains("nothing is held back"), "{said}");
}

#[test]
fn a_plugin_is_inspected_and_checked() {
    let host = Host::with(&["csv-file", "misbehaving"]);
    let library = host.path("ECMA/libcsv_file.so");
    let file = library.to_str().unwrap();
    let known = json_of(&host, &["plugins", "inspect", file]);
    assert_eq!(known["plugin"], "csv-file");
    let parameters = known["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|parameter| parameter["name"] == "file"), "{known}");
    let said = host.prints(&["plugins", "inspect", file], "");
    assert!(said.starts_with("csv-file ") && said.contains("connectivity"), "{said}");
    assert!(host.prints(&["plugins", "check", file], "").contains("loaded"));
    host.plugin("libtext.so", "no library\n".repeat(9).as_bytes());
    let (code, said) =
        ends(&host, &["plugins", "check", host.path("ECMA/libtext.so").to_str().unwrap()]);
    assert!(code == 1 && said.contains("→ remove the file"), "{said}");
}

#[test]
fn a_command_that_needs_a_host_says_so_in_its_exit() {
    let host = Host::with(&[]);
    for command in [
        &["sync", "X"][..],
        &["history", "X"],
        &["cache", "X"],
        &["imports", "held"],
        &["exports", "held"],
    ] {
        let (code, said) = ends(&host, command);
        assert!(code == 3 && said.contains("start it with `ecma-host run`"), "{command:?}: {said}");
        let output = host.run(&[command, &["--json"]].concat(), "");
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(value["error"].as_str().unwrap().contains("no host runs in"), "{value}");
    }
    assert_eq!(ends(&host, &["no-such-command"]).0, 2);
}

#[test]
fn completions_and_manual_pages_are_made() {
    let host = Host::with(&[]);
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef"),
        ("fish", "complete -c"),
        ("powershell", "Register-"),
    ] {
        let script = host.prints(&["completions", shell], "");
        assert!(script.contains(part) && script.contains("rotate-key"), "{shell}");
        for hidden in ["worker", "cpu-seconds"] {
            assert!(!script.contains(hidden), "{shell} knows {hidden}");
        }
    }
    let folder = host.path("man");
    host.prints(&["man", folder.to_str().unwrap()], "");
    for page in ["ecma-host.1", "ecma-host-connectors.1", "ecma-host-connectors-list.1"] {
        assert!(fs::read_to_string(folder.join(page)).unwrap().contains(".TH"), "{page}");
    }
}

#[test]
fn the_page_of_commands_is_what_the_program_knows() {
    let host = Host::with(&[]);
    let page = host.prints(&["schema", "cli"], "");
    assert_eq!(page, include_str!("../../docs/reference/cli.md"), "run `cargo xtask reference`");
    assert!(page.contains("## ecma-host connectors test"), "{page}");
    assert!(page.contains("or what the variable `ECMA_HOME` says (default `.`)"), "{page}");
}
