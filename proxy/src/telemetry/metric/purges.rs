//! Metrics of purges: who was asked to purge what, and what that did.

use cache::ZoneStat;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::register;

/// By what a purge can name.
const KINDS: [&str; 4] = ["url", "tag", "prefix", "all"];
const MODES: [&str; 2] = ["hard", "soft"];

/// Purges of each zone.
pub(crate) struct PurgeMetrics {
    ordered: IntCounterVec,
    invalidations: IntCounterVec,
    objects: IntCounterVec,
    remembered: IntGaugeVec,
    overflows: IntCounterVec,
}

impl PurgeMetrics {
    /// Registers them.
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let remembered = Opts::new("cache_purges_remembered", "Purges that something older could be left of.");
        Self {
            ordered: counter("cache_purges_total", "Purges that were ordered.", &["zone", "kind", "mode"]),
            invalidations: counter(
                "cache_invalidations_total",
                "URLs purged because an unsafe request to them succeeded.",
                &["zone"],
            ),
            objects: counter("cache_purged_objects_total", "Objects that purges removed or made stale.", &["zone"]),
            remembered: register(registry, IntGaugeVec::new(remembered, &["zone"])),
            overflows: counter(
                "cache_purge_overflows_total",
                "Times that purges were too many to be remembered one by one, so that more was purged.",
                &["zone"],
            ),
        }
    }

    /// Counts an order.
    pub(crate) fn ordered(&self, zone: &str, kind: &str, soft: bool) {
        self.ordered.with_label_values(&[zone, kind, MODES[usize::from(soft)]]).inc();
    }

    /// Reads what a zone has counted itself.
    pub(crate) fn read(&self, zones: &[ZoneStat]) {
        for counter in [&self.invalidations, &self.objects, &self.overflows] {
            counter.reset();
        }
        self.remembered.reset();
        for zone in zones {
            let name = [zone.zone.as_str()];
            self.invalidations.with_label_values(&name).inc_by(zone.invalidations);
            self.objects.with_label_values(&name).inc_by(zone.purged_objects);
            self.overflows.with_label_values(&name).inc_by(zone.purge_overflows);
            self.remembered.with_label_values(&name).set(i64::try_from(zone.purges_remembered).unwrap_or(i64::MAX));
            for kind in KINDS {
                MODES.iter().for_each(|mode| drop(self.ordered.with_label_values(&[&zone.zone, kind, mode])));
            }
        }
    }
}
