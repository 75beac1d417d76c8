//! The catalogue's tables.

mod fill;
mod search;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction};

use super::api::{Brand, Category, Dictionary, Filling, Offer, Product, ProductId, Sku, SkuId};
use crate::backing::db::{Fault, Schema, json, unsigned};

pub(super) use fill::{Pictures, fill};
pub(super) use search::list;

pub(crate) const SCHEMA: Schema = Schema {
    owner: "product",
    steps: &["
CREATE TABLE product_category (
    id INTEGER PRIMARY KEY,
    parent INTEGER REFERENCES product_category (id),
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    media TEXT NOT NULL
) STRICT;
CREATE TABLE product_brand (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
) STRICT;
CREATE TABLE product_product (
    id INTEGER PRIMARY KEY,
    category INTEGER NOT NULL REFERENCES product_category (id),
    brand INTEGER NOT NULL REFERENCES product_brand (id),
    title TEXT NOT NULL,
    subtitle TEXT NOT NULL,
    description TEXT NOT NULL,
    attributes TEXT NOT NULL,
    media TEXT NOT NULL,
    popularity REAL NOT NULL,
    -- Of the cheapest SKU, kept by the triggers below so that lists sort by an index.
    price_cents INTEGER NOT NULL,
    list_price_cents INTEGER NOT NULL,
    price_max_cents INTEGER NOT NULL
) STRICT;
CREATE INDEX product_by_category ON product_product (category, popularity);
CREATE INDEX product_by_brand ON product_product (brand, popularity);
CREATE INDEX product_by_popularity ON product_product (popularity);
CREATE TABLE product_sku (
    id INTEGER PRIMARY KEY,
    product INTEGER NOT NULL REFERENCES product_product (id),
    label TEXT NOT NULL,
    options TEXT NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents BETWEEN 1 AND 99999999),
    list_price_cents INTEGER NOT NULL CHECK (list_price_cents >= price_cents),
    media TEXT NOT NULL
) STRICT;
CREATE INDEX product_sku_of ON product_sku (product);
CREATE TRIGGER product_sku_repriced AFTER UPDATE OF price_cents, list_price_cents ON product_sku BEGIN
    UPDATE product_product SET (price_cents, list_price_cents, price_max_cents) =
        (SELECT price_cents, list_price_cents, (SELECT max(price_cents) FROM product_sku WHERE product = new.product)
         FROM product_sku WHERE product = new.product ORDER BY price_cents, id LIMIT 1)
    WHERE id = new.product;
END;
-- Pieces of three letters: finds parts of words in any language, and needs no list of stop words.
CREATE VIRTUAL TABLE product_search USING fts5 (
    title, brand, category, attributes,
    content = '', contentless_delete = 1, tokenize = 'trigram remove_diacritics 1'
);
CREATE TABLE product_filling (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seed INTEGER NOT NULL,
    products INTEGER NOT NULL,
    skus INTEGER NOT NULL
) STRICT;
"],
};

pub(super) fn dictionary(tx: &Transaction<'_>) -> Result<Dictionary, Fault> {
    let mut categories = tx.prepare_cached("SELECT id, parent, slug, name, media FROM product_category ORDER BY id")?;
    let categories = categories.query_map([], |row| {
        Ok(Category { id: row.get(0)?, parent: row.get(1)?, slug: row.get(2)?, name: row.get(3)?, media: row.get(4)? })
    })?;
    let mut brands = tx.prepare_cached("SELECT id, slug, name FROM product_brand")?;
    let brands = brands.query_map([], |row| {
        let id = row.get(0)?;
        Ok((id, Brand { id, slug: row.get(1)?, name: row.get(2)? }))
    })?;
    Ok(Dictionary { categories: categories.collect::<Result<_, _>>()?, brands: brands.collect::<Result<_, _>>()? })
}

pub(super) fn product(tx: &Transaction<'_>, id: ProductId) -> Result<Option<Product>, Fault> {
    let Ok(key) = i64::try_from(id) else { return Ok(None) };
    let sql =
        "SELECT category, brand, title, subtitle, description, attributes, media FROM product_product WHERE id = ?1";
    let found = tx
        .prepare_cached(sql)?
        .query_row([key], |row| {
            Ok(Product {
                id,
                category: row.get(0)?,
                brand: row.get(1)?,
                title: row.get(2)?,
                subtitle: row.get(3)?,
                description: row.get(4)?,
                attributes: json(row, 5)?,
                media: json(row, 6)?,
                skus: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut product) = found else { return Ok(None) };
    let sql = "SELECT id, label, options, price_cents, list_price_cents, media FROM product_sku
               WHERE product = ?1 ORDER BY id";
    let mut skus = tx.prepare_cached(sql)?;
    let skus = skus.query_map([key], |row| {
        Ok(Sku {
            id: unsigned(row, 0)?,
            label: row.get(1)?,
            options: json(row, 2)?,
            price: row.get(3)?,
            list_price: row.get(4)?,
            media: row.get(5)?,
        })
    })?;
    product.skus = skus.collect::<Result<_, _>>()?;
    Ok(Some(product))
}

pub(super) fn offers(tx: &Transaction<'_>, skus: &[SkuId]) -> Result<HashMap<SkuId, Offer>, Fault> {
    let sql = "SELECT s.id, s.product, p.title, s.label, s.price_cents, s.list_price_cents, s.media
               FROM product_sku s JOIN product_product p ON p.id = s.product WHERE s.id = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let mut offers = HashMap::with_capacity(skus.len());
    for key in skus.iter().filter_map(|sku| i64::try_from(*sku).ok()) {
        let offer = statement.query_row([key], |row| {
            Ok(Offer {
                sku: unsigned(row, 0)?,
                product: unsigned(row, 1)?,
                title: row.get(2)?,
                label: row.get(3)?,
                price: row.get(4)?,
                list_price: row.get(5)?,
                media: row.get(6)?,
            })
        });
        if let Some(offer) = offer.optional()? {
            offers.insert(offer.sku, offer);
        }
    }
    Ok(offers)
}

pub(super) fn filling(tx: &Transaction<'_>) -> Result<Option<Filling>, Fault> {
    let found = tx.query_row("SELECT seed, products, skus FROM product_filling", [], |row| {
        Ok(Filling { seed: row.get::<_, i64>(0)?.cast_unsigned(), products: row.get(1)?, skus: row.get(2)? })
    });
    Ok(found.optional()?)
}
