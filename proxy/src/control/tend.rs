//! Keeps the pools of the live configuration: who belongs to them, who is checked, and what comes and goes with time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::MissedTickBehavior;

use super::{
    discover::{Discovery, Lists, Members},
    probe::Prober,
};
use crate::{clock, edge::Edge, request::balance::Member, snapshot::Pool};

/// How late the end of an ejection, or one step of a slow start, may come.
const TICK: Duration = Duration::from_millis(100);

/// What keeps them.
pub(crate) struct Tender {
    edge: Arc<Edge>,
    discovery: Arc<Discovery>,
    /// Held while endpoints are replaced, so that the later knowledge is also the later to count.
    following: Mutex<Following>,
}

struct Following {
    prober: Prober,
    lists: Lists,
}

impl Tender {
    /// Begins with what is live.
    pub(crate) fn new(edge: Arc<Edge>, discovery: Arc<Discovery>) -> Self {
        let following = Following { prober: Prober::new(Arc::clone(&edge)), lists: Lists::default() };
        let tender = Self { edge, discovery, following: Mutex::new(following) };
        tender.follow_live();
        tender
    }

    /// The edge whose pools they are.
    pub(crate) fn edge(&self) -> &Arc<Edge> {
        &self.edge
    }

    /// What is known of endpoints.
    pub(crate) fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// Follows the live configuration, be it a new one or still the old one.
    pub(crate) fn follow_live(&self) {
        self.discovery.settle();
        self.follow();
    }

    fn follow(&self) {
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.edge.published.load();
        let models: Vec<_> = snapshot.pools.iter().map(|pool| &pool.model).collect();
        self.discovery.keep(&models);
        for pool in &snapshot.pools {
            self.replace(pool);
        }
        following.lists.follow(&self.discovery);
        following.prober.follow(&snapshot);
    }

    fn replace(&self, pool: &Pool) {
        let Members { members, omitted } = self.discovery.members(&pool.model);
        let before = pool.balancer.members();
        if members == before {
            return;
        }
        let name = &pool.model.name;
        let (joined, left) = (count_new(&members, &before), count_new(&before, &members));
        tracing::info!(pool = name, endpoints = members.len(), joined, left, "a pool has other endpoints");
        if omitted > 0 {
            tracing::error!(pool = name, omitted, "a pool has too many endpoints; the last are left out");
        }
        pool.balancer.replace(&members, clock::nanos());
    }

    /// Tends for ever.
    pub(crate) async fn tend(self: Arc<Self>) {
        let mut changed = self.discovery.subscribe();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    let now = clock::nanos();
                    self.edge.published.load().pools.iter().for_each(|pool| pool.balancer.tend(now));
                }
                // The sender lives as long as this.
                _ = changed.changed() => self.follow(),
            }
        }
    }
}

/// How many of `some` have an address that none of `others` has.
fn count_new(some: &[Member], others: &[Member]) -> usize {
    let known: HashSet<_> = others.iter().map(|member| member.address).collect();
    some.iter().filter(|member| !known.contains(&member.address)).count()
}
