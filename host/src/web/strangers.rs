//! Clients whose certificates a listener refuses: counted, and told of now and then.

use super::addresses::Told;
use parking_lot::Mutex;
use rustls::{CertificateError, Error};
use std::{
    io,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    refused: AtomicU64,
    told: Mutex<Told>,
}

impl Strangers {
    /// How many handshakes ended so.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A handshake failed; whether it was for the client's certificate.
    pub(super) fn heard(&self, peer: IpAddr, error: &io::Error) -> bool {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let Some(reason) = inner.and_then(in_words) else { return false };
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        let peer = peer.to_canonical();
        if self.told.lock().is_news(peer, Instant::now()) {
            tracing::warn!(%peer, reason, refused, "A client's certificate was refused");
        }
        true
    }
}

/// What is wrong with a client's certificate; nothing when that was not the error.
fn in_words(error: &Error) -> Option<String> {
    use CertificateError as Bad;
    let reason = match error {
        Error::NoCertificatesPresented => "it showed none, and this listener requires one",
        Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => "no authority of client_ca signed it",
            Bad::Expired | Bad::ExpiredContext { .. } => "it has expired",
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => "it is not valid yet",
            Bad::Revoked => "it is revoked",
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => "it is not for clients",
            Bad::BadEncoding => "it cannot be read",
            Bad::BadSignature => "its signature is wrong",
            other => return Some(other.to_string()),
        },
        _ => return None,
    };
    Some(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refused_certificates_count() {
        let strangers = Strangers::default();
        let peer = IpAddr::from([192, 0, 2, 1]);
        let failed = |error: Error| io::Error::new(io::ErrorKind::InvalidData, error);
        assert!(!strangers.heard(peer, &io::Error::other("plain HTTP")));
        assert!(!strangers.heard(peer, &failed(Error::DecryptError)));
        assert_eq!(strangers.refused(), 0);
        for error in [
            Error::NoCertificatesPresented,
            Error::InvalidCertificate(CertificateError::UnknownIssuer),
        ] {
            assert!(strangers.heard(peer, &failed(error)));
        }
        assert_eq!(strangers.refused(), 2);
    }
}
