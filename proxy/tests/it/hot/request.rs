//! Random requests: mostly what browsers send, and here and there what needs more than a look into the cache.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::origin::PATHS;

/// One request, the same for both edges.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) http2: bool,
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) host: &'static str,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: &'static str,
    /// The line of the request says `HTTP/1.0`.
    pub(super) old: bool,
}

/// What each of these fields may say. One in so many requests has one of them.
const FIELDS: [(u32, &str, &[&str]); 21] = [
    (2, "accept-encoding", &["gzip, deflate, br, zstd", "gzip", "identity", "gzip;q=0, br"]),
    (3, "accept-language", &["de-DE,de;q=0.9", "en", "*"]),
    (2, "accept", &["text/html,*/*;q=0.8", "*/*", "text/event-stream"]),
    (8, "if-none-match", &["\"v1\"", "W/\"v1\"", "\"v2\", \"v1\"", "*", "\"v0\"", "v1", ""]),
    (
        12,
        "if-modified-since",
        &["Mon, 02 Nov 2026 08:00:00 GMT", "Tue, 03 Nov 2026 09:00:00 GMT", "Sun, 01 Nov 2026 08:00:00 GMT", "never"],
    ),
    (25, "range", &["bytes=0-3", "bytes=-2", "bytes=2-", "bytes=0-1,3-4", "bytes=9999999-", "lines=1-2"]),
    (60, "if-range", &["\"v1\"", "\"v2\""]),
    (60, "if-match", &["\"v1\"", "\"v2\""]),
    (60, "if-unmodified-since", &["Mon, 02 Nov 2026 08:00:00 GMT"]),
    (15, "cache-control", &["no-cache", "max-age=0", "max-age=99999", "only-if-cached", "no-store", "min-fresh=1"]),
    (60, "pragma", &["no-cache"]),
    (4, "cookie", &["v=origin", "v=other; a=b", "a=b", "v=nobody"]),
    (40, "authorization", &["Basic eDp5"]),
    (20, "x-request-id", &["given-7", "not one"]),
    (20, "traceparent", &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-x"]),
    (20, "x-forwarded-for", &["192.0.2.1", "unknown"]),
    (10, "x-beta", &["1", "2"]),
    (20, "client-cert", &[":YQ==:"]),
    (60, "expect", &["100-continue", "something"]),
    (30, "te", &["trailers"]),
    (5, "sec-fetch-mode", &["navigate", "no-cors"]),
];

/// What only HTTP/1.1 has.
const FIELDS_OF_HTTP1: [(u32, &str, &[&str]); 3] = [
    (15, "connection", &["keep-alive", "Keep-Alive", "close", "keep-alive, x-beta"]),
    (60, "upgrade", &["websocket", "h2c"]),
    (40, "content-length", &["0"]),
];

impl Request {
    pub(super) fn draw(random: &mut StdRng, number: usize) -> Self {
        let one_in = |count: u32, random: &mut StdRng| random.random_ratio(1, count);
        let pick = |from: &[&'static str], random: &mut StdRng| *from.choose(random).unwrap();
        let http2 = random.random();
        let folder = pick(&["c", "c", "c", "ruled", "split", "compressed", "limited", "passed"], random);
        let name = pick(&PATHS, random);
        let mut target = match random.random_range(0..12) {
            0 => format!("/{folder}//./{name}"),
            1 => format!("/{folder}/%{:02x}{}", name.as_bytes()[0], &name[1..]),
            2 => format!("/{folder}/{name}%00"),
            _ => format!("/{folder}/{name}"),
        };
        if one_in(4, random) {
            target += pick(&["?page=1", "?page=2&utm_source=x", "?utm_source=y", "?", "?a=|{}", "?b=2&a=1"], random);
        }
        let host = pick(&["localhost", "localhost", "LOCALHOST", "127.0.0.1", "no host"], random);
        let host = if host == "no host" && !one_in(6, random) { "localhost" } else { host };
        let method = pick(&["GET", "GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "HEAD", "OPTIONS"], random);
        let (method, body) = if one_in(30, random) { ("POST", "body") } else { (method, "") };
        let mut fields = vec![("user-agent", format!("request {number}"))];
        let own: &[_] = if http2 { &[] } else { &FIELDS_OF_HTTP1 };
        for (odds, name, values) in FIELDS.iter().chain(own) {
            if one_in(*odds, random) {
                fields.push((name, pick(values, random).to_owned()));
            }
        }
        if one_in(30, random) {
            fields.push(("cookie", "v=other".to_owned()));
        }
        if one_in(200, random) {
            fields.push(("x-long", "x".repeat(20_000)));
        }
        if !body.is_empty() {
            fields.retain(|(name, _)| !["content-length", "upgrade", "expect"].contains(name));
            fields.push(("content-length", body.len().to_string()));
        }
        Self { http2, method, target, host, fields, body, old: !http2 && one_in(50, random) }
    }

    /// One that every edge answers and logs.
    pub(super) fn last(number: usize) -> Self {
        let fields = vec![("user-agent", format!("request {number}"))];
        let (method, target, host) = ("GET", "/passed/plain".to_owned(), "localhost");
        Self { http2: false, method, target, host, fields, body: "", old: false }
    }

    /// As HTTP/1 has it.
    pub(super) fn text(&self) -> String {
        let version = if self.old { "1.0" } else { "1.1" };
        let fields: String = self.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{} {} HTTP/{version}\r\nHost: {}\r\n{fields}\r\n{}", self.method, self.target, self.host, self.body)
    }
}
