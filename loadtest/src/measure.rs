//! What a run has seen: counts and three histograms per interaction, all in whole microseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

mod failure;
mod cache_status;

pub(crate) use cache_status::served_from_cache;
pub(crate) use failure::{Failure, Fault};

/// Times with three significant digits, that is within 0.1 %.
#[derive(Debug, Clone)]
pub(crate) struct Times(Histogram<u64>);

/// Two hours.
const MICROS_MAX: u64 = 2 * 3600 * 1_000_000;

impl Times {
    fn new() -> Times {
        Times(Histogram::new(3).expect("three significant digits is a precision that the histogram has"))
    }

    fn record(&mut self, time: Duration) {
        // A run lasts an hour at most; `saturating_record` would clamp to the range of the moment instead of growing.
        let micros = u64::try_from(time.as_micros()).map_or(MICROS_MAX, |micros| micros.min(MICROS_MAX));
        self.0.record(micros).expect("the histogram resizes itself");
    }

    /// Adds all of `other`: percentiles come from merged histograms, never from averaged percentiles.
    pub(crate) fn add(&mut self, other: &Times) {
        self.0.add(&other.0).expect("histograms of one precision that resize themselves can be added");
    }

    /// The time that a share of `quantile` does not exceed; zero when there is none.
    pub(crate) fn at(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }

    /// The longest; zero when there is none.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }
}

/// How often something failed for one reason, and what was said the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    pub(crate) first: String,
}

/// What is known of one interaction, or of all together.
#[derive(Debug, Clone)]
pub(crate) struct Interaction {
    /// Requests that became due.
    pub(crate) planned: u64,
    /// Requests that were begun: handed to a connection, or to the opening of one.
    pub(crate) sent: u64,
    /// Requests to which a whole answer came, right or wrong.
    pub(crate) answered: u64,
    /// Every planned request that was not answered rightly is in here.
    pub(crate) failures: BTreeMap<Failure, Tally>,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Answers that say in `Cache-Status` whether a cache had them.
    pub(crate) cache_told: u64,
    /// Those that a cache had.
    pub(crate) cache_hits: u64,
    /// Bytes of the answers' bodies.
    pub(crate) body_bytes: u64,
    /// Sent - due: the generator's own delay. Only of requests that were due at a time of their own, because a visitor
    /// arrived or had thought. One that follows an answer at once is due when it is sent, and proves no punctuality.
    pub(crate) late: Times,
    /// Done - sent, of those that were answered rightly or given up after the timeout. An error that comes at once
    /// would flatter the percentiles, a visitor left waiting must not vanish from them.
    pub(crate) service: Times,
    /// Done - due, of the same.
    pub(crate) response: Times,
}

impl Interaction {
    /// Nothing yet.
    pub(crate) fn new() -> Interaction {
        Interaction {
            planned: 0,
            sent: 0,
            answered: 0,
            failures: BTreeMap::new(),
            statuses: BTreeMap::new(),
            cache_told: 0,
            cache_hits: 0,
            body_bytes: 0,
            late: Times::new(),
            service: Times::new(),
            response: Times::new(),
        }
    }

    /// Adds all of `other`.
    pub(crate) fn add(&mut self, other: &Interaction) {
        self.planned += other.planned;
        self.sent += other.sent;
        self.answered += other.answered;
        for (failure, tally) in &other.failures {
            self.tally(*failure, tally.count, &tally.first);
        }
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.cache_told += other.cache_told;
        self.cache_hits += other.cache_hits;
        self.body_bytes += other.body_bytes;
        self.late.add(&other.late);
        self.service.add(&other.service);
        self.response.add(&other.response);
    }

    /// Requests that failed, whatever the reason.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().map(|tally| tally.count).sum()
    }

    fn tally(&mut self, failure: Failure, count: u64, said: &str) {
        let tally = self.failures.entry(failure).or_insert_with(|| Tally { count: 0, first: said.to_owned() });
        tally.count += count;
    }
}

/// What happened since the last look, for the progress line.
#[derive(Debug)]
pub(crate) struct Interval {
    pub(crate) planned: u64,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) response: Times,
}

impl Interval {
    /// Nothing yet.
    pub(crate) fn new() -> Interval {
        Interval { planned: 0, sent: 0, answered: 0, failed: 0, response: Times::new() }
    }
}

/// An answer as far as counting goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    /// What `Cache-Status` says, where it is present.
    pub(crate) cache_hit: Option<bool>,
}

/// The times of one request that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lap {
    pub(crate) service: Duration,
    pub(crate) response: Duration,
}

/// Everything that a worker measures.
#[derive(Debug)]
pub(crate) struct Measured {
    /// By interaction, as the scenario numbers them.
    pub(crate) interactions: Vec<Interaction>,
    interval: Interval,
}

impl Measured {
    /// Nothing yet, for this many interactions.
    pub(crate) fn new(interactions: usize) -> Measured {
        Measured { interactions: vec![Interaction::new(); interactions], interval: Interval::new() }
    }

    /// All interactions together.
    pub(crate) fn total(&self) -> Interaction {
        self.interactions.iter().fold(Interaction::new(), |mut total, interaction| {
            total.add(interaction);
            total
        })
    }

    /// What happened since this was last called. Merging what it returns is left to another thread.
    pub(crate) fn take_interval(&mut self) -> Interval {
        std::mem::replace(&mut self.interval, Interval::new())
    }

    /// A request became due.
    pub(crate) fn planned(&mut self, interaction: usize) {
        self.interactions[interaction].planned += 1;
        self.interval.planned += 1;
    }

    /// A request was begun, this late if it was due at a time of its own.
    pub(crate) fn sent(&mut self, interaction: usize, late: Option<Duration>) {
        let of = &mut self.interactions[interaction];
        of.sent += 1;
        late.into_iter().for_each(|late| of.late.record(late));
        self.interval.sent += 1;
    }

    /// A whole answer came.
    pub(crate) fn answered(&mut self, interaction: usize, answer: Counted) {
        let of = &mut self.interactions[interaction];
        of.answered += 1;
        of.body_bytes += answer.body_bytes;
        *of.statuses.entry(answer.status).or_default() += 1;
        of.cache_told += u64::from(answer.cache_hit.is_some());
        of.cache_hits += u64::from(answer.cache_hit == Some(true));
        self.interval.answered += 1;
    }

    /// The answer was right.
    pub(crate) fn succeeded(&mut self, interaction: usize, lap: Lap) {
        self.time(interaction, lap);
    }

    /// The request failed; `lap` where it was sent.
    pub(crate) fn failed(&mut self, interaction: usize, fault: &Fault, lap: Option<Lap>) {
        self.interactions[interaction].tally(fault.failure, 1, &fault.said);
        self.interval.failed += 1;
        if let (Failure::Timeout, Some(lap)) = (fault.failure, lap) {
            self.time(interaction, lap);
        }
    }

    fn time(&mut self, interaction: usize, lap: Lap) {
        self.interactions[interaction].service.record(lap.service);
        self.interactions[interaction].response.record(lap.response);
        self.interval.response.record(lap.response);
    }
}

#[cfg(test)]
mod tests;
