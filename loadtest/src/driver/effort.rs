//! What the run cost the worker's thread, and what the machine kept from it.

use std::time::Duration;

use crate::clock::{self, Moment};
use crate::quantity::Share;

/// The thread's accounts at one moment.
pub(super) struct Reading {
    pub(super) at: Moment,
    cpu: Duration,
    waited: Option<Duration>,
}

/// The difference of two readings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// From the one to the other.
    pub(crate) elapsed: Duration,
    /// Processor time, as a share of one core.
    pub(crate) cpu: Share,
    /// Time in which the thread could have run but other programs had the cores, where the kernel tells.
    pub(crate) waited: Option<Share>,
}

impl Reading {
    /// Of the calling thread, now.
    pub(super) fn take() -> Reading {
        Reading { at: clock::now(), cpu: clock::thread_cpu(), waited: clock::thread_waited() }
    }
}

impl Effort {
    /// Both readings are of one thread.
    pub(super) fn between(start: &Reading, end: &Reading) -> Effort {
        let elapsed = end.at.since(start.at);
        let share = |from: Duration, to: Duration| {
            Share(to.saturating_sub(from).as_secs_f64() / elapsed.as_secs_f64().max(f64::EPSILON))
        };
        let waited = start.waited.zip(end.waited).map(|(from, to)| share(from, to));
        Effort { elapsed, cpu: share(start.cpu, end.cpu), waited }
    }
}
