//! The cache's part of an explanation: whether it is asked, under which keys, and where each time comes from.

use std::time::Duration;

use config::model::{CachePolicy, Forward, Negative};
use http::Method;

use super::{
    Chosen, Way,
    explanation::{Cache, Freshness},
};
use crate::request::{
    caching::{conditional, key},
    identify::{self, Facts},
};

/// `scopes` has the scope of the key for each pool that the request may go to.
pub(super) fn explain(
    way: &Way<'_>,
    facts: &Facts,
    chosen: &Chosen<'_>,
    forward: &Forward,
    scopes: &[String],
) -> Cache {
    let why = match &forward.cache {
        None => Some("the route has no `cache`"),
        Some(_) if ![Method::GET, Method::HEAD].contains(&way.header.method) => Some("only GET and HEAD are"),
        Some(_) if has_body(way) => Some("a request with a body is not"),
        Some(_) if conditional::is_for_the_origin(&way.header.headers) => {
            Some("If-Match and If-Unmodified-Since are for the origin")
        }
        Some(_) => None,
    };
    let policy = match (&forward.cache, why) {
        (Some(policy), None) => policy,
        (_, why) => return Cache { not_asked: why.map(str::to_owned), ..Cache::default() },
    };
    let asked = key::Asked {
        secure: facts.secure,
        authority: &facts.authority,
        path: &facts.path,
        query: facts.query.as_deref(),
    };
    let keys = scopes.iter().map(|scope| key::key(scope, &asked, policy, &way.header.headers));
    Cache {
        not_asked: None,
        zone: Some(way.config.live.zones[policy.zone.index()].name.clone()),
        keys: keys.collect(),
        freshness: freshness(way, chosen, policy),
        stored: Vec::new(),
    }
}

fn has_body(way: &Way<'_>) -> bool {
    let headers = &way.header.headers;
    headers.contains_key(http::header::TRANSFER_ENCODING)
        || identify::content_length(headers).is_some_and(|length| length > 0)
}

/// The sources of each time in the order in which `request/caching/freshness.rs` asks them.
fn freshness(way: &Way<'_>, chosen: &Chosen<'_>, policy: &CachePolicy) -> Vec<Freshness> {
    let said = |text: &str| text.to_owned();
    let ours = |key: &str, time: Duration| match (way.places)(&format!("{}.cache.{key}", chosen.at)) {
        Some(place) => format!("{time:?}, the route's `{key}` ({place})"),
        None => format!("{time:?}, the default of `{key}`"),
    };
    let overridden = |key: &str, time: Option<Duration>| time.map(|time| ours(&format!("override.{key}"), time));
    let mut lifetime: Vec<_> = overridden("ttl", policy.overrides.ttl).into_iter().collect();
    lifetime.extend([
        said("as the answer says: s-maxage or max-age of its CDN-Cache-Control, or else of its Cache-Control"),
        said("until its Expires"),
    ]);
    lifetime.extend(policy.negative.iter().map(|Negative { status, ttl }| format!("a {status} {ttl:?}, the route's")));
    lifetime.extend([
        said("a tenth of the time since its Last-Modified, a day at most"),
        match policy.default_ttl {
            Some(ttl) => ours("default_ttl", ttl),
            None => said("validated before each use; not kept, if it has no validator"),
        },
    ]);
    let stale = |directive: &str, time, first| {
        let key = directive.replace('-', "_");
        let said = [format!("{directive} of the answer"), said("not at all where it says s-maxage"), ours(&key, time)];
        overridden(&key, first).into_iter().chain(said).collect()
    };
    let (refreshing, failing) = (policy.stale_while_revalidate, policy.stale_if_error);
    let overrides = &policy.overrides;
    let refreshing = stale("stale-while-revalidate", refreshing, overrides.stale_while_revalidate);
    let failing = stale("stale-if-error", failing, overrides.stale_if_error);
    vec![
        Freshness { what: "fresh", sources: lifetime },
        Freshness { what: "refreshing", sources: refreshing },
        Freshness { what: "on an error", sources: failing },
    ]
}
