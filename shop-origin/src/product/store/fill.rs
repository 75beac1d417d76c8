//! Fills the tables from a generated catalogue.

use std::collections::HashMap;
use std::io;

use rusqlite::{Transaction, params};

use crate::backing::blob::Blobs;
use crate::backing::db::Fault;
use crate::product::api::Filling;
use crate::product::picture::Picture;
use crate::product::seed::{Catalogue, Category, Product};

/// The names under which a catalogue's pictures are kept.
pub(in crate::product) struct Pictures(HashMap<Picture, String>);

impl Pictures {
    /// Draws every picture once and keeps it.
    pub(in crate::product) fn keep(catalogue: &Catalogue, media: &Blobs) -> io::Result<Pictures> {
        let mut names = HashMap::new();
        let of_categories = catalogue.categories.iter().map(|category| category.picture);
        let of_products = catalogue.products.iter().flat_map(|product| product.pictures.iter().copied());
        for picture in of_categories.chain(of_products) {
            if let std::collections::hash_map::Entry::Vacant(vacant) = names.entry(picture) {
                vacant.insert(media.keep(picture.svg().as_bytes())?);
            }
        }
        Ok(Pictures(names))
    }

    fn name(&self, picture: Picture) -> &str {
        self.0.get(&picture).expect("every picture of the catalogue was kept")
    }
}

pub(in crate::product) fn fill(
    tx: &Transaction<'_>,
    catalogue: &Catalogue,
    pictures: &Pictures,
    seed: u64,
) -> Result<Filling, Fault> {
    let mut insert =
        tx.prepare("INSERT INTO product_category (id, parent, slug, name, media) VALUES (?, ?, ?, ?, ?)")?;
    for category in &catalogue.categories {
        let media = pictures.name(category.picture);
        insert.execute(params![category.id, category.parent, category.slug, category.name, media])?;
    }
    let mut insert = tx.prepare("INSERT INTO product_brand (id, slug, name) VALUES (?, ?, ?)")?;
    for brand in &catalogue.brands {
        insert.execute(params![brand.id, brand.slug, brand.name])?;
    }
    let categories: HashMap<u32, &Category> = catalogue.categories.iter().map(|known| (known.id, known)).collect();
    let brands: HashMap<u32, &str> = catalogue.brands.iter().map(|brand| (brand.id, brand.name.as_str())).collect();
    for product in &catalogue.products {
        insert_product(tx, product, pictures)?;
        let brand = brands.get(&product.brand).copied().unwrap_or_default();
        index_product(tx, product, brand, &category_names(&categories, product.category))?;
    }
    let skus = catalogue.products.iter().map(|product| product.skus.len()).sum::<usize>();
    let filling = Filling { seed, products: catalogue.products.len() as u32, skus: skus as u32 };
    tx.execute(
        "INSERT INTO product_filling (one, seed, products, skus) VALUES (1, ?1, ?2, ?3)",
        params![seed.cast_signed(), filling.products, filling.skus],
    )?;
    Ok(filling)
}

fn insert_product(tx: &Transaction<'_>, product: &Product, pictures: &Pictures) -> Result<(), Fault> {
    let media: Vec<&str> = product.pictures.iter().map(|picture| pictures.name(*picture)).collect();
    let Some(cheapest) = product.skus.iter().min_by_key(|sku| (sku.price_cents, sku.id)) else { return Ok(()) };
    let price_max = product.skus.iter().map(|sku| sku.price_cents).max();
    tx.prepare_cached(
        "INSERT INTO product_product (id, category, brand, title, subtitle, description, attributes, media, popularity,
                                      price_cents, list_price_cents, price_max_cents)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        product.id.cast_signed(),
        product.category,
        product.brand,
        product.title,
        product.subtitle,
        product.description,
        serde_json::to_string(&product.attributes)?,
        serde_json::to_string(&media)?,
        product.popularity,
        cheapest.price_cents,
        cheapest.list_price_cents,
        price_max,
    ])?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO product_sku (id, product, label, options, price_cents, list_price_cents, media)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for sku in &product.skus {
        insert.execute(params![
            sku.id.cast_signed(),
            product.id.cast_signed(),
            sku.label,
            serde_json::to_string(&sku.options)?,
            sku.price_cents,
            sku.list_price_cents,
            media.get(sku.picture).or(media.first()).copied().unwrap_or_default(),
        ])?;
    }
    Ok(())
}

/// The names of groups and departments count as little as an attribute: who looks for coffee does not want all of
/// "Coffee & tea".
fn index_product(tx: &Transaction<'_>, product: &Product, brand: &str, categories: &[&str]) -> Result<(), Fault> {
    let (category, above) = categories.split_first().map_or(("", &[][..]), |(first, rest)| (*first, rest));
    let values: Vec<&str> = product.attributes.iter().map(|(_, value)| value.as_str()).collect();
    let labels: Vec<&str> = product.skus.iter().map(|sku| sku.label.as_str()).collect();
    let attributes = [&[product.subtitle.as_str()], &values[..], &labels, above].concat().join(" ");
    tx.prepare_cached(
        "INSERT INTO product_search (rowid, title, brand, category, attributes) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![product.id.cast_signed(), product.title, brand, category, attributes])?;
    Ok(())
}

/// The category's name, and then those above it.
fn category_names<'a>(categories: &HashMap<u32, &'a Category>, id: u32) -> Vec<&'a str> {
    let path = std::iter::successors(categories.get(&id), |category| categories.get(&category.parent?));
    path.map(|category| category.name.as_str()).collect()
}
