//! The values of a plugin, page by page: given beforehand, or asked for on a terminal.

use super::ask;
use anyhow::bail;
use ecma_host::{
    app::Workbench,
    config::ConfigValue,
    draft::{self, Given},
};
use ecma_plugin_sdk::{Parameter, ParameterKind, ParameterPage, Plugin, Values};
use std::io::{self, Write};

/// What was found out.
#[derive(Default)]
pub(super) struct Found {
    /// What the document says, in the order of the form.
    pub(super) written: Vec<(Parameter, ConfigValue)>,
    /// The same as the plugin gets it.
    pub(super) answers: Values,
    /// Secrets that stood on the command line.
    pub(super) seen: Vec<String>,
}

impl Found {
    fn set(
        &mut self,
        bench: &Workbench,
        parameter: &Parameter,
        value: ConfigValue,
    ) -> Result<(), String> {
        let answer = bench.answer(&value)?;
        self.answers.set(&parameter.name, answer);
        let value = match value {
            ConfigValue::Text(text) if parameter.kind == ParameterKind::Secret => {
                let key = bench.key_to_seal().map_err(|error| error.to_string())?;
                ConfigValue::Sealed(key.seal(&text).map_err(|error| error.to_string())?)
            }
            value => value,
        };
        match self.written.iter_mut().find(|(known, _)| known.name == parameter.name) {
            Some((_, old)) => *old = value,
            None => self.written.push((parameter.clone(), value)),
        }
        Ok(())
    }

    fn has(&self, parameter: &Parameter) -> bool {
        self.written.iter().any(|(known, _)| known.name == parameter.name)
    }
}

/// Only some pages are about the connector as a whole.
fn is_asked(page: ParameterPage) -> bool {
    !matches!(page, ParameterPage::Partition | ParameterPage::RunStep)
}

fn is_question(parameter: &Parameter) -> bool {
    !matches!(parameter.kind, ParameterKind::Label | ParameterKind::Divider)
}

/// The pages of the form, each with the answers of those before it.
fn each_page(
    plugin: &Plugin,
    found: &mut Found,
    mut page: impl FnMut(ParameterPage, Vec<Parameter>, &mut Found) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut last: Option<ParameterPage> = None;
    loop {
        let all = plugin.parameters(None, &found.answers)?;
        let pages = all.iter().map(|parameter| parameter.page).filter(|page| is_asked(*page));
        let Some(next) = pages.filter(|page| last.is_none_or(|last| *page > last)).min() else {
            return Ok(());
        };
        let parameters = plugin.parameters(Some(next), &found.answers)?;
        page(next, parameters, found)?;
        last = Some(next);
    }
}

/// Takes what was given, asks for the rest on a terminal, and has the plugin look at all of it.
pub(super) fn collect(
    bench: &Workbench,
    plugin: &Plugin,
    given: &mut Given,
    interactive: bool,
    found: &mut Found,
) -> anyhow::Result<()> {
    let (mut problems, mut known) = (Vec::new(), Vec::new());
    each_page(plugin, found, |page, parameters, found| {
        let mut told = false;
        for parameter in parameters {
            let called = draft::called(&parameter);
            let taken = given.take(&parameter).and_then(|taken| match taken {
                Some(taken) => {
                    if taken.was_seen {
                        found.seen.push(called.clone());
                    }
                    found.set(bench, &parameter, taken.value).map(|()| true)
                }
                None => Ok(false),
            });
            match taken {
                Ok(true) => {}
                Ok(false) if interactive => {
                    if !std::mem::replace(&mut told, true) {
                        ask::heading(page)?;
                    }
                    one(bench, &parameter, found)?;
                }
                Ok(false) if is_question(&parameter) && parameter.required => {
                    problems.push(format!("{called} is missing: {}", remedy(&parameter)));
                }
                Ok(false) => {}
                Err(problem) => {
                    problems.push(format!("{called} {problem}: {}", remedy(&parameter)));
                }
            }
            if is_question(&parameter) {
                known.push(parameter);
            }
        }
        Ok(())
    })?;
    problems.extend(given.left(&known));
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    loop {
        let wrong = check(plugin, found)?;
        if wrong.is_empty() {
            return Ok(());
        }
        if !interactive {
            bail!("the plugin refuses the values\n{}", texts(&wrong, &known).join("\n"));
        }
        writeln!(io::stderr(), "\nThe plugin refuses the values:")?;
        texts(&wrong, &known).iter().try_for_each(|text| writeln!(io::stderr(), "  {text}"))?;
        let about = |parameter: &&Parameter| wrong.iter().any(|(at, _)| *at == parameter.name);
        let named: Vec<Parameter> = known.iter().filter(about).cloned().collect();
        for parameter in if named.is_empty() { &known } else { &named } {
            one(bench, parameter, found)?;
        }
    }
}

/// Asks for everything again, with what was answered as what is proposed.
pub(super) fn again(bench: &Workbench, plugin: &Plugin, found: &mut Found) -> anyhow::Result<()> {
    loop {
        each_page(plugin, found, |page, parameters, found| {
            ask::heading(page)?;
            parameters.iter().try_for_each(|parameter| one(bench, parameter, found))
        })?;
        let wrong = check(plugin, found)?;
        if wrong.is_empty() {
            return Ok(());
        }
        wrong.iter().try_for_each(|(at, what)| writeln!(io::stderr(), "  {at} {what}"))?;
    }
}

/// Asks for one value until it is right.
fn one(bench: &Workbench, parameter: &Parameter, found: &mut Found) -> anyhow::Result<()> {
    loop {
        let before = found.answers.get(&parameter.name).cloned();
        let Some(text) = ask::parameter(parameter, before.as_ref())? else {
            return Ok(());
        };
        let mut given = Given::default();
        match parameter.kind {
            ParameterKind::Secret => given.set_secret(&parameter.name, text),
            _ => given.set(&parameter.name, text),
        }
        let taken = given.take(parameter);
        let set = taken.and_then(|taken| match taken {
            Some(taken) => found.set(bench, parameter, taken.value),
            None => Ok(()),
        });
        match set {
            Ok(()) if found.has(parameter) || !parameter.required => return Ok(()),
            Ok(()) => {}
            Err(problem) => writeln!(io::stderr(), "  {} {problem}", parameter.name)?,
        }
    }
}

/// What the plugin says of the values: parameter and problem.
fn check(plugin: &Plugin, found: &Found) -> anyhow::Result<Vec<(String, String)>> {
    let all = plugin.parameters(None, &found.answers)?;
    let later = |name: &str| all.iter().any(|known| known.name == name && !is_asked(known.page));
    let problems = plugin.check(&found.answers)?.into_iter();
    Ok(problems.filter(|it| !later(&it.at)).map(|it| (it.at, it.message)).collect())
}

fn texts(wrong: &[(String, String)], known: &[Parameter]) -> Vec<String> {
    let tell = |(at, what): &(String, String)| match known.iter().find(|known| known.name == *at) {
        Some(parameter) => format!("{} {what}: {}", draft::called(parameter), remedy(parameter)),
        None if at.is_empty() => what.clone(),
        None => format!("{at} {what}"),
    };
    wrong.iter().map(tell).collect()
}

fn remedy(parameter: &Parameter) -> String {
    let called = draft::called(parameter);
    match parameter.kind {
        ParameterKind::Secret => format!("give it with --set-secret {called}"),
        _ => format!("give it with --set {called}="),
    }
}
