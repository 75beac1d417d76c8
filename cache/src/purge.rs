//! What was purged in a zone, and what that says of each object.
//!
//! **A purge is a number.** A zone counts its purges: that is its generation. An answer carries the generation at which
//! its origin was asked, so every purge with a greater number that means it is true of it, wherever it is by then: in
//! memory, on disk, being written, or not yet come. A purge notes what it means (a URL, a tag, a prefix, all) under its
//! number, which takes as long for a million objects as for none; each object is judged when it is next looked at.
//!
//! **In quiet times a hit loads one number.** An object remembers up to which generation it was cleared; the zone keeps,
//! for each of [`MARKS`] groups of URLs, the number of the last purge that could mean one of the group. Only if that is
//! greater are the records looked at. A purge of one URL (there is one with every successful `POST`) moves one of them.
//!
//! **Records are forgotten** when nothing can be left that they would have to judge. What is not cleared up to where they
//! were forgotten, such as an answer that took very long to come, is gone: too much, never too little. The same goes for
//! what bounds them (see [`records`]).
//!
//! **On disk** they are in a file of the zone's folder ([`log`]), before the one who purges gets an answer. The numbers of
//! a process begin with the time of its start, so that they are greater than all of the process before it.

mod log;
mod order;
mod records;
mod standing;
mod sweep;

#[cfg(test)]
mod tests;
#[cfg(feature = "shuttle")]
#[cfg(test)]
mod interleavings;

pub use order::{Durability, Purge, Reached, Receipt, Subject};
pub(crate) use standing::Standing;

use crate::head::Head;
use crate::labels::{Generation, UrlHash};
use crate::memory::budget::{Budget, Charge};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub(crate) use log::FILES;
use log::{Log, Told};
use records::{Mark, Record, Records};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};
pub(crate) use sweep::Tally;

/// Groups of URLs that are told apart by a hit before it looks at records: eight bytes each, part of the zone itself.
/// Few where every step of a thread is played through.
const MARKS: usize = if cfg!(feature = "shuttle") { 4 } else { 1024 };
/// How long an answer may take to come, from when its origin is asked: one that takes longer may be purged for nothing.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
/// A process has so many numbers for each second that it lives: more than it can ever use.
const NUMBERS_PER_SECOND: u64 = 1 << 28;

/// What the purges of a zone say of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// None of them meant it.
    Live,
    /// It is to be used as if it had become stale then, if not before.
    Soft {
        /// When it was purged.
        since: SystemTime,
    },
    /// It is not there any more.
    Gone,
}

/// The purges of one zone.
#[derive(Debug)]
pub(crate) struct Purges {
    generation: AtomicU64,
    /// For each group of URLs, the newest purge that could mean one of them.
    marks: Box<[AtomicU64]>,
    ledger: RwLock<Ledger>,
    /// The zone has a folder, whether or not its log can be written at the moment.
    has_folder: AtomicBool,
    /// Locked only where a disk may be waited for.
    log: Mutex<Option<Log>>,
    /// Purges up to this one are on the disk.
    kept: AtomicU64,
    flushing: AtomicBool,
    tallies: Mutex<Vec<Arc<Tally>>>,
    /// Which generation it was when.
    past: Mutex<VecDeque<(SystemTime, Generation)>>,
    pub(crate) counters: Counters,
}

/// What purges have done, since the zone is there.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) purges: AtomicU64,
    pub(crate) invalidations: AtomicU64,
    pub(crate) objects: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) overflows: AtomicU64,
}

#[derive(Debug)]
struct Ledger {
    records: Records,
    charge: Charge,
    /// What the log has not got yet, in order; nothing where there is no log, for a new one begins with all there is.
    unwritten: Vec<Record>,
    has_log: bool,
    /// It was said that there are many.
    told_crowded: bool,
}

/// What has come of a purge.
#[derive(Debug, Clone, Copy)]
struct Recorded {
    generation: Generation,
    /// It is time to forget some.
    crowded: bool,
}

impl Purges {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        let charge = Charge::regardless(budget, 0);
        let ledger =
            Ledger { records: Records::default(), charge, unwritten: Vec::new(), has_log: false, told_crowded: false };
        Purges {
            generation: AtomicU64::new(first_number()),
            marks: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            ledger: RwLock::new(ledger),
            has_folder: AtomicBool::new(false),
            log: Mutex::new(None),
            kept: AtomicU64::new(0),
            flushing: AtomicBool::new(false),
            tallies: Mutex::new(Vec::new()),
            past: Mutex::new(VecDeque::new()),
            counters: Counters::default(),
        }
    }

    /// Of the newest purge.
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::Acquire))
    }

    /// What has become of an object: the same question for what is in memory, on disk, and under way.
    pub(crate) fn judge(&self, head: &Head) -> Verdict {
        let standing = head.standing();
        if standing.cleared().0 < self.mark_of(head.url()).load(Ordering::Acquire) {
            return self.look_up(head);
        }
        standing.verdict()
    }

    /// The same, and whatever stays is cleared up to now.
    fn look_up(&self, head: &Head) -> Verdict {
        let standing = head.standing();
        // No purge is recorded meanwhile.
        let ledger = self.read_ledger();
        match ledger.records.judge(head, standing.cleared()) {
            Verdict::Gone => return Verdict::Gone,
            Verdict::Soft { since } => standing.clear(self.generation(), Some(since)),
            Verdict::Live => standing.clear(self.generation(), None),
        }
        standing.verdict()
    }

    /// Purges: from here on. It is not on the disk yet: see [`Purges::keep`].
    fn record(&self, marks: impl IntoIterator<Item = Mark>, softened: Option<SystemTime>) -> Recorded {
        let mut ledger = self.write_ledger();
        let generation = Generation(self.generation.load(Ordering::Relaxed) + 1);
        let mut all = false;
        let mut groups = Vec::new();
        for mark in marks {
            match &mark {
                Mark::Url(url) => groups.push(*url),
                _ => all = true,
            }
            ledger.add(Record { mark, generation, softened });
        }
        if ledger.records.fit(generation) {
            self.counters.overflows.fetch_add(1, Ordering::Relaxed);
            all = true;
        }
        ledger.settle();
        let crowded = ledger.records.is_crowded() && !std::mem::replace(&mut ledger.told_crowded, true);
        if all {
            self.marks.iter().for_each(|mark| mark.store(generation.0, Ordering::Release));
        }
        groups.into_iter().for_each(|url| self.mark_of(url).store(generation.0, Ordering::Release));
        // Last: who has read this number finds the marks moved. Some take it for the time at which they judge.
        self.generation.store(generation.0, Ordering::Release);
        Recorded { generation, crowded }
    }

    /// Purges one URL after an unsafe request to it. The log gets it soon, and nobody waits for that: a loss of power may
    /// undo it on disk. Says whether there are so many that some should be forgotten; it does so only once.
    pub(crate) fn invalidate(self: &Arc<Self>, url: UrlHash) -> bool {
        self.counters.invalidations.fetch_add(1, Ordering::Relaxed);
        let recorded = self.record([Mark::Url(url)], None);
        if self.read_ledger().has_log && !self.flushing.swap(true, Ordering::AcqRel) {
            let purges = Arc::clone(self);
            blocking(move || purges.flush());
        }
        recorded.crowded
    }

    fn flush(&self) {
        let mut log = self.lock_log();
        // Before the records are taken, so that none made later is left behind.
        self.flushing.store(false, Ordering::Release);
        self.write_out(log.as_mut(), false);
    }

    /// Sees to it that a purge is on the disk. Waits for the disk: not for async threads. Those who come while another
    /// is at it are often served with it.
    pub(crate) fn keep(&self, generation: Generation) -> Durability {
        let mut log = self.lock_log();
        if self.kept.load(Ordering::Acquire) >= generation.0 {
            return Durability::Durable;
        }
        self.write_out(log.as_mut(), true)
    }

    /// Writes the log again that could not be written, if there is such a one.
    pub(crate) fn mend(&self) {
        let mut log = self.lock_log();
        if log.as_ref().is_some_and(Log::is_to_be_rewritten) {
            self.write_out(log.as_mut(), true);
        }
    }

    /// Says whether the zone has something on disk that what is purged could come back from. Its log may be taken up late,
    /// or another process have it: until then purges hold in this process alone.
    pub(crate) fn set_has_folder(&self, has_folder: bool) {
        self.has_folder.store(has_folder, Ordering::Relaxed);
    }

    /// Brings the log up to date.
    fn write_out(&self, log: Option<&mut Log>, sync: bool) -> Durability {
        let Some(log) = log else {
            let has_folder = self.has_folder.load(Ordering::Relaxed);
            return if has_folder { Durability::ThisProcess } else { Durability::Durable };
        };
        let (unwritten, newest) = {
            let mut ledger = self.write_ledger();
            (std::mem::take(&mut ledger.unwritten), self.generation())
        };
        let appended = log.append(&unwritten, sync);
        if appended.is_err() || log.is_to_be_rewritten() {
            let records = self.read_ledger().records.clone();
            if let Err(error) = log.rewrite(&records, newest) {
                tracing::warn!(%error, "the log of purges cannot be written anew");
            }
        }
        if !log.is_whole() {
            return log.remove();
        }
        if sync {
            self.kept.fetch_max(newest.0, Ordering::AcqRel);
        }
        Durability::Durable
    }

    /// What a folder's log says. None if there is no whole one: then what else is in the folder may have been purged, and
    /// must be removed for good before [`Purges::attach`] makes a log that says nothing of that.
    ///
    /// # Errors
    /// When the folder cannot be read. It must not be used then.
    pub(crate) fn read_log(folder: &Path) -> io::Result<Option<Told>> {
        Log::read(folder)
    }

    /// Takes up the log of a folder that this process alone may write from now on, with what it says. Nothing in the
    /// folder may be looked at before.
    ///
    /// # Errors
    /// When the folder cannot be written. It must not be used then.
    pub(crate) fn attach(&self, folder: &Path, told: Option<Told>) -> io::Result<()> {
        let mut log = self.lock_log();
        let (records, newest) = self.take_up(told.unwrap_or_default());
        match Log::create(folder, &records, newest) {
            Ok(created) => {
                *log = Some(created);
                self.kept.fetch_max(newest.0, Ordering::AcqRel);
                Ok(())
            }
            Err(error) => {
                self.forget_log();
                Err(error)
            }
        }
    }

    /// Adds what another process has purged. Should its numbers not be smaller than those of this one, for somebody has
    /// set the clock back, what was purged here counts as purged now: it has to be true of what the other has stored.
    fn take_up(&self, told: Told) -> (Records, Generation) {
        let mut ledger = self.write_ledger();
        let mut newest = self.generation();
        if told.newest >= newest {
            newest = Generation(told.newest.0 + 1);
            ledger.records.restamp(newest);
        }
        ledger.records.add_all(&told.records);
        ledger.unwritten.clear();
        ledger.has_log = true;
        ledger.settle();
        self.marks.iter().for_each(|mark| mark.store(newest.0, Ordering::Release));
        self.generation.store(newest.0, Ordering::Release);
        (ledger.records.clone(), newest)
    }

    /// Lets go of the log, which another process may write from now on.
    pub(crate) fn detach(&self) {
        let mut log = self.lock_log();
        self.write_out(log.as_mut(), true);
        *log = None;
        self.forget_log();
    }

    fn forget_log(&self) {
        let mut ledger = self.write_ledger();
        ledger.has_log = false;
        ledger.unwritten = Vec::new();
    }

    /// Up to where purges may be forgotten: an answer that was asked for longer than [`FORGOTTEN_AFTER`] ago has come.
    /// None if there is nothing to forget. To be asked now and then.
    pub(crate) fn forgettable(&self, now: SystemTime) -> Option<Generation> {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.generation();
        if past.back().is_none_or(|(_, last)| *last < generation) {
            past.push_back((now, generation));
        }
        let is_over =
            |(at, _): &(SystemTime, Generation)| now.duration_since(*at).is_ok_and(|age| age >= FORGOTTEN_AFTER);
        let over = past.partition_point(is_over);
        let (_, until) = past.drain(..over).next_back()?;
        self.read_ledger().records.has_any_until(until).then_some(until)
    }

    /// Forgets the purges up to a generation: all that is worth keeping must have been judged since then, and nothing on
    /// a disk be older. What was not, or is, is gone.
    pub(crate) fn forget(&self, until: Generation) {
        let mut ledger = self.write_ledger();
        ledger.records.forget(until);
        ledger.told_crowded = ledger.records.is_crowded();
        ledger.settle();
    }

    /// How many are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.read_ledger().records.len()
    }

    fn mark_of(&self, url: UrlHash) -> &AtomicU64 {
        &self.marks[url.0 as usize % MARKS]
    }

    /// As a disk does that hangs.
    #[cfg(test)]
    pub(crate) fn hang(&self) -> impl Drop + '_ {
        self.lock_log()
    }

    fn read_ledger(&self) -> RwLockReadGuard<'_, Ledger> {
        self.ledger.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_ledger(&self) -> RwLockWriteGuard<'_, Ledger> {
        self.ledger.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_log(&self) -> MutexGuard<'_, Option<Log>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number greater than those of every process that began at least a second ago.
#[expect(clippy::disallowed_methods, reason = "the rim of purging; the numbers that a log holds are compared with it")]
fn first_number() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs().saturating_mul(NUMBERS_PER_SECOND)
}

/// Runs what may wait for a disk, or takes long, where it is in nobody's way.
pub(crate) fn blocking(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

impl Ledger {
    fn add(&mut self, record: Record) {
        self.records.add(&record);
        if self.has_log {
            self.unwritten.push(record);
        }
    }

    /// Charges the zone for what it holds now.
    fn settle(&mut self) {
        self.charge.set(self.records.bytes() as u64);
    }
}
