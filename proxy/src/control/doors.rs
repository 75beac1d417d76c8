//! The sockets behind the doors: opened before a configuration goes live, closed after it no longer needs them.

use std::{io, net::SocketAddr, sync::Arc};

use config::model::Listener;
use socket2::{Domain, Protocol, Socket as Socket2, Type};
use thiserror::Error;
use tokio::sync::watch;

use crate::listen::{
    door::{Door, DoorKey, Socket},
    worker,
};

/// Connections that wait to be accepted at each socket; the system caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// An address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address} (listener `{listener}`)")]
pub(crate) struct BindError {
    pub(crate) listener: String,
    /// Its place in the listener's list.
    pub(crate) index: usize,
    pub(crate) address: SocketAddr,
    #[source]
    pub(crate) cause: io::Error,
}

/// Every door of an edge and the workers that stand behind it.
pub(crate) struct Doors {
    workers: Vec<worker::Handle>,
    open: Vec<Open>,
}

/// One door, with a socket for each worker.
struct Open {
    key: DoorKey,
    /// Name of its listener when it was opened.
    listener: String,
    closing: watch::Sender<bool>,
    sockets: Vec<std::net::TcpListener>,
}

/// What a configuration needs beyond what is open; dropped, it leaves no trace.
pub(crate) struct Opened {
    new: Vec<Open>,
    wanted: Vec<DoorKey>,
}

impl Doors {
    /// No door yet.
    pub(crate) fn new(workers: Vec<worker::Handle>) -> Self {
        Self { workers, open: Vec::new() }
    }

    /// Binds what the listeners need and is not open yet. Nobody is let in before [`Self::follow`]; who comes meanwhile
    /// waits.
    pub(crate) fn open(&self, listeners: &[Listener]) -> Result<Opened, BindError> {
        let mut opened = Opened { new: Vec::new(), wanted: Vec::new() };
        for listener in listeners {
            for (index, (key, address)) in DoorKey::of(listener).enumerate() {
                if !self.open.iter().any(|open| open.key == key) {
                    let sockets = bind(address, self.workers.len());
                    let failed = |cause| BindError { listener: listener.name.clone(), index, address, cause };
                    let sockets = sockets.map_err(failed)?;
                    opened.new.push(Open {
                        key: key.clone(),
                        listener: listener.name.clone(),
                        closing: watch::Sender::new(false),
                        sockets,
                    });
                }
                opened.wanted.push(key);
            }
        }
        Ok(opened)
    }

    /// Lets clients in at the new doors and closes those that are no longer wanted.
    pub(crate) fn follow(&mut self, opened: Opened) -> io::Result<()> {
        let Opened { new, wanted } = opened;
        for open in &new {
            let door = Arc::new(Door { key: open.key.clone(), closing: open.closing.subscribe() });
            for (worker, socket) in self.workers.iter().zip(&open.sockets) {
                worker.serve(Socket { listener: socket.try_clone()?, door: Arc::clone(&door) });
            }
            if let Some(address) = open.sockets.first().and_then(|socket| socket.local_addr().ok()) {
                tracing::info!(listener = open.listener, %address, "listening");
            }
        }
        self.open.extend(new);
        self.open.retain(|open| wanted.contains(&open.key) || open.close());
        Ok(())
    }

    /// Closes every door: connections end after the request that they are at.
    pub(crate) fn close(&mut self) {
        self.open.retain(Open::close);
    }
}

impl Open {
    /// Always false: it is open no more.
    fn close(&self) -> bool {
        self.closing.send_replace(true);
        false
    }
}

/// One socket for each worker at one address. The first is bound alone, so that a second edge, or anything else at that
/// port, is found out; then the system may spread connections over them (`SO_REUSEPORT`, socket(7)).
fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<std::net::TcpListener>> {
    let first = socket(address)?;
    first.bind(&address.into())?;
    first.set_reuse_port(true)?;
    first.listen(BACKLOG)?;
    let mut sockets = vec![std::net::TcpListener::from(first)];
    let address = sockets[0].local_addr()?;
    for _ in 1..workers {
        let further = socket(address)?;
        further.set_reuse_port(true)?;
        further.bind(&address.into())?;
        further.listen(BACKLOG)?;
        sockets.push(further.into());
    }
    Ok(sockets)
}

/// The two families are apart, whatever the system's default: `0.0.0.0:443` and `[::]:443` are two addresses.
fn socket(address: SocketAddr) -> io::Result<Socket2> {
    let socket = Socket2::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// For the operators' listener, which has one socket.
pub(super) fn bind_alone(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    let socket = socket(address)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    tokio::net::TcpListener::from_std(socket.into())
}
