//! `connectors export` and `import`: a connector on a second host, and one that comes from Microsoft's.

use crate::support::{Host, until};
use serde_json::Value;
use std::fs;

const PEOPLE: &str = "id,login,mail\n1,ada,ada@example.org\n2,grace,grace@example.org\n";
const PASSPHRASE: &str = "a long passphrase of the test";
/// Configurations of Microsoft's host.
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exchange");

fn home() -> Host {
    let host = Host::with(&["csv-file"]);
    host.write("people.csv", PEOPLE);
    host
}

/// A home with a connector that has a sealed value.
fn first() -> Host {
    let host = home();
    let sealed = host.prints(&["seal"], "people.csv");
    host.document(
        "HR",
        &format!(
            "plugin = \"csv-file\"   # the file of HR\n[values]\nfile = \"{}\"\nanchor = [\"id\"]\n\
             [[object]]\ntype = \"person\"\n[object.attributes]\nlogin = \"userName\"\n",
            sealed.trim()
        ),
    );
    host
}

fn ends(host: &Host, arguments: &[&str], input: &str) -> (i32, String) {
    let output = host.run(arguments, input);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn a_connector_travels_with_its_secrets_and_its_token() {
    let (one, mut other) = (first(), home());
    let file = one.path("hr.export");
    let file = file.to_str().unwrap();
    let said = one.prints(&["connectors", "export", "HR", file, "--passphrase-stdin"], PASSPHRASE);
    assert!(said.contains("taken") && said.contains("HR is exported to"), "{said}");
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("# the file of HR") && !text.contains("sealed:"), "{text}");
    let (code, said) = ends(&one, &["connectors", "export", "HR", file], "");
    assert!(code == 1 && said.contains("is there already"), "{said}");

    let (code, said) = ends(
        &other,
        &["connectors", "import", file, "--passphrase-stdin"],
        "another long passphrase",
    );
    assert!(code == 1 && said.contains("the passphrase is wrong"), "{said}");
    let said = other.prints(&["connectors", "import", file, "--passphrase-stdin"], PASSPHRASE);
    assert!(said.contains("connectors/HR.toml is written") && !said.contains("Secret Token"));
    other.start();
    // The same token: clients need not be told.
    assert_eq!(other.entra("HR").everybody().len(), 2);
}

#[test]
fn what_does_not_travel_is_missing_and_written_all_the_same() {
    let (one, mut other) = (first(), home());
    let exported: Value =
        serde_json::from_str(&one.prints(&["connectors", "export", "HR", "--json"], "")).unwrap();
    assert_eq!(exported["report"][0]["severity"], "missing");
    let output = one.run(&["connectors", "export", "HR"], "");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().nth(1), Some("format = 1"));
    assert!(String::from_utf8(output.stderr).unwrap().contains("enter it again on the other host"));
    other.write("hr.export", exported["text"].as_str().unwrap());
    let file = other.path("hr.export");
    let import = ["connectors", "import", file.to_str().unwrap(), "--name", "STAFF"];

    let (code, said) = ends(&other, &[&import[..], &["--dry-run"]].concat(), "");
    assert!(code == 1 && said.contains("connectors/STAFF.toml would be"), "{said}");
    assert!(!other.path("connectors/STAFF.toml").exists());

    let output = other.run(&[&import[..], &["--json"]].concat(), "");
    assert_eq!(output.status.code(), Some(1), "the file's name is missing");
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let one = &value[0];
    assert_eq!((&one["name"], &one["file"]), (&"STAFF".into(), &"connectors/STAFF.toml".into()));
    let missing: Vec<&Value> = one["report"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["severity"] == "missing")
        .map(|item| &item["at"])
        .collect();
    assert_eq!(missing, ["values.file"], "{value:#}");
    let token = one["token"].as_str().unwrap();

    let (code, said) = ends(&other, &import, "");
    assert!(code == 1 && said.contains("--replace puts it in its place"), "{said}");
    let document = fs::read_to_string(other.path("connectors/STAFF.toml")).unwrap();
    other.raw_document("STAFF", &document.replace("\"left-out:\"", "\"people.csv\""));
    other.start();
    let staff = other.entra("STAFF").with_token(token);
    assert_eq!(staff.everybody().len(), 2);
    let (code, said) = ends(&other, &[&import[..], &["--replace", "--no-token"]].concat(), "");
    assert!(code == 1 && said.contains("what is missing (2)"), "{said}");
    until("the document is refused", || {
        (other.health_of("STAFF")["notices"][0]["kind"] == "refused").then_some(())
    });
}

#[test]
fn a_configuration_of_microsofts_host_becomes_documents() {
    let host = home();
    let file = format!("{SAMPLES}/csv.xml");
    let file = file.as_str();
    let output = host.run(&["connectors", "import", file, "--dry-run", "--json"], "");
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> =
        all.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(!names.is_empty(), "{all:#}");
    let (code, said) = ends(&host, &["connectors", "import", file, "--only", "NOBODY"], "");
    assert!(code == 1 && said.contains(&format!("it has {}", names.join(", "))), "{said}");
    let only = ["connectors", "import", file, "--only", names[0], "--name", "MOVED"];
    let (code, said) = ends(&host, &only, "");
    assert!(code == 1 && said.contains("connectors/MOVED.toml is written"), "{said}");
    assert!(said.contains("Secret Token") && said.contains("missing"), "{said}");
    assert!(host.path("connectors/MOVED.toml").exists());
    let (code, said) =
        ends(&host, &["connectors", "import", host.path("people.csv").to_str().unwrap()], "");
    assert!(code == 1 && said.contains("neither an exported connector"), "{said}");
}
