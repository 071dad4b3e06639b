//! Reads paths and filters. Bounded in length and depth, so no input can exhaust the stack.
//! Errors are sentences; the callers give them their keyword.

use super::filter::{Filter, Operator};
use super::path::Path;
use serde_json::{Number, Value};

type Parsed<T> = Result<T, String>;

/// Reads from the front of a text.
pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// Inside the brackets of a value path; RFC 7644 allows no brackets within brackets.
    in_brackets: bool,
}

impl<'t> Parser<'t> {
    /// The whole text as one filter.
    pub(super) fn filter(text: &str) -> Parsed<Filter> {
        let mut parser = Parser::over(text, "filter")?;
        let filter = parser.either()?;
        parser.end()?;
        Ok(filter)
    }

    /// The whole text as one path.
    pub(super) fn path(text: &str) -> Parsed<Path> {
        let mut parser = Parser::over(text, "path")?;
        parser.skip_space();
        let name = parser.name_token();
        let path = parser.rest_of_path(name)?;
        parser.end()?;
        Ok(path)
    }

    fn over(text: &'t str, what: &str) -> Parsed<Parser<'t>> {
        if text.len() > Filter::LONGEST {
            return Err(format!("the {what} is longer than {} bytes", Filter::LONGEST));
        }
        Ok(Parser { text, at: 0, depth: 0, in_brackets: false })
    }

    fn either(&mut self) -> Parsed<Filter> {
        let first = self.both()?;
        if !self.keyword("or") {
            return Ok(first);
        }
        let mut parts = vec![first, self.both()?];
        while self.keyword("or") {
            parts.push(self.both()?);
        }
        Ok(Filter::any(parts))
    }

    fn both(&mut self) -> Parsed<Filter> {
        let first = self.term()?;
        if !self.keyword("and") {
            return Ok(first);
        }
        let mut parts = vec![first, self.term()?];
        while self.keyword("and") {
            parts.push(self.term()?);
        }
        Ok(Filter::all(parts))
    }

    fn term(&mut self) -> Parsed<Filter> {
        self.skip_space();
        if self.peek() == Some('(') {
            return self.group();
        }
        let name = self.name_token();
        if name.eq_ignore_ascii_case("not") {
            self.skip_space();
            if self.peek() == Some('(') {
                return Ok(Filter::Not(Box::new(self.group()?)));
            }
        }
        let path = self.rest_of_path(name)?;
        let before = self.at;
        self.skip_space();
        let word = self.word();
        match Operator::named(word) {
            Some(Operator::Pr) => Ok(Filter::Compare(path, Operator::Pr, Value::Null)),
            Some(operator) => Ok(Filter::Compare(path, operator, self.value()?)),
            None if path.filter.is_some() && path.sub.is_none() => {
                self.at = before; // `emails[…]` stands alone; the word is an `and` or an `or`
                Ok(Filter::Has(path))
            }
            None if word.is_empty() => Err(self.expected("an operator such as eq")),
            None => Err(format!(
                "{word:?} is not an operator; they are eq, ne, co, sw, ew, gt, ge, lt, le and pr"
            )),
        }
    }

    fn group(&mut self) -> Parsed<Filter> {
        self.nested('(', ')')
    }

    fn nested(&mut self, open: char, close: char) -> Parsed<Filter> {
        if self.depth == Filter::DEEPEST {
            return Err(format!("the filter nests deeper than {} levels", Filter::DEEPEST));
        }
        self.expect(open)?;
        self.depth += 1;
        let inner = self.either()?;
        self.depth -= 1;
        self.skip_space();
        self.expect(close)?;
        Ok(inner)
    }

    /// What follows an attribute's name: a value filter, a sub-attribute.
    fn rest_of_path(&mut self, token: &str) -> Parsed<Path> {
        if token.is_empty() {
            return Err(self.expected("an attribute name"));
        }
        let mut path = split(token)?;
        if self.peek() == Some('[') {
            if self.in_brackets {
                return Err(self.expected("no brackets within brackets"));
            }
            if path.sub.is_some() || path.attribute.is_empty() {
                return Err(format!("{token:?} cannot have a value filter"));
            }
            self.in_brackets = true;
            path.filter = Some(Box::new(self.nested('[', ']')?));
            self.in_brackets = false;
            if self.peek() == Some('.') {
                self.at += 1;
                let sub = self.name_token();
                path.sub = Some(name(sub, sub)?);
            }
        }
        Ok(path)
    }

    fn value(&mut self) -> Parsed<Value> {
        self.skip_space();
        let rest = &self.text[self.at..];
        if rest.starts_with('"') {
            return self.string();
        }
        let end = rest.find([' ', '\t', '\r', '\n', ')', ']', '(', '[', '"']).unwrap_or(rest.len());
        let token = &rest[..end];
        let value = if token.eq_ignore_ascii_case("true") {
            Value::Bool(true) // Entra writes True and False
        } else if token.eq_ignore_ascii_case("false") {
            Value::Bool(false)
        } else if token.eq_ignore_ascii_case("null") {
            Value::Null
        } else {
            match number(token) {
                Some(number) => Value::Number(number),
                None => {
                    return Err(self.expected(
                        "a value: text in double quotes, a number, true, false or null",
                    ));
                }
            }
        };
        self.at += end;
        Ok(value)
    }

    fn string(&mut self) -> Parsed<Value> {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        for (at, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    let text: String = serde_json::from_str(&rest[..=at])
                        .map_err(|_| self.expected("text with the escapes of JSON"))?;
                    self.at += at + 1;
                    return Ok(Value::String(text));
                }
                _ => {}
            }
        }
        Err(self.expected("a closing double quote for the text"))
    }

    /// Takes the word if it is next, with no letters after it.
    fn keyword(&mut self, word: &str) -> bool {
        let before = self.at;
        self.skip_space();
        if self.word().eq_ignore_ascii_case(word) {
            return true;
        }
        self.at = before;
        false
    }

    fn word(&mut self) -> &'t str {
        self.take_while(|c| c.is_ascii_alphabetic())
    }

    fn name_token(&mut self) -> &'t str {
        self.take_while(|c| !c.is_whitespace() && !matches!(c, '[' | ']' | '(' | ')' | '"' | ','))
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn expect(&mut self, wanted: char) -> Parsed<()> {
        if self.peek() == Some(wanted) {
            self.at += wanted.len_utf8();
            return Ok(());
        }
        Err(self.expected(&format!("{wanted:?}")))
    }

    fn end(&mut self) -> Parsed<()> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.expected("the end")) }
    }

    fn expected(&self, what: &str) -> String {
        let found: String = self.text[self.at..].chars().take(20).collect();
        if found.is_empty() {
            format!("expected {what} at the end of {:?}", shorten(self.text))
        } else {
            format!("expected {what} at character {} before {found:?}", self.column())
        }
    }

    fn column(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 {
        text.to_owned()
    } else {
        text.chars().take(80).chain(['…']).collect()
    }
}

/// A JSON number, floats exactly as written.
fn number(token: &str) -> Option<Number> {
    let number: Number = serde_json::from_str(token).ok()?;
    if number.is_f64() { Number::from_f64(token.parse().ok()?) } else { Some(number) }
}

/// `[urn ":"] attribute ["." sub]`, or a URN alone.
fn split(token: &str) -> Parsed<Path> {
    let (schema, rest) = match token.rsplit_once(':') {
        None => (None, token),
        // A resource type's name after a version ends a URN: `…:2.0:User` has no attribute.
        Some((front, last))
            if ends_in_version(front) && !last.contains('.') && !last.is_empty() =>
        {
            let path = Path { schema: Some(token.to_owned()), ..Path::of("") };
            return if is_name(last) { Ok(path) } else { Err(not_a_name(last, token)) };
        }
        Some((front, rest)) => (Some(front), rest),
    };
    if schema.is_some_and(|urn| urn.is_empty() || urn.starts_with(':')) {
        return Err(format!("{token:?} begins with a colon"));
    }
    let (attribute, sub) = match rest.split_once('.') {
        Some((attribute, sub)) => (attribute, Some(name(sub, token)?)),
        None => (rest, None),
    };
    Ok(Path {
        schema: schema.map(str::to_owned),
        attribute: name(attribute, token)?,
        filter: None,
        sub,
    })
}

fn ends_in_version(urn: &str) -> bool {
    let last = urn.rsplit(':').next().unwrap_or_default();
    last.starts_with(|c: char| c.is_ascii_digit())
        && last.chars().all(|c| c.is_ascii_digit() || c == '.')
        && urn.contains(':')
}

fn name(text: &str, token: &str) -> Parsed<String> {
    if is_name(text) { Ok(text.to_owned()) } else { Err(not_a_name(text, token)) }
}

fn not_a_name(text: &str, token: &str) -> String {
    format!("{:?} in {:?} is not an attribute name", shorten(text), shorten(token))
}

/// RFC 7643 §2.1, and more: names of target attributes become SCIM names as they are.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '#' | '@'))
}
