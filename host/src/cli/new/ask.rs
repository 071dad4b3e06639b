//! Questions on a terminal.

use dialoguer::{Confirm, Input, MultiSelect, Password, Select, theme::ColorfulTheme};
use ecma_host::{
    config::ObjectMapping,
    draft::{self, Wishes},
};
use ecma_plugin_sdk::{Answer, Parameter, ParameterKind, ParameterPage, Schema};
use std::io::{self, Write};

pub(super) fn heading(page: ParameterPage) -> anyhow::Result<()> {
    let title = match page {
        ParameterPage::Connectivity => "How to reach the target".to_owned(),
        ParameterPage::Capabilities => "What the connector shall be able to do".to_owned(),
        ParameterPage::Schema(step) => format!("What the target has, step {step}"),
        ParameterPage::Global => "How it works in general".to_owned(),
        other => format!("{other:?}"),
    };
    Ok(writeln!(io::stderr(), "\n{title}")?)
}

/// The answer to one parameter; nothing when it was left out.
pub(super) fn parameter(
    parameter: &Parameter,
    before: Option<&Answer>,
) -> anyhow::Result<Option<String>> {
    let theme = ColorfulTheme::default();
    let label = parameter.label.lines().next().unwrap_or(&parameter.name);
    if !parameter.help.is_empty() {
        writeln!(io::stderr(), "  {}", parameter.help.replace('\n', "\n  "))?;
    }
    let proposed = before.or(parameter.default.as_ref());
    let text = match &parameter.kind {
        ParameterKind::Label => {
            writeln!(io::stderr(), "  {label}")?;
            return Ok(None);
        }
        ParameterKind::Divider => return Ok(None),
        ParameterKind::Boolean => {
            let proposed = proposed.and_then(Answer::as_boolean).unwrap_or_default();
            let yes =
                Confirm::with_theme(&theme).with_prompt(label).default(proposed).interact()?;
            yes.to_string()
        }
        ParameterKind::Secret => {
            let prompt = match before {
                Some(_) => format!("{label} (empty keeps it)"),
                None => format!("{label} (or env:NAME, file:PATH)"),
            };
            let prompt = Password::with_theme(&theme).with_prompt(prompt);
            prompt.allow_empty_password(before.is_some() || !parameter.required).interact()?
        }
        ParameterKind::Choice { options, extensible: false } => {
            let proposed = proposed.and_then(Answer::as_text);
            let at = options.iter().position(|option| Some(option) == proposed.as_ref());
            let select = Select::with_theme(&theme).with_prompt(label).items(options);
            options[select.default(at.unwrap_or_default()).interact()?].clone()
        }
        kind => {
            let proposed = proposed.map(|answer| match answer {
                Answer::List(list) => list.join(", "),
                other => other.as_text().unwrap_or_default(),
            });
            let hint = match kind {
                ParameterKind::List => " (with commas between)",
                _ => "",
            };
            let mut prompt = Input::<String>::with_theme(&theme)
                .with_prompt(format!("{label}{hint}"))
                .allow_empty(!parameter.required);
            if let Some(proposed) = proposed {
                prompt = prompt.default(proposed);
            }
            prompt.interact_text()?
        }
    };
    // What was proposed and taken need not stand in the document.
    let is_default = before.is_none()
        && parameter.default.as_ref().and_then(Answer::as_text).is_some_and(|it| it == text);
    Ok((!text.is_empty() && !is_default).then_some(text))
}

pub(super) fn yes(question: &str) -> anyhow::Result<bool> {
    Ok(Confirm::with_theme(&ColorfulTheme::default())
        .with_prompt(question)
        .default(false)
        .interact()?)
}

/// The object types to expose, each with its resource.
pub(super) fn objects(schema: &Schema) -> anyhow::Result<Vec<(String, Option<String>)>> {
    let choices = draft::choices(schema);
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let usual: Vec<bool> = choices.iter().map(|(_, resource)| resource.is_some()).collect();
    let theme = ColorfulTheme::default();
    writeln!(io::stderr())?;
    let chosen = MultiSelect::with_theme(&theme)
        .with_prompt("Which object types? Space chooses, Enter goes on")
        .items(&names)
        .defaults(&usual)
        .interact()?;
    let mut objects = Vec::new();
    for at in chosen {
        let (name, resource) = choices[at];
        let resource = Input::<String>::with_theme(&theme)
            .with_prompt(format!("{name} becomes the SCIM resource"))
            .default(resource.unwrap_or("User").to_owned())
            .interact_text()?;
        objects.push((name.to_owned(), Some(resource)));
    }
    Ok(objects)
}

/// Where SCIM has each attribute, one after the other.
pub(super) fn paths(wishes: &mut Wishes, objects: &[ObjectMapping]) -> anyhow::Result<()> {
    let theme = ColorfulTheme::default();
    writeln!(io::stderr(), "  A SCIM path, \"\" for the host's own extension, - to leave it out")?;
    for object in objects {
        for mapping in &object.attributes {
            let named = format!("{}.{}", object.object_type, mapping.target);
            let proposed = mapping.scim.clone().unwrap_or_else(|| "\"\"".to_owned());
            let path = Input::<String>::with_theme(&theme)
                .with_prompt(&named)
                .default(proposed.clone())
                .interact_text()?;
            match path.trim() {
                "-" => wishes.not_mapped.push(named),
                path if path == proposed => {}
                "\"\"" => wishes.maps.push((named, String::new())),
                path => wishes.maps.push((named, path.to_owned())),
            }
        }
    }
    Ok(())
}
