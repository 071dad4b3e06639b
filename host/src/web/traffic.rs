//! One request from its head to its answer: the id that leads from it to the plugin's lines, one line in
//! the log, and what is counted.

use super::{
    Web,
    request::{self, Route},
};
use crate::binding::metrics::Histogram;
use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri},
    response::Response,
};
use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tracing::Span;

/// Where the id stands in every answer.
const ANSWERED: HeaderName = HeaderName::from_static("x-correlation-id");
/// Where clients say it; the first that is there counts.
const ASKED: [&str; 3] = ["x-correlation-id", "request-id", "client-request-id"];
/// W3C Trace Context: `00-TRACE-PARENT-FLAGS`.
const TRACE: &str = "traceparent";
/// Characters of a client's id at most.
const LONGEST: usize = 128;

/// The methods that are counted by name.
pub(super) const METHODS: [&str; 8] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// The classes of status codes, from 1xx on.
pub(super) const CLASSES: usize = 5;

/// What is counted of requests.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    answers: [[AtomicU64; CLASSES]; METHODS.len()],
    pub(super) seconds: Histogram,
}

impl Traffic {
    fn note(&self, method: &Method, status: u16, took: Duration) {
        let at = METHODS.iter().position(|known| *known == method.as_str());
        let class = usize::from(status / 100).clamp(1, CLASSES) - 1;
        self.answers[at.unwrap_or(METHODS.len() - 1)][class].fetch_add(1, Ordering::Relaxed);
        self.seconds.note(took);
    }

    /// Answers by method and class of status (`2xx`), those that there were.
    pub(super) fn answers(&self) -> Vec<(&'static str, String, u64)> {
        let mut all = Vec::new();
        for (method, counts) in METHODS.iter().zip(&self.answers) {
            for (class, count) in (1..).zip(counts) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    all.push((*method, format!("{class}xx"), count));
                }
            }
        }
        all
    }
}

/// A request under way.
pub(super) struct Begun {
    at: Instant,
    method: Method,
    uri: Uri,
    id: HeaderValue,
    pub(super) span: Span,
}

impl Begun {
    /// A request came in.
    pub(super) fn of(asked: &Request<Body>) -> Begun {
        let (method, uri) = (asked.method().clone(), asked.uri().clone());
        let id = id(asked.headers());
        let text = id.to_str().unwrap_or_default();
        let connector = request::connector(&uri);
        // Look-ups never reach a plugin, and there are very many of them. What may write is told
        // apart at every level: the audit and the plugin's lines stand in its span.
        let span = match method {
            Method::GET | Method::HEAD | Method::OPTIONS => {
                tracing::debug_span!("request", connector, id = text)
            }
            _ => tracing::error_span!("request", connector, id = text),
        };
        Begun { at: Instant::now(), method, uri, id, span }
    }

    /// The answer is there: counted, told, and given the id.
    pub(super) fn end(self, web: &Web, mut response: Response) -> Response {
        let Begun { at, method, uri, id, span } = self;
        let (took, status) = (at.elapsed(), response.status().as_u16());
        web.count(request::connector(&uri), |traffic| traffic.note(&method, status, took));
        if tracing::enabled!(tracing::Level::DEBUG) {
            let bytes = HttpBody::size_hint(response.body()).exact();
            let route = shown(&uri);
            let milliseconds = took.as_secs_f64() * 1000.0;
            tracing::debug!(parent: &span, %method, route, status, milliseconds, bytes, "Answered");
        }
        tracing::trace!(parent: &span, query = uri.query(), "Asked");
        response.headers_mut().insert(ANSWERED, id);
        response
    }
}

/// The path without what clients put into it.
fn shown(uri: &Uri) -> String {
    let Some(route) = Route::of(uri.path()) else {
        return if uri.path() == "/health" { "/health" } else { "{other}" }.to_owned();
    };
    let is_word = |c: char| c.is_ascii_alphabetic() || c == '.';
    let endpoint = match route.endpoint {
        word if word.len() <= 64 && word.chars().all(is_word) => word,
        _ => "{other}",
    };
    match route.id.as_deref() {
        None => format!("/{endpoint}"),
        Some(".search") => format!("/{endpoint}/.search"),
        Some(_) => format!("/{endpoint}/{{id}}"),
    }
}

/// The client's id when it has a sane one, else a new one.
fn id(headers: &HeaderMap) -> HeaderValue {
    if let Some(given) = ASKED.iter().find_map(|name| headers.get(*name)) {
        let bytes = given.as_bytes();
        if (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic) {
            return given.clone();
        }
    }
    let trace = headers.get(TRACE).and_then(|given| given.to_str().ok()?.split('-').nth(1));
    if let Some(trace) = trace
        && trace.len() == 32
        && trace.bytes().all(|byte| byte.is_ascii_hexdigit())
        && let Ok(id) = HeaderValue::from_str(trace)
    {
        return id;
    }
    made()
}

/// 16 bytes in hexadecimal that nobody foresees: a counter under keys of this process, which is much
/// cheaper than asking the system each time.
fn made() -> HeaderValue {
    static KEYS: LazyLock<(RandomState, RandomState)> =
        LazyLock::new(|| (RandomState::new(), RandomState::new()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let halves = [KEYS.0.hash_one(count), KEYS.1.hash_one(count)];
    let mut text = [0; 32];
    let bytes = halves.iter().flat_map(|half| half.to_be_bytes());
    for (place, byte) in text.chunks_exact_mut(2).zip(bytes) {
        place.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&text))
        .expect("hexadecimal digits may stand in a header")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn of(headers: &[(&'static str, &str)]) -> String {
        let pairs = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        id(&pairs.collect()).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_clients_id_is_kept_when_it_is_sane() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (headers, expected) in [
            (&[("x-correlation-id", "a"), ("request-id", "b")][..], "a"),
            (&[("request-id", "|b.1")], "|b.1"),
            (&[("client-request-id", "c"), (TRACE, trace)], "c"),
            (&[(TRACE, trace)], "4bf92f3577b34da6a3ce929d0e0e4736"),
        ] {
            assert_eq!(of(headers), expected);
        }
    }

    #[test]
    fn an_id_is_made_where_there_is_none_or_a_strange_one() {
        let long = "x".repeat(129);
        let strange: [&[(&'static str, &str)]; 5] = [
            &[],
            &[("request-id", "two words")],
            &[("request-id", "ä")],
            &[("x-correlation-id", &long)],
            &[(TRACE, "00-zz-1-01")],
        ];
        let made: HashSet<String> = strange.iter().map(|headers| of(headers)).collect();
        assert_eq!(made.len(), strange.len(), "no two are the same");
        let is_hex = |id: &String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(made.iter().all(is_hex), "{made:?}");
    }

    #[test]
    fn a_route_has_no_values() {
        for (path, expected) in [
            ("/ecma2host_A/scim/Users/kim@example.org", "/Users/{id}"),
            ("/ecma2host_A/scim/v2/Users?filter=x", "/Users"),
            ("/ecma2host_A/scim/Users/.search", "/Users/.search"),
            ("/ecma2host_A/scim/kim@example.org", "/{other}"),
            ("/health", "/health"),
            ("/kim", "{other}"),
        ] {
            assert_eq!(shown(&path.parse().unwrap()), expected, "{path}");
        }
    }

    #[test]
    fn answers_are_counted_by_method_and_class() {
        let traffic = Traffic::default();
        traffic.note(&Method::GET, 200, Duration::ZERO);
        traffic.note(&Method::GET, 204, Duration::ZERO);
        traffic.note(&Method::from_bytes(b"BREW").unwrap(), 405, Duration::ZERO);
        let expected = [("GET", "2xx".to_owned(), 2), ("other", "4xx".to_owned(), 1)];
        assert_eq!(traffic.answers(), expected);
    }
}
