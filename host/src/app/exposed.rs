//! Secrets that others may read: each is told once, and again when it looks different.

use crate::config::{Account, ConnectorConfig, Exposed, exposed_of_connector};
use parking_lot::Mutex;
use std::{collections::BTreeSet, path::Path};

/// What has been told.
#[derive(Default)]
pub(super) struct Exposures(Mutex<BTreeSet<Exposed>>);

impl Exposures {
    /// Tells of the secrets that a connector's document names.
    pub(super) fn tell_of(&self, home: &Path, connector: &ConnectorConfig) {
        self.tell(exposed_of_connector(home, connector, &Account::own()));
    }

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
