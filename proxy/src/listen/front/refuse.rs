//! The answer to what is no request: written by the front loop itself, counted and logged like any other refusal.

use std::time::Instant;

use bytes::{BufMut, BytesMut};
use http::{Version, header};
use memchr::memchr;
use pingora::http::ResponseHeader;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Front, head};
use crate::{
    clock,
    request::{
        record::{self, Unread},
        refusal::Refusal,
        respond,
    },
};

impl<S> Front<'_, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Answers with a refusal, after which the connection is closed.
    pub(super) async fn refuse(&self, refusal: Refusal, since: Instant) {
        let edge = &self.worker.edge;
        let id = format!("{:032x}", rand::random::<u128>());
        let arrived = std::mem::take(&mut self.exchange.lock().arrived);
        let Ok((header, body)) = respond::refusal(&refusal, accept(&arrived), &id, rand::random()) else { return };
        let line = Beginning::of(&arrived);
        let body = if line.method == Some("HEAD") { &[][..] } else { &body };
        let answer = answer(header, body);
        let sent = {
            self.exchange.lock().transport.hold(&answer);
            std::future::poll_fn(|cx| self.exchange.lock().poll_send(cx)).await
        };
        record::record_unread(
            &edge.metrics,
            &edge.published.load().access_log,
            &Unread {
                id: &id,
                listener: &self.connection.listener.model.name,
                client: self.connection.client.ip(),
                tls: self.connection.tls.as_ref(),
                version: line.version,
                method: line.method,
                target: line.target,
                refusal: &refusal,
                bytes: body.len(),
                error: sent.err(),
                at: clock::wall(),
                took: clock::instant().saturating_duration_since(since),
            },
        );
    }
}

/// The bytes of an answer that closes the connection.
fn answer(mut header: ResponseHeader, body: &[u8]) -> BytesMut {
    let date = httpdate::fmt_http_date(clock::wall());
    for (name, value) in [(header::DATE, date.as_str()), (header::CONNECTION, "close")] {
        header.insert_header(name, value).ok(); // both are valid
    }
    let mut bytes = BytesMut::with_capacity(512 + body.len());
    bytes.put_slice(b"HTTP/1.1 ");
    bytes.put_slice(header.status.as_str().as_bytes());
    bytes.put_u8(b' ');
    bytes.put_slice(header.get_reason_phrase().unwrap_or_default().as_bytes());
    bytes.put_slice(b"\r\n");
    header.header_to_h1_wire(&mut bytes);
    bytes.put_slice(b"\r\n");
    bytes.put_slice(body);
    bytes
}

/// What the client would like to have, as far as a broken head says so: it chooses a page or a line of text.
fn accept(arrived: &[u8]) -> Option<&[u8]> {
    let lines = arrived.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let field = |line| head::split_field(line).ok().filter(|(name, _)| name.eq_ignore_ascii_case(b"accept"));
    lines.take_while(|line| !line.is_empty()).find_map(field).map(|(_, value)| value)
}

/// The first line, as far as it can be told.
#[derive(Debug, PartialEq, Eq)]
struct Beginning<'a> {
    method: Option<&'a str>,
    target: Option<&'a str>,
    version: Version,
}

impl<'a> Beginning<'a> {
    fn of(arrived: &'a [u8]) -> Self {
        let line = arrived.trim_ascii_start();
        let line = &line[..memchr(b'\r', line).unwrap_or(line.len())];
        let mut words = line.split(|byte| *byte == b' ').map(|word| str::from_utf8(word).ok());
        let method = words.next().flatten().filter(|word| !word.is_empty() && word.bytes().all(head::is_token));
        let target = words.next().flatten().filter(|_| method.is_some());
        let version = match words.next().flatten() {
            Some("HTTP/1.0") => Version::HTTP_10,
            Some("HTTP/2.0") => Version::HTTP_2,
            _ => Version::HTTP_11,
        };
        Self { method, target, version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_closes_the_connection() {
        let (header, body) = respond::refusal(&Refusal::UnsupportedVersion, None, "id7", 0).unwrap();
        let text = String::from_utf8(answer(header, &body).to_vec()).unwrap();
        assert!(text.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\n"), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.contains("\r\nconnection: close") && head.contains("\r\ndate: "), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
    }

    #[test]
    fn as_much_is_told_as_there_is() {
        let (old, now) = (Version::HTTP_10, Version::HTTP_11);
        for (arrived, method, target, version) in [
            (&b"GET /a b HTTP/1.1\r\nHost: a\r\n"[..], Some("GET"), Some("/a"), now),
            (b"\r\nHEAD /a", Some("HEAD"), Some("/a"), now),
            (b"GET /a HTTP/1.0\r\n", Some("GET"), Some("/a"), old),
            (b"PRI * HTTP/2.0\r\n", Some("PRI"), Some("*"), Version::HTTP_2),
            (b"\x16\x03\x01 x y", None, None, now),
            (b"GET \xff HTTP/1.1", Some("GET"), None, now),
            (b"", None, None, now),
        ] {
            assert_eq!(Beginning::of(arrived), Beginning { method, target, version }, "{arrived:?}");
        }
        assert_eq!(
            accept(b"GET / HTTP/1.1\nHost: a\naccept: text/html \r\n\r\nAccept: x\r\n"),
            Some(&b"text/html"[..])
        );
        assert_eq!(accept(b"GET / HTTP/1.1\r\n\r\nAccept: x\r\n"), None);
    }
}
