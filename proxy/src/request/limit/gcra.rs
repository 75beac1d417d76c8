//! The generic cell rate algorithm, as arithmetic on nanoseconds.

use std::time::Duration;

/// A rate and a burst.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gcra {
    /// From one request to the next at the sustained rate.
    interval_ns: u64,
    /// How far the arrival time may run ahead of the clock.
    ahead_max_ns: u64,
}

impl Gcra {
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        let interval_ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self { interval_ns, ahead_max_ns: interval_ns.saturating_mul(u64::from(burst.max(1))) }
    }

    /// Requests that would be let through at once.
    pub(super) fn left(self, arrival_ns: u64, now_ns: u64) -> u32 {
        let ahead_ns = arrival_ns.saturating_sub(now_ns);
        u32::try_from(self.ahead_max_ns.saturating_sub(ahead_ns) / self.interval_ns).unwrap_or(u32::MAX)
    }

    /// `arrival_ns` is the theoretical arrival time kept for the key (0 if none). The new one, or how long to wait.
    pub(super) fn allow(self, arrival_ns: u64, now_ns: u64) -> Result<u64, Duration> {
        let next_ns = arrival_ns.max(now_ns).saturating_add(self.interval_ns);
        match next_ns.saturating_sub(now_ns).checked_sub(self.ahead_max_ns) {
            None | Some(0) => Ok(next_ns),
            Some(wait_ns) => Err(Duration::from_nanos(wait_ns)),
        }
    }
}
