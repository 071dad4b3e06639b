//! What every database understands, for those that nobody here knows: the standard, and nothing of
//! it that is often missing.

use super::{Dialect, Savepoints};

/// The standard.
pub(crate) const ANSI: &dyn Dialect = &Ansi;

#[derive(Debug)]
struct Ansi;

impl Dialect for Ansi {
    fn mark(&self, _: usize) -> String {
        "?".to_owned()
    }

    fn answering(&self, _: &str, _: &str) -> Option<String> {
        None
    }

    fn compares_rows(&self) -> bool {
        false
    }

    fn savepoints(&self) -> Option<Savepoints> {
        None
    }
}
