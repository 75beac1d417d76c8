//! What an order costs, and whether that is what the shopper saw.

use sha2::{Digest, Sha256};

use crate::backing::secret::hex;
use crate::money::Cents;

const DELIVERY_FEE: Cents = Cents(1_200);
const FREE_DELIVERY_FROM: Cents = Cents(9_900);
/// Hex digits of a quote: 64 bits; it guards against surprise, not against attack.
const QUOTE_DIGITS: usize = 16;

/// Nothing for a basket that is worth it, nor for an empty one.
fn delivery_fee(goods: Cents) -> Cents {
    match goods {
        Cents::ZERO => Cents::ZERO,
        goods if goods >= FREE_DELIVERY_FROM => Cents::ZERO,
        _ => DELIVERY_FEE,
    }
}

/// The sums of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) goods: Cents,
    pub(crate) delivery: Cents,
}

impl Totals {
    /// Of unit prices and quantities.
    pub(crate) fn of(lines: impl Iterator<Item = (Cents, u32)>) -> Totals {
        let goods = lines.map(|(price, quantity)| price.times(quantity)).sum();
        Totals { goods, delivery: delivery_fee(goods) }
    }

    pub(crate) fn total(self) -> Cents {
        self.goods + self.delivery
    }
}

/// A fingerprint of the goods and prices that a shopper was shown. It comes back with the order: when it differs from
/// that of the prices now, the shopper is told and asked again. Prices themselves are never taken from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quote(String);

impl Quote {
    /// Of SKUs, quantities and unit prices, in any order.
    pub(crate) fn of(lines: impl Iterator<Item = (u64, u32, Cents)>) -> Quote {
        let mut lines: Vec<_> = lines.collect();
        lines.sort_unstable();
        let mut digest = Sha256::new();
        for (sku, quantity, price) in lines {
            digest.update(format!("{sku} {quantity} {}\n", price.0));
        }
        let mut digits = hex(&digest.finalize());
        digits.truncate(QUOTE_DIGITS);
        Quote(digits)
    }

    /// As a client sent it: it is only ever compared.
    pub(crate) fn claimed(text: &str) -> Quote {
        Quote(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivery_is_free_from_a_round_sum_on() {
        let total = |price, quantity| Totals::of([(Cents(price), quantity)].into_iter()).total().0;
        assert_eq!(total(9_899, 1), 11_099);
        assert_eq!(total(9_900, 1), 9_900);
        assert_eq!(total(4_950, 2), 9_900);
        assert_eq!(Totals::of(std::iter::empty()).total(), Cents::ZERO);
    }

    #[test]
    fn a_quote_changes_with_any_price_or_quantity_and_not_with_order() {
        let quote =
            |lines: &[(u64, u32, i64)]| Quote::of(lines.iter().map(|(sku, n, price)| (*sku, *n, Cents(*price))));
        let seen = quote(&[(1, 2, 300), (4, 5, 600)]);
        assert_eq!(quote(&[(4, 5, 600), (1, 2, 300)]), seen);
        assert_eq!(Quote::claimed(seen.as_str()), seen);
        for other in [[(1, 2, 301), (4, 5, 600)], [(1, 3, 300), (4, 5, 600)], [(2, 2, 300), (4, 5, 600)]] {
            assert_ne!(quote(&other), seen);
        }
    }
}
