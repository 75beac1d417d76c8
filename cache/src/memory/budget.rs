//! Bytes of memory: a limit, what is used of it, and the proof of having been charged.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// How much a zone may hold and how much it holds.
///
/// Relaxed ordering is enough throughout: the number guards no other memory.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: AtomicU64,
    used: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Budget { limit: AtomicU64::new(limit), used: AtomicU64::new(0) })
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// A charge that can grow.
    pub(crate) fn nothing(self: &Arc<Self>) -> Charge {
        Charge::regardless(self, 0)
    }

    fn try_take(&self, bytes: u64) -> bool {
        let limit = self.limit();
        let taken = |used: u64| used.checked_add(bytes).filter(|after| *after <= limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

/// Bytes charged to a budget for as long as this value lives.
///
/// It lives inside the thing it was charged for. So an object that was evicted while a client still reads it stays
/// charged until the last reader lets go: the budget says what is really held.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Charge {
    /// Charges whatever the limit says, for what exists already.
    pub(crate) fn regardless(budget: &Arc<Budget>, bytes: u64) -> Self {
        let mut charge = Charge { budget: Arc::clone(budget), bytes: 0 };
        charge.set(bytes);
        charge
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A charge of its own to the same budget, whatever the limit says.
    pub(crate) fn beside(&self, bytes: u64) -> Self {
        Self::regardless(&self.budget, bytes)
    }

    /// Grows if the budget has room.
    pub(crate) fn try_grow(&mut self, more: u64) -> bool {
        let grown = self.budget.try_take(more);
        if grown {
            self.bytes += more;
        }
        grown
    }

    /// Corrects the charge to what is held now, whatever the limit says.
    pub(crate) fn set(&mut self, bytes: u64) {
        if bytes > self.bytes {
            self.budget.used.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            self.budget.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    /// Splits everything off into a charge of its own, leaving nothing.
    pub(crate) fn take(&mut self) -> Self {
        let bytes = std::mem::take(&mut self.bytes);
        Charge { budget: Arc::clone(&self.budget), bytes }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Charge};

    #[test]
    fn a_charge_grows_to_the_limit_and_no_further_and_is_returned_when_dropped() {
        let budget = Budget::new(10);
        let mut charge = Charge::regardless(&budget, 4);
        assert!(charge.try_grow(6));
        assert!(!charge.try_grow(1));
        assert!(!charge.try_grow(u64::MAX), "an overflow is no room");
        assert_eq!((budget.used(), charge.bytes()), (10, 10));
        let taken = charge.take();
        drop(charge);
        assert_eq!(budget.used(), 10, "what was taken out is still held");
        drop(taken);
        assert_eq!(budget.used(), 0);
    }
}
