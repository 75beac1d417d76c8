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

/// Why doors cannot be opened.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Nobody is let in any more, for whatever reason a door is wanted.
    #[error("the edge is leaving")]
    Leaving,
}

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
    leaving: bool,
}

/// One door, with a socket for each worker; more, if an earlier process had more workers.
struct Open {
    key: DoorKey,
    /// Name of its listener when it was opened.
    listener: String,
    closing: watch::Sender<bool>,
    sockets: Vec<TcpListener>,
    handed_over: Arc<AtomicBool>,
}

/// What a configuration needs beyond what is open; dropped, it leaves no trace.
pub(crate) struct Opened {
    /// Each with the same sockets once more, for the workers.
    new: Vec<(Open, Vec<TcpListener>)>,
    wanted: Vec<DoorKey>,
}

impl Doors {
    /// No door yet.
    pub(crate) fn new(workers: Vec<worker::Handle>) -> Self {
        Self { workers, open: Vec::new(), leaving: false }
    }

    /// Binds what the listeners need and is not open yet. Nobody is let in before [`Self::follow`]; who comes meanwhile
    /// waits. What an earlier process handed over is not bound again.
    pub(crate) fn open(&self, listeners: &[Listener], inherited: &mut Inherited) -> Result<Opened, OpenError> {
        if self.leaving {
            return Err(OpenError::Leaving);
        }
        let mut opened = Opened { new: Vec::new(), wanted: Vec::new() };
        for listener in listeners {
            for (index, (key, address)) in DoorKey::of(listener).enumerate() {
                if !self.open.iter().any(|open| open.key == key) {
                    let known = inherited.take(&Purpose::Door(key.clone()));
                    let beside_own = self.has_port(address.port()) || inherited.has_port(address.port());
                    let failed = |cause| BindError { listener: listener.name.clone(), index, address, cause };
                    let sockets = bind(address, self.workers.len(), known, beside_own).map_err(failed)?;
                    let for_workers = sockets.iter().map(TcpListener::try_clone).collect::<Result<_, _>>();
                    let open = Open {
                        key: key.clone(),
                        listener: listener.name.clone(),
                        closing: watch::Sender::new(false),
                        sockets,
                        handed_over: Arc::default(),
                    };
                    opened.new.push((open, for_workers.map_err(failed)?));
                }
                opened.wanted.push(key);
            }
        }
        Ok(opened)
    }

    /// Lets clients in at the new doors and closes those that are no longer wanted.
    pub(crate) fn follow(&mut self, opened: Opened) {
        let Opened { new, wanted } = opened;
        for (open, sockets) in new {
            let handed_over = Arc::clone(&open.handed_over);
            let door = Arc::new(Door { key: open.key.clone(), closing: open.closing.subscribe(), handed_over });
            for (worker, listener) in self.workers.iter().cycle().zip(sockets) {
                worker.serve(Socket { listener, door: Arc::clone(&door) });
            }
            if let Some(address) = open.sockets.first().and_then(|socket| socket.local_addr().ok()) {
                tracing::info!(listener = open.listener, %address, "listening");
            }
            self.open.push(open);
        }
        self.open.retain(|open| wanted.contains(&open.key) || open.close());
    }

    /// Whether an own door is at this port, at whatever address.
    fn has_port(&self, port: u16) -> bool {
        let mut sockets = self.open.iter().flat_map(|open| &open.sockets);
        sockets.any(|socket| socket.local_addr().is_ok_and(|local| local.port() == port))
    }

    /// Every socket, to be handed over.
    pub(crate) fn offers(&self) -> io::Result<Vec<(Purpose, Vec<TcpListener>)>> {
        let offer = |open: &Open| {
            let sockets = open.sockets.iter().map(TcpListener::try_clone).collect::<Result<_, _>>()?;
            Ok((Purpose::Door(open.key.clone()), sockets))
        };
        self.open.iter().map(offer).collect()
    }

    /// Closes every door after another process has taken the sockets, but for those that it does not want: who waits there
    /// is let in by it.
    pub(crate) fn close_handed_over(&mut self, unwanted: &[Purpose]) {
        for open in &self.open {
            let taken = !unwanted.contains(&Purpose::Door(open.key.clone()));
            open.handed_over.store(taken, Ordering::Release);
        }
        self.close();
    }

    /// Closes every door for good: connections end after the request that they are at.
    pub(crate) fn close(&mut self) {
        self.leaving = true;
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
/// port, is found out; then the system may spread connections over them (`SO_REUSEPORT`, socket(7)). That cannot be found
/// out where one of our own is at the port already, as when `127.0.0.1` becomes `0.0.0.0`.
fn bind(
    address: SocketAddr,
    workers: usize,
    inherited: Vec<TcpListener>,
    beside_own: bool,
) -> io::Result<Vec<TcpListener>> {
    let mut sockets = inherited;
    if sockets.is_empty() {
        let first = socket(address)?;
        if beside_own {
            first.set_reuse_port(true)?;
        }
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
