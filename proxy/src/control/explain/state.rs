//! What only a running edge knows: tokens left, requests in flight, health, what is stored.

use std::time::SystemTime;

use cache::Store;
use pingora::cache::{CacheKey, CacheMeta, Storage, trace::Span};

use super::{
    explanation::{Answer, Endpoint, Explanation, Pool, State},
    pool::written,
};
use crate::{
    edge::Edge,
    request::{balance::Row, refusal::Refusal},
    snapshot::Snapshot,
};

/// Adds it to what was explained under the configuration with this digest. Returns whether that one is still live.
pub(crate) async fn add(explanation: &mut Explanation, hash: &str, edge: &Edge, now_ns: u64, now: SystemTime) -> bool {
    let snapshot = edge.published.load();
    if snapshot.hash != hash {
        return false;
    }
    add_tokens(explanation, &snapshot, now_ns);
    for pool in &mut explanation.pools {
        add_load(pool, &snapshot, now_ns);
    }
    if let Some(cache) = &mut explanation.cache {
        let zone = cache.zone.clone().unwrap_or_default();
        for key in &cache.keys {
            cache.stored.push(stored(edge.cache.store, edge.cache.store.key(key.clone(), zone.as_str()), now).await);
        }
    }
    add_refusal(explanation);
    true
}

/// What is not stored needs an endpoint that is up and a pool with room.
fn add_refusal(explanation: &mut Explanation) {
    let stored = explanation.cache.as_ref().is_some_and(|cache| cache.stored.iter().any(|stored| stored != NOTHING));
    if stored || !matches!(explanation.answer, Answer::Forwarded) {
        return;
    }
    let serves = |endpoint: &Endpoint| endpoint.state.as_ref().is_none_or(|state| state.serves);
    let down = |pool: &Pool| !pool.endpoints.iter().any(serves);
    let full = |pool: &Pool| pool.in_flight.is_some_and(|now| now >= pool.ceiling);
    if explanation.pools.iter().all(full) {
        explanation.answer = Answer::refused(&Refusal::Overloaded);
    } else if explanation.pools.iter().all(down) {
        explanation.answer = Answer::refused(&Refusal::NoEndpoint);
    }
}

const NOTHING: &str = "nothing is stored";

fn add_tokens(explanation: &mut Explanation, snapshot: &Snapshot, now_ns: u64) {
    let (Some(found), Some(request)) = (&explanation.route, &explanation.request) else { return };
    let route = snapshot.routes.iter().find(|route| route.model.name == found.name);
    let Some(route) = route else { return };
    for (limit, limiter) in explanation.limits.iter_mut().zip(&route.limits) {
        limit.left = Some(limiter.left(request.client, now_ns));
    }
    if explanation.limits.iter().any(|limit| limit.left == Some(0)) {
        explanation.answer = Answer::refused(&Refusal::RateLimited(std::time::Duration::ZERO));
    }
}

fn add_load(pool: &mut Pool, snapshot: &Snapshot, now_ns: u64) {
    let Some(live) = snapshot.pools.iter().find(|live| live.model.name == pool.name) else { return };
    pool.in_flight = Some(live.in_flight.count());
    pool.ceiling = live.for_what_is_left(pool.ceiling);
    let state = |row: Row| {
        let state = State {
            word: row.standing.word(),
            why: row.reason,
            serves: row.standing.serves(),
            in_flight: row.in_flight,
            weight: row.weight,
        };
        Endpoint { state: Some(state), ..written(&row.member.address.to_string(), &row.member.from) }
    };
    pool.endpoints = live.balancer.report(now_ns).endpoints.into_iter().map(state).collect();
}

/// What the store has under a key.
async fn stored(store: &'static Store, key: CacheKey, now: SystemTime) -> String {
    match store.lookup(&key, &Span::inactive().handle()).await {
        Ok(Some((meta, _hit))) => describe(&meta, now),
        Ok(None) => NOTHING.to_owned(),
        Err(error) => format!("cannot be looked up: {error}"),
    }
}

fn describe(meta: &CacheMeta, now: SystemTime) -> String {
    let status = meta.response_header().status.as_u16();
    let varies = if meta.variance().is_some() { "; answers vary, this is one of them" } else { "" };
    match meta.fresh_until().duration_since(now) {
        Ok(left) => format!("a {status} is stored, fresh for {} s more{varies}", left.as_secs()),
        Err(past) => format!("a {status} is stored, stale for {} s{varies}", past.duration().as_secs()),
    }
}
