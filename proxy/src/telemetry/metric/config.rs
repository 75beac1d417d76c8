//! Metrics of the live configuration: which it is, when it came, and what became of reloads.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{Gauge, GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::register;

/// What became of a reload.
const TAKEN: &str = "taken";
const REFUSED: &str = "refused";

/// The live configuration and its reloads.
pub(crate) struct ConfigMetrics {
    /// 1 while the file, when it was last read, could go live.
    pub(crate) last_reload_success: IntGauge,
    /// 1 while the file, when it was last read, held something else than what is live.
    pub(crate) differs_from_file: IntGauge,
    live_since: Gauge,
    hash: IntGaugeVec,
    reloads: IntCounterVec,
    certificate_expiry: GaugeVec,
}

impl ConfigMetrics {
    /// Registers them, all at zero.
    pub(super) fn new(registry: &Registry) -> Self {
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help));
        let expiry = Opts::new("certificate_expiry_timestamp_seconds", "When a certificate expires.");
        let reloads = Opts::new("config_reloads_total", "Reloads by what asked for them and what came of it.");
        Self {
            last_reload_success: gauge(
                "config_last_reload_success",
                "1 if the file, when it was last read, could go live.",
            ),
            differs_from_file: gauge(
                "config_differs_from_file",
                "1 if the file, when it was last read, was not what is live.",
            ),
            live_since: register(
                registry,
                Gauge::new("config_last_reload_timestamp_seconds", "When the live configuration was taken over."),
            ),
            hash: register(
                registry,
                IntGaugeVec::new(Opts::new("config_hash_info", "Digest of the live configuration."), &["hash"]),
            ),
            reloads: register(registry, IntCounterVec::new(reloads, &["source", "result"])),
            certificate_expiry: register(registry, GaugeVec::new(expiry, &["listener", "name"])),
        }
    }

    /// Shows every result of what can ask for a reload, at zero until it happens.
    pub(crate) fn sources<'a>(&self, sources: impl IntoIterator<Item = &'a str>) {
        for source in sources {
            for result in [TAKEN, REFUSED] {
                self.reloads.with_label_values(&[source, result]);
            }
        }
    }

    /// A configuration went live. `expiries` are ends of validity: listener, name, seconds since 1970.
    pub(crate) fn went_live(&self, hash: &str, now: SystemTime, expiries: &[(String, String, i64)]) {
        self.live_since.set(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        self.hash.reset();
        self.hash.with_label_values(&[hash]).set(1);
        self.expiries(expiries);
    }

    /// Certificates went live. `expiries` are their ends of validity: listener, name, seconds since 1970.
    pub(crate) fn expiries(&self, expiries: &[(String, String, i64)]) {
        self.certificate_expiry.reset();
        for (listener, name, expires_s) in expiries {
            self.certificate_expiry.with_label_values(&[listener, name]).set(*expires_s as f64);
        }
    }

    /// A reload came to its end. Whether the file can go live is only told by those that read it.
    pub(crate) fn reloaded(&self, source: &str, taken: bool, reads_file: bool) {
        self.reloads.with_label_values(&[source, if taken { TAKEN } else { REFUSED }]).inc();
        if reads_file {
            self.last_reload_success.set(taken.into());
        }
    }
}
