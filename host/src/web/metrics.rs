//! `/metrics` for Prometheus: what was counted, read when somebody asks. On the admin socket, and on an
//! address of its own without TLS where the settings name one.

use super::{Endpoint, Place, Web, admin::Control, traffic::Traffic};
use crate::binding::{
    Binding, RunKind,
    metrics::{BOUNDS, Histogram},
};
use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text::encode},
    metrics::MetricType,
    registry::Registry,
};
use serde_json::json;
use std::{fmt, future::Future, sync::Arc};

/// A metric: its name, what it is, its kind.
type Named = (&'static str, &'static str, MetricType);

use MetricType::{Counter, Gauge, Histogram as Buckets};

// Counters get `_total` behind their names.
const BUILD: Named = ("ecma_build_info", "The version of the host; always 1", Gauge);
const START: Named = ("ecma_start_time_seconds", "When the host started, since 1970", Gauge);
const MEMORY: Named = ("ecma_process_resident_bytes", "Memory of the process", Gauge);
const THREADS: Named = ("ecma_process_threads", "Threads of the process", Gauge);
const LOG_LOST: Named =
    ("ecma_log_lost_lines", "Lines of the log that could not be written", Counter);
const CERTIFICATE: Named =
    ("ecma_certificate_remaining_days", "Until the certificate expires", Gauge);
const STRANGERS: Named = (
    "ecma_client_certificates_refused",
    "Handshakes refused for the client's certificate",
    Counter,
);
const IN_FLIGHT: Named = ("ecma_requests_in_flight", "Requests that are answered right now", Gauge);
const REQUESTS: Named =
    ("ecma_requests", "Requests answered, by connector, method and status", Counter);
const REQUEST_SECONDS: Named = ("ecma_request_seconds", "How long requests took", Buckets);
const READY: Named = ("ecma_connector_ready", "1 when the connector serves", Gauge);
const ENTRIES: Named = ("ecma_space_entries", "Entries in memory", Gauge);
const SPACE: Named = ("ecma_space_bytes", "Memory of the entries", Gauge);
const WAITING: Named = ("ecma_export_queue_changes", "Changes that wait for the target", Gauge);
const EXPORTS: Named = ("ecma_exports", "Changes sent to the target, by kind and outcome", Counter);
const EXPORT_SECONDS: Named = ("ecma_export_seconds", "How long exports took, by kind", Buckets);
const IMPORTS: Named = ("ecma_imports", "Imports, by kind and outcome", Counter);
const IMPORT_SECONDS: Named = ("ecma_import_last_seconds", "How long the last import took", Gauge);
const IMPORT_SUCCESS: Named =
    ("ecma_import_success_time_seconds", "When an import last went well, since 1970", Gauge);
const PANICS: Named = ("ecma_plugin_panics", "Panics in the plugin", Counter);
const STUCK: Named =
    ("ecma_plugin_stuck_calls", "Calls into the plugin that do not come back", Gauge);
const RESTARTS: Named =
    ("ecma_plugin_restarts", "How often the plugin's process was started anew", Counter);
const HELD: Named = ("ecma_import_held_removals", "Removals that wait for an operator", Gauge);
const REFUSED: Named =
    ("ecma_guard_refused_removals", "Removals that the guard did not let imports make", Counter);

/// Labels of a sample.
type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Sample {
    Count(u64),
    Number(f64),
    Buckets { seconds: f64, buckets: Vec<(f64, u64)> },
}

impl From<&Histogram> for Sample {
    fn from(histogram: &Histogram) -> Sample {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        Sample::Buckets {
            seconds: histogram.seconds(),
            buckets: bounds.zip(histogram.buckets()).collect(),
        }
    }
}

/// The numbers of a moment.
#[derive(Debug, Default)]
struct Moment(Vec<(Named, Vec<(Labels, Sample)>)>);

impl Moment {
    fn add(&mut self, named: Named, labels: Labels, sample: Sample) {
        match self.0.iter_mut().find(|(known, _)| known.0 == named.0) {
            Some((_, samples)) => samples.push((labels, sample)),
            None => self.0.push((named, vec![(labels, sample)])),
        }
    }

    fn number(&mut self, named: Named, labels: Labels, number: impl Into<f64>) {
        self.add(named, labels, Sample::Number(number.into()));
    }

    /// Counts of things are exact up to 2^53.
    fn many(&mut self, named: Named, labels: Labels, count: usize) {
        self.add(named, labels, Sample::Number(count as f64));
    }

    fn count(&mut self, named: Named, labels: Labels, count: u64) {
        self.add(named, labels, Sample::Count(count));
    }

    fn traffic(&mut self, connector: &str, traffic: &Traffic) {
        for (method, status, count) in traffic.answers() {
            let labels = labels(connector, &[("method", method), ("status", &status)]);
            self.count(REQUESTS, labels, count);
        }
        self.add(REQUEST_SECONDS, labels(connector, &[]), (&traffic.seconds).into());
    }

    fn place(&mut self, connector: &str, place: &Place) {
        self.traffic(connector, &place.traffic);
        let Endpoint::Bound(binding) = &place.endpoint else {
            return self.number(READY, labels(connector, &[]), 0);
        };
        self.binding(connector, binding);
    }

    fn binding(&mut self, connector: &str, binding: &Binding) {
        let of = |more: &[(&'static str, &str)]| labels(connector, more);
        self.number(READY, of(&[]), u8::from(binding.ready().is_ok()));
        self.many(ENTRIES, of(&[]), binding.entries());
        if let Some(bytes) = binding.space_bytes() {
            self.many(SPACE, of(&[]), bytes);
        }
        self.many(WAITING, of(&[]), binding.waiting());
        self.many(STUCK, of(&[]), binding.stuck());
        self.many(HELD, of(&[]), binding.status().held());
        self.count(RESTARTS, of(&[]), binding.worker_restarts());
        let meters = binding.meters();
        self.count(PANICS, of(&[]), meters.panics());
        self.count(REFUSED, of(&[]), meters.refused_removals());
        for (kind, outcome, count) in meters.exports() {
            self.count(EXPORTS, of(&[("kind", kind), ("outcome", &outcome)]), count);
        }
        for (kind, histogram) in meters.export_seconds() {
            self.add(EXPORT_SECONDS, of(&[("kind", kind)]), histogram.into());
        }
        let imports = meters.imports();
        let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let kind_word = |kind: RunKind| word(&json!(kind));
        for (kind, outcome, count) in imports.ended {
            let outcome = word(&json!(outcome));
            let labels = of(&[("kind", &kind_word(kind)), ("outcome", &outcome)]);
            self.count(IMPORTS, labels, count);
        }
        for (kind, seconds) in imports.seconds {
            self.number(IMPORT_SECONDS, of(&[("kind", &kind_word(kind))]), seconds);
        }
        if let Some(time) = imports.success {
            self.number(IMPORT_SUCCESS, of(&[]), time as f64);
        }
    }
}

fn labels(connector: &str, more: &[(&'static str, &str)]) -> Labels {
    let all = [("connector", connector)];
    all.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect()
}

impl Collector for Moment {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for ((name, about, kind), samples) in &self.0 {
            let mut metric = encoder.encode_descriptor(name, about, None, *kind)?;
            for (labels, sample) in samples {
                match labels.is_empty() {
                    true => sample.encode(&mut metric)?,
                    false => sample.encode(&mut metric.encode_family(labels)?)?,
                }
            }
        }
        Ok(())
    }
}

impl Sample {
    fn encode(&self, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Sample::Count(count) => metric.encode_counter::<NoLabelSet, _, u64>(count, None),
            Sample::Number(number) => metric.encode_gauge(number),
            Sample::Buckets { seconds, buckets } => {
                let count = buckets.iter().map(|(_, count)| count).sum();
                metric.encode_histogram::<NoLabelSet>(*seconds, count, buckets, None)
            }
        }
    }
}

/// Memory and threads of the process, where the system tells them.
fn of_process(moment: &mut Moment) {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let number = |name: &str| -> Option<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    if let Some(kibibytes) = number("VmRSS:") {
        moment.number(MEMORY, Labels::new(), f64::from(kibibytes) * 1024.0);
    }
    if let Some(threads) = number("Threads:") {
        moment.number(THREADS, Labels::new(), threads);
    }
}

/// Everything as Prometheus reads it.
pub(super) fn text(web: &Web, control: &dyn Control) -> String {
    let mut moment = Moment::default();
    moment.number(BUILD, vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1);
    moment.number(START, Labels::new(), web.started.as_second() as f64);
    of_process(&mut moment);
    moment.count(LOG_LOST, Labels::new(), control.telemetry().lost());
    let seconds = control.certificate_expires().as_second() - control.now().as_second();
    moment.number(CERTIFICATE, Labels::new(), seconds as f64 / 86_400.0);
    moment.count(STRANGERS, Labels::new(), web.strangers.refused());
    moment.many(IN_FLIGHT, Labels::new(), web.in_flight());
    moment.traffic("", &web.elsewhere);
    for (name, place) in web.places() {
        moment.place(name.as_str(), &place);
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(moment));
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string does not fail");
    text
}

/// The answer to who asks for it.
pub(super) fn answer(web: &Web, control: &dyn Control) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text(web, control)).into_response()
}

/// Answers on an address of its own until told to stop.
pub async fn serve(
    listener: tokio::net::TcpListener,
    web: Arc<Web>,
    control: Arc<dyn Control>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let told = |State((web, control)): State<(Arc<Web>, Arc<dyn Control>)>| async move {
        answer(&web, &*control)
    };
    let routes = Router::new().route("/metrics", get(told)).with_state((web, control));
    if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "Metrics are not served any more");
    }
}
