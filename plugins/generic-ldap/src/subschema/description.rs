//! A description of the schema (RFC 4512 §4.1), `( 2.5.4.3 NAME 'cn' SUP name )`, taken apart into
//! words and their values.
//!
//! Servers write more than the grammar has, so it is read by the shape of its words alone: numbers
//! may be quoted or be no numbers, lists may lack their dollar signs, and quotes in a text may not be
//! escaped.

/// A description: what it describes, and what it says by which word.
#[derive(Debug)]
pub(super) struct Description {
    /// The number, or the word that stands in its place; none when there is no such place.
    oid: Option<String>,
    says: Vec<(String, Vec<String>)>,
}

/// Words that are followed by a value even when it is neither quoted nor a list.
const WITH_VALUE: [&str; 16] = [
    "NAME", "DESC", "SUP", "EQUALITY", "ORDERING", "SUBSTR", "SYNTAX", "USAGE", "MUST", "MAY",
    "AUX", "NOT", "OC", "FORM", "RULE", "APPLIES",
];
/// Words that stand alone.
const ALONE: [&str; 7] = [
    "OBSOLETE",
    "SINGLE-VALUE",
    "COLLECTIVE",
    "NO-USER-MODIFICATION",
    "ABSTRACT",
    "STRUCTURAL",
    "AUXILIARY",
];

impl Description {
    /// Takes a description apart; the error says what it lacks.
    pub(super) fn read(text: &str) -> Result<Description, &'static str> {
        let tokens = tokens(text)?;
        let [Token::Open, inner @ .., Token::Close] = tokens.as_slice() else {
            return Err("is not in parentheses");
        };
        // In upper case alone: "name" is an attribute type as well.
        let is_known = |word: &str| WITH_VALUE.iter().chain(&ALONE).any(|known| word == *known);
        let (oid, mut rest) = match inner {
            [Token::Word(word), rest @ ..] if !is_known(word) => (Some(word.clone()), rest),
            [Token::Quoted(text), rest @ ..] => (Some(text.trim().to_owned()), rest),
            rest => (None, rest),
        };
        let mut says = Vec::new();
        while let [first, after @ ..] = rest {
            rest = after;
            let Token::Word(word) = first else {
                // A value of a word that is not known, or a dollar sign too many.
                continue;
            };
            let mut values = Vec::new();
            match rest {
                [Token::Open, after @ ..] => {
                    let Some(end) = after.iter().position(|token| *token == Token::Close) else {
                        return Err("has a list that does not end");
                    };
                    values.extend(after[..end].iter().filter_map(Token::text));
                    rest = &after[end + 1..];
                }
                [Token::Quoted(text), after @ ..] => {
                    values.push(text.clone());
                    rest = after;
                }
                [Token::Word(value), after @ ..]
                    if WITH_VALUE.iter().any(|known| word.eq_ignore_ascii_case(known))
                        && !is_known(value) =>
                {
                    values.push(value.clone());
                    rest = after;
                }
                _ => {}
            }
            says.push((word.to_ascii_uppercase(), values));
        }
        Ok(Description { oid: oid.filter(|oid| !oid.is_empty()), says })
    }

    /// The number, or else the first name.
    pub(super) fn oid(&self) -> Result<String, &'static str> {
        let name = || self.values("NAME").first().cloned();
        self.oid.clone().or_else(name).ok_or("has neither a number nor a name")
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.says.iter().any(|(known, _)| known == word)
    }

    /// The values of a word, in upper case; none when it does not stand there.
    pub(super) fn values(&self, word: &str) -> Vec<String> {
        let said = self.says.iter().filter(|(known, _)| known == word);
        let values = said.flat_map(|(_, values)| values.iter().map(|value| value.trim()));
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// The first value of a word.
    pub(super) fn value(&self, word: &str) -> Option<String> {
        self.values(word).into_iter().next()
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Dollar,
    Quoted(String),
    Word(String),
}

impl Token {
    fn text(&self) -> Option<String> {
        match self {
            Token::Quoted(text) | Token::Word(text) => Some(text.clone()),
            _ => None,
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '$' => (Token::Dollar, 1),
            '\'' => {
                let inner = &rest[1..];
                let end = end_of_quoted(inner).ok_or("has a quoted text that does not end")?;
                (Token::Quoted(unescape(&inner[..end])), end + 2)
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '$' | '\'');
                let length = rest.find(ends).unwrap_or(rest.len());
                (Token::Word(rest[..length].to_owned()), length)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// The quote that ends a text: the first one behind which a word could end. One within a word is an
/// apostrophe that was not escaped.
fn end_of_quoted(inner: &str) -> Option<usize> {
    let mut quotes = inner.match_indices('\'').map(|(at, _)| at);
    quotes.find(|at| {
        let next = inner[at + 1..].chars().next();
        next.is_none_or(|c| c.is_whitespace() || matches!(c, ')' | '$'))
    })
}

/// `\27` is a quote and `\5C` a backslash (RFC 4512 §4.1); any other backslash is itself.
fn unescape(text: &str) -> String {
    text.replace("\\27", "'").replace("\\5C", "\\").replace("\\5c", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A description as it was understood.
    fn shown(text: &str) -> String {
        match Description::read(text) {
            Ok(description) => {
                let says = description.says.iter().map(|(word, values)| {
                    values.iter().fold(word.clone(), |text, value| format!("{text} <{value}>"))
                });
                let oid = description.oid.clone().unwrap_or_default();
                std::iter::once(oid).chain(says).collect::<Vec<_>>().join("; ")
            }
            Err(why) => why.to_owned(),
        }
    }

    #[test]
    fn words_and_values_are_found_whatever_the_server_does_with_quotes_and_lists() {
        for (text, expected) in [
            (
                "( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name )",
                "2.5.4.3; NAME <cn> <commonName>; SUP <name>",
            ),
            (
                "(2.5.6.0 NAME 'top' ABSTRACT MUST (objectClass $ b ))",
                "2.5.6.0; NAME <top>; ABSTRACT; MUST <objectClass> <b>",
            ),
            ("( '1.2' NAME 'a' SYNTAX '1.3' )", "1.2; NAME <a>; SYNTAX <1.3>"),
            (
                "( ns-oid NAME 'ns' MUST cn MAY ( a b$c ) )",
                "ns-oid; NAME <ns>; MUST <cn>; MAY <a> <b> <c>",
            ),
            ("( NAME 'a' DESC 'b' )", "; NAME <a>; DESC <b>"),
            (
                "( 1 DESC 'Bob's \\27thing\\27 \\5Cx \\' X-A 'b' )",
                "1; DESC <Bob's 'thing' \\x \\>; X-A <b>",
            ),
            ("( 1 DESC '' NAME 'a' )", "1; DESC <>; NAME <a>"),
            (
                "( 1 name 'a' X-ORIGIN ( 'RFC 1' 'user defined' ) X-Y )",
                "1; NAME <a>; X-ORIGIN <RFC 1> <user defined>; X-Y",
            ),
            ("( 1 SUP STRUCTURAL MAY a )", "1; SUP; STRUCTURAL; MAY <a>"),
            ("( 1 WORD value NAME 'a' )", "1; WORD; VALUE; NAME <a>"),
            ("( )", ""),
            ("", "is not in parentheses"),
            ("2.5.4.3 NAME 'cn'", "is not in parentheses"),
            ("( 1 MAY ( a $ b )", "has a list that does not end"),
            ("( 1 NAME 'cn )", "has a quoted text that does not end"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_description_is_too_odd(text in "[(]? ?([(]|[)]|\\$|'|NAME|SUP|a|1\\.2| |\\\\|é){0,20}[)]?") {
            let _ = Description::read(&text).map(|description| description.oid());
        }

        #[test]
        fn what_is_written_by_the_grammar_is_read(
            name in "[a-z][a-z0-9-]{0,8}", text in "[a-z '\\\\é]{0,12}", list in prop::collection::vec("[a-z]{1,5}", 1..5)
        ) {
            let escaped = text.replace('\\', "\\5C").replace('\'', "\\27");
            let may = list.join(" $ ");
            let read = Description::read(&format!("( 1.2 NAME '{name}' DESC '{escaped}' MAY ( {may} ) )"));
            let read = read.unwrap();
            prop_assert_eq!(read.values("NAME"), [name]);
            prop_assert_eq!(read.value("DESC").unwrap_or_default(), text.trim());
            prop_assert_eq!(read.values("MAY"), list);
        }
    }
}
