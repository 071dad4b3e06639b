//! Follows what happens to documents, settings, plugins and certificates while the host runs.

use super::{
    Fleet, now,
    service::{self, Phase},
    settings::Settings,
    signals::Hangups,
    watch::{Looks, Watch},
};
use crate::{telemetry::Telemetry, web::tls::Certificates};
use notify::RecursiveMode;
use std::{net::SocketAddr, sync::Arc};

/// What is followed, and who is told.
pub(super) struct Following {
    pub(super) fleet: Arc<Fleet>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) settings: Settings,
    pub(super) telemetry: Arc<Telemetry>,
    /// Where the host listens.
    pub(super) addresses: Vec<SocketAddr>,
}

impl Following {
    /// Looks at what changed when the system tells of it, now and then, and at everything at a hang-up.
    /// Never ends.
    pub(super) async fn go_on(self, mut hangups: Hangups) {
        let Following { fleet, certificates, settings, telemetry, addresses } = self;
        let config = &fleet.config;
        let files = certificates.files();
        let of_certificate = [files.certificate.as_path(), files.key.as_path()];
        let mut folders = vec![
            (config.connectors.as_path(), RecursiveMode::NonRecursive),
            (config.plugins.as_path(), RecursiveMode::Recursive),
            (config.home.as_path(), RecursiveMode::NonRecursive),
        ];
        let beside = of_certificate.iter().filter_map(|file| file.parent());
        folders.extend(beside.map(|folder| (folder, RecursiveMode::NonRecursive)));
        let settings = Arc::new(settings);
        let passed_over = Arc::clone(&settings);
        let mut watch = Watch::new(&folders, move |path| passed_over.is_noise(path));
        let document = settings.document();
        let mut set = Looks::of([document.as_path()]);
        let mut served = Looks::of(of_certificate);
        let mut plugins = Looks::of([config.plugins.as_path()]);
        loop {
            let is_asked = tokio::select! {
                () = watch.changed() => false,
                () = hangups.next() => true,
            };
            if is_asked {
                // Whoever moves old logs away says so by a hang-up, too.
                telemetry.reopen();
                tracing::info!("Asked to reload; log files opened anew");
                service::tell(Phase::Reloading);
            }
            let now_served = Looks::of(of_certificate);
            if is_asked || now_served != served {
                served = now_served;
                match certificates.reload(now()) {
                    Ok(true) => tracing::info!(not_after = %certificates.not_after(),
                        "The certificate is another one from the next handshake on"),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::error!(%error, "Certificate refused; the one before is served")
                    }
                }
            }
            let now_set = Looks::of([document.as_path()]);
            if is_asked || now_set != set {
                set = now_set;
                settings.follow(&fleet.web);
            }
            let now_there = Looks::of([config.plugins.as_path()]);
            if !is_asked && now_there == plugins {
                fleet.follow(false).await;
            } else {
                plugins = now_there;
                fleet.rescan().await;
            }
            if is_asked {
                tracing::info!("Reloaded");
                service::tell(Phase::Serving(&serving(&fleet, &addresses).await));
            }
        }
    }
}

/// What a supervisor shows of a host that serves.
pub(super) async fn serving(fleet: &Fleet, addresses: &[SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let count = fleet.len().await;
    let noun = if count == 1 { "connector" } else { "connectors" };
    format!("Serving {count} {noun} on {}", addresses.join(", "))
}
