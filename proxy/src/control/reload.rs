//! Reload: load, compare, compile, publish; or keep the old configuration and say why.

use std::{
    path::{Path, PathBuf},
    sync::{self, Arc, PoisonError, RwLock},
};

use config::{
    Diff, Kind, Problems, Sources,
    model::{self, Config},
};
use tokio::sync::Mutex;

mod error;
mod forget;
pub(crate) mod renew;

pub(crate) use error::ReloadError;

use super::{
    certs::prints::Prints,
    compile::{Compiled, compile},
    descriptors,
    digest::digest,
    doors::Doors,
    handover::Inherited,
    history::{Cause, Entry, History},
    outside,
    secret::Token,
    tend::Tender,
};
use crate::{clock, edge::Edge};

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// The file, changed or not: certificates are read and the log is opened anew.
    Signal,
    /// This, which was read from the file, if it is not what it was when it was last to go live.
    Watch(Result<Sources, Problems>),
    /// This text in the place of the file.
    Post(String),
    /// What was live before; with this hash, or the last that differs.
    Rollback(Option<String>),
}

impl Request {
    fn cause(&self) -> Cause {
        match self {
            Self::Signal => Cause::Signal,
            Self::Watch(_) => Cause::Watch,
            Self::Post(_) => Cause::Post,
            Self::Rollback(_) => Cause::Rollback,
        }
    }
}

/// What a request led to.
#[derive(Debug)]
pub(crate) struct TakenOver {
    /// What is live now.
    pub(crate) hash: String,
    /// What was live before.
    pub(crate) previous: String,
    /// What is different, and what that costs.
    pub(crate) changed: Diff,
    /// Whether the file, when it was last read, held something else.
    pub(crate) differs_from_file: bool,
}

/// What is live, as operators see it.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The live configuration and those before it.
    pub(crate) history: Arc<History>,
    /// What the admin listener asks for; `None` lets nobody read or change the configuration.
    pub(crate) token: Option<Arc<Token>>,
    /// Digest of the file's content when it was last read; `None` if it could not be.
    file_hash: Option<String>,
}

impl Standing {
    /// Whether the file, when it was last read, held something else than what is live.
    pub(crate) fn differs_from_file(&self) -> bool {
        self.file_hash.as_ref() != Some(&self.history.live().hash)
    }
}

/// Takes configurations over, one at a time.
pub(crate) struct Reloader {
    edge: Arc<Edge>,
    file: PathBuf,
    standing: RwLock<Standing>,
    turn: Arc<Mutex<Turn>>,
    doors: sync::Mutex<Doors>,
    tender: Arc<Tender>,
}

/// What belongs to whose turn it is to take a configuration over.
struct Turn {
    /// What is live.
    config: Config,
    /// Digest of the file when it was last to go live, whatever came of that. What only looks at the file leaves it
    /// alone, or the watch would take a change that it has yet to consider for an old one.
    considered: Option<String>,
    /// What the files of listeners looked like before they were read.
    files: Prints,
}

impl Reloader {
    /// For an edge that was started with these sources, and has published what they mean.
    pub(crate) fn new(
        tender: Arc<Tender>,
        file: &Path,
        sources: Sources,
        config: Config,
        token: Option<Token>,
        doors: Doors,
        files: Prints,
    ) -> Self {
        let hash = digest(&sources);
        let first =
            Entry { hash: hash.clone(), at: clock::wall(), cause: Cause::Boot, sources: sources.without_tree() };
        let standing = Standing {
            history: Arc::new(History::new(first)),
            token: token.map(Arc::new),
            file_hash: Some(hash.clone()),
        };
        Self {
            edge: Arc::clone(tender.edge()),
            file: file.to_owned(),
            standing: RwLock::new(standing),
            turn: Arc::new(Mutex::new(Turn { config, considered: Some(hash), files })),
            doors: sync::Mutex::new(doors),
            tender,
        }
    }

    /// What is live.
    pub(crate) fn standing(&self) -> Standing {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The main file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Takes over what is asked for; all of it goes live, or nothing. `None`: the file is what it was. Files are read and
    /// compiled on a thread of their own, so that no worker waits for them.
    pub(crate) async fn reload(self: &Arc<Self>, request: Request) -> Result<Option<TakenOver>, ReloadError> {
        let mut turn = Arc::clone(&self.turn).lock_owned().await;
        let this = Arc::clone(self);
        let cause = request.cause();
        // A task of its own, which ends as it should even if whoever asked has left.
        let reload = tokio::spawn(async move {
            let working = Arc::clone(&this);
            let work = tokio::task::spawn_blocking(move || (working.take_over(&mut turn, request), turn));
            let (result, turn) = work.await.map_or_else(
                |panicked| (Err(ReloadError::Broken(panicked)), None),
                |(result, turn)| (result, Some(turn)),
            );
            this.record(cause, &result);
            drop(turn); // only now, so that log and metrics tell reloads in their order
            result
        });
        reload.await?
    }

    fn take_over(&self, turn: &mut Turn, request: Request) -> Result<Option<TakenOver>, ReloadError> {
        let before = self.standing();
        let cause = request.cause();
        let Some(sources) = self.sources(turn, request)? else { return Ok(None) };
        let config = sources.interpret().map_err(ReloadError::Config)?;
        let changed = config::diff(&turn.config, &config);
        let restart: Vec<_> = changed.of_kind(Kind::NeedsRestart).cloned().collect();
        if !restart.is_empty() {
            return Err(ReloadError::NeedsRestart(restart));
        }
        let hash = digest(&sources);
        let token = admin_token(&config, &sources)?.map(Arc::new);
        let published = self.learn(&config, &sources).and_then(|()| self.publish(turn, config, &sources, &hash));
        self.tender.follow_live();
        published?;
        let entry = Entry { hash: hash.clone(), at: clock::wall(), cause, sources: sources.without_tree() };
        self.stand(|standing| {
            standing.history = Arc::new(standing.history.with(entry));
            standing.token = token;
        });
        let differs_from_file = self.standing().differs_from_file();
        let previous = before.history.live().hash.clone();
        Ok(Some(TakenOver { hash, previous, changed, differs_from_file }))
    }

    /// What is to go live. `None`: the file is what it was.
    fn sources(&self, turn: &mut Turn, request: Request) -> Result<Option<Sources>, ReloadError> {
        let sources = match request {
            Request::Signal => {
                let file = Sources::read(&self.file);
                turn.considered = self.saw(&file);
                file.map_err(ReloadError::Config)?
            }
            Request::Watch(file) => {
                let hash = self.saw(&file);
                if hash.is_some() && hash == turn.considered {
                    return Ok(None);
                }
                turn.considered = hash;
                file.map_err(ReloadError::Config)?
            }
            Request::Post(text) => {
                self.saw(&Sources::read(&self.file));
                Sources::with_main(text, &self.file).map_err(ReloadError::Config)?
            }
            Request::Rollback(to) => {
                self.saw(&Sources::read(&self.file));
                rolled_back(&self.standing().history, to.as_deref())?
            }
        };
        Ok(Some(sources))
    }

    /// Notes what the file holds, and names it.
    fn saw(&self, file: &Result<Sources, Problems>) -> Option<String> {
        let hash = file.as_ref().ok().map(digest);
        self.stand(|standing| standing.file_hash.clone_from(&hash));
        hash
    }

    /// Finds out which endpoints are meant, so that a new pool can serve from the start, and none loses all that it has.
    fn learn(&self, config: &Config, sources: &Sources) -> Result<(), ReloadError> {
        let discovery = self.tender.discovery();
        let broken = tokio::runtime::Handle::current().block_on(discovery.learn(&config.live.pools));
        if let Some(problems) = (!broken.is_empty()).then(|| sources.check_endpoints_files(config)).flatten() {
            return Err(ReloadError::Config(problems));
        }
        // Whoever has nobody already waits for them: that keeps nothing else from going live.
        let live = self.edge.published.load();
        let waits = |model: &model::Pool| {
            let was = live.pools.iter().find(|pool| pool.model.name == model.name);
            was.is_some_and(|pool| pool.balancer.members().is_empty())
        };
        let empty = discovery.first_empty(config.live.pools.iter().filter(|pool| !waits(pool)));
        empty.map_or(Ok(()), |empty| Err(ReloadError::outside(outside::of_empty_pool(&empty), sources)))
    }

    /// From here on requests live under the new configuration.
    fn publish(&self, turn: &mut Turn, config: Config, sources: &Sources, hash: &str) -> Result<(), ReloadError> {
        let previous = self.edge.published.load();
        let compiled = compile(&config.live, hash, &self.edge.metrics, self.tender.discovery(), Some(&previous));
        let compiled = compiled.map_err(|error| ReloadError::outside(outside::of_compile(&error), sources))?;
        let Compiled { snapshot, zones, expiries, files } = compiled;
        let opened = self.doors().open(&config.live.listeners, &mut Inherited::default());
        let opened = opened.map_err(|error| ReloadError::opening(&error, sources))?;
        self.edge.cache.store.configure(zones)?;
        self.edge.published.publish(snapshot);
        self.doors().follow(opened);
        descriptors::warn_if_few(&config.live.listeners);
        let snapshot = self.edge.published.load();
        forget::forget(&self.edge.metrics, &previous, &snapshot);
        turn.config = config;
        turn.files = files;
        self.edge.metrics.tls.broken_files.set(0);
        self.edge.metrics.config.went_live(&snapshot.hash, clock::wall(), &expiries);
        Ok(())
    }

    /// The doors.
    pub(crate) fn doors(&self) -> sync::MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is taken over while this is held.
    pub(crate) async fn hold(&self) -> impl Sized + use<> {
        Arc::clone(&self.turn).lock_owned().await
    }

    fn stand(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Says in log and metrics what came of it.
    fn record(&self, cause: Cause, result: &Result<Option<TakenOver>, ReloadError>) {
        let (metrics, source, file) = (&self.edge.metrics.config, cause.name(), self.file.display());
        let differs = self.standing().differs_from_file();
        metrics.differs_from_file.set(differs.into());
        match result {
            Ok(None) => return,
            Ok(Some(TakenOver { hash, previous, changed, .. })) => {
                let changes = changed.iter().len();
                tracing::info!(source, %file, hash, previous, changes, "configuration reloaded");
            }
            Err(error) => tracing::error!(source, "reload refused, the old configuration stays live:\n{error}"),
        }
        metrics.reloaded(source, result.is_ok(), cause.reads_file());
        if result.is_ok() && differs {
            tracing::warn!(%file, "what is live is not what the file holds; the next restart begins with the file");
        }
    }
}

/// The sources of an earlier configuration.
fn rolled_back(history: &History, to: Option<&str>) -> Result<Sources, ReloadError> {
    let found = history.rollback_to(to).map(|entry| entry.sources.clone());
    found.ok_or_else(|| {
        let missing = to.map(|to| format!("no configuration with the hash `{to}` is remembered"));
        ReloadError::NoSuchConfiguration(missing.unwrap_or_else(|| "no other configuration was live before".to_owned()))
    })
}

/// Reads the token that the admin listener asks for, if one is configured.
pub(crate) fn admin_token(config: &Config, sources: &Sources) -> Result<Option<Token>, ReloadError> {
    let token = config.live.admin_token.as_ref().map(|place| Token::read("`admin.token`", place));
    token.transpose().map_err(|error| ReloadError::outside(outside::of_secret(&error), sources))
}
