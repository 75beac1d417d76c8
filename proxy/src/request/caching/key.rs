//! Under which key an answer is kept: scheme, host and path in one spelling, and the query as the route says.

use std::borrow::Cow;

use config::model::QueryKey;

/// The key of a request. It reads as a URL: the parts cannot run into each other, because a host that was identified
/// holds no slash and a path no question mark.
pub(crate) fn key(secure: bool, authority: &str, path: &str, query: Option<&str>, rule: &QueryKey) -> String {
    let scheme = if secure { "https" } else { "http" };
    let mut key = String::with_capacity(scheme.len() + 3 + authority.len() + path.len() + 32);
    key.extend([scheme, "://", authority, path]);
    if let Some(query) = query.map(|query| keyed_query(query, rule)).filter(|query| !query.is_empty()) {
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
        key(true, "a", "/p", Some(sent), rule)
    }

    #[test]
    fn hosts_schemes_and_paths_never_meet() {
        let all = &QueryKey::All;
        let keys = [
            key(true, "a", "/b", None, all),
            key(false, "a", "/b", None, all),
            key(true, "a:8443", "/b", None, all),
            key(true, "b", "/b", None, all),
            key(true, "a", "/b", Some("x"), all),
            key(true, "a", "/b/", None, all),
        ];
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
