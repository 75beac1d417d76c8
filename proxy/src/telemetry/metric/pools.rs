//! Metrics of pools and their endpoints: what is the case now, read off the live state when it is asked for.

use std::time::Duration;

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::register;

const POOL: &[&str] = &["pool"];
const ENDPOINT: &[&str] = &["pool", "endpoint"];

/// Pools and their endpoints.
pub(crate) struct PoolGauges {
    in_flight: IntGaugeVec,
    limit: IntGaugeVec,
    panic: IntGaugeVec,
    usable: GaugeVec,
    retries_left: IntGaugeVec,
    resolve_failures: IntCounterVec,
    resolve_age: GaugeVec,
    file_good: IntGaugeVec,
    endpoint_up: IntGaugeVec,
    endpoint_state: IntGaugeVec,
    endpoint_in_flight: IntGaugeVec,
    endpoint_weight: GaugeVec,
    endpoint_latency: GaugeVec,
    endpoint_ejections: IntCounterVec,
}

/// A pool as it is now.
pub(crate) struct Pool {
    pub(crate) in_flight: u32,
    pub(crate) limit: u32,
    pub(crate) panic: bool,
    /// Share of the configured weight that can be used.
    pub(crate) usable: f64,
    pub(crate) retries_left: u32,
    /// Lookups that failed, and the age of the oldest answer; `None` without names.
    pub(crate) names: Option<(u64, Duration)>,
    /// Whether the file of endpoints was good when it was last read; `None` without one.
    pub(crate) file_good: Option<bool>,
}

/// An endpoint as it is now.
pub(crate) struct Endpoint<'a> {
    pub(crate) address: &'a str,
    /// Whether its checks pass.
    pub(crate) up: bool,
    /// One of the states that [`PoolGauges::endpoint`] is given.
    pub(crate) state: &'static str,
    pub(crate) in_flight: u32,
    pub(crate) weight: f64,
    pub(crate) latency: Option<Duration>,
    /// By reason.
    pub(crate) ejections: &'a [(&'static str, u64)],
}

impl PoolGauges {
    /// Registers them.
    pub(super) fn new(registry: &Registry) -> Self {
        let whole = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        let real =
            |name: &str, help: &str, labels: &[&str]| register(registry, GaugeVec::new(Opts::new(name, help), labels));
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let (state, reason) = (&["pool", "endpoint", "state"], &["pool", "endpoint", "reason"]);
        Self {
            in_flight: whole("pool_in_flight", "Requests in flight to a pool.", POOL),
            limit: whole(
                "pool_limit",
                "Requests that a pool may have in flight now: fewer than configured while little of it can serve.",
                POOL,
            ),
            panic: whole("pool_panic", "1 while endpoints are used whose checks fail, for want of others.", POOL),
            usable: real("pool_usable_ratio", "Share of a pool's configured weight that can be used.", POOL),
            retries_left: whole("pool_retries_left", "Further tries that a pool's budget would pay for.", POOL),
            resolve_failures: counter("resolve_failures_total", "Lookups of endpoints' names that failed.", POOL),
            resolve_age: real("resolve_age_seconds", "Age of the oldest answer for a pool's names.", POOL),
            file_good: whole("endpoints_file_good", "1 if the file of endpoints, when last read, was good.", POOL),
            endpoint_up: whole("endpoint_up", "1 while the health check passes.", ENDPOINT),
            endpoint_state: whole("endpoint_state", "1 for the state that an endpoint is in.", state),
            endpoint_in_flight: whole("endpoint_in_flight", "Requests in flight to an endpoint.", ENDPOINT),
            endpoint_weight: real("endpoint_weight", "Weight of an endpoint as it counts now.", ENDPOINT),
            endpoint_latency: real(
                "endpoint_latency_seconds",
                "How long an endpoint's answers take to begin: the last peak that has not faded. Errors count as slow.",
                ENDPOINT,
            ),
            endpoint_ejections: counter("endpoint_ejections_total", "How often an endpoint was ejected.", reason),
        }
    }

    /// Forgets all of them, so that what is gone disappears.
    pub(crate) fn reset(&self) {
        let whole = [
            &self.in_flight,
            &self.limit,
            &self.panic,
            &self.retries_left,
            &self.file_good,
            &self.endpoint_up,
            &self.endpoint_state,
            &self.endpoint_in_flight,
        ];
        whole.into_iter().for_each(|gauge| gauge.reset());
        [&self.usable, &self.resolve_age, &self.endpoint_weight, &self.endpoint_latency]
            .into_iter()
            .for_each(|gauge| gauge.reset());
        self.resolve_failures.reset();
        self.endpoint_ejections.reset();
    }

    /// Shows a pool.
    pub(crate) fn pool(&self, name: &str, pool: &Pool) {
        let labels = &[name];
        self.in_flight.with_label_values(labels).set(pool.in_flight.into());
        self.limit.with_label_values(labels).set(pool.limit.into());
        self.panic.with_label_values(labels).set(pool.panic.into());
        self.usable.with_label_values(labels).set(pool.usable);
        self.retries_left.with_label_values(labels).set(pool.retries_left.into());
        if let Some((failures, age)) = pool.names {
            self.resolve_failures.with_label_values(labels).inc_by(failures);
            self.resolve_age.with_label_values(labels).set(age.as_secs_f64());
        }
        if let Some(good) = pool.file_good {
            self.file_good.with_label_values(labels).set(good.into());
        }
    }

    /// Shows an endpoint; `states` are all that there are.
    pub(crate) fn endpoint(&self, pool: &str, endpoint: &Endpoint<'_>, states: impl Iterator<Item = &'static str>) {
        let labels = &[pool, endpoint.address];
        self.endpoint_up.with_label_values(labels).set(endpoint.up.into());
        for state in states {
            let gauge = self.endpoint_state.with_label_values(&[pool, endpoint.address, state]);
            gauge.set((state == endpoint.state).into());
        }
        self.endpoint_in_flight.with_label_values(labels).set(endpoint.in_flight.into());
        self.endpoint_weight.with_label_values(labels).set(endpoint.weight);
        if let Some(latency) = endpoint.latency {
            self.endpoint_latency.with_label_values(labels).set(latency.as_secs_f64());
        }
        for (reason, count) in endpoint.ejections {
            self.endpoint_ejections.with_label_values(&[pool, endpoint.address, reason]).inc_by(*count);
        }
    }
}
