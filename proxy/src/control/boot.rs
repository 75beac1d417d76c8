//! Checked configuration -> a running edge, until it leaves.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use cache::Store;
use config::{
    Sources,
    model::{Boot, Config},
};
use pingora::cache::{lock::CacheLock, predictor::Predictor};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use super::{
    admin::{self, Admin},
    certs::{expiry, prints::Prints},
    compile::{Compiled, compile},
    descriptors,
    digest::digest,
    doors::{Doors, bind_alone},
    drain,
    handover::{Inherited, Program, Purpose, Successor},
    history::Cause,
    notify, outside,
    reload::{ReloadError, Reloader, Request, admin_token, renew},
    watch::{Folders, watch},
};
use crate::{
    clock,
    edge::{Cache, Edge},
    listen::{
        admit::Full,
        closed::Closed,
        http2,
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

/// What an edge is started with.
pub(crate) struct Start {
    /// The YAML file.
    pub(crate) file: PathBuf,
    /// Where the id of the process that serves is written.
    pub(crate) pid_file: Option<PathBuf>,
    /// Whether the process that started this one hands over to it.
    pub(crate) take_over: bool,
}

/// Runs an edge until a signal ends it: `SIGTERM` or `SIGINT` gracefully, a second one at once; `SIGHUP` reloads,
/// `SIGQUIT` hands over to a new process.
pub(crate) fn run(start: &Start) -> Result<()> {
    let program = Program::this().context("cannot find out how this program was started")?;
    let inherited = if start.take_over { Inherited::take_over() } else { Ok(Inherited::default()) };
    let inherited = inherited.context("cannot take over from the earlier process")?;
    let refused = |problems| anyhow!("{problems}");
    let sources = Sources::read(&start.file).map_err(refused)?;
    let config = sources.interpret().map_err(refused)?;
    descriptors::raise_limit();
    descriptors::warn_if_few(&config.live.listeners);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .thread_name("control")
        .build()
        .context("cannot start the control thread")?;
    let ended = runtime.block_on(Box::pin(async {
        let mut running = Running::start(start, sources, config, inherited).await?;
        running.until_it_leaves(start, &program).await;
        Ok(())
    }));
    // What is still running was given its time to end.
    runtime.shutdown_background();
    ended
}

/// A whole edge, serving.
struct Running {
    boot: Boot,
    edge: Arc<Edge>,
    reloader: Arc<Reloader>,
    ending: Ending,
    signals: Signals,
    /// The operators' listener, and what serves there.
    admin: std::net::TcpListener,
    operators: JoinHandle<()>,
    leave: watch::Sender<bool>,
}

impl Running {
    async fn start(start: &Start, sources: Sources, config: Config, mut inherited: Inherited) -> Result<Self> {
        let boot = config.boot.clone();
        let (edge, files) = new_edge(&config, &sources)?;
        let edge = Arc::new(edge);
        let token = admin_token(&config, &sources)?;
        let signals = Signals::new()?;
        let (leave, leaving) = watch::channel(false);
        let ending = Ending::default();
        let admin = bind_admin(boot.admin.bind, &mut inherited)?;
        let doors = open_doors(&edge, &config, &sources, &ending, &mut inherited)?;
        let reloader = Arc::new(Reloader::new(Arc::clone(&edge), &start.file, sources, config, token, doors, files));
        let operators = Admin { edge: Arc::clone(&edge), reloader: Arc::clone(&reloader), draining: leaving };
        let socket = TcpListener::from_std(admin.try_clone()?)?;
        let operators = tokio::spawn(admin::serve(socket, Arc::new(operators)));
        tokio::spawn(renew::follow(Arc::clone(&reloader)));
        tokio::spawn(expiry::warn(Arc::clone(&edge)));
        if boot.watch {
            let folders = Folders::watch(&start.file).await;
            let folders = folders.context("cannot watch the configuration's files (`process.watch`)")?;
            tokio::spawn(watch(Arc::clone(&reloader), folders));
        }
        if let Some(path) = &start.pid_file {
            write_pid(path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        tracing::info!(version = env!("CARGO_PKG_VERSION"), hash = edge.published.load().hash, "the edge is ready");
        notify::ready();
        inherited.ready();
        Ok(Self { boot, edge, reloader, ending, signals, admin, operators, leave })
    }

    async fn until_it_leaves(&mut self, start: &Start, program: &Program) {
        let mut left = Left::NotYet;
        while left == Left::NotYet {
            left = match self.signals.next().await {
                Asked::Stop => Left::Stopped,
                Asked::HandOver => self.hand_over(program).await,
                Asked::Reload => {
                    // Not awaited: it must be possible to stop an edge whose disk does not answer.
                    tokio::spawn(reload(Arc::clone(&self.reloader)));
                    Left::NotYet
                }
            };
        }
        let handed_over = left == Left::HandedOver;
        if handed_over {
            self.operators.abort();
            self.reloader.doors().await.close_handed_over();
        } else {
            notify::stopping();
            self.leave.send_replace(true);
            drain::close(&self.boot, &self.reloader, &mut self.signals).await;
        }
        drain::drain(&self.boot, &self.ending, &mut self.signals).await;
        let log = Arc::clone(&self.edge.published.load().access_log);
        if tokio::time::timeout(LOG_FLUSH_MAX, log.flush()).await.is_err() {
            tracing::warn!("the access log was not written to its end: its sink is too slow");
        }
        if let Some(path) = start.pid_file.as_ref().filter(|_| !handed_over) {
            std::fs::remove_file(path).ok();
        }
    }

    /// Starts the program anew and gives it the sockets. If it cannot serve, nothing has changed.
    async fn hand_over(&mut self, program: &Program) -> Left {
        match self.successor(program).await {
            Ok(Some(process)) => {
                tracing::info!(process, "handed over; this process answers what is in flight");
                Left::HandedOver
            }
            Ok(None) => Left::Stopped,
            Err(error) => {
                tracing::error!("hand-over failed, this process goes on: {error:#}");
                Left::NotYet
            }
        }
    }

    /// The id of the process that serves now; `None` if this one was told to stop meanwhile.
    async fn successor(&mut self, program: &Program) -> Result<Option<u32>> {
        let doors = self.reloader.doors().await;
        let admin = [(Purpose::Admin, std::slice::from_ref(&self.admin))];
        let successor = Successor::start(program, doors.offers().chain(admin))?;
        let ends = successor.ending();
        tracing::info!(process = successor.id(), "a new process takes over");
        let mut ready = tokio::task::spawn_blocking(move || successor.wait());
        tokio::select! {
            ready = &mut ready => Ok(Some(ready??)),
            () = self.signals.stop() => {
                ends();
                ready.await.ok();
                Ok(None)
            }
        }
    }
}

/// Whether an edge still serves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    NotYet,
    HandedOver,
    Stopped,
}

/// Whoever reads it finds a whole number at any time.
fn write_pid(path: &Path) -> io::Result<()> {
    let new = path.with_added_extension("new");
    std::fs::write(&new, format!("{}\n", std::process::id()))?;
    std::fs::rename(new, path)
}

async fn reload(reloader: Arc<Reloader>) {
    notify::reloading();
    let state = match reloader.reload(Request::Signal).await {
        Ok(_) => "serving",
        Err(_logged) => "serving; the last reload was refused",
    };
    notify::reloaded(state);
}

/// Everything that connections and operators share, with nobody let in yet.
fn new_edge(config: &Config, sources: &Sources) -> Result<(Edge, Prints)> {
    let ends = Reasons { refused: &Full::LABELS, closed: [&Closed::LABELS, &http2::Closed::LABELS] };
    let metrics = Metrics::new(&Outcome::LABELS, &Refusal::LABELS, ends);
    let Compiled { snapshot, zones, expiries, files } = compile(&config.live, &digest(sources), &metrics, None)
        .map_err(|error| ReloadError::outside(outside::of_compile(&error), sources))?;
    metrics.config.went_live(&snapshot.hash, clock::wall(), &expiries);
    metrics.config.last_reload_success.set(1);
    metrics.config.sources(Cause::RELOADS.map(Cause::name));
    Ok((Edge { published: Published::new(snapshot), metrics, cache: open_cache(zones)? }, files))
}

/// Starts the workers and opens every door, so that a port in use is said before anything is served.
fn open_doors(
    edge: &Arc<Edge>,
    config: &Config,
    sources: &Sources,
    ending: &Ending,
    inherited: &mut Inherited,
) -> Result<Doors> {
    let workers = (0..config.boot.workers).map(|number| worker::start(number, Arc::clone(edge), ending.clone()));
    let workers = workers.collect::<Result<_, _>>().context("cannot start the worker threads")?;
    let mut doors = Doors::new(workers);
    let opened = doors.open(&config.live.listeners, inherited);
    let opened = opened.map_err(|error| ReloadError::outside(outside::of_bind(&error), sources))?;
    doors.follow(opened).context("cannot hand the sockets to the workers")?;
    Ok(doors)
}

fn bind_admin(address: SocketAddr, inherited: &mut Inherited) -> Result<std::net::TcpListener> {
    let inherited = inherited.take(&Purpose::Admin).into_iter();
    // Unless the new configuration has it elsewhere.
    let mut inherited = inherited.filter(|socket| socket.local_addr().is_ok_and(|local| is_at(local, address)));
    let listener = inherited.next().map_or_else(|| bind_alone(address), Ok).with_context(|| {
        format!("cannot listen on {address} (`admin.bind`); hint: `ss -ltnp` shows who holds a port")
    })?;
    tracing::info!(listener = "admin", address = %listener.local_addr().unwrap_or(address), "listening");
    Ok(listener)
}

/// Whether a socket is where one is wanted, on any port if that is left open.
fn is_at(local: SocketAddr, wanted: SocketAddr) -> bool {
    local.ip() == wanted.ip() && (wanted.port() == 0 || local.port() == wanted.port())
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
    HandOver,
    Stop,
}

pub(super) struct Signals {
    hangup: Signal,
    quit: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            quit: listen(SignalKind::quit())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.quit.recv() => Asked::HandOver,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
        }
    }

    /// Until asked to stop.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
