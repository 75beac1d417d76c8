//! What a 304 of the origin says of a stored answer, and what becomes of its header (RFC 9111 s3.2, s4.3.4).

use http::{HeaderMap, HeaderName, header};
use pingora::http::ResponseHeader;

use super::conditional::is_weakly_equal;

/// Fields that describe the stored body, which a 304 does not replace: the length (s3.2), and how the body is coded, which
/// some servers state wrongly where there is none.
const OF_THE_BODY: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_RANGE, header::TRANSFER_ENCODING];

/// Whether a 304 speaks of the stored answer. It was asked for with that one's validators alone, so a 304 without any
/// means no other; one with another validator must not touch it (s4.3.4). The entity tag decides before the date, and a
/// weak one confirms as well: it names this one, the only one asked about.
pub(crate) fn confirms(stored: &HeaderMap, answer: &HeaderMap) -> bool {
    let both = |name: &HeaderName| stored.get(name).zip(answer.get(name));
    if let Some((stored, told)) = both(&header::ETAG) {
        return is_weakly_equal(stored.as_bytes(), told.as_bytes());
    }
    both(&header::LAST_MODIFIED).is_none_or(|(stored, told)| stored == told)
}

/// The stored header with every field of the 304 in the place of its own (s3.2). A cookie is for the client that asked,
/// and is never put into what is there for all.
pub(crate) fn merged(stored: &ResponseHeader, answer: &HeaderMap) -> pingora::Result<ResponseHeader> {
    let mut merged = stored.clone();
    replace(&mut merged, answer, |name| name != header::SET_COOKIE)?;
    Ok(merged)
}

/// Puts the fields of a 304 into the header of the answer that it confirms, for the client that asked.
pub(crate) fn complete(header: &mut ResponseHeader, answer: &HeaderMap) -> pingora::Result<()> {
    replace(header, answer, |_| true)
}

fn replace(
    header: &mut ResponseHeader,
    answer: &HeaderMap,
    takes: impl Fn(&HeaderName) -> bool,
) -> pingora::Result<()> {
    for name in answer.keys().filter(|name| !OF_THE_BODY.contains(name) && takes(name)) {
        header.remove_header(name);
        for value in answer.get_all(name) {
            header.append_header(name, value.clone())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    type Fields = &'static [(&'static str, &'static str)];

    fn headers(fields: Fields) -> HeaderMap {
        fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn another_validator_is_of_another_answer() {
        let both: Fields = &[("etag", "\"1\""), ("last-modified", "a")];
        for (stored, answer, expected) in [
            (both, &[][..], true),
            (both, &[("etag", "\"1\"")], true),
            (both, &[("etag", "W/\"1\"")], true),
            (both, &[("etag", "\"2\"")], false),
            (both, &[("etag", "\"1\""), ("last-modified", "b")], true),
            (both, &[("last-modified", "a")], true),
            (both, &[("last-modified", "b")], false),
            (&[("last-modified", "a")], &[("etag", "\"1\""), ("last-modified", "a")], true),
            (&[("last-modified", "a")], &[("etag", "\"1\"")], true),
        ] {
            assert_eq!(confirms(&headers(stored), &headers(answer)), expected, "{stored:?} {answer:?}");
        }
    }

    #[test]
    fn the_header_is_replaced_field_by_field_and_whole() {
        let mut stored = ResponseHeader::build(200, None).unwrap();
        for (name, value) in
            [("x-a", "1"), ("x-a", "2"), ("x-b", "1"), ("content-length", "5"), ("content-encoding", "gzip")]
        {
            stored.append_header(name, value).unwrap();
        }
        let told = headers(&[
            ("x-a", "3"),
            ("x-c", "4"),
            ("content-length", "0"),
            ("content-encoding", "identity"),
            ("set-cookie", "sid=1"),
        ]);
        let merged = merged(&stored, &told).unwrap();
        let mut lines: Vec<_> = merged.headers.iter().map(|(k, v)| format!("{k}: {}", v.to_str().unwrap())).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["content-encoding: gzip", "content-length: 5", "x-a: 3", "x-b: 1", "x-c: 4"]);
    }
}
