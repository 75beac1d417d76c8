//! Prometheus metrics: names, labels and fixed label sets.
//!
//! Counters that every request touches are resolved once per route when a configuration is compiled, so that a
//! request looks no label up. Gauges are read off the live state when they are scraped.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder, core::Collector,
};

mod config;
mod tls;
mod connections;
mod upstream;
mod purges;
pub(crate) mod pools;
mod zones;

pub(crate) use config::ConfigMetrics;
pub(crate) use connections::{ConnectionMetrics, Reasons};
use pools::PoolGauges;
use purges::PurgeMetrics;
pub(crate) use tls::TlsMetrics;
pub(crate) use upstream::{PoolMetrics, UpstreamMetrics};
use zones::ZoneGauges;

/// Upper bounds of the latency histogram in seconds: from a cache hit to a timeout.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// How a request can end: the class of its status, or without one.
const STATUSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "aborted"];
/// Label of a request that was refused before it had a route or class.
pub(crate) const NONE: &str = "-";

/// All metrics of one edge.
pub(crate) struct Metrics {
    registry: Registry,
    scrape: Mutex<()>,
    /// What can be the result in the cache, and the reason of a refusal: fixed sets.
    results: &'static [&'static str],
    reasons: &'static [&'static str],
    /// Requests that were refused before they had a route.
    pub(crate) no_route: RouteMetrics,
    requests: IntCounterVec,
    seconds: HistogramVec,
    refusals: IntCounterVec,
    cache_requests: IntCounterVec,
    /// Requests to pools.
    pub(crate) upstream: UpstreamMetrics,
    /// Connections of clients.
    pub(crate) connections: ConnectionMetrics,
    /// The live configuration and its reloads.
    pub(crate) config: ConfigMetrics,
    /// Handshakes.
    pub(crate) tls: TlsMetrics,
    /// Pools and their endpoints.
    pub(crate) pools: PoolGauges,
    /// Zones of the cache.
    pub(crate) zones: ZoneGauges,
    /// Purges.
    pub(crate) purges: PurgeMetrics,
    /// Access log lines that were dropped because the sink was too slow.
    pub(crate) log_dropped: IntCounter,
}

/// Registers a collector; names are constants, so a clash is a bug.
fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: prometheus::Result<C>) -> C {
    let collector = collector.expect("metric names and labels are valid");
    registry.register(Box::new(collector.clone())).expect("metric names are unique");
    collector
}

impl Metrics {
    /// Registers every metric, all at zero, for these results in the cache, reasons of refusals, and reasons for which
    /// connections end.
    pub(crate) fn new(results: &'static [&'static str], reasons: &'static [&'static str], ends: Reasons) -> Self {
        let registry = Registry::new_custom(Some("floodgate".to_owned()), None).expect("the prefix is valid");
        let r = &registry;
        let counter =
            |name: &str, help: &str, labels: &[&str]| register(r, IntCounterVec::new(Opts::new(name, help), labels));
        let seconds = HistogramOpts::new("request_seconds", "From the request header to the last byte of the answer.");
        let requests = counter("requests_total", "Requests answered.", &["route", "class", "status_class"]);
        let seconds = register(r, HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["route"]));
        let refusals = counter("refusals_total", "Requests that the edge itself refused.", &["reason", "class"]);
        let cache_requests = counter("cache_requests_total", "What the cache did.", &["route", "result"]);
        Self {
            results,
            reasons,
            no_route: RouteMetrics::new(&requests, &seconds, &cache_requests, &[], [NONE, NONE]),
            requests,
            seconds,
            refusals,
            cache_requests,
            upstream: UpstreamMetrics::new(r),
            connections: ConnectionMetrics::new(r, ends),
            config: ConfigMetrics::new(r),
            tls: TlsMetrics::new(r),
            pools: PoolGauges::new(r),
            zones: ZoneGauges::new(r),
            purges: PurgeMetrics::new(r),
            log_dropped: register(
                r,
                IntCounter::new("access_log_dropped_total", "Log lines dropped because the sink was too slow."),
            ),
            registry,
            scrape: Mutex::new(()),
        }
    }

    /// Shows every reason for refusals of a class, at zero until it happens.
    pub(crate) fn class(&self, class: &str) {
        for reason in self.reasons {
            self.refusals.with_label_values(&[*reason, class]);
        }
    }

    /// The counters of one route.
    pub(crate) fn route(&self, route: &str, class: &str) -> RouteMetrics {
        RouteMetrics::new(&self.requests, &self.seconds, &self.cache_requests, self.results, [route, class])
    }

    /// Shows a route in a class no longer. Requests that are still under way count on unseen.
    pub(crate) fn forget_route_in_class(&self, route: &str, class: &str) {
        for status in STATUSES {
            self.requests.remove_label_values(&[route, class, status]).ok();
        }
    }

    /// Shows a route no longer.
    pub(crate) fn forget_route(&self, route: &str) {
        self.seconds.remove_label_values(&[route]).ok();
        for result in self.results {
            self.cache_requests.remove_label_values(&[route, *result]).ok();
        }
    }

    /// Shows a class no longer.
    pub(crate) fn forget_class(&self, class: &str) {
        for reason in self.reasons {
            self.refusals.remove_label_values(&[*reason, class]).ok();
        }
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, reason: &str, class: &str) {
        self.refusals.with_label_values(&[reason, class]).inc();
    }

    /// Everything, in Prometheus' text format; `read` sets what is not counted as it happens. One scrape at a time, so
    /// that no scrape sees another's half.
    pub(crate) fn render(&self, read: impl FnOnce(&Self)) -> String {
        let _one = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        read(self);
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

/// The counters of one route, resolved.
pub(crate) struct RouteMetrics {
    by_status: [IntCounter; 5],
    /// The client left before it had an answer.
    aborted: IntCounter,
    seconds: Histogram,
    /// By position in the list of results.
    cache: Vec<IntCounter>,
}

impl RouteMetrics {
    fn new(
        requests: &IntCounterVec,
        seconds: &HistogramVec,
        cache: &IntCounterVec,
        results: &[&str],
        [route, class]: [&str; 2],
    ) -> Self {
        let status = |class_of_status: &str| requests.with_label_values(&[route, class, class_of_status]);
        Self {
            by_status: [0, 1, 2, 3, 4].map(|at| status(STATUSES[at])),
            aborted: status(STATUSES[5]),
            seconds: seconds.with_label_values(&[route]),
            cache: results.iter().map(|result| cache.with_label_values(&[route, *result])).collect(),
        }
    }

    /// Counts a request that is over. `status` is `None` where nothing was answered; `result` is the position of what
    /// the cache did in the list of results.
    pub(crate) fn finished(&self, status: Option<u16>, took: Duration, result: Option<usize>) {
        let by_status = status.and_then(|status| self.by_status.get(usize::from(status / 100).wrapping_sub(1)));
        by_status.unwrap_or(&self.aborted).inc();
        self.seconds.observe(took.as_secs_f64());
        if let Some(counter) = result.and_then(|result| self.cache.get(result)) {
            counter.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_request_is_counted_once_in_each_family() {
        let metrics = Metrics::new(&["hit", "miss"], &["overloaded"], Reasons { refused: &[], closed: [&[], &[]] });
        metrics.class("browse");
        let route = metrics.route("home", "browse");
        route.finished(Some(200), Duration::from_millis(3), Some(0));
        route.finished(None, Duration::from_millis(3), None);
        let text = metrics.render(|_| ());
        for line in [
            r#"floodgate_requests_total{class="browse",route="home",status_class="2xx"} 1"#,
            r#"floodgate_requests_total{class="browse",route="home",status_class="aborted"} 1"#,
            r#"floodgate_cache_requests_total{result="hit",route="home"} 1"#,
            r#"floodgate_cache_requests_total{result="miss",route="home"} 0"#,
            r#"floodgate_refusals_total{class="browse",reason="overloaded"} 0"#,
            r#"floodgate_request_seconds_count{route="home"} 2"#,
            r#"floodgate_request_seconds_bucket{route="home",le="0.005"} 2"#,
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\nin\n{text}");
        }
    }
}
