//! The fence around a target in trouble: after failures in a row, changes are refused at once instead
//! of waiting for it, and one at a time is let through to find out whether it works again.
//!
//! [`Rule`] is the rule, with time as an argument; [`Fence`] is what writers share.

use super::{Cause, Failure};
use ecma_plugin_sdk::{ErrorKind, Result};
use parking_lot::Mutex;
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// So many failures in a row close the way.
const FAILURES: u32 = 5;
/// How long nothing is let through then.
const FIRST: Duration = Duration::from_secs(5);
/// The longest time, after it has doubled with each try that failed.
const LONGEST: Duration = Duration::from_secs(60);

/// What the outcome of a change tells of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Plugin and target work, whatever they think of the change.
    Works,
    /// Plugin or target is in trouble.
    Trouble,
    /// The change never got that far.
    Nothing,
}

impl Word {
    fn of<T>(result: &Result<T>) -> Word {
        match result.as_ref().map_err(ecma_plugin_sdk::Error::kind) {
            Err(ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Internal) => Word::Trouble,
            Err(ErrorKind::Busy | ErrorKind::Cancelled) => Word::Nothing,
            _ => Word::Works,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Everything goes through. Failures in a row so far.
    Closed(u32),
    /// Nothing goes through before `until`; the pause was so long.
    Open { until: Instant, pause: Duration },
    /// One change is on its way to find out; the pause before it was so long.
    HalfOpen { pause: Duration },
}

/// A change that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// One of many.
    Any,
    /// The one that finds out.
    Probe,
}

/// The circuit breaker's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule(Way);

impl Rule {
    /// Lets a change through, or says after how long to try again.
    fn enter(&mut self, now: Instant) -> std::result::Result<Turn, Duration> {
        match self.0 {
            Way::Closed(_) => Ok(Turn::Any),
            Way::Open { until, .. } if now < until => Err(until - now),
            Way::Open { pause, .. } => {
                self.0 = Way::HalfOpen { pause };
                Ok(Turn::Probe)
            }
            Way::HalfOpen { .. } => Err(FIRST),
        }
    }

    /// Hears what became of a change that was let through.
    fn heard(&mut self, turn: Turn, word: Word, now: Instant) {
        let open = |pause| Way::Open { until: now + pause, pause };
        self.0 = match (self.0, turn, word) {
            (_, _, Word::Works) => Way::Closed(0),
            (Way::Closed(failures), _, Word::Trouble) if failures + 1 >= FAILURES => open(FIRST),
            (Way::Closed(failures), _, Word::Trouble) => Way::Closed(failures + 1),
            (Way::HalfOpen { pause }, Turn::Probe, Word::Trouble) => open((pause * 2).min(LONGEST)),
            // The next one finds out.
            (Way::HalfOpen { pause }, Turn::Probe, Word::Nothing) => {
                Way::Open { until: now, pause }
            }
            // Of changes that were on their way before.
            (way, _, _) => way,
        };
    }
}

/// How a fence stands, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fenced {
    /// `open`: changes are refused. `half-open`: one is on its way to find out.
    pub fence: &'static str,
    /// Seconds until one is let through.
    #[serde(rename = "retryAfter")]
    pub retry_after: u64,
    /// In words.
    pub detail: String,
}

/// The fence of one target.
#[derive(Debug)]
pub(super) struct Fence(Mutex<Rule>);

impl Default for Fence {
    fn default() -> Fence {
        Fence(Mutex::new(Rule(Way::Closed(0))))
    }
}

impl Fence {
    /// Lets a change through, or says why not.
    pub(super) fn enter<'a>(
        &'a self,
        connector: &'a str,
    ) -> std::result::Result<Pass<'a>, Failure> {
        let turn = self.0.lock().enter(Instant::now()).map_err(|left| {
            let seconds = whole_seconds(left);
            let public = format!(
                "the target failed {FAILURES} times in a row; the next change is let through in \
                 {seconds} seconds"
            );
            let retry_after = u32::try_from(seconds).ok();
            Failure { retry_after, ..Failure::new(Cause::Unreachable, public) }
        })?;
        if turn == Turn::Probe {
            tracing::info!(connector, "One change is let through to the target");
        }
        Ok(Pass { fence: self, turn, connector, is_heard: false })
    }

    /// How it stands; `None` when everything goes through.
    pub(super) fn standing(&self) -> Option<Fenced> {
        let Rule(way) = *self.0.lock();
        let (fence, left) = match way {
            Way::Closed(_) => return None,
            Way::Open { until, .. } => ("open", until.saturating_duration_since(Instant::now())),
            Way::HalfOpen { .. } => ("half-open", Duration::ZERO),
        };
        let retry_after = whole_seconds(left);
        let next = match fence {
            "open" => format!("one is let through in {retry_after} seconds"),
            _ => "one is on its way".to_owned(),
        };
        let detail = format!("the target fails, changes are refused; {next}");
        Some(Fenced { fence, retry_after, detail })
    }

    fn hear(&self, pass: &Pass<'_>, word: Word) {
        let (before, after) = {
            let mut rule = self.0.lock();
            let before = rule.0;
            rule.heard(pass.turn, word, Instant::now());
            (before, rule.0)
        };
        let connector = pass.connector;
        match (before, after) {
            (Way::Closed(_) | Way::HalfOpen { .. }, Way::Open { pause, .. })
                if word == Word::Trouble =>
            {
                tracing::error!(
                    connector,
                    seconds = pause.as_secs(),
                    "The target fails; changes are refused for now"
                );
            }
            (Way::Open { .. } | Way::HalfOpen { .. }, Way::Closed(_)) => {
                tracing::info!(connector, "The target works again; changes are let through");
            }
            _ => {}
        }
    }
}

/// At least one: a client that is told to wait should wait.
fn whole_seconds(left: Duration) -> u64 {
    (left.as_millis().div_ceil(1000) as u64).max(1)
}

/// A change that was let through. One that ends without a word, by a panic for one, tells nothing.
pub(super) struct Pass<'a> {
    fence: &'a Fence,
    turn: Turn,
    connector: &'a str,
    is_heard: bool,
}

impl Pass<'_> {
    /// This became of it.
    pub(super) fn heard<T>(mut self, result: &Result<T>) {
        self.is_heard = true;
        self.fence.hear(&self, Word::of(result));
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.is_heard {
            self.fence.hear(self, Word::Nothing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecma_plugin_sdk::Error;

    const SECOND: Duration = Duration::from_secs(1);

    /// A rule after so many failures in a row, and the time.
    fn failed(times: u32) -> (Rule, Instant) {
        let (mut rule, now) = (Rule(Way::Closed(0)), Instant::now());
        for _ in 0..times {
            assert_eq!(rule.enter(now), Ok(Turn::Any));
            rule.heard(Turn::Any, Word::Trouble, now);
        }
        (rule, now)
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens_it_for_five_seconds() {
        let (mut rule, now) = failed(4);
        assert_eq!(rule.enter(now), Ok(Turn::Any));
        let (mut rule, now) = failed(5);
        assert_eq!(rule.enter(now), Err(FIRST));
        assert_eq!(rule.enter(now + SECOND), Err(4 * SECOND));
    }

    #[test]
    fn anything_else_begins_the_count_anew() {
        let (mut rule, now) = failed(4);
        rule.heard(Turn::Any, Word::Works, now);
        assert_eq!(rule.0, Way::Closed(0));
        let (mut rule, now) = failed(4);
        rule.heard(Turn::Any, Word::Nothing, now);
        assert_eq!(rule.0, Way::Closed(4), "what never got there tells nothing");
    }

    #[test]
    fn one_is_let_through_after_the_pause_and_no_other() {
        let (mut rule, now) = failed(5);
        assert_eq!(rule.enter(now + FIRST), Ok(Turn::Probe));
        assert_eq!(rule.enter(now + FIRST), Err(FIRST));
        assert_eq!(rule.enter(now + 100 * FIRST), Err(FIRST));
    }

    #[test]
    fn a_success_of_the_one_lets_all_through() {
        let (mut rule, now) = failed(5);
        rule.enter(now + FIRST).unwrap();
        rule.heard(Turn::Probe, Word::Works, now + FIRST);
        assert_eq!(rule.enter(now + FIRST), Ok(Turn::Any));
        assert_eq!(rule.0, Way::Closed(0), "and five more failures are needed");
    }

    #[test]
    fn each_failure_of_the_one_doubles_the_pause_up_to_a_minute() {
        let (mut rule, mut now) = failed(5);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let left = rule.enter(now).unwrap_err();
            pauses.push(left.as_secs());
            now += left;
            assert_eq!(rule.enter(now), Ok(Turn::Probe));
            rule.heard(Turn::Probe, Word::Trouble, now);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn one_that_tells_nothing_is_followed_by_the_next_at_once() {
        let (mut rule, now) = failed(5);
        rule.enter(now + FIRST).unwrap();
        rule.heard(Turn::Probe, Word::Nothing, now + FIRST);
        assert_eq!(rule.enter(now + FIRST), Ok(Turn::Probe));
    }

    #[test]
    fn late_failures_change_nothing_and_a_late_success_does() {
        let (mut rule, now) = failed(5);
        let before = rule;
        rule.heard(Turn::Any, Word::Trouble, now + SECOND);
        assert_eq!(rule, before);
        rule.enter(now + FIRST).unwrap();
        rule.heard(Turn::Any, Word::Trouble, now + FIRST);
        assert_eq!(rule.0, Way::HalfOpen { pause: FIRST });
        rule.heard(Turn::Any, Word::Works, now + FIRST);
        assert_eq!(rule.0, Way::Closed(0));
    }

    #[test]
    fn only_trouble_of_plugin_or_target_counts() {
        for kind in ErrorKind::ALL {
            let expected = match kind {
                ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Internal => Word::Trouble,
                ErrorKind::Busy | ErrorKind::Cancelled => Word::Nothing,
                _ => Word::Works,
            };
            assert_eq!(Word::of::<()>(&Err(Error::new(kind, "x"))), expected, "{kind:?}");
        }
        assert_eq!(Word::of(&Ok(())), Word::Works);
    }

    #[test]
    fn a_change_that_broke_off_does_not_keep_the_next_from_trying() {
        let fence = Fence(Mutex::new(Rule(Way::Open { until: Instant::now(), pause: FIRST })));
        drop(fence.enter("X").unwrap());
        assert_eq!(fence.standing().unwrap().fence, "open");
        let pass = fence.enter("X").unwrap();
        assert_eq!(fence.standing().unwrap().fence, "half-open");
        assert!(fence.enter("X").is_err_and(|failure| failure.retry_after == Some(5)));
        pass.heard(&Ok(()));
        assert_eq!(fence.standing(), None);
    }
}
