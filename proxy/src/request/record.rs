//! What is remembered of a request that is over: counters, and a line in the access log.

use config::model::ListenerId;
use http::header;
use pingora::{Error, http::RequestHeader, proxy::Session};

use super::context::Context;
use crate::{
    clock,
    telemetry::{
        access::Line,
        metric::{Metrics, NONE},
    },
};

/// Bytes of the request line and the header fields as they would stand in HTTP/1.1.
pub(crate) fn header_bytes(request: &RequestHeader) -> u64 {
    let line = request.method.as_str().len() + request.raw_path().len() + " HTTP/1.1\r\n".len() + 1;
    let fields: usize =
        request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    (line + fields) as u64
}

/// Counts and logs a request. `random` decides whether a sampled line is kept.
pub(crate) fn finished(
    metrics: &Metrics,
    listener: ListenerId,
    session: &Session,
    error: Option<&Error>,
    ctx: &Context,
    random: u32,
) {
    let took = clock::instant().duration_since(ctx.started);
    let status = session.response_written().map(|response| response.status.as_u16());
    let outcome = ctx.outcome.filter(|_| ctx.refusal.is_none());
    match ctx.route.as_deref() {
        Some(route) => route.metrics.finished(status, took, outcome),
        None => metrics.route(NONE, NONE).finished(status, took, None),
    }
    if let Some(refusal) = &ctx.refusal {
        metrics.refused(refusal.label(), ctx.class().unwrap_or(NONE));
    }
    let log = &ctx.snapshot.access_log;
    let went_wrong = ctx.refusal.is_some() || error.is_some() || status.is_none_or(|status| status >= 500);
    if !log.takes(random, went_wrong) {
        return;
    }
    let request = session.req_header();
    log.write(&Line {
        time: jiff::Timestamp::try_from(ctx.started_at).map(|time| format!("{time:.3}")).unwrap_or_default(),
        id: &ctx.id,
        client: ctx.facts.as_ref().map(|facts| facts.client),
        listener: &ctx.snapshot.listener(listener).name,
        protocol: if session.is_http2() { "HTTP/2" } else { "HTTP/1.1" },
        method: request.method.as_str(),
        host: ctx.facts.as_ref().map(|facts| facts.host.as_str()),
        path: ctx.facts.as_ref().map(|facts| facts.path.as_str()),
        query: ctx.facts.as_ref().and_then(|facts| facts.query.as_deref()),
        status,
        bytes: session.body_bytes_sent(),
        duration_ms: (took.as_secs_f64() * 1e6).round() / 1e3,
        route: ctx.route.as_deref().map(|route| route.model.name.as_str()),
        class: ctx.class(),
        cache: outcome.map(super::caching::status::Outcome::label),
        endpoint: ctx.tried.last().map(ToString::to_string),
        tries: ctx.tried.len(),
        refusal: ctx.refusal.as_ref().map(super::refusal::Refusal::label),
        error: error.map(ToString::to_string),
        user_agent: request.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()),
    });
}
