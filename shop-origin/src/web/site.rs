//! What all pages share: where the shop stands, what surrounds a page, and pages for one visitor.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::freshness::{self, Freshness};
use super::pages::{Frame, Link};
use super::same_origin::seen_from_outside;
use crate::outbound::Base;
use crate::product::api::Catalogue;

/// Facts about the whole shop.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) public_url: Base,
    /// Forms lead there, which a browser must be told.
    pub(crate) payment_provider: Base,
    pub(crate) catalogue: Catalogue,
}

impl Site {
    /// Whether cookies are for TLS alone.
    pub(crate) fn secure(&self) -> bool {
        self.public_url.is_https()
    }

    /// The frame of a page. The shop's departments are shown if they can be read; a page is not lost for want of them.
    pub(crate) async fn frame(&self, title: impl Into<String>) -> Frame {
        let departments = match self.catalogue.dictionary().await {
            Ok(dictionary) => dictionary
                .children(None)
                .map(|top| Link { label: top.name.clone(), href: format!("/category/{}", top.slug) })
                .collect(),
            Err(fault) => {
                tracing::warn!(error = &*fault as &dyn std::error::Error, "a page is served without departments");
                Vec::new()
            }
        };
        Frame { title: title.into(), departments, ..Frame::default() }
    }

    /// The shop's address as this client knows it.
    pub(crate) fn base_for(&self, headers: &HeaderMap) -> Base {
        let through_the_edge = headers.contains_key("x-forwarded-host");
        let seen = seen_from_outside(headers).filter(|_| through_the_edge);
        seen.unwrap_or_else(|| self.public_url.clone())
    }
}

/// A page for one visitor.
pub(crate) fn personal(status: StatusCode, page: &impl Template) -> Response {
    let mut response = (status, html(page)).into_response();
    freshness::stamp(&mut response, Freshness::Personal);
    response
}

/// Renders a page. The templates are compiled and write to memory: they cannot fail for anything in the data.
pub(crate) fn html(page: &impl Template) -> Html<String> {
    Html(page.render().expect("a compiled template renders"))
}
