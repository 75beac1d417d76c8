//! Requests that change something must come from our own pages: another site cannot make a visitor's browser act.
//!
//! A second wall beside the cookie's SameSite=Lax (OWASP, Cross-Site Request Forgery Prevention): browsers say where a
//! request comes from in `Sec-Fetch-Site` and `Origin`, which no page can forge. Programs send neither.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method};

use super::problem::Problem;
use crate::outbound::Base;

/// `Err` when a browser says that a changing request comes from elsewhere.
pub(super) fn check(method: &Method, headers: &HeaderMap, public_url: &Base) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let ours = match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        // "none": typed by the visitor.
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            origin == public_url.as_str() || seen_from_outside(headers).is_some_and(|base| base.as_str() == origin)
        }
        (None, None) => true,
    };
    match ours {
        true => Ok(()),
        false => Err(Problem::new(
            http::StatusCode::FORBIDDEN,
            "cross_site",
            "This request came from another site. Please use the shop's own pages.",
        )),
    }
}

/// Where the client thinks it is: as the edge says, else as the request itself does.
pub(crate) fn seen_from_outside(headers: &HeaderMap) -> Option<Base> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("x-forwarded-host").or(text(HOST.as_str()))?;
    let scheme = text("x-forwarded-proto").unwrap_or("http");
    format!("{scheme}://{host}").parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn allowed(method: &Method, headers: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        check(method, &headers, &"https://shop.example".parse().unwrap()).is_ok()
    }

    #[test]
    fn only_our_own_pages_may_change_things() {
        let post = Method::POST;
        assert!(allowed(&post, &[]));
        assert!(allowed(&post, &[("sec-fetch-site", "same-origin")]));
        assert!(allowed(&post, &[("origin", "https://shop.example")]));
        assert!(allowed(&post, &[("origin", "http://127.0.0.1:9101"), ("host", "127.0.0.1:9101")]));
        let edge = [("x-forwarded-host", "localhost:8443"), ("x-forwarded-proto", "https"), ("host", "127.0.0.1:9101")];
        assert!(allowed(&post, &[&edge[..], &[("origin", "https://localhost:8443")]].concat()));

        assert!(!allowed(&post, &[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example")]));
        assert!(!allowed(&post, &[("sec-fetch-site", "same-site")]));
        assert!(!allowed(&post, &[("origin", "https://evil.example"), ("host", "shop.example")]));
        assert!(!allowed(&post, &[("origin", "null")]));
        assert!(allowed(&Method::GET, &[("sec-fetch-site", "cross-site")]));
    }
}
