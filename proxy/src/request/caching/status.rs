//! The `Cache-Status` field (RFC 9211): what the cache did with this request.

use pingora::cache::{CachePhase, NoCacheReason};

/// How a request was answered: the label in metrics and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// From the cache, fresh.
    Hit,
    /// From the cache, past its lifetime.
    Stale,
    /// From the cache, after the origin confirmed it.
    Revalidated,
    /// From the origin, and kept.
    Miss,
    /// From the origin because what was kept had expired, and kept anew.
    Expired,
    /// From the origin; the route caches, this answer is not kept.
    Uncacheable,
    /// From the origin without a look into the cache: its answers have turned out uncacheable lately.
    Bypass,
    /// The route does not cache.
    Off,
}

impl Outcome {
    /// The labels, in the order of declaration, so that `outcome as usize` is the position of its own.
    pub(crate) const LABELS: [&'static str; 8] =
        ["hit", "stale", "revalidated", "miss", "expired", "uncacheable", "bypass", "off"];

    /// Reads Pingora's state once the answer's header is decided. `ttl_s` is what is left of the stored answer's
    /// lifetime: one that is served as it is because the pool is full is a hit to Pingora, and stale.
    pub(crate) fn of(phase: CachePhase, ttl_s: Option<i64>) -> Self {
        match phase {
            CachePhase::Hit if ttl_s.is_some_and(|ttl_s| ttl_s < 0) => Self::Stale,
            CachePhase::Hit => Self::Hit,
            CachePhase::Stale | CachePhase::StaleUpdating => Self::Stale,
            CachePhase::Revalidated | CachePhase::RevalidatedNoCache(_) => Self::Revalidated,
            CachePhase::Miss => Self::Miss,
            CachePhase::Expired => Self::Expired,
            CachePhase::Disabled(NoCacheReason::NeverEnabled) => Self::Off,
            CachePhase::Bypass => Self::Bypass,
            CachePhase::Disabled(_) | CachePhase::Uninit | CachePhase::CacheKey => Self::Uncacheable,
        }
    }

    /// The `result` label in metrics and the `cache` field of the access log.
    pub(crate) fn label(self) -> &'static str {
        Self::LABELS[self as usize]
    }

    /// The field's value; `ttl_s` is what is left of the lifetime, negative when it has passed.
    pub(crate) fn field(self, ttl_s: Option<i64>) -> String {
        let said = match self {
            Self::Hit | Self::Stale => "hit",
            Self::Revalidated => "fwd=stale; fwd-status=304",
            Self::Miss => "fwd=miss; stored",
            Self::Expired => "fwd=stale; stored",
            Self::Uncacheable => "fwd=miss",
            Self::Bypass | Self::Off => "fwd=bypass",
        };
        match ttl_s {
            Some(ttl_s) => format!("floodgate; {said}; ttl={ttl_s}"),
            None => format!("floodgate; {said}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_list() {
        let said = [
            (Outcome::Hit, "hit"),
            (Outcome::Stale, "stale"),
            (Outcome::Revalidated, "revalidated"),
            (Outcome::Miss, "miss"),
            (Outcome::Expired, "expired"),
            (Outcome::Uncacheable, "uncacheable"),
            (Outcome::Bypass, "bypass"),
            (Outcome::Off, "off"),
        ];
        assert_eq!(said.map(|(_, label)| label), Outcome::LABELS);
        for (outcome, label) in said {
            assert_eq!(outcome.label(), label);
        }
    }

    #[test]
    fn the_field_names_the_cache_and_what_it_did() {
        assert_eq!(Outcome::Hit.field(Some(29)), "floodgate; hit; ttl=29");
        assert_eq!(Outcome::Miss.field(None), "floodgate; fwd=miss; stored");
        assert_eq!(Outcome::of(CachePhase::Hit, Some(0)), Outcome::Hit);
        assert_eq!(Outcome::of(CachePhase::Hit, Some(-1)), Outcome::Stale);
        assert_eq!(Outcome::of(CachePhase::Disabled(NoCacheReason::NeverEnabled), None), Outcome::Off);
        assert_eq!(Outcome::of(CachePhase::Disabled(NoCacheReason::OriginNotCache), None), Outcome::Uncacheable);
    }
}
