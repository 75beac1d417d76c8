//! The operators' listener: `/metrics`, `/healthz` (the process lives) and `/readyz` (it takes new requests).

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use pingora::server::ShutdownWatch;
use tokio::net::TcpListener;

use crate::{edge::Edge, telemetry::metric::Metrics};

/// Serves until the process ends; while it drains, `/readyz` says so to load balancers in front.
pub(crate) async fn serve(listener: TcpListener, edge: Arc<Edge>, draining: ShutdownWatch) {
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let (edge, draining) = (Arc::clone(&edge), draining.clone());
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let response = answer(&request, &edge, *draining.borrow());
                async { Ok::<_, Infallible>(response) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(std::time::Duration::from_secs(5))
                .serve_connection(TokioIo::new(tcp), answer);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an admin connection broke");
            }
        });
    }
}

fn answer(request: &Request<Incoming>, edge: &Edge, draining: bool) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match request.uri().path() {
        "/metrics" => text(StatusCode::OK, edge.metrics.render(|metrics| read_state(metrics, edge))),
        "/healthz" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" if draining => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned()),
        "/readyz" => text(StatusCode::OK, "ready\n".to_owned()),
        _ => text(StatusCode::NOT_FOUND, "there is /metrics, /healthz and /readyz\n".to_owned()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Reads what is not counted but is the case: endpoints, pools, zones. What is gone disappears.
fn read_state(metrics: &Metrics, edge: &Edge) {
    let snapshot = edge.published.load();
    for gauge in [&metrics.endpoint_up, &metrics.pool_in_flight, &metrics.pool_limit] {
        gauge.reset();
    }
    for pool in &snapshot.pools {
        let name = pool.model.name.as_str();
        metrics.pool_in_flight.with_label_values(&[name]).set(pool.in_flight.count().into());
        metrics.pool_limit.with_label_values(&[name]).set(pool.model.limit.in_flight.into());
        for endpoint in pool.balancer.endpoints() {
            let up = metrics.endpoint_up.with_label_values(&[name, &endpoint.address.to_string()]);
            up.set(endpoint.is_up().into());
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
