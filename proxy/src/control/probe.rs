//! Active health checks: one task per endpoint, which lives as long as its endpoint and check stay configured. An
//! endpoint that is taken out by hand is checked on, so that whoever brings it back knows what to expect.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use config::model::HealthCheck;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::task::AbortOnDropHandle;

mod ask;
mod rhythm;
mod streak;

use self::{
    ask::{Found, Way, ask},
    rhythm::{until_first, until_next},
    streak::Streak,
};
use crate::{
    clock,
    edge::Edge,
    request::balance::Verdict,
    snapshot::{Pool, Snapshot},
};

/// Checks under way at a time, each with a connection of its own; further ones begin later, and nothing is concluded from
/// that.
const CHECKS_MAX: usize = 512;

/// The checks that run.
pub(crate) struct Prober {
    edge: Arc<Edge>,
    places: Arc<Semaphore>,
    running: HashMap<(String, SocketAddr), Check>,
}

/// The checks of one endpoint; they end when this is dropped.
struct Check {
    way: Way,
    model: HealthCheck,
    _task: AbortOnDropHandle<()>,
}

/// Whose checks they are.
struct Target {
    edge: Arc<Edge>,
    pool: String,
    address: SocketAddr,
    /// Whether the last check could not be made.
    is_hindered: bool,
}

impl Prober {
    /// Checks nobody yet.
    pub(crate) fn new(edge: Arc<Edge>) -> Self {
        Self { edge, places: Arc::new(Semaphore::new(CHECKS_MAX)), running: HashMap::new() }
    }

    /// Starts the checks that a snapshot wants and ends those that it does not; equal ones go on undisturbed.
    pub(crate) fn follow(&mut self, snapshot: &Snapshot) {
        let mut previous = std::mem::take(&mut self.running);
        for pool in &snapshot.pools {
            let Some(model) = &pool.model.health else { continue };
            let way = Way::of(pool);
            for member in pool.balancer.members() {
                let key = (pool.model.name.clone(), member.address);
                let same = |check: &Check| check.model == *model && check.way.is_same(&way);
                let check = previous.remove(&key).filter(same);
                let check = check.unwrap_or_else(|| self.start(pool, member.address, way.clone(), model.clone()));
                self.running.insert(key, check);
            }
        }
    }

    fn start(&self, pool: &Pool, address: SocketAddr, way: Way, model: HealthCheck) -> Check {
        let (edge, name) = (Arc::clone(&self.edge), pool.model.name.clone());
        let target = Target { edge, pool: name, address, is_hindered: false };
        let task = check(target, way.clone(), model.clone(), Arc::clone(&self.places));
        Check { way, model, _task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }
}

/// Checks one endpoint for ever.
async fn check(mut target: Target, way: Way, model: HealthCheck, places: Arc<Semaphore>) {
    let mut next = Instant::now() + until_first(model.interval, rand::random());
    let mut streak = Streak::default();
    loop {
        tokio::time::sleep_until(next).await;
        let place = places.acquire().await.expect("the semaphore is never closed");
        next = Instant::now() + until_next(model.interval, model.jitter, rand::random());
        // In a box: a check needs much more room than the wait for the next.
        let found = Box::pin(ask(target.address, &way, &model.probe, model.timeout)).await;
        drop(place);
        target.take(&found, &mut streak, &model);
    }
}

impl Target {
    /// Tells the balancer what was found, if that is enough to go by.
    fn take(&mut self, found: &Found, streak: &mut Streak, model: &HealthCheck) {
        let (verdict, reason) = match found {
            Found::Well => (Verdict::Well, ""),
            Found::Unwell(reason) => (Verdict::Unwell, reason.as_str()),
            Found::Unreachable(reason) => (Verdict::Unreachable, reason.as_str()),
            Found::NotAsked(reason) => {
                if !std::mem::replace(&mut self.is_hindered, true) {
                    tracing::warn!(pool = self.pool, endpoint = %self.address, reason, "health checks cannot be made");
                }
                return;
            }
        };
        if std::mem::take(&mut self.is_hindered) {
            tracing::info!(pool = self.pool, endpoint = %self.address, "health checks are made again");
        }
        let Some(verdict) = streak.after(verdict, model) else { return };
        let snapshot = self.edge.published.load();
        let Some(pool) = snapshot.pools.iter().find(|pool| pool.model.name == self.pool) else { return };
        if pool.balancer.checked(self.address, verdict, clock::nanos()) {
            match verdict {
                Verdict::Well => tracing::info!(pool = self.pool, endpoint = %self.address, "endpoint is up"),
                Verdict::Unwell | Verdict::Unreachable => {
                    tracing::warn!(pool = self.pool, endpoint = %self.address, reason, "endpoint is down");
                }
            }
        }
    }
}
