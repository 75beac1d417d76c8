//! What can be said of a pool and its endpoints right now.

use std::{net::SocketAddr, time::Duration};

use config::model::Percent;

use super::{
    Balancer,
    eject::Why,
    endpoint::{ByHand, Outcome, Verdict},
    member::Member,
    view::{Seat, Standing},
};

/// A pool.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its endpoints, in the order of the configuration.
    pub endpoints: Vec<Row>,
    /// Whether so few can serve that those are used, too, whose checks are answered badly.
    pub panic: bool,
    /// The share of the configured weight that can serve.
    pub left: Percent,
    /// Further tries that its budget would pay for.
    pub retries_left: u32,
}

/// One of its endpoints.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it listens, and what is configured of it.
    pub member: Member,
    /// How it stands.
    pub standing: Standing,
    /// Why so, where that is not said by the standing and by hand alone.
    pub reason: Option<String>,
    /// What its checks say; `None` before they have, or without any.
    pub health: Option<Verdict>,
    /// Tries in flight.
    pub in_flight: u32,
    /// Its weight as it counts now: less in slow start, 0 where it does not serve.
    pub weight: f64,
    /// How long its answers took to begin, the slowest that has not faded yet; `None` before the first, or long after the
    /// last.
    pub latency: Option<Duration>,
    /// Tries that are over, as long as the process knows it.
    pub tries: u64,
    /// Those of them that were errors.
    pub errors: u64,
    /// Those that are over in any way, by [`Outcome::RESULTS`].
    pub results: [u64; Outcome::RESULTS.len()],
    /// How often it was ejected, by reason.
    pub ejections: [(&'static str, u64); 2],
    /// How much longer it is ejected.
    pub ejected_for: Option<Duration>,
    /// What was set by hand.
    pub by_hand: Option<ByHand>,
}

impl Balancer {
    /// How everything stands at `now`.
    pub fn report(&self, now: u64) -> Report {
        let view = self.view.load();
        let members = view.members.list.iter().zip(&view.members.endpoints);
        let rows = members.zip(&view.picture.seats).map(|((member, endpoint), seat)| {
            let (counts, state) = (endpoint.counts(), endpoint.state());
            let ejection = state.ejections.current().filter(|_| seat.standing == Standing::Ejected);
            Row {
                standing: seat.standing,
                reason: ejection.map(|ejection| ejection.why.to_string()).or_else(|| self.reason(member, *seat)),
                health: state.health.filter(|_| self.rules.checked),
                in_flight: endpoint.in_flight(),
                weight: if seat.standing.serves() { weight(member, *seat) } else { 0.0 },
                latency: endpoint
                    .latency
                    .get(now)
                    .filter(|ns| *ns >= 1_000.0)
                    .map(|ns| Duration::from_nanos(ns as u64)),
                tries: counts.tries,
                errors: counts.errors,
                results: endpoint.results(),
                ejections: std::array::from_fn(|reason| (Why::LABELS[reason], state.ejections.totals[reason])),
                ejected_for: ejection.map(|ejection| Duration::from_nanos(ejection.until.saturating_sub(now))),
                by_hand: state.by_hand.clone(),
                member: member.clone(),
            }
        });
        Report {
            endpoints: rows.collect(),
            panic: view.picture.panic,
            left: view.left,
            retries_left: self.budget.left(),
        }
    }

    /// How an endpoint stands; `None` if there is none at this address.
    pub fn standing(&self, address: SocketAddr) -> Option<Standing> {
        let view = self.view.load();
        view.members.position(address).map(|position| view.picture.seats[position].standing)
    }

    fn reason(&self, member: &Member, seat: Seat) -> Option<String> {
        match seat.standing {
            Standing::SlowStart => Some(format!("{}% of its weight", seat.ramp / 100)),
            Standing::Panic => Some(format!("less than {} can serve", self.rules.panic_below)),
            Standing::Draining if member.from.drain => Some("drained in the configuration".to_owned()),
            _ => None,
        }
    }
}

fn weight(member: &Member, seat: Seat) -> f64 {
    f64::from(member.from.weight) * f64::from(seat.ramp) / 10_000.0
}
