//! Under which key an answer is kept: scheme, host and path in one spelling, the query as the route says, and which of
//! several possible answers it is.

use std::borrow::Cow;

use config::model::{QueryKey, Route};

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

/// The key of a request: its scope, then what reads as a URL. The parts cannot run into each other, because names and
/// URLs hold no blank, a host that was identified no slash and a path no question mark.
pub(crate) fn key(scope: &str, asked: &Asked<'_>, rule: &QueryKey) -> String {
    let scheme = if asked.secure { "https" } else { "http" };
    let length = scope.len() + scheme.len() + 3 + asked.authority.len() + asked.path.len() + 32;
    let mut key = String::with_capacity(length);
    key.extend([scope, scheme, "://", asked.authority, asked.path]);
    if let Some(query) = asked.query.map(|query| keyed_query(query, rule)).filter(|query| !query.is_empty()) {
        key.push('?');
        key.push_str(&query);
    }
    key
}

/// The part of a query that belongs to the key. The whole query goes to the origin, so only what the origin cannot
/// read as anything else may be left out: a parameter that could hide another name, by percent-encoding it or by `;`
/// (which some take for `&`), always belongs to the key. That costs a miss and never serves the wrong thing.
fn keyed_query<'q>(query: &'q str, rule: &QueryKey) -> Cow<'q, str> {
    let name = |parameter: &'q str| parameter.split_once('=').map_or(parameter, |(name, _)| name);
    let plain = |parameter: &'q str| !name(parameter).contains(['%', '+']) && !parameter.contains(';');
    match rule {
        QueryKey::All => Cow::Borrowed(query),
        QueryKey::Drop(names) => {
            let dropped = |parameter: &&'q str| plain(parameter) && names.iter().any(|drop| drop == name(parameter));
            Cow::Owned(query.split('&').filter(|parameter| !dropped(parameter)).collect::<Vec<_>>().join("&"))
        }
        QueryKey::Keep(names) => {
            let keeps = |parameter: &&'q str| !plain(parameter) || names.iter().any(|keep| keep == name(parameter));
            let mut kept: Vec<_> = query.split('&').filter(keeps).collect();
            // Stable: the order of equal names can matter to the origin, that of different names does not.
            kept.sort_by_key(|parameter| name(parameter));
            Cow::Owned(kept.join("&"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(rule: &QueryKey, sent: &str) -> String {
        key("", &asked(true, "a", "/p", Some(sent)), rule)
    }

    fn asked<'a>(secure: bool, authority: &'a str, path: &'a str, query: Option<&'a str>) -> Asked<'a> {
        Asked { secure, authority, path, query }
    }

    #[test]
    fn hosts_schemes_paths_and_scopes_never_meet() {
        let all = &QueryKey::All;
        let of = |scope: String, asked| key(&scope, &asked, all);
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
        for hidden in ["%70age=2", "x;page=2", "x=1;page=2", "pa+ge=2"] {
            assert_ne!(query(&keep, hidden), query(&keep, ""), "{hidden}");
        }
        assert_ne!(query(&drop, "utm=1;page=2"), query(&drop, "utm=1"));
    }
}
