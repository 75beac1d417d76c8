//! Metrics of connections, by listener.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::register;

/// Connections of clients.
pub(crate) struct ConnectionMetrics {
    /// Those that each listener holds.
    pub(crate) held: IntGaugeVec,
    refused: IntCounterVec,
    /// Why one may be refused: a fixed set.
    reasons: &'static [&'static str],
}

impl ConnectionMetrics {
    /// Registers them; connections are refused for these reasons.
    pub(super) fn new(registry: &Registry, reasons: &'static [&'static str]) -> Self {
        let refused = Opts::new("connections_refused_total", "Connections that were closed as they came.");
        let held = Opts::new("connections", "Connections that a listener holds.");
        Self {
            held: register(registry, IntGaugeVec::new(held, &["listener"])),
            refused: register(registry, IntCounterVec::new(refused, &["listener", "reason"])),
            reasons,
        }
    }

    /// Shows everything of a listener, at zero until it happens.
    pub(crate) fn listener(&self, listener: &str) {
        for reason in self.reasons {
            self.refused.with_label_values(&[listener, *reason]);
        }
    }

    /// Shows a listener no longer.
    pub(crate) fn forget(&self, listener: &str) {
        for reason in self.reasons {
            self.refused.remove_label_values(&[listener, *reason]).ok();
        }
    }

    /// Counts a connection that was closed as it came.
    pub(crate) fn refused(&self, listener: &str, reason: &str) {
        self.refused.with_label_values(&[listener, reason]).inc();
    }
}
