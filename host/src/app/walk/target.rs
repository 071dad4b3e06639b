//! The half of the way behind the host: plugin, values, target, and whether the target still has what
//! the document says. No host has to run for it.

use super::{Walk, Walked, broken};
use crate::{
    app::{Workbench, within},
    binding::Binding,
    config::{ConnectorConfig, ObjectMapping},
    space::mapping,
};
use ecma_plugin_sdk::{Access, Attribute, Capabilities, Plugin, Schema, Values};
use std::{sync::Arc, time::Duration};

pub(super) const LINKS: [&str; 4] = ["plugin", "values", "target", "schema"];
/// How long a target may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn walk(walk: &Walk<'_>, connector: ConnectorConfig, walked: &mut Walked<'_>) {
    let found = walked.link("plugin", || {
        let bench = Workbench::open(walk.config.clone())
            .map_err(|error| broken(format!("{error:#}"), "run this as the host's account"))?;
        let plugin = bench.plugin(&connector.plugin).map_err(|error| {
            broken(format!("{error:#}"), "`ecma-host plugins list` shows what became of each file")
        })?;
        let info = plugin.info();
        let detail = format!("{} {} is loaded", info.name, info.version);
        Ok(((bench, plugin), detail))
    });
    let Some((bench, plugin)) = found else {
        return walked.skip_all(&LINKS[1..], "there is no plugin");
    };
    let file = format!("connectors/{}.toml", walk.name);
    let bound = walked.link("values", || match bench.bind(connector.clone()) {
        Ok(bound) => Ok((bound, format!("{} takes them", connector.plugin))),
        Err(reasons) => Err(broken(reasons.join("\n"), format!("correct them in {file}"))),
    });
    let Some(bound) = bound else {
        return walked.skip_all(&LINKS[2..], "the values are not right");
    };
    let values = connector.values.iter();
    let values = values.filter_map(|(name, value)| Some((name.clone(), bench.answer(value).ok()?)));
    let values = Values::new(values);
    let reached = walked.link("target", || {
        let reached = reach(&plugin, &values).map_err(|error| {
            broken(
                bound.scrub(&error).into_owned(),
                "see that the target is there and lets the host in",
            )
        })?;
        Ok((reached, "it answers".to_owned()))
    });
    let Some((schema, capabilities)) = reached else {
        return walked.skip("schema", "the target was not reached");
    };
    walked.link("schema", || {
        let before = walk.admin.and_then(|ask| {
            let known = ask(&format!("/v1/connectors/{}/schema", walk.name)).ok()?;
            serde_json::from_value(known).ok()
        });
        let wrong = drift(&bound, &schema, before.as_ref(), &capabilities);
        match wrong.is_empty() {
            true => Ok(((), "the target has what the document says".to_owned())),
            false => Err(broken(
                wrong.join("\n"),
                format!(
                    "bring {file} and the target together; a running host follows the document"
                ),
            )),
        }
    });
}

fn reach(plugin: &Arc<Plugin>, values: &Values) -> Result<(Schema, Capabilities), String> {
    let (called, values) = (Arc::clone(plugin), values.clone());
    let reached = within(PATIENCE, "the target", move || {
        let mut connection = called.connect(&values)?;
        connection.test()?;
        Ok((connection.schema()?, called.capabilities(&values)?))
    });
    match reached {
        Ok(Ok(reached)) => Ok(reached),
        Ok(Err(error)) => Err(ecma_plugin_sdk::Error::to_string(&error)),
        Err(error) => Err(error.to_string()),
    }
}

/// What in the target is not as the document has it, or not as it was when the running host read it.
fn drift(
    bound: &Binding,
    schema: &Schema,
    before: Option<&Schema>,
    capabilities: &Capabilities,
) -> Vec<String> {
    let objects = &bound.config().objects;
    let mut wrong: Vec<String> = match mapping::compile(schema, objects, capabilities) {
        Ok(_) => Vec::new(),
        Err(misfits) => misfits.iter().map(ToString::to_string).collect(),
    };
    for (at, object) in objects.iter().enumerate() {
        let Some(now) = schema.get(&object.object_type) else { continue };
        if capabilities.export {
            let needed = now.attributes.iter().filter(|a| is_needed(a) && !writes(object, &a.name));
            wrong.extend(needed.map(|attribute| {
                format!(
                    "object[{at}].attributes: {} is required in the target and not mapped, so \
                     nothing can be created",
                    attribute.name
                )
            }));
        }
        let Some(then) = before.and_then(|schema| schema.get(&object.object_type)) else {
            continue;
        };
        for mapping in &object.attributes {
            let pair = then.get(&mapping.target).zip(now.get(&mapping.target));
            if let Some((then, now)) = pair.filter(|(then, now)| shape(then) != shape(now)) {
                wrong.push(format!(
                    "object[{at}].attributes.{}: was {} and is {} in the target now; restart the \
                     host to have it read anew",
                    mapping.target,
                    shape(then),
                    shape(now)
                ));
            }
        }
    }
    wrong
}

/// Whether nothing is created without it.
fn is_needed(attribute: &Attribute) -> bool {
    attribute.required && !attribute.generated && attribute.access != Access::ImportOnly
}

fn writes(object: &ObjectMapping, attribute: &str) -> bool {
    object.attributes.iter().any(|mapping| mapping.target == attribute)
        || matches!(&object.deprovisioning.disable,
            crate::config::DisableFlow::Set { attribute: set, .. } if set == attribute)
}

fn shape(attribute: &Attribute) -> String {
    let several = if attribute.multi_valued { "several of " } else { "" };
    format!("{several}{:?}", attribute.kind).to_lowercase()
}
