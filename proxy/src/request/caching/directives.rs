//! What `Cache-Control` (RFC 9111 s5.2) and `CDN-Cache-Control` (RFC 9213) say, in one value.

use http::HeaderMap;

/// Directives of a response that bind a shared cache. Times are in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// Must not be kept.
    pub(crate) no_store: bool,
    /// Must be validated before each use.
    pub(crate) no_cache: bool,
    /// For one user only.
    pub(crate) private: bool,
    /// May be kept even where the default is not to.
    pub(crate) public: bool,
    /// Must not be served stale.
    pub(crate) must_revalidate: bool,
    /// Must not be served stale by a shared cache. Unlike `must-revalidate`, it does not say that the answer to a
    /// request with credentials may be shared (s3.5).
    pub(crate) proxy_revalidate: bool,
    /// Lifetime for every cache.
    pub(crate) max_age: Option<u32>,
    /// Lifetime for shared caches.
    pub(crate) s_maxage: Option<u32>,
    /// RFC 5861 s3.
    pub(crate) stale_while_revalidate: Option<u32>,
    /// RFC 5861 s4.
    pub(crate) stale_if_error: Option<u32>,
    /// These came from a targeted field, beside which `Expires` does not count either (RFC 9213 s2.2).
    pub(crate) targeted: bool,
}

/// RFC 9111 s1.2.2: what is too large to represent counts as this.
pub(crate) const LONG_S: u32 = 1 << 31;

impl Directives {
    /// The directives that count for a shared cache: those of `CDN-Cache-Control` alone if that field is there and
    /// well-formed (RFC 9213 s2.2), else those of `Cache-Control`.
    pub(crate) fn of_response(headers: &HeaderMap) -> Self {
        targeted(headers).unwrap_or_else(|| Self::parse(&String::from_utf8_lossy(&list(headers, "cache-control"))))
    }

    /// Reads a `Cache-Control` list. Names are case-insensitive, values may be quoted, unknown directives are
    /// ignored. Said twice, the shorter time counts (RFC 9111 s4.2.1); a time that is no number counts as zero.
    pub(crate) fn parse(list: &str) -> Self {
        let mut directives = Self::default();
        for member in split_outside_quotes(list) {
            let (name, value) = match member.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
                None => (member, None),
            };
            let seconds = || value.map_or(0, |value| seconds(value.trim_matches('"')));
            directives.apply(&name.to_ascii_lowercase(), value.is_some(), seconds);
        }
        directives
    }

    fn apply(&mut self, name: &str, has_value: bool, seconds: impl Fn() -> u32) {
        let shortest = |slot: &mut Option<u32>| *slot = Some(slot.map_or(seconds(), |said| said.min(seconds())));
        match name {
            "no-store" => self.no_store = true,
            // With a list of fields (`no-cache="set-cookie"`) only those are meant; the whole answer is the safe side.
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = !has_value,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "max-age" => shortest(&mut self.max_age),
            "s-maxage" => shortest(&mut self.s_maxage),
            "stale-while-revalidate" => shortest(&mut self.stale_while_revalidate),
            "stale-if-error" => shortest(&mut self.stale_if_error),
            _ => {}
        }
    }
}

/// `CDN-Cache-Control` as a structured dictionary; `None` if it is absent, empty or malformed.
fn targeted(headers: &HeaderMap) -> Option<Directives> {
    let field = list(headers, "cdn-cache-control");
    let dictionary: sfv::Dictionary = sfv::Parser::parse_dictionary(&field).ok().filter(|d| !d.is_empty())?;
    let mut directives = Directives { targeted: true, ..Directives::default() };
    for (name, entry) in &dictionary {
        let sfv::ListEntry::Item(item) = entry else { continue };
        match &item.bare_item {
            sfv::BareItem::Boolean(true) => directives.apply(name, false, || 0),
            sfv::BareItem::Integer(value) => {
                let seconds = u32::try_from((*value).max(0)).unwrap_or(LONG_S).min(LONG_S);
                directives.apply(name, true, || seconds);
            }
            // RFC 9213 s2.1: a value of the wrong type makes the directive invalid; it is the zero of a time here.
            sfv::BareItem::Boolean(false) => {}
            _ => directives.apply(name, true, || 0),
        }
    }
    Some(directives)
}

/// All lines of a list field as one (RFC 9110 s5.3); empty if there are none. Bytes, because one odd byte must not
/// hide the directives beside it.
fn list(headers: &HeaderMap, name: &str) -> Vec<u8> {
    let lines: Vec<_> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
    lines.join(&b',')
}

/// RFC 9111 s1.2.2 delta-seconds: digits; too many mean "long", anything else means zero.
pub(crate) fn seconds(text: &str) -> u32 {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(LONG_S).min(LONG_S)
}

/// Members of a comma-separated list; a comma within quotes is part of its member.
fn split_outside_quotes(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    list.split(move |c| {
        let separates = c == ',' && !quoted;
        if escaped {
            escaped = false;
        } else if c == '\\' && quoted {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        separates
    })
    .map(str::trim)
    .filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn of(fields: &[(&'static str, &'static str)]) -> Directives {
        let headers = fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v)));
        Directives::of_response(&headers.collect())
    }

    #[test]
    fn case_spaces_quotes_and_unknown_directives() {
        let directives = Directives::parse(" Public , MAX-AGE = \"60\",foo=\"a, no-store\" ,, x");
        assert_eq!(directives, Directives { public: true, max_age: Some(60), ..Directives::default() });
    }

    #[test]
    fn invalid_is_zero_overflow_is_long_and_the_shortest_counts() {
        let max_age = |list| Directives::parse(list).max_age;
        assert_eq!(max_age("max-age=-1"), Some(0));
        assert_eq!(max_age("max-age=1.5"), Some(0));
        assert_eq!(max_age("max-age"), Some(0));
        assert_eq!(max_age("max-age=99999999999999999999"), Some(LONG_S));
        assert_eq!(max_age("max-age=60, max-age=30"), Some(30));
    }

    #[test]
    fn a_well_formed_targeted_field_replaces_cache_control_whole() {
        let directives = of(&[("cache-control", "no-store"), ("cdn-cache-control", "max-age=600, stale-if-error=60")]);
        assert!(!directives.no_store);
        assert_eq!((directives.max_age, directives.stale_if_error), (Some(600), Some(60)));
    }

    #[test]
    fn a_malformed_targeted_field_is_ignored_whole() {
        for malformed in ["max-age=60, =", "MAX-AGE=60", "max-age==1", "max-age=60;;", ""] {
            let headers = HeaderMap::from_iter([
                (HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store")),
                (HeaderName::from_static("cdn-cache-control"), HeaderValue::from_str(malformed).unwrap()),
            ]);
            assert!(Directives::of_response(&headers).no_store, "{malformed:?}");
        }
    }

    #[test]
    fn one_odd_byte_hides_nothing() {
        let field =
            |name: &'static str, value: &[u8]| (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        let odd = HeaderMap::from_iter([field("cache-control", b"private, x=\"\xe9\"")]);
        assert!(Directives::of_response(&odd).private);
        let targeted = field("cdn-cache-control", b"max-age=60, x=\"\xe9\"");
        let odd = HeaderMap::from_iter([field("cache-control", b"no-store"), targeted]);
        assert!(Directives::of_response(&odd).no_store, "a targeted field that is not ASCII is malformed");
    }

    #[test]
    fn several_lines_are_one_list() {
        let directives = of(&[("cache-control", "public"), ("cache-control", "max-age=5")]);
        assert_eq!((directives.public, directives.max_age), (true, Some(5)));
    }
}
