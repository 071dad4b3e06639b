//! When tokens were used last, over restarts, and the daily word on those that end.

use super::{fleet::Fleet, now};
use crate::{
    binding::{LastUse, time_of},
    config::write_atomic,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How often the file is written, and looked for tokens that end.
const EVERY: Duration = Duration::from_secs(60);
/// Who was not used for so long, in minutes, is not kept.
const KEPT: i64 = 366 * 24 * 60;

/// When each token was used last, by its print.
#[derive(Default)]
pub(super) struct Uses {
    known: Mutex<BTreeMap<String, LastUse>>,
    written: Mutex<BTreeMap<String, String>>,
    file: PathBuf,
}

fn file(state: &Path) -> PathBuf {
    state.join("tokens.json")
}

/// When tokens were used last, as the file says, RFC 3339 by print. A file that is not there says nothing.
pub fn last_uses(state: &Path) -> io::Result<BTreeMap<String, String>> {
    match std::fs::read(file(state)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

impl Uses {
    /// What is kept in this folder.
    pub(super) fn load(state: &Path) -> Uses {
        let written = last_uses(state).unwrap_or_else(|error| {
            tracing::warn!(%error, "When tokens were used last is not known any more");
            BTreeMap::new()
        });
        let minutes = |text: &String| text.parse::<Timestamp>().map_or(0, |t| t.as_second() / 60);
        let known = written
            .iter()
            .map(|(print, time)| (print.clone(), Arc::new(minutes(time).into())))
            .collect();
        Uses { known: Mutex::new(known), written: Mutex::new(written), file: file(state) }
    }

    /// Where a token keeps its last use.
    pub(super) fn of(&self, print: &str) -> LastUse {
        Arc::clone(self.known.lock().entry(print.to_owned()).or_default())
    }

    /// Writes them down, if anything is new.
    pub(super) fn write(&self) {
        let oldest = now().as_second() / 60 - KEPT;
        let times: BTreeMap<String, String> = self
            .known
            .lock()
            .iter()
            .map(|(print, used)| (print, used.load(Ordering::Relaxed)))
            .filter(|(_, used)| *used > oldest)
            .filter_map(|(print, used)| Some((print.clone(), time_of(used)?.to_string())))
            .collect();
        let mut written = self.written.lock();
        if *written == times {
            return;
        }
        let text = serde_json::json!(times).to_string();
        match write_atomic(&self.file, text.as_bytes(), Some(0o600)) {
            Ok(()) => *written = times,
            Err(error) => tracing::warn!(file = %self.file.display(), %error,
                "Cannot keep when tokens were used"),
        }
    }
}

/// Writes down uses, and tells once a day of tokens that end.
pub(super) async fn follow(fleet: Arc<Fleet>) {
    let mut told: BTreeMap<String, Date> = BTreeMap::new();
    loop {
        let today = now().to_zoned(TimeZone::UTC).date();
        told.retain(|_, day| *day == today);
        for binding in fleet.bindings().await {
            for warning in binding.ending_tokens() {
                if told.insert(format!("{} {warning}", binding.name()), today).is_none() {
                    tracing::warn!(connector = %binding.name(), warning, "A token ends, or has ended");
                }
            }
        }
        tokio::time::sleep(EVERY).await;
        fleet.uses.write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_outlive_the_process_and_old_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let uses = Uses::load(folder.path());
        let minute = now().as_second() / 60;
        uses.of("aa").store(minute, Ordering::Relaxed);
        uses.of("bb").store(minute - KEPT - 1, Ordering::Relaxed);
        uses.of("cc");
        uses.write();
        let again = Uses::load(folder.path());
        let known = |print| again.of(print).load(Ordering::Relaxed);
        assert_eq!((known("aa"), known("bb"), known("cc")), (minute, 0, 0));
    }

    #[test]
    fn a_torn_file_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(file(folder.path()), "{\"aa\": \"20").unwrap();
        let uses = Uses::load(folder.path());
        assert_eq!(uses.of("aa").load(Ordering::Relaxed), 0);
        uses.of("aa").store(now().as_second() / 60, Ordering::Relaxed);
        uses.write();
        assert_eq!(last_uses(folder.path()).unwrap().len(), 1);
    }
}
