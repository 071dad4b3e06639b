//! The half of the way that a client sees: name, TCP, TLS, token, and a question for somebody who is
//! not there.

use super::{Broken, Walk, Walked, broken, own::trusting, url};
use anyhow::Context;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Uri, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{CertificateError, ClientConfig, pki_types::ServerName};
use serde_json::Value;
use std::{
    future::Future,
    io,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpStream, runtime::Runtime};

const LINKS: [&str; 5] = ["name", "tcp", "tls", "token", "query"];
/// How long one link may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const LARGEST: usize = 4 << 20;

/// A host that can be asked over HTTPS with a token.
pub(super) struct Over {
    runtime: Runtime,
    roots: Arc<ClientConfig>,
    place: Place,
    addresses: Vec<SocketAddr>,
    token: String,
}

/// Where a connector is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    path: String,
}

/// Walks this half; gives what can be asked from then on.
pub(super) fn walk(
    walk: &Walk<'_>,
    endpoint: &str,
    walked: &mut Walked<'_>,
) -> anyhow::Result<Option<Over>> {
    if walk.url.is_none() && walk.admin.is_none() {
        let home = walk.config.home.display();
        let why = format!(
            "no host runs in {home}: start it with `ecma-host run`, or name another with --url"
        );
        walked.skip_all(&LINKS, &why);
        return Ok(None);
    }
    let default = url(walk.config, walk.name);
    let place = place(walk.url.unwrap_or(&default), walk.name.as_str())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Some(addresses) = walked.link("name", || resolve(&place)) else {
        walked.skip_all(&LINKS[1..], "the name does not resolve");
        return Ok(None);
    };
    let Some(stream) = walked.link("tcp", || runtime.block_on(connect(&addresses))) else {
        walked.skip_all(&LINKS[2..], "there is no connection");
        return Ok(None);
    };
    let roots = Arc::new(trusting(walk));
    if walked.link("tls", || runtime.block_on(shake(walk, &place, stream, &roots))).is_none() {
        walked.skip_all(&LINKS[3..], "there is no connection that can be trusted");
        return Ok(None);
    }
    let token = walk.token.map(|token| token.expose().to_owned()).unwrap_or_default();
    let over = Over { runtime, roots, place, addresses, token };
    let question = nobody(endpoint)?;
    if walk.token.is_none() {
        walked.skip("token", "the token was not tried: give it with --token-stdin");
        match walk.admin {
            Some(ask) => drop(walked.link("query", || {
                let found = ask(&format!("/v1/connectors/{}/scim{question}", walk.name));
                found_nobody(&found.map_err(|error| refused(walk, error))?)
            })),
            None => walked.skip("query", "only a client with the token may ask"),
        }
        return Ok(None);
    }
    let answer = over.get(&question);
    let passed = walked.link("token", || match &answer {
        Ok((403, value)) => Err(broken(
            said(value),
            "put this machine's address into `allow` of the document or of host.toml, or ask from one that \
             is in there; the token says nothing about it",
        )),
        Ok((401, value)) => Err(broken(
            said(value),
            format!(
                "give the client the connector's token; `ecma-host token new {}` makes a new one",
                walk.name
            ),
        )),
        Ok(_) => Ok(((), "it is taken".to_owned())),
        Err(error) => Err(broken(error.clone(), "look into the host's log")),
    });
    if passed.is_none() {
        walked.skip("query", "the host does not answer without the right token");
        return Ok(None);
    }
    walked.link("query", || match answer {
        Ok((200, value)) => found_nobody(&value),
        Ok((status, value)) => Err(refused(walk, format!("answered {status}: {}", said(&value)))),
        Err(error) => Err(broken(error, "look into the host's log")),
    });
    Ok(Some(over))
}

/// A URL taken apart; one without a path means the connector at that host.
fn place(url: &str, name: &str) -> anyhow::Result<Place> {
    let uri: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https"));
    let host = host.with_context(|| format!("{url} is not like https://host:8585"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let path = match uri.path().trim_end_matches('/') {
        "" => format!("/ecma2host_{name}/scim"),
        path => path.to_owned(),
    };
    Ok(Place { host, port: uri.port_u16().unwrap_or(443), path })
}

fn resolve(place: &Place) -> Result<(Vec<SocketAddr>, String), Broken> {
    let Place { host, port, .. } = place;
    let remedy = "correct the name in the URL, or add it to DNS or to this machine's hosts file";
    let (name, port) = (host.clone(), *port);
    let found = crate::app::within(PATIENCE, "name resolution", move || {
        (name.as_str(), port).to_socket_addrs().map(Vec::from_iter)
    });
    let mut found = match found {
        Ok(Ok(found)) if !found.is_empty() => found,
        Ok(Ok(_)) => return Err(broken(format!("{host} has no address"), remedy)),
        Ok(Err(error)) => {
            return Err(broken(format!("{host} does not resolve: {error}"), remedy));
        }
        Err(error) => return Err(broken(format!("{host}: {error}"), remedy)),
    };
    found.sort();
    found.dedup();
    let shown: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
    Ok((found, format!("{host} is {}", shown.join(", "))))
}

async fn in_time<T>(what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(PATIENCE, what).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} s", PATIENCE.as_secs()),
        )),
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, String), Broken> {
    let mut failures = Vec::new();
    for address in addresses {
        match in_time(TcpStream::connect(address)).await {
            Ok(stream) => return Ok((stream, format!("{address} listens"))),
            Err(error) => failures.push(format!("{address}: {error}")),
        }
    }
    Err(broken(
        failures.join("; "),
        "start the host there, see that `listen` in host.toml names this address and port, and that \
         no firewall is between",
    ))
}

/// Where the certificate of this home is.
fn certificate(walk: &Walk<'_>) -> PathBuf {
    let own = walk.config.tls.as_ref().map(|files| files.certificate.clone());
    own.unwrap_or_else(|| walk.config.state.join("cert.pem"))
}

type Secured = tokio_rustls::client::TlsStream<TcpStream>;

async fn secure(
    place: &Place,
    stream: TcpStream,
    roots: &Arc<ClientConfig>,
) -> io::Result<Secured> {
    let name = ServerName::try_from(place.host.clone()).map_err(io::Error::other)?;
    in_time(tokio_rustls::TlsConnector::from(Arc::clone(roots)).connect(name, stream)).await
}

async fn shake(
    walk: &Walk<'_>,
    place: &Place,
    stream: TcpStream,
    roots: &Arc<ClientConfig>,
) -> Result<((), String), Broken> {
    let host = &place.host;
    let error = match secure(place, stream, roots).await {
        Ok(stream) => {
            let version = stream.get_ref().1.protocol_version();
            let version = match version {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
                _ => "TLS 1.3",
            };
            return Ok(((), format!("{version}, and the certificate is for {host}")));
        }
        Err(error) => error,
    };
    let own = certificate(walk);
    let own = own.strip_prefix(&walk.config.home).unwrap_or(&own).display();
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    Err(match inner {
        Some(rustls::Error::InvalidCertificate(reason)) => match reason {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                broken(
                    format!("the certificate is not for {host}"),
                    format!(
                        "use a name that is in it, or set host_name = \"{host}\" in host.toml and \
                         have a certificate with that name"
                    ),
                )
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => broken(
                "the certificate has expired",
                format!("replace {own}, or remove it, keep its key, and restart the host"),
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => broken(
                "the certificate is not valid yet",
                "set the clock of this machine, or replace the certificate",
            ),
            // The second: another certificate with the same subject is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => broken(
                "the certificate is not trusted",
                format!(
                    "it is neither {own} nor from an authority that this machine trusts: see what \
                     listens at {host}:{}",
                    place.port
                ),
            ),
            other => broken(format!("the certificate is refused: {other}"), "replace it"),
        },
        _ => broken(
            format!("no TLS: {error}"),
            format!("see that {host}:{} is a host and no other program", place.port),
        ),
    })
}

impl Over {
    /// Asks for something below the connector's URL: status and answer.
    pub(super) fn get(&self, path: &str) -> Result<(u16, Value), String> {
        self.ask(&format!("{}{path}", self.place.path))
    }

    /// How the host says that it stands.
    pub(super) fn health(&self) -> Result<Value, String> {
        self.ask("/health").map(|(_, value)| value)
    }

    fn ask(&self, path: &str) -> Result<(u16, Value), String> {
        let asked = async {
            tokio::time::timeout(PATIENCE, self.exchange(path)).await.map_err(anyhow::Error::new)?
        };
        self.runtime.block_on(asked).map_err(|error| format!("{error:#}"))
    }

    async fn exchange(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        let stream = TcpStream::connect(self.addresses.as_slice()).await?;
        let stream = secure(&self.place, stream, &self.roots).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::builder()
            .uri(path)
            .header("host", format!("{}:{}", self.place.host, self.place.port))
            .header("accept", "application/scim+json")
            .header("authorization", format!("Bearer {}", self.token))
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = http_body_util::Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}

/// A question for somebody who is not there, as the scripts of Microsoft's host ask it.
fn nobody(endpoint: &str) -> anyhow::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(format!("/{endpoint}?filter=PLACEHOLDER%20eq%20%22{}%22", parts.join("-")))
}

fn found_nobody(value: &Value) -> Result<((), String), Broken> {
    match value["totalResults"].as_u64() {
        Some(0) => Ok(((), "nobody is found who is not there".to_owned())),
        _ => Err(broken(
            "the answer is no list without anybody",
            "see that the URL is that of a connector of this host",
        )),
    }
}

fn refused(walk: &Walk<'_>, detail: String) -> Broken {
    broken(detail, format!("`ecma-host connectors list` says how {} stands", walk.name))
}

/// The words of an error.
fn said(value: &Value) -> String {
    let words = [&value["detail"], &value["error"]].into_iter().find_map(Value::as_str);
    words.unwrap_or("no reason was given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let place = |url| place(url, "HR").map(|place| (place.host, place.port, place.path)).ok();
        let at = |host: &str, port, path: &str| Some((host.to_owned(), port, path.to_owned()));
        assert_eq!(place("https://idm:8585"), at("idm", 8585, "/ecma2host_HR/scim"));
        assert_eq!(place("https://idm/"), at("idm", 443, "/ecma2host_HR/scim"));
        assert_eq!(place("https://[::1]:1/a/scim/"), at("::1", 1, "/a/scim"));
        assert_eq!(place("http://idm:8585"), None);
        assert_eq!(place("idm"), None);
    }
}
