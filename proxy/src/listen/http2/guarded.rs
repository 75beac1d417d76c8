//! The transport beneath the h2 crate: its bytes pass unchanged, and what they say of the client is noted.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Flood, Frames};
use crate::clock;

/// What has been seen of a connection.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) frames: Frames,
    /// Since when the client takes nothing of what is to be written; `None` while it does.
    pub(super) blocked_since: Option<Instant>,
    /// Once there is one, nothing more is read.
    pub(super) flood: Option<Flood>,
}

/// Shared by the transport, which the h2 crate owns, and whoever drives the connection.
#[derive(Clone, Debug)]
pub(super) struct Watched(Arc<Mutex<Seen>>);

impl Watched {
    pub(super) fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(Seen { frames: Frames::new(now), blocked_since: None, flood: None })))
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what became of a write of these bytes, which come in several pieces.
    fn wrote<'b>(&self, pieces: impl IntoIterator<Item = &'b [u8]>, written: &Poll<io::Result<usize>>) {
        let mut seen = self.seen();
        match written {
            Poll::Ready(Ok(count)) => {
                seen.blocked_since = None;
                let mut left = *count;
                for piece in pieces {
                    let gone = piece.get(..left).unwrap_or(piece);
                    seen.frames.sent(gone);
                    left -= gone.len();
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                seen.blocked_since.get_or_insert_with(clock::instant);
            }
        }
    }
}

/// The transport.
pub(super) struct Guarded<T> {
    io: T,
    watched: Watched,
}

impl<T> Guarded<T> {
    pub(super) fn new(io: T, watched: Watched) -> Self {
        Self { io, watched }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { io, watched } = self.get_mut();
        // Not woken again: whoever drives the connection looks for the flood after each poll, and ends it.
        if watched.seen().flood.is_some() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(io).poll_read(cx, buf);
        let bytes = buf.filled().get(before..).unwrap_or_default();
        if !bytes.is_empty() {
            let mut seen = watched.seen();
            seen.flood = seen.frames.received(bytes, clock::instant()).err();
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { io, watched } = self.get_mut();
        let written = Pin::new(io).poll_write(cx, bytes);
        watched.wrote([bytes], &written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { io, watched } = self.get_mut();
        let written = Pin::new(io).poll_write_vectored(cx, pieces);
        watched.wrote(pieces.iter().map(|piece| &piece[..]), &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, watched } = self.get_mut();
        let flushed = Pin::new(io).poll_flush(cx);
        let mut seen = watched.seen();
        match flushed {
            Poll::Ready(_) => seen.blocked_since = None,
            Poll::Pending => {
                seen.blocked_since.get_or_insert_with(clock::instant);
            }
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
