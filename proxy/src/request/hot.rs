//! Fresh stored answers that leave before Pingora is asked: the greater part of all requests, and so the cheapest.
//!
//! It serves only what the whole way would serve, decided by the same functions. Whatever needs more than they say (a
//! body, a range, a condition that is the origin's, a cookie to be set, a refusal, anything stale, purged, or just being
//! written) goes the whole way, and is decided there anew: until an answer is found and will be served, nothing here has
//! an effect that anybody could see.
//!
//! The header of an answer is prepared once for each object and route ([`form`]): the functions of the whole way make
//! it, with marks where each answer has something of its own, its age for one, and these are put in each time.

use std::{
    net::IpAddr,
    num::NonZeroU128,
    ops::Deref,
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::{Bytes, BytesMut};
use cache::{Stored, Wanted};
use config::model::CachePolicy;
use http::{HeaderName, HeaderValue, Method, Version, header};
use pingora::{
    Error,
    http::{RequestHeader, ResponseHeader},
};

mod form;
mod parse;

use self::form::{Fields, Form, Own, Text};
pub(crate) use self::{form::Framing, parse::Parser};
use super::{
    caching::{
        self, conditional,
        reuse::Standing,
        status::{Found, Outcome, Said},
        vary,
    },
    coding,
    decide::{self, Arrival},
    exchange::Exchange,
    identify::{self, Facts, trace::Trace},
    record::{self, Finished, Told},
    split::Choice,
    via,
};
use crate::{
    clock,
    edge::Edge,
    listen::connection::Connection,
    snapshot::{Action, Arm, Forward, Route, Snapshot},
};

/// Fields of a request that say more than is decided here.
static LEFT_TO_THE_WHOLE_WAY: [HeaderName; 11] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::EXPECT,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::AUTHORIZATION,
];

/// A request that has arrived.
pub(crate) struct Request<'a> {
    header: &'a RequestHeader,
    connection: &'a Connection,
}

impl<'a> Request<'a> {
    /// Brings its header into the form in which all requests are looked at; `None` if that cannot be done.
    pub(crate) fn new(header: &'a mut RequestHeader, connection: &'a Connection) -> Option<Self> {
        identify::drop_nominated(header);
        identify::join_cookies(header).ok()?;
        identify::tell_client_certificate(header, connection.shown()).ok()?;
        Some(Self { header, connection })
    }
}

/// An answer that was found for a request, and all that its log line tells.
pub(crate) struct Hit<S> {
    snapshot: S,
    place: Place,
    facts: Facts,
    choice: Choice,
    stored: Stored,
    form: Form,
    id: String,
    trace: Trace,
    /// For those who may know it.
    key: Option<String>,
    via: HeaderValue,
    standing: Standing,
    started: Instant,
    started_at: SystemTime,
}

/// A route, as a position in the snapshot.
#[derive(Clone, Copy)]
struct Place {
    route: config::model::RouteId,
}

/// Looks for the answer to a request whose header has just been read; `None` if it goes the whole way.
pub(crate) fn find(edge: &Edge, request: &Request<'_>) -> Option<Hit<impl Deref<Target = Arc<Snapshot>> + use<>>> {
    let (header, connection) = (request.header, request.connection);
    if !is_plain(header) || connection.is_closing() {
        return None;
    }
    let snapshot = edge.published.peek();
    let listener = snapshot.listener_of(connection);
    let (started, started_at) = (clock::instant(), clock::wall());
    // Nothing is drawn here: what has to be drawn for a client has to be told to it as well.
    let (pseudonym, now_ns) = (&edge.pseudonym, clock::nanos());
    let arrival = Arrival { header, connection, listener, pseudonym, at: started_at, now_ns, random: 0 };
    decide::is_not_too_large(&arrival).ok()?;
    let facts = decide::identify(&arrival, &snapshot).ok()?;
    decide::understand(header).ok()?;
    if pseudonym.is_in(&header.headers) {
        return None;
    }
    if decide::to_other_listener(&arrival, &facts, &snapshot).ok()?.is_some() {
        return None;
    }
    let (id, _) = decide::find_route(&arrival, &facts, &snapshot).ok()?;
    let route = snapshot.route(id);
    let (forward, policy) = cached(route)?;
    decide::prove(&arrival, route).ok()?;
    let choice = decide::choose(forward, facts.client, &arrival);
    let streams = forward.model.streams && Exchange::of(header.version, &header.headers) != Exchange::Answer;
    if choice.drawn || streams {
        return None;
    }
    let arm = forward.arms.get(choice.arm)?;
    let zone = forward.zone.as_ref()?;
    let key = key(arm, &facts, policy, header);
    let name = edge.cache.store.name(key.as_bytes());
    if edge.cache.uncacheable.remembers(name, now_ns) {
        return None;
    }
    let wanted = Wanted { zone: &zone.name, primary: key.as_bytes(), name };
    let variance = |stored: &http::HeaderMap| vary::variance(stored, &header.headers, policy);
    let (stored, form) = edge.cache.store.peek(&wanted, variance, |stored| {
        let form = usable(&stored, header, policy, started_at)?;
        limit(&arrival, route, facts.client)?;
        Some((stored, form))
    })?;
    let standing = Standing::at(started_at, stored.epoch(), stored.fresh_until());
    let via = pseudonym.member(via::spoken_by(&arm.pool.model)).clone();
    let trusted = identify::is_trusted(connection.client.ip(), snapshot.trust().proxies);
    let (mut id_text, mut trace) = names(&snapshot);
    decide::name(&arrival, &snapshot, &mut id_text, &mut trace);
    let place = Place { route: id };
    let id = id_text;
    let key = trusted.then_some(key);
    Some(Hit { snapshot, place, facts, choice, key, via, stored, form, id, trace, standing, started, started_at })
}

/// Whether a request is of the kind that is looked for at all.
fn is_plain(request: &RequestHeader) -> bool {
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    let version = matches!(request.version, Version::HTTP_11 | Version::HTTP_2);
    // A connection that ends with the answer says so there.
    let mut connection = request.headers.get_all(header::CONNECTION).iter();
    let goes_on = connection.all(|options| options.as_bytes().eq_ignore_ascii_case(b"keep-alive"));
    reads && version && goes_on && LEFT_TO_THE_WHOLE_WAY.iter().all(|name| !request.headers.contains_key(name))
}

/// How a route asks its pool, if it caches what that answers.
fn cached(route: &Route) -> Option<(&Forward, &CachePolicy)> {
    match &route.action {
        Action::Forward(forward) => Some((forward, forward.model.cache.as_ref()?)),
        Action::Redirect { .. } | Action::Respond(_) | Action::Files(_) => None,
    }
}

fn key(arm: &Arm, facts: &Facts, policy: &CachePolicy, request: &RequestHeader) -> String {
    let (authority, path, query) = (&facts.authority, &facts.path, facts.query.as_deref());
    let asked = caching::key::Asked { secure: facts.secure, authority, path, query };
    caching::key::key(&arm.key_scope, &asked, policy, &request.headers)
}

/// In which form a stored answer is one to this request; `None` if it is none that is decided here.
fn usable(stored: &Stored, request: &RequestHeader, policy: &CachePolicy, now: SystemTime) -> Option<Form> {
    if stored.fresh_until() < now {
        return None;
    }
    let header = stored.header();
    // What promises another length than it has is for the whole way to deal with.
    let promised = header.headers.get(header::CONTENT_LENGTH);
    let length = promised.map(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length != Some(stored.body_bytes())) {
        return None;
    }
    let has_forms = !policy.compress.is_empty() && coding::is_compressible(header);
    let wished = if has_forms { coding::accept::choose(&request.headers, &policy.compress) } else { None };
    // Who is the first to ask for a form has it made on the whole way.
    if wished.is_some_and(|coding| stored.may_be_coded(coding::number(coding))) {
        return None;
    }
    let coded = wished.and_then(|coding| Some((coding, stored.coded_bytes(coding::number(coding))?)));
    let (method, asked) = (&request.method, &request.headers);
    let not_modified = conditional::is_not_modified(method, asked, header.status, &header.headers, now);
    Some(Form { not_modified, coded, has_forms, length: stored.body_bytes() })
}

/// Counts a request against the limits of its route; `None` if one of them refuses it, which the whole way then does.
fn limit(arrival: &Arrival<'_>, route: &Route, client: IpAddr) -> Option<()> {
    // Of several, none must count what another refuses.
    let several = route.limits.len() > 1;
    if several && route.limits.iter().any(|limit| limit.left(client, arrival.now_ns) == 0) {
        return None;
    }
    decide::limit(arrival, route, client).ok()
}

/// What a request is called where nobody has given it a name.
fn names(snapshot: &Snapshot) -> (String, Trace) {
    let id = rand::random::<NonZeroU128>();
    let trace = Trace::begin(id, rand::random(), snapshot.trace.sample.takes(rand::random()));
    (trace.id(), trace)
}

impl<S: Deref<Target = Arc<Snapshot>>> Hit<S> {
    fn route(&self) -> &Route {
        self.snapshot.route(self.place.route)
    }

    fn forward(&self) -> Option<&Forward> {
        cached(self.route()).map(|(forward, _)| forward)
    }

    /// Appends its header as HTTP/1.1 has it; how its body is framed, or `None` if it cannot be written so.
    pub(crate) fn head(&self, head: &mut BytesMut) -> Option<Framing> {
        let route = self.route();
        let make = |stored: &ResponseHeader| Text::render(stored, route, self.form, &self.via);
        let prepared = self.stored.prepared(self.form.place(false), route.number, make)?;
        let text = (*prepared).as_ref()?.get::<Text>()?;
        text.write(&self.own(), head);
        Some(text.framing())
    }

    /// Its header as HTTP/2 has it; `None` if it cannot be.
    pub(crate) fn fields(&self) -> Option<http::Response<()>> {
        let route = self.route();
        let make = |stored: &ResponseHeader| Fields::render(stored, route, self.form, &self.via);
        let prepared = self.stored.prepared(self.form.place(true), route.number, make)?;
        (*prepared).as_ref()?.get::<Fields>()?.fill(&self.own())
    }

    fn own(&self) -> Own<'_> {
        let said = Said {
            outcome: Outcome::Hit,
            // All that reads; a hit says no more of it.
            method: &Method::GET,
            found: Found::Nothing,
            waited: false,
            hidden: None,
            ttl_s: Some(self.standing.ttl_s),
            key: self.key.as_deref(),
            detail: None,
        };
        Own { age_s: self.standing.age_s, status: said.to_string(), id: &self.id, now: self.started_at }
    }

    /// Whether a body follows its header, be it an empty one.
    pub(crate) fn has_body(&self, method: &Method) -> bool {
        *method != Method::HEAD && !self.form.not_modified
    }

    /// Its body, piece by piece; nothing where none follows.
    pub(crate) fn body(&self, method: &Method) -> impl Iterator<Item = &Bytes> + Clone {
        let coding = self.form.coded.map(|(coding, _)| coding::number(coding));
        let pieces = self.stored.body(coding);
        let count = if self.has_body(method) { pieces.len() } else { 0 };
        pieces.take(count)
    }

    /// Counts and logs it, once it was sent, or was not.
    pub(crate) fn record(
        &self,
        edge: &Edge,
        request: &RequestHeader,
        connection: &Connection,
        bytes: usize,
        error: Option<&Error>,
    ) {
        let status = if self.form.not_modified { 304 } else { self.stored.header().status.as_u16() };
        let finished = Finished {
            listener: &connection.listener.model.name,
            tls: connection.tls.as_ref(),
            request,
            status: Some(status),
            bytes,
            error,
            took: clock::instant().duration_since(self.started),
        };
        let forward = self.forward();
        let told = Told {
            log: &self.snapshot.access_log,
            started_at: self.started_at,
            id: &self.id,
            trace: &self.trace,
            facts: Some(&self.facts),
            route: Some(self.route()),
            class: forward.map(|forward| forward.class.as_str()),
            pool: forward.and_then(|forward| Some(forward.arms.get(self.choice.arm)?.pool.model.name.as_str())),
            outcome: Some(Outcome::Hit),
            tried: &[],
            refusal: None,
        };
        record::record(&edge.metrics, &finished, &told, rand::random());
    }
}
