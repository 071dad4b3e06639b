//! How changes reach the target: a queue, and threads that each hold a connection and take pages of
//! changes from it.
//!
//! A call that outlives its deadline cannot be stopped: its thread and connection are given up and
//! replaced; when too many are given up, new changes are refused until they come back.

use super::rehearsal::Rehearsal;
use ecma_plugin_sdk::{
    Change, Connection, Entry, EntryId, Error, ErrorKind, Exported, Plugin, Result, Schema, Values,
};
use parking_lot::{Condvar, Mutex};
use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Changes that wait at most.
const QUEUE: usize = 1000;
/// An idle connection is closed after so long.
const IDLE: Duration = Duration::from_secs(300);

type Reply = oneshot::Sender<Result<Exported>>;

struct Job {
    number: u64,
    task: Task,
}

enum Task {
    Export(Box<Change>, Reply),
    Read(EntryId, oneshot::Sender<Result<Option<Entry>>>),
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    stopped: bool,
    next: u64,
    workers: usize,
    waiting: usize,
}

struct Shared {
    name: String,
    plugin: Arc<Plugin>,
    values: Values,
    page: usize,
    connections: usize,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Threads that were given up and have not come back.
    stuck: AtomicUsize,
}

/// What a worker is doing, for whoever gives it up.
struct Worker {
    given_up: AtomicBool,
    jobs: Mutex<Vec<u64>>,
}

/// Sends changes to the target.
pub struct Exporter {
    shared: Arc<Shared>,
    workers: Arc<Mutex<Vec<Arc<Worker>>>>,
    deadline: Duration,
    rehearsal: OnceLock<Rehearsal>,
}

impl Exporter {
    /// An exporter with so many connections, opened when they are needed, and pages of so many
    /// changes.
    #[must_use]
    pub fn new(
        name: String,
        plugin: Arc<Plugin>,
        values: Values,
        connections: usize,
        page: usize,
        deadline: Duration,
    ) -> Exporter {
        let queue = Mutex::new(Queue::default());
        let (wake, stuck) = (Condvar::new(), AtomicUsize::new(0));
        let shared = Shared { name, plugin, values, page, connections, queue, wake, stuck };
        let (shared, workers) = (Arc::new(shared), Arc::default());
        Exporter { shared, workers, deadline, rehearsal: OnceLock::new() }
    }

    /// Exports a change and waits for the target's word.
    pub async fn export(&self, change: Change) -> Result<Exported> {
        if let Some(rehearsal) = self.rehearsal.get() {
            return Ok(rehearsal.export(&change));
        }
        let (reply, answer) = oneshot::channel();
        self.ask(Task::Export(Box::new(change), reply), answer).await
    }

    /// Sends nothing any more.
    pub(super) fn rehearse(&self, rehearsal: Rehearsal) {
        let _ = self.rehearsal.set(rehearsal);
    }

    /// What the target says of itself.
    pub(super) fn learn(&self, schema: &Schema) {
        self.rehearsal.get().into_iter().for_each(|rehearsal| rehearsal.learn(schema));
    }

    /// Reads an entry.
    pub async fn read(&self, id: EntryId) -> Result<Option<Entry>> {
        let (reply, answer) = oneshot::channel();
        self.ask(Task::Read(id, reply), answer).await
    }

    async fn ask<T>(&self, task: Task, answer: oneshot::Receiver<Result<T>>) -> Result<T> {
        let number = self.enqueue(task)?;
        match tokio::time::timeout(self.deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::internal("the export thread ended without an answer")),
            Err(_) => Err(self.give_up(number)),
        }
    }

    fn enqueue(&self, task: Task) -> Result<u64> {
        let limit = self.shared.connections * 4;
        if self.shared.stuck.load(Ordering::Relaxed) >= limit {
            return Err(Error::new(
                ErrorKind::Busy,
                format!("{limit} calls into the plugin have not come back; restart the host"),
            ));
        }
        let mut queue = self.shared.queue.lock();
        if queue.stopped {
            return Err(Error::new(ErrorKind::Cancelled, "the connector is stopping"));
        }
        if queue.jobs.len() >= QUEUE {
            return Err(Error::new(ErrorKind::Busy, "too many changes are waiting for the target"));
        }
        let number = queue.next;
        queue.next += 1;
        queue.jobs.push_back(Job { number, task });
        let needed = queue.waiting < queue.jobs.len() && queue.workers < self.shared.connections;
        if needed && self.start() {
            queue.workers += 1;
        } else {
            self.shared.wake.notify_one();
        }
        Ok(number)
    }

    /// Starts a worker, unless the system has no thread left.
    fn start(&self) -> bool {
        let worker =
            Arc::new(Worker { given_up: AtomicBool::new(false), jobs: Mutex::new(Vec::new()) });
        self.workers.lock().push(Arc::clone(&worker));
        let (shared, workers) = (Arc::clone(&self.shared), Arc::clone(&self.workers));
        let spawned = thread::Builder::new().name(format!("export {}", self.shared.name)).spawn({
            let worker = Arc::clone(&worker);
            move || {
                let leaving = Leaving { shared: &shared, worker: &worker, workers: &workers };
                work(leaving.shared, leaving.worker);
            }
        });
        if let Err(error) = &spawned {
            tracing::error!(%error, connector = self.shared.name, "No thread for exports");
            self.workers.lock().retain(|known| !Arc::ptr_eq(known, &worker));
        }
        spawned.is_ok()
    }

    /// The answer to this job did not come in time.
    fn give_up(&self, number: u64) -> Error {
        let mut queue = self.shared.queue.lock();
        if let Some(at) = queue.jobs.iter().position(|job| job.number == number) {
            queue.jobs.remove(at);
            return Error::new(
                ErrorKind::Busy,
                "the target was busy with other changes for too long",
            );
        }
        for worker in self.workers.lock().iter() {
            let jobs = worker.jobs.lock();
            if jobs.contains(&number) && !worker.given_up.swap(true, Ordering::AcqRel) {
                self.shared.stuck.fetch_add(1, Ordering::Relaxed);
                queue.workers -= 1;
                let connector = self.shared.name.as_str();
                tracing::error!(connector, "A call into the plugin did not come back in time");
            }
        }
        Error::new(
            ErrorKind::Timeout,
            format!("the target did not answer within {} seconds", self.deadline.as_secs()),
        )
    }

    /// Ends the threads once the queue is empty.
    pub fn stop(&self) {
        self.shared.queue.lock().stopped = true;
        self.shared.wake.notify_all();
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Counts a worker out when it ends, however it ends.
struct Leaving<'a> {
    shared: &'a Shared,
    worker: &'a Arc<Worker>,
    workers: &'a Mutex<Vec<Arc<Worker>>>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.workers.lock().retain(|known| !Arc::ptr_eq(known, self.worker));
        if self.worker.given_up.load(Ordering::Acquire) {
            self.shared.stuck.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.shared.queue.lock().workers -= 1;
        }
    }
}

/// The life of a worker.
fn work(shared: &Shared, worker: &Worker) {
    let mut connection: Option<Connection> = None;
    while let Some(jobs) = next(shared, worker, &mut connection) {
        do_jobs(shared, &mut connection, jobs);
        let mut numbers = worker.jobs.lock();
        numbers.clear();
        if worker.given_up.load(Ordering::Acquire) {
            return;
        }
    }
}

/// Waits for jobs: one to read, or a page of changes.
fn next(shared: &Shared, worker: &Worker, connection: &mut Option<Connection>) -> Option<Vec<Job>> {
    let mut queue = shared.queue.lock();
    loop {
        if let Some(first) = queue.jobs.pop_front() {
            let mut jobs = vec![first];
            while jobs.len() < shared.page
                && matches!(jobs[0].task, Task::Export(..))
                && matches!(queue.jobs.front(), Some(Job { task: Task::Export(..), .. }))
            {
                jobs.extend(queue.jobs.pop_front());
            }
            // Under the lock: a job is always either in the queue or with a worker.
            *worker.jobs.lock() = jobs.iter().map(|job| job.number).collect();
            return Some(jobs);
        }
        if queue.stopped {
            return None;
        }
        queue.waiting += 1;
        let since = Instant::now();
        shared.wake.wait_for(&mut queue, IDLE);
        queue.waiting -= 1;
        if since.elapsed() >= IDLE && connection.is_some() {
            // Dropping a connection may take its time: not under the lock.
            parking_lot::MutexGuard::unlocked(&mut queue, || *connection = None);
        }
    }
}

fn connect<'a>(
    shared: &Shared,
    connection: &'a mut Option<Connection>,
) -> Result<&'a mut Connection> {
    match connection {
        Some(open) => Ok(open),
        None => Ok(connection.insert(shared.plugin.connect(&shared.values)?)),
    }
}

/// Whether a connection is of no more use after this error.
fn breaks(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Credentials
    )
}

fn do_jobs(shared: &Shared, connection: &mut Option<Connection>, jobs: Vec<Job>) {
    let mut changes = Vec::new();
    let mut replies = Vec::new();
    for job in jobs {
        match job.task {
            Task::Read(id, reply) => {
                let read = connect(shared, connection)
                    .and_then(|open| open.read(std::slice::from_ref(&id)))
                    .map(|mut entries| entries.pop().flatten());
                if read.as_ref().is_err_and(breaks) {
                    *connection = None;
                }
                let _ = reply.send(read);
            }
            Task::Export(change, reply) => {
                changes.push(*change);
                replies.push(reply);
            }
        }
    }
    if changes.is_empty() {
        return;
    }
    let span = tracing::info_span!("export", connector = shared.name, changes = changes.len());
    let _entered = span.enter();
    let results = match connect(shared, connection) {
        Ok(open) => open.export(&changes),
        // Nothing has been sent yet: this is not an unknown outcome.
        Err(error) => Ok(vec![Err(not_sent(error)); changes.len()]),
    };
    let results = results.unwrap_or_else(|error| vec![Err(error); changes.len()]);
    if results.iter().any(|result| result.as_ref().is_err_and(breaks)) {
        *connection = None;
    }
    for (reply, result) in replies.into_iter().zip(results) {
        let _ = reply.send(result);
    }
}

const NOT_SENT: &str = "no connection";

/// The connection could not be opened.
fn not_sent(error: Error) -> Error {
    error.context(NOT_SENT)
}

/// Whether a change with this error may have been made all the same.
#[must_use]
pub(super) fn is_unknown(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Internal)
        && !error.message().starts_with(NOT_SENT)
}
