//! What turned out uncacheable lately ("hit for miss"): requests for it do not wait for each other in vain.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use pingora::cache::{
    CacheKey, NoCacheReason,
    key::{CacheHashKey, HashBinary},
    predictor::CacheablePredictor,
};

use crate::clock;

/// Keys that are remembered at a time. In a table of so many, one that takes the place of another costs that one a wait.
const KEYS: usize = 64 * 1024;

/// Keys, each until a time. A fixed half of a MiB, read and written without a lock: it is asked with every request.
///
/// An entry holds 32 bits of the key beside the 16 that say where it stands. So one key in four thousand million is taken
/// for another, and not collapsed for as long as that one is remembered.
pub(crate) struct Uncacheable {
    /// The tag of a key in the upper half, and in the lower until which second it counts; zero is empty.
    entries: Box<[AtomicU64]>,
}

impl Default for Uncacheable {
    fn default() -> Self {
        Self { entries: std::iter::repeat_with(AtomicU64::default).take(KEYS).collect() }
    }
}

impl fmt::Debug for Uncacheable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uncacheable").finish_non_exhaustive()
    }
}

impl Uncacheable {
    /// Remembers a key for so long.
    pub(crate) fn remember(&self, key: HashBinary, now_ns: u64, time: Duration) {
        let until_s = now_ns.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).div_ceil(NS_PER_S);
        if !time.is_zero() {
            let (entry, tag) = self.place(key);
            entry.store((tag << 32) | until_s.min(u64::from(u32::MAX)), Ordering::Relaxed);
        }
    }

    /// Whether it is.
    pub(crate) fn remembers(&self, key: HashBinary, now_ns: u64) -> bool {
        let (entry, tag) = self.place(key);
        let entry = entry.load(Ordering::Relaxed);
        entry >> 32 == tag && u64::from(low_half(entry)) * NS_PER_S > now_ns
    }

    fn place(&self, key: HashBinary) -> (&AtomicU64, u64) {
        let hash = u128::from_be_bytes(key);
        let [at, tag] = [hash, hash >> 64].map(low_half_of_key);
        (&self.entries[at as usize % KEYS], u64::from(tag))
    }
}

const NS_PER_S: u64 = 1_000_000_000;

#[expect(clippy::cast_possible_truncation, reason = "the half that is wanted")]
fn low_half(entry: u64) -> u32 {
    entry as u32
}

#[expect(clippy::cast_possible_truncation, reason = "as many bits as are wanted")]
fn low_half_of_key(hash: u128) -> u32 {
    hash as u32
}

impl CacheablePredictor for Uncacheable {
    fn cacheable_prediction(&self, key: &CacheKey) -> bool {
        !self.remembers(key.primary_bin(), clock::nanos())
    }

    fn mark_cacheable(&self, key: &CacheKey) -> bool {
        let (entry, tag) = self.place(key.primary_bin());
        let before = entry.load(Ordering::Relaxed);
        let remembered = before >> 32 == tag && before != 0;
        if remembered {
            entry.compare_exchange(before, 0, Ordering::Relaxed, Ordering::Relaxed).ok();
        }
        !remembered
    }

    /// Pingora knows neither for how long nor whether it is worth it: who refuses to store says so with
    /// [`Uncacheable::remember`].
    fn mark_uncacheable(&self, _key: &CacheKey, _reason: NoCacheReason) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_for_its_time() {
        let uncacheable = Uncacheable::default();
        let [key_a, key_b] = ["a", "b"].map(|key| CacheKey::new(key, "zone"));
        let [a, b] = [&key_a, &key_b].map(CacheKey::primary_bin);
        let s = NS_PER_S;
        uncacheable.remember(a, s, Duration::from_secs(2));
        assert!(uncacheable.remembers(a, s) && uncacheable.remembers(a, 3 * s - 1));
        assert!(!uncacheable.remembers(a, 3 * s) && !uncacheable.remembers(b, s));
        assert!(!uncacheable.mark_cacheable(&key_a) && !uncacheable.remembers(a, s));
        assert!(uncacheable.mark_cacheable(&key_b));
        uncacheable.remember(b, s, Duration::ZERO);
        assert!(!uncacheable.remembers(b, s - 1));
    }
}
