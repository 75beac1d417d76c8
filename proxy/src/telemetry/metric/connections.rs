//! Metrics of connections, by listener.

use prometheus::{IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::register;

/// Connections of clients.
pub(crate) struct ConnectionMetrics {
    /// Those that each listener holds.
    pub(crate) held: IntGaugeVec,
    /// Those that it may hold.
    pub(crate) max: IntGaugeVec,
    refused: IntCounterVec,
    closed: IntCounterVec,
    bytes: IntCounterVec,
    reasons: Reasons,
}

/// Why a connection may not be had, or not be kept: fixed sets.
#[derive(Clone, Copy)]
pub(crate) struct Reasons {
    /// Closed as it came.
    pub(crate) refused: &'static [&'static str],
    /// Ended by the edge for what the client did or did not do: in any version of HTTP, and in HTTP/2.
    pub(crate) closed: [&'static [&'static str]; 2],
}

/// Which way bytes go.
const DIRECTIONS: [&str; 2] = ["in", "out"];

impl ConnectionMetrics {
    /// Registers them.
    pub(super) fn new(registry: &Registry, reasons: Reasons) -> Self {
        let closed = Opts::new("connections_closed_total", "Connections that the edge ended for what the client did.");
        let bytes = Opts::new("connection_bytes_total", "Bytes from and to clients, without those of TLS.");
        let refused = Opts::new("connections_refused_total", "Connections that were closed as they came.");
        let held = Opts::new("connections", "Connections that a listener holds.");
        let max = Opts::new("connections_max", "Connections that a listener may hold.");
        Self {
            max: register(registry, IntGaugeVec::new(max, &["listener"])),
            held: register(registry, IntGaugeVec::new(held, &["listener"])),
            refused: register(registry, IntCounterVec::new(refused, &["listener", "reason"])),
            closed: register(registry, IntCounterVec::new(closed, &["listener", "reason"])),
            bytes: register(registry, IntCounterVec::new(bytes, &["listener", "direction"])),
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
        self.traffic(listener);
    }

    /// Shows a listener no longer.
    pub(crate) fn forget(&self, listener: &str) {
        for (counter, reasons) in self.counters() {
            for reason in reasons {
                counter.remove_label_values(&[listener, *reason]).ok();
            }
        }
        for direction in DIRECTIONS {
            self.bytes.remove_label_values(&[listener, direction]).ok();
        }
    }

    fn counters(&self) -> [(&IntCounterVec, &'static [&'static str]); 3] {
        let [any_version, http2] = self.reasons.closed;
        [(&self.refused, self.reasons.refused), (&self.closed, any_version), (&self.closed, http2)]
    }

    /// Bytes from and to the clients of a listener.
    pub(crate) fn traffic(&self, listener: &str) -> [IntCounter; 2] {
        DIRECTIONS.map(|direction| self.bytes.with_label_values(&[listener, direction]))
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
