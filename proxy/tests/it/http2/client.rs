//! Clients of HTTP/2: one that keeps the rules, and one that writes its frames by hand.

use std::{io, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use h2::client::SendRequest;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::world::{Edge, LONG};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;

pub(super) const NO_ERROR: u32 = 0;
pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// A TLS connection on which h2 was agreed.
pub(super) async fn connect(edge: &Edge) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(edge.authority()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(edge.address("secure")).await.unwrap();
    // A small frame must not wait for the acknowledgement of the one before it.
    tcp.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

/// A client that keeps the rules; the task ends with the connection, and says how.
pub(crate) async fn client(
    edge: &Edge,
    builder: &h2::client::Builder,
) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let (send, connection) = builder.handshake(connect(edge).await).await.unwrap();
    (send.ready().await.unwrap(), tokio::spawn(connection))
}

/// A request for a path.
pub(super) fn get(path: &str) -> http::Request<()> {
    http::Request::get(format!("https://localhost{path}")).body(()).unwrap()
}

/// A frame as it came.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Bytes,
}

impl Frame {
    /// The error code of a RST_STREAM or GOAWAY.
    pub(super) fn code(&self) -> u32 {
        let mut payload = self.payload.clone();
        if self.kind == GOAWAY {
            payload.advance(4);
        }
        payload.get_u32()
    }
}

/// A client that writes what it is told.
pub(super) struct Raw<S = TlsStream<TcpStream>> {
    io: S,
    inbox: BytesMut,
}

impl Raw {
    /// Connected, with preface and settings sent.
    pub(super) async fn connect(edge: &Edge) -> Self {
        Self::with_settings(edge, &[]).await
    }

    /// The same with these settings.
    pub(super) async fn with_settings(edge: &Edge, settings: &[(u16, u32)]) -> Self {
        let mut raw = Self { io: connect(edge).await, inbox: BytesMut::new() };
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*frame(SETTINGS, 0, 0, &payload)].concat();
        raw.send(&hello).await.unwrap();
        raw
    }
}

impl Raw<TcpStream> {
    /// Connected without TLS; nothing is sent.
    pub(super) async fn plain(edge: &Edge) -> Self {
        let io = TcpStream::connect(edge.address("plain")).await.unwrap();
        io.set_nodelay(true).unwrap();
        Self { io, inbox: BytesMut::new() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// The next frame; `None` once the connection is closed.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(length) =
                self.inbox.get(..3).map(|b| usize::from(b[0]) << 16 | usize::from(b[1]) << 8 | usize::from(b[2]))
                && self.inbox.len() >= 9 + length
            {
                let mut frame = self.inbox.split_to(9 + length).freeze();
                frame.advance(3);
                let (kind, flags, stream) = (frame.get_u8(), frame.get_u8(), frame.get_u32());
                return Some(Frame { kind, flags, stream, payload: frame });
            }
            let read =
                tokio::time::timeout(LONG, self.io.read_buf(&mut self.inbox)).await.expect("an answer or an end");
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }

    /// The next frame of a kind.
    pub(super) async fn wait_for(&mut self, kind: u8) -> Option<Frame> {
        loop {
            match self.next().await? {
                frame if frame.kind == kind => return Some(frame),
                _ => {}
            }
        }
    }

    /// Sends the same again and again, and returns the code of the GOAWAY that ends it.
    pub(super) async fn flood(&mut self, bytes: &[u8], times: usize) -> Option<u32> {
        let many = bytes.repeat(100);
        for _ in 0..times / 100 {
            if self.send(&many).await.is_err() {
                break;
            }
        }
        Some(self.wait_for(GOAWAY).await?.code())
    }
}

/// A frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block without any compression (RFC 7541 s6.2.2).
pub(super) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            string(text.as_bytes(), &mut block);
        }
    }
    block
}

fn string(text: &[u8], block: &mut Vec<u8>) {
    match text.len() {
        short @ ..127 => block.push(short as u8),
        long => {
            block.push(127);
            let mut left = long - 127;
            while left >= 128 {
                block.push((left % 128) as u8 | 128);
                left /= 128;
            }
            block.push(left as u8);
        }
    }
    block.extend(text);
}

/// What makes a whole request for a path.
pub(super) const fn asking(path: &str) -> [(&str, &str); 4] {
    [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
}

/// A whole request without a body.
pub(super) fn request(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(fields))
}
