//! What the purges of a zone have said of one object so far, so that they need not be asked again.

use crate::labels::Generation;
use crate::purge::Verdict;
use crate::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Kept with each object's head, and written by whoever has asked, under no lock.
#[derive(Debug)]
pub(crate) struct Standing {
    /// No purge up to this generation has done away with it. An answer is asked for after every purge before it.
    cleared: AtomicU64,
    /// When it was purged softly, in nanoseconds since 1970: the earliest such time; 0 for never.
    softened: AtomicU64,
}

impl Standing {
    pub(crate) fn of(asked_at: Generation) -> Self {
        Standing { cleared: AtomicU64::new(asked_at.0), softened: AtomicU64::new(0) }
    }

    pub(crate) fn cleared(&self) -> Generation {
        Generation(self.cleared.load(Ordering::Acquire))
    }

    /// What all purges up to there have said.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.softened.load(Ordering::Relaxed) {
            0 => Verdict::Live,
            nanos => Verdict::Soft { since: SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos) },
        }
    }

    /// Notes what was found. Two that ask at once may both write: neither takes back what the other has found.
    pub(crate) fn clear(&self, until: Generation, softened: Option<SystemTime>) {
        if let Some(at) = softened {
            let nanos = nanos(at);
            let earlier = |before: u64| (before == 0 || nanos < before).then_some(nanos);
            self.softened.fetch_update(Ordering::Relaxed, Ordering::Relaxed, earlier).ok();
        }
        // After the other: who sees this one, sees that one too.
        self.cleared.fetch_max(until.0, Ordering::Release);
    }
}

/// Nanoseconds since 1970, at least 1: enough for 584 years.
pub(crate) fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(1)
}
