//! The accept loop of one socket: connection -> handshake -> Pingora.

use std::{io, os::fd::AsRawFd, sync::Arc, time::Duration};

use pingora::{
    apps::ServerApp,
    listeners::tls::Acceptor,
    protocols::{GetSocketDigest, SocketDigest, Stream, l4::stream::Stream as TcpIo},
    proxy::HttpProxy,
    server::ShutdownWatch,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::request::Requests;

/// A client that has not finished its TLS handshake by then is not going to.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Pause after an accept that failed for want of descriptors or memory, so that connections can end meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One bound socket and what is served on it.
pub(crate) struct Socket {
    pub(crate) listener: TcpListener,
    /// `Some` where TLS is spoken.
    pub(crate) tls: Option<Arc<Acceptor>>,
    pub(crate) proxy: Arc<HttpProxy<Requests>>,
}

/// Accepts until `shutdown` says so; each connection becomes a task of `connections`.
pub(crate) async fn serve(socket: Socket, mut shutdown: ShutdownWatch, connections: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.listener.accept() => accepted,
            _ = shutdown.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((tcp, _)) => {
                let (tls, proxy, shutdown) = (socket.tls.clone(), Arc::clone(&socket.proxy), shutdown.clone());
                connections.spawn(async move {
                    if let Some(stream) = establish(tcp, tls.as_deref()).await {
                        Box::pin(proxy.process_new(stream, &shutdown)).await;
                    }
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The connection as Pingora takes it; `None` if the handshake failed or took too long.
async fn establish(tcp: TcpStream, tls: Option<&Acceptor>) -> Option<Stream> {
    let peer = tcp.peer_addr().ok();
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
    if let Some(peer) = peer {
        // Known already: spares a getpeername for each request.
        digest.peer_addr.set(Some(peer.into())).ok();
    }
    let mut io: TcpIo = tcp.into();
    io.set_socket_digest(digest);
    let Some(tls) = tls else { return Some(Box::new(io)) };
    match tokio::time::timeout(HANDSHAKE_MAX, tls.tls_handshake(io)).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            tracing::debug!(?peer, %error, "the TLS handshake failed");
            None
        }
        Err(_elapsed) => {
            tracing::debug!(?peer, "the TLS handshake took too long");
            None
        }
    }
}

/// Errors of `accept` that say something about one connection rather than about us (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
