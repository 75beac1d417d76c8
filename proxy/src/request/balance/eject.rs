//! Ejection: an endpoint that fails requests is left out for a while, each time longer, and never too many at a time.

use std::{fmt, time::Duration};

use config::model::{Ejection, Percent, SuccessRate};

use super::endpoint::Counts;

/// How many standard deviations a share of successes must be below the others': by chance alone, one comparison in
/// 700 exceeds three.
const SIGNIFICANT: f64 = 3.0;

/// The ejections of one endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Ejections {
    /// The one in force.
    current: Option<Current>,
    /// How many there were, less those that are forgotten: the next is as many times longer.
    times: u32,
    /// How long the last one was.
    length: u64,
    /// When the last one ended, or was forgotten.
    since: u64,
    /// How many there were in all, by [`Why::LABELS`].
    pub(super) totals: [u64; Why::LABELS.len()],
}

/// An ejection in force.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Current {
    pub(super) until: u64,
    pub(super) why: Why,
}

/// Why an endpoint was ejected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Why {
    /// So many errors in a row.
    Errors(u32),
    /// This share of successes, where the others together have that.
    SuccessRate { own: f64, others: f64 },
}

impl Why {
    /// What metrics call the reasons.
    pub(super) const LABELS: [&'static str; 2] = ["errors_in_row", "success_rate"];

    fn position(self) -> usize {
        match self {
            Self::Errors(_) => 0,
            Self::SuccessRate { .. } => 1,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors(1) => f.write_str("an error after the last ejection"),
            Self::Errors(count) => write!(f, "{count} errors in a row"),
            Self::SuccessRate { own, others } => {
                write!(f, "{:.1}% successes, the others have {:.1}%", own * 100.0, others * 100.0)
            }
        }
    }
}

impl Ejections {
    /// The ejection in force.
    pub(super) fn current(&self) -> Option<Current> {
        self.current
    }

    /// Whether a try that began then says anything of the endpoint as it is now: not one from before it came back.
    pub(super) fn counts(&self, began: u64) -> bool {
        self.current.is_none() && (self.totals == [0, 0] || began >= self.since)
    }

    /// Ejects it; returns for how long.
    pub(super) fn eject(&mut self, rules: &Ejection, why: Why, now: u64) -> Duration {
        self.times = self.times.saturating_add(1);
        self.totals[why.position()] += 1;
        let length = rules.base.saturating_mul(self.times).min(rules.longest);
        self.length = nanos(length);
        self.current = Some(Current { until: now.saturating_add(self.length), why });
        length
    }

    /// Ends what is over, and forgets one ejection for each time as long as the last without another. Returns whether
    /// the endpoint is back.
    pub(super) fn tend(&mut self, now: u64) -> bool {
        if let Some(current) = self.current {
            if now < current.until {
                return false;
            }
            self.current = None;
            self.since = now;
            return true;
        }
        if self.times > 0 && now.saturating_sub(self.since) >= self.length {
            self.times -= 1;
            self.since = now;
        }
        false
    }
}

/// Nanoseconds; 584 years at the most.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How many of a pool's endpoints may be ejected at a time; the last one never is.
pub(super) fn most(at_most: Percent, endpoints: usize) -> usize {
    (endpoints * usize::from(at_most.basis_points()) / 10_000).min(endpoints.saturating_sub(1))
}

/// The endpoint whose share of successes is furthest below that of all others together, if that is far enough and
/// no chance: each is compared with the rest (leave one out), so that it does not hide in a mean that it spoils, and
/// by a two-proportion z-test. By position; an endpoint without tries is no other.
pub(super) fn worst(counts: &[Counts], rules: &SuccessRate) -> Option<(usize, Why)> {
    let sum = counts
        .iter()
        .fold(Counts::default(), |sum, one| Counts { tries: sum.tries + one.tries, errors: sum.errors + one.errors });
    let share = |of: Counts| 1.0 - of.errors as f64 / of.tries as f64;
    let compare = |(index, own): (usize, &Counts)| {
        let rest = Counts { tries: sum.tries - own.tries, errors: sum.errors - own.errors };
        if own.tries < u64::from(rules.requests) || rest.tries == 0 {
            return None;
        }
        let below = share(rest) - share(*own);
        let pooled = share(sum);
        let deviation = (pooled * (1.0 - pooled) * (1.0 / own.tries as f64 + 1.0 / rest.tries as f64)).sqrt();
        let counts = below > rules.below.fraction() && below > SIGNIFICANT * deviation;
        counts.then(|| (index, below, Why::SuccessRate { own: share(*own), others: share(rest) }))
    };
    let worst = counts.iter().enumerate().filter_map(compare).max_by(|(_, a, _), (_, b, _)| a.total_cmp(b));
    worst.map(|(index, _, why)| (index, why))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn percent(percent: u16) -> Percent {
        Percent::from_basis_points(percent * 100).unwrap()
    }

    fn rules(base_s: u64, longest_s: u64) -> Ejection {
        Ejection {
            consecutive_errors: 5,
            success_rate: None,
            base: Duration::from_secs(base_s),
            longest: Duration::from_secs(longest_s),
            at_most: percent(50),
        }
    }

    fn counts(counts: &[(u64, u64)]) -> Vec<Counts> {
        counts.iter().map(|&(tries, errors)| Counts { tries, errors }).collect()
    }

    fn found(of: &[(u64, u64)]) -> Option<usize> {
        let rules = SuccessRate { below: percent(10), requests: 50, window: Duration::from_secs(10) };
        worst(&counts(of), &rules).map(|(index, _)| index)
    }

    #[test]
    fn each_ejection_in_a_row_is_longer_up_to_the_longest() {
        let (mut ejections, rules, mut now) = (Ejections::default(), rules(10, 25), 0);
        let lengths = [10, 20, 25, 25].map(|expected| {
            let length = ejections.eject(&rules, Why::Errors(5), now).as_secs();
            assert!(!ejections.tend(now + expected * SECOND - 1) && ejections.current().is_some());
            now += expected * SECOND;
            assert!(ejections.tend(now) && ejections.current().is_none());
            length
        });
        assert_eq!((lengths, ejections.totals), ([10, 20, 25, 25], [4, 0]));
    }

    #[test]
    fn a_time_as_long_as_the_last_without_another_forgets_one() {
        let (mut ejections, rules) = (Ejections::default(), rules(10, 100));
        ejections.eject(&rules, Why::Errors(5), 0);
        assert!(ejections.tend(10 * SECOND));
        ejections.eject(&rules, Why::Errors(1), 10 * SECOND);
        assert!(ejections.tend(30 * SECOND));
        for quiet_s in [49, 50, 69, 70] {
            assert!(!ejections.tend(quiet_s * SECOND));
            assert_eq!(
                ejections.times,
                [(49, 2), (50, 1), (69, 1), (70, 0)].into_iter().find(|(s, _)| *s == quiet_s).unwrap().1
            );
        }
        assert_eq!(ejections.eject(&rules, Why::Errors(5), 70 * SECOND).as_secs(), 10);
    }

    #[test]
    fn what_began_before_the_return_says_nothing() {
        let mut ejections = Ejections::default();
        assert!(ejections.counts(0));
        ejections.eject(&rules(10, 10), Why::Errors(5), 5);
        assert!(!ejections.counts(6), "it is out already");
        assert!(ejections.tend(11 * SECOND));
        assert!(!ejections.counts(11 * SECOND - 1) && ejections.counts(11 * SECOND));
    }

    #[test]
    fn the_worst_is_far_below_the_others_and_not_by_chance() {
        assert_eq!(found(&[(1_000, 0), (1_000, 300), (1_000, 5)]), Some(1));
        assert_eq!(found(&[(1_000, 300), (1_000, 0)]), Some(0), "two are enough");
        assert_eq!(found(&[(1_000, 300), (1_000, 300)]), None, "all are as bad");
        assert_eq!(found(&[(1_000, 90), (1_000, 0)]), None, "not far enough below");
        assert_eq!(found(&[(49, 49), (1_000, 0)]), None, "too few to say");
        assert_eq!(found(&[(50, 7), (50, 1)]), None, "12 % below, but that may be chance");
        assert_eq!(found(&[(1_000, 1_000)]), None, "nobody to compare with");
        assert_eq!(found(&[(1_000, 1_000), (0, 0)]), None);
        assert_eq!(found(&[(1_000, 300), (1_000, 900), (1_000, 0)]), Some(1), "the worst first");
    }

    proptest! {
        #[test]
        fn no_more_than_the_share_may_be_out(share in 0_u16..=10_000, endpoints in 0_usize..100) {
            let at_most = Percent::from_basis_points(share).unwrap();
            let out = most(at_most, endpoints);
            prop_assert!(out as f64 <= at_most.fraction() * endpoints as f64 + 1e-9);
            prop_assert!(out < endpoints.max(1), "somebody stays");
            let one_more = (out + 1) as f64 > at_most.fraction() * endpoints as f64 - 1e-9;
            prop_assert!(one_more || out + 1 == endpoints, "{out} of {endpoints}");
        }
    }
}
