//! The scheduler of one binding: an import at the start, then at the set interval, never two at
//! once; after a failure sooner, but ever less often.

use super::{Binding, Failure};
use std::{sync::Arc, time::Duration};

/// First pause after a failure.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// Longest pause after a failure.
const LAST_RETRY: Duration = Duration::from_secs(300);
/// Even where deltas are possible, everything is imported after so long: some deltas do not see
/// what was deleted.
const FULL_AFTER: Duration = Duration::from_secs(24 * 3600);

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
            return Err(self.status.not_ready().unwrap_or_default());
        }
        self.discover().map_err(|failure| failure.public)?;
        self.status.nothing_to_import();
        Ok(())
    }

    async fn autosync(self: Arc<Self>) {
        if !self.capabilities.full_import {
            return self.without_import().await;
        }
        let interval = Duration::from_secs(u64::from(self.config.autosync) * 60);
        let mut failures = 0;
        let mut full = tokio::time::Instant::now();
        while !self.is_stopping() {
            if full.elapsed() >= FULL_AFTER {
                *self.watermarks.lock() = None;
                full = tokio::time::Instant::now();
            }
            let binding = Arc::clone(&self);
            let well = tokio::task::spawn_blocking(move || binding.import()).await.unwrap_or(false);
            let next = if well {
                failures = 0;
                (!interval.is_zero()).then_some(interval)
            } else {
                failures += 1;
                Some(with_jitter(pause(failures)))
            };
            if self.is_stopping() {
                return;
            }
            match next {
                Some(next) => {
                    let _ = tokio::time::timeout(next, self.wake.notified()).await;
                }
                None => self.wake.notified().await,
            }
        }
    }

    /// A connector that cannot import still needs the target's schema.
    async fn without_import(self: Arc<Self>) {
        let mut failures = 0;
        while !self.is_stopping() {
            let binding = Arc::clone(&self);
            let discovered = tokio::task::spawn_blocking(move || binding.discover()).await;
            let failure =
                discovered.unwrap_or_else(|_| Err(Failure::not_ready("it broke off"))).err();
            let Some(failure) = failure else { return self.status.nothing_to_import() };
            failures += 1;
            tracing::warn!(connector = %self.name(), reason = failure.public, "Discovery failed");
            let _ = tokio::time::timeout(with_jitter(pause(failures)), self.wake.notified()).await;
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
