//! What an object is found by within its zone.

use pingora::cache::key::{CacheHashKey, HashBinary};

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
}
