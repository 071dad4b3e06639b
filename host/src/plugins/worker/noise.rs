//! What a worker writes to standard error, and its plugin to standard output: lines of the log, in
//! bounded number and length.

use crate::plugins::log;
use std::{
    io::{self, BufRead, BufReader, Read},
    process::ChildStderr,
    thread,
    time::{Duration, Instant},
};

/// Bytes of a line; what is beyond is left out.
const LONGEST: u64 = 1000;
/// Lines in a period; more are counted only.
const LINES: u32 = 100;
const PERIOD: Duration = Duration::from_secs(10);

/// Tells what comes until the worker ends, on a thread of its own.
pub(super) fn tell(errors: ChildStderr, connector: &str, plugin: &str) {
    let name = format!("noise {connector}");
    let (connector, plugin) = (connector.to_owned(), plugin.to_owned());
    let started = thread::Builder::new().name(name).spawn(move || {
        let mut share = Share::default();
        let said = lines(BufReader::new(errors), |line| {
            let (told, left) = share.take(Instant::now());
            if left > 0 {
                more(&plugin, &connector, left);
            }
            if told {
                log::noise(&plugin, &connector, line);
            }
        });
        more(&plugin, &connector, share.left);
        if let Err(error) = said {
            tracing::debug!(plugin, connector, %error, "Standard error of a plugin is not read");
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "No thread for the standard error of a plugin");
    }
}

fn more(plugin: &str, connector: &str, left: u32) {
    if left > 0 {
        log::noise(plugin, connector, &format!("{left} more lines were left out"));
    }
}

/// Hands over each line, without its end, cut where it is too long.
fn lines(mut from: impl BufRead, mut each: impl FnMut(&str)) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut from).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == LONGEST {
            from.skip_until(b'\n')?;
        }
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            each(text.trim_end());
        }
    }
}

/// How many lines may still be told.
#[derive(Default)]
struct Share {
    since: Option<Instant>,
    told: u32,
    left: u32,
}

impl Share {
    /// Whether a line is told now, and how many were left out in the period that has ended.
    fn take(&mut self, now: Instant) -> (bool, u32) {
        let mut left = 0;
        if self.since.is_none_or(|since| now.duration_since(since) >= PERIOD) {
            left = self.left;
            *self = Share { since: Some(now), ..Share::default() };
        }
        let is_told = self.told < LINES;
        if is_told {
            self.told += 1
        } else {
            self.left += 1
        }
        (is_told, left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        lines(BufReader::new(text), |line| all.push(line.to_owned())).unwrap();
        all
    }

    #[test]
    fn lines_are_cut_and_empty_ones_left_out() {
        assert_eq!(split(b"one\r\n\n  \ntwo\nthe end"), ["one", "two", "the end"]);
        let mut long = vec![b'x'; 5000];
        long.extend(b"\nnext\n\xff");
        let found = split(&long);
        assert_eq!((found[0].len(), found[1].as_str()), (LONGEST as usize, "next"));
        assert_eq!(found[2], "\u{fffd}");
    }

    #[test]
    fn what_is_too_much_is_counted_and_told_in_the_next_period() {
        let (mut share, now) = (Share::default(), Instant::now());
        let told = (0..LINES + 7).filter(|_| share.take(now).0).count();
        assert_eq!(told, LINES as usize);
        assert_eq!(share.take(now + PERIOD), (true, 7));
        assert_eq!(share.take(now + PERIOD), (true, 0));
    }
}
