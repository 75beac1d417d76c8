//! The pages that everybody sees alike: home, categories, search, products, and the same as JSON.
//!
//! They show the catalogue together with the stock, which belong to two subsystems that do not know each other in this
//! direction; so they stand above both. Nothing personal is in them: the edge keeps them for all.

mod browse;
mod listing;
mod product;
mod api;

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;

use crate::money::Cents;
use crate::product::api::{Card as FoundCard, Catalogue};
use crate::product::media_path;
use crate::shopping::api::Shopping;
use crate::web::assets;
use crate::web::freshness::{self, Freshness};
use crate::web::pages::{Card, Image};
use crate::web::problem::Problem;
use crate::web::site::Site;

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// What the pages are made from.
#[derive(Clone)]
pub(crate) struct Storefront {
    pub(crate) site: Site,
    pub(crate) catalogue: Catalogue,
    pub(crate) shopping: Shopping,
}

pub(crate) fn routes(storefront: Storefront) -> Router {
    Router::new()
        .route("/", get(browse::home))
        .route("/category/{slug}", get(browse::category))
        .route("/search", get(browse::search))
        .route("/product/{id}", get(product::page))
        .route("/product/{id}/offer", get(product::offer))
        .route("/api/products", get(api::products))
        .route("/api/products/{id}", get(api::product))
        .route("/assets/{name}", get(asset))
        .with_state(storefront)
}

async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let (content_type, bytes) = assets::find(&name).ok_or_else(Problem::not_found)?;
    Ok(freshness::kept(Freshness::Immutable, content_type, bytes, &[]))
}

impl Storefront {
    /// Products of a list as the grid shows them.
    async fn cards(&self, found: Vec<FoundCard>) -> Result<Vec<Card>, Problem> {
        let sold_out = self.shopping.sold_out(found.iter().map(|card| card.id).collect()).await?;
        let card = |card: FoundCard| Card {
            href: format!("/product/{}", card.id),
            picture: Image { src: media_path(&card.media), alt: card.title.clone() },
            title: card.title,
            subtitle: card.subtitle,
            price: card.price,
            list_price: list_price(card.price, card.list_price),
            from: card.price_varies,
            sold_out: sold_out.contains(&card.id),
        };
        Ok(found.into_iter().map(card).collect())
    }
}

/// What it cost before, if that was more.
fn list_price(price: Cents, list_price: Cents) -> Option<Cents> {
    (list_price > price).then_some(list_price)
}
