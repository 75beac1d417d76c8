//! What turned out uncacheable lately ("hit for miss"): requests for it do not wait for each other in vain.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::StatusCode;
use pingora::cache::{
    CacheKey, NoCacheReason,
    key::{CacheHashKey, HashBinary},
    predictor::CacheablePredictor,
};

use super::{status::Found, storable::NotStored};
use crate::clock;

/// An answer that is not kept, and how the edge came by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) reason: NotStored,
    pub(crate) status: StatusCode,
    pub(crate) found: Found,
    /// Whether no client has asked.
    pub(crate) background: bool,
}

impl Refused {
    /// Whether the next requests for its key are likely to fare no better, whoever sends them. What one client gets for
    /// asking past a good answer, for its conditions or for a fault of its own says nothing of others.
    pub(crate) fn lasts(self) -> bool {
        let of_the_resource = match self.status {
            StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED => false,
            status if status.is_client_error() => is_gone(status) && !self.background,
            _ => true,
        };
        let nothing_is_stored = match self.found {
            Found::Nothing | Found::NobodyLooked | Found::Expired => true,
            Found::OtherVariants | Found::Unwanted => false,
        };
        self.reason.lasts() && of_the_resource && nothing_is_stored
    }

    /// Whether what is stored holds for nobody any more. RFC 9111 s4.3.3 takes any full answer for the client that asked;
    /// to refuse a request, or to answer it for one user, is no word about what others have.
    pub(crate) fn outdates(self) -> bool {
        let is_withdrawn =
            self.reason == NotStored::NoStore && (self.status.is_success() || self.status.is_redirection());
        self.found == Found::Expired && (is_withdrawn || is_gone(self.status))
    }
}

fn is_gone(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE)
}

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
    fn the_resource_is_told_from_the_request() {
        use Found::{Expired, NobodyLooked, Nothing, OtherVariants, Unwanted};
        use NotStored::{Error, NoStore, Private, Status};
        for (status, reason, found, lasts, outdates) in [
            (200, NoStore, Nothing, true, false),
            (200, NoStore, NobodyLooked, true, false),
            (200, NoStore, Expired, true, true),
            (200, NoStore, OtherVariants, false, false),
            (200, NoStore, Unwanted, false, false),
            (302, NoStore, Expired, true, true),
            (404, NoStore, Expired, true, true),
            (410, NoStore, Expired, true, true),
            (200, Private, Expired, true, false),
            (206, Status, NobodyLooked, false, false),
            (304, Status, NobodyLooked, false, false),
            (503, Error, Expired, false, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let refused = Refused { reason, status, found, background: false };
            assert_eq!((refused.lasts(), refused.outdates()), (lasts, outdates), "{refused:?}");
            let refused = Refused { background: true, ..refused };
            assert_eq!((refused.lasts(), refused.outdates()), (lasts && !is_gone(status), outdates), "{refused:?}");
        }
        for status in [400, 401, 403, 406, 408, 421, 425, 429, 431] {
            let status = StatusCode::from_u16(status).unwrap();
            for (reason, found) in [(Status, Nothing), (Status, Expired), (NoStore, Expired), (Private, NobodyLooked)] {
                let refused = Refused { reason, status, found, background: false };
                assert!(!refused.lasts() && !refused.outdates(), "{refused:?}");
            }
        }
    }

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
