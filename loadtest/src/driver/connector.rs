//! Opens connections to the target and speaks one exchange over each: TCP, TLS where the target has it, HTTP.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::tls::{self, Tls, TlsError};
use crate::measure::{Failure, Fault};
use crate::target::Target;

/// Longer answers are counted as failed rather than kept in memory.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The version of HTTP that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// As reports write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Protocol::Http1 => "HTTP/1.1",
            Protocol::Http2 => "HTTP/2",
        }
    }
}

/// What is sent: bodies are ready before the request is due.
pub(super) type Body = Full<Bytes>;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An open connection.
pub(super) enum Link {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// Why an exchange brought no answer.
pub(super) enum Broken {
    /// The request never began: it may be sent over another connection.
    NotBegun(Box<Request<Body>>, Fault),
    /// It may have reached the target.
    Begun(Fault),
}

/// Everything needed to open one more connection.
#[derive(Clone)]
pub(crate) struct Connector {
    target: Target,
    /// Where connections go: every address at first, the one that answered later.
    addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    /// `None`: whatever TLS agrees on.
    protocol: Option<Protocol>,
}

impl Connector {
    /// For `target`; `protocol` is `None` to let TLS agree on one (without TLS: HTTP/1.1).
    pub(crate) fn new(target: Target, protocol: Option<Protocol>, ca: Option<&Path>) -> Result<Connector, TlsError> {
        let offers: &[&[u8]] = match protocol {
            None => &[b"h2", b"http/1.1"],
            Some(Protocol::Http1) => &[b"http/1.1"],
            Some(Protocol::Http2) => &[b"h2"],
        };
        let tls = target.tls.then(|| Tls::new(target.host(), ca, offers)).transpose()?;
        let protocol = if tls.is_none() { protocol.or(Some(Protocol::Http1)) } else { protocol };
        Ok(Connector { addresses: target.addresses.clone(), target, tls, protocol })
    }

    /// Connects once, to the first address that takes the connection, and keeps to that address and to the protocol
    /// agreed on from now on.
    pub(super) async fn settle(&mut self) -> Result<(Link, Protocol), Fault> {
        let mut fault = Fault::new(Failure::Connect, "the target has no address");
        for address in self.target.addresses.clone() {
            self.addresses = vec![address];
            match self.open().await {
                Ok(link) => {
                    let protocol = match link {
                        Link::Http1(_) => Protocol::Http1,
                        Link::Http2(_) => Protocol::Http2,
                    };
                    self.protocol = Some(protocol);
                    return Ok((link, protocol));
                }
                // Another address may be listened on; one that answers wrongly is not made better by the next.
                Err(failed) if failed.failure == Failure::Connect => {
                    fault = Fault::new(Failure::Connect, format!("{address}: {}", failed.said));
                }
                Err(failed) => return Err(failed),
            }
        }
        Err(fault)
    }

    /// One more connection.
    pub(super) async fn open(&self) -> Result<Link, Fault> {
        let stream = TcpStream::connect(&self.addresses[..]).await;
        let stream = stream.map_err(|error| Fault::new(Failure::Connect, error.to_string()))?;
        // A request is one write; waiting to fill a segment would be measured as the target's time.
        stream.set_nodelay(true).map_err(|error| Fault::new(Failure::Connect, error.to_string()))?;
        let Some(tls) = &self.tls else {
            return handshake(stream, self.protocol.unwrap_or(Protocol::Http1)).await;
        };
        let stream = tls.connector.connect(tls.server.clone(), stream).await;
        let stream = stream.map_err(|error| Fault::new(Failure::Tls, tls::explain(&error)))?;
        let agreed = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        match self.protocol {
            Some(asked) if asked != agreed => {
                Err(Fault::new(Failure::Tls, format!("the target did not agree to speak {}", asked.name())))
            }
            _ => handshake(stream, agreed).await,
        }
    }

    /// A request without its own headers; `path` begins with `/`.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<Request<Body>, Fault> {
        let refuse = |error: &dyn std::error::Error| Fault::from_error(Failure::Request, error);
        if !path.starts_with('/') {
            return Err(Fault::new(Failure::Request, format!("path \"{path}\" does not begin with \"/\"")));
        }
        let authority = self.target.authority.as_str();
        // HTTP/2 takes scheme and authority from the URI, HTTP/1.1 wants a path and a Host header.
        let absolute = self.protocol == Some(Protocol::Http2);
        let uri = if absolute { format!("{}://{authority}{path}", self.target.scheme()) } else { path.to_owned() };
        let uri: Uri = uri.parse().map_err(|error| refuse(&error))?;
        let mut request = Request::builder().method(method).uri(uri);
        if !absolute {
            request = request.header(header::HOST, authority);
        }
        request
            .header(header::USER_AGENT, concat!("floodgate-loadtest/", env!("CARGO_PKG_VERSION")))
            .body(Body::default())
            .map_err(|error| refuse(&error))
    }
}

async fn handshake<S>(stream: S, protocol: Protocol) -> Result<Link, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // The connections end with an error when the target breaks them; the exchange under way reports it.
    match protocol {
        Protocol::Http1 => {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| reset(&e))?;
            tokio::spawn(async { connection.await.ok() });
            Ok(Link::Http1(sender))
        }
        Protocol::Http2 => {
            let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
            let (sender, connection) = handshake.await.map_err(|e| reset(&e))?;
            tokio::spawn(async { connection.await.ok() });
            Ok(Link::Http2(sender))
        }
    }
}

impl Link {
    /// Sends `request` and reads the whole answer.
    pub(super) async fn exchange(&mut self, request: Request<Body>) -> Result<Answer, Broken> {
        let sent = match self {
            Link::Http1(sender) => sender.try_send_request(request).await,
            Link::Http2(sender) => sender.try_send_request(request).await,
        };
        let response = sent.map_err(broken)?;
        let (head, body) = response.into_parts();
        match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(body) => Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() }),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Broken::Begun(Fault::new(Failure::Protocol, format!("a body over {BODY_BYTES_MAX} bytes"))))
            }
            Err(error) => Err(Broken::Begun(Fault::from_error(Failure::Reset, &*error))),
        }
    }

    /// Waits until the connection takes a request; false when it never will again.
    pub(super) async fn ready(&mut self) -> bool {
        match self {
            Link::Http1(sender) => sender.ready().await.is_ok(),
            Link::Http2(sender) => sender.ready().await.is_ok(),
        }
    }
}

fn broken(mut error: TrySendError<Request<Body>>) -> Broken {
    let fault = reset(error.error());
    match error.take_message() {
        Some(request) => Broken::NotBegun(Box::new(request), fault),
        None => Broken::Begun(fault),
    }
}

fn reset(error: &hyper::Error) -> Fault {
    Fault::from_error(if error.is_parse() { Failure::Protocol } else { Failure::Reset }, error)
}
