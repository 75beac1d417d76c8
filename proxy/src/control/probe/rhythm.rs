//! When checks are made. Never all at once: neither those of a pool by one edge, nor those of one endpoint by many edges
//! that were started together.

use std::time::Duration;

use config::model::Percent;

/// Whoever is new gets requests at once; so whether it is well should be known soon, however rarely it is asked later.
const FIRST_MAX: Duration = Duration::from_secs(1);

/// From now to the first check; `random` is uniform from 0 to 1.
pub(super) fn until_first(interval: Duration, random: f64) -> Duration {
    interval.min(FIRST_MAX).mul_f64(random)
}

/// From the begin of one check to that of the next: the interval, longer or shorter by up to the share `jitter`; `random`
/// is uniform from 0 to 1.
pub(super) fn until_next(interval: Duration, jitter: Percent, random: f64) -> Duration {
    interval.mul_f64(1.0 + jitter.fraction() * (2.0 * random - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_checks_are_spread_and_soon() {
        let (short, long) = (Duration::from_millis(200), Duration::from_secs(3600));
        assert_eq!(until_first(short, 0.0), Duration::ZERO);
        assert_eq!(until_first(short, 0.5), Duration::from_millis(100));
        assert_eq!(until_first(long, 0.5), Duration::from_millis(500));
    }

    #[test]
    fn an_interval_is_what_it_says_on_average() {
        let interval = Duration::from_secs(2);
        let jitter = Percent::from_basis_points(1000).unwrap();
        let at = |random| until_next(interval, jitter, random).as_millis();
        assert_eq!((at(0.0), at(0.5), at(1.0)), (1800, 2000, 2200));
        let none = Percent::from_basis_points(0).unwrap();
        assert_eq!(until_next(interval, none, 0.9), interval);
    }
}
