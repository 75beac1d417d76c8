//! What the h2 crate reads from and writes to: bytes pass unchanged, and what they say of the client is noted.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Flood, Frames};
use crate::{
    clock,
    listen::{socket::OnSocket, transport::Tally},
};

/// What has been seen of a connection.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) frames: Frames,
    /// Since when the client takes nothing of what is to be written; `None` while it does.
    pub(super) blocked_since: Option<Instant>,
    /// Bytes that it has taken.
    taken: u64,
    /// Once there is one, nothing more is read.
    pub(super) flood: Option<Flood>,
}

impl Seen {
    fn new(now: Instant) -> Self {
        Self { frames: Frames::new(now), blocked_since: None, taken: 0, flood: None }
    }

    /// Notes how many bytes the client has taken in all, and whether more had to wait. That TLS takes bytes says nothing.
    fn took(&mut self, taken: u64, waits: bool, now: impl FnOnce() -> Instant) {
        if std::mem::replace(&mut self.taken, taken) != taken {
            self.blocked_since = None;
        }
        if waits {
            self.blocked_since.get_or_insert_with(now);
        }
    }
}

/// Shared by the transport, which the h2 crate owns, and whoever drives the connection.
#[derive(Clone, Debug)]
pub(super) struct Watched(Arc<Mutex<Seen>>);

impl Watched {
    pub(super) fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(Seen::new(now))))
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The transport.
pub(super) struct Guarded<T> {
    io: T,
    /// Read before this was known to be HTTP/2; counted then.
    arrived: BytesMut,
    watched: Watched,
    received: Tally,
    sent: Tally,
}

impl<T: OnSocket> Guarded<T> {
    pub(super) fn new(io: T, arrived: BytesMut, watched: Watched, [received, sent]: [Tally; 2]) -> Self {
        Self { io, arrived, watched, received, sent }
    }

    /// Notes what became of a write of these bytes, which come in several pieces.
    fn wrote<'b>(&mut self, pieces: impl IntoIterator<Item = &'b [u8]>, written: &Poll<io::Result<usize>>) {
        let mut seen = self.watched.seen();
        seen.took(self.io.sent(), written.is_pending(), clock::instant);
        if let Poll::Ready(Ok(count)) = written {
            self.sent.add(*count);
            let mut left = *count;
            for piece in pieces {
                let gone = piece.get(..left).unwrap_or(piece);
                seen.frames.sent(gone);
                left -= gone.len();
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Not woken again: whoever drives the connection looks for the flood after each poll, and ends it.
        if this.watched.seen().flood.is_some() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        if this.arrived.is_empty() {
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            this.received.add(buf.filled().len() - before);
        } else {
            let count = this.arrived.len().min(buf.remaining());
            buf.put_slice(&this.arrived.split_to(count));
        }
        let bytes = buf.filled().get(before..).unwrap_or_default();
        if !bytes.is_empty() {
            let mut seen = this.watched.seen();
            seen.flood = seen.frames.received(bytes, clock::instant()).err();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + OnSocket + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.wrote([bytes], &written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, pieces);
        this.wrote(pieces.iter().map(|piece| &piece[..]), &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.watched.seen().took(this.io.sent(), flushed.is_pending(), clock::instant);
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_reaches_the_client_ends_a_stall() {
        let start = clock::instant();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut seen = Seen::new(start);
        seen.took(1000, false, || after(0));
        assert_eq!(seen.blocked_since, None, "nothing has to wait");
        seen.took(1000, true, || after(1));
        seen.took(1000, false, || after(2));
        seen.took(1000, true, || after(3));
        assert_eq!(seen.blocked_since, Some(after(1)), "what TLS has taken in between is nowhere yet");
        seen.took(1001, true, || after(4));
        assert_eq!(seen.blocked_since, Some(after(4)), "a byte has gone, the rest waits anew");
        seen.took(2000, false, || after(5));
        assert_eq!(seen.blocked_since, None);
    }
}
