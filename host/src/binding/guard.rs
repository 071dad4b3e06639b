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
            let (since, minutes, refused) = (at.now.to_string(), at.rule.minutes, self.turned_away);
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
        let known = self.gone.front().map_or(entries, |(_, entries)| *entries) as u64;
        u64::from(rule.objects).max(known * u64::from(rule.percent) / 100)
    }

    /// Lets so many go within the window that begins now; without a number, as many as the bound was.
    fn release(&mut self, now: Timestamp, count: Option<u64>) -> Result<u64, &'static str> {
        let count = match (count, &self.held) {
            (Some(count), _) => count,
            (None, Some(held)) if held.bound == 0 => {
                return Err("the guard lets nothing go: say with --count how many may");
            }
            (None, Some(held)) => held.bound,
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
        let known = match &state.file {
            Some(known) if *known == file => return,
            Some(known) => fs::rename(known, &file).map(|()| None),
            None => read(&file).map(Some),
        };
        match known {
            Ok(Some(held)) => state.count.held = Some(held),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(file = %file.display(), %error,
                "What the export guard held before is not known; nothing is held"),
        }
        state.file = Some(file);
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
        let entries = prepared.space.read().len();
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
    /// many as the bound was. Answers how many, or why none.
    pub fn release_exports(&self, count: Option<u64>) -> Result<u64, String> {
        let now = (self.clock)();
        let released =
            self.memory.guard.with(self.name().as_str(), |guard| guard.release(now, count));
        released.map_err(str::to_owned)
    }

    /// Keeps in this folder what the export guard holds, so that it outlives the process.
    pub fn keep_guard(&self, folder: &Path) {
        self.memory.guard.keep_in(folder.join(format!("{}.json", self.name())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64, entries: usize) -> Moment {
        at_of(10, 5, minute, entries)
    }

    fn at_of(percent: u32, objects: u32, minute: i64, entries: usize) -> Moment {
        let now = Timestamp::from_second(1_750_000_000 + minute * 60).unwrap();
        Moment { rule: ExportGuard { percent, objects, minutes: 60 }, now, entries }
    }

    /// How many of so many go one after the other.
    fn go(count: &mut Count, at: Moment, many: usize) -> usize {
        let one = |_: &usize| count.reserve(at).map(|()| count.settle(at, true)).is_ok();
        (0..many).filter(one).count()
    }

    #[test]
    fn the_larger_bound_counts() {
        for (percent, objects, entries, may) in [
            (10, 5, 1000, 100),
            (10, 5, 20, 5),
            (10, 5, 0, 5),
            (0, 5, 1000, 5),
            (0, 0, 1000, 0),
            (99, 0, 1000, 990),
        ] {
            let mut count = Count::default();
            let at = at_of(percent, objects, 0, entries);
            assert_eq!(go(&mut count, at, 2000), may, "{percent} % of {entries}, {objects}");
            let held = count.held.unwrap();
            assert_eq!((held.gone, held.refused), (may as u64, 2000 - may as u64));
        }
    }

    #[test]
    fn the_share_is_one_of_what_was_there_when_the_window_began() {
        let mut count = Count::default();
        let gone = (0..1000).filter(|gone| go(&mut count, at(0, 1000 - gone), 1) == 1).count();
        assert_eq!(gone, 100);
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count_but_what_is_held_stays_held() {
        let mut count = Count::default();
        assert_eq!(go(&mut count, at(0, 10), 5), 5);
        assert_eq!(go(&mut count, at(60, 10), 5), 5, "the window passed");
        assert_eq!(go(&mut count, at(61, 10), 1), 0);
        assert_eq!(go(&mut count, at(600, 10), 1), 0, "nobody released it");
        assert_eq!(count.held.unwrap().refused, 2);
    }

    #[test]
    fn what_failed_gives_its_place_back() {
        let mut count = Count::default();
        for _ in 0..100 {
            count.reserve(at(0, 10)).unwrap();
            count.settle(at(0, 10), false);
        }
        assert_eq!((go(&mut count, at(0, 10), 9), count.held.is_some()), (5, true));
    }

    #[test]
    fn those_under_way_hold_places_and_the_last_success_trips() {
        for (success, is_held) in [(true, true), (false, false)] {
            let mut count = Count::default();
            let taken = (0..9).filter(|_| count.reserve(at(0, 10)).is_ok()).count();
            assert_eq!((taken, count.held.is_some()), (5, false), "nothing went yet");
            (0..5).for_each(|_| count.settle(at(0, 10), success));
            assert_eq!(count.held.as_ref().map(|held| held.refused), is_held.then_some(4));
            assert_eq!(count.reserve(at(0, 10)).is_ok(), !is_held);
        }
    }

    #[test]
    fn a_release_lets_so_many_go_and_no_more() {
        let mut count = Count::default();
        let now = at(0, 10).now;
        assert!(count.release(now, None).unwrap_err().contains("nothing is held"));
        go(&mut count, at(0, 10), 6);
        assert_eq!(count.release(now, None), Ok(5));
        assert_eq!((go(&mut count, at(1, 10), 9), count.held.is_some()), (5, true));
        assert_eq!(count.release(now, Some(2)), Ok(2));
        assert_eq!((go(&mut count, at(2, 10), 9), count.held.is_some()), (2, true));
        assert_eq!(count.release(now, Some(40)), Ok(40));
        assert_eq!(go(&mut count, at(3, 10), 10), 10);
        assert_eq!(go(&mut count, at(62, 10), 10), 0, "the ten are still in the window");
        let mut nothing = Count::default();
        go(&mut nothing, at_of(0, 0, 0, 10), 1);
        assert!(nothing.release(now, None).unwrap_err().contains("--count"));
        assert_eq!(nothing.release(now, Some(1)), Ok(1));
        assert_eq!(go(&mut nothing, at_of(0, 0, 1, 10), 2), 1);
    }

    proptest! {
        #[test]
        fn never_more_than_the_bound_goes_within_a_window(
            steps in proptest::collection::vec((0..3u8, 0..30i64), 1..300)
        ) {
            let (mut count, mut minute, mut waiting) = (Count::default(), 0, 0);
            let mut gone: Vec<i64> = Vec::new();
            for (step, later) in steps {
                minute += later;
                match step {
                    0 => waiting += usize::from(count.reserve(at(minute, 10)).is_ok()),
                    _ if waiting > 0 => {
                        waiting -= 1;
                        count.settle(at(minute, 10), step == 1);
                        gone.extend((step == 1).then_some(minute));
                    }
                    _ => {}
                }
                let within = gone.iter().filter(|then| minute - **then < 60).count();
                prop_assert!(within <= 5, "{within} at {minute}");
            }
        }
    }

    #[test]
    fn what_is_held_is_kept_in_a_file_that_follows_a_rename() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join("guards").join(name);
        let guard = Guard::default();
        guard.keep_in(file("A.json"));
        assert!(guard.with("A", |count| count.reserve(at_of(0, 0, 0, 10))).is_err());
        guard.keep_in(file("B.json"));
        assert!(!file("A.json").exists());
        let again = Guard::default();
        again.keep_in(file("B.json"));
        let held = again.0.lock().count.held.clone().unwrap();
        assert_eq!((held.since, held.refused), (at(0, 10).now.to_string(), 0));
        again.with("B", |count| count.release(at(1, 10).now, Some(1))).unwrap();
        assert!(!file("B.json").exists());
    }

    #[test]
    fn a_torn_file_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("A.json");
        fs::write(&file, "{\"since\": \"20").unwrap();
        let guard = Guard::default();
        guard.keep_in(file);
        assert!(guard.0.lock().count.held.is_none());
    }
}
