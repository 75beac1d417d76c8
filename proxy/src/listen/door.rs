//! A door: one address that clients may come in by, with a socket for each worker.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use config::model::Listener;
use pingora::server::ShutdownWatch;
use serde::{Deserialize, Serialize};

/// Which address of the configuration a door belongs to. It stays the same when the listener is renamed or changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum DoorKey {
    /// A stated address.
    At(SocketAddr),
    /// Any free port; told apart by the listener's name and the place in its list.
    FreePort { address: SocketAddr, listener: String, index: usize },
}

impl DoorKey {
    /// The doors of a listener, with the addresses to bind, in its order.
    pub(crate) fn of(listener: &Listener) -> impl Iterator<Item = (Self, SocketAddr)> {
        listener.bind.iter().enumerate().map(|(index, &address)| match address.port() {
            0 => (Self::FreePort { address, listener: listener.name.clone(), index }, address),
            _ => (Self::At(address), address),
        })
    }
}

/// One address, as the connections that came in by it see it.
#[derive(Debug)]
pub(crate) struct Door {
    /// Which.
    pub(crate) key: DoorKey,
    /// Turns true when it closes: connections end after the request that they are at.
    pub(crate) closing: ShutdownWatch,
    /// Set before it closes if another process goes on accepting at its sockets.
    pub(crate) handed_over: Arc<AtomicBool>,
}

/// The socket of one worker at a door.
pub(crate) struct Socket {
    /// In non-blocking mode.
    pub(crate) listener: std::net::TcpListener,
    /// Where it stands.
    pub(crate) door: Arc<Door>,
}
