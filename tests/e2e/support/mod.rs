//! What the journeys share: a host in a home of its own, a client like Entra's, targets to look into.

mod entra;
mod host;
mod target;

pub(crate) use entra::{Answer, Entra, extension, person};
pub(crate) use host::{Host, MEMORY};
pub(crate) use target::{CsvTarget, Row, SqlTarget, Target};

use std::{thread, time::Duration};

/// How long between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// How many looks: two minutes of them, for slow machines; a condition that holds ends them at once.
const LOOKS: usize = 6000;

/// Waits until there is something, and gives it.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(LOOK);
    }
    panic!("waited in vain until {what}");
}
