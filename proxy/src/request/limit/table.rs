//! A bounded table of keys and one number each; the number that is furthest in the past goes first.
//!
//! Set-associative like a processor cache: a keyed hash picks a set of eight slots, and a new key takes the slot with
//! the smallest number. A flood of new keys can so neither grow the table nor push out a key that is busier than
//! itself, and cannot aim at a set. Each set has a lock of its own, held for a few nanoseconds.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

const WAYS: usize = 8;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Second half of the key's 128-bit identity; the first picks the set.
    tag: u64,
    /// Theoretical arrival time; 0 is an empty slot.
    arrival_ns: u64,
}

#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Mutex<[Slot; WAYS]>]>,
    pick: RandomState,
    tag: RandomState,
}

impl Table {
    /// Room for `keys` keys, rounded up to whole sets.
    pub(super) fn new(keys: usize) -> Self {
        let sets = (0..keys.div_ceil(WAYS).max(1)).map(|_| Mutex::default()).collect();
        Self { sets, pick: RandomState::new(), tag: RandomState::new() }
    }

    /// Replaces the number of a key by what `change` makes of it; keeps it when `change` refuses.
    pub(super) fn update<E>(
        &self,
        key: u128,
        now_ns: u64,
        change: impl FnOnce(u64) -> Result<u64, E>,
    ) -> Result<(), E> {
        let tag = self.tag.hash_one(key);
        let set = usize::try_from(self.pick.hash_one(key) % self.sets.len() as u64).expect("below a usize");
        let mut slots = self.sets[set].lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter().position(|slot| slot.tag == tag && slot.arrival_ns > now_ns);
        let arrival_ns = change(known.map_or(0, |at| slots[at].arrival_ns))?;
        let at = known.unwrap_or_else(|| {
            let (quietest, _) =
                slots.iter().enumerate().min_by_key(|(_, slot)| slot.arrival_ns).expect("a set has slots");
            quietest
        });
        slots[at] = Slot { tag, arrival_ns };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number kept for a key, read by a change that refuses.
    fn kept(table: &Table, key: u128, now_ns: u64) -> u64 {
        table.update(key, now_ns, Err).unwrap_err()
    }

    #[test]
    fn a_flood_of_new_keys_cannot_push_out_a_busier_one() {
        let table = Table::new(64);
        table.update(7, 0, |_| Ok::<_, ()>(1_000_000)).unwrap();
        for key in 1_000..101_000 {
            table.update(key, 0, |_| Ok::<_, ()>(10)).unwrap();
        }
        assert_eq!(kept(&table, 7, 0), 1_000_000);
    }

    #[test]
    fn a_number_that_has_passed_is_forgotten() {
        let table = Table::new(64);
        table.update(7, 0, |_| Ok::<_, ()>(100)).unwrap();
        assert_eq!((kept(&table, 7, 99), kept(&table, 7, 100)), (100, 0));
    }

    #[test]
    fn memory_is_what_the_docs_say() {
        let table = Table::new(super::super::KEYS_MAX);
        assert_eq!(size_of_val(&*table.sets), super::super::KEYS_MAX * 17);
    }
}
