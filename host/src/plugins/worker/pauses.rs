//! How long a connector whose worker ends again and again waits for the next one.

use std::time::{Duration, Instant};

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);
/// A worker that lived so long did not end in a row with those before it.
const LIFE: Duration = Duration::from_secs(60);

/// Workers that ended in a row, and when the last one did.
#[derive(Default)]
pub(super) struct Pauses {
    crashes: u32,
    last: Option<Instant>,
}

impl Pauses {
    /// A worker ended by itself.
    pub(super) fn ended(&mut self, at: Instant, lived: Duration) {
        self.crashes = if lived >= LIFE { 1 } else { self.crashes.saturating_add(1) };
        self.last = Some(at);
    }

    /// How many did in a row.
    pub(super) fn crashes(&self) -> u32 {
        self.crashes
    }

    /// How long until the next one. The first is replaced at once: what it was doing is looked up.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let pause = match self.crashes {
            0 | 1 => Duration::ZERO,
            more => Duration::from_secs(1 << (more - 2).min(16)).min(LONGEST),
        };
        self.last.map_or(Duration::ZERO, |last| pause.saturating_sub(now.duration_since(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_pass() {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        assert_eq!(pauses.left(now), Duration::ZERO);
        let mut seconds = Vec::new();
        for _ in 0..9 {
            pauses.ended(now, Duration::from_secs(1));
            seconds.push(pauses.left(now).as_secs());
        }
        assert_eq!(seconds, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pauses.left(now + Duration::from_secs(59)).as_secs(), 1);
        assert_eq!(pauses.left(now + LONGEST), Duration::ZERO);
        assert_eq!(pauses.crashes(), 9);
    }

    #[test]
    fn one_that_lived_a_minute_begins_a_new_row() {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        for _ in 0..5 {
            pauses.ended(now, Duration::ZERO);
        }
        pauses.ended(now, LIFE);
        assert_eq!((pauses.crashes(), pauses.left(now)), (1, Duration::ZERO));
    }
}
