//! A request's way through the edge, in order; each step delegates to its stage.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use config::model::ListenerId;
use http::header;
use pingora::{
    Error, ErrorSource, ErrorType, Result,
    cache::{
        CacheKey, CacheMeta, CacheOptionOverrides, ForcedFreshness, HitHandler, NoCacheReason, RespCacheable,
        key::HashBinary,
    },
    http::{RequestHeader, ResponseHeader},
    proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session},
    upstreams::peer::HttpPeer,
};

pub(crate) mod context;
pub(crate) mod refusal;
pub(crate) mod identify;
pub(crate) mod route;
pub(crate) mod limit;
pub(crate) mod caching;
pub(crate) mod admission;
pub(crate) mod balance;
pub(crate) mod forward;
pub(crate) mod respond;
pub(crate) mod record;

use self::{
    caching::{freshness, status::Outcome, storable::NotStored, storing},
    context::Context,
    refusal::Refusal,
};
use crate::{clock, edge::Edge};

/// How long a request waits for another one's fill before it asks the origin itself, uncached.
const COLLAPSE_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long the rest of a refused request's body is read, so that its answer is not lost to a reset.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// How long a client may take nothing of its answer: it holds a place in a pool meanwhile.
const CLIENT_STALL_MAX: Duration = Duration::from_secs(30);

/// The requests of one listener.
pub(crate) struct Requests {
    pub(crate) edge: Arc<Edge>,
    pub(crate) listener: ListenerId,
}

#[async_trait]
impl ProxyHttp for Requests {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        let id = format!("{:032x}", rand::random::<u128>());
        Context::new(self.edge.published.load(), clock::instant(), clock::wall(), id)
    }

    /// No Pingora modules: compression belongs to the cache's policy.
    fn init_downstream_modules(&self, _modules: &mut pingora::modules::http::HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        ctx.background = session.subrequest_ctx.is_some();
        session.set_total_drain_timeout(Some(DRAIN_MAX));
        session.set_write_timeout(Some(CLIENT_STALL_MAX));
        match self.decide(session, ctx) {
            Ok(Decision::Serve) => Ok(false),
            Ok(Decision::Redirect(response)) => {
                session.write_response_header(response, true).await?;
                Ok(true)
            }
            Err(refusal) => self.refuse(session, ctx, refusal).await.map(|()| true),
        }
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        ctx.body_bytes += body.as_ref().map_or(0, Bytes::len) as u64;
        if ctx.route.as_deref().is_some_and(|route| ctx.body_bytes > route.model.max_body.0) {
            ctx.failure = Some(Refusal::BodyTooLarge);
            return Err(Error::new_down(ErrorType::HTTPStatus(413)));
        }
        Ok(())
    }

    fn request_cache_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        let caches = ctx.route.as_deref().is_some_and(|route| route.zone.is_some());
        let method = &session.req_header().method;
        let reads = method == http::Method::GET || method == http::Method::HEAD;
        // A body is no part of the key, and yet the origin may answer to it.
        if caches && reads && session.is_body_empty() {
            if session.is_http2() {
                refreshable(session, ctx)?;
            }
            let cache = self.edge.cache;
            let mut overrides = CacheOptionOverrides::default();
            overrides.wait_timeout = Some(COLLAPSE_WAIT_MAX);
            session.cache.enable(cache.store, None, Some(cache.uncacheable), Some(cache.lock), Some(overrides));
        }
        Ok(())
    }

    fn cache_key_callback(&self, _session: &Session, ctx: &mut Context) -> Result<CacheKey> {
        let (Some(route), Some(facts)) = (&ctx.route, &ctx.facts) else {
            return Error::e_explain(ErrorType::InternalError, "a cached request has a route");
        };
        let (Some(policy), Some(zone)) = (&route.model.cache, &route.zone) else {
            return Error::e_explain(ErrorType::InternalError, "a cached request's route has a policy");
        };
        let key = caching::key::key(facts.secure, &facts.authority, &facts.path, facts.query.as_deref(), &policy.query);
        Ok(CacheKey::new(key, zone.name.as_str()))
    }

    fn cache_vary_filter(&self, meta: &CacheMeta, _ctx: &mut Context, request: &RequestHeader) -> Option<HashBinary> {
        caching::vary::variance(meta.headers(), &request.headers)
    }

    /// A stale answer is better than a refusal: while the pool is full, it is served as it is.
    async fn cache_hit_filter(
        &self,
        session: &mut Session,
        meta: &CacheMeta,
        _hit: &mut HitHandler,
        is_fresh: bool,
        ctx: &mut Context,
    ) -> Result<Option<ForcedFreshness>> {
        if is_fresh || session.subrequest_ctx.is_some() || !meta.serve_stale_if_error(clock::wall()) {
            return Ok(None);
        }
        let full = ctx.route.as_deref().is_some_and(|route| route.pool.in_flight.count() >= route.ceiling);
        Ok(full.then_some(ForcedFreshness::ForceFresh))
    }

    async fn proxy_upstream_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        let Some(route) = &ctx.route else {
            return Error::e_explain(ErrorType::InternalError, "a forwarded request has a route");
        };
        ctx.permit = route.pool.in_flight.admit(route.ceiling);
        if ctx.permit.is_some() {
            return Ok(true);
        }
        self.refuse(session, ctx, Refusal::Overloaded).await?;
        Ok(false)
    }

    async fn upstream_peer(&self, _session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        let Some(route) = &ctx.route else {
            return Error::e_explain(ErrorType::InternalError, "a forwarded request has a route");
        };
        let Some(chosen) = route.pool.balancer.choose(&ctx.tried) else {
            ctx.failure.get_or_insert(Refusal::NoEndpoint);
            return Err(Error::new_up(ErrorType::HTTPStatus(503)));
        };
        let mut peer = HttpPeer::new(chosen.endpoint.address, false, String::new());
        peer.options = route.pool.peer_options.clone();
        ctx.tried.push(chosen.endpoint.address);
        ctx.current = Some(chosen);
        ctx.current_counted = false;
        Ok(Box::new(peer))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let Some(facts) = &ctx.facts else {
            return Error::e_explain(ErrorType::InternalError, "a forwarded request was identified");
        };
        let peer = peer_address(session);
        let trusted = &ctx.snapshot.trusted_proxies;
        forward::forward(request, &forward::Forwarded { facts, peer, trusted, request_id: &ctx.id })
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        self.try_over(ctx, "connect_failed");
        // Nothing was sent, so any method may go elsewhere.
        error.set_retry(may_try_again(ctx));
        error
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        ctx: &mut Context,
        reused: bool,
    ) -> Box<Error> {
        self.try_over(ctx, if error.esource() == &ErrorSource::Upstream { "failed" } else { "client_gone" });
        // After the body limit was passed, or with half an answer sent, there is nothing to repeat.
        let repeatable = session.req_header().method.is_idempotent()
            && !session.as_ref().retry_buffer_truncated()
            && session.response_written().is_none()
            && ctx.failure.is_none();
        if repeatable {
            error.retry.decide_reuse(reused);
        } else {
            error.set_retry(false);
        }
        if error.retry() && !may_try_again(ctx) {
            error.set_retry(false);
        }
        error
    }

    async fn upstream_response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if response.status.is_informational() {
            return Ok(());
        }
        self.try_over(ctx, if response.status.is_server_error() { "error_status" } else { "ok" });
        if response.status == http::StatusCode::NOT_MODIFIED {
            ctx.confirmed_at = response.headers.get(header::DATE).cloned();
        }
        respond::strip_hop_by_hop(response);
        Ok(())
    }

    fn response_cache_filter(
        &self,
        session: &Session,
        response: &ResponseHeader,
        ctx: &mut Context,
    ) -> Result<RespCacheable> {
        let Some((policy, zone)) =
            ctx.route.as_deref().and_then(|route| route.model.cache.as_ref().zip(route.zone.as_ref()))
        else {
            return Ok(RespCacheable::Uncacheable(NoCacheReason::NeverEnabled));
        };
        let mut response = response.clone();
        // Pingora's merge of a 304 keeps the old Date, from which an Expires would count once more.
        if let Some(date) = ctx.confirmed_at.take() {
            response.insert_header(header::DATE, date)?;
        }
        let request = session.req_header();
        let asked = storing::Asked { method: &request.method, headers: &request.headers, policy, zone };
        Ok(match storing::stored(&asked, response, clock::wall()) {
            Ok(meta) => RespCacheable::Cacheable(meta),
            Err(NotStored::TooLarge) => RespCacheable::Uncacheable(NoCacheReason::ResponseTooLarge),
            Err(reason) => RespCacheable::Uncacheable(NoCacheReason::Custom(reason.label())),
        })
    }

    /// Without an error, this asks whether to serve stale while a refresh runs; with one, whether to hide it.
    fn should_serve_stale(&self, _session: &mut Session, ctx: &mut Context, error: Option<&Error>) -> bool {
        if error.is_some() {
            // An answer that is hidden reaches no other callback; a try that broke was counted before.
            self.try_over(ctx, "error_status");
        }
        error.is_none_or(|error| error.esource() == &ErrorSource::Upstream)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if response.status.is_informational() {
            return Ok(());
        }
        let fresh_until = session.cache.maybe_cache_meta().map(CacheMeta::fresh_until);
        let ttl_s = fresh_until.map(|until| freshness::ttl_s(until, clock::wall()));
        let outcome = Outcome::of(session.cache.phase(), ttl_s);
        ctx.outcome = Some(outcome);
        response.append_header("cache-status", outcome.field(ttl_s))?;
        response.insert_header("x-request-id", &ctx.id)?;
        response.append_header(header::VIA, "1.1 floodgate").map(drop)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        let refusal = ctx.failure.take().or_else(|| Refusal::of(error));
        let Some(refusal) = refusal.filter(|_| session.response_written().is_none()) else {
            // The client is gone, or already has the beginning of an answer: nothing can be said any more.
            return FailToProxy { error_code: 0, can_reuse_downstream: false };
        };
        // Pingora closes the connection after a failure: say so.
        session.set_keepalive(None);
        let error_code = refusal.status();
        if let Err(error) = self.refuse(session, ctx, refusal).await {
            tracing::debug!(%error, "the client left before it was refused");
        }
        FailToProxy { error_code, can_reuse_downstream: false }
    }

    /// The access log holds what happened; Pingora's own lines would say it twice.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Context, _error: &Error) -> bool {
        true
    }

    /// See [`Self::suppress_error_log`]: tries are counted by result.
    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Context,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        if ctx.background {
            return;
        }
        let finished = record::Finished {
            listener: &ctx.snapshot.listener(self.listener).name,
            request: session.req_header(),
            http2: session.is_http2(),
            status: session.response_written().map(|response| response.status.as_u16()),
            bytes: session.body_bytes_sent(),
            error,
            took: clock::instant().duration_since(ctx.started),
        };
        record::record(&self.edge.metrics, &finished, ctx, rand::random());
    }
}

/// What [`Requests::decide`] decides, if it does not refuse.
enum Decision {
    Serve,
    Redirect(Box<ResponseHeader>),
}

impl Requests {
    /// Identifies, routes and limits a request: everything that can be said before the cache is asked.
    fn decide(&self, session: &mut Session, ctx: &mut Context) -> Result<Decision, Refusal> {
        let snapshot = Arc::clone(&ctx.snapshot);
        let listener = snapshot.listener(self.listener);
        if session.get_keepalive().is_some() {
            session.set_keepalive(Some(listener.idle_timeout.as_secs()));
        }
        let peer = peer_address(session);
        let request = session.req_header();
        if identify::header_bytes(request) > listener.max_header.0 {
            return Err(Refusal::HeaderTooLarge);
        }
        if let Some(id) = identify::request_id(&request.headers, peer, &snapshot.trusted_proxies) {
            id.clone_into(&mut ctx.id);
        }
        let raw = identify::Raw {
            peer,
            tls: !listener.certificates.is_empty(),
            target: request.raw_path(),
            authority: request.uri.authority().map(http::uri::Authority::as_str),
            headers: &request.headers,
        };
        let facts = ctx.facts.insert(identify::identify(&raw, &snapshot.trusted_proxies)?);
        if let Some(to) = listener.model.redirect_to {
            let target = snapshot.listener(to);
            if !target.certificates.serves(&facts.host) {
                return Err(Refusal::Misdirected);
            }
            let redirect =
                respond::redirect(&facts.host, target.model.public_port, &facts.path, facts.query.as_deref());
            return redirect.map(|header| Decision::Redirect(Box::new(header))).map_err(|_invalid| Refusal::Internal);
        }
        if !listener.certificates.is_empty() && !listener.certificates.serves(&facts.host) {
            return Err(Refusal::Misdirected);
        }
        let route = match snapshot.router.find(&facts.host, &facts.path, request.method.as_str()) {
            route::Found::Route(id) => Arc::clone(snapshot.route(id)),
            route::Found::OtherMethods(allow) => return Err(Refusal::MethodNotAllowed(allow)),
            route::Found::Nothing => return Err(Refusal::NoRoute),
        };
        let route = ctx.route.insert(route);
        if identify::content_length(&request.headers).is_some_and(|length| length > route.model.max_body.0) {
            return Err(Refusal::BodyTooLarge);
        }
        if !ctx.background {
            let now_ns = clock::nanos();
            for limit in &route.limits {
                limit.allow(facts.client, now_ns).map_err(Refusal::RateLimited)?;
            }
        }
        Ok(Decision::Serve)
    }

    /// Answers with a refusal.
    async fn refuse(&self, session: &mut Session, ctx: &mut Context, refusal: Refusal) -> Result<()> {
        if refusal.closes_connection() {
            session.set_keepalive(None);
        }
        let head = session.req_header().method == http::Method::HEAD;
        let accept = session.req_header().headers.get(header::ACCEPT).map(|accept| accept.as_bytes());
        let (header, body) = respond::refusal(&refusal, accept, &ctx.id, rand::random())?;
        ctx.refusal = Some(refusal);
        session.write_response_header(Box::new(header), head).await?;
        if !head {
            session.write_response_body(Some(body), true).await?;
        }
        if session.is_http2() {
            // Dropping the stream now would reset it, and some clients then forget the answer that they have.
            session.drain_request_body().await.ok();
        }
        Ok(())
    }

    /// Ends the current try at an endpoint and counts how it went.
    fn try_over(&self, ctx: &mut Context, result: &'static str) {
        if let (Some(over), Some(route)) = (&ctx.current, &ctx.route)
            && !std::mem::replace(&mut ctx.current_counted, true)
        {
            self.edge.metrics.tried(&route.pool.model.name, &over.endpoint.address.to_string(), result);
        }
    }
}

/// Lets Pingora rebuild an HTTP/2 request for a background refresh: it writes the header as HTTP/1 text, in which
/// the version `HTTP/2` and a missing `Host` do not parse (0.9.1, `http_req_header_to_wire`); such a refresh would end
/// before it began.
fn refreshable(session: &mut Session, ctx: &Context) -> Result<()> {
    let request = session.req_header_mut();
    request.set_version(http::Version::HTTP_11);
    match &ctx.facts {
        Some(facts) => request.insert_header(header::HOST, &facts.authority),
        None => Ok(()),
    }
}

/// Whether the pool's tries leave room for one more.
fn may_try_again(ctx: &Context) -> bool {
    ctx.route.as_deref().is_some_and(|route| ctx.tried.len() < route.pool.model.tries as usize)
}

/// The other end of the connection; for a background refresh, that of the request that caused it.
fn peer_address(session: &Session) -> IpAddr {
    let address = session.client_addr().and_then(|address| address.as_inet());
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}
