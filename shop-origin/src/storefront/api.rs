//! The catalogue as JSON: lists, kept as search pages are, and products, kept no longer than an offer.
//!
//! A page that is kept is brought up to date by its script; a program that reads a product has nothing but this answer. A
//! list says what a product costs, not whether there is any, and may say it as late as a page of results does.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;

use super::browse::tags;
use super::listing::Selection;
use super::{JSON, Storefront};
use crate::product::api::{Card, Sku};
use crate::product::media_path;
use crate::web::freshness::{self, Freshness};
use crate::web::input::Params;
use crate::web::pages::Stock;
use crate::web::problem::Problem;
use crate::web::surrogate::Tag;

pub(super) async fn products(State(front): State<Storefront>, Params(params): Params) -> Result<Response, Problem> {
    let dictionary = front.catalogue.dictionary().await?;
    let selection = Selection::in_search(&params, &dictionary)?;
    let found = selection.find(&front.catalogue).await?;
    let tags = tags(&[Tag::Search], &[&found]);
    let product = |card: &Card| {
        json!({
            "id": card.id,
            "title": card.title,
            "subtitle": card.subtitle,
            "brand": dictionary.brands.get(&card.brand).map(|brand| &brand.slug),
            "category": dictionary.category(card.category).map(|category| &category.slug),
            "price_cents": card.price,
            "list_price_cents": card.list_price,
            "picture": media_path(&card.media),
        })
    };
    let products: Vec<_> = found.cards.iter().map(product).collect();
    let paging = selection.paging();
    let (page, pages) = (paging.page, paging.pages(found.total));
    let body = json!({"products": products, "total": found.total, "page": page, "pages": pages}).to_string();
    Ok(freshness::kept(Freshness::Search, JSON, body, &tags))
}

pub(super) async fn product(State(front): State<Storefront>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (product, stock) = front.product(&id).await?;
    let dictionary = front.catalogue.dictionary().await?;
    let sku = |(sku, stock): (&Sku, &Stock)| {
        json!({
            "sku": sku.id,
            "label": sku.label,
            "options": sku.options.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "price_cents": sku.price,
            "list_price_cents": sku.list_price,
            "stock": stock.state(),
        })
    };
    let body = json!({
        "id": product.id,
        "title": product.title,
        "subtitle": product.subtitle,
        "description": product.description,
        "brand": dictionary.brands.get(&product.brand).map(|brand| &brand.slug),
        "category": dictionary.category(product.category).map(|category| &category.slug),
        "attributes": product.attributes.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "pictures": product.media.iter().map(|name| media_path(name)).collect::<Vec<_>>(),
        "skus": product.skus.iter().zip(&stock).map(sku).collect::<Vec<_>>(),
    });
    let tags = [Tag::Product(product.id), Tag::Category(product.category)];
    Ok(freshness::kept(Freshness::Offer, JSON, body.to_string(), &tags))
}
