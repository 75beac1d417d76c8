//! What things cost: prices as shops write them, list prices, and stock that fits the price.

use super::draw::Draw;

/// A usual price between `low` and `high` yuan, in cents. Even on a logarithmic scale: most things are not the dearest.
pub(super) fn base((low, high): (u32, u32), draw: &mut Draw) -> i64 {
    let (low, high) = (f64::from(low), f64::from(high));
    as_written(low * (high / low).powf(draw.fraction()))
}

/// The price of a variant that costs `percent` more.
pub(super) fn with_extra(base_cents: i64, percent: u32) -> i64 {
    as_written(base_cents as f64 / 100.0 * (1.0 + f64::from(percent) / 100.0)).max(base_cents)
}

/// How many percent of the list price are taken off: nothing for four of ten products.
pub(super) fn discount(draw: &mut Draw) -> u32 {
    if draw.chance(40) { 0 } else { 5 + draw.below(31) as u32 }
}

/// The list price from which `percent` were taken off.
pub(super) fn before(price_cents: i64, percent: u32) -> i64 {
    let before = as_written(price_cents as f64 / f64::from(100 - percent));
    if percent == 0 { price_cents } else { before.max(price_cents) }
}

/// Pieces in the warehouse: fewer of what is dear, a few sold out or nearly so.
pub(super) fn stock(price_cents: i64, draw: &mut Draw) -> u32 {
    match draw.below(100) {
        0..3 => 0,
        3..10 => 1 + draw.below(8) as u32,
        _ => {
            let usual = 4_000_000 / (price_cents as u64 + 5_000);
            (20 + usual + draw.below(usual + 40)) as u32
        }
    }
}

/// Rounds as price tags do, so that no tag ends in an odd figure: 18.90, 149.00, 1,299.00.
fn as_written(yuan: f64) -> i64 {
    let step_cents = match yuan {
        ..100.0 => 100,
        100.0..1_000.0 => 1_000,
        1_000.0..10_000.0 => 10_000,
        _ => 50_000,
    };
    let below_cents = if yuan < 100.0 { 10 } else { 100 };
    let steps = (yuan * 100.0 / step_cents as f64).round().max(1.0) as i64;
    steps * step_cents - below_cents
}
