//! A connection over TLS whose client writes any bytes it likes.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::frames::{ACK, GOAWAY, PING, PREFACE, SETTINGS, error_name, frame};

/// A write that takes longer is held back by the server, which does not read.
const HELD_BACK: Duration = Duration::from_secs(1);
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A connection.
pub(super) struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// What came and is not a whole frame yet.
    pending: Vec<u8>,
    /// The error code of the server's GOAWAY.
    pub(super) farewell: Option<u32>,
    /// Whether a response header came.
    pub(super) is_answered: bool,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    Reset,
    /// Still open, but the server reads no more.
    HeldBack,
}

/// What clients of one server have in common.
pub(crate) fn tls(authority: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(File::open(authority)?) {
        roots.add(certificate?)?;
    }
    let mut tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(tls))
}

impl Client {
    /// Connects and sends the preface with these settings.
    pub(super) fn connect(server: SocketAddr, tls: &Arc<ClientConfig>, settings: &[u8]) -> Result<Self> {
        let tcp = TcpStream::connect_timeout(&server, HANDSHAKE)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(HANDSHAKE))?;
        tcp.set_write_timeout(Some(HELD_BACK))?;
        let name = ServerName::try_from("localhost").context("a name")?;
        let mut stream = StreamOwned::new(ClientConnection::new(Arc::clone(tls), name)?, tcp);
        // What one write may leave to be sent later: nothing, so that a server that does not read is noticed.
        stream.conn.set_buffer_limit(Some(1 << 20));
        let mut hello = PREFACE.to_vec();
        frame(&mut hello, SETTINGS, 0, 0, settings);
        stream.write_all(&hello)?;
        stream.flush()?;
        Ok(Self { stream, pending: Vec::new(), farewell: None, is_answered: false })
    }

    /// Writes all of it, or says how the connection ended.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).map_err(|error| end(&error))
    }

    /// Reads what is there, for at most so long; notes a GOAWAY, and answers pings and settings as far as it can.
    pub(super) fn read(&mut self, patience: Duration) -> Result<(), End> {
        let now = patience.is_zero();
        let socket = &self.stream.sock;
        if now { socket.set_nonblocking(true) } else { socket.set_read_timeout(Some(patience)) }
            .map_err(|error| end(&error))?;
        let mut chunk = [0; 16384];
        let read = self.stream.read(&mut chunk);
        if now {
            self.stream.sock.set_nonblocking(false).map_err(|error| end(&error))?;
        }
        match read {
            Ok(0) => Err(End::Closed),
            Ok(read) => {
                self.pending.extend_from_slice(&chunk[..read]);
                self.take_frames()
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            Err(error) => Err(end(&error)),
        }
    }

    fn take_frames(&mut self) -> Result<(), End> {
        let mut answers = Vec::new();
        while let [a, b, c, kind, flags, rest @ ..] = &self.pending[..] {
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            let Some(payload) = rest.get(4..4 + length) else { break };
            match (*kind, *flags) {
                (GOAWAY, _) => {
                    self.farewell =
                        payload.get(4..8).map(|code| u32::from_be_bytes([code[0], code[1], code[2], code[3]]))
                }
                (PING, flags) if flags & ACK == 0 => frame(&mut answers, PING, ACK, 0, payload),
                (SETTINGS, flags) if flags & ACK == 0 => frame(&mut answers, SETTINGS, ACK, 0, &[]),
                (super::frames::HEADERS, _) => self.is_answered = true,
                _ => {}
            }
            self.pending.drain(..9 + length);
        }
        if answers.is_empty() { Ok(()) } else { self.write(&answers) }
    }

    /// How it ended, in words; what the server had said before is read first.
    pub(super) fn last_words(mut self, end: End) -> String {
        for _ in 0..10_000 {
            if self.farewell.is_some() || end == End::HeldBack || self.read(Duration::from_millis(100)).is_err() {
                break;
            }
        }
        match (self.farewell, end) {
            (Some(code), _) => format!("GOAWAY {}", error_name(code)),
            (None, End::Closed) => "closed".to_owned(),
            (None, End::Reset) => "reset".to_owned(),
            (None, End::HeldBack) => "held back".to_owned(),
        }
    }
}

fn end(error: &io::Error) -> End {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => End::HeldBack,
        ErrorKind::UnexpectedEof => End::Closed,
        _ => End::Reset,
    }
}
