//! `host.toml`: what concerns the host as a whole. All of it is optional.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{
    addresses::{self, Addresses},
    document::{self, Section},
    files,
    key_source::{self, KeySource},
    keys::{Key, Shape},
    log::{LOG, Log},
    problem::Problem,
    tls::{self, Listener, TlsFiles},
};

/// The keys of `host.toml`.
pub(super) const HOST: &[Key] = &[
    Key::new(
        "listen",
        Shape::Names { default: &["0.0.0.0:8585"], at_least: 0 },
        "Addresses and ports to listen on; port 0 takes a free one.",
    ),
    Key::new(
        "host_name",
        Shape::NAME,
        "The name in the certificate; by default the machine's host name.",
    ),
    Key::new(
        "plugins",
        Shape::Name { default: Some("ECMA") },
        "The folder of plugins, relative to the host's home.",
    ),
    Key::new(
        "connectors",
        Shape::Name { default: Some("connectors") },
        "The folder of connector documents, relative to the host's home.",
    ),
    Key::new(
        "state",
        Shape::Name { default: Some("state") },
        "The folder of what the host keeps for itself, relative to its home.",
    ),
    addresses::ALLOW,
    Key::new("tls", Shape::Table(tls::TLS), "Your own certificate instead of a self-signed one."),
    Key::new(
        "listener",
        Shape::Tables(tls::LISTENER),
        "One more address, where clients show a certificate.",
    ),
    Key::new("secrets", Shape::Table(key_source::SECRETS), "How secrets in documents are sealed."),
    Key::new("limits", Shape::Table(LIMITS), "Bounds on what clients may ask at once."),
    Key::new("log", Shape::Table(LOG), "What is logged, how and where to."),
    Key::new("metrics", Shape::Table(METRICS), "An address for Prometheus, without TLS."),
];

const LIMITS: &[Key] = &[
    Key::new(
        "body_bytes",
        Shape::Whole { from: 1024, to: 1 << 30, default: 1_048_576 },
        "The largest request body.",
    ),
    Key::new(
        "header_seconds",
        Shape::Whole { from: 1, to: 3600, default: 10 },
        "How long a client may take to send a request's headers.",
    ),
    Key::new(
        "body_seconds",
        Shape::Whole { from: 1, to: 3600, default: 30 },
        "How long a client may take to send a request's body.",
    ),
    Key::new(
        "request_seconds",
        Shape::Whole { from: 1, to: 3600, default: 60 },
        "How long a request may take in all.",
    ),
    Key::new(
        "connections",
        Shape::Whole { from: 1, to: 1_000_000, default: 1024 },
        "Open connections of clients.",
    ),
    Key::new(
        "requests",
        Shape::Whole { from: 1, to: 1_000_000, default: 512 },
        "Requests in flight, of all connectors together.",
    ),
    Key::new(
        "shutdown_seconds",
        Shape::Whole { from: 0, to: 3600, default: 20 },
        "How long requests under way have to finish when the host stops.",
    ),
];

const METRICS: &[Key] = &[
    Key::new(
        "listen",
        Shape::NAME,
        "Address and port of /metrics without TLS and token, such as \"127.0.0.1:9585\".",
    )
    .required(),
    Key::new(
        "anywhere",
        Shape::Flag { default: false },
        "Allow an address that other machines can reach.",
    ),
];

/// The settings of the host as a whole. Paths are already joined with the home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// The folder everything else is relative to.
    pub home: PathBuf,
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// Where to listen for clients with certificates.
    pub listeners: Vec<Listener>,
    /// The name in the certificate, when it is not the machine's own.
    pub host_name: Option<String>,
    /// The folder of plugins.
    pub plugins: PathBuf,
    /// The folder of connector documents.
    pub connectors: PathBuf,
    /// The folder of what the host keeps for itself.
    pub state: PathBuf,
    /// Where requests may come from.
    pub allow: Addresses,
    /// The operator's own certificate.
    pub tls: Option<TlsFiles>,
    /// Where the key is that seals values.
    pub sealing_key: KeySource,
    /// Bounds on what clients may ask at once.
    pub limits: Limits,
    /// What is logged, how and where to.
    pub log: Log,
    /// Where metrics are told without TLS.
    pub metrics: Option<SocketAddr>,
}

/// Bounds on what clients may ask at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body.
    pub body_bytes: usize,
    /// How long a client may take to send a request's headers.
    pub header_seconds: u64,
    /// How long a client may take to send a request's body.
    pub body_seconds: u64,
    /// How long a request may take in all.
    pub request_seconds: u64,
    /// Open connections of clients.
    pub connections: usize,
    /// Requests in flight, of all connectors together.
    pub requests: usize,
    /// How long requests under way have to finish when the host stops.
    pub shutdown_seconds: u64,
}

impl HostConfig {
    /// The settings of a home without a `host.toml`.
    pub fn defaults(home: &Path) -> Self {
        Self::parse(home, "").expect("every key of the host has a default")
    }

    /// Reads `host.toml` in `home`; without that file, the defaults.
    pub fn load(home: &Path) -> Result<Self, Vec<Problem>> {
        match files::read_document(&home.join("host.toml")) {
            Ok(text) => Self::parse(home, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::defaults(home)),
            Err(error) => Err(vec![files::unreadable("host.toml", &error)]),
        }
    }

    /// What is right of `host.toml` in `home`, and what is wrong: tables with a mistake count as if they
    /// were not there.
    pub fn as_far_as_right(home: &Path) -> (Self, Vec<Problem>) {
        let problems = match Self::load(home) {
            Ok(config) => return (config, Vec::new()),
            Err(problems) => problems,
        };
        let text = files::read_document(&home.join("host.toml")).unwrap_or_default();
        let mut left = text.parse::<toml::Table>().unwrap_or_default();
        let mut wrong = problems.clone();
        loop {
            let before = left.len();
            let first = |problem: &Problem| problem.key.split(['.', '[']).next().map(str::to_owned);
            for key in wrong.iter().filter_map(first) {
                left.remove(&key);
            }
            match Self::parse(home, &left.to_string()) {
                Ok(config) => return (config, problems),
                Err(_) if left.len() == before => return (Self::defaults(home), problems),
                Err(still) => wrong = still,
            }
        }
    }

    /// Reads the text of a `host.toml`.
    pub fn parse(home: &Path, text: &str) -> Result<Self, Vec<Problem>> {
        document::read("host.toml", text, HOST, |root| build(home, root))
    }
}

fn build(home: &Path, root: &Section<'_>) -> HostConfig {
    let path = |section: &Section<'_>, name| home.join(section.text(name).unwrap_or_default());
    let (limits, log) = (root.section("limits"), root.section("log"));
    let host_name = root.text("host_name");
    if host_name.as_deref().is_some_and(|name| !name.is_empty() && !is_host_name(name)) {
        root.problem("host_name", "must be a host name or an IP address");
    }
    HostConfig {
        home: home.to_owned(),
        listen: addresses(root),
        listeners: tls::listeners(home, root),
        host_name,
        plugins: path(root, "plugins"),
        connectors: path(root, "connectors"),
        state: path(root, "state"),
        allow: Addresses::of(root),
        tls: root.written_section("tls").map(|section| tls::files(home, &section)),
        sealing_key: sealing_key(home, root),
        limits: Limits {
            body_bytes: limits.whole("body_bytes"),
            header_seconds: limits.whole("header_seconds"),
            body_seconds: limits.whole("body_seconds"),
            request_seconds: limits.whole("request_seconds"),
            connections: limits.whole("connections"),
            requests: limits.whole("requests"),
            shutdown_seconds: limits.whole("shutdown_seconds"),
        },
        log: Log::of(&log, home),
        metrics: root.written_section("metrics").and_then(|metrics| metrics_address(&metrics)),
    }
}

/// Metrics name connectors and count people: without TLS and token they are for this machine, unless
/// somebody says otherwise.
fn metrics_address(metrics: &Section<'_>) -> Option<SocketAddr> {
    let written = metrics.text("listen").filter(|written| !written.is_empty())?;
    let Ok(address) = written.parse::<SocketAddr>() else {
        metrics.problem("listen", tls::not_an_address(&written));
        return None;
    };
    if !address.ip().is_loopback() && !metrics.flag("anywhere") {
        metrics.problem(
            "listen",
            "other machines can reach this address and there is no TLS; if that is wanted, set \
             anywhere = true",
        );
    }
    Some(address)
}

fn sealing_key(home: &Path, root: &Section<'_>) -> KeySource {
    let secrets = root.section("secrets");
    let written = secrets.text("key").filter(|text| !text.is_empty());
    let source = written.and_then(|text| {
        let refused = |message: String| secrets.problem("key", message);
        KeySource::parse(home, &text).map_err(refused).ok()
    });
    let state = root.text("state").unwrap_or_default();
    source.unwrap_or_else(|| KeySource::File(home.join(state).join("seal.key")))
}

fn addresses(root: &Section<'_>) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for written in root.texts("listen").iter().filter(|written| !written.is_empty()) {
        match written.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => root.problem("listen", tls::not_an_address(written)),
        }
    }
    if root.is_empty_list("listen") && !root.has("listener") {
        root.problem("listen", "must name at least 1");
    }
    addresses
}

fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.parse::<std::net::IpAddr>().is_ok()
        || name.len() <= 253 && name.trim_end_matches('.').split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LogFile, LogFormat, LogTo};

    #[test]
    fn what_is_right_counts_beside_a_mistake() {
        let home = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(home.path().join("host.toml"), text).unwrap();
        write("allow = [\"bogus\"]\nstate = \"kept\"\nodd = 1\n[log]\nlevl = \"x\"\n");
        let (config, problems) = HostConfig::as_far_as_right(home.path());
        assert_eq!((config.state, problems.len()), (home.path().join("kept"), 3));
        write("state = ");
        let (config, problems) = HostConfig::as_far_as_right(home.path());
        assert_eq!((config.state, problems.len()), (home.path().join("state"), 1));
    }

    #[test]
    fn a_home_without_a_document_has_the_defaults() {
        let home = tempfile::tempdir().unwrap();
        let config = HostConfig::load(home.path()).unwrap();
        assert_eq!(config.listen, ["0.0.0.0:8585".parse().unwrap()]);
        assert_eq!(config.plugins, home.path().join("ECMA"));
        assert_eq!(config.connectors, home.path().join("connectors"));
        assert_eq!(config.state, home.path().join("state"));
        let limits = Limits {
            body_bytes: 1_048_576,
            header_seconds: 10,
            body_seconds: 30,
            request_seconds: 60,
            connections: 1024,
            requests: 512,
            shutdown_seconds: 20,
        };
        assert_eq!(config.limits, limits);
        let file = LogFile {
            path: home.path().join("state/log/host.log"),
            daily: true,
            bytes: 100 << 20,
            keep: 14,
        };
        let log = Log {
            level: "info".into(),
            format: LogFormat::Text,
            to: LogTo::Stderr,
            file,
            audit: None,
        };
        assert_eq!(config.log, log);
        assert_eq!(config.metrics, None);
        assert_eq!((config.tls, config.host_name), (None, None));
        assert_eq!(config.sealing_key.file(), Some(&*home.path().join("state/seal.key")));
    }

    #[test]
    fn a_full_document_is_read() {
        let home = tempfile::tempdir().unwrap();
        let text = r#"
            listen = ["127.0.0.1:8585", "[::1]:0"]
            host_name = "idm.example.org"
            plugins = "/opt/plugins"
            [tls]
            certificate = "cert.pem"
            key = "key.pem"
            [secrets]
            key = "env:SEAL"
            [limits]
            requests = 7
            [log]
            level = "debug"
            format = "json"
            to = "file"
            file = "host.log"
            megabytes = 2
            audit = "state/audit.log"
            [metrics]
            listen = "0.0.0.0:9585"
            anywhere = true
        "#;
        std::fs::write(home.path().join("host.toml"), text).unwrap();
        let config = HostConfig::load(home.path()).unwrap();
        assert_eq!(config.listen[1], "[::1]:0".parse().unwrap());
        assert_eq!(config.host_name.as_deref(), Some("idm.example.org"));
        assert_eq!(config.plugins, Path::new("/opt/plugins"));
        assert_eq!(config.tls.unwrap().key, home.path().join("key.pem"));
        assert_eq!(config.sealing_key, KeySource::Env("SEAL".into()));
        assert_eq!((config.limits.requests, config.limits.connections), (7, 1024));
        assert_eq!((config.log.level.as_str(), config.log.format), ("debug", LogFormat::Json));
        assert_eq!((config.log.to, config.log.file.bytes), (LogTo::File, 2 << 20));
        assert_eq!(config.log.file.path, home.path().join("host.log"));
        assert_eq!(config.log.audit, Some(home.path().join("state/audit.log")));
        assert_eq!(config.metrics, Some("0.0.0.0:9585".parse().unwrap()));
    }

    #[test]
    fn broken_documents_say_where_and_why() {
        for (text, expected) in [
            ("lisen = []", "1:1: lisen: unknown key, did you mean \"listen\"?"),
            (
                "listen = [\"localhost\"]",
                "1:10: listen: \"localhost\" is not an IP address and port such as \
                 \"127.0.0.1:8585\"",
            ),
            ("listen = [1]", "1:11: listen[0]: must be a string, found a whole number"),
            ("host_name = \"a b\"", "1:13: host_name: must be a host name or an IP address"),
            (
                "[limits]\nrequests = 0",
                "2:12: limits.requests: must be between 1 and 1000000, found 0",
            ),
            (
                "[log]\nformat = \"jsn\"",
                "2:10: log.format: unknown word \"jsn\", did you mean \"json\"?",
            ),
            (
                "[log]\nformat = 1",
                "2:10: log.format: must be \"text\" or \"json\", found a whole number",
            ),
            (
                "[log]\nlevel = \"loud\"",
                "2:9: log.level: \"loud\" is no level: give error, warn, info, debug, trace or off, \
                 or directives such as \"info,plugin=debug\"",
            ),
            ("[metrics]", "1:1: metrics.listen: missing"),
            (
                "[metrics]\nlisten = \"0.0.0.0:9585\"",
                "2:10: metrics.listen: other machines can reach this address and there is no TLS; if \
                 that is wanted, set anywhere = true",
            ),
            (
                "[secrets]\nkey = \"AAAA\"",
                "2:7: secrets.key: must be \"file:PATH\", \"env:NAME\", \"credential:NAME\" or \
                 \"command:/PROGRAM ARGUMENTS\"",
            ),
            ("limits = 3", "1:10: limits: must be a table, found a whole number"),
        ] {
            let problems = HostConfig::parse(Path::new("."), text).unwrap_err();
            let found: Vec<_> = problems.iter().map(Problem::to_string).collect();
            assert_eq!(found, [format!("host.toml:{expected}")], "{text}");
        }
    }
}
