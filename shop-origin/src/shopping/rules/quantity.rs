//! How many of one SKU a cart may hold.

/// From 1 to 99 pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(u32);

impl Quantity {
    pub(crate) const MAX: u32 = 99;

    pub(crate) fn new(pieces: u32) -> Option<Quantity> {
        (1..=Quantity::MAX).contains(&pieces).then_some(Quantity(pieces))
    }

    pub(crate) fn pieces(self) -> u32 {
        self.0
    }

    /// Both together, or as many as one line holds.
    pub(crate) fn plus(self, more: Quantity) -> Quantity {
        Quantity((self.0 + more.0).min(Quantity::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_between_1_and_99() {
        let pieces = |pieces| Quantity::new(pieces).map(Quantity::pieces);
        assert_eq!([0, 1, 99, 100, u32::MAX].map(pieces), [None, Some(1), Some(99), None, None]);
        assert_eq!(Quantity(60).plus(Quantity(60)), Quantity(99));
    }
}
