//! Metrics of the cache's zones: what they hold and have done, read off the store when it is asked for.

use cache::{DiskStat, DiskState, ZoneStat};
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::register;

/// Zones of the cache.
pub(crate) struct ZoneGauges {
    bytes: IntGaugeVec,
    limit: IntGaugeVec,
    objects: IntGaugeVec,
    evictions: IntCounterVec,
    pass_throughs: IntCounterVec,
    aborted_fills: IntCounterVec,
    disk_state: IntGaugeVec,
    disk_bytes: IntGaugeVec,
    disk_limit: IntGaugeVec,
    disk_objects: IntGaugeVec,
    disk_hits: IntCounterVec,
    disk_writes: IntCounterVec,
    disk_writes_dropped: IntCounterVec,
    disk_reads_refused: IntCounterVec,
    disk_reads_failed: IntCounterVec,
}

impl ZoneGauges {
    /// Registers them.
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str| register(registry, IntCounterVec::new(Opts::new(name, help), &["zone"]));
        let gauge = |name: &str, help: &str| register(registry, IntGaugeVec::new(Opts::new(name, help), &["zone"]));
        Self {
            bytes: gauge("cache_bytes", "Memory used by a cache zone."),
            limit: gauge("cache_limit_bytes", "Memory that a cache zone may use."),
            objects: gauge("cache_objects", "Objects in the memory of a cache zone."),
            evictions: counter("cache_evictions_total", "Objects evicted from the memory of a cache zone."),
            pass_throughs: counter(
                "cache_pass_throughs_total",
                "Answers that were to be kept and turned out too large, or had no room.",
            ),
            aborted_fills: counter("cache_aborted_fills_total", "Answers whose origin broke off before their end."),
            disk_state: register(
                registry,
                IntGaugeVec::new(
                    Opts::new("cache_disk_state", "1 for what a zone's disk does now, 0 for everything else."),
                    &["zone", "state"],
                ),
            ),
            disk_bytes: gauge("cache_disk_bytes", "Bytes of the files on a zone's disk."),
            disk_limit: gauge("cache_disk_limit_bytes", "Bytes that they may take."),
            disk_objects: gauge("cache_disk_objects", "Objects on a zone's disk."),
            disk_hits: counter("cache_disk_hits_total", "Objects that were found on the disk and not in memory."),
            disk_writes: counter("cache_disk_writes_total", "Objects written to the disk."),
            disk_writes_dropped: counter(
                "cache_disk_writes_dropped_total",
                "Objects that were not written: the disk was too slow, or took nothing.",
            ),
            disk_reads_refused: counter(
                "cache_disk_reads_refused_total",
                "Lookups that the disk was not asked for, or not waited for, because too many others were.",
            ),
            disk_reads_failed: counter(
                "cache_disk_reads_failed_total",
                "Reads that failed, or whose bytes were not those that were written.",
            ),
        }
    }

    /// Shows these zones, and no others any more.
    pub(crate) fn show(&self, zones: &[ZoneStat]) {
        let Self { bytes, limit, objects, disk_state, disk_bytes, disk_limit, disk_objects, .. } = self;
        for gauges in [bytes, limit, objects, disk_state, disk_bytes, disk_limit, disk_objects] {
            gauges.reset();
        }
        let Self { evictions, pass_throughs, aborted_fills, disk_hits, disk_writes, disk_writes_dropped, .. } = self;
        for counters in [evictions, pass_throughs, aborted_fills, disk_hits, disk_writes, disk_writes_dropped] {
            counters.reset();
        }
        self.disk_reads_refused.reset();
        self.disk_reads_failed.reset();
        for zone in zones {
            let name = [zone.zone.as_str()];
            self.bytes.with_label_values(&name).set(signed(zone.bytes));
            self.limit.with_label_values(&name).set(signed(zone.limit_bytes));
            self.objects.with_label_values(&name).set(signed(zone.objects));
            self.evictions.with_label_values(&name).inc_by(zone.evictions);
            self.pass_throughs.with_label_values(&name).inc_by(zone.pass_throughs);
            self.aborted_fills.with_label_values(&name).inc_by(zone.aborted_fills);
            if let Some(disk) = &zone.disk {
                self.show_disk(&zone.zone, disk);
            }
        }
    }

    fn show_disk(&self, zone: &str, disk: &DiskStat) {
        for state in DiskState::NAMES {
            self.disk_state.with_label_values(&[zone, state]).set((disk.state.name() == state).into());
        }
        let name = [zone];
        self.disk_bytes.with_label_values(&name).set(signed(disk.bytes));
        self.disk_limit.with_label_values(&name).set(signed(disk.limit_bytes));
        self.disk_objects.with_label_values(&name).set(signed(disk.objects));
        self.disk_hits.with_label_values(&name).inc_by(disk.hits);
        self.disk_writes.with_label_values(&name).inc_by(disk.writes);
        self.disk_writes_dropped.with_label_values(&name).inc_by(disk.writes_dropped);
        self.disk_reads_refused.with_label_values(&name).inc_by(disk.reads_refused);
        self.disk_reads_failed.with_label_values(&name).inc_by(disk.reads_failed);
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
