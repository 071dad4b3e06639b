//! `connectors new`: a connector's document, asked for page by page on a terminal, or made of options.

mod ask;
mod values;

use super::{Asked, Exit, client::Client, table};
use anyhow::{Context, bail};
use clap::Args;
use ecma_host::{
    app::{self, Workbench},
    config::{
        self, ConnectorConfig, ConnectorName, DeleteFlow, DisableFlow, HostConfig, ObjectMapping,
        TokenHash,
    },
    draft::{self, Draft, Given, Wishes},
    space::mapping::{self, Misfit},
};
use ecma_plugin_sdk::{Capabilities, Plugin, Schema, Values};
use serde_json::json;
use std::{
    io::{self, BufRead, IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

/// How long a target may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(in crate::cli) struct New {
    /// The connector's name: letters and digits, a part of its URL.
    name: String,
    /// The plugin, by its name: `ecma-host plugins list` shows which there are.
    #[arg(long)]
    plugin: String,
    /// What the connector is for.
    #[arg(long)]
    description: Option<String>,
    /// A value of the plugin, such as connectivity.file=people.csv. The page may be left out; a list is
    /// given as JSON or again and again; env:NAME and file:PATH refer to where a value is.
    #[arg(long, value_name = "PAGE.KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// A secret of the plugin, read from standard input, one line for each in this order.
    #[arg(long, value_name = "PAGE.KEY")]
    set_secret: Vec<String>,
    /// An object type to expose, and the SCIM resource that it becomes; without any, those whose names
    /// say what they are.
    #[arg(long, value_name = "TYPE[=RESOURCE]")]
    object: Vec<String>,
    /// Where SCIM has an attribute of the target; an empty path puts it into the host's own extension.
    #[arg(long, value_name = "ATTRIBUTE=PATH", value_parser = pair)]
    map: Vec<(String, String)>,
    /// An attribute that is not to be read.
    #[arg(long, value_name = "ATTRIBUTE")]
    no_map: Vec<String>,
    /// What disabling does: none, delete, or the attribute that active goes into, with what the target
    /// stores; object types without it are not disabled.
    #[arg(long, value_name = "none|delete|ATTRIBUTE[=TRUE,FALSE]", value_parser = disable)]
    disable: Option<DisableFlow>,
    /// What deleting does: none, delete, or an attribute and what it is set to.
    #[arg(long, value_name = "none|delete|ATTRIBUTE=VALUE", value_parser = delete)]
    delete: Option<DeleteFlow>,
    /// Minutes between imports; 0 imports at the start only.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(0..=525_600))]
    autosync: u32,
    /// Do not reach the target: what is exposed has to be said with --object and --map.
    #[arg(long)]
    offline: bool,
    /// Print the document and write nothing.
    #[arg(long)]
    dry_run: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("there is no = in it")?;
    match key.is_empty() {
        true => Err("nothing stands before the =".to_owned()),
        false => Ok((key.to_owned(), value.to_owned())),
    }
}

fn disable(text: &str) -> Result<DisableFlow, String> {
    Ok(match (text, text.split_once('=')) {
        ("none", _) => DisableFlow::None,
        ("delete", _) => DisableFlow::Delete,
        (attribute, None) => {
            DisableFlow::Set { attribute: attribute.to_owned(), when_true: None, when_false: None }
        }
        (_, Some((attribute, words))) => {
            let (yes, no) = words.split_once(',').ok_or("say ATTRIBUTE=TRUE,FALSE")?;
            DisableFlow::Set {
                attribute: attribute.to_owned(),
                when_true: Some(yes.to_owned()),
                when_false: Some(no.to_owned()),
            }
        }
    })
}

fn delete(text: &str) -> Result<DeleteFlow, String> {
    Ok(match (text, text.split_once('=')) {
        ("none", _) => DeleteFlow::None,
        ("delete", _) => DeleteFlow::Delete,
        (_, Some((attribute, value))) => {
            DeleteFlow::Set { attribute: attribute.to_owned(), value: value.to_owned() }
        }
        (_, None) => return Err("say none, delete or ATTRIBUTE=VALUE".to_owned()),
    })
}

/// What the target says, as far as it was asked.
struct Target {
    capabilities: Capabilities,
    schema: Option<Schema>,
}

pub(in crate::cli) fn run(asked: &Asked, new: &New) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let name: ConnectorName = new.name.parse()?;
    let file = settings.connectors.join(format!("{name}.toml"));
    if !new.dry_run && file.try_exists()? {
        bail!("there is a connector {name} already; remove or rename it first");
    }
    let bench = Workbench::open(settings)?;
    if !new.dry_run {
        // Before anybody types anything in.
        bench.key_to_seal()?;
    }
    let plugin = bench.plugin(&new.plugin)?;
    let interactive = !asked.json && io::stdin().is_terminal() && io::stderr().is_terminal();
    let mut given = given(new)?;
    let mut found = values::Found::default();
    values::collect(&bench, &plugin, &mut given, interactive, &mut found)?;
    let target = loop {
        match reach(&plugin, &found.answers, new.offline) {
            Ok(target) => break target,
            Err(error) if interactive => {
                writeln!(io::stderr(), "\nThe target cannot be used: {error:#}")?;
                if !ask::yes("Change the values and try again?")? {
                    return Ok(Exit::Wrong);
                }
                values::again(&bench, &plugin, &mut found)?;
            }
            Err(error) => {
                return Err(error.context(
                    "the target cannot be used; correct the values, or write the document without \
                     it with --offline",
                ));
            }
        }
    };
    let mut wishes = wishes(new);
    if let (true, true, Some(schema)) = (interactive, wishes.objects.is_empty(), &target.schema) {
        wishes.objects = ask::objects(schema)?;
    }
    let mut objects = proposed(&target, &wishes)?;
    if let (true, Some(schema)) = (interactive, &target.schema) {
        show(&objects)?;
        if ask::yes("Change where SCIM has the attributes?")? {
            ask::paths(&mut wishes, &objects)?;
            objects = proposed(&target, &wishes)?;
        }
        misfits(schema, &objects, &target.capabilities)?;
    }
    let token = config::new_token();
    let hash = TokenHash::new(token.expose()).to_string();
    let text = draft::document(&Draft {
        plugin: &new.plugin,
        description: new.description.as_deref(),
        token: &hash,
        autosync: new.autosync,
        values: &found.written,
        objects: &objects,
        schema: target.schema.as_ref(),
    });
    check(&bench, &name, &text, &target)?;
    for parameter in &found.seen {
        writeln!(
            io::stderr(),
            "{parameter} stood on the command line, where others on this machine may have read it; \
             it is sealed in the document, and --set-secret reads the next one unseen"
        )?;
    }
    if new.dry_run {
        asked.print(&json!({"name": name.as_str(), "document": text}), |out| {
            write!(out, "{text}")
        })?;
        return Ok(Exit::Well);
    }
    // Where `connectors/` is not there yet, this is the first connector.
    std::fs::create_dir_all(&bench.config().connectors)
        .and_then(|()| config::write_atomic(&file, text.as_bytes(), None))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Client::tell(bench.config());
    done(asked, bench.config(), &name, token.expose(), &objects)
}

fn given(new: &New) -> anyhow::Result<Given> {
    let mut given = Given::default();
    new.set.iter().for_each(|(key, text)| given.set(key, text.clone()));
    let mut lines = io::stdin().lock().lines();
    for key in &new.set_secret {
        let line = lines.next().transpose()?.filter(|line| !line.is_empty());
        let line = line.with_context(|| format!("standard input has no line for {key}"))?;
        given.set_secret(key, line);
    }
    Ok(given)
}

fn wishes(new: &New) -> Wishes {
    let object = |text: &String| match text.split_once('=') {
        Some((object_type, resource)) => (object_type.to_owned(), Some(resource.to_owned())),
        None => (text.clone(), None),
    };
    Wishes {
        objects: new.object.iter().map(object).collect(),
        maps: new.map.clone(),
        not_mapped: new.no_map.clone(),
        disable: new.disable.clone(),
        delete: new.delete.clone(),
    }
}

/// What the target can do and has.
fn reach(plugin: &Arc<Plugin>, answers: &Values, offline: bool) -> anyhow::Result<Target> {
    let capabilities = plugin.capabilities(answers)?;
    if offline {
        return Ok(Target { capabilities, schema: None });
    }
    let (called, answers) = (Arc::clone(plugin), answers.clone());
    let schema = app::within(PATIENCE, "the target", move || {
        called.connect(&answers).and_then(|mut connection| connection.schema())
    })?;
    Ok(Target { capabilities, schema: Some(schema?) })
}

fn proposed(target: &Target, wishes: &Wishes) -> anyhow::Result<Vec<ObjectMapping>> {
    draft::propose(target.schema.as_ref(), &target.capabilities, wishes)
        .map_err(|problems| anyhow::anyhow!("{}", problems.join("\n")))
}

fn misfits(
    schema: &Schema,
    objects: &[ObjectMapping],
    capabilities: &Capabilities,
) -> anyhow::Result<()> {
    told(&mapping::compile(schema, objects, capabilities).err().unwrap_or_default())
}

fn told(misfits: &[Misfit]) -> anyhow::Result<()> {
    let texts: Vec<String> = misfits.iter().map(ToString::to_string).collect();
    if !texts.is_empty() {
        bail!(
            "the mapping does not fit the target; --map ATTRIBUTE=PATH puts an attribute elsewhere, \
             --no-map ATTRIBUTE leaves it out\n{}",
            texts.join("\n")
        );
    }
    Ok(())
}

/// Nothing is written that the host would refuse.
fn check(
    bench: &Workbench,
    name: &ConnectorName,
    text: &str,
    target: &Target,
) -> anyhow::Result<()> {
    let problems = bench.problems(name, text);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    match (&target.schema, ConnectorConfig::parse(name, "", text)) {
        (Some(schema), Ok(read)) => misfits(schema, &read.objects, &target.capabilities),
        (None, Ok(read)) => told(&mapping::misfits_without_target(&read.objects)),
        (_, Err(_)) => Ok(()),
    }
}

fn show(objects: &[ObjectMapping]) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for object in objects {
        for mapping in &object.attributes {
            let path = mapping.scim.clone().unwrap_or_else(|| "(extension)".to_owned());
            rows.push(vec![object.object_type.clone(), mapping.target.clone(), path]);
        }
    }
    writeln!(io::stderr())?;
    table::write(&mut io::stderr(), &["OBJECT", "ATTRIBUTE", "SCIM"], &rows)?;
    Ok(())
}

fn done(
    asked: &Asked,
    settings: &HostConfig,
    name: &ConnectorName,
    token: &str,
    objects: &[ObjectMapping],
) -> anyhow::Result<Exit> {
    let (url, file) = (app::url(settings, name), format!("connectors/{name}.toml"));
    let value = json!({"name": name.as_str(), "file": file, "url": url, "token": token});
    asked.print(&value, |out| {
        let types: Vec<String> = objects
            .iter()
            .map(|object| format!("{} as {}", object.object_type, object.resource))
            .collect();
        writeln!(out, "{file} is written: {}", types.join(", "))?;
        writeln!(out)?;
        writeln!(out, "Tenant URL    {url}")?;
        writeln!(out, "Secret Token  {token}")?;
        writeln!(out, "The token is shown this once; the document keeps its hash.")?;
        writeln!(out)?;
        writeln!(out, "Next: read the document, then")?;
        writeln!(
            out,
            "  ecma-host connectors test {name}       walks from the client to the target"
        )?;
        writeln!(
            out,
            "  ecma-host simulate {name} --dry-run    shows what a client's requests would do"
        )
    })?;
    Ok(Exit::Well)
}
