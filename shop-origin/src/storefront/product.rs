//! One product: its page, which is kept, and its price and stock of now, which are not kept for long.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;

use super::browse::{crumbs, tags};
use super::{HTML, JSON, Storefront, list_price};
use crate::product::api::{Listing, Paging, Product, ProductId, Sku, Sort};
use crate::product::media_path;
use crate::shopping::api::Quantity;
use crate::web::freshness::{self, Freshness};
use crate::web::pages::{Image, Link, ProductPage, Stock, Variant};
use crate::web::problem::Problem;
use crate::web::site::html;
use crate::web::surrogate::Tag;

/// One more than are shown: the product itself may be among them.
const RELATED: u32 = 6;

pub(super) async fn page(State(front): State<Storefront>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (product, stock) = front.product(&id).await?;
    let dictionary = front.catalogue.dictionary().await?;
    let paging = Paging { page: 1, size: RELATED };
    let category = Some(product.category);
    let wanted = Listing { terms: None, category, brand: None, sort: Sort::Popular, paging };
    let mut related = front.catalogue.list(wanted).await?;
    related.cards.retain(|card| card.id != product.id);
    related.cards.truncate(RELATED as usize - 1);
    let tags = tags(&[Tag::Product(product.id), Tag::Category(product.category)], &[&related]);
    let brand = dictionary.brands.get(&product.brand);
    let mut frame = front.site.frame(product.title.clone()).await;
    frame.description.clone_from(&product.subtitle);
    let variant = |(sku, stock): (&Sku, &Stock)| Variant {
        sku: sku.id,
        label: sku.label.clone(),
        price: sku.price,
        list_price: list_price(sku.price, sku.list_price),
        stock: *stock,
        picture: product.media.iter().position(|name| *name == sku.media).unwrap_or(0),
    };
    let page = ProductPage {
        frame,
        id: product.id,
        brand: brand.map_or_else(Link::default, |brand| Link {
            label: brand.name.clone(),
            href: format!("/search?brand={}", brand.slug),
        }),
        crumbs: crumbs(&dictionary, product.category),
        pictures: pictures(&product),
        variants: product.skus.iter().zip(&stock).map(variant).collect(),
        title: product.title,
        subtitle: product.subtitle,
        description: product.description,
        attributes: product.attributes,
        quantity_max: Quantity::MAX,
        related: front.cards(related.cards).await?,
    };
    Ok(freshness::kept(Freshness::Page, HTML, html(&page).0, &tags))
}

/// As the product page's script reads it.
pub(super) async fn offer(State(front): State<Storefront>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (product, stock) = front.product(&id).await?;
    let sku = |(sku, stock): (&Sku, &Stock)| {
        json!({
            "sku": sku.id,
            "price": sku.price.to_string(),
            "price_cents": sku.price,
            "list_price": list_price(sku.price, sku.list_price).map(|before| before.to_string()),
            "stock": stock.state(),
            "stock_text": stock.to_string(),
        })
    };
    let skus: Vec<_> = product.skus.iter().zip(&stock).map(sku).collect();
    let body = json!({"product": product.id, "skus": skus}).to_string();
    Ok(freshness::kept(Freshness::Offer, JSON, body, &[Tag::Product(product.id)]))
}

impl Storefront {
    /// A product and the stock of each of its SKUs. What is no product's id is no product.
    pub(super) async fn product(&self, id: &str) -> Result<(Product, Vec<Stock>), Problem> {
        let id: ProductId = id.parse().map_err(|_not_an_id| Problem::not_found())?;
        let product = self.catalogue.product(id).await?.ok_or_else(Problem::not_found)?;
        let available = self.shopping.available(product.skus.iter().map(|sku| sku.id).collect()).await?;
        let stock = |sku: &Sku| Stock::of(available.get(&sku.id).copied().unwrap_or(0));
        let stock = product.skus.iter().map(stock).collect();
        Ok((product, stock))
    }
}

fn pictures(product: &Product) -> Vec<Image> {
    let picture = |(place, name): (usize, &String)| {
        let alt = if place == 0 { product.title.clone() } else { format!("{}, view {}", product.title, place + 1) };
        Image { src: media_path(name), alt }
    };
    product.media.iter().enumerate().map(picture).collect()
}
