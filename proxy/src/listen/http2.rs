//! HTTP/2: one connection from its preface to its end.
//!
//! Framing, header compression and flow control are the h2 crate's. Pingora's own server on top of it lets a client that
//! takes nothing hold its answers for ever, writes over the origin's `Date` and drops every `1xx`; this one does not.

use std::{future::poll_fn, sync::Arc, time::Duration};

use bytes::BytesMut;
use config::model::Listener;
use h2::{Reason, server};
use pingora::protocols::Digest;
use tokio::io::{AsyncRead, AsyncWrite};

mod answer;
mod body;
mod driver;
mod frames;
mod guarded;
mod hot;
mod session;

use self::{
    driver::{Driver, Event},
    frames::PREFACE,
    guarded::{Guarded, Watched},
    hot::AtHand,
};
use super::{connection::Connection, socket::OnSocket, transport::Tally, worker::Worker};
use crate::clock;

/// Streams that the h2 crate resets for the client's faults, over the life of a connection.
const FAULTS_MAX: usize = 100;
/// Streams that the client resets before they were even looked at. The crate's own 20 are soon passed by a browser that
/// leaves a page; a flood is counted in [`frames`] besides.
const RESETS_UNSEEN_MAX: usize = 100;
/// What a client may send of one body before the origin takes it: 256 KiB each round trip of 100 ms are 20 Mbit/s.
const STREAM_WINDOW: u32 = 256 << 10;
/// And of all bodies of one connection: bounds the memory that it can fill.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// What is kept of one answer beyond what the socket takes; with 100 streams 6.4 MB in a connection that stalls, until
/// [`STALL_MAX`](super::pace::STALL_MAX) ends it.
const SEND_BUFFER: usize = 64 << 10;
/// The least size of a frame's payload, and what clients use (RFC 9113 s6.5.2).
const FRAME_MAX: u32 = 16 << 10;

/// The h2 crate counts 32 bytes more for each field than HTTP/1 would need.
const HEADER_LIST_MIN: u32 = 64 << 10;

/// What a listener allows of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests under way at a time.
    pub(crate) streams: u32,
    /// Requests in all; then the client is asked to connect anew.
    pub(crate) requests: u32,
    /// Bytes of a header as the h2 crate counts them, with 32 for each field.
    pub(crate) header_list: u32,
    /// For a header once it has begun; for the preface.
    pub(crate) header_timeout: Duration,
    /// Without a request under way; within a body without a byte.
    pub(crate) idle_timeout: Duration,
    /// Bytes per second of a body in either direction, while the edge waits for the client.
    pub(crate) min_rate: u64,
}

impl Limits {
    /// Those of a listener.
    pub(crate) fn of(listener: &Listener) -> Self {
        // Somewhat above the limit, so that it is the edge that refuses, with its own page.
        let header_list = u32::try_from(listener.max_header.0 * 2).unwrap_or(u32::MAX).max(HEADER_LIST_MIN);
        Self {
            streams: listener.http2.streams,
            requests: listener.keepalive_requests,
            header_list,
            header_timeout: listener.header_timeout,
            idle_timeout: listener.idle_timeout,
            min_rate: listener.min_rate.0,
        }
    }
}

/// Why the edge ends a connection that it would have kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The client speaks no HTTP/2, or breaks its rules.
    ProtocolError,
    /// Too many malformed requests.
    Malformed,
    /// Too many requests taken back.
    Resets,
    /// Too many frames that carry nothing.
    Frames,
    /// More of something than the h2 crate bears: continuations, empty frames, resets.
    Excess,
    /// A header was begun and not finished in time.
    SlowHeader,
    /// The client takes nothing of what is written to it.
    Stalled,
}

impl Closed {
    /// Every label.
    pub(crate) const LABELS: [&'static str; 7] =
        ["protocol_error", "malformed", "resets", "frames", "excess", "slow_header", "stalled"];

    /// The `reason` label in metrics.
    pub(crate) fn label(self) -> &'static str {
        Self::LABELS[self as usize]
    }

    fn of(error: &h2::Error) -> Option<Self> {
        if !error.is_library() {
            // The client left, well or not.
            return None;
        }
        Some(if error.reason() == Some(Reason::ENHANCE_YOUR_CALM) { Self::Excess } else { Self::ProtocolError })
    }

    /// What the client is told.
    fn reason(self) -> Reason {
        if self == Self::ProtocolError { Reason::PROTOCOL_ERROR } else { Reason::ENHANCE_YOUR_CALM }
    }
}

/// A connection that speaks HTTP/2.
pub(crate) struct Incoming<S> {
    pub(crate) io: S,
    /// What was read of it already.
    pub(crate) arrived: BytesMut,
    /// What it carries from and to the client; holds what has arrived.
    pub(crate) traffic: [Tally; 2],
}

/// Whether a connection that begins with these bytes speaks HTTP/2 (RFC 9113 s3.3); `None` if they are too few to tell.
pub(crate) fn begins(bytes: &[u8]) -> Option<bool> {
    if bytes.len() < PREFACE.len() {
        (!PREFACE.starts_with(bytes)).then_some(false)
    } else {
        Some(bytes.starts_with(PREFACE))
    }
}

/// Serves a connection until it is over, and its requests; `Some` if the edge had cause to end it.
pub(crate) async fn serve<T>(
    incoming: Incoming<T>,
    limits: Limits,
    digest: Arc<Digest>,
    worker: &Worker,
    connection: &Arc<Connection>,
) -> Option<Closed>
where
    T: AsyncRead + AsyncWrite + OnSocket + Unpin,
{
    let mut closing = connection.door.closing.clone();
    let at_hand = AtHand { edge: Arc::clone(&worker.edge), connection: Arc::clone(connection) };
    let watched = Watched::new(clock::instant());
    let Incoming { io, arrived, traffic } = incoming;
    let handshake = builder(&limits).handshake(Guarded::new(io, arrived, watched.clone(), traffic));
    let h2 = match tokio::time::timeout(limits.header_timeout, handshake).await {
        Ok(Ok(h2)) => h2,
        Ok(Err(error)) => return Closed::of(&error),
        Err(_elapsed) => return Some(Closed::SlowHeader),
    };
    let mut driver = Driver::new(h2, watched, limits);
    let closed = loop {
        let event = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing), if !driver.is_leaving() => {
                driver.leave();
                continue;
            }
            event = poll_fn(|cx| driver.poll(cx)) => event,
        };
        let cause = match event {
            Event::Request(request, respond) => match driver.admit(*request, respond, &digest, &worker.proxy, &at_hand)
            {
                Ok(()) => continue,
                Err(cause) => Some(cause),
            },
            Event::Idle => None,
            Event::Close(cause) => Some(cause),
            Event::Over(error) => break error.as_ref().and_then(Closed::of),
        };
        driver.farewell(cause.map_or(Reason::NO_ERROR, Closed::reason)).await;
        break cause;
    };
    driver.let_go().await;
    closed
}

fn builder(limits: &Limits) -> server::Builder {
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_list)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_MAX)
        .max_send_buffer_size(SEND_BUFFER)
        // Those that it knows nothing of any more, it takes for a fault of the whole connection.
        .max_concurrent_reset_streams(limits.streams as usize)
        .max_pending_accept_reset_streams(RESETS_UNSEEN_MAX)
        .max_local_error_reset_streams(Some(FAULTS_MAX));
    builder
}
