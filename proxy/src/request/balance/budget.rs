//! How many further tries a pool may get: a share of the requests to it, so that retries never become the load.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use config::model::Percent;

/// One further try, in hundredths of a percent of a request.
const TOKEN: u32 = 10_000;
/// Further tries that are saved up while there is nothing to repeat; also what a pool begins with.
const SAVED: u32 = 10 * TOKEN;

/// Tokens for further tries: each request puts a share of one in, each further try takes one out. Survives reloads.
#[derive(Debug)]
pub struct RetryBudget {
    tokens: Arc<AtomicU32>,
    /// What a request puts in; at most one token.
    deposit: u32,
}

impl RetryBudget {
    /// A budget of this share of the requests, with what another has saved up.
    pub(super) fn new(share: Percent, before: Option<&Self>) -> Self {
        let tokens = before.map_or_else(|| Arc::new(AtomicU32::new(SAVED)), |before| Arc::clone(&before.tokens));
        Self { tokens, deposit: u32::from(share.basis_points()) }
    }

    /// A request is sent for the first time.
    pub fn request(&self) {
        // A full one is only read, so that requests do not contend for it on a good day.
        let more = |tokens: u32| (tokens < SAVED).then(|| (tokens + self.deposit).min(SAVED));
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok();
    }

    /// Whether it may be sent once more; if so, that is paid.
    pub fn retry(&self) -> bool {
        let less = |tokens: u32| tokens.checked_sub(TOKEN).filter(|_| self.deposit > 0);
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Further tries that it would pay for now.
    pub fn left(&self) -> u32 {
        if self.deposit == 0 { 0 } else { self.tokens.load(Ordering::Relaxed) / TOKEN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(percent: u16) -> RetryBudget {
        RetryBudget::new(Percent::from_basis_points(percent * 100).unwrap(), None)
    }

    fn paid(budget: &RetryBudget) -> usize {
        std::iter::repeat_with(|| budget.retry()).take_while(|paid| *paid).count()
    }

    #[test]
    fn what_is_saved_up_is_paid_and_then_a_share_of_the_requests() {
        let budget = budget(10);
        assert_eq!((budget.left(), paid(&budget), budget.left()), (10, 10, 0));
        for _ in 0..9 {
            budget.request();
            assert!(!budget.retry());
        }
        budget.request();
        assert!(budget.retry() && !budget.retry(), "one for ten");
        (0..1_000).for_each(|_| budget.request());
        assert_eq!(paid(&budget), 10, "no more than that is saved");
    }

    #[test]
    fn without_a_share_there_is_nothing_to_pay_with() {
        assert_eq!((paid(&budget(0)), budget(0).left()), (0, 0));
    }

    #[test]
    fn a_reload_neither_fills_nor_empties_it() {
        let before = budget(10);
        assert_eq!(paid(&before), 10);
        let after = RetryBudget::new(Percent::ALL, Some(&before));
        assert!(!after.retry());
        after.request();
        assert!(after.retry() && !before.retry());
    }

    #[test]
    fn a_storm_amplifies_by_the_share_and_no_more() {
        let budget = budget(10);
        // Every second try fails, and is repeated for as long as that is paid.
        let (mut tries, mut fails) = (0_u32, false);
        for _ in 0..100_000 {
            budget.request();
            loop {
                tries += 1;
                fails = !fails;
                if !fails || !budget.retry() {
                    break;
                }
            }
        }
        assert!((109_000..=110_010).contains(&tries), "{tries}");
    }
}
