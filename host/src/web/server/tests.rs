//! The server over loopback with real TLS: protocols, reload, limits, drain.

use super::*;
use crate::web::tls::{CertificateFiles, Certificates, ensure_certificate};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const AMPLE: Duration = Duration::from_secs(60);
const ROOMY: Limits = Limits { connections: 64, header_seconds: 60, handshake_seconds: 60 };

/// A host with `/` and with `/held`, whose request tells that it began and waits to be let go.
struct Host {
    home: tempfile::TempDir,
    files: CertificateFiles,
    certificates: Arc<Certificates>,
    address: SocketAddr,
    began: Arc<Notify>,
    let_go: Arc<Notify>,
    /// Lent to the router and to each held request.
    alive: Arc<()>,
    shutdown: Option<oneshot::Sender<()>>,
    serving: JoinHandle<usize>,
}

impl Host {
    async fn start(limits: Limits, grace: Duration) -> Self {
        let home = tempfile::tempdir().unwrap();
        let now = Timestamp::now();
        let files = ensure_certificate(home.path(), "idm.example.org", now).unwrap();
        let certificates = Arc::new(Certificates::load(files.clone()).unwrap());
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let offer = Offer::new(&certificates, None).unwrap();
        let both = [(anywhere, Arc::clone(&offer)), (anywhere, offer)];
        let server = Server::bind(both, limits).await.unwrap();
        let address = server.local_addrs()[1];

        let (began, let_go, alive) =
            (Arc::<Notify>::default(), Arc::<Notify>::default(), Arc::new(()));
        let held = {
            let (began, let_go, alive) = (began.clone(), let_go.clone(), alive.clone());
            move || {
                let (began, let_go, alive) = (began.clone(), let_go.clone(), alive.clone());
                async move {
                    began.notify_one();
                    let_go.notified().await;
                    drop(alive);
                    "let go"
                }
            }
        };
        let router = Router::new().route("/", get(|| async { "here" })).route("/held", get(held));
        let (shutdown, told) = oneshot::channel();
        let told = async move { told.await.unwrap() };
        let serving = tokio::spawn(server.serve(router, told, grace));
        let shutdown = Some(shutdown);
        Self { home, files, certificates, address, began, let_go, alive, shutdown, serving }
    }

    fn trust(&self, protocol: &str) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.files.certificate).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(config)
    }

    async fn connect(&self, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(config).connect(name, tcp).await
    }

    async fn client(&self, protocol: &str) -> Client {
        let io = TokioIo::new(self.connect(self.trust(protocol)).await.unwrap());
        if protocol == "h2" {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            Client::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            Client::Http1(sender)
        }
    }

    fn stop(&mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
    }
}

enum Client {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    async fn get(&mut self, path: &str) -> hyper::Result<(Version, Vec<u8>)> {
        let request = |uri| Request::get(uri).header("host", "localhost").body(Body::empty());
        let answer: Response<_> = match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request(path.to_owned()).unwrap()).await?
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                let uri = format!("https://localhost{path}");
                sender.send_request(request(uri).unwrap()).await?
            }
        };
        let version = answer.version();
        let body = to_bytes(Body::new(answer.into_body()), usize::MAX).await.unwrap();
        Ok((version, body.to_vec()))
    }
}

#[tokio::test]
async fn a_short_body_is_read_before_an_answer_that_did_not_want_it() {
    let host = Host::start(ROOMY, AMPLE).await;
    let Client::Http2(mut sender) = host.client("h2").await else { unreachable!() };
    let ended = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&ended);
    let chunks = futures_util::stream::unfold(0, move |number| {
        let tell = Arc::clone(&tell);
        async move {
            if number == 2 {
                tell.store(true, Ordering::Relaxed);
                return None;
            }
            // An answer that did not wait would be here before the second chunk.
            tokio::time::sleep(Duration::from_millis(100 * number)).await;
            Some((Ok::<_, io::Error>(vec![b'x'; 10]), number + 1))
        }
    });
    let request = Request::post("https://localhost/").header("content-length", 20);
    sender.ready().await.unwrap();
    let answer = sender.send_request(request.body(Body::from_stream(chunks)).unwrap());
    assert_eq!(answer.await.unwrap().status(), 405, "nobody reads it");
    assert!(ended.load(Ordering::Relaxed), "no reset came in between");
}

/// Ends when the server has closed the connection, in whichever way.
async fn closed(mut stream: impl AsyncReadExt + Unpin) {
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest).await);
}

#[tokio::test]
async fn both_protocols_are_served() {
    let host = Host::start(ROOMY, AMPLE).await;
    for (protocol, version) in [("h2", Version::HTTP_2), ("http/1.1", Version::HTTP_11)] {
        let mut client = host.client(protocol).await;
        for _ in 0..2 {
            assert_eq!(client.get("/").await.unwrap(), (version, b"here".to_vec()));
        }
    }
}

#[tokio::test]
async fn a_reload_shows_at_the_next_handshake_and_a_bad_pair_does_not() {
    let host = Host::start(ROOMY, AMPLE).await;
    let shown = async |config| {
        let stream = host.connect(config).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap().to_vec()
    };
    let old = host.trust("h2");
    let before = shown(Arc::clone(&old)).await;
    let mut open = host.client("http/1.1").await;

    std::fs::write(&host.files.certificate, "half a").unwrap();
    assert!(host.certificates.reload(host.files.clone()).is_err());
    assert_eq!(shown(old).await, before);

    std::fs::remove_file(&host.files.certificate).unwrap();
    ensure_certificate(host.home.path(), "new.example.org", Timestamp::now()).unwrap();
    assert!(host.certificates.reload(host.files.clone()).unwrap());
    assert_ne!(shown(host.trust("h2")).await, before);
    assert!(open.get("/").await.is_ok(), "an open connection goes on");
}

#[tokio::test]
async fn sessions_resume() {
    let host = Host::start(ROOMY, AMPLE).await;
    let config = host.trust("http/1.1");
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut stream = host.connect(Arc::clone(&config)).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        kinds.push(stream.get_ref().1.handshake_kind());
    }
    assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
}

#[tokio::test]
async fn a_drain_lets_running_requests_finish_and_refuses_new_connections() {
    for protocol in ["http/1.1", "h2"] {
        let mut host = Host::start(ROOMY, AMPLE).await;
        let resting = host.connect(host.trust(protocol)).await.unwrap();
        let mut client = host.client(protocol).await;
        let running = tokio::spawn(async move { client.get("/held").await });
        host.began.notified().await;

        host.stop();
        closed(resting).await;
        let refused = TcpStream::connect(host.address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

        host.let_go.notify_one();
        assert_eq!(running.await.unwrap().unwrap().1, b"let go");
        assert_eq!(host.serving.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_outlives_the_grace_is_cut_and_its_request_dropped() {
    for protocol in ["http/1.1", "h2"] {
        let mut host = Host::start(ROOMY, Duration::ZERO).await;
        let mut client = host.client(protocol).await;
        let running = tokio::spawn(async move { client.get("/held").await });
        host.began.notified().await;

        host.stop();
        assert_eq!(host.serving.await.unwrap(), 1);
        assert!(running.await.unwrap().is_err());
        assert_eq!(Arc::strong_count(&host.alive), 1);
    }
}

#[tokio::test]
async fn a_client_without_handshake_is_cut() {
    let host = Host::start(Limits { handshake_seconds: 1, ..ROOMY }, AMPLE).await;
    closed(TcpStream::connect(host.address).await.unwrap()).await;
}

#[tokio::test]
async fn a_client_slow_with_its_first_or_a_later_head_is_cut() {
    let host = Host::start(Limits { header_seconds: 1, ..ROOMY }, AMPLE).await;
    let slow = async |protocol: &str, says: &[u8]| {
        let mut stream = host.connect(host.trust(protocol)).await.unwrap();
        stream.write_all(says).await.unwrap();
        closed(stream).await;
    };
    let later = async {
        let mut stream = host.connect(host.trust("http/1.1")).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        assert_ne!(stream.read(&mut answer).await.unwrap(), 0);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
        closed(stream).await;
    };
    let all = async {
        tokio::join!(
            slow("http/1.1", b""),
            slow("http/1.1", b"GET / HTTP/1.1\r\nhost: loc"),
            slow("h2", b""),
            slow("h2", b"PRI * HTTP/2.0\r\n\r\nSM"),
            later,
        )
    };
    // Far below the time a resting connection has, far above the time for a head.
    timeout(AMPLE, all).await.expect("every slow client is cut");
}

#[tokio::test]
async fn a_request_may_take_longer_than_its_head_may() {
    let host = Host::start(Limits { header_seconds: 1, ..ROOMY }, AMPLE).await;
    let slow = closed(host.connect(host.trust("h2")).await.unwrap());
    for protocol in ["http/1.1", "h2"] {
        let mut client = host.client(protocol).await;
        let running = tokio::spawn(async move { client.get("/held").await });
        host.began.notified().await;
        // The time for a head passes for another client meanwhile.
        closed(host.connect(host.trust(protocol)).await.unwrap()).await;
        host.let_go.notify_one();
        assert_eq!(running.await.unwrap().unwrap().1, b"let go");
    }
    slow.await;
}

#[tokio::test]
async fn a_client_over_the_limit_waits_for_a_place() {
    let host = Arc::new(Host::start(Limits { connections: 1, ..ROOMY }, AMPLE).await);
    let mut first = host.client("http/1.1").await;
    let second = tokio::spawn({
        let host = Arc::clone(&host);
        async move { host.client("h2").await.get("/").await }
    });
    for _ in 0..50 {
        first.get("/").await.unwrap();
    }
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.await.unwrap().unwrap().1, b"here");
}

#[tokio::test]
async fn plain_http_is_told_to_come_back_with_tls() {
    let host = Host::start(ROOMY, AMPLE).await;
    let mut tcp = TcpStream::connect(host.address).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_remedy() {
    let host = Host::start(ROOMY, AMPLE).await;
    let address = host.address;
    let bind = async |addresses: &[SocketAddr]| {
        let offer = Offer::new(&host.certificates, None).unwrap();
        let wanted = addresses.iter().map(|address| (*address, Arc::clone(&offer)));
        Server::bind(wanted.collect::<Vec<_>>(), ROOMY).await.unwrap_err()
    };
    let taken = bind(&[address]).await;
    assert!(matches!(taken, BindError::InUse { covered_by: None, .. }));
    let text = taken.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("--port"), "{text}");
    assert!(matches!(bind(&[]).await, BindError::Nowhere));
    let foreign = "192.0.2.1:0".parse().unwrap();
    assert!(matches!(bind(&[foreign]).await, BindError::NotOurs { address } if address == foreign));
}

#[test]
fn an_address_that_another_of_the_list_covers_is_said_so() {
    let check = |bound: &str, wanted: &str, expected: bool| {
        let source = io::ErrorKind::AddrInUse.into();
        let error = bind_error(wanted.parse().unwrap(), &[bound.parse().unwrap()], source);
        let BindError::InUse { covered_by, .. } = error else { panic!("{error}") };
        assert_eq!(covered_by.is_some(), expected, "{bound} {wanted}");
    };
    check("[::]:8585", "0.0.0.0:8585", true);
    check("0.0.0.0:8585", "127.0.0.1:8585", true);
    check("127.0.0.1:8585", "0.0.0.0:8585", true);
    check("[::]:8585", "0.0.0.0:8586", false);
    check("127.0.0.1:8585", "127.0.0.2:8585", false);
}

#[test]
fn only_the_troubles_of_one_client_are_passed_over() {
    assert!(is_of_one_client(&io::ErrorKind::ConnectionAborted.into()));
    // EMFILE, ENFILE and ENOBUFS have no kind of their own; a rest keeps them from spinning.
    assert!(!is_of_one_client(&io::ErrorKind::OutOfMemory.into()));
    assert!(!is_of_one_client(&io::Error::other("too many open files")));
}
