//! What one request carries through its stages.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use config::model::{CachePolicy, Coding, Zone};

use super::{
    admission::Permit,
    balance::time_limits::Wait,
    caching::{lookup::Lookup, status::Outcome},
    deadline::Deadline,
    exchange::Exchange,
    identify::{Facts, trace::Trace},
    refusal::Refusal,
    retry::Failure,
    split::Choice,
    tries::CurrentTry,
};
use crate::snapshot::{Action, Arm, Forward, Route, Snapshot};

/// One request, from its header to its log line.
pub(crate) struct Context {
    /// The configuration it lives under.
    pub(crate) snapshot: Arc<Snapshot>,
    /// When its header was read.
    pub(crate) started: Instant,
    /// The same on the wall clock.
    pub(crate) started_at: SystemTime,
    /// Its id, ours or a trusted proxy's.
    pub(crate) id: String,
    /// The trace that it belongs to.
    pub(crate) trace: Trace,
    /// A refresh of the cache in the background: not a client.
    pub(crate) background: bool,
    /// Who asks for what; `None` until identified.
    pub(crate) facts: Option<Facts>,
    /// What kind of exchange it begins; what its route does not let it ask for, it has not asked for.
    pub(crate) exchange: Exchange,
    /// Its route; `None` until found.
    pub(crate) route: Option<Arc<Route>>,
    /// Which of the route's paths matched.
    pub(crate) pattern: usize,
    /// Which of the route's pools it goes to.
    pub(crate) choice: Choice,
    /// Its place in the pool; `None` until admitted.
    pub(crate) permit: Option<Permit>,
    /// Whether its body has come to its end.
    pub(crate) upload_over: bool,
    /// Until when an answer must have begun; `None` until a pool is to be asked.
    pub(crate) deadline: Option<Deadline>,
    /// The try that is under way, or the last one.
    pub(crate) current: Option<CurrentTry>,
    /// Bounds the wait for its answer, where Pingora does not.
    pub(crate) wait: Option<Wait>,
    /// Endpoints asked so far, once for each try.
    pub(crate) tried: Vec<SocketAddr>,
    /// Whether an answer was thrown away for another try.
    pub(crate) goes_on: bool,
    /// What became of the last try, if that has failed and is followed by another.
    pub(crate) last_failure: Option<Failure>,
    /// Bytes of the request body seen so far.
    pub(crate) body_bytes: u64,
    /// What the cache did; `None` until an answer's header was decided.
    pub(crate) outcome: Option<Outcome>,
    /// The form in which a stored answer goes out, and its length in bytes; `None` is as it came.
    pub(crate) coded: Option<(Coding, u64)>,
    /// Whether it might go out in another.
    pub(crate) has_forms: bool,
    /// What its stages know of the cache.
    pub(crate) lookup: Lookup,
    /// Why it cannot be served, unless something stale is found to serve instead.
    pub(crate) failure: Option<Refusal>,
    /// Why the edge refused, if it did.
    pub(crate) refusal: Option<Refusal>,
}

impl Context {
    /// A request that begins.
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        started: Instant,
        started_at: SystemTime,
        id: String,
        trace: Trace,
    ) -> Self {
        Self {
            snapshot,
            started,
            started_at,
            id,
            trace,
            background: false,
            facts: None,
            exchange: Exchange::default(),
            route: None,
            pattern: 0,
            choice: Choice::default(),
            permit: None,
            upload_over: false,
            deadline: None,
            current: None,
            wait: None,
            tried: Vec::new(),
            goes_on: false,
            last_failure: None,
            body_bytes: 0,
            outcome: None,
            coded: None,
            has_forms: false,
            lookup: Lookup::default(),
            failure: None,
            refusal: None,
        }
    }

    /// How a pool is asked; `None` without a route, and where the edge itself answers.
    pub(crate) fn forward(&self) -> Option<&Forward> {
        match &self.route.as_deref()?.action {
            Action::Forward(forward) => Some(forward),
            Action::Redirect { .. } | Action::Respond(_) | Action::Files(_) => None,
        }
    }

    /// How its route caches, and where; `None` if it does not.
    pub(crate) fn caching(&self) -> Option<(&CachePolicy, &Zone)> {
        self.route.as_deref()?.caching()
    }

    /// The pool that is asked.
    pub(crate) fn arm(&self) -> Option<&Arm> {
        self.forward()?.arms.get(self.choice.arm)
    }

    /// Time until its deadline; `None` when that has passed.
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        self.deadline.map_or(Some(Duration::MAX), |deadline| deadline.left(now))
    }

    /// Name of the class, for labels.
    pub(crate) fn class(&self) -> Option<&str> {
        self.forward().map(|forward| forward.class.as_str())
    }
}
