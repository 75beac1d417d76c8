//! How an edge is asked, and what of its answer can be compared.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
};

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::time::timeout;

use super::request::Request;
use crate::{
    http2::client,
    wire::Wire,
    world::{Edge, LONG},
};

/// An answer, field by field as it came.
#[derive(Debug, Default)]
pub(super) struct Answer {
    first: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    closed: bool,
}

/// The same without what is each answer's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    first: String,
    fields: Vec<(String, String)>,
    /// Length, beginning, and a hash of it all: what differs is to be read.
    body: (usize, String, u64),
    closed: bool,
}

impl Answer {
    pub(super) fn is_hit(&self) -> bool {
        self.fields.iter().any(|(name, value)| name.eq_ignore_ascii_case("cache-status") && value.contains("; hit"))
    }

    /// Ids, times, and what counts them down are only there or not. The body of a refusal holds an id.
    pub(super) fn compared(self) -> Compared {
        let refused = self.fields.iter().any(|(name, value)| name == "cache-control" && value == "no-store")
            || self.first.contains(" 4") && !self.first.contains("404")
            || self.first.contains(" 5");
        let fields = self.fields.into_iter().map(|(name, value)| {
            let value = match name.to_ascii_lowercase().as_str() {
                "age" | "retry-after" => value.chars().map(|_| 'n').take(1).collect(),
                "date" if value != "Tue, 03 Nov 2026 08:00:00 GMT" => "now".to_owned(),
                "x-request-id" if !value.contains("given") && value != "mine" => "drawn".to_owned(),
                "cache-status" => value.split("ttl=").next().unwrap_or_default().to_owned(),
                // Each edge has a name of its own.
                "via" => value.split("floodgate-").next().unwrap_or_default().to_owned(),
                "set-cookie" => value.split('=').next().unwrap_or_default().to_owned(),
                "content-length" if refused => "some".to_owned(),
                // The boundary between parts is drawn.
                "content-type" => value.split("boundary=").next().unwrap_or_default().to_owned(),
                _ => value,
            };
            (name, value)
        });
        let fields: Vec<_> = fields.collect();
        let parts = fields.iter().any(|(_, value)| value.starts_with("multipart/"));
        let body = if refused || parts { Vec::new() } else { self.body };
        let mut hash = DefaultHasher::new();
        body.hash(&mut hash);
        let body = (body.len(), String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned(), hash.finish());
        Compared { first: self.first, fields, body, closed: self.closed }
    }
}

/// A client of HTTP/1 that writes what it is told, over one connection as long as that is open.
pub(super) struct Http1 {
    address: SocketAddr,
    wire: Option<Wire>,
}

impl Http1 {
    pub(super) async fn to(edge: &Edge) -> Self {
        let address = edge.address("plain");
        Self { address, wire: Some(Wire::connect(address).await) }
    }

    pub(super) async fn ask(&mut self, request: &Request) -> Answer {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::connect(self.address).await,
        };
        wire.try_send(request.text()).await;
        let mut answer = self::head(&wire.head().await);
        while answer.first.starts_with("HTTP/1.1 1") && !answer.first.contains("101") {
            answer = self::head(&wire.head().await);
        }
        let field = |wanted: &str| {
            let mut values = answer.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            values.next().map(|(_, value)| value.as_str())
        };
        let ends = request.method == "HEAD" || answer.first.contains(" 204") || answer.first.contains(" 304");
        let closes = field("connection") == Some("close");
        answer.body = match (field("content-length"), field("transfer-encoding")) {
            _ if ends => Vec::new(),
            (_, Some(_)) => chunks(&mut wire).await,
            (Some(length), None) => {
                let length = length.parse().unwrap();
                wire.exactly(length).await
            }
            (None, None) => Vec::new(),
        };
        if closes {
            assert_eq!(wire.rest().await, "", "nothing follows a last answer");
        } else {
            self.wire = Some(wire);
        }
        answer.closed = closes;
        answer
    }
}

fn head(text: &str) -> Answer {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let fields =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Answer { first, fields: fields.collect(), ..Answer::default() }
}

async fn chunks(wire: &mut Wire) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let size = wire.until("\r\n").await;
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        body.extend(wire.exactly(size).await);
        wire.until("\r\n").await;
        if size == 0 {
            return body;
        }
    }
}

/// A client of HTTP/2.
pub(super) struct Http2 {
    send: SendRequest<Bytes>,
}

impl Http2 {
    pub(super) async fn to(edge: &Edge) -> Self {
        let (send, _) = client::client(edge, &h2::client::Builder::new()).await;
        Self { send }
    }

    pub(super) async fn ask(&mut self, asked: &Request) -> Answer {
        let Ok(uri) = format!("https://{}{}", asked.host, asked.target).parse::<http::Uri>() else {
            return Answer::default();
        };
        let mut request = http::Request::builder().method(asked.method).uri(uri);
        for (name, value) in &asked.fields {
            request = request.header(*name, value);
        }
        let send = self.send.clone().ready().await;
        let (answer, mut body) = send.unwrap().send_request(request.body(()).unwrap(), asked.body.is_empty()).unwrap();
        if !asked.body.is_empty() {
            body.send_data(Bytes::from_static(asked.body.as_bytes()), true).unwrap();
        }
        match timeout(LONG, answer).await.expect("an answer") {
            Ok(answer) => whole(answer).await,
            Err(error) => Answer { first: format!("{error:?}"), ..Answer::default() },
        }
    }
}

async fn whole(answer: http::Response<h2::RecvStream>) -> Answer {
    let (head, mut stream) = answer.into_parts();
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let fields = head.headers.iter().map(field).collect();
    let mut body = Vec::new();
    while let Some(data) = timeout(LONG, stream.data()).await.expect("the rest of a body") {
        let data = match data {
            Ok(data) => data,
            Err(error) => return Answer { first: format!("h2 {} {error}", head.status), fields, body, closed: false },
        };
        stream.flow_control().release_capacity(data.len()).unwrap();
        body.extend_from_slice(&data);
    }
    Answer { first: format!("h2 {}", head.status), fields, body, closed: false }
}
