//! Power of two choices by peak-sensitive latency: of two endpoints, the one that will probably answer first.
//!
//! Looking at two instead of all is nearly as good as looking at all (Mitzenmacher, 2001), and choices made at the
//! same time do not all fall on the one that looks best. What is compared is in the manner of Finagle's Peak-EWMA: a
//! slower answer counts at once, and then fades; so an endpoint that was slow is asked again after a while, and one that
//! has become fast is believed as that happens.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    dice::Dice,
    endpoint::Taken,
    group::{Asked, Group, Place},
};

/// In which time a latency fades to a third (1/e): Finagle's default.
const FADES_NS: f32 = 10e9;
/// Times are kept in steps of 2^16 ns, 66 µs: 32 bits of these are 78 hours.
const STEP_BITS: u32 = 16;
const FADES_STEPS: f32 = FADES_NS / (1 << STEP_BITS) as f32;
/// When a peak has faded to a twentieth it says nothing any more. If it went on, requests in flight would at last not
/// count beside it, and who does not answer at all would get more and more of them.
const FORGOTTEN_STEPS: u32 = (3.0 * FADES_STEPS) as u32;
/// How much slower than the mean an error counts at least.
const ERROR_FACTOR: f32 = 2.0;
/// Draws until one is found that may be asked; after that, the first that is found in order.
const DRAWS: usize = 8;

/// How long until an answer begins, in one machine word: when the last peak was (steps), how long (`f32`, ns), and
/// whether that was an error, by its sign. Zero before the first answer.
#[derive(Debug, Default)]
pub(super) struct Latency(AtomicU64);

impl Latency {
    /// Nanoseconds as of `now`; `None` before the first answer, and long after the last.
    pub(super) fn get(&self, now: u64) -> Option<f32> {
        peak(self.0.load(Ordering::Relaxed), now).map(f32::abs)
    }

    /// The same where that was an answer: what errors count as is made up from the mean, and must not raise it in turn.
    pub(super) fn of_answer(&self, now: u64) -> Option<f32> {
        peak(self.0.load(Ordering::Relaxed), now).filter(|peak| peak.is_sign_positive())
    }

    /// An answer began after `took`.
    pub(super) fn observe(&self, took: u64, now: u64) {
        self.raise(took as f32, 1.0, now);
    }

    /// A try failed after `took`: it counts as slow, so that whoever fails fast does not look like the fastest.
    pub(super) fn observe_error(&self, took: u64, mean: f32, now: u64) {
        self.raise((took as f32).max(mean * ERROR_FACTOR), -1.0, now);
    }

    fn raise(&self, to: f32, sign: f32, now: u64) {
        // As exact as it has to be.
        let to = to.max(1.0);
        // Most answers are no peak: they write nothing, so that nobody contends for it.
        let next = |word| (to >= peak(word, now).map_or(0.0, f32::abs)).then(|| pack(now, to.copysign(sign)));
        // Fails only where there is nothing to change.
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok();
    }
}

fn pack(now: u64, peak: f32) -> u64 {
    // The stamp goes round.
    u64::from((now >> STEP_BITS) as u32) << 32 | u64::from(peak.to_bits())
}

/// What is left of a peak by `now`; `None` of none, or when it is forgotten.
fn peak(word: u64, now: u64) -> Option<f32> {
    let (stamp, peak) = ((word >> 32) as u32, f32::from_bits(word as u32));
    let steps = ((now >> STEP_BITS) as u32).wrapping_sub(stamp);
    if word == 0 {
        None
    } else if steps == 0 || steps.wrapping_neg() < FORGOTTEN_STEPS {
        // What was stamped after `now` was read lies in the future; most choices of a busy pool fall into one step.
        Some(peak)
    } else {
        (steps < FORGOTTEN_STEPS).then(|| peak * (-(steps as f32) / FADES_STEPS).exp())
    }
}

/// Of two places drawn by weight, the one with the smaller product of latency and requests in flight for its weight.
/// Where weights are equal they are two different ones. Where they are not, the draws are independent: so each place
/// gets its share of the weights as long as all are equally fast.
pub(super) fn choose<'g>(group: &'g Group, asked: &Asked<'_>, mean: f32, dice: &mut Dice) -> Option<Taken<'g>> {
    let Some(first) = draw(group, asked, dice) else { return group.any(asked, dice.below(group.places.len().max(1))) };
    let second = match group.places.len() {
        1 => None,
        count if group.is_even => Some((first + 1 + dice.below(count - 1)) % count),
        _ => Some(group.order[dice.below(group.order.len())] as usize),
    };
    let fits = |second: &usize| group.places[*second].fits(asked) && group.places[*second].takes_part(dice);
    let cost = |index: usize| group.places[index].cost(mean, asked.now);
    let chosen = match second.filter(fits) {
        Some(second) if cost(second) < cost(first) => second,
        _ => first,
    };
    group.places[chosen].take().or_else(|| group.any(asked, chosen))
}

fn draw(group: &Group, asked: &Asked<'_>, dice: &mut Dice) -> Option<usize> {
    let slots = group.order.len();
    (0..DRAWS.min(slots * DRAWS)).find_map(|_| {
        let index = group.order[dice.below(slots)] as usize;
        let place = &group.places[index];
        (place.fits(asked) && place.takes_part(dice)).then_some(index)
    })
}

impl Place {
    /// How long a request would take here, about; without history as long as at any other.
    fn cost(&self, mean: f32, now: u64) -> f32 {
        let latency = self.endpoint.latency.get(now).unwrap_or(mean);
        // Below 2^24 in flight this is exact.
        latency * (1.0 + self.endpoint.in_flight() as f32 / self.relative_weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MS: u64 = 1_000_000;

    fn after(latency: &Latency, now: u64) -> u64 {
        latency.get(now).unwrap().round() as u64
    }

    #[test]
    fn a_slower_answer_counts_at_once_and_a_faster_one_when_that_has_faded() {
        let latency = Latency::default();
        assert_eq!(latency.get(0), None);
        latency.observe(MS, 0);
        latency.observe(100 * MS, 0);
        assert_eq!(after(&latency, 0), 100 * MS);
        latency.observe(MS, 10 * SECOND);
        assert!((36 * MS..38 * MS).contains(&after(&latency, 10 * SECOND)), "to a third, whoever answers meanwhile");
        latency.observe(MS, 50 * SECOND);
        assert_eq!(after(&latency, 50 * SECOND), MS);
    }

    #[test]
    fn what_is_not_heard_of_is_forgotten() {
        let latency = Latency::default();
        latency.observe(100 * MS, SECOND);
        assert!((5 * MS..6 * MS).contains(&after(&latency, 30 * SECOND)), "a twentieth at least");
        assert_eq!(latency.get(32 * SECOND), None);
        assert_eq!(after(&latency, SECOND / 2), 100 * MS, "an older `now` fades nothing");
        latency.observe(MS, 32 * SECOND);
        assert_eq!(after(&latency, 32 * SECOND), MS, "and whatever comes next counts");
    }

    #[test]
    fn an_error_is_told_from_an_answer() {
        let latency = Latency::default();
        latency.observe_error(0, MS as f32, 0);
        assert_eq!((after(&latency, 0), latency.of_answer(0)), (2 * MS, None));
        latency.observe(MS, 0);
        assert_eq!(latency.of_answer(0), None, "it is no peak yet");
        latency.observe(MS, 8 * SECOND);
        assert_eq!(latency.of_answer(8 * SECOND), Some(MS as f32));
    }

    #[test]
    fn the_stamp_may_go_round() {
        let latency = Latency::default();
        let now = (u64::from(u32::MAX) << STEP_BITS) + SECOND;
        latency.observe(100 * MS, now);
        assert_eq!(after(&latency, now), 100 * MS);
        assert!((36 * MS..38 * MS).contains(&after(&latency, now + 10 * SECOND)));
    }

    #[test]
    fn an_error_is_at_least_twice_as_slow_as_the_mean() {
        let latency = Latency::default();
        latency.observe_error(0, 10.0 * MS as f32, 0);
        assert_eq!(after(&latency, 0), 20 * MS);
        latency.observe_error(SECOND, 10.0 * MS as f32, 0);
        assert_eq!(after(&latency, 0), SECOND);
    }
}
