//! JSON Schema of both documents for editors, made from the same tables that check them.

use serde_json::{Map, Value, json};

use super::{
    connector::CONNECTOR,
    host::HOST,
    keys::{Key, Shape},
};

/// The schema of `connectors/<name>.toml`.
pub fn connector_schema() -> Value {
    document("A connector of ecma-host", CONNECTOR)
}

/// The schema of `host.toml`.
pub fn host_schema() -> Value {
    document("The settings of ecma-host", HOST)
}

fn document(title: &str, keys: &[Key]) -> Value {
    let mut schema = table(keys);
    // Editors for TOML mostly know this draft.
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!(title);
    schema
}

fn table(keys: &[Key]) -> Value {
    let property = |key: &Key| {
        let mut schema = shape(&key.shape);
        schema["description"] = json!(key.about);
        (key.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = keys.iter().map(property).collect();
    let required: Vec<&str> =
        keys.iter().filter(|key| key.required.is_some()).map(|key| key.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Name { default: None } => json!({ "type": "string", "minLength": 1 }),
        Shape::Name { default } => json!({ "type": "string", "minLength": 1, "default": default }),
        Shape::Names { default, at_least } => {
            let mut list = json!({
                "type": "array",
                "items": { "type": "string", "minLength": 1 },
                "minItems": at_least,
            });
            // Where none has to be written but not an empty list, there is no default.
            if default.len() >= *at_least {
                list["default"] = json!(default);
            }
            list
        }
        Shape::Whole { from, to, default } => {
            json!({ "type": "integer", "minimum": from, "maximum": to, "default": default })
        }
        Shape::Flag { default } => json!({ "type": "boolean", "default": default }),
        Shape::Word { words, default } => {
            json!({ "type": "string", "enum": words, "default": default })
        }
        Shape::Table(keys) => table(keys),
        Shape::Tables(keys) => json!({ "type": "array", "items": table(keys), "minItems": 1 }),
        Shape::Map(values) => {
            json!({ "type": "object", "additionalProperties": self::shape(values) })
        }
        Shape::OrTable(other, keys) => json!({ "anyOf": [self::shape(other), table(keys)] }),
        Shape::Value => json!({ "anyOf": [
            { "type": ["string", "integer", "boolean"] },
            { "type": "array", "items": { "type": "string" } },
        ] }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{ConnectorConfig, HostConfig, Problem};

    const EXAMPLE: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/connector.example.toml"));

    /// Every table of a schema: where it is, and the names of its keys.
    fn tables(schema: &Value, at: &str, found: &mut Vec<(String, Vec<String>)>) {
        if let Some(properties) = schema["properties"].as_object() {
            found.push((at.to_owned(), properties.keys().cloned().collect()));
            for (name, property) in properties {
                tables(property, &format!("{at}.{name}"), found);
            }
        }
        for other in schema["anyOf"].as_array().into_iter().flatten() {
            tables(other, at, found);
        }
        tables_below(&schema["items"], &format!("{at}[0]"), found);
        tables_below(&schema["additionalProperties"], &format!("{at}.any"), found);
    }

    fn tables_below(schema: &Value, at: &str, found: &mut Vec<(String, Vec<String>)>) {
        if schema.is_object() {
            tables(schema, at, found);
        }
    }

    /// A document with one key no table knows, in the table at this place of the schema.
    fn stray(at: &str) -> String {
        let mut inner = "{ zzzzzzzz = 1 }".to_owned();
        for part in at.split('.').skip(1).collect::<Vec<_>>().into_iter().rev() {
            inner = match part.strip_suffix("[0]") {
                Some(list) => format!("{{ {list} = [{inner}] }}"),
                None => format!("{{ {part} = {inner} }}"),
            };
        }
        inner[1..inner.len() - 1].trim().to_owned()
    }

    #[test]
    fn the_check_knows_exactly_the_keys_of_the_schemas() {
        type Check = fn(&str) -> Vec<Problem>;
        let connector: Check =
            |text| ConnectorConfig::parse(&"hr".parse().unwrap(), "hr.toml", text).unwrap_err();
        let host: Check = |text| HostConfig::parse(Path::new("."), text).unwrap_err();
        for (schema, check, expected) in
            [(connector_schema(), connector, 15), (host_schema(), host, 7)]
        {
            let mut found = Vec::new();
            tables(&schema, "", &mut found);
            assert_eq!(found.len(), expected, "{found:?}");
            for (at, mut keys) in found {
                let problems = check(&stray(&at));
                let unknown: Vec<_> = problems
                    .iter()
                    .filter_map(|p| p.message.strip_prefix("unknown key, "))
                    .collect();
                let [message] = unknown[..] else { panic!("{at}: {problems:?}") };
                let known = message.strip_prefix("known here: ").unwrap();
                let mut known: Vec<_> = known.split(", ").map(str::to_owned).collect();
                known.sort();
                keys.sort();
                assert_eq!(known, keys, "{at}");
            }
        }
    }

    #[test]
    fn the_example_shows_every_key_of_the_schema() {
        let mut found = Vec::new();
        tables(&connector_schema(), "", &mut found);
        for (at, keys) in found {
            for key in keys {
                let shown = [format!("{key} = "), format!("[{key}]"), format!(".{key}]")];
                let open = format!("[{key}.");
                assert!(
                    shown.iter().chain([&open]).any(|form| EXAMPLE.contains(form.as_str())),
                    "{at}: {key}"
                );
            }
        }
    }
}
