//! How a binding stands, and what its runs did.

use crate::space::PassReport;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::VecDeque;

/// Runs that are remembered.
const HISTORY: usize = 100;

/// What kind of run it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// Everything.
    Full,
    /// What changed.
    Delta,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOutcome {
    /// Well.
    Success,
    /// Well, but some entries could not be taken.
    Partial,
    /// Well, but removals were held back because they were too many.
    Held,
    /// Not at all.
    Failed,
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub struct RunRecord {
    /// Counts the runs of a connector, from 1.
    pub number: u64,
    /// What kind.
    pub kind: RunKind,
    /// When it began, RFC 3339.
    pub began: String,
    /// How long it took.
    pub seconds: f64,
    /// How it ended.
    pub outcome: RunOutcome,
    /// New entries.
    pub added: usize,
    /// Changed entries.
    pub changed: usize,
    /// Entries as they were.
    pub unchanged: usize,
    /// Entries that are gone.
    pub removed: usize,
    /// Entries that could not be taken.
    pub refused: usize,
    /// Removals that were held back.
    pub held: usize,
    /// Why it failed, or the first entries that could not be taken.
    pub errors: Vec<String>,
}

impl RunRecord {
    /// The record of a run with this report.
    #[must_use]
    pub fn new(kind: RunKind, began: String, seconds: f64, report: &PassReport) -> RunRecord {
        let outcome = match report {
            PassReport { held: 1.., .. } => RunOutcome::Held,
            PassReport { refused: 1.., .. } => RunOutcome::Partial,
            _ => RunOutcome::Success,
        };
        RunRecord {
            number: 0,
            kind,
            began,
            seconds,
            outcome,
            added: report.added,
            changed: report.changed,
            unchanged: report.unchanged,
            removed: report.removed,
            refused: report.refused,
            held: report.held,
            errors: Vec::new(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// A first import has been completed, or none is possible.
    ready: bool,
    importing: Option<usize>,
    /// Why the last try failed.
    failed: Option<String>,
    runs: VecDeque<RunRecord>,
    /// Runs so far.
    number: u64,
    /// Removals that wait for an operator.
    held: usize,
}

/// What a binding says of itself to `/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `ready`, `starting` or `failed`.
    pub state: &'static str,
    /// Why, when it is not ready or its last run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a binding stands.
#[derive(Debug, Default)]
pub struct Status(Mutex<State>);

impl Status {
    /// A run begins.
    pub fn importing(&self) {
        self.0.lock().importing = Some(0);
    }

    /// So many entries came.
    pub fn imported(&self, entries: usize) {
        self.0.lock().importing = Some(entries);
    }

    /// Nothing is known but what was run before.
    #[must_use]
    pub fn following(before: &Status) -> Status {
        let before = before.0.lock();
        let (runs, number) = (before.runs.clone(), before.number);
        Status(Mutex::new(State { runs, number, ..State::default() }))
    }

    /// A run ended.
    pub fn ended(&self, mut run: RunRecord) {
        let mut state = self.0.lock();
        state.number += 1;
        run.number = state.number;
        state.importing = None;
        if run.outcome == RunOutcome::Failed {
            state.failed = run.errors.first().cloned();
        } else {
            state.failed = None;
            state.ready = true;
            state.held = run.held;
        }
        if state.runs.len() == HISTORY {
            state.runs.pop_front();
        }
        state.runs.push_back(run);
    }

    /// There will be no import: what we export is all we know.
    pub fn nothing_to_import(&self) {
        let mut state = self.0.lock();
        state.ready = true;
        state.failed = None;
    }

    /// How many entries the running import has brought.
    #[must_use]
    pub fn entries_so_far(&self) -> usize {
        self.0.lock().importing.unwrap_or_default()
    }

    /// Removals that the last import held back; an operator may release or dismiss them.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.lock().held
    }

    /// Nothing is held any more, until the next import says so; answers how much was.
    pub fn dismiss(&self) -> usize {
        std::mem::take(&mut self.0.lock().held)
    }

    /// Whether an import is under way.
    #[must_use]
    pub fn is_importing(&self) -> bool {
        self.0.lock().importing.is_some()
    }

    /// How many runs there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.lock().number
    }

    /// The runs, oldest first.
    #[must_use]
    pub fn runs(&self) -> Vec<RunRecord> {
        self.0.lock().runs.iter().cloned().collect()
    }

    /// Why requests cannot be answered; `None` when they can.
    #[must_use]
    pub fn not_ready(&self) -> Option<String> {
        let state = self.0.lock();
        if state.ready {
            return None;
        }
        Some(match (state.importing, &state.failed) {
            (_, Some(reason)) => format!("the target could not be imported yet: {reason}"),
            (Some(entries), None) => {
                format!("the host is importing from the target, {entries} entries so far")
            }
            (None, None) => "the connector is starting".to_owned(),
        })
    }

    /// What `/health` says.
    #[must_use]
    pub fn health(&self) -> Health {
        let detail = self.not_ready();
        let state = self.0.lock();
        let word = match (state.ready, &state.failed) {
            (true, _) => "ready",
            (false, Some(_)) => "failed",
            (false, None) => "starting",
        };
        Health { state: word, detail: detail.or_else(|| state.failed.clone()) }
    }
}
