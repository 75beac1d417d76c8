//! What Pingora asks about the cache on a request's way, each question put to its rule in `caching/`.

use std::{collections::HashSet, time::Duration};

use cache::{BodyBound, Labels, Store};
use http::{HeaderMap, Method, StatusCode, Version, header};
use pingora::{
    Error, ErrorType, Result,
    cache::{
        CacheKey, CacheMeta, CacheOptionOverrides, CachePhase, ForcedFreshness, HitHandler, NoCacheReason,
        RespCacheable,
        key::{CacheHashKey, HashBinary},
    },
    http::{RequestHeader, ResponseHeader},
    proxy::{RangeType, Session},
};

use super::{
    Requests,
    answer::answered,
    balance::Outcome as TryOutcome,
    caching::{
        conditional,
        demands::Demands,
        directives::Directives,
        freshness::Arrival,
        invalidation::{self, Outdated, Target},
        key,
        lookup::{AskedAt, Lookup},
        negotiate, range,
        reuse::{Reuse, Standing, reuse},
        status::{Found, Outcome, Said},
        storable::NotStored,
        storing::{self, Kept},
        tags,
        uncacheable::Refused,
        validation, vary,
    },
    coding,
    context::Context,
    identify::{self, is_trusted},
    respond, via,
};
use crate::{clock, listen::connection::Connection};

/// How long a request waits for another one's fill before it asks the origin itself, uncached.
const COLLAPSE_WAIT_MAX: Duration = Duration::from_secs(10);

impl Requests {
    /// Lets the cache be asked, where the route has one and an answer to the request could be kept there.
    pub(super) fn ask_cache(&self, session: &mut Session, ctx: &mut Context) {
        // A body is no part of the key, and yet the origin may answer to it.
        let has_body = !session.is_body_empty();
        let request = session.req_header();
        if !reads(&request.method) || has_body || conditional::is_for_the_origin(&request.headers) {
            return;
        }
        let Some((key, demands)) = key_and_demands(self.edge.cache.store, &request.headers, ctx) else { return };
        let cache = &self.edge.cache;
        let mut overrides = CacheOptionOverrides::default();
        let left = ctx.time_left(clock::instant()).unwrap_or_default();
        overrides.wait_timeout = Some(COLLAPSE_WAIT_MAX.min(left));
        // Who wants nothing kept, or nothing fetched, is nobody for others to wait for. A refresh holds the lock already.
        let alone = demands.no_store || demands.only_if_cached || self.was_not_shared(&request.headers, &key);
        let lock = Some(cache.lock).filter(|_| ctx.background || !alone);
        session.cache.enable(cache.store, None, Some(cache.uncacheable), lock, Some(overrides));
        ctx.lookup.demands = demands;
        ctx.lookup.key = Some(key);
    }

    /// Whether answers to requests with credentials have turned out to be for these alone.
    fn was_not_shared(&self, request: &HeaderMap, key: &CacheKey) -> bool {
        request.contains_key(header::AUTHORIZATION)
            && self.edge.cache.uncacheable.remembers(with_credentials(key.primary_bin()), clock::nanos())
    }

    /// Whether an answer that is found may be used as it is.
    pub(super) fn judge_hit(
        &self,
        meta: &CacheMeta,
        hit: &HitHandler,
        is_fresh: bool,
        ctx: &mut Context,
    ) -> Option<ForcedFreshness> {
        if ctx.background {
            ctx.lookup.found = Found::Expired;
            return None;
        }
        ctx.lookup.length = cache::length(hit);
        let now = clock::wall();
        let standing = Standing::at(now, meta.epoch(), meta.fresh_until());
        let came_since = meta.updated() >= ctx.started_at;
        let demands = if came_since { ctx.lookup.demands.of_the_newest() } else { ctx.lookup.demands };
        ctx.lookup.found = match reuse(&demands, standing, || Directives::of_response(meta.headers()).may_be_stale()) {
            Reuse::Fresh => return None,
            Reuse::StaleIsFine => {
                ctx.lookup.detail = Some("max-stale");
                return Some(ForcedFreshness::ForceFresh);
            }
            Reuse::Expired => Found::Expired,
            Reuse::Demanded => Found::Unwanted,
        };
        // An old answer is better than a refusal: while the pool is full, it is served as it is.
        let full = ctx.arm().is_some_and(|arm| arm.pool.in_flight.count() >= arm.ceiling_now());
        if full && (is_fresh || meta.serve_stale_if_error(now)) {
            ctx.lookup.detail = Some("overload");
            return Some(ForcedFreshness::ForceFresh);
        }
        is_fresh.then_some(ForcedFreshness::ForceExpiredServeStale { expired_at: None })
    }

    /// Remembers when the origin is asked, and asks it in the words that the answer is kept under.
    pub(super) fn ask_origin(&self, session: &Session, request: &mut RequestHeader, ctx: &mut Context) -> Result<()> {
        let Some(route) = ctx.route.clone() else { return Ok(()) };
        let Some((policy, zone)) = route.caching() else { return Ok(()) };
        let generation = self.edge.cache.store.generation(&zone.name);
        ctx.lookup.asked = Some(AskedAt { generation, time: clock::wall() });
        if !session.cache.enabled() {
            return Ok(());
        }
        for name in [header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE] {
            match negotiate::normalised(&session.req_header().headers, &name, policy) {
                Some(Some(value)) => request.insert_header(name, value.as_ref())?,
                Some(None) => drop(request.remove_header(&name)),
                None => {}
            }
        }
        Ok(())
    }

    /// Looks at an answer before anything is done with it: whether it confirms what is stored, whether it says that
    /// something was changed. An error if the origin is to be asked once more, in another way.
    pub(super) fn heed(&self, session: &mut Session, answer: &ResponseHeader, ctx: &mut Context) -> Result<()> {
        if invalidation::changes(&session.req_header().method, answer.status) {
            self.invalidate(answer, ctx);
        }
        if !session.cache.enabled() {
            return Ok(());
        }
        if answer.status == StatusCode::NOT_MODIFIED
            && let Some(meta) = session.cache.maybe_cache_meta()
        {
            ctx.lookup.contradicted = !validation::confirms(meta.headers(), &answer.headers);
            ctx.lookup.confirmation = Some(answer.headers.clone());
        }
        if is_too_large_for_a_part(session, answer, ctx) {
            // The next ones ask for their part at once.
            let (found, background) = (ctx.lookup.found, ctx.background);
            self.remember(Refused { reason: NotStored::TooLarge, status: answer.status, found, background }, ctx);
            session.cache.disable(NoCacheReason::ResponseTooLarge);
            return ask_again(ctx);
        }
        Ok(())
    }

    /// Whether an answer that is no good was to confirm what is stored: then the origin is asked once more, without the
    /// cache. An error would not do: Pingora passes over it, and the answer on to the client.
    pub(super) fn is_no_confirmation(&self, session: &Session, answer: &ResponseHeader, ctx: &mut Context) -> bool {
        let is_one = answer.status == StatusCode::NOT_MODIFIED && session.cache.maybe_cache_meta().is_some();
        if is_one {
            self.try_over(ctx, TryOutcome::Broken);
            ctx.lookup.contradicted = true;
        }
        is_one
    }

    /// Makes what is stored under the URL of a request that changed something, and under those that the answer names,
    /// invisible.
    fn invalidate(&self, answer: &ResponseHeader, ctx: &Context) {
        let Some(facts) = &ctx.facts else { return };
        let target = Target { secure: facts.secure, authority: &facts.authority, path: &facts.path };
        let own = Outdated { path: facts.path.clone(), query: facts.query.clone() };
        for Outdated { path, query } in std::iter::once(own).chain(invalidation::named(target, &answer.headers)) {
            let (authority, query) = (&facts.authority, query.as_deref());
            let asked = key::Asked { secure: facts.secure, authority, path: &path, query };
            // Whoever changes it may have come by another route than those who read it.
            let readers = ctx.snapshot.router.at(&facts.host, &path).into_iter().map(|id| ctx.snapshot.route(id));
            let kept = readers.filter_map(|route| route.caching());
            let kept: HashSet<_> = kept.map(|(policy, zone)| (&zone.name, key::url(&asked, policy))).collect();
            kept.iter().for_each(|(zone, url)| self.edge.cache.store.invalidate(zone, url));
        }
    }

    /// Whether an answer is kept, and what of it.
    pub(super) fn keep(&self, session: &Session, answer: &ResponseHeader, ctx: &mut Context) -> RespCacheable {
        if session.cache.bypassing() {
            ctx.lookup.found = Found::NobodyLooked;
        }
        let reason = match self.kept(session, answer, ctx) {
            // The origin was asked in the client's own words: the next answer will do for others as well.
            Ok(_) if session.cache.bypassing() => {
                session.cache.response_became_cacheable();
                return RespCacheable::Uncacheable(NoCacheReason::Deferred);
            }
            Ok(Kept { mut meta, unshared }) => {
                self.count_variant(&mut meta, session.req_header(), ctx);
                ctx.lookup.unshared = unshared;
                return RespCacheable::Cacheable(meta);
            }
            Err(reason) => reason,
        };
        ctx.lookup.detail = Some(reason.label());
        let (found, background) = (ctx.lookup.found, ctx.background);
        let refused = Refused { reason, status: answer.status, found, background };
        self.remember(refused, ctx);
        if refused.outdates() {
            self.forget(ctx);
        }
        RespCacheable::Uncacheable(match reason {
            NotStored::TooLarge => NoCacheReason::ResponseTooLarge,
            reason => NoCacheReason::Custom(reason.label()),
        })
    }

    fn kept(&self, session: &Session, answer: &ResponseHeader, ctx: &Context) -> Result<Kept, NotStored> {
        let (policy, _) = ctx.caching().ok_or(NotStored::Method)?;
        let request = session.req_header();
        if ctx.lookup.contradicted {
            return Err(NotStored::Error);
        }
        if ctx.lookup.demands.no_store {
            return Err(NotStored::AskedNotTo);
        }
        // Pingora takes over only some fields of a 304, and not those by which it is dated.
        let confirmed =
            session.cache.maybe_cache_meta().map(CacheMeta::response_header).zip(ctx.lookup.confirmation.as_ref());
        let answer = match confirmed {
            Some((stored, confirmation)) => {
                validation::merged(stored, confirmation).map_err(|_too_many| NotStored::Error)?
            }
            None => answer.clone(),
        };
        let at = clock::wall();
        let asked_at = ctx.lookup.asked;
        let arrival = Arrival { asked: asked_at.map_or(at, |asked| asked.time), at, version: answer.version };
        let asked = storing::Asked { method: &request.method, headers: &request.headers, policy };
        let mut kept = storing::stored(&asked, answer, &arrival)?;
        let tags =
            tags::of(kept.meta.headers(), &policy.tags.headers, given_tags(ctx)).ok_or(NotStored::TooManyTags)?;
        let asked_at = asked_at.map(|asked| asked.generation).unwrap_or_default();
        kept.meta.extensions_mut().insert(Labels { asked_at, tags });
        kept.meta.extensions_mut().insert(BodyBound(policy.max_object.0));
        Ok(kept)
    }

    /// Says which of the variants under its key an answer is, and makes room for it among these.
    fn count_variant(&self, meta: &mut CacheMeta, request: &RequestHeader, ctx: &Context) {
        let (Some((policy, _)), Some(key)) = (ctx.caching(), &ctx.lookup.key) else { return };
        let Some(variance) = vary::variance(meta.headers(), &request.headers, policy) else { return };
        // Pingora does so itself, but not for what a 304 has given a Vary.
        meta.set_variance(variance);
        let cache = &self.edge.cache;
        for replaced in cache.variants.count(key.primary_bin(), variance, policy.vary.max) {
            cache.store.remove_variant(key, replaced);
        }
    }

    /// Sees to it that requests for what is not kept do not wait for each other.
    fn remember(&self, refused: Refused, ctx: &Context) {
        let (Some((policy, _)), Some(key)) = (ctx.caching(), &ctx.lookup.key) else { return };
        let key = key.primary_bin();
        let key = match refused.reason {
            NotStored::Authorization if refused.found != Found::Unwanted => with_credentials(key),
            _ if refused.lasts() => key,
            _ => return,
        };
        self.edge.cache.uncacheable.remember(key, clock::nanos(), policy.uncacheable_for);
    }

    /// Makes what is stored for a request invisible.
    fn forget(&self, ctx: &Context) {
        let (Some((policy, zone)), Some(facts)) = (ctx.caching(), &ctx.facts) else { return };
        self.edge.cache.store.invalidate(&zone.name, &key::url(&asked(facts), policy));
    }

    /// Which part of an answer goes out.
    pub(super) fn choose_part(
        &self,
        session: &Session,
        answer: &mut ResponseHeader,
        ctx: &Context,
    ) -> Result<RangeType> {
        let from_store = matches!(
            session.cache.phase(),
            CachePhase::Hit | CachePhase::Stale | CachePhase::StaleUpdating | CachePhase::Revalidated
        );
        // What came in chunks has a length since it is stored.
        if let Some(length) = ctx.lookup.length.filter(|_| from_store)
            && answer.headers.contains_key(header::TRANSFER_ENCODING)
        {
            answer.remove_header(&header::TRANSFER_ENCODING);
            answer.insert_header(header::CONTENT_LENGTH, length)?;
        }
        range::choose(session.req_header(), answer)
    }

    /// Says with the answer what the cache did, how old it is and by whom it came. An error if it is not to be sent.
    pub(super) fn complete_cached(
        &self,
        session: &mut Session,
        answer: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if std::mem::take(&mut ctx.lookup.contradicted) {
            // What is stored is not what the origin has, and a 304 is no answer to a client that has nothing.
            self.forget(ctx);
            session.cache.disable(NoCacheReason::UpstreamError);
            return ask_again(ctx);
        }
        let now = clock::wall();
        let phase = session.cache.phase();
        let standing = session.cache.maybe_cache_meta().map(|meta| Standing::at(now, meta.epoch(), meta.fresh_until()));
        let ttl_s = standing.map(|standing| standing.ttl_s);
        let outcome = Outcome::of(phase, ttl_s, ctx.lookup.found);
        ctx.outcome = Some(outcome);
        if let CachePhase::RevalidatedNoCache(_) = phase
            && let Some(confirmation) = &ctx.lookup.confirmation
        {
            validation::complete(answer, confirmation)?;
        }
        let from_origin = matches!(outcome, Outcome::Miss | Outcome::Expired);
        if let Some(standing) = standing.filter(|standing| !from_origin || standing.age_s > 0) {
            answer.insert_header(header::AGE, standing.age_s)?;
        }
        for (name, value) in std::mem::take(&mut ctx.lookup.unshared).iter() {
            answer.append_header(name, value)?;
        }
        if let Some((policy, _)) = ctx.caching() {
            policy.tags.headers.iter().for_each(|name| drop(answer.remove_header(name.as_str())));
        }
        let detail = ctx.lookup.detail.or(match phase {
            CachePhase::StaleUpdating => Some("stale-while-revalidate"),
            CachePhase::Stale => Some("stale-if-error"),
            _ => None,
        });
        let trusted = Connection::of(session)
            .is_some_and(|connection| is_trusted(connection.client.ip(), ctx.snapshot.trust().proxies));
        let key = ctx.lookup.key.as_ref().and_then(CacheKey::primary_key_str).filter(|_| trusted);
        let waited = session.cache.lock_duration().is_some();
        let method = &session.req_header().method;
        let Lookup { found, hidden, .. } = ctx.lookup;
        let said = Said { outcome, method, found, waited, hidden, ttl_s, key, detail };
        let via = self.edge.pseudonym.member(spoken_by_origin(ctx));
        respond::introduce(answer, &said.to_string(), &ctx.id, via)?;
        coding::serve::tell(session, answer, ctx, outcome)
    }
}

fn reads(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

/// The version of HTTP in which answers of the pool come.
fn spoken_by_origin(ctx: &Context) -> Version {
    ctx.arm().map_or(Version::HTTP_11, |arm| via::spoken_by(&arm.pool.model))
}

fn asked(facts: &identify::Facts) -> key::Asked<'_> {
    let (authority, path, query) = (&facts.authority, &facts.path, facts.query.as_deref());
    key::Asked { secure: facts.secure, authority, path, query }
}

/// The key of a request, and what it asks of the cache: a refresh in the background nothing, whoever has set it off.
fn key_and_demands(store: &Store, request: &HeaderMap, ctx: &Context) -> Option<(CacheKey, Demands)> {
    let (policy, zone) = ctx.caching()?;
    let key = key::key(&ctx.arm()?.key_scope, &asked(ctx.facts.as_ref()?), policy, request);
    let demands = if ctx.background { Demands::default() } else { Demands::of(request).heard(&policy.ignore_client) };
    Some((store.key(key, zone.name.as_str()), demands))
}

/// A key for the requests with credentials among those of a key.
fn with_credentials(key: HashBinary) -> HashBinary {
    key.map(|byte| !byte)
}

/// Whether a client that wants a part would have the edge fetch the whole of what it cannot keep.
fn is_too_large_for_a_part(session: &Session, answer: &ResponseHeader, ctx: &Context) -> bool {
    let Some((policy, _)) = ctx.caching() else { return false };
    let wants_part = session.req_header().headers.contains_key(header::RANGE);
    let too_large = identify::content_length(&answer.headers).is_some_and(|length| length > policy.max_object.0);
    wants_part && too_large && answer.status == StatusCode::OK && answered(session).is_none()
}

/// Throws the answer away, and asks the origin once more.
fn ask_again(ctx: &mut Context) -> Result<()> {
    ctx.goes_on = true;
    // It has not failed: the same endpoint may be asked.
    ctx.tried.pop();
    Error::e_explain(ErrorType::Custom("AskAgain"), "the origin is asked once more, without the cache")
}

/// The tags that a route gives the answers to a request.
fn given_tags(ctx: &Context) -> impl Iterator<Item = String> {
    let templates = ctx.forward().and_then(|forward| forward.tags.get(ctx.pattern)).into_iter().flatten();
    templates.filter_map(|template| Some(template.fill(&ctx.facts.as_ref()?.path, &ctx.facts.as_ref()?.host)))
}
