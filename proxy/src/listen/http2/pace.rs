//! How long the edge waits for a client that sends its body, or takes its answer, slowly.

use std::{
    fmt,
    pin::pin,
    time::{Duration, Instant},
};

use crate::clock;

/// Time in which no minimum rate is asked: a slow start is no attack.
const GRACE: Duration = Duration::from_secs(5);

/// What is asked of a client while the edge waits for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For so long nothing at all may move.
    pub(super) silence_max: Duration,
    /// Bytes per second that must move on average after [`GRACE`]; `None` asks for no rate.
    pub(super) floor: Option<u64>,
    /// Bytes that may have moved unseen: a frame is handed over only when it is whole.
    pub(super) unseen: u64,
}

/// The client let the edge wait too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooSlow;

/// The movement of one body. Only time in which the edge waits for the client counts: an origin that is slow to take
/// or give it is not the client's fault.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) patience: Patience,
    moved: u64,
    waited: Duration,
    /// What of `waited` came after the last movement.
    silent: Duration,
}

impl Pace {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, moved: 0, waited: Duration::ZERO, silent: Duration::ZERO }
    }

    /// Counts bytes that moved.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.moved += bytes as u64;
        self.silent = Duration::ZERO;
    }

    /// Waits for the client. The time counts, too, if the wait is given up and taken up again later.
    pub(super) async fn wait_for<F: Future>(&mut self, client: F) -> Result<F::Output, TooSlow> {
        let since = clock::instant();
        let deadline = since + self.left();
        let _waiting = Waiting { pace: self, since };
        tokio::time::timeout_at(deadline.into(), pin!(client)).await.map_err(|_elapsed| TooSlow)
    }

    /// How much longer the edge waits.
    fn left(&self) -> Duration {
        let silence = self.patience.silence_max.saturating_sub(self.silent);
        let Some(floor) = self.patience.floor else { return silence };
        let earned = Duration::from_millis((self.moved + self.patience.unseen).saturating_mul(1000) / floor.max(1));
        silence.min((GRACE + earned).saturating_sub(self.waited))
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes while the edge waited {:.1?}, {:.1?} of it in vain", self.moved, self.waited, self.silent)
    }
}

/// A wait that goes on; counted when it ends, however it does.
struct Waiting<'p> {
    pace: &'p mut Pace,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = clock::instant().saturating_duration_since(self.since);
        self.pace.waited += waited;
        self.pace.silent += waited;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { silence_max: Duration::from_secs(30), floor: Some(500), unseen: 0 };

    fn waited(pace: &mut Pace, seconds: u64) {
        pace.waited += Duration::from_secs(seconds);
        pace.silent += Duration::from_secs(seconds);
    }

    #[test]
    fn silence_ends_it_where_no_rate_is_asked() {
        let mut pace = Pace::new(Patience { floor: None, ..PATIENCE });
        waited(&mut pace, 29);
        assert_eq!(pace.left(), Duration::from_secs(1));
        pace.moved(1);
        assert_eq!(pace.left(), Duration::from_secs(30), "one byte is enough");
    }

    #[test]
    fn after_the_grace_each_byte_buys_time_at_the_rate() {
        let mut pace = Pace::new(PATIENCE);
        assert_eq!(pace.left(), GRACE);
        waited(&mut pace, 5);
        assert_eq!(pace.left(), Duration::ZERO);
        pace.moved(1000);
        assert_eq!(pace.left(), Duration::from_secs(2));
        let unseen = Pace::new(Patience { unseen: 16 * 1024, ..PATIENCE });
        assert_eq!(unseen.left(), Duration::from_secs(30), "a frame under way is not seen, and silence still ends it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_still_counts() {
        let mut pace = Pace::new(Patience { silence_max: Duration::from_millis(40), floor: None, unseen: 0 });
        let brief = tokio::time::timeout(Duration::ZERO, pace.wait_for(std::future::pending::<()>())).await;
        assert!(brief.is_err());
        pace.silent = Duration::from_millis(40);
        assert_eq!(pace.wait_for(std::future::pending::<()>()).await, Err(TooSlow));
        assert_eq!(pace.wait_for(std::future::ready(7)).await, Ok(7), "what is there at once is never too slow");
    }
}
