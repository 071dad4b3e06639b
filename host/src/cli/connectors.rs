//! `connectors`: the documents, and what a running host makes of them.

use super::{Asked, Exit, NoHost, client::Client, exchange, new, table, test};
use anyhow::{Context, bail};
use clap::Subcommand;
use ecma_host::{
    app,
    config::{self, ConnectorName, HostConfig, Loaded, load_connectors},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

#[derive(Subcommand)]
pub(super) enum Connectors {
    /// One line for each connector.
    List,
    /// A connector's document, with secrets left out, and how it stands.
    Show {
        /// The connector.
        name: String,
    },
    /// Make a connector: asks page by page on a terminal, or takes --set; then proposes a mapping.
    New(Box<new::New>),
    /// Walk from the client to the target and say which link is broken: name, TCP, TLS, token, a query,
    /// plugin, values, target, schema, import, a look-up.
    Test(test::Test),
    /// Write a connector to one file that may leave this host: no secret in it that others can open.
    Export(exchange::Export),
    /// Make a connector of an exported one, or of the exported configuration of Microsoft's host.
    Import(exchange::Import),
    /// Whether documents are right and their plugins take them; targets are not reached.
    Validate {
        /// The connector; all of them without a name.
        name: Option<String>,
    },
    /// Give a connector another name: clients need its new URL.
    Rename {
        /// The connector.
        name: String,
        /// Its name from now on.
        to: String,
    },
    /// Remove a connector; its document is kept in state/removed.
    Remove {
        /// The connector.
        name: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

pub(super) fn run(asked: &Asked, what: Connectors) -> anyhow::Result<Exit> {
    match what {
        Connectors::List => list(asked),
        Connectors::Show { name } => show(asked, &name),
        Connectors::New(what) => new::run(asked, &what),
        Connectors::Test(what) => {
            let settings = asked.settings()?;
            let (name, _) = document_of(&settings, &what.name)?;
            test::run(asked, &settings, &name, &what)
        }
        Connectors::Export(what) => {
            let from = std::env::current_dir()?;
            let settings = asked.settings()?;
            let (name, _) = document_of(&settings, &what.name)?;
            exchange::export(asked, &name, settings, &what, &from)
        }
        Connectors::Import(what) => exchange::import(asked, &what),
        Connectors::Validate { name } => validate(asked, name.as_deref()),
        Connectors::Rename { name, to } => rename(asked, &name, &to),
        Connectors::Remove { name, yes } => remove(asked, &name, yes),
    }
}

/// What a running host says; nothing when none runs.
fn running(settings: &HostConfig) -> anyhow::Result<Option<Value>> {
    match Client::new(settings)?.get("/v1/health") {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.is::<NoHost>() => Ok(None),
        Err(error) => Err(error),
    }
}

fn of<'a>(state: &'a Value, name: &str) -> Option<&'a Value> {
    state["connectors"].as_array()?.iter().find(|connector| connector["name"] == name)
}

fn list(asked: &Asked) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let state = running(&settings)?;
    let mut all = Vec::new();
    for Loaded { name, file, result, .. } in load_connectors(&settings.connectors) {
        let shown = file.strip_prefix(&settings.home).unwrap_or(&file).display().to_string();
        let name = name.map_or_else(|| shown.clone(), |name| name.to_string());
        let mut one = json!({"name": name, "file": shown});
        match &result {
            Ok(config) => {
                one["plugin"] = json!(config.plugin);
                one["description"] = json!(config.description);
            }
            Err(problems) => {
                let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
                one["problems"] = json!(texts);
            }
        }
        one["running"] = json!(state.as_ref().and_then(|state| of(state, &name)));
        all.push(one);
    }
    asked.print(&json!(all), |out| {
        if all.is_empty() {
            return writeln!(
                out,
                "no connectors: `ecma-host connectors new NAME --plugin P` makes one"
            );
        }
        let rows: Vec<_> = all.iter().map(|one| row(one, state.is_some())).collect();
        table::write(out, &["NAME", "PLUGIN", "STATE", "ENTRIES", "NOTE"], &rows)
    })?;
    if let (Some(state), false) = (&state, asked.json) {
        // Of the host as a whole: it belongs to no row.
        for notice in state["hostNotices"].as_array().into_iter().flatten() {
            writeln!(io::stderr(), "host: {}", notice["detail"].as_str().unwrap_or_default())?;
        }
    }
    if state.is_none() && !asked.json {
        writeln!(io::stderr(), "no host runs in {}", settings.home.display())?;
    }
    Ok(Exit::Well)
}

fn row(one: &Value, is_running: bool) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at_work = &one["running"];
    let problem = one["problems"].get(0);
    let state = match (at_work["state"].as_str(), problem) {
        (Some(state), _) => state,
        (None, Some(_)) => "broken",
        (None, None) if is_running => "not picked up yet",
        (None, None) => "stopped",
    };
    let entries = at_work["entries"].as_u64().map_or_else(String::new, |count| count.to_string());
    let held = at_work["held"].as_u64().map(|held| json!(format!("{held} removals are held back")));
    // What keeps it from its work comes first.
    let mut notes = vec![&at_work["detail"], &at_work["exports"]["detail"]];
    notes.extend(&held);
    notes.extend(at_work["notices"].as_array().into_iter().flatten().map(|one| &one["detail"]));
    notes.push(&one["problems"][0]);
    let mut notes = notes.into_iter().filter_map(Value::as_str);
    let mut note = notes.next().and_then(|note| note.lines().next()).unwrap_or_default().to_owned();
    let more = notes.count();
    if more > 0 {
        note = format!("{note} (and {more} more: `connectors show`)");
    }
    // A document that is refused may name none, or another one than that at work.
    let plugin = at_work["plugin"].as_str().or(one["plugin"].as_str()).unwrap_or_default();
    vec![text(&one["name"]), plugin.to_owned(), state.to_owned(), entries, note]
}

/// The file of a connector, or what there is instead.
pub(super) fn document_of(
    settings: &HostConfig,
    name: &str,
) -> anyhow::Result<(ConnectorName, PathBuf)> {
    let folder = &settings.connectors;
    let names: Vec<String> =
        load_connectors(folder).into_iter().filter_map(|one| Some(one.name?.to_string())).collect();
    if let Some(known) = names.iter().find(|known| *known == name) {
        let name: ConnectorName = known.parse()?;
        let file = folder.join(format!("{name}.toml"));
        return Ok((name, file));
    }
    let folder = folder.display();
    match config::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => bail!("there is no connector {name} in {folder}, did you mean {near}?"),
        None if names.is_empty() => bail!("there is no connector {name}: {folder} has none"),
        None => bail!("there is no connector {name} in {folder}; it has {}", names.join(", ")),
    }
}

fn show(asked: &Asked, name: &str) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let (name, file) = document_of(&settings, name)?;
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = config::without_secrets(&text);
    let state = running(&settings)?;
    let at_work = state.as_ref().and_then(|state| of(state, name.as_str()));
    let mut all = load_connectors(&settings.connectors).into_iter();
    let problems = all.find(|one| one.file == file).and_then(|one| one.result.err());
    let problems: Vec<String> = problems.iter().flatten().map(ToString::to_string).collect();
    let value = json!({
        "name": name.as_str(), "file": file, "document": text, "problems": problems,
        "running": at_work,
    });
    asked.print(&value, |out| {
        write!(out, "{text}")?;
        // What follows is no part of the document, but keeps it one when it is piped to a file.
        let comment = |out: &mut dyn Write, text: &str| {
            text.lines().try_for_each(|line| writeln!(out, "# {line}"))
        };
        writeln!(out)?;
        problems.iter().try_for_each(|problem| comment(out, &format!("wrong: {problem}")))?;
        match at_work {
            Some(at_work) => comment(out, &format!("running: {at_work:#}")),
            None => comment(out, "not running"),
        }
    })?;
    Ok(Exit::Well)
}

fn validate(asked: &Asked, name: Option<&str>) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    if let Some(name) = name {
        document_of(&settings, name)?;
    }
    let found = app::validate(&settings, name)?;
    let is_well = found.iter().all(|(_, problems)| problems.is_empty());
    let value: Vec<_> =
        found.iter().map(|(file, problems)| json!({"file": file, "problems": problems})).collect();
    asked.print(&json!(value), |out| {
        for (file, problems) in &found {
            match problems.is_empty() {
                true => writeln!(out, "{file}: right")?,
                false => problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))?,
            }
        }
        Ok(())
    })?;
    Ok(if is_well { Exit::Well } else { Exit::Wrong })
}

fn rename(asked: &Asked, name: &str, to: &str) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let (name, from) = document_of(&settings, name)?;
    let to: ConnectorName = to.parse()?;
    let target = settings.connectors.join(format!("{to}.toml"));
    if to == name {
        bail!("that is its name already");
    }
    if target.try_exists()? {
        bail!("there is a connector {to} already; remove or rename it first");
    }
    // The document may say its own name; it has to be right at every moment.
    config::rename_document(&from, &target, to.as_str())?;
    Client::tell(&settings);
    let value = json!({"from": name.as_str(), "to": to.as_str()});
    asked.print(&value, |out| {
        writeln!(out, "{name} is {to} now; give clients the URL that ends in /ecma2host_{to}/scim")
    })?;
    Ok(Exit::Well)
}

fn remove(asked: &Asked, name: &str, yes: bool) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let (name, file) = document_of(&settings, name)?;
    if !yes {
        if !io::stdin().is_terminal() {
            bail!("--yes is needed where nobody can be asked");
        }
        write!(io::stderr(), "Remove {name}? Its clients get 404 from then on. [y/N] ")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(Exit::Wrong);
        }
    }
    let kept = settings.state.join("removed");
    config::private_folder(&settings.state)?;
    config::private_folder(&kept)?;
    let stamp = app::now().strftime("%Y%m%dT%H%M%SZ");
    let kept = kept.join(format!("{name}-{stamp}.toml"));
    fs::copy(&file, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    Client::tell(&settings);
    let value = json!({"removed": name.as_str(), "kept": kept});
    asked.print(&value, |out| {
        writeln!(out, "{name} is removed; its document is kept as {}", kept.display())
    })?;
    Ok(Exit::Well)
}
