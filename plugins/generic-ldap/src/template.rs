//! Distinguished names of new entries, made of their attributes: `uid={uid},ou=people,{base}`.

use crate::dn::{Name, escape};
use std::fmt;

/// The value of an attribute in the check of a template: no character of an attribute type, and none
/// that is escaped, so that places are accepted only where values stand.
const ANY: char = '\u{e000}';
/// The base in that check.
const BASE: &str = "dc=xyz";

/// A template of distinguished names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    /// Where the first value of an attribute stands, escaped.
    Attribute(String),
    /// Where the base stands, as it is.
    Base,
}

/// The attribute that a name is made of, and that has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no value, and the distinguished name is made of it", self.0)
    }
}

impl Template {
    /// Takes a template apart: `{name}` is the value of an attribute, `{base}` the base, `{{` and
    /// `}}` are braces. The error says what is wrong and at which character; it follows "is" or the
    /// name of a parameter.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        let (mut pieces, mut literal) = (Vec::new(), String::new());
        // What the template makes, each place as long as it is written: an error in it is in the
        // template, at the same character.
        let mut sample = String::new();
        let mut rest = text.chars().enumerate().peekable();
        while let Some((at, c)) = rest.next() {
            if !matches!(c, '{' | '}') || rest.next_if(|(_, next)| *next == c).is_some() {
                literal.push(c);
                sample.push(c);
                continue;
            }
            if c == '}' {
                return Err(format!("closes a brace at character {} that none opens", at + 1));
            }
            let mut name = String::new();
            while let Some((_, c)) = rest.next_if(|(_, c)| !matches!(c, '{' | '}')) {
                name.push(c);
            }
            if rest.next_if(|(_, c)| *c == '}').is_none() {
                return Err(format!("opens a brace at character {} that does not close", at + 1));
            }
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
            match name.trim() {
                "" => return Err(format!("names no attribute at character {}", at + 1)),
                "base" => {
                    pieces.push(Piece::Base);
                    sample.push_str(BASE);
                }
                attribute => {
                    pieces.push(Piece::Attribute(attribute.to_owned()));
                    sample.extend(std::iter::repeat_n(ANY, name.chars().count() + 2));
                }
            }
        }
        pieces.push(Piece::Text(literal));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        let name = Name::parse(&sample).map_err(|why| format!("makes {why}"))?;
        let base = Name::parse(BASE).map_err(|why| format!("makes {why}"))?;
        let based = pieces.iter().filter(|piece| **piece == Piece::Base).count();
        match based {
            _ if name.rdn().is_none() => Err("is empty".to_owned()),
            0 => Ok(Template { pieces }),
            1 if name.is_below(&base) => Ok(Template { pieces }),
            _ => Err("has {base} elsewhere than at the end, behind a comma".to_owned()),
        }
    }

    /// The attributes it names.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Attribute(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The name of an entry with these first values, below the base. It always reads as a
    /// [`Name`] when the base does. A value without a character counts as none.
    pub(crate) fn render(
        &self,
        value: impl Fn(&str) -> Option<String>,
        base: &str,
    ) -> Result<String, Missing> {
        let mut name = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Base if base.trim().is_empty() => {
                    // Below the root there is nothing to separate. One separator goes: what stands
                    // before it may be part of a value.
                    let kept = name.trim_end_matches(' ');
                    name.truncate(kept.strip_suffix([',', ';']).unwrap_or(kept).len());
                }
                Piece::Base => name.push_str(base),
                Piece::Attribute(attribute) => {
                    let value = value(attribute).filter(|value| !value.is_empty());
                    name.push_str(&escape(&value.ok_or_else(|| Missing(attribute.clone()))?));
                }
            }
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rendered(template: &str, base: &str) -> Result<String, Missing> {
        let value = |name: &str| match name {
            "uid" => Some("j,doe".to_owned()),
            "cn" => Some(" Jo \"X\" ".to_owned()),
            "sn" => Some("#1".to_owned()),
            "empty" => Some(String::new()),
            _ => None,
        };
        Template::parse(template).unwrap().render(value, base)
    }

    #[test]
    fn values_are_escaped_and_the_base_stands_as_it_is() {
        for (template, base, expected) in [
            ("uid={uid},ou=people,{base}", "dc=a\\,b", "uid=j\\,doe,ou=people,dc=a\\,b"),
            ("CN={cn} ({uid}), {base}", "DC=x", "CN=\\ Jo \\\"X\\\"\\  (j\\,doe), DC=x"),
            ("cn={sn}+uid={ uid },o=x", "dc=y", "cn=\\#1+uid=j\\,doe,o=x"),
            ("uid={uid},{base}", " ", "uid=j\\,doe"),
            ("cn={{{uid}}},{base}", "dc=x", "cn={j\\,doe},dc=x"),
            ("cn=\"{uid}\",dc=x", "", "cn=\"j\\,doe\",dc=x"),
        ] {
            assert_eq!(rendered(template, base), Ok(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn an_attribute_without_a_value_is_named() {
        for (template, missing) in
            [("uid={uid},cn={mail},{base}", "mail"), ("uid={empty},{base}", "empty")]
        {
            let error = rendered(template, "dc=x").unwrap_err();
            assert_eq!(error, Missing(missing.to_owned()));
            let text = "has no value, and the distinguished name is made of it";
            assert_eq!(error.to_string(), format!("{missing} {text}"));
        }
    }

    #[test]
    fn what_makes_no_name_is_refused_with_its_place() {
        let sign = "no distinguished name: an equals sign is missing at character";
        for (template, expected) in [
            ("", "is empty".to_owned()),
            ("uid={uid", "opens a brace at character 5 that does not close".to_owned()),
            ("uid={uid{cn}}", "opens a brace at character 5 that does not close".to_owned()),
            ("uid=uid},{base}", "closes a brace at character 8 that none opens".to_owned()),
            ("uid={},{base}", "names no attribute at character 5".to_owned()),
            ("uid={uid},people,{base}", format!("makes {sign} 17")),
            ("{uid},{base}", "makes no distinguished name: an attribute type is missing at character 1".to_owned()),
            ("cn=#{uid}", "makes no distinguished name: two hexadecimal digits are missing at character 5".to_owned()),
            ("cn=\\{uid}", "makes no distinguished name: a backslash is not followed by what it escapes at character 4".to_owned()),
            ("{base}", "has {base} elsewhere than at the end, behind a comma".to_owned()),
            ("{base},cn={uid}", "has {base} elsewhere than at the end, behind a comma".to_owned()),
            ("cn={uid},{base},{base}", "has {base} elsewhere than at the end, behind a comma".to_owned()),
            ("cn={uid}\\,{base}", "has {base} elsewhere than at the end, behind a comma".to_owned()),
        ] {
            assert_eq!(Template::parse(template), Err(expected), "{template}");
        }
    }

    #[test]
    fn the_attributes_it_names_are_known() {
        let template = Template::parse("cn={cn}+uid={uid},{base}").unwrap();
        assert_eq!(template.attributes().collect::<Vec<_>>(), ["cn", "uid"]);
    }

    proptest! {
        #[test]
        fn any_value_makes_a_name_with_that_value(value in ".{1,20}|[ #,+\\\\\"<>;=\\x00]{1,6}") {
            for (text, base) in [
                ("cn={v},ou=p,{base}", "dc=x"),
                ("cn=\"{v}\",{base}", "dc=x"),
                ("cn={v} , {base}", ""),
            ] {
                let name = Template::parse(text).unwrap().render(|_| Some(value.clone()), base);
                let name = Name::parse(&name.unwrap()).unwrap();
                let (_, read) = name.rdn().unwrap().avas().next().unwrap();
                prop_assert_eq!(&read, &value);
                prop_assert!(name.is_below(&Name::parse(base).unwrap()));
            }
        }

        #[test]
        fn no_template_is_too_odd(text in "[ab={},#\\\\\" ]{0,16}|(cn=\\{[a-b]?\\}?,?){0,3}") {
            if let Ok(template) = Template::parse(&text) {
                let name = template.render(|_| Some("\\,x ".to_owned()), "dc=x").unwrap();
                prop_assert!(Name::parse(&name).is_ok(), "{}", name);
            }
        }
    }
}
