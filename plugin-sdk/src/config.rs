//! Parameters of a connector: what is asked of the operator, and reading what was answered.

use crate::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, path::PathBuf};
use zeroize::Zeroize;

/// The page of the form on which a parameter is asked for. Pages come in this order; each knows the
/// answers of those before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[non_exhaustive]
pub enum ParameterPage {
    /// How to reach the connected system.
    #[default]
    Connectivity,
    /// What the connector shall be able to do.
    Capabilities,
    /// How the schema is found, in steps from 1.
    Schema(u8),
    /// How it works in general.
    Global,
    /// What differs in one partition.
    Partition,
    /// What differs in one run profile.
    RunStep,
}

/// What a parameter's answer looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ParameterKind {
    /// One line of text.
    Text,
    /// Several lines of text.
    MultiLine,
    /// Text that is sealed at rest and never shown.
    Secret,
    /// Yes or no.
    Boolean,
    /// A whole number within bounds.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// One of several words.
    Choice {
        /// The words.
        options: Vec<String>,
        /// Whether another word is accepted as well.
        extensible: bool,
    },
    /// Several texts.
    List,
    /// The path of a file or folder on the host's machine; relative to the host's home.
    File,
    /// No question: a text between the others.
    Label,
    /// No question: a line between the others.
    Divider,
}

/// One thing that is asked of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parameter {
    /// Key in the connector's document.
    pub name: String,
    /// A few words to show beside the field.
    pub label: String,
    /// Sentences to show under it.
    #[serde(default)]
    pub help: String,
    /// What the answer looks like.
    pub kind: ParameterKind,
    /// Where it is asked for.
    #[serde(default)]
    pub page: ParameterPage,
    /// Whether there must be an answer.
    #[serde(default)]
    pub required: bool,
    /// The answer when none is given.
    #[serde(default)]
    pub default: Option<Answer>,
}

impl Parameter {
    /// A required parameter on the connectivity page.
    pub fn new(name: impl Into<String>, kind: ParameterKind) -> Parameter {
        let name = name.into();
        Parameter {
            label: name.clone(),
            name,
            help: String::new(),
            kind,
            page: ParameterPage::Connectivity,
            required: true,
            default: None,
        }
    }

    /// With these words beside the field.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Parameter {
        self.label = label.into();
        self
    }

    /// With these sentences under it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Parameter {
        self.help = help.into();
        self
    }

    /// On this page.
    #[must_use]
    pub fn on(mut self, page: ParameterPage) -> Parameter {
        self.page = page;
        self
    }

    /// May be left out.
    #[must_use]
    pub fn optional(mut self) -> Parameter {
        self.required = false;
        self
    }

    /// Has this value when left out.
    #[must_use]
    pub fn default(mut self, answer: impl Into<Answer>) -> Parameter {
        self.default = Some(answer.into());
        self.required = false;
        self
    }

    /// What is wrong with an answer, if anything.
    #[must_use]
    pub fn problem(&self, answer: &Answer) -> Option<String> {
        match (&self.kind, answer) {
            (ParameterKind::Integer { min, max }, answer) => match answer.as_integer() {
                None => Some("is not a whole number".to_owned()),
                Some(n) if n < *min || n > *max => {
                    Some(format!("is {n}, not a number from {min} to {max}"))
                }
                Some(_) => None,
            },
            (ParameterKind::Boolean, answer) if answer.as_boolean().is_none() => {
                Some("is neither true nor false".to_owned())
            }
            (ParameterKind::Choice { options, extensible: false }, answer) => {
                match answer.as_text() {
                    Some(text) if options.contains(&text) => None,
                    Some(text) => Some(format!("is \"{text}\", not one of {}", options.join(", "))),
                    None => Some(format!("is not one of {}", options.join(", "))),
                }
            }
            (ParameterKind::List | ParameterKind::Boolean, _) => None,
            (_, Answer::List(_)) => Some("is a list, not one value".to_owned()),
            _ => None,
        }
    }
}

/// What an operator answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text, secret or not.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

impl Answer {
    /// The answer as text; a number or truth as its digits or word.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        match self {
            Answer::Text(text) => Some(text.clone()),
            Answer::Integer(number) => Some(number.to_string()),
            Answer::Boolean(truth) => Some(truth.to_string()),
            Answer::List(_) => None,
        }
    }

    /// The answer as a number; text of digits is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Answer::Integer(number) => Some(*number),
            Answer::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The answer as a truth; the words and digits that people use are one.
    #[must_use]
    pub fn as_boolean(&self) -> Option<bool> {
        match self {
            Answer::Boolean(truth) => Some(*truth),
            Answer::Integer(number @ 0..=1) => Some(*number == 1),
            Answer::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" | "on" => Some(true),
                "false" | "no" | "0" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The answer as a list; one text is a list of one, or of those between commas.
    #[must_use]
    pub fn as_list(&self) -> Vec<String> {
        match self {
            Answer::List(texts) => texts.clone(),
            other => other
                .as_text()
                .unwrap_or_default()
                .split(',')
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
                .collect(),
        }
    }
}

/// Never the text itself: it may be a secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Answer {
        Answer::Text(text.to_owned())
    }
}
impl From<String> for Answer {
    fn from(text: String) -> Answer {
        Answer::Text(text)
    }
}
impl From<bool> for Answer {
    fn from(truth: bool) -> Answer {
        Answer::Boolean(truth)
    }
}
impl From<i32> for Answer {
    fn from(number: i32) -> Answer {
        Answer::Integer(number.into())
    }
}
impl From<i64> for Answer {
    fn from(number: i64) -> Answer {
        Answer::Integer(number)
    }
}
impl From<Vec<String>> for Answer {
    fn from(texts: Vec<String>) -> Answer {
        Answer::List(texts)
    }
}

/// The answers of one connector, by parameter name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(BTreeMap<String, Answer>);

impl Values {
    /// These answers.
    pub fn new<N: Into<String>, A: Into<Answer>>(
        answers: impl IntoIterator<Item = (N, A)>,
    ) -> Values {
        Values(answers.into_iter().map(|(name, answer)| (name.into(), answer.into())).collect())
    }

    /// With one more answer.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, answer: impl Into<Answer>) -> Values {
        self.set(name, answer);
        self
    }

    /// Sets an answer.
    pub fn set(&mut self, name: impl Into<String>, answer: impl Into<Answer>) {
        self.0.insert(name.into(), answer.into());
    }

    /// Takes an answer away.
    pub fn remove(&mut self, name: &str) -> Option<Answer> {
        self.0.remove(name)
    }

    /// The answer to this parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Answer> {
        self.0.get(name)
    }

    /// Names and answers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Answer)> {
        self.0.iter().map(|(name, answer)| (name.as_str(), answer))
    }

    /// Reads one setting; a problem is added to the list and answered with `None`.
    pub fn read<T: Setting>(
        &self,
        name: &str,
        default: Option<Answer>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let answer = self.0.get(name).cloned().or(default);
        let read = match answer {
            Some(answer) => Parameter::new(name, T::kind())
                .problem(&answer)
                .map_or_else(|| T::read(&answer), Err),
            None => T::absent().ok_or_else(|| "is missing".to_owned()),
        };
        read.map_err(|message| problems.push(Problem::new(name, message))).ok()
    }
}

/// Something wrong with the answer to a parameter. Problems are collected, never the first only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The parameter; empty when it is about the whole.
    pub at: String,
    /// What is wrong: lower case, follows the name.
    pub message: String,
}

impl Problem {
    /// A problem with this parameter.
    pub fn new(at: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { at: at.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{} {}", self.at, self.message)
        }
    }
}

/// Several problems as one error of kind `Config`.
impl From<Vec<Problem>> for Error {
    fn from(problems: Vec<Problem>) -> Error {
        let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
        Error::new(ErrorKind::Config, texts.join("; "))
    }
}

/// The settings of a connector: which parameters there are, and how answers become settings.
///
/// `#[derive(Config)]` writes both from a struct: a field's first line of documentation is its
/// label, the rest its help; its type decides the kind; `Option<_>` may be left out. Attributes:
/// `#[config(global)]`, `capabilities`, `schema = 2`, `partition` or `run_step` name the page,
/// `default = …` the default, `name = "…"` the key, `rest` takes all answers that no other field
/// takes (its type is [`Values`]).
pub trait Config: Sized + Send + 'static {
    /// The parameters, in the order of the form.
    fn parameters() -> Vec<Parameter>;

    /// Reads the answers, or says everything that is wrong with them.
    fn read(values: &Values) -> Result<Self, Vec<Problem>>;
}

/// A connector without parameters.
impl Config for () {
    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }

    fn read(_: &Values) -> Result<(), Vec<Problem>> {
        Ok(())
    }
}

/// A type that a field of a [`Config`] can have. `#[derive(Choice)]` implements it for an enum.
pub trait Setting: Sized {
    /// What the answer looks like.
    fn kind() -> ParameterKind;

    /// The setting for an answer that fits the kind, or what is wrong with it.
    fn read(answer: &Answer) -> Result<Self, String>;

    /// The setting when there is no answer, for types that may be left out.
    fn absent() -> Option<Self> {
        None
    }
}

impl Setting for String {
    fn kind() -> ParameterKind {
        ParameterKind::Text
    }

    fn read(answer: &Answer) -> Result<String, String> {
        answer.as_text().ok_or_else(|| "is not a text".to_owned())
    }
}

impl Setting for PathBuf {
    fn kind() -> ParameterKind {
        ParameterKind::File
    }

    fn read(answer: &Answer) -> Result<PathBuf, String> {
        match answer.as_text() {
            Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ => Err("is not a path".to_owned()),
        }
    }
}

impl Setting for bool {
    fn kind() -> ParameterKind {
        ParameterKind::Boolean
    }

    fn read(answer: &Answer) -> Result<bool, String> {
        answer.as_boolean().ok_or_else(|| "is neither true nor false".to_owned())
    }
}

impl Setting for Vec<String> {
    fn kind() -> ParameterKind {
        ParameterKind::List
    }

    fn read(answer: &Answer) -> Result<Vec<String>, String> {
        Ok(answer.as_list())
    }

    fn absent() -> Option<Vec<String>> {
        Some(Vec::new())
    }
}

impl Setting for char {
    fn kind() -> ParameterKind {
        ParameterKind::Text
    }

    fn read(answer: &Answer) -> Result<char, String> {
        let text = answer.as_text().unwrap_or_default();
        let text = if text == "\\t" { "\t".to_owned() } else { text };
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(c),
            _ => Err("is not a single character".to_owned()),
        }
    }
}

macro_rules! whole_numbers {
    ($($number:ty: $min:expr, $max:expr);*) => {$(
        impl Setting for $number {
            fn kind() -> ParameterKind {
                ParameterKind::Integer { min: $min, max: $max }
            }

            fn read(answer: &Answer) -> Result<$number, String> {
                let number = answer.as_integer().and_then(|n| <$number>::try_from(n).ok());
                number.ok_or_else(|| "is not a whole number in range".to_owned())
            }
        }
    )*};
}
whole_numbers!(u16: 0, 65_535; u32: 0, 4_294_967_295; u64: 0, i64::MAX; i64: i64::MIN, i64::MAX);

impl<T: Setting> Setting for Option<T> {
    fn kind() -> ParameterKind {
        T::kind()
    }

    fn read(answer: &Answer) -> Result<Option<T>, String> {
        T::read(answer).map(Some)
    }

    fn absent() -> Option<Option<T>> {
        Some(None)
    }
}

/// A secret text: prints as `***`, is wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// This text, kept secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Setting for Secret {
    fn kind() -> ParameterKind {
        ParameterKind::Secret
    }

    fn read(answer: &Answer) -> Result<Secret, String> {
        answer.as_text().map(Secret).ok_or_else(|| "is not a text".to_owned())
    }
}
