//! Pieces on hand. Every change is one conditional `UPDATE`: nothing is read first and written later (invariant I1).

use std::collections::{HashMap, HashSet};

use rusqlite::{Transaction, params};

use crate::backing::db::{Fault, unsigned};
use crate::product::api::{ProductId, SkuId};
use crate::shopping::rules::{Quantity, StockEffect};

/// Does `effect` to a SKU, or nothing and says `false` when there are too few pieces for it.
pub(in crate::shopping) fn apply(
    tx: &Transaction<'_>,
    effect: StockEffect,
    sku: SkuId,
    quantity: Quantity,
) -> Result<bool, Fault> {
    let sql = match effect {
        StockEffect::Reserve => {
            "UPDATE shopping_stock SET available = available - ?2, reserved = reserved + ?2
             WHERE sku = ?1 AND available >= ?2"
        }
        StockEffect::Sell => {
            "UPDATE shopping_stock SET reserved = reserved - ?2, sold = sold + ?2 WHERE sku = ?1 AND reserved >= ?2"
        }
        StockEffect::Release => {
            "UPDATE shopping_stock SET reserved = reserved - ?2, available = available + ?2
             WHERE sku = ?1 AND reserved >= ?2"
        }
    };
    Ok(tx.prepare_cached(sql)?.execute(params![sku.cast_signed(), quantity.pieces()])? == 1)
}

/// Brings a SKU's first pieces in; a SKU that is known keeps what it has.
pub(in crate::shopping) fn supply(
    tx: &Transaction<'_>,
    product: ProductId,
    sku: SkuId,
    pieces: u32,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO shopping_stock (sku, product, supplied, available, reserved, sold) VALUES (?1, ?2, ?3, ?3, 0, 0)
         ON CONFLICT (sku) DO NOTHING",
    )?
    .execute(params![sku.cast_signed(), product.cast_signed(), pieces])?;
    Ok(())
}

/// What can be bought now, for those of `skus` that are known.
pub(in crate::shopping) fn available(tx: &Transaction<'_>, skus: &[SkuId]) -> Result<HashMap<SkuId, u32>, Fault> {
    let mut statement = tx.prepare_cached("SELECT sku, available FROM shopping_stock WHERE sku = ?1")?;
    let mut available = HashMap::with_capacity(skus.len());
    for sku in skus {
        let rows = statement.query_map([sku.cast_signed()], |row| Ok((unsigned(row, 0)?, row.get(1)?)))?;
        for row in rows {
            available.extend([row?]);
        }
    }
    Ok(available)
}

/// Those of `products` of which nothing is left.
pub(in crate::shopping) fn sold_out(tx: &Transaction<'_>, products: &[ProductId]) -> Result<HashSet<ProductId>, Fault> {
    let sql = "SELECT product FROM shopping_stock WHERE product = ?1 GROUP BY product HAVING max(available) = 0";
    let mut statement = tx.prepare_cached(sql)?;
    let mut sold_out = HashSet::new();
    for product in products {
        for row in statement.query_map([product.cast_signed()], |row| unsigned(row, 0))? {
            sold_out.insert(row?);
        }
    }
    Ok(sold_out)
}
