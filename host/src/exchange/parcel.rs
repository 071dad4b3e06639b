//! The file that a connector travels in: TOML that people can read and compare, with the document in
//! it as it stands.

use serde::{Deserialize, Serialize};
use toml_edit::{Item, Table, Value};

use super::{error::ImportError, sealed_box::SealedBox};

/// The form of the file. A newer one is refused.
pub(super) const FORMAT: i64 = 1;
const HEAD: &str =
    "# A connector of ecma-host. Read it with care: what it names as a plugin will run.\n";

/// A connector on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) connector: String,
    pub(super) plugin: String,
    /// None where the plugin was not there when it was exported.
    pub(super) plugin_version: Option<String>,
    pub(super) host_version: String,
    /// When, by RFC 3339.
    pub(super) exported: String,
    /// The document byte for byte, with a placeholder for each secret.
    pub(super) document: String,
    pub(super) secrets: Option<SealedBox>,
}

/// What serde reads; the format has been looked at.
#[derive(Deserialize)]
struct Written {
    connector: String,
    plugin: String,
    plugin_version: Option<String>,
    host_version: String,
    exported: String,
    document: String,
    secrets: Option<SealedBox>,
}

/// The box alone, for serde to write.
#[derive(Serialize)]
struct Secrets<'b> {
    secrets: &'b SealedBox,
}

impl Parcel {
    /// Whether a text looks like such a file; its syntax may still be wrong.
    pub(super) fn is_one(text: &str) -> bool {
        text.lines().any(|line| {
            line.strip_prefix("format").is_some_and(|rest| rest.trim_start().starts_with('='))
        })
    }

    pub(super) fn read(text: &str) -> Result<Parcel, ImportError> {
        let damaged = |error: toml::de::Error| {
            ImportError::Damaged(error.message().trim_end().replace('\n', ", "))
        };
        let table: toml::Table = text.parse().map_err(damaged)?;
        match table.get("format").and_then(toml::Value::as_integer) {
            Some(FORMAT) => {}
            Some(newer) => return Err(ImportError::Newer(newer)),
            None => return Err(ImportError::Damaged("format is no number".into())),
        }
        let written: Written = table.try_into().map_err(damaged)?;
        Ok(Parcel {
            connector: written.connector,
            plugin: written.plugin,
            plugin_version: written.plugin_version,
            host_version: written.host_version,
            exported: written.exported,
            document: written.document,
            secrets: written.secrets,
        })
    }

    pub(super) fn write(&self) -> String {
        let mut table = Table::new();
        table.insert("format", toml_edit::value(FORMAT));
        for (key, text) in [
            ("connector", Some(&self.connector)),
            ("plugin", Some(&self.plugin)),
            ("plugin_version", self.plugin_version.as_ref()),
            ("host_version", Some(&self.host_version)),
            ("exported", Some(&self.exported)),
        ] {
            if let Some(text) = text {
                table.insert(key, toml_edit::value(text.as_str()));
            }
        }
        table.insert("document", Item::Value(block(&self.document)));
        let secrets = self.secrets.as_ref().map(|secrets| {
            toml::to_string(&Secrets { secrets }).expect("texts and numbers can be written")
        });
        let secrets = secrets.map(|text| format!("\n{text}")).unwrap_or_default();
        format!("{HEAD}{table}{secrets}")
    }

    /// What has to be as it was for the box to open: each part with its length before it.
    pub(super) fn around(&self) -> Vec<u8> {
        let format = FORMAT.to_string();
        let parts = ["ecma-host parcel", &format, &self.connector, &self.plugin, &self.document];
        let length = |part: &str| (part.len() as u64).to_le_bytes();
        parts.iter().flat_map(|part| length(part).into_iter().chain(part.bytes())).collect()
    }
}

/// A text of several lines, as it stands where TOML allows that, else with escapes.
fn block(text: &str) -> Value {
    let plain = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
    let literal = text.chars().all(plain) && !text.contains("'''") && !text.ends_with('\'');
    let repr = match literal {
        true => format!("'''\n{text}'''"),
        false => format!("\"\"\"\n{}\"\"\"", escaped(text)),
    };
    repr.parse().expect("what TOML does not allow is escaped")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '"' => escaped.extend(['\\', c]),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() => escaped.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::sealed_box::Cost;

    fn parcel(document: &str) -> Parcel {
        Parcel {
            connector: "HR".into(),
            plugin: "generic-sql".into(),
            plugin_version: Some("0.1.0".into()),
            host_version: "0.2.0".into(),
            exported: "2026-01-31T08:30:00Z".into(),
            document: document.into(),
            secrets: None,
        }
    }

    #[test]
    fn the_document_stands_in_it_as_people_wrote_it() {
        let text = parcel("plugin = \"x\" # ours\n\n[values]\npath = 'C:\\hr'\n").write();
        assert_eq!(
            text,
            "# A connector of ecma-host. Read it with care: what it names as a plugin will run.\n\
             format = 1\nconnector = \"HR\"\nplugin = \"generic-sql\"\nplugin_version = \"0.1.0\"\n\
             host_version = \"0.2.0\"\nexported = \"2026-01-31T08:30:00Z\"\ndocument = '''\n\
             plugin = \"x\" # ours\n\n[values]\npath = 'C:\\hr'\n'''\n"
        );
        assert!(Parcel::is_one(&text) && !Parcel::is_one("plugin = \"x\"\n"));
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
        let secrets = SealedBox::seal(cost, &"correct horse".into(), "{}", b"");
        for document in [
            "",
            "\n",
            "\n\na",
            "a",
            "it's",
            "'",
            "'''",
            "a\r\nb\r\n",
            "\"\"\"",
            "\\",
            "\t\u{7f}\u{85}",
            "größe\n",
        ] {
            for secrets in [None, Some(secrets.clone())] {
                let whole = Parcel { secrets, plugin_version: None, ..parcel(document) };
                assert_eq!(Parcel::read(&whole.write()).unwrap(), whole, "{document:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_document_comes_back_byte_for_byte(document in "[a'\"\\\\\r\n\t\\PC]{0,40}|\\PC*") {
            prop_assert_eq!(Parcel::read(&parcel(&document).write()).unwrap().document, document);
        }
    }

    #[test]
    fn what_is_no_such_file_or_a_newer_one_is_told() {
        let text = parcel("").write();
        let newer = Parcel::read(&text.replace("format = 1", "format = 2")).unwrap_err();
        assert!(matches!(newer, ImportError::Newer(2)), "{newer}");
        for (from, to) in [
            ("format = 1", "format = true"),
            ("connector = \"HR\"\n", ""),
            ("document = '''", "document = ''"),
        ] {
            let error = Parcel::read(&text.replace(from, to)).unwrap_err();
            assert!(matches!(error, ImportError::Damaged(_)), "{error}");
        }
    }

    #[test]
    fn what_stands_around_a_box_cannot_move_between_its_parts() {
        let one = Parcel { connector: "HRg".into(), plugin: "sql".into(), ..parcel("") };
        let other = Parcel { connector: "HR".into(), plugin: "gsql".into(), ..parcel("") };
        assert_ne!(one.around(), other.around());
    }
}
