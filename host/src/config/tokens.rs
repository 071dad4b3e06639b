//! The tokens of a connector as its document has them: the first, written `token`, and those written
//! `[[tokens]]`, with their names and ends.

use super::{
    document::Section,
    files::{EditError, change_document},
    keys::{Key, Shape},
    token::{TokenHash, TokenSource},
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use sha2::{Digest, Sha256};
use std::path::Path;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

/// What the token written `token` is called.
pub const DEFAULT_TOKEN: &str = "default";

/// Tokens of a connector at once.
const MOST: usize = 4;

pub(super) const TOKENS: &[Key] = &[
    Key::new("name", Shape::NAME, "What it is called in the log and in commands.").required(),
    Key::new("value", Shape::NAME, "Its hash, or \"env:NAME\" or \"file:PATH\".")
        .required_because("missing: `ecma-host token new CONNECTOR --label NAME` makes one"),
    Key::new(
        "expires",
        Shape::NAME,
        "Its last day in UTC, such as \"2026-12-31\", or a time, such as \"2026-12-31T12:00:00Z\".",
    ),
    Key::new(
        "read_only",
        Shape::Flag { default: false },
        "Whether it may only read: for people and monitoring, not for provisioning.",
    ),
];

/// A token as a document has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEntry {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub source: TokenSource,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
    /// Whether it may only read.
    pub read_only: bool,
}

impl TokenEntry {
    /// Tells it from others, also from another one of the same name, without telling what it is.
    #[must_use]
    pub fn print(&self, connector: &str) -> String {
        let text = match &self.source {
            // With its salt it is like no other; so it is known when its connector was renamed.
            TokenSource::Hash(hash) => hash.to_string(),
            TokenSource::Env(name) => format!("{connector} env:{name}"),
            TokenSource::File(path) => format!("{connector} file:{path}"),
        };
        Sha256::digest(text)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Reads when a token ends: a day in UTC counts whole.
pub fn parse_expiry(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let day: Result<Date, _> = text.parse();
    let next = day.and_then(|day| day.tomorrow()?.to_zoned(TimeZone::UTC));
    next.map(|next| next.timestamp()).map_err(|_| {
        "is not a day such as \"2026-12-31\", nor a time such as \"2026-12-31T12:00:00Z\""
            .to_owned()
    })
}

/// The day so many days after a time, in UTC.
#[must_use]
pub fn days_later(now: Timestamp, days: u16) -> String {
    let then = now + SignedDuration::from_hours(24 * i64::from(days));
    then.to_zoned(TimeZone::UTC).date().to_string()
}

/// Whether a token may be called so.
pub fn check_label(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name == DEFAULT_TOKEN {
        return Err("is the name of the token written `token = …`: choose another one".into());
    }
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        return Err("a name is 1 to 64 ASCII letters, digits, hyphens, dots or underscores".into());
    }
    Ok(())
}

/// All tokens of a document, the default first.
pub(super) fn tokens(connector: &str, root: &Section<'_>) -> Vec<TokenEntry> {
    let written = root.sections("tokens");
    let mut tokens: Vec<TokenEntry> = Vec::new();
    let remedy = format!("run `ecma-host token new {connector}`, which writes its hash here");
    if let Some(text) = root.text("token").filter(|text| !text.is_empty()) {
        match TokenSource::parse(&text) {
            Ok(source) => tokens.push(TokenEntry {
                name: DEFAULT_TOKEN.to_owned(),
                source,
                expires: None,
                read_only: false,
            }),
            Err(message) => root.problem("token", format!("{message}: {remedy}")),
        }
    } else if !root.has("token") && written.is_empty() {
        root.problem("token", "missing: `ecma-host token new NAME` makes one");
    }
    for section in &written {
        let name = section.text("name").unwrap_or_default();
        if tokens.iter().any(|known| known.name == name) {
            section.problem("name", format!("there are two tokens called {name:?}"));
        } else if let (false, Err(message)) = (name.is_empty(), check_label(&name)) {
            section.problem("name", message);
        }
        let value = section.text("value").filter(|text| !text.is_empty());
        let source = value.and_then(|text| match TokenSource::parse(&text) {
            Ok(source) => Some(source),
            Err(message) => {
                let remedy = format!("run `ecma-host token new {connector} --label NAME`");
                section.problem("value", format!("{message}: {remedy}"));
                None
            }
        });
        let expires = section.text("expires").filter(|text| !text.is_empty());
        let expires = expires.and_then(|text| match parse_expiry(&text) {
            Ok(time) => Some(time),
            Err(message) => {
                section.problem("expires", message);
                None
            }
        });
        if let Some(source) = source {
            tokens.push(TokenEntry { name, source, expires, read_only: section.flag("read_only") });
        }
    }
    if written.len() + usize::from(root.has("token")) > MOST {
        root.problem("tokens", format!("a connector has at most {MOST} tokens; remove one"));
    }
    tokens
}

/// A token to be written.
pub struct NewToken<'t> {
    /// What it is called.
    pub name: &'t str,
    /// Its hash.
    pub hash: TokenHash,
    /// When it ends, as [`parse_expiry`] reads it.
    pub expires: Option<&'t str>,
    /// Whether it may only read.
    pub read_only: bool,
}

/// Adds a token to a document; the rest, comments included, stays.
pub fn add_token(path: &Path, token: &NewToken<'_>) -> Result<(), EditError> {
    change_document(path, |document| {
        check_label(token.name).map_err(|message| format!("{}: {message}", token.name))?;
        let has_default = document.contains_key("token");
        let tables = tables(document)?;
        if tables.iter().any(|table| is_called(table, token.name)) {
            let name = token.name;
            return Err(format!(
                "there is a token {name} already; remove it first, or choose another name"
            ));
        }
        if tables.len() + usize::from(has_default) >= MOST {
            return Err(format!("a connector has at most {MOST} tokens; remove one first"));
        }
        let mut table = Table::new();
        table["name"] = value(token.name);
        table["value"] = value(token.hash.to_string());
        if let Some(expires) = token.expires {
            table["expires"] = value(expires);
        }
        if token.read_only {
            table["read_only"] = value(true);
        }
        tables.push(table);
        Ok(())
    })
}

/// Takes a token out of a document; the last one stays.
pub fn remove_token(path: &Path, name: &str) -> Result<(), EditError> {
    change_document(path, |document| {
        let has_default = document.contains_key("token");
        let tables = tables(document)?;
        let is_last = tables.len() + usize::from(has_default) < 2;
        let last = || Err("the last token cannot be removed; make another one first".to_owned());
        if name == DEFAULT_TOKEN && has_default {
            if is_last {
                return last();
            }
            document.remove("token");
            return Ok(());
        }
        let names = tables.iter().filter_map(|table| table.get("name")?.as_str());
        let names =
            names.chain(has_default.then_some(DEFAULT_TOKEN)).collect::<Vec<_>>().join(", ");
        let before = tables.len();
        tables.retain(|table| !is_called(table, name));
        if tables.len() == before {
            return Err(format!("there is no token {name}; it has {names}"));
        }
        if is_last {
            return last();
        }
        Ok(())
    })
}

fn is_called(table: &Table, name: &str) -> bool {
    table.get("name").and_then(Item::as_str) == Some(name)
}

fn tables(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, String> {
    let tables =
        document.entry("tokens").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    tables
        .as_array_of_tables_mut()
        .ok_or_else(|| "tokens: write them as [[tokens]] first".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConnectorConfig, Problem};
    use std::fs;

    fn hash() -> String {
        TokenHash::new("0123456789ab").to_string()
    }

    fn read(text: &str) -> Result<Vec<TokenEntry>, Vec<String>> {
        let text = format!("{text}\n[[object]]\ntype = \"x\"\n");
        let text = format!("plugin = \"x\"\n{}", text.replace("HASH", &hash()));
        let read = ConnectorConfig::parse(&"hr".parse().unwrap(), "hr.toml", &text);
        read.map(|config| config.tokens)
            .map_err(|problems| problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn tokens_are_read_with_their_names_and_ends() {
        let tokens = read(
            "token = \"HASH\"\n[[tokens]]\nname = \"next\"\nvalue = \"env:X\"\nexpires = \"2026-12-31\"\n\
             [[tokens]]\nname = \"eye\"\nvalue = \"file:x\"\nexpires = \"2026-12-31T12:00:00+02:00\"\n\
             read_only = true",
        )
        .unwrap();
        let names: Vec<_> = tokens.iter().map(|one| (one.name.as_str(), one.read_only)).collect();
        assert_eq!(names, [("default", false), ("next", false), ("eye", true)]);
        let ends: Vec<_> =
            tokens.iter().map(|one| one.expires.map(|end| end.to_string())).collect();
        let end = |text: &str| Some(text.to_owned());
        assert_eq!(ends, [None, end("2027-01-01T00:00:00Z"), end("2026-12-31T10:00:00Z")]);
        assert_eq!(read("[[tokens]]\nname = \"a\"\nvalue = \"HASH\"").unwrap()[0].name, "a");
    }

    #[test]
    fn wrong_tokens_say_what_is_wrong() {
        let one = |more: &str| format!("[[tokens]]\nname = \"a\"\nvalue = \"HASH\"\n{more}");
        for (text, expected) in [
            (String::new(), "token: missing: `ecma-host token new NAME` makes one"),
            ("[[tokens]]\nvalue = \"HASH\"".into(), "tokens[0].name: missing"),
            ("[[tokens]]\nname = \"a\"".into(), "value: missing: `ecma-host token new"),
            (one("expires = \"soon\""), "tokens[0].expires: is not a day such as"),
            (one("expires = \"2026-13-01\""), "tokens[0].expires: is not a day such as"),
            (one(&one("")), "tokens[1].name: there are two tokens called \"a\""),
            (one("").replace("\"a\"", "\"default\""), "name: is the name of the token written"),
            (one("").replace("\"a\"", "\"a b\""), "name: a name is 1 to 64"),
            (one("").replace("HASH", "plainplainplain"), "value: is plain text"),
            (
                format!(
                    "token = \"HASH\"\n{}",
                    ["b", "c", "d", "e"]
                        .map(|name| { one("").replace("\"a\"", &format!("\"{name}\"")) })
                        .concat()
                ),
                "tokens: a connector has at most 4",
            ),
        ] {
            let problems = read(&text).unwrap_err();
            assert!(problems.iter().any(|one| one.contains(expected)), "{text}: {problems:?}");
        }
    }

    #[test]
    fn tokens_are_added_and_removed_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let before = "# top\ntoken = \"old\" # keep\n\n[values] # v\na = 1\n";
        fs::write(&path, before).unwrap();
        let add = |name, expires| {
            let hash = TokenHash::new("0123456789ab");
            add_token(&path, &NewToken { name, hash, expires, read_only: expires.is_some() })
        };
        add("next", None).unwrap();
        add("eye", Some("2026-12-31")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(before), "{text}");
        assert!(text.ends_with("expires = \"2026-12-31\"\nread_only = true\n"), "{text}");
        assert!(add("eye", None).unwrap_err().to_string().contains("there is a token eye already"));
        assert!(add("a b", None).is_err() && add("default", None).is_err());
        add("more", None).unwrap();
        assert!(add("fifth", None).unwrap_err().to_string().contains("at most 4"));
        assert!(
            remove_token(&path, "nobody")
                .unwrap_err()
                .to_string()
                .contains("next, eye, more, default")
        );
        for name in ["default", "next", "more"] {
            remove_token(&path, name).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("old") && text.contains("[values] # v"), "{text}");
        assert!(remove_token(&path, "eye").unwrap_err().to_string().contains("the last token"));
    }

    #[test]
    fn a_print_tells_tokens_apart_and_nothing_else() {
        let of = |source: &str, connector: &str| {
            let source = TokenSource::parse(source).unwrap();
            TokenEntry { name: "a".into(), source, expires: None, read_only: false }
                .print(connector)
        };
        let (one, other) = (hash(), hash());
        assert_eq!(of(&one, "A"), of(&one, "B"));
        assert_ne!(of(&one, "A"), of(&other, "A"));
        assert_ne!(of("env:X", "A"), of("env:X", "B"));
        assert!(!one.contains(&of(&one, "A")));
    }

    #[test]
    fn days_are_counted_in_utc() {
        assert_eq!(days_later("2026-12-01T23:30:00-01:00".parse().unwrap(), 30), "2027-01-01");
    }
}
