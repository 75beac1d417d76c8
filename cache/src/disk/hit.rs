//! An answer that was found on disk, and its body on its way out.

use crate::disk::index::{KeyHash, Place};
use crate::disk::layout::{CHUNK_BYTES, Frame};
use crate::disk::reader::{Failure, Opening, open, read_piece};
use crate::disk::record::Description;
use crate::disk::segment::Segment;
use crate::disk::{Disk, Job};
use crate::labels::{Generation, Labels};
use crate::memory::budget::Charge;
use bytes::Bytes;
use pingora::cache::CacheMeta;
use pingora::cache::key::HashBinary;
use pingora::prelude::{Error, ErrorType, Result};
use std::sync::Arc;
use std::time::Duration;

/// How long a lookup waits for the disk, its turn included.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(1);
/// How long a client whose answer has begun waits for the next piece.
const PIECE_PATIENCE: Duration = Duration::from_secs(10);

/// A reader's error: the disk did not give the rest of a body, or not as it was written.
pub const DISK_READ_FAILED: ErrorType = ErrorType::Custom("DiskReadFailed");

/// What the disk has under a key.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) id: u64,
    pub(crate) meta: CacheMeta,
    pub(crate) labels: Labels,
    /// It was found before, not long ago.
    pub(crate) is_asked_for_again: bool,
    pub(crate) body: DiskBody,
}

/// A body on disk, and how to read it.
#[derive(Debug)]
pub(crate) struct DiskBody {
    disk: Arc<Disk>,
    segment: Arc<Segment>,
    hash: KeyHash,
    place: Place,
    /// Where it begins in the segment's file.
    at: u64,
    bytes: u64,
    checksums: Arc<[u8]>,
    /// Whole chunks that were read already, and where in the body they begin.
    pub(super) ahead: (u64, Bytes),
    /// For those.
    charge: Charge,
}

impl Disk {
    /// Looks for an object. Neither a disk that fails nor one that is slow is an error: nothing is found then.
    pub(crate) async fn find(self: &Arc<Self>, primary: &[u8], variance: Option<&HashBinary>) -> Option<Answer> {
        let hash = self.hash(primary, variance).filter(|_| self.health.is_readable())?;
        let found = self.index.find(hash, true)?;
        let segment = self.segments.find(found.place.segment)?;
        let reading = Arc::clone(&segment);
        let opened = self.readers.run(LOOKUP_PATIENCE, move || open(&reading, &found)).await;
        let opening = opened.map_err(|failure| self.note(hash, found.place, &failure)).ok()?;
        let Some((frame, description)) = decode(&opening).filter(|(frame, _)| frame.hash == hash) else {
            self.note(hash, found.place, &Failure::Damaged);
            return None;
        };
        if !description.is_for(primary, variance) {
            return None; // Another key of the same hash.
        }
        let labels = Labels { asked_at: Generation(frame.generation), tags: description.tags };
        let meta = description.meta;
        self.counters.hit();
        let checksums = opening.head.len() - crate::disk::layout::chunks(frame.body_bytes) as usize * 4;
        let body = DiskBody {
            disk: Arc::clone(self),
            segment,
            hash,
            place: found.place,
            at: found.place.offset + opening.head.len() as u64,
            bytes: frame.body_bytes,
            checksums: Arc::from(&opening.head[checksums..]),
            charge: Charge::regardless(self.memory.budget(), opening.body.as_ref().map_or(0, Bytes::len) as u64),
            ahead: (0, opening.body.unwrap_or_default()),
        };
        self.memory.fit();
        Some(Answer { id: frame.id, meta, labels, is_asked_for_again: found.uses > 0, body })
    }

    /// Counts a failure. What is damaged, or cannot be read, is removed.
    fn note(&self, hash: KeyHash, place: Place, failure: &Failure) {
        let why = match failure {
            Failure::Busy => return self.counters.read_refused(),
            Failure::Broken(error) => error.to_string(),
            Failure::Damaged => "it is not what was written".to_owned(),
        };
        self.counters.read_failed();
        // Nothing to remove where its segment has been reclaimed, or the object replaced, in the meantime.
        if let Some(ticket) = self.index.condemn(hash, place) {
            tracing::warn!(folder = self.name(), ?place, why, "an object on disk cannot be read and is dropped");
            self.queue.push(Job::Remove { hash, ticket });
        }
    }
}

fn decode(opening: &Opening) -> Option<(Frame, Description<'_>)> {
    let (_, description, _) = Frame::decode(&opening.head)?;
    Some((opening.frame, Description::decode(description)?))
}

impl DiskBody {
    pub(crate) fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether the object is still what is found under its key, so that a copy of it would be right.
    pub(crate) fn is_current(&self) -> bool {
        self.disk.index.is_settled(self.hash, self.place)
    }

    /// Removes the object, here and for good.
    pub(crate) fn remove(&self) {
        if let Some(ticket) = self.disk.index.condemn(self.hash, self.place) {
            self.disk.queue.push(Job::Remove { hash: self.hash, ticket });
        }
    }

    pub(crate) fn count_promotion(&self) {
        self.disk.counters.promoted();
    }

    /// What follows `at`, up to `until`, as far as one read goes; none at the end.
    ///
    /// # Errors
    /// [`DISK_READ_FAILED`] when the disk does not give it, in time and as it was written. The client's transfer is then
    /// aborted: it has part of the body already.
    pub(crate) async fn read(&mut self, at: u64, until: u64) -> Result<Option<Bytes>> {
        let until = until.min(self.bytes);
        if at >= until {
            return Ok(None);
        }
        let (start, ahead) = &self.ahead;
        if !(*start..*start + ahead.len() as u64).contains(&at) {
            self.ahead = self.read_ahead(at / CHUNK_BYTES).await?;
            self.charge.set(self.ahead.1.len() as u64);
            self.disk.memory.fit();
        }
        let (start, ahead) = &self.ahead;
        let end = until.min(start + ahead.len() as u64);
        Ok(Some(ahead.slice((at - start) as usize..(end - start) as usize)))
    }

    async fn read_ahead(&self, first: u64) -> Result<(u64, Bytes)> {
        let (segment, checksums) = (Arc::clone(&self.segment), Arc::clone(&self.checksums));
        let (at, bytes) = (self.at, self.bytes);
        let read = move || read_piece(&segment, at, bytes, &checksums, first);
        match self.disk.readers.run(PIECE_PATIENCE, read).await {
            Ok(piece) => Ok((first * CHUNK_BYTES, piece)),
            Err(failure) => {
                self.disk.note(self.hash, self.place, &failure);
                Error::e_explain(DISK_READ_FAILED, "the disk does not give the rest of a body as it was written")
            }
        }
    }
}
