//! Checked configuration -> a running edge, until it leaves.

use std::{net::SocketAddr, num::NonZero, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use cache::Store;
use config::{Sources, model::Config};
use pingora::cache::lock::CacheLock;

use super::{
    certs::prints::Prints,
    compile::{Compiled, compile},
    descriptors,
    digest::digest,
    discover::Discovery,
    doors::{Doors, bind_alone},
    handover::{Inherited, Program, Purpose},
    history::Cause,
    outside,
    reload::ReloadError,
    running::Running,
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
    request::{caching::status::Outcome, coding::compress::Compressor, refusal::Refusal, via::Pseudonym},
    snapshot::Published,
    telemetry::metric::{Metrics, Reasons},
};

/// A fill that takes longer lets others compete for it.
const FILL_MAX: Duration = Duration::from_secs(30);

/// What an edge is started with.
pub(crate) struct Start {
    /// The YAML file.
    pub(crate) file: PathBuf,
    /// Where the id of the process that serves is written.
    pub(crate) pid_file: Option<PathBuf>,
    /// Whether the process that started this one hands over to it.
    pub(crate) take_over: bool,
    /// Whether fresh stored answers take the short way.
    pub(crate) hot: bool,
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
        match Running::start(start, sources, config, inherited).await? {
            Some(running) => running.until_it_leaves(&program).await,
            None => Ok(()),
        }
    }));
    // What is still running was given its time to end.
    runtime.shutdown_background();
    ended
}

/// Everything that connections and operators share, with nobody let in yet.
pub(super) fn new_edge(config: &Config, sources: &Sources, discovery: &Discovery, hot: bool) -> Result<(Edge, Prints)> {
    let ends = Reasons { refused: &Full::LABELS, closed: [&Closed::LABELS, &http2::Closed::LABELS] };
    let metrics = Metrics::new(&Outcome::LABELS, &Refusal::LABELS, ends);
    let Compiled { snapshot, zones, expiries, files } =
        compile(&config.live, &digest(sources), &metrics, discovery, None)
            .map_err(|error| ReloadError::outside(outside::of_compile(&error), sources))?;
    metrics.config.went_live(&snapshot.hash, clock::wall(), &expiries);
    metrics.config.last_reload_success.set(1);
    metrics.config.sources(Cause::RELOADS.map(Cause::name));
    // Half of the cores at most: the others go on serving.
    let compressor = Compressor::new((available_cores() / 2).max(1));
    let (cache, pseudonym) = (open_cache(zones)?, Pseudonym::new(rand::random()));
    Ok((Edge { published: Published::new(snapshot), metrics, cache, compressor, hot, pseudonym }, files))
}

/// Starts the workers and opens every door, so that a port in use is said before anything is served.
pub(super) fn open_doors(
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
    let opened = opened.map_err(|error| ReloadError::opening(&error, sources))?;
    doors.follow(opened);
    Ok(doors)
}

pub(super) fn bind_admin(address: SocketAddr, inherited: &mut Inherited) -> Result<std::net::TcpListener> {
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

fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The cache of this edge. Pingora takes `&'static`, so it is leaked once; its zones can be replaced.
fn open_cache(zones: cache::Options) -> Result<Cache> {
    Ok(Cache {
        store: Box::leak(Box::new(Store::new(zones)?)),
        lock: Box::leak(CacheLock::new_boxed(FILL_MAX)),
        uncacheable: Box::leak(Box::default()),
        variants: Box::leak(Box::default()),
    })
}
