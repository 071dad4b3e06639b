//! The listener: binds, accepts up to the limit of connections, hands each to `connection.rs`, and
//! drains at the end. It knows nothing of routes and SCIM.

mod connection;
mod unread;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::{body::Body, http::Request, response::Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{info, warn};

use super::{Web, strangers::Strangers, tls::Offer};
use connection::Connections;

/// How long accepting rests when the system has no descriptor or memory for a connection.
const REST: Duration = Duration::from_millis(200);
/// A condition that lasts is told of this often.
const REPEAT: Duration = Duration::from_secs(60);
/// How long a request that was cut has to let go.
const AFTER_CUT: Duration = Duration::from_secs(2);

/// What answers requests: a router of axum, for one.
pub trait Answers:
    Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Where a request comes from, as the TCP connection says; it is among the extensions of each request
/// that came over one.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What one client, and all together, may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections open at once; more wait in the system's queue.
    pub connections: usize,
    /// How long a client has for the head of a request.
    pub header_seconds: u64,
    /// How long a client has for the TLS handshake.
    pub handshake_seconds: u64,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No address was given.
    #[error("no address to listen on: give at least one in host.toml (listen)")]
    Nowhere,
    /// The port is taken.
    #[error(
        "cannot listen on {address}: the port is in use; {}",
        .covered_by.map_or_else(
            || "stop the program that has it, or choose another in host.toml (listen) or with \
                --port".to_owned(),
            |other| format!("{other} covers this address already, take one of the two out of \
                host.toml (listen)"),
        )
    )]
    InUse {
        /// The address asked for.
        address: SocketAddr,
        /// The address of the same list that has it.
        covered_by: Option<SocketAddr>,
    },
    /// No interface has the address.
    #[error(
        "cannot listen on {address}: this machine has no such address; correct it in host.toml \
         (listen)"
    )]
    NotOurs {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system reserves the port.
    #[error(
        "cannot listen on {address}: not permitted; choose a port above 1023 in host.toml (listen) \
         or with --port"
    )]
    Denied {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
}

/// Bound and not yet serving; clients that connect now wait.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<(TcpListener, Arc<Offer>)>,
    addresses: Vec<SocketAddr>,
    limits: Limits,
    strangers: Arc<Strangers>,
}

impl Server {
    /// Binds every address, with what is offered there, or none.
    pub async fn bind(
        wanted: impl IntoIterator<Item = (SocketAddr, Arc<Offer>)>,
        limits: Limits,
    ) -> Result<Self, BindError> {
        let (mut listeners, mut bound) = (Vec::new(), Vec::new());
        for (address, offer) in wanted {
            let failed = |source| bind_error(address, &bound, source);
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let local = listener.local_addr().map_err(failed)?;
            listeners.push((listener, offer));
            bound.push(local);
        }
        if listeners.is_empty() {
            return Err(BindError::Nowhere);
        }
        Ok(Self { listeners, addresses: bound, limits, strangers: Arc::default() })
    }

    /// Lets the metrics know whose certificates are refused.
    #[must_use]
    pub fn counted_by(self, web: &Web) -> Self {
        Self { strangers: Arc::clone(&web.strangers), ..self }
    }

    /// The addresses as bound, in the order given; a port of 0 is the real one here.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `shutdown` completes. Then it listens no more, running requests have `grace` to
    /// finish, and the rest is cut; gives how many connections that were.
    pub async fn serve(
        self,
        service: impl Answers,
        shutdown: impl Future<Output = ()>,
        grace: Duration,
    ) -> usize {
        let Self { listeners, limits, strangers, .. } = self;
        let tracker = TaskTracker::new();
        let stop = CancellationToken::new();
        let cut = CancellationToken::new();
        let places = limits.connections.clamp(1, Semaphore::MAX_PERMITS);
        let gate = Gate { listeners, places: Arc::new(Semaphore::new(places)) };
        let connections = Arc::new(Connections::new(service, &limits, tracker.clone(), strangers));

        let accepting = async {
            let mut full = Notice::default();
            let mut starved = Notice::default();
            let mut turn = 0;
            loop {
                let place = gate.place(&mut full).await;
                let (tcp, peer, offer) = gate.accept(&mut turn, &mut starved).await;
                let connections = Arc::clone(&connections);
                // A token of its own: the shared one would be a lock all connections meet at.
                let (stop, cut) = (stop.child_token(), cut.clone());
                tracker.spawn(async move {
                    connections.serve(tcp, (peer, &offer), stop, cut).await;
                    drop(place);
                });
            }
        };
        tokio::select! {
            () = accepting => unreachable!("accepting never ends by itself"),
            () = shutdown => {}
        }

        let Gate { listeners, places: free } = gate;
        drop(listeners);
        let open = || places - free.available_permits();
        info!(open = open(), grace_seconds = grace.as_secs(), "Stopped listening");
        stop.cancel();
        tracker.close();
        if timeout(grace, tracker.wait()).await.is_ok() {
            return 0;
        }
        let left = open();
        cut.cancel();
        if timeout(AFTER_CUT, tracker.wait()).await.is_err() {
            warn!(tasks = tracker.len(), "Requests that were cut still hold on");
        }
        left
    }
}

/// Where connections come in, and how many may be inside.
struct Gate {
    listeners: Vec<(TcpListener, Arc<Offer>)>,
    places: Arc<Semaphore>,
}

impl Gate {
    async fn place(&self, full: &mut Notice) -> OwnedSemaphorePermit {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return place;
        }
        if full.due() {
            warn!("All connections are taken, new clients wait; see connections under [limits]");
        }
        Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// The next connection of any listener; `turn` is the one asked first, so that a busy one does
    /// not starve the others.
    async fn accept(
        &self,
        turn: &mut usize,
        starved: &mut Notice,
    ) -> (TcpStream, Peer, Arc<Offer>) {
        loop {
            let accepted = poll_fn(|context| {
                for step in 0..self.listeners.len() {
                    let index = (*turn + step) % self.listeners.len();
                    let (listener, offer) = &self.listeners[index];
                    if let Poll::Ready(accepted) = listener.poll_accept(context) {
                        *turn = index + 1;
                        let with = |(tcp, peer)| (tcp, peer, Arc::clone(offer));
                        return Poll::Ready(accepted.map(with));
                    }
                }
                Poll::Pending
            })
            .await;
            match accepted {
                Ok((tcp, peer, offer)) => {
                    // Answers are written whole; Nagle's algorithm could only delay them. A socket
                    // that refuses the option is served all the same.
                    drop(tcp.set_nodelay(true));
                    return (tcp, Peer(peer.ip()), offer);
                }
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    if starved.due() {
                        warn!(%error, "Cannot accept connections, trying again");
                    }
                    sleep(REST).await;
                }
            }
        }
    }
}

/// The client gave up while it was queued; the next one may be fine. Anything else is the system's
/// trouble (descriptors, memory) and would be met again at once.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Keeps a lasting condition from filling the log.
#[derive(Default)]
struct Notice {
    last: Option<Instant>,
}

impl Notice {
    fn due(&mut self) -> bool {
        let now = Instant::now();
        let due = self.last.is_none_or(|last| now - last >= REPEAT);
        if due {
            self.last = Some(now);
        }
        due
    }
}

fn bind_error(address: SocketAddr, bound: &[SocketAddr], source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            let covers = |other: &&SocketAddr| {
                other.port() == address.port()
                    && (other.ip() == address.ip()
                        || is_wildcard(other.ip())
                        || is_wildcard(address.ip()))
            };
            BindError::InUse { address, covered_by: bound.iter().find(covers).copied() }
        }
        io::ErrorKind::AddrNotAvailable => BindError::NotOurs { address },
        io::ErrorKind::PermissionDenied => BindError::Denied { address },
        _ => BindError::Other { address, source },
    }
}

fn is_wildcard(address: IpAddr) -> bool {
    address.is_unspecified()
}

#[cfg(test)]
mod tests;
