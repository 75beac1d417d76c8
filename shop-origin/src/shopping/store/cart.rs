//! Lines in carts.

use rusqlite::{OptionalExtension, Transaction, params};

use crate::backing::db::{Fault, unsigned};
use crate::clock::Timestamp;
use crate::product::api::SkuId;
use crate::shopping::rules::Quantity;

/// Lines removed in one transaction, so that a purge never holds the lock for long.
const PURGE_MAX: u32 = 1000;

/// A cart's lines in the order of their SKUs.
pub(in crate::shopping) fn lines(tx: &Transaction<'_>, owner: &str) -> Result<Vec<(SkuId, Quantity)>, Fault> {
    let mut statement =
        tx.prepare_cached("SELECT sku, quantity FROM shopping_cart_line WHERE owner = ?1 ORDER BY sku")?;
    let rows = statement.query_map([owner], |row| Ok((unsigned(row, 0)?, row.get::<_, u32>(1)?)))?;
    let mut lines = Vec::new();
    for row in rows {
        let (sku, pieces) = row?;
        let quantity = Quantity::new(pieces).ok_or_else(|| Fault::Corrupt(format!("{pieces} pieces in a cart")))?;
        lines.push((sku, quantity));
    }
    Ok(lines)
}

pub(in crate::shopping) fn pieces(tx: &Transaction<'_>, owner: &str) -> Result<u32, Fault> {
    let sql = "SELECT coalesce(sum(quantity), 0) FROM shopping_cart_line WHERE owner = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([owner], |row| row.get(0))?)
}

pub(in crate::shopping) fn quantity(tx: &Transaction<'_>, owner: &str, sku: SkuId) -> Result<Option<Quantity>, Fault> {
    let sql = "SELECT quantity FROM shopping_cart_line WHERE owner = ?1 AND sku = ?2";
    let found = tx.prepare_cached(sql)?.query_row(params![owner, sku.cast_signed()], |row| row.get(0)).optional()?;
    Ok(found.and_then(Quantity::new))
}

pub(in crate::shopping) fn set(
    tx: &Transaction<'_>,
    owner: &str,
    sku: SkuId,
    quantity: Quantity,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO shopping_cart_line (owner, sku, quantity, changed_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (owner, sku) DO UPDATE SET quantity = excluded.quantity, changed_ms = excluded.changed_ms",
    )?
    .execute(params![owner, sku.cast_signed(), quantity.pieces(), now])?;
    Ok(())
}

pub(in crate::shopping) fn remove(tx: &Transaction<'_>, owner: &str, sku: SkuId) -> Result<(), Fault> {
    let sql = "DELETE FROM shopping_cart_line WHERE owner = ?1 AND sku = ?2";
    tx.prepare_cached(sql)?.execute(params![owner, sku.cast_signed()])?;
    Ok(())
}

pub(in crate::shopping) fn empty(tx: &Transaction<'_>, owner: &str) -> Result<(), Fault> {
    tx.prepare_cached("DELETE FROM shopping_cart_line WHERE owner = ?1")?.execute([owner])?;
    Ok(())
}

/// Moves all lines of one cart into another, adding up what is in both; quantities stop at their limit.
pub(in crate::shopping) fn merge(tx: &Transaction<'_>, from: &str, into: &str, now: Timestamp) -> Result<(), Fault> {
    for (sku, more) in lines(tx, from)? {
        let quantity = quantity(tx, into, sku)?.map_or(more, |there| there.plus(more));
        set(tx, into, sku, quantity, now)?;
    }
    empty(tx, from)
}

/// Removes lines that nobody has touched since `before`, a bounded number at a time.
pub(in crate::shopping) fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize, Fault> {
    let sql = "DELETE FROM shopping_cart_line WHERE (owner, sku) IN
                   (SELECT owner, sku FROM shopping_cart_line WHERE changed_ms < ?1 LIMIT ?2)";
    Ok(tx.prepare_cached(sql)?.execute(params![before, PURGE_MAX])?)
}
