//! Words, names and joins in the entries of settings, taken apart. What an entry says with them is
//! for others to know.

use std::{iter::Peekable, vec::IntoIter};

/// `table.column`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Name {
    pub(crate) table: String,
    pub(crate) column: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// In double quotes: never a keyword, whatever is in it.
    Quoted(String),
    Dot,
    Equals,
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Token::Word(text) | Token::Quoted(text) => format!("\"{text}\""),
            Token::Dot => "a dot".to_owned(),
            Token::Equals => "an equals sign".to_owned(),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '.' => tokens.push(Token::Dot),
            '=' => tokens.push(Token::Equals),
            '"' => {
                let mut name = String::new();
                loop {
                    match rest.next() {
                        Some('"') if rest.peek() == Some(&'"') => {
                            rest.next();
                            name.push('"');
                        }
                        Some('"') => break,
                        Some(c) => name.push(c),
                        None => return Err("in which a quoted name does not end".to_owned()),
                    }
                }
                tokens.push(Token::Quoted(name));
            }
            c if c.is_whitespace() => {}
            c => {
                let mut word = String::from(c);
                while let Some(c) =
                    rest.next_if(|c| !c.is_whitespace() && !matches!(c, '.' | '=' | '"'))
                {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

/// The words of an entry, taken one after the other.
pub(crate) struct Words(Peekable<IntoIter<Token>>);

impl Words {
    pub(crate) fn of(entry: &str) -> Result<Words, String> {
        Ok(Words(tokens(entry)?.into_iter().peekable()))
    }

    /// `table.column`; `what` it is stands in the error.
    pub(crate) fn name(&mut self, what: &str) -> Result<Name, String> {
        let table = self.word(what)?;
        if self.0.next_if_eq(&Token::Dot).is_none() {
            return Err(format!("whose \"{table}\" should be {what}, as table.column"));
        }
        let mut part = || match self.0.next() {
            Some(Token::Word(text) | Token::Quoted(text)) => Ok(text),
            _ => Err(format!("whose \"{table}.\" has no column")),
        };
        Ok(Name { column: part()?, table })
    }

    /// A name that stands alone.
    pub(crate) fn word(&mut self, what: &str) -> Result<String, String> {
        match self.0.next() {
            Some(Token::Word(text) | Token::Quoted(text)) => Ok(text),
            Some(token) => Err(format!("which has {} where {what} should stand", token.shown())),
            None => Err(format!("which ends where {what} should stand")),
        }
    }

    /// `WHERE` and pairs of columns that are the same, with `AND` between them.
    pub(crate) fn join(&mut self, after: &str) -> Result<Vec<(Name, Name)>, String> {
        self.keyword("WHERE", after)?;
        let mut join = Vec::new();
        loop {
            let one = self.name("a column of the join")?;
            self.equals("a column of the join")?;
            join.push((one, self.name("a column of the join")?));
            if !self.take_keyword("AND") {
                return Ok(join);
            }
        }
    }

    /// Nothing comes any more.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        match self.0.next() {
            None => Ok(()),
            Some(token) => Err(format!("which goes on with {} where it should end", token.shown())),
        }
    }

    pub(crate) fn equals(&mut self, after: &str) -> Result<(), String> {
        let found = self.0.next_if_eq(&Token::Equals);
        found.map(drop).ok_or_else(|| format!("which has no equals sign after {after}"))
    }

    fn keyword(&mut self, word: &str, after: &str) -> Result<(), String> {
        match self.take_keyword(word) {
            true => Ok(()),
            false => Err(format!("which has no {word} after {after}")),
        }
    }

    pub(crate) fn take_keyword(&mut self, word: &str) -> bool {
        let is = |token: &Token| matches!(token, Token::Word(w) if w.eq_ignore_ascii_case(word));
        self.0.next_if(is).is_some()
    }
}
