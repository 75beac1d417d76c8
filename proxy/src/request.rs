//! A request's way through the edge, in order; each step delegates to its stage.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU128,
    os::fd::RawFd,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use config::model::{Listener, Protocol};
use http::header;
use pingora::{
    Error, ErrorSource, ErrorType, Result,
    cache::{CacheKey, CacheMeta, ForcedFreshness, HitHandler, RespCacheable, key::HashBinary},
    http::{RequestHeader, ResponseHeader},
    protocols::Digest,
    proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, RangeType, Session},
    upstreams::peer::HttpPeer,
};

pub(crate) mod context;
pub(crate) mod refusal;
pub(crate) mod identify;
pub(crate) mod route;
pub(crate) mod limit;
mod decide;
pub(crate) mod split;
pub(crate) mod caching;
mod cached;
pub(crate) mod coding;
pub(crate) mod admission;
pub(crate) mod exchange;
pub(crate) mod balance;
pub(crate) mod deadline;
pub(crate) mod retry;
mod tries;
pub(crate) mod template;
pub(crate) mod forward;
pub(crate) mod via;
pub(crate) mod header_rules;
pub(crate) mod files;
pub(crate) mod respond;
mod answer;
pub(crate) mod record;
pub(crate) mod hot;

use self::{
    answer::{Body, answered, close_if_leaving, complete, keep_date, pass_on_interim, wait_no_longer_for_the_body},
    balance::{Outcome as TryOutcome, time_limits::TimeLimits},
    caching::{
        conditional, freshness,
        status::{Found, Hidden},
        vary,
    },
    context::Context,
    decide::{Arrival, Decision, decide},
    exchange::Exchange,
    identify::trace::Trace,
    refusal::Refusal,
    retry::Failure,
};
use crate::{clock, edge::Edge, listen::connection::Connection, telemetry::metric::NONE};

/// How long the rest of a refused request's body is read, so that its answer is not lost to a reset.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// The requests of one worker.
pub(crate) struct Requests {
    edge: Arc<Edge>,
    time_limits: Arc<TimeLimits>,
}

impl Requests {
    /// Within the worker's runtime.
    pub(crate) fn new(edge: Arc<Edge>) -> Self {
        let time_limits = Arc::<TimeLimits>::default();
        tokio::spawn(Arc::clone(&time_limits).enforce());
        Self { edge, time_limits }
    }
}

#[async_trait]
impl ProxyHttp for Requests {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        let snapshot = self.edge.published.load();
        let id = rand::random::<NonZeroU128>();
        let trace = Trace::begin(id, rand::random(), snapshot.trace.sample.takes(rand::random()));
        // The same for both, so that what a customer quotes finds the trace.
        Context::new(snapshot, clock::instant(), clock::wall(), trace.id(), trace)
    }

    /// No Pingora modules: compression belongs to the cache's policy.
    fn init_downstream_modules(&self, _modules: &mut pingora::modules::http::HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        ctx.background = session.subrequest_ctx.is_some();
        session.set_total_drain_timeout(Some(DRAIN_MAX));
        session.set_ignore_info_resp(true);
        let request = session.req_header_mut();
        if request.version == http::Version::HTTP_10 {
            // RFC 9110 s10.1.1: nobody waits for it.
            request.remove_header(&header::EXPECT);
        }
        identify::drop_nominated(session.req_header_mut());
        identify::join_cookies(session.req_header_mut())?;
        let snapshot = Arc::clone(&ctx.snapshot);
        let Some(connection) = Connection::of(session).cloned() else {
            return Error::e_explain(ErrorType::InternalError, "a request has a connection");
        };
        identify::tell_client_certificate(session.req_header_mut(), connection.shown())?;
        let listener = snapshot.listener_of(&connection);
        if session.get_keepalive().is_some() {
            session.set_keepalive(Some(listener.model.idle_timeout.as_secs()));
        }
        let header = session.req_header();
        let (at, now_ns, random) = (ctx.started_at, clock::nanos(), rand::random());
        let pseudonym = &self.edge.pseudonym;
        let arrival = Arrival { header, connection: &connection, listener, pseudonym, at, now_ns, random };
        match decide(&arrival, ctx) {
            Ok(Decision::Forward) => {
                if ctx.exchange != Exchange::WebSocket {
                    // As if the origin had chosen not to switch (RFC 9110 s7.8).
                    session.req_header_mut().remove_header(&header::UPGRADE);
                }
                session.set_read_timeout(Some(client_silence_max(ctx, &listener.model)));
                ctx.deadline = tries::deadline(&session.req_header().headers, connection.client.ip(), ctx);
                return Ok(false);
            }
            Ok(Decision::Answer(header, body)) => self.answer(session, ctx, *header, Body::Whole(body)).await,
            Ok(Decision::Files(route)) => self.answer_with_file(session, ctx, &route.action).await,
            Err(refusal) => self.refuse(session, ctx, refusal).await,
        }
        .map(|()| true)
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        if session.was_upgraded() {
            // What goes through a WebSocket is no body.
            return Ok(());
        }
        if end {
            let has_body = !session.is_body_empty();
            self.begin_to_wait(ctx, has_body);
        }
        ctx.body_bytes += body.as_ref().map_or(0, Bytes::len) as u64;
        if ctx.forward().is_some_and(|forward| ctx.body_bytes > forward.model.max_body.0) {
            ctx.failure = Some(Refusal::BodyTooLarge);
            return Err(Error::new_down(ErrorType::HTTPStatus(413)));
        }
        Ok(())
    }

    fn request_cache_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        self.ask_cache(session, ctx);
        Ok(())
    }

    fn cache_key_callback(&self, _session: &Session, ctx: &mut Context) -> Result<CacheKey> {
        let key = ctx.lookup.key.clone();
        key.ok_or_else(|| Error::explain(ErrorType::InternalError, "a request that asks the cache has a key"))
    }

    fn cache_vary_filter(&self, meta: &CacheMeta, ctx: &mut Context, request: &RequestHeader) -> Option<HashBinary> {
        let (policy, _) = ctx.caching()?;
        let variance = vary::variance(meta.headers(), &request.headers, policy)?;
        // Once more, for what comes from the origin, it is asked which of the variants that is.
        if ctx.lookup.asked.is_none() && meta.variance() != Some(variance) {
            ctx.lookup.found = Found::OtherVariants;
        }
        Some(variance)
    }

    async fn cache_hit_filter(
        &self,
        session: &mut Session,
        meta: &CacheMeta,
        hit: &mut HitHandler,
        is_fresh: bool,
        ctx: &mut Context,
    ) -> Result<Option<ForcedFreshness>> {
        self.choose_coding(session.req_header(), meta, hit, ctx);
        Ok(self.judge_hit(meta, hit, is_fresh, ctx))
    }

    fn cache_not_modified_filter(&self, session: &Session, answer: &ResponseHeader, ctx: &mut Context) -> Result<bool> {
        let request = session.req_header();
        let (asked, stored) = (&request.headers, &answer.headers);
        Ok(conditional::is_not_modified(&request.method, asked, answer.status, stored, ctx.started_at))
    }

    fn range_header_filter(&self, session: &mut Session, answer: &mut ResponseHeader, ctx: &mut Context) -> RangeType {
        self.choose_part(session, answer, ctx).unwrap_or(RangeType::None)
    }

    async fn proxy_upstream_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        let Some(arm) = ctx.arm() else {
            return Error::e_explain(ErrorType::InternalError, "a forwarded request has a pool");
        };
        let refusal = if ctx.lookup.demands.only_if_cached {
            Refusal::NotCached
        } else {
            ctx.permit = arm.pool.in_flight.admit(arm.ceiling_now());
            if ctx.permit.is_some() {
                return Ok(true);
            }
            Refusal::Overloaded
        };
        self.refuse(session, ctx, refusal).await?;
        Ok(false)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        self.next_try(ctx, &session.req_header().headers)
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        _reused: bool,
        _peer: &HttpPeer,
        connection: RawFd,
        digest: Option<&Digest>,
        ctx: &mut Context,
    ) -> Result<()> {
        // What was sent of it before is sent once more.
        ctx.body_bytes = 0;
        // Many requests share a connection of HTTP/2.
        let alone = ctx.arm().is_some_and(|arm| arm.pool.model.protocol == Protocol::Http1);
        let socket = digest.and_then(|digest| digest.socket_digest.as_ref()).filter(|_| alone);
        ctx.wait = socket.and_then(|socket| self.time_limits.wait(connection, socket));
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let (Some(facts), Some(forward)) = (&ctx.facts, ctx.forward()) else {
            return Error::e_explain(ErrorType::InternalError, "a forwarded request has a route to a pool");
        };
        if ctx.arm().is_some_and(|arm| arm.pool.model.protocol == Protocol::H2)
            && request.version != http::Version::HTTP_2
        {
            // Pingora goes on in HTTP/1.1 with a server that did not agree on anything else.
            return Err(Error::explain(ErrorType::H2Error, "the endpoint does not speak HTTP/2").into_up());
        }
        let path = forward.rewrite.get(ctx.pattern).map(|path| path.fill(&facts.path, &facts.host));
        let connection = Connection::of(session);
        let forwarded = forward::Forwarded {
            facts,
            path: path.as_deref(),
            host: forward.model.rewrite.host.as_deref(),
            peer: connection.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |connection| connection.client.ip()),
            tls: connection.is_some_and(|connection| connection.tls.is_some()),
            trust: ctx.snapshot.trust(),
            request_id: &ctx.id,
            trace: &ctx.trace,
            via: self.edge.pseudonym.member(session.req_header().version),
            // What stays open is not over with its header.
            left: ctx.time_left(clock::instant()).filter(|_| !ctx.exchange.stays_open()),
        };
        forward::forward(request, &forwarded)?;
        forward::keep_trailers(request, session.req_header())?;
        forward.request_headers.change_request(request)?;
        self.ask_origin(session, request, ctx)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        error.set_retry(self.not_connected(ctx, &error));
        error
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        ctx: &mut Context,
        _reused: bool,
    ) -> Box<Error> {
        if std::mem::take(&mut ctx.goes_on) {
            error.set_retry(true);
            return error;
        }
        let open = answered(session).is_none();
        error.set_retry(self.broken_off(ctx, &error, open, is_repeatable(session)));
        error
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        // The rest of a body that the answer did not wait for must not be read as the next request; but what only
        // announces the answer may well come before the body, and Pingora makes no difference.
        session.set_close_on_response_before_downstream_finish(exchange::is_final(response.status));
        if !exchange::is_final(response.status) {
            pass_on_interim(session, response, ctx).await;
            return Ok(());
        }
        // If it came just as its time was up, the rest of it will not.
        let late = ctx.wait.take().is_some_and(|wait| wait.is_passed());
        let ambiguous = respond::is_ambiguous(response, ctx.exchange);
        if (late || ambiguous.is_some()) && self.is_no_confirmation(session, response, ctx) {
            return Ok(());
        }
        if late {
            return Err(Error::new_up(ErrorType::ReadTimedout));
        }
        if let Some(why) = ambiguous {
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, why).into_up());
        }
        let status = response.status.as_u16();
        self.try_over(ctx, TryOutcome::Answered(status));
        let open = status >= 500 && answered(session).is_none();
        if open && self.goes_on(ctx, Failure::Status(status), is_repeatable(session)) {
            ctx.goes_on = true;
            return Err(Error::new_up(ErrorType::HTTPStatus(status)));
        }
        respond::strip_hop_by_hop(response);
        self.heed(session, response, ctx)
    }

    fn response_cache_filter(
        &self,
        session: &Session,
        response: &ResponseHeader,
        ctx: &mut Context,
    ) -> Result<RespCacheable> {
        Ok(self.keep(session, response, ctx))
    }

    /// Without an error, this asks whether to serve stale while a refresh runs; with one, whether to hide it.
    fn should_serve_stale(&self, session: &mut Session, ctx: &mut Context, error: Option<&Error>) -> bool {
        let Some(error) = error else {
            // A refresh is rebuilt from the client's header, so what was drawn for it would be drawn anew, and the
            // answer of one pool kept as that of another: this once, the client itself waits for the refresh.
            let drawn_anew = ctx.choice.drawn && session.cache.is_cache_lock_writer();
            return !drawn_anew && ctx.lookup.found != Found::Unwanted;
        };
        // An answer that is hidden reaches no other callback; a try that broke was counted before.
        ctx.wait = None;
        if let ErrorType::HTTPStatus(status) = error.etype() {
            self.try_over(ctx, TryOutcome::Answered(*status));
            if !freshness::is_error(*status) {
                return false;
            }
        }
        ctx.lookup.hidden = Some(match error.etype() {
            ErrorType::HTTPStatus(status) if ctx.failure.is_none() => Hidden::Status(*status),
            _ => {
                // Pingora closes the connection behind it: say so.
                session.set_keepalive(None);
                Hidden::NoAnswer
            }
        });
        error.esource() == &ErrorSource::Upstream
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
        self.complete_cached(session, response, ctx)?;
        keep_date(session, response);
        close_if_leaving(session);
        if respond::ends_with_its_header(response, &session.req_header().method) {
            wait_no_longer_for_the_body(session);
        }
        complete(response, ctx)
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        _body: &mut Option<Bytes>,
        end: bool,
        _ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        if end && !session.was_upgraded() {
            wait_no_longer_for_the_body(session);
        }
        Ok(None)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        let fault = Connection::of(session).and_then(|connection| connection.notes.fault().cloned());
        let refusal = ctx.failure.take().or(fault).or_else(|| Refusal::of(error));
        let Some(refusal) = refusal.filter(|_| answered(session).is_none()) else {
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
            listener: Connection::of(session).map_or(NONE, |connection| &connection.listener.model.name),
            tls: Connection::of(session).and_then(|connection| connection.tls.as_ref()),
            request: session.req_header(),
            status: answered(session).map(|response| response.status.as_u16()),
            bytes: session.body_bytes_sent(),
            error,
            took: clock::instant().duration_since(ctx.started),
        };
        record::record(&self.edge.metrics, &finished, &(&*ctx).into(), rand::random());
    }
}

/// Whether sending a request twice does what sending it once does, and the edge still has all of it.
fn is_repeatable(session: &Session) -> bool {
    session.req_header().method.is_idempotent() && !session.as_ref().retry_buffer_truncated()
}

/// How long a client may send nothing while it is read from.
fn client_silence_max(ctx: &Context, listener: &Listener) -> Duration {
    let stays_open = ctx.arm().filter(|_| ctx.exchange.stays_open());
    stays_open.map_or(listener.idle_timeout, |arm| arm.pool.model.timeouts.stream)
}
