//! The demo's connector documents and tokens: a document holds the salted hash, the token itself
//! is kept beside the demo so that a later run can print it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::{
    files::{self, Reader},
    say,
};

const HOST: &str = include_str!("../templates/host.toml");
const CONNECTORS: [(&str, &str, &str); 2] = [
    ("CORPDB", "generic-sql", include_str!("../templates/CORPDB.toml")),
    ("HRFILE", "csv-file", include_str!("../templates/HRFILE.toml")),
];

/// A connector of the demo and the secret that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connector {
    pub(crate) name: &'static str,
    pub(crate) plugin: &'static str,
    pub(crate) token: String,
}

/// Writes the documents that are not there and returns the connectors with their tokens.
pub(crate) fn ensure(home: &Path) -> anyhow::Result<Vec<Connector>> {
    write_if_missing(&home.join("host.toml"), HOST)?;
    let kept = home.join("demo/tokens.json");
    let mut tokens: BTreeMap<String, String> = match fs::read(&kept) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is damaged; delete it", kept.display()))?,
        Err(_) => BTreeMap::new(),
    };
    let mut connectors = Vec::new();
    for (name, plugin, template) in CONNECTORS {
        let path = home.join("connectors").join(format!("{name}.toml"));
        if !path.exists() {
            if !tokens.contains_key(name) {
                tokens.insert(name.into(), random_hex::<32>()?);
                files::write(&kept, &serde_json::to_vec_pretty(&tokens)?, Reader::Owner)?;
            }
            let hashed = hash(&tokens[name], &random_hex::<16>()?)?;
            write_if_missing(&path, &template.replace("@TOKEN@", &hashed))?;
        }
        let token = tokens.get(name).cloned().unwrap_or_default();
        check(&path, &token)
            .with_context(|| format!("{} was not made with this demo", path.display()))?;
        connectors.push(Connector { name, plugin, token });
    }
    Ok(connectors)
}

/// The same document for people alone, as they stand in their own rows: what is measured stays the
/// same when the demo gets more.
pub(crate) fn people_only(document: &str) -> anyhow::Result<String> {
    let mut document: toml::Table = document.parse()?;
    let values = document.get_mut("values").and_then(toml::Value::as_table_mut);
    let values = values.context("the document has no [values]")?;
    let mut others = BTreeSet::new();
    if let Some(toml::Value::Array(children)) = values.remove("multi_valued_tables") {
        values.insert("tables".into(), "person".into());
        let attribute = |entry: &toml::Value| Some(entry.as_str()?.split_once(" = ")?.0.to_owned());
        others.extend(children.iter().filter_map(attribute));
    }
    let objects = document.get_mut("object").and_then(toml::Value::as_array_mut);
    let objects = objects.context("the document has no [[object]]")?;
    objects.retain(|object| object["type"].as_str() == Some("person"));
    for object in objects.iter_mut() {
        let attributes = object.get_mut("attributes").and_then(toml::Value::as_table_mut);
        let attributes = attributes.context("the document has no [object.attributes]")?;
        attributes.retain(|name, _| !others.contains(&format!("person.{name}")));
    }
    Ok(document.to_string())
}

fn write_if_missing(path: &Path, text: &str) -> anyhow::Result<()> {
    if !path.exists() {
        files::write(path, text.as_bytes(), Reader::All)?;
        say!("wrote {}", path.display());
    }
    Ok(())
}

/// Refuses a document whose token is another than the one we would print.
fn check(path: &Path, token: &str) -> anyhow::Result<()> {
    let document: toml::Table = fs::read_to_string(path)?.parse()?;
    let written = document.get("token").and_then(toml::Value::as_str).unwrap_or_default();
    let salt = written.split(':').nth(1).unwrap_or_default();
    if written.is_empty() || hash(token, salt).ok().as_deref() != Some(written) {
        bail!(
            "its token is not the one in demo/tokens.json; delete the document to have it rewritten"
        );
    }
    Ok(())
}

/// A new token, and what a document says of it.
pub(crate) fn new_token() -> anyhow::Result<(String, String)> {
    let token = random_hex::<32>()?;
    let hashed = hash(&token, &random_hex::<16>()?)?;
    Ok((token, hashed))
}

/// `sha256:<salt>:<hash>`, both in hex; the hash is over the salt's bytes and then the token's.
fn hash(token: &str, salt: &str) -> anyhow::Result<String> {
    let digest = Sha256::new().chain_update(from_hex(salt)?).chain_update(token).finalize();
    Ok(format!("sha256:{salt}:{}", to_hex(&digest)))
}

fn random_hex<const BYTES: usize>() -> anyhow::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).context("the system gives no random bytes")?;
    Ok(to_hex(&bytes))
}

/// Eight characters nobody has used before, for a name.
pub(crate) fn fresh() -> anyhow::Result<String> {
    random_hex::<4>()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}

fn from_hex(text: &str) -> anyhow::Result<Vec<u8>> {
    let pair = |at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len())
        .step_by(2)
        .map(|at| pair(at).with_context(|| format!("`{text}` is not hex")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_finds_the_same_tokens_and_no_document_holds_one() {
        let home = tempfile::tempdir().unwrap();
        let first = ensure(home.path()).unwrap();
        assert_eq!(first, ensure(home.path()).unwrap());
        for connector in &first {
            assert_eq!(connector.token.len(), 64);
            let path = home.path().join(format!("connectors/{}.toml", connector.name));
            let text = fs::read_to_string(path).unwrap();
            assert!(!text.contains(&connector.token) && !text.contains("@TOKEN@"));
        }
        assert_ne!(first[0].token, first[1].token);
    }

    #[test]
    fn the_hash_is_over_salt_and_token() {
        // printf '\x01\x02abc' | sha256sum
        let expected =
            "sha256:0102:bf0e4665c55d7d245e3678ba4ac7c8692ab26a4e6ccf854425757a4893351544";
        assert_eq!(hash("abc", "0102").unwrap(), expected);
        assert!(hash("abc", "xy").is_err());
        assert!(hash("abc", "012").is_err());
    }

    #[test]
    fn a_lost_document_is_written_again_for_the_same_token() {
        let home = tempfile::tempdir().unwrap();
        let first = ensure(home.path()).unwrap();
        fs::remove_file(home.path().join("connectors/HRFILE.toml")).unwrap();
        assert_eq!(first, ensure(home.path()).unwrap());
    }

    #[test]
    fn a_document_with_another_token_is_refused_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        ensure(home.path()).unwrap();
        let path = home.path().join("connectors/CORPDB.toml");
        fs::write(&path, "token = \"env:ELSEWHERE\"\n").unwrap();
        let error = format!("{:#}", ensure(home.path()).unwrap_err());
        assert!(error.contains("CORPDB.toml") && error.contains("tokens.json"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "token = \"env:ELSEWHERE\"\n");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_tokens() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        ensure(home.path()).unwrap();
        let kept = fs::metadata(home.path().join("demo/tokens.json")).unwrap();
        assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_measured_is_people_in_their_own_rows() {
        for (name, _, template) in CONNECTORS {
            let document: toml::Table = people_only(template).unwrap().parse().unwrap();
            let objects = document["object"].as_array().unwrap();
            assert_eq!(objects.len(), 1, "{name}");
            let mapped = objects[0]["attributes"].as_table().unwrap();
            assert!(mapped.contains_key("login") && !mapped.contains_key("roles"), "{name}");
            let values = document["values"].as_table().unwrap();
            assert!(!values.contains_key("multi_valued_tables"), "{name}");
            assert_eq!(
                document["autosync"].as_integer(),
                Some(120),
                "{name}: it is replaced as text"
            );
            assert!(people_only(template).unwrap().contains("autosync = 120\n"), "{name}");
            if name == "CORPDB" {
                assert_eq!(values["tables"].as_str(), Some("person"));
            }
        }
    }

    #[test]
    fn every_column_of_the_demo_is_mapped_or_left_out_on_purpose() {
        for (name, left_out) in
            [("CORPDB", &["id", "enabled", "note"][..]), ("HRFILE", &["enabled"])]
        {
            let (_, _, text) = CONNECTORS.into_iter().find(|(n, _, _)| *n == name).unwrap();
            let document: toml::Table = text.parse().unwrap();
            let mapped = document["object"][0]["attributes"].as_table().unwrap();
            for column in crate::people::COLUMNS {
                assert_ne!(
                    mapped.contains_key(column),
                    left_out.contains(&column),
                    "{name} {column}"
                );
            }
        }
    }
}
