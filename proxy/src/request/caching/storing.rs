//! What is stored of an answer, and for how long: the rules of this folder put together.

use std::time::{Duration, SystemTime};

use config::model::{CachePolicy, SetCookie};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use pingora::{cache::CacheMeta, http::ResponseHeader};

use super::{
    directives::{self, Directives},
    freshness::{Arrival, lifetime},
    storable::{Answer, NotStored, storable},
};

/// The request that an answer belongs to, and its route's policy.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) policy: &'a CachePolicy,
}

/// What of an answer is kept.
pub(crate) struct Kept {
    pub(crate) meta: CacheMeta,
    /// Fields that are for the client that asked alone.
    pub(crate) unshared: HeaderMap,
}

/// RFC 9111 s3.1: what is for one proxy is not kept. What is for one connection is gone already.
const FOR_A_PROXY: [&str; 3] = ["proxy-authenticate", "proxy-authentication-info", "proxy-authorization"];

/// The stored form of an answer, or why there is none.
pub(crate) fn stored(asked: &Asked<'_>, mut answer: ResponseHeader, arrival: &Arrival) -> Result<Kept, NotStored> {
    let Asked { method, headers, policy } = *asked;
    let length = answer.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > policy.max_object.0) {
        return Err(NotStored::TooLarge);
    }
    let directives = Directives::of_response(&answer.headers);
    let mut unshared = HeaderMap::new();
    if directives.has_unshared_fields {
        for name in directives::unshared_fields(&answer.headers) {
            withhold(&mut answer, &name, &mut unshared);
        }
    }
    let judged =
        Answer { method, asked: headers, status: answer.status, headers: &answer.headers, directives: &directives };
    storable(&judged, policy)?;
    let lifetime = lifetime(answer.status, &answer.headers, &directives, policy, arrival);
    let lifetime = lifetime.ok_or(NotStored::NoLifetime)?;
    if policy.set_cookie == SetCookie::Strip {
        answer.remove_header(&header::SET_COOKIE);
    }
    answer.remove_header(&header::AGE);
    // How it was framed is no property of what is stored.
    answer.remove_header(&header::TRANSFER_ENCODING);
    answer.remove_header(&header::CONNECTION);
    FOR_A_PROXY.iter().for_each(|name| drop(answer.remove_header(*name)));
    date(&mut answer, arrival.at);
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let (refreshing, failing) = (lifetime.stale_while_revalidate, lifetime.stale_if_error);
    // The store knows no times before 1970.
    let fresh_until = lifetime.fresh_until.max(SystemTime::UNIX_EPOCH);
    let mut meta = CacheMeta::new(fresh_until, arrival.at, seconds(refreshing), seconds(failing), answer);
    // Its age goes on from what it was on arrival.
    let created = arrival.at.checked_sub(lifetime.age).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH);
    meta.set_epoch_override(created);
    Ok(Kept { meta, unshared })
}

fn withhold(answer: &mut ResponseHeader, name: &HeaderName, unshared: &mut HeaderMap) {
    for value in answer.headers.get_all(name) {
        unshared.append(name.clone(), value.clone());
    }
    answer.remove_header(name);
}

/// RFC 9110 s6.6.1: an answer without a date gets that of its arrival.
fn date(answer: &mut ResponseHeader, arrived: SystemTime) {
    if answer.headers.contains_key(header::DATE) {
        return;
    }
    let date = HeaderValue::from_str(&httpdate::fmt_http_date(arrived)).expect("a date is text");
    answer.insert_header(header::DATE, date).expect("a date is a valid field");
}

#[cfg(test)]
mod tests {
    use config::model::{ByteSize, ZoneId};
    use http::Version;

    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    fn kept_by(policy: &CachePolicy, fields: &[(&'static str, &'static str)]) -> Result<Kept, NotStored> {
        let mut response = ResponseHeader::build(200, None).unwrap();
        for (name, value) in fields {
            response.append_header(*name, *value).unwrap();
        }
        let asked = Asked { method: &Method::GET, headers: &HeaderMap::new(), policy };
        stored(&asked, response, &Arrival { asked: now(), at: now(), version: Version::HTTP_11 })
    }

    fn policy() -> CachePolicy {
        CachePolicy::of_zone(ZoneId(0), ByteSize(10))
    }

    fn kept(fields: &[(&'static str, &'static str)]) -> Result<Kept, NotStored> {
        kept_by(&policy(), fields)
    }

    #[test]
    fn age_goes_on_from_what_it_was() {
        let kept = kept(&[("cache-control", "max-age=60"), ("age", "20"), ("content-length", "10")]).unwrap().meta;
        assert!(!kept.headers().contains_key("age"));
        assert_eq!(kept.fresh_until(), now() + Duration::from_secs(40) - Duration::from_nanos(1));
        assert_eq!(kept.epoch(), now() - Duration::from_secs(20));
    }

    #[test]
    fn the_oldest_age_is_still_a_time() {
        let old = [("cache-control", "max-age=1"), ("age", "4294967295"), ("etag", "\"x\"")];
        assert!(kept(&old).unwrap().meta.serialize().is_ok());
    }

    #[test]
    fn what_is_known_to_be_too_large_is_not_begun() {
        let large = kept(&[("cache-control", "max-age=60"), ("content-length", "11")]);
        assert_eq!(large.map(|_| ()).unwrap_err(), NotStored::TooLarge);
    }

    #[test]
    fn what_is_for_one_client_or_proxy_is_not_kept() {
        let fields = [
            ("cache-control", "max-age=60, private=\"x-user\", no-cache=\"set-cookie\""),
            ("x-user", "jo"),
            ("set-cookie", "sid=1"),
            ("set-cookie", "b=2"),
            ("proxy-authenticate", "Basic"),
            ("x-other", "1"),
        ];
        let Kept { meta, unshared } = kept(&fields).unwrap();
        let mut names: Vec<_> = meta.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["cache-control", "date", "x-other"]);
        assert_eq!(
            (unshared.get("x-user"), unshared.get_all("set-cookie").iter().count()),
            (fields[1].1.parse().ok().as_ref(), 2)
        );
    }

    #[test]
    fn a_cookie_is_refused_or_dropped() {
        let fields = [("cache-control", "max-age=60"), ("set-cookie", "sid=1")];
        assert_eq!(kept(&fields).map(|_| ()).unwrap_err(), NotStored::SetCookie);
        let policy = CachePolicy { set_cookie: SetCookie::Strip, ..policy() };
        let Kept { meta, unshared } = kept_by(&policy, &fields).unwrap();
        assert!(!meta.headers().contains_key("set-cookie") && unshared.is_empty(), "which nobody gets");
    }

    #[test]
    fn an_answer_without_a_date_gets_that_of_its_arrival() {
        let dated = |fields: &[(&'static str, &'static str)]| kept(fields).unwrap().meta.headers()["date"].clone();
        assert_eq!(dated(&[("cache-control", "max-age=60")]), "Mon, 12 Jan 1970 13:46:40 GMT");
        assert_eq!(dated(&[("cache-control", "max-age=60"), ("date", "x")]), "x");
    }
}
