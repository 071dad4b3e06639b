//! What is known of one target, and what keeps its writers and runs apart. It outlives a binding when
//! only the document changes: the binding of the new document takes it over.

use super::{Status, fence::Fence, guard::Guard, metrics::Meters};
use crate::space::Space;
use ecma_plugin_sdk::{EntryId, Watermark};
use parking_lot::{Mutex, RwLock};
use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How many entries are locked apart from each other.
const LOCKS: usize = 1024;

/// See the head of the file.
pub(super) struct Memory {
    /// Tells this memory from that before a restart: slots are others then.
    pub(super) number: u64,
    /// One writer at a time for an entry; taken before `names`.
    pub(super) locks: Vec<tokio::sync::Mutex<()>>,
    /// One writer at a time for a user name.
    pub(super) names: Vec<tokio::sync::Mutex<()>>,
    /// One import at a time.
    pub(super) gate: Mutex<()>,
    /// Watermarks by partition, of the last import that was whole.
    pub(super) watermarks: Mutex<Option<BTreeMap<String, Watermark>>>,
    /// The next import has to read everything.
    pub(super) full_next: AtomicBool,
    /// So many removals the next import may make whatever the guard says: an operator released them.
    pub(super) released: AtomicUsize,
    /// An import is wanted now.
    pub(super) wake: Notify,
    pub(super) schedule: Mutex<Schedule>,
    pub(super) status: Status,
    pub(super) meters: Arc<Meters>,
    /// Keeps changes from a target in trouble.
    pub(super) fence: Fence,
    pub(super) stopping: AtomicBool,
    /// What holds deletes and disables back.
    pub(super) guard: Arc<Guard>,
    /// What exports wrote since a successor began to read the target.
    pub(super) journal: Mutex<Option<Vec<EntryId>>>,
}

/// When imports ran and went wrong.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// When the last run ended; none has ended yet when absent.
    pub(super) ended: Option<Instant>,
    /// When everything was read last.
    pub(super) full: Option<Instant>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// The pause after the last run, when it failed.
    pub(super) retry: Option<Duration>,
    /// When the scheduler, which waits, goes on by itself.
    pub(super) wakes: Option<Instant>,
}

impl Default for Memory {
    fn default() -> Memory {
        let locks = || (0..LOCKS).map(|_| tokio::sync::Mutex::default()).collect();
        Memory {
            number: RandomState::new().build_hasher().finish(),
            locks: locks(),
            names: locks(),
            gate: Mutex::default(),
            watermarks: Mutex::default(),
            full_next: AtomicBool::new(false),
            released: AtomicUsize::new(0),
            wake: Notify::new(),
            schedule: Mutex::default(),
            status: Status::default(),
            meters: Arc::default(),
            fence: Fence::default(),
            stopping: AtomicBool::new(false),
            guard: Arc::default(),
            journal: Mutex::default(),
        }
    }
}

impl Memory {
    /// A memory of nothing but the runs and the numbers of another, and what its export guard counts.
    pub(super) fn following(before: &Memory) -> Memory {
        Memory {
            status: Status::following(&before.status),
            guard: Arc::clone(&before.guard),
            meters: Arc::clone(&before.meters),
            ..Memory::default()
        }
    }

    /// Notes that an export wrote an entry.
    pub(super) fn wrote(&self, id: &EntryId) {
        if let Some(journal) = self.journal.lock().as_mut() {
            journal.push(id.clone());
        }
    }
}

/// The space of a target, shared by the bindings of documents that follow each other.
pub(super) type SharedSpace = Arc<RwLock<Space>>;
