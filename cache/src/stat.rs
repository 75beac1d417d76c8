//! What a zone holds and has done, as plain numbers.

use crate::disk::DiskStat;

/// One zone's numbers at one moment. All but the gauges only ever grow, for as long as the zone keeps its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneStat {
    /// The zone's name.
    pub zone: String,
    /// Gauge: objects stored.
    pub objects: u64,
    /// Gauge: bytes of memory held, by objects, index, fills under way, and evicted objects that clients still read.
    pub bytes: u64,
    /// Gauge: bytes of memory it may hold.
    pub limit_bytes: u64,
    /// Lookups that found a stored object. Pingora may look up more than once for one request (variants, cache lock).
    pub hits: u64,
    /// Lookups that found a fill under way and follow it.
    pub followed: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// Fills that became stored objects.
    pub admissions: u64,
    /// Objects that had to make room for others.
    pub evictions: u64,
    /// Fills that could not be kept, for their size or for want of room, and were only passed through.
    pub pass_throughs: u64,
    /// Fills whose writer gave up before the end; their followers saw an aborted transfer.
    pub aborted_fills: u64,
    /// Purges that were ordered.
    pub purges: u64,
    /// URLs that were purged because an unsafe request to them succeeded.
    pub invalidations: u64,
    /// Objects in memory that purges have removed or made stale.
    pub purged_objects: u64,
    /// Bytes of memory that these held.
    pub purged_bytes: u64,
    /// How often purges were too many to be remembered one by one, so that more was purged than was meant.
    pub purge_overflows: u64,
    /// Gauge: purges that are remembered, because something older may be left.
    pub purges_remembered: u64,
    /// The disk tier, where the zone has one.
    pub disk: Option<DiskStat>,
}
