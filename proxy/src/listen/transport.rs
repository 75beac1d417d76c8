//! The bytes of one connection: counted, written together, and not waited for too long.
//!
//! Small writes are held until somebody flushes, or until there is enough for a packet train; large ones go out with
//! them in one vectored write, uncopied. A flush is complete when it returns.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use prometheus::IntCounter;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use crate::clock;

mod pace;

pub(crate) use pace::Pace;

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

/// One connection, TLS or plain.
#[derive(Debug)]
pub(crate) struct Transport<S> {
    inner: S,
    /// Written and not sent.
    held: BytesMut,
    /// How slowly a client may send, while it is asked to.
    sending: Option<Pace>,
    /// How slowly a client may take.
    taking: Option<Pace>,
    /// For both: wakes the task when the nearer of their ends may have come.
    timer: Option<Pin<Box<Sleep>>>,
    received: Tally,
    sent: Tally,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    /// A connection on which a client must take at least at `taking`'s pace.
    pub(crate) fn new(inner: S, taking: Option<Pace>, [received, sent]: [Tally; 2]) -> Self {
        Self { inner, held: BytesMut::new(), sending: None, taking, timer: None, received, sent }
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
                Poll::Pending => {
                    return self.poll_patience(cx, |this| &mut this.taking).map(Err);
                }
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent.add(sent);
            if let Some(pace) = &mut self.taking {
                pace.moved(sent, clock::instant);
            }
            let of_held = sent.min(self.held.len());
            self.held.advance(of_held);
            if sent > of_held || (self.held.is_empty() && more.iter().all(|slice| slice.is_empty())) {
                return Poll::Ready(Ok(sent - of_held));
            }
        }
    }

    /// Waits for the client while its patience lasts; ready with the error when that is over.
    fn poll_patience(
        &mut self,
        cx: &mut Context<'_>,
        pace: impl Fn(&mut Self) -> &mut Option<Pace>,
    ) -> Poll<io::Error> {
        let Some(pace) = pace(self) else { return Poll::Pending };
        let now = clock::instant();
        let end = pace.waits(now);
        if now >= end {
            return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client is too slow"));
        }
        let end = Instant::from_std(end);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        if timer.is_elapsed() || timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        // An earlier end is the other direction's; after it, this one is looked at again.
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::from_std(clock::instant()) >= end {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client is too slow"));
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Transport<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(read) => {
                let bytes = buf.filled().len() - before;
                self.received.add(bytes);
                if let Some(pace) = &mut self.sending {
                    pace.moved(bytes, clock::instant);
                }
                Poll::Ready(read)
            }
            Poll::Pending => self.poll_patience(cx, |this| &mut this.sending).map(Err),
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
