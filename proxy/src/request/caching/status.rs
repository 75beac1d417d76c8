//! The `Cache-Status` field (RFC 9211): what the cache did with this request.

use std::fmt::{self, Write as _};

use http::Method;
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
    /// The route does not cache, or not such requests.
    Off,
}

impl Outcome {
    /// The labels, in the order of declaration, so that `outcome as usize` is the position of its own.
    pub(crate) const LABELS: [&'static str; 8] =
        ["hit", "stale", "revalidated", "miss", "expired", "uncacheable", "bypass", "off"];

    /// Reads Pingora's state once the answer's header is decided. `ttl_s` is what is left of the stored answer's
    /// lifetime: one that is served as it is because the pool is full is a hit to Pingora, and stale.
    pub(crate) fn of(phase: CachePhase, ttl_s: Option<i64>, found: Found) -> Self {
        match phase {
            CachePhase::Disabled(_) if found == Found::NobodyLooked => Self::Bypass,
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
}

/// What a look into the cache has found: why the origin was asked, where it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    #[default]
    Nothing,
    /// Whatever there is: as lately nothing could be kept, nobody has looked.
    NobodyLooked,
    /// Answers under this URL, and none for such a request.
    OtherVariants,
    /// An answer that had expired.
    Expired,
    /// An answer that the client did not want as it was.
    Unwanted,
}

/// Why the origin was asked in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// It answered with this status.
    Status(u16),
    /// There was no answer of its own.
    NoAnswer,
}

/// All that the field says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) method: &'a Method,
    pub(crate) found: Found,
    /// Whether it waited for another request's fill.
    pub(crate) waited: bool,
    /// What the origin said where that is hidden behind a stored answer.
    pub(crate) hidden: Option<Hidden>,
    /// What is left of the lifetime, negative when it has passed.
    pub(crate) ttl_s: Option<i64>,
    /// The key, for those who may know it.
    pub(crate) key: Option<&'a str>,
    /// Why the answer is not kept, or served as it is.
    pub(crate) detail: Option<&'a str>,
}

impl fmt::Display for Said<'_> {
    /// The member that this cache adds to the field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("floodgate")?;
        match self.forwarded() {
            None => f.write_str("; hit")?,
            Some(why) => write!(f, "; fwd={why}")?,
        }
        match (self.outcome, self.hidden) {
            (_, Some(Hidden::Status(status))) => write!(f, "; fwd-status={status}")?,
            (Outcome::Revalidated, _) => f.write_str("; fwd-status=304")?,
            (Outcome::Miss | Outcome::Expired, _) => f.write_str("; stored")?,
            (Outcome::Hit | Outcome::Stale, None) if self.waited => f.write_str("; collapsed")?,
            // s2.6: it has waited in vain.
            (Outcome::Uncacheable, _) if self.waited => f.write_str("; collapsed=?0")?,
            _ => {}
        }
        if let Some(ttl_s) = self.ttl_s {
            write!(f, "; ttl={ttl_s}")?;
        }
        if let Some(key) = self.key {
            f.write_str("; key=\"")?;
            for byte in key.bytes() {
                // RFC 9651 s3.3.3: printable ASCII, these two escaped.
                match byte {
                    b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                    b' '..=b'~' => f.write_char(char::from(byte))?,
                    _ => f.write_char('?')?,
                }
            }
            f.write_char('"')?;
        }
        self.detail.map_or(Ok(()), |detail| write!(f, "; detail={detail}"))
    }
}

impl Said<'_> {
    /// Why the request was, or was to be, sent to the origin; `None` for a hit (s2.2).
    fn forwarded(&self) -> Option<&'static str> {
        let reads = *self.method == Method::GET || *self.method == Method::HEAD;
        match self.outcome {
            Outcome::Hit | Outcome::Stale if !self.waited && self.hidden.is_none() => None,
            Outcome::Off | Outcome::Bypass => Some(if reads { "bypass" } else { "method" }),
            _ => Some(match self.found {
                Found::Nothing | Found::NobodyLooked => "uri-miss",
                Found::OtherVariants => "vary-miss",
                Found::Expired => "stale",
                Found::Unwanted => "request",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING_SPECIAL: Said<'_> = Said {
        outcome: Outcome::Hit,
        method: &Method::GET,
        found: Found::Nothing,
        waited: false,
        hidden: None,
        ttl_s: None,
        key: None,
        detail: None,
    };

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
        let plain = NOTHING_SPECIAL;
        let key = Some("https://a/\"b\\");
        for (said, expected) in [
            (Said { ttl_s: Some(29), ..plain }, "hit; ttl=29"),
            (Said { outcome: Outcome::Stale, ttl_s: Some(-3), detail: Some("x"), ..plain }, "hit; ttl=-3; detail=x"),
            (Said { outcome: Outcome::Miss, ..plain }, "fwd=uri-miss; stored"),
            (Said { outcome: Outcome::Miss, found: Found::OtherVariants, ..plain }, "fwd=vary-miss; stored"),
            (Said { outcome: Outcome::Expired, found: Found::Expired, ..plain }, "fwd=stale; stored"),
            (Said { outcome: Outcome::Revalidated, found: Found::Unwanted, ..plain }, "fwd=request; fwd-status=304"),
            (Said { waited: true, ..plain }, "fwd=uri-miss; collapsed"),
            (Said { outcome: Outcome::Uncacheable, waited: true, ..plain }, "fwd=uri-miss; collapsed=?0"),
            (
                Said {
                    outcome: Outcome::Stale,
                    found: Found::Expired,
                    hidden: Some(Hidden::Status(503)),
                    ttl_s: Some(-3),
                    ..plain
                },
                "fwd=stale; fwd-status=503; ttl=-3",
            ),
            (
                Said { outcome: Outcome::Stale, found: Found::Expired, hidden: Some(Hidden::NoAnswer), ..plain },
                "fwd=stale",
            ),
            (Said { outcome: Outcome::Uncacheable, detail: Some("private"), ..plain }, "fwd=uri-miss; detail=private"),
            (Said { outcome: Outcome::Bypass, ..plain }, "fwd=bypass"),
            (Said { outcome: Outcome::Off, method: &Method::POST, ..plain }, "fwd=method"),
            (Said { key, ..plain }, r#"hit; key="https://a/\"b\\""#),
        ] {
            assert_eq!(said.to_string(), format!("floodgate; {expected}"));
            let parsed = sfv::Parser::parse_list(said.to_string().as_bytes());
            assert_eq!(parsed.map(|list| list.len()), Ok(1), "{said}");
        }
    }

    #[test]
    fn the_outcome_is_read_from_pingoras_state() {
        let of = |phase, ttl_s| Outcome::of(phase, ttl_s, Found::Nothing);
        assert_eq!(of(CachePhase::Hit, Some(0)), Outcome::Hit);
        assert_eq!(of(CachePhase::Hit, Some(-1)), Outcome::Stale);
        assert_eq!(of(CachePhase::Disabled(NoCacheReason::NeverEnabled), None), Outcome::Off);
        let refused = CachePhase::Disabled(NoCacheReason::OriginNotCache);
        assert_eq!(of(refused, None), Outcome::Uncacheable);
        assert_eq!(Outcome::of(refused, None, Found::NobodyLooked), Outcome::Bypass);
    }
}
