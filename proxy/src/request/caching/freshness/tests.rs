//! Lifetimes, source by source.

use config::model::{ByteSize, ZoneId};
use http::{HeaderName, HeaderValue};

use super::*;

const NOW: &str = "Wed, 11 Nov 2026 00:00:00 GMT";

fn policy(default_ttl_s: Option<u64>, stale_s: u64) -> CachePolicy {
    CachePolicy {
        default_ttl: default_ttl_s.map(Duration::from_secs),
        stale_while_revalidate: Duration::from_secs(stale_s),
        stale_if_error: Duration::from_secs(stale_s),
        ..CachePolicy::of_zone(ZoneId(0), ByteSize(1 << 20))
    }
}

fn of(fields: &[(&'static str, &'static str)], policy: &CachePolicy) -> Option<Lifetime> {
    let now = httpdate::parse_http_date(NOW).unwrap();
    let headers: HeaderMap =
        fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect();
    lifetime(StatusCode::OK, &headers, &Directives::of_response(&headers), policy, now)
}

fn fresh_s(fields: &[(&'static str, &'static str)]) -> Option<u64> {
    of(fields, &policy(None, 0)).map(|lifetime| lifetime.fresh.as_secs())
}

#[test]
fn the_first_source_that_states_a_lifetime_counts() {
    let expires = ("expires", "Wed, 11 Nov 2026 00:01:40 GMT");
    let modified = ("last-modified", "Tue, 10 Nov 2026 23:43:20 GMT");
    assert_eq!(fresh_s(&[("cache-control", "max-age=50, s-maxage=60"), expires, modified]), Some(60));
    assert_eq!(fresh_s(&[("cache-control", "max-age=50"), expires, modified]), Some(50));
    assert_eq!(fresh_s(&[("date", NOW), expires, modified]), Some(100));
    assert_eq!(fresh_s(&[("date", NOW), modified]), Some(100));
    assert_eq!(of(&[], &policy(Some(30), 0)).unwrap().fresh.as_secs(), 30);
}

#[test]
fn without_lifetime_or_validator_nothing_is_reused() {
    assert_eq!(fresh_s(&[]), None);
    assert_eq!(fresh_s(&[("cache-control", "max-age=0")]), None);
    assert_eq!(fresh_s(&[("etag", "\"x\"")]), Some(0));
    assert_eq!(fresh_s(&[("cache-control", "max-age=0"), ("etag", "\"x\"")]), Some(0));
}

#[test]
fn expires_counts_from_the_origins_date_and_an_invalid_one_is_past() {
    let slow_clock = [("date", "Tue, 10 Nov 2026 23:00:00 GMT"), ("expires", "Tue, 10 Nov 2026 23:01:00 GMT")];
    assert_eq!(fresh_s(&slow_clock), Some(60));
    assert_eq!(fresh_s(&[("expires", "0"), ("etag", "\"x\"")]), Some(0));
    let twice = [("expires", "Wed, 11 Nov 2026 00:01:40 GMT"), ("expires", NOW), ("etag", "\"x\"")];
    assert_eq!(fresh_s(&twice), Some(0));
}

#[test]
fn a_targeted_field_puts_expires_aside_too() {
    let expires = ("expires", "Wed, 11 Nov 2026 00:01:40 GMT");
    assert_eq!(fresh_s(&[("cdn-cache-control", "stale-if-error=60"), expires, ("date", NOW)]), None);
}

#[test]
fn a_guess_is_at_most_a_day() {
    assert_eq!(fresh_s(&[("date", NOW), ("last-modified", "Mon, 11 Nov 2019 00:00:00 GMT")]), Some(24 * 60 * 60));
}

#[test]
fn time_spent_in_other_caches_counts() {
    let lifetime = of(&[("cache-control", "max-age=60"), ("age", "45")], &policy(None, 0)).unwrap();
    assert_eq!((lifetime.age.as_secs(), lifetime.fresh.as_secs()), (45, 15));
    for old in ["90", "4294967296", "99999999999999999999", "-1", "soon"] {
        assert_eq!(fresh_s(&[("cache-control", "max-age=60"), ("age", old), ("etag", "\"x\"")]), Some(0), "{old}");
    }
    assert_eq!(fresh_s(&[("cache-control", "max-age=60"), ("age", "0")]), Some(60));
}

#[test]
fn stale_times_are_the_origins_then_the_routes_and_never_past_must_revalidate() {
    let stale = |value: &'static str| {
        let lifetime = of(&[("cache-control", value), ("etag", "\"x\"")], &policy(None, 9)).unwrap();
        (lifetime.stale_while_revalidate.as_secs(), lifetime.stale_if_error.as_secs())
    };
    assert_eq!(stale("max-age=1"), (9, 9));
    assert_eq!(stale("max-age=1, stale-while-revalidate=5, stale-if-error=0"), (5, 0));
    assert_eq!(stale("max-age=1, must-revalidate, stale-if-error=60"), (0, 0));
    assert_eq!(stale("max-age=1, proxy-revalidate"), (0, 0));
    assert_eq!(stale("s-maxage=1"), (0, 0));
    assert_eq!(stale("s-maxage=1, stale-while-revalidate=5"), (5, 0));
    assert_eq!(stale("no-cache, max-age=60"), (0, 0));
}

#[test]
fn no_cache_is_kept_but_validated_each_time() {
    assert_eq!(fresh_s(&[("cache-control", "no-cache, max-age=60"), ("etag", "\"x\"")]), Some(0));
}

#[test]
fn what_is_stale_has_a_negative_time_left_from_the_first_moment() {
    let now = httpdate::parse_http_date(NOW).unwrap();
    let left = |ms: u64| ttl_s(now + Duration::from_millis(ms), now + Duration::from_secs(10));
    assert_eq!([left(11_500), left(10_000), left(9_999), left(8_000)], [1, 0, -1, -3]);
}
