//! The composition root: reads the settings, loads the plugins, binds the connectors, serves, and
//! takes everything down again. Imported by nobody but `main`.

mod certificates;
mod check;
mod control;
mod fleet;
mod simulate;
mod watch;

pub use certificates::{Installed, certificate, generate_certificate, install_certificate};
pub use check::{candidate, validate};
pub use control::socket;
pub use simulate::simulate;

use crate::{
    binding::{Binding, Steps, Unbound},
    config::{
        ConfigValue, ConnectorConfig, HostConfig, Problem, Resolved, SealError, SealingKey,
        private_folder, write_atomic,
    },
    plugins::{self, Catalog},
    web::{Web, server},
};
use anyhow::{Context, bail};
use certificates::Tls;
use control::Controls;
use fleet::Fleet;
use notify::RecursiveMode;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use watch::{Looks, Watch};

/// How long requests in flight have to finish when the host stops.
const GRACE: Duration = Duration::from_secs(20);
/// How long the admin socket has then.
const ADMIN_GRACE: Duration = Duration::from_secs(2);
/// How long plugins have to look at their connectors' values.
const BINDING: Duration = Duration::from_secs(30);
/// How long a filter may look at every entry.
const SCAN: Duration = Duration::from_secs(20);
/// How long a TLS handshake may take, in seconds.
const HANDSHAKE: u64 = 10;

/// The clock of the process.
#[must_use]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// All problems of a document as one text.
fn texts(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// The settings of the host below this folder, which becomes the working directory: relative paths
/// in documents start there.
pub fn settings(home: &Path) -> anyhow::Result<HostConfig> {
    let home = home.canonicalize().with_context(|| format!("no folder {}", home.display()))?;
    std::env::set_current_dir(&home).with_context(|| format!("cannot enter {}", home.display()))?;
    match HostConfig::load(&home) {
        Ok(config) => Ok(config),
        Err(problems) => bail!("{}", texts(&problems)),
    }
}

/// Looks at what lies in the plugins folder.
pub fn catalog(config: &HostConfig) -> anyhow::Result<Catalog> {
    private_folder(&config.state)
        .with_context(|| format!("cannot use the folder {}", config.state.display()))?;
    plugins::install_log();
    Ok(Catalog::scan(&config.plugins, &config.state.join("shadow"), Some(&config.home)))
}

/// The key that seals secrets; a file of it is made when there is none.
pub fn sealing_key(config: &HostConfig) -> Result<SealingKey, SealError> {
    match config.sealing_key.file() {
        Some(file) => SealingKey::load_or_create(file),
        None => SealingKey::load(&config.sealing_key),
    }
}

/// The same; where it cannot be read, what stands for it and opens nothing.
fn any_sealing_key(config: &HostConfig) -> SealingKey {
    sealing_key(config).unwrap_or_else(|error| {
        tracing::error!(%error, "No sealing key; connectors with sealed values are not at work");
        SealingKey::unusable(&error)
    })
}

/// Runs the host until it is asked to stop.
pub async fn run(mut config: HostConfig, port: Option<u16>) -> anyhow::Result<()> {
    if let Some(port) = port {
        config.listen.iter_mut().for_each(|address| address.set_port(port));
    }
    let _only = only_host(&config)?;
    let key = any_sealing_key(&config);
    let catalog = catalog(&config)?;
    let tls = Arc::new(Tls::load(&config, &key)?);
    let web = Web::new(&config.limits, now());
    web.show(Arc::clone(&tls.certificates));
    catalog.sweep();
    let limits = server::Limits {
        connections: config.limits.connections,
        header_seconds: config.limits.header_seconds,
        handshake_seconds: HANDSHAKE,
    };
    let server = server::Server::bind(tls.offers(), limits).await?;
    let fleet = Fleet::new(config, key, catalog, Arc::clone(&web));
    fleet.follow(false).await;
    let connectors = fleet.len().await;
    if connectors == 0 {
        tracing::warn!(folder = %fleet.config.connectors.display(), "No connector is at work");
    }
    let addresses = server.local_addrs().to_vec();
    tell_ready(&fleet.config, &addresses, &tls.certificates.files().certificate)?;
    tracing::info!(?addresses, connectors, "Listening");
    let controls = Controls { fleet: Arc::clone(&fleet), tls: Arc::clone(&tls) };
    let stop = CancellationToken::new();
    let admin = control::listen(&fleet.config.state, &web, controls, stop.clone()).inspect_err(
        |error| tracing::error!(%error, "No admin socket; commands cannot reach the host"),
    );
    let warning = tokio::spawn(certificates::warn_of_end(Arc::clone(&tls.certificates)));
    let following = tokio::spawn(follow(Arc::clone(&fleet), tls));
    let cut = server.serve(web.front(), asked_to_stop(), GRACE).await;
    tracing::info!(cut, "No more requests; stopping the connectors");
    following.abort();
    warning.abort();
    stop.cancel();
    fleet.stop().await;
    if let Ok(admin) = admin {
        let _ = tokio::time::timeout(ADMIN_GRACE, admin).await;
    }
    let _ = std::fs::remove_file(ready_file(&fleet.config));
    Ok(())
}

/// Follows what happens to settings, documents, plugins and certificates while the host runs.
async fn follow(fleet: Arc<Fleet>, tls: Arc<Tls>) {
    let config = &fleet.config;
    let mut folders = vec![
        (config.connectors.clone(), RecursiveMode::NonRecursive),
        (config.plugins.clone(), RecursiveMode::Recursive),
    ];
    let of_key = config.sealing_key.file().and_then(Path::parent).map(Path::to_owned);
    let beside = tls.folders().into_iter().chain(of_key);
    folders.extend(beside.map(|folder| (folder, RecursiveMode::NonRecursive)));
    let mut watch = Watch::new(&folders, &config.home.join("host.toml"));
    let mut plugins = Looks::of([config.plugins.as_path()]);
    loop {
        watch.changed().await;
        // First: whoever makes a new key writes it before what it seals.
        fleet.follow_key();
        fleet.follow_certificate(&tls).await;
        let now_there = Looks::of([config.plugins.as_path()]);
        if now_there == plugins {
            fleet.follow(false).await;
        } else {
            plugins = now_there;
            fleet.rescan().await;
        }
    }
}

/// Makes sure that no other host works in the same folder; the lock goes with the file's handle.
fn only_host(config: &HostConfig) -> anyhow::Result<std::fs::File> {
    let folder = &config.state;
    private_folder(folder)
        .with_context(|| format!("cannot use the folder {}", folder.display()))?;
    close_to_others(folder);
    let path = folder.join("lock");
    let file =
        std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => bail!(
            "another host uses {}; stop it, or give this one a home of its own with --home",
            folder.display()
        ),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// The state folder holds keys: nobody else may look into it.
#[cfg(unix)]
fn close_to_others(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(known) = std::fs::metadata(folder) else { return };
    let mode = known.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let closed = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
        let folder = folder.display();
        match closed {
            Ok(()) => tracing::warn!(%folder, mode = format!("{mode:o}"),
                "The state folder was open to others and is closed now"),
            Err(error) => tracing::error!(%folder, %error, "The state folder is open to others"),
        }
    }
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) {}

fn machine_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

fn bind(
    config: &HostConfig,
    catalog: &Catalog,
    key: &SealingKey,
    connector: ConnectorConfig,
) -> Result<Arc<Binding>, Unbound> {
    let plugin = catalog.get(&connector.plugin).cloned();
    let plugin = plugin.ok_or_else(|| Unbound(vec![catalog.why_not(&connector.plugin)]))?;
    let token = connector
        .token
        .resolve(&config.home)
        .map_err(|reason| Unbound(vec![format!("token: {reason}")]))?;
    let values = connector.resolve_values(&config.home, key).map_err(|failures| {
        let texts = failures.iter().map(|(name, reason)| format!("values.{name}: {reason}"));
        Unbound(texts.collect())
    })?;
    let steps = Steps {
        full_import: step_values("full_import", &connector.run.full_import.values, config, key)?,
        delta_import: step_values("delta_import", &connector.run.delta_import.values, config, key)?,
    };
    Binding::new(connector, token, values, steps, plugin, now, SCAN)
}

/// The values of a run profile, references followed.
fn step_values(
    profile: &str,
    values: &BTreeMap<String, ConfigValue>,
    config: &HostConfig,
    key: &SealingKey,
) -> Result<BTreeMap<String, Resolved>, Unbound> {
    let mut resolved = BTreeMap::new();
    let mut failures = Vec::new();
    for (name, value) in values {
        match value.resolve(&config.home, key) {
            Ok(value) => drop(resolved.insert(name.clone(), value)),
            Err(reason) => failures.push(format!("run.{profile}.values.{name}: {reason}")),
        }
    }
    if failures.is_empty() { Ok(resolved) } else { Err(Unbound(failures)) }
}

fn ready_file(config: &HostConfig) -> PathBuf {
    config.state.join("ready.json")
}

/// Says where the host listens, for whoever started it.
fn tell_ready(
    config: &HostConfig,
    addresses: &[SocketAddr],
    certificate: &Path,
) -> anyhow::Result<()> {
    let listen: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let ready = serde_json::json!({
        "pid": std::process::id(),
        "listen": listen,
        "ca_pem": certificate,
    });
    let file = ready_file(config);
    write_atomic(&file, ready.to_string().as_bytes(), Some(0o600))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Ends when the process is asked to stop: SIGINT or SIGTERM.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(tokio::signal::ctrl_c().await),
        }
    }
    #[cfg(not(unix))]
    drop(tokio::signal::ctrl_c().await);
    tracing::info!("Asked to stop");
}
