//! Which tier: memory first, then the disk; and what goes from one to the other.
//!
//! An object is written to the disk when its fill completes. From there it is copied to memory when it is asked for a
//! second time: what is asked for once would only displace what is asked for often. The copy is made of the bytes that
//! are read for a client anyway, and given up where a client does not read them all.

use crate::body::Body;
use crate::disk::{Answer, DiskBody};
use crate::flight::buffer::Buffer;
use crate::head::Head;
use crate::hit::{DiskHit, StoredHit};
use crate::key::Slot;
use crate::labels::Labels;
use crate::memory::budget::Charge;
use crate::memory::object::{OBJECT_OVERHEAD, Object};
use crate::purge::Verdict;
use crate::zone::Zone;
use bytes::Bytes;
use pingora::cache::{CacheKey, CacheMeta, HitHandler};
use pingora::prelude::Result;
use std::sync::Arc;

/// What a zone has stored under a key, wherever that is.
pub(crate) async fn find(zone: &Arc<Zone>, slot: &Slot, key: &CacheKey) -> Result<Option<(CacheMeta, HitHandler)>> {
    if let Some(found) = zone.find(slot, key.primary_key()) {
        return Ok(Some((found.meta()?, Box::new(StoredHit::new(&found.object, Arc::clone(zone))))));
    }
    let Some(disk) = zone.disk() else { return Ok(None) };
    match disk.find(key.primary_key(), slot.variance()).await {
        Some(answer) => found_on_disk(zone, key, answer),
        None => Ok(None),
    }
}

fn found_on_disk(zone: &Arc<Zone>, key: &CacheKey, answer: Answer) -> Result<Option<(CacheMeta, HitHandler)>> {
    let Answer { id, meta, labels, is_asked_for_again, body } = answer;
    let head = Arc::new(Head::new(key, &meta, labels, zone.memory.budget())?);
    let mut meta = head.meta()?;
    match zone.purges.judge(&head) {
        Verdict::Live => {}
        Verdict::Soft { since } => meta.expire_at(since),
        Verdict::Gone => {
            body.remove();
            return Ok(None);
        }
    }
    let fits = body.len() <= zone.max_object_bytes().min(zone.memory.budget().limit());
    let promotion = if is_asked_for_again && fits { Promotion::begin(zone, id, head) } else { None };
    Ok(Some((meta, Box::new(DiskHit::new(id, body, promotion)))))
}

/// Stores an object that a fill has brought. False if it is an older one than what is stored.
pub(crate) fn store(zone: &Zone, object: Object) -> bool {
    let object = Arc::new(object);
    let stored = zone.memory.insert(Arc::clone(&object));
    if let Some(disk) = zone.disk().filter(|_| stored) {
        disk.put(&object);
        // A copy of what the disk had until now may have come to memory since, if this object has left it already.
        zone.memory.remove_older(&object.head.slot(), object.id);
    }
    stored
}

/// Gives what is stored another head; false if nothing is.
pub(crate) fn replace_head(zone: &Zone, key: &CacheKey, meta: &CacheMeta) -> Result<bool> {
    let labels = meta.extensions().get::<Labels>().cloned();
    let head = Arc::new(zone.revalidated_head(key, meta)?);
    // The disk first: a copy that comes from there to memory has the old head, and is seen by that or by this.
    let on_disk = zone.disk().is_some_and(|disk| disk.rewrite(&head, labels));
    let in_memory = zone.memory.replace_head(head, key.primary_key());
    Ok(on_disk || in_memory)
}

/// Removes what is stored under a slot; with an id, only that very object. Returns the id of what was in memory.
///
/// The disk knows objects by their whole keys, which only an object in memory can tell: see the crate's page.
pub(crate) fn remove(zone: &Zone, slot: &Slot, id: Option<u64>) -> Option<u64> {
    let stored = zone.memory.get(slot).filter(|object| id.is_none_or(|id| id == object.id))?;
    if let Some(disk) = zone.disk() {
        disk.remove(stored.head.primary(), slot.variance());
    }
    zone.memory.remove(slot, Some(stored.id))
}

/// A copy for memory, growing with what a client reads.
#[derive(Debug)]
pub(crate) struct Promotion {
    turn: Turn,
    head: Arc<Head>,
    buffer: Buffer,
    charge: Charge,
}

impl Promotion {
    /// None while another copy of the object is being made: of many, one would be kept.
    fn begin(zone: &Arc<Zone>, id: u64, head: Arc<Head>) -> Option<Self> {
        let turn = Turn::take(zone, id)?;
        let charge = Charge::regardless(zone.memory.budget(), 0);
        Some(Promotion { turn, head, buffer: Buffer::default(), charge })
    }

    /// Takes what was read from `at` on. None if that is not what follows, or there is no room: then there is no copy.
    pub(crate) fn add(mut self, at: u64, bytes: &Bytes) -> Option<Self> {
        let follows = at == self.buffer.end();
        if !follows || !self.turn.zone.memory.charge(&mut self.charge, Buffer::cost_of(bytes.len())) {
            return None;
        }
        self.buffer.push(bytes.clone());
        self.charge.set(self.buffer.cost());
        Some(self)
    }

    /// Whether it is a copy of so many bytes.
    pub(crate) fn has(&self, bytes: u64) -> bool {
        self.buffer.end() == bytes
    }

    /// Stores the copy, which is whole, if the object is still what is found on disk.
    pub(crate) fn finish(mut self, of: &DiskBody) {
        let blocks = self.buffer.into_blocks();
        let bytes: u64 = blocks.iter().map(|block| Buffer::cost_of(block.bytes.len())).sum();
        self.charge.set(bytes + OBJECT_OVERHEAD);
        let body = Arc::new(Body::new(blocks, self.charge.take()));
        let slot = self.head.slot();
        let object = Object { id: self.turn.id, head: self.head, body };
        if !of.is_current() || !self.turn.zone.memory.insert(Arc::new(object)) {
            return;
        }
        // What replaces it on disk is announced there after it is stored in memory, and what removes it, before: so it is
        // either seen now, or has found this copy.
        if of.is_current() {
            of.count_promotion();
        } else {
            self.turn.zone.memory.remove(&slot, Some(self.turn.id));
        }
    }
}

/// The right to copy an object into memory, until it is dropped.
#[derive(Debug)]
struct Turn {
    zone: Arc<Zone>,
    id: u64,
}

impl Turn {
    fn take(zone: &Arc<Zone>, id: u64) -> Option<Self> {
        let is_first = zone.promoting().insert(id);
        is_first.then(|| Turn { zone: Arc::clone(zone), id })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.zone.promoting().remove(&self.id);
    }
}
