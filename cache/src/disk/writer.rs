//! The one thread that writes: what is queued goes to the end of the log, many small objects in one write.
//!
//! The log is a row of segments. An object is entered into the index once it is written, which means: it is in the
//! kernel's hands and outlives this process. It outlives a loss of power once its segment is sealed. A write that fails
//! loses what was not entered yet, and pauses the writing; what is stored can still be read.

use crate::disk::Disk;
use crate::disk::files::Blob;
use crate::disk::index::{KeyHash, Place, Ticket};
use crate::disk::layout::{
    ALIGNMENT, CHUNK_BYTES, Entry, Frame, HEAD_BYTES_MAX, HEADER_BYTES, HashKey, Kind, Span, aligned, chunks,
    encode_footer, encode_header, footer_bytes, numbers, segment_name,
};
use crate::disk::queue::Job;
use crate::disk::reader::read_head;
use crate::disk::reclaim::Reclaim;
use crate::disk::record::{Description, encode};
use crate::disk::recover::{Opened, read, remove_all};
use crate::disk::segment::Segment;
use crate::head::Head;
use crate::labels::{Labels, Tag};
use crate::memory::object::Object;
use crate::sync::atomic::Ordering;
use std::io;
use std::sync::Arc;

/// As much is written at once, if there is as much.
const BATCH_BYTES: usize = 512 << 10;
/// Removals that may be owed to a disk that cannot be written to. Past it everything stored is given up instead.
const OWED_MAX: usize = 1 << 16;

#[derive(Debug)]
pub(crate) struct Writer<'disk> {
    pub(crate) disk: &'disk Disk,
    pub(crate) key: HashKey,
    pub(crate) reclaim: Option<Reclaim>,
    log: Option<Log>,
    next_number: u64,
    /// What follows the end of the log's file.
    buffer: Vec<u8>,
    /// Whole records that are not entered yet.
    written: Vec<Written>,
    /// A segment that could not be cut to so many bytes: behind them is what was given up, and may not come back.
    uncut: Option<(Arc<Segment>, u64)>,
    /// What a failed write leaves to be removed, lest something older comes back.
    owed: Vec<(KeyHash, Ticket)>,
}

/// The segment at the end of the log.
#[derive(Debug)]
struct Log {
    segment: Arc<Segment>,
    entries: Vec<Entry>,
    span: Span,
    /// The most that its file may come to, with the footer.
    capacity: u64,
    /// Bytes in the file so far.
    end: u64,
    /// Of which these, and so many entries, are whole records that have been entered.
    entered_bytes: u64,
    entered: usize,
}

#[derive(Debug)]
struct Written {
    hash: KeyHash,
    place: Place,
    bytes: u64,
    outcome: Outcome,
}

/// What it means for the index that a record has been written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    /// An object is stored; `shadows` as in [`Job::Put`].
    Stored {
        ticket: Ticket,
        shadows: bool,
    },
    Removed {
        ticket: Ticket,
    },
    /// It lay there before.
    Moved {
        from: Place,
    },
}

/// Where the body of a record comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'from> {
    None,
    Stored(&'from crate::body::Body),
    Copied { file: &'from dyn Blob, at: u64 },
}

impl<'disk> Writer<'disk> {
    pub(crate) fn new(disk: &'disk Disk, opened: &Opened) -> Self {
        Writer {
            disk,
            key: opened.key,
            reclaim: None,
            log: None,
            next_number: opened.next_number,
            buffer: Vec::with_capacity(BATCH_BYTES),
            written: Vec::new(),
            uncut: None,
            owed: Vec::new(),
        }
    }

    /// Whether everything that was written has been entered.
    pub(crate) fn is_idle(&self) -> bool {
        self.written.is_empty()
    }

    /// Does one thing that was queued, or gives it up.
    pub(crate) fn handle(&mut self, job: Job) {
        match job {
            Job::Put { hash, ticket, object, shadows } => {
                let outcome = Outcome::Stored { ticket, shadows };
                if !self.disk.index.is_current(hash, ticket) {
                    return;
                }
                let written = if self.disk.is_writing() { self.put(hash, &object, outcome) } else { Ok(false) };
                self.check(hash, outcome, written);
            }
            Job::Rewrite { hash, ticket, place, head, labels } => {
                let outcome = Outcome::Stored { ticket, shadows: false };
                if !self.disk.index.is_current(hash, ticket) {
                    return; // What replaced or removed it may be in the log already: this must not come behind that.
                }
                let written =
                    if self.disk.is_writing() { self.rewrite(hash, place, &head, labels, outcome) } else { Ok(false) };
                self.check(hash, outcome, written);
            }
            Job::Remove { hash, ticket } => self.remove(hash, ticket),
            #[cfg(test)]
            Job::Flush(done) => {
                self.enter();
                done.send(()).ok();
            }
        }
        if self.buffer.len() >= BATCH_BYTES {
            self.enter();
        }
    }

    /// Writes out and enters all that is written, between two jobs, and lets the index's memory be made up for.
    pub(crate) fn enter(&mut self) {
        if let Err(error) = self.commit().and_then(|()| self.relieve_index()) {
            self.fault(&error);
        }
        self.disk.queue.is_done();
        self.disk.memory.fit();
    }

    /// Tries whether the disk takes anything again; what it owes comes first.
    pub(crate) fn resume(&mut self) {
        if self.disk.is_to_give_up.swap(false, Ordering::Relaxed) {
            self.disk.segments.clear();
            if let Err(error) = remove_all(&*self.disk.folder) {
                self.disk.is_to_give_up.store(true, Ordering::Relaxed);
                return self.fault(&error);
            }
            self.uncut = None;
        }
        if let Err(error) = self.cut() {
            return self.fault(&error);
        }
        self.disk.set_writing();
        let owed = std::mem::take(&mut self.owed);
        owed.into_iter().for_each(|(hash, ticket)| self.remove(hash, ticket));
        let tried = if self.disk.is_writing() { self.make_room(0).and_then(|_| self.commit()) } else { Ok(()) };
        if let Err(error) = tried {
            self.fault(&error);
        }
    }

    /// Reclaims until a smaller limit is kept.
    pub(crate) fn fit(&mut self) {
        let log_is_too_large = self.log.as_ref().is_some_and(|log| log.capacity > self.disk.segment_bytes());
        let sealed = if log_is_too_large { self.seal() } else { Ok(()) };
        if let Err(error) = sealed.and_then(|()| self.reclaim_down_to(self.disk.limit_of_segments())) {
            self.fault(&error);
        }
    }

    /// Seals the end of the log: the next process opens it quickly, and loses nothing with the power.
    pub(crate) fn seal(&mut self) -> io::Result<()> {
        self.finish_reclaim()?;
        self.commit()?;
        let Some(log) = &mut self.log else { return Ok(()) };
        let (number, file) = (log.segment.number, Arc::clone(&log.segment.file));
        if log.entries.is_empty() {
            self.log = None;
            self.remove_file(number)?;
            self.disk.segments.remove(number);
            return Ok(());
        }
        let footer = encode_footer(number, &log.entries, &log.span);
        file.write_at(&footer, log.end)?;
        file.sync()?;
        log.segment.set_bytes(log.end + footer.len() as u64);
        self.log = None;
        Ok(())
    }

    /// Seals what can be sealed, for good.
    pub(crate) fn close(&mut self) {
        if self.disk.health.is_paused() {
            self.resume();
        }
        self.enter();
        if let Err(error) = self.seal() {
            self.fault(&error);
        }
    }

    /// Whether something is still to be removed that the disk has.
    pub(crate) fn owes(&self) -> bool {
        !self.owed.is_empty() || self.uncut.is_some()
    }

    fn put(&mut self, hash: KeyHash, object: &Object, outcome: Outcome) -> io::Result<bool> {
        let (head, body) = (&object.head, &*object.body);
        let frame = Frame {
            kind: Kind::Object,
            hash,
            body_bytes: body.len(),
            id: object.id,
            generation: head.labels().asked_at.number(),
        };
        // Only a header that Pingora cannot encode fails here.
        let Some(description) = describe(head, &head.labels().tags) else { return Ok(false) };
        let head = frame.encode(&description, &checksums(body));
        self.append(&frame, &head, Body::Stored(body), outcome)
    }

    /// Writes an object once more with a new head, if it is the same answer (see `Shard::replace_head` in the memory tier).
    fn rewrite(
        &mut self,
        hash: KeyHash,
        place: Place,
        head: &Head,
        labels: Option<Labels>,
        outcome: Outcome,
    ) -> io::Result<bool> {
        let Some(segment) = self.disk.segments.find(place.segment) else { return Ok(false) };
        let Some((before, frame)) = read_head(&segment, place.offset, segment.bytes()) else { return Ok(false) };
        let Some((_, stored, checksums)) = Frame::decode(&before) else { return Ok(false) };
        let Some(stored) = Description::decode(stored).filter(|stored| stored.is_same_answer(head)) else {
            return Ok(false);
        };
        let (generation, tags) = match labels {
            Some(labels) => (labels.asked_at.number(), labels.tags),
            None => (frame.generation, stored.tags),
        };
        let Some(description) = describe(head, &tags).filter(|_| frame.hash == hash) else { return Ok(false) };
        let frame = Frame { generation, ..frame };
        let body = Body::Copied { file: &*segment.file, at: place.offset + before.len() as u64 };
        self.append(&frame, &frame.encode(&description, &numbers(checksums)), body, outcome)
    }

    fn remove(&mut self, hash: KeyHash, ticket: Ticket) {
        if !self.disk.index.is_current(hash, ticket) {
            return; // Whatever is intended since then removes it too.
        }
        if !self.disk.is_writing() {
            return self.owe(hash, ticket);
        }
        let frame = Frame::removal(hash);
        let outcome = Outcome::Removed { ticket };
        let written = self.append(&frame, &frame.encode(&[], &[]), Body::None, outcome);
        self.check(hash, outcome, written);
    }

    /// What becomes of a key for which nothing was written.
    fn check(&mut self, hash: KeyHash, outcome: Outcome, written: io::Result<bool>) {
        match written {
            Ok(true) => {}
            Ok(false) => self.give_up(hash, outcome),
            Err(error) => {
                self.give_up(hash, outcome);
                self.fault(&error);
            }
        }
    }

    fn give_up(&mut self, hash: KeyHash, outcome: Outcome) {
        match outcome {
            Outcome::Stored { ticket, shadows } => {
                self.disk.counters.write_dropped();
                match shadows {
                    true => self.remove_later(hash, ticket),
                    false => self.disk.index.settle(hash, ticket, None),
                }
            }
            Outcome::Removed { ticket } => self.owe(hash, ticket),
            // The original is still there.
            Outcome::Moved { .. } => {}
        }
    }

    fn remove_later(&mut self, hash: KeyHash, ticket: Ticket) {
        match self.disk.is_writing() {
            true => {
                self.disk.queue.push(Job::Remove { hash, ticket });
            }
            false => self.owe(hash, ticket),
        }
    }

    fn owe(&mut self, hash: KeyHash, ticket: Ticket) {
        self.owed.push((hash, ticket));
        if self.owed.len() > OWED_MAX {
            self.owed.drain(..).for_each(|(hash, ticket)| self.disk.index.settle(hash, ticket, None));
            self.disk.give_everything_up();
        }
    }

    /// Adds a record to the log. False if it is too long for any segment.
    pub(crate) fn append(&mut self, frame: &Frame, head: &[u8], body: Body<'_>, outcome: Outcome) -> io::Result<bool> {
        let bytes = aligned(head.len() as u64 + frame.body_bytes);
        if head.len() as u64 > HEAD_BYTES_MAX || !self.make_room(bytes)? {
            return Ok(false);
        }
        let log = self.log.as_mut().expect("there is one after room was made in it");
        let offset = log.end + self.buffer.len() as u64;
        log.segment.holds_generation(if frame.kind == Kind::Object { frame.generation } else { u64::MAX });
        log.span.include(frame);
        log.entries.push(Entry { hash: frame.hash, kind: frame.kind, offset, bytes });
        let place = Place::new(log.segment.number, offset);
        self.buffer.extend_from_slice(head);
        self.append_body(frame.body_bytes, body)?;
        let padding = bytes - head.len() as u64 - frame.body_bytes;
        self.buffer.extend_from_slice(&[0; ALIGNMENT as usize][..padding as usize]);
        self.written.push(Written { hash: frame.hash, place, bytes, outcome });
        if !matches!(outcome, Outcome::Moved { .. })
            && let Err(error) = self.advance_reclaim(bytes)
        {
            self.fault(&error); // which gives up this record too
        }
        Ok(true)
    }

    fn append_body(&mut self, body_bytes: u64, body: Body<'_>) -> io::Result<()> {
        let mut at = 0;
        while at < body_bytes {
            match body {
                Body::None => break,
                Body::Stored(stored) => {
                    let piece = stored.read(at, body_bytes).expect("the body is as long as it says");
                    at += piece.len() as u64;
                    self.buffer.extend_from_slice(&piece);
                }
                Body::Copied { file, at: start } => {
                    let piece = read(file, start + at, CHUNK_BYTES.min(body_bytes - at))?;
                    at += piece.len() as u64;
                    self.buffer.extend_from_slice(&piece);
                }
            }
            if self.buffer.len() >= BATCH_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Whether a record of so many bytes fits into the segment that is being written.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        self.log.as_ref().is_some_and(|log| {
            let end = log.end + self.buffer.len() as u64 + bytes;
            end + footer_bytes(log.entries.len() as u64 + 1) <= log.capacity
        })
    }

    /// Begins a segment if need be. False if not even an empty one would do.
    fn make_room(&mut self, bytes: u64) -> io::Result<bool> {
        if HEADER_BYTES + bytes + footer_bytes(1) > self.disk.segment_bytes() {
            return Ok(false);
        }
        if !self.has_room(bytes) {
            self.seal()?;
            self.begin_segment()?;
        }
        Ok(true)
    }

    /// Begins a segment, for which there is room, and sees to it that there will be room for the next.
    fn begin_segment(&mut self) -> io::Result<()> {
        let capacity = self.disk.segment_bytes();
        self.reclaim_down_to(self.disk.limit_of_segments())?;
        let number = self.next_number;
        self.next_number += 1;
        let file = self.disk.folder.create(&segment_name(number))?;
        let segment = Arc::new(Segment::new(number, Arc::clone(&file), HEADER_BYTES, &Span::EMPTY));
        self.disk.segments.insert(Arc::clone(&segment));
        self.log = Some(Log {
            segment,
            entries: Vec::new(),
            span: Span::EMPTY,
            capacity,
            end: HEADER_BYTES,
            entered_bytes: HEADER_BYTES,
            entered: 0,
        });
        file.write_at(&encode_header(number, &self.key), 0)?;
        self.disk.folder.sync()?;
        self.disk.measure_log();
        let when_full = self.disk.segments.bytes() - HEADER_BYTES + capacity;
        let room_for_the_next = when_full <= self.disk.limit_of_segments();
        if let Some(victim) = self.disk.segments.oldest().filter(|oldest| !room_for_the_next && oldest.number != number)
        {
            self.reclaim = Some(Reclaim::begin(self, victim));
        }
        Ok(())
    }

    /// Removes the oldest segments, with all that is in them, until the sealed ones take no more than this.
    fn reclaim_down_to(&mut self, limit: u64) -> io::Result<()> {
        let current = self.log.as_ref().map(|log| (log.segment.number, log.segment.bytes()));
        loop {
            let sealed = self.disk.segments.bytes() - current.map_or(0, |(_, bytes)| bytes);
            let oldest = self.disk.segments.oldest().filter(|oldest| current.is_none_or(|it| it.0 != oldest.number));
            let Some(victim) = oldest.filter(|_| sealed > limit) else { return Ok(()) };
            self.reclaim = Some(Reclaim::of_all(self, victim));
            self.finish_reclaim()?;
        }
    }

    /// Removes the oldest segments while the index has more objects than it may.
    fn relieve_index(&mut self) -> io::Result<()> {
        while self.disk.is_full() {
            let current = self.log.as_ref().map(|log| log.segment.number);
            let Some(victim) = self.disk.segments.oldest().filter(|oldest| Some(oldest.number) != current) else {
                break;
            };
            self.reclaim = Some(Reclaim::of_all(self, victim));
            self.finish_reclaim()?;
        }
        Ok(())
    }

    pub(crate) fn remove_file(&self, number: u64) -> io::Result<()> {
        match self.disk.folder.remove(&segment_name(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        if !self.buffer.is_empty() {
            log.segment.file.write_at(&self.buffer, log.end)?;
            log.end += self.buffer.len() as u64;
            log.segment.set_bytes(log.end);
            self.buffer.clear();
        }
        Ok(())
    }

    /// Writes out what is buffered, which ends with a whole record, and enters what is written.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        self.flush()?;
        let Some(log) = &mut self.log else { return Ok(()) };
        (log.entered_bytes, log.entered) = (log.end, log.entries.len());
        for Written { hash, place, bytes, outcome } in self.written.drain(..) {
            match outcome {
                Outcome::Stored { ticket, .. } => {
                    self.disk.index.settle(hash, ticket, Some(&(place, bytes)));
                    self.disk.counters.written();
                }
                Outcome::Removed { ticket } => self.disk.index.settle(hash, ticket, None),
                Outcome::Moved { from } => self.disk.index.relocate(hash, from, place, bytes),
            }
        }
        Ok(())
    }

    /// The disk has failed: what was not entered is lost, the rest stays as it is, and nothing is written for a while.
    fn fault(&mut self, error: &io::Error) {
        self.disk.set_paused(error);
        self.buffer.clear();
        self.reclaim = None;
        if let Some(log) = self.log.take() {
            self.abandon(&log);
        }
        for Written { hash, outcome, .. } in std::mem::take(&mut self.written) {
            self.give_up(hash, outcome);
        }
    }

    /// Leaves a segment without its footer, cut to what has been entered: now, or when the disk does that again.
    fn abandon(&mut self, log: &Log) {
        let segment = &log.segment;
        if log.entered == 0 && self.remove_file(segment.number).is_ok() {
            return self.disk.segments.remove(segment.number);
        }
        segment.set_bytes(segment.file.length().unwrap_or(log.capacity));
        self.uncut = Some((Arc::clone(segment), log.entered_bytes));
        // If that fails it is tried again before anything else is written.
        self.cut().ok();
    }

    fn cut(&mut self) -> io::Result<()> {
        let Some((segment, bytes)) = &self.uncut else { return Ok(()) };
        segment.file.cut(*bytes)?;
        segment.set_bytes(*bytes);
        self.uncut = None;
        Ok(())
    }
}

fn describe(head: &Head, tags: &[Tag]) -> Option<Vec<u8>> {
    encode(head.primary(), head.slot().variance(), &head.meta().ok()?, tags).ok()
}

/// The checksum of each chunk of a body, whatever blocks it is in.
fn checksums(body: &crate::body::Body) -> Vec<u32> {
    let length = body.len();
    let checksum = |chunk: u64| {
        let mut at = chunk * CHUNK_BYTES;
        let end = length.min(at + CHUNK_BYTES);
        let mut crc = crc32fast::Hasher::new();
        while let Some(piece) = body.read(at, end) {
            crc.update(&piece);
            at += piece.len() as u64;
        }
        crc.finalize()
    };
    (0..chunks(length)).map(checksum).collect()
}
