//! One rule of an attribute flow: a value of the target becomes one of SCIM, and back.

use super::{
    cache::Space,
    references::{self, Refers, Shape},
};
use crate::scim::{self, AttributeKind, Path, ScimType};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ecma_plugin_sdk::{
    Attribute, AttributeType, Value,
    page::{Cell, Tag, put_value},
};
use serde_json::{Number, Value as Json};

/// One attribute of the target and where SCIM has it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The attribute.
    pub target: Attribute,
    /// Where SCIM has it.
    pub path: Path,
    /// Whether all of its values flow.
    pub multi_valued: bool,
    /// What the target stores for true.
    pub when_true: Option<String>,
    /// What the target stores for false.
    pub when_false: Option<String>,
    /// Whether it is (part of) the anchor.
    pub anchor: bool,
    /// The type SCIM says it has.
    pub kind: AttributeKind,
    /// Whether SCIM has a list there.
    pub list: bool,
    /// Which entries its values name, when they do.
    pub refers: Option<Refers>,
    /// How SCIM shows these.
    pub shape: Option<Shape>,
}

/// How an index answers an equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// The entries that have a cell with these bytes, case aside where case does not matter, and
    /// no others.
    Cell(Vec<u8>),
    /// No entry, whatever there is.
    Nobody,
    /// Not by an index.
    Unknown,
}

impl Rule {
    /// Whether the values stand beside the row.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.refers.is_some() && self.multi_valued
    }

    /// What the target calls the entry that a client means, as the target writes it. An entry that
    /// is not there is `invalidValue`.
    pub(super) fn named(&self, space: &Space, json: &Json) -> Result<Value, scim::Error> {
        let known = self.names(space, json).filter(|(_, known)| *known);
        known.map(|(value, _)| value).ok_or_else(|| self.unknown(json))
    }

    /// The same, and whether the entry is known.
    pub(super) fn names(&self, space: &Space, json: &Json) -> Option<(Value, bool)> {
        let id = references::id_in(json.as_str()?);
        let (name, known) = self.refers.as_ref()?.name_of(space, &id)?;
        let value = match self.target.kind {
            AttributeType::Reference => Value::Reference(name),
            _ => parse(&self.target, &name, &self.target.name).ok()?,
        };
        Some((value, known))
    }

    pub(super) fn unknown(&self, json: &Json) -> scim::Error {
        let shown = shortened(json);
        let detail = format!("{}: there is no resource {shown} that it can name", self.path);
        scim::Error::new(ScimType::InvalidValue, detail)
    }

    /// Whether SCIM shows the value as it is in the target, as text.
    pub(super) fn is_plain_text(&self) -> bool {
        let is_text = matches!(self.kind, AttributeKind::String | AttributeKind::Reference);
        let same = self.when_true.is_none() && self.when_false.is_none() && self.refers.is_none();
        is_text && same && self.target.kind == AttributeType::Text
    }

    /// The bytes of a cell whose value is this name of another entry.
    pub(super) fn name_bytes(&self, name: &str) -> Option<Vec<u8>> {
        match parse(&self.target, name, "").ok()? {
            Value::Integer(number) => Some(cell_bytes(number.into())),
            Value::Text(name) | Value::Reference(name) => Some(name.into_bytes()),
            _ => None,
        }
    }

    /// Whether SCIM shows every value of the attribute, not only the first one.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.multi_valued || !self.target.multi_valued
    }

    /// How an index over the attribute answers `eq` with this value; those that name other entries
    /// are for [`super::Flow`] to answer.
    #[must_use]
    pub fn looked_up(&self, compared: &Json) -> LookUp {
        if self.refers.is_some() {
            return LookUp::Unknown;
        }
        if self.when_true.is_some() || self.when_false.is_some() {
            return LookUp::Unknown;
        }
        let text = match compared {
            Json::String(text) => text.clone(),
            Json::Number(_) | Json::Bool(_) => compared.to_string(),
            _ => return LookUp::Unknown,
        };
        match (self.kind, self.target.kind) {
            // Empty text is no value in SCIM, so nothing is equal to it.
            (AttributeKind::String | AttributeKind::Reference, _) if text.is_empty() => {
                LookUp::Nobody
            }
            (
                AttributeKind::String | AttributeKind::Reference,
                AttributeType::Text | AttributeType::Reference,
            ) => LookUp::Cell(text.into_bytes()),
            (AttributeKind::String, AttributeType::Integer) => {
                // SCIM has the digits as text: `007` is not 7.
                let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
                number.map_or(LookUp::Nobody, |number| LookUp::Cell(cell_bytes(number.into())))
            }
            (AttributeKind::Integer, AttributeType::Integer) => {
                let number = serde_json::from_str::<Number>(text.trim()).ok();
                let number = number.and_then(|number| number.as_i64());
                number.map_or(LookUp::Unknown, |number| LookUp::Cell(cell_bytes(number.into())))
            }
            _ => LookUp::Unknown,
        }
    }

    /// What SCIM shows for a value of the target.
    pub(super) fn shown(&self, value: &Value) -> Option<Json> {
        let mut bytes = Vec::new();
        put_value(&mut bytes, 0, value, Tag(0));
        self.to_json(&Cell::take(&mut bytes.as_slice())?)
    }

    pub(super) fn to_json(&self, cell: &Cell<'_>) -> Option<Json> {
        if self.kind == AttributeKind::Boolean {
            return self.to_boolean(cell).map(Json::Bool);
        }
        Some(match cell.tag.kind() {
            Tag::INTEGER => match self.kind {
                AttributeKind::Integer | AttributeKind::Decimal => Json::from(cell.integer()?),
                _ => Json::from(cell.integer()?.to_string()),
            },
            Tag::BOOLEAN => Json::from(if cell.boolean()? { "true" } else { "false" }),
            Tag::BINARY => Json::from(BASE64.encode(cell.bytes)),
            _ => {
                let text = cell.text()?;
                match self.kind {
                    AttributeKind::Integer => {
                        text.trim().parse::<i64>().map_or_else(|_| Json::from(text), Json::from)
                    }
                    AttributeKind::Decimal => {
                        let number = text.trim().parse().ok().and_then(Number::from_f64);
                        number.map_or_else(|| Json::from(text), Json::Number)
                    }
                    _ => Json::from(text),
                }
            }
        })
    }

    fn to_boolean(&self, cell: &Cell<'_>) -> Option<bool> {
        if let Some(truth) = cell.boolean() {
            return Some(truth);
        }
        let text = match cell.integer() {
            Some(number) => number.to_string(),
            None => cell.text()?.trim().to_owned(),
        };
        match (&self.when_true, &self.when_false) {
            (Some(yes), _) if *yes == text => Some(true),
            (_, Some(no)) if *no == text => Some(false),
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(false),
            (None, Some(_)) => Some(true),
            (None, None) => match text.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "y" | "t" => Some(true),
                "0" | "false" | "no" | "n" | "f" => Some(false),
                _ => None,
            },
        }
    }

    pub(super) fn to_value(&self, json: &Json) -> Result<Value, scim::Error> {
        let name = self.path.to_string();
        if self.kind == AttributeKind::Boolean || json.is_boolean() {
            let truth = match json {
                Json::Bool(truth) => Some(*truth),
                Json::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
                Json::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
                _ => None,
            };
            if let Some(truth) = truth {
                let word = if truth { &self.when_true } else { &self.when_false };
                return match word {
                    Some(word) => parse(&self.target, word, &name),
                    None => match self.target.kind {
                        AttributeType::Boolean => Ok(Value::Boolean(truth)),
                        AttributeType::Integer => Ok(Value::Integer(i64::from(truth))),
                        _ => parse(&self.target, if truth { "true" } else { "false" }, &name),
                    },
                };
            }
        }
        match json {
            Json::String(text) => parse(&self.target, text, &name),
            Json::Number(number) => match (self.target.kind, number.as_i64()) {
                (AttributeType::Integer, Some(number)) => Ok(Value::Integer(number)),
                _ => parse(&self.target, &number.to_string(), &name),
            },
            _ => Err(refused(&name, json)),
        }
    }
}

fn cell_bytes(value: Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_value(&mut bytes, 0, &value, Tag(0));
    Cell::take(&mut bytes.as_slice()).map_or_else(Vec::new, |cell| cell.bytes.to_vec())
}

fn shortened(value: &Json) -> String {
    let shown = value.to_string();
    match shown.chars().count() > 60 {
        true => shown.chars().take(60).collect::<String>() + "…",
        false => shown,
    }
}

fn refused(name: &str, value: &Json) -> scim::Error {
    let shown = shortened(value);
    scim::Error::new(ScimType::InvalidValue, format!("{name} cannot be {shown} in the target"))
}

/// The value that a text is in the target.
pub(super) fn parse(target: &Attribute, text: &str, name: &str) -> Result<Value, scim::Error> {
    let value = match target.kind {
        AttributeType::Integer => text.trim().parse().ok().map(Value::Integer),
        AttributeType::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(Value::Boolean(true)),
            "false" | "0" | "no" => Some(Value::Boolean(false)),
            _ => None,
        },
        AttributeType::Binary => BASE64.decode(text.trim()).ok().map(Value::Binary),
        AttributeType::Reference => Some(Value::Reference(text.to_owned())),
        AttributeType::DateTime => {
            let moment = text.trim().parse::<jiff::Timestamp>();
            moment.ok().map(|moment| Value::Text(moment.to_string()))
        }
        _ => Some(Value::Text(text.to_owned())),
    };
    value.ok_or_else(|| refused(name, &Json::from(text)))
}
