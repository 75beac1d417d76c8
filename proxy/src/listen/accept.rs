//! The accept loop of one socket.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream};

use super::{
    admit::Place,
    connection,
    door::{Door, Socket},
    worker::Worker,
};
use crate::{
    request::identify::{is_trusted, network},
    snapshot::Listener,
};

/// Connections that wait to be accepted at each socket; the system caps it at `net.core.somaxconn`.
pub(crate) const BACKLOG: u16 = 4096;
/// Pause after an accept that failed for want of descriptors or memory, so that connections can end meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the door closes; each connection becomes a task.
pub(super) async fn accept(socket: Socket, worker: Arc<Worker>) {
    let Socket { listener, door } = socket;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, ?door, "cannot accept connections at all"),
    };
    let mut closing = door.closing.clone();
    let mut known = None;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => admit(tcp, peer, &door, &mut known, &worker),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if !door.handed_over.load(Ordering::Acquire) {
        // Who already stands before the door is let in: closing the socket would reset them.
        for _ in 0..BACKLOG {
            let Poll::Ready(Ok((tcp, peer))) = listener.poll_accept(&mut Context::from_waker(Waker::noop())) else {
                return;
            };
            admit(tcp, peer, &door, &mut known, &worker);
        }
    }
}

/// Lets a connection in, if there is room; else it is closed.
fn admit(tcp: TcpStream, peer: SocketAddr, door: &Arc<Door>, known: &mut Option<Arc<Listener>>, worker: &Arc<Worker>) {
    let snapshot = worker.edge.published.load();
    if let Some(listener) = snapshot.listener_at(&door.key) {
        *known = Some(Arc::clone(listener));
    }
    // A door that a reload takes away closes as it was; one without a listener never had a client.
    let Some(listener) = known else { return };
    let client = (!is_trusted(peer.ip(), &snapshot.trusted_proxies)).then(|| network(peer.ip()));
    match Place::take(&listener.places, listener.model.connections, client) {
        Ok(place) => {
            let arrival =
                connection::Arrival { tcp, peer, listener: Arc::clone(listener), door: Arc::clone(door), place };
            worker.ending.connections.spawn(connection::run(arrival, Arc::clone(worker)));
        }
        Err(full) => worker.edge.metrics.connections.refused(&listener.model.name, full.label()),
    }
}

/// Errors of `accept` that say something about one connection rather than about us (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
