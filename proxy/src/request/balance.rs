//! Which endpoint of a pool gets the next try.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
};

use config::model::Balance;

pub(crate) mod peer;
pub(crate) mod header_deadline;

/// One server of a pool; survives reloads while its address stays in the pool.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    up: AtomicBool,
    in_flight: AtomicU32,
}

impl Endpoint {
    /// An endpoint that counts as up until a health check says otherwise.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, up: AtomicBool::new(true), in_flight: AtomicU32::new(0) }
    }

    /// What the health check last decided.
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Says what the health check decided; returns whether that is news.
    pub(crate) fn set_up(&self, up: bool) -> bool {
        self.up.swap(up, Ordering::Relaxed) != up
    }
}

/// A try under way at an endpoint; counted until dropped.
#[derive(Debug)]
pub(crate) struct Try {
    /// Where it goes.
    pub(crate) endpoint: Arc<Endpoint>,
}

impl Try {
    fn begin(endpoint: &Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { endpoint: Arc::clone(endpoint) }
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The endpoints of one pool and the rule that picks among them.
#[derive(Debug)]
pub(crate) struct Balancer {
    members: Vec<Member>,
    /// Whether health checks run; what an earlier one decided does not count without.
    checked: bool,
    rule: Rule,
}

#[derive(Debug)]
struct Member {
    endpoint: Arc<Endpoint>,
    weight: u16,
}

#[derive(Debug)]
enum Rule {
    /// nginx's smooth weighted round robin: each choice adds every weight to its current value, takes the largest and
    /// subtracts the total from it, so that 5:1:1 comes out as a a b a c a a and never as five in a row.
    RoundRobin { current: Mutex<Vec<i64>> },
    /// The smallest `(in flight + 1) / weight`; ties go round.
    LeastRequests { start: AtomicUsize },
}

impl Balancer {
    /// Endpoints with their weights, in the order of the configuration.
    pub(crate) fn new(rule: Balance, checked: bool, endpoints: impl IntoIterator<Item = (Arc<Endpoint>, u16)>) -> Self {
        let members: Vec<_> = endpoints.into_iter().map(|(endpoint, weight)| Member { endpoint, weight }).collect();
        let rule = match rule {
            Balance::RoundRobin => Rule::RoundRobin { current: Mutex::new(vec![0; members.len()]) },
            Balance::LeastRequests => Rule::LeastRequests { start: AtomicUsize::new(0) },
        };
        Self { members, checked, rule }
    }

    /// All endpoints.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.members.iter().map(|member| &member.endpoint)
    }

    /// An endpoint that is up, one that was not tried yet if possible: what failed on a connection may still work on
    /// the next one to the same endpoint. `None` if none is up.
    pub(crate) fn choose(&self, tried: &[SocketAddr]) -> Option<Try> {
        self.choose_if(|endpoint| !tried.contains(&endpoint.address)).or_else(|| self.choose_if(|_| true))
    }

    fn choose_if(&self, also: impl Fn(&Endpoint) -> bool) -> Option<Try> {
        let fit = |member: &Member| (!self.checked || member.endpoint.is_up()) && also(&member.endpoint);
        let chosen = match &self.rule {
            Rule::RoundRobin { current } => {
                let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
                smooth_round_robin(&self.members, &mut current, fit)
            }
            Rule::LeastRequests { start } => {
                let start = start.fetch_add(1, Ordering::Relaxed);
                least_requests(&self.members, start, fit)
            }
        };
        chosen.map(|index| Try::begin(&self.members[index].endpoint))
    }
}

fn smooth_round_robin(members: &[Member], current: &mut [i64], fit: impl Fn(&Member) -> bool) -> Option<usize> {
    let mut total = 0;
    let mut best: Option<usize> = None;
    for (index, member) in members.iter().enumerate().filter(|(_, member)| fit(member)) {
        let weight = i64::from(member.weight);
        current[index] += weight;
        total += weight;
        if best.is_none_or(|best| current[index] > current[best]) {
            best = Some(index);
        }
    }
    current[best?] -= total;
    best
}

fn least_requests(members: &[Member], start: usize, fit: impl Fn(&Member) -> bool) -> Option<usize> {
    let in_order = (0..members.len()).map(|offset| start.wrapping_add(offset) % members.len());
    in_order.filter(|&index| fit(&members[index])).min_by(|&a, &b| {
        let load = |index: usize| u64::from(members[index].endpoint.in_flight.load(Ordering::Relaxed)) + 1;
        // a / weight_a < b / weight_b, without dividing
        (load(a) * u64::from(members[b].weight)).cmp(&(load(b) * u64::from(members[a].weight)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balancer(rule: Balance, weights: &[u16]) -> Balancer {
        let endpoint = |port| Arc::new(Endpoint::new(SocketAddr::from(([127, 0, 0, 1], port))));
        Balancer::new(rule, true, weights.iter().zip(1..).map(|(&weight, port)| (endpoint(port), weight)))
    }

    fn port(chosen: Option<Try>) -> u16 {
        chosen.map_or(0, |chosen| chosen.endpoint.address.port())
    }

    #[test]
    fn round_robin_is_smooth_and_keeps_the_weights() {
        let pool = balancer(Balance::RoundRobin, &[5, 1, 1]);
        let round: Vec<_> = (0..7).map(|_| port(pool.choose(&[]))).collect();
        assert_eq!(round, [1, 1, 2, 1, 3, 1, 1]);
    }

    #[test]
    fn least_requests_goes_where_there_is_room() {
        let pool = balancer(Balance::LeastRequests, &[1, 1, 2]);
        let held: Vec<_> = (0..8).map(|_| pool.choose(&[]).unwrap()).collect();
        let at = |wanted| held.iter().filter(|held| held.endpoint.address.port() == wanted).count();
        assert_eq!((at(1), at(2), at(3)), (2, 2, 4));
    }

    #[test]
    fn without_checks_nothing_counts_as_down() {
        let endpoint = Arc::new(Endpoint::new(SocketAddr::from(([127, 0, 0, 1], 1))));
        endpoint.set_up(false);
        let pool = |checked| Balancer::new(Balance::RoundRobin, checked, [(Arc::clone(&endpoint), 1)]);
        assert!(pool(true).choose(&[]).is_none() && pool(false).choose(&[]).is_some());
    }

    #[test]
    fn ties_go_round() {
        let pool = balancer(Balance::LeastRequests, &[1, 1]);
        let first: Vec<_> = (0..4).map(|_| port(pool.choose(&[]))).collect();
        assert_eq!(first, [1, 2, 1, 2]);
    }

    #[test]
    fn what_is_down_or_was_tried_is_left_out() {
        for rule in [Balance::RoundRobin, Balance::LeastRequests] {
            let pool = balancer(rule, &[1, 1, 1]);
            let down = pool.endpoints().next().unwrap();
            assert!(down.set_up(false) && !down.set_up(false), "only a change is news");
            let tried = [2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
            let ports: Vec<_> = (0..3).map(|_| port(pool.choose(&tried[..1]))).collect();
            assert_eq!(ports, [3, 3, 3], "{rule:?}");
            assert_ne!(port(pool.choose(&tried)), 0, "all were tried: one of them again");
            pool.endpoints().for_each(|endpoint| assert!(endpoint.set_up(false) || !endpoint.is_up()));
            assert!(pool.choose(&[]).is_none());
        }
    }
}
