//! A connection to a directory server: opened at the first server that answers, encrypted and
//! trusted as the settings say, logged in, with a limit of time on everything.

mod answer;
pub(crate) mod control;
mod given;
mod operations;
mod pages;
#[cfg(test)]
mod pages_tests;
mod search;

pub(crate) use answer::{Answer, code};
pub(crate) use operations::{Doing, Modification, Valued};
pub(crate) use pages::Pages;
pub(crate) use search::{Found, Search};

use crate::settings::{Bind, Encryption, Settings};
use ecma_plugin_sdk::{Error, ErrorKind, tls};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use std::{sync::Arc, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// Turns of the runtime in which it looks at its sockets more than once.
const TURNS: usize = 150;

/// An open connection. Calls block.
pub(crate) struct Client {
    // Before the runtime: its last word goes out by it.
    ldap: Ldap,
    runtime: Runtime,
    patience: Duration,
    /// Where it leads to, for messages.
    server: String,
}

impl Client {
    /// Opens a connection to the first of the servers that can be reached, and logs in. An error
    /// tells of each server; a log-in that is refused ends the search, since the others would refuse
    /// it too and lock the account.
    pub(crate) fn connect(settings: &Settings) -> Result<Client, Error> {
        let config = match settings.encryption {
            Encryption::Off => None,
            _ => Some(Arc::new(tls::client(settings.trust(), settings.identity())?)),
        };
        if settings.trust_any_certificate && config.is_some() {
            tracing::warn!("Any certificate is accepted: trust_any_certificate is on");
        }
        let mut tried = Vec::new();
        for (host, port) in settings.addresses() {
            let opened = Client::open(settings, host, port, config.clone());
            let mut client = match opened {
                Ok(client) => client,
                Err(error) => {
                    tried.push(error);
                    continue;
                }
            };
            match client.log_in(settings) {
                Ok(()) => return Ok(client),
                Err(error) if is_lost(&error) => tried.push(error),
                Err(error) => return Err(error),
            }
        }
        let texts: Vec<&str> = tried.iter().map(Error::message).collect();
        let kind = tried.first().map_or(ErrorKind::Config, Error::kind);
        Err(Error::new(kind, texts.join("; ")))
    }

    fn open(
        settings: &Settings,
        host: &str,
        port: u16,
        config: Option<Arc<rustls::ClientConfig>>,
    ) -> Result<Client, Error> {
        let scheme = if settings.encryption == Encryption::Ldaps { "ldaps" } else { "ldap" };
        let server = match host.contains(':') {
            true => format!("{scheme}://[{host}]:{port}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        let mut how = LdapConnSettings::new()
            .set_conn_timeout(settings.connect_patience())
            .set_starttls(settings.encryption == Encryption::Starttls);
        if let Some(config) = config {
            how = how.set_config(config);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let opened = runtime.block_on(async {
            // The limit of the library begins only when the name is resolved.
            let opening = LdapConnAsync::with_settings(how, &server);
            let (connection, ldap) =
                tokio::time::timeout(settings.connect_patience(), opening).await??;
            tokio::spawn(connection.drive());
            Ok::<Ldap, LdapError>(ldap)
        });
        let ldap = opened.map_err(|error| not_opened(&server, &error))?;
        Ok(Client { ldap, runtime, patience: settings.patience(), server })
    }

    fn log_in(&mut self, settings: &Settings) -> Result<(), Error> {
        let patience = self.patience;
        let (user, password) = (settings.user.as_deref(), settings.password.as_ref());
        let answer = match settings.bind {
            Bind::Anonymous => return Ok(()),
            Bind::External => {
                let ldap = self.ldap.with_timeout(patience);
                self.runtime.block_on(ldap.sasl_external_bind())
            }
            Bind::Simple => {
                let (user, password) = user.zip(password).ok_or_else(|| {
                    Error::config("user and password are needed to log in with bind = \"simple\"")
                })?;
                let ldap = self.ldap.with_timeout(patience);
                self.runtime.block_on(ldap.simple_bind(user, password.expose()))
            }
        };
        let answer = Answer::from(answer.map_err(|error| self.lost(&error))?);
        let context = format!("logging in at {}", self.server);
        answer.done().map(drop).map_err(|error| error.context(context))
    }

    /// Whether the connection is still open, as far as can be known without asking the server.
    pub(crate) fn is_open(&mut self) -> bool {
        // Lets the connection notice that the other side closed it: now and then between tasks the
        // runtime looks at its sockets.
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        });
        !self.ldap.is_closed()
    }

    /// From now on operations may take so long.
    pub(crate) fn wait(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Where the connection leads to.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// What it means that an operation had no answer.
    fn lost(&self, error: &LdapError) -> Error {
        failed(&self.server, error)
    }
}

/// Whether another server, or another try, may help.
pub(crate) fn is_lost(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout)
}

fn failed(server: &str, error: &LdapError) -> Error {
    match error {
        LdapError::Timeout { .. } => {
            Error::new(ErrorKind::Timeout, format!("{server} did not answer in time"))
        }
        LdapError::Io { source } => {
            Error::unreachable(format!("the connection to {server} broke: {source}"))
        }
        LdapError::OpSend { .. }
        | LdapError::ResultRecv { .. }
        | LdapError::IdScrubSend { .. }
        | LdapError::MiscSend { .. }
        | LdapError::EndOfStream => Error::unreachable(format!("{server} closed the connection")),
        LdapError::FilterParsing => Error::internal("a filter was made that cannot be read"),
        other => Error::internal(format!("{server}: {other}")),
    }
}

/// What it means that a connection could not be opened.
fn not_opened(server: &str, error: &LdapError) -> Error {
    let inner = match error {
        LdapError::Io { source } => {
            source.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>())
        }
        LdapError::Rustls { source } => Some(source),
        _ => None,
    };
    if let Some(inner) = inner {
        return untrusted(server, inner);
    }
    match error {
        LdapError::Io { source } => {
            Error::unreachable(format!("{server} cannot be reached: {source}"))
        }
        LdapError::DNSName { .. } => {
            Error::config(format!("servers: {server} is no name or address of a server"))
        }
        LdapError::LdapResult { result } => {
            let error = Answer::from(result.clone()).error();
            let text = format!("{server} refused STARTTLS: {}", error.message());
            Error::config(text)
        }
        error => failed(server, error),
    }
}

/// A server that is not who it should be: the operator's to repair.
fn untrusted(server: &str, error: &rustls::Error) -> Error {
    use rustls::{CertificateError as Wrong, Error as Tls};
    let why = match error {
        Tls::InvalidCertificate(wrong) => match wrong {
            Wrong::UnknownIssuer => {
                "its certificate is signed by nobody who is trusted; name the authority in ca_file"
                    .to_owned()
            }
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                "its certificate is for another name; use a name that stands in it".to_owned()
            }
            Wrong::Expired | Wrong::ExpiredContext { .. } => {
                "its certificate has expired".to_owned()
            }
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
                "its certificate is not valid yet; compare the clocks".to_owned()
            }
            Wrong::ApplicationVerificationFailure => {
                "its certificate has not the fingerprint of certificate_sha256".to_owned()
            }
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                "its certificate is that of an authority; name its fingerprint in \
                 certificate_sha256"
                    .to_owned()
            }
            other => format!("its certificate is not accepted: {other}"),
        },
        Tls::AlertReceived(alert) => format!("it broke off the encryption: {alert:?}"),
        other => format!("it cannot be spoken to in TLS: {other}"),
    };
    Error::config(format!("{server}: {why}"))
}
