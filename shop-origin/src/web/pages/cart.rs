//! The cart.

use askama::Template;

use super::{Frame, SummaryLine};
use crate::money::Cents;

/// GET /cart
#[derive(Template)]
#[template(path = "cart.html")]
pub(crate) struct CartPage {
    pub(crate) frame: Frame,
    pub(crate) lines: Vec<CartLine>,
    pub(crate) total: Cents,
    /// How much less than the list prices; nothing is shown for zero.
    pub(crate) saving: Cents,
    /// Something that was just refused or changed, such as "only 2 left of ...".
    pub(crate) notice: Option<String>,
    /// Most of one SKU that a cart holds.
    pub(crate) quantity_max: u32,
}

impl CartPage {
    fn pieces(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.line.quantity)).sum()
    }

    /// A cart with a blocked line cannot go to the checkout.
    fn blocked(&self) -> bool {
        self.lines.iter().any(|line| line.blocked)
    }
}

/// A SKU in the cart.
pub(crate) struct CartLine {
    pub(crate) sku: u64,
    pub(crate) line: SummaryLine,
    /// A hint at this line, such as "Only 2 left" or "Sold out".
    pub(crate) note: Option<String>,
    /// True when it cannot be bought as it stands: sold out, or more than there are.
    pub(crate) blocked: bool,
}
