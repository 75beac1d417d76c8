//! Members of a pool: where they listen and what is configured of them.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use config::model;

use super::{
    Rules,
    endpoint::{Endpoint, Tally},
    hash::Ring,
    sticky::Known,
};

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
    /// Only where keys are hashed.
    pub(super) ring: Option<Arc<Ring>>,
    /// Only where clients are kept.
    pub(super) tokens: Known,
}

impl Members {
    /// Those of `list`; of an address that is there twice, the first counts. Endpoints of `before` with the same
    /// address stay what they are; others are new at `now`.
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
            let known = before.and_then(|before| before.endpoint(member.address));
            known.map_or_else(|| Arc::new(Endpoint::new(member.address, Arc::clone(tally), since)), Arc::clone)
        };
        let endpoints = unique.iter().map(endpoint).collect();
        let addresses = unique.iter().map(|member| member.address);
        let tokens = rules.sticky.as_ref().map(|sticky| sticky.known(addresses)).unwrap_or_default();
        let ring = rules.hashes().filter(|_| !unique.is_empty()).map(|_| ring(&unique, before));
        Self { list: unique, endpoints, by_address, ring, tokens }
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
