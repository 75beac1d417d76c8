//! What the run cost the worker's thread, and what the machine kept from it.

use std::time::Duration;

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id, thread_schedule_policy,
};

use crate::clock::{self, Moment};
use crate::quantity::Share;

/// The thread's accounts at one moment.
pub(super) struct Reading {
    pub(super) at: Moment,
    cpu: Duration,
    waited: Option<Duration>,
    realtime: bool,
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
    /// Whether the thread ran ahead of ordinary programs.
    pub(crate) realtime: bool,
}

/// Lets the calling thread run as soon as something is due, where the system permits it (root, `CAP_SYS_NICE`): beside
/// a target on the same cores, an ordinary thread gets its core a few milliseconds late every now and then, and the run
/// is void. It sleeps between requests and takes a few per cent of its core, so it starves nobody.
pub(super) fn run_ahead() {
    let round_robin = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    // The lowest real-time priority is ahead of every ordinary one. Without permission all stays as it is, and the
    // report says so.
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, round_robin).ok();
}

impl Reading {
    /// Of the calling thread, now.
    pub(super) fn take() -> Reading {
        let realtime = matches!(thread_schedule_policy(), Ok(ThreadSchedulePolicy::Realtime(_)));
        Reading { at: clock::now(), cpu: clock::thread_cpu(), waited: clock::thread_waited(), realtime }
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
        Effort { elapsed, cpu: share(start.cpu, end.cpu), waited, realtime: start.realtime }
    }
}
