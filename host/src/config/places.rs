//! Where the texts of a document stand, so that some can be replaced and all else stays as it is.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{document, problem::Problem};

/// A string of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The key with dots, as problems name it.
    pub key: String,
    /// The string.
    pub text: String,
    /// Its bytes in the document, quotes included.
    pub span: Range<usize>,
    /// Whether `env:` and `file:` are references here: it is a token, a parameter's value or a variable.
    pub refers: bool,
}

impl Place {
    /// Whether it is the token of clients, or one of several.
    #[must_use]
    pub fn is_token(&self) -> bool {
        is_token(&self.key)
    }
}

fn is_token(key: &str) -> bool {
    key == "token" || key.starts_with("tokens[") && key.ends_with("].value")
}

/// Every string of a TOML document, in the order in which they stand there.
pub fn places(file: &str, text: &str) -> Result<Vec<Place>, Problem> {
    let root = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        Problem::at(file, text, offset, "", error.message().trim_end().replace('\n', ", "))
    })?;
    let mut found = Vec::new();
    of_table("", false, root.get_ref(), &mut found);
    found.sort_by_key(|place| place.span.start);
    Ok(found)
}

fn of_table(path: &str, is_values: bool, table: &DeTable<'_>, found: &mut Vec<Place>) {
    for (name, value) in table {
        let name = name.get_ref().as_ref();
        let key = document::join(path, name);
        let holds_values = name == "values" || key == "worker.environment";
        of_value(&key, holds_values, is_values || is_token(&key), value, found);
    }
}

fn of_value(
    key: &str,
    is_values: bool,
    refers: bool,
    value: &Spanned<DeValue<'_>>,
    found: &mut Vec<Place>,
) {
    match value.get_ref() {
        DeValue::String(text) => {
            let (key, text) = (key.to_owned(), text.to_string());
            found.push(Place { key, text, span: value.span(), refers });
        }
        DeValue::Table(table) => of_table(key, is_values, table, found),
        DeValue::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                of_value(&format!("{key}[{at}]"), false, false, item, found);
            }
        }
        _ => {}
    }
}

/// The document with other strings at some of its places; the rest stays byte for byte.
pub fn replaced<'t>(text: &str, by: impl IntoIterator<Item = (&'t Place, &'t str)>) -> String {
    let mut by: Vec<_> = by.into_iter().collect();
    by.sort_by_key(|(place, _)| place.span.start);
    let (mut new, mut at) = (String::with_capacity(text.len()), 0);
    for (place, string) in by {
        new.push_str(&text[at..place.span.start]);
        new.push_str(&toml_edit::Value::from(string).to_string());
        at = place.span.end;
    }
    new.push_str(&text[at..]);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"token = "t" # first
"odd key" = 'single'
run.full_import.values = { "a.b" = "step" }
number = 7

[values]
password = """
long"""
list = ["x", "y"]
[[object]]
attributes = { login = { scim = "userName" } }
"#;

    #[test]
    fn every_string_is_found_where_it_stands() {
        let found = places("a.toml", DOCUMENT).unwrap();
        let said: Vec<_> =
            found.iter().map(|p| (p.key.as_str(), p.text.as_str(), p.refers)).collect();
        assert_eq!(
            said,
            [
                ("token", "t", true),
                ("\"odd key\"", "single", false),
                ("run.full_import.values.\"a.b\"", "step", true),
                ("values.password", "long", true),
                ("values.list[0]", "x", false),
                ("values.list[1]", "y", false),
                ("object[0].attributes.login.scim", "userName", false),
            ]
        );
        assert_eq!(&DOCUMENT[found[1].span.clone()], "'single'");
        assert_eq!(&DOCUMENT[found[3].span.clone()], "\"\"\"\nlong\"\"\"");
        assert_eq!(places("a.toml", "a = 1\nb = = 2\n").unwrap_err().line, 2);
    }

    #[test]
    fn what_is_replaced_changes_nothing_else() {
        let found = places("a.toml", DOCUMENT).unwrap();
        assert_eq!(replaced(DOCUMENT, []), DOCUMENT);
        let new = replaced(DOCUMENT, [(&found[3], "a \"quote\""), (&found[0], "u")]);
        let expected =
            DOCUMENT.replace("\"t\" #", "\"u\" #").replace("\"\"\"\nlong\"\"\"", "'a \"quote\"'");
        assert_eq!(new, expected);
    }
}
