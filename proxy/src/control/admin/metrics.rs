//! `GET /metrics`: counters, and what is the case right now.

use http::StatusCode;

use super::answer::{Answer, with_type};
use crate::{
    clock,
    edge::Edge,
    request::balance::{Outcome, Verdict},
    telemetry::metric::Metrics,
};

/// Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything, in that format.
pub(super) fn get(edge: &Edge) -> Answer {
    let text = edge.metrics.render(|metrics| read_state(metrics, edge));
    with_type(StatusCode::OK, TEXT_FORMAT, text.into())
}

/// Reads what is not counted but is the case: endpoints, pools, zones. What is gone disappears.
fn read_state(metrics: &Metrics, edge: &Edge) {
    let snapshot = edge.published.load();
    for gauge in [&metrics.endpoint_up, &metrics.pool_in_flight, &metrics.pool_limit] {
        gauge.reset();
    }
    metrics.upstream.tries.reset();
    metrics.connections.held.reset();
    metrics.connections.max.reset();
    for listener in &snapshot.listeners {
        let held = metrics.connections.held.with_label_values(&[&listener.model.name]);
        held.set(listener.places.taken().into());
        let max = metrics.connections.max.with_label_values(&[&listener.model.name]);
        max.set(listener.model.connections.max.into());
    }
    for pool in &snapshot.pools {
        let name = pool.model.name.as_str();
        metrics.pool_in_flight.with_label_values(&[name]).set(pool.in_flight.count().into());
        metrics.pool_limit.with_label_values(&[name]).set(pool.model.limit.in_flight.into());
        for row in pool.balancer.report(clock::nanos()).endpoints {
            let address = row.member.address.to_string();
            for (result, tries) in Outcome::RESULTS.into_iter().zip(row.results) {
                metrics.upstream.tries.with_label_values(&[name, &address, result]).inc_by(tries);
            }
            let up = metrics.endpoint_up.with_label_values(&[name, &address]);
            up.set(matches!(row.health, None | Some(Verdict::Well)).into());
        }
    }
    metrics.cache_bytes.reset();
    metrics.cache_objects.reset();
    metrics.cache_evictions.reset();
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    for zone in edge.cache.store.stats() {
        metrics.cache_bytes.with_label_values(&[&zone.zone]).set(count(zone.bytes));
        metrics.cache_objects.with_label_values(&[&zone.zone]).set(count(zone.objects));
        metrics.cache_evictions.with_label_values(&[&zone.zone]).inc_by(zone.evictions);
    }
    metrics.log_dropped.reset();
    metrics.log_dropped.inc_by(snapshot.access_log.dropped());
}
