//! How slow a client may be: so many bytes a second, with some seconds' grace.
//!
//! As in Kestrel (`MinRequestBodyDataRate`), a steady trickle above the rate goes on for ever, and one below it ends
//! when the grace is used up; so does a client that stops. Time counts only while the client is the one that is waited
//! for.

use std::time::{Duration, Instant};

/// How long a client may do nothing, at most: what was sent faster than asked buys no longer stall.
const GRACE: Duration = Duration::from_secs(5);

/// The patience with one direction of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Bytes a second, above zero.
    rate: u64,
    /// How long may still be waited.
    left: Duration,
    /// Since when the client is waited for.
    since: Option<Instant>,
}

impl Pace {
    /// At least `rate` bytes a second; `None` for zero, which asks for nothing.
    pub(crate) fn at_least(rate: u64) -> Option<Self> {
        (rate > 0).then_some(Self { rate, left: GRACE, since: None })
    }

    /// One whose grace is nearly used up.
    #[cfg(test)]
    pub(super) fn ending(rate: u64, left: Duration) -> Self {
        Self { rate, left, since: None }
    }

    /// The client is waited for. When the patience with it ends.
    pub(super) fn waits(&mut self, now: Instant) -> Instant {
        *self.since.get_or_insert(now) + self.left
    }

    /// The client moved so many bytes. The clock is asked only after a wait.
    pub(super) fn moved(&mut self, bytes: usize, now: impl Fn() -> Instant) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(now().saturating_duration_since(since));
        }
        if self.left < GRACE {
            let earned = Duration::from_secs_f64(bytes as f64 / self.rate as f64);
            self.left = self.left.saturating_add(earned).min(GRACE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// How many steps a client lasts that moves `bytes` after each `step`; `None` if it lasts a thousand.
    fn lasts(rate: u64, bytes: usize, step: Duration) -> Option<u32> {
        let start = clock::instant();
        let mut pace = Pace::at_least(rate).unwrap();
        let mut now = start;
        for moved in 0..1000 {
            let end = pace.waits(now);
            now += step;
            if now >= end {
                return Some(moved);
            }
            pace.moved(bytes, || now);
        }
        None
    }

    #[test]
    fn a_client_lasts_as_long_as_it_keeps_the_rate() {
        let second = Duration::from_secs(1);
        assert_eq!(lasts(500, 500, second), None);
        assert_eq!(lasts(500, 2000, 4 * second), None);
        assert_eq!(lasts(500, 250, second), Some(8), "half the rate lasts about twice the grace");
        assert_eq!(lasts(500, 1, second), Some(5), "a byte now and then buys next to nothing");
        assert_eq!(lasts(500, 1 << 20, 5 * second), Some(0), "nothing for the whole grace");
        assert!(Pace::at_least(0).is_none());
    }

    #[test]
    fn speed_buys_no_longer_stall() {
        let now = clock::instant();
        let mut pace = Pace::at_least(500).unwrap();
        for _ in 0..100 {
            pace.moved(1 << 20, || now);
        }
        assert_eq!(pace.waits(now), now + GRACE);
    }

    #[test]
    fn time_counts_only_while_the_client_is_waited_for() {
        let start = clock::instant();
        let mut pace = Pace::at_least(500).unwrap();
        pace.waits(start);
        pace.moved(0, || start + Duration::from_secs(4));
        let much_later = start + Duration::from_secs(1000);
        assert_eq!(pace.waits(much_later), much_later + Duration::from_secs(1));
    }
}
