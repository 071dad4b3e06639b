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
use crate::{
    config::{SealError, SealingKey, known_key},
    telemetry::Telemetry,
    web::Notice,
};
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
    /// Why the sealing key is not the one that its file holds by now.
    key_refused: Option<String>,
    plugins: Looks,
    /// The folder of the documents is gone.
    is_lost: bool,
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
            key_refused: fleet.key.load().reason().map(str::to_owned),
            plugins: Looks::of([fleet.config.plugins.as_path()]),
            is_lost: false,
            notices: Vec::new(),
        };
        fleet.web.tell_host(of_key(&seen, fleet).into_iter().collect());
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
        let beside_key = config.sealing_key.file().and_then(Path::parent).map(Path::to_owned);
        let beside: Vec<PathBuf> = self.tls.folders().into_iter().chain(beside_key).collect();
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
        self.follow_key(seen);
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
        let lost = self.lost_folder(seen);
        let notices = seen.notices.iter().cloned().chain(self.tls.refused());
        let notices = notices.chain(of_key(seen, &self.fleet)).chain(lost);
        self.fleet.web.tell_host(notices.collect());
        let plugins = Looks::of([self.fleet.config.plugins.as_path()]);
        if at_all || plugins != seen.plugins {
            seen.plugins = plugins;
            self.fleet.rescan().await;
        } else {
            self.fleet.follow(false).await;
        }
    }

    /// What is to be known when the folder of the documents is gone, and not only documents in it.
    fn lost_folder(&self, seen: &mut Seen) -> Option<Notice> {
        let folder = self.fleet.config.connectors.display();
        let is_lost = !self.fleet.config.connectors.is_dir() && self.fleet.web.has_connectors();
        let detail = format!(
            "the connectors folder {folder} is gone; its connectors go on as they were until the host is \
             restarted: put it back"
        );
        if std::mem::replace(&mut seen.is_lost, is_lost) != is_lost {
            match is_lost {
                true => tracing::error!("{detail}"),
                false => tracing::info!("The connectors folder {folder} is there again"),
            }
        }
        is_lost.then_some(Notice { kind: "refused", detail })
    }

    /// Reads the sealing key again when its file is another one, or could not be used so far. One that
    /// cannot be read is refused, and the one before goes on.
    fn follow_key(&self, seen: &mut Seen) {
        let fleet = &self.fleet;
        let Some(file) = fleet.config.sealing_key.file() else { return };
        let looks = Looks::of([file]);
        let is_well = seen.key_refused.is_none() && !fleet.key.load().is_unusable();
        if seen.key == looks && is_well {
            return;
        }
        seen.key = looks;
        match known_key(&fleet.config) {
            Ok(key) => {
                tracing::info!(file = %file.display(), keys = key.len(), "Sealing key read again");
                fleet.key.store(Arc::new(key));
                seen.key_refused = None;
            }
            // Nobody needs it.
            Err(SealError::NotYet { .. }) => seen.key_refused = None,
            Err(error) => {
                let reason = error.to_string();
                if seen.key_refused.as_ref() != Some(&reason) {
                    tracing::error!(error = reason, "Sealing key refused; the one before goes on");
                    if fleet.key.load().is_unusable() {
                        fleet.key.store(Arc::new(SealingKey::unusable(&error)));
                    }
                }
                seen.key_refused = Some(reason);
            }
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

/// What is to be known of the sealing key.
fn of_key(seen: &Seen, fleet: &Fleet) -> Option<Notice> {
    let reason = seen.key_refused.as_ref()?;
    let detail = match fleet.key.load().is_unusable() {
        true => format!("nothing sealed can be opened: {reason}"),
        false => format!(
            "the sealing key is refused, and the one before goes on until a restart: {reason}"
        ),
    };
    Some(Notice { kind: "refused", detail })
}
