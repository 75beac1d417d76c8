//! What follows from one check after the other: nothing, until there were enough alike in a row.

use config::model::HealthCheck;

use crate::request::balance::Verdict;

/// Results in a row.
#[derive(Debug, Default)]
pub(super) struct Streak {
    passed: u32,
    failed: u32,
    /// Of those that failed, the last ones to which no connection could be made.
    unreachable: u32,
}

impl Streak {
    /// Takes a result; says how the endpoint is once there were enough in a row. It is only called unreachable after as
    /// many checks in a row that did not get a connection: one lost packet more does not make a busy server a dead one.
    pub(super) fn after(&mut self, result: Verdict, model: &HealthCheck) -> Option<Verdict> {
        *self = match result {
            Verdict::Well => Self { passed: self.passed.saturating_add(1), failed: 0, unreachable: 0 },
            Verdict::Unwell => Self { passed: 0, failed: self.failed.saturating_add(1), unreachable: 0 },
            Verdict::Unreachable => Self {
                passed: 0,
                failed: self.failed.saturating_add(1),
                unreachable: self.unreachable.saturating_add(1),
            },
        };
        if self.passed >= model.up_after {
            Some(Verdict::Well)
        } else if self.unreachable >= model.down_after {
            Some(Verdict::Unreachable)
        } else {
            (self.failed >= model.down_after).then_some(Verdict::Unwell)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use config::model::{Percent, Probe};
    use {Verdict::Unreachable as Gone, Verdict::Unwell as Bad, Verdict::Well as Good};

    use super::*;

    fn verdicts<const N: usize>(results: [Verdict; N]) -> [Option<Verdict>; N] {
        let second = Duration::from_secs(1);
        let model = HealthCheck {
            probe: Probe::Tcp,
            interval: second,
            jitter: Percent::from_basis_points(0).unwrap(),
            timeout: second,
            down_after: 3,
            up_after: 2,
        };
        let mut streak = Streak::default();
        results.map(|result| streak.after(result, &model))
    }

    #[test]
    fn it_takes_enough_results_in_a_row() {
        let said = verdicts([Bad, Bad, Good, Bad, Bad, Bad, Good, Good]);
        assert_eq!(said, [None, None, None, None, None, Some(Bad), None, Some(Good)]);
    }

    #[test]
    fn whoever_cannot_be_connected_to_is_told_from_whoever_answers_badly() {
        assert_eq!(verdicts([Gone, Gone, Gone, Gone]), [None, None, Some(Gone), Some(Gone)]);
        let said = verdicts([Bad, Gone, Gone, Gone, Bad, Gone]);
        assert_eq!(said, [None, None, Some(Bad), Some(Gone), Some(Bad), Some(Bad)]);
    }
}
