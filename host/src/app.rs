//! The composition root: reads the settings, loads the plugins, binds the connectors, serves, and
//! takes everything down again. Imported by nobody but `main`.

mod certificates;
mod check;
mod control;
mod doctor;
mod exposed;
mod fleet;
mod following;
mod service;
mod settings;
mod signals;
mod simulate;
mod tokens;
mod walk;
mod watch;
mod workbench;

pub use certificates::{Installed, certificate, generate_certificate, install_certificate};
pub use check::{candidate, validate};
pub use control::socket;
pub use doctor::{Finding, Urgency, examine, settings_so_far};
#[cfg(windows)]
pub use service::windows::as_service;
pub use simulate::{is_running, simulate};
pub use tokens::last_uses;
pub use walk::{Ask, Link, LinkState, Walk, walk};
pub use workbench::{Workbench, url, within};

use crate::{
    binding::{Binding, Steps, Tokens, Unbound},
    config::{
        ConfigValue, ConnectorConfig, HostConfig, Problem, Resolved, SealError, SealingKey, Secret,
        key_to_seal, known_key, private_folder, write_atomic,
    },
    plugins::{self, Catalog, Isolation, Surroundings, worker},
    telemetry::Telemetry,
    web::{Web, leave_out_folders, metrics, server},
};
use anyhow::{Context, bail};
use certificates::Tls;
use control::Controls;
use fleet::Fleet;
use following::Following;
use service::Phase;
use settings::Settings;
use signals::{Hangups, Stops};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokens::Uses;
use tokio_util::sync::CancellationToken;

/// How long each step of the end may take once the time for requests is over.
const LAST: Duration = Duration::from_secs(2);
/// How long somebody else may hold the lock of the home.
const MOMENT: Duration = Duration::from_millis(400);
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
    let home = enter(home)?;
    match HostConfig::load(&home) {
        Ok(config) => Ok(config),
        Err(problems) => bail!("{}", texts(&problems)),
    }
}

/// Makes a folder the working directory, and answers its whole path.
fn enter(folder: &Path) -> anyhow::Result<PathBuf> {
    // Windows' own whole form, `\\?\C:\…`, is one that many a library does not take.
    let whole = if cfg!(windows) { std::path::absolute(folder) } else { folder.canonicalize() };
    let whole = whole.with_context(|| format!("no folder {}", folder.display()))?;
    std::env::set_current_dir(&whole)
        .with_context(|| format!("cannot enter {}", whole.display()))?;
    Ok(whole)
}

/// Looks at what lies in the plugins folder.
pub fn catalog(config: &HostConfig) -> anyhow::Result<Catalog> {
    private_folder(&config.state)
        .with_context(|| format!("cannot use the folder {}", config.state.display()))?;
    plugins::install_log();
    let shadow = config.state.join("shadow");
    Ok(Catalog::scan(&config.plugins, &shadow, Some(&config.home), &worker::program()))
}

/// The key that seals secrets; a file of it is made when there is none, and nothing is sealed.
pub fn sealing_key(config: &HostConfig) -> Result<SealingKey, SealError> {
    key_to_seal(config)
}

/// The key for those who only look, who never make one; where it cannot be read, what stands for it and
/// opens nothing.
#[must_use]
pub fn any_sealing_key(config: &HostConfig) -> SealingKey {
    or_none(known_key(config))
}

fn or_none(key: Result<SealingKey, SealError>) -> SealingKey {
    key.unwrap_or_else(|error| {
        if !matches!(error, SealError::NotYet { .. }) {
            tracing::error!(%error, "No sealing key; connectors with sealed values are not at work");
        }
        SealingKey::unusable(&error)
    })
}

/// Runs the host until it is asked to stop, where [`only_host`] says that it may.
pub async fn run(
    mut config: HostConfig,
    port: Option<u16>,
    telemetry: Arc<Telemetry>,
) -> anyhow::Result<()> {
    let settings = Settings::new(config.clone(), Arc::clone(&telemetry));
    if let Some(port) = port {
        config.listen.iter_mut().for_each(|address| address.set_port(port));
    }
    close_to_others(&config.state);
    tell_of_last_run(&config);
    let (mut stops, hangups) = (Stops::new(), Hangups::new());
    let key = or_none(sealing_key(&config));
    let catalog = catalog(&config)?;
    let tls = Arc::new(Tls::load(&config, &key)?);
    leave_out_folders(&config);
    let web = Web::new(&config.limits, now());
    web.allow(config.allow.clone());
    web.show(Arc::clone(&tls.certificates));
    catalog.sweep();
    let limits = server::Limits {
        connections: config.limits.connections,
        header_seconds: config.limits.header_seconds,
        handshake_seconds: HANDSHAKE,
    };
    let server = server::Server::bind(tls.offers(), limits).await?.counted_by(&web);
    let of_metrics = match config.metrics {
        Some(address) => Some(tokio::net::TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address} for metrics; see [metrics] in host.toml")
        })?),
        None => None,
    };
    let fleet = Fleet::new(config, key, catalog, Arc::clone(&web));
    fleet.exposures.tell(tls.exposed());
    fleet.follow(false).await;
    let connectors = fleet.len().await;
    if connectors == 0 {
        tracing::warn!(folder = %fleet.config.connectors.display(), "No connector is at work");
    }
    let addresses = server.local_addrs().to_vec();
    let told = of_metrics.as_ref().and_then(|listener| listener.local_addr().ok());
    tell_ready(&fleet.config, &addresses, told, &tls.certificates.files().certificate)?;
    tracing::info!(?addresses, connectors, "Listening");
    let following = Following::new(&fleet, &tls, settings, &telemetry, addresses);
    let controls =
        Arc::new(Controls { following: Arc::clone(&following), telemetry: Arc::clone(&telemetry) });
    let stop = CancellationToken::new();
    if let Some(listener) = of_metrics {
        let stop = stop.clone().cancelled_owned();
        tokio::spawn(metrics::serve(listener, Arc::clone(&web), controls.clone(), stop));
    }
    let admin = control::listen(&fleet.config.state, &web, controls, stop.clone()).inspect_err(
        |error| tracing::error!(%error, "No admin socket; commands cannot reach the host"),
    );
    service::tell(Phase::Serving(&following.in_words().await));
    let living = tokio::spawn(service::live(Arc::clone(&web)));
    let warning = tokio::spawn(certificates::warn_of_end(Arc::clone(&tls.certificates)));
    let following = tokio::spawn(following.go_on(hangups));
    let tokens = tokio::spawn(tokens::follow(Arc::clone(&fleet)));
    let grace = Duration::from_secs(fleet.config.limits.shutdown_seconds);
    let asked = CancellationToken::new();
    let orderly = async {
        let cut = server.serve(web.front(), asked.cancelled(), grace + LAST).await;
        tracing::info!(cut, "No more requests; stopping the connectors");
        following.abort();
        warning.abort();
        tokens.abort();
        stop.cancel();
        telemetry.recent().finish();
        if tokio::time::timeout(LAST.max(grace), fleet.stop()).await.is_err() {
            tracing::warn!("Connectors did not stop in time");
        }
    };
    let too_long = async {
        asked.cancelled().await;
        tokio::time::sleep(grace).await;
        web.end();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = orderly => {}
        () = too_long => {}
        () = asked_twice(&mut stops, &asked) => {
            tracing::warn!("Asked to stop again; ending at once");
        }
    }
    fleet.uses.write();
    living.abort();
    if let Ok(admin) = admin {
        let _ = tokio::time::timeout(LAST, admin).await;
    }
    let _ = std::fs::remove_file(ready_file(&fleet.config));
    tracing::info!("Stopped");
    Ok(())
}

/// Passes the first request to stop on, and ends with the second.
async fn asked_twice(stops: &mut Stops, asked: &CancellationToken) {
    stops.next().await;
    tracing::info!("Asked to stop");
    service::tell(Phase::Stopping("Finishing what is under way"));
    asked.cancel();
    stops.next().await;
}

/// Makes sure that no other host works in the same folder; the lock goes with the file's handle.
pub fn only_host(config: &HostConfig) -> anyhow::Result<std::fs::File> {
    let folder = &config.state;
    private_folder(folder)
        .with_context(|| format!("cannot use the folder {}", folder.display()))?;
    let path = folder.join("lock");
    let file =
        std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Commands hold it for a moment, to see whether a host does.
            Err(std::fs::TryLockError::WouldBlock) if began.elapsed() < MOMENT => {
                std::thread::sleep(MOMENT / 20);
            }
            Err(std::fs::TryLockError::WouldBlock) => bail!(
                "another host uses {}; stop it, or give this one a home of its own with --home",
                folder.display()
            ),
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
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
    uses: &Uses,
) -> Result<Arc<Binding>, Unbound> {
    let isolation = isolation(config, key, &connector)?;
    let environment = secrets_of(&connector, &isolation);
    let plugin =
        catalog.plugin(&connector.plugin, isolation).map_err(|reason| Unbound(vec![reason]))?;
    let tokens = Tokens::of(&connector, &config.home, |print| uses.of(print))
        .map_err(|reason| Unbound(vec![reason]))?;
    let values = connector.resolve_values(&config.home, key).map_err(|failures| {
        let texts = failures.iter().map(|(name, reason)| format!("values.{name}: {reason}"));
        Unbound(texts.collect())
    })?;
    let steps = Steps {
        full_import: step_values("full_import", &connector.run.full_import.values, config, key)?,
        delta_import: step_values("delta_import", &connector.run.delta_import.values, config, key)?,
        environment,
    };
    Binding::new(connector, tokens, values, steps, plugin, now, SCAN)
}

/// Where the document wants the plugin to run.
fn isolation(
    config: &HostConfig,
    key: &SealingKey,
    connector: &ConnectorConfig,
) -> Result<Isolation, Unbound> {
    let Some(worker) = &connector.worker else { return Ok(Isolation::InProcess) };
    let environment = worker.resolve_environment(&config.home, key).map_err(|failures| {
        let place = |(name, reason)| format!("worker.environment.{name}: {reason}");
        Unbound(failures.into_iter().map(place).collect())
    })?;
    let connector = connector.name.to_string();
    Ok(Isolation::Process(Surroundings { connector, limits: worker.limits, environment }))
}

/// The variables of a plugin's process that no message may repeat.
fn secrets_of(connector: &ConnectorConfig, isolation: &Isolation) -> Vec<Secret> {
    let (Some(worker), Isolation::Process(surroundings)) = (&connector.worker, isolation) else {
        return Vec::new();
    };
    let variables = surroundings.environment.iter();
    variables
        .filter(|(name, _)| worker.environment.get(name).is_some_and(ConfigValue::is_reference))
        .map(|(_, value)| value.clone())
        .collect()
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

/// Whoever ends by itself takes its file away. Only the holder of the lock may ask.
fn tell_of_last_run(config: &HostConfig) {
    let file = ready_file(config);
    let Ok(text) = std::fs::read_to_string(&file) else { return };
    let ready: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let known = std::fs::metadata(&file).and_then(|known| known.modified());
    let began = known.ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
    tracing::warn!(
        pid = ready["pid"].as_u64(),
        began = began.map(|time| format!("{time:.0}")),
        "The last run did not end by itself: it crashed, was killed, or the machine went down"
    );
    // Once: a start that fails, as on a taken port, leaves none.
    if let Err(error) = std::fs::remove_file(&file) {
        tracing::warn!(%error, file = %file.display(), "The file of the last run stays");
    }
}

/// Says where the host listens, for whoever started it.
fn tell_ready(
    config: &HostConfig,
    addresses: &[SocketAddr],
    metrics: Option<SocketAddr>,
    certificate: &Path,
) -> anyhow::Result<()> {
    let listen: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let ready = serde_json::json!({
        "pid": std::process::id(),
        "listen": listen,
        "ca_pem": certificate,
        "metrics": metrics,
    });
    let file = ready_file(config);
    write_atomic(&file, ready.to_string().as_bytes(), Some(0o600))
        .with_context(|| format!("cannot write {}", file.display()))
}
