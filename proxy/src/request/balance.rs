//! Which endpoint of a pool gets the next try.
//!
//! A choice is made from a [`View`], which holds those who may be asked now and nobody else. It is built anew whenever
//! somebody comes, goes or changes its share, which is rare; so a choice itself waits for nobody, and looks neither at
//! health nor at time.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use config::model::{self, Ejection, Percent};
use thiserror::Error;

pub(crate) mod peer;
pub(crate) mod time_limits;
pub(crate) mod affinity;
mod member;
mod endpoint;
mod view;
mod slow_start;
mod group;
mod dice;
mod round_robin;
mod least_requests;
mod latency;
pub(crate) mod hash;
mod sticky;
mod tend;
mod eject;
mod budget;
mod report;

pub use self::{
    budget::RetryBudget,
    endpoint::{ByHand, Endpoint, Hand, Outcome, Try, Verdict},
    member::Member,
    report::{Report, Row},
    tend::UnknownEndpoint,
    view::Standing,
};
use self::{
    dice::Dice,
    eject::nanos,
    endpoint::{Taken, Tally},
    group::Asked,
    member::Members,
    sticky::Tokens,
    view::{Condition, View},
};
use crate::snapshot::Published;

/// The endpoints of one pool and the rules by which they are chosen.
pub struct Balancer {
    rules: Rules,
    view: Published<View>,
    turns: Turns,
    tally: Arc<Tally>,
    /// Pays for further tries.
    pub budget: RetryBudget,
}

/// Whose turn it is in each group of the view; apart from what is only read.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Turns([AtomicUsize; 2]);

/// What is configured of a pool as a whole.
#[derive(Debug)]
struct Rules {
    pool: String,
    balance: model::Balance,
    /// Whether health checks run; what earlier ones decided does not count without.
    checked: bool,
    slow_start_ns: u64,
    panic_below: Percent,
    eject: Option<Ejection>,
    local_zone: Option<String>,
    sticky: Option<Tokens>,
}

impl Rules {
    /// How much more than its share an endpoint may have in flight, if requests go by keys.
    fn hashes(&self) -> Option<f64> {
        match &self.balance {
            model::Balance::Hash(hash) => Some(f64::from(hash.load_percent) / 100.0),
            _ => None,
        }
    }
}

/// What a request wants of a choice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// Endpoints that were asked before: others are preferred.
    pub tried: &'a [SocketAddr],
    /// Its key, where requests go by keys ([`hash::key`] of what the pool hashes).
    pub key: Option<u64>,
    /// The cookie by which its client is kept at an endpoint.
    pub client: Option<&'a [u8]>,
    /// Uniform over all values.
    pub random: u64,
    /// In nanoseconds of the process.
    pub now: u64,
}

/// Why no endpoint was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoneLeft {
    /// None can serve.
    #[error("no endpoint can serve")]
    NoEndpoint,
    /// Each that can serve has as much in flight as it takes.
    #[error("every endpoint has as many requests in flight as it takes")]
    AllFull,
}

impl Balancer {
    /// A balancer of a pool with these members. Endpoints that `before` has under the same addresses keep their state,
    /// and the pool its retry budget; nothing of `before` changes.
    pub fn new(
        model: &model::Pool,
        local_zone: Option<&str>,
        sticky_key: Option<&[u8]>,
        members: &[Member],
        before: Option<&Self>,
        now: u64,
    ) -> Self {
        let rules = Rules {
            pool: model.name.clone(),
            balance: model.balance.clone(),
            checked: model.health.is_some(),
            slow_start_ns: nanos(model.slow_start),
            panic_below: model.panic_below,
            eject: model.eject,
            local_zone: local_zone.map(str::to_owned),
            sticky: sticky_key.map(|key| Tokens::new(&model.name, key)),
        };
        let tally = before.map_or_else(Arc::default, |before| Arc::clone(&before.tally));
        let known = before.map(|before| before.view.load());
        let known = known.as_ref().map(|view| &*view.members);
        let members = Members::new(members, &rules, &tally, known, now);
        if rules.checked && before.is_some_and(|before| !before.rules.checked) {
            // `before` does not look at what checks said before it had none, and they may be long past.
            members.endpoints.iter().for_each(|endpoint| endpoint.state().health = None);
        }
        let picture = view::picture(&rules, &members.list, &conditions(&members), now);
        let view = Published::new(View::new(&rules, Arc::new(members), picture, None));
        let budget = RetryBudget::new(model.retry.budget, before.map(|before| &before.budget));
        Self { rules, view, turns: Turns::default(), tally, budget }
    }

    /// An endpoint that can serve, one that was not tried yet if possible: what failed on a connection may still work
    /// on the next one to the same endpoint.
    pub fn choose(&self, wish: &Wish<'_>) -> Result<Try, NoneLeft> {
        let view = self.view.peek();
        let tally = self.rules.hashes().map(|_| self.tally.in_flight.fetch_add(1, Ordering::Relaxed).saturating_add(1));
        let kept = kept(&view, wish);
        let is_kept = kept.is_some();
        match kept.or_else(|| self.chosen(&view, wish, tally)) {
            Some(taken) => Ok(Try::begin(taken, wish.now, is_kept, tally.is_some())),
            None => {
                if tally.is_some() {
                    self.tally.in_flight.fetch_sub(1, Ordering::Relaxed);
                }
                Err(if view.is_empty() { NoneLeft::NoEndpoint } else { NoneLeft::AllFull })
            }
        }
    }

    fn chosen<'v>(&self, view: &'v View, wish: &Wish<'_>, tally: Option<u32>) -> Option<Taken<'v>> {
        let key = wish.key.unwrap_or(wish.random);
        // A key stays on its side of a zone's border.
        let mut dice = Dice::new(if tally.is_some() { key } else { wish.random });
        let first = usize::from(!dice.happens(view.near));
        let mut among = |not, tally| {
            let asked = Asked { not, now: wish.now };
            [first, 1 - first].into_iter().find_map(|index| {
                let (group, turn) = (&view.groups[index], &self.turns.0[index]);
                match (&self.rules.balance, &view.members.ring) {
                    (model::Balance::RoundRobin, _) => round_robin::choose(group, turn, &asked, &mut dice),
                    (model::Balance::LeastRequests, _) => least_requests::choose(group, turn, &asked, &mut dice),
                    (model::Balance::P2cEwma, _) => latency::choose(group, &asked, self.tally.mean(), &mut dice),
                    (model::Balance::Hash(_), ring) => hash::choose(ring.as_ref()?, group, key, tally, &asked),
                }
            })
        };
        among(wish.tried, tally)
            // Somebody is within its bound, unless that one was tried.
            .or_else(|| tally.and_then(|_| among(wish.tried, None)))
            .or_else(|| (!wish.tried.is_empty()).then(|| among(&[], None)).flatten())
    }

    /// How a try went; once per try. `now` is when that was clear.
    pub fn answered(&self, over: &Try, outcome: Outcome, now: u64) {
        let endpoint = &over.endpoint;
        endpoint.count(outcome);
        if outcome == Outcome::Undecided {
            return;
        }
        let (took, mean) = (now.saturating_sub(over.began), self.tally.mean());
        if outcome.is_slow() {
            endpoint.latency.observe_error(took, mean, now);
        } else {
            endpoint.latency.observe(took, now);
            if mean == 0.0 {
                // Until all have been heard of: what is unknown must not look like the fastest.
                self.tally.set_mean(took as f32);
            }
        }
        self.count_in_row(over, outcome, now);
    }

    /// All endpoints.
    pub fn endpoints(&self) -> Vec<Arc<Endpoint>> {
        self.view.load().members.endpoints.clone()
    }

    /// Where they listen, and what is configured of each.
    pub fn members(&self) -> Vec<Member> {
        self.view.load().members.list.clone()
    }

    /// The share of the configured weight that can serve now.
    pub fn left(&self) -> Percent {
        self.view.peek().left
    }

    /// The value of the cookie that keeps a client at an endpoint; `None` where none does, or the endpoint has left.
    pub fn token(&self, endpoint: &Endpoint) -> Option<String> {
        let view = self.view.peek();
        view.members.tokens.at(view.members.position(endpoint.address)?)
    }
}

/// A place at the endpoint where the client is kept, while that can serve.
fn kept<'v>(view: &'v View, wish: &Wish<'_>) -> Option<Taken<'v>> {
    let position = view.members.tokens.find(wish.client?)?;
    let endpoint = &view.members.endpoints[position];
    if !view.picture.seats[position].standing.keeps() || wish.tried.contains(&endpoint.address) {
        return None;
    }
    Taken::at(endpoint, view.members.list[position].from.max_in_flight.unwrap_or(u32::MAX))
}

fn conditions(members: &Members) -> Vec<Condition> {
    members.endpoints.iter().map(|endpoint| Condition::of(endpoint)).collect()
}

#[cfg(test)]
mod tests;
