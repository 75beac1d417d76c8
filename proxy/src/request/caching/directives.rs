//! What `Cache-Control` (RFC 9111 s5.2) and `CDN-Cache-Control` (RFC 9213) of an answer say, in one value.

use http::{HeaderMap, HeaderName};

use super::list::{self, LONG_S, NAME_MAX};

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
    /// May be kept by who knows what its status means, even with `no-store` beside it (s5.2.2.3).
    pub(crate) must_understand: bool,
    /// Some of its fields are for one user, or for one use, and the rest is not: see [`unshared_fields`].
    pub(crate) has_unshared_fields: bool,
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

const CACHE_CONTROL: &str = "cache-control";
const TARGETED: &str = "cdn-cache-control";

impl Directives {
    /// The directives that count for a shared cache: those of `CDN-Cache-Control` alone if that field is there and
    /// well-formed (RFC 9213 s2.2), else those of `Cache-Control`. Names are case-insensitive, values may be quoted,
    /// unknown directives are ignored. A time that is no number counts as zero, and so does one that is said twice and
    /// differently (RFC 9111 s4.2.1 leaves the choice between the first and a stale answer).
    pub(crate) fn of_response(headers: &HeaderMap) -> Self {
        if let Some(dictionary) = targeted(headers) {
            return Self::of_dictionary(&dictionary);
        }
        let mut directives = Self::default();
        for member in list::members(headers, CACHE_CONTROL) {
            let name = member.name(&mut [0; NAME_MAX]).to_owned();
            let fields = member.text().and_then(field_names).is_some();
            directives.apply(&name, member.has_value(), fields, member.seconds().unwrap_or(0));
        }
        directives
    }

    fn of_dictionary(dictionary: &sfv::Dictionary) -> Self {
        let mut directives = Self { targeted: true, ..Self::default() };
        for (name, entry) in dictionary {
            let sfv::ListEntry::Item(item) = entry else { continue };
            let name = name.as_str().as_bytes();
            match &item.bare_item {
                sfv::BareItem::Boolean(true) => directives.apply(name, false, false, 0),
                // RFC 9213 s2.1 gives it no meaning.
                sfv::BareItem::Boolean(false) => {}
                sfv::BareItem::Integer(value) => {
                    let seconds = u32::try_from((*value).max(0)).unwrap_or(LONG_S).min(LONG_S);
                    directives.apply(name, true, false, seconds);
                }
                sfv::BareItem::String(text) => {
                    directives.apply(name, true, field_names(text.as_str().as_bytes()).is_some(), 0);
                }
                // A value of the wrong type makes the directive invalid: the zero of a time.
                _ => directives.apply(name, true, false, 0),
            }
        }
        directives
    }

    /// `fields` if its value is a list of field names; `seconds` is its value as a time.
    fn apply(&mut self, name: &[u8], has_value: bool, fields: bool, seconds: u32) {
        let time =
            |slot: &mut Option<u32>| *slot = Some(slot.map_or(seconds, |said| if said == seconds { said } else { 0 }));
        match name {
            b"no-store" => self.no_store = true,
            // With a value that cannot be read, the whole answer is the safe side.
            b"no-cache" | b"private" if fields => self.has_unshared_fields = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public |= !has_value,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"max-age" => time(&mut self.max_age),
            b"s-maxage" => time(&mut self.s_maxage),
            b"stale-while-revalidate" => time(&mut self.stale_while_revalidate),
            b"stale-if-error" => time(&mut self.stale_if_error),
            _ => {}
        }
    }

    /// Whether the answer may be served past its lifetime because a client, or nobody, minds (s4.2.4). `s-maxage` means
    /// `proxy-revalidate` as well (s5.2.2.10).
    pub(crate) fn may_be_stale(&self) -> bool {
        !(self.must_revalidate || self.proxy_revalidate || self.no_cache || self.s_maxage.is_some())
    }
}

/// The fields that `private="..."` and `no-cache="..."` name: they are not kept, so that nobody gets those of another
/// (s5.2.2.7) and none is used twice (s5.2.2.4).
pub(crate) fn unshared_fields(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut fields = Vec::new();
    match targeted(headers) {
        Some(dictionary) => {
            for name in ["private", "no-cache"] {
                if let Some(sfv::ListEntry::Item(sfv::Item { bare_item: sfv::BareItem::String(text), .. })) =
                    dictionary.get(name)
                {
                    fields.extend(field_names(text.as_str().as_bytes()).into_iter().flatten());
                }
            }
        }
        None => {
            for member in list::members(headers, CACHE_CONTROL) {
                if matches!(member.name(&mut [0; NAME_MAX]), b"private" | b"no-cache") {
                    fields.extend(member.text().and_then(field_names).into_iter().flatten());
                }
            }
        }
    }
    fields
}

/// Field names between commas; `None` if that is not what it is.
fn field_names(text: &[u8]) -> Option<Vec<HeaderName>> {
    let names = text.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    let names: Option<Vec<_>> = names.map(|name| HeaderName::from_bytes(name).ok()).collect();
    names.filter(|names| !names.is_empty())
}

/// `CDN-Cache-Control` as a structured dictionary; `None` if it is absent, empty or malformed.
fn targeted(headers: &HeaderMap) -> Option<sfv::Dictionary> {
    let lines: Vec<_> = headers.get_all(TARGETED).iter().map(|value| value.as_bytes()).collect();
    if lines.is_empty() {
        return None;
    }
    sfv::Parser::parse_dictionary(&lines.join(&b',')).ok().filter(|dictionary| !dictionary.is_empty())
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
        let directives = of(&[("cache-control", " Public , MAX-AGE=\"60\",foo=\"a, no-store\" ,, x")]);
        assert_eq!(directives, Directives { public: true, max_age: Some(60), ..Directives::default() });
    }

    #[test]
    fn invalid_is_zero_overflow_is_long_and_who_contradicts_himself_is_stale() {
        let max_age = |list| of(&[("cache-control", list)]).max_age;
        assert_eq!(max_age("max-age=-1"), Some(0));
        assert_eq!(max_age("max-age=1.5"), Some(0));
        assert_eq!(max_age("max-age"), Some(0));
        assert_eq!(max_age("max-age=99999999999999999999"), Some(LONG_S));
        assert_eq!(max_age("max-age= 60"), Some(0));
        assert_eq!(max_age("max-age=60, max-age=30"), Some(0));
        assert_eq!(max_age("max-age=60, max-age=60"), Some(60));
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

    #[test]
    fn named_fields_alone_are_unshared() {
        for (field, list) in [
            ("cache-control", "private=\"x-user, Set-Cookie\", max-age=60"),
            ("cache-control", "no-cache=\"x-user\", no-cache=set-cookie, max-age=60"),
            ("cdn-cache-control", "no-cache=\"x-user\", private=\"set-cookie\", max-age=60"),
        ] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(field), HeaderValue::from_static(list))]);
            let directives = Directives::of_response(&headers);
            assert!(directives.has_unshared_fields && !directives.private && !directives.no_cache, "{list}");
            let mut fields = unshared_fields(&headers);
            fields.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
            assert_eq!(fields, ["set-cookie", "x-user"], "{list}");
        }
        for list in ["private=\"a b\"", "private=\"\"", "private=", "private, private=\"x\""] {
            assert!(of(&[("cache-control", list)]).private, "{list}");
        }
    }

    #[test]
    fn what_must_be_validated_is_never_stale() {
        for (list, may) in [
            ("max-age=1", true),
            ("max-age=1, must-revalidate", false),
            ("max-age=1, proxy-revalidate", false),
            ("max-age=1, no-cache", false),
            ("s-maxage=1", false),
        ] {
            assert_eq!(of(&[("cache-control", list)]).may_be_stale(), may, "{list}");
        }
    }
}
