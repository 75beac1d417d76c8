//! One worker: a thread with its own runtime, its own sockets and its own connections to endpoints, so that a request
//! never leaves the core that accepted it. What must be counted together belongs to the edge.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use pingora::{
    proxy::{HttpProxy, http_proxy},
    server::configuration::ServerConf,
};
use tokio::sync::mpsc;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use super::{accept::accept, door::Socket};
use crate::{
    edge::Edge,
    request::{Requests, hot},
};

/// Idle connections to endpoints that a worker keeps for the next request.
const IDLE_UPSTREAM: usize = 256;

/// Connections that are named when the edge cuts them off.
const NAMED_MAX: usize = 20;

/// What the connections of one worker share.
pub(crate) struct Worker {
    pub(crate) edge: Arc<Edge>,
    /// Requests go through here.
    pub(crate) proxy: Arc<HttpProxy<Requests>>,
    pub(crate) ending: Ending,
    /// Used by one request after the other, and by none while another waits.
    parser: Mutex<hot::Parser>,
}

impl Worker {
    /// The parser of headers; a new one if another request has it.
    pub(super) fn take_parser(&self) -> hot::Parser {
        std::mem::take(&mut self.parser.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives it back for the next request.
    pub(super) fn give_parser_back(&self, parser: hot::Parser) {
        *self.parser.lock().unwrap_or_else(PoisonError::into_inner) = parser;
    }
}

/// How connections come to their end; of the whole edge.
#[derive(Clone, Default)]
pub(crate) struct Ending {
    /// Connections and their requests; empty when the edge can go.
    pub(crate) connections: TaskTracker,
    /// Cancelled when what is still open is cut off.
    pub(crate) cut: CancellationToken,
    /// Those that were, so far.
    reported: Arc<AtomicUsize>,
}

impl Ending {
    /// Whether a connection that was cut is still to be named in the log: the first few say what the others were.
    pub(super) fn names_one_more(&self) -> bool {
        self.reported.fetch_add(1, Ordering::Relaxed) < NAMED_MAX
    }
}

/// A running worker, as the control plane sees it.
pub(crate) struct Handle {
    sockets: mpsc::UnboundedSender<(Socket, TaskTrackerToken)>,
    connections: TaskTracker,
}

impl Handle {
    /// Lets the worker accept at one more socket, until its door closes.
    pub(crate) fn serve(&self, socket: Socket) {
        // Counted from here on: the edge must not go before the last who stood at the door was let in. The worker ends only
        // with the process.
        self.sockets.send((socket, self.connections.token())).ok();
    }
}

/// Starts the worker `number`.
pub(crate) fn start(number: usize, edge: Arc<Edge>, ending: Ending) -> io::Result<Handle> {
    let (handle, mut sockets) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let connections = ending.connections.clone();
    let conf = ServerConf { threads: 1, upstream_keepalive_pool_size: IDLE_UPSTREAM, ..ServerConf::default() };
    let entered = runtime.enter();
    // Here, and not in its thread: it reads files, and without them there is no worker.
    let proxy = Arc::new(http_proxy(&Arc::new(conf), Requests::new(Arc::clone(&edge))));
    drop(entered);
    let serve = async move {
        let worker = Arc::new(Worker { edge, proxy, ending, parser: Mutex::default() });
        while let Some((socket, counted)) = sockets.recv().await {
            let worker = Arc::clone(&worker);
            tokio::spawn(async move {
                accept(socket, worker).await;
                drop(counted);
            });
        }
    };
    thread::Builder::new().name(format!("worker-{number}")).spawn(move || runtime.block_on(serve))?;
    Ok(Handle { sockets: handle, connections })
}
