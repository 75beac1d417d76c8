//! Least requests: whoever has the fewest in flight for its weight.
//!
//! The next in the order of round robin is asked, unless another would have no more to do for its weight with this
//! request than that one has without it. So among equals it is always one with the fewest, ties go round, and an idle
//! pool still keeps to the weights instead of sending everything to the heaviest.

use std::{cmp::Ordering, sync::atomic::AtomicUsize};

use super::{
    dice::Dice,
    endpoint::Taken,
    group::{Asked, Group},
    round_robin,
};

/// Places up to which all are looked at.
const EXACT_MAX: usize = 64;
/// Of more, so many drawn by chance: the most loaded of them all is still practically never chosen.
const DRAWN: usize = 7;

/// The place with the fewest requests in flight; beyond 64, of the one whose turn it is and seven others.
pub(super) fn choose<'g>(
    group: &'g Group,
    turn: &AtomicUsize,
    asked: &Asked<'_>,
    dice: &mut Dice,
) -> Option<Taken<'g>> {
    let next = round_robin::next(group, turn, asked, dice)?;
    let count = group.places.len();
    let least = if count <= EXACT_MAX {
        least(group, asked, (next + 1..count).chain(0..next))
    } else {
        least(group, asked, (0..DRAWN).map(|_| dice.below(count)).filter(|&drawn| drawn != next))
    };
    let chosen = match least {
        Some((other, load)) if load.compare(Load::of(group, next, 0)).is_le() => other,
        _ => next,
    };
    group.places[chosen].take().or_else(|| group.any(asked, chosen))
}

/// The first of these with the smallest load, this request included.
fn least(group: &Group, asked: &Asked<'_>, among: impl Iterator<Item = usize>) -> Option<(usize, Load)> {
    let fit = among.filter(|&index| group.places[index].fits(asked));
    fit.map(|index| (index, Load::of(group, index, 1))).min_by(|(_, a), (_, b)| a.compare(*b))
}

/// Requests in flight for a weight.
#[derive(Clone, Copy, Debug)]
struct Load {
    requests: u64,
    weight: u64,
}

impl Load {
    fn of(group: &Group, index: usize, more: u64) -> Self {
        let place = &group.places[index];
        let weight = u64::from(place.weight) * u64::from(place.ramp);
        Self { requests: u64::from(place.endpoint.in_flight()) + more, weight }
    }

    fn compare(self, other: Self) -> Ordering {
        // requests / weight, without dividing
        (self.requests * other.weight).cmp(&(other.requests * self.weight))
    }
}
