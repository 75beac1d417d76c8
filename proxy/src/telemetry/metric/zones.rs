//! Metrics of the cache's zones: what they hold and have done, read off the store when it is asked for.

use cache::ZoneStat;
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
        }
    }

    /// Shows these zones, and no others any more.
    pub(crate) fn show(&self, zones: &[ZoneStat]) {
        for gauges in [&self.bytes, &self.limit, &self.objects] {
            gauges.reset();
        }
        for counters in [&self.evictions, &self.pass_throughs, &self.aborted_fills] {
            counters.reset();
        }
        for zone in zones {
            let name = [zone.zone.as_str()];
            self.bytes.with_label_values(&name).set(signed(zone.bytes));
            self.limit.with_label_values(&name).set(signed(zone.limit_bytes));
            self.objects.with_label_values(&name).set(signed(zone.objects));
            self.evictions.with_label_values(&name).inc_by(zone.evictions);
            self.pass_throughs.with_label_values(&name).inc_by(zone.pass_throughs);
            self.aborted_fills.with_label_values(&name).inc_by(zone.aborted_fills);
        }
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
