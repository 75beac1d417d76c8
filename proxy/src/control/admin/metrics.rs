//! `GET /metrics`: counters, and what is the case right now.

use http::StatusCode;

use super::answer::{Answer, with_type};
use crate::{
    clock,
    control::tend::Tender,
    request::balance::{Outcome, Standing, Verdict},
    snapshot::Pool,
    telemetry::metric::{Metrics, pools},
};

/// Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything, in that format.
pub(super) fn get(tender: &Tender) -> Answer {
    let text = tender.edge().metrics.render(|metrics| read_state(metrics, tender));
    with_type(StatusCode::OK, TEXT_FORMAT, text.into())
}

/// Reads what is not counted but is the case: endpoints, pools, zones. What is gone disappears.
fn read_state(metrics: &Metrics, tender: &Tender) {
    let edge = tender.edge();
    let snapshot = edge.published.load();
    metrics.connections.held.reset();
    metrics.connections.max.reset();
    for listener in &snapshot.listeners {
        let held = metrics.connections.held.with_label_values(&[&listener.model.name]);
        held.set(listener.places.taken().into());
        let max = metrics.connections.max.with_label_values(&[&listener.model.name]);
        max.set(listener.model.connections.max.into());
    }
    metrics.pools.reset();
    metrics.upstream.tries.reset();
    snapshot.pools.iter().for_each(|pool| read_pool(metrics, pool, tender));
    let zones = edge.cache.store.stats();
    metrics.zones.show(&zones);
    metrics.purges.read(&zones);
    metrics.log_dropped.reset();
    metrics.log_dropped.inc_by(snapshot.access_log.dropped());
}

fn read_pool(metrics: &Metrics, pool: &Pool, tender: &Tender) {
    let name = pool.model.name.as_str();
    let report = pool.balancer.report(clock::nanos());
    let origins = tender.discovery().origins(&pool.model);
    let oldest = origins.names.iter().map(|name| name.age).max();
    let state = pools::Pool {
        in_flight: pool.in_flight.count(),
        limit: pool.for_what_is_left(pool.model.limit.in_flight),
        panic: report.panic,
        usable: report.left.fraction(),
        retries_left: report.retries_left,
        names: oldest.map(|oldest| (origins.failures, oldest)),
        file_good: origins.file.map(|file| file.fault.is_none()),
    };
    metrics.pools.pool(name, &state);
    for row in &report.endpoints {
        let address = row.member.address.to_string();
        let state = pools::Endpoint {
            address: &address,
            up: row.health.is_none_or(|verdict| verdict == Verdict::Well),
            state: row.standing.word(),
            in_flight: row.in_flight,
            weight: row.weight,
            latency: row.latency,
            ejections: &row.ejections,
        };
        metrics.pools.endpoint(name, &state, Standing::ALL.into_iter().map(Standing::word));
        for (result, tries) in Outcome::RESULTS.into_iter().zip(row.results) {
            metrics.upstream.tries.with_label_values(&[name, &address, result]).inc_by(tries);
        }
    }
}
