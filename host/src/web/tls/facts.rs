//! What a certificate says: whose it is, for which names, how long, and with what key.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate},
    time::ASN1Time,
};

/// From this long before its end a certificate is warned of.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// From this long before its end the warning is an error.
const LAST_NOTICE: SignedDuration = SignedDuration::from_hours(3 * 24);

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Whose it is, as a distinguished name.
    pub subject: String,
    /// The host names and addresses it is for.
    pub names: Vec<String>,
    /// Who signed it, as a distinguished name.
    pub issuer: String,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid to.
    pub not_after: Timestamp,
    /// The kind of its key, such as `ECDSA P-256` or `RSA 2048`.
    pub key: String,
    /// Its fingerprint, in the form that OpenSSL prints.
    pub sha256: String,
    /// Whether it is signed with its own key.
    pub self_signed: bool,
}

/// What there is to say of a certificate's age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Nothing.
    Fine,
    /// It is not valid yet.
    Early,
    /// It ends within 30 days.
    EndsSoon,
    /// It ends within 3 days.
    EndsVerySoon,
    /// It has ended.
    Ended,
}

impl Facts {
    /// Reads a certificate (RFC 5280 §4.1).
    pub(super) fn of(der: &[u8]) -> Result<Self, String> {
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|_| "it is no X.509 certificate, or a damaged one".to_owned())?;
        let moment = |time: ASN1Time| {
            Timestamp::from_second(time.timestamp())
                .map_err(|_| "its validity cannot be read".to_owned())
        };
        let names = certificate.subject_alternative_name().map_err(|error| error.to_string())?;
        let names = names.map(|names| names.value.general_names.iter().filter_map(name).collect());
        Ok(Self {
            subject: certificate.subject().to_string(),
            names: names.unwrap_or_default(),
            issuer: certificate.issuer().to_string(),
            not_before: moment(certificate.validity().not_before)?,
            not_after: moment(certificate.validity().not_after)?,
            key: key(certificate.public_key()),
            sha256: fingerprint(der),
            self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        })
    }

    /// Whole days until it ends; negative once it has.
    #[must_use]
    pub fn days(&self, now: Timestamp) -> i64 {
        self.not_after.duration_since(now).as_secs().div_euclid(24 * 60 * 60)
    }

    /// What there is to say of its age.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Age {
        let left = self.not_after.duration_since(now);
        match () {
            () if now < self.not_before => Age::Early,
            () if left.is_negative() => Age::Ended,
            () if left < LAST_NOTICE => Age::EndsVerySoon,
            () if left < NOTICE => Age::EndsSoon,
            () => Age::Fine,
        }
    }

    /// Whether clients may call the host so: case does not count, `*.` stands for one label (RFC 9525
    /// §6.3).
    #[must_use]
    pub fn covers(&self, host_name: &str) -> bool {
        let wanted = host_name.trim_end_matches('.');
        self.names.iter().any(|name| match (name.strip_prefix("*."), wanted.split_once('.')) {
            (Some(domain), Some((label, rest))) => {
                !label.is_empty() && domain.eq_ignore_ascii_case(rest)
            }
            _ => name.eq_ignore_ascii_case(wanted),
        })
    }
}

/// Whether `other` may have signed `certificate`, by its names; one that signed itself has no other.
pub(super) fn is_issuer(other: &[u8], certificate: &[u8]) -> bool {
    let (Ok((_, other)), Ok((_, certificate))) =
        (X509Certificate::from_der(other), X509Certificate::from_der(certificate))
    else {
        return false;
    };
    let issuer = certificate.issuer().as_raw();
    issuer != certificate.subject().as_raw() && issuer == other.subject().as_raw()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn key(public: &SubjectPublicKeyInfo<'_>) -> String {
    let curve = || public.algorithm.parameters.as_ref()?.as_oid().ok();
    match public.algorithm.algorithm.to_id_string().as_str() {
        // RFC 3279 §2.3.1, RFC 5480 §2.1.1, RFC 8410 §3.
        "1.2.840.113549.1.1.1" => {
            let bits = public.parsed().map(|key| key.key_size()).unwrap_or_default();
            format!("RSA {bits}")
        }
        "1.2.840.10045.2.1" => {
            let curve = curve().map(|curve| curve.to_id_string()).unwrap_or_default();
            let name = match curve.as_str() {
                "1.2.840.10045.3.1.7" => "P-256",
                "1.3.132.0.34" => "P-384",
                "1.3.132.0.35" => "P-521",
                other => other,
            };
            format!("ECDSA {name}")
        }
        "1.3.101.112" => "Ed25519".to_owned(),
        other => other.to_owned(),
    }
}

fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[&str], from: (i32, u8, u8), to: (i32, u8, u8)) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn all_that_a_certificate_says_is_read() {
        let der = made(&["idm.example.org", "::1", "10.0.0.1"], (1997, 12, 31), (2061, 2, 28));
        let facts = Facts::of(&der).unwrap();
        assert_eq!(facts.names, ["idm.example.org", "::1", "10.0.0.1"]);
        assert_eq!(facts.not_before.to_string(), "1997-12-31T00:00:00Z");
        assert_eq!(facts.not_after.to_string(), "2061-02-28T00:00:00Z");
        assert_eq!(facts.key, "ECDSA P-256");
        assert!(facts.self_signed && facts.subject == facts.issuer);
        assert_eq!(facts.sha256.split(':').count(), 32);
    }

    #[test]
    fn what_is_cut_off_is_no_certificate() {
        let whole = made(&["a.example"], (2026, 1, 1), (2028, 1, 1));
        assert!((0..whole.len()).all(|length| Facts::of(&whole[..length]).is_err()));
    }

    #[test]
    fn age_is_told_from_thirty_days_on_and_days_are_whole() {
        let facts = Facts::of(&made(&["a.example"], (2026, 1, 1), (2026, 6, 30))).unwrap();
        for (now, age, days) in [
            ("2025-12-31T23:59:59Z", Age::Early, 180),
            ("2026-05-31T00:00:00Z", Age::Fine, 30),
            ("2026-05-31T00:00:01Z", Age::EndsSoon, 29),
            ("2026-06-27T00:00:00Z", Age::EndsSoon, 3),
            ("2026-06-27T00:00:01Z", Age::EndsVerySoon, 2),
            ("2026-06-30T00:00:00Z", Age::EndsVerySoon, 0),
            ("2026-06-30T00:00:01Z", Age::Ended, -1),
            ("2026-07-02T00:00:00Z", Age::Ended, -2),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!((facts.age(now), facts.days(now)), (age, days), "{now}");
        }
    }

    #[test]
    fn names_are_compared_as_clients_do() {
        let der =
            made(&["idm.example.org", "*.example.net", "10.0.0.1"], (2026, 1, 1), (2028, 1, 1));
        let facts = Facts::of(&der).unwrap();
        for name in ["IDM.example.org", "idm.example.org.", "a.example.net", "10.0.0.1"] {
            assert!(facts.covers(name), "{name}");
        }
        for name in ["example.org", "a.b.example.net", "example.net", ".example.net", "10.0.0.2"] {
            assert!(!facts.covers(name), "{name}");
        }
    }
}
