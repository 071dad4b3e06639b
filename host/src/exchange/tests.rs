//! A connector that leaves one host and comes to another.

use proptest::prelude::*;
use tempfile::TempDir;

use super::{export::exported, sealed_box::Cost, *};
use crate::config::{ConnectorConfig, LEFT_OUT, Place, TokenHash, TokenSource, places};

const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
const PASSPHRASE: &str = "correct horse";

/// A host: its home, its key, its plugins.
struct Home {
    folder: TempDir,
    key: SealingKey,
    plugins: Vec<(String, String)>,
}

impl Home {
    fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let key = SealingKey::load_or_create(&folder.path().join("seal.key")).unwrap();
        Home { folder, key, plugins: vec![("generic-sql".into(), "0.2.0".into())] }
    }

    fn here(&self) -> Here<'_> {
        Here { home: self.folder.path(), key: &self.key, plugins: &self.plugins }
    }

    fn document(&self) -> String {
        format!(
            "# of HR\nname = 'HR'\nplugin = \"generic-sql\" # ours\ntoken = {token:?}\n\n[values]\n\
             database = 'people.db'\npassword = '{one}'  # sealed\nca_file = \"file:absent.pem\"\n\
             user = \"env:CARGO_PKG_NAME\"\n\n[run.full_import]\nvalues.\"a b\" = \"{two}\"\n\n\
             [[object]]\ntype = \"person\"\nattributes.login = \"userName\"\n",
            token = TokenHash::new("0123456789ab").to_string(),
            one = self.key.seal("s3cret").unwrap(),
            two = self.key.seal("größe \"1\"\n").unwrap(),
        )
    }
}

fn origin(name: &ConnectorName) -> Origin<'_> {
    let exported = jiff::Timestamp::from_second(1_769_848_200).unwrap();
    Origin { name, plugin_version: Some("0.1.0"), exported, secret_parameters: Some(&[]) }
}

fn name(text: &str) -> ConnectorName {
    text.parse().unwrap()
}

fn packed(home: &Home, document: &str, passphrase: Option<&str>) -> Exported {
    let passphrase = passphrase.map(Secret::from);
    let secrets = match &passphrase {
        Some(passphrase) => Secrets::Sealed { key: &home.key, passphrase },
        None => Secrets::LeftOut,
    };
    exported(document, &origin(&name("HR")), secrets, CHEAP).unwrap()
}

fn unpacked(home: &Home, text: &str, passphrase: Option<&str>) -> Result<Imported, ImportError> {
    let passphrase = passphrase.map(Secret::from);
    let mut all = import(text.as_bytes(), passphrase.as_ref(), None, &home.here())?;
    assert_eq!(all.len(), 1);
    Ok(all.remove(0))
}

/// The keys of the lines of one severity.
fn said(report: &Report, severity: Severity) -> Vec<&str> {
    report.of(severity).map(|item| item.at.as_str()).collect()
}

/// The document with every secret opened.
fn open(home: &Home, document: &str) -> Vec<(String, String)> {
    let text = |place: &Place| match place.text.starts_with("sealed:") {
        true => home.key.open(&place.text).unwrap().expose().to_owned(),
        false => place.text.clone(),
    };
    places("x", document).unwrap().iter().map(|place| (place.key.clone(), text(place))).collect()
}

#[test]
fn under_a_passphrase_everything_travels() {
    let (from, to) = (Home::new(), Home::new());
    let document = from.document();
    let out = packed(&from, &document, Some(PASSPHRASE));
    assert_eq!(
        said(&out.report, Severity::Taken),
        ["token", "values.password", "run.full_import.values.\"a b\""]
    );
    assert_eq!(said(&out.report, Severity::Note), ["values.ca_file", "values.user"]);
    for secret in ["s3cret", "größe", "sealed:", "sha256:"] {
        assert!(!out.text.contains(secret), "{secret} in {}", out.text);
    }
    let arrived = unpacked(&to, &out.text, Some(PASSPHRASE)).unwrap();
    assert_eq!(arrived.name.as_str(), "HR");
    assert_eq!(open(&to, &arrived.document), open(&from, &document));
    assert!(from.key.open(&open(&to, &arrived.document)[3].1).is_err(), "sealed anew");
    let config = ConnectorConfig::parse(&arrived.name, "HR.toml", &arrived.document).unwrap();
    let TokenSource::Hash(hash) = &config.tokens[0].source else { panic!("the hash travelled") };
    assert!(hash.matches(b"0123456789ab"));
    assert_eq!(said(&arrived.report, Severity::Missing), ["values.ca_file"]);
    let taken = said(&arrived.report, Severity::Taken);
    assert_eq!(
        taken,
        ["token", "values.password", "run.full_import.values.\"a b\"", "values.user"]
    );
}

#[test]
fn without_a_passphrase_secrets_stay_and_are_named() {
    let (from, to) = (Home::new(), Home::new());
    let out = packed(&from, &from.document(), None);
    let secrets = ["token", "values.password", "run.full_import.values.\"a b\""];
    assert_eq!(said(&out.report, Severity::Missing), secrets);
    assert!(!out.text.contains("sealed:") && !out.text.contains("sha256:"));
    let arrived = unpacked(&to, &out.text, None).unwrap();
    let missing = said(&arrived.report, Severity::Missing);
    assert_eq!(missing[..3], secrets);
    let problems = ConnectorConfig::parse(&arrived.name, "HR.toml", &arrived.document).unwrap_err();
    assert_eq!(problems.len(), 3);
    for problem in &problems {
        assert!(problem.message.starts_with("was left out at export"), "{problem}");
    }
    // What arrived so travels on, and still says what is missing.
    let again = packed(&to, &arrived.document, Some(PASSPHRASE));
    assert_eq!(said(&again.report, Severity::Missing), secrets);
    assert_eq!(unpacked(&from, &again.text, None).unwrap().document, arrived.document);
    let error = unpacked(&from, &again.text, Some(PASSPHRASE)).unwrap_err();
    assert_eq!(error, ImportError::NoSecrets, "an empty box is not made");
}

#[test]
fn a_box_that_is_not_opened_leaves_its_secrets_missing() {
    let home = Home::new();
    let out = packed(&home, &home.document(), Some(PASSPHRASE));
    let arrived = unpacked(&home, &out.text, None).unwrap();
    let missing = arrived.report.of(Severity::Missing).next().unwrap();
    assert_eq!(missing.at, "token");
    assert!(missing.remedy.starts_with("import with the passphrase, or run"), "{missing}");
    assert!(arrived.document.contains(LEFT_OUT));
}

#[test]
fn a_wrong_passphrase_damage_and_a_newer_file_are_told_apart() {
    let home = Home::new();
    let text = packed(&home, &home.document(), Some(PASSPHRASE)).text;
    let error = |text: &str, passphrase| unpacked(&home, text, Some(passphrase)).unwrap_err();
    assert_eq!(error(&text, "correct horsf"), ImportError::Passphrase);
    for (from, to) in [
        ("people.db", "others.db"),
        ("connector = \"HR\"", "connector = \"HS\""),
        ("\nplugin = \"generic-sql\"\nplugin_v", "\nplugin = \"generic-sqm\"\nplugin_v"),
    ] {
        assert!(text.contains(from));
        assert_eq!(error(&text.replacen(from, to, 1), PASSPHRASE), ImportError::Box, "{to}");
    }
    let newer = text.replacen("argon2id", "argon2zz", 1);
    assert_eq!(error(&newer, PASSPHRASE), ImportError::NewerBox);
    assert_eq!(error(&text.replacen("format = 1", "format = 9", 1), ""), ImportError::Newer(9));
    let mailed = text.replace('\n', "\r\n");
    assert_eq!(error(&mailed, PASSPHRASE), ImportError::Box);
    assert!(unpacked(&home, &mailed, None).is_ok());
    let cut = &text[..text.len() / 2];
    assert!(matches!(error(cut, PASSPHRASE), ImportError::Damaged(_)));
    for other in ["", "plugin = \"x\"\n", "hello"] {
        assert_eq!(error(other, PASSPHRASE), ImportError::Kind);
    }
    let large = vec![b' '; LARGEST + 1];
    assert_eq!(import(&large, None, None, &home.here()).unwrap_err(), ImportError::Size(LARGEST));
}

#[test]
fn a_connector_may_be_called_otherwise_here() {
    let home = Home::new();
    let text = packed(&home, &home.document(), Some(PASSPHRASE)).text;
    let (new, passphrase) = (name("HR2"), Secret::from(PASSPHRASE));
    let arrived = import(text.as_bytes(), Some(&passphrase), Some(&new), &home.here()).unwrap();
    let arrived = &arrived[0];
    assert_eq!((&arrived.name, said(&arrived.report, Severity::Changed)), (&new, vec!["name"]));
    assert!(ConnectorConfig::parse(&new, "HR2.toml", &arrived.document).is_ok());
}

#[test]
fn the_plugin_is_looked_for() {
    let mut home = Home::new();
    let text = packed(&home, &home.document(), None).text;
    let mut told = |plugins: &[(&str, &str)]| {
        home.plugins = plugins.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let report = unpacked(&home, &text, None).unwrap().report;
        report.items.into_iter().find(|item| item.at == "plugin").unwrap().to_string()
    };
    for (plugins, expected) in [
        (
            vec![("csv-file", "0.1.0")],
            "missing  plugin: the plugin generic-sql 0.1.0 is not here; put its library",
        ),
        (vec![("generic-sql", "0.1.0")], "taken    plugin: generic-sql 0.1.0 is here"),
        (
            vec![("generic-sql", "0.0.9")],
            "note     plugin: generic-sql is older here, 0.0.9 instead of 0.1.0",
        ),
        (
            vec![("generic-sql", "1.0.0")],
            "note     plugin: generic-sql is 1.0.0 here and was 0.1.0 there",
        ),
    ] {
        let said = told(&plugins);
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn what_cannot_be_exported_is_told() {
    let home = Home::new();
    let export = |document: &str, passphrase: &str| {
        let passphrase = Secret::from(passphrase);
        let secrets = Secrets::Sealed { key: &home.key, passphrase: &passphrase };
        exported(document, &origin(&name("HR")), secrets, CHEAP).unwrap_err()
    };
    assert_eq!(export(&home.document(), "elevenchars"), ExportError::Passphrase);
    assert_eq!(export("token = \"env:X\"\n", PASSPHRASE), ExportError::Plugin);
    assert!(matches!(export("a = = 1\n", PASSPHRASE), ExportError::Syntax(p) if p.line == 1));
}

#[test]
fn a_secret_of_another_key_and_one_in_a_comment_are_told() {
    let (home, other) = (Home::new(), Home::new());
    let sealed = other.key.seal("s3cret").unwrap();
    let document = format!("plugin = \"x\"\n# was {sealed}\nvalues.a = \"{sealed}\"\n");
    let out = packed(&home, &document, Some(PASSPHRASE));
    let item = out.report.of(Severity::Missing).next().unwrap();
    assert_eq!(item.at, "values.a");
    assert!(item.what.contains("does not open the sealed text"), "{item}");
    assert_eq!(said(&out.report, Severity::Note), ["line 2"]);
}

#[test]
fn a_secret_that_stands_there_in_plain_text_leaves_only_under_a_passphrase() {
    let home = Home::new();
    let document = "plugin = \"x\"\ntoken = \"hunter2\"\n[values]\nodd = \"s3cret\"\npassword = \"s3cret\"\n\
                    file = \"people.csv\"\n";
    let out = |secret_parameters: Option<&[String]>, passphrase: Option<&Secret>| {
        let secrets = match passphrase {
            Some(passphrase) => Secrets::Sealed { key: &home.key, passphrase },
            None => Secrets::LeftOut,
        };
        let hr = name("HR");
        let origin = Origin { secret_parameters, ..origin(&hr) };
        exported(document, &origin, secrets, CHEAP).unwrap()
    };
    let by_name = out(None, None);
    assert_eq!(said(&by_name.report, Severity::Missing), ["token", "values.password"]);
    let told = ["odd".to_owned(), "password".to_owned()];
    let left = out(Some(&told), None).text;
    assert!(!left.contains("s3cret") && !left.contains("hunter2") && left.contains("people.csv"));
    let passphrase = Secret::from(PASSPHRASE);
    let sealed = out(Some(&told), Some(&passphrase));
    assert!(!sealed.text.contains("s3cret") && !sealed.text.contains("hunter2"));
    assert_eq!(said(&sealed.report, Severity::Taken), ["values.odd", "values.password"]);
    let arrived = unpacked(&home, &sealed.text, Some(PASSPHRASE)).unwrap().document;
    assert_eq!(arrived.matches("sealed:").count(), 2, "{arrived}");
}

#[test]
fn what_the_host_would_refuse_is_in_the_report() {
    let home = Home::new();
    let document = "plugin = \"generic-sql\"\ntoken = \"env:CARGO_PKG_NAME\"\nautosink = 3\n";
    let report = unpacked(&home, &packed(&home, document, None).text, None).unwrap().report;
    assert_eq!(said(&report, Severity::Missing), ["object", "autosink", "token"]);
    assert!(report.items.iter().any(|item| item.what.contains("did you mean \"autosync\"")));
    let token = report.of(Severity::Missing).last().unwrap();
    assert!(token.what.contains("at least 12 printable"), "{token}");
}

#[test]
fn the_usual_export_is_made_at_full_cost() {
    let home = Home::new();
    let (hr, passphrase) = (name("HR"), Secret::from(PASSPHRASE));
    let secrets = Secrets::Sealed { key: &home.key, passphrase: &passphrase };
    let out = export_document(&home.document(), &origin(&hr), secrets).unwrap();
    assert!(out.text.contains("memory_kib = 19456\npasses = 2\nlanes = 1\n"), "{}", out.text);
    assert!(unpacked(&home, &out.text, Some(PASSPHRASE)).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_arrives_is_what_was_sent(
        values in prop::collection::btree_map("[a-z]{1,4}|\\PC{1,4}", ("\\PC{0,12}", any::<bool>()), 0..5),
        comment in "[ -~]{0,10}",
        carriage in any::<bool>(),
    ) {
        let (from, to) = (Home::new(), Home::new());
        let mut document = format!("plugin = \"p\" # {comment}\n[values]\n");
        for (key, (text, is_secret)) in &values {
            // Such a text would be taken for a placeholder.
            prop_assume!(!text.starts_with(LEFT_OUT) && !text.starts_with("sealed:"));
            let text = if *is_secret { from.key.seal(text).unwrap() } else { text.clone() };
            let (key, text) = (toml_edit::Key::new(key), toml_edit::Value::from(text));
            document.push_str(&format!("{key} = {text} # {comment}\n"));
        }
        if carriage {
            document = document.replace('\n', "\r\n");
        }
        let out = packed(&from, &document, Some(PASSPHRASE));
        let has_secrets = values.values().any(|(_, is_secret)| *is_secret);
        let arrived = unpacked(&to, &out.text, has_secrets.then_some(PASSPHRASE)).unwrap();
        prop_assert_eq!(open(&to, &arrived.document), open(&from, &document));
        let bare = |text: &str| {
            let places = places("x", text).unwrap();
            let sealed = places.iter().filter(|place| place.text.starts_with("sealed:"));
            crate::config::replaced(text, sealed.map(|place| (place, "")))
        };
        prop_assert_eq!(bare(&arrived.document), bare(&document), "all else byte for byte");
    }
}
