//! Conditions on what the client has already (RFC 9110 s13, RFC 9111 s4.3.2), evaluated on a stored answer.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Method, StatusCode, header};

/// Whether a request carries conditions that are for the origin alone: a cache does not evaluate `If-Match` and
/// `If-Unmodified-Since` (RFC 9111 s4.3.2), and does not take them away either.
pub(crate) fn is_for_the_origin(request: &HeaderMap) -> bool {
    request.contains_key(header::IF_MATCH) || request.contains_key(header::IF_UNMODIFIED_SINCE)
}

/// Whether the client has the stored answer already, and is told so with a 304. `received` is when the answer came, for
/// one that says nothing of its date.
pub(crate) fn is_not_modified(
    method: &Method,
    request: &HeaderMap,
    status: StatusCode,
    stored: &HeaderMap,
    received: SystemTime,
) -> bool {
    // RFC 9110 s13.2.1: conditions count only where the answer without them would be a success.
    if !status.is_success() || !(method == Method::GET || method == Method::HEAD) {
        return false;
    }
    if request.contains_key(header::IF_NONE_MATCH) {
        // s13.1.3: If-Modified-Since does not count beside it.
        let etag = stored.get(header::ETAG).map(|etag| etag.as_bytes());
        let lines = request.get_all(header::IF_NONE_MATCH).iter();
        return lines.flat_map(|line| tags(line.as_bytes())).any(|tag| match etag {
            _ if tag == b"*" => true,
            Some(etag) => is_weakly_equal(tag, etag),
            None => false,
        });
    }
    let Some(since) = single_date(request, &header::IF_MODIFIED_SINCE) else { return false };
    // RFC 9111 s4.3.2: without Last-Modified, the date of the answer.
    let changed = date(stored, &header::LAST_MODIFIED).or_else(|| date(stored, &header::DATE)).unwrap_or(received);
    changed <= since
}

/// Whether the part that a client asks for is a part of what it has: the one condition that compares strongly
/// (RFC 9110 s13.1.5). True where there is no such condition.
pub(crate) fn if_range_holds(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let mut conditions = request.get_all(header::IF_RANGE).iter();
    let Some(condition) = conditions.next() else { return true };
    if conditions.next().is_some() {
        return false;
    }
    let condition = condition.as_bytes();
    if condition.starts_with(b"\"") || condition.starts_with(b"W/") {
        return stored.get(header::ETAG).is_some_and(|etag| is_strongly_equal(condition, etag.as_bytes()));
    }
    // s8.8.2.2: a date is strong if the answer came at least a second after it, or it could have changed within it.
    let (modified, dated) = (date(stored, &header::LAST_MODIFIED), date(stored, &header::DATE));
    let strong = modified.zip(dated).is_some_and(|(modified, dated)| modified + Duration::from_secs(1) <= dated);
    strong && stored.get(header::LAST_MODIFIED).is_some_and(|modified| modified.as_bytes() == condition)
}

/// RFC 9110 s8.8.3.2: the same, and neither is weak.
pub(crate) fn is_strongly_equal(one: &[u8], other: &[u8]) -> bool {
    one == other && !one.starts_with(b"W/")
}

/// RFC 9110 s8.8.3.2: the same but for `W/`.
pub(crate) fn is_weakly_equal(one: &[u8], other: &[u8]) -> bool {
    one.strip_prefix(b"W/").unwrap_or(one) == other.strip_prefix(b"W/").unwrap_or(other)
}

/// The entity tags of a list. A comma may be part of one, and a quote may not.
fn tags(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        rest = &rest[start..];
        let quoted = rest.strip_prefix(b"W/").unwrap_or(rest).strip_prefix(b"\"");
        let end = match quoted {
            Some(opaque) => {
                let before = rest.len() - opaque.len();
                opaque.iter().position(|&byte| byte == b'"').map_or(rest.len(), |at| before + at + 1)
            }
            // No tag of the RFC's, but origins that send such get them back.
            None => rest.iter().position(|&byte| byte == b',').unwrap_or(rest.len()),
        };
        let (tag, after) = rest.split_at(end);
        rest = after;
        Some(tag.trim_ascii_end())
    })
}

/// A date that a field gives; `None` if there is none that can be read.
pub(crate) fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// The same of a field that a client sent, which does not count if it came twice (RFC 9110 s13.1.3).
fn single_date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let single = headers.get_all(name).iter().nth(1).is_none();
    date(headers, name).filter(|_| single)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const MONDAY: &str = "Mon, 07 Jul 2025 12:00:00 GMT";
    const SECOND_AFTER: &str = "Mon, 07 Jul 2025 12:00:01 GMT";
    const TUESDAY: &str = "Tue, 08 Jul 2025 12:00:00 GMT";

    type Fields = &'static [(&'static str, &'static str)];

    fn headers(fields: Fields) -> HeaderMap {
        fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn what_the_client_has() {
        let received = httpdate::parse_http_date(MONDAY).unwrap();
        let strong: Fields = &[("etag", "\"a,b\"")];
        for (request, stored, expected) in [
            (&[][..], strong, false),
            (&[("if-none-match", "\"a,b\"")], strong, true),
            (&[("if-none-match", "W/\"a,b\"")], strong, true),
            (&[("if-none-match", "\"x\" , \"a,b\"")], strong, true),
            (&[("if-none-match", "\"x\""), ("if-none-match", "\"a,b\"")], strong, true),
            (&[("if-none-match", "\"a\", \"b\"")], strong, false),
            (&[("if-none-match", "\"x,\"a,b\"")], strong, false),
            (&[("if-none-match", "*")], strong, true),
            (&[("if-none-match", "*")], &[], true),
            (&[("if-none-match", "\"a\"")], &[], false),
            (&[("if-none-match", "bare")], &[("etag", "bare")], true),
            (&[("if-none-match", "\"x\""), ("if-modified-since", TUESDAY)], &[("last-modified", MONDAY)], false),
            (&[("if-modified-since", MONDAY)], &[("last-modified", MONDAY)], true),
            (&[("if-modified-since", TUESDAY)], &[("last-modified", MONDAY)], true),
            (&[("if-modified-since", MONDAY)], &[("last-modified", TUESDAY)], false),
            (&[("if-modified-since", MONDAY)], &[("date", TUESDAY)], false),
            (&[("if-modified-since", TUESDAY)], &[("date", TUESDAY)], true),
            (&[("if-modified-since", MONDAY)], &[], true),
            (&[("if-modified-since", "yesterday")], &[("last-modified", MONDAY)], false),
            (&[("if-modified-since", MONDAY), ("if-modified-since", MONDAY)], &[("last-modified", MONDAY)], false),
        ] {
            let unmodified =
                is_not_modified(&Method::GET, &headers(request), StatusCode::OK, &headers(stored), received);
            assert_eq!(unmodified, expected, "{request:?} {stored:?}");
        }
        let request = headers(&[("if-none-match", "*")]);
        let of = |method, status| is_not_modified(&method, &request, status, &headers(strong), received);
        assert!(of(Method::HEAD, StatusCode::OK) && of(Method::GET, StatusCode::NO_CONTENT));
        assert!(!of(Method::POST, StatusCode::OK) && !of(Method::GET, StatusCode::NOT_FOUND));
    }

    #[test]
    fn a_part_is_of_exactly_what_the_client_has() {
        let dated: Fields = &[("last-modified", MONDAY), ("date", SECOND_AFTER)];
        for (request, stored, expected) in [
            (&[][..], &[][..], true),
            (&[("if-range", "\"a\"")], &[("etag", "\"a\"")], true),
            (&[("if-range", "\"b\"")], &[("etag", "\"a\"")], false),
            (&[("if-range", "\"a\"")], &[], false),
            (&[("if-range", "W/\"a\"")], &[("etag", "W/\"a\"")], false),
            (&[("if-range", "\"a\"")], &[("etag", "W/\"a\"")], false),
            (&[("if-range", MONDAY)], dated, true),
            (&[("if-range", SECOND_AFTER)], dated, false),
            (&[("if-range", MONDAY)], &[("last-modified", MONDAY), ("date", MONDAY)], false),
            (&[("if-range", MONDAY)], &[("last-modified", MONDAY)], false),
            (&[("if-range", "\"a\""), ("if-range", "\"a\"")], &[("etag", "\"a\"")], false),
        ] {
            assert_eq!(if_range_holds(&headers(request), &headers(stored)), expected, "{request:?} {stored:?}");
        }
    }

    #[test]
    fn conditions_of_writers_are_the_origins() {
        assert!(is_for_the_origin(&headers(&[("if-match", "*")])));
        assert!(is_for_the_origin(&headers(&[("if-unmodified-since", MONDAY)])));
        assert!(!is_for_the_origin(&headers(&[("if-none-match", "*"), ("if-modified-since", MONDAY)])));
    }
}
