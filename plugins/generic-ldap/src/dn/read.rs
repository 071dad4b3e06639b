//! Distinguished names from text.

use super::{Asserted, Ava, Malformed, Name, Rdn};

pub(super) fn name(text: &str) -> Result<Name, Malformed> {
    let mut reader = Reader { chars: text.chars().collect(), at: 0 };
    let mut rdns = Vec::new();
    reader.skip_spaces();
    if reader.peek().is_none() {
        return Ok(Name::default());
    }
    loop {
        let mut avas = vec![reader.ava()?];
        while reader.next_if(|c| c == '+').is_some() {
            avas.push(reader.ava()?);
        }
        rdns.push(Rdn { avas });
        // A semicolon separates in LDAPv2.
        if reader.next_if(|c| matches!(c, ',' | ';')).is_none() {
            return Ok(Name { rdns });
        }
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next_if(&mut self, is: impl Fn(char) -> bool) -> Option<char> {
        let c = self.peek().filter(|c| is(*c))?;
        self.at += 1;
        Some(c)
    }

    fn skip_spaces(&mut self) {
        while self.next_if(|c| matches!(c, ' ' | '\n' | '\r')).is_some() {}
    }

    fn take_while(&mut self, is: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.next_if(&is)).collect()
    }

    fn wrong<T>(&self, why: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at + 1, why })
    }

    /// An attribute type, `=` and a value, with the spaces around; what follows is a separator or
    /// the end.
    fn ava(&mut self) -> Result<Ava, Malformed> {
        self.skip_spaces();
        let attribute = self.attribute()?;
        self.skip_spaces();
        if self.next_if(|c| c == '=').is_none() {
            return self.wrong("an equals sign is missing");
        }
        self.skip_spaces();
        let value = match self.peek() {
            Some('#') => Asserted::Encoded(self.encoded()?),
            Some('"') => Asserted::Text(self.quoted()?),
            _ => Asserted::Text(self.plain()?),
        };
        self.skip_spaces();
        match self.peek() {
            None | Some(',' | ';' | '+') => Ok(Ava { attribute, value }),
            Some(_) => self.wrong("the value has ended and there is more"),
        }
    }

    /// A name, or numbers with dots (RFC 4512 §1.4), `OID.` before them dropped.
    fn attribute(&mut self) -> Result<String, Malformed> {
        let start = self.at;
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let oid = text.get(..4).filter(|before| before.eq_ignore_ascii_case("oid."));
        let name = &text[oid.map_or(0, str::len)..];
        let is_oid = |name: &str| name.split('.').all(|arc| arc.parse::<u128>().is_ok());
        let wrong = match name.chars().next() {
            None => Some("an attribute type is missing"),
            Some(c) if c.is_ascii_digit() && !is_oid(name) => Some("a numeric type is malformed"),
            Some(c) if !c.is_ascii_digit() && name.contains('.') => Some("a type has a dot"),
            Some('-' | '_') => Some("a type does not begin with a letter"),
            Some(_) => None,
        };
        match wrong {
            Some(why) => Err(Malformed { at: start + 1, why }),
            None => Ok(name.to_owned()),
        }
    }

    fn encoded(&mut self) -> Result<Vec<u8>, Malformed> {
        self.at += 1;
        let mut bytes = Vec::new();
        while self.peek().is_some_and(|c| !matches!(c, ',' | ';' | '+' | ' ')) {
            match self.hex_pair() {
                Some(byte) => bytes.push(byte),
                None => return self.wrong("two hexadecimal digits are missing"),
            }
        }
        if bytes.is_empty() {
            return self.wrong("two hexadecimal digits are missing");
        }
        Ok(bytes)
    }

    fn hex_pair(&mut self) -> Option<u8> {
        let digit = |at: usize| self.chars.get(at).and_then(|c| c.to_digit(16));
        let byte = digit(self.at)? * 16 + digit(self.at + 1)?;
        self.at += 2;
        u8::try_from(byte).ok()
    }

    /// A value in quotes, as LDAPv2 has it.
    fn quoted(&mut self) -> Result<String, Malformed> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return self.wrong("a quoted value does not end"),
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => self.escaped(&mut text)?,
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn plain(&mut self) -> Result<String, Malformed> {
        let mut text = String::new();
        // Spaces at the end are none of the value's unless they are escaped.
        let mut end = 0;
        loop {
            match self.peek() {
                None | Some(',' | ';' | '+') => {
                    text.truncate(end);
                    return Ok(text);
                }
                Some('\\') => {
                    self.escaped(&mut text)?;
                    end = text.len();
                }
                Some('"' | '<' | '>') => {
                    return self.wrong("a character stands without a backslash before it");
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                    if c != ' ' {
                        end = text.len();
                    }
                }
            }
        }
    }

    /// A backslash with a special character, or a run of backslashes with two digits each that are
    /// the bytes of characters.
    fn escaped(&mut self, text: &mut String) -> Result<(), Malformed> {
        let start = self.at;
        if let Some(c) = self.chars.get(start + 1).copied().filter(|c| " \"#+,;<=>\\".contains(*c))
        {
            text.push(c);
            self.at += 2;
            return Ok(());
        }
        let mut bytes = Vec::new();
        while self.peek() == Some('\\') {
            self.at += 1;
            let Some(byte) = self.hex_pair() else {
                self.at -= 1;
                break;
            };
            bytes.push(byte);
        }
        match String::from_utf8(bytes) {
            Ok(characters) if !characters.is_empty() => text.push_str(&characters),
            Ok(_) => return self.wrong("a backslash is not followed by what it escapes"),
            Err(_) => return Err(Malformed { at: start + 1, why: "escaped bytes are not UTF-8" }),
        }
        Ok(())
    }
}
