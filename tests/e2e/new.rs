//! `connectors new`: a connector from options, from a terminal, and from mistakes.

use crate::support::{Host, until};
use serde_json::Value;
use std::fs;

const PEOPLE: &str = "id,login,given_name,sn,mail,enabled,badge\n1,ada,Ada,Lovelace,ada@example.org,1,B-1\n2,grace,Grace,Hopper,grace@example.org,0,B-2\n";

/// What makes the connector of the people's file.
const NEW: [&str; 11] = [
    "connectors",
    "new",
    "HR",
    "--plugin",
    "csv-file",
    "--set",
    "connectivity.file=people.csv",
    "--set",
    "anchor=id",
    "--set",
    "schema2.unique=login,mail",
];

fn home() -> Host {
    let host = Host::with(&["csv-file"]);
    host.write("people.csv", PEOPLE);
    host
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&NEW[..], more].concat()
}

/// How a command ends, and all it says.
fn ends(host: &Host, arguments: &[&str], input: &str) -> (i32, String) {
    let output = host.run(arguments, input);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn a_connector_from_options_is_served_as_it_was_proposed() {
    let mut host = home();
    let said = host.prints(&with(&["--disable", "enabled=1,0", "--autosync", "0"]), "");
    assert!(said.starts_with("connectors/HR.toml is written: person as User\n"), "{said}");
    assert!(said.contains("/ecma2host_HR/scim") && said.contains("connectors test HR"), "{said}");
    let token = said.lines().find_map(|line| line.strip_prefix("Secret Token  ")).unwrap();
    let document = fs::read_to_string(host.path("connectors/HR.toml")).unwrap();
    assert!(!document.contains(token), "only the hash is kept");
    for line in [
        "file = \"people.csv\"",
        "anchor = [\"id\"]",
        "query = [\"login\", \"mail\"]",
        "given_name = \"name.givenName\"",
        "badge = \"\"",
        "disable = { set = \"enabled\", true = \"1\", false = \"0\" }",
        "autosync = 0",
    ] {
        assert!(document.contains(line), "{line}: {document}");
    }
    host.start();
    let hr = host.entra("HR").with_token(token);
    let ada = hr.matched("ada").unwrap();
    assert_eq!(ada["name"]["familyName"], "Lovelace");
    assert_eq!(ada["active"], true);
    assert_eq!(hr.matched("grace").unwrap()["active"], false);
    let (code, said) = ends(&host, &NEW, "");
    assert!(code == 1 && said.contains("there is a connector HR already"), "{said}");
}

#[test]
fn a_new_connector_is_told_as_json_and_picked_up_by_a_running_host() {
    let mut host = home();
    host.listen();
    let made: Value = serde_json::from_str(&host.prints(&with(&["--json"]), "")).unwrap();
    assert_eq!((&made["name"], &made["file"]), (&"HR".into(), &"connectors/HR.toml".into()));
    assert!(made["url"].as_str().unwrap().ends_with("/ecma2host_HR/scim"), "{made}");
    let hr = host.entra("HR").with_token(made["token"].as_str().unwrap());
    until("the connector answers", || (hr.get("/Users").status == 200).then_some(()));
    assert_eq!(hr.everybody().len(), 2);
}

#[test]
fn a_dry_run_prints_the_document_and_writes_nothing() {
    let host = home();
    let text =
        host.prints(&with(&["--dry-run", "--map", "mail=userName", "--no-map", "badge"]), "");
    assert!(
        text.contains("mail       = \"userName\"") || text.contains("mail = \"userName\""),
        "{text}"
    );
    assert!(text.contains("# badge = \"\"") && text.contains("login = \"\""), "{text}");
    assert!(!host.path("connectors/HR.toml").exists());
    let value: Value =
        serde_json::from_str(&host.prints(&with(&["--dry-run", "--json"]), "")).unwrap();
    assert!(value["document"].as_str().unwrap().contains("plugin = \"csv-file\""), "{value}");
}

#[test]
fn mistakes_are_told_with_what_to_write_instead() {
    let host = home();
    for (arguments, said) in [
        (&["--plugin", "csv-fil"][..], "did you mean csv-file?"),
        (
            &["--plugin", "csv-file"],
            "connectivity.file is missing: give it with --set connectivity.file=",
        ),
        (&["--plugin", "csv-file", "--set", "fil=x"], "did you mean connectivity.file?"),
        (
            &[
                "--plugin",
                "csv-file",
                "--set",
                "file=people.csv",
                "--set",
                "anchor=id",
                "--set",
                "header=perhaps",
            ],
            "schema1.header is neither true nor false: give it with --set schema1.header=",
        ),
        (
            &[
                "--plugin",
                "csv-file",
                "--set",
                "file=people.csv",
                "--set",
                "anchor=id",
                "--set",
                "encoding=morse",
            ],
            "give it with --set schema1.encoding=",
        ),
        (
            &["--plugin", "csv-file", "--set", "file=nobody.csv", "--set", "anchor=id"],
            "or write the document without it with --offline",
        ),
        (
            &[
                "--plugin",
                "csv-file",
                "--set",
                "file=people.csv",
                "--set",
                "anchor=id",
                "--map",
                "maill=userName",
            ],
            "did you mean mail?",
        ),
        (
            &[
                "--plugin",
                "csv-file",
                "--set",
                "file=people.csv",
                "--set",
                "anchor=id",
                "--map",
                "mail=mails",
            ],
            "--map ATTRIBUTE=PATH puts an attribute elsewhere",
        ),
        (
            &[
                "--plugin",
                "csv-file",
                "--offline",
                "--set",
                "file=people.csv",
                "--set",
                "anchor=id",
                "--object",
                "person",
                "--map",
                "mail=mails",
            ],
            "SCIM has no mails in a User",
        ),
        (
            &[
                "--plugin",
                "csv-file",
                "--set",
                "file=people.csv",
                "--set",
                "anchor=id",
                "--object",
                "team",
            ],
            "it has person",
        ),
    ] {
        let (code, text) = ends(&host, &[&["connectors", "new", "HR"], arguments].concat(), "");
        assert!(code == 1 && text.contains(said), "{arguments:?}: {text}");
        assert!(!host.path("connectors/HR.toml").exists());
    }
    assert_eq!(ends(&host, &["connectors", "new", "HR"], "").0, 2);
    assert_eq!(ends(&host, &with(&["--disable", "enabled=1"]), "").0, 2);
}

#[test]
fn secrets_are_sealed_and_told_of_when_they_were_seen() {
    let mut host = Host::with(&["generic-ldap"]);
    host.variable("PASSWORD_ELSEWHERE", "hunter2hunter2");
    let new = |more: &[&'static str]| {
        let all: [&'static str; 17] = [
            "connectors",
            "new",
            "LDAP",
            "--plugin",
            "generic-ldap",
            "--set",
            "servers=127.0.0.1",
            "--set",
            "user=cn=admin",
            "--set",
            "base=dc=example",
            "--offline",
            "--object",
            "inetOrgPerson",
            "--map",
            "uid=userName",
            "--dry-run",
        ];
        [&all[..], more].concat()
    };
    let output = host.run(&new(&["--set", "password=hunter2hunter2"]), "");
    let (text, warned) = (output.stdout, String::from_utf8(output.stderr).unwrap());
    let text = String::from_utf8(text).unwrap();
    assert!(output.status.success() && warned.contains("stood on the command line"), "{warned}");
    assert!(text.contains("password = \"sealed:") && !text.contains("hunter2"), "{text}");
    let output = host.run(&new(&["--set-secret", "password"]), "hunter2hunter2\n");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout).unwrap().contains("password = \"sealed:"));
    let text = host.prints(&new(&["--set", "password=env:PASSWORD_ELSEWHERE"]), "");
    assert!(text.contains("password = \"env:PASSWORD_ELSEWHERE\""), "{text}");
    assert!(text.contains("uid = \"userName\"") && text.contains("query = [\"uid\"]"), "{text}");
    let (code, said) = ends(&host, &new(&["--set-secret", "password"]), "");
    assert!(code == 1 && said.contains("standard input has no line for password"), "{said}");
}
