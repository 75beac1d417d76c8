//! What moves a connection along: its frames, its requests, and the clocks that run against it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::{Reason, RecvStream, server, server::SendResponse};
use http::{Method, header};
use pingora::{
    apps::HttpServerApp,
    http::RequestHeader,
    protocols::{Digest, http::ServerSession},
    proxy::HttpProxy,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::Sleep,
};

use super::{
    Closed, FRAME_MAX, Limits,
    frames::Flood,
    guarded::{Guarded, Watched},
    hot::AtHand,
    session::{Http2Session, Waits},
};
use crate::{
    clock,
    listen::{
        pace::{Patience, STALL_MAX},
        socket::OnSocket,
    },
    request::Requests,
};

/// How long the last bytes of a connection that is over may take.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// Malformed requests before a connection is given up; as many as Pingora's own server bears.
const MALFORMED_MAX: u32 = 32;

/// What can happen to a connection.
pub(super) enum Event {
    /// A client wants something.
    Request(Box<http::Request<RecvStream>>, SendResponse<Bytes>),
    /// Nobody wants anything for too long.
    Idle,
    /// The edge has cause to end it.
    Close(Closed),
    /// It has ended.
    Over(Option<h2::Error>),
}

/// One connection.
pub(super) struct Driver<T> {
    h2: server::Connection<Guarded<T>, Bytes>,
    watched: Watched,
    limits: Limits,
    requests: JoinSet<()>,
    taken: u32,
    malformed: u32,
    /// When the last request was over, or it was told to leave.
    idle_since: Instant,
    leaving: bool,
    timer: Pin<Box<Sleep>>,
}

impl<T: AsyncRead + AsyncWrite + OnSocket + Unpin> Driver<T> {
    pub(super) fn new(h2: server::Connection<Guarded<T>, Bytes>, watched: Watched, limits: Limits) -> Self {
        let now = clock::instant();
        let timer = Box::pin(tokio::time::sleep_until(now.into()));
        let requests = JoinSet::new();
        Self { h2, watched, limits, requests, taken: 0, malformed: 0, idle_since: now, leaving: false, timer }
    }

    /// Whether the client was told to leave.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Tells the client to leave: what is under way, and what it asked before it heard of it, is still served.
    pub(super) fn leave(&mut self) {
        if !std::mem::replace(&mut self.leaving, true) {
            self.idle_since = clock::instant();
            self.h2.graceful_shutdown();
        }
    }

    /// Waits for the next event.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        while let Poll::Ready(Some(_over)) = self.requests.poll_join_next(cx) {
            self.idle_since = clock::instant();
        }
        match self.h2.poll_accept(cx) {
            Poll::Ready(Some(Ok((request, respond)))) => {
                return Poll::Ready(Event::Request(Box::new(request), respond));
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Event::Over(Some(error))),
            Poll::Ready(None) => return Poll::Ready(Event::Over(None)),
            Poll::Pending => {}
        }
        // After the frames: what they say of the client is known only now.
        if let Some(flood) = self.watched.seen().flood {
            let cause = match flood {
                Flood::Resets => Closed::Resets,
                Flood::ControlFrames => Closed::Frames,
            };
            return Poll::Ready(Event::Close(cause));
        }
        let Some((at, event)) = self.deadline() else { return Poll::Pending };
        if self.timer.deadline() != at.into() {
            self.timer.as_mut().reset(at.into());
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(event)
    }

    /// What happens next if nothing else does.
    fn deadline(&self) -> Option<(Instant, Event)> {
        let seen = self.watched.seen();
        let stalled = seen.blocked_since.map(|since| (since + STALL_MAX, Event::Close(Closed::Stalled)));
        let slow = seen.frames.headers_since();
        let slow = slow.map(|since| (since + self.limits.header_timeout, Event::Close(Closed::SlowHeader)));
        let idle_max = if self.leaving { FAREWELL_MAX } else { self.limits.idle_timeout };
        let idle = self.requests.is_empty().then(|| (self.idle_since + idle_max, Event::Idle));
        [stalled, slow, idle].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Starts on a request; the cause if it was one malformed request too many.
    pub(super) fn admit(
        &mut self,
        request: http::Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        digest: &Arc<Digest>,
        proxy: &Arc<HttpProxy<Requests>>,
        at_hand: &AtHand,
    ) -> Result<(), Closed> {
        let (header, body) = request.into_parts();
        let mut header = RequestHeader::from(header);
        self.taken += 1;
        if self.taken >= self.limits.requests {
            self.leave();
        }
        if is_malformed(&header) {
            respond.send_reset(Reason::PROTOCOL_ERROR);
            self.malformed += 1;
            return if self.malformed < MALFORMED_MAX { Ok(()) } else { Err(Closed::Malformed) };
        }
        let waits = waits(&header, &self.limits);
        if body.is_end_stream() && at_hand.answer(&mut header, &mut respond, waits.answer, &mut self.requests) {
            self.idle_since = clock::instant();
            return Ok(());
        }
        let (session, mut left) = Http2Session::new(header, (body, respond), waits, Arc::clone(digest));
        let session = ServerSession::new_custom(Box::new(session));
        let (proxy, closing) = (Arc::clone(proxy), at_hand.connection.door.closing.clone());
        self.requests.spawn(async move {
            proxy.process_new_http(session, &closing).await;
            if let Ok(unread) = left.try_recv() {
                unread.drain().await;
            }
        });
        Ok(())
    }

    /// Ends the connection with a reason, as far as the client listens to it.
    pub(super) async fn farewell(&mut self, reason: Reason) {
        self.h2.abrupt_shutdown(reason);
        let said = std::future::poll_fn(|cx| self.h2.poll_closed(cx));
        // The socket is closed behind it, said or not.
        tokio::time::timeout(FAREWELL_MAX, said).await.map(Result::ok).ok();
    }

    /// Lets go of the connection, and waits for what its requests still do: filling the cache, above all.
    pub(super) async fn let_go(self) {
        let Self { h2, mut requests, .. } = self;
        drop(h2);
        while requests.join_next().await.is_some() {}
    }
}

/// What the h2 crate lets through and no request may be (RFC 9113 s8.3.1): anything but a path in `:path`. The rest is
/// refused where requests of both versions are.
fn is_malformed(request: &RequestHeader) -> bool {
    let scheme = request.uri.scheme_str();
    let foreign = scheme.is_some_and(|scheme| !matches!(scheme, "http" | "https"));
    match request.method {
        Method::CONNECT => false,
        Method::OPTIONS if request.raw_path() == b"*" => false,
        _ => foreign || !request.raw_path().starts_with(b"/"),
    }
}

/// How long the edge waits for the client of a request.
fn waits(request: &RequestHeader, limits: &Limits) -> Waits {
    let kind = request.headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    // A call may be a conversation, in which it is no fault to have nothing to say.
    let call = kind.is_some_and(|kind| kind.starts_with(b"application/grpc"));
    let floor = if call { 0 } else { limits.min_rate };
    Waits {
        body: Patience { silence_max: limits.idle_timeout, floor, unseen: FRAME_MAX },
        answer: Patience { silence_max: STALL_MAX, floor, unseen: 0 },
    }
}
