//! Follows what happens to documents, settings, plugins, certificates and the sealing key while the host
//! runs.

use super::{
    certificates::Tls,
    fleet::Fleet,
    service::{self, Phase},
    settings::Settings,
    signals::Hangups,
    watch::{Looks, Watch},
};
use crate::{config::SealingKey, telemetry::Telemetry, web::Notice};
use notify::RecursiveMode;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Mutex;

/// What is followed, and who is told.
pub(super) struct Following {
    pub(super) fleet: Arc<Fleet>,
    pub(super) tls: Arc<Tls>,
    settings: Settings,
    telemetry: Arc<Telemetry>,
    addresses: Vec<SocketAddr>,
    seen: Mutex<Seen>,
}

/// How it looked the last time.
struct Seen {
    document: Looks,
    key: Looks,
    plugins: Looks,
    /// What is to be known of the settings.
    notices: Vec<Notice>,
}

impl Following {
    /// `addresses`: where the host listens.
    pub(super) fn new(
        fleet: &Arc<Fleet>,
        tls: &Arc<Tls>,
        settings: Settings,
        telemetry: &Arc<Telemetry>,
        addresses: Vec<SocketAddr>,
    ) -> Arc<Following> {
        let seen = Seen {
            document: Looks::of([settings.document().as_path()]),
            key: Looks::of(fleet.config.sealing_key.file()),
            plugins: Looks::of([fleet.config.plugins.as_path()]),
            notices: Vec::new(),
        };
        Arc::new(Following {
            fleet: Arc::clone(fleet),
            tls: Arc::clone(tls),
            settings,
            telemetry: Arc::clone(telemetry),
            addresses,
            seen: Mutex::new(seen),
        })
    }

    /// Looks at what changed when the system tells of it, now and then, and at everything at a hang-up.
    /// Never ends.
    pub(super) async fn go_on(self: Arc<Self>, mut hangups: Hangups) {
        let config = &self.fleet.config;
        let of_key = config.sealing_key.file().and_then(Path::parent).map(Path::to_owned);
        let beside: Vec<PathBuf> = self.tls.folders().into_iter().chain(of_key).collect();
        let is_home_alone = !beside.contains(&config.home);
        let mut folders = vec![
            (config.connectors.as_path(), RecursiveMode::NonRecursive),
            (config.plugins.as_path(), RecursiveMode::Recursive),
            (config.home.as_path(), RecursiveMode::NonRecursive),
        ];
        folders.extend(beside.iter().map(|folder| (&**folder, RecursiveMode::NonRecursive)));
        let passing = Arc::clone(&self);
        let mut watch =
            Watch::new(&folders, move |path| passing.settings.is_noise(path, is_home_alone));
        loop {
            tokio::select! {
                () = watch.changed() => self.look(false).await,
                () = hangups.next() => {
                    // Whoever moves old logs away says so by a hang-up, too.
                    self.telemetry.reopen();
                    tracing::info!("Asked to reload; log files opened anew");
                    service::tell(Phase::Reloading);
                    self.look(true).await;
                    tracing::info!("Reloaded");
                    service::tell(Phase::Serving(&self.in_words().await));
                }
            }
        }
    }

    /// Takes over what looks different by now, or all.
    pub(super) async fn look(&self, at_all: bool) {
        let seen = &mut *self.seen.lock().await;
        // First: whoever makes a new key writes it before what it seals.
        self.follow_key(&mut seen.key);
        let document = Looks::of([self.settings.document().as_path()]);
        if at_all || document != seen.document {
            if document != seen.document {
                tracing::info!("host.toml read again");
            }
            seen.document = document;
            seen.notices = self.settings.follow(&self.fleet.web, &self.tls);
        }
        let (tls, key) = (Arc::clone(&self.tls), self.fleet.key.load_full());
        let fleet = Arc::clone(&self.fleet);
        let follow = move || {
            tls.follow(&key, at_all);
            fleet.exposures.tell(tls.exposed());
        };
        let _ = tokio::task::spawn_blocking(follow).await;
        let notices = seen.notices.iter().cloned().chain(self.tls.refused());
        self.fleet.web.tell_host(notices.collect());
        let plugins = Looks::of([self.fleet.config.plugins.as_path()]);
        if at_all || plugins != seen.plugins {
            seen.plugins = plugins;
            self.fleet.rescan().await;
        } else {
            self.fleet.follow(false).await;
        }
    }

    /// Reads the sealing key again when its file is another one, or could not be used so far. One that
    /// cannot be read is refused, and the one before goes on.
    fn follow_key(&self, seen: &mut Looks) {
        let fleet = &self.fleet;
        let Some(file) = fleet.config.sealing_key.file() else { return };
        let looks = Looks::of([file]);
        let is_news = *seen != looks;
        if !is_news && !fleet.key.load().is_unusable() {
            return;
        }
        *seen = looks;
        match SealingKey::load(&fleet.config.sealing_key) {
            Ok(key) => {
                tracing::info!(file = %file.display(), keys = key.len(), "Sealing key read again");
                fleet.key.store(Arc::new(key));
            }
            Err(error) if is_news => {
                tracing::error!(%error, "Sealing key refused; the one before goes on");
            }
            Err(_) => {}
        }
    }

    /// What a supervisor shows of a host that serves.
    pub(super) async fn in_words(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let count = self.fleet.len().await;
        let noun = if count == 1 { "connector" } else { "connectors" };
        format!("Serving {count} {noun} on {}", addresses.join(", "))
    }
}
