//! The bytes of one connection: counted, written together, and not waited for too long.
//!
//! Small writes are held until somebody flushes, or until there is enough for a packet train; large ones go out with
//! them in one vectored write, uncopied. A flush is complete when it returns.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use pingora::protocols::SocketDigest;
use prometheus::IntCounter;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use super::pace::Pace;
use crate::clock;

/// Written bytes that are held for more: a TLS record, and what a fresh TCP connection may send at once (RFC 6928).
const HELD_MAX: usize = 16 * 1024;
/// Slices of one vectored write.
const SLICES_MAX: usize = 8;
/// Bytes after which a count is shown.
const TALLY_STEP: u64 = 1 << 20;

/// What a connection carries in one direction. It is shown in steps, so that no two workers meet at a counter for each
/// packet.
#[derive(Debug)]
pub(crate) struct Tally {
    unshown: u64,
    shown: IntCounter,
}

impl Tally {
    /// Counts into `shown`.
    pub(crate) fn new(shown: IntCounter) -> Self {
        Self { unshown: 0, shown }
    }

    /// Counts.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.unshown += bytes as u64;
        if self.unshown >= TALLY_STEP {
            self.show();
        }
    }

    fn show(&mut self) {
        self.shown.inc_by(std::mem::take(&mut self.unshown));
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.show();
    }
}

/// What has come to the other end of a connection.
///
/// That the kernel has taken it says little: it has room for megabytes, and says that there is room again only once
/// a good part of them is gone. A client that takes steadily seems to stop meanwhile.
#[derive(Debug)]
pub(crate) struct Delivered {
    /// Whose kernel is asked; without one, what it has taken has arrived.
    socket: Option<Arc<SocketDigest>>,
    written: u64,
    /// What had arrived when it was last asked.
    counted: u64,
}

impl Delivered {
    /// Nothing so far.
    pub(crate) fn through(socket: Option<Arc<SocketDigest>>) -> Self {
        Self { socket, written: 0, counted: 0 }
    }

    /// Bytes that have arrived since this was last asked.
    fn newly(&mut self) -> u64 {
        let arrived = match &self.socket {
            Some(socket) => socket.tcp_info().map_or(self.counted, |info| info.tcpi_bytes_acked),
            None => self.written,
        };
        arrived.saturating_sub(std::mem::replace(&mut self.counted, arrived))
    }
}

/// One connection, TLS or plain.
#[derive(Debug)]
pub(crate) struct Transport<S> {
    inner: S,
    /// Written and not sent.
    held: BytesMut,
    /// How slowly a client may send, while it is asked to.
    sending: Option<Pace>,
    /// How slowly a client may take.
    taking: Pace,
    /// What the client is known to have.
    delivered: Delivered,
    /// For both: wakes the task when the nearer of their ends may have come.
    timer: Option<Pin<Box<Sleep>>>,
    received: Tally,
    sent: Tally,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    /// A connection on which a client must take at `taking`'s pace at least.
    pub(crate) fn new(inner: S, taking: Pace, delivered: Delivered, [received, sent]: [Tally; 2]) -> Self {
        Self { inner, held: BytesMut::new(), sending: None, taking, delivered, timer: None, received, sent }
    }

    /// What it stands on.
    pub(crate) fn inner(&self) -> &S {
        &self.inner
    }

    /// The connection and what was counted of it; for one on which nothing was written.
    pub(crate) fn into_parts(self) -> (S, [Tally; 2]) {
        (self.inner, [self.received, self.sent])
    }

    /// From now on the client is asked to send, at least at this pace; `None` lets it be silent.
    pub(crate) fn expect(&mut self, sending: Option<Pace>) {
        self.sending = sending;
    }

    /// Whether a flush may be put off until the task has nothing more to write.
    pub(crate) fn may_hold(&self) -> bool {
        self.held.len() <= HELD_MAX
    }

    /// Writes without sending, whatever the length.
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// What is written and not sent, for who writes to it without copying.
    pub(crate) fn held(&mut self) -> &mut BytesMut {
        &mut self.held
    }

    /// Sends what is held and then a body of several pieces, uncopied. `gone` counts its bytes that are sent, and is where
    /// the next call goes on; complete when all is.
    pub(crate) fn poll_send_through<'b>(
        &mut self,
        cx: &mut Context<'_>,
        body: impl Iterator<Item = &'b Bytes> + Clone,
        gone: &mut usize,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let (mut count, mut before) = (0, *gone);
            for piece in body.clone() {
                if let Some(left) = piece.get(before..).filter(|left| !left.is_empty()) {
                    (slices[count], count) = (IoSlice::new(left), count + 1);
                }
                before = before.saturating_sub(piece.len());
                // One is for what is held.
                if count == SLICES_MAX - 1 {
                    break;
                }
            }
            if count == 0 && self.held.is_empty() {
                return Pin::new(&mut self.inner).poll_flush(cx);
            }
            *gone += ready!(self.poll_send(cx, &slices[..count]))?;
        }
    }

    /// Gives back what is not needed while nothing happens, and shows what was counted.
    pub(crate) fn rest(&mut self) {
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
        self.timer = None;
        self.received.show();
        self.sent.show();
    }

    /// Sends what is held, then as much of `more` as is taken; the length of that.
    fn poll_send(&mut self, cx: &mut Context<'_>, more: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            slices[0] = IoSlice::new(&self.held);
            let first = usize::from(!self.held.is_empty());
            let count = more.len().min(SLICES_MAX - first);
            slices[first..first + count].copy_from_slice(&more[..count]);
            let sent = match Pin::new(&mut self.inner).poll_write_vectored(cx, &slices[..first + count]) {
                Poll::Ready(sent) => sent?,
                Poll::Pending => return self.poll_taking(cx).map(Err),
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent.add(sent);
            self.delivered.written += sent as u64;
            self.taking.goes_on(clock::instant);
            let of_held = sent.min(self.held.len());
            self.held.advance(of_held);
            if sent > of_held || (self.held.is_empty() && more.iter().all(|slice| slice.is_empty())) {
                return Poll::Ready(Ok(sent - of_held));
            }
        }
    }

    /// Waits for the client to take what is sent; ready with the error when the patience with it is over. What has
    /// arrived is asked for only then.
    fn poll_taking(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let end = self.taking.waits(clock::instant());
            ready!(self.poll_until(cx, end));
            match self.delivered.newly() {
                0 => return Poll::Ready(too_slow()),
                bytes => self.taking.moved(bytes, clock::instant),
            }
        }
    }

    /// Waits for the client to send, if it is asked to.
    fn poll_sending(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(pace) = &mut self.sending else { return Poll::Pending };
        let end = pace.waits(clock::instant());
        self.poll_until(cx, end).map(|()| too_slow())
    }

    /// Ready at `end`. Of two that are waited for, the nearer wakes the task, and then the other is looked at again.
    fn poll_until(&mut self, cx: &mut Context<'_>, end: std::time::Instant) -> Poll<()> {
        let end = Instant::from_std(end);
        if Instant::from_std(clock::instant()) >= end {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        if timer.is_elapsed() || timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::from_std(clock::instant()) >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client is too slow")
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Transport<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(read) => {
                let bytes = buf.filled().len() - before;
                self.received.add(bytes);
                if let Some(pace) = &mut self.sending {
                    pace.moved(bytes as u64, clock::instant);
                }
                Poll::Ready(read)
            }
            Poll::Pending => self.poll_sending(cx).map(Err),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum::<usize>();
        if self.held.len() + bytes > HELD_MAX {
            return self.poll_send(cx, slices);
        }
        for slice in slices {
            self.held.extend_from_slice(slice);
        }
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            ready!(self.poll_send(cx, &[]))?;
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
