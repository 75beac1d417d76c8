//! Members of a pool: where they listen and what is configured of them.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use config::model;

use super::{
    Rules,
    endpoint::{Endpoint, Tally},
    hash::Ring,
    sticky::Known,
};

/// How long an endpoint that has left is remembered as it was: a name server may leave it out of one answer, or a list be
/// written anew. One with a state by hand is as long as that is to last.
const REMEMBERED_NS: u64 = 600 * 1_000_000_000;
/// Endpoints that are remembered; those that left last.
const REMEMBERED_MAX: usize = 1024;

/// An address of a pool, and which of its endpoints has it: a name may stand for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it listens.
    pub address: SocketAddr,
    /// What is configured of it, its name or address as written included.
    pub from: model::Endpoint,
}

/// The members of a pool and what follows from them alone; everything is by their order.
#[derive(Debug)]
pub(super) struct Members {
    /// No address twice.
    pub(super) list: Vec<Member>,
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    by_address: HashMap<SocketAddr, usize>,
    /// Those that have left, and when; the last ones first.
    left: Vec<(Arc<Endpoint>, u64)>,
    /// Only where keys are hashed.
    pub(super) ring: Option<Arc<Ring>>,
    /// Only where clients are kept.
    pub(super) tokens: Known,
}

impl Members {
    /// Those of `list`; of an address that is there twice, the first counts. Endpoints of `before` with the same
    /// address stay what they are, and so do those that come back soon; others are new at `now`.
    pub(super) fn new(list: &[Member], rules: &Rules, tally: &Arc<Tally>, before: Option<&Self>, now: u64) -> Self {
        let mut by_address = HashMap::new();
        let mut unique = Vec::new();
        for member in list {
            by_address.entry(member.address).or_insert_with(|| {
                unique.push(member.clone());
                unique.len() - 1
            });
        }
        // With the pool itself all begin alike.
        let since = before.filter(|before| !before.list.is_empty()).map(|_| now);
        let endpoint = |member: &Member| {
            let known =
                before.and_then(|before| before.endpoint(member.address).or_else(|| before.left(member.address)));
            known.map_or_else(|| Arc::new(Endpoint::new(member.address, Arc::clone(tally), since)), Arc::clone)
        };
        let endpoints = unique.iter().map(endpoint).collect();
        let left = before.map(|before| before.leave(&by_address, now)).unwrap_or_default();
        let addresses = unique.iter().map(|member| member.address);
        let tokens = rules.sticky.as_ref().map(|sticky| sticky.known(addresses)).unwrap_or_default();
        let ring = rules.hashes().filter(|_| !unique.is_empty()).map(|_| ring(&unique, before));
        Self { list: unique, endpoints, by_address, left, ring, tokens }
    }

    /// The endpoint at an address that has left.
    fn left(&self, address: SocketAddr) -> Option<&Arc<Endpoint>> {
        self.left.iter().map(|(endpoint, _)| endpoint).find(|endpoint| endpoint.address == address)
    }

    /// Those that are to be remembered when nobody but these stays.
    fn leave(&self, stay: &HashMap<SocketAddr, usize>, now: u64) -> Vec<(Arc<Endpoint>, u64)> {
        let leaving = self.endpoints.iter().map(|endpoint| (endpoint, now));
        let all = leaving.chain(self.left.iter().map(|(endpoint, since)| (endpoint, *since)));
        let gone = all.filter(|(endpoint, since)| {
            let age = now.saturating_sub(*since);
            !stay.contains_key(&endpoint.address) && (age < REMEMBERED_NS || endpoint.is_held_by_hand(now))
        });
        gone.take(REMEMBERED_MAX).map(|(endpoint, since)| (Arc::clone(endpoint), since)).collect()
    }

    /// The position of an address.
    pub(super) fn position(&self, address: SocketAddr) -> Option<usize> {
        self.by_address.get(&address).copied()
    }

    /// The endpoint at an address.
    pub(super) fn endpoint(&self, address: SocketAddr) -> Option<&Arc<Endpoint>> {
        self.position(address).map(|position| &self.endpoints[position])
    }
}

fn ring(list: &[Member], before: Option<&Members>) -> Arc<Ring> {
    let points = |list: &[Member]| list.iter().map(|member| (member.address, member.from.weight)).collect::<Vec<_>>();
    let same = before.filter(|before| points(&before.list) == points(list)).and_then(|before| before.ring.clone());
    same.unwrap_or_else(|| Arc::new(Ring::new(&points(list))))
}
