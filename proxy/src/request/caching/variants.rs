//! How many answers each key has: a cap on what one URL may take of the cache by `Vary`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use pingora::cache::key::HashBinary;

/// Answers that are counted at a time, over all keys of one shard. Beyond it, keys are forgotten, and their count begins
/// anew.
const COUNTED_MAX: usize = 8 * 1024;
const SHARDS: usize = 16;

/// The answers under each key. Asked when one is to be stored that `Vary` tells from others, never on a hit. At most some
/// 5 MiB.
#[derive(Debug, Default)]
pub(crate) struct Variants {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    keys: HashMap<HashBinary, Vec<Variant>>,
    counted: usize,
}

/// One answer, by the request fields that it goes with.
#[derive(Debug)]
struct Variant {
    variance: HashBinary,
    /// After it, nobody is served with it.
    until_s: u64,
}

impl Variants {
    /// Whether one more answer may be stored under a key, until such a time. Those that are there already may be stored
    /// anew: who sends strange fields cannot push out what others ask for.
    pub(crate) fn admit(&self, key: HashBinary, variance: HashBinary, max: u32, now_s: u64, until_s: u64) -> bool {
        let shard = &self.shards[usize::from(key[0]) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.admit(key, Variant { variance, until_s }, max, now_s)
    }
}

impl Shard {
    fn admit(&mut self, key: HashBinary, variant: Variant, max: u32, now_s: u64) -> bool {
        if self.counted >= COUNTED_MAX && !self.keys.contains_key(&key) {
            self.make_room(now_s);
        }
        let variants = self.keys.entry(key).or_default();
        let before = variants.len();
        variants.retain(|known| known.until_s > now_s && known.variance != variant.variance);
        let admitted = variants.len() < max as usize;
        if admitted {
            variants.push(variant);
        }
        self.counted = self.counted + variants.len() - before;
        admitted
    }

    /// Forgets what is over, and where that is not enough, keys as they come.
    fn make_room(&mut self, now_s: u64) {
        self.keys.retain(|_, variants| {
            variants.retain(|known| known.until_s > now_s);
            !variants.is_empty()
        });
        self.counted = self.keys.values().map(Vec::len).sum();
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
    fn a_key_has_so_many_answers_until_one_is_over() {
        let variants = Variants::default();
        let admit = |variance, now_s| variants.admit([0; 16], [variance; 16], 2, now_s, now_s + 10);
        assert!(admit(1, 0) && admit(2, 5));
        assert!(!admit(3, 9) && admit(1, 9), "what is there is stored anew");
        assert!(admit(3, 15) && !admit(2, 15), "the second is over");
        assert!(variants.admit([16; 16], [2; 16], 2, 15, 25), "another key");
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let mut shard = Shard::default();
        for number in 0..2 * COUNTED_MAX as u64 {
            let variance = u128::from(number).to_be_bytes();
            assert!(shard.admit(variance, Variant { variance, until_s: 9 }, 2, 0));
            assert!(shard.counted <= COUNTED_MAX && shard.counted == shard.keys.values().map(Vec::len).sum::<usize>());
        }
    }
}
