//! The disk tier of one zone: a log of segments in a folder, an index of it in memory, one thread that writes.
//!
//! | file | what |
//! |---|---|
//! | `disk/files.rs` | the folder, as few verbs: where tests put a disk that fails |
//! | `disk/layout.rs`, `disk/record.rs` | the bytes |
//! | `disk/index.rs`, `disk/segment.rs` | where each object lies; the files |
//! | `disk/queue.rs`, `disk/writer.rs` | what is to be written; the thread that writes it |
//! | `disk/reader.rs`, `disk/hit.rs` | reads that may block, within bounds; a body on its way out |
//! | `disk/reclaim.rs` | making room |
//! | `disk/recover.rs` | opening what another process has left |
//! | `disk/state.rs` | how it is, in numbers |
//!
//! **No request waits for it, and none fails by it.** What is to be stored is queued by reference, and dropped where the
//! queue is full. Reads have a bound on how many wait and for how long; beyond that nothing was found. Where the disk
//! fails, the zone goes on from memory, and the writing thread tries again every few seconds.
//!
//! **What is not found any more is not found after a restart either.** What is superseded or removed leaves the index at
//! once, and the log says so: by the later record, or by one that says that nothing is stored. Such a record outlives the
//! process once it is written, and a loss of power when its segment is sealed. (What must be certain to be gone even then
//! is what purges are for: they are logged on their own, and are asked about everything that is read here.)
//!
//! **The budget** is kept by the sizes of files: the sum of all segments never exceeds it, for there is always room for
//! the one that is being written, footer included, and for [`LOG_SHARE`] of it beside them. A segment that was removed
//! while a client still reads it goes when that client does.

pub(crate) mod files;
mod hit;
pub(crate) mod index;
pub(crate) mod layout;
mod queue;
mod reader;
mod reclaim;
mod record;
mod recover;
mod segment;
mod state;
mod writer;

#[cfg(test)]
mod tests;

pub use hit::DISK_READ_FAILED;
pub(crate) use hit::{Answer, DiskBody};
pub use state::{DiskStat, DiskState};

use crate::head::Head;
use crate::labels::{Generation, Labels};
use crate::memory::Memory;
use crate::memory::object::Object;
use crate::purge::{self, Purges};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use arc_swap::ArcSwapOption;
use files::{Folder, OnDisk};
use index::{Index, KeyHash, OBJECT_BYTES_MAX, Ticket};
use layout::{HEAD_BYTES_MAX, HashKey, KEY_BYTES};
use pingora::cache::key::HashBinary;
use queue::{Job, Queue};
use reader::Readers;
use segment::Segments;
use state::{Counters, Health};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The smallest budget that makes sense: of three of the smallest segments.
pub(crate) const BYTES_MIN: u64 = 16 << 20;
/// The files of the purges, which are kept in the same folder.
const PURGES: [&str; 2] = purge::FILES;
/// One in so many bytes is for them, or more where they take more.
const LOG_SHARE: u64 = 64;
const SEGMENT_BYTES_MIN: u64 = 4 << 20;
const SEGMENT_BYTES_USUAL: u64 = 256 << 20;
/// Places in the index cannot say more.
const SEGMENT_BYTES_MAX: u64 = 4 << 30;
/// Header, footer and padding around a single object.
const SEGMENT_OVERHEAD: u64 = 256;
/// One in so many bytes of the zone's memory may be held by what waits to be written, ...
const QUEUE_SHARE: u64 = 8;
const QUEUE_BYTES_MAX: u64 = 64 << 20;
/// ... and one in so many by the index.
const INDEX_SHARE: u64 = 2;
/// Removals remembered for a folder that is not open yet. Past it, everything in the folder is given up.
const EARLY_REMOVALS_MAX: usize = 1 << 12;

/// What a zone's disk tier is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskOptions {
    /// Where everything is kept. It is made if it is not there, but not its parents. No other program may use it.
    pub folder: PathBuf,
    /// The most that all files in it take, to the byte.
    pub bytes: u64,
}

/// A budget, and what decides with it how large segments are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    pub(crate) max_object_bytes: u64,
}

impl Size {
    /// A thirty-second part of the budget, for that is what goes at once; more where the largest object would not fit,
    /// but a third of it at most, so that there is one to write, one to keep, and one to come.
    fn segment_bytes(&self) -> u64 {
        let usual = (self.bytes / 32).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_USUAL);
        let for_the_largest = self.max_object_bytes.saturating_add(HEAD_BYTES_MAX + SEGMENT_OVERHEAD);
        usual.max(for_the_largest).min((self.bytes - self.bytes / LOG_SHARE - KEY_BYTES) / 3).min(SEGMENT_BYTES_MAX)
    }
}

/// What differs between a real disk and one in a test.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How long until what failed is tried again.
    pub(crate) retry: Duration,
    /// How long until the folder that another process holds is asked for again.
    pub(crate) retry_lock: Duration,
    /// The size of segments, where it does not follow from the budget.
    pub(crate) segment_bytes: Option<u64>,
}

const PACE: Pace = Pace { retry: Duration::from_secs(5), retry_lock: Duration::from_millis(250), segment_bytes: None };

/// What a disk tier shares with its zone.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) memory: Arc<Memory>,
    pub(crate) purges: Arc<Purges>,
    /// The greatest identity of any object so far.
    pub(crate) last_id: Arc<AtomicU64>,
    /// The tier that it had until now. Purges are logged in one folder at a time: that one is let go of first.
    pub(crate) before: Option<Arc<Disk>>,
}

/// A zone's hold on its disk tier: when it is dropped, the tier writes what is queued, seals, and lets go of the folder.
#[derive(Debug)]
pub(crate) struct Mount {
    disk: Arc<Disk>,
}

/// A primary key and the variance.
type WholeKey = (Box<[u8]>, Option<HashBinary>);

/// What requests and the writing thread share.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    folder: Box<dyn Folder>,
    pace: Pace,
    limit: AtomicU64,
    max_object_bytes: AtomicU64,
    memory: Arc<Memory>,
    purges: Arc<Purges>,
    /// Identities of objects go on from the greatest in the folder.
    last_id: Arc<AtomicU64>,
    /// Bytes of the files in the folder that are not the tier's own.
    log_bytes: AtomicU64,
    /// What the open folder hashes keys with; none while it is not open.
    key: ArcSwapOption<HashKey>,
    index: Index,
    segments: Segments,
    queue: Queue,
    readers: Readers,
    early_removals: Mutex<Vec<WholeKey>>,
    is_to_release: AtomicBool,
    is_to_give_up: AtomicBool,
    health: Health,
    counters: Counters,
}

impl Mount {
    /// Begins to open the folder, and goes on trying to until it is dropped.
    pub(crate) fn new(options: &DiskOptions, max_object_bytes: u64, of: Owner) -> Self {
        let size = Size { bytes: options.bytes, max_object_bytes };
        Self::start(&options.folder, Box::new(OnDisk::new(&options.folder)), size, PACE, of)
    }

    pub(crate) fn start(path: &Path, folder: Box<dyn Folder>, size: Size, pace: Pace, of: Owner) -> Self {
        let Owner { memory, purges, last_id, before } = of;
        let disk = Arc::new(Disk {
            path: path.to_owned(),
            folder,
            pace,
            limit: AtomicU64::new(size.bytes),
            max_object_bytes: AtomicU64::new(size.max_object_bytes),
            purges,
            last_id,
            log_bytes: AtomicU64::new(0),
            key: ArcSwapOption::empty(),
            index: Index::new(memory.budget()),
            segments: Segments::default(),
            queue: Queue::new(queue_bytes(&memory)),
            memory,
            readers: Readers::new(),
            early_removals: Mutex::default(),
            is_to_release: AtomicBool::new(false),
            is_to_give_up: AtomicBool::new(false),
            health: Health::new(),
            counters: Counters::default(),
        });
        let writing = Arc::clone(&disk);
        let spawned =
            std::thread::Builder::new().name("cache-disk".into()).spawn(move || writing.run(before.as_deref()));
        if let Err(error) = spawned {
            tracing::error!(folder = disk.name(), %error, "the cache on disk has no thread; going on from memory");
            disk.health.set(DiskState::Released);
        }
        Mount { disk }
    }

    pub(crate) fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.disk.release();
    }
}

/// What a request's task asks for. Nothing here waits for the disk.
impl Disk {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Queues an object that was stored in memory. What the disk has of its key is not found any more.
    pub(crate) fn put(&self, object: &Arc<Object>) {
        let Some(hash) = self.hash(object.head.primary(), object.head.slot().variance()) else {
            return self.counters.write_dropped();
        };
        let (ticket, shadows) = self.index.supersede(hash);
        let shadows = shadows || self.health.is_loading();
        let queued = self.health.takes_objects()
            && self.queue.push(Job::Put { hash, ticket, object: Arc::clone(object), shadows });
        if !queued {
            self.counters.write_dropped();
            self.settle_as_removed(hash, ticket, shadows);
        }
    }

    /// Sees to it that what is stored under a key is not found any more, here or after a restart.
    pub(crate) fn remove(&self, primary: &[u8], variance: Option<&HashBinary>) {
        let Some(hash) = self.hash(primary, variance) else { return self.remove_early(primary, variance) };
        let (ticket, known) = self.index.supersede(hash);
        self.settle_as_removed(hash, ticket, known || self.health.is_loading());
    }

    /// Queues a new head for what is stored under its key. Until it is written, and if it never is, the old one is found:
    /// at worst the object is revalidated once more. Without labels those that are stored stay. False if nothing is.
    pub(crate) fn rewrite(&self, head: &Arc<Head>, labels: Option<Labels>) -> bool {
        let hash = self.hash(head.primary(), head.slot().variance());
        let Some((hash, (ticket, place))) = hash.and_then(|hash| Some((hash, self.index.intend_rewrite(hash)?))) else {
            return false;
        };
        let job = Job::Rewrite { hash, ticket, place, head: Arc::clone(head), labels };
        if !self.health.takes_objects() || !self.queue.push(job) {
            self.counters.write_dropped();
            self.index.settle(hash, ticket, None);
        }
        true
    }

    /// Takes another budget; what is over goes soon.
    pub(crate) fn resize(&self, size: Size) {
        self.queue.resize(queue_bytes(&self.memory));
        self.max_object_bytes.store(size.max_object_bytes, Ordering::Relaxed);
        if self.limit.swap(size.bytes, Ordering::Relaxed) != size.bytes {
            self.queue.call();
        }
    }

    /// Has what is queued written and sealed, and the folder let go of. From now on nothing is found or taken.
    pub(crate) fn release(&self) {
        self.is_to_release.store(true, Ordering::Release);
        self.queue.call();
    }

    pub(crate) fn is_to_release(&self) -> bool {
        self.is_to_release.load(Ordering::Acquire)
    }

    /// Waits until it is let go of.
    pub(crate) async fn released(&self) {
        self.health.released().await;
    }

    /// Whether it has an object under a key. That is no use of it.
    pub(crate) fn has(&self, primary: &[u8], variance: Option<&HashBinary>) -> bool {
        self.hash(primary, variance).is_some_and(|hash| self.index.find(hash, false).is_some())
    }

    /// No object that is stored, or about to be, is of an older generation.
    pub(crate) fn oldest_generation(&self) -> Generation {
        // What another process has, or is not read yet, may be of any.
        let known = if self.health.is_readable() { u64::MAX } else { 0 };
        Generation(known.min(self.queue.oldest_generation()).min(self.segments.oldest_generation()))
    }

    pub(crate) fn stat(&self) -> DiskStat {
        self.counters.stat(DiskStat {
            state: self.health.state(),
            objects: self.index.len(),
            segments: self.segments.len(),
            bytes: self.bytes(),
            limit_bytes: self.limit(),
            index_bytes: self.index.bytes(),
            ..DiskStat::default()
        })
    }

    fn hash(&self, primary: &[u8], variance: Option<&HashBinary>) -> Option<KeyHash> {
        Some(self.key.load().as_ref()?.hash(primary, variance.map(HashBinary::as_slice)))
    }

    fn settle_as_removed(&self, hash: KeyHash, ticket: Ticket, may_be_on_disk: bool) {
        match may_be_on_disk {
            true => {
                self.queue.push(Job::Remove { hash, ticket });
            }
            false => self.index.settle(hash, ticket, None),
        }
    }

    /// Remembers a removal until the folder is open.
    fn remove_early(&self, primary: &[u8], variance: Option<&HashBinary>) {
        let mut removals = self.early_removals.lock().unwrap_or_else(PoisonError::into_inner);
        if self.key.load().is_some() {
            drop(removals);
            return self.remove(primary, variance);
        }
        match removals.len() < EARLY_REMOVALS_MAX {
            true => removals.push((primary.into(), variance.copied())),
            false => self.is_to_give_up.store(true, Ordering::Relaxed),
        }
    }
}

/// What the writing thread asks for.
impl Disk {
    fn name(&self) -> tracing::field::DisplayValue<std::path::Display<'_>> {
        tracing::field::display(self.path.display())
    }

    fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Bytes of all files.
    fn bytes(&self) -> u64 {
        let key = if self.key.load().is_some() { KEY_BYTES } else { 0 };
        key + self.segments.bytes() + self.log_bytes.load(Ordering::Relaxed)
    }

    /// Looks how much the purges take.
    fn measure_log(&self) {
        let bytes = PURGES.iter().map(|name| self.folder.bytes_of(name)).sum();
        self.log_bytes.store(bytes, Ordering::Relaxed);
    }

    fn segment_bytes(&self) -> u64 {
        let size = Size { bytes: self.limit(), max_object_bytes: self.max_object_bytes.load(Ordering::Relaxed) };
        self.pace.segment_bytes.unwrap_or(size.segment_bytes())
    }

    /// What the segments may take beside the one that is being written.
    fn limit_of_segments(&self) -> u64 {
        let limit = self.limit();
        // It is written anew beside itself, and grows between two looks.
        let log = (limit / LOG_SHARE).max(2 * self.log_bytes.load(Ordering::Relaxed));
        limit.saturating_sub(log + KEY_BYTES + self.segment_bytes())
    }

    /// Whether the index has as many objects as it may. Its tables grow in leaps, and shrink late: by what they take, many
    /// segments would go before that shows.
    fn is_full(&self) -> bool {
        self.index.len() * OBJECT_BYTES_MAX > self.memory.budget().limit() / INDEX_SHARE
    }

    fn is_writing(&self) -> bool {
        self.health.is_writing()
    }

    fn set_writing(&self) {
        if self.health.set(DiskState::Serving) {
            tracing::info!(folder = self.name(), "the cache on disk is written again");
        }
    }

    fn set_paused(&self, error: &io::Error) {
        if self.health.set(DiskState::Paused { error: error.to_string() }) {
            tracing::warn!(folder = self.name(), %error, "the cache on disk cannot be written; what is stored is still read");
        }
    }

    /// Nothing that is stored is to be found any more.
    fn give_everything_up(&self) {
        tracing::warn!(
            folder = self.name(),
            "too much is to be removed from a disk that cannot be written; all of it is"
        );
        self.is_to_give_up.store(true, Ordering::Relaxed);
        self.index.clear();
    }

    /// Opens the folder, writes to it, and begins anew when it is lost, until it is to be released.
    fn run(&self, before: Option<&Disk>) {
        while before.is_some_and(|before| !before.health.is_released()) && !self.is_to_release() {
            self.queue.pause(self.pace.retry_lock);
        }
        while !self.is_to_release.load(Ordering::Acquire) {
            let used = self.use_folder();
            self.close();
            if let Err(error) = used {
                self.wait_to_retry(&error);
            }
        }
        self.health.set(DiskState::Released);
    }

    fn use_folder(&self) -> io::Result<()> {
        let lease = self.folder.take()?;
        let work = || self.open().map(|opened| self.serve(&opened, &*lease));
        let served = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_panic| {
            // Nobody knows how far it came, and it may be something in the folder that made it panic.
            self.is_to_give_up.store(true, Ordering::Relaxed);
            Err(io::Error::other("the thread that writes to it has panicked"))
        });
        // Before another process may write there.
        self.purges.detach();
        served
    }

    fn open(&self) -> io::Result<recover::Opened> {
        let started = now();
        let key = recover::hash_key(&*self.folder)?;
        self.attach_purges()?;
        self.health.set(DiskState::Opening);
        {
            let mut removals = self.early_removals.lock().unwrap_or_else(PoisonError::into_inner);
            if self.is_to_give_up.load(Ordering::Relaxed) {
                recover::remove_all(&*self.folder)?;
                self.is_to_give_up.store(false, Ordering::Relaxed);
                removals.clear();
            }
            self.key.store(Some(Arc::new(key)));
            for (primary, variance) in removals.drain(..) {
                self.remove(&primary, variance.as_ref());
            }
        }
        let opened = recover::load(self, key)?;
        self.last_id.fetch_max(opened.span.newest_id, Ordering::Relaxed);
        self.memory.fit();
        let (objects, segments) = (self.index.len(), self.segments.len());
        let seconds = started.elapsed().as_secs_f64();
        tracing::info!(folder = self.name(), objects, segments, seconds, "the cache on disk is open");
        Ok(opened)
    }

    /// Takes up the purges that the folder knows of, before anything in it is looked at.
    fn attach_purges(&self) -> io::Result<()> {
        let Some(path) = self.folder.path() else { return Ok(()) };
        let told = Purges::read_log(path)?;
        if told.is_none() {
            // Until that is certain the folder has no log, so that whoever opens it next does the same.
            let removed = recover::remove_all(&*self.folder)?;
            self.folder.sync()?;
            if removed > 0 {
                tracing::warn!(
                    folder = self.name(),
                    "purges may have been lost, so that all of the cache on disk is removed"
                );
            }
        }
        self.purges.attach(path, told)?;
        self.measure_log();
        Ok(())
    }

    /// Writes until the folder is to be released, or is not there any more.
    fn serve(&self, opened: &recover::Opened, lease: &dyn files::Lease) {
        let mut writer = writer::Writer::new(self, opened);
        self.health.set(DiskState::Serving);
        writer.fit();
        self.write(&mut writer, lease);
        if writer.owes() {
            self.is_to_give_up.store(true, Ordering::Relaxed);
        }
    }

    fn write(&self, writer: &mut writer::Writer<'_>, lease: &dyn files::Lease) {
        let mut checked = now();
        loop {
            let patience = if writer.is_idle() { self.pace.retry } else { Duration::ZERO };
            let is_to_release = self.is_to_release.load(Ordering::Acquire);
            if is_to_release {
                self.health.set(DiskState::Releasing);
            }
            match self.queue.pop(if is_to_release { Duration::ZERO } else { patience }) {
                Some(job) => writer.handle(job),
                None if is_to_release => return writer.close(),
                None => {
                    writer.enter();
                    writer.fit();
                }
            }
            if checked.elapsed() >= self.pace.retry {
                checked = now();
                self.measure_log();
                if !lease.is_valid() {
                    tracing::warn!(folder = self.name(), "the folder of the cache on disk is gone");
                    return;
                }
                if self.health.is_paused() {
                    writer.resume();
                }
            }
        }
    }

    /// Forgets a folder that is no longer ours.
    fn close(&self) {
        self.health.set(DiskState::Opening);
        self.key.store(None);
        self.index.clear();
        self.segments.clear();
        while let Some(job) = self.queue.pop(Duration::ZERO) {
            self.give_up(job);
        }
        self.queue.is_done();
    }

    /// What was to be removed from a folder that is gone may be there when it comes back.
    fn give_up(&self, job: Job) {
        match job {
            Job::Put { hash, ticket, .. } | Job::Rewrite { hash, ticket, .. } => {
                self.counters.write_dropped();
                self.index.settle(hash, ticket, None);
            }
            Job::Remove { hash, ticket } => {
                self.is_to_give_up.store(true, Ordering::Relaxed);
                self.index.settle(hash, ticket, None);
            }
            #[cfg(test)]
            Job::Flush(done) => drop(done),
        }
    }

    fn wait_to_retry(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::WouldBlock {
            if self.health.set(DiskState::Held) {
                tracing::info!(
                    folder = self.name(),
                    "another process still has the cache on disk; going on from memory"
                );
            }
            self.queue.pause(self.pace.retry_lock);
        } else {
            if self.health.set(DiskState::Unavailable { error: error.to_string() }) {
                tracing::warn!(folder = self.name(), %error, "the cache on disk cannot be opened; going on from memory");
            }
            self.queue.pause(self.pace.retry);
        }
    }
}

fn queue_bytes(memory: &Memory) -> u64 {
    (memory.budget().limit() / QUEUE_SHARE).min(QUEUE_BYTES_MAX)
}

#[expect(clippy::disallowed_methods, reason = "the thread that writes to a disk says when it tries again")]
fn now() -> Instant {
    Instant::now()
}
