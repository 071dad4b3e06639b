//! The export guard: a breaker for deletes and disables on their way to the target. When more than its
//! bound would go within its window, they are held until an operator lets them go.
//!
//! The rule is [`Count`], where time is an argument; [`Guard`] is its state, shared by the bindings of
//! documents that follow each other, and kept in a file while exports are held.

use super::{Binding, Cause, Failure, Prepared};
use crate::config::{ExportGuard, private_folder, write_atomic};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
};

/// What holds exports back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldExports {
    /// Since when, RFC 3339.
    pub since: String,
    /// How many had gone within the window then.
    pub gone: u64,
    /// How many may go within the window.
    pub bound: u64,
    /// The window, in minutes.
    pub minutes: u32,
    /// How many were refused, since the host was started.
    #[serde(skip_deserializing)]
    pub refused: u64,
}

/// What the rule looks at besides what it has counted.
#[derive(Clone, Copy)]
struct Moment {
    rule: ExportGuard,
    now: Timestamp,
    /// Entries in the space.
    entries: usize,
}

/// What went within the window, and whether more may go.
#[derive(Default)]
struct Count {
    /// When each went, and how many entries the space held then.
    gone: VecDeque<(Timestamp, usize)>,
    /// Sent, and the target has not answered yet.
    under_way: u64,
    /// Refused because those under way may use up the bound.
    turned_away: u64,
    /// An operator let so many go, in place of the bound, for one window from then on.
    released: Option<(Timestamp, u64)>,
    held: Option<HeldExports>,
}

impl Count {
    /// A place among those that may go; who gets one settles it later.
    fn reserve(&mut self, at: Moment) -> Result<(), u64> {
        if let Some(held) = &mut self.held {
            held.refused += 1;
            return Err(held.bound);
        }
        let bound = self.bound(at);
        if self.gone.len() as u64 + self.under_way < bound {
            self.under_way += 1;
            return Ok(());
        }
        self.turned_away += 1;
        self.trip(at);
        Err(bound)
    }

    /// One of those under way went to the target, or did not.
    fn settle(&mut self, at: Moment, is_gone: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        if is_gone {
            self.gone.push_back((at.now, at.entries));
        }
        if self.turned_away > 0 {
            self.trip(at);
        }
        if self.under_way == 0 {
            self.turned_away = 0;
        }
    }

    /// Holds what comes, if the bound is used up for good.
    fn trip(&mut self, at: Moment) {
        let (bound, gone) = (self.bound(at), self.gone.len() as u64);
        if self.held.is_none() && gone >= bound {
            let (minutes, refused) = (at.rule.minutes, self.turned_away);
            let since = at.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            self.held = Some(HeldExports { since, gone, bound, minutes, refused });
        }
    }

    /// How many may go within the window: as many as neither bound of the rule forbids. The share is
    /// one of what the space held when the window began.
    fn bound(&mut self, Moment { rule, now, entries }: Moment) -> u64 {
        let window = SignedDuration::from_mins(i64::from(rule.minutes));
        let is_over = |then: Timestamp| now.duration_since(then) >= window;
        while self.gone.front().is_some_and(|(then, _)| is_over(*then)) {
            self.gone.pop_front();
        }
        if let Some((_, count)) = self.released.filter(|(then, _)| !is_over(*then)) {
            return count;
        }
        rule.bound(self.known(entries))
    }

    /// What the space held when the window began.
    fn known(&self, entries: usize) -> usize {
        self.gone.front().map_or(entries, |(_, entries)| *entries)
    }

    /// Lets so many go within the window that begins now; without a number, as many as the rule lets.
    fn release(&mut self, at: Moment, count: Option<u64>) -> Result<u64, &'static str> {
        let now = at.now;
        let count = match (count, &self.held) {
            (Some(0), _) => return Err("--count is at least 1"),
            (Some(count), _) => count,
            (None, Some(_)) => match at.rule.bound(self.known(at.entries)) {
                0 => return Err("the guard lets nothing go: say with --count how many may"),
                bound => bound,
            },
            (None, None) => {
                return Err("nothing is held back; --count N lets N go before they come");
            }
        };
        self.gone.clear();
        (self.turned_away, self.held, self.released) = (0, None, Some((now, count)));
        Ok(count)
    }
}

/// See the head of the file.
#[derive(Default)]
pub(super) struct Guard(Mutex<State>);

#[derive(Default)]
struct State {
    count: Count,
    /// Where it is kept that exports are held.
    file: Option<PathBuf>,
}

impl Guard {
    /// Keeps from now on in this file that exports are held; what was kept there before counts.
    fn keep_in(&self, file: PathBuf) {
        let mut state = self.0.lock();
        let held = state.count.held.clone();
        let known = match state.file.replace(file.clone()) {
            Some(known) if known == file => return,
            Some(known) => write(&file, held.as_ref()).and_then(|()| write(&known, None)),
            None => read(&file).map(|held| state.count.held = Some(held)),
        };
        match known {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %file.display(), %error,
                    "What the export guard held before is not known, or cannot be kept");
            }
            _ => {}
        }
    }

    /// Does something to the count; when exports are held from then on, or no more, the file says so.
    fn with<T>(&self, connector: &str, change: impl FnOnce(&mut Count) -> T) -> T {
        let mut state = self.0.lock();
        let before = state.count.held.is_some();
        let result = change(&mut state.count);
        if before == state.count.held.is_some() {
            return result;
        }
        if let Some(HeldExports { gone, bound, minutes, .. }) = &state.count.held {
            tracing::error!(
                connector,
                gone,
                bound,
                minutes,
                "Deletes and disables are held back by the export guard. If they are right, \
                 `ecma-host exports release NAME` lets them go"
            );
        }
        if let Some(file) = &state.file
            && let Err(error) = write(file, state.count.held.as_ref())
        {
            tracing::error!(connector, file = %file.display(), %error,
                "Cannot keep whether the export guard holds; a restart forgets it");
        }
        result
    }
}

fn read(file: &Path) -> io::Result<HeldExports> {
    Ok(serde_json::from_slice(&fs::read(file)?)?)
}

fn write(file: &Path, held: Option<&HeldExports>) -> io::Result<()> {
    match held {
        Some(held) => {
            file.parent().map_or(Ok(()), private_folder)?;
            write_atomic(file, &serde_json::to_vec(held)?, Some(0o600))
        }
        None => match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// A delete or a disable that may go; unless it is told that it went, it gives its place back.
pub(super) struct Leave<'b> {
    binding: &'b Binding,
    prepared: &'b Prepared,
    is_gone: bool,
}

impl Leave<'_> {
    /// The target accepted it.
    pub(super) fn gone(mut self) {
        self.is_gone = true;
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let at = self.binding.moment(self.prepared);
        let name = self.binding.name().as_str();
        self.binding.memory.guard.with(name, |count| count.settle(at, self.is_gone));
    }
}

impl Binding {
    fn moment(&self, prepared: &Prepared) -> Moment {
        self.now_with(prepared.space.read().len())
    }

    fn now_with(&self, entries: usize) -> Moment {
        Moment { rule: self.config.export_guard, now: (self.clock)(), entries }
    }

    /// A place for a delete or a disable, before it is sent; `None` when they are not guarded.
    pub(super) fn leave<'b>(
        &'b self,
        prepared: &'b Prepared,
    ) -> Result<Option<Leave<'b>>, Failure> {
        let ExportGuard { percent, minutes, .. } = self.config.export_guard;
        if percent >= 100 {
            return Ok(None);
        }
        let (at, name) = (self.moment(prepared), self.name());
        match self.memory.guard.with(name.as_str(), |count| count.reserve(at)) {
            Ok(()) => Ok(Some(Leave { binding: self, prepared, is_gone: false })),
            Err(bound) => Err(Failure::new(
                Cause::Held,
                format!(
                    "the export guard holds deletes and disables back: {bound} may go within \
                     {minutes} minutes, and this would be more; if that is right, \
                     `ecma-host exports release {name}` lets them go"
                ),
            )),
        }
    }

    /// What the export guard holds back; `None` when everything goes.
    #[must_use]
    pub fn held_exports(&self) -> Option<HeldExports> {
        let is_on = self.config.export_guard.percent < 100;
        self.memory.guard.0.lock().count.held.clone().filter(|_| is_on)
    }

    /// Lets so many deletes and disables go within the window that begins now; without a number, as
    /// many as the guard's bound. Answers how many, or why none.
    pub fn release_exports(&self, count: Option<u64>) -> Result<u64, String> {
        let at = self.now_with(self.entries());
        let released =
            self.memory.guard.with(self.name().as_str(), |guard| guard.release(at, count));
        released.map_err(str::to_owned)
    }

    /// Keeps in this folder what the export guard holds, so that it outlives the process.
    pub fn keep_guard(&self, folder: &Path) {
        self.memory.guard.keep_in(folder.join(format!("{}.json", self.name())));
    }
}

#[cfg(test)]
mod tests;
