//! What Pingora holds of a connection while it serves a request: the traits that it asks of a stream.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use async_trait::async_trait;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType, raw_connect::ProxyDigest,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::exchange::Exchange;

/// An exchange, which the front loop and Pingora reach in turn: they run in one task, so nobody ever waits for it.
pub(super) struct Shared<S>(Arc<Mutex<Exchange<S>>>);

impl<S> Shared<S> {
    pub(super) fn new(exchange: Exchange<S>) -> Self {
        Self(Arc::new(Mutex::new(exchange)))
    }

    /// Takes it back; `None` while a request has it.
    pub(super) fn into_inner(self) -> Option<Exchange<S>> {
        let exchange = Arc::into_inner(self.0)?;
        Some(exchange.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Exchange<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What Pingora asks a connection about itself, made once for all its requests.
#[derive(Clone, Debug)]
pub(super) struct Digests {
    pub(super) id: UniqueIDType,
    pub(super) socket: Arc<SocketDigest>,
    pub(super) connection: Arc<ProxyDigest>,
}

/// The stream of one request. Closing it closes nothing: that is the front loop's.
pub(super) struct H1Io<S> {
    pub(super) exchange: Shared<S>,
    pub(super) digests: Digests,
}

impl<S> fmt::Debug for H1Io<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("H1Io").field("id", &self.digests.id).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for H1Io<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.exchange.lock().poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for H1Io<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.exchange.lock().poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.exchange.lock().poll_write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.exchange.lock().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl<S: Send> Shutdown for H1Io<S> {
    async fn shutdown(&mut self) {}
}

impl<S> UniqueID for H1Io<S> {
    fn id(&self) -> UniqueIDType {
        self.digests.id
    }
}

impl<S> GetProxyDigest for H1Io<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(Arc::clone(&self.digests.connection))
    }
}

impl<S> GetSocketDigest for H1Io<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.digests.socket))
    }
}

impl<S> GetTimingDigest for H1Io<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<S> Ssl for H1Io<S> {}

impl<S> Peek for H1Io<S> {}
