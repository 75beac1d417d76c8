//! How many answers each key has: a cap on what one URL may take of the cache by `Vary`.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use pingora::cache::key::HashBinary;

/// Answers that are counted at a time, over all keys of one shard. Beyond it, keys are forgotten, and their count begins
/// anew.
const COUNTED_MAX: usize = 8 * 1024;
const SHARDS: usize = 16;

/// The answers under each key. Asked when one is stored that `Vary` tells from others, never on a hit. At most some 4 MiB.
#[derive(Debug, Default)]
pub(crate) struct Variants {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    /// By the request fields that each goes with, the one that was stored longest ago first.
    keys: HashMap<HashBinary, VecDeque<HashBinary>>,
    counted: usize,
}

impl Variants {
    /// Counts an answer that is stored under a key; the answers that have to make room for it are returned. These are the
    /// ones that were stored longest ago: what is asked for comes back, so that who sends strange fields shuts nobody out.
    pub(crate) fn count(&self, key: HashBinary, variance: HashBinary, max: u32) -> Vec<HashBinary> {
        let shard = &self.shards[usize::from(key[0]) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.count(key, variance, max as usize)
    }
}

impl Shard {
    fn count(&mut self, key: HashBinary, variance: HashBinary, max: usize) -> Vec<HashBinary> {
        if !self.keys.contains_key(&key) {
            self.make_room();
        }
        let variants = self.keys.entry(key).or_default();
        let before = variants.len();
        variants.retain(|known| *known != variance);
        variants.push_back(variance);
        // More than one where a reload has made it fewer.
        let replaced = variants.drain(..variants.len().saturating_sub(max)).collect();
        self.counted = self.counted + variants.len() - before;
        replaced
    }

    /// Forgets keys as they come.
    fn make_room(&mut self) {
        while self.counted >= COUNTED_MAX {
            let Some(key) = self.keys.keys().next().copied() else { return };
            self.counted -= self.keys.remove(&key).map_or(0, |variants| variants.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_replaces_what_was_stored_longest_ago() {
        let variants = Variants::default();
        let count = |variance, max| variants.count([0; 16], [variance; 16], max);
        assert!(count(1, 2).is_empty() && count(2, 2).is_empty());
        assert!(count(1, 2).is_empty(), "what is there is stored anew");
        assert_eq!(count(3, 2), [[2; 16]]);
        assert_eq!(count(2, 2), [[1; 16]], "it comes back");
        assert!(variants.count([16; 16], [2; 16], 2).is_empty(), "another key");
        assert_eq!(count(4, 1), [[3; 16], [2; 16]], "the route keeps fewer now");
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let mut shard = Shard::default();
        for number in 0..2 * COUNTED_MAX as u64 {
            let variance = u128::from(number).to_be_bytes();
            assert!(shard.count(variance, variance, 2).is_empty());
            assert!(
                shard.counted <= COUNTED_MAX && shard.counted == shard.keys.values().map(VecDeque::len).sum::<usize>()
            );
        }
    }
}
