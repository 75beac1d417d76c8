//! One connection of a client, from accepting to its end.

use std::{net::SocketAddr, os::fd::AsRawFd, sync::Arc};

use pingora::{
    apps::ServerApp,
    http::ResponseHeader,
    protocols::{
        ALPN, Digest, GetSocketDigest, SocketDigest, Stream, l4::stream::Stream as TcpIo, raw_connect::ProxyDigest,
    },
    proxy::Session,
};
use tokio::net::TcpStream;

use super::{
    admit::Place,
    door::Door,
    http2,
    tls::{
        handshake::{self, Established},
        stream::TlsIo,
    },
    worker::Worker,
};
use crate::{snapshot::Listener, telemetry::metric::TlsMetrics};

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
    /// Where it came in, as configured then; see [`Snapshot::listener_of`](crate::snapshot::Snapshot::listener_of).
    pub(crate) listener: Arc<Listener>,
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// Whom it is for: the other end, or who that says it speaks for.
    pub(crate) client: SocketAddr,
    /// What its handshake has settled; `None` where no TLS is spoken.
    pub(crate) tls: Option<Established>,
}

impl Connection {
    /// What Pingora hands from the connection to each of its requests, refreshes in the background among them. It knows
    /// of no other field for that than the one that is for proxies before us.
    pub(crate) fn digest(self: Arc<Self>) -> ProxyDigest {
        let unused = ResponseHeader::build_no_case(200, Some(0)).expect("200 is a status");
        ProxyDigest::new(Box::new(unused), Some(Box::new(self)))
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
    let Arrival { tcp, peer, listener, door, place } = arrival;
    if let Some((mut stream, tls)) = establish(tcp, peer, &listener, &worker.edge.metrics.tls).await {
        let connection = Arc::new(Connection { listener, peer, client: peer, tls });
        // Known already: spares a getpeername for each request.
        let socket = stream.get_socket_digest();
        socket.iter().for_each(|socket| drop(socket.peer_addr.set(Some(connection.peer.into()))));
        stream.set_proxy_digest(Arc::clone(&connection).digest());
        match stream.selected_alpn_proto() {
            Some(ALPN::H2) => serve_http2(stream, &connection, worker, &door).await,
            _ => drop(worker.proxy.process_new(stream, &door.closing).await),
        }
    }
    drop(place);
}

async fn serve_http2(io: Stream, connection: &Connection, worker: &Worker, door: &Door) {
    let model = &connection.listener.model;
    let (socket_digest, proxy_digest) = (io.get_socket_digest(), io.get_proxy_digest());
    let digest = Arc::new(Digest { socket_digest, proxy_digest, ..Digest::default() });
    let closed = http2::serve(io, http2::Limits::of(model), digest, &worker.proxy, door.closing.clone()).await;
    if let Some(cause) = closed {
        tracing::debug!(listener = model.name, peer = %connection.peer, cause = cause.label(), "ended the connection");
        worker.edge.metrics.connections.closed(&model.name, cause.label());
    }
}

/// The connection as Pingora takes it, and what its handshake has settled; `None` if that came to nothing.
async fn establish(
    tcp: TcpStream,
    peer: SocketAddr,
    listener: &Listener,
    metrics: &TlsMetrics,
) -> Option<(Stream, Option<Established>)> {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let local = tcp.local_addr().ok().map(|address| address.ip());
    let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
    let mut io: TcpIo = tcp.into();
    io.set_socket_digest(digest);
    let Some(tls) = &listener.tls else { return Some((Box::new(io), None)) };
    match handshake::accept(tls, local, io).await {
        Ok((stream, established)) => {
            metrics.established(established.version, established.resumed);
            Some((Box::new(TlsIo::new(stream, established.is_h2)), Some(established)))
        }
        Err(error) => {
            metrics.failed(error.label());
            tracing::debug!(listener = listener.model.name, %peer, %error, "the TLS handshake failed");
            None
        }
    }
}
