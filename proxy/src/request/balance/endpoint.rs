//! One server of a pool: what is counted of it, and the state that outlives a reload.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::{eject::Ejections, hash, latency::Latency};

/// One server of a pool; survives reloads while its address stays in the pool.
#[derive(Debug)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// Tells it from others when a key is mixed with it; the same on every edge.
    pub(super) salt: u64,
    in_flight: AtomicU32,
    /// Errors since something else happened.
    pub(super) errors_in_row: AtomicU32,
    /// How long its answers take to begin.
    pub(super) latency: Latency,
    /// Tries that are over, by [`Outcome::RESULTS`].
    results: [AtomicU64; Outcome::RESULTS.len()],
    /// Changes rarely, and only under the lock of the pool.
    state: Mutex<State>,
    pool: Arc<Tally>,
}

/// What all endpoints of a pool add up to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Tries in flight; counted only while a pool hashes.
    pub(super) in_flight: AtomicU32,
    /// Mean of the latencies, errors left out, nanoseconds as the bits of an `f32`; zero before the first answer.
    mean: AtomicU32,
    /// Held while the state of an endpoint changes, so that two changes never exceed a share that one may take.
    transitions: Mutex<Window>,
}

impl Tally {
    /// Mean of the latencies in nanoseconds.
    pub(super) fn mean(&self) -> f32 {
        f32::from_bits(self.mean.load(Ordering::Relaxed))
    }

    pub(super) fn set_mean(&self, mean: f32) {
        self.mean.store(mean.to_bits(), Ordering::Relaxed);
    }

    /// Holds off every other change of an endpoint's state.
    pub(super) fn hold(&self) -> MutexGuard<'_, Window> {
        self.transitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The window in which shares of successes are compared.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// When it began; `None` before the first.
    pub(super) began: Option<u64>,
}

/// What is known of an endpoint's fitness to serve.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What its checks last decided; `None` before they have.
    pub(super) health: Option<Verdict>,
    pub(super) ejections: Ejections,
    pub(super) by_hand: Option<ByHand>,
    /// When it came into use, if that was later than the pool did.
    pub(super) since: Option<u64>,
    /// What was counted of it when the window began.
    pub(super) marks: Counts,
}

/// Tries and those of them that were errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) tries: u64,
    pub(super) errors: u64,
}

impl Counts {
    /// What was counted since another count.
    pub(super) fn since(self, before: Self) -> Self {
        Self { tries: self.tries.saturating_sub(before.tries), errors: self.errors.saturating_sub(before.errors) }
    }
}

/// What health checks say of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answers as it should.
    Well,
    /// It can be connected to, and answers badly or late.
    Unwell,
    /// It cannot be connected to.
    Unreachable,
}

/// What an operator wants of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// It serves, whatever checks and errors say.
    Up,
    /// It gets nothing.
    Down,
    /// It gets nothing new: only clients that are kept at it.
    Drain,
}

impl fmt::Display for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Drain => "drain",
        })
    }
}

/// A state set by hand, and who did. It survives reloads, but no restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// What is wanted.
    pub state: Hand,
    /// When it ends by itself, in nanoseconds of the process; `None` only by hand.
    pub until: Option<u64>,
    /// Who wants it.
    pub by: String,
    /// Why, if that was said.
    pub why: Option<String>,
    /// When it was set.
    pub since: SystemTime,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer began, with this status.
    Answered(u16),
    /// No connection could be made.
    NoConnection,
    /// The connection broke before an answer.
    Broken,
    /// A time limit passed before an answer.
    TimedOut,
    /// Nothing was learnt of the endpoint: the client went away or paused, others had used up the time, or the edge itself
    /// was short of something.
    Undecided,
}

impl Outcome {
    /// The `result` labels in metrics: `overloaded` is a 503, `error_status` any other 5xx. Those from that on, except
    /// the last, are errors where shares of successes are compared.
    pub const RESULTS: [&'static str; 7] =
        ["ok", "overloaded", "error_status", "connect_failed", "broken", "timed_out", "undecided"];

    /// Its position among them.
    fn result(self) -> usize {
        match self {
            Self::Answered(503) => 1,
            Self::Answered(500..) => 2,
            Self::Answered(_) => 0,
            Self::NoConnection => 3,
            Self::Broken => 4,
            Self::TimedOut => 5,
            Self::Undecided => 6,
        }
    }

    /// Whether it counts towards ejection for errors in a row. Not `500`: one poisonous URL must not empty a pool. Not
    /// `503` and `429`: who leaves out the overloaded overloads the rest.
    pub(super) fn breaks(self) -> bool {
        match self {
            Self::NoConnection | Self::Broken | Self::TimedOut => true,
            Self::Answered(status) => matches!(status, 502 | 504),
            Self::Undecided => false,
        }
    }

    /// Whether the time it took says nothing good: whoever fails or refuses fast must not look like the fastest.
    pub(super) fn is_slow(self) -> bool {
        self.breaks() || matches!(self, Self::Answered(429 | 500..))
    }
}

impl Endpoint {
    /// An endpoint of which nothing is known; in use since `since`, or as long as its pool.
    pub(super) fn new(address: SocketAddr, pool: Arc<Tally>, since: Option<u64>) -> Self {
        Self {
            address,
            salt: hash::key(address.to_string().as_bytes()),
            in_flight: AtomicU32::new(0),
            errors_in_row: AtomicU32::new(0),
            latency: Latency::default(),
            results: Default::default(),
            state: Mutex::new(State { since, ..State::default() }),
            pool,
        }
    }

    /// Tries in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// What has been counted so far. Of a client that went away nothing is known.
    pub(super) fn counts(&self) -> Counts {
        let [ok, overloaded, errors @ .., _undecided] = self.results();
        let errors = errors.iter().sum();
        Counts { tries: ok + overloaded + errors, errors }
    }

    /// Counts a try that is over.
    pub(super) fn count(&self, outcome: Outcome) {
        self.results[outcome.result()].fetch_add(1, Ordering::Relaxed);
    }

    /// Tries that are over, by [`Outcome::RESULTS`].
    pub(super) fn results(&self) -> [u64; Outcome::RESULTS.len()] {
        self.results.each_ref().map(|result| result.load(Ordering::Relaxed))
    }

    /// Whether a state by hand lasts.
    pub(super) fn is_held_by_hand(&self, now: u64) -> bool {
        let state = self.state();
        state.by_hand.as_ref().is_some_and(|by_hand| by_hand.until.is_none_or(|until| now < until))
    }

    /// Its state. Whoever changes it holds the lock of the pool.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in flight at an endpoint, to be made a [`Try`] of: small, so that it costs nothing to hand it on.
#[derive(Debug)]
#[must_use = "nobody else gives the place back"]
pub(super) struct Taken<'a>(&'a Arc<Endpoint>);

impl<'a> Taken<'a> {
    /// Takes one, unless `most` are in flight already: they are never exceeded.
    pub(super) fn at(endpoint: &'a Arc<Endpoint>, most: u32) -> Option<Self> {
        if most == u32::MAX {
            endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        } else {
            let below = |count: u32| (count < most).then_some(count + 1);
            endpoint.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).ok()?;
        }
        Some(Self(endpoint))
    }
}

/// A try under way at an endpoint; counted until dropped.
#[derive(Debug)]
pub struct Try {
    /// Where it goes.
    pub endpoint: Arc<Endpoint>,
    /// Whether it goes there because its client is kept there.
    pub kept: bool,
    /// When it began.
    pub(super) began: u64,
    /// Whether it is counted in the pool's tally too.
    tallied: bool,
}

impl Try {
    /// Begins with a place that is taken.
    pub(super) fn begin(taken: Taken<'_>, now: u64, kept: bool, tallied: bool) -> Self {
        Self { endpoint: Arc::clone(taken.0), kept, began: now, tallied }
    }
}

impl Try {
    /// The request has come to its end: only from here on is the endpoint waited for.
    pub(crate) fn sent(&mut self, now: u64) {
        self.began = now;
    }

    /// For how long it has been waited for.
    pub(crate) fn took(&self, now: u64) -> Duration {
        Duration::from_nanos(now.saturating_sub(self.began))
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.tallied {
            self.endpoint.pool.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
