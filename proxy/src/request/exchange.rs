//! What kind of exchange a request begins: most are answered and over; some stay open, and are silent for long.
//!
//! Only on a route with `streams` does it matter what a client asks for. Anywhere else each request is an
//! [`Exchange::Answer`], with the cache and the time limits of the route: one header field would be enough to pass by the
//! cache and hold a place in the pool for minutes.

use http::{HeaderMap, StatusCode, Version, header};

/// What a client asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// One answer, sent as fast as it goes.
    #[default]
    Answer,
    /// Both sides speak when they like (RFC 6455).
    WebSocket,
    /// Events for as long as there are any; browsers ask for them in just these words (HTML s9.2).
    Events,
    /// A call, whose messages may be far between.
    Grpc,
}

impl Exchange {
    /// What this request asks for, on a route that lets it.
    pub(crate) fn of(version: Version, headers: &HeaderMap) -> Self {
        let is = |name, wanted: fn(&[u8]) -> bool| headers.get(name).is_some_and(|value| wanted(value.as_bytes()));
        // The same that Pingora looks at before it passes an upgrade on.
        if version == Version::HTTP_11 && is(header::UPGRADE, |value| value.eq_ignore_ascii_case(b"websocket")) {
            Self::WebSocket
        } else if is(header::CONTENT_TYPE, |value| value.starts_with(b"application/grpc")) {
            Self::Grpc
        } else if is(header::ACCEPT, |value| value.eq_ignore_ascii_case(b"text/event-stream")) {
            Self::Events
        } else {
            Self::Answer
        }
    }

    /// What it is called; `None` for what is answered and over.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Answer => None,
            Self::WebSocket => Some("WebSocket"),
            Self::Events => Some("server-sent events"),
            Self::Grpc => Some("gRPC"),
        }
    }

    /// Whether it stays open when the answer's header is there.
    pub(crate) fn stays_open(self) -> bool {
        self != Self::Answer
    }
}

/// Whether the edge itself passes an interim answer on. Pingora passes it on together with what arrived behind it, and so
/// loses it where the final answer goes to the cache first; what it passes on by all means is left to it.
pub(crate) fn is_ours_to_pass_on(interim: StatusCode, client: Version, headers: &HeaderMap) -> bool {
    let expected = interim == StatusCode::CONTINUE && headers.contains_key(header::EXPECT);
    match client {
        // RFC 9110 s15.2: never to a client of HTTP/1.0.
        Version::HTTP_09 | Version::HTTP_10 => false,
        Version::HTTP_11 => !expected,
        _ => true,
    }
}

/// Whether this is the answer, and not the announcement of one.
pub(crate) fn is_final(status: StatusCode) -> bool {
    !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn what_stays_open_is_told_by_the_request() {
        for (name, value, expected) in [
            (header::UPGRADE, "WebSocket", Exchange::WebSocket),
            (header::UPGRADE, "h2c", Exchange::Answer),
            (header::CONTENT_TYPE, "application/grpc+proto", Exchange::Grpc),
            (header::CONTENT_TYPE, "application/json", Exchange::Answer),
            (header::ACCEPT, "text/event-stream", Exchange::Events),
            (header::ACCEPT, "text/html,*/*", Exchange::Answer),
        ] {
            assert_eq!(Exchange::of(Version::HTTP_11, &headers(name, value)), expected, "{value}");
        }
        let over_http2 = Exchange::of(Version::HTTP_2, &headers(header::UPGRADE, "websocket"));
        assert_eq!(over_http2, Exchange::Answer, "HTTP/2 has no such field");
    }

    #[test]
    fn an_interim_answer_is_passed_on_by_one_alone() {
        let (none, expects) = (HeaderMap::new(), headers(header::EXPECT, "100-continue"));
        let ours = |status, client, headers| is_ours_to_pass_on(StatusCode::from_u16(status).unwrap(), client, headers);
        assert!(ours(103, Version::HTTP_11, &none) && ours(103, Version::HTTP_2, &expects));
        assert!(ours(100, Version::HTTP_11, &none) && !ours(100, Version::HTTP_11, &expects));
        assert!(ours(100, Version::HTTP_2, &expects), "to HTTP/2 Pingora passes nothing on");
        assert!(!ours(103, Version::HTTP_10, &none));
    }
}
