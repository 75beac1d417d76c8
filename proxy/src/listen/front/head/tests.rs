//! Heads that are taken and heads that are refused, however they arrive.

use bytes::BytesMut;
use pingora::protocols::http::ServerSession;
use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { bytes: 1000, fields: 10 };

fn find(bytes: &[u8]) -> Result<Option<Head>, Refusal> {
    Search::default().find(bytes, LIMITS)
}

/// The same, where each byte arrives alone.
fn find_in_bytes(bytes: &[u8]) -> Result<Option<Head>, Refusal> {
    let mut search = Search::default();
    for end in 0..=bytes.len() {
        if let Some(head) = search.find(&bytes[..end], LIMITS)? {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

fn taken(head: &str) -> Head {
    let found = find(head.as_bytes()).unwrap_or_else(|refusal| panic!("{head:?}: {refusal:?}"));
    assert_eq!(find_in_bytes(head.as_bytes()), Ok(found), "{head:?}");
    found.unwrap_or_else(|| panic!("{head:?} is not whole"))
}

#[test]
fn a_head_says_where_its_body_ends() {
    use Framing::{Chunked, Length};
    for (fields, framing, waits) in [
        ("", Length(0), false),
        ("Content-Length: 5\r\n", Length(5), false),
        ("content-length:\t007 \r\n", Length(7), false),
        ("CONTENT-LENGTH: 0\r\nExpect: 100-continue\r\n", Length(0), false),
        ("Content-Length: 5\r\nexpect: 100-Continue\r\n", Length(5), true),
        ("Transfer-Encoding: chunked\r\n", Chunked, false),
        ("transfer-encoding:  Chunked \r\nExpect: 100-continue\r\n", Chunked, true),
        ("Upgrade: websocket\r\nConnection: upgrade\r\n", Length(0), false),
        ("Upgrade: h2c\r\nContent-Length: 0\r\n", Length(0), false),
        ("Content-Length: 9999999999999999999\r\n", Length(9_999_999_999_999_999_999), false),
        ("Empty:\r\nTab: a\tb\r\nBeyond: \u{fc}\r\n", Length(0), false),
    ] {
        let head = format!("POST /a?b HTTP/1.1\r\nHost: shop.example:443\r\n{fields}\r\n");
        let expected = Head { start: 0, end: head.len(), framing, waits_for_continue: waits };
        assert_eq!(taken(&format!("{head}GET /next")), expected, "{fields:?}");
    }
    let old = taken("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert!(!old.waits_for_continue);
}

#[test]
fn targets_and_hosts() {
    for (target, host) in [
        ("/", "a"),
        ("//b/../%2f?x=|{}`", "a.example:8080"),
        ("http://a/b", "a"),
        ("HTTPS://A:443?x", "A:443"),
        ("http://[::1]:80", "[::1]:80"),
    ] {
        taken(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
    for (target, host) in [
        ("http://A/", "a"),
        ("http://a:80/", "a"),
        ("http://a\\b/", "a"),
        ("http:/a", "a"),
        ("https:a", "a"),
        ("*", "a"),
        ("a/b", "a"),
        ("/", "a:"),
        ("/", "[1::2::3]"),
        ("/", "a.example,b.example"),
        ("/", "a\u{fc}"),
        ("/", "a%41"),
        ("/", "[::1]x"),
        ("/", "a:80:90"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert!(matches!(find(head.as_bytes()), Err(Refusal::BadRequest(_))), "{head:?}");
    }
}

#[test]
fn a_few_empty_lines_may_come_first() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for lines in 0..=EMPTY_LINES_MAX {
        let head = taken(&format!("{}{request}", "\r\n".repeat(lines)));
        assert_eq!((head.start, head.end), (2 * lines, 2 * lines + request.len()));
    }
    assert!(find("\r\n".repeat(EMPTY_LINES_MAX + 1).as_bytes()).is_err());
}

#[test]
fn limits_hold_before_the_end_has_come() {
    let fields = |count| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert!(matches!(find(fields(9).as_bytes()), Ok(Some(_))));
    assert_eq!(find(fields(10).as_bytes()), Err(Refusal::HeaderTooLarge));
    let long = |size: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(size - 28));
    assert_eq!((find(long(1000).as_bytes()), find(long(1001).as_bytes())), (Ok(None), Err(Refusal::HeaderTooLarge)));
    // What follows the head counts for nothing.
    let followed = format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{}", "x".repeat(2000));
    assert!(matches!(find(followed.as_bytes()), Ok(Some(_))));
}

#[test]
fn what_never_becomes_a_head_is_refused_at_once() {
    for beginning in ["GET / HTTP/1.1\n", "GET / HTTP/1.1\rH", "\n", "\r\r", "\x16\x03\x01", "GET /\0", "G\x7f"] {
        assert!(matches!(find(beginning.as_bytes()), Err(Refusal::BadRequest(_))), "{beginning:?}");
    }
    let Err(Refusal::BadRequest(hint)) = find(b"\x16\x03\x01") else { panic!("TLS is refused") };
    assert!(hint.contains("TLS"), "{hint}");
}

proptest! {
    #[test]
    fn how_the_bytes_arrive_makes_no_difference(head in "(GET|POST) [/a*]{1,3} HTTP/1.[01]\r\n([HX]:[ a\t]{1,2}\r?\n){0,3}\r\n?.?") {
        let host = head.replacen("H:", "Host:", 1);
        prop_assert_eq!(find(host.as_bytes()), find_in_bytes(host.as_bytes()));
    }

    /// Whatever passes here is a request to Pingora as well, and one that ends in the same place.
    #[test]
    fn pingora_reads_the_same(
        method in "(GET|POST|OPTIONS|M-SEARCH|[!#$%&'*+.^_`|~A-z]{1,8})",
        target in "(/|http://a|HTTP://a/|)[!-~]{0,12}",
        version in "HTTP/1\\.[01]",
        fields in "(([A-Za-z!#$%&'*+.^_`|~-]{1,8}|Content-Length|Transfer-Encoding|Expect|Upgrade):[ \t]?([ -~]{0,8}|[0-9]{1,4}|chunked|100-continue)\r\n){0,6}",
    ) {
        let request = format!("{method} {target} {version}\r\nHost: a\r\n{fields}\r\n");
        let Ok(Some(head)) = find(request.as_bytes()) else { return Ok(()) };
        prop_assert_eq!(head.end, request.len());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (edge, _client) = tokio::io::duplex(64);
        let mut session = ServerSession::new_http1(Box::new(edge));
        session.set_pipelined_prefix(BytesMut::from(request.as_bytes()));
        let read = runtime.block_on(async { session.read_request().await });
        prop_assert!(matches!(read, Ok(true)), "{request:?}: {read:?}");
        let header = session.req_header();
        prop_assert_eq!(header.method.as_str(), method);
        prop_assert_eq!(header.raw_path(), target.as_bytes());
        let chunked = header.headers.contains_key("transfer-encoding");
        let length = header.headers.get("content-length").map_or(0, |value| value.to_str().unwrap().trim().parse().unwrap());
        prop_assert_eq!(head.framing, if chunked { Framing::Chunked } else { Framing::Length(length) });
    }
}
