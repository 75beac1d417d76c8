//! What was purged in a zone, and what that says of each object.

use crate::head::Head;
use crate::labels::Generation;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// What the purges of a zone say of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(dead_code, reason = "what is purged is not recorded yet")]
pub(crate) enum Verdict {
    /// None of them meant it.
    Live,
    /// It is to be used as if it had become stale then, if not before.
    Soft {
        /// When it was purged.
        since: SystemTime,
    },
    /// It is not there any more.
    Gone,
}

/// The purges of one zone.
#[derive(Debug, Default)]
pub(crate) struct Purges {
    generation: AtomicU64,
}

impl Purges {
    /// Of the newest purge.
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::Acquire))
    }

    /// What has become of an object: the same question for what is in memory, on disk, and under way.
    pub(crate) fn judge(&self, _: &Head) -> Verdict {
        Verdict::Live
    }
}
