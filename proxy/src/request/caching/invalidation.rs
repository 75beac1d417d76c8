//! What a request that changes something makes of stored answers (RFC 9111 s4.4).

use http::{HeaderMap, Method, StatusCode, header};

use crate::request::identify::path;

/// Where a request went: what relative references are relative to, and what other URLs are compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) secure: bool,
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
}

/// A URL of the same origin whose answers are no longer good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outdated {
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

/// Whether an answer says that something was, or may have been, changed: the method is none that is known to be safe, and
/// the answer no error.
pub(crate) fn changes(method: &Method, status: StatusCode) -> bool {
    !method.is_safe() && (status.is_success() || status.is_redirection())
}

/// The URLs beside its own that an answer names as changed: those in `Location` and `Content-Location`, if they are of the
/// same origin; nobody may empty the cache of another.
pub(crate) fn named(target: Target<'_>, answer: &HeaderMap) -> Vec<Outdated> {
    let fields = [header::LOCATION, header::CONTENT_LOCATION];
    let named = fields.iter().filter_map(|name| resolve(target, answer.get(name)?.to_str().ok()?));
    named.collect()
}

/// Resolves a reference (RFC 3986 s5.2); `None` if it leads to another origin, or nowhere.
fn resolve(target: Target<'_>, reference: &str) -> Option<Outdated> {
    let reference = reference.split('#').next()?.trim();
    let own_scheme = if target.secure { "https" } else { "http" };
    let after_scheme = match reference.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => scheme.eq_ignore_ascii_case(own_scheme).then_some(rest)?,
        _ => match reference.strip_prefix("//") {
            Some(rest) => rest,
            None => return within(target, reference),
        },
    };
    let end = after_scheme.find(['/', '?']).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at(end);
    let plain = |authority: &str| {
        let default = if target.secure { ":443" } else { ":80" };
        authority.strip_suffix(default).unwrap_or(authority).to_ascii_lowercase()
    };
    (plain(authority) == plain(target.authority)).then_some(())?;
    within(target, if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }.as_str())
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A reference without scheme and host.
fn within(target: Target<'_>, reference: &str) -> Option<Outdated> {
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (reference, None),
    };
    let folder = target.path.rfind('/').map_or("/", |at| &target.path[..=at]);
    let path = match path {
        "" => target.path.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        // Such as `mailto:x`.
        path if path.split('/').next().is_some_and(|first| first.contains(':')) => return None,
        path => format!("{folder}{path}"),
    };
    Some(Outdated { path: path::normalise(&path).ok()?.into_owned(), query })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_went_well_and_is_not_safe_changes_anything() {
        let changes = |method: &[u8], status| {
            changes(&Method::from_bytes(method).unwrap(), StatusCode::from_u16(status).unwrap())
        };
        for method in ["POST", "PUT", "DELETE", "PATCH", "FROBNICATE"] {
            let method = method.as_bytes();
            assert!(changes(method, 200) && changes(method, 204) && changes(method, 303));
            assert!(!changes(method, 404) && !changes(method, 500));
        }
        assert!(!changes(b"GET", 200) && !changes(b"HEAD", 200) && !changes(b"OPTIONS", 200));
    }

    #[test]
    fn references_of_the_same_origin_alone() {
        let target = Target { secure: true, authority: "shop.example", path: "/cart/items" };
        let outdated =
            |path: &str, query: Option<&str>| Some(Outdated { path: path.to_owned(), query: query.map(str::to_owned) });
        for (reference, expected) in [
            ("/a", outdated("/a", None)),
            ("/a/../b?x=1#part", outdated("/b", Some("x=1"))),
            ("https://shop.example/a", outdated("/a", None)),
            ("HTTPS://Shop.Example:443/a", outdated("/a", None)),
            ("https://shop.example?x", outdated("/", Some("x"))),
            ("//shop.example/a", outdated("/a", None)),
            ("7", outdated("/cart/7", None)),
            ("../a", outdated("/a", None)),
            ("?page=2", outdated("/cart/items", Some("page=2"))),
            ("", outdated("/cart/items", None)),
            ("http://shop.example/a", None),
            ("https://other.example/a", None),
            ("https://shop.example:8443/a", None),
            ("https://shop.example@other.example/a", None),
            ("//other.example/a", None),
            ("mailto:x", None),
            ("/a%00", None),
        ] {
            assert_eq!(resolve(target, reference), expected, "{reference}");
        }
    }
}
