//! Money: whole minor units in an `i64`, never a float (invariant I12).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};

/// The one currency of this shop, as the payment provider spells it.
pub(crate) const CURRENCY: &str = "cny";

/// An amount in cents; negative on the other side of a ledger.
///
/// Overflow is out of reach: prices are below 10^8 cents, quantities below 100, lines of an order below 101.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Cents(pub(crate) i64);

impl Cents {
    pub(crate) const ZERO: Cents = Cents(0);

    pub(crate) fn times(self, quantity: u32) -> Cents {
        Cents(self.0 * i64::from(quantity))
    }

    /// How many whole percent this is below `before`; nothing when that is less than one.
    pub(crate) fn percent_below(self, before: Cents) -> Option<i64> {
        let saved = i128::from(before.0) - i128::from(self.0);
        if before.0 <= 0 || saved <= 0 {
            return None;
        }
        let percent = (saved * 100 / i128::from(before.0)) as i64; // at most 100 unless the price is negative
        (percent > 0).then_some(percent)
    }
}

impl Add for Cents {
    type Output = Cents;
    fn add(self, other: Cents) -> Cents {
        Cents(self.0 + other.0)
    }
}

impl Sub for Cents {
    type Output = Cents;
    fn sub(self, other: Cents) -> Cents {
        Cents(self.0 - other.0)
    }
}

impl Neg for Cents {
    type Output = Cents;
    fn neg(self) -> Cents {
        Cents(-self.0)
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(amounts: I) -> Cents {
        amounts.fold(Cents::ZERO, Add::add)
    }
}

/// Chinese yuan and fen, such as `¥1,299.00`.
impl fmt::Display for Cents {
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

impl ToSql for Cents {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Cents {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Cents> {
        i64::column_result(value).map(Cents)
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
            assert_eq!(Cents(cents).to_string(), shown);
        }
    }

    #[test]
    fn savings_are_rounded_down_and_never_invented() {
        assert_eq!(Cents(7_500).percent_below(Cents(10_000)), Some(25));
        assert_eq!(Cents(7_999).percent_below(Cents(10_000)), Some(20));
        assert_eq!(Cents(9_950).percent_below(Cents(10_000)), None);
        assert_eq!(Cents(10_000).percent_below(Cents(10_000)), None);
        assert_eq!(Cents(12_000).percent_below(Cents(10_000)), None);
        assert_eq!(Cents(100).percent_below(Cents(0)), None);
    }
}
