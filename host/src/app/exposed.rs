//! Secrets that others may read: each is told once, and again when it looks different.

use crate::config::Exposed;
use parking_lot::Mutex;
use std::collections::BTreeSet;

/// What has been told.
#[derive(Default)]
pub(super) struct Exposures(Mutex<BTreeSet<Exposed>>);

impl Exposures {
    pub(super) fn tell(&self, all: Vec<Exposed>) {
        for one in all {
            if self.0.lock().insert(one.clone()) {
                let Exposed { path, mode, who, remedy } = one;
                tracing::warn!(file = %path.display(), mode = format!("{mode:o}"), who, remedy,
                    "Others than the host's account may read a secret");
            }
        }
    }
}
