//! Which entries of a search were given already, for one that begins anew.

use super::Found;
use sha2::{Digest as _, Sha256};

/// So many entries are remembered: 16 MB.
pub(super) const MOST: usize = 1_000_000;

/// The entries that were given, by the digests of their names.
#[derive(Debug, Default)]
pub(super) struct Given {
    digests: Vec<u128>,
    /// How many of them are from before the search began anew; these are in order.
    before: usize,
    /// There were more than can be remembered.
    is_over: bool,
}

impl Given {
    /// Leaves those entries that were not given before the search began anew; now they are given.
    pub(super) fn leave_new(&mut self, entries: &mut Vec<Found>) {
        entries.retain(|found| {
            let digest = digest(&found.dn);
            let is_new = self.digests[..self.before].binary_search(&digest).is_err();
            if is_new && !self.is_over {
                self.digests.push(digest);
            }
            is_new
        });
        if self.digests.len() > MOST {
            self.is_over = true;
            self.digests.truncate(self.before);
            self.digests.shrink_to_fit();
        }
    }

    /// Gets ready for all entries to come again, when what was given is known.
    pub(super) fn begin_anew(&mut self) -> bool {
        if self.is_over {
            return false;
        }
        self.digests.sort_unstable();
        self.before = self.digests.len();
        true
    }
}

/// The first half of SHA-256: two names never have the same.
fn digest(dn: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(dn.as_bytes()).into();
    let (half, _) = hash.split_first_chunk().expect("a hash of 32 bytes has 16");
    u128::from_be_bytes(*half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(range: std::ops::Range<usize>) -> Vec<Found> {
        range.map(|n| Found { dn: format!("cn={n}"), ..Found::default() }).collect()
    }

    fn left(given: &mut Given, range: std::ops::Range<usize>) -> usize {
        let mut entries = entries(range);
        given.leave_new(&mut entries);
        entries.len()
    }

    #[test]
    fn what_was_given_is_left_out_when_all_comes_again_and_again() {
        let mut given = Given::default();
        assert_eq!(left(&mut given, 0..30), 30);
        assert!(given.begin_anew());
        assert_eq!(left(&mut given, 10..40), 10);
        assert!(given.begin_anew());
        assert_eq!(left(&mut given, 0..50), 10);
    }

    #[test]
    fn more_than_can_be_remembered_are_given_and_never_asked_for_again() {
        let mut given = Given::default();
        assert_eq!(left(&mut given, 0..10), 10);
        assert!(given.begin_anew());
        assert_eq!(left(&mut given, 0..MOST + 1), MOST - 9);
        assert_eq!(left(&mut given, 5..15), 5, "those from before are still known");
        assert!(!given.begin_anew());
    }
}
