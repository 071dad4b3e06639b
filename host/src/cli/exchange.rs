//! `connectors export` and `import`: connectors as files that travel.

use super::{Asked, Exit, client::Client, secrets, table};
use anyhow::{Context, bail};
use clap::Args;
use ecma_host::{
    app::{self, Workbench},
    config::{self, ConnectorName, HostConfig, Secret, TokenHash},
    exchange::{self, Here, Imported, Origin, Report, Secrets, Severity},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

#[derive(Args)]
pub(super) struct Export {
    /// The connector.
    pub(super) name: String,
    /// The file to write; standard output without it.
    file: Option<PathBuf>,
    /// Let the secrets travel under the passphrase that is read from standard input.
    #[arg(long)]
    passphrase_stdin: bool,
}

#[derive(Args)]
pub(super) struct Import {
    /// An exported connector, or the exported configuration of Microsoft's host.
    file: PathBuf,
    /// What to call the connector here.
    #[arg(long)]
    name: Option<ConnectorName>,
    /// Of several connectors in the file, this one.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Open the secrets with the passphrase that is read from standard input.
    #[arg(long)]
    passphrase_stdin: bool,
    /// Put it in place of a connector of that name.
    #[arg(long)]
    replace: bool,
    /// Make no token where the file brings none.
    #[arg(long)]
    no_token: bool,
    /// Say what would be written and write nothing.
    #[arg(long)]
    dry_run: bool,
}

fn passphrase(wanted: bool) -> anyhow::Result<Option<Secret>> {
    let text = wanted.then(|| secrets::from_stdin("the passphrase")).transpose()?;
    Ok(text.map(Secret::from))
}

/// `from` is where the command was run.
pub(super) fn export(
    asked: &Asked,
    name: &ConnectorName,
    settings: HostConfig,
    what: &Export,
    from: &Path,
) -> anyhow::Result<Exit> {
    let document = file(&settings, name);
    let text = fs::read_to_string(&document)
        .with_context(|| format!("cannot read {}", document.display()))?;
    let bench = Workbench::open(settings)?;
    let passphrase = passphrase(what.passphrase_stdin)?;
    let plugins = bench.plugins();
    // A document that is not right can be exported too, whatever plugin it names.
    let plugin = text.parse::<toml::Table>().ok();
    let plugin = plugin.and_then(|table| Some(table.get("plugin")?.as_str()?.to_owned()));
    let secret_parameters = plugin.as_deref().and_then(|plugin| bench.secret_parameters(plugin));
    let version = plugins.iter().find(|(known, _)| Some(known) == plugin.as_ref());
    let origin = Origin {
        name,
        plugin_version: version.map(|(_, version)| version.as_str()),
        exported: app::now(),
        secret_parameters: secret_parameters.as_deref(),
    };
    let secrets = match &passphrase {
        Some(passphrase) => Secrets::Sealed { key: bench.key(), passphrase },
        None => Secrets::LeftOut,
    };
    let exported = exchange::export_document(&text, &origin, secrets)?;
    let Some(wanted) = &what.file else {
        let value = json!({"connector": name.as_str(), "text": exported.text,
            "report": exported.report});
        asked.print(&value, |out| write!(out, "{}", exported.text))?;
        if !asked.json {
            tell(&mut io::stderr(), &exported.report)?;
        }
        return Ok(Exit::Well);
    };
    // As it is named from where the command runs, which was left for the home.
    let file = from.join(wanted);
    if file.try_exists()? {
        bail!("{} is there already; remove it or choose another name", file.display());
    }
    // What travels under a passphrase is for nobody else to try out.
    config::write_atomic(&file, exported.text.as_bytes(), Some(0o600))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let value = json!({"connector": name.as_str(), "file": file, "report": exported.report});
    asked.print(&value, |out| {
        tell(out, &exported.report)?;
        writeln!(out, "\n{name} is exported to {}", wanted.display())
    })?;
    Ok(Exit::Well)
}

fn tell(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut rows = Vec::new();
    for item in &report.items {
        rows.push(vec![item.severity.to_string(), item.at.clone(), item.what.clone()]);
        if !item.remedy.is_empty() {
            rows.push(vec![String::new(), String::new(), format!("→ {}", item.remedy)]);
        }
    }
    match rows.is_empty() {
        true => Ok(()),
        false => table::write(out, &["", "AT", "WHAT"], &rows),
    }
}

pub(super) fn import(asked: &Asked, what: &Import) -> anyhow::Result<Exit> {
    let shown = what.file.display();
    let bytes = fs::read(&what.file).with_context(|| format!("cannot read {shown}"))?;
    let bench = Workbench::open(asked.settings()?)?;
    let passphrase = passphrase(what.passphrase_stdin)?;
    let plugins = bench.plugins();
    let here = Here { home: &bench.config().home, key: bench.key_to_seal()?, plugins: &plugins };
    // With `--only` the name is for that one, whatever else is in the file.
    let name = what.name.as_ref().filter(|_| what.only.is_none());
    let mut all = exchange::import(&bytes, passphrase.as_ref(), name, &here)
        .with_context(|| what.file.display().to_string())?;
    if let Some(only) = &what.only {
        all = pick(all, only).with_context(|| what.file.display().to_string())?;
        if let (Some(one), Some(name)) = (all.first_mut(), &what.name) {
            one.name = name.clone();
        }
    }
    let settings = bench.config();
    if !what.replace && !what.dry_run {
        for one in &all {
            if file(settings, &one.name).try_exists()? {
                bail!(
                    "there is a connector {} already; --name gives the new one another name, \
                     --replace puts it in its place",
                    one.name
                );
            }
        }
    }
    let mut values = Vec::new();
    for one in &mut all {
        values.push(take(settings, one, what)?);
    }
    if !what.dry_run {
        Client::tell(settings);
    }
    asked.print(&json!(values), |out| {
        for (one, value) in all.iter().zip(&values) {
            said(out, settings, one, value, what)?;
        }
        Ok(())
    })?;
    let is_missing = |one: &Imported| one.report.of(Severity::Missing).next().is_some();
    Ok(if all.iter().any(is_missing) { Exit::Wrong } else { Exit::Well })
}

fn pick(mut all: Vec<Imported>, only: &str) -> anyhow::Result<Vec<Imported>> {
    let names: Vec<String> = all.iter().map(|one| one.name.to_string()).collect();
    all.retain(|one| one.name.as_str() == only);
    match all.is_empty() {
        true => bail!("there is no connector {only} in it; it has {}", names.join(", ")),
        false => Ok(all),
    }
}

fn file(settings: &HostConfig, name: &ConnectorName) -> PathBuf {
    settings.connectors.join(format!("{name}.toml"))
}

/// Makes the token that is missing, and writes the document.
fn take(settings: &HostConfig, one: &mut Imported, what: &Import) -> anyhow::Result<Value> {
    let needs_token =
        |item: &exchange::Item| item.at == "token" && item.severity == Severity::Missing;
    let mut token = None;
    if !what.no_token && !what.dry_run && one.report.items.iter().any(needs_token) {
        let made = config::new_token();
        let hash = TokenHash::new(made.expose()).to_string();
        let places = config::places("document", &one.document)?;
        one.document = match places.iter().find(|place| place.key == "token") {
            Some(place) => config::replaced(&one.document, [(place, hash.as_str())]),
            None => format!("token = \"{hash}\"\n{}", one.document),
        };
        one.report.items.retain(|item| !needs_token(item));
        token = Some(made.expose().to_owned());
    }
    let mut written = Value::Null;
    if !what.dry_run {
        let file = file(settings, &one.name);
        fs::create_dir_all(&settings.connectors)
            .and_then(|()| config::write_atomic(&file, one.document.as_bytes(), None))
            .with_context(|| format!("cannot write {}", file.display()))?;
        written = json!(format!("connectors/{}.toml", one.name));
    }
    Ok(json!({
        "name": one.name.as_str(),
        "file": written,
        "document": what.dry_run.then(|| config::without_secrets(&one.document)),
        "token": token,
        "url": app::url(settings, &one.name),
        "report": one.report,
    }))
}

fn said(
    out: &mut dyn Write,
    settings: &HostConfig,
    one: &Imported,
    value: &Value,
    what: &Import,
) -> io::Result<()> {
    let name = &one.name;
    tell(out, &one.report)?;
    if what.dry_run {
        writeln!(out, "\n# connectors/{name}.toml would be")?;
        return write!(out, "{}", config::without_secrets(&one.document));
    }
    writeln!(out, "\nconnectors/{name}.toml is written")?;
    if let Some(token) = value["token"].as_str() {
        writeln!(out, "Tenant URL    {}", app::url(settings, name))?;
        writeln!(out, "Secret Token  {token}")?;
        writeln!(out, "The token is shown this once; the document keeps its hash.")?;
    }
    match one.report.of(Severity::Missing).count() {
        0 => writeln!(out, "Next: ecma-host connectors test {name}"),
        missing => writeln!(
            out,
            "Next: what is missing ({missing}), then ecma-host connectors test {name}"
        ),
    }
}
