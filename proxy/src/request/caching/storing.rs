//! What is stored of an answer, and for how long: the rules of this folder put together.

use std::time::{Duration, SystemTime};

use config::model::{CachePolicy, Zone};
use http::{HeaderMap, Method, header};
use pingora::{cache::CacheMeta, http::ResponseHeader};

use super::{
    directives::Directives,
    freshness::lifetime,
    storable::{NotStored, storable},
};

/// The request that an answer belongs to, and where its route keeps answers.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) policy: &'a CachePolicy,
    pub(crate) zone: &'a Zone,
}

/// The stored form of an answer that arrived at `now`, or why there is none.
pub(crate) fn stored(asked: &Asked<'_>, mut response: ResponseHeader, now: SystemTime) -> Result<CacheMeta, NotStored> {
    let length = response.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > asked.zone.max_object.0) {
        return Err(NotStored::TooLarge);
    }
    let directives = Directives::of_response(&response.headers);
    storable(asked.method, asked.headers, response.status, &response.headers, &directives)?;
    let lifetime = lifetime(response.status, &response.headers, &directives, asked.policy, now);
    let lifetime = lifetime.ok_or(NotStored::NoLifetime)?;
    response.remove_header(&header::AGE);
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let (refreshing, failing) = (lifetime.stale_while_revalidate, lifetime.stale_if_error);
    let mut meta = CacheMeta::new(now + lifetime.fresh, now, seconds(refreshing), seconds(failing), response);
    // Its age goes on from what it was on arrival; the store knows no times before 1970.
    let created = now.checked_sub(lifetime.age).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH);
    meta.set_epoch_override(created);
    Ok(meta)
}

#[cfg(test)]
mod tests {
    use config::model::{ByteSize, ZoneId};

    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    fn meta(fields: &[(&'static str, &'static str)]) -> Result<CacheMeta, NotStored> {
        let mut response = ResponseHeader::build(200, None).unwrap();
        for (name, value) in fields {
            response.append_header(*name, *value).unwrap();
        }
        let policy = CachePolicy::of_zone(ZoneId(0), ByteSize(10));
        let zone = Zone { name: "z".to_owned(), memory: ByteSize(1 << 20), max_object: ByteSize(10), disk: None };
        let asked = Asked { method: &Method::GET, headers: &HeaderMap::new(), policy: &policy, zone: &zone };
        stored(&asked, response, now())
    }

    #[test]
    fn age_goes_on_from_what_it_was() {
        let kept = meta(&[("cache-control", "max-age=60"), ("age", "20"), ("content-length", "10")]).unwrap();
        assert!(!kept.headers().contains_key("age"));
        assert_eq!(kept.fresh_until(), now() + Duration::from_secs(40));
        assert_eq!(kept.epoch(), now() - Duration::from_secs(20));
    }

    #[test]
    fn the_oldest_age_is_still_a_time() {
        let old = [("cache-control", "max-age=1"), ("age", "4294967295"), ("etag", "\"x\"")];
        assert!(meta(&old).unwrap().serialize().is_ok());
    }

    #[test]
    fn what_is_known_to_be_too_large_is_not_begun() {
        let large = meta(&[("cache-control", "max-age=60"), ("content-length", "11")]);
        assert_eq!(large.map(|_| ()).unwrap_err(), NotStored::TooLarge);
    }
}
