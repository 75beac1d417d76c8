//! One shard of a zone's memory: an index over two queues, and the rule of who has to go (S3-FIFO).
//!
//! Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023. New objects stand in a small queue that
//! gets a tenth of the bytes. What was not asked for again by the time it comes to the old end is evicted, and only its
//! hash is remembered; what was, moves to the main queue. There an object that was used goes round again, with one use
//! less. So a hit moves nothing, it only counts, and a flood of objects that are asked for once never displaces the
//! proven ones. A key whose hash is still remembered goes straight to the main queue.

use crate::head::Head;
use crate::key::Slot;
use crate::memory::budget::{Budget, Charge};
use crate::memory::ghost::Ghost;
use crate::memory::object::Object;
use crate::memory::queue::{Line, Queues};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// The small queue's share of the bytes is one in so many (the paper's 10 %).
const SMALL_SHARE: u64 = 10;
/// Uses on probation that prove an object. With 2, as in the paper, the hit ratio was the same or up to 0.8 points lower
/// on every trace of `benches/store` (2026-11).
const PROOF_USES: u8 = 1;

/// What one step of eviction did.
#[derive(Debug)]
pub(crate) enum Step {
    /// There is nothing to evict.
    Empty,
    /// The oldest object was let go on, for it was used or is being read.
    Spared,
    /// This one left. It is returned so that it is dropped outside the lock.
    Evicted(Arc<Object>),
}

#[derive(Debug)]
pub(crate) struct Shard {
    index: HashMap<u64, u32, Prehashed>,
    queues: Queues,
    ghost: Ghost,
    tables: Charge,
}

impl Shard {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Shard {
            index: HashMap::default(),
            queues: Queues::new(),
            ghost: Ghost::default(),
            tables: Charge::regardless(budget, 0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queues.len()
    }

    /// The objects of up to `most` places before one, with their hashes, and the first of these places.
    pub(crate) fn objects_before(&self, end: usize, most: usize) -> (usize, Vec<(u64, Arc<Object>)>) {
        let (start, places) = self.queues.places_before(end, most);
        (start, places.map(|place| (place.hash, Arc::clone(&place.object))).collect())
    }

    /// Finds an object by its whole key and counts the use.
    pub(crate) fn find(&self, hash: u64, slot: &Slot, primary: &[u8]) -> Option<Arc<Object>> {
        let place = self.queues.get(*self.index.get(&hash)?);
        if !place.object.head.is_for(slot, primary) {
            return None;
        }
        place.count_use();
        Some(Arc::clone(&place.object))
    }

    /// What is stored under a hash.
    pub(crate) fn get(&self, hash: u64) -> Option<&Arc<Object>> {
        Some(&self.queues.get(*self.index.get(&hash)?).object)
    }

    /// Stores an object, in the place of an older one under the same key if there is one. Returns what is not, or no
    /// longer, stored: that older one, or this one if it is itself the older, because its fill took longer.
    pub(crate) fn insert(&mut self, hash: u64, object: Arc<Object>) -> Option<Arc<Object>> {
        if let Some(at) = self.index.get(&hash) {
            let newer = self.queues.get(*at).object.id < object.id;
            return Some(if newer { self.queues.swap(*at, object) } else { object });
        }
        let line = if self.ghost.contains(hash) { Line::Main } else { Line::Small };
        let at = self.queues.push(line, hash, object);
        self.index.insert(hash, at);
        self.settle();
        None
    }

    /// Takes an object out, if it is the one that is meant.
    pub(crate) fn remove(&mut self, hash: u64, meant: impl Fn(&Object) -> bool) -> Option<Arc<Object>> {
        let at = *self.index.get(&hash)?;
        meant(&self.queues.get(at).object).then(|| self.take(at))
    }

    /// Gives a stored object another head, if it is one of the same object. The object that stood there is returned.
    ///
    /// While a revalidation was under way, another answer may have been stored under the key; its body has nothing to do
    /// with that head. Pingora says which answer it has revalidated only by the time of its creation, which it carries
    /// over into the new meta (`revalidate_cache_meta` in pingora-cache's lib.rs).
    pub(crate) fn replace_head(&mut self, hash: u64, head: &Arc<Head>, primary: &[u8]) -> Option<Arc<Object>> {
        let at = *self.index.get(&hash)?;
        let stored = &self.queues.get(at).object;
        if !stored.head.is_for(&head.slot(), primary) || stored.head.created() != head.created() {
            return None;
        }
        let body = Arc::clone(&stored.body);
        let object = Object { id: stored.id, head: Arc::clone(head), body };
        Some(self.queues.swap(at, Arc::new(object)))
    }

    /// Looks at one object and evicts or spares it. With `force` it spares none.
    pub(crate) fn step(&mut self, force: bool) -> Step {
        let (small, main) = (self.queues.bytes(Line::Small), self.queues.bytes(Line::Main));
        let small_is_over = small > (small + main) / SMALL_SHARE;
        let line = if small_is_over || main == 0 { Line::Small } else { Line::Main };
        let Some(at) = self.queues.oldest(line) else { return Step::Empty };
        let place = self.queues.get(at);
        let uses = place.uses();
        if !force {
            // Evicting what is being read would free no byte before the reader has gone.
            if is_being_read(&place.object) {
                self.queues.requeue(at, line, uses);
                return Step::Spared;
            }
            if line == Line::Small && uses >= PROOF_USES {
                self.queues.requeue(at, Line::Main, 0);
                return Step::Spared;
            }
            if line == Line::Main && uses > 0 {
                self.queues.requeue(at, Line::Main, uses - 1);
                return Step::Spared;
            }
        }
        let hash = place.hash;
        if line == Line::Small {
            self.ghost.remember(hash, self.queues.len());
        }
        Step::Evicted(self.take(at))
    }

    fn take(&mut self, at: u32) -> Arc<Object> {
        let place = self.queues.remove(at);
        self.index.remove(&place.hash);
        if self.queues.is_sparse() {
            let index = &mut self.index;
            index.shrink_to(self.queues.len() * 2);
            self.queues.pack(|hash, at| {
                index.insert(hash, at);
            });
        }
        self.settle();
        place.object
    }

    /// Charges the tables for the memory they have now: they grow and shrink in leaps.
    fn settle(&mut self) {
        let bytes =
            table_bytes::<(u64, u32)>(self.index.capacity()) + self.queues.table_bytes() + self.ghost.table_bytes();
        self.tables.set(bytes as u64);
    }
}

/// Whether a client is being sent an object at this moment, whole or its body alone.
fn is_being_read(object: &Arc<Object>) -> bool {
    Arc::strong_count(object) > 1 || object.is_being_read()
}

/// Bytes of a standard hash table of so much capacity: a power of two of buckets, seven in eight usable, with one
/// control byte for each and a group of them at the end.
pub(crate) fn table_bytes<Entry>(capacity: usize) -> usize {
    if capacity == 0 { 0 } else { (capacity * 8 / 7).next_power_of_two() * (size_of::<Entry>() + 1) + 16 }
}

/// Takes a number that is a hash already (see [`crate::memory::Memory`]) as the hash.
pub(crate) type Prehashed = BuildHasherDefault<AsIs>;

/// See [`Prehashed`].
#[derive(Debug, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        unreachable!("only a u64 is ever hashed here, not {} bytes", bytes.len());
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
