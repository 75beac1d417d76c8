//! How long an answer may be kept, and by whom: the only place that sets caching headers.
//!
//! `Cache-Control` speaks to browsers, which ask again each time (an ETag makes that cheap), because nobody can purge
//! them. `CDN-Cache-Control` (RFC 9213) speaks to the edge, which keeps a page, may serve it a little stale while it
//! fetches a new one, and for long when the shop does not answer. Answers name their tags, but nothing here purges by them:
//! a change is seen when the answers that show it have grown old.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderName, HeaderValue};

use super::conditional::etag;
use super::surrogate::{self, Tag};

const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// What kind of answer it is, as far as keeping it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Home, category and product pages: the same for everybody.
    Page,
    /// Results of a search: too many different ones to be worth keeping for long.
    Search,
    /// Price and stock of now, the same for everybody.
    Offer,
    /// Named by its content, and so never different.
    Immutable,
    /// Nothing is here; soon there may be.
    Missing,
    /// For one visitor, or true only now.
    Personal,
    /// For no visitor at all.
    Never,
}

impl Freshness {
    fn for_browsers(self) -> &'static str {
        match self {
            Freshness::Page | Freshness::Search | Freshness::Offer | Freshness::Missing => {
                "public, max-age=0, must-revalidate"
            }
            Freshness::Immutable => "public, max-age=31536000, immutable",
            Freshness::Personal => "private, no-store",
            Freshness::Never => "no-store",
        }
    }

    fn for_the_edge(self) -> Option<&'static str> {
        match self {
            Freshness::Page => Some("max-age=60, stale-while-revalidate=300, stale-if-error=86400"),
            Freshness::Search => Some("max-age=30, stale-while-revalidate=60, stale-if-error=3600"),
            // A price may be this old on a page; a checkout compares it with the one of that moment.
            Freshness::Offer => Some("max-age=2, stale-while-revalidate=2, stale-if-error=60"),
            Freshness::Missing => Some("max-age=10"),
            Freshness::Immutable | Freshness::Personal | Freshness::Never => None,
        }
    }
}

/// An answer that may be kept: with an ETag over its body, and the tags under which it can be purged.
pub(crate) fn kept(
    freshness: Freshness,
    content_type: &'static str,
    body: impl Into<Vec<u8>>,
    tags: &[Tag],
) -> Response {
    let body = body.into();
    let etag = etag(&body);
    let mut response = Body::from(body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(ETAG, etag);
    headers.extend(surrogate::header(tags));
    stamp(&mut response, freshness);
    response
}

/// Says how long `response` may be kept, whatever it said before.
pub(crate) fn stamp(response: &mut Response, freshness: Freshness) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(freshness.for_browsers()));
    match freshness.for_the_edge() {
        Some(value) => headers.insert(CDN_CACHE_CONTROL, HeaderValue::from_static(value)),
        None => headers.remove(CDN_CACHE_CONTROL),
    };
}

/// Whether somebody has decided already.
pub(crate) fn is_stamped(response: &Response) -> bool {
    response.headers().contains_key(CACHE_CONTROL)
}
