//! Clients that go on whatever happens to the edge, and count what they meet.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use h2::{RecvStream, SendStream, client::SendRequest};
use http::{HeaderMap, Request};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;

/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// From one request, or message, of a client to the next.
const EVERY: Duration = Duration::from_millis(20);
/// Requests on one connection, so that connections come and go as well.
const PER_CONNECTION: usize = 200;
const MESSAGE: &[u8] = b"\0\0\0\0\x08a message";

/// Kinds of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Http1Each,
    Http1Kept,
    Http2,
    GrpcCall,
    GrpcStream,
    WebSocket,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Http1Each, Self::Http1Kept, Self::Http2, Self::GrpcCall, Self::GrpcStream, Self::WebSocket];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http1Each => "HTTP/1.1, a connection each",
            Self::Http1Kept => "HTTP/1.1, kept connections",
            Self::Http2 => "HTTP/2",
            Self::GrpcCall => "gRPC calls",
            Self::GrpcStream => "gRPC streams, messages",
            Self::WebSocket => "WebSocket, messages",
        }
    }
}

/// Where the edge is.
pub(super) struct Target {
    pub(super) plain: Vec<SocketAddr>,
    pub(super) secure: SocketAddr,
    pub(super) tls: Arc<ClientConfig>,
}

/// What clients of one kind met.
#[derive(Clone, Debug, Default)]
pub(super) struct Met {
    pub(super) answered: u64,
    /// Not answered, and the edge had said, or HTTP says, that it may be sent again.
    pub(super) again: u64,
    pub(super) failed: u64,
    /// How failures, and ends of what should have stayed open, came about.
    pub(super) how: BTreeMap<String, u64>,
}

/// What all clients met so far.
#[derive(Default)]
pub(super) struct Tally(Mutex<BTreeMap<Kind, Met>>);

impl Tally {
    fn note(&self, kind: Kind, change: impl FnOnce(&mut Met)) {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default());
    }

    fn failed(&self, kind: Kind, how: &anyhow::Error) {
        self.note(kind, |met| {
            met.failed += 1;
            *met.how.entry(format!("failed: {how:#}")).or_default() += 1;
        });
    }

    /// Takes what there is, and begins anew.
    pub(super) fn take(&self) -> BTreeMap<Kind, Met> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How one connection went: what it was for is done, or it may be tried again.
enum Outcome {
    Done,
    /// One request has to be sent again.
    Again,
}

/// One client for ever. The number spreads clients over the addresses.
pub(super) async fn run(kind: Kind, number: usize, target: Arc<Target>, tally: Arc<Tally>) {
    for turn in number.. {
        let address = target.plain[turn % target.plain.len()];
        let outcome = match kind {
            Kind::Http1Each => http1(kind, address, 1, &tally).await,
            Kind::Http1Kept => http1(kind, address, PER_CONNECTION, &tally).await,
            Kind::Http2 | Kind::GrpcCall => http2(kind, &target, &tally).await,
            Kind::GrpcStream => grpc_stream(&target, &tally).await,
            Kind::WebSocket => websocket(address, &tally).await,
        };
        match outcome {
            Ok(Outcome::Done) => {}
            Ok(Outcome::Again) => tally.note(kind, |met| met.again += 1),
            Err(error) => tally.failed(kind, &error),
        }
        sleep(EVERY).await;
    }
}

/// Some requests on one connection.
async fn http1(kind: Kind, address: SocketAddr, requests: usize, tally: &Tally) -> Result<Outcome> {
    let mut tcp = timeout(PATIENCE, TcpStream::connect(address)).await.context("connecting")?.context("connecting")?;
    let close = if requests == 1 { "Connection: close\r\n" } else { "" };
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{close}\r\n");
    for number in 0..requests {
        // A failure to write shows when reading, too.
        tcp.write_all(request.as_bytes()).await.ok();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            match timeout(PATIENCE, tcp.read_buf(&mut answer)).await.context("waiting for the answer")? {
                Ok(1..) => {}
                // A server may close a kept connection at any time (RFC 9112, section 9.3.1): the client asks again.
                Ok(0) | Err(_) if number > 0 && answer.is_empty() => return Ok(Outcome::Again),
                Ok(0) => bail!("closed after {} bytes of the answer", answer.len()),
                Err(error) => return Err(error).context("reading the answer"),
            }
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            bail!("{}", String::from_utf8_lossy(&answer[..answer.len().min(12)]));
        }
        tally.note(kind, |met| met.answered += 1);
        if String::from_utf8_lossy(&answer).to_lowercase().contains("connection: close") {
            break;
        }
        sleep(EVERY).await;
    }
    Ok(Outcome::Done)
}

/// Some requests on one connection, with a message and trailers where they are gRPC.
async fn http2(kind: Kind, target: &Target, tally: &Tally) -> Result<Outcome> {
    let mut client = connect(target).await?;
    for _ in 0..PER_CONNECTION {
        // The edge has said that it takes no more here.
        let Ok(ready) = client.clone().ready().await else { return Ok(Outcome::Done) };
        client = ready;
        match timeout(PATIENCE, call(kind, &mut client)).await.context("waiting for the answer")? {
            Ok(()) => tally.note(kind, |met| met.answered += 1),
            Err(error) if error.downcast_ref::<h2::Error>().is_some_and(is_unprocessed) => return Ok(Outcome::Again),
            Err(error) => return Err(error),
        }
        sleep(EVERY).await;
    }
    Ok(Outcome::Done)
}

/// Whether the server has said that it has not begun with it (RFC 9113, section 8.7).
fn is_unprocessed(error: &h2::Error) -> bool {
    let reason = error.reason();
    reason == Some(h2::Reason::REFUSED_STREAM)
        || error.is_go_away() && error.is_remote() && reason == Some(h2::Reason::NO_ERROR)
}

async fn call(kind: Kind, client: &mut SendRequest<Bytes>) -> Result<()> {
    if kind == Kind::Http2 {
        let request = Request::get("https://localhost/").body(())?;
        let (response, _) = client.send_request(request, true)?;
        return finish(response.await?.into_body(), b"ok").await.map(drop);
    }
    let (response, mut send) = client.send_request(grpc_request()?, false)?;
    send.send_data(Bytes::from_static(MESSAGE), true)?;
    let response = response.await?;
    if response.status() != 200 {
        bail!("status {}", response.status());
    }
    let trailers = finish(response.into_body(), MESSAGE).await?.context("no trailers")?;
    if trailers.get("grpc-status").is_none_or(|status| status != "0") {
        bail!("trailers {trailers:?}");
    }
    Ok(())
}

fn grpc_request() -> Result<Request<()>> {
    let request = Request::post("https://localhost/grpc/echo");
    Ok(request.header("content-type", "application/grpc").header("te", "trailers").body(())?)
}

/// Reads to the end; the body has to be this.
async fn finish(mut body: RecvStream, wanted: &[u8]) -> Result<Option<HeaderMap>> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all.extend_from_slice(&data);
    }
    if all != wanted {
        bail!("another answer: {}", String::from_utf8_lossy(&all));
    }
    Ok(body.trailers().await?)
}

async fn connect(target: &Target) -> Result<SendRequest<Bytes>> {
    let connected = async {
        let tcp = TcpStream::connect(target.secure).await.context("connecting")?;
        let name = ServerName::try_from("localhost")?;
        let tls = TlsConnector::from(Arc::clone(&target.tls)).connect(name, tcp).await.context("TLS handshake")?;
        let (client, connection) = h2::client::handshake(tls).await.context("HTTP/2 handshake")?;
        tokio::spawn(connection);
        Ok(client)
    };
    timeout(PATIENCE, connected).await.context("connecting takes too long")?
}

/// One call in which messages go to and fro until the edge ends it.
async fn grpc_stream(target: &Target, tally: &Tally) -> Result<Outcome> {
    let mut client = connect(target).await?.ready().await?;
    let (response, mut send) = client.send_request(grpc_request()?, false)?;
    send.send_data(Bytes::from_static(MESSAGE), false)?;
    let mut body = timeout(PATIENCE, response).await.context("waiting for the answer")??.into_body();
    let end = loop {
        match timeout(PATIENCE, echoed(&mut send, &mut body)).await.context("waiting for a message")? {
            Ok(()) => tally.note(Kind::GrpcStream, |met| met.answered += 1),
            Err(end) => break end,
        }
        sleep(EVERY).await;
    };
    let end = format!("{end:#}");
    let end = end.split(": http").next().unwrap_or_default();
    tally.note(Kind::GrpcStream, |met| *met.how.entry(format!("ended: {end}")).or_default() += 1);
    Ok(Outcome::Done)
}

/// Waits for the last message, and sends another.
async fn echoed(send: &mut SendStream<Bytes>, body: &mut RecvStream) -> Result<()> {
    let mut length = 0;
    while length < MESSAGE.len() {
        let data = body.data().await.context("the end of the answer")??;
        body.flow_control().release_capacity(data.len())?;
        length += data.len();
    }
    Ok(send.send_data(Bytes::from_static(MESSAGE), false)?)
}

/// One connection on which messages go to and fro until the edge ends it.
async fn websocket(address: SocketAddr, tally: &Tally) -> Result<Outcome> {
    const UPGRADE: &[u8] = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut tcp = timeout(PATIENCE, TcpStream::connect(address)).await.context("connecting")?.context("connecting")?;
    tcp.write_all(UPGRADE).await.context("asking for the upgrade")?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if timeout(PATIENCE, tcp.read_buf(&mut head)).await.context("waiting for the upgrade")?? == 0 {
            bail!("closed before the upgrade");
        }
    }
    if !head.starts_with(b"HTTP/1.1 101 ") {
        bail!("{}", String::from_utf8_lossy(&head[..head.len().min(12)]));
    }
    let end = loop {
        // What is in a frame does not matter to who passes it on.
        let mut back = [0; MESSAGE.len()];
        let echoed = async {
            tcp.write_all(MESSAGE).await?;
            tcp.read_exact(&mut back).await.map(drop)
        };
        match timeout(PATIENCE, echoed).await.context("waiting for a message")? {
            Ok(()) => tally.note(Kind::WebSocket, |met| met.answered += 1),
            Err(end) => break end,
        }
        sleep(EVERY).await;
    };
    let end = if end.kind() == io::ErrorKind::UnexpectedEof { "closed".to_owned() } else { end.to_string() };
    tally.note(Kind::WebSocket, |met| *met.how.entry(format!("ended: {end}")).or_default() += 1);
    Ok(Outcome::Done)
}
