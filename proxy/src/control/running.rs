//! A running edge, from its first connection to its last.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use config::{
    Sources,
    model::{Boot, Config},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::task::AbortOnDropHandle;

use super::{
    admin::{self, Admin},
    boot::{Start, bind_admin, new_edge, open_doors},
    cache,
    certs::expiry,
    discover::{BrokenList, Discovery, resolve},
    drain,
    handover::{HandoverError, Inherited, Program, Purpose, Serving, Successor},
    notify,
    reload::{Reloader, Request, admin_token, renew},
    signals::{Asked, Signals},
    tend::Tender,
    watch::{folders_of, watch},
};
use crate::{
    clock,
    edge::Edge,
    listen::worker::Ending,
    request::balance::{ByHand, Row},
};

/// How long the end waits for the access log's sink.
const LOG_FLUSH_MAX: Duration = Duration::from_secs(2);
/// How long it waits until the cache's disks are sealed; what is not sealed is read back as far as it is whole.
const DISK_RELEASE_MAX: Duration = Duration::from_secs(10);

/// A whole edge, serving.
pub(super) struct Running {
    boot: Boot,
    edge: Arc<Edge>,
    reloader: Arc<Reloader>,
    ending: Ending,
    signals: Signals,
    /// The operators' listener, and what serves there.
    admin: std::net::TcpListener,
    operators: JoinHandle<()>,
    /// What changes the configuration by itself.
    followers: Vec<JoinHandle<()>>,
    /// What finds endpoints and tends them, for as long as anything is asked of them.
    _tending: [AbortOnDropHandle<()>; 3],
    leave: watch::Sender<bool>,
    pid_file: Option<PathBuf>,
}

/// Why an edge leaves.
enum Leaves {
    Stopped,
    HandedOver(Serving),
}

impl Running {
    /// Serves, and tells the earlier process, if there is one, that it may go. `None`: told to stop before that.
    pub(super) async fn start(
        start: &Start,
        sources: Sources,
        config: Config,
        mut inherited: Inherited,
    ) -> Result<Option<Self>> {
        let boot = config.boot.clone();
        // First of all: what comes next may take seconds.
        let mut signals = Signals::new()?;
        let discovery = Arc::new(Discovery::default());
        let resolving = AbortOnDropHandle::new(tokio::spawn(resolve(Arc::clone(&discovery))));
        tokio::select! {
            learnt = learn(&discovery, &config, start.take_over) => learnt?,
            () = signals.stop() => return Ok(None),
        }
        let (edge, files) = new_edge(&config, &sources, &discovery, start.hot)?;
        let edge = Arc::new(edge);
        let token = admin_token(&config, &sources)?;
        let (leave, leaving) = watch::channel(false);
        let ending = Ending::default();
        let admin = bind_admin(boot.admin.bind, &mut inherited)?;
        let doors = open_doors(&edge, &config, &sources, &ending, &mut inherited)?;
        let tender = Arc::new(Tender::new(Arc::clone(&edge), discovery));
        let tending = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&tender).tend()));
        let reloader = Reloader::new(Arc::clone(&tender), &start.file, sources, config, token, doors, files);
        let reloader = Arc::new(reloader);
        let operators = Admin { reloader: Arc::clone(&reloader), tender, draining: leaving };
        let socket = TcpListener::from_std(admin.try_clone()?)?;
        let operators = tokio::spawn(admin::serve(socket, Arc::new(operators)));
        let mut followers =
            vec![tokio::spawn(renew::follow(Arc::clone(&reloader))), tokio::spawn(expiry::warn(Arc::clone(&edge)))];
        if boot.watch {
            let folders = folders_of(&start.file).await;
            let folders = folders.context("cannot watch the configuration's files (`process.watch`)")?;
            followers.push(tokio::spawn(watch(Arc::clone(&reloader), folders)));
        }
        notify::ready();
        inherited.ready();
        let pid_file = start.pid_file.clone();
        if let Some(path) = &pid_file {
            write_pid(path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        tracing::info!(version = env!("CARGO_PKG_VERSION"), hash = edge.published.load().hash, "the edge is ready");
        let caching = AbortOnDropHandle::new(tokio::spawn(cache::tend(edge.cache.store)));
        let _tending = [resolving, tending, caching];
        let running =
            Self { boot, edge, reloader, ending, signals, admin, operators, followers, _tending, leave, pid_file };
        Ok(Some(running))
    }

    /// Serves until a signal says otherwise, and then answers what is in flight.
    pub(super) async fn until_it_leaves(mut self, program: &Program) -> Result<()> {
        let leaves = self.serve(program).await;
        self.followers.iter().for_each(JoinHandle::abort);
        let ended = match leaves {
            Leaves::Stopped => {
                notify::stopping();
                self.leave.send_replace(true);
                drain::close(&self.boot, &self.reloader, &mut self.signals).await;
                drain::drain(&self.boot, &self.ending, &mut self.signals).await;
                self.pid_file.iter().for_each(|path| drop(std::fs::remove_file(path)));
                release_disks(&self.edge).await;
                Ok(())
            }
            Leaves::HandedOver(Serving { mut child, unwanted }) => {
                self.operators.abort();
                self.reloader.doors().close_handed_over(&unwanted);
                // The other process waits for the folders. What is in flight here is served from memory.
                let edge = Arc::clone(&self.edge);
                let released = tokio::spawn(async move { release_disks(&edge).await });
                // A service manager ends both at once: the first signal to stop is the other one's.
                let stopped_twice = async |signals: &mut Signals| {
                    signals.stop().await;
                    drain::drain(&self.boot, &self.ending, signals).await;
                };
                let process = child.id();
                let died = tokio::task::spawn_blocking(move || child.wait());
                let ended = tokio::select! {
                    () = drain::wait(&self.boot, &self.ending) => Ok(()),
                    () = stopped_twice(&mut self.signals) => Ok(()),
                    // Not this process' child for whoever manages the service: it hears of it by this one's end.
                    status = died => bail!("process {process}, which took over, has ended: {:?}", status??),
                };
                released.await.ok();
                ended
            }
        };
        let log = Arc::clone(&self.edge.published.load().access_log);
        if tokio::time::timeout(LOG_FLUSH_MAX, log.flush()).await.is_err() {
            tracing::warn!("the access log was not written to its end: its sink is too slow");
        }
        ended
    }

    async fn serve(&mut self, program: &Program) -> Leaves {
        loop {
            match self.signals.next().await {
                Asked::Stop => return Leaves::Stopped,
                Asked::HandOver => {
                    if let Some(leaves) = self.hand_over(program).await {
                        return leaves;
                    }
                }
                Asked::Reload => self.reload(),
            }
        }
    }

    /// Not awaited: it must be possible to stop an edge whose disk does not answer.
    fn reload(&self) {
        let reloader = Arc::clone(&self.reloader);
        tokio::spawn(async move {
            notify::reloading();
            let state = match reloader.reload(Request::Signal).await {
                Ok(_) => "serving",
                Err(_logged) => "serving; the last reload was refused",
            };
            notify::reloaded(state);
        });
    }

    /// Starts the program anew and gives it the sockets. `None`: it cannot serve, and nothing has changed.
    async fn hand_over(&mut self, program: &Program) -> Option<Leaves> {
        let mut reload = false;
        let leaves = match self.successor(program, &mut reload).await {
            Ok(Some(serving)) => {
                let process = serving.child.id();
                tracing::info!(process, "handed over; this process answers what is in flight");
                self.warn_of_states_by_hand();
                if reload {
                    // It may have read the file before that was asked for.
                    kill_process(Pid::from_child(&serving.child), Signal::HUP).ok();
                }
                return Some(Leaves::HandedOver(serving));
            }
            Ok(None) => Some(Leaves::Stopped),
            Err(error) => {
                tracing::error!("hand-over failed, this process goes on: {error:#}");
                None
            }
        };
        if reload && leaves.is_none() {
            self.reload();
        }
        leaves
    }

    /// States that operators set belong to this process, and the next one does not know of them.
    fn warn_of_states_by_hand(&self) {
        let now = clock::nanos();
        for pool in &self.edge.published.load().pools {
            for Row { member, by_hand, .. } in pool.balancer.report(now).endpoints {
                let Some(ByHand { state, by, .. }) = by_hand else { continue };
                let (pool, endpoint) = (&pool.model.name, member.address);
                tracing::warn!(
                    pool, %endpoint, %state, by,
                    "a state by hand is not handed over; hint: set it anew with `edge endpoint`"
                );
            }
        }
    }

    /// The process that serves now; `None` if this one was told to stop meanwhile. `reload` becomes true if it was told to
    /// reload.
    async fn successor(&mut self, program: &Program, reload: &mut bool) -> Result<Option<Serving>> {
        if std::process::id() == 1 {
            bail!("the first process of a container cannot be followed by another one; hint: start a new container");
        }
        let held = tokio::select! {
            held = self.reloader.hold() => held,
            () = self.signals.stop() => return Ok(None),
        };
        let mut offers = self.reloader.doors().offers()?;
        offers.push((Purpose::Admin, vec![self.admin.try_clone()?]));
        let program = program.clone();
        let successor = tokio::task::spawn_blocking(move || Successor::start(&program, &offers)).await??;
        let ends = successor.ending();
        let mut ready = tokio::task::spawn_blocking(move || successor.wait());
        let serving = loop {
            tokio::select! {
                ready = &mut ready => break Some(ready?.map_err(HandoverError::into)),
                asked = self.signals.next() => match asked {
                    Asked::Stop => break None,
                    Asked::Reload => *reload = true,
                    Asked::HandOver => {}
                },
            }
        };
        drop(held);
        if serving.is_none() {
            ends();
            ready.await.map(drop).ok();
        }
        serving.transpose()
    }
}

/// Finds out who belongs to the pools. An edge that starts does so with those that it knows, but one that takes over has
/// to know at least one of each pool: the process before it may, and goes on then.
async fn learn(discovery: &Discovery, config: &Config, take_over: bool) -> Result<()> {
    for BrokenList { path, reason } in discovery.learn(&config.live.pools).await {
        let file = path.display();
        tracing::error!(%file, "a list of endpoints is broken; starting without what it should hold:\n{reason}");
    }
    match discovery.first_empty(config.live.pools.iter()).filter(|_| take_over) {
        None => Ok(()),
        Some(empty) => Err(empty).context("cannot take over what the earlier process may know better"),
    }
}

/// Writes to the cache's disks what they are still to keep, and lets go of their folders.
async fn release_disks(edge: &Edge) {
    if tokio::time::timeout(DISK_RELEASE_MAX, edge.cache.store.release_disk()).await.is_err() {
        tracing::warn!("the cache's disks were not sealed within {DISK_RELEASE_MAX:?}; they are read back slowly");
    }
}

/// Whoever reads it finds a whole number at any time.
fn write_pid(path: &Path) -> io::Result<()> {
    let new = path.with_added_extension("new");
    std::fs::write(&new, format!("{}\n", std::process::id()))?;
    std::fs::rename(new, path)
}
