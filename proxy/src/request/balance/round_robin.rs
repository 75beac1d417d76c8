//! Smooth weighted round robin: everybody in turn, as often as the weights say and as evenly as that goes.
//!
//! The order of turns is laid down once, when somebody comes or goes: earliest eligible virtual deadline first (Stoica
//! and Abdel-Wahab, 1995). At every moment each place has had its share of the turns up to less than one. So 5:1:1
//! comes out as a b a a c a a, where nginx's rule, which knows no such bound, gives a a b a c a a. A choice then is a
//! number drawn from a counter, and never waits.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::atomic::{self, AtomicUsize},
};

use super::{
    dice::Dice,
    endpoint::Taken,
    group::{Asked, Group},
};

/// Turns of an order at the most; weights that need more are rounded.
const SLOTS_MAX: u64 = 1 << 16;
/// Turns that one choice passes over at the most; after that it takes whom it finds.
const TURNS_MAX: usize = 16;

/// The place whose turn it is. One that cannot serve loses its turn, rather than giving it to the next in order, who
/// would have twice as many.
pub(super) fn choose<'g>(
    group: &'g Group,
    turn: &AtomicUsize,
    asked: &Asked<'_>,
    dice: &mut Dice,
) -> Option<Taken<'g>> {
    let next = next(group, turn, asked, dice)?;
    group.places[next].take().or_else(|| group.any(asked, next))
}

/// The position of that place.
pub(super) fn next(group: &Group, turn: &AtomicUsize, asked: &Asked<'_>, dice: &mut Dice) -> Option<usize> {
    let order = &group.order;
    let mut last = 0;
    for _ in 0..TURNS_MAX {
        last = *order.get(turn.fetch_add(1, atomic::Ordering::Relaxed) % order.len().max(1))? as usize;
        let place = &group.places[last];
        if place.fits(asked) && place.takes_part(dice) {
            return Some(last);
        }
    }
    group.find(asked, last)
}

/// The order of turns of places with these weights, each at least 1.
pub(super) fn order(weights: &[u32]) -> Vec<u32> {
    let weights = shortened(weights);
    let slots: u64 = weights.iter().sum();
    // Each place's next turn: when it may begin, or until when it should be.
    let mut waiting = BinaryHeap::new();
    let mut eligible: BinaryHeap<_> =
        (0..).zip(&weights).map(|(place, &weight)| Reverse(Turn { place, weight, at: 1 })).collect();
    let mut order = Vec::new();
    for now in 0..slots {
        while let Some(Reverse(turn)) = waiting.peek().copied().filter(|Reverse(turn): &Reverse<Turn>| {
            // at / weight is in units of a whole round
            turn.at * slots <= now * turn.weight
        }) {
            waiting.pop();
            eligible.push(Reverse(Turn { at: turn.at + 1, ..turn }));
        }
        let Reverse(next) = eligible.pop().expect("turns had so far are fewer than shares due, so somebody is behind");
        order.push(next.place);
        waiting.push(Reverse(next));
    }
    order
}

/// The same weights with a smaller sum.
fn shortened(weights: &[u32]) -> Vec<u64> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let sum: u64 = weights.iter().map(|&weight| u64::from(weight / divisor)).sum();
    let short = |&weight: &u32| match u64::from(weight / divisor) {
        weight if sum <= SLOTS_MAX => weight,
        weight => ((weight * SLOTS_MAX + sum / 2) / sum).max(1),
    };
    weights.iter().map(short).collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A moment in the turns of one place: its `at`-th part of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    place: u32,
    weight: u64,
    at: u64,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        // at / weight, without dividing
        (self.at * other.weight).cmp(&(other.at * self.weight)).then(self.place.cmp(&other.place))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn equal_weights_go_round_and_unequal_ones_are_mixed() {
        assert_eq!(order(&[7, 7, 7]), [0, 1, 2]);
        assert_eq!(order(&[5, 1, 1]), [0, 1, 0, 0, 2, 0, 0]);
        assert_eq!(order(&[2, 4]), [1, 0, 1]);
        assert_eq!(order(&[]), [0; 0]);
    }

    #[test]
    fn a_long_order_is_rounded() {
        let order = order(&[100_000, 50_001, 1]);
        let count = |wanted| order.iter().filter(|&&place| place == wanted).count();
        assert!(order.len() <= SLOTS_MAX as usize + 1, "{}", order.len());
        assert_eq!((count(0), count(1), count(2)), (43_690, 21_845, 1));
    }

    proptest! {
        /// The weights are respected not only in the end: every beginning of the order has its shares, too.
        #[test]
        fn every_beginning_has_the_shares_of_the_weights(weights in vec(1_u32..50, 1..20)) {
            let order = order(&weights);
            let sum: u32 = weights.iter().sum();
            let mut counts = vec![0_u32; weights.len()];
            for (turns, &place) in (1..).zip(&order) {
                counts[place as usize] += 1;
                for (&count, &weight) in counts.iter().zip(&weights) {
                    let due = f64::from(turns) * f64::from(weight) / f64::from(sum);
                    prop_assert!((f64::from(count) - due).abs() < 1.0 + 1e-9, "{order:?}");
                }
            }
            let divisor = weights.iter().copied().fold(0, gcd);
            let whole: Vec<_> = weights.iter().map(|weight| weight / divisor).collect();
            prop_assert_eq!(counts, whole);
        }
    }
}
