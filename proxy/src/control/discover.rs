//! Which endpoints there are beyond the addresses that the configuration spells out: those behind names, and those that
//! files list. All of it is found out here, off the way of requests, and what was good last is kept until there is
//! something better.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use config::model;
use thiserror::Error;
use tokio::{
    sync::{Notify, watch},
    task::{JoinHandle, spawn_blocking},
    time::{Instant, timeout_at},
};

mod known;
mod resolve;
mod lists;

use self::known::{Known, News};
pub(super) use self::{
    known::{File, Members, Name, Origins},
    lists::Lists,
    resolve::resolve,
};
use crate::clock;

/// How long a start or reload waits for what is not known yet; then it goes on without.
const LEARN_MAX: Duration = Duration::from_secs(5);

/// What is known of endpoints, and who is told when that changes.
pub(crate) struct Discovery {
    known: Mutex<Known>,
    /// Something that is wanted has changed.
    wanted: Notify,
    /// Something that is known has changed.
    changed: watch::Sender<()>,
}

/// A file that lists endpoints, or should.
#[derive(Debug)]
pub(crate) struct BrokenList {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

/// A pool would begin with nobody to ask.
#[derive(Debug, Error)]
#[error("pool `{pool}` would have no endpoint: {why}")]
pub(crate) struct EmptyPool {
    pub(crate) pool: String,
    /// What of the pool says where they are.
    pub(crate) key: &'static str,
    why: String,
}

impl Default for Discovery {
    fn default() -> Self {
        Self { known: Mutex::default(), wanted: Notify::new(), changed: watch::Sender::new(()) }
    }
}

impl Discovery {
    /// Finds out what is not known yet of these pools, which are about to go live, and waits some time for it. Returns the
    /// files that are looked at for the first time and are broken.
    pub(crate) async fn learn(&self, pools: &[model::Pool]) -> Vec<BrokenList> {
        let mut changed = self.changed.subscribe();
        self.known().prepare(pools, clock::nanos());
        let end = Instant::now() + LEARN_MAX;
        let unread: Vec<_> = self.known().unread().map(Path::to_owned).collect();
        let begun: Vec<_> = unread.into_iter().map(|path| (begin_to_read(&path), path)).collect();
        let mut broken = Vec::new();
        for (reading, path) in begun {
            let late = || Err(format!("it could not be read within {LEARN_MAX:?}"));
            let list = timeout_at(end, list_of(reading)).await.unwrap_or_else(|_elapsed| late());
            if let Some(News::Broken { reason, .. }) = self.listed(&path, list) {
                broken.push(BrokenList { path, reason });
            }
        }
        // Files may have brought names.
        self.known().prepare(pools, clock::nanos());
        self.wanted.notify_one();
        let answered = changed.wait_for(|()| self.known().unanswered(pools).next().is_none());
        if timeout_at(end, answered).await.is_err() {
            let names: Vec<_> = self.known().unanswered(pools).map(str::to_owned).collect();
            tracing::warn!(names = names.join(", "), "no address is known yet after {LEARN_MAX:?}; going on without");
        }
        broken
    }

    /// Wants to know of these pools alone, and of those that [`Discovery::learn`] was asked for since the last
    /// [`Discovery::settle`].
    pub(crate) fn keep(&self, pools: &[&model::Pool]) {
        self.known().keep(pools, clock::nanos());
        self.wanted.notify_one();
    }

    /// What was learnt about is live now, or never will be.
    pub(crate) fn settle(&self) {
        self.known().settle();
    }

    /// Who belongs to a pool, as far as is known.
    pub(crate) fn members(&self, pool: &model::Pool) -> Members {
        self.known().members(pool)
    }

    /// The first of these pools to which nobody belongs, as far as is known.
    pub(crate) fn first_empty<'a>(&self, mut pools: impl Iterator<Item = &'a model::Pool>) -> Option<EmptyPool> {
        let known = self.known();
        let pool = pools.find(|pool| known.members(pool).members.is_empty())?;
        let Origins { names, file, .. } = known.origins(pool, clock::nanos());
        let of_name = |name: Name| match name.fault {
            Some(fault) => format!("`{}` has no address: {fault}", name.host),
            None => format!("`{}` was not resolved within {LEARN_MAX:?}", name.host),
        };
        let of_file = file.and_then(|file| Some(format!("{} is broken: {}", file.path.display(), file.fault?)));
        let why: Vec<_> = names.into_iter().map(of_name).chain(of_file).collect();
        let key = if pool.endpoints.is_empty() { "endpoints_file" } else { "endpoints" };
        Some(EmptyPool { pool: pool.name.clone(), key, why: why.join("; ") })
    }

    /// Where the endpoints of a pool come from, and how that stands.
    pub(crate) fn origins(&self, pool: &model::Pool) -> Origins {
        self.known().origins(pool, clock::nanos())
    }

    /// Hears of every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The files that are wanted.
    fn paths(&self) -> BTreeSet<PathBuf> {
        self.known().paths().map(Path::to_owned).collect()
    }

    /// Reads a file that lists endpoints.
    async fn read(&self, path: &Path) -> Option<News> {
        let list = list_of(begin_to_read(path)).await;
        self.listed(path, list)
    }

    /// Takes what a file holds, or why that is not known.
    fn listed(&self, path: &Path, list: List) -> Option<News> {
        let news = self.known().listed(path, list);
        if news.is_some() {
            self.changed.send_replace(());
        }
        news
    }

    /// Takes what became of a lookup, which has ended unless it is only late.
    fn answered(&self, host: &str, answer: known::Answer, ended: bool) {
        let news = self.known().answered(host, answer, ended, clock::nanos(), rand::random());
        if let Some(news) = news {
            news.log_of_name(host);
            self.changed.send_replace(());
        }
        self.wanted.notify_one();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a file lists, or why that is not known.
type List = Result<Vec<model::Endpoint>, String>;

fn read_list(path: &Path) -> List {
    config::endpoints(path).map_err(|problems| problems.to_string())
}

/// On a thread of its own: a disk may take its time.
fn begin_to_read(path: &Path) -> JoinHandle<List> {
    let path = path.to_owned();
    spawn_blocking(move || read_list(&path))
}

async fn list_of(reading: JoinHandle<List>) -> List {
    reading.await.unwrap_or_else(|panicked| Err(panicked.to_string()))
}

impl News {
    fn log_of_name(&self, name: &str) {
        match self {
            Self::Changed { kept } => tracing::info!(name, addresses = kept, "the addresses of a name have changed"),
            Self::Mended => tracing::info!(name, "a name is resolved again"),
            Self::Broken { reason, kept } => {
                tracing::warn!(name, reason, kept, "a name cannot be resolved; the last good answer is kept");
            }
        }
    }

    fn log_of_file(&self, path: &Path) {
        let file = path.display();
        match self {
            Self::Changed { kept } => tracing::info!(%file, endpoints = kept, "a list of endpoints has changed"),
            Self::Mended => tracing::info!(%file, "a list of endpoints is good again"),
            Self::Broken { reason, kept } => {
                tracing::error!(%file, kept, "a list of endpoints is broken, what it held before is kept:\n{reason}");
            }
        }
    }
}
