//! One connection from handshake to close: HTTP/2 or HTTP/1.1 by ALPN, and a watch that ends what
//! asks for nothing.
//!
//! hyper's own timer for heads is not used: it makes a timer per request and also closes a
//! connection that merely rests between two requests.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use hyper::body::Incoming;
use hyper::rt::{Executor, Read, ReadBufCursor, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::{Answers, Limits, Offer, Peer, Strangers, unread::Unread};

/// A connection without requests is closed after about this long.
const IDLE: Duration = Duration::from_secs(120);
/// How long a connection that has asked for nothing yet may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);
/// HTTP/2: a peer that is gone without a word is noticed by an unanswered PING.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_ANSWER: Duration = Duration::from_secs(20);
/// HTTP/2: requests at once on one connection.
const STREAMS: u32 = 128;
/// HTTP/1.1: bytes of a head, and of a body not yet read.
const BUFFER_BYTES: usize = 64 * 1024;
/// Said to a client that speaks plain HTTP: most likely a person with a browser.
const PLAIN_HTTP: &str = "this port speaks HTTPS: write https:// in front of the address\n";

/// What all connections share.
pub(super) struct Connections<S> {
    service: S,
    http1: http1::Builder,
    http2: http2::Builder<Tracked>,
    header: Duration,
    handshake: Duration,
    strangers: Arc<Strangers>,
}

impl<S: Answers> Connections<S> {
    pub(super) fn new(
        service: S,
        limits: &Limits,
        tracker: TaskTracker,
        strangers: Arc<Strangers>,
    ) -> Self {
        let mut http1 = http1::Builder::new();
        http1.max_buf_size(BUFFER_BYTES);
        let mut http2 = http2::Builder::new(Tracked(tracker));
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_ANSWER);
        Self {
            service,
            http1,
            http2,
            header: Duration::from_secs(limits.header_seconds.max(1)),
            handshake: Duration::from_secs(limits.handshake_seconds.max(1)),
            strangers,
        }
    }

    /// Serves one client. After `stop` the running requests finish; `cut` ends them too.
    pub(super) async fn serve(
        &self,
        tcp: TcpStream,
        (peer, offer): (Peer, &Offer),
        stop: CancellationToken,
        cut: CancellationToken,
    ) {
        let accepted = tokio::select! {
            biased;
            accepted = timeout(self.handshake, accept(tcp, offer)) => accepted,
            () = stop.cancelled() => return,
        };
        let tls = match accepted {
            Ok(Ok(tls)) => tls,
            Ok(Err(error)) => {
                if !self.strangers.heard(peer.0, &error) {
                    debug!(%error, "A handshake failed");
                }
                return;
            }
            Err(_) => {
                debug!("A handshake took too long");
                return;
            }
        };

        let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        let activity = Arc::new(Activity::default());
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let running = Running::begin(&activity);
            let (head, incoming) = request.into_parts();
            let mut unread = None;
            // What usually is no body at all is not kept in a box.
            let body = match incoming {
                none if none.is_end_stream() => Body::empty(),
                some if is_http2 => unread.insert(Unread::default()).lend(some),
                some => Body::new(some),
            };
            let mut request = hyper::Request::from_parts(head, body);
            request.extensions_mut().insert(peer);
            let answer = self.service.clone().call(request);
            async move {
                let answer = answer.await;
                if let Some(unread) = unread {
                    unread.read().await;
                }
                drop(running);
                answer
            }
        });
        let watch = Watch::new(&activity, self.header, is_http2);
        let io = Io::new(tls, &activity);
        let ended = if is_http2 {
            drive(self.http2.serve_connection(io, service), watch, stop, cut).await
        } else {
            drive(self.http1.serve_connection(io, service), watch, stop, cut).await
        };
        if let Err(error) = ended {
            debug!(error = &error as &dyn std::error::Error, "A connection broke");
        }
    }
}

/// The handshake. The first byte is looked at before rustls has it: to plain HTTP that would
/// answer with an alert, which no browser can show.
async fn accept(mut tcp: TcpStream, offer: &Offer) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    tcp.peek(&mut first).await?;
    if first[0].is_ascii_uppercase() {
        say_plain_http(&mut tcp).await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP"));
    }
    TlsAcceptor::from(offer.config()).accept(tcp).await
}

async fn drive<C: GracefulConnection>(
    connection: C,
    mut watch: Watch<'_>,
    stop: CancellationToken,
    cut: CancellationToken,
) -> Result<(), C::Error> {
    let mut connection = pin!(connection);
    {
        let mut stopped = pin!(stop.cancelled());
        let mut tick = pin!(sleep(watch.header));
        let mut quiet = Duration::ZERO;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return ended,
                () = stopped.as_mut() => break,
                () = tick.as_mut() => {}
            }
            match watch.look() {
                Sight::Busy => quiet = Duration::ZERO,
                Sight::Resting => quiet += watch.header,
                Sight::Stalled => {
                    debug!("A client sent no whole request in time");
                    return Ok(());
                }
            }
            if quiet >= IDLE {
                break;
            }
            tick.as_mut().reset(Instant::now() + watch.header);
        }
    }
    connection.as_mut().graceful_shutdown();
    let mut cut = pin!(cut.cancelled());
    // hyper would wait for the preface of an HTTP/2 client that has not even said that.
    let mut patience = if watch.activity.begun.load(Relaxed) == 0 { FAREWELL } else { IDLE };
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended,
            () = cut.as_mut() => return Ok(()),
            () = sleep(patience) => patience = IDLE,
        }
        // Nothing runs and still it is not over: the client does not take its answer.
        if watch.activity.running.load(Relaxed) == 0 {
            return Ok(());
        }
    }
}

/// What a connection has done, as its watch reads it.
#[derive(Default)]
struct Activity {
    begun: AtomicU32,
    running: AtomicU32,
    /// Bytes came since the last request ended or began.
    received: AtomicBool,
}

/// One request between its head and its answer.
struct Running(Arc<Activity>);

impl Running {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Relaxed);
        activity.running.fetch_add(1, Relaxed);
        activity.received.store(false, Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.received.store(false, Relaxed);
        self.0.running.fetch_sub(1, Relaxed);
    }
}

enum Sight {
    Busy,
    Resting,
    Stalled,
}

/// Looks at a connection once per header time. So the first request has exactly that time, and the
/// head of a later one (HTTP/1.1) between one and two of it; if its first bytes came together with
/// the request before, it counts as a rest and has the time of that.
struct Watch<'a> {
    activity: &'a Activity,
    header: Duration,
    is_http2: bool,
    seen: u32,
    half_a_head: bool,
}

impl<'a> Watch<'a> {
    fn new(activity: &'a Activity, header: Duration, is_http2: bool) -> Self {
        Self { activity, header, is_http2, seen: 0, half_a_head: false }
    }

    fn look(&mut self) -> Sight {
        let begun = self.activity.begun.load(Relaxed);
        if self.activity.running.load(Relaxed) > 0 || begun != self.seen {
            self.seen = begun;
            self.half_a_head = false;
            return Sight::Busy;
        }
        // On HTTP/2 bytes without a request are usual: PING, SETTINGS, WINDOW_UPDATE.
        let half_a_head = !self.is_http2 && self.activity.received.load(Relaxed);
        if begun == 0 || (half_a_head && self.half_a_head) {
            return Sight::Stalled;
        }
        self.half_a_head = half_a_head;
        Sight::Resting
    }
}

/// Bytes of an answer that are written as fast as the client takes them: more than a page of a list.
const AT_ONCE: usize = 2 << 20;
/// Bytes of a longer answer that are written before the next rest.
const TURN: usize = 128 << 10;
/// A rest of a longer answer, so that it flows at some 80 MB a second. A client on a fast network
/// would keep processors busy with encryption that others wait for.
const REST: Duration = Duration::from_millis(1);

/// The stream under hyper; notes that bytes came, and lets others have their turn while it writes.
struct Io {
    inner: TokioIo<TlsStream<TcpStream>>,
    activity: Arc<Activity>,
    /// Requests begun when the last bytes were written: with each one an answer begins.
    begun: u32,
    /// Bytes of this answer that may be written before a rest.
    left: usize,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Io {
    fn new(tls: TlsStream<TcpStream>, activity: &Arc<Activity>) -> Self {
        let (inner, activity) = (TokioIo::new(tls), Arc::clone(activity));
        Self { inner, activity, begun: 0, left: AT_ONCE, rest: None }
    }

    /// Ready when it is this connection's turn to write.
    fn turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let begun = self.activity.begun.load(Relaxed);
        if begun != self.begun {
            (self.begun, self.left) = (begun, AT_ONCE);
        }
        if self.left == 0 {
            let rest = self.rest.get_or_insert_with(|| Box::pin(sleep(REST)));
            ready!(rest.as_mut().poll(context));
            self.left = TURN;
        }
        self.rest = None;
        Poll::Ready(())
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &written {
            self.left = self.left.saturating_sub(*count);
        }
        written
    }
}

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if read.is_ready() {
            self.activity.received.store(true, Relaxed);
        }
        read
    }
}

impl Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.turn(context));
        let most = bytes.len().min(self.left);
        let written = Pin::new(&mut self.inner).poll_write(context, &bytes[..most]);
        self.wrote(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.turn(context));
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.wrote(written)
    }
}

/// HTTP/2 gives each request a task of its own; the drain waits for those as well.
#[derive(Clone)]
pub(super) struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        drop(self.0.spawn(task));
    }
}

async fn say_plain_http(tcp: &mut TcpStream) -> io::Result<()> {
    // What is left unread when the socket closes would make the system withdraw the answer.
    let mut request = [0; 4096];
    let _ = tcp.read(&mut request).await?;
    let length = PLAIN_HTTP.len();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{PLAIN_HTTP}"
    );
    tcp.write_all(answer.as_bytes()).await?;
    tcp.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One look: `begun` more requests, how many `running`, whether bytes came; what is seen.
    type Look = (u32, u32, bool, char);

    fn check(is_http2: bool, looks: &[Look]) {
        let activity = Activity::default();
        let mut watch = Watch::new(&activity, Duration::from_secs(1), is_http2);
        for (place, &(begun, running, received, expected)) in looks.iter().enumerate() {
            activity.begun.fetch_add(begun, Relaxed);
            activity.running.store(running, Relaxed);
            activity.received.store(received, Relaxed);
            let seen = match watch.look() {
                Sight::Busy => 'b',
                Sight::Resting => 'r',
                Sight::Stalled => 's',
            };
            assert_eq!(seen, expected, "look {place}");
        }
    }

    #[test]
    fn a_client_that_never_asks_is_stalled_at_once() {
        check(false, &[(0, 0, false, 's')]);
        check(false, &[(0, 0, true, 's')]);
        check(true, &[(0, 0, true, 's')]);
    }

    #[test]
    fn a_running_request_is_busy_however_long() {
        check(
            false,
            &[(1, 1, false, 'b'), (0, 1, true, 'b'), (0, 1, true, 'b'), (0, 0, false, 'r')],
        );
    }

    #[test]
    fn half_a_later_head_is_stalled_at_the_second_look() {
        check(false, &[(1, 0, false, 'b'), (0, 0, true, 'r'), (0, 0, true, 's')]);
        check(
            false,
            &[(1, 0, false, 'b'), (0, 0, true, 'r'), (1, 0, true, 'b'), (0, 0, true, 'r')],
        );
    }

    #[test]
    fn pings_of_http2_are_no_half_head() {
        check(true, &[(1, 0, false, 'b'), (0, 0, true, 'r'), (0, 0, true, 'r'), (0, 0, true, 'r')]);
    }
}
