//! Documents as they are shown and moved: secrets left out, another name.

use super::files::{EditError, alone, parsed, read_document, write_atomic};
use std::{fs, path::Path};
use toml_edit::{DocumentMut, Item, TableLike, Value};

/// What stands where a secret is not shown.
const HIDDEN: &str = "***";

/// Words that the names of secrets have.
const SECRET_WORDS: [&str; 7] =
    ["password", "secret", "token", "passphrase", "pin", "credential", "connection_string"];

/// A document to show: sealed values, hashes of tokens, and texts that are named like secrets are
/// hidden. What is not TOML is hidden line by line.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    match text.parse::<DocumentMut>() {
        Ok(mut document) => {
            change_texts(document.as_table_mut(), &mut |key, text| {
                is_secret(key, text).then(|| HIDDEN.to_owned())
            });
            document.to_string()
        }
        Err(_) => text.lines().map(|line| hidden_line(line) + "\n").collect(),
    }
}

/// Puts other texts in the place of those for which `change`, which is told key and text, has one. What
/// is around them stays.
pub(super) fn change_texts(
    table: &mut dyn TableLike,
    change: &mut dyn FnMut(&str, &str) -> Option<String>,
) {
    for (key, item) in table.iter_mut() {
        let key = key.get().to_owned();
        match item {
            Item::Value(value) => change_in(&key, value, change),
            Item::Table(table) => change_texts(table, change),
            Item::ArrayOfTables(tables) => {
                tables.iter_mut().for_each(|table| change_texts(table, change));
            }
            Item::None => {}
        }
    }
}

fn change_in(key: &str, value: &mut Value, change: &mut dyn FnMut(&str, &str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(other) = change(key, text.value()) {
                let decor = value.decor().clone();
                *value = Value::from(other);
                *value.decor_mut() = decor;
            }
        }
        Value::Array(values) => {
            values.iter_mut().for_each(|value| change_in(key, value, change));
        }
        Value::InlineTable(table) => change_texts(table, change),
        _ => {}
    }
}

fn is_secret(key: &str, text: &str) -> bool {
    let is_reference = ["env:", "file:"].iter().any(|prefix| text.starts_with(prefix));
    let is_hidden = ["sealed:", "sha256:"].iter().any(|prefix| text.starts_with(prefix));
    // An attribute's path, such as `export_password = "password"`, is no secret, but cannot be told
    // from one by its form.
    is_hidden || !is_reference && sounds_secret(key)
}

/// Whether a key has the name of a secret.
#[must_use]
pub fn sounds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

fn hidden_line(line: &str) -> String {
    match line.split_once('=') {
        Some((key, value)) if is_secret(key, value.trim().trim_matches(['"', '\''])) => {
            format!("{key}= \"{HIDDEN}\"")
        }
        _ => line.to_owned(),
    }
}

/// Gives a document another file name, and the name in it, if it says one, with it. A host that watches
/// sees the new file whole.
pub fn rename_document(from: &Path, to: &Path, name: &str) -> Result<(), EditError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| EditError::File { path: path.clone(), source }
    };
    let text = read_document(from).map_err(file(from))?;
    if let Ok(mut document) = text.parse::<DocumentMut>()
        && document.get("name").is_some()
    {
        document["name"] = toml_edit::value(name);
        write_atomic(to, document.to_string().as_bytes(), None).map_err(file(to))?;
        return fs::remove_file(from).map_err(file(from));
    }
    fs::rename(from, to).map_err(file(from))
}

/// Names the operator's own certificate in `host.toml`, which is made if it is not there; the rest,
/// comments included, stays.
pub fn set_certificate(path: &Path, certificate: &str, key: &str) -> Result<(), EditError> {
    let file = |source| EditError::File { path: path.to_owned(), source };
    let _alone = alone(path).map_err(file)?;
    let text = match read_document(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(file)?,
    };
    let mut document = parsed(path, &text)?;
    let table = document["tls"].or_insert(toml_edit::table());
    let Some(table) = table.as_table_like_mut() else {
        return Err(EditError::Refused {
            path: path.to_owned(),
            reason: "tls is no table, where one is wanted".to_owned(),
        });
    };
    table.remove("pkcs12");
    table.remove("password");
    table.insert("certificate", toml_edit::value(certificate));
    table.insert("key", toml_edit::value(key));
    write_atomic(path, document.to_string().as_bytes(), None).map_err(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let text = "# mine\ntoken = \"sha256:ab:cd\" # hash\n[values]\nfile = \"people.csv\"\n\
                    password = \"plain\"\nbind_password = \"env:X\"\nkey = \"sealed:AQ\"\n\
                    connection_string = \"Driver=x;Pwd=y\"\n";
        let shown = "# mine\ntoken = \"***\" # hash\n[values]\nfile = \"people.csv\"\n\
                     password = \"***\"\nbind_password = \"env:X\"\nkey = \"***\"\n\
                     connection_string = \"***\"\n";
        assert_eq!(without_secrets(text), shown);
    }

    #[test]
    fn secrets_are_hidden_in_what_is_no_toml() {
        let shown = without_secrets("a = = 1\npassword = \"plain\nkey = sealed:AQ\n");
        assert_eq!(shown, "a = = 1\npassword = \"***\"\nkey = \"***\"\n");
    }

    #[test]
    fn a_renamed_document_says_its_new_name() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("A.toml"), folder.path().join("B.toml"));
        fs::write(&from, "name = \"A\" # n\nplugin = \"x\"\n").unwrap();
        rename_document(&from, &to, "B").unwrap();
        assert!(!from.exists());
        assert!(fs::read_to_string(&to).unwrap().starts_with("name = \"B\""));
        fs::write(&from, "plugin = \"x\"\n").unwrap();
        rename_document(&from, &to, "B").unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "plugin = \"x\"\n");
    }

    #[test]
    fn a_certificate_is_named_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.toml");
        let named = "[tls]\ncertificate = \"c\"\nkey = \"k\"\n";
        for (before, after) in [
            (None, named.to_owned()),
            (Some("# mine\nlisten = [] # l\n"), format!("# mine\nlisten = [] # l\n\n{named}")),
            (
                Some("[tls] # t\npkcs12 = \"p\"\n[log]\n"),
                named.replace("[tls]", "[tls] # t") + "[log]\n",
            ),
        ] {
            let _ = fs::remove_file(&path);
            before.into_iter().for_each(|text| fs::write(&path, text).unwrap());
            set_certificate(&path, "c", "k").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
        fs::write(&path, "tls = 1\n").unwrap();
        let refused = set_certificate(&path, "c", "k").unwrap_err().to_string();
        assert!(refused.ends_with("tls is no table, where one is wanted"), "{refused}");
    }
}
