//! A connector's document as text that explains itself.

use crate::config::{ConfigValue, DeleteFlow, DisableFlow, ObjectMapping};
use ecma_plugin_sdk::{Access, Attribute, AttributeType, ObjectType, Parameter, Schema};
use std::fmt::Write as _;
use toml_edit::{Key, Value};

/// All that a document says.
#[derive(Debug)]
pub struct Draft<'d> {
    /// The plugin.
    pub plugin: &'d str,
    /// What the connector is for.
    pub description: Option<&'d str>,
    /// As the document says it: the hash.
    pub token: &'d str,
    /// Minutes between imports.
    pub autosync: u32,
    /// What the plugin is told, in the order in which it asks.
    pub values: &'d [(Parameter, ConfigValue)],
    /// The mapping.
    pub objects: &'d [ObjectMapping],
    /// What the target says of itself, if it was asked.
    pub schema: Option<&'d Schema>,
}

/// Lines with comments behind them, which stand below each other.
#[derive(Default)]
struct Lines(Vec<(String, String)>);

/// Longer lines do not push the comments of their neighbors away.
const WIDEST: usize = 60;

impl Lines {
    fn push(&mut self, line: String, comment: impl Into<String>) {
        self.0.push((line, comment.into()));
    }

    fn write(self, text: &mut String) {
        let lengths = self.0.iter().map(|(line, _)| line.chars().count());
        let width = lengths.filter(|length| *length <= WIDEST).max().unwrap_or_default();
        for (line, comment) in self.0 {
            let line = match comment.is_empty() {
                true => line,
                false => format!("{line:width$}  # {comment}"),
            };
            text.push_str(&line);
            text.push('\n');
        }
    }
}

/// The text of a document, `connectors/<name>.toml`.
#[must_use]
pub fn document(draft: &Draft<'_>) -> String {
    let mut text = String::from(
        "# Drafted by `ecma-host connectors new`. Edit it as you like: a running host follows it, and\n\
         # `ecma-host connectors validate` tells mistakes, `connectors test` also those that only the target shows.\n",
    );
    let mut lines = Lines::default();
    lines.push(format!("plugin = {}", quoted(draft.plugin)), "");
    if let Some(description) = draft.description {
        lines.push(format!("description = {}", quoted(description)), "");
    }
    lines.push(format!("token = {}", quoted(draft.token)), "");
    lines.push(
        format!("autosync = {}", draft.autosync),
        match draft.autosync {
            0 => "imports at the start only",
            _ => "minutes between imports",
        },
    );
    lines.write(&mut text);
    text.push_str(
        "\n# What the plugin is told; `ecma-host plugins inspect FILE` lists what else it asks for.\n\
         [values]\n",
    );
    let mut lines = Lines::default();
    for (parameter, value) in draft.values {
        lines.push(
            format!("{} = {}", key(&parameter.name), written(value)),
            one_line(&parameter.label),
        );
    }
    lines.write(&mut text);
    for object in draft.objects {
        let kind = draft.schema.and_then(|schema| schema.get(&object.object_type));
        write_object(&mut text, object, kind);
    }
    text
}

fn write_object(text: &mut String, object: &ObjectMapping, kind: Option<&ObjectType>) {
    text.push_str("\n[[object]]\n");
    let mut lines = Lines::default();
    lines.push(format!("type = {}", quoted(&object.object_type)), "the plugin's object type");
    lines.push(
        format!("resource = {}", quoted(&object.resource)),
        format!("answers at /{}s", object.resource),
    );
    lines.push(
        format!("query = {}", list(&object.query)),
        "clients search by these; each gets an index",
    );
    lines.write(text);
    text.push_str(
        "\n# Attribute of the target = its place in SCIM; \"\" puts it into the host's own extension.\n\
         [object.attributes]\n",
    );
    let mut lines = Lines::default();
    for mapping in &object.attributes {
        let place = quoted(mapping.scim.as_deref().unwrap_or_default());
        let known = kind.and_then(|kind| kind.get(&mapping.target)).map(described);
        lines.push(format!("{} = {place}", key(&mapping.target)), known.unwrap_or_default());
    }
    let is_mapped = |name: &str| object.attributes.iter().any(|mapping| mapping.target == name);
    let is_set = |name: &str| match &object.deprovisioning.disable {
        DisableFlow::Set { attribute, .. } => attribute == name,
        _ => false,
    };
    let others = kind.iter().flat_map(|kind| &kind.attributes);
    for attribute in others.filter(|a| !is_mapped(&a.name) && !is_set(&a.name)) {
        lines.push(
            format!("# {} = \"\"", key(&attribute.name)),
            format!("not mapped: {}", described(attribute)),
        );
    }
    lines.write(text);
    text.push_str("\n[object.deprovisioning]\n");
    let mut lines = Lines::default();
    let (disable, means) = match &object.deprovisioning.disable {
        DisableFlow::None => {
            (quoted("none"), "active = false is written where active is mapped to")
        }
        DisableFlow::Delete => (quoted("delete"), "active = false deletes the object"),
        DisableFlow::Set { attribute, when_true, when_false } => {
            let mut set = format!("{{ set = {}", quoted(attribute));
            for (word, value) in [("true", when_true), ("false", when_false)] {
                if let Some(value) = value {
                    let _ = write!(set, ", {word} = {}", quoted(value));
                }
            }
            (set + " }", "where active goes, and what the target stores")
        }
    };
    lines.push(format!("disable = {disable}"), means);
    let (delete, means) = match &object.deprovisioning.delete {
        DeleteFlow::None => (quoted("none"), "DELETE leaves the object as it is"),
        DeleteFlow::Delete => (quoted("delete"), "DELETE deletes the object"),
        DeleteFlow::Set { attribute, value } => (
            format!("{{ set = {}, value = {} }}", quoted(attribute), quoted(value)),
            "DELETE sets this attribute",
        ),
    };
    lines.push(format!("delete = {delete}"), means);
    lines.write(text);
}

/// What the target says of an attribute, in a few words.
fn described(attribute: &Attribute) -> String {
    let kind = match attribute.kind {
        AttributeType::Integer => "number",
        AttributeType::Boolean => "true or false",
        AttributeType::Binary => "bytes",
        AttributeType::DateTime => "point in time",
        AttributeType::Reference => "reference",
        _ => "text",
    };
    let words = [
        (attribute.anchor, "anchor"),
        (attribute.multi_valued, "several values"),
        (attribute.required && !attribute.anchor, "required"),
        (attribute.unique && !attribute.anchor, "unique"),
        (attribute.access == Access::ImportOnly, "read only"),
        (attribute.access == Access::ExportOnly, "written only"),
    ];
    let words = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word);
    std::iter::once(kind).chain(words).collect::<Vec<_>>().join(", ")
}

fn written(value: &ConfigValue) -> String {
    match value {
        ConfigValue::Text(text) | ConfigValue::Sealed(text) => quoted(text),
        ConfigValue::Integer(number) => number.to_string(),
        ConfigValue::Boolean(truth) => truth.to_string(),
        ConfigValue::List(texts) => list(texts),
        ConfigValue::Env(name) => quoted(&format!("env:{name}")),
        ConfigValue::File(path) => quoted(&format!("file:{path}")),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    let all: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", all.join(", "))
}

fn key(name: &str) -> String {
    Key::new(name).to_string()
}

fn one_line(label: &str) -> String {
    label.lines().next().unwrap_or_default().to_owned()
}
