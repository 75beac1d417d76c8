//! When requests are due: a pure, seeded process that never looks at an answer.

use std::time::Duration;

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How arrivals are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Process {
    /// Evenly spaced: one every 1/rate seconds.
    Constant,
    /// Independent visitors: exponential gaps with mean 1/rate (bursts happen, as they do to a real shop).
    Poisson,
}

impl Process {
    /// The name on the command line and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Process::Constant => "constant",
            Process::Poisson => "poisson",
        }
    }
}

/// The due times of one run, measured from its start, in order; ends with the run's duration.
#[derive(Debug)]
pub(crate) struct Arrivals {
    process: Process,
    rate: f64,
    duration: Duration,
    random: StdRng,
    count: u64,
    last_s: f64,
}

impl Arrivals {
    /// Arrivals at `rate` per second for `duration`; equal arguments give equal arrivals.
    pub(crate) fn new(process: Process, rate: f64, duration: Duration, seed: u64) -> Arrivals {
        Arrivals { process, rate, duration, random: StdRng::seed_from_u64(seed), count: 0, last_s: 0.0 }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let due_s = match self.process {
            // From the count rather than by adding gaps, so that rounding does not add up to drift.
            Process::Constant => self.count as f64 / self.rate,
            // Inversion: -ln(U)/rate is exponential; 1 - [0, 1) keeps zero out of the logarithm.
            Process::Poisson => self.last_s - (1.0 - self.random.random::<f64>()).ln() / self.rate,
        };
        let due = Duration::from_secs_f64(due_s);
        if due >= self.duration {
            return None;
        }
        self.count += 1;
        self.last_s = due_s;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps_s(arrivals: Arrivals) -> Vec<f64> {
        let due: Vec<Duration> = arrivals.collect();
        due.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
    }

    fn mean_and_variance(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
    }

    #[test]
    fn constant_arrivals_neither_drift_nor_vary() {
        let due: Vec<Duration> = Arrivals::new(Process::Constant, 300.0, Duration::from_secs(3600), 1).collect();
        assert_eq!(due.len(), 300 * 3600);
        assert_eq!(due[0], Duration::ZERO);
        assert_eq!(due[300 * 1800], Duration::from_secs(1800));
        let (mean, variance) =
            mean_and_variance(&gaps_s(Arrivals::new(Process::Constant, 300.0, Duration::from_secs(60), 1)));
        assert!((mean * 300.0 - 1.0).abs() < 1e-6 && variance < 1e-15, "{mean} {variance}");
    }

    /// The mean gap of a Poisson process is 1/rate, its variance 1/rate^2. With n = 200,000 gaps the standard error is
    /// 1/sqrt(n) = 0.22 % of the mean and sqrt(8/n) = 0.63 % of the variance: the bounds are more than four of those.
    #[test]
    fn poisson_gaps_have_the_mean_and_the_variance_of_the_exponential() {
        let gaps = gaps_s(Arrivals::new(Process::Poisson, 200.0, Duration::from_secs(1000), 7));
        let (mean, variance) = mean_and_variance(&gaps);
        assert!((mean * 200.0 - 1.0).abs() < 0.01, "mean {mean}");
        assert!((variance * 200.0 * 200.0 - 1.0).abs() < 0.03, "variance {variance}");
    }

    /// Counts per second of a Poisson process have variance = mean; evenly spaced ones would have variance zero.
    #[test]
    fn poisson_counts_are_as_spread_as_they_are_large() {
        let mut counts = vec![0.0; 2000];
        for due in Arrivals::new(Process::Poisson, 50.0, Duration::from_secs(2000), 3) {
            counts[due.as_secs() as usize] += 1.0;
        }
        let (mean, variance) = mean_and_variance(&counts);
        assert!((variance / mean - 1.0).abs() < 0.15, "index of dispersion {}", variance / mean);
    }

    #[test]
    fn a_seed_says_everything() {
        let arrivals = |seed| Arrivals::new(Process::Poisson, 100.0, Duration::from_secs(5), seed).collect::<Vec<_>>();
        assert_eq!(arrivals(1), arrivals(1));
        assert_ne!(arrivals(1), arrivals(2));
    }
}
