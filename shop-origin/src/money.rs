//! Money: whole minor units in an `i64`, never a float (invariant I12).

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
