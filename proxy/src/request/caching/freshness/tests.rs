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
    of_status(StatusCode::OK, fields, policy, Version::HTTP_11)
}

fn of_status(
    status: StatusCode,
    fields: &[(&'static str, &'static str)],
    policy: &CachePolicy,
    version: Version,
) -> Option<Lifetime> {
    let at = httpdate::parse_http_date(NOW).unwrap() + Duration::from_millis(700);
    let arrival = Arrival { asked: at - Duration::from_millis(2_500), at, version };
    let headers: HeaderMap =
        fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect();
    lifetime(status, &headers, &Directives::of_response(&headers), policy, &arrival)
}

/// Until when it is fresh, in seconds from its arrival; never more than zero for what has to be validated.
fn left_s(lifetime: &Lifetime) -> i64 {
    let at = httpdate::parse_http_date(NOW).unwrap() + Duration::from_millis(700);
    let seconds = |time: Duration| i64::try_from((time + Duration::from_millis(500)).as_secs()).unwrap();
    lifetime.fresh_until.duration_since(at).map_or_else(|past| -seconds(past.duration()), seconds)
}

fn fresh_s(fields: &[(&'static str, &'static str)]) -> Option<i64> {
    of(fields, &policy(None, 0)).as_ref().map(left_s)
}

#[test]
fn the_first_source_that_states_a_lifetime_counts() {
    let expires = ("expires", "Wed, 11 Nov 2026 00:01:40 GMT");
    let modified = ("last-modified", "Tue, 10 Nov 2026 23:43:20 GMT");
    assert_eq!(fresh_s(&[("cache-control", "max-age=50, s-maxage=60"), expires, modified]), Some(60));
    assert_eq!(fresh_s(&[("cache-control", "max-age=50"), expires, modified]), Some(50));
    assert_eq!(fresh_s(&[("date", NOW), expires, modified]), Some(100));
    assert_eq!(fresh_s(&[("date", NOW), modified]), Some(100));
    assert_eq!(left_s(&of(&[], &policy(Some(30), 0)).unwrap()), 30);
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
fn time_spent_in_other_caches_and_on_the_way_counts() {
    let lifetime = of(&[("cache-control", "max-age=60"), ("age", "45")], &policy(None, 0)).unwrap();
    assert_eq!((lifetime.age.as_secs(), left_s(&lifetime)), (47, 13));
    let left = |age| fresh_s(&[("cache-control", "max-age=60"), ("age", age), ("etag", "\"x\"")]);
    for (age, left_s) in [("90", -32), ("0", 58), ("3, 40", 55), ("-1", 60), ("soon", 60), ("7.5", 60)] {
        assert_eq!(left(age), Some(left_s), "{age}");
    }
    for endless in ["4294967296", "99999999999999999999"] {
        assert!(left(endless).is_some_and(|left_s| left_s < -1_000_000_000), "{endless}");
    }
}

#[test]
fn a_date_counts_where_something_may_have_kept_the_answer() {
    const BEFORE: &str = "Tue, 10 Nov 2026 23:59:30 GMT";
    let aged = |fields: &[(&'static str, &'static str)], version| {
        let fields = [&[("cache-control", "max-age=60"), ("date", BEFORE)], fields].concat();
        of_status(StatusCode::OK, &fields, &policy(None, 0), version).unwrap().age.as_secs()
    };
    assert_eq!(aged(&[], Version::HTTP_11), 0, "its clock runs behind");
    assert_eq!(aged(&[("via", "1.1 a")], Version::HTTP_11), 0);
    assert_eq!(aged(&[("age", "1")], Version::HTTP_11), 30);
    assert_eq!(aged(&[("via", "1.1 a, 1.0 b")], Version::HTTP_11), 30);
    assert_eq!(aged(&[], Version::HTTP_10), 30);
}

#[test]
fn errors_live_as_long_as_the_route_says() {
    let mut policy = policy(None, 0);
    let not_found = |policy: &CachePolicy, fields: &[(&'static str, &'static str)]| {
        let lifetime = of_status(StatusCode::NOT_FOUND, fields, policy, Version::HTTP_11);
        lifetime.as_ref().map(left_s)
    };
    assert_eq!(not_found(&policy, &[]), None);
    policy.negative = vec![config::model::Negative { status: 404, ttl: Duration::from_secs(5) }];
    assert_eq!(not_found(&policy, &[]), Some(5));
    assert_eq!(not_found(&policy, &[("cache-control", "max-age=9")]), Some(9), "where it states none");
    policy.overrides.ttl = Some(Duration::from_secs(70));
    assert_eq!(not_found(&policy, &[]), Some(5), "errors have a rule of their own");
}

#[test]
fn what_the_route_says_holds_whatever_the_origin_says() {
    let overrides = config::model::Overrides {
        ttl: Some(Duration::from_secs(70)),
        stale_while_revalidate: Some(Duration::from_secs(7)),
        stale_if_error: Some(Duration::from_secs(8)),
    };
    let policy = CachePolicy { overrides, ..policy(None, 0) };
    for list in ["no-cache", "max-age=1", "max-age=999, must-revalidate", "max-age=0, stale-if-error=99"] {
        let lifetime = of(&[("cache-control", list)], &policy).unwrap();
        let stale = (lifetime.stale_while_revalidate.as_secs(), lifetime.stale_if_error.as_secs());
        assert_eq!((left_s(&lifetime), stale), (70, (7, 8)), "{list}");
    }
}

#[test]
fn a_status_that_says_little_is_not_guessed_about() {
    let guess = |status, list| {
        let fields = [("date", NOW), ("last-modified", "Tue, 10 Nov 2026 23:43:20 GMT"), ("cache-control", list)];
        let lifetime = of_status(StatusCode::from_u16(status).unwrap(), &fields, &policy(None, 0), Version::HTTP_11);
        lifetime.as_ref().map(left_s)
    };
    assert_eq!([guess(404, "x"), guess(302, "x"), guess(302, "public")], [Some(100), Some(0), Some(100)]);
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
