//! Slow start: an endpoint that comes into use gets its share little by little, while its caches and connections warm
//! up.

/// A share in basis points that is all of it.
pub(super) const ALL: u16 = 10_000;
/// What it begins with; nothing at all would never warm up.
const FIRST: u64 = 1_000;

/// The share of its weight that an endpoint has which came into use so long ago: from 10 % to all, in a straight line.
pub(super) fn ramp(elapsed: u64, whole: u64) -> u16 {
    if elapsed >= whole {
        return ALL;
    }
    let grown = u128::from(u64::from(ALL) - FIRST) * u128::from(elapsed) / u128::from(whole);
    // Below all of it, as `elapsed` is below `whole`.
    u16::try_from(u128::from(FIRST) + grown).unwrap_or(ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_in_a_straight_line_from_a_tenth_to_all() {
        let shares = [0, 25, 50, 75, 99, 100, 101, u64::MAX].map(|elapsed| ramp(elapsed, 100));
        assert_eq!(shares, [1_000, 3_250, 5_500, 7_750, 9_910, ALL, ALL, ALL]);
        assert_eq!(ramp(0, 0), ALL, "without slow start");
        assert_eq!(ramp(u64::MAX - 1, u64::MAX), ALL - 1);
    }
}
