//! One import run: a thread in the plugin that pushes pages, a thread that takes them into the
//! space, and two pages between them at most.

use super::{Binding, Failure, Prepared, RunKind, RunRecord};
use crate::space::{
    Pass, PassReport,
    pass::{CHUNK, Differences},
};
use ecma_plugin_sdk::{
    Connection, ErrorKind, ImportKind, ImportRun, Pager, Partition, Schema, Watermark, page::Page,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// How often a waiting run looks whether it should stop.
const LOOK: Duration = Duration::from_millis(200);
/// Pages between the plugin and the space.
const PAGES_AHEAD: usize = 2;
/// A plugin that pushes nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(600);
/// A target that cannot be opened and described in this time is given up.
const OPENING: Duration = Duration::from_secs(60);
/// Calls of imports that may be out of reach at once; then no more are made.
const STUCK: usize = 4;

/// A connection, and what the target said of itself.
struct Opened {
    connection: Connection,
    schema: Schema,
    partitions: Vec<Partition>,
}

/// What the plugin's thread tells.
enum Told {
    Page(Vec<u8>),
    Ended(Result<Option<Watermark>, ecma_plugin_sdk::Error>),
}

/// Carries pages from the plugin's thread.
struct Carrier {
    pages: SyncSender<Told>,
    /// Memory of pages that were taken in, to be used again.
    spare: Receiver<Vec<u8>>,
    stop: Arc<AtomicBool>,
}

/// Where pages arrive.
struct Arrivals {
    told: Receiver<Told>,
    spare: SyncSender<Vec<u8>>,
}

/// The way of pages from the plugin's thread to ours, and of their memory back.
fn page_channel(stop: &Arc<AtomicBool>) -> (Carrier, Arrivals) {
    let (pages, told) = sync_channel(PAGES_AHEAD);
    let (give_back, spare) = sync_channel(PAGES_AHEAD + 2);
    let carrier = Carrier { pages, spare, stop: Arc::clone(stop) };
    (carrier, Arrivals { told, spare: give_back })
}

impl Carrier {
    fn send(&self, page: Vec<u8>) -> bool {
        self.go_on() && self.pages.send(Told::Page(page)).is_ok()
    }
}

impl Pager for Carrier {
    fn page(&mut self, page: &[u8]) -> bool {
        let mut copy = self.spare.try_recv().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(page);
        self.send(copy)
    }

    fn take(&mut self, page: &mut Vec<u8>) -> bool {
        let spare = self.spare.try_recv().unwrap_or_default();
        self.send(std::mem::replace(page, spare))
    }

    fn go_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// Stops the plugin's thread when the run ends, however it ends.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Binding {
    /// Runs an import and records it, after one that is under way. Blocks; answers whether it went
    /// well.
    pub fn import(&self) -> bool {
        let _one = self.memory.gate.lock();
        self.run_now().0
    }

    /// Runs an import and records it; whoever calls holds the gate. Answers whether it went well, and
    /// whether it was a full one.
    pub(super) fn run_now(&self) -> (bool, bool) {
        self.memory.status.importing();
        let began = (self.clock)();
        let start = Instant::now();
        let since = self.delta_since();
        let kind = if since.is_some() { RunKind::Delta } else { RunKind::Full };
        let span = tracing::info_span!("run", connector = %self.name(), ?kind);
        let _entered = span.enter();
        let ran = self.run(since);
        if ran.is_err() && kind == RunKind::Full {
            self.memory.full_next.store(true, Ordering::Relaxed);
        }
        let seconds = start.elapsed().as_secs_f64();
        let mut report = PassReport::default();
        let failure = match ran {
            Ok(done) => {
                report = done;
                None
            }
            Err(failure) => Some(failure),
        };
        let mut run = RunRecord::new(kind, began.to_string(), seconds, &report);
        if let Some(failure) = &failure {
            run.outcome = super::RunOutcome::Failed;
            run.errors.push(failure.public.clone());
            tracing::warn!(
                connector = %self.name(), ?kind, seconds, reason = failure.public, "Import failed"
            );
        } else {
            tracing::info!(
                connector = %self.name(), ?kind, added = report.added, changed = report.changed,
                unchanged = report.unchanged, removed = report.removed, refused = report.refused,
                held = report.held, seconds, "Import finished"
            );
        }
        self.meters().imported(kind, run.outcome, seconds, i64::from(self.now()));
        self.meters().kept(report.held);
        self.tell_refused(&report, &mut run);
        let well = failure.is_none();
        self.memory.status.ended(run);
        (well, kind == RunKind::Full)
    }

    fn tell_refused(&self, report: &PassReport, run: &mut RunRecord) {
        for refused in &report.refusals {
            let text = format!("{}: {}", refused.place, refused.error);
            let text = self.scrubber.scrub(&text).into_owned();
            tracing::debug!(reason = text, "Entry refused");
            run.errors.push(text);
        }
        if let Some(first) = run.errors.first().filter(|_| report.refused > 0) {
            tracing::warn!(refused = report.refused, first, "Entries could not be imported");
        }
        if report.held > 0 {
            tracing::error!(
                held = report.held,
                "Import would remove too many entries; nothing was removed. If that is right, \
                 `ecma-host imports release NAME` lets them go"
            );
        }
    }

    /// Where a delta import goes on; `None` when it has to be a full one.
    fn delta_since(&self) -> Option<BTreeMap<String, Watermark>> {
        let can = self.capabilities.delta_import && self.config.run.delta_import.enabled;
        let is_full = self.memory.full_next.swap(false, Ordering::Relaxed) || self.is_full_due();
        self.memory.watermarks.lock().clone().filter(|_| can && !is_full)
    }

    fn run(&self, since: Option<BTreeMap<String, Watermark>>) -> Result<PassReport, Failure> {
        let target = |error: ecma_plugin_sdk::Error| self.failure(&error, None);
        let opened = self.open();
        self.meters().called(&opened);
        let Opened { connection, schema, partitions } = opened.map_err(target)?;
        let prepared = self.prepare(&schema)?;
        let partitions = self.partitions(partitions)?;
        let mut pass = Pass::begin(&mut prepared.space.write(), since.is_none());
        let imported =
            self.partition_runs(&prepared, connection, &partitions, since.as_ref(), &mut pass);
        self.meters().called(&imported);
        let watermarks = match imported {
            Ok(watermarks) => watermarks,
            Err(error) => {
                pass.end(&mut prepared.space.write());
                if since.is_some() && error.kind() == ErrorKind::Conflict {
                    let reason = self.scrub(&error.to_string()).into_owned();
                    tracing::info!(reason, "The watermark is of no use any more");
                    *self.memory.watermarks.lock() = None;
                    return self.run(None);
                }
                return Err(target(error));
            }
        };
        let mut guard = self.config.guard;
        let released = self.memory.released.swap(0, Ordering::Relaxed);
        guard.objects = guard.objects.max(u32::try_from(released).unwrap_or(u32::MAX));
        let removals = pass.removals(&prepared.space.read(), guard);
        for keys in removals.chunks(CHUNK) {
            pass.remove(&mut prepared.space.write(), keys, self.now());
        }
        if pass.is_whole() {
            *self.memory.watermarks.lock() = watermarks;
        }
        let mut space = prepared.space.write();
        // A full import has read what others name an entry by, or nearly so.
        if space.take_renamed() && since.is_some() {
            self.names_changed();
        }
        Ok(pass.end(&mut space))
    }

    /// Opens a connection and asks what the target is, on a thread that is given up when the plugin
    /// does not come back.
    fn open(&self) -> ecma_plugin_sdk::Result<Opened> {
        if self.stuck.load(Ordering::Relaxed) >= STUCK {
            return Err(ecma_plugin_sdk::Error::new(
                ErrorKind::Timeout,
                format!("{STUCK} calls into the plugin have not come back; restart the host"),
            ));
        }
        let (tell, told) = sync_channel(1);
        let (plugin, values) = (Arc::clone(&self.plugin), self.values.clone());
        let (stuck, span) = (Arc::clone(&self.stuck), tracing::Span::current());
        stuck.fetch_add(1, Ordering::Relaxed);
        thread::Builder::new().name(format!("open {}", self.name())).spawn(move || {
            let _entered = span.enter();
            let open = || {
                let mut connection = plugin.connect(&values)?;
                let (schema, partitions) = (connection.schema()?, connection.partitions()?);
                Ok(Opened { connection, schema, partitions })
            };
            let opened = open();
            stuck.fetch_sub(1, Ordering::Relaxed);
            let _ = tell.send(opened);
        })?;
        let began = Instant::now();
        loop {
            match told.recv_timeout(LOOK) {
                Ok(opened) => return opened,
                Err(RecvTimeoutError::Timeout) if self.is_stopping() => {
                    return Err(ecma_plugin_sdk::Error::cancelled());
                }
                Err(RecvTimeoutError::Timeout) if began.elapsed() < OPENING => {}
                Err(_) => {
                    self.plugin.end();
                    return Err(ecma_plugin_sdk::Error::new(
                        ErrorKind::Timeout,
                        format!("the plugin did not connect within {} seconds", OPENING.as_secs()),
                    ));
                }
            }
        }
    }

    /// What the target says of itself now.
    pub(super) fn describe(&self) -> Result<Schema, Failure> {
        self.open().map(|opened| opened.schema).map_err(|error| self.failure(&error, None))
    }

    /// The flows of a connector that only exports.
    pub(super) fn discover(&self) -> Result<(), Failure> {
        let opened = self.open().map_err(|error| self.failure(&error, None))?;
        self.prepare(&opened.schema).map(drop)
    }

    fn partitions(&self, known: Vec<Partition>) -> Result<Vec<Partition>, Failure> {
        let Some(selected) = &self.config.partitions else { return Ok(known) };
        let find = |wanted: &String| {
            let found = known.iter().find(|p| p.id == *wanted || p.name == *wanted).cloned();
            found.ok_or_else(|| {
                let names: Vec<&str> =
                    known.iter().map(|partition| partition.id.as_str()).collect();
                Failure::configuration(format!(
                    "partitions.selected: there is no partition \"{wanted}\"; the target has {}",
                    names.join(", ")
                ))
            })
        };
        selected.iter().map(find).collect()
    }

    /// Imports each partition into the pass; answers the watermarks when each gave one.
    fn partition_runs(
        &self,
        prepared: &Arc<Prepared>,
        mut connection: Connection,
        partitions: &[Partition],
        since: Option<&BTreeMap<String, Watermark>>,
        pass: &mut Pass,
    ) -> ecma_plugin_sdk::Result<Option<BTreeMap<String, Watermark>>> {
        let mut watermarks = BTreeMap::new();
        for partition in partitions {
            let mut run = ImportRun::full();
            if let Some(since) = since {
                let Some(watermark) = since.get(&partition.id) else {
                    return Err(ecma_plugin_sdk::Error::new(
                        ErrorKind::Conflict,
                        format!("the partition {} is new", partition.id),
                    ));
                };
                run.kind = ImportKind::Delta(watermark.clone());
                run.page_size = self.config.run.delta_import.page_size;
                run.values = self.delta_values.clone();
            } else {
                run.page_size = self.config.run.full_import.page_size;
                run.values = self.full_values.clone();
            }
            run.partition = partition.clone();
            run.selected = self.selections(prepared);
            let (watermark, back) = self.one_run(prepared, connection, run, pass)?;
            connection = back;
            if let Some(watermark) = watermark {
                watermarks.insert(partition.id.clone(), watermark);
            }
        }
        Ok((watermarks.len() == partitions.len()).then_some(watermarks))
    }

    fn one_run(
        &self,
        prepared: &Arc<Prepared>,
        connection: Connection,
        run: ImportRun,
        pass: &mut Pass,
    ) -> ecma_plugin_sdk::Result<(Option<Watermark>, Connection)> {
        let stop = StopOnDrop(Arc::default());
        let (mut carrier, arrivals) = page_channel(&stop.0);
        let span = tracing::Span::current();
        let plugin =
            thread::Builder::new().name(format!("import {}", self.name())).spawn(move || {
                let _entered = span.enter();
                let mut connection = connection;
                let imported = connection.import(&run, &mut carrier);
                let _ = carrier.pages.send(Told::Ended(imported));
                connection
            })?;
        let watermark = self.absorb(prepared, &arrivals, pass, &stop)?;
        // After `Ended` the thread has nothing left to wait for.
        let connection = plugin.join().map_err(|_| {
            ecma_plugin_sdk::Error::internal("the import thread of the host panicked")
        })?;
        Ok((watermark, connection))
    }

    fn absorb(
        &self,
        prepared: &Arc<Prepared>,
        arrivals: &Arrivals,
        pass: &mut Pass,
        stop: &StopOnDrop,
    ) -> ecma_plugin_sdk::Result<Option<Watermark>> {
        let mut silent_since = Instant::now();
        let mut differences = Differences::default();
        loop {
            if self.is_stopping() {
                stop.0.store(true, Ordering::Relaxed);
            }
            let bytes = match arrivals.told.recv_timeout(LOOK) {
                Ok(Told::Page(bytes)) => bytes,
                Ok(Told::Ended(result)) => return result,
                Err(RecvTimeoutError::Timeout) if silent_since.elapsed() < SILENCE => {
                    if self.is_stopping() && silent_since.elapsed() > Duration::from_secs(5) {
                        self.plugin.end();
                        return Err(ecma_plugin_sdk::Error::cancelled());
                    }
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.plugin.end();
                    return Err(ecma_plugin_sdk::Error::new(
                        ErrorKind::Timeout,
                        format!("the plugin sent nothing for {} seconds", SILENCE.as_secs()),
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(ecma_plugin_sdk::Error::internal("the import thread ended early"));
                }
            };
            silent_since = Instant::now();
            let page = Page::parse(&bytes)?;
            pass.compare(&prepared.space.read(), &page, &mut differences)?;
            let now = self.now();
            while !differences.is_empty() {
                pass.absorb(&mut prepared.space.write(), &mut differences, now);
            }
            self.memory.status.imported(pass.imported());
            // When there is no room for it, it is not needed.
            let _ = arrivals.spare.try_send(bytes);
        }
    }
}
