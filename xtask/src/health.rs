//! Asking a host's `/health` over TLS: one GET, trusting the host's own certificate and no other.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the host says of itself.
#[derive(Deserialize, Debug)]
pub(crate) struct Health {
    #[serde(default)]
    pub(crate) connectors: Vec<ConnectorHealth>,
}

/// What it says of one connector.
#[derive(Deserialize, Debug)]
pub(crate) struct ConnectorHealth {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) detail: Option<String>,
}

/// One who asks.
pub(crate) struct Probe {
    address: SocketAddr,
    connector: TlsConnector,
}

impl Probe {
    /// Will ask the host at `address`, known by the certificates in `ca_pem`.
    pub(crate) fn new(address: SocketAddr, ca_pem: &Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        let place = || format!("cannot use the certificate {}", ca_pem.display());
        for certificate in CertificateDer::pem_file_iter(ca_pem).with_context(place)? {
            roots.add(certificate.with_context(place)?).with_context(place)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Asks once.
    pub(crate) async fn ask(&self) -> anyhow::Result<Health> {
        let asked = tokio::time::timeout(PATIENCE, self.get("/health"));
        let body = asked.await.context("no answer in time")??;
        serde_json::from_slice(&body).context("/health did not answer with its JSON")
    }

    async fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").expect("localhost is a name");
        let mut stream = self.connector.connect(name, stream).await?;
        // HTTP/1.0: the body comes in one piece and ends with the connection.
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer).await
            && error.kind() != std::io::ErrorKind::UnexpectedEof
        {
            return Err(error.into());
        }
        body_of(&answer)
    }
}

fn body_of(answer: &[u8]) -> anyhow::Result<Vec<u8>> {
    let end = b"\r\n\r\n";
    match answer.windows(end.len()).position(|window| window == end) {
        Some(at) if answer.starts_with(b"HTTP/1.") => Ok(answer[at + end.len()..].to_vec()),
        _ => bail!("the answer is not HTTP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_follows_the_empty_line() {
        assert_eq!(body_of(b"HTTP/1.0 503 No\r\na: b\r\n\r\n{}\r\n\r\n").unwrap(), b"{}\r\n\r\n");
        assert!(body_of(b"HTTP/1.0 200 OK\r\na: b\r\n").is_err());
        assert!(body_of(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn health_is_read_with_and_without_detail() {
        let text = r#"{"status":"starting","new":1,"connectors":[
            {"name":"A","state":"ready"},{"name":"B","state":"failed","detail":"no such file"}]}"#;
        let health: Health = serde_json::from_str(text).unwrap();
        assert_eq!(health.connectors[0].state, "ready");
        assert_eq!(health.connectors[1].detail.as_deref(), Some("no such file"));
    }
}
