//! SQL that the operator wrote, taken apart: text that stays as it is, and the places of values.
//!
//! A place is `@name` or `@[name]`. What stands in quotes and in comments is text, and so is a name
//! with two signs before it: a variable of the database.

use std::{iter::Peekable, str::CharIndices};

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece<V> {
    Text(String),
    /// Where a value is bound.
    Value(V),
}

/// The statements of a text. Each begins a line; a line that begins with a space goes on with the
/// statement before it.
pub(crate) fn statements(text: &str) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match statements.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push('\n');
                last.push_str(line.trim_end());
            }
            _ => statements.push(line.trim().to_owned()),
        }
    }
    // What ends a statement for a shell is an error in a prepared one.
    for statement in &mut statements {
        let end = statement.trim_end_matches([';', ' ']).len();
        if !ends_a_block(&statement[..end]) {
            statement.truncate(end);
        }
    }
    statements
}

/// Whether the semicolon after it belongs to it: `BEGIN … END;`.
fn ends_a_block(statement: &str) -> bool {
    let word = statement.rsplit(|c: char| !c.is_alphanumeric()).next();
    let begins = statement.split_whitespace().next();
    let is = |word: Option<&str>, other| word.is_some_and(|w| w.eq_ignore_ascii_case(other));
    is(word, "end") && (is(begins, "begin") || is(begins, "declare"))
}

/// Takes a statement apart; the error says what does not end.
pub(crate) fn pieces(statement: &str, backslash: bool) -> Result<Vec<Piece<String>>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = statement.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, c)) = rest.next() {
        let after = rest.peek().map_or(' ', |(_, c)| *c);
        let end = match c {
            '\'' => Some(quoted(&mut rest, '\'', backslash).ok_or("a text does not end")?),
            '"' | '`' => Some(quoted(&mut rest, c, false).ok_or("a quoted name does not end")?),
            // A name for SQL Server; behind a name it is the place in a list.
            '[' if !part_of_name(before) && !matches!(before, ']' | ')' | '"') => {
                Some(quoted(&mut rest, ']', false).ok_or("a name in brackets does not end")?)
            }
            '-' if after == '-' => {
                Some(until(&mut rest, statement, at, "\n").unwrap_or(statement.len()))
            }
            '/' if after == '*' => {
                let end = until(&mut rest, statement, at + 2, "*/");
                Some(end.ok_or("a comment does not end")?)
            }
            '$' if !part_of_name(before) => dollar(&mut rest, statement, at)?,
            _ => None,
        };
        if let Some(end) = end {
            text.push_str(&statement[at..end]);
            before = statement[..end].chars().next_back().unwrap_or(' ');
            continue;
        }
        before = c;
        if c == '@' && after == '@' {
            text.push_str("@@");
            rest.next();
            while let Some((_, c)) = rest.next_if(|(_, c)| part_of_name(*c)) {
                text.push(c);
            }
        } else if c == '@' && (after == '[' || begins_name(after)) {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            let mut name = String::new();
            if rest.next_if(|(_, c)| *c == '[').is_some() {
                let start = at + 2;
                let end = quoted(&mut rest, ']', false).ok_or("a name in brackets does not end")?;
                name.push_str(&statement[start..end - 1].replace("]]", "]"));
            }
            while let Some((_, c)) = rest.next_if(|(_, c)| name.is_empty() || part_of_name(*c)) {
                name.push(c);
            }
            before = 'x';
            pieces.push(Piece::Value(name));
        } else {
            text.push(c);
        }
    }
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn part_of_name(c: char) -> bool {
    begins_name(c) || c.is_numeric()
}

type Rest<'a> = Peekable<CharIndices<'a>>;

/// Goes behind the closing quote; a doubled one is part of the text.
fn quoted(rest: &mut Rest<'_>, quote: char, backslash: bool) -> Option<usize> {
    while let Some((at, c)) = rest.next() {
        if c == '\\' && backslash {
            rest.next();
        } else if c == quote && rest.next_if(|(_, c)| *c == quote).is_none() {
            return Some(at + quote.len_utf8());
        }
    }
    None
}

/// Goes behind the next `mark` from a place on; without one to the end.
fn until(rest: &mut Rest<'_>, statement: &str, from: usize, mark: &str) -> Option<usize> {
    let end = statement.get(from..)?.find(mark).map(|at| from + at + mark.len());
    while rest.next_if(|(at, _)| end.is_none_or(|end| *at < end)).is_some() {}
    end
}

/// Goes behind a text between dollars, `$$…$$` or `$tag$…$tag$`; a dollar alone is none.
fn dollar(rest: &mut Rest<'_>, statement: &str, at: usize) -> Result<Option<usize>, String> {
    let behind = &statement[at + 1..];
    let tag = behind.find(|c| !part_of_name(c)).unwrap_or(behind.len());
    if !behind[tag..].starts_with('$') || behind.starts_with(char::is_numeric) {
        return Ok(None);
    }
    let mark = &statement[at..at + tag + 2];
    let end = until(rest, statement, at + mark.len(), mark);
    end.map(Some).ok_or_else(|| "a text between dollars does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces with values in angle brackets.
    fn shown(statement: &str, backslash: bool) -> String {
        match pieces(statement, backslash) {
            Ok(pieces) => pieces
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text,
                    Piece::Value(name) => format!("<{name}>"),
                })
                .collect(),
            Err(text) => text,
        }
    }

    #[test]
    fn places_of_values_are_found_where_sql_has_no_text() {
        for (statement, expected) in [
            ("SELECT 1", "SELECT 1"),
            (
                "UPDATE t SET a=@a,b = @b_2 WHERE id=@Id",
                "UPDATE t SET a=<a>,b = <b_2> WHERE id=<Id>",
            ),
            ("@[display name]+@[a]]b]", "<display name>+<a]b>"),
            ("'it''s @a' || @a", "'it''s @a' || <a>"),
            ("\"@a\" `@b` [@c] @d", "\"@a\" `@b` [@c] <d>"),
            ("ARRAY[@a] x[@b] (@c)[@d]", "ARRAY[<a>] x[<b>] (<c>)[<d>]"),
            ("a -- @b\n@c", "a -- @b\n<c>"),
            ("a /* @b */ @c", "a /* @b */ <c>"),
            ("$$ @a $$ @b $x$ @c $$ $x$ $1 a$b", "$$ @a $$ <b> $x$ @c $$ $x$ $1 a$b"),
            ("@@IDENTITY @@a @a", "@@IDENTITY @@a <a>"),
            ("a @> b @ c", "a @> b @ c"),
            ("größe = @größe", "größe = <größe>"),
            ("'open", "a text does not end"),
            ("\"open", "a quoted name does not end"),
            ("/* open", "a comment does not end"),
            ("/*/", "a comment does not end"),
            ("$$ open", "a text between dollars does not end"),
            ("$$", "a text between dollars does not end"),
            ("@[open", "a name in brackets does not end"),
        ] {
            assert_eq!(shown(statement, false), expected, "{statement}");
        }
        assert_eq!(shown(r"'it\'s @a' @b", true), r"'it\'s @a' <b>");
        assert_eq!(shown(r"'c:\' @b", false), r"'c:\' <b>");
    }

    #[test]
    fn a_line_is_a_statement_and_an_indented_one_goes_on() {
        for (text, expected) in [
            ("SELECT 1", vec!["SELECT 1"]),
            ("\nUPDATE a;\n\nINSERT b ;\n", vec!["UPDATE a", "INSERT b"]),
            ("  SELECT a\n  FROM b\nDELETE c", vec!["SELECT a\n  FROM b", "DELETE c"]),
            ("BEGIN a; END;", vec!["BEGIN a; END;"]),
            ("", vec![]),
        ] {
            assert_eq!(statements(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_of_a_text_without_values(text in "[^@]{0,40}") {
            if let Ok(pieces) = pieces(&text, false) {
                proptest::prop_assert_eq!(pieces, [Piece::Text(text)]);
            }
        }

        #[test]
        fn no_text_is_too_odd(text in "[ab@\\[\\]'\"`$\\-/*\\\\\n .é]{0,30}", backslash: bool) {
            let _ = pieces(&text, backslash);
            let _ = statements(&text);
        }
    }
}
