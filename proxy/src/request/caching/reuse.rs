//! Whether a stored answer may serve a request as it is (RFC 9111 s4.2, s4.2.4, s5.2.1).

use std::time::SystemTime;

use super::demands::Demands;

/// What the times of a stored answer say of it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its age (s4.2.3).
    pub(crate) age_s: u64,
    /// What is left of its lifetime; negative once it has passed.
    pub(crate) ttl_s: i64,
}

/// What may be done with a stored answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// It is fresh, and nobody wants it fresher.
    Fresh,
    /// It is stale, and the client has said that it takes it so.
    StaleIsFine,
    /// It is stale.
    Expired,
    /// The client wants the origin asked, whatever the edge thinks of it.
    Demanded,
}

impl Standing {
    /// What an answer of such an epoch, fresh until such a time, is at `now`.
    pub(crate) fn at(now: SystemTime, epoch: SystemTime, fresh_until: SystemTime) -> Self {
        let age_s = now.duration_since(epoch).unwrap_or_default().as_secs();
        Self { age_s, ttl_s: ttl_s(fresh_until, now) }
    }
}

/// Whole seconds left until `fresh_until`; negative once it has passed (RFC 9211 s2.4).
pub(crate) fn ttl_s(fresh_until: SystemTime, now: SystemTime) -> i64 {
    let seconds = |time: std::time::Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match fresh_until.duration_since(now) {
        Ok(left) => seconds(left),
        Err(passed) => -1 - seconds(passed.duration()),
    }
}

/// Decides. `may_be_stale` says whether the origin lets its answer be served past its lifetime at all, and is asked only
/// where that matters.
pub(crate) fn reuse(demands: &Demands, standing: Standing, may_be_stale: impl FnOnce() -> bool) -> Reuse {
    let Standing { age_s, ttl_s } = standing;
    let too_old = demands.max_age.is_some_and(|max| age_s > u64::from(max));
    if demands.no_cache || too_old {
        return Reuse::Demanded;
    }
    if ttl_s >= 0 {
        let soon_stale = demands.min_fresh.is_some_and(|min| ttl_s < i64::from(min));
        return if soon_stale { Reuse::Demanded } else { Reuse::Fresh };
    }
    let stale_s = -1 - ttl_s;
    match demands.max_stale {
        Some(max) if stale_s <= i64::from(max) && demands.min_fresh.is_none() && may_be_stale() => Reuse::StaleIsFine,
        // s5.2.1.1: who names an age, or wants it to stay fresh, does not want it stale while it is refreshed.
        _ if demands.max_age.is_some() || demands.min_fresh.is_some() => Reuse::Demanded,
        _ => Reuse::Expired,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn table() {
        let none = Demands::default();
        let no_cache = Demands { no_cache: true, ..none };
        let max_age = |s| Demands { max_age: Some(s), ..none };
        let min_fresh = |s| Demands { min_fresh: Some(s), ..none };
        let max_stale = |s| Demands { max_stale: Some(s), ..none };
        for (demands, age_s, ttl_s, may_be_stale, expected) in [
            (none, 10, 0, false, Reuse::Fresh),
            (none, 10, -1, true, Reuse::Expired),
            (no_cache, 0, 60, true, Reuse::Demanded),
            (no_cache, 0, -9, true, Reuse::Demanded),
            (max_age(10), 10, 60, true, Reuse::Fresh),
            (max_age(9), 10, 60, true, Reuse::Demanded),
            (max_age(99), 10, -1, true, Reuse::Demanded),
            (min_fresh(60), 0, 60, true, Reuse::Fresh),
            (min_fresh(61), 0, 60, true, Reuse::Demanded),
            (min_fresh(0), 0, -1, true, Reuse::Demanded),
            (max_stale(5), 10, -6, true, Reuse::StaleIsFine),
            (max_stale(5), 10, -7, true, Reuse::Expired),
            (max_stale(5), 10, -6, false, Reuse::Expired),
            (max_stale(5), 10, 3, false, Reuse::Fresh),
            (Demands { max_age: Some(9), ..max_stale(60) }, 10, -1, true, Reuse::Demanded),
            (Demands { max_age: Some(10), ..max_stale(60) }, 10, -1, true, Reuse::StaleIsFine),
            (Demands { min_fresh: Some(1), ..max_stale(60) }, 10, -1, true, Reuse::Demanded),
        ] {
            let standing = Standing { age_s, ttl_s };
            assert_eq!(reuse(&demands, standing, || may_be_stale), expected, "{demands:?} {standing:?} {may_be_stale}");
        }
    }

    #[test]
    fn what_is_left_counts_on_below_zero() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let at = |ms: i64| {
            let by = Duration::from_millis(ms.unsigned_abs());
            let fresh_until = if ms < 0 { now - by } else { now + by };
            Standing::at(now, now - Duration::from_millis(2500), fresh_until)
        };
        assert_eq!(at(1500), Standing { age_s: 2, ttl_s: 1 });
        assert_eq!(at(0).ttl_s, 0);
        assert_eq!(at(-1).ttl_s, -1);
        assert_eq!(at(-1500).ttl_s, -2);
    }
}
