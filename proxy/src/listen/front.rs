//! HTTP/1 of one connection: reads one head after the other, refuses what is ambiguous, late or too large, and hands
//! each request on to Pingora once. A client that begins with HTTP/2 is handed back, where that is allowed.
//!
//! Answers go out in the order of the requests. A client may send requests ahead (RFC 9112 s9.3.2); they wait here.

use std::{
    io,
    ops::ControlFlow,
    os::fd::RawFd,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pingora::{apps::HttpServerApp, protocols::http::ServerSession};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout, timeout_at},
};

use super::{
    closed::Closed,
    connection::Connection,
    http2::{self, Incoming},
    pace::{Pace, Patience, STALL_MAX},
    socket::OnSocket,
    transport::{Delivered, Tally, Transport},
    worker::Worker,
};
use crate::{clock, request::refusal::Refusal};

pub(crate) mod head;
pub(crate) mod chunked;
mod exchange;
mod hot;
mod io_type;
mod notes;
mod refuse;

pub(crate) use notes::Notes;

use self::{
    exchange::Exchange,
    head::{Framing, Head, Limits, Search},
    io_type::{Digests, H1Io, Shared},
};

/// How long is read on after the last answer, however much: what a fast client had under way would else reset the
/// connection, and its kernel forget the answer (RFC 9112 s9.6).
const LINGER_MAX: Duration = Duration::from_secs(2);

/// The requests of one connection.
struct Front<'w, S> {
    exchange: Shared<S>,
    digests: Digests,
    connection: Arc<Connection>,
    worker: &'w Worker,
}

/// What came instead of a head.
enum NoHead {
    /// The client left, or the edge is leaving.
    Over,
    /// The client said nothing for too long.
    Silence,
    /// Something else, whose first byte came at this time.
    Refused(Refusal, std::time::Instant),
    /// The client speaks HTTP/2, and may.
    Http2,
}

/// Serves a connection to its end, unless it turns out to be one of HTTP/2. `socket` is the descriptor beneath `io`.
pub(super) async fn serve<S>(io: S, socket: RawFd, connection: Arc<Connection>, worker: &Worker) -> Option<Incoming<S>>
where
    S: AsyncRead + AsyncWrite + OnSocket + Unpin + Send + 'static,
{
    let model = &connection.listener.model;
    let traffic = worker.edge.metrics.connections.traffic(&model.name).map(Tally::new);
    let floor = model.min_rate.0;
    let sending = Patience { floor, silence_max: model.idle_timeout, unseen: 0 };
    let taking = Patience { floor, silence_max: STALL_MAX, unseen: 0 };
    let digest = Arc::new(connection.socket_digest(socket));
    let delivered = Delivered::through(Some(Arc::clone(&digest)));
    let transport = Transport::new(io, Pace::new(taking), delivered, traffic);
    let front = Front {
        digests: Digests { id: socket, socket: digest, connection: Arc::new(Arc::clone(&connection).digest()) },
        exchange: Shared::new(Exchange::new(transport, sending, Arc::clone(&connection.notes))),
        connection,
        worker,
    };
    if front.run().await.is_break() {
        return None;
    }
    let Exchange { transport, arrived, .. } = front.exchange.into_inner()?;
    let (io, traffic) = transport.into_parts();
    Some(Incoming { io, arrived, traffic })
}

impl<S> Front<'_, S>
where
    S: AsyncRead + AsyncWrite + OnSocket + Unpin + Send + 'static,
{
    /// Continues as HTTP/2, or breaks the connection off at its end.
    async fn run(&self) -> ControlFlow<()> {
        let last = self.connection.listener.model.keepalive_requests;
        for number in 1..=last {
            let pipelined = number > 1 && self.exchange.lock().has_more();
            match self.next_head(number == 1).await {
                Ok(head) if self.pass_on(&head, pipelined, number == last).await => {}
                Ok(_) => break,
                Err(NoHead::Refused(refusal, since)) => {
                    self.refuse(refusal, since).await;
                    break;
                }
                Err(NoHead::Silence) => {
                    self.count(if number == 1 { Closed::NoRequest } else { Closed::Idle });
                    break;
                }
                Err(NoHead::Over) => break,
                Err(NoHead::Http2) => return ControlFlow::Continue(()),
            }
        }
        // A client that does not even take the rest of its answer is let go.
        timeout(LINGER_MAX, self.close()).await.ok();
        ControlFlow::Break(())
    }

    /// Waits for a request: for its first byte as long as a connection may be idle, then for all of its head as long as
    /// that may take. Before the first request only the latter is allowed for both.
    async fn next_head(&self, first: bool) -> Result<Head, NoHead> {
        let model = &self.connection.listener.model;
        let limits = Limits { bytes: model.max_header.as_usize(), fields: usize::from(model.max_headers) };
        let mut search = Search::default();
        let mut begun = first;
        let (mut deadline, mut since) = (None, None);
        loop {
            let nothing = {
                let mut exchange = self.exchange.lock();
                if !exchange.arrived.is_empty() {
                    since.get_or_insert_with(clock::instant);
                }
                let refused = |refusal| NoHead::Refused(refusal, since.unwrap_or_else(clock::instant));
                let may_be_http2 = first && model.h2c;
                match http2::begins(&exchange.arrived) {
                    Some(true) if may_be_http2 => return Err(NoHead::Http2),
                    None if may_be_http2 => {} // not read as HTTP/1 before it is clear what it is
                    _ => {
                        if let Some(head) = search.find(&exchange.arrived, limits).map_err(refused)? {
                            return Ok(head);
                        }
                    }
                }
                let nothing = search.found_nothing(&exchange.arrived);
                if exchange.ended {
                    return Err(NoHead::Over);
                }
                if nothing {
                    exchange.rest();
                }
                nothing
            };
            if !begun && !nothing {
                (begun, deadline) = (true, None);
            }
            let allowed = if begun { model.header_timeout } else { model.idle_timeout };
            let deadline = *deadline.get_or_insert_with(|| Instant::from_std(clock::instant() + allowed));
            let closes_at_once = nothing && !first;
            match timeout_at(deadline, self.arrive(closes_at_once)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false) | Err(_)) => return Err(NoHead::Over),
                Err(_elapsed) if nothing => return Err(NoHead::Silence),
                Err(_elapsed) => {
                    let since = since.unwrap_or_else(clock::instant);
                    return Err(NoHead::Refused(Refusal::HeaderTimeout, since));
                }
            }
        }
    }

    /// Reads more; false if the client left, or the edge wants to and nothing has begun. The first request of a
    /// connection that was accepted is still served.
    async fn arrive(&self, closes_at_once: bool) -> io::Result<bool> {
        let mut closing = self.connection.door.closing.clone();
        tokio::select! {
            biased; // what is there already is still a request
            arrived = std::future::poll_fn(|cx| self.exchange.lock().poll_arrive(cx)) => arrived.map(|bytes| bytes > 0),
            _ = closing.wait_for(|closing| *closing), if closes_at_once => Ok(false),
        }
    }

    /// Hands a request on and sends its answer. Whether another one may follow.
    async fn pass_on(&self, head: &Head, pipelined: bool, last: bool) -> bool {
        let mut bytes = self.exchange.lock().begin(head, pipelined);
        if !last && head.framing == Framing::Length(0) && self.worker.edge.answers_hits() {
            match self.answer_at_once(bytes).await {
                Ok(reusable) => return reusable,
                Err(given_back) => bytes = given_back,
            }
        }
        let io = H1Io { exchange: self.exchange.clone(), digests: self.digests.clone() };
        let mut session = ServerSession::new_http1(Box::new(io));
        session.set_pipelined_prefix(bytes);
        if last {
            session.set_keepalive_reuses_remaining(Some(0));
        }
        let mut served = self.worker.proxy.process_new_http(session, &self.connection.door.closing);
        let reusable = std::future::poll_fn(|cx| {
            let served = served.as_mut().poll(cx).map(|stream| stream.is_some());
            // It has nothing more to say for now.
            self.exchange.lock().send_held(cx);
            served
        })
        .await;
        let sent = std::future::poll_fn(|cx| self.exchange.lock().poll_send(cx)).await;
        let exchange = self.exchange.lock();
        if exchange.client_is_slow(sent.as_ref().err()) {
            self.count(Closed::SlowClient);
            exchange.transport.inner().abandon();
        }
        reusable && sent.is_ok() && exchange.is_over()
    }

    /// Says that nothing more comes, and reads on until the client has heard it.
    async fn close(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.exchange.lock().poll_shutdown(cx)).await?;
        loop {
            let read = std::future::poll_fn(|cx: &mut Context<'_>| -> Poll<io::Result<usize>> {
                let mut exchange = self.exchange.lock();
                exchange.arrived.clear();
                exchange.poll_arrive(cx)
            })
            .await?;
            if read == 0 {
                return Ok(());
            }
        }
    }

    fn count(&self, closed: Closed) {
        self.worker.edge.metrics.connections.closed(&self.connection.listener.model.name, closed.label());
    }
}
