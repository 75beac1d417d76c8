//! The accept loop of one socket.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
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
    let mut known = worker.edge.published.load().listener_at(&door.key).cloned();
    let mut wanting = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => {
                wanting = false;
                admit(tcp, peer, &door, &mut known, &worker);
            }
            Err(error) if is_for_want_of_means(&error) => {
                if !std::mem::replace(&mut wanting, true) {
                    tracing::error!(%error, "cannot accept connections; trying again");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            // Of this one connection (accept(2)).
            Err(_) => {}
        }
    }
    if !door.handed_over.load(Ordering::Acquire) {
        // Who already stands before the door is let in: closing the socket would reset them.
        // Asked of the system itself: the runtime may not have heard yet that somebody is there.
        let Ok(listener) = listener.into_std() else { return };
        for _ in 0..BACKLOG {
            let Ok((tcp, peer)) = listener.accept() else { return };
            let tcp = tcp.set_nonblocking(true).and_then(|()| TcpStream::from_std(tcp));
            tcp.into_iter().for_each(|tcp| admit(tcp, peer, &door, &mut known, &worker));
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

/// Whether the system has no descriptors or memory left: then the connection is still there, and trying again at once
/// would turn in circles.
fn is_for_want_of_means(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let want = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|error| want.contains(&error))
}
