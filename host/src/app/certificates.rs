//! The host's certificate as the settings name it: found, followed while the host runs, warned of before
//! it ends, shown and replaced by commands.

use super::{machine_name, now, watch::Looks};
use crate::{
    config::{
        Account, ConfigValue, Exposed, HostConfig, Listener, Resolved, SealingKey, TlsFiles,
        exposed_of_host,
    },
    web::tls::{
        self, Age, CertificateFiles, Certificates, Clients, Facts, Offer, Pair, TlsError, Wishes,
    },
    web::{Notice, leave_out_folders},
};
use anyhow::{Context, bail};
use jiff::{civil::Date, tz::TimeZone};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How often it is looked whether a day has begun.
const LOOK: Duration = Duration::from_secs(60 * 60);

/// The certificate and what the listeners offer with it.
pub(super) struct Tls {
    pub(super) certificates: Arc<Certificates>,
    offers: Vec<(SocketAddr, Arc<Offer>)>,
    followed: Mutex<Followed>,
}

/// What was read last, and how its files looked.
struct Followed {
    config: HostConfig,
    own: Looks,
    /// Why what the files hold by now is not served.
    refused: Option<String>,
    authorities: Looks,
    /// Why authorities of clients do not count.
    strangers: Option<String>,
}

impl Tls {
    /// Reads the certificate, which is made when there is none, and the authorities of clients.
    pub(super) fn load(config: &HostConfig, key: &SealingKey) -> anyhow::Result<Tls> {
        if config.tls.is_none() {
            tls::ensure_certificate(&config.state, &host_name(config), now())?;
        }
        let certificates = Arc::new(Certificates::load(files(config, key)?)?);
        let open = Offer::new(&certificates, None)?;
        let mut offers: Vec<_> =
            config.listen.iter().map(|address| (*address, Arc::clone(&open))).collect();
        for listener in &config.listeners {
            let offer = Offer::new(&certificates, Some(clients(listener))).with_context(|| {
                format!("host.toml: client_ca of the listener {}", listener.address)
            });
            offers.push((listener.address, offer?));
        }
        let followed = Followed {
            config: config.clone(),
            own: own_files(config),
            refused: None,
            authorities: authorities(&offers),
            strangers: None,
        };
        Ok(Tls { certificates, offers, followed: Mutex::new(followed) })
    }

    /// Where to listen and what to offer there.
    pub(super) fn offers(&self) -> Vec<(SocketAddr, Arc<Offer>)> {
        self.offers.clone()
    }

    /// The folders of the files that are followed.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let files = self.certificates.files();
        let authorities = self.offers.iter().filter_map(|(_, offer)| offer.ca());
        let all = [files.certificate.as_path(), files.key.as_path()].into_iter().chain(authorities);
        all.filter_map(Path::parent).map(Path::to_owned).collect()
    }

    /// The settings name other files.
    pub(super) fn name(&self, files: Option<TlsFiles>) {
        let config = &mut self.followed.lock().config;
        config.tls = files;
        leave_out_folders(config);
    }

    /// Reads what looks different by now, or all. What is not right is refused, and what was there
    /// before goes on. Blocks.
    pub(super) fn follow(&self, key: &SealingKey, at_all: bool) {
        let followed = &mut *self.followed.lock();
        let own = own_files(&followed.config);
        if at_all || own != followed.own {
            followed.own = own;
            let reloaded = files(&followed.config, key)
                .and_then(|files| self.certificates.reload(files).map_err(anyhow::Error::new));
            followed.refused = match reloaded {
                Ok(is_other) => {
                    if is_other {
                        tracing::info!(not_after = %self.certificates.facts().not_after,
                            "The certificate is another one from the next handshake on");
                    }
                    None
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "Certificate refused; the one before is served");
                    Some(error)
                }
            };
        }
        let authorities = authorities(&self.offers);
        if at_all || authorities != followed.authorities {
            followed.authorities = authorities;
            followed.strangers = None;
            for (address, offer) in &self.offers {
                match offer.reload() {
                    Ok(true) => tracing::info!(%address,
                        "The authorities of clients are others from the next handshake on"),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::error!(%address, %error,
                            "Authorities of clients refused; those before count");
                        followed.strangers = Some(format!("{address}: {error}"));
                    }
                }
            }
        }
    }

    /// What the files hold by now and is not served.
    pub(super) fn refused(&self) -> Vec<Notice> {
        let followed = self.followed.lock();
        let own = followed.refused.as_ref().map(|reason| {
            format!("the certificate is refused, the one before is served: {reason}")
        });
        let strangers = followed.strangers.as_ref().map(|reason| {
            format!("the authorities of clients are refused, those before count: {reason}")
        });
        let all = own.into_iter().chain(strangers);
        all.map(|detail| Notice { kind: "refused", detail }).collect()
    }

    /// What others may read of the secrets behind the certificate.
    pub(super) fn exposed(&self) -> Vec<Exposed> {
        exposed(&self.followed.lock().config, &Account::own())
    }

    /// What is served now, as commands show it.
    pub(super) fn shown(&self) -> Value {
        let config = &self.followed.lock().config;
        shown(config, &self.certificates.files(), &self.certificates.facts())
    }
}

/// What a listener wants to see of its clients.
pub(super) fn clients(listener: &Listener) -> Clients {
    Clients { ca: listener.client_ca.clone(), required: listener.is_required }
}

fn settings_file(config: &HostConfig) -> PathBuf {
    config.home.join("host.toml")
}

/// What others may read of the secrets behind the certificate.
pub(super) fn exposed(config: &HostConfig, account: &Account) -> Vec<Exposed> {
    exposed_of_host(config, &places(config).1, account)
}

/// How the files of the certificate look, and the file its password is in.
fn own_files(config: &HostConfig) -> Looks {
    let (certificate, key) = places(config);
    let password = match config.tls.as_ref().and_then(|tls| tls.password.as_ref()) {
        Some(ConfigValue::File(path)) => Some(config.home.join(path)),
        _ => None,
    };
    let all = [certificate, key].into_iter().chain(password);
    Looks::of(all.collect::<Vec<_>>().iter().map(PathBuf::as_path))
}

fn authorities(offers: &[(SocketAddr, Arc<Offer>)]) -> Looks {
    Looks::of(offers.iter().filter_map(|(_, offer)| offer.ca()))
}

/// Where certificate and key are.
pub(super) fn places(config: &HostConfig) -> (PathBuf, PathBuf) {
    match &config.tls {
        Some(TlsFiles { certificate, key, .. }) => (certificate.clone(), key.clone()),
        None => (config.state.join("cert.pem"), config.state.join("key.pem")),
    }
}

/// The files with their password, references followed.
pub(super) fn files(config: &HostConfig, sealing: &SealingKey) -> anyhow::Result<CertificateFiles> {
    let (certificate, key) = places(config);
    let password = match config.tls.as_ref().and_then(|tls| tls.password.as_ref()) {
        None => None,
        Some(value) => match value.resolve(&config.home, sealing) {
            Ok(Resolved::Text(password)) => Some(password),
            Ok(_) => bail!("host.toml: tls.password: no text"),
            Err(reason) => bail!("host.toml: tls.password: {reason}"),
        },
    };
    Ok(CertificateFiles { certificate, key, password })
}

/// The name that clients use.
pub(super) fn host_name(config: &HostConfig) -> String {
    config.host_name.clone().unwrap_or_else(machine_name)
}

fn shown(config: &HostConfig, files: &CertificateFiles, facts: &Facts) -> Value {
    let name = host_name(config);
    let mut shown = json!(facts);
    shown["certificate"] = json!(files.certificate);
    shown["privateKey"] = json!(files.key);
    shown["days"] = json!(facts.days(now()));
    shown["coversHostName"] = json!(facts.covers(&name));
    shown["hostName"] = json!(name);
    shown
}

/// What the certificate's files hold now, whether or not a host runs.
pub fn certificate(config: &HostConfig) -> anyhow::Result<Value> {
    let (certificate, _) = places(config);
    if config.tls.is_none() && !certificate.try_exists()? {
        bail!(
            "there is no certificate yet: the first start of the host makes one, and so does \
             `ecma-host cert generate`"
        );
    }
    let files = files(config, &super::any_sealing_key(config))?;
    let facts = Pair::read(&files)?.facts;
    Ok(shown(config, &files, &facts))
}

/// A certificate that was put in place of another one.
pub struct Installed {
    /// What its files hold, see [`certificate`].
    pub certificate: Value,
    /// Where what was there before is kept.
    pub kept: Vec<PathBuf>,
}

/// Makes a self-signed certificate anew: for these names, or for the host's, when there are none.
pub fn generate_certificate(
    config: &HostConfig,
    names: Vec<String>,
    days: u32,
    new_key: bool,
) -> anyhow::Result<Installed> {
    if config.tls.is_some() {
        bail!(
            "host.toml names your own certificate under [tls]: give it a new one with `ecma-host \
             cert install`, or remove [tls] to have one made"
        );
    }
    let names = if names.is_empty() { vec![host_name(config)] } else { names };
    let wishes = Wishes { names, days, new_key };
    let (_, kept) = tls::renew_certificate(&config.state, &wishes, now())?;
    Ok(Installed { certificate: certificate(config)?, kept })
}

/// Puts a certificate where `[tls]` says, or into the state folder, to which `[tls]` points then. A
/// pair that does not belong together, or is not valid now, is refused.
pub fn install_certificate(
    mut config: HostConfig,
    from: &CertificateFiles,
) -> anyhow::Result<Installed> {
    let (pair, now) = (Pair::read(from)?, now());
    let path = from.certificate.display();
    match pair.facts.age(now) {
        Age::Ended => bail!("the certificate in {path} ended at {}", pair.facts.not_after),
        Age::Early => {
            bail!("the certificate in {path} is valid only from {} on", pair.facts.not_before)
        }
        Age::Fine | Age::EndsSoon | Age::EndsVerySoon => {}
    }
    if pair.facts.names.is_empty() {
        bail!(
            "the certificate in {path} has no host name, so every client refuses it: have one with \
             subject alternative names"
        );
    }
    let is_archive = |tls: &TlsFiles| tls.password.is_some() || tls.certificate == tls.key;
    let target = match config.tls.clone().filter(|tls| !is_archive(tls)) {
        Some(target) => target,
        None => TlsFiles {
            certificate: config.state.join("own-cert.pem"),
            key: config.state.join("own-key.pem"),
            password: None,
        },
    };
    let mut kept = Vec::new();
    let key_pem = pair.key_pem();
    // The key first: what is not there yet cannot be served.
    for (path, text, mode) in [
        (&target.key, key_pem.as_str(), 0o600),
        (&target.certificate, pair.chain_pem().as_str(), 0o644),
    ] {
        let is_there = path.try_exists()?;
        if is_there {
            kept.push(tls::keep(path, now)?);
        }
        let folder = path.parent().map_or(Ok(()), crate::config::private_folder);
        folder
            .and_then(|()| {
                crate::config::write_atomic(path, text.as_bytes(), (!is_there).then_some(mode))
            })
            .map_err(|source| TlsError::Write { path: path.clone(), source })?;
    }
    if config.tls.as_ref() != Some(&target) {
        let file = settings_file(&config);
        let written =
            |path: &Path| path.strip_prefix(&config.home).unwrap_or(path).display().to_string();
        crate::config::set_certificate(&file, &written(&target.certificate), &written(&target.key))
            .with_context(|| format!("cannot name the certificate in {}", file.display()))?;
        config.tls = Some(target);
    }
    Ok(Installed { certificate: certificate(&config)?, kept })
}

/// Warns of a certificate that ends, once a day. Never ends.
pub(super) async fn warn_of_end(certificates: Arc<Certificates>) {
    let mut daily = Daily::default();
    loop {
        let facts = certificates.facts();
        let (path, not_after) = (certificates.files().certificate, facts.not_after);
        let path = path.display();
        let days = facts.days(now());
        match daily.notice(&facts, now()) {
            Age::Fine => {}
            Age::Early => tracing::warn!(%path, not_before = %facts.not_before,
                "The certificate is not valid yet"),
            Age::EndsSoon => tracing::warn!(%path, %not_after, days,
                "The certificate ends soon; renew it"),
            Age::EndsVerySoon => tracing::error!(%path, %not_after, days,
                "The certificate ends very soon; renew it"),
            Age::Ended => tracing::error!(%path, %not_after, days,
                "The certificate has ended; clients refuse it"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Says something once a day.
#[derive(Default)]
struct Daily {
    told: Option<Date>,
}

impl Daily {
    /// What there is to say now; nothing when it was said today.
    fn notice(&mut self, facts: &Facts, now: jiff::Timestamp) -> Age {
        let today = now.to_zoned(TimeZone::UTC).date();
        let age = facts.age(now);
        if age == Age::Fine || self.told == Some(today) {
            return Age::Fine;
        }
        self.told = Some(today);
        age
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_once_a_day_from_thirty_days_on() {
        let home = tempfile::tempdir().unwrap();
        let made = "2026-01-01T12:00:00Z".parse().unwrap();
        let files = tls::ensure_certificate(home.path(), "localhost", made).unwrap();
        let facts = Certificates::load(files).unwrap().facts();
        assert_eq!(facts.not_after.to_string(), "2028-01-01T00:00:00Z");
        let mut daily = Daily::default();
        for (now, expected) in [
            ("2027-12-01T00:00:00Z", Age::Fine),
            ("2027-12-02T00:00:01Z", Age::EndsSoon),
            ("2027-12-02T23:59:59Z", Age::Fine),
            ("2027-12-03T00:00:01Z", Age::EndsSoon),
            ("2027-12-30T10:00:00Z", Age::EndsVerySoon),
            ("2028-01-01T10:00:00Z", Age::Ended),
            ("2028-01-01T11:00:00Z", Age::Fine),
            // A clock that was put back does not silence it.
            ("2027-12-31T11:00:00Z", Age::EndsVerySoon),
        ] {
            assert_eq!(daily.notice(&facts, now.parse().unwrap()), expected, "{now}");
        }
    }
}
