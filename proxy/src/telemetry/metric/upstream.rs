//! What requests to a pool leave behind.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use super::{SECONDS, register};
use crate::request::retry::{Failure, Withheld};

/// The families of all pools.
pub(crate) struct UpstreamMetrics {
    /// Tries that are over, by result; read off the endpoints.
    pub(crate) tries: IntCounterVec,
    seconds: HistogramVec,
    retries: IntCounterVec,
    withheld: IntCounterVec,
}

/// The counters of one pool, resolved.
pub(crate) struct PoolMetrics {
    seconds: Histogram,
    /// By [`Failure::LABELS`].
    retries: [IntCounter; 4],
    /// By [`Withheld::LABELS`].
    withheld: [IntCounter; 4],
}

impl UpstreamMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let seconds = HistogramOpts::new("upstream_seconds", "From the end of a request to the header of its answer.");
        let counter = |name, help| register(registry, IntCounterVec::new(Opts::new(name, help), &["pool", "reason"]));
        let tries = Opts::new("upstream_tries_total", "Tries at endpoints.");
        Self {
            tries: register(registry, IntCounterVec::new(tries, &["pool", "endpoint", "result"])),
            seconds: register(registry, HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["pool"])),
            retries: counter("upstream_retries_total", "Requests that were sent once more, by what failed before."),
            withheld: counter("upstream_retries_withheld_total", "Requests that were not sent once more, and why not."),
        }
    }

    /// The counters of one pool.
    pub(crate) fn of(&self, pool: &str) -> PoolMetrics {
        let resolve = |family: &IntCounterVec, reasons: [&str; 4]| {
            reasons.map(|reason| family.with_label_values(&[pool, reason]))
        };
        PoolMetrics {
            seconds: self.seconds.with_label_values(&[pool]),
            retries: resolve(&self.retries, Failure::LABELS),
            withheld: resolve(&self.withheld, Withheld::LABELS),
        }
    }

    /// Shows a pool no longer.
    pub(crate) fn forget(&self, pool: &str) {
        self.seconds.remove_label_values(&[pool]).ok();
        for (family, reasons) in [(&self.retries, Failure::LABELS), (&self.withheld, Withheld::LABELS)] {
            for reason in reasons {
                family.remove_label_values(&[pool, reason]).ok();
            }
        }
    }
}

impl PoolMetrics {
    /// Counts a try that was answered.
    pub(crate) fn answered(&self, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
    }

    /// Counts a request that is sent once more after this.
    pub(crate) fn retried(&self, after: Failure) {
        self.retries[after.position()].inc();
    }

    /// Counts one that is not.
    pub(crate) fn withheld(&self, why: Withheld) {
        self.withheld[why as usize].inc();
    }
}
