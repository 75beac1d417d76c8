//! Metrics of connections, by listener.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::register;

/// Connections of clients.
pub(crate) struct ConnectionMetrics {
    /// Those that each listener holds.
    pub(crate) held: IntGaugeVec,
    refused: IntCounterVec,
    closed: IntCounterVec,
    reasons: Reasons,
}

/// Why a connection may not be had, or not be kept: fixed sets.
#[derive(Clone, Copy)]
pub(crate) struct Reasons {
    /// Closed as it came.
    pub(crate) refused: &'static [&'static str],
    /// Ended by the edge for what the client did.
    pub(crate) closed: &'static [&'static str],
}

impl ConnectionMetrics {
    /// Registers them.
    pub(super) fn new(registry: &Registry, reasons: Reasons) -> Self {
        let closed = Opts::new("connections_closed_total", "Connections that the edge ended for what the client did.");
        let refused = Opts::new("connections_refused_total", "Connections that were closed as they came.");
        let held = Opts::new("connections", "Connections that a listener holds.");
        Self {
            held: register(registry, IntGaugeVec::new(held, &["listener"])),
            refused: register(registry, IntCounterVec::new(refused, &["listener", "reason"])),
            closed: register(registry, IntCounterVec::new(closed, &["listener", "reason"])),
            reasons,
        }
    }

    /// Shows everything of a listener, at zero until it happens.
    pub(crate) fn listener(&self, listener: &str) {
        for (counter, reasons) in self.counters() {
            for reason in reasons {
                counter.with_label_values(&[listener, *reason]);
            }
        }
    }

    /// Shows a listener no longer.
    pub(crate) fn forget(&self, listener: &str) {
        for (counter, reasons) in self.counters() {
            for reason in reasons {
                counter.remove_label_values(&[listener, *reason]).ok();
            }
        }
    }

    fn counters(&self) -> [(&IntCounterVec, &'static [&'static str]); 2] {
        [(&self.refused, self.reasons.refused), (&self.closed, self.reasons.closed)]
    }

    /// Counts a connection that the edge ended.
    pub(crate) fn closed(&self, listener: &str, reason: &str) {
        self.closed.with_label_values(&[listener, reason]).inc();
    }

    /// Counts a connection that was closed as it came.
    pub(crate) fn refused(&self, listener: &str, reason: &str) {
        self.refused.with_label_values(&[listener, reason]).inc();
    }
}
