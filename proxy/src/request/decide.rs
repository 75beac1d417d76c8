//! All that is decided before the cache is asked: who wants what, which route that is, and what it does.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use bytes::Bytes;
use config::model::TraceFrom;
use pingora::http::{RequestHeader, ResponseHeader};

use super::{
    context::Context,
    exchange::Exchange,
    identify::{self, is_trusted, network},
    refusal::{METHODS, Refusal},
    respond,
    route::{Asked, Found},
    split::{Choice, Client},
};
use crate::{
    listen::connection::Connection,
    snapshot::{Action, Forward, Listener, Route},
};

/// A request that has arrived.
pub(super) struct Arrival<'a> {
    pub(super) header: &'a RequestHeader,
    pub(super) connection: &'a Connection,
    /// Where it came in, as configured now.
    pub(super) listener: &'a Listener,
    pub(super) now_ns: u64,
    /// Uniform over all values.
    pub(super) random: u64,
}

/// What happens to a request that is not refused.
pub(super) enum Decision {
    /// It goes to a pool, or the cache before it.
    Forward,
    /// The edge answers.
    Answer(Box<ResponseHeader>, Bytes),
    /// The edge answers with a file, which has to be looked for.
    Files(Arc<Route>),
}

/// Decides, and fills in the context on the way.
pub(super) fn decide(arrival: &Arrival<'_>, ctx: &mut Context) -> Result<Decision, Refusal> {
    identify(arrival, ctx)?;
    understand(arrival.header)?;
    if let Some(redirect) = to_other_listener(arrival, ctx)? {
        return Ok(redirect);
    }
    let route = find_route(arrival, ctx)?;
    prove(arrival, &route, ctx)?;
    limit(arrival, &route, ctx)?;
    act(arrival, &route, ctx)
}

fn identify(arrival: &Arrival<'_>, ctx: &mut Context) -> Result<(), Refusal> {
    let Arrival { header, connection, listener, .. } = arrival;
    let peer = connection.client.ip();
    if identify::is_too_large(header, &listener.model) {
        return Err(Refusal::HeaderTooLarge);
    }
    let trust = ctx.snapshot.trust();
    // What a client sent names its own request, not the refresh that it set off, which may outlive it.
    if !ctx.background {
        if let Some(id) = identify::request_id(&header.headers, peer, trust.proxies) {
            id.clone_into(&mut ctx.id);
        }
        match ctx.snapshot.trace.from {
            _ if is_trusted(peer, trust.proxies) => ctx.trace.join(&header.headers),
            TraceFrom::Anyone => ctx.trace.join_stranger(&header.headers),
            TraceFrom::TrustedProxies => {}
        }
    }
    let raw = identify::Raw {
        peer,
        tls: connection.tls.is_some(),
        target: header.raw_path(),
        authority: header.uri.authority().map(http::uri::Authority::as_str),
        headers: &header.headers,
    };
    ctx.facts = Some(identify::identify(&raw, trust)?);
    Ok(())
}

/// Refuses what the edge does for nobody, in whatever version it is asked.
fn understand(header: &RequestHeader) -> Result<(), Refusal> {
    if header.method == http::Method::TRACE {
        return Err(Refusal::MethodNotAllowed(METHODS.to_owned()));
    }
    let known = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    let understood = header.headers.get_all(http::header::EXPECT).iter().all(known);
    understood.then_some(()).ok_or(Refusal::UnknownExpectation)
}

/// Where a listener sends everything on; refuses what came over a connection that would not be let in now, or that is for
/// other hosts.
fn to_other_listener(arrival: &Arrival<'_>, ctx: &Context) -> Result<Option<Decision>, Refusal> {
    let facts = ctx.facts.as_ref().ok_or(Refusal::Internal)?;
    let serving = arrival.listener.model.redirect_to.map_or(arrival.listener, |to| ctx.snapshot.listener(to));
    if !would_be_let_in(arrival, ctx.started_at) {
        return Err(Refusal::OutdatedConnection);
    }
    if serving.tls.as_ref().is_some_and(|tls| !tls.certificates.serves(&facts.host)) || is_misdirected(arrival, facts) {
        return Err(Refusal::Misdirected);
    }
    if arrival.listener.model.redirect_to.is_none() {
        return Ok(None);
    }
    let redirect = respond::redirect(&facts.host, serving.model.public_port, &facts.path, facts.query.as_deref());
    redirect.map(|header| Some(answer(header, Bytes::new()))).map_err(|_invalid| Refusal::Internal)
}

/// Whether the request came in over a connection that is not for its host (RFC 9110 s15.5.20). Browsers send requests
/// for several hosts over one connection if its certificate covers them all (RFC 9113 s9.1.1), which is fine here as
/// well. It is not where the certificate is for others.
fn is_misdirected(arrival: &Arrival<'_>, facts: &identify::Facts) -> bool {
    arrival.connection.tls.as_ref().is_some_and(|tls| !tls.served.certificate.covers.cover(&facts.host))
}

/// Whether the connection would be let in now as it was then: its listener may since speak TLS or ask more of clients, and
/// what this client has shown may have expired. A client that is told so comes back over a new connection.
fn would_be_let_in(arrival: &Arrival<'_>, now: SystemTime) -> bool {
    match (&arrival.connection.tls, &arrival.listener.tls) {
        (None, None) => true,
        (Some(then), Some(current)) if then.scope == current.clients.scope => {
            then.client.as_ref().is_none_or(|client| client.holds_at(now))
        }
        (Some(then), Some(current)) => current.clients.would_admit(then.client.as_ref(), now),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Refuses clients that have not proven to be whom the route is for.
fn prove(arrival: &Arrival<'_>, route: &Route, ctx: &Context) -> Result<(), Refusal> {
    let tls = arrival.connection.tls.as_ref();
    let shown = tls.and_then(|tls| tls.client.as_ref());
    if !route.model.needs_client_certificate || shown.is_some_and(|shown| shown.holds_at(ctx.started_at)) {
        return Ok(());
    }
    let current = arrival.listener.tls.as_ref().map(|tls| tls.clients.scope);
    // Over a new connection it would be asked.
    let is_asked_now = current.is_some() && current != tls.map(|tls| tls.scope);
    Err(if is_asked_now { Refusal::OutdatedConnection } else { Refusal::NoClientCertificate })
}

fn find_route(arrival: &Arrival<'_>, ctx: &mut Context) -> Result<Arc<Route>, Refusal> {
    let facts = ctx.facts.as_ref().ok_or(Refusal::Internal)?;
    let asked = Asked {
        host: &facts.host,
        path: &facts.path,
        method: arrival.header.method.as_str(),
        query: facts.query.as_deref(),
        headers: &arrival.header.headers,
    };
    let (id, pattern) = match ctx.snapshot.router.find(&asked) {
        Found::Route { id, pattern } => (id, pattern),
        Found::OtherMethods(allow) => return Err(Refusal::MethodNotAllowed(allow)),
        Found::Nothing => return Err(Refusal::NoRoute),
    };
    ctx.pattern = pattern;
    Ok(Arc::clone(ctx.route.insert(Arc::clone(ctx.snapshot.route(id)))))
}

/// A refresh in the background is no client's request.
fn limit(arrival: &Arrival<'_>, route: &Route, ctx: &Context) -> Result<(), Refusal> {
    let facts = ctx.facts.as_ref().ok_or(Refusal::Internal)?;
    let mut limits = route.limits.iter().filter(|_| !ctx.background);
    limits.try_for_each(|limit| limit.allow(facts.client, arrival.now_ns)).map_err(Refusal::RateLimited)
}

fn act(arrival: &Arrival<'_>, route: &Arc<Route>, ctx: &mut Context) -> Result<Decision, Refusal> {
    let facts = ctx.facts.as_ref().ok_or(Refusal::Internal)?;
    let own = match &route.action {
        Action::Forward(forward) => {
            ctx.choice = choose(forward, facts.client, arrival);
            let length = identify::content_length(&arrival.header.headers);
            if length.is_some_and(|length| length > forward.model.max_body.0) {
                return Err(Refusal::BodyTooLarge);
            }
            if forward.model.streams {
                ctx.exchange = Exchange::of(arrival.header.version, &arrival.header.headers);
            }
            return Ok(Decision::Forward);
        }
        Action::Files(_) if !matches!(arrival.header.method, http::Method::GET | http::Method::HEAD) => {
            return Err(Refusal::MethodNotAllowed("GET, HEAD".to_owned()));
        }
        Action::Files(_) => return Ok(Decision::Files(Arc::clone(route))),
        Action::Respond(fixed) => respond::fixed(fixed, &ctx.id),
        Action::Redirect { model, to } => {
            let to = to.get(ctx.pattern).ok_or(Refusal::Internal)?.fill(&facts.path, &facts.host);
            respond::elsewhere(model, &to, facts.query.as_deref(), &ctx.id).map(|header| (header, Bytes::new()))
        }
    };
    own.map(|(header, body)| answer(header, body)).map_err(|_invalid| Refusal::Internal)
}

/// Which of its pools a route asks for a client.
fn choose(forward: &Forward, client: IpAddr, arrival: &Arrival<'_>) -> Choice {
    let client = Client { network: network(client), headers: &arrival.header.headers };
    forward.split.as_ref().map(|split| split.choose(&client, arrival.random)).unwrap_or_default()
}

fn answer(header: ResponseHeader, body: Bytes) -> Decision {
    Decision::Answer(Box::new(header), body)
}
