//! What a checkout was answered, by its key (invariant I3).

use rusqlite::{OptionalExtension, Transaction, params};

use crate::backing::db::Fault;
use crate::clock::Timestamp;
use crate::membership::api::MemberId;

/// An answer that was given, and the request it was given to.
pub(in crate::shopping) struct Answered {
    pub(in crate::shopping) request_hash: String,
    pub(in crate::shopping) response: String,
}

pub(in crate::shopping) fn answered(
    tx: &Transaction<'_>,
    member: MemberId,
    key: &str,
) -> Result<Option<Answered>, Fault> {
    let sql = "SELECT request_hash, response FROM shopping_checkout WHERE member = ?1 AND key = ?2";
    Ok(tx
        .prepare_cached(sql)?
        .query_row(params![member, key], |row| Ok(Answered { request_hash: row.get(0)?, response: row.get(1)? }))
        .optional()?)
}

pub(in crate::shopping) fn keep(
    tx: &Transaction<'_>,
    member: MemberId,
    key: &str,
    order_number: &str,
    answer: &Answered,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO shopping_checkout (member, key, request_hash, order_number, response, answered_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![member, key, answer.request_hash, order_number, answer.response, now])?;
    Ok(())
}
