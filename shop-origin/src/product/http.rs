//! The catalogue's own route: pictures, each under the name of its content. Pages are the storefront's.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;

use super::api::Catalogue;
use crate::web::freshness::{self, Freshness};
use crate::web::problem::Problem;

pub(crate) fn routes(catalogue: Catalogue) -> Router {
    Router::new().route("/media/{name}", get(media)).with_state(catalogue)
}

/// Where a picture is found.
pub(crate) fn media_path(name: &str) -> String {
    format!("/media/{name}.svg")
}

async fn media(State(catalogue): State<Catalogue>, Path(name): Path<String>) -> Result<Response, Problem> {
    let name = name.strip_suffix(".svg").ok_or_else(Problem::not_found)?;
    let found = catalogue.media(name).await.map_err(|error| Problem::fault(&error))?;
    let svg = found.ok_or_else(Problem::not_found)?;
    Ok(freshness::kept(Freshness::Immutable, "image/svg+xml", svg, &[]))
}
