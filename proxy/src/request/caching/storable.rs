//! Whether an answer may be kept at all (RFC 9111 s3).

use config::model::{CachePolicy, Overrides, SetCookie};
use http::{HeaderMap, Method, StatusCode, header};

use super::{directives::Directives, freshness::negative, vary};

/// Why an answer is not kept: a fixed set, for logs and for remembering what was uncacheable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotStored {
    /// Neither `GET` nor `HEAD`.
    Method,
    /// A status whose meaning needs more than the cache knows.
    Status,
    /// The origin failed.
    Error,
    /// Larger than the zone keeps.
    TooLarge,
    /// The origin says `no-store`.
    NoStore,
    /// The origin says `private`.
    Private,
    /// The request carried credentials and the answer does not say that it may be shared (s3.5).
    Authorization,
    /// The answer sets a cookie: for one user, whatever else it says.
    SetCookie,
    /// `Vary: *` matches no later request (s4.1).
    VaryAny,
    /// Neither a lifetime nor a validator, and the route names no default: nothing to reuse.
    NoLifetime,
    /// The client says `no-store`.
    AskedNotTo,
    /// It has more tags than an answer can be purged by.
    TooManyTags,
}

impl NotStored {
    /// Whether the next request for the same key is likely to fare no better: then it is worth remembering that this one
    /// was not kept.
    pub(crate) fn lasts(self) -> bool {
        match self {
            Self::Method | Self::Error | Self::Authorization | Self::AskedNotTo => false,
            Self::Status | Self::TooLarge | Self::NoStore | Self::Private => true,
            Self::SetCookie | Self::VaryAny | Self::NoLifetime | Self::TooManyTags => true,
        }
    }

    /// A short name.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Status => "status",
            Self::Error => "error",
            Self::TooLarge => "too-large",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::SetCookie => "set-cookie",
            Self::VaryAny => "vary-any",
            Self::NoLifetime => "no-lifetime",
            Self::AskedNotTo => "asked-not-to",
            Self::TooManyTags => "too-many-tags",
        }
    }
}

/// Statuses that the edge understands: final, and with their meaning in the message itself (RFC 9110 s15.1). 206 and 304
/// are parts of something else and are not among them.
const STATUSES: [u16; 14] = [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501];

/// A final answer to a request.
pub(crate) struct Answer<'a> {
    pub(crate) method: &'a Method,
    /// Of the request.
    pub(crate) asked: &'a HeaderMap,
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// What these say.
    pub(crate) directives: &'a Directives,
}

/// Says whether an answer may be kept.
pub(crate) fn storable(answer: &Answer<'_>, policy: &CachePolicy) -> Result<(), NotStored> {
    let Answer { method, asked, status, headers, directives } = *answer;
    if *method != Method::GET && *method != Method::HEAD {
        return Err(NotStored::Method);
    }
    if !STATUSES.contains(&status.as_u16()) && negative(policy, status).is_none() {
        return Err(if status.is_server_error() { NotStored::Error } else { NotStored::Status });
    }
    // s5.2.2.3: beside must-understand, no-store is for those who do not know the status.
    let understood = directives.must_understand && STATUSES.contains(&status.as_u16());
    if (directives.no_store || directives.must_understand) && !understood {
        return Err(NotStored::NoStore);
    }
    if directives.private {
        return Err(NotStored::Private);
    }
    // s3.5: the latter two because the origin is asked each time; with the route's own times it would not be.
    let is_asked_each_time = policy.overrides == Overrides::default();
    let validated = directives.s_maxage.is_some() || directives.must_revalidate;
    let shareable = directives.public || (validated && is_asked_each_time);
    if asked.contains_key(header::AUTHORIZATION) && !shareable {
        return Err(NotStored::Authorization);
    }
    if headers.contains_key(header::SET_COOKIE) && policy.set_cookie == SetCookie::Refuse {
        return Err(NotStored::SetCookie);
    }
    if vary::is_any(headers) {
        return Err(NotStored::VaryAny);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use config::model::{ByteSize, Negative, ZoneId};
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    fn policy() -> CachePolicy {
        CachePolicy::of_zone(ZoneId(0), ByteSize(1 << 20))
    }

    fn check(
        method: &Method,
        request: &[(&'static str, &'static str)],
        status: u16,
        response: &[(&'static str, &'static str)],
        policy: &CachePolicy,
    ) -> Result<(), NotStored> {
        let (asked, headers) = (headers(request), headers(response));
        let directives = Directives::of_response(&headers);
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { method, asked: &asked, status, headers: &headers, directives: &directives };
        storable(&answer, policy)
    }

    #[test]
    fn table() {
        let get = Method::GET;
        let auth = [("authorization", "Basic x")];
        for (request, status, response, expected) in [
            (&[][..], 200, &[][..], Ok(())),
            (&[], 404, &[], Ok(())),
            (&[], 206, &[], Err(NotStored::Status)),
            (&[], 304, &[], Err(NotStored::Status)),
            (&[], 403, &[("cache-control", "max-age=60")], Err(NotStored::Status)),
            (&[], 500, &[], Err(NotStored::Error)),
            (&[], 200, &[("cache-control", "no-store, max-age=60")], Err(NotStored::NoStore)),
            (&[], 200, &[("cache-control", "private")], Err(NotStored::Private)),
            (&[], 200, &[("cache-control", "private=\"x\"")], Ok(())),
            (&[], 200, &[("cache-control", "no-store, must-understand")], Ok(())),
            (&[], 299, &[("cache-control", "must-understand, max-age=60")], Err(NotStored::Status)),
            (&[], 200, &[("set-cookie", "a=b"), ("cache-control", "public, max-age=60")], Err(NotStored::SetCookie)),
            (&[], 200, &[("vary", "accept, *")], Err(NotStored::VaryAny)),
            (&[], 200, &[("vary", "accept")], Ok(())),
            (&auth, 200, &[("cache-control", "max-age=60")], Err(NotStored::Authorization)),
            (&auth, 200, &[("cache-control", "public, max-age=60")], Ok(())),
            (&auth, 200, &[("cache-control", "s-maxage=60")], Ok(())),
            (&auth, 200, &[("cache-control", "must-revalidate, max-age=60")], Ok(())),
            (&auth, 200, &[("cache-control", "proxy-revalidate, max-age=60")], Err(NotStored::Authorization)),
        ] {
            assert_eq!(
                check(&get, request, status, response, &policy()),
                expected,
                "{request:?} {status} {response:?}"
            );
        }
        assert_eq!(
            check(&Method::POST, &[], 200, &[("cache-control", "max-age=60")], &policy()),
            Err(NotStored::Method)
        );
    }

    #[test]
    fn the_route_may_keep_errors_and_drop_cookies() {
        let get = Method::GET;
        let errors = [403, 503].map(|status| Negative { status, ttl: std::time::Duration::from_secs(1) });
        let policy = CachePolicy { negative: errors.into(), set_cookie: SetCookie::Strip, ..policy() };
        assert_eq!(check(&get, &[], 503, &[], &policy), Ok(()));
        assert_eq!(check(&get, &[], 403, &[], &policy), Ok(()));
        assert_eq!(check(&get, &[], 500, &[], &policy), Err(NotStored::Error));
        assert_eq!(check(&get, &[], 503, &[("cache-control", "no-store")], &policy), Err(NotStored::NoStore));
        let understood = [("cache-control", "must-understand, no-store")];
        assert_eq!(check(&get, &[], 403, &understood, &policy), Err(NotStored::NoStore), "kept, but not understood");
        assert_eq!(check(&get, &[], 200, &[("set-cookie", "a=b")], &policy), Ok(()));
    }
}
