//! Checked configuration -> a running edge.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use cache::Store;
use config::{Sources, model::Config};
use pingora::cache::{lock::CacheLock, predictor::Predictor};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{
    admin::{self, Admin},
    certs::expiry,
    compile::{Compiled, compile},
    digest::digest,
    doors::{Doors, bind_alone},
    drain,
    history::Cause,
    outside,
    reload::{ReloadError, Reloader, Request, admin_token, renew},
    watch::{Folders, watch},
};
use crate::{
    clock,
    edge::{Cache, Edge},
    listen::{
        admit::Full,
        http2::Closed,
        worker::{self, Ending},
    },
    request::{
        caching::{status::Outcome, storable::NotStored},
        refusal::Refusal,
    },
    snapshot::Published,
    telemetry::metric::{Metrics, Reasons},
};

/// A fill that takes longer lets others compete for it.
const FILL_MAX: Duration = Duration::from_secs(30);
/// How long the end waits for the access log's sink.
const LOG_FLUSH_MAX: Duration = Duration::from_secs(2);
/// Keys that are remembered as uncacheable, over all shards: about 3 MB.
const UNCACHEABLE_KEYS: usize = 64 * 1024;
const UNCACHEABLE_SHARDS: usize = 16;

/// Runs an edge until a signal ends it: `SIGTERM` or `SIGINT` gracefully, a second one at once; `SIGHUP` reloads.
pub(crate) fn run(file: &Path) -> Result<()> {
    let refused = |problems| anyhow!("{problems}");
    let sources = Sources::read(file).map_err(refused)?;
    let config = sources.interpret().map_err(refused)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .thread_name("control")
        .build()
        .context("cannot start the control thread")?;
    let ended = runtime.block_on(Box::pin(run_edge(file, sources, config)));
    // What is still running was given its time to end.
    runtime.shutdown_background();
    ended
}

async fn run_edge(file: &Path, sources: Sources, config: Config) -> Result<()> {
    let boot = config.boot.clone();
    let ends = Reasons { refused: &Full::LABELS, closed: &Closed::LABELS };
    let metrics = Metrics::new(&Outcome::LABELS, &Refusal::LABELS, ends);
    let Compiled { snapshot, zones, expiries, files } = compile(&config.live, &digest(&sources), &metrics, None)
        .map_err(|error| ReloadError::outside(outside::of_compile(&error), &sources))?;
    let token = admin_token(&config, &sources)?;
    let edge = Arc::new(Edge { published: Published::new(snapshot), metrics, cache: open_cache(zones)? });
    edge.metrics.config.went_live(&edge.published.load().hash, clock::wall(), &expiries);
    edge.metrics.config.last_reload_success.set(1);
    edge.metrics.config.sources(Cause::RELOADS.map(Cause::name));

    let mut signals = Signals::new()?;
    let (leave, leaving) = watch::channel(false);
    let ending = Ending::default();
    let admin = bind_admin(boot.admin.bind)?;
    let doors = open_doors(&edge, &config, &sources, &ending)?;
    let reloader = Arc::new(Reloader::new(Arc::clone(&edge), file, sources, config, token, doors, files));
    let operators = Admin { edge: Arc::clone(&edge), reloader: Arc::clone(&reloader), draining: leaving };
    tokio::spawn(admin::serve(admin, Arc::new(operators)));
    tokio::spawn(renew::follow(Arc::clone(&reloader)));
    tokio::spawn(expiry::warn(Arc::clone(&edge)));
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
    leave.send_replace(true);
    drain::drain(&boot, &reloader, &ending, &mut signals).await;
    if tokio::time::timeout(LOG_FLUSH_MAX, edge.published.load().access_log.flush()).await.is_err() {
        tracing::warn!("the access log was not written to its end: its sink is too slow");
    }
    Ok(())
}

/// Starts the workers and opens every door, so that a port in use is said before anything is served.
fn open_doors(edge: &Arc<Edge>, config: &Config, sources: &Sources, ending: &Ending) -> Result<Doors> {
    let workers = (0..config.boot.workers).map(|number| worker::start(number, Arc::clone(edge), ending.clone()));
    let workers = workers.collect::<Result<_, _>>().context("cannot start the worker threads")?;
    let mut doors = Doors::new(workers);
    let opened = doors.open(&config.live.listeners);
    let opened = opened.map_err(|error| ReloadError::outside(outside::of_bind(&error), sources))?;
    doors.follow(opened).context("cannot hand the sockets to the workers")?;
    Ok(doors)
}

fn bind_admin(address: SocketAddr) -> Result<TcpListener> {
    let listener = bind_alone(address).with_context(|| {
        format!("cannot listen on {address} (`admin.bind`); hint: `ss -ltnp` shows who holds a port")
    })?;
    tracing::info!(listener = "admin", address = %listener.local_addr().unwrap_or(address), "listening");
    Ok(listener)
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

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Reload,
    Stop,
}

pub(super) struct Signals {
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
    pub(super) async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
