//! Several random numbers out of one: SplitMix64 (Steele, Lea and Flood, 2014), so that a choice is a function of its
//! arguments.

/// Numbers that follow from a seed.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Every seed will do.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`, which is at least 1. With 64 bits, the bias of a multiplication is nothing.
    pub(super) fn below(&mut self, end: usize) -> usize {
        // Less than `end`, which is a usize.
        ((u128::from(self.roll()) * end as u128) >> 64) as usize
    }

    /// Whether something happens whose probability is so many basis points.
    pub(super) fn happens(&mut self, basis_points: u16) -> bool {
        basis_points >= 10_000 || self.below(10_000) < usize::from(basis_points)
    }
}

/// A number in which every bit depends on every bit of `x`.
pub(super) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_published_ones_and_even() {
        let mut dice = Dice::new(1_234_567);
        assert_eq!([dice.roll(), dice.roll()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        let mut counts = [0_u32; 3];
        (0..30_000).for_each(|_| counts[dice.below(3)] += 1);
        assert!(counts.iter().all(|count| (9_700..10_300).contains(count)), "{counts:?}");
        let happened = (0..10_000).filter(|_| dice.happens(2_500)).count();
        assert!((2_300..2_700).contains(&happened), "{happened}");
        assert!(dice.happens(10_000) && !dice.happens(0));
    }
}
