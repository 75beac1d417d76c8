//! The socket of one client, beneath everything else: counts what the kernel has taken.
//!
//! Layers above hold bytes back, TLS some dozens of KiB: whether a client still takes anything can only be told here.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    os::fd::{AsRawFd, RawFd},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// A socket.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    sent: u64,
}

/// What stands on a socket.
pub(crate) trait OnSocket {
    /// Bytes that the kernel has taken for the client so far.
    fn sent(&self) -> u64;

    /// Lets closing throw away what the client has not taken, and tell it so by a reset. Otherwise the kernel would keep
    /// that for minutes, and offer it to a client that takes nothing.
    fn abandon(&self);
}

impl OnSocket for Socket {
    fn sent(&self) -> u64 {
        self.sent
    }

    fn abandon(&self) {
        if let Err(error) = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "cannot set SO_LINGER");
        }
    }
}

impl OnSocket for TlsStream<Socket> {
    fn sent(&self) -> u64 {
        self.get_ref().0.sent()
    }

    fn abandon(&self) {
        self.get_ref().0.abandon();
    }
}

impl From<TcpStream> for Socket {
    fn from(tcp: TcpStream) -> Self {
        Self { tcp, sent: 0 }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.tcp.as_raw_fd()
    }
}

impl Socket {
    /// The address that the client has connected to.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.tcp.local_addr().ok()
    }

    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.sent += bytes as u64;
        }
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
