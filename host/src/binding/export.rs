//! How changes reach the target: a queue, and threads that each hold a connection and take pages of
//! changes from it.
//!
//! A call that outlives its deadline is given up, and its thread and connection are replaced. Where the
//! plugin has a process of its own, that process is ended; elsewhere a call cannot be stopped, and when
//! too many are given up, new changes are refused until they come back.

use super::{
    line::Line,
    outgoing::{self, Outgoing},
    rehearsal::Rehearsal,
};
use ecma_plugin_sdk::{Entry, EntryId, Error, ErrorKind, Exported, Plugin, Result, Schema, Values};
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
use tracing::Span;

/// Changes that wait at most.
const QUEUE: usize = 1000;
/// An idle connection is closed after so long.
const IDLE: Duration = Duration::from_secs(300);

type Reply = oneshot::Sender<Result<Exported>>;

struct Job {
    number: u64,
    task: Task,
    /// Of the request, for what the plugin logs.
    span: Span,
}

enum Task {
    Export(Box<Outgoing>, Reply),
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
    /// An entry stays in the target that should not.
    left: AtomicBool,
}

/// What a worker is doing, for whoever gives it up.
struct Worker {
    given_up: AtomicBool,
    jobs: Mutex<Vec<u64>>,
    /// When it took them.
    since: Mutex<Instant>,
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
        let (wake, stuck, left) = (Condvar::new(), AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Shared { name, plugin, values, page, connections, queue, wake, stuck, left };
        let (shared, workers) = (Arc::new(shared), Arc::default());
        Exporter { shared, workers, deadline, rehearsal: OnceLock::new() }
    }

    /// Sends a change, with a password or without, and waits for the target's word.
    pub async fn export(&self, outgoing: impl Into<Outgoing>) -> Result<Exported> {
        let outgoing = outgoing.into();
        if let Some(rehearsal) = self.rehearsal.get() {
            return Ok(rehearsal.export(&outgoing.shown()));
        }
        let (reply, answer) = oneshot::channel();
        self.ask(Task::Export(Box::new(outgoing), reply), answer).await
    }

    /// Whether an entry stayed in the target, since this was asked last, that nobody was told of.
    pub(super) fn has_left(&self) -> bool {
        self.shared.left.swap(false, Ordering::Relaxed)
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
        queue.jobs.push_back(Job { number, task, span: Span::current() });
        let needed = queue.waiting < queue.jobs.len() && queue.workers < self.shared.connections;
        if needed && self.start() {
            queue.workers += 1;
        } else {
            self.shared.wake.notify_one();
        }
        Ok(number)
    }

    /// Jobs that nobody has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.shared.queue.lock().jobs.len()
    }

    /// Calls that were given up and have not come back.
    pub(super) fn stuck(&self) -> usize {
        self.shared.stuck.load(Ordering::Relaxed)
    }

    /// Starts a worker, unless the system has no thread left.
    fn start(&self) -> bool {
        let (given_up, jobs) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let worker = Arc::new(Worker { given_up, jobs, since: Mutex::new(Instant::now()) });
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
                self.end(worker);
            }
        }
        Error::new(
            ErrorKind::Timeout,
            format!("the target did not answer within {} seconds", self.deadline.as_secs()),
        )
    }

    /// Ends the plugin's process for the sake of a call that was given up. The call has its whole time
    /// even when it waited in the queue for most of it: others work in that process too.
    fn end(&self, worker: &Arc<Worker>) {
        let left = self.deadline.saturating_sub(worker.since.lock().elapsed());
        let (workers, worker) = (Arc::clone(&self.workers), Arc::clone(worker));
        let plugin = Arc::clone(&self.shared.plugin);
        tokio::spawn(async move {
            tokio::time::sleep(left).await;
            if workers.lock().iter().any(|known| Arc::ptr_eq(known, &worker)) {
                plugin.end();
            }
        });
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
    let mut line = Line::new(&shared.plugin, &shared.values);
    while let Some(jobs) = next(shared, worker, &mut line) {
        do_jobs(shared, &mut line, jobs);
        let mut numbers = worker.jobs.lock();
        numbers.clear();
        if worker.given_up.load(Ordering::Acquire) {
            return;
        }
    }
}

/// Waits for jobs: one to read, or a page of changes.
fn next(shared: &Shared, worker: &Worker, line: &mut Line<'_>) -> Option<Vec<Job>> {
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
            *worker.since.lock() = Instant::now();
            return Some(jobs);
        }
        if queue.stopped {
            return None;
        }
        queue.waiting += 1;
        let since = Instant::now();
        shared.wake.wait_for(&mut queue, IDLE);
        queue.waiting -= 1;
        if since.elapsed() >= IDLE && line.is_open() {
            // Dropping a connection may take its time: not under the lock.
            parking_lot::MutexGuard::unlocked(&mut queue, || line.close());
        }
    }
}

fn do_jobs(shared: &Shared, line: &mut Line<'_>, jobs: Vec<Job>) {
    let (mut page, mut replies, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    let number = jobs.first().map_or(0, |job| job.number);
    for job in jobs {
        match job.task {
            Task::Read(id, reply) => {
                let _entered = job.span.enter();
                let read = line.call(|open| open.read(std::slice::from_ref(&id)));
                let _ = reply.send(read.map(|mut entries| entries.pop().flatten()));
            }
            Task::Export(outgoing, reply) => {
                page.push(*outgoing);
                replies.push(reply);
                spans.push(job.span);
            }
        }
    }
    if page.is_empty() {
        return;
    }
    let (connector, changes) = (shared.name.as_str(), page.len());
    let span = match &spans[..] {
        [request] => tracing::info_span!(parent: request, "export", connector, changes),
        // What the plugin says is about all of them: the page's number stands in each request.
        requests => {
            for request in requests {
                tracing::debug!(parent: request, page = number, "Exported with others");
            }
            tracing::info_span!(parent: None, "export", connector, changes, page = number)
        }
    };
    let _entered = span.enter();
    let results = outgoing::send(line, page, &shared.left);
    for (reply, result) in replies.into_iter().zip(results) {
        let _ = reply.send(result);
    }
}
