//! Where each object lies: 16 bytes and a byte of control for each, in tables at least 7/16 full once they have grown.
//!
//! So an object takes between 19.4 and 38.9 bytes of memory, charged to the zone. The table holds no keys: two keys of one
//! 64-bit hash displace each other, and which of them is stored is seen when it is read.
//!
//! What is queued to be written, or to be removed, is noted here as well, by a ticket that a later intent for the same
//! key replaces: only the holder of the last ticket may enter what it has written.

use crate::disk::layout::{ALIGNMENT, Entry};
use crate::memory::budget::{Budget, Charge};
use crate::sync::atomic::{AtomicU64, Ordering};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Position;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;
/// The most bytes of memory that an object takes, just after the tables have grown.
pub(crate) const OBJECT_BYTES_MAX: u64 = 39;
/// More uses than these are not told apart.
const USES_MAX: u64 = 3;

/// What an object is found by: a hash of its whole key, made with the folder's own random key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyHash(pub(crate) u64);

/// Which segment (the last 24 bits of its number), and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
}

impl Place {
    pub(crate) fn new(segment_number: u64, offset: u64) -> Self {
        Place { segment: short(segment_number), offset }
    }
}

/// A segment's number as a place says it. Numbers that are in use at the same time differ in it.
pub(crate) fn short(segment_number: u64) -> u32 {
    (segment_number & 0xff_ffff) as u32
}

/// What a lookup finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) place: Place,
    /// Bytes of the record, rounded up, and no more than 512 KiB: a hint for the first read.
    pub(crate) bytes: u64,
    /// How often it was found before, up to 3 times.
    pub(crate) uses: u8,
}

/// A right to enter what was written for a key, until somebody else intends something for that key.
pub(crate) type Ticket = u64;

#[derive(Debug)]
pub(crate) struct Index {
    shards: Box<[Mutex<Shard>]>,
    last_ticket: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    places: HashTable<Packed>,
    intents: HashMap<KeyHash, Ticket>,
    charge: Charge,
}

impl Index {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        let shard = |_| {
            let charge = Charge::regardless(budget, 0);
            Mutex::new(Shard { places: HashTable::new(), intents: HashMap::new(), charge })
        };
        Index { shards: (0..SHARDS).map(shard).collect(), last_ticket: AtomicU64::new(0) }
    }

    /// Where a key's object lies. With `count` that is a use.
    pub(crate) fn find(&self, hash: KeyHash, count: bool) -> Option<Found> {
        let mut shard = self.shard(hash);
        let packed = shard.places.find_mut(hash.0, |packed| packed.hash == hash)?;
        let found = packed.unpack();
        if count {
            packed.set_uses(u64::from(found.uses) + 1);
        }
        Some(found)
    }

    /// Announces that something newer is on its way: what is stored is not found any more. Says whether there was
    /// anything that the newer one must outlive on disk.
    pub(crate) fn supersede(&self, hash: KeyHash) -> (Ticket, bool) {
        let ticket = self.ticket();
        let mut shard = self.shard(hash);
        let stored = shard.take(hash, |_| true);
        let intended = shard.intents.insert(hash, ticket).is_some();
        (ticket, stored || intended)
    }

    /// Announces that what is stored will be written anew, and leaves it in place until then. None if it is not stored,
    /// or about to be replaced anyway.
    pub(crate) fn intend_rewrite(&self, hash: KeyHash) -> Option<(Ticket, Place)> {
        let ticket = self.ticket();
        let mut shard = self.shard(hash);
        let place = shard.places.find(hash.0, |packed| packed.hash == hash)?.unpack().place;
        shard.intents.insert(hash, ticket);
        Some((ticket, place))
    }

    /// Announces the removal of what lies in a place, which is not found any more. None if the key's object lies elsewhere.
    pub(crate) fn condemn(&self, hash: KeyHash, place: Place) -> Option<Ticket> {
        let ticket = self.ticket();
        let mut shard = self.shard(hash);
        shard.take(hash, |packed| packed.unpack().place == place).then(|| {
            shard.intents.insert(hash, ticket);
            ticket
        })
    }

    /// Whether a key's object lies there, and nothing else is intended for it.
    pub(crate) fn is_settled(&self, hash: KeyHash, place: Place) -> bool {
        let shard = self.shard(hash);
        let stored = shard.places.find(hash.0, |packed| packed.hash == hash);
        stored.is_some_and(|packed| packed.unpack().place == place) && !shard.intents.contains_key(&hash)
    }

    /// Whether nobody has intended anything else for the key since.
    pub(crate) fn is_current(&self, hash: KeyHash, ticket: Ticket) -> bool {
        self.shard(hash).intents.get(&hash) == Some(&ticket)
    }

    /// Enters what was written, if it is still wanted, and settles the intent either way.
    pub(crate) fn settle(&self, hash: KeyHash, ticket: Ticket, written: Option<&(Place, u64)>) {
        let mut shard = self.shard(hash);
        if shard.intents.get(&hash) != Some(&ticket) {
            return;
        }
        shard.intents.remove(&hash);
        if shard.intents.is_empty() {
            shard.intents.shrink_to(16);
        }
        if let Some((place, bytes)) = written {
            shard.put(Packed::new(hash, *place, *bytes, 0));
        }
    }

    /// Enters what was found on disk at opening, where nothing newer is known.
    pub(crate) fn load(&self, segment: u64, entry: &Entry) {
        let mut shard = self.shard(entry.hash);
        let known = shard.places.find(entry.hash.0, |packed| packed.hash == entry.hash).is_some();
        if !known && !shard.intents.contains_key(&entry.hash) {
            shard.put(Packed::new(entry.hash, Place::new(segment, entry.offset), entry.bytes, 0));
        }
    }

    /// Points to a copy, if the original is still what is found. Its uses begin anew.
    pub(crate) fn relocate(&self, hash: KeyHash, from: Place, to: Place, bytes: u64) {
        let mut shard = self.shard(hash);
        if shard.take(hash, |packed| packed.unpack().place == from) {
            shard.put(Packed::new(hash, to, bytes, 0));
        }
    }

    /// Forgets what lies in one place; false if the key's object lies elsewhere, or nowhere.
    pub(crate) fn forget(&self, hash: KeyHash, place: Place) -> bool {
        self.shard(hash).take(hash, |packed| packed.unpack().place == place)
    }

    /// Forgets everything in a segment, by looking at all there is: only where its own table cannot be read.
    pub(crate) fn forget_segment(&self, segment: u32) {
        for shard in &self.shards {
            lock(shard).places.retain(|packed| packed.unpack().place.segment != segment);
        }
    }

    /// Forgets all that is stored, and gives its memory back. Intents stand.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.places = HashTable::new();
            shard.charge_tables();
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).places.len() as u64).sum()
    }

    /// Bytes of memory that all of it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).charge.bytes()).sum()
    }

    fn ticket(&self) -> Ticket {
        self.last_ticket.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The table takes its bits from both ends of the hash, so the shard is chosen by the middle.
    fn shard(&self, hash: KeyHash) -> MutexGuard<'_, Shard> {
        lock(&self.shards[(hash.0 >> 32) as usize % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn put(&mut self, packed: Packed) {
        match self.places.entry(packed.hash.0, |other| other.hash == packed.hash, |other| other.hash.0) {
            Position::Occupied(mut place) => *place.get_mut() = packed,
            Position::Vacant(place) => {
                place.insert(packed);
            }
        }
        self.charge_tables();
    }

    fn take(&mut self, hash: KeyHash, meant: impl Fn(&Packed) -> bool) -> bool {
        let found = self.places.find_entry(hash.0, |packed| packed.hash == hash && meant(packed));
        let taken = found.map(|place| place.remove()).is_ok();
        if taken && self.places.capacity() > 64 && self.places.len() < self.places.capacity() / 4 {
            self.places.shrink_to(self.places.len() * 2, |packed| packed.hash.0);
            self.charge_tables();
        }
        taken
    }

    /// The table grows and shrinks in leaps. Intents are few and short-lived: what is queued is bounded by bytes.
    fn charge_tables(&mut self) {
        let intents = crate::memory::shard::table_bytes::<(KeyHash, Ticket)>(self.intents.capacity());
        self.charge.set((self.places.allocation_size() + intents) as u64);
    }
}

/// A hash, and in 64 bits: segment 24, offset 28 (in units of 16 bytes: 4 GiB), length 10 (of 512 bytes), uses 2.
#[derive(Debug, Clone, Copy)]
struct Packed {
    hash: KeyHash,
    bits: u64,
}

const LENGTH_UNIT: u64 = 512;
const LENGTH_MASK: u64 = (1 << 10) - 1;
const OFFSET_MASK: u64 = (1 << 28) - 1;

impl Packed {
    fn new(hash: KeyHash, place: Place, bytes: u64, uses: u64) -> Self {
        let length = bytes.div_ceil(LENGTH_UNIT).min(LENGTH_MASK);
        let offset = (place.offset / ALIGNMENT) & OFFSET_MASK;
        Packed { hash, bits: u64::from(place.segment) << 40 | offset << 12 | length << 2 | uses.min(USES_MAX) }
    }

    fn unpack(&self) -> Found {
        let place = Place { segment: (self.bits >> 40) as u32, offset: (self.bits >> 12 & OFFSET_MASK) * ALIGNMENT };
        let bytes = (self.bits >> 2 & LENGTH_MASK) * LENGTH_UNIT;
        Found { place, bytes, uses: (self.bits & USES_MAX) as u8 }
    }

    fn set_uses(&mut self, uses: u64) {
        self.bits = self.bits & !USES_MAX | uses.min(USES_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::{Index, KeyHash, Place};
    use crate::memory::budget::Budget;

    fn place(number: u64) -> (Place, u64) {
        (Place { segment: (number % 0x1_000_000) as u32, offset: number % 0x1_000_000 * 16 }, 700)
    }

    #[test]
    fn a_place_comes_back_at_the_ends_of_its_range_with_a_length_that_is_no_less() {
        let index = Index::new(&Budget::new(0));
        for (segment, offset, bytes) in [(0, 0, 1), (0xff_ffff, 0xfff_ffff * 16, 1 << 30), (1, 16, 513)] {
            let hash = KeyHash(u64::MAX - segment);
            let at = Place { segment: segment as u32, offset };
            let (ticket, _) = index.supersede(hash);
            index.settle(hash, ticket, Some(&(at, bytes)));
            let found = index.find(hash, false).expect("settled");
            assert_eq!(found.place, at);
            assert!(found.bytes >= bytes.min(0x3ff * 512), "{found:?}");
        }
    }

    #[test]
    fn only_the_last_intent_for_a_key_is_entered() {
        let index = Index::new(&Budget::new(0));
        let hash = KeyHash(7);
        let (first, before) = index.supersede(hash);
        assert!(!before);
        let (second, before) = index.supersede(hash);
        assert!(before, "what is under way may be on disk by then");
        index.settle(hash, first, Some(&place(1)));
        assert_eq!(index.find(hash, true), None);
        index.settle(hash, second, Some(&place(2)));
        assert_eq!(index.find(hash, true).map(|found| (found.place, found.uses)), Some((place(2).0, 0)));
        assert_eq!(index.find(hash, true).map(|found| found.uses), Some(1));
        index.settle(hash, second, Some(&place(3)));
        assert_eq!(index.find(hash, false).map(|found| found.place), Some(place(2).0), "a ticket is good once");
    }

    #[test]
    fn a_rewrite_leaves_what_is_stored_and_gives_way_to_what_is_newer() {
        let index = Index::new(&Budget::new(0));
        let hash = KeyHash(7);
        assert_eq!(index.intend_rewrite(hash), None);
        let (ticket, _) = index.supersede(hash);
        index.settle(hash, ticket, Some(&place(1)));
        let (rewrite, at) = index.intend_rewrite(hash).expect("stored");
        assert_eq!((at, index.find(hash, false).map(|found| found.place)), (place(1).0, Some(place(1).0)));
        let (removal, before) = index.supersede(hash);
        assert!(before);
        index.settle(hash, rewrite, Some(&place(2)));
        index.settle(hash, removal, None);
        assert_eq!(index.find(hash, false), None);
    }

    #[test]
    fn a_copy_takes_the_place_of_its_original_only() {
        let index = Index::new(&Budget::new(0));
        let hash = KeyHash(7);
        let (ticket, _) = index.supersede(hash);
        index.settle(hash, ticket, Some(&place(1)));
        index.relocate(hash, place(9).0, place(2).0, 700);
        assert_eq!(index.find(hash, false).map(|found| found.place), Some(place(1).0));
        index.relocate(hash, place(1).0, place(2).0, 700);
        assert_eq!(index.find(hash, false).map(|found| found.place), Some(place(2).0));
        assert!(!index.forget(hash, place(1).0));
        assert!(index.forget(hash, place(2).0));
    }

    #[test]
    fn an_object_takes_less_than_forty_bytes_of_the_budget_wherever_the_tables_stand() {
        let budget = Budget::new(0);
        let index = Index::new(&budget);
        for number in 0..200_000_u64 {
            let hash = KeyHash(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let (ticket, _) = index.supersede(hash);
            index.settle(hash, ticket, Some(&place(number)));
            if number >= 20_000 && number % 10_000 == 0 {
                let each = budget.used() as f64 / number as f64;
                assert!((17.0..40.0).contains(&each), "{each} bytes for each of {number}");
            }
        }
        assert_eq!(index.len(), 200_000);
        index.forget_segment(place(5).0.segment);
        assert_eq!(index.len(), 199_999);
        index.clear();
        assert!(index.bytes() < 64 * 1024, "{}", index.bytes());
        drop(index);
        assert_eq!(budget.used(), 0);
    }
}
