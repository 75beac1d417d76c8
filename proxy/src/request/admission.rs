//! May this request load the origin now: a limit on requests in flight per pool, the least important class first.
//!
//! Each class leaves a share of the limit free for every class above it. So while the pool fills up, the lowest class
//! is refused first, and the most important one has the whole limit.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use config::model::{ClassId, Percent, PoolLimit};

/// Requests in flight of one pool; survives reloads, so that what is in flight stays counted.
#[derive(Debug, Default)]
pub(crate) struct InFlight(AtomicU32);

/// The right to have one request in flight; returned when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<InFlight>);

impl InFlight {
    /// Requests in flight now.
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// A permit, unless `ceiling` requests are in flight already.
    pub(crate) fn admit(self: &Arc<Self>, ceiling: u32) -> Option<Permit> {
        let below = |count| (count < ceiling).then_some(count + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).ok()?;
        Some(Permit(Arc::clone(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many requests may be in flight for one of this class to be let in: at least 1.
pub(crate) fn ceiling(limit: PoolLimit, class: ClassId) -> u32 {
    let kept_free = limit.headroom.fraction() * f64::from(class.0);
    let share = f64::from(limit.in_flight) * (1.0 - kept_free);
    // A share of a u32 fits a u32; below one, the pool would never serve the class even when idle.
    (share as u32).max(1)
}

/// A ceiling where this share of a pool's weight can serve, of which `enough` could carry everything. What is
/// left of a pool, or comes back, is not run over by what all of it served before; and of what is too much, the least
/// important is refused first. With nobody there the ceiling stays: that is another refusal.
pub(crate) fn for_what_is_left(ceiling: u32, left: Percent, enough: Percent) -> u32 {
    let (left, enough) = (left.basis_points(), enough.basis_points());
    if left == 0 || left >= enough {
        return ceiling;
    }
    let part = u64::from(ceiling) * u64::from(left) / u64::from(enough);
    u32::try_from(part).map_or(ceiling, |part| part.max(1))
}

#[cfg(test)]
mod tests {

    use super::*;

    fn limit(in_flight: u32, basis_points: u16) -> PoolLimit {
        PoolLimit { in_flight, headroom: Percent::from_basis_points(basis_points).unwrap() }
    }

    #[test]
    fn each_class_leaves_headroom_for_those_above() {
        let ceilings: Vec<_> = (0..3).map(|class| ceiling(limit(100, 1_000), ClassId(class))).collect();
        assert_eq!(ceilings, [100, 90, 80]);
        assert_eq!(ceiling(limit(1, 4_000), ClassId(2)), 1, "an idle pool serves every class");
    }

    #[test]
    fn a_pool_of_which_little_is_left_takes_less() {
        let half = Percent::from_basis_points(5_000).unwrap();
        let share = |basis_points| Percent::from_basis_points(basis_points).unwrap();
        let ceilings = [10_000, 5_000, 2_500, 100, 1, 0].map(|left| for_what_is_left(100, share(left), half));
        assert_eq!(ceilings, [100, 100, 50, 2, 1, 100]);
        let none = Percent::from_basis_points(0).unwrap();
        assert_eq!(for_what_is_left(100, share(1), none), 100, "whoever wants no panic wants no less either");
    }

    #[test]
    fn the_lowest_class_is_refused_first_and_core_gets_the_whole_limit() {
        let limit = limit(10, 2_000);
        let in_flight = Arc::new(InFlight::default());
        let mut held = Vec::new();
        let mut served = [0; 3];
        for class in [2, 1, 0] {
            while let Some(permit) = in_flight.admit(ceiling(limit, ClassId(class))) {
                held.push(permit);
                served[usize::from(class)] += 1;
            }
        }
        assert_eq!(served, [2, 2, 6]);
        held.clear();
        assert_eq!(in_flight.count(), 0);
    }
}
