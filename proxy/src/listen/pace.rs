//! How slow a client may be, in sending a body and in taking an answer.
//!
//! As in Kestrel (`MinRequestBodyDataRate`), a steady trickle above the rate goes on for ever, and one below it ends
//! when the grace is used up. Time counts only while the client is the one that is waited for.

use std::{
    fmt,
    pin::pin,
    time::{Duration, Instant},
};

use crate::clock;

/// How long a client may start slowly.
const GRACE: Duration = Duration::from_secs(5);
/// How long a client may take nothing of what is written to it. What has reached it is looked at only then, and may buy as
/// long again.
pub(crate) const STALL_MAX: Duration = Duration::from_secs(30);

/// What is asked of a client while the edge waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Bytes per second; zero asks for no rate.
    pub(crate) floor: u64,
    /// For so long nothing at all may move, however much did before.
    pub(crate) silence_max: Duration,
    /// Bytes that may have moved unseen: a frame is handed over only when it is whole.
    pub(crate) unseen: u32,
}

impl Patience {
    /// How long the edge waits in vain for a client that it begins to wait for.
    fn at_first(self) -> Duration {
        if self.floor == 0 {
            self.silence_max
        } else {
            (GRACE + self.time_for(self.unseen.into())).min(self.silence_max)
        }
    }

    /// How long so many bytes may take.
    fn time_for(self, bytes: u64) -> Duration {
        if self.floor == 0 { self.silence_max } else { Duration::from_secs_f64(bytes as f64 / self.floor as f64) }
    }
}

/// The client let the edge wait too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

/// The patience with one direction of a connection or stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    patience: Patience,
    /// How long may still be waited.
    left: Duration,
    /// Since when the client is waited for.
    since: Option<Instant>,
}

impl Pace {
    /// Of a client that was not waited for yet.
    pub(crate) fn new(patience: Patience) -> Self {
        let left = patience.at_first();
        Self { patience, left, since: None }
    }

    /// Changes how long nothing at all may move.
    pub(crate) fn bear_silence(&mut self, silence_max: Duration) {
        *self = Self::new(Patience { silence_max, ..self.patience });
    }

    /// For so long nothing at all may move.
    pub(crate) fn silence_max(&self) -> Duration {
        self.patience.silence_max
    }

    /// The client is waited for. When the patience with it ends.
    pub(crate) fn waits(&mut self, now: Instant) -> Instant {
        let since = *self.since.get_or_insert(now);
        // `silence_max` may be so long that no clock shows its end.
        since.checked_add(self.left).unwrap_or_else(|| since + Duration::from_secs(u32::MAX.into()))
    }

    /// The client is not waited for any more. The clock is asked only after a wait.
    pub(crate) fn goes_on(&mut self, now: impl Fn() -> Instant) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(now().saturating_duration_since(since));
        }
    }

    /// The client moved so many bytes.
    pub(crate) fn moved(&mut self, bytes: u64, now: impl Fn() -> Instant) {
        self.goes_on(now);
        if bytes == 0 || self.left >= self.patience.silence_max {
            return;
        }
        let earned = self.patience.time_for(bytes);
        self.left = self.left.saturating_add(earned).min(self.patience.silence_max);
    }

    /// Waits for the client. The time counts, too, if the wait is given up and taken up again later.
    pub(crate) async fn wait_for<F: Future>(&mut self, client: F) -> Result<F::Output, TooSlow> {
        let end = self.waits(clock::instant());
        let _waiting = Waiting(self);
        tokio::time::timeout_at(end.into(), pin!(client)).await.map_err(|_elapsed| TooSlow)
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "less than {} B/s, or nothing for {:?}", self.patience.floor, self.patience.silence_max)
    }
}

/// A wait that goes on; counted when it ends, however it does.
struct Waiting<'p>(&'p mut Pace);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.goes_on(clock::instant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Patience = Patience { floor: 500, silence_max: Duration::from_secs(30), unseen: 0 };

    /// How many steps a client lasts that moves `bytes` after each `step`; `None` if it lasts a thousand.
    fn lasts(patience: Patience, bytes: u64, step: Duration) -> Option<u32> {
        let mut pace = Pace::new(patience);
        let mut now = clock::instant();
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
        assert_eq!(lasts(PATIENCE, 500, SECOND), None);
        assert_eq!(lasts(PATIENCE, 2000, 4 * SECOND), None);
        assert_eq!(lasts(PATIENCE, 250, SECOND), Some(8), "half the rate lasts about twice the grace");
        assert_eq!(lasts(PATIENCE, 1, SECOND), Some(5), "a byte now and then buys next to nothing");
        assert_eq!(lasts(PATIENCE, 1 << 20, 5 * SECOND), Some(0), "nothing for the whole grace");
    }

    #[test]
    fn where_no_rate_is_asked_silence_ends_it() {
        let no_rate = Patience { floor: 0, ..PATIENCE };
        assert_eq!(lasts(no_rate, 1, 29 * SECOND), None, "one byte is enough");
        assert_eq!(lasts(no_rate, 0, 10 * SECOND), Some(2));
    }

    #[test]
    fn speed_buys_no_longer_silence() {
        let now = clock::instant();
        for floor in [0, 500] {
            let mut pace = Pace::new(Patience { floor, ..PATIENCE });
            for _ in 0..100 {
                pace.moved(1 << 20, || now);
            }
            assert_eq!(pace.waits(now), now + PATIENCE.silence_max, "{floor}");
        }
    }

    #[test]
    fn a_frame_that_is_under_way_is_not_seen() {
        let now = clock::instant();
        let mut pace = Pace::new(Patience { unseen: 1000, ..PATIENCE });
        assert_eq!(pace.waits(now), now + GRACE + 2 * SECOND);
        let mut pace = Pace::new(Patience { unseen: 1 << 20, ..PATIENCE });
        assert_eq!(pace.waits(now), now + PATIENCE.silence_max);
    }

    #[test]
    fn time_counts_only_while_the_client_is_waited_for() {
        let start = clock::instant();
        let mut pace = Pace::new(PATIENCE);
        pace.waits(start);
        pace.moved(0, || start + 4 * SECOND);
        let much_later = start + 1000 * SECOND;
        assert_eq!(pace.waits(much_later), much_later + SECOND);
    }

    #[test]
    fn a_patience_without_end_is_no_overflow() {
        let now = clock::instant();
        assert!(Pace::new(Patience { floor: 0, silence_max: Duration::MAX, unseen: 0 }).waits(now) > now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_still_counts() {
        let mut pace = Pace::new(Patience { floor: 0, silence_max: Duration::from_millis(40), unseen: 0 });
        let brief = tokio::time::timeout(Duration::ZERO, pace.wait_for(std::future::pending::<()>())).await;
        assert!(brief.is_err());
        pace.left = Duration::ZERO;
        assert_eq!(pace.wait_for(std::future::pending::<()>()).await, Err(TooSlow));
        assert_eq!(pace.wait_for(std::future::ready(7)).await, Ok(7), "what is there at once is never too slow");
    }
}
