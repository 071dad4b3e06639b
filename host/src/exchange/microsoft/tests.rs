//! Configurations of Microsoft's host and what becomes of them. Beside each file below `tests/exchange`
//! stands every document that comes of it, the report in comments at its end.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{
    config::{ConnectorConfig, SealingKey, places, replaced},
    exchange::{self, Severity},
};

const SAMPLES: [&str; 6] =
    ["ad-lds", "csv", "openldap", "sql-queries", "sql-server", "web-services"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/exchange")
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("{name}.xml"))).unwrap()
}

/// Imports on a host that has our plugins, but for the one for directories.
fn imported(file: &[u8], name: Option<&str>) -> Result<Vec<Imported>, ImportError> {
    let home = tempfile::tempdir().unwrap();
    let key = SealingKey::load_or_create(&home.path().join("seal.key")).unwrap();
    let plugins = ["generic-sql", "csv-file"].map(|name| (name.to_owned(), "0.1.0".to_owned()));
    let here = Here { home: home.path(), key: &key, plugins: &plugins };
    let name = name.map(|name| name.parse().unwrap());
    let all = exchange::import(file, None, name.as_ref(), &here);
    for one in all.iter().flatten() {
        for place in places("x", &one.document).unwrap() {
            if place.text.starts_with("sealed:") {
                assert!(key.open(&place.text).is_ok(), "{}", place.key);
            }
        }
    }
    all
}

/// What was sealed differs each time.
fn without_sealed(document: &str) -> String {
    let places = places("x", document).unwrap();
    let sealed = places.iter().filter(|place| place.text.starts_with("sealed:"));
    replaced(document, sealed.map(|place| (place, "sealed:")))
}

#[test]
fn every_sample_becomes_the_documents_beside_it() {
    let mut expected: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    for name in SAMPLES {
        for one in imported(&sample(name), None).unwrap() {
            let file = format!("{name}.{}.toml", one.name);
            let mut text = without_sealed(&one.document);
            text.push_str("\n# Report:\n");
            for item in &one.report.items {
                text.push_str(&format!("# {item}\n"));
            }
            let written = fs::read_to_string(folder().join(&file)).unwrap_or_default();
            assert_eq!(written, text, "{file} is to be\n{text}");
            expected.retain(|known| *known != file);
        }
    }
    assert!(expected.is_empty(), "nothing becomes {expected:?}");
}

#[test]
fn what_is_reported_missing_is_all_that_keeps_a_document_from_being_read() {
    for name in SAMPLES {
        for one in imported(&sample(name), None).unwrap() {
            let missing: Vec<&str> =
                one.report.of(Severity::Missing).map(|item| item.at.as_str()).collect();
            assert!(missing.contains(&"token"), "{name}");
            let problems = ConnectorConfig::parse(&one.name, "x", &one.document).unwrap_err();
            for problem in problems {
                assert!(missing.contains(&problem.key.as_str()), "{name}: {problem}");
            }
        }
    }
}

#[test]
fn no_secret_and_nothing_unknown_is_lost_or_shown() {
    for name in SAMPLES {
        let text = String::from_utf8(sample(name)).unwrap();
        for one in imported(text.as_bytes(), None).unwrap() {
            let report = one.report.items.iter().map(ToString::to_string).collect::<String>();
            for secret in ["hunter22", "AQAAANCMnd8"] {
                assert!(!one.document.contains(secret) && !report.contains(secret), "{name}");
            }
        }
        // A parameter that nobody knows is told of any connector, by its name.
        let parameter =
            "<Parameter><Name>Future {0}</Name><Type>String</Type><Value>x</Value></Parameter>";
        let more = text.replace("<Parameters>", &format!("<Parameters>{parameter}"));
        for one in imported(more.as_bytes(), None).unwrap() {
            let told = one.report.items.iter().find(|item| item.at == "Future {0}").unwrap();
            assert_eq!(
                (told.severity, told.what.as_str()),
                (Severity::Note, "not taken over: \"x\"")
            );
        }
    }
}

#[test]
fn a_new_name_is_for_one_connector() {
    let one = imported(&sample("csv"), Some("People")).unwrap().remove(0);
    assert_eq!(one.name.as_str(), "People");
    assert!(one.report.items.iter().any(|item| item.at == "name"));
    let several = imported(&sample("sql-queries"), Some("People")).unwrap_err();
    assert_eq!(
        several.to_string(),
        "the file has 2 connectors (HR people, HR-people), and a new name is for one"
    );
}

#[test]
fn a_name_is_proposed_that_is_free() {
    let mut taken = BTreeSet::new();
    let mut propose = |name: &str| {
        let foreign = Foreign { name: name.into(), ..Foreign::default() };
        proposed(&foreign, &mut taken).to_string()
    };
    let long = "x".repeat(100);
    for (name, expected) in [
        ("HR", "HR"),
        ("hr", "hr2"),
        ("H R", "HR3"),
        ("", "Imported"),
        ("größe!", "gre"),
        (&long, &long[..60]),
        (&long, &format!("{}2", &long[..60])),
    ] {
        assert_eq!(propose(name), expected);
    }
}

#[test]
fn a_connector_with_nothing_in_it_is_all_missing() {
    let empty = "<Configuration><Connectors><Connector/></Connectors></Configuration>";
    let one = imported(empty.as_bytes(), None).unwrap().remove(0);
    let missing: Vec<&str> = one.report.of(Severity::Missing).map(|i| i.at.as_str()).collect();
    assert_eq!(missing, ["plugin", "token", "object"]);
    for library in ["GenericSql", "GenericLdap"] {
        let config = format!(
            "<ECMAConfig><LibraryName>Microsoft.IAM.Connector.{library}.DLL</LibraryName></ECMAConfig>"
        );
        let text = empty.replace("<Connector/>", &format!("<Connector>{config}</Connector>"));
        let one = imported(text.as_bytes(), None).unwrap().remove(0);
        assert!(one.report.of(Severity::Missing).any(|item| item.at == "object"), "{library}");
    }
}

#[test]
fn a_passphrase_has_nothing_to_open() {
    let home = tempfile::tempdir().unwrap();
    let key = SealingKey::load_or_create(&home.path().join("seal.key")).unwrap();
    let here = Here { home: home.path(), key: &key, plugins: &[] };
    let error = exchange::import(&sample("csv"), Some(&"correct horse".into()), None, &here);
    assert_eq!(error.unwrap_err(), ImportError::NoSecrets);
}

/// The text with every element of this name holding one of these texts in turn.
fn refilled(text: &str, element: &str, with: &[String]) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut pieces = text.split(&open);
    let mut new = pieces.next().unwrap().to_owned();
    for (piece, text) in pieces.zip(with.iter().cycle()) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let rest = piece.split_once(&close).unwrap().1;
        new.push_str(&format!("{open}{text}{close}{rest}"));
    }
    new
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_stands_in_it_a_document_of_toml_comes_of_it(
        values in prop::collection::vec("[ -~\n\t]{0,20}|\\PC{0,12}|[A-Za-z]+[.=:][A-Za-z@]+", 1..12),
        element in prop::sample::select(vec!["Value", "Name", "ObjectType", "ProfileName", "SoftDelete"]),
        sample_name in prop::sample::select(SAMPLES.to_vec()),
    ) {
        // XML has no place for these.
        let allowed = |c: &char| *c != '\u{fffe}' && *c != '\u{ffff}';
        let values: Vec<String> =
            values.iter().map(|text| text.chars().filter(allowed).collect()).collect();
        let text = String::from_utf8(sample(sample_name)).unwrap();
        for one in imported(refilled(&text, element, &values).as_bytes(), None).unwrap() {
            prop_assert!(places("x", &one.document).is_ok(), "{}", one.document);
            prop_assert!(one.report.of(Severity::Missing).next().is_some());
        }
    }
}
