//! What is counted of a connector. Counting costs an atomic add or two; how the numbers are told is
//! `web/metrics.rs`.

use super::{RunKind, RunOutcome};
use ecma_plugin_sdk::{Change, Error, ErrorKind};
use parking_lot::Mutex;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds of a histogram's buckets, in seconds; what took longer has a bucket of its own.
pub const BOUNDS: [f64; 16] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0,
];

/// The kinds of changes, as the audit names them.
pub(super) const KINDS: [&str; 4] = ["add", "replace", "update", "delete"];

/// How often something took how long.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Histogram {
    /// Something took so long.
    pub fn note(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// How many fell into each bucket, not added up.
    #[must_use]
    pub fn buckets(&self) -> [u64; BOUNDS.len() + 1] {
        self.buckets.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// All of it, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        Duration::from_micros(self.microseconds.load(Ordering::Relaxed)).as_secs_f64()
    }
}

/// What is counted of one target, for as long as the host runs.
#[derive(Debug, Default)]
pub struct Meters {
    /// By kind of change, then by outcome: success, then the kinds of errors.
    exports: [[AtomicU64; ErrorKind::ALL.len() + 1]; KINDS.len()],
    export_seconds: [Histogram; KINDS.len()],
    imports: Mutex<Imports>,
    panics: AtomicU64,
    refused_removals: AtomicU64,
}

/// What is counted of imports.
#[derive(Debug, Clone, Default)]
pub struct Imports {
    /// How many ended so.
    pub ended: Vec<(RunKind, RunOutcome, u64)>,
    /// How long the last of each kind took, in seconds.
    pub seconds: Vec<(RunKind, f64)>,
    /// When the last that went well ended, in seconds since 1970.
    pub success: Option<i64>,
}

/// The name of a change's kind.
pub(super) fn kind_of(change: &Change) -> &'static str {
    match change {
        Change::Add(_) => "add",
        Change::Replace(_) => "replace",
        Change::Update(_) => "update",
        Change::Delete { .. } => "delete",
    }
}

impl Meters {
    /// A change was exported, or not.
    pub(super) fn exported(&self, kind: &str, error: Option<&Error>, took: Duration) {
        let Some(at) = KINDS.iter().position(|known| *known == kind) else { return };
        let outcome = error.map_or(0, |error| {
            let known = ErrorKind::ALL.iter().position(|known| *known == error.kind());
            known.map_or(ErrorKind::ALL.len(), |at| at + 1)
        });
        self.exports[at][outcome].fetch_add(1, Ordering::Relaxed);
        self.export_seconds[at].note(took);
    }

    /// An import ended at this time.
    pub(super) fn imported(&self, kind: RunKind, outcome: RunOutcome, seconds: f64, now: i64) {
        let mut imports = self.imports.lock();
        match imports.ended.iter_mut().find(|(k, o, _)| (*k, *o) == (kind, outcome)) {
            Some((_, _, count)) => *count += 1,
            None => imports.ended.push((kind, outcome, 1)),
        }
        imports.seconds.retain(|(known, _)| *known != kind);
        imports.seconds.push((kind, seconds));
        if outcome != RunOutcome::Failed {
            imports.success = Some(now);
        }
    }

    /// The guard of imports kept so many entries.
    pub(super) fn kept(&self, entries: usize) {
        self.refused_removals.fetch_add(entries as u64, Ordering::Relaxed);
    }

    /// A call into the plugin ended so.
    pub(super) fn called<T>(&self, result: &Result<T, Error>) {
        // The SDK says it so, and nothing else does: plugin-sdk/src/export.rs.
        if let Err(error) = result
            && error.kind() == ErrorKind::Internal
            && error.message().contains("the plugin panicked")
        {
            self.panics.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Exports by kind and outcome, those that there were.
    #[must_use]
    pub fn exports(&self) -> Vec<(&'static str, String, u64)> {
        let outcome = |at: usize| match at {
            0 => "success".to_owned(),
            at => format!("{:?}", ErrorKind::ALL[at - 1]),
        };
        let of_kind = |(kind, counts): (&&'static str, &[AtomicU64; _])| {
            let counts = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
            let all = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
            all.map(|(at, count)| (*kind, outcome(at), count)).collect::<Vec<_>>()
        };
        KINDS.iter().zip(&self.exports).flat_map(of_kind).collect()
    }

    /// How long exports took, by kind.
    pub fn export_seconds(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        KINDS.iter().copied().zip(&self.export_seconds)
    }

    /// What is counted of imports.
    #[must_use]
    pub fn imports(&self) -> Imports {
        self.imports.lock().clone()
    }

    /// Panics in the plugin.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Removals that the guard did not let an import make.
    #[must_use]
    pub fn refused_removals(&self) -> u64 {
        self.refused_removals.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        for milliseconds in [0, 1, 2, 60_000] {
            histogram.note(Duration::from_millis(milliseconds));
        }
        let mut expected = [0; BOUNDS.len() + 1];
        (expected[0], expected[2], expected[3], expected[BOUNDS.len()]) = (1, 1, 1, 1);
        assert_eq!(histogram.buckets(), expected);
        assert!((histogram.seconds() - 60.003).abs() < 1e-9);
    }

    #[test]
    fn exports_and_panics_are_counted_by_what_became_of_them() {
        let meters = Meters::default();
        let busy = Error::new(ErrorKind::Busy, "later");
        meters.exported("add", None, Duration::ZERO);
        meters.exported("add", None, Duration::ZERO);
        meters.exported("delete", Some(&busy), Duration::ZERO);
        let expected = [("add", "success".to_owned(), 2), ("delete", "Busy".to_owned(), 1)];
        assert_eq!(meters.exports(), expected);
        meters.called::<()>(&Err(busy));
        meters.called::<()>(&Err(Error::internal("the plugin panicked at x.rs:1: oh")));
        assert_eq!(meters.panics(), 1);
    }

    #[test]
    fn the_last_success_is_kept_over_failures() {
        let meters = Meters::default();
        meters.imported(RunKind::Full, RunOutcome::Success, 2.0, 100);
        meters.imported(RunKind::Full, RunOutcome::Failed, 1.0, 200);
        let imports = meters.imports();
        assert_eq!((imports.success, imports.seconds), (Some(100), vec![(RunKind::Full, 1.0)]));
        assert_eq!(imports.ended.len(), 2);
    }
}
