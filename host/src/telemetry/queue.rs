//! Lines on their way to a slow place: a bounded queue, and a thread that writes. Whoever logs never
//! waits; what does not fit, or cannot be written, is counted.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Lines that wait at most.
const WAITING: usize = 8192;
/// How long the end of the process waits for lines that are not written yet.
const FLUSH: Duration = Duration::from_secs(1);

/// Where lines are written in the end.
pub(super) trait Place: Send + 'static {
    /// Writes a line, newline included.
    fn line(&mut self, line: &[u8]) -> io::Result<()>;

    /// Somebody moved the file away: from now on another one.
    fn reopen(&mut self) {}
}

/// Standard error.
pub(super) struct Stderr;

impl Place for Stderr {
    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        io::stderr().write_all(line)
    }
}

enum Told {
    Line(Box<[u8]>),
    Reopen,
    Flush(SyncSender<()>),
}

/// See the head of the file.
pub(super) struct Queue {
    tell: SyncSender<Told>,
    lost: Arc<AtomicU64>,
}

impl Queue {
    /// A queue to this place; `what` names it when lines were lost.
    pub(super) fn to(place: impl Place, what: &'static str) -> io::Result<Arc<Queue>> {
        Queue::of_length(place, what, WAITING)
    }

    fn of_length(place: impl Place, what: &'static str, length: usize) -> io::Result<Arc<Queue>> {
        let (tell, told) = sync_channel(length);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let name = format!("write {what}");
        thread::Builder::new().name(name).spawn(move || write(place, &told, &counted, what))?;
        Ok(Arc::new(Queue { tell, lost }))
    }

    /// Lines that were not written.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Opens the file anew before the next line.
    pub(super) fn reopen(&self) {
        self.tell_soon(|| Told::Reopen);
    }

    /// Waits until what was said is written, but not for ever.
    pub(super) fn flush(&self) {
        let (written, wait) = sync_channel(1);
        if self.tell_soon(|| Told::Flush(written.clone())) {
            let _ = wait.recv_timeout(FLUSH);
        }
    }

    /// What is no line may wait a moment for its place.
    fn tell_soon(&self, word: impl Fn() -> Told) -> bool {
        let began = Instant::now();
        while self.tell.try_send(word()).is_err() {
            if began.elapsed() >= FLUSH {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Write for &Queue {
    /// A line; the subscriber hands each over whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.tell.try_send(Told::Line(line.into())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The life of the thread.
fn write(mut place: impl Place, told: &Receiver<Told>, lost: &AtomicU64, what: &'static str) {
    let (mut reported, mut works) = (0, true);
    loop {
        let word = match told.try_recv() {
            Err(TryRecvError::Empty) => {
                let lines = lost.load(Ordering::Relaxed) - reported;
                // Only where there is room for this line too.
                if lines > 0 && works {
                    reported += lines;
                    tracing::warn!(lines, what, "Lines were lost");
                }
                told.recv().map_err(|_| ())
            }
            other => other.map_err(|_| ()),
        };
        match word {
            Ok(Told::Line(line)) => {
                works = place.line(&line).is_ok();
                if !works {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(Told::Reopen) => place.reopen(),
            Ok(Told::Flush(written)) => drop(written.try_send(())),
            Err(()) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    /// Refuses lines while it is told to, and waits while somebody holds the lock.
    #[derive(Clone, Default)]
    struct Stubborn(Arc<Mutex<(bool, Vec<String>)>>);

    impl Place for Stubborn {
        fn line(&mut self, line: &[u8]) -> io::Result<()> {
            let mut inside = self.0.lock();
            if inside.0 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            inside.1.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        }
    }

    fn say(queue: &Queue, lines: usize) {
        let mut queue = queue;
        (0..lines).for_each(|at| queue.write_all(format!("{at}\n").as_bytes()).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_counted_and_nobody_waits() {
        let place = Stubborn::default();
        let queue = Queue::of_length(place.clone(), "test", 10).unwrap();
        let held = place.0.lock();
        say(&queue, 100);
        // The thread may have taken one before it had to wait.
        let lost = queue.lost();
        assert!(lost == 89 || lost == 90, "{lost}");
        drop(held);
        queue.flush();
        assert_eq!(place.0.lock().1.len() as u64, 100 - lost);
        assert_eq!(queue.lost(), lost);
    }

    #[test]
    fn what_cannot_be_written_is_counted_until_it_can() {
        let place = Stubborn::default();
        let queue = Queue::to(place.clone(), "test").unwrap();
        place.0.lock().0 = true;
        say(&queue, 5);
        queue.flush();
        assert_eq!(queue.lost(), 5);
        place.0.lock().0 = false;
        say(&queue, 2);
        queue.flush();
        assert_eq!((queue.lost(), place.0.lock().1.clone()), (5, vec!["0\n".into(), "1\n".into()]));
    }
}
