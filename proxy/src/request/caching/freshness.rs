//! How long an answer may be served (RFC 9111 s4.2, RFC 5861).

use std::time::{Duration, SystemTime};

use config::model::CachePolicy;
use http::{HeaderMap, StatusCode, Version, header};

use super::{
    conditional::date,
    directives::Directives,
    list::{self, LONG_S},
};

/// How an answer came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When the origin was asked.
    pub(crate) asked: SystemTime,
    /// When the answer's header was there.
    pub(crate) at: SystemTime,
    /// In which version of HTTP.
    pub(crate) version: Version,
}

/// How old an answer already is, and for how long it may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// Age when it arrived (RFC 9111 s4.2.3): the time it has spent in other caches.
    pub(crate) age: Duration,
    /// Until when it is fresh; in the past for what must be validated, or has been stale for a while on arrival.
    pub(crate) fresh_until: SystemTime,
    /// After that, how long it may be served while it is refreshed.
    pub(crate) stale_while_revalidate: Duration,
    /// After that, how long it may be served when the origin fails.
    pub(crate) stale_if_error: Duration,
}

/// RFC 9111 s4.2.2: a guess is a tenth of the time since the last change, and never more than a day.
const HEURISTIC_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Statuses for which a guess is allowed (RFC 9110 s15.1), but for 206, which is never kept.
const HEURISTIC: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];

/// The lifetime of an answer: what the route puts in the place of any other, or else from the first source that states
/// one: `s-maxage`, `max-age`, `Expires`, the route's for this error, the guess from `Last-Modified`, the route's
/// default. `None` if it could never be reused: no lifetime, no stale time and nothing to validate it by.
pub(crate) fn lifetime(
    status: StatusCode,
    headers: &HeaderMap,
    directives: &Directives,
    policy: &CachePolicy,
    arrival: &Arrival,
) -> Option<Lifetime> {
    let dated = date(headers, &header::DATE).unwrap_or(arrival.at);
    let age = age(headers, dated, arrival);
    let negative = negative(policy, status);
    let overridden = policy.overrides.ttl.filter(|_| negative.is_none());
    let may_guess = HEURISTIC.contains(&status.as_u16()) || directives.public;
    let lifetime = overridden
        .or_else(|| stated(headers, directives, dated))
        .or(negative)
        .or_else(|| heuristic(headers, dated).filter(|_| may_guess))
        .or_else(|| policy.default_ttl.filter(|_| HEURISTIC.contains(&status.as_u16())));
    let validator = has_validator(headers);
    let lifetime = match lifetime {
        _ if directives.no_cache && overridden.is_none() => Duration::ZERO,
        Some(lifetime) => lifetime,
        None if validator => Duration::ZERO,
        None => return None,
    };
    // Without a lifetime it is not fresh at the moment of its arrival either. The store knows no times before 1970.
    let born = arrival.at.checked_sub(age + Duration::from_nanos(1));
    let born = born.unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH);
    let fresh_until = born + lifetime;
    let must_validate = directives.must_revalidate || directives.proxy_revalidate || directives.no_cache;
    let stale = |said: Option<u32>, overridden: Option<Duration>, default: Duration| match (overridden, said) {
        (Some(overridden), _) => overridden,
        _ if must_validate => Duration::ZERO,
        (None, Some(seconds)) => Duration::from_secs(seconds.into()),
        // s-maxage means proxy-revalidate as well, unless the origin says otherwise beside it (s5.2.2.10).
        (None, None) if directives.s_maxage.is_some() => Duration::ZERO,
        (None, None) => default,
    };
    let overrides = &policy.overrides;
    let (refreshing, failing) = (directives.stale_while_revalidate, directives.stale_if_error);
    let lifetime = Lifetime {
        age,
        fresh_until,
        stale_while_revalidate: stale(refreshing, overrides.stale_while_revalidate, policy.stale_while_revalidate),
        stale_if_error: stale(failing, overrides.stale_if_error, policy.stale_if_error),
    };
    let reusable = fresh_until > arrival.at
        || validator
        || !lifetime.stale_while_revalidate.is_zero()
        || !lifetime.stale_if_error.is_zero();
    reusable.then_some(lifetime)
}

/// The lifetime that the origin states; `None` if it states none.
fn stated(headers: &HeaderMap, directives: &Directives, dated: SystemTime) -> Option<Duration> {
    let seconds = directives.s_maxage.or(directives.max_age);
    let directed = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    directed.or_else(|| if directives.targeted { None } else { expires(headers, dated) })
}

/// Whether an old answer may hide this one: what the server itself, or something on the way, failed at (RFC 5861 s4).
pub(crate) fn is_error(status: u16) -> bool {
    matches!(status, 500 | 502 | 503 | 504)
}

/// What the route gives an error of this status.
pub(crate) fn negative(policy: &CachePolicy, status: StatusCode) -> Option<Duration> {
    policy.negative.iter().find(|negative| negative.status == status.as_u16()).map(|negative| negative.ttl)
}

/// Whether the origin can be asked if the answer still holds.
fn has_validator(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED)
}

/// RFC 9111 s4.2.3. What came through no cache is not aged by an origin's clock that runs behind: `Date` counts where an
/// `Age` says that there was a cache, or a hop of HTTP/1.0 may have kept the answer without saying so. Nor does it age
/// while the origin makes it.
fn age(headers: &HeaderMap, dated: SystemTime, arrival: &Arrival) -> Duration {
    let said = headers.get(header::AGE).and_then(|age| {
        // s5.1: of several the first counts, and what is no number does not.
        list::seconds(age.as_bytes().split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii())
    });
    if said.is_none() && !came_through_http10(headers, arrival.version) {
        return Duration::ZERO;
    }
    let whole_seconds = |time: Duration| Duration::from_secs(time.as_secs());
    let apparent = arrival.at.duration_since(dated).map(whole_seconds).unwrap_or_default();
    let delay = arrival.at.duration_since(arrival.asked).map(whole_seconds).unwrap_or_default();
    let corrected = said.map_or(Duration::ZERO, |said| Duration::from_secs(said.into()) + delay);
    apparent.max(corrected).min(Duration::from_secs(LONG_S.into()))
}

fn came_through_http10(headers: &HeaderMap, version: Version) -> bool {
    let hops = headers.get_all(header::VIA).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let is_old = |hop: &[u8]| hop.starts_with(b"1.0 ") || hop.starts_with(b"HTTP/1.0 ");
    hops.map(<[u8]>::trim_ascii_start).any(is_old) || version < Version::HTTP_11
}

/// `Expires` relative to `Date`; an invalid date, such as `0`, or two of them, is in the past (RFC 9111 s5.3).
fn expires(headers: &HeaderMap, dated: SystemTime) -> Option<Duration> {
    let mut fields = headers.get_all(header::EXPIRES).iter();
    let value = fields.next()?;
    let only = fields.next().is_none();
    let expires = value.to_str().ok().filter(|_| only).and_then(|value| httpdate::parse_http_date(value).ok());
    Some(expires.and_then(|expires| expires.duration_since(dated).ok()).unwrap_or_default())
}

fn heuristic(headers: &HeaderMap, dated: SystemTime) -> Option<Duration> {
    let changed = date(headers, &header::LAST_MODIFIED)?;
    let unchanged_for = dated.duration_since(changed).ok()?;
    Some((unchanged_for / 10).min(HEURISTIC_MAX))
}

#[cfg(test)]
mod tests;
