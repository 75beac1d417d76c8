//! Metrics of TLS handshakes and of the files that they depend on.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

use super::register;
use crate::listen::tls::handshake::{HandshakeError, VERSIONS};

/// Handshakes, and the files that they depend on.
pub(crate) struct TlsMetrics {
    handshakes: IntCounterVec,
    failures: IntCounterVec,
    /// Certificates, authorities and ticket keys that cannot be used as they are on disk.
    pub(crate) broken_files: IntGauge,
}

impl TlsMetrics {
    /// Registers them, all at zero.
    pub(super) fn new(registry: &Registry) -> Self {
        let handshakes = Opts::new("tls_handshakes_total", "TLS handshakes done; resumed ones are the short ones.");
        let handshakes = register(registry, IntCounterVec::new(handshakes, &["version", "resumed"]));
        let failures = Opts::new("tls_handshake_failures_total", "TLS handshakes that came to nothing.");
        let failures = register(registry, IntCounterVec::new(failures, &["reason"]));
        for version in VERSIONS {
            for resumed in ["false", "true"] {
                handshakes.with_label_values(&[version, resumed]);
            }
        }
        for reason in HandshakeError::LABELS {
            failures.with_label_values(&[reason]);
        }
        let broken = "Certificates, authorities and ticket keys that cannot be used as they are on disk.";
        Self { handshakes, failures, broken_files: register(registry, IntGauge::new("tls_broken_files", broken)) }
    }

    /// Counts a handshake.
    pub(crate) fn established(&self, version: &str, resumed: bool) {
        self.handshakes.with_label_values(&[version, if resumed { "true" } else { "false" }]).inc();
    }

    /// Counts one that failed; `reason` is one of [`HandshakeError::LABELS`].
    pub(crate) fn failed(&self, reason: &str) {
        self.failures.with_label_values(&[reason]).inc();
    }
}
