//! The rim to the kernel's clocks; everything else takes moments as arguments.

use std::ops::Add;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// A point of `CLOCK_MONOTONIC`, which a timerfd can be told to wake at (a `std::time::Instant` hides its value).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

/// Now.
pub(crate) fn now() -> Moment {
    Moment(span(clock_gettime(ClockId::Monotonic)))
}

/// Processor time that the calling thread has used, in user and in kernel mode.
pub(crate) fn thread_cpu() -> Duration {
    span(clock_gettime(ClockId::ThreadCPUTime))
}

/// How long the calling thread was ready to run and had to wait for a core: what other programs took from it. `None`
/// where the kernel keeps no such account (proc_pid_schedstat(5), the second field, in nanoseconds).
pub(crate) fn thread_waited() -> Option<Duration> {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    account.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

fn span(timespec: Timespec) -> Duration {
    Duration::try_from(timespec).expect("the kernel's clocks do not run below zero")
}

impl Moment {
    /// Time from `earlier` to here; zero when `earlier` is not earlier.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The same point as the kernel writes it.
    pub(crate) fn to_timespec(self) -> Timespec {
        Timespec::try_from(self.0).expect("a moment near now fits the kernel's type")
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, span: Duration) -> Moment {
        Moment(self.0 + span)
    }
}
