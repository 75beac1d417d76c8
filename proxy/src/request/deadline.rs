//! Until when an answer is of use: what is left goes along to the origin, which need not work for nobody.

use std::time::{Duration, Instant};

use http::HeaderMap;

/// Milliseconds that are left when the request is forwarded. Those who send it to the edge are trusted proxies; what
/// others send is taken away.
pub(crate) const FIELD: &str = "x-request-deadline-ms";

/// When an answer must have begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// Of a request whose header was read at `started`: what its route allows, or less where a trusted proxy says so.
    pub(crate) fn new(started: Instant, allowed: Duration, told: Option<Duration>) -> Self {
        let allowed = told.map_or(allowed, |told| told.min(allowed));
        Self { at: started + allowed, allowed }
    }

    /// The same for a request whose body has come to its end only now: how long that takes is the client's.
    pub(crate) fn restarted(self, now: Instant) -> Self {
        Self { at: now + self.allowed, ..self }
    }

    /// What is left; `None` when it has passed.
    pub(crate) fn left(self, now: Instant) -> Option<Duration> {
        self.at.checked_duration_since(now).filter(|left| !left.is_zero())
    }
}

/// What a proxy says is left. Nothing where it is not understood: a deadline is a courtesy.
pub(crate) fn told(headers: &HeaderMap) -> Option<Duration> {
    let milliseconds = headers.get(FIELD)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_shorter_of_two_counts_and_it_passes() {
        let now = clock::instant();
        let left =
            |told: Option<u32>, later| Deadline::new(now, 10 * SECOND, told.map(|s| s * SECOND)).left(now + later);
        assert_eq!(left(None, SECOND), Some(9 * SECOND));
        assert_eq!(left(Some(3), SECOND), Some(2 * SECOND));
        assert_eq!(left(Some(30), SECOND), Some(9 * SECOND));
        assert_eq!(left(Some(3), 3 * SECOND), None);
        assert_eq!(left(Some(0), Duration::ZERO), None);
    }

    #[test]
    fn a_slow_upload_does_not_use_it_up() {
        let now = clock::instant();
        let deadline = Deadline::new(now, 10 * SECOND, None).restarted(now + 60 * SECOND);
        assert_eq!(deadline.left(now + 61 * SECOND), Some(9 * SECOND));
    }

    #[test]
    fn what_is_not_understood_says_nothing() {
        let told =
            |value: &'static str| told(&[(FIELD.parse().unwrap(), value.parse().unwrap())].into_iter().collect());
        assert_eq!(told("250"), Some(SECOND / 4));
        for wrong in ["", "-1", "1.5", "99999999999999999999", "soon"] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
        assert_eq!(told("18446744073709551615").map(|told| told > SECOND), Some(true));
    }
}
