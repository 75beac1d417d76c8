//! What an object is found by within its zone.

use pingora::cache::key::{CacheHashKey, HashBinary};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

/// The hashes of a cache key.
///
/// Pingora names an object by the 128-bit hash of its primary key, and that of its variance: a purge brings nothing
/// else. A lookup brings the primary key itself too, and the store compares that as well ([`crate::head::Head::is_for`]),
/// so that two hosts cannot meet in one object even where a cheaper hash is put in the place of Blake2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    primary: HashBinary,
    variance: Option<HashBinary>,
}

impl Slot {
    /// Of a whole key or of a compact one; the zone, `user_tag`, is not part of it.
    pub(crate) fn of(key: &impl CacheHashKey) -> Self {
        Slot { primary: key.primary_bin(), variance: key.variance_bin() }
    }

    /// The hash of what tells it from the other variants of its primary key.
    pub(crate) fn variance(&self) -> Option<&HashBinary> {
        self.variance.as_ref()
    }

    /// Of the hash of a primary key that [`Namer`] has made.
    pub(crate) fn new(primary: HashBinary, variance: Option<HashBinary>) -> Self {
        Slot { primary, variance }
    }
}

/// Names primary keys, in the place of Pingora's Blake2, which takes longer than all else that a lookup does.
///
/// SipHash-1-3 with 128 bits under a secret of this process: nobody outside can look for two keys of one hash, and the
/// names mean nothing in another process.
pub(crate) struct Namer(SipHasher13);

impl fmt::Debug for Namer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Namer(its secret)")
    }
}

impl Namer {
    pub(crate) fn new() -> Self {
        // The standard library draws a secret at random for each thread, and changes it from one state to the next.
        let secret = || RandomState::new().build_hasher().finish();
        Namer(SipHasher13::new_with_keys(secret(), secret()))
    }

    pub(crate) fn name(&self, primary: &[u8]) -> HashBinary {
        let mut hasher = self.0;
        hasher.write(primary);
        hasher.finish128().as_u128().to_ne_bytes()
    }
}
