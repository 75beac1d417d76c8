//! One request and its answer, as Pingora sees them on the connection.
//!
//! Pingora is given the bytes of this request's body and not one more: what a client sends behind it (pipelining) stays
//! here for the next request. Nothing is changed on the way, but for one field of the answer: Pingora writes the time
//! over an origin's `Date`, which is put back (RFC 9110 s6.6.1).

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    chunked::Chunks,
    head::{Framing, Head},
    notes::Notes,
};
use crate::{
    listen::{
        pace::{Pace, Patience},
        transport::Transport,
    },
    request::refusal::Refusal,
};

/// Bytes behind a request that are held for the next ones. A client that sends more waits for its answers first.
const PIPELINE_MAX: usize = 64 * 1024;
/// Bytes read at once where nobody gave a buffer; they stand on the stack, so that a silent connection holds none.
const READ: usize = 8 * 1024;

/// What of the request is still to come.
#[derive(Clone, Copy, Debug)]
enum Body {
    Length(u64),
    Chunked(Chunks),
    Over,
    /// After `101`: whatever comes, until it is closed.
    Tunnel,
}

/// The connection with the request that it is at.
#[derive(Debug)]
pub(super) struct Exchange<S> {
    pub(super) transport: Transport<S>,
    notes: Arc<Notes>,
    /// How slowly the client may send a body.
    sending: Patience,
    /// Arrived, and given to nobody yet.
    pub(super) arrived: BytesMut,
    body: Body,
    /// The client waits to be told before it sends the body, as far as it has said so.
    waits_for_continue: bool,
    /// Whether a final answer's header was written.
    answered: bool,
    /// The client sends no more.
    pub(super) ended: bool,
    /// This request had arrived before the answer to the one before it was over.
    pipelined: bool,
    /// Sending has failed, in a moment when nobody could be told.
    broken: Option<io::ErrorKind>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<S> {
    pub(super) fn new(transport: Transport<S>, sending: Patience, notes: Arc<Notes>) -> Self {
        Self {
            transport,
            notes,
            sending,
            arrived: BytesMut::new(),
            body: Body::Over,
            waits_for_continue: false,
            answered: false,
            ended: false,
            pipelined: false,
            broken: None,
        }
    }

    /// Takes a request's head out of what has arrived; its body is what follows.
    pub(super) fn begin(&mut self, head: &Head, pipelined: bool) -> BytesMut {
        self.arrived.advance(head.start);
        let bytes = self.arrived.split_to(head.end - head.start);
        self.body = match head.framing {
            Framing::Length(0) => Body::Over,
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::Chunked(Chunks::default()),
        };
        (self.answered, self.pipelined) = (false, pipelined);
        self.notes.take_date();
        // A client that waits to be told is not late.
        self.waits_for_continue = head.waits_for_continue;
        self.transport.expect(self.pace().filter(|_| !head.waits_for_continue));
        bytes
    }

    /// Whether request and answer are over, and the next request may follow.
    pub(super) fn is_over(&self) -> bool {
        self.answered && matches!(self.body, Body::Over)
    }

    /// Whether something arrived that is not of this request.
    pub(super) fn has_more(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// Gives back what is not needed while the client is silent.
    pub(super) fn rest(&mut self) {
        if self.arrived.is_empty() {
            self.arrived = BytesMut::new();
        }
        self.transport.rest();
    }

    /// The pace of a body that is not over.
    fn pace(&self) -> Option<Pace> {
        matches!(self.body, Body::Length(_) | Body::Chunked(_)).then(|| Pace::new(self.sending))
    }

    /// Reads more of what nobody asked for yet; zero at the end.
    pub(super) fn poll_arrive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [const { MaybeUninit::uninit() }; READ];
        let mut read = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.transport).poll_read(cx, &mut read))?;
        self.ended |= read.filled().is_empty();
        self.arrived.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.intact()?;
        let wanted = match self.body {
            Body::Over => return self.poll_leaving(cx),
            Body::Length(left) => usize::try_from(left).unwrap_or(usize::MAX).min(buf.remaining()),
            Body::Chunked(_) | Body::Tunnel => buf.remaining(),
        };
        let target = buf.initialize_unfilled_to(wanted);
        let read = if self.arrived.is_empty() {
            let mut read = ReadBuf::new(target);
            if let Err(error) = ready!(Pin::new(&mut self.transport).poll_read(cx, &mut read)) {
                return Poll::Ready(Err(self.give_up(error)));
            }
            read.filled().len()
        } else {
            let read = wanted.min(self.arrived.len());
            self.arrived.copy_to_slice(&mut target[..read]);
            read
        };
        self.ended |= read == 0 && wanted > 0;
        if read > 0 && std::mem::take(&mut self.waits_for_continue) {
            // It does not wait any more, told or not.
            self.transport.expect(self.pace());
        }
        let of_body = match self.follow(&target[..read]) {
            Ok(of_body) => of_body,
            Err(error) => return Poll::Ready(Err(error)),
        };
        self.give_back(&target[of_body..read]);
        buf.advance(of_body);
        Poll::Ready(Ok(()))
    }

    /// How many of these bytes belong to the body.
    fn follow(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let of_body = match &mut self.body {
            Body::Length(left) => {
                *left -= bytes.len() as u64;
                bytes.len()
            }
            Body::Chunked(chunks) => match chunks.follow(bytes) {
                Ok(of_body) => of_body,
                Err(fault) => {
                    self.notes.note_fault(Refusal::BadRequest(fault));
                    return Err(io::Error::new(io::ErrorKind::InvalidData, fault));
                }
            },
            Body::Over | Body::Tunnel => bytes.len(),
        };
        let over = match &self.body {
            Body::Length(left) => *left == 0,
            Body::Chunked(chunks) => chunks.is_over(),
            Body::Over | Body::Tunnel => false,
        };
        if over {
            self.body = Body::Over;
            self.transport.expect(None);
        }
        Ok(of_body)
    }

    /// What was read behind the end of a body comes first for the next request.
    fn give_back(&mut self, behind: &[u8]) {
        if behind.is_empty() {
            return;
        }
        let after = std::mem::take(&mut self.arrived);
        self.arrived.extend_from_slice(behind);
        self.arrived.unsplit(after);
    }

    /// Pingora reads on behind the body to hear whether the client leaves. What arrives meanwhile is the next request.
    ///
    /// A client that closes its side has left, and its request is given up, unless it had sent requests ahead: then it
    /// only says that there will be no more, and waits for all its answers.
    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ended && self.arrived.len() < PIPELINE_MAX {
            ready!(self.poll_arrive(cx))?;
        }
        if self.ended && self.arrived.is_empty() && !self.pipelined { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn give_up(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::TimedOut {
            self.notes.note_fault(Refusal::BodyTimeout);
        }
        error
    }

    /// The first write of each answer is its whole header, for Pingora writes that from one buffer.
    fn write_head(&mut self, head: &[u8]) {
        let status = head.get(9..12).unwrap_or_default();
        self.answered = status == b"101" || !status.starts_with(b"1");
        if status == b"101" {
            self.body = Body::Tunnel;
            self.transport.expect(None);
        } else if !self.answered {
            // A client that was told to go on is waited for.
            self.waits_for_continue = false;
            self.transport.expect(self.pace());
        }
        match self.notes.take_date().filter(|_| self.answered).zip(date(head)) {
            Some((origins, (start, end))) => {
                self.transport.hold(&head[..start]);
                self.transport.hold(origins.as_bytes());
                self.transport.hold(&head[end..]);
            }
            None => self.transport.hold(head),
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.intact()?;
        if self.answered {
            let written = ready!(Pin::new(&mut self.transport).poll_write_vectored(cx, slices));
            self.broken = written.as_ref().err().map(io::Error::kind);
            return Poll::Ready(written);
        }
        let head = slices.iter().find(|slice| !slice.is_empty());
        Poll::Ready(Ok(head.map_or(0, |head| {
            self.write_head(head);
            head.len()
        })))
    }

    /// Put off while there may be more to send with it: whoever drives the request sends what is held as soon as the
    /// request has nothing more to say at once ([`Self::poll_send`]).
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.transport.may_hold() { Poll::Ready(Ok(())) } else { self.poll_send(cx) }
    }

    /// Answers without Pingora: `write` appends the header to what is held, or leaves it as it is and answers nothing.
    pub(super) fn answer_with<T>(&mut self, write: impl FnOnce(&mut BytesMut) -> Option<T>) -> Option<T> {
        let written = write(self.transport.held());
        self.answered |= written.is_some();
        written
    }

    /// Sends everything that was written, and then a body, uncopied: `gone` says how much of it is, and goes on from there.
    pub(super) fn poll_send_through<'b>(
        &mut self,
        cx: &mut Context<'_>,
        body: impl Iterator<Item = &'b Bytes> + Clone,
        gone: &mut usize,
    ) -> Poll<io::Result<()>> {
        self.intact()?;
        let sent = ready!(self.transport.poll_send_through(cx, body, gone));
        self.broken = sent.as_ref().err().map(io::Error::kind);
        Poll::Ready(sent)
    }

    /// Sends everything that was written.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.intact()?;
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    /// Sends what was written, as far as it is taken now. If that fails, whoever drives the request is woken to hear it.
    pub(super) fn send_held(&mut self, cx: &mut Context<'_>) {
        if let (None, Poll::Ready(Err(error))) = (self.broken, self.poll_send(cx)) {
            self.broken = Some(error.kind());
            cx.waker().wake_by_ref();
        }
    }

    /// Whether sending ended with a client that took too little.
    pub(super) fn client_is_slow(&self, sent: Option<&io::Error>) -> bool {
        sent.map(io::Error::kind).or(self.broken) == Some(io::ErrorKind::TimedOut)
    }

    /// Sends everything, and that it is the end.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.intact()?;
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }

    fn intact(&self) -> io::Result<()> {
        self.broken.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

/// Where the value of `Date` stands in a header.
fn date(head: &[u8]) -> Option<(usize, usize)> {
    const NAME: &[u8] = b"\r\ndate: ";
    let start = head.windows(NAME.len()).position(|at| at.eq_ignore_ascii_case(NAME))? + NAME.len();
    Some((start, start + memchr::memchr(b'\r', &head[start..])?))
}
