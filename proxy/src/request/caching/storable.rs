//! Whether an answer may be kept at all (RFC 9111 s3).

use http::{HeaderMap, Method, StatusCode, header};

use super::directives::Directives;

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
}

impl NotStored {
    /// Whether the next request for the same key is likely to fare better: then it is not worth remembering that this
    /// one was not kept.
    pub(crate) fn is_passing(label: &str) -> bool {
        [Self::Method, Self::Error, Self::Authorization].iter().any(|reason| reason.label() == label)
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
        }
    }
}

/// Statuses that are final and whose meaning lies in the message itself (RFC 9110 s15.1), and redirects with a stated
/// lifetime. 206 and 304 are parts of something else and are not among them.
const STATUSES: [u16; 13] = [200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 501];

/// Says whether an answer to a request may be kept.
pub(crate) fn storable(
    method: &Method,
    request: &HeaderMap,
    status: StatusCode,
    response: &HeaderMap,
    directives: &Directives,
) -> Result<(), NotStored> {
    if *method != Method::GET && *method != Method::HEAD {
        return Err(NotStored::Method);
    }
    if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
        return Err(NotStored::Error);
    }
    if !STATUSES.contains(&status.as_u16()) {
        return Err(NotStored::Status);
    }
    if directives.no_store {
        return Err(NotStored::NoStore);
    }
    if directives.private {
        return Err(NotStored::Private);
    }
    let shareable = directives.public || directives.s_maxage.is_some() || directives.must_revalidate;
    if request.contains_key(header::AUTHORIZATION) && !shareable {
        return Err(NotStored::Authorization);
    }
    if response.contains_key(header::SET_COOKIE) {
        return Err(NotStored::SetCookie);
    }
    let varies_on_anything = response
        .get_all(header::VARY)
        .iter()
        .any(|v| v.as_bytes().split(|&b| b == b',').any(|n| n.trim_ascii() == b"*"));
    if varies_on_anything {
        return Err(NotStored::VaryAny);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    fn check(
        method: Method,
        request: &[(&'static str, &'static str)],
        status: u16,
        response: &[(&'static str, &'static str)],
    ) -> Result<(), NotStored> {
        let response = headers(response);
        let directives = Directives::of_response(&response);
        storable(&method, &headers(request), StatusCode::from_u16(status).unwrap(), &response, &directives)
    }

    #[test]
    fn table() {
        let get = Method::GET;
        let auth = [("authorization", "Basic x")];
        for (request, status, response, expected) in [
            (&[][..], 200, &[][..], Ok(())),
            (&[], 404, &[], Ok(())),
            (&[], 206, &[], Err(NotStored::Status)),
            (&[], 500, &[], Err(NotStored::Error)),
            (&[], 200, &[("cache-control", "no-store, max-age=60")], Err(NotStored::NoStore)),
            (&[], 200, &[("cache-control", "private")], Err(NotStored::Private)),
            (&[], 200, &[("cache-control", "private=\"x\"")], Err(NotStored::Private)),
            (&[], 200, &[("set-cookie", "a=b"), ("cache-control", "public, max-age=60")], Err(NotStored::SetCookie)),
            (&[], 200, &[("vary", "accept, *")], Err(NotStored::VaryAny)),
            (&[], 200, &[("vary", "accept")], Ok(())),
            (&auth, 200, &[("cache-control", "max-age=60")], Err(NotStored::Authorization)),
            (&auth, 200, &[("cache-control", "public, max-age=60")], Ok(())),
            (&auth, 200, &[("cache-control", "s-maxage=60")], Ok(())),
            (&auth, 200, &[("cache-control", "must-revalidate, max-age=60")], Ok(())),
            (&auth, 200, &[("cache-control", "proxy-revalidate, max-age=60")], Err(NotStored::Authorization)),
        ] {
            assert_eq!(check(get.clone(), request, status, response), expected, "{request:?} {status} {response:?}");
        }
        assert_eq!(check(Method::POST, &[], 200, &[("cache-control", "max-age=60")]), Err(NotStored::Method));
    }
}
