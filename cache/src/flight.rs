//! Objects being written, and the readers that follow the writer.
//!
//! **A writer never waits for its own client.** Pingora's proxy writes to the store and reads the leading client's bytes
//! back out of it in one task: the loop in `proxy_handle_downstream` (proxy_h1.rs, proxy_h2.rs) awaits `write_body`
//! inside one arm of its `select!` and polls `read_body` in another. A `write_body` that waited for the leading reader
//! would wait for itself, for ever. The back-pressure on the origin comes from that loop instead: while the leading
//! client's socket takes no more, the loop is not at `rx.recv()`, and at most four pieces wait in the channel. But each
//! piece that the client takes may let those four in. So a reader of a pass-through gets everything that has come,
//! joined, up to [`JOIN_BYTES`]: more than one turn can add, so the leader always catches up.
//!
//! **What a fill may hold.** While it is to be kept, all of its body, charged to the zone as it grows. When it turns out
//! that it cannot be kept (the body is longer than the zone permits, or there is no room that eviction could make) it
//! becomes a pass-through: it holds only what its slowest reader has yet to read, and no more than what it was charged
//! for by then, which only shrinks, and [`PASS_BYTES`] that are not charged.
//!
//! **A slow follower** of a pass-through slows the writer down before it is lost: with half of [`PASS_BYTES`] left, the
//! writer waits for it, up to [`PATIENCE`] for every [`PACE_BYTES`] of the body, however small the pieces are in which it
//! comes. Beyond that it is cut off, and its client sees an aborted transfer. So whoever takes that much in that time
//! (640 KiB/s) gets the whole body, nobody slows the others down to less, and one that takes nothing holds them up for
//! less than a second in all.
//!
//! A fill whose `Content-Length` already says that it cannot be kept passes from the start and takes no followers: each
//! client gets a fill of its own, at its own speed, and nobody is cut off.

pub(crate) mod buffer;
mod reader;

#[cfg(test)]
mod tests;

pub(crate) use reader::Reader;

use crate::body::Body;
use crate::head::Head;
use crate::key::Slot;
use crate::memory::budget::Charge;
use crate::memory::object::{OBJECT_OVERHEAD, Object};
use crate::purge::Verdict;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::tier;
use crate::zone::Zone;
use buffer::Buffer;
use bytes::Bytes;
use dashmap::DashMap;
use pingora::prelude::{Error, ErrorType, Result};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Notify;

/// What a pass-through may hold beyond what is charged to its zone.
pub(crate) const PASS_BYTES: u64 = 1 << 20;
/// The most that one read of a pass-through copies together. Pingora's channel adds at most four pieces of 64 KiB to a
/// flight for each that its leader reads.
pub(crate) const JOIN_BYTES: u64 = PASS_BYTES / 2;

/// How long the writer waits, at most, for followers that are about to be cut off.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);
/// How much it writes, at least, before it waits for them again.
const PACE_BYTES: u64 = 64 << 10;

/// A reader's error: the writer gave up, so the body has no proper end.
pub const FILL_ABORTED: ErrorType = ErrorType::Custom("FillAborted");
/// A reader's error: it fell too far behind the writer of a body that is not kept.
pub const READER_LEFT_BEHIND: ErrorType = ErrorType::Custom("ReaderLeftBehind");
/// A writer's error: every reader of a body that is not kept has gone, so that writing on is of no use to anybody.
pub const NO_READER_LEFT: ErrorType = ErrorType::Custom("NoReaderLeft");

/// One fill under way.
#[derive(Debug)]
pub(crate) struct Flight {
    id: u64,
    zone: Arc<Zone>,
    head: Arc<Head>,
    state: Mutex<State>,
    /// Told to readers: there is more to read, or there never will be.
    progress: Notify,
    /// Told to the writer: a reader has read, or gone.
    relief: Notify,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    buffer: Buffer,
    charge: Charge,
    /// Whether the whole body is held, in order to be stored.
    kept: bool,
    /// Purged while under way: its readers get it, nobody else does, and it is not stored.
    purged: bool,
    readers: HashMap<u64, Position>,
    readers_ever: u64,
    /// The end of the body when the writer last waited for followers.
    waited_at: u64,
}

/// How far a reader is.
#[derive(Debug, Clone, Copy)]
struct Position {
    at: u64,
    /// Whether it reads for the client whose request writes.
    leads: bool,
}

#[derive(Debug)]
enum Stage {
    Filling,
    Complete(Arc<Body>),
    /// A pass-through that came to its proper end.
    Passed,
    Failed,
}

impl Flight {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Adds to the body. It fails only when nobody is left to want the bytes.
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<()> {
        let has_to_wait = {
            let mut state = self.lock();
            if state.kept && !self.can_keep(&mut state, bytes.len()) {
                self.stop_keeping(&mut state);
            }
            state.write(bytes)?;
            state.is_to_wait()
        };
        self.progress.notify_waiters();
        if has_to_wait {
            // Out of patience is no error of the writer's: the follower is what will be given up.
            tokio::time::timeout(PATIENCE, self.followers_to_catch_up()).await.ok();
        }
        Ok(())
    }

    async fn followers_to_catch_up(&self) {
        loop {
            let relief = self.relief.notified();
            tokio::pin!(relief);
            relief.as_mut().enable();
            if !self.lock().would_lose_a_follower() {
                return;
            }
            relief.await;
        }
    }

    /// Ends the body and stores the object, if it is to be kept. Returns the length of the body.
    ///
    /// It is stored while the state is locked, so that a purge comes either before, and is seen here, or after, and
    /// finds the object stored.
    pub(crate) fn complete(&self) -> Result<u64> {
        let completed = {
            let mut state = self.lock();
            let length = state.buffer.end();
            if self.head.content_length().is_some_and(|promised| promised != length) {
                self.fail(&mut state);
                Error::e_explain(
                    FILL_ABORTED,
                    format!("the body ended after {length} bytes, not as its header promised"),
                )
            } else {
                let whole = state.finish();
                let is_gone = || self.zone.purges.judge(&self.head) == Verdict::Gone;
                if let Some(body) = whole.filter(|_| !state.purged && !is_gone()) {
                    let object = Object { id: self.id, head: Arc::clone(&self.head), body };
                    let stored = tier::store(&self.zone, object);
                    self.zone.counters.admissions.fetch_add(u64::from(stored), Ordering::Relaxed);
                }
                Ok(length)
            }
        };
        self.progress.notify_waiters();
        completed
    }

    /// The writer gave up: from here on every reader fails.
    pub(crate) fn abort(&self) {
        self.fail(&mut self.lock());
        self.progress.notify_waiters();
    }

    fn can_keep(&self, state: &mut State, more: usize) -> bool {
        state.buffer.end() + more as u64 <= self.zone.max_object_bytes().min(self.head.body_bytes_max())
            && self.zone.memory.charge(&mut state.charge, Buffer::cost_of(more))
    }

    fn stop_keeping(&self, state: &mut State) {
        state.kept = false;
        self.zone.counters.pass_throughs.fetch_add(1, Ordering::Relaxed);
    }

    fn fail(&self, state: &mut State) {
        state.stage = Stage::Failed;
        state.buffer = Buffer::default();
        state.charge.set(0);
        self.zone.counters.aborted_fills.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, bytes: Bytes) -> Result<()> {
        if !self.kept && self.readers_ever > 0 && self.readers.is_empty() {
            return Error::e_explain(NO_READER_LEFT, "the body is not kept, and all its readers have gone");
        }
        self.buffer.push(bytes);
        if self.kept {
            self.charge.set(self.buffer.cost());
        } else {
            self.release();
        }
        Ok(())
    }

    /// Lets go of what no reader waits for, and of readers too far behind.
    fn release(&mut self) {
        let slowest = self.readers.values().map(|reader| reader.at).min().unwrap_or(u64::MAX);
        self.buffer.release_below(slowest);
        while self.buffer.cost() > self.most() && self.buffer.release_front() {}
        self.charge.set(self.charge.bytes().min(self.buffer.cost()));
        let start = self.buffer.start();
        self.readers.retain(|_, reader| reader.at >= start);
    }

    /// The most that a pass-through may hold.
    fn most(&self) -> u64 {
        self.charge.bytes() + PASS_BYTES
    }

    /// Whether the writer is to wait for followers now. Each time that it is counts as waited.
    fn is_to_wait(&mut self) -> bool {
        let end = self.buffer.end();
        let waits = end >= self.waited_at + PACE_BYTES && self.would_lose_a_follower();
        if waits {
            self.waited_at = end;
        }
        waits
    }

    /// Whether a follower is so far behind a pass-through that it is worth waiting for. It is not while the leader is
    /// further behind still: that one cannot read before the writer goes on.
    fn would_lose_a_follower(&self) -> bool {
        let slowest =
            |leads| self.readers.values().filter(|reader| reader.leads == leads).map(|reader| reader.at).min();
        let Some(follower) = slowest(false) else { return false };
        let behind = self.buffer.end().saturating_sub(follower);
        !self.kept && behind + PASS_BYTES / 2 > self.most() && slowest(true).is_none_or(|leader| leader > follower)
    }

    /// Reads on from an offset; pending when that has not come yet.
    fn read(&mut self, reader: u64, at: u64, until: u64) -> Poll<Result<Option<Bytes>>> {
        let read = match &self.stage {
            Stage::Failed => return Poll::Ready(Error::e_explain(FILL_ABORTED, "the writer of the body gave up")),
            _ if at >= until => None,
            Stage::Complete(body) => body.read(at, until),
            Stage::Filling | Stage::Passed if at < self.buffer.start() => {
                let behind = self.buffer.start() - at;
                let text = format!("{behind} bytes too far behind the writer of a body that is not kept");
                return Poll::Ready(Error::e_explain(READER_LEFT_BEHIND, text));
            }
            stage => {
                let read = self.buffer.read(at, until, if self.kept { 0 } else { JOIN_BYTES });
                if read.is_none() && matches!(stage, Stage::Filling) {
                    return Poll::Pending;
                }
                read
            }
        };
        let further = read.as_ref().map_or(0, Bytes::len) as u64;
        self.move_reader(reader, at + further);
        Poll::Ready(Ok(read))
    }

    fn move_reader(&mut self, reader: u64, at: u64) {
        if let Some(reader) = self.readers.get_mut(&reader) {
            reader.at = at;
        }
    }

    /// Ends the body; the whole of it, if it was kept.
    fn finish(&mut self) -> Option<Arc<Body>> {
        if !self.kept {
            self.stage = Stage::Passed;
            return None;
        }
        let blocks = std::mem::take(&mut self.buffer).into_blocks();
        let bytes: u64 = blocks.iter().map(|block| Buffer::cost_of(block.bytes.len())).sum();
        self.charge.set(bytes + OBJECT_OVERHEAD);
        let body = Arc::new(Body::new(blocks, self.charge.take()));
        self.stage = Stage::Complete(Arc::clone(&body));
        Some(body)
    }
}

/// All fills under way in a store. There may be several for one key, when a cache lock was given up on, or is not used.
#[derive(Debug)]
pub(crate) struct Flights {
    under_way: DashMap<Slot, Vec<Arc<Flight>>>,
    last_id: Arc<AtomicU64>,
}

impl Flights {
    /// `since_1970` is where identities begin: they grow from one process to the next, for the disk keeps them.
    pub(crate) fn new(since_1970: Duration) -> Self {
        let first = u64::try_from(since_1970.as_micros()).unwrap_or(0);
        Flights { under_way: DashMap::new(), last_id: Arc::new(AtomicU64::new(first)) }
    }

    /// The greatest identity so far, to be raised where a greater one turns up on disk.
    pub(crate) fn last_id(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.last_id)
    }

    /// Begins a fill. `end` must be called for it, whatever becomes of it.
    pub(crate) fn begin(&self, zone: Arc<Zone>, head: Head) -> Arc<Flight> {
        zone.memory.fit(); // the head is charged already
        let budget = zone.memory.budget();
        let state = State {
            stage: Stage::Filling,
            buffer: Buffer::default(),
            charge: Charge::regardless(budget, 0),
            kept: true,
            purged: false,
            readers: HashMap::new(),
            readers_ever: 0,
            waited_at: 0,
        };
        let most = zone.max_object_bytes().min(head.body_bytes_max()).min(budget.limit());
        let too_long = most == 0 || head.content_length().is_some_and(|length| length > most);
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (head, state) = (Arc::new(head), Mutex::new(state));
        let flight = Arc::new(Flight { id, zone, head, state, progress: Notify::new(), relief: Notify::new() });
        if too_long {
            flight.stop_keeping(&mut flight.lock());
        }
        self.under_way.entry(flight.head.slot()).or_default().push(Arc::clone(&flight));
        flight
    }

    /// A reader of the newest fill for a key that is open to all; none if there is no such fill.
    pub(crate) fn follow(&self, zone: &Arc<Zone>, slot: &Slot, primary: &[u8]) -> Option<Reader> {
        // Cloned out, so that no flight's lock is waited for under a lock of the map.
        let flights: Vec<_> = self.under_way.get(slot)?.clone();
        // One that was purged softly is not worth waiting for: it would be stale on arrival.
        let wanted = |flight: &&Arc<Flight>| {
            Arc::ptr_eq(&flight.zone, zone)
                && flight.head.is_for(slot, primary)
                && zone.purges.judge(&flight.head) == Verdict::Live
        };
        flights.iter().rev().filter(wanted).find_map(Reader::following)
    }

    /// Whether anything is written for a slot.
    pub(crate) fn has(&self, slot: &Slot) -> bool {
        // Not `is_empty` first: that locks every shard of the map.
        self.under_way.contains_key(slot)
    }

    /// The leading reader of one certain fill.
    pub(crate) fn lead(&self, slot: &Slot, id: u64) -> Option<Reader> {
        let flight = self.under_way.get(slot)?.iter().find(|flight| flight.id == id).cloned()?;
        Some(Reader::leading(&flight))
    }

    /// Sees to it that the fills under way for a slot (with an id, only that one) are not stored and find no further
    /// followers. Returns the id of the newest that this was news to.
    pub(crate) fn purge(&self, zone: &Arc<Zone>, slot: &Slot, id: Option<u64>) -> Option<u64> {
        let flights: Vec<_> = self.under_way.get(slot)?.clone();
        let meant = |flight: &&Arc<Flight>| Arc::ptr_eq(&flight.zone, zone) && id.is_none_or(|id| id == flight.id);
        let mut newest = None;
        for flight in flights.iter().filter(meant) {
            let mut state = flight.lock();
            let to_be_stored = state.kept && matches!(state.stage, Stage::Filling);
            if !std::mem::replace(&mut state.purged, true) && to_be_stored {
                newest = Some(flight.id);
            }
        }
        newest
    }

    /// The heads of all fills under way for a zone.
    pub(crate) fn heads(&self, zone: &Arc<Zone>) -> Vec<Arc<Head>> {
        let mut heads = Vec::new();
        for flights in &self.under_way {
            let ours = flights.iter().filter(|flight| Arc::ptr_eq(&flight.zone, zone));
            heads.extend(ours.map(|flight| Arc::clone(&flight.head)));
        }
        heads
    }

    /// Forgets a fill that is over, one way or the other.
    pub(crate) fn end(&self, flight: &Flight) {
        let slot = flight.head.slot();
        if let Some(mut flights) = self.under_way.get_mut(&slot) {
            flights.retain(|other| other.id != flight.id);
        }
        self.under_way.remove_if(&slot, |_, flights| flights.is_empty());
    }
}
