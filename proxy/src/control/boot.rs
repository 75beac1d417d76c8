//! Checked configuration -> a running edge, and its orderly end.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use cache::Store;
use config::{
    Sources,
    model::{Boot, Config, ListenerId},
};
use pingora::{
    apps::{HttpServerOptions, ServerApp},
    cache::{lock::CacheLock, predictor::Predictor},
    listeners::tls::Acceptor,
    protocols::http::v2::server::default_h2_options,
    proxy::{HttpProxy, http_proxy},
    server::configuration::ServerConf,
};
use socket2::{Domain, Protocol, Socket as Socket2, Type};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_util::task::TaskTracker;

use super::{
    admin::{self, Admin},
    compile::{Compiled, compile},
    digest::digest,
    history::Cause,
    outside,
    reload::{ReloadError, Reloader, Request, admin_token},
    watch::{Folders, watch},
};
use crate::{
    clock,
    edge::{Cache, Edge},
    listen::{
        accept::{Socket, serve},
        tls::server_config,
    },
    request::{
        Requests,
        caching::{status::Outcome, storable::NotStored},
        refusal::Refusal,
    },
    snapshot::Published,
    telemetry::metric::Metrics,
};

/// A fill that takes longer lets others compete for it.
const FILL_MAX: Duration = Duration::from_secs(30);
/// Connections that wait to be accepted; the system caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// How long the end waits for the access log's sink.
const LOG_FLUSH_MAX: Duration = Duration::from_secs(2);
/// Keys that are remembered as uncacheable, over all shards: about 3 MB.
const UNCACHEABLE_KEYS: usize = 64 * 1024;
const UNCACHEABLE_SHARDS: usize = 16;
/// Pingora's own limit of a header list in HTTP/2, which counts 32 bytes more for each field than HTTP/1 would need.
const H2_HEADER_LIST_MIN: u32 = 64 * 1024;
/// Idle connections to endpoints that are kept for the next request.
const IDLE_UPSTREAM: usize = 1024;

/// Runs an edge until a signal ends it: `SIGTERM` or `SIGINT` gracefully, a second one at once; `SIGHUP` reloads.
pub(crate) fn run(file: &Path) -> Result<()> {
    let refused = |problems| anyhow!("{problems}");
    let sources = Sources::read(file).map_err(refused)?;
    let config = sources.interpret().map_err(refused)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.boot.workers)
        .enable_all()
        .thread_name("edge")
        .build()
        .context("cannot start the worker threads")?;
    let ended = runtime.block_on(Box::pin(run_edge(file, sources, config)));
    // What is still running was given its time to end.
    runtime.shutdown_background();
    ended
}

async fn run_edge(file: &Path, sources: Sources, config: Config) -> Result<()> {
    let (boot, live) = (config.boot.clone(), &config.live);
    let metrics = Metrics::new(&Outcome::LABELS, &Refusal::LABELS);
    let Compiled { snapshot, zones, expiries } = compile(live, &boot.listeners, &digest(&sources), &metrics, None)
        .map_err(|error| ReloadError::outside(outside::of_compile(&error), &sources))?;
    let token = admin_token(&config, &sources)?;
    let edge = Arc::new(Edge { published: Published::new(snapshot), metrics, cache: open_cache(zones)? });
    edge.metrics.config.went_live(&edge.published.load().hash, clock::wall(), &expiries);
    edge.metrics.config.last_reload_success.set(1);
    edge.metrics.config.sources(Cause::RELOADS.map(Cause::name));

    let mut signals = Signals::new()?;
    let (stop, stopping) = watch::channel(false);
    let connections = TaskTracker::new();
    let admin = bind("admin", boot.admin.bind)?;
    let Listeners { sockets, proxies } = open_listeners(&edge, &boot)?;
    for socket in sockets {
        tokio::spawn(serve(socket, stopping.clone(), connections.clone()));
    }
    let reloader = Arc::new(Reloader::new(Arc::clone(&edge), file, sources, config, token));
    let operators = Admin { edge: Arc::clone(&edge), reloader: Arc::clone(&reloader), draining: stopping.clone() };
    tokio::spawn(admin::serve(admin, Arc::new(operators)));
    if boot.watch {
        let folders = Folders::watch(file).await;
        let folders = folders.context("cannot watch the configuration's files (`process.watch`)")?;
        tokio::spawn(watch(Arc::clone(&reloader), folders));
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), hash = edge.published.load().hash, "the edge is ready");

    while signals.next().await == Asked::Reload {
        // Not awaited: it must be possible to stop an edge whose disk does not answer.
        let reloader = Arc::clone(&reloader);
        tokio::spawn(async move { reloader.reload(Request::Signal).await.ok() });
    }
    stop.send_replace(true);
    tracing::info!("stopping: no new connections; waiting for requests in flight");
    for proxy in &proxies {
        proxy.cleanup().await;
    }
    connections.close();
    tokio::select! {
        () = connections.wait() => tracing::info!("stopped; every request in flight was answered"),
        () = tokio::time::sleep(boot.drain_timeout) => {
            tracing::warn!(cut = connections.len(), "the drain timeout passed; connections were cut");
        }
        () = signals.stop() => tracing::warn!(cut = connections.len(), "told to stop again; connections were cut"),
    }
    if tokio::time::timeout(LOG_FLUSH_MAX, edge.published.load().access_log.flush()).await.is_err() {
        tracing::warn!("the access log was not written to its end: its sink is too slow");
    }
    Ok(())
}

/// The cache of this edge. Pingora takes `&'static`, so it is leaked once; its zones can be replaced.
fn open_cache(zones: cache::Options) -> Result<Cache> {
    let uncacheable =
        Predictor::<UNCACHEABLE_SHARDS>::new(UNCACHEABLE_KEYS / UNCACHEABLE_SHARDS, Some(NotStored::is_passing));
    Ok(Cache {
        store: Box::leak(Box::new(Store::new(zones)?)),
        lock: Box::leak(CacheLock::new_boxed(FILL_MAX)),
        uncacheable: Box::leak(Box::new(uncacheable)),
    })
}

/// What the listeners need while they run.
struct Listeners {
    sockets: Vec<Socket>,
    proxies: Vec<Arc<HttpProxy<Requests>>>,
}

/// Binds every address, so that a port in use is said before anything is served.
fn open_listeners(edge: &Arc<Edge>, boot: &Boot) -> Result<Listeners> {
    let conf = Arc::new(ServerConf {
        threads: boot.workers,
        upstream_keepalive_pool_size: IDLE_UPSTREAM,
        ..ServerConf::default()
    });
    let mut listeners = Listeners { sockets: Vec::new(), proxies: Vec::new() };
    for (index, model) in boot.listeners.iter().enumerate() {
        let id = ListenerId(u16::try_from(index).context("too many listeners")?);
        let mut proxy = http_proxy(&conf, Requests { edge: Arc::clone(edge), listener: id });
        let mut options = HttpServerOptions::default();
        options.h2_idle_timeout = Some(model.idle_timeout);
        proxy.server_options = Some(options);
        // Somewhat above the limit, so that it is the edge that refuses, with its own page.
        let mut h2 = default_h2_options();
        h2.max_header_list_size(u32::try_from(model.max_header.0 * 2).unwrap_or(u32::MAX).max(H2_HEADER_LIST_MIN));
        proxy.h2_options = Some(h2);
        let proxy = Arc::new(proxy);
        let tls = model.tls.as_ref().map(|tls| Acceptor::from_server_config(Arc::new(server_config(edge, id, tls))));
        let tls = tls.map(Arc::new);
        for address in &model.bind {
            let listener = bind(&model.name, *address)?;
            listeners.sockets.push(Socket { listener, tls: tls.clone(), proxy: Arc::clone(&proxy) });
        }
        listeners.proxies.push(proxy);
    }
    Ok(listeners)
}

fn bind(listener: &str, address: SocketAddr) -> Result<TcpListener> {
    let socket = bind_socket(address).with_context(|| {
        format!("cannot listen on {address} (listener `{listener}`); hint: `ss -ltnp` shows who holds a port")
    })?;
    let address = socket.local_addr().unwrap_or(address);
    tracing::info!(listener, %address, "listening");
    Ok(socket)
}

/// The two families are apart, whatever the system's default: `0.0.0.0:443` and `[::]:443` are two addresses.
fn bind_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket2::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Reload,
    Stop,
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
        }
    }

    /// Until asked to stop.
    async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
