//! Who may ask, by address. Only the TCP connection says where a request comes from: headers that
//! proxies add are not looked at, for anybody can write them.

use super::{reply, server::Peer};
use crate::{config::Addresses, scim::Error};
use axum::{
    http::{Extensions, StatusCode},
    response::Response,
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::{Duration, Instant},
};

/// An address is told of this often.
const REPEAT: Duration = Duration::from_secs(60);
/// So many addresses are told of in that time; more are only counted.
const MOST: usize = 1000;

/// Counts who is turned away, and tells of it now and then.
#[derive(Default)]
pub(super) struct Doorman(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// Requests that were turned away, by connector; by nothing when the host's own list did.
    counts: BTreeMap<String, u64>,
    told: Told,
}

/// When each address was told of last.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<IpAddr, Instant>);

impl Doorman {
    /// How many requests the list of this connector turned away, or that of the host.
    pub(super) fn turned_away(&self, connector: &str) -> u64 {
        self.0.lock().counts.get(connector).copied().unwrap_or_default()
    }

    /// The answer to a request from an address that is not among these; `None` when it may ask. They
    /// are those of a connector, or of the host when that is empty.
    pub(super) fn turn_away(
        &self,
        allowed: &Addresses,
        request: &Extensions,
        connector: &str,
    ) -> Option<Response> {
        let Peer(peer) = request.get()?;
        if allowed.allow(*peer) {
            return None;
        }
        let peer = peer.to_canonical();
        let mut seen = self.0.lock();
        let count = seen.counts.entry(connector.to_owned()).or_default();
        *count += 1;
        let turned_away = *count;
        if seen.told.is_news(peer, Instant::now()) {
            tracing::warn!(
                %peer,
                connector,
                turned_away,
                "A request from an address that is not allowed; `allow` in the connector's document \
                 and in host.toml says which are"
            );
        }
        let detail = format!("requests from {peer} are not allowed here");
        Some(reply::error(StatusCode::FORBIDDEN, Error::plain(detail)))
    }
}

impl Told {
    /// Whether it is to be told of now.
    pub(super) fn is_news(&mut self, peer: IpAddr, now: Instant) -> bool {
        let is_recent = |then: &Instant| now.duration_since(*then) < REPEAT;
        if self.0.get(&peer).is_some_and(is_recent) {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, then| is_recent(then));
        }
        let has_place = self.0.len() < MOST;
        if has_place {
            self.0.insert(peer, now);
        }
        has_place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_of_once_a_minute_and_many_are_not() {
        let mut seen = Told::default();
        let start = Instant::now();
        let peer = |last: u32| IpAddr::from(last.to_be_bytes());
        assert!(seen.is_news(peer(1), start));
        assert!(!seen.is_news(peer(1), start + REPEAT / 2));
        assert!(seen.is_news(peer(1), start + REPEAT));
        let later = start + REPEAT * 3;
        let news = (0..5000).filter(|last| seen.is_news(peer(*last), later)).count();
        assert_eq!(news, MOST);
        assert!(seen.is_news(peer(6000), later + REPEAT));
    }
}
