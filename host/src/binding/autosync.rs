//! The scheduler of one binding: an import at the start, then at the set interval, never two at
//! once; after a failure sooner, but ever less often.

use super::{Binding, Failure, memory::Schedule};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// First pause after a failure.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// Longest pause after a failure.
const LAST_RETRY: Duration = Duration::from_secs(300);
/// Even where deltas are possible, everything is imported after so long: some deltas do not see
/// what was deleted.
const FULL_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A scheduler that has not gone on so long after it should have stands still.
const LATE: Duration = Duration::from_secs(60);

/// The pause after so many failures in a row, without jitter.
fn pause(failures: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LAST_RETRY)
}

/// Between one and one and a half times as long, by chance, so that many connectors of one target
/// do not come back at the same moment.
fn with_jitter(pause: Duration) -> Duration {
    let mut chance = [0; 1];
    // Without randomness there is no jitter; nothing else depends on it.
    let _ = getrandom::fill(&mut chance);
    pause + pause.mul_f64(f64::from(chance[0]) / 510.0)
}

impl Binding {
    /// Starts the scheduler; it ends when the binding is stopped.
    pub fn start(self: &Arc<Self>) {
        let binding = Arc::clone(self);
        self.tasks.spawn(async move { binding.autosync().await });
    }

    /// What the start does, once: an import, or only the target's schema where nothing can be
    /// imported. Blocks; answers why it did not go well.
    pub fn begin(&self) -> Result<(), String> {
        if self.capabilities.full_import {
            if self.import() {
                return Ok(());
            }
            return Err(self.memory.status.not_ready().unwrap_or_default());
        }
        self.discover().map_err(|failure| failure.public)?;
        self.memory.status.nothing_to_import();
        Ok(())
    }

    async fn autosync(self: Arc<Self>) {
        if !self.capabilities.full_import {
            return self.without_import().await;
        }
        loop {
            let asked = match self.pause() {
                Some(Duration::ZERO) => false,
                pause => match self.pass_by(pause).await {
                    Passed::Retired => return,
                    Passed::Asked => true,
                    Passed::Time => false,
                },
            };
            if self.retired.is_cancelled() {
                return;
            }
            let binding = Arc::clone(&self);
            let run = move || {
                let _one = binding.memory.gate.lock();
                // The binding before this one may have run meanwhile.
                let is_due = asked || binding.pause() == Some(Duration::ZERO);
                if is_due && !binding.retired.is_cancelled() {
                    let (well, full) = binding.run_now();
                    binding.memory.schedule.lock().note(well, full);
                }
            };
            if tokio::task::spawn_blocking(run).await.is_err() {
                self.memory.schedule.lock().note(false, true);
            }
        }
    }

    /// How long until an import is due; `None` when only somebody's wish begins one.
    fn pause(&self) -> Option<Duration> {
        let interval = Duration::from_secs(u64::from(self.config.autosync) * 60);
        let schedule = self.memory.schedule.lock();
        let Some(ended) = schedule.ended else { return Some(Duration::ZERO) };
        let pause = match schedule.retry {
            Some(pause) => pause,
            None if interval.is_zero() => return None,
            None => interval,
        };
        Some(pause.saturating_sub(ended.elapsed()))
    }

    /// Waits: for a time or for ever, for somebody's wish, or until another binding is in place.
    async fn pass_by(&self, pause: Option<Duration>) -> Passed {
        let time = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        self.memory.schedule.lock().wakes = pause.map(|pause| Instant::now() + pause);
        let passed = tokio::select! {
            biased;
            () = self.retired.cancelled() => Passed::Retired,
            () = self.memory.wake.notified() => Passed::Asked,
            () = time => Passed::Time,
        };
        self.memory.schedule.lock().wakes = None;
        passed
    }

    /// Whether the scheduler has not gone on when it should have.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        self.memory.schedule.lock().is_late(Instant::now())
    }

    /// Whether everything was last read so long ago that it has to be read again.
    pub(super) fn is_full_due(&self) -> bool {
        self.memory.schedule.lock().full.is_some_and(|full| full.elapsed() >= FULL_AFTER)
    }

    /// A connector that cannot import still needs the target's schema.
    async fn without_import(self: Arc<Self>) {
        loop {
            let binding = Arc::clone(&self);
            let discovered = tokio::task::spawn_blocking(move || binding.discover()).await;
            let failure =
                discovered.unwrap_or_else(|_| Err(Failure::not_ready("it broke off"))).err();
            let Some(failure) = failure else { return self.memory.status.nothing_to_import() };
            self.memory.schedule.lock().note(false, true);
            tracing::warn!(connector = %self.name(), reason = failure.public, "Discovery failed");
            if let Passed::Retired = self.pass_by(self.pause()).await {
                return;
            }
        }
    }
}

/// What ended a pause.
enum Passed {
    Retired,
    Asked,
    Time,
}

impl Schedule {
    fn is_late(&self, now: Instant) -> bool {
        self.wakes.is_some_and(|wakes| now > wakes + LATE)
    }

    /// A run ended.
    pub(super) fn note(&mut self, well: bool, full: bool) {
        self.ended = Some(Instant::now());
        if well {
            (self.failures, self.retry) = (0, None);
            if full {
                self.full = self.ended;
            }
        } else {
            self.failures += 1;
            self.retry = Some(with_jitter(pause(self.failures)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let seconds: Vec<u64> = (1..=9).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(seconds, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(pause(u32::MAX), LAST_RETRY);
    }

    #[test]
    fn a_scheduler_stands_still_when_it_does_not_wake() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        assert!(!schedule.is_late(now), "one that imports does not wait");
        schedule.wakes = Some(now);
        assert!(!schedule.is_late(now + LATE));
        assert!(schedule.is_late(now + LATE + Duration::from_secs(1)));
    }

    #[test]
    fn jitter_makes_a_pause_longer_but_not_by_more_than_half() {
        for _ in 0..100 {
            let pause = with_jitter(Duration::from_secs(2));
            assert!(
                pause >= Duration::from_secs(2) && pause <= Duration::from_secs(3),
                "{pause:?}"
            );
        }
    }
}
