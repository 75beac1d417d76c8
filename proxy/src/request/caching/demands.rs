//! What a request asks of the cache (RFC 9111 s5.2.1), and `Pragma` for those who know nothing newer (s5.4).

use config::model::ClientDirective;
use http::{HeaderMap, header};

use super::list::{self, LONG_S, Member, NAME_MAX};

/// The request directives. Times are in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demands {
    /// Nothing stored without asking the origin.
    pub(crate) no_cache: bool,
    /// Nothing of this exchange may be kept; it may still be served from what is (s5.2.1.5).
    pub(crate) no_store: bool,
    /// Nothing but what is stored.
    pub(crate) only_if_cached: bool,
    /// Nothing older.
    pub(crate) max_age: Option<u32>,
    /// Nothing that does not stay fresh for so long.
    pub(crate) min_fresh: Option<u32>,
    /// What has been stale for so long will do.
    pub(crate) max_stale: Option<u32>,
}

impl Demands {
    /// Reads them. Said twice, or unreadable, a time is the stricter one: it is the origin that is asked, and nobody is
    /// served what was not wanted.
    pub(crate) fn of(request: &HeaderMap) -> Self {
        let mut demands = Self::default();
        if request.contains_key(header::CACHE_CONTROL) {
            list::members(request, "cache-control").for_each(|member| demands.apply(member));
        } else if request.contains_key(header::PRAGMA) {
            let mut name = [0; NAME_MAX];
            demands.no_cache = list::members(request, "pragma").any(|member| member.name(&mut name) == b"no-cache");
        }
        demands
    }

    /// Those that a route hears.
    pub(crate) fn heard(self, ignored: &[ClientDirective]) -> Self {
        let hears = |directive| !ignored.contains(&directive);
        Self {
            no_cache: self.no_cache && hears(ClientDirective::NoCache),
            no_store: self.no_store && hears(ClientDirective::NoStore),
            only_if_cached: self.only_if_cached && hears(ClientDirective::OnlyIfCached),
            max_age: self.max_age.filter(|_| hears(ClientDirective::MaxAge)),
            min_fresh: self.min_fresh.filter(|_| hears(ClientDirective::MinFresh)),
            max_stale: self.max_stale.filter(|_| hears(ClientDirective::MaxStale)),
        }
    }

    /// What is left of them for an answer that has come from the origin since the request came: nobody can have a newer
    /// one.
    pub(crate) fn of_the_newest(self) -> Self {
        Self { no_cache: false, max_age: None, min_fresh: None, ..self }
    }

    fn apply(&mut self, member: Member<'_>) {
        let shorter = |said: Option<u32>, now: u32| Some(said.map_or(now, |said| said.min(now)));
        match member.name(&mut [0; NAME_MAX]) {
            b"no-cache" => self.no_cache = true,
            b"no-store" => self.no_store = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => self.max_age = shorter(self.max_age, member.seconds().unwrap_or(0)),
            b"min-fresh" => {
                let seconds = member.seconds().unwrap_or(LONG_S);
                self.min_fresh = Some(self.min_fresh.map_or(seconds, |said| said.max(seconds)));
            }
            // Without a value it is as stale as may be (s5.2.1.2).
            b"max-stale" if !member.has_value() => self.max_stale = shorter(self.max_stale, LONG_S),
            b"max-stale" => self.max_stale = shorter(self.max_stale, member.seconds().unwrap_or(0)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn of(fields: &[(&'static str, &'static str)]) -> Demands {
        let headers = fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v)));
        Demands::of(&headers.collect())
    }

    #[test]
    fn table() {
        let none = Demands::default();
        for (fields, expected) in [
            (&[][..], none),
            (&[("cache-control", "No-Cache")], Demands { no_cache: true, ..none }),
            (
                &[("cache-control", "no-store, only-if-cached")],
                Demands { no_store: true, only_if_cached: true, ..none },
            ),
            (&[("cache-control", "max-age=5"), ("cache-control", "max-age=3")], Demands { max_age: Some(3), ..none }),
            (&[("cache-control", "max-age=x")], Demands { max_age: Some(0), ..none }),
            (&[("cache-control", "min-fresh=5, min-fresh=9")], Demands { min_fresh: Some(9), ..none }),
            (&[("cache-control", "max-stale")], Demands { max_stale: Some(LONG_S), ..none }),
            (&[("cache-control", "max-stale=9")], Demands { max_stale: Some(9), ..none }),
            (&[("cache-control", "max-stale=x")], Demands { max_stale: Some(0), ..none }),
            (&[("pragma", "no-cache")], Demands { no_cache: true, ..none }),
            (&[("pragma", "x, No-Cache")], Demands { no_cache: true, ..none }),
            (&[("pragma", "no-cache"), ("cache-control", "max-age=9")], Demands { max_age: Some(9), ..none }),
        ] {
            assert_eq!(of(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_route_hears_what_it_wants() {
        let list = "no-cache, no-store, only-if-cached, max-age=1, min-fresh=2, max-stale=3";
        let all = of(&[("cache-control", list)]);
        assert_eq!(all.heard(&[]), all);
        assert_eq!(all.heard(&ClientDirective::ALL.map(|(directive, _)| directive)), Demands::default());
        for (directive, name) in ClientDirective::ALL {
            let name = name.replace('_', "-");
            let rest: Vec<_> = list.split(", ").filter(|member| !member.starts_with(&name)).collect();
            let rest: HeaderMap =
                [(header::CACHE_CONTROL, HeaderValue::from_str(&rest.join(", ")).unwrap())].into_iter().collect();
            assert_eq!(all.heard(&[directive]), Demands::of(&rest), "{name}");
        }
    }
}
