//! What changes who may be chosen: checks, operators, discovery, errors and time.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use config::model::Ejection;
use thiserror::Error;

use super::{
    Balancer,
    eject::{self, Why, nanos},
    endpoint::{ByHand, Endpoint, Hand, Outcome, State, Try, Verdict, Window},
    member::{Member, Members},
    view::{self, View},
};

/// There is no endpoint at this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the pool has no endpoint {0}")]
pub struct UnknownEndpoint(pub SocketAddr);

impl Balancer {
    /// Takes other members. Endpoints with the same addresses keep their state, also if they were away for a while; others
    /// begin with a slow start.
    pub fn replace(&self, members: &[Member], now: u64) {
        let mut known = Arc::clone(&self.view.load().members);
        loop {
            // Not under the lock, which requests wait for when they eject: a ring takes its time.
            let members = Members::new(members, &self.rules, &self.tally, Some(&known), now);
            let _held = self.tally.hold();
            let before = self.view.load();
            if Arc::ptr_eq(&before.members, &known) {
                self.warn_of_states_that_leave(&before.members, &members);
                return self.publish(&before, Arc::new(members), now);
            }
            // Somebody else was faster.
            known = Arc::clone(&before.members);
        }
    }

    fn warn_of_states_that_leave(&self, before: &Members, members: &Members) {
        for endpoint in before.endpoints.iter().filter(|endpoint| members.endpoint(endpoint.address).is_none()) {
            if let Some(ByHand { state, by, .. }) = &endpoint.state().by_hand {
                let (pool, endpoint) = (&self.rules.pool, endpoint.address);
                tracing::warn!(pool, %endpoint, %state, by, "endpoint has left with a state by hand");
            }
        }
    }

    /// What a health check decided of an endpoint. Returns whether that is news.
    pub fn checked(&self, address: SocketAddr, verdict: Verdict, now: u64) -> bool {
        let _held = self.tally.hold();
        let view = self.view.load();
        let Some(endpoint) = view.members.endpoint(address) else { return false };
        let before = {
            let mut state = endpoint.state();
            let before = state.health.replace(verdict).unwrap_or(Verdict::Well);
            if verdict == Verdict::Well && before != Verdict::Well {
                state.since = Some(now);
            }
            before
        };
        if before != verdict {
            self.refresh(&view, now);
        }
        before != verdict
    }

    /// Sets the state of an endpoint by hand, or ends that. Returns what was set before.
    pub fn by_hand(
        &self,
        address: SocketAddr,
        by_hand: Option<ByHand>,
        now: u64,
    ) -> Result<Option<ByHand>, UnknownEndpoint> {
        let _held = self.tally.hold();
        let view = self.view.load();
        let endpoint = view.members.endpoint(address).ok_or(UnknownEndpoint(address))?;
        let before = set_by_hand(&mut endpoint.state(), by_hand, now);
        self.refresh(&view, now);
        Ok(before)
    }

    /// Does what is due by now: ends ejections and states by hand, compares shares of successes, and lets shares grow.
    /// To be called every 100 ms or so.
    pub fn tend(&self, now: u64) {
        let mut window = self.tally.hold();
        let view = self.view.load();
        for endpoint in &view.members.endpoints {
            let mut state = endpoint.state();
            if state.by_hand.as_ref().and_then(|by_hand| by_hand.until).is_some_and(|until| until <= now) {
                let over = set_by_hand(&mut state, None, now);
                let (state, by) = over.map(|over| (over.state.to_string(), over.by)).unwrap_or_default();
                tracing::info!(pool = self.rules.pool, endpoint = %endpoint.address, state, by, "state by hand is over");
            }
            if state.ejections.tend(now) {
                state.since = Some(now);
                // It was ejected for what it did before.
                state.marks = endpoint.counts();
                let rules = self.rules.eject.map_or(1, |rules| rules.consecutive_errors);
                // One more error ejects it again, until something succeeds.
                endpoint.errors_in_row.store(rules.saturating_sub(1), Ordering::Relaxed);
                tracing::info!(pool = self.rules.pool, endpoint = %endpoint.address, "endpoint is no longer ejected");
            }
        }
        if let Some(rules) = &self.rules.eject {
            self.compare(rules, &view.members, &mut window, now);
        }
        self.set_mean(&view.members, now);
        self.refresh(&view, now);
    }

    /// Counts errors in a row, and ejects the endpoint when there are too many.
    pub(super) fn count_in_row(&self, over: &Try, outcome: Outcome, now: u64) {
        let row = &over.endpoint.errors_in_row;
        if !outcome.breaks() {
            // Written only where it changes something, as nearly every answer is a success.
            if row.load(Ordering::Relaxed) > 0 {
                row.store(0, Ordering::Relaxed);
            }
            return;
        }
        let errors = row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let Some(rules) = self.rules.eject.as_ref().filter(|rules| errors >= rules.consecutive_errors) else { return };
        let _held = self.tally.hold();
        let view = self.view.load();
        let why = Why::Errors(errors);
        if !over.endpoint.state().ejections.counts(over.began) {
            row.store(rules.consecutive_errors - 1, Ordering::Relaxed);
        } else if self.eject(rules, &view.members, &over.endpoint, why, now) {
            self.refresh(&view, now);
        } else {
            // Nothing can be done for as many errors more; so a pool that fails as a whole does not wait for this lock.
            row.store(0, Ordering::Relaxed);
        }
    }

    /// Ejects an endpoint, if one more is out then and somebody else still serves. The lock is held.
    fn eject(&self, rules: &Ejection, members: &Members, endpoint: &Endpoint, why: Why, now: u64) -> bool {
        let is_here = |position: &usize| std::ptr::eq(&*members.endpoints[*position], endpoint);
        let Some(position) = members.position(endpoint.address).filter(is_here) else { return false };
        let mut conditions = super::conditions(members);
        let before = view::picture(&self.rules, &members.list, &conditions, now);
        conditions[position].ejected_until = Some(u64::MAX);
        let after = view::picture(&self.rules, &members.list, &conditions, now);
        if after.ejected() <= before.ejected() || !after.serves() {
            return false;
        }
        let length = endpoint.state().ejections.eject(rules, why, now);
        tracing::warn!(
            pool = self.rules.pool, endpoint = %endpoint.address, reason = %why, ?length, "endpoint is ejected",
        );
        true
    }

    /// Compares shares of successes where a window is over. The lock is held.
    fn compare(&self, rules: &Ejection, members: &Members, window: &mut Window, now: u64) {
        let Some(success) = &rules.success_rate else { return };
        if window.began.is_some_and(|began| now.saturating_sub(began) < nanos(success.window)) {
            return;
        }
        let is_first = window.began.replace(now).is_none();
        let since_mark = |endpoint: &Arc<Endpoint>| {
            let (counts, mut state) = (endpoint.counts(), endpoint.state());
            let new = counts.since(std::mem::replace(&mut state.marks, counts));
            // Who is out already is neither compared nor compared with.
            if state.ejections.current().is_some() { Default::default() } else { new }
        };
        let mut counts: Vec<_> = members.endpoints.iter().map(since_mark).collect();
        while let Some((worst, why)) = eject::worst(&counts, success).filter(|_| !is_first) {
            if !self.eject(rules, members, &members.endpoints[worst], why, now) {
                break;
            }
            counts[worst] = Default::default();
        }
    }

    /// Without any answer of late, the mean stays what it was.
    fn set_mean(&self, members: &Members, now: u64) {
        let latencies = members.endpoints.iter().filter_map(|endpoint| endpoint.latency.of_answer(now));
        let (sum, count) =
            latencies.fold((0.0, 0_u16), |(sum, count), latency| (sum + latency, count.saturating_add(1)));
        if count > 0 {
            self.tally.set_mean(sum / f32::from(count));
        }
    }

    /// Publishes a new view of the same members, if it would be another. The lock is held.
    fn refresh(&self, before: &View, now: u64) {
        self.publish(before, Arc::clone(&before.members), now);
    }

    fn publish(&self, before: &View, members: Arc<Members>, now: u64) {
        let picture = view::picture(&self.rules, &members.list, &super::conditions(&members), now);
        if Arc::ptr_eq(&members, &before.members) && picture == before.picture {
            return;
        }
        match (before.picture.panic, picture.panic) {
            (false, true) => tracing::warn!(
                pool = self.rules.pool,
                below = %self.rules.panic_below,
                "too few endpoints can serve: those that answer badly to checks are used too",
            ),
            (true, false) => tracing::info!(pool = self.rules.pool, "enough endpoints can serve again"),
            _ => {}
        }
        self.view.publish(View::new(&self.rules, members, picture, Some(before)));
    }
}

/// Sets a state by hand; who got nothing new so far comes into use again.
fn set_by_hand(state: &mut State, by_hand: Option<ByHand>, now: u64) -> Option<ByHand> {
    let is_out = |by_hand: &Option<ByHand>| by_hand.as_ref().is_some_and(|by_hand| by_hand.state != Hand::Up);
    if is_out(&state.by_hand) && !is_out(&by_hand) {
        state.since = Some(now);
    }
    std::mem::replace(&mut state.by_hand, by_hand)
}
