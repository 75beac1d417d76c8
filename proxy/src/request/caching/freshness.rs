//! How long an answer may be served (RFC 9111 s4.2, RFC 5861).

use std::time::{Duration, SystemTime};

use config::model::CachePolicy;
use http::{HeaderMap, StatusCode, header};

use super::directives::{self, Directives};

/// How old an answer already is, and for how long it may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// Age when it arrived (RFC 9111 s4.2.3): the time it has spent in other caches.
    pub(crate) age: Duration,
    /// From now on, how long it is fresh; zero means validate before each use.
    pub(crate) fresh: Duration,
    /// After that, how long it may be served while it is refreshed.
    pub(crate) stale_while_revalidate: Duration,
    /// After that, how long it may be served when the origin fails.
    pub(crate) stale_if_error: Duration,
}

/// RFC 9111 s4.2.2: a guess is a tenth of the time since the last change, and never more than a day.
const HEURISTIC_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Statuses for which a guess is allowed (RFC 9110 s15.1).
const HEURISTIC: [u16; 9] = [200, 203, 204, 300, 301, 308, 404, 405, 410];

/// The lifetime of an answer, from the first source that states one: `s-maxage`, `max-age`, `Expires`, the guess from
/// `Last-Modified`, the route's default. `None` if it could never be reused: no lifetime, no stale time and nothing
/// to validate it by.
pub(crate) fn lifetime(
    status: StatusCode,
    headers: &HeaderMap,
    directives: &Directives,
    policy: &CachePolicy,
    now: SystemTime,
) -> Option<Lifetime> {
    let date = date(headers, header::DATE).unwrap_or(now);
    let age = age(headers, date, now);
    let stated = directives.s_maxage.or(directives.max_age).map(|s| Duration::from_secs(s.into()));
    let lifetime = stated
        .or_else(|| if directives.targeted { None } else { expires(headers, date) })
        .or_else(|| heuristic(status, headers, date))
        .or_else(|| policy.default_ttl.filter(|_| HEURISTIC.contains(&status.as_u16())));
    let validator = headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED);
    let fresh = match lifetime {
        _ if directives.no_cache => Duration::ZERO,
        Some(lifetime) => lifetime.saturating_sub(age),
        None if validator => Duration::ZERO,
        None => return None,
    };
    let stale_forbidden = directives.must_revalidate || directives.proxy_revalidate || directives.no_cache;
    let stale = |said: Option<u32>, default: Duration| match said {
        _ if stale_forbidden => Duration::ZERO,
        Some(seconds) => Duration::from_secs(seconds.into()),
        // s-maxage means proxy-revalidate as well, unless the origin says otherwise beside it (s5.2.2.10).
        None if directives.s_maxage.is_some() => Duration::ZERO,
        None => default,
    };
    let lifetime = Lifetime {
        age,
        fresh,
        stale_while_revalidate: stale(directives.stale_while_revalidate, policy.stale_while_revalidate),
        stale_if_error: stale(directives.stale_if_error, policy.stale_if_error),
    };
    let reusable = !fresh.is_zero()
        || validator
        || !lifetime.stale_while_revalidate.is_zero()
        || !lifetime.stale_if_error.is_zero();
    reusable.then_some(lifetime)
}

/// Whole seconds left until `fresh_until`; negative once it has passed (RFC 9211 s2.4).
pub(crate) fn ttl_s(fresh_until: SystemTime, now: SystemTime) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match fresh_until.duration_since(now) {
        Ok(left) => seconds(left),
        Err(passed) => -1 - seconds(passed.duration()),
    }
}

/// The larger of what the clocks and what the `Age` field say.
fn age(headers: &HeaderMap, date: SystemTime, now: SystemTime) -> Duration {
    let said = headers.get(header::AGE).map(|value| match value.to_str().map(str::trim) {
        Ok("0") => 0,
        // Zero is what cannot be read, and what cannot be read may be of any age.
        Ok(age) => Some(directives::seconds(age)).filter(|&seconds| seconds > 0).unwrap_or(directives::LONG_S),
        Err(_not_text) => directives::LONG_S,
    });
    let apparent = now.duration_since(date).unwrap_or_default();
    // Without an Age field there is no cache in between; an origin's clock that runs behind must not age the answer.
    said.map_or(Duration::ZERO, |said| apparent.max(Duration::from_secs(said.into())))
}

/// `Expires` relative to `Date`; an invalid date, such as `0`, or two of them, is in the past (RFC 9111 s5.3).
fn expires(headers: &HeaderMap, date: SystemTime) -> Option<Duration> {
    let mut fields = headers.get_all(header::EXPIRES).iter();
    let value = fields.next()?;
    let only = fields.next().is_none();
    let expires = value.to_str().ok().filter(|_| only).and_then(|value| httpdate::parse_http_date(value).ok());
    Some(expires.and_then(|expires| expires.duration_since(date).ok()).unwrap_or_default())
}

fn heuristic(status: StatusCode, headers: &HeaderMap, date: SystemTime) -> Option<Duration> {
    let changed = self::date(headers, header::LAST_MODIFIED).filter(|_| HEURISTIC.contains(&status.as_u16()))?;
    let unchanged_for = date.duration_since(changed).ok()?;
    Some((unchanged_for / 10).min(HEURISTIC_MAX))
}

fn date(headers: &HeaderMap, name: header::HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests;
