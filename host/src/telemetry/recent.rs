//! The last lines of the log, in memory: for those who follow it, and for the support file. The oldest
//! make place; who reads slowly is told how many were missed.

use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Bytes that are kept.
const BYTES: usize = 4 << 20;

/// See the head of the file. Each line is a JSON object.
pub struct Recent {
    lines: Mutex<Kept>,
    most: usize,
    is_over: AtomicBool,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Arc<str>>,
    bytes: usize,
    /// The position of the first that is kept; the first line ever has 0.
    first: u64,
}

/// Lines from a position on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Oldest first.
    pub lines: Vec<Arc<str>>,
    /// Where to go on.
    pub next: u64,
    /// How many were there before the first of these and are gone.
    pub lost: u64,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent::of_size(BYTES)
    }
}

impl Recent {
    fn of_size(most: usize) -> Recent {
        Recent { lines: Mutex::default(), most, is_over: AtomicBool::new(false) }
    }

    /// The position after the last line.
    #[must_use]
    pub fn end(&self) -> u64 {
        let kept = self.lines.lock();
        kept.first + kept.lines.len() as u64
    }

    /// The lines from this position on.
    #[must_use]
    pub fn since(&self, position: u64) -> Lines {
        let kept = self.lines.lock();
        let skipped = usize::try_from(position.saturating_sub(kept.first)).unwrap_or(usize::MAX);
        Lines {
            lines: kept.lines.iter().skip(skipped).cloned().collect(),
            next: kept.first + kept.lines.len() as u64,
            lost: kept.first.saturating_sub(position),
        }
    }

    /// The host ends: nobody waits for more.
    pub fn finish(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether the host ends.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

impl Write for &Recent {
    /// A line; the subscriber hands each over whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text: Arc<str> = String::from_utf8_lossy(line).trim_end().into();
        let mut kept = self.lines.lock();
        kept.bytes += text.len();
        kept.lines.push_back(text);
        while kept.bytes > self.most
            && let Some(oldest) = kept.lines.pop_front()
        {
            kept.bytes -= oldest.len();
            kept.first += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_is_told_how_many_lines_it_missed() {
        let recent = Recent::of_size(10);
        let say = |text: &str| (&recent).write_all(text.as_bytes()).unwrap();
        let texts = |lines: &Lines| lines.lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        say("aaaa\n");
        let first = recent.since(0);
        assert_eq!((texts(&first), first.next, first.lost), (vec!["aaaa".to_owned()], 1, 0));
        assert_eq!(recent.since(first.next), Lines { lines: Vec::new(), next: 1, lost: 0 });
        ["bbbb\n", "cccc\n", "dddd\n"].into_iter().for_each(say);
        let more = recent.since(first.next);
        assert_eq!(
            (texts(&more), more.next, more.lost),
            (vec!["cccc".into(), "dddd".into()], 4, 1)
        );
        assert_eq!(recent.end(), 4);
        say("a line that is longer than all there is room for\n");
        assert_eq!((texts(&recent.since(4)), recent.since(4).lost), (Vec::new(), 1));
    }
}
