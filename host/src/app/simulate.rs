//! Tries one connector out: bound and imported as by `run`, asked without a socket.

use super::{BINDING, any_sealing_key, bind, catalog, now, texts, tokens::Uses};
use crate::{
    binding::{Binding, Unbound},
    config::{
        ConnectorConfig, HostConfig, Loaded, TokenEntry, TokenHash, TokenSource, load_connectors,
        nearest, new_token,
    },
    simulate::{self, Subject, Summary, Wishes},
    web::{Endpoint, Inside, Web},
};
use anyhow::{Context, anyhow, bail};
use parking_lot::Mutex;
use std::{
    io::{self, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often the import's progress is told.
const PROGRESS: Duration = Duration::from_secs(2);

/// Runs a simulation against a connector; an error says why there was none.
pub async fn simulate(config: HostConfig, name: &str, wishes: &Wishes) -> anyhow::Result<Summary> {
    let (file, mut connector) = document(&config, name)?;
    // The operator's own token is not needed, and not known: one for this process alone.
    let token = new_token();
    connector.tokens = vec![TokenEntry {
        name: "simulate".to_owned(),
        source: TokenSource::Hash(TokenHash::new(token.expose())),
        expires: None,
        read_only: false,
    }];
    // What it deletes it has made itself.
    connector.export_guard.percent = 100;
    if !wishes.dry_run && is_running(&config.state) {
        tell(
            "a host runs in this home: if it serves this connector, an import of its may see the \
              throw-away objects while they are there",
        );
    }
    let name = connector.name.clone();
    let limits = config.limits;
    let bound = tokio::task::spawn_blocking(move || -> anyhow::Result<Arc<Binding>> {
        let (key, catalog) = (any_sealing_key(&config), catalog(&config)?);
        bind(&config, &catalog, &key, connector, &Uses::default())
            .map_err(|Unbound(reasons)| anyhow!("{}", reasons.join("\n")))
    });
    let bound = tokio::time::timeout(BINDING, bound)
        .await
        .map_err(|_| anyhow!("{file}: its plugin did not answer within {} s", BINDING.as_secs()))?;
    let binding = bound?.with_context(|| file.clone())?;
    let told = Arc::new(Mutex::new(Vec::new()));
    if wishes.dry_run {
        let told = Arc::clone(&told);
        binding.rehearse(Box::new(move |change| told.lock().push(change.clone())));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    tokio::spawn(async move {
        super::signals::Stops::new().next().await;
        tracing::info!("Asked to stop");
        stopping.store(true, Ordering::Relaxed);
        tell("stopping: the step under way ends, then everything is cleaned up");
    });
    import(&binding, &stop).await.with_context(|| file)?;
    if let Err(reason) = simulate::check(&binding, wishes) {
        binding.stop().await;
        bail!("{reason}");
    }
    let web = Web::new(&limits, now());
    web.set(name.clone(), Endpoint::Bound(Arc::clone(&binding)));
    let inside = Inside::new(&web, &name, token);
    let subject =
        Subject { binding: Arc::clone(&binding), inside, told, stop, out: Box::new(io::stdout()) };
    let summary = simulate::run(subject, wishes).await;
    binding.stop().await;
    Ok(summary)
}

/// The document of this connector, whatever is wrong with its neighbors.
fn document(config: &HostConfig, name: &str) -> anyhow::Result<(String, ConnectorConfig)> {
    let folder = &config.connectors;
    let all = load_connectors(folder);
    let names: Vec<String> =
        all.iter().filter_map(|one| Some(one.name.as_ref()?.to_string())).collect();
    let is_it = |one: &Loaded| one.name.as_ref().is_some_and(|known| known.as_str() == name);
    let Some(Loaded { file, result, .. }) = all.into_iter().find(is_it) else {
        let folder = folder.display();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => {
                bail!("there is no connector {name} in {folder}, did you mean {near}?")
            }
            None if names.is_empty() => bail!("there is no connector {name}: {folder} has none"),
            None => bail!("there is no connector {name} in {folder}; it has {}", names.join(", ")),
        }
    };
    let file = file.strip_prefix(&config.home).unwrap_or(&file).display().to_string();
    match result {
        Ok(connector) => Ok((file, connector)),
        Err(problems) => bail!("{}", texts(&problems)),
    }
}

/// The first import, with a word on how far it is.
async fn import(binding: &Arc<Binding>, stop: &AtomicBool) -> anyhow::Result<()> {
    let began = Instant::now();
    let importing = Arc::clone(binding);
    let mut import = tokio::task::spawn_blocking(move || importing.begin());
    let mut told = Instant::now();
    let imported = loop {
        tokio::select! {
            imported = &mut import => break imported,
            () = tokio::time::sleep(PROGRESS / 10) => {}
        }
        if stop.load(Ordering::Relaxed) {
            binding.stop().await;
            bail!("stopped during the import; nothing was written");
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            tell(&format!("importing, {} entries so far", binding.entries()));
        }
    };
    imported.context("the import broke off")?.map_err(|reason| anyhow!("{reason}"))?;
    let (entries, seconds) = (binding.entries(), began.elapsed().as_secs_f64());
    tell(&format!("imported {entries} entries in {seconds:.1} s"));
    let refused = binding.status().runs().last().map_or(0, |run| run.refused);
    if refused > 0 {
        tell(&format!("{refused} entries could not be taken; the log says which"));
    }
    Ok(())
}

/// Whether a host holds the lock of this folder.
#[must_use]
pub fn is_running(state: &Path) -> bool {
    let lock = std::fs::File::open(state.join("lock"));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}

fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
