//! Checked configuration -> a running edge, and its orderly end.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use cache::Store;
use config::model::{Boot, Config, ListenerId};
use pingora::{
    apps::{HttpServerOptions, ServerApp},
    cache::{lock::CacheLock, predictor::Predictor},
    listeners::tls::Acceptor,
    proxy::{HttpProxy, http_proxy},
    server::configuration::ServerConf,
};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_util::task::TaskTracker;

use super::{
    admin,
    compile::{Compiled, compile},
    reload::{Reloader, taken_over},
};
use crate::{
    edge::{Cache, Edge},
    listen::{
        accept::{Socket, serve},
        tls::server_config,
    },
    request::{Requests, caching::storable::NotStored},
    snapshot::Published,
    telemetry::metric::Metrics,
};

/// A fill that takes longer lets others compete for it.
const FILL_MAX: Duration = Duration::from_secs(30);
/// How long the end waits for the access log's sink.
const LOG_FLUSH_MAX: Duration = Duration::from_secs(2);
/// Keys that are remembered as uncacheable, over all shards: about 3 MB.
const UNCACHEABLE_KEYS: usize = 64 * 1024;
const UNCACHEABLE_SHARDS: usize = 16;
/// Idle connections to endpoints that are kept for the next request.
const IDLE_UPSTREAM: usize = 1024;

/// Runs an edge until a signal ends it: `SIGTERM` or `SIGINT` gracefully, a second one at once; `SIGHUP` reloads.
pub(crate) fn run(file: &Path) -> Result<()> {
    let config = config::load(file).map_err(|problems| anyhow!("{problems}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.boot.workers)
        .enable_all()
        .thread_name("edge")
        .build()
        .context("cannot start the worker threads")?;
    let ended = runtime.block_on(Box::pin(run_edge(file, config)));
    // What is still running was given its time to end.
    runtime.shutdown_background();
    ended
}

async fn run_edge(file: &Path, config: Config) -> Result<()> {
    let Config { boot, live } = config;
    let metrics = Metrics::new();
    let Compiled { snapshot, zones, expiries } =
        compile(&live, &boot.listeners, &metrics, None).map_err(with_causes)?;
    let edge = Arc::new(Edge { published: Published::new(snapshot), metrics, cache: open_cache(zones)? });
    taken_over(&edge, &expiries);

    let mut signals = Signals::new()?;
    let (stop, stopping) = watch::channel(false);
    let connections = TaskTracker::new();
    let admin = bind("admin", boot.admin.bind).await?;
    let (sockets, proxies) = open_listeners(&edge, &boot).await?;
    for socket in sockets {
        tokio::spawn(serve(socket, stopping.clone(), connections.clone()));
    }
    tokio::spawn(admin::serve(admin, Arc::clone(&edge), stopping.clone()));
    let drain_timeout = boot.drain_timeout;
    let mut reloader = Reloader::new(Arc::clone(&edge), file, boot);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), hash = edge.published.load().hash, "the edge is ready");

    while signals.next().await == Asked::Reload {
        reloader.reload();
    }
    tracing::info!("stopping: no new connections; waiting for requests in flight");
    stop.send_replace(true);
    for proxy in &proxies {
        proxy.cleanup().await;
    }
    connections.close();
    tokio::select! {
        () = connections.wait() => tracing::info!("stopped; every request in flight was answered"),
        () = tokio::time::sleep(drain_timeout) => {
            tracing::warn!(cut = connections.len(), "the drain timeout passed; connections were cut");
        }
        () = signals.stop() => tracing::warn!(cut = connections.len(), "told to stop again; connections were cut"),
    }
    edge.published.load().access_log.flush(LOG_FLUSH_MAX);
    Ok(())
}

/// An error with its causes in one line.
fn with_causes(error: impl std::error::Error + Send + Sync + 'static) -> anyhow::Error {
    let error = anyhow::Error::new(error);
    anyhow!("{error:#}")
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

/// Binds every address, so that a port in use is said before anything is served.
async fn open_listeners(edge: &Arc<Edge>, boot: &Boot) -> Result<(Vec<Socket>, Vec<Arc<HttpProxy<Requests>>>)> {
    let conf = Arc::new(ServerConf {
        threads: boot.workers,
        upstream_keepalive_pool_size: IDLE_UPSTREAM,
        ..ServerConf::default()
    });
    let (mut sockets, mut proxies) = (Vec::new(), Vec::new());
    for (index, model) in boot.listeners.iter().enumerate() {
        let id = ListenerId(u16::try_from(index).context("too many listeners")?);
        let mut proxy = http_proxy(&conf, Requests { edge: Arc::clone(edge), listener: id });
        let mut options = HttpServerOptions::default();
        options.h2_idle_timeout = Some(model.idle_timeout);
        proxy.server_options = Some(options);
        let proxy = Arc::new(proxy);
        let tls = model.tls.as_ref().map(|tls| Acceptor::from_server_config(Arc::new(server_config(edge, id, tls))));
        let tls = tls.map(Arc::new);
        for address in &model.bind {
            let listener = bind(&model.name, *address).await?;
            sockets.push(Socket { listener, tls: tls.clone(), proxy: Arc::clone(&proxy) });
        }
        proxies.push(proxy);
    }
    Ok((sockets, proxies))
}

async fn bind(listener: &str, address: SocketAddr) -> Result<TcpListener> {
    let socket = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} (listener `{listener}`); hint: `ss -ltnp` shows who holds a port")
    })?;
    let address = socket.local_addr().unwrap_or(address);
    tracing::info!(listener, %address, "listening");
    Ok(socket)
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
