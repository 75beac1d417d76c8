//! Which keys were evicted on probation not long ago: fingerprints only.

use crate::memory::shard::Prehashed;
use std::collections::{HashSet, VecDeque};

/// A first-in first-out set of hashes. A collision makes one object skip probation: never a wrong answer.
#[derive(Debug, Default)]
pub(crate) struct Ghost {
    order: VecDeque<u64>,
    known: HashSet<u64, Prehashed>,
}

impl Ghost {
    /// Remembers a hash, and forgets the oldest ones past `capacity`.
    pub(crate) fn remember(&mut self, hash: u64, capacity: usize) {
        if self.known.insert(hash) {
            self.order.push_back(hash);
        }
        while self.order.len() > capacity.max(1) {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        if self.known.capacity() > 64 && self.order.len() < self.known.capacity() / 4 {
            self.order.shrink_to(self.order.len() * 2);
            self.known.shrink_to(self.order.len() * 2);
        }
    }

    /// Whether it is remembered. It stays so until its turn to be forgotten, which costs no search.
    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.known.contains(&hash)
    }

    pub(crate) fn table_bytes(&self) -> usize {
        self.order.capacity() * size_of::<u64>() + super::shard::table_bytes::<u64>(self.known.capacity())
    }
}
