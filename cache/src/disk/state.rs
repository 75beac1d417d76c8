//! How a disk tier is, and what it has done, as plain values.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::fmt;
use tokio::sync::watch;

/// What a disk tier does at the moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DiskState {
    /// It reads back what is there. Nothing is found yet.
    #[default]
    Opening,
    /// Another process has the folder, such as the one that this one takes over from. It is asked for again soon.
    Held,
    /// It is written and read.
    Serving,
    /// It cannot be written, as when it is full. What is stored is found; writing is tried again every few seconds.
    Paused {
        /// What the disk said last.
        error: String,
    },
    /// The folder cannot be used at all. That is tried again every few seconds.
    Unavailable {
        /// Why.
        error: String,
    },
    /// What is queued is written for the last time.
    Releasing,
    /// It is sealed, and another process may have it.
    Released,
}

impl DiskState {
    /// Every name, in the order of declaration.
    pub const NAMES: [&'static str; 7] =
        ["opening", "held", "serving", "paused", "unavailable", "releasing", "released"];

    /// One word for a metric.
    pub fn name(&self) -> &'static str {
        match self {
            DiskState::Opening => "opening",
            DiskState::Held => "held",
            DiskState::Serving => "serving",
            DiskState::Paused { .. } => "paused",
            DiskState::Unavailable { .. } => "unavailable",
            DiskState::Releasing => "releasing",
            DiskState::Released => "released",
        }
    }
}

impl fmt::Display for DiskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskState::Paused { error } | DiskState::Unavailable { error } => write!(f, "{}: {error}", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

/// A disk tier's numbers at one moment. All but the gauges only ever grow, for as long as the zone keeps its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskStat {
    /// What it does.
    pub state: DiskState,
    /// Gauge: objects that can be found.
    pub objects: u64,
    /// Gauge: files that they are in.
    pub segments: u64,
    /// Gauge: bytes of all files.
    pub bytes: u64,
    /// Gauge: bytes that they may take.
    pub limit_bytes: u64,
    /// Gauge: bytes of memory that the index takes; they are part of the zone's.
    pub index_bytes: u64,
    /// Lookups that found an object here; the zone's own `misses` count them too, as not found in memory.
    pub hits: u64,
    /// Objects that were copied into memory, having been asked for again.
    pub promotions: u64,
    /// Objects that were written.
    pub writes: u64,
    /// Objects that were not: for want of room in the queue, or because the disk takes nothing, or for their size.
    pub writes_dropped: u64,
    /// Reads that were not even tried, or not waited for, because too many others were under way.
    pub reads_refused: u64,
    /// Reads that the disk failed, or whose bytes were not what was written. What they were for is not found again.
    pub reads_failed: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    hits: AtomicU64,
    promotions: AtomicU64,
    writes: AtomicU64,
    writes_dropped: AtomicU64,
    reads_refused: AtomicU64,
    reads_failed: AtomicU64,
}

impl Counters {
    pub(crate) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn promoted(&self) {
        self.promotions.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn written(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write_dropped(&self) {
        self.writes_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read_refused(&self) {
        self.reads_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read_failed(&self) {
        self.reads_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what was counted to the gauges.
    pub(crate) fn stat(&self, gauges: DiskStat) -> DiskStat {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DiskStat {
            hits: read(&self.hits),
            promotions: read(&self.promotions),
            writes: read(&self.writes),
            writes_dropped: read(&self.writes_dropped),
            reads_refused: read(&self.reads_refused),
            reads_failed: read(&self.reads_failed),
            ..gauges
        }
    }
}

/// The state, for everybody to see.
#[derive(Debug)]
pub(crate) struct Health {
    state: watch::Sender<DiskState>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Health { state: watch::Sender::new(DiskState::Opening) }
    }

    pub(crate) fn state(&self) -> DiskState {
        self.state.borrow().clone()
    }

    /// Takes another state; true if it is another kind of state, and worth a word.
    pub(crate) fn set(&self, state: DiskState) -> bool {
        self.state.send_replace(state.clone()).name() != state.name()
    }

    /// Whether objects may be queued. Before they are known to be, removals are written in any case.
    pub(crate) fn takes_objects(&self) -> bool {
        matches!(*self.state.borrow(), DiskState::Opening | DiskState::Serving)
    }

    /// Whether it is not known yet what is on disk.
    pub(crate) fn is_loading(&self) -> bool {
        matches!(*self.state.borrow(), DiskState::Opening)
    }

    /// Whether what the index knows can be read.
    pub(crate) fn is_readable(&self) -> bool {
        matches!(*self.state.borrow(), DiskState::Serving | DiskState::Paused { .. })
    }

    /// Whether records go to the log.
    pub(crate) fn is_writing(&self) -> bool {
        matches!(*self.state.borrow(), DiskState::Serving | DiskState::Releasing)
    }

    pub(crate) fn is_paused(&self) -> bool {
        matches!(*self.state.borrow(), DiskState::Paused { .. })
    }

    pub(crate) fn is_released(&self) -> bool {
        *self.state.borrow() == DiskState::Released
    }

    /// Follows the state.
    pub(crate) fn watch(&self) -> watch::Receiver<DiskState> {
        self.state.subscribe()
    }

    pub(crate) async fn released(&self) {
        // The sender lives as long as this does.
        self.watch().wait_for(|state| *state == DiskState::Released).await.ok();
    }
}
