//! Amounts of money as pages show them.

use std::fmt;

/// Chinese yuan in cents (fen); shown as "¥1,299.00".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Money(pub(crate) i64);

impl Money {
    /// How many whole percent this is below `before`; nothing when that is less than one.
    pub(super) fn percent_below(self, before: Money) -> Option<i64> {
        let saved = i128::from(before.0) - i128::from(self.0);
        if before.0 <= 0 || saved <= 0 {
            return None;
        }
        let percent = (saved * 100 / i128::from(before.0)) as i64; // at most 100 unless the price is negative
        (percent > 0).then_some(percent)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "−" } else { "" };
        let (yuan, fen) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        let digits = yuan.to_string();
        write!(f, "{sign}¥")?;
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        write!(f, ".{fen:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_thousands_and_two_decimals() {
        for (cents, shown) in [
            (0, "¥0.00"),
            (5, "¥0.05"),
            (99_900, "¥999.00"),
            (129_900, "¥1,299.00"),
            (123_456_789, "¥1,234,567.89"),
            (-1_250, "−¥12.50"),
            (i64::MIN, "−¥92,233,720,368,547,758.08"),
        ] {
            assert_eq!(Money(cents).to_string(), shown);
        }
    }

    #[test]
    fn savings_are_rounded_down_and_never_invented() {
        assert_eq!(Money(7_500).percent_below(Money(10_000)), Some(25));
        assert_eq!(Money(7_999).percent_below(Money(10_000)), Some(20));
        assert_eq!(Money(9_950).percent_below(Money(10_000)), None);
        assert_eq!(Money(10_000).percent_below(Money(10_000)), None);
        assert_eq!(Money(12_000).percent_below(Money(10_000)), None);
        assert_eq!(Money(100).percent_below(Money(0)), None);
    }
}
