//! What `host.toml` says of certificates: the operator's own, and listeners that want one of clients.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{
    document::Section,
    keys::{Key, Shape},
    value::ConfigValue,
};

/// The keys of `[tls]`.
pub(super) const TLS: &[Key] = &[
    Key::new("certificate", Shape::NAME, "PEM file of the certificate and its chain."),
    Key::new("key", Shape::NAME, "PEM file of the certificate's private key."),
    Key::new("pkcs12", Shape::NAME, "PKCS#12 file of both, instead of the two."),
    Key::new(
        "password",
        Shape::NAME,
        "The password of the PKCS#12 file: \"env:NAME\", \"file:PATH\" or \"sealed:…\".",
    ),
];

/// The keys of `[[listener]]`.
pub(super) const LISTENER: &[Key] = &[
    Key::new("address", Shape::NAME, "The address and port to listen on.").required(),
    Key::new("client_ca", Shape::NAME, "PEM file of the authorities of clients' certificates.")
        .required_because("missing: an address without it goes under listen"),
    Key::new(
        "client",
        Shape::Word { words: &["required", "optional"], default: "required" },
        "Whether a client without a certificate is refused.",
    ),
];

/// The operator's own certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and its chain; a PKCS#12 file if `key` is the same.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The password of a PKCS#12 file, always a reference.
    pub password: Option<ConfigValue>,
}

/// A listener that wants certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// The authorities that may have signed them.
    pub client_ca: PathBuf,
    /// Whether a client without one is refused.
    pub is_required: bool,
}

pub(super) fn files(home: &Path, tls: &Section<'_>) -> TlsFiles {
    let path = |name| home.join(tls.text(name).unwrap_or_default());
    if !tls.has("pkcs12") {
        for name in ["certificate", "key"].into_iter().filter(|name| !tls.has(name)) {
            tls.problem(name, "missing");
        }
        if tls.has("password") {
            tls.problem("password", "belongs to pkcs12; a PEM key is stored without one");
        }
        return TlsFiles { certificate: path("certificate"), key: path("key"), password: None };
    }
    for name in ["certificate", "key"].into_iter().filter(|name| tls.has(name)) {
        tls.problem(name, "is in the PKCS#12 file: write that, or certificate and key");
    }
    let password = tls.text("password").and_then(|text| match ConfigValue::from_text(&text) {
        Ok(ConfigValue::Text(_)) => {
            let remedy = "seal it with `ecma-host seal`, or write \"env:NAME\" or \"file:PATH\"";
            tls.problem("password", format!("a secret in plain text; {remedy}"));
            None
        }
        Ok(value) => Some(value),
        Err(message) => {
            tls.problem("password", message);
            None
        }
    });
    TlsFiles { certificate: path("pkcs12"), key: path("pkcs12"), password }
}

pub(super) fn listeners(home: &Path, root: &Section<'_>) -> Vec<Listener> {
    let listener = |section: Section<'_>| {
        let written = section.text("address").filter(|text| !text.is_empty())?;
        let Ok(address) = written.parse() else {
            section.problem("address", not_an_address(&written));
            return None;
        };
        let client_ca = home.join(section.text("client_ca").unwrap_or_default());
        let is_required = section.text("client").as_deref() != Some("optional");
        Some(Listener { address, client_ca, is_required })
    };
    root.sections("listener").into_iter().filter_map(listener).collect()
}

pub(super) fn not_an_address(written: &str) -> String {
    format!("{written:?} is not an IP address and port such as \"127.0.0.1:8585\"")
}

#[cfg(test)]
mod tests {
    use super::super::{HostConfig, Problem};
    use super::*;

    fn parse(text: &str) -> Result<HostConfig, Vec<String>> {
        let texts = |problems: Vec<Problem>| problems.iter().map(Problem::to_string).collect();
        HostConfig::parse(Path::new("/home"), text).map_err(texts)
    }

    #[test]
    fn certificates_and_listeners_are_read() {
        let pem = parse("[tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"").unwrap().tls.unwrap();
        assert_eq!(pem.certificate, Path::new("/home/c.pem"));
        assert_eq!((pem.key.as_path(), pem.password), (Path::new("/k.pem"), None));
        let archive =
            parse("[tls]\npkcs12 = \"c.p12\"\npassword = \"env:P\"").unwrap().tls.unwrap();
        assert_eq!(
            (&archive.certificate, archive.key.as_path()),
            (&archive.key, Path::new("/home/c.p12"))
        );
        assert_eq!(archive.password, Some(ConfigValue::Env("P".into())));
        let text = "listen = []\n[[listener]]\naddress = \"[::1]:1\"\nclient_ca = \"ca.pem\"\n\
                    [[listener]]\naddress = \"[::1]:2\"\nclient_ca = \"ca.pem\"\nclient = \"optional\"";
        let config = parse(text).unwrap();
        assert!(config.listen.is_empty());
        let required: Vec<bool> = config.listeners.iter().map(|one| one.is_required).collect();
        assert_eq!(required, [true, false]);
        assert_eq!(config.listeners[0].client_ca, Path::new("/home/ca.pem"));
    }

    #[test]
    fn what_does_not_fit_together_is_said_so() {
        for (text, expected) in [
            ("[tls]\nkey = \"k\"", "1:1: tls.certificate: missing"),
            (
                "[tls]\npkcs12 = \"p\"\nkey = \"k\"",
                "3:7: tls.key: is in the PKCS#12 file: write that, or certificate and key",
            ),
            (
                "[tls]\npkcs12 = \"p\"\npassword = \"s3cret\"",
                "3:12: tls.password: a secret in plain text; seal it with `ecma-host seal`, or write \"env:NAME\" or \"file:PATH\"",
            ),
            (
                "[tls]\npkcs12 = \"p\"\npassword = \"sealed:x\"",
                "3:12: tls.password: the sealed text is damaged: seal the value anew",
            ),
            (
                "[tls]\ncertificate = \"c\"\nkey = \"k\"\npassword = \"env:P\"",
                "4:12: tls.password: belongs to pkcs12; a PEM key is stored without one",
            ),
            ("listen = []", "1:10: listen: must name at least 1"),
            (
                "[[listener]]\naddress = \"x\"\nclient_ca = \"c\"",
                "2:11: listener[0].address: \"x\" is not an IP address and port such as \"127.0.0.1:8585\"",
            ),
            (
                "[[listener]]\naddress = \"[::1]:1\"",
                "1:1: listener[0].client_ca: missing: an address without it goes under listen",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), [format!("host.toml:{expected}")], "{text}");
        }
    }
}
