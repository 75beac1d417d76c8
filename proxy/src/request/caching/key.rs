//! Under which key an answer is kept: scheme, host and path in one spelling, the query as the route says, and which of
//! several possible answers it is.

use std::borrow::Cow;

use config::model::{CachePolicy, QueryKey, Route};
use http::HeaderMap;
use sha2::Digest;

use crate::request::identify;

/// What tells the answers of one route to one URL from those of another: who asked for it in a way that is no part of
/// the URL, and which pool was chosen. Empty where the URL says everything.
fn scope(route: Option<&str>, pool: Option<&str>) -> String {
    let part = |kind: &str, name: Option<&str>| name.map(|name| format!("{kind}={name} ")).unwrap_or_default();
    part("route", route) + &part("pool", pool)
}

/// The scope of a route's answers, from one pool of a split where there is one. What is kept for requests that more than
/// the URL tells from others is for them alone.
pub(crate) fn of_route(route: &Route, split_pool: Option<&str>) -> String {
    scope((!route.is_told_by_url()).then_some(route.name.as_str()), split_pool)
}

/// What a request asks for.
pub(crate) struct Asked<'a> {
    pub(crate) secure: bool,
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
}

/// The key of a request: its scope, what the route adds of the request, then what reads as a URL, behind the last blank.
/// The parts cannot run into each other, because names and URLs hold no blank, values are encoded, a host that was
/// identified holds no slash and a path no question mark.
pub(crate) fn key(scope: &str, asked: &Asked<'_>, policy: &CachePolicy, headers: &HeaderMap) -> String {
    let length = scope.len() + "https://".len() + asked.authority.len() + asked.path.len() + 32;
    let mut key = String::with_capacity(length);
    key.push_str(scope);
    for name in &policy.key.headers {
        let lines: Vec<_> = headers.get_all(name.as_str()).iter().map(|value| value.as_bytes()).collect();
        let value = (!lines.is_empty()).then(|| lines.join(&b','));
        push_part(&mut key, "header", name, value.as_deref());
    }
    for name in &policy.key.cookies {
        // Origins differ in which of several of one name they take.
        let values: Vec<_> = identify::cookies(headers, name).collect();
        let value = (!values.is_empty()).then(|| values.join(&b';'));
        push_part(&mut key, "cookie", name, value.as_deref());
    }
    push_url(&mut key, asked, policy);
    key
}

/// The part of the key by which a URL is purged, whoever its answers are for.
pub(crate) fn url(asked: &Asked<'_>, policy: &CachePolicy) -> String {
    let mut url = String::with_capacity("https://".len() + asked.authority.len() + asked.path.len() + 32);
    push_url(&mut url, asked, policy);
    url
}

fn push_url(key: &mut String, asked: &Asked<'_>, policy: &CachePolicy) {
    key.extend([if asked.secure { "https://" } else { "http://" }, asked.authority, asked.path]);
    let query = asked.query.map(|query| keyed_query(query, &policy.query, policy.sort_query));
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        key.push('?');
        key.push_str(&query);
    }
}

/// A value of any length takes so much of a key; a longer one is there as its digest.
const VALUE_MAX: usize = 128;

/// `header:name=value `, encoded; without `=` where there is no value, which is another thing than an empty one.
fn push_part(key: &mut String, kind: &str, name: &str, value: Option<&[u8]>) {
    key.extend([kind, ":", name]);
    match value {
        None => {}
        Some(value) if value.len() <= VALUE_MAX => {
            key.push('=');
            key.extend(percent_encoding::percent_encode(value, percent_encoding::NON_ALPHANUMERIC));
        }
        Some(value) => {
            key.push_str("=~");
            let digest = sha2::Sha256::digest(value);
            digest
                .iter()
                .for_each(|byte| key.extend([byte >> 4, byte & 15].map(|half| char::from(HEX[usize::from(half)]))));
        }
    }
    key.push(' ');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The part of a query that belongs to the key. The whole query goes to the origin, so only what the origin cannot
/// read as anything else may be left out: a parameter that could hide another name, by percent-encoding it or by `;`
/// (which some take for `&`), always belongs to the key. That costs a miss and never serves the wrong thing.
///
/// Where the route names what counts, that goes for every name that some origin reads as one of these: `page[]`, `PAGE`,
/// or `a.b` for `a_b`.
fn keyed_query<'q>(query: &'q str, rule: &QueryKey, sort: bool) -> Cow<'q, str> {
    let name = |parameter: &'q str| parameter.split_once('=').map_or(parameter, |(name, _)| name);
    let plain = |parameter: &'q str| !name(parameter).contains(['%', '+']) && !parameter.contains(';');
    let listed = |names: &[String], parameter: &'q str| names.iter().any(|listed| listed == name(parameter));
    let is_other = |names: &[String], parameter: &'q str| {
        let name = name(parameter);
        let is_word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        is_word && !parameter.contains(';') && !names.iter().any(|listed| listed.eq_ignore_ascii_case(name))
    };
    let mut kept: Vec<_> = match rule {
        QueryKey::All if !sort => return Cow::Borrowed(query),
        QueryKey::All => query.split('&').collect(),
        QueryKey::Drop(names) => query.split('&').filter(|one| !plain(one) || !listed(names, one)).collect(),
        QueryKey::Keep(names) => query.split('&').filter(|one| !is_other(names, one)).collect(),
    };
    let order_is_free = match rule {
        // Spellings that the origin may take for one name can matter in their order as well.
        QueryKey::Keep(names) => kept.iter().all(|one| plain(one) && listed(names, one)),
        QueryKey::All | QueryKey::Drop(_) => false,
    };
    if sort || order_is_free {
        // Stable: the order of equal names can matter to the origin.
        kept.sort_by_key(|parameter| name(parameter));
    }
    Cow::Owned(kept.join("&"))
}

#[cfg(test)]
mod tests {
    use config::model::{ByteSize, KeyParts, ZoneId};
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn policy() -> CachePolicy {
        CachePolicy::of_zone(ZoneId(0), ByteSize(1 << 20))
    }

    fn query(rule: &QueryKey, sent: &str) -> String {
        url(&asked(true, "a", "/p", Some(sent)), &CachePolicy { query: rule.clone(), ..policy() })
    }

    fn asked<'a>(secure: bool, authority: &'a str, path: &'a str, query: Option<&'a str>) -> Asked<'a> {
        Asked { secure, authority, path, query }
    }

    #[test]
    fn hosts_schemes_paths_and_scopes_never_meet() {
        let policy = policy();
        let of = |scope: String, asked| key(&scope, &asked, &policy, &HeaderMap::new());
        let unscoped = |asked| of(scope(None, None), asked);
        let keys = [
            unscoped(asked(true, "a", "/b", None)),
            unscoped(asked(false, "a", "/b", None)),
            unscoped(asked(true, "a:8443", "/b", None)),
            unscoped(asked(true, "b", "/b", None)),
            unscoped(asked(true, "a", "/b", Some("x"))),
            unscoped(asked(true, "a", "/b/", None)),
            of(scope(Some("x"), None), asked(true, "a", "/b", None)),
            of(scope(None, Some("x")), asked(true, "a", "/b", None)),
            of(scope(Some("x"), Some("x")), asked(true, "a", "/b", None)),
        ];
        assert_eq!(keys[0], "https://a/b");
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{key}");
        }
    }

    #[test]
    fn the_route_says_which_parameters_count() {
        let names = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        let drop = QueryKey::Drop(names(&["utm_source"]));
        assert_eq!(query(&drop, "utm_source=x&q=1&utm_source"), "https://a/p?q=1");
        assert_eq!(query(&drop, "utm_source=x"), "https://a/p");
        let keep = QueryKey::Keep(names(&["sort", "page"]));
        assert_eq!(query(&keep, "x=9&sort=a&page=2&sort=b"), "https://a/p?page=2&sort=a&sort=b");
        assert_eq!(query(&QueryKey::All, "b=1&a=2"), "https://a/p?b=1&a=2");
    }

    #[test]
    fn no_parameter_hides_from_the_key() {
        let names = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        let (keep, drop) = (QueryKey::Keep(names(&["page"])), QueryKey::Drop(names(&["utm"])));
        for hidden in ["%70age=2", "x;page=2", "x=1;page=2", "pa+ge=2", "page[]=2", "PAGE=2", "p.age=2", "=page"] {
            assert_ne!(query(&keep, hidden), query(&keep, ""), "{hidden}");
        }
        assert_eq!(query(&keep, "page-size=2&pages&p_age=1"), query(&keep, ""));
        assert_ne!(query(&keep, "PAGE=2&page=1"), query(&keep, "page=1&PAGE=2"), "the last may count");
        assert_ne!(query(&drop, "utm=1;page=2"), query(&drop, "utm=1"));
    }

    #[test]
    fn the_order_of_parameters_counts_unless_the_route_says_otherwise() {
        let sorted = |query: QueryKey, sent| {
            let policy = CachePolicy { query, sort_query: true, ..policy() };
            url(&asked(true, "a", "/p", Some(sent)), &policy)
        };
        assert_eq!(sorted(QueryKey::All, "b=1&a=2&b=0"), "https://a/p?a=2&b=1&b=0");
        assert_eq!(sorted(QueryKey::Drop(vec!["a".to_owned()]), "c=1&b=1&a=2"), "https://a/p?b=1&c=1");
    }

    #[test]
    fn what_the_route_adds_of_a_request_tells_answers_apart() {
        let parts = KeyParts { headers: vec!["x-country".to_owned()], cookies: vec!["ab".to_owned()] };
        let policy = CachePolicy { key: parts, ..policy() };
        let of = |fields: &[(&'static str, &str)]| {
            let field = |(name, value): &(&'static str, &str)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            };
            key("", &asked(true, "a", "/p", None), &policy, &fields.iter().map(field).collect())
        };
        let german = of(&[("x-country", "de"), ("cookie", "sid=1; ab=x y")]);
        assert_eq!(german, "header:x-country=de cookie:ab=x%20y https://a/p");
        assert_eq!(german, of(&[("x-country", "de"), ("cookie", "ab=x y; other=2")]));
        assert_eq!(of(&[]), "header:x-country cookie:ab https://a/p");
        assert_eq!(of(&[("cookie", "ab=1; c=3; ab=2")]), "header:x-country cookie:ab=1%3B2 https://a/p");
        let (long, longer) = ("x".repeat(129), "x".repeat(130));
        let keys = [
            german,
            of(&[]),
            of(&[("x-country", "")]),
            of(&[("x-country", "de cookie:ab=x")]),
            of(&[("x-country", &long)]),
            of(&[("x-country", &longer)]),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key) && key.ends_with(" https://a/p") && key.len() < 200, "{key}");
        }
    }
}
