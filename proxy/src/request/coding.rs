//! Compression of stored answers: which coding a client gets, which answers are worth it, and what it changes in their
//! header (RFC 9110 s8.4, s12.5.3).
//!
//! An answer is stored as it came, and a client that takes a coding gets that as soon as it is made: in the background,
//! once, when the first such client asks. Nobody waits for it, and what is still on its way from the origin goes out as it
//! comes. The origin is asked for no coding where the edge compresses, so that there is one answer to store.

use config::model::Coding;
use http::{HeaderMap, HeaderValue, header};
use pingora::http::ResponseHeader;

pub(crate) mod accept;
pub(crate) mod compress;
pub(crate) mod serve;

/// Shorter bodies gain nothing: a header and the answer's own fit into one packet either way.
const LENGTH_MIN: u64 = 1024;
/// Longer ones would hold a thread for seconds.
const LENGTH_MAX: u64 = 32 << 20;

/// Types that compress well beside `text/*`, `+json`, `+xml` and `+text`. Pictures, films and most fonts are compressed
/// already.
const TYPES: [&str; 16] = [
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/xhtml+xml",
    "application/xml",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/svg+xml",
    "image/vnd.microsoft.icon",
    "image/x-icon",
];

/// The number that the store knows a coding by.
pub(crate) fn number(coding: Coding) -> usize {
    match coding {
        Coding::Zstd => 0,
        Coding::Brotli => 1,
        Coding::Gzip => 2,
    }
}

/// Whether a stored answer may go out compressed, and should: then it differs by what the client accepts.
pub(crate) fn is_compressible(response: &ResponseHeader) -> bool {
    let fields = &response.headers;
    let length = fields.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    response.status == http::StatusCode::OK
        && length.is_none_or(|length| (LENGTH_MIN..=LENGTH_MAX).contains(&length))
        && !fields.contains_key(header::CONTENT_ENCODING)
        && !fields.contains_key(header::CONTENT_RANGE)
        && !is_not_to_be_transformed(fields)
        && fields.get(header::CONTENT_TYPE).is_some_and(|kind| compresses_well(kind.as_bytes()))
}

/// Whether so long a body is worth it, where the header did not say how long it is.
pub(crate) fn is_worth_it(length: u64) -> bool {
    (LENGTH_MIN..=LENGTH_MAX).contains(&length)
}

/// RFC 9111 s5.2.2.6.
pub(crate) fn is_not_to_be_transformed(fields: &HeaderMap) -> bool {
    let lines = fields.get_all(header::CACHE_CONTROL).iter();
    let mut members = lines.flat_map(|line| line.as_bytes().split(|&b| b == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

fn compresses_well(kind: &[u8]) -> bool {
    let end = kind.iter().position(|&b| b == b';').unwrap_or(kind.len());
    let Ok(kind) = str::from_utf8(kind[..end].trim_ascii()) else { return false };
    let is = |known: &str| kind.eq_ignore_ascii_case(known);
    let begins = |prefix: &str| kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let suffix = kind.rsplit_once('+').map(|(_, suffix)| suffix);
    let of_text = suffix.is_some_and(|suffix| ["json", "xml", "text"].iter().any(|s| suffix.eq_ignore_ascii_case(s)));
    begins("text/") || of_text || TYPES.into_iter().any(is)
}

/// Says in an answer that it differs by what the client accepts, in whatever form it goes out (RFC 9110 s12.5.5).
pub(crate) fn tell_variance(response: &mut ResponseHeader) -> pingora::Result<()> {
    let names = response.headers.get_all(header::VARY).iter().flat_map(|line| line.as_bytes().split(|&b| b == b','));
    let said = |name: &[u8]| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding");
    let told = names.map(<[u8]>::trim_ascii).any(said);
    if told { Ok(()) } else { response.append_header(header::VARY, "accept-encoding").map(drop) }
}

/// Makes the header of an answer that of its form in a coding, of so many bytes.
///
/// The entity tag becomes a weak one: the forms are not the same byte for byte, and yet confirm each other (RFC 9110
/// s8.8.1). So what a client has of one form can be confirmed whatever form it would get now, and the origin, which never
/// saw the coded form, confirms it too.
pub(crate) fn describe(response: &mut ResponseHeader, coding: Coding, length: u64) -> pingora::Result<()> {
    if response.status != http::StatusCode::NOT_MODIFIED {
        response.insert_header(header::CONTENT_ENCODING, coding.token())?;
        response.insert_header(header::CONTENT_LENGTH, length)?;
    }
    if let Some(weak) = response.headers.get(header::ETAG).and_then(weakened) {
        response.insert_header(header::ETAG, weak)?;
    }
    // Ranges are of the answer as it came; these say what only that is (RFC 9530).
    for name in ["accept-ranges", "content-digest", "repr-digest", "digest", "content-md5"] {
        response.remove_header(name);
    }
    Ok(())
}

fn weakened(tag: &HeaderValue) -> Option<HeaderValue> {
    let tag = tag.as_bytes();
    if tag.starts_with(b"W/") { None } else { HeaderValue::from_bytes(&[b"W/", tag].concat()).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[(&'static str, &'static str)]) -> ResponseHeader {
        let mut answer = ResponseHeader::build(200, None).unwrap();
        for (name, value) in fields {
            answer.append_header(*name, *value).unwrap();
        }
        answer
    }

    #[test]
    fn text_of_some_length_is_compressed() {
        for kind in
            ["text/html; charset=utf-8", "TEXT/css", "application/json", "application/vnd.x+JSON", "image/svg+xml"]
        {
            assert!(is_compressible(&answer(&[("content-type", kind)])), "{kind}");
        }
        for kind in
            ["image/png", "application/octet-stream", "font/woff2", "video/mp4", "", "textual/x", "application/zip"]
        {
            assert!(!is_compressible(&answer(&[("content-type", kind)])), "{kind}");
        }
        let text = ("content-type", "text/html");
        assert!(!is_compressible(&answer(&[])), "nobody says what it is");
        assert!(is_compressible(&answer(&[text, ("content-length", "1024")])));
        for unfit in [
            ("content-length", "1023"),
            ("content-length", "33554433"),
            ("content-encoding", "br"),
            ("cache-control", "public, No-Transform"),
            ("content-range", "bytes 0-1/2"),
        ] {
            assert!(!is_compressible(&answer(&[text, unfit])), "{unfit:?}");
        }
        let mut gone = answer(&[text]);
        gone.set_status(404).unwrap();
        assert!(!is_compressible(&gone));
    }

    #[test]
    fn a_coded_form_says_what_it_is_and_confirms_the_others() {
        let mut coded =
            answer(&[("etag", "\"1\""), ("content-length", "5000"), ("repr-digest", "x"), ("accept-ranges", "bytes")]);
        describe(&mut coded, Coding::Brotli, 700).unwrap();
        let field = |name: &str| coded.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(field("etag").as_deref(), Some("W/\"1\""));
        assert_eq!(field("content-encoding").as_deref(), Some("br"));
        assert_eq!(field("content-length").as_deref(), Some("700"));
        assert_eq!((field("repr-digest"), field("accept-ranges")), (None, None));
        let mut weak = answer(&[("etag", "W/\"1\"")]);
        describe(&mut weak, Coding::Gzip, 1).unwrap();
        assert_eq!(weak.headers["etag"], "W/\"1\"");
    }

    #[test]
    fn a_confirmation_has_no_coding_of_its_own() {
        let mut confirmed = answer(&[("etag", "\"1\"")]);
        confirmed.set_status(304).unwrap();
        describe(&mut confirmed, Coding::Zstd, 700).unwrap();
        assert!(
            !confirmed.headers.contains_key("content-encoding") && !confirmed.headers.contains_key("content-length")
        );
        assert_eq!(confirmed.headers["etag"], "W/\"1\"");
    }

    #[test]
    fn what_differs_by_the_coding_says_so_once() {
        for (before, after) in
            [(None, "accept-encoding"), (Some("Accept-Encoding"), "Accept-Encoding"), (Some("x, *"), "x, *")]
        {
            let mut answer = answer(&[]);
            if let Some(vary) = before {
                answer.insert_header("vary", vary).unwrap();
            }
            tell_variance(&mut answer).unwrap();
            tell_variance(&mut answer).unwrap();
            let lines: Vec<_> = answer.headers.get_all("vary").iter().collect();
            assert_eq!(lines, [after]);
        }
    }
}
