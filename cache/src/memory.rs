//! The memory tier of one zone: whole objects, found by key, within a budget of bytes.
//!
//! Pure and synchronous. The objects are spread over shards by a keyed hash, so that nobody can choose where theirs
//! land. A hit takes one shard's lock shared, for as long as it takes to find the object and clone a reference to it.
//! The budget is one for all shards; eviction goes round them, one object at a time, and holds one lock at a time.

pub(crate) mod budget;
pub(crate) mod object;
mod queue;
mod ghost;
pub(crate) mod shard;

#[cfg(test)]
mod tests;

use crate::head::Head;
use crate::key::Slot;
use crate::purge::{Purges, Verdict};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use budget::{Budget, Charge};
use object::{Found, Object};
use shard::{Shard, Step};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError};

/// A zone smaller than this has one shard, and so one exact order of eviction.
const SHARD_BYTES_MIN: u64 = 4 << 20;
const SHARDS_MAX: usize = 64;
/// Objects that one eviction may spare before it takes the next, used or not: it bounds the time that a fill can spend
/// on finding room where everything is hot.
const SPARED_MAX: u32 = 64;
/// Places that are looked at under one lock where all are.
const VISITED: usize = 256;

#[derive(Debug)]
pub(crate) struct Memory {
    budget: Arc<Budget>,
    shards: Box<[Stripe]>,
    hasher: RandomState,
    hand: AtomicUsize,
    evictions: AtomicU64,
}

/// A shard behind its lock, and beside it the counters that every lookup writes: those of one shard only, so that cores
/// do not fight over one line of their caches.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    shard: RwLock<Shard>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a memory holds and has done, summed over its shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) objects: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) evictions: u64,
}

impl Memory {
    pub(crate) fn new(limit: u64) -> Self {
        let budget = Budget::new(limit);
        let shards = usize::try_from(limit / SHARD_BYTES_MIN).unwrap_or(SHARDS_MAX).clamp(1, SHARDS_MAX);
        let stripe =
            |_| Stripe { shard: RwLock::new(Shard::new(&budget)), hits: AtomicU64::new(0), misses: AtomicU64::new(0) };
        Memory {
            shards: (0..shards.next_power_of_two()).map(stripe).collect(),
            budget,
            hasher: RandomState::new(),
            hand: AtomicUsize::new(0),
            evictions: AtomicU64::new(0),
        }
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Finds an object by its whole key. What is found is asked of `purges`, outside the lock, and what they say is gone
    /// goes now and was not found.
    pub(crate) fn find(&self, slot: &Slot, primary: &[u8], purges: &Purges) -> Option<Found> {
        let (hash, stripe) = self.place(slot);
        let stored = stripe.read().find(hash, slot, primary);
        let found = stored.and_then(|object| match purges.judge(&object.head) {
            Verdict::Live => Some(Found { object, expired_at: None }),
            Verdict::Soft { since } => Some(Found { object, expired_at: Some(since) }),
            Verdict::Gone => {
                if let Some(removed) = stripe.write().remove(hash, |stored| stored.id == object.id) {
                    purges.count_removed(&removed);
                }
                None
            }
        });
        let counter = if found.is_some() { &stripe.hits } else { &stripe.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Finds an object that no purge has meant, and has it used. It counts as a hit if it is, and as nothing else. Nobody
    /// holds a lock meanwhile.
    pub(crate) fn find_live<T>(
        &self,
        slot: &Slot,
        primary: &[u8],
        purges: &Purges,
        use_it: impl FnOnce(Arc<Object>) -> Option<T>,
    ) -> Option<T> {
        let (hash, stripe) = self.place(slot);
        let found = stripe.read().find(hash, slot, primary);
        let live = found.filter(|object| purges.judge(&object.head) == Verdict::Live);
        let used = use_it(live?)?;
        stripe.hits.fetch_add(1, Ordering::Relaxed);
        Some(used)
    }

    /// Stores an object that has been charged already, in the place of an older one of the same key; false if it is
    /// itself the older one, and is not stored.
    pub(crate) fn insert(&self, object: Arc<Object>) -> bool {
        let id = object.id;
        let (hash, stripe) = self.place(&object.head.slot());
        let left = stripe.write().insert(hash, object);
        let stored = left.as_ref().is_none_or(|left| left.id != id);
        drop(left); // after the lock is let go
        self.fit();
        stored
    }

    /// Removes what is stored under a slot; with an id, only if it is that very object. Returns the id removed.
    pub(crate) fn remove(&self, slot: &Slot, id: Option<u64>) -> Option<u64> {
        let (hash, stripe) = self.place(slot);
        let meant = |object: &Object| object.head.slot() == *slot && id.is_none_or(|id| id == object.id);
        let removed = stripe.write().remove(hash, meant);
        removed.map(|object| object.id)
    }

    /// What is stored under a slot, whatever becomes of it. It is no use.
    pub(crate) fn get(&self, slot: &Slot) -> Option<Arc<Object>> {
        let (hash, stripe) = self.place(slot);
        stripe.read().get(hash).filter(|object| object.head.slot() == *slot).cloned()
    }

    /// Removes what is stored under a slot if it is older than an object of this id.
    pub(crate) fn remove_older(&self, slot: &Slot, id: u64) {
        let (hash, stripe) = self.place(slot);
        let removed = stripe.write().remove(hash, |object| object.head.slot() == *slot && object.id < id);
        drop(removed); // after the lock is let go
    }

    /// Gives a stored object a new head and leaves its body as it is; false if that very object is not
    /// there any more.
    pub(crate) fn replace_head(&self, head: Arc<Head>, primary: &[u8]) -> bool {
        let (hash, stripe) = self.place(&head.slot());
        let left = stripe.write().replace_head(hash, &head, primary);
        let replaced = left.is_some();
        drop(left);
        self.fit();
        replaced
    }

    /// Shows every object, [`VISITED`] to a lock, and removes those of which `stays` says no. One that comes meanwhile
    /// may not be seen, and one may be seen twice.
    pub(crate) fn visit(&self, mut stays: impl FnMut(&Object) -> bool, mut removed: impl FnMut(&Object)) {
        for stripe in &self.shards {
            // From the end, for the places are packed when many have become vacant.
            let mut end = usize::MAX;
            loop {
                let (start, objects) = stripe.read().objects_before(end, VISITED);
                for (hash, object) in objects {
                    if !stays(&object)
                        && let Some(object) = stripe.write().remove(hash, |stored| stored.id == object.id)
                    {
                        removed(&object);
                    }
                }
                if start == 0 {
                    break;
                }
                end = start;
            }
        }
    }

    /// Adds to a charge, evicting as much as that takes; false if all that could be evicted was not enough.
    pub(crate) fn charge(&self, charge: &mut Charge, more: u64) -> bool {
        if more > self.budget.limit() {
            return false;
        }
        loop {
            if charge.try_grow(more) {
                return true;
            }
            if !self.evict_one() {
                return false;
            }
        }
    }

    /// Changes the limit, and evicts down to it at once.
    pub(crate) fn resize(&self, limit: u64) {
        self.budget.set_limit(limit);
        self.fit();
    }

    pub(crate) fn counts(&self) -> Counts {
        let sum = |count: fn(&Stripe) -> u64| self.shards.iter().map(count).sum();
        Counts {
            objects: sum(|stripe| stripe.read().len() as u64),
            hits: sum(|stripe| stripe.hits.load(Ordering::Relaxed)),
            misses: sum(|stripe| stripe.misses.load(Ordering::Relaxed)),
            evictions: self.evictions.load(Ordering::Relaxed),
        }
    }

    /// Evicts until what is held is within the limit, or nothing is left to evict.
    pub(crate) fn fit(&self) {
        while self.budget.used() > self.budget.limit() && self.evict_one() {}
    }

    /// Evicts one object, from the shards in turn; false if there is none.
    fn evict_one(&self) -> bool {
        let (mut spared, mut empty) = (0, 0);
        while empty < self.shards.len() {
            let at = self.hand.fetch_add(1, Ordering::Relaxed) & (self.shards.len() - 1);
            let step = self.shards[at].write().step(spared >= SPARED_MAX);
            match step {
                Step::Empty => empty += 1,
                Step::Spared => (spared, empty) = (spared + 1, 0),
                Step::Evicted(object) => {
                    drop(object);
                    self.evictions.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
            }
        }
        false
    }

    fn place(&self, slot: &Slot) -> (u64, &Stripe) {
        let hash = self.hasher.hash_one(slot);
        // The tables take their bits from both ends of the hash, so the shard is chosen by the middle.
        let at = (hash >> 32) as usize & (self.shards.len() - 1);
        (hash, &self.shards[at])
    }
}

/// A lock poisoned by a panic is used on: the panic ended one request and must not end the zone.
impl Stripe {
    fn read(&self) -> RwLockReadGuard<'_, Shard> {
        self.shard.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shard> {
        self.shard.write().unwrap_or_else(PoisonError::into_inner)
    }
}
