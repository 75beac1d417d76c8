//! A request's way through the edge, in order; each step delegates to its stage.

use std::{net::IpAddr, sync::Arc};

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
    caching::{directives::Directives, freshness, status::Outcome, storable},
    context::Context,
    refusal::Refusal,
};
use crate::{clock, edge::Edge};

/// How long a request waits for another one's fill before it asks the origin itself, uncached.
const COLLAPSE_WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(10);
/// How long the rest of a refused request's body is read, so that its answer is not lost to a reset.
const DRAIN_MAX: std::time::Duration = std::time::Duration::from_secs(2);

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
            ctx.refusal = Some(Refusal::BodyTooLarge);
            return Err(Error::new_down(ErrorType::HTTPStatus(413)));
        }
        Ok(())
    }

    fn request_cache_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        let caches = ctx.route.as_deref().is_some_and(|route| route.zone.is_some());
        let method = &session.req_header().method;
        if caches && (method == http::Method::GET || method == http::Method::HEAD) {
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
            ctx.refusal.get_or_insert(Refusal::NoEndpoint);
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
        let peer = peer_address(session).unwrap_or(facts.client);
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
        self.try_over(ctx, "failed");
        // After the body limit was passed, or with half an answer sent, there is nothing to repeat.
        let repeatable = session.req_header().method.is_idempotent()
            && !session.as_ref().retry_buffer_truncated()
            && session.response_written().is_none()
            && ctx.refusal.is_none();
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
        if !response.status.is_informational() {
            self.try_over(ctx, "ok");
            respond::strip_hop_by_hop(response);
        }
        Ok(())
    }

    fn response_cache_filter(
        &self,
        session: &Session,
        response: &ResponseHeader,
        ctx: &mut Context,
    ) -> Result<RespCacheable> {
        Ok(match self.cacheable(session.req_header(), response, ctx) {
            Ok(meta) => RespCacheable::Cacheable(meta),
            Err(storable::NotStored::TooLarge) => RespCacheable::Uncacheable(NoCacheReason::ResponseTooLarge),
            Err(reason) => RespCacheable::Uncacheable(NoCacheReason::Custom(reason.label())),
        })
    }

    /// Without an error, this asks whether to serve stale while a refresh runs; with one, whether to hide it.
    fn should_serve_stale(&self, _session: &mut Session, _ctx: &mut Context, error: Option<&Error>) -> bool {
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
        let via = response.headers.get(header::VIA).and_then(|via| via.to_str().ok());
        let via = via.map_or_else(|| "1.1 floodgate".to_owned(), |via| format!("{via}, 1.1 floodgate"));
        response.insert_header(header::VIA, via)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        let refusal = ctx.refusal.take().or_else(|| refusal_of(error));
        let Some(refusal) = refusal.filter(|_| session.response_written().is_none()) else {
            // The client is gone, or already has the beginning of an answer: nothing can be said any more.
            return FailToProxy { error_code: 0, can_reuse_downstream: false };
        };
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
        if !ctx.background {
            record::finished(&self.edge.metrics, self.listener, session, error, ctx, rand::random());
        }
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
            session.set_keepalive(Some(listener.idle_timeout.as_secs().max(1)));
        }
        let peer = peer_address(session);
        let request = session.req_header();
        if record::header_bytes(request) > listener.model.max_header.0 {
            return Err(Refusal::HeaderTooLarge);
        }
        if let Some(id) = trusted_id(request, peer, &snapshot.trusted_proxies) {
            id.clone_into(&mut ctx.id);
        }
        let raw = identify::Raw {
            peer: peer.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)),
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
        if content_length(&request.headers).is_some_and(|length| length > route.model.max_body.0) {
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

    /// What is stored of an answer, and for how long, or why it is not.
    fn cacheable(
        &self,
        request: &RequestHeader,
        response: &ResponseHeader,
        ctx: &Context,
    ) -> Result<CacheMeta, storable::NotStored> {
        let route = ctx.route.as_deref().ok_or(storable::NotStored::NoLifetime)?;
        let (Some(policy), Some(zone)) = (&route.model.cache, &route.zone) else {
            return Err(storable::NotStored::NoLifetime);
        };
        if content_length(&response.headers).is_some_and(|length| length > zone.max_object.0) {
            return Err(storable::NotStored::TooLarge);
        }
        let directives = Directives::of_response(&response.headers);
        storable::storable(&request.method, &request.headers, response.status, &response.headers, &directives)?;
        let now = clock::wall();
        let lifetime = freshness::lifetime(response.status, &response.headers, &directives, policy, now)
            .ok_or(storable::NotStored::NoLifetime)?;
        let mut stored = response.clone();
        stored.remove_header(&header::AGE);
        let seconds = |time: std::time::Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let mut meta = CacheMeta::new(
            now + lifetime.fresh,
            now,
            seconds(lifetime.stale_while_revalidate),
            seconds(lifetime.stale_if_error),
            stored,
        );
        meta.set_epoch_override(now - lifetime.age);
        Ok(meta)
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

/// The other end of the connection; `None` for a background refresh, which has none.
fn peer_address(session: &Session) -> Option<IpAddr> {
    session.client_addr().and_then(|address| address.as_inet()).map(|address| address.ip())
}

/// A request id that a trusted proxy gave, if it is one that can be logged and echoed as it is.
fn trusted_id<'r>(request: &'r RequestHeader, peer: Option<IpAddr>, trusted: &[ipnet::IpNet]) -> Option<&'r str> {
    let id = request.headers.get("x-request-id")?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let usable = (1..=64).contains(&id.len()) && id.bytes().all(plain);
    (usable && peer.is_some_and(|peer| identify::is_trusted(peer, trusted))).then_some(id)
}

fn content_length(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// How a failure looks to the client; `None` if the client itself is gone.
fn refusal_of(error: &Error) -> Option<Refusal> {
    use ErrorType::{ConnectTimedout, ConnectionClosed, ReadError, ReadTimedout, WriteError, WriteTimedout};
    match (error.esource(), error.etype()) {
        (ErrorSource::Upstream, ConnectTimedout | ReadTimedout | WriteTimedout) => Some(Refusal::OriginTimeout),
        (ErrorSource::Upstream, _) => Some(Refusal::OriginFailed),
        (ErrorSource::Downstream, WriteError | ReadError | ConnectionClosed | ReadTimedout | WriteTimedout) => None,
        (ErrorSource::Downstream, _) => Some(Refusal::BadRequest("its body or framing is broken")),
        (ErrorSource::Internal | ErrorSource::Unset, _) => Some(Refusal::Internal),
    }
}
