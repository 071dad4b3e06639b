//! Answers that were given beforehand, as `page.key=value`, and the parameters that they belong to.

use crate::config::{ConfigValue, nearest};
use ecma_plugin_sdk::{Answer, Parameter, ParameterKind, ParameterPage};

/// All answers that were given beforehand.
#[derive(Debug, Default)]
pub struct Given(Vec<One>);

#[derive(Debug)]
struct One {
    key: String,
    texts: Vec<String>,
    is_secret: bool,
    taken: bool,
}

/// The answer to one parameter.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// What the document would say; a secret in plain text is still to be sealed.
    pub value: ConfigValue,
    /// Whether it stood where everybody on the machine could read it.
    pub was_seen: bool,
}

/// A page as it is written in front of a key.
#[must_use]
pub fn page_name(page: ParameterPage) -> String {
    match page {
        ParameterPage::Schema(step) => format!("schema{step}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// A parameter with its page, as answers name it: `connectivity.file`.
#[must_use]
pub fn called(parameter: &Parameter) -> String {
    format!("{}.{}", page_name(parameter.page), parameter.name)
}

impl Given {
    /// Adds an answer; one that is given again makes a list.
    pub fn set(&mut self, key: &str, text: String) {
        match self.0.iter_mut().find(|one| one.key == key && !one.is_secret) {
            Some(one) => one.texts.push(text),
            None => self.push(key, text, false),
        }
    }

    /// Adds an answer that nobody could see.
    pub fn set_secret(&mut self, key: &str, text: String) {
        self.push(key, text, true);
    }

    fn push(&mut self, key: &str, text: String, is_secret: bool) {
        let key = key.to_owned();
        self.0.push(One { key, texts: vec![text], is_secret, taken: false });
    }

    /// The answer to a parameter, or what is wrong with it.
    pub fn take(&mut self, parameter: &Parameter) -> Result<Option<Taken>, String> {
        let Some(one) = self.0.iter_mut().find(|one| fits(&one.key, parameter)) else {
            return Ok(None);
        };
        one.taken = true;
        let value = value(&parameter.kind, &one.texts)?;
        if let Some(problem) = answer(&value).and_then(|answer| parameter.problem(&answer)) {
            return Err(problem);
        }
        let is_plain = parameter.kind == ParameterKind::Secret && !value.is_reference();
        Ok(Some(Taken { value, was_seen: is_plain && !one.is_secret }))
    }

    /// What belongs to none of the parameters that were asked for, each with the nearest one.
    #[must_use]
    pub fn left(&self, known: &[Parameter]) -> Vec<String> {
        let names: Vec<String> = known.iter().map(called).collect();
        let tell = |one: &One| {
            let short = one.key.rsplit('.').next().unwrap_or_default();
            let bare = known.iter().find(|parameter| parameter.name == short).map(called);
            let near = bare.or_else(|| {
                let near = nearest(&one.key, names.iter().map(String::as_str)).map(str::to_owned);
                near.or_else(|| {
                    let name = nearest(short, known.iter().map(|p| p.name.as_str()))?;
                    known.iter().find(|parameter| parameter.name == name).map(called)
                })
            });
            match near {
                Some(near) => {
                    format!("the plugin does not ask for {}, did you mean {near}?", one.key)
                }
                None => format!(
                    "the plugin does not ask for {}; it asks for {}",
                    one.key,
                    names.join(", ")
                ),
            }
        };
        self.0.iter().filter(|one| !one.taken).map(tell).collect()
    }
}

/// The page may be left out, and be in any case; `schema` is each of its steps.
fn fits(key: &str, parameter: &Parameter) -> bool {
    let Some(page) = key.strip_suffix(&parameter.name) else { return false };
    let Some(page) = page.strip_suffix('.') else { return page.is_empty() };
    let page = page.to_lowercase();
    page == page_name(parameter.page)
        || page == "schema" && matches!(parameter.page, ParameterPage::Schema(_))
}

/// What a document says for these texts.
fn value(kind: &ParameterKind, texts: &[String]) -> Result<ConfigValue, String> {
    if let (ParameterKind::List, [_, _, ..]) = (kind, texts) {
        return Ok(ConfigValue::List(texts.to_vec()));
    }
    let [text] = texts else { return Err("is given more than once".to_owned()) };
    let written = ConfigValue::from_text(text)?;
    if written.is_reference() {
        return Ok(written);
    }
    let plain = Answer::Text(text.clone());
    Ok(match kind {
        ParameterKind::Integer { .. } => {
            ConfigValue::Integer(plain.as_integer().ok_or("is not a whole number")?)
        }
        ParameterKind::Boolean => {
            ConfigValue::Boolean(plain.as_boolean().ok_or("is neither true nor false")?)
        }
        ParameterKind::List if text.trim_start().starts_with('[') => {
            let list = serde_json::from_str(text);
            ConfigValue::List(list.map_err(|error| format!("is no JSON list of texts: {error}"))?)
        }
        ParameterKind::List => ConfigValue::List(plain.as_list()),
        _ => written,
    })
}

/// What the plugin would get, for what is not elsewhere.
fn answer(value: &ConfigValue) -> Option<Answer> {
    Some(match value {
        ConfigValue::Text(text) => Answer::Text(text.clone()),
        ConfigValue::Integer(number) => Answer::Integer(*number),
        ConfigValue::Boolean(truth) => Answer::Boolean(*truth),
        ConfigValue::List(list) => Answer::List(list.clone()),
        ConfigValue::Sealed(_) | ConfigValue::Env(_) | ConfigValue::File(_) => return None,
    })
}
