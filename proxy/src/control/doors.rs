//! The sockets behind the doors: opened before a configuration goes live, closed after it no longer needs them.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use config::model::Listener;
use socket2::{Domain, Protocol, Socket as Socket2, Type};
use thiserror::Error;
use tokio::sync::watch;

use super::handover::{Inherited, Purpose};
use crate::listen::{
    accept::BACKLOG,
    door::{Door, DoorKey, Socket},
    worker,
};

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
    handed_over: Arc<AtomicBool>,
}

/// One door, with a socket for each worker; more, if an earlier process had more workers.
struct Open {
    key: DoorKey,
    /// Name of its listener when it was opened.
    listener: String,
    closing: watch::Sender<bool>,
    sockets: Vec<TcpListener>,
}

/// What a configuration needs beyond what is open; dropped, it leaves no trace.
pub(crate) struct Opened {
    new: Vec<Open>,
    wanted: Vec<DoorKey>,
}

impl Doors {
    /// No door yet.
    pub(crate) fn new(workers: Vec<worker::Handle>) -> Self {
        Self { workers, open: Vec::new(), handed_over: Arc::default() }
    }

    /// Binds what the listeners need and is not open yet. Nobody is let in before [`Self::follow`]; who comes meanwhile
    /// waits. What an earlier process handed over is not bound again.
    pub(crate) fn open(&self, listeners: &[Listener], inherited: &mut Inherited) -> Result<Opened, BindError> {
        let mut opened = Opened { new: Vec::new(), wanted: Vec::new() };
        for listener in listeners {
            for (index, (key, address)) in DoorKey::of(listener).enumerate() {
                if !self.open.iter().any(|open| open.key == key) {
                    let inherited = inherited.take(&Purpose::Door(key.clone()));
                    let sockets = bind(address, self.workers.len(), inherited);
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
            let handed_over = Arc::clone(&self.handed_over);
            let door = Arc::new(Door { key: open.key.clone(), closing: open.closing.subscribe(), handed_over });
            for (worker, socket) in self.workers.iter().cycle().zip(&open.sockets) {
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

    /// Every socket, to be handed over.
    pub(crate) fn offers(&self) -> impl Iterator<Item = (Purpose, &[TcpListener])> {
        self.open.iter().map(|open| (Purpose::Door(open.key.clone()), open.sockets.as_slice()))
    }

    /// Closes every door after another process has taken the sockets: who waits there is let in by it.
    pub(crate) fn close_handed_over(&mut self) {
        self.handed_over.store(true, Ordering::Release);
        self.close();
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
fn bind(address: SocketAddr, workers: usize, inherited: Vec<TcpListener>) -> io::Result<Vec<TcpListener>> {
    let mut sockets = inherited;
    if sockets.is_empty() {
        let first = socket(address)?;
        first.bind(&address.into())?;
        first.set_reuse_port(true)?;
        first.listen(BACKLOG.into())?;
        sockets.push(first.into());
    }
    let address = sockets[0].local_addr()?;
    while sockets.len() < workers {
        let further = socket(address)?;
        further.set_reuse_port(true)?;
        further.bind(&address.into())?;
        further.listen(BACKLOG.into())?;
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
pub(super) fn bind_alone(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG.into())?;
    Ok(socket.into())
}
