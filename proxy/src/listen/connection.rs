//! One connection of a client, from accepting to its end.

use std::{net::SocketAddr, os::fd::AsRawFd, sync::Arc, time::Duration};

use pingora::{
    apps::ServerApp,
    http::ResponseHeader,
    protocols::{GetSocketDigest, SocketDigest, Stream, l4::stream::Stream as TcpIo, raw_connect::ProxyDigest},
    proxy::Session,
};
use tokio::net::TcpStream;

use super::{admit::Place, door::Door, worker::Worker};
use crate::snapshot::Listener;

/// A client that has not finished its TLS handshake by then is not going to.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

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
    /// Whether it is TLS.
    pub(crate) tls: bool,
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
    if worker.ending.cut.run_until_cancelled(serve).await.is_none() {
        tracing::debug!(listener = listener.model.name, %peer, "the connection was cut");
    }
}

async fn serve(arrival: Arrival, worker: &Worker) {
    let Arrival { tcp, peer, listener, door, place } = arrival;
    let tls = listener.tls.is_some();
    let connection = Arc::new(Connection { listener, peer, client: peer, tls });
    if let Some(stream) = establish(tcp, &connection).await {
        worker.proxy.process_new(stream, &door.closing).await;
    }
    drop(place);
}

/// The connection as Pingora takes it; `None` if the handshake failed or took too long.
async fn establish(tcp: TcpStream, connection: &Arc<Connection>) -> Option<Stream> {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
    let peer = connection.peer;
    // Known already: spares a getpeername for each request.
    digest.peer_addr.set(Some(peer.into())).ok();
    let mut io: TcpIo = tcp.into();
    io.set_socket_digest(digest);
    pingora::protocols::GetProxyDigest::set_proxy_digest(&mut io, Arc::clone(connection).digest());
    let Some(tls) = &connection.listener.tls else { return Some(Box::new(io)) };
    match tokio::time::timeout(HANDSHAKE_MAX, tls.tls_handshake(io)).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "the TLS handshake failed");
            None
        }
        Err(_elapsed) => {
            tracing::debug!(%peer, "the TLS handshake took too long");
            None
        }
    }
}
