//! What is remembered of a request that is over: counters, and a line in the access log.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

use http::{Version, header};
use pingora::{Error, http::RequestHeader};

use super::{
    caching::status::Outcome,
    context::Context,
    identify::{Facts, trace::Trace},
    refusal::Refusal,
};
use crate::{
    listen::tls::handshake::Established,
    snapshot::Route,
    telemetry::{
        access::{AccessLog, Line, Moment, TlsOf, cut},
        metric::{Metrics, NONE},
    },
};

/// How a request ended.
pub(crate) struct Finished<'a> {
    /// Name of the listener.
    pub(crate) listener: &'a str,
    /// What the handshake has settled; `None` where no TLS is spoken.
    pub(crate) tls: Option<&'a Established>,
    pub(crate) request: &'a RequestHeader,
    /// `None` if the client left before it had an answer.
    pub(crate) status: Option<u16>,
    /// Bytes of body sent.
    pub(crate) bytes: usize,
    pub(crate) error: Option<&'a Error>,
    /// From the request header to the last byte of the answer.
    pub(crate) took: Duration,
}

/// What was found out about a request on its way.
pub(crate) struct Told<'a> {
    pub(crate) log: &'a AccessLog,
    pub(crate) started_at: SystemTime,
    pub(crate) id: &'a str,
    pub(crate) trace: &'a Trace,
    pub(crate) facts: Option<&'a Facts>,
    pub(crate) route: Option<&'a Route>,
    /// Name of the class.
    pub(crate) class: Option<&'a str>,
    /// Name of the pool.
    pub(crate) pool: Option<&'a str>,
    /// What the cache did.
    pub(crate) outcome: Option<Outcome>,
    /// The endpoints that were asked.
    pub(crate) tried: &'a [SocketAddr],
    pub(crate) refusal: Option<&'a Refusal>,
}

impl<'a> From<&'a Context> for Told<'a> {
    fn from(ctx: &'a Context) -> Self {
        Self {
            log: &ctx.snapshot.access_log,
            started_at: ctx.started_at,
            id: &ctx.id,
            trace: &ctx.trace,
            facts: ctx.facts.as_ref(),
            route: ctx.route.as_deref(),
            class: ctx.class(),
            pool: ctx.arm().map(|arm| arm.pool.model.name.as_str()),
            outcome: ctx.outcome,
            tried: &ctx.tried,
            refusal: ctx.refusal.as_ref(),
        }
    }
}

/// Counts and logs a request. `random` decides whether a sampled line is kept.
pub(crate) fn record(metrics: &Metrics, finished: &Finished<'_>, told: &Told<'_>, random: u32) {
    let outcome = told.outcome.filter(|_| told.refusal.is_none());
    let route = told.route;
    let counters = route.map_or(&metrics.no_route, |route| &route.metrics);
    counters.finished(finished.status, finished.took, outcome.map(|outcome| outcome as usize));
    if let Some(refusal) = told.refusal {
        metrics.refused(refusal.label(), told.class.unwrap_or(NONE));
    }
    let failed = finished.error.is_some() || finished.status.is_none_or(|status| status >= 500);
    if !told.log.takes(random, failed || told.refusal.is_some()) {
        return;
    }
    let facts = told.facts;
    let agent = finished.request.headers.get(header::USER_AGENT);
    told.log.write(&Line {
        time: Moment(told.started_at),
        id: told.id,
        trace: Some(told.trace.id()),
        client: facts.map(|facts| facts.client),
        listener: finished.listener,
        protocol: protocol(finished.request.version),
        tls: finished.tls.map(tls_of),
        method: cut(finished.request.method.as_str()),
        host: facts.map(|facts| cut(&facts.host)),
        path: facts.map(|facts| cut(&facts.path)),
        query: facts.and_then(|facts| facts.query.as_deref()).map(cut),
        status: finished.status,
        bytes: finished.bytes,
        duration_ms: (finished.took.as_secs_f64() * 1e6).round() / 1e3,
        route: route.map(|route| route.model.name.as_str()),
        class: told.class,
        pool: told.pool,
        cache: outcome.map(Outcome::label),
        endpoint: told.tried.last().map(ToString::to_string),
        tries: told.tried.len(),
        refusal: told.refusal.map(Refusal::label),
        error: finished.error.map(|error| cut(&error.to_string()).to_owned()),
        user_agent: agent.and_then(|agent| agent.to_str().ok()).map(cut),
    });
}

/// The version that the client speaks.
fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn tls_of(tls: &Established) -> TlsOf<'_> {
    let client = tls.client.as_ref();
    TlsOf {
        version: tls.version,
        cipher: tls.cipher,
        resumed: tls.resumed,
        sni: tls.server_name.as_deref(),
        client: client.map(|client| client.subject.as_str()),
        client_sha256: client.map(|client| client.fingerprint.as_str()),
    }
}

/// A request that was refused before it could be read.
pub(crate) struct Unread<'a> {
    pub(crate) id: &'a str,
    /// Name of the listener.
    pub(crate) listener: &'a str,
    pub(crate) client: IpAddr,
    /// What its connection's handshake has settled.
    pub(crate) tls: Option<&'a Established>,
    /// As far as they could be told.
    pub(crate) version: Version,
    pub(crate) method: Option<&'a str>,
    pub(crate) target: Option<&'a str>,
    pub(crate) refusal: &'a Refusal,
    /// Bytes of body sent.
    pub(crate) bytes: usize,
    /// Why the client did not get the answer.
    pub(crate) error: Option<io::Error>,
    /// When it was refused.
    pub(crate) at: SystemTime,
    /// From its first byte.
    pub(crate) took: Duration,
}

/// Counts and logs a request that never was one; refusals are logged whatever the sample.
pub(crate) fn record_unread(metrics: &Metrics, log: &AccessLog, unread: &Unread<'_>) {
    let status = unread.refusal.status();
    metrics.no_route.finished(Some(status), unread.took, None);
    metrics.refused(unread.refusal.label(), NONE);
    let (path, query) = match unread.target.map(|target| target.split_once('?').ok_or(target)) {
        Some(Ok((path, query))) => (Some(path), Some(query)),
        Some(Err(path)) => (Some(path), None),
        None => (None, None),
    };
    log.write(&Line {
        time: Moment(unread.at),
        id: unread.id,
        trace: None,
        client: Some(unread.client),
        listener: unread.listener,
        protocol: protocol(unread.version),
        method: unread.method.map_or(NONE, cut),
        host: None,
        path: path.map(cut),
        query: query.map(cut),
        status: Some(status),
        bytes: unread.bytes,
        duration_ms: (unread.took.as_secs_f64() * 1e6).round() / 1e3,
        route: None,
        class: None,
        pool: None,
        cache: None,
        endpoint: None,
        tries: 0,
        refusal: Some(unread.refusal.label()),
        error: unread.error.as_ref().map(|error| cut(&error.to_string()).to_owned()),
        user_agent: None,
        tls: unread.tls.map(tls_of),
    });
}
