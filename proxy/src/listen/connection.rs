//! One connection of a client, from accepting to its end.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd, RawFd},
    sync::Arc,
};

use bytes::BytesMut;
use config::model::ProxyProtocol;
use http::HeaderValue;
use pingora::{
    http::ResponseHeader,
    protocols::{Digest, SocketDigest, raw_connect::ProxyDigest},
    proxy::Session,
};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{
    admit::Place,
    closed::Closed,
    door::Door,
    front::{self, Notes},
    http2::{self, Incoming},
    proxy_protocol::{self, Source},
    socket::{OnSocket, Socket},
    tls::{
        Tls,
        handshake::{self, Established},
    },
    transport::Tally,
    worker::Worker,
};
use crate::{
    request::identify::{is_trusted, network},
    snapshot::Listener,
    telemetry::metric::TlsMetrics,
};

/// Bytes that the kernel keeps beyond what it has sent. More of them would only hide how fast a client takes its answers;
/// it asks for more at half of them, which a busy worker has time enough to bring.
const UNSENT_MAX: u32 = 128 << 10;

/// A connection that was let in.
pub(super) struct Arrival {
    pub(super) tcp: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) listener: Arc<Listener>,
    pub(super) door: Arc<Door>,
    pub(super) place: Place,
}

/// What the requests of a connection know of it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Where it came in.
    pub(crate) door: Arc<Door>,
    /// That door's listener, as configured then; see [`Snapshot::listener_of`](crate::snapshot::Snapshot::listener_of).
    pub(crate) listener: Arc<Listener>,
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// Whom it is for: the other end, or who that says it speaks for.
    pub(crate) client: SocketAddr,
    /// What its handshake has settled; `None` where no TLS is spoken.
    pub(crate) tls: Option<Established>,
    /// What the requests of HTTP/1 leave to reading and writing, and the other way round.
    pub(crate) notes: Arc<Notes>,
}

impl Connection {
    /// What Pingora hands from the connection to each of its requests, refreshes in the background among them. It knows
    /// of no other field for that than the one that is for proxies before us.
    pub(crate) fn digest(self: Arc<Self>) -> ProxyDigest {
        let unused = ResponseHeader::build_no_case(200, Some(0)).expect("200 is a status");
        ProxyDigest::new(Box::new(unused), Some(Box::new(self)))
    }

    /// What Pingora asks of the socket; the peer is known already, which spares a getpeername for each request.
    pub(super) fn socket_digest(&self, socket: RawFd) -> SocketDigest {
        let digest = SocketDigest::from_raw_fd(socket);
        digest.peer_addr.set(Some(self.peer.into())).ok();
        digest
    }

    /// Whom the client has proven to be, as origins are told (`Client-Cert`).
    pub(crate) fn shown(&self) -> Option<&HeaderValue> {
        self.tls.as_ref()?.client.as_ref().map(|client| &client.field)
    }

    /// Whether no further request is wanted.
    pub(crate) fn is_closing(&self) -> bool {
        *self.door.closing.borrow()
    }

    /// The connection of a request.
    pub(crate) fn of(session: &Session) -> Option<&Arc<Self>> {
        session.digest()?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
    }
}

/// Serves a connection to its end, or until the edge cuts off what is still open.
pub(super) async fn run(arrival: Arrival, worker: Arc<Worker>) {
    let (peer, listener) = (arrival.peer, Arc::clone(&arrival.listener));
    let serve = Box::pin(serve(arrival, &worker));
    if worker.ending.cut.run_until_cancelled(serve).await.is_none() && worker.ending.names_one_more() {
        tracing::warn!(listener = listener.model.name, %peer, "the connection was cut");
    }
}

async fn serve(arrival: Arrival, worker: &Worker) {
    let Arrival { mut tcp, peer, listener, door, mut place } = arrival;
    if let Err(error) = tcp.set_nodelay(true).and_then(|()| SockRef::from(&tcp).set_tcp_notsent_lowat(UNSENT_MAX)) {
        tracing::debug!(%error, "cannot set TCP_NODELAY and TCP_NOTSENT_LOWAT");
    }
    let Some(client) = client(&mut tcp, peer, &listener, &mut place, worker).await else { return };
    let io = Socket::from(tcp);
    let socket = io.as_raw_fd();
    let connection = |tls| {
        let (listener, door) = (Arc::clone(&listener), Arc::clone(&door));
        Arc::new(Connection { door, listener, peer, client, tls, notes: Arc::default() })
    };
    let Some(tls) = &listener.tls else {
        let connection = connection(None);
        let http2 = front::serve(io, socket, Arc::clone(&connection), worker).await;
        return serve_http2(http2, socket, &connection, worker).await;
    };
    let Some((io, established)) = establish(io, tls, &listener, peer, &worker.edge.metrics.tls).await else {
        return;
    };
    let is_h2 = established.is_h2;
    let connection = connection(Some(established));
    let http2 = if is_h2 {
        let traffic = worker.edge.metrics.connections.traffic(&listener.model.name).map(Tally::new);
        Some(Incoming { io, arrived: BytesMut::new(), traffic })
    } else {
        front::serve(io, socket, Arc::clone(&connection), worker).await
    };
    serve_http2(http2, socket, &connection, worker).await;
}

async fn serve_http2<S>(incoming: Option<Incoming<S>>, socket: RawFd, connection: &Arc<Connection>, worker: &Worker)
where
    S: AsyncRead + AsyncWrite + OnSocket + Unpin,
{
    let Some(incoming) = incoming else { return };
    let model = &connection.listener.model;
    let digest = Arc::new(Digest {
        socket_digest: Some(Arc::new(connection.socket_digest(socket))),
        proxy_digest: Some(Arc::new(Arc::clone(connection).digest())),
        ..Digest::default()
    });
    let limits = http2::Limits::of(model);
    let closed = http2::serve(incoming, limits, digest, worker, connection).await;
    if let Some(cause) = closed {
        tracing::debug!(listener = model.name, peer = %connection.peer, cause = cause.label(), "ended the connection");
        worker.edge.metrics.connections.closed(&model.name, cause.label());
    }
}

/// The encrypted stream, and what its handshake has settled; `None` if that came to nothing.
async fn establish(
    socket: Socket,
    tls: &Tls,
    listener: &Listener,
    peer: SocketAddr,
    metrics: &TlsMetrics,
) -> Option<(TlsStream<Socket>, Established)> {
    let local = socket.local().map(|address| address.ip());
    match handshake::accept(tls, local, socket).await {
        Ok((stream, established)) => {
            metrics.established(established.version, established.resumed);
            Some((stream, established))
        }
        Err(error) => {
            metrics.failed(error.label());
            tracing::debug!(listener = listener.model.name, %peer, %error, "the TLS handshake failed");
            None
        }
    }
}

/// Whom a connection is for; `None` if nobody who may say so says it, or if that client holds too many already.
async fn client(
    tcp: &mut TcpStream,
    peer: SocketAddr,
    listener: &Listener,
    place: &mut Place,
    worker: &Worker,
) -> Option<SocketAddr> {
    let expected = listener.model.proxy_protocol;
    if expected == ProxyProtocol::Off {
        return Some(peer);
    }
    let metrics = &worker.edge.metrics.connections;
    let name = &listener.model.name;
    if !is_trusted(peer.ip(), &worker.edge.published.load().trusted_proxies) {
        metrics.closed(name, Closed::UntrustedProxy.label());
        return None;
    }
    let header = proxy_protocol::read(tcp, expected);
    let client = match tokio::time::timeout(listener.model.header_timeout, header).await.map_err(io::Error::from) {
        Ok(Ok(Source::Client(client))) => client,
        Ok(Ok(Source::Proxy)) => return Some(peer),
        Ok(Err(error)) | Err(error) => {
            tracing::debug!(%peer, %error, "no header of the PROXY protocol");
            metrics.closed(name, Closed::ProxyHeader.label());
            return None;
        }
    };
    match place.count(network(client.ip()), listener.model.connections) {
        Ok(()) => Some(client),
        Err(full) => {
            metrics.refused(name, full.label());
            None
        }
    }
}
