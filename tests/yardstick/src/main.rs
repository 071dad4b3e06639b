//! The bare axum and rustls server that the host's look-ups are measured against: the host's stack
//! and TLS settings, HTTP/1.1, one constant body for every request. No token, no limits, no SCIM.
//!
//! `yardstick CERTIFICATE KEY BODY_BYTES` takes a free port of this machine and prints its address.

use std::{
    io::{Write as _, stdout},
    net::Ipv4Addr,
    sync::Arc,
};

use anyhow::Context as _;
use axum::{Router, body::Bytes, http::header::CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [certificate, key, length] = words.as_slice() else {
        anyhow::bail!("usage: yardstick CERTIFICATE KEY BODY_BYTES");
    };
    let acceptor = TlsAcceptor::from(Arc::new(tls(certificate, key)?));
    let body = Bytes::from(vec![b'x'; length.parse().context("BODY_BYTES is a number")?]);
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/scim+json")], body) }
    };
    let router = Router::new().fallback(answer).with_state(());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(stdout(), "{}", listener.local_addr()?)?;
    loop {
        let (tcp, _) = listener.accept().await?;
        // One that breaks is of no interest: the one who measures counts errors.
        tokio::spawn(serve(tcp, acceptor.clone(), router.clone()));
    }
}

async fn serve(tcp: TcpStream, acceptor: TlsAcceptor, router: Router) -> anyhow::Result<()> {
    tcp.set_nodelay(true)?;
    let tls = acceptor.accept(tcp).await?;
    let service = TowerToHyperService::new(router);
    Ok(http1::Builder::new().serve_connection(TokioIo::new(tls), service).await?)
}

fn tls(certificate: &str, key: &str) -> anyhow::Result<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read {certificate}"))?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| format!("cannot read {key}"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}
