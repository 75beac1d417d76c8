//! Making room: the oldest segment goes as a whole, and what was used since it was written moves to the head of the log.
//!
//! First in, first out, with reinsertion: the same idea as in memory, where the order of the log is the queue. What is in
//! memory counts as used, for whoever asks for it does not come here. The copying goes hand in hand with the writing of what is new, byte for byte, so that it never holds up the writer for long; what
//! has not had its turn when the segment that takes the copies is full, goes. A removal need not be copied: all that it
//! speaks of is older, and has gone before.

use crate::disk::index::{KeyHash, Place};
use crate::disk::layout::{Entry, Frame, Kind, numbers};
use crate::disk::reader::read_head;
use crate::disk::record::Description;
use crate::disk::recover::list;
use crate::disk::segment::Segment;
use crate::disk::writer::{Body, Outcome, Writer};
use crate::head::Head;
use crate::labels::{Generation, Labels};
use crate::memory::object::Object;
use crate::purge::Verdict;
use pingora::cache::CacheKey;
use pingora::cache::key::HashBinary;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;

/// A segment that is going.
#[derive(Debug)]
pub(crate) struct Reclaim {
    victim: Arc<Segment>,
    entries: Vec<Entry>,
    /// So many of them have had their turn.
    passed: usize,
    /// What memory has at the moment.
    in_memory: HashSet<KeyHash>,
    /// Bytes that may be copied by now.
    allowance: u64,
    /// The table could not be read, so that nobody knows what was in it.
    blind: bool,
}

impl Reclaim {
    /// Of a segment from which nothing is kept.
    pub(crate) fn of_all(writer: &Writer<'_>, victim: Arc<Segment>) -> Self {
        let listing = list(&*victim.file, victim.number, &writer.key).ok().flatten();
        let blind = listing.is_none();
        let entries = listing.map(|listing| listing.entries).unwrap_or_default();
        Reclaim { victim, entries, passed: 0, in_memory: HashSet::new(), allowance: 0, blind }
    }

    /// Of a segment from which what is used is kept.
    pub(crate) fn begin(writer: &Writer<'_>, victim: Arc<Segment>) -> Self {
        let mut in_memory = HashSet::new();
        let hash = |head: &Head| writer.key.hash(head.primary(), head.slot().variance().map(HashBinary::as_slice));
        let note = |object: &Object| {
            in_memory.insert(hash(&object.head));
            true
        };
        writer.disk.memory.visit(note, |_removed| {});
        Reclaim { in_memory, ..Self::of_all(writer, victim) }
    }
}

impl Writer<'_> {
    /// Copies about as much as was written, and removes the segment when nothing is left to copy.
    pub(crate) fn advance_reclaim(&mut self, written: u64) -> io::Result<()> {
        let Some(mut reclaim) = self.reclaim.take() else { return Ok(()) };
        reclaim.allowance += written;
        while let Some(entry) = reclaim.entries.get(reclaim.passed).copied() {
            if reclaim.allowance < entry.bytes {
                self.reclaim = Some(reclaim);
                return Ok(());
            }
            reclaim.passed += 1;
            let is_used = reclaim.in_memory.contains(&entry.hash);
            if self.keep(&reclaim.victim, &entry, is_used)? {
                reclaim.allowance -= entry.bytes;
            }
        }
        self.reclaim = Some(reclaim);
        self.finish_reclaim()
    }

    /// Removes the segment now, with everything that has not been copied out of it.
    pub(crate) fn finish_reclaim(&mut self) -> io::Result<()> {
        let Some(reclaim) = self.reclaim.take() else { return Ok(()) };
        // The copies are found from now on, and so their originals are not looked for any more.
        self.commit()?;
        let number = reclaim.victim.number;
        // First the file: what is not in the index counts as not being on disk, and its removal is not logged.
        self.remove_file(number)?;
        for entry in reclaim.entries {
            self.disk.index.forget(entry.hash, Place::new(number, entry.offset));
        }
        if reclaim.blind {
            self.disk.index.forget_segment(Place::new(number, 0).segment);
        }
        self.disk.segments.remove(number);
        Ok(())
    }

    /// Copies one record if it is used, whether by memory or by itself. Otherwise it goes with its segment.
    fn keep(&mut self, victim: &Segment, entry: &Entry, is_used: bool) -> io::Result<bool> {
        let from = Place::new(victim.number, entry.offset);
        let stored = self.disk.index.find(entry.hash, false).filter(|found| found.place == from);
        let Some(stored) = stored.filter(|_| entry.kind == Kind::Object) else { return Ok(false) };
        if !(is_used || stored.uses > 0) || !self.has_room(entry.bytes) {
            return Ok(false);
        }
        let head = read_head(victim, entry.offset, entry.bytes).filter(|(_, frame)| frame.hash == entry.hash);
        let Some((head, frame)) = head else { return Ok(false) };
        let body_at = entry.offset + head.len() as u64;
        let Some((frame, head)) = self.judge(frame, head) else { return Ok(false) };
        let body = Body::Copied { file: &*victim.file, at: body_at };
        self.append(&frame, &head, body, Outcome::Moved { from })
    }

    /// Asks the purges about an object that is to be kept. None if it is gone. If none of them means it, it counts as
    /// asked for now: so purges can be forgotten, however long an object stays.
    fn judge(&self, frame: Frame, head: Vec<u8>) -> Option<(Frame, Vec<u8>)> {
        let generation = self.disk.purges.generation();
        let (_, described, checksums) = Frame::decode(&head)?;
        let Description { primary, key_variance, tags, meta } = Description::decode(described)?;
        let mut key = CacheKey::new(primary, "");
        if let Some(variance) = key_variance {
            key.set_variance_key(variance);
        }
        let labels = Labels { asked_at: Generation(frame.generation), tags };
        let judged = Head::new(&key, &meta, labels, self.disk.memory.budget()).ok()?;
        match self.disk.purges.judge(&judged) {
            Verdict::Gone => None,
            Verdict::Soft { .. } => Some((frame, head)),
            Verdict::Live => {
                let frame = Frame { generation: generation.number(), ..frame };
                let head = frame.encode(described, &numbers(checksums));
                Some((frame, head))
            }
        }
    }
}
