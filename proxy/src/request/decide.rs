//! All that is decided before the cache is asked: who wants what, which route that is, and what it does.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use bytes::Bytes;
use config::model::{RouteId, TraceFrom};
use pingora::http::{RequestHeader, ResponseHeader};

use super::{
    context::Context,
    exchange::Exchange,
    identify::{self, Facts, is_trusted, network, trace::Trace},
    refusal::{METHODS, Refusal},
    respond,
    route::{Asked, Found},
    split::{Choice, Client},
    via::Pseudonym,
};
use crate::{
    listen::connection::Connection,
    snapshot::{Action, Forward, Listener, Route, Snapshot},
};

/// A request that has arrived.
pub(super) struct Arrival<'a> {
    pub(super) header: &'a RequestHeader,
    pub(super) connection: &'a Connection,
    /// Where it came in, as configured now.
    pub(super) listener: &'a Listener,
    /// When its header was read.
    pub(super) at: SystemTime,
    /// By what name this edge would know itself.
    pub(super) pseudonym: &'a Pseudonym,
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
    let snapshot = Arc::clone(&ctx.snapshot);
    is_not_too_large(arrival)?;
    // What a client sent names its own request, not the refresh that it set off, which may outlive it.
    if !ctx.background {
        name(arrival, &snapshot, &mut ctx.id, &mut ctx.trace);
    }
    let facts = ctx.facts.insert(identify(arrival, &snapshot)?);
    understand(arrival.header)?;
    if arrival.pseudonym.is_in(&arrival.header.headers) {
        return Err(Refusal::Loop);
    }
    if let Some(redirect) = to_other_listener(arrival, facts, &snapshot)? {
        return Ok(redirect);
    }
    let (id, pattern) = find_route(arrival, facts, &snapshot)?;
    ctx.pattern = pattern;
    let route = ctx.route.insert(Arc::clone(snapshot.route(id)));
    prove(arrival, route)?;
    // A refresh in the background is no client's request.
    if !ctx.background {
        limit(arrival, route, facts.client)?;
    }
    let route = Arc::clone(route);
    act(arrival, &route, ctx)
}

pub(super) fn is_not_too_large(arrival: &Arrival<'_>) -> Result<(), Refusal> {
    let too_large = identify::is_too_large(arrival.header, &arrival.listener.model);
    if too_large { Err(Refusal::HeaderTooLarge) } else { Ok(()) }
}

/// Takes over what names a request, from those who may name it.
pub(super) fn name(arrival: &Arrival<'_>, snapshot: &Snapshot, id: &mut String, trace: &mut Trace) {
    let (headers, peer) = (&arrival.header.headers, arrival.connection.client.ip());
    let trusted = &snapshot.trusted_proxies;
    if let Some(given) = identify::request_id(headers, peer, trusted) {
        given.clone_into(id);
    }
    match snapshot.trace.from {
        _ if is_trusted(peer, trusted) => trace.join(headers),
        TraceFrom::Anyone => trace.join_stranger(headers),
        TraceFrom::TrustedProxies => {}
    }
}

/// Who wants what.
pub(super) fn identify(arrival: &Arrival<'_>, snapshot: &Snapshot) -> Result<Facts, Refusal> {
    let Arrival { header, connection, .. } = arrival;
    let raw = identify::Raw {
        peer: connection.client.ip(),
        tls: connection.tls.is_some(),
        target: header.raw_path(),
        authority: header.uri.authority().map(http::uri::Authority::as_str),
        headers: &header.headers,
    };
    identify::identify(&raw, snapshot.trust())
}

/// Refuses what the edge does for nobody, in whatever version it is asked.
pub(super) fn understand(header: &RequestHeader) -> Result<(), Refusal> {
    if header.method == http::Method::TRACE {
        return Err(Refusal::MethodNotAllowed(METHODS.to_owned()));
    }
    let known = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    let understood = header.headers.get_all(http::header::EXPECT).iter().all(known);
    understood.then_some(()).ok_or(Refusal::UnknownExpectation)
}

/// Where a listener sends everything on; refuses what came over a connection that would not be let in now, or that is for
/// other hosts.
pub(super) fn to_other_listener(
    arrival: &Arrival<'_>,
    facts: &Facts,
    snapshot: &Snapshot,
) -> Result<Option<Decision>, Refusal> {
    let serving = arrival.listener.model.redirect_to.map_or(arrival.listener, |to| snapshot.listener(to));
    if !would_be_let_in(arrival) {
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
fn is_misdirected(arrival: &Arrival<'_>, facts: &Facts) -> bool {
    arrival.connection.tls.as_ref().is_some_and(|tls| !tls.served.certificate.covers.cover(&facts.host))
}

/// Whether the connection would be let in now as it was then: its listener may since speak TLS or ask more of clients, and
/// what this client has shown may have expired. A client that is told so comes back over a new connection.
fn would_be_let_in(arrival: &Arrival<'_>) -> bool {
    let now = arrival.at;
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
pub(super) fn prove(arrival: &Arrival<'_>, route: &Route) -> Result<(), Refusal> {
    let tls = arrival.connection.tls.as_ref();
    let shown = tls.and_then(|tls| tls.client.as_ref());
    if !route.model.needs_client_certificate || shown.is_some_and(|shown| shown.holds_at(arrival.at)) {
        return Ok(());
    }
    let current = arrival.listener.tls.as_ref().map(|tls| tls.clients.scope);
    // Over a new connection it would be asked.
    let is_asked_now = current.is_some() && current != tls.map(|tls| tls.scope);
    Err(if is_asked_now { Refusal::OutdatedConnection } else { Refusal::NoClientCertificate })
}

/// The route, and which of its paths matched.
pub(super) fn find_route(
    arrival: &Arrival<'_>,
    facts: &Facts,
    snapshot: &Snapshot,
) -> Result<(RouteId, usize), Refusal> {
    let asked = Asked {
        host: &facts.host,
        path: &facts.path,
        method: arrival.header.method.as_str(),
        query: facts.query.as_deref(),
        headers: &arrival.header.headers,
    };
    match snapshot.router.find(&asked) {
        Found::Route { id, pattern } => Ok((id, pattern)),
        Found::OtherMethods(allow) => Err(Refusal::MethodNotAllowed(allow)),
        Found::Nothing => Err(Refusal::NoRoute),
    }
}

/// Counts the request, or refuses it.
pub(super) fn limit(arrival: &Arrival<'_>, route: &Route, client: IpAddr) -> Result<(), Refusal> {
    route.limits.iter().try_for_each(|limit| limit.allow(client, arrival.now_ns)).map_err(Refusal::RateLimited)
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
pub(super) fn choose(forward: &Forward, client: IpAddr, arrival: &Arrival<'_>) -> Choice {
    let client = Client { network: network(client), headers: &arrival.header.headers };
    forward.split.as_ref().map(|split| split.choose(&client, arrival.random)).unwrap_or_default()
}

fn answer(header: ResponseHeader, body: Bytes) -> Decision {
    Decision::Answer(Box::new(header), body)
}
