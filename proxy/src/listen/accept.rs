//! The accept loop of one socket.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::{TcpListener, TcpStream};

use super::{
    admit::Place,
    connection,
    door::{Door, Socket},
    worker::Worker,
};
use crate::request::identify::{is_trusted, network};

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
    loop {
        let accepted = tokio::select! {
            biased; // who already stands before a closing door is still let in
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => return,
        };
        match accepted {
            Ok((tcp, peer)) => admit(tcp, peer, &door, &worker),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Lets a connection in, if there is room; else it is closed.
fn admit(tcp: TcpStream, peer: SocketAddr, door: &Arc<Door>, worker: &Arc<Worker>) {
    let snapshot = worker.edge.published.load();
    // A door that a reload just took away.
    let Some(listener) = snapshot.listener_at(&door.key) else { return };
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
