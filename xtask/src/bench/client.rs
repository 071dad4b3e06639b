//! An HTTPS client that keeps its connection: single requests, and a steady paced stream of them
//! whose times are kept one by one.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connector's endpoint and what opens it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// Up to `/scim`.
    pub(super) path: String,
    pub(super) token: String,
    tls: Arc<ClientConfig>,
}

impl Target {
    /// The endpoint of a host known by the certificates in `ca_pem`.
    pub(super) fn new(
        address: SocketAddr,
        ca_pem: &Path,
        path: String,
        token: String,
    ) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca_pem)? {
            roots.add(certificate?)?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, path, token, tls: Arc::new(tls) })
    }

    /// The same at another address, with the same certificate.
    pub(super) fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// Another connector of the same host.
    pub(super) fn of(&self, path: String, token: String) -> Self {
        Self { path, token, ..self.clone() }
    }

    /// Opens a connection.
    pub(super) fn connect(&self) -> anyhow::Result<Client> {
        let tcp = TcpStream::connect(self.address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").expect("localhost is a name");
        let tls = ClientConnection::new(Arc::clone(&self.tls), name)?;
        Ok(Client { stream: BufReader::new(StreamOwned::new(tls, tcp)), target: self.clone() })
    }
}

/// One open connection.
pub(super) struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    target: Target,
}

impl Client {
    /// Looks somebody up by login, which must be URL-encoded, and answers the body.
    pub(super) fn look_up(&mut self, login: &str) -> anyhow::Result<Vec<u8>> {
        let path = format!("/Users?filter=userName%20eq%20%22{login}%22");
        let (status, body) = self.ask("GET", &path, "")?;
        if status != 200 {
            bail!("{login}: {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    /// Asks for a path below `/scim`, and answers status and body.
    pub(super) fn ask(
        &mut self,
        method: &str,
        below: &str,
        body: &str,
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let Target { path, token, .. } = &self.target;
        let about = match body.len() {
            0 => String::new(),
            length => {
                format!("Content-Type: application/scim+json\r\nContent-Length: {length}\r\n")
            }
        };
        let request = format!(
            "{method} {path}{below} HTTP/1.1\r\nHost: localhost\r\nAccept: application/scim+json\r\n\
             Authorization: Bearer {token}\r\n{about}\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok((code.with_context(|| format!("the answer begins {status:?}"))?, answer))
    }

    /// The same; a connection that breaks is opened anew, and the status is 0 then.
    pub(super) fn try_ask(
        &mut self,
        method: &str,
        below: &str,
        body: &str,
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        if let Ok(answer) = self.ask(method, below, body) {
            return Ok(answer);
        }
        *self = self.target.clone().connect()?;
        Ok((0, Vec::new()))
    }

    /// Looks people up, each of whom must be found alone, and answers the mean size of a body.
    pub(super) fn verify(&mut self, logins: &[String]) -> anyhow::Result<usize> {
        let mut bytes = 0;
        for login in logins {
            let body = self.look_up(login)?;
            let list: serde_json::Value = serde_json::from_slice(&body)?;
            if list["totalResults"] != 1 {
                bail!("{login} is not found once: {list}");
            }
            bytes += body.len();
        }
        Ok(bytes / logins.len().max(1))
    }
}

/// A paced stream of requests under way.
pub(super) struct Paced {
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<anyhow::Result<Vec<Answer>>>>,
}

/// When a request was due, and how long after that it was answered.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) due: Instant,
    pub(super) milliseconds: f64,
    pub(super) status: u16,
}

impl Paced {
    /// Begins to look people up; each must be found.
    pub(super) fn begin(
        target: &Target,
        logins: &[String],
        connections: usize,
        every: Duration,
    ) -> anyhow::Result<Self> {
        let logins: Arc<[String]> = logins.into();
        Self::asking(target, connections, every, move |client, number| {
            client.look_up(spread(&logins, number)).map(|_| 200)
        })
    }

    /// Begins: each of so many connections asks this often. A slow answer does not make the next
    /// one begin later: its time counts from when it was due. `ask` is handed the number of the
    /// request and answers the status; its error ends the stream.
    pub(super) fn asking(
        target: &Target,
        connections: usize,
        every: Duration,
        ask: impl Fn(&mut Client, usize) -> anyhow::Result<u16> + Clone + Send + 'static,
    ) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let begin = Instant::now();
        let workers = (0..connections).map(|worker| {
            let mut client = target.connect()?;
            let (ask, stop) = (ask.clone(), Arc::clone(&stop));
            let first = begin + every * worker as u32 / connections as u32;
            let numbers = (worker..).step_by(connections);
            let work = move || {
                let asked = numbers.map(|number| ask(&mut client, number));
                pace(asked, first, every, &stop)
            };
            Ok(std::thread::spawn(work))
        });
        let workers = workers.collect::<anyhow::Result<_>>()?;
        Ok(Self { stop, workers })
    }

    /// Ends and answers what was measured.
    pub(super) fn end(self) -> anyhow::Result<Vec<Answer>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for worker in self.workers {
            all.extend(worker.join().expect("a worker does not panic")?);
        }
        Ok(all)
    }
}

/// Somebody for each number: with a stride that meets everybody once before anybody twice, far from
/// the one before.
pub(super) fn spread(logins: &[String], number: usize) -> &str {
    &logins[number.wrapping_mul(7919) % logins.len()]
}

/// Asks each time it is due.
fn pace(
    mut asked: impl Iterator<Item = anyhow::Result<u16>>,
    first: Instant,
    every: Duration,
    stop: &AtomicBool,
) -> anyhow::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    let mut due = first;
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now < due {
            std::thread::sleep(due - now);
        }
        let begun = if now < due { Instant::now() } else { due };
        let Some(status) = asked.next().transpose()? else { break };
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        answers.push(Answer { due: begun, milliseconds, status });
        due += every;
    }
    Ok(answers)
}

/// The text as part of a URL's query.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' => {
                encoded.push(byte.into());
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_encoded_for_a_query() {
        assert_eq!(encoded("o'brien.7@example.com"), "o%27brien.7%40example.com");
        assert_eq!(encoded("ß &"), "%C3%9F%20%26");
    }
}
