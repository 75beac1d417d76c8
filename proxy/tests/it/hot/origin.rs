//! An origin of many kinds of answers, written byte by byte: what an origin's library would put in order is not.

use std::net::SocketAddr;

use crate::wire::RawOrigin;

/// The paths below a route, and what is answered there.
pub(super) const PATHS: [&str; 18] = [
    "plain",
    "undated",
    "chunked",
    "empty",
    "empty-chunked",
    "nothing",
    "missing",
    "moved",
    "by-encoding",
    "by-language",
    "large",
    "confirmed",
    "private",
    "unkept",
    "through-others",
    "odd",
    "aged",
    "old",
];

/// An origin.
pub(super) struct Objects(RawOrigin);

impl Objects {
    pub(super) async fn start(name: &'static str) -> Self {
        let origin = RawOrigin::start(move |mut wire| async move {
            while let Some(head) = wire.next_whole_head().await {
                wire.send(answer(&head, name)).await;
            }
        });
        Self(origin.await)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.address
    }
}

const DATE: &str = "Date: Tue, 03 Nov 2026 08:00:00 GMT\r\n";
const KEPT: &str = "Cache-Control: max-age=6000\r\n";
const TAGS: &str = "ETag: \"v1\"\r\nLast-Modified: Mon, 02 Nov 2026 08:00:00 GMT\r\n";

fn answer(head: &str, name: &str) -> Vec<u8> {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let kind = path.rsplit('/').next().unwrap_or_default();
    let field = |wanted: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
        values.next().unwrap_or_default().to_owned()
    };
    let body = format!("{name} {target}");
    let with = |fields: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
    };
    match kind {
        "plain" => with(&format!("{DATE}{KEPT}{TAGS}"), &body),
        "undated" => with(&format!("{KEPT}{TAGS}"), &body),
        "chunked" => {
            let length = body.len();
            format!(
                "HTTP/1.1 200 OK\r\n{DATE}{KEPT}{TAGS}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            )
        }
        "empty" => with(&format!("{DATE}{KEPT}{TAGS}"), ""),
        "empty-chunked" => {
            format!("HTTP/1.1 200 OK\r\n{DATE}{KEPT}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        }
        "nothing" => format!("HTTP/1.1 204 No Content\r\n{DATE}{KEPT}{TAGS}\r\n"),
        "missing" => format!("HTTP/1.1 404 Gone Fishing\r\n{DATE}{KEPT}{TAGS}Content-Length: 4\r\n\r\nnone"),
        "moved" => {
            format!("HTTP/1.1 301 Moved Permanently\r\n{KEPT}Location: /c/plain\r\nContent-Length: 0\r\n\r\n")
        }
        "by-encoding" => {
            let coding = field("accept-encoding");
            with(&format!("{DATE}{KEPT}{TAGS}Vary: Accept-Encoding\r\n"), &format!("{body} {coding}"))
        }
        "by-language" => {
            let language = field("accept-language");
            let vary = "Vary: accept-language, X-None\r\n";
            with(&format!("{DATE}{KEPT}{vary}ETag: W/\"{language}\"\r\n"), &format!("{body} {language}"))
        }
        "large" => with(&format!("{KEPT}{TAGS}"), &body.repeat(200_000 / body.len())),
        "confirmed" if field("if-none-match") == "\"v1\"" => {
            format!("HTTP/1.1 304 Not Modified\r\n{DATE}Cache-Control: max-age=0\r\nETag: \"v1\"\r\n\r\n")
        }
        "confirmed" => with(&format!("{DATE}Cache-Control: max-age=0\r\n{TAGS}"), &body),
        "private" => with("Cache-Control: private, max-age=60\r\nSet-Cookie: sid=1\r\n", &body),
        "unkept" => with(DATE, &body),
        "through-others" => with(
            &format!("{DATE}{KEPT}{TAGS}Via: 1.1 a\r\nCache-Status: a; hit\r\nCache-Status: b; fwd=miss\r\nX-Request-Id: theirs\r\n"),
            &body,
        ),
        "odd" => with(
            &format!("{DATE}{KEPT}X-Odd: \u{e9}\r\nX-Odd: 2\r\nx-ODD-case: a  b\r\nKeep-Alive: timeout=5\r\nLink: <a>\r\nLink: <b>\r\n"),
            &body,
        ),
        "aged" => with(&format!("{KEPT}{TAGS}Age: 1000\r\n"), &body),
        "old" => with(&format!("{DATE}Cache-Control: max-age=60\r\nAge: 100\r\n{TAGS}"), &body),
        _ => with("Cache-Control: no-store\r\n", &body),
    }
    .into_bytes()
}
