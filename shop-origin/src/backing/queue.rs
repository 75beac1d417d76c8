//! Messages between subsystems: written in the transaction that makes them true, delivered at least once afterwards.
//!
//! The outbox is a table beside the data (so no message is lost, invariant I4); each process runs one [`Courier`], and
//! a lease keeps two of them from carrying the same message at once. A consumer may see a message again after a crash
//! and must make its effect conditional. Like a topic exchange, a message nobody has bound to is done at once; its row
//! stays, and the audit compares it with the order's history.

mod courier;
#[cfg(test)]
mod tests;

use rusqlite::Transaction;
use serde::Serialize;

use super::db::{Fault, Schema};
use crate::clock::Timestamp;

pub(crate) use courier::{Courier, Handler};

pub(crate) const SCHEMA: Schema = Schema {
    owner: "queue",
    steps: &["CREATE TABLE queue_outbox (
                  id INTEGER PRIMARY KEY AUTOINCREMENT,
                  topic TEXT NOT NULL,
                  subject TEXT NOT NULL,
                  payload TEXT NOT NULL,
                  created_ms INTEGER NOT NULL,
                  attempts INTEGER NOT NULL DEFAULT 0,
                  due_ms INTEGER NOT NULL,
                  delivered_ms INTEGER
              ) STRICT;
              CREATE INDEX queue_waiting ON queue_outbox (topic, due_ms, id) WHERE delivered_ms IS NULL;
              CREATE INDEX queue_subject ON queue_outbox (subject);"],
};

/// A message on its way to a consumer.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: i64,
    /// What it is about, such as an order's number.
    pub(crate) subject: String,
    /// JSON, shaped by the publisher.
    pub(crate) payload: String,
    /// How often it was tried, this time included.
    pub(crate) attempts: u32,
}

/// Puts a message into the outbox. It exists exactly when the transaction commits.
pub(crate) fn publish(
    tx: &Transaction<'_>,
    topic: &str,
    subject: &str,
    payload: &impl Serialize,
    now: Timestamp,
) -> Result<(), Fault> {
    let payload = serde_json::to_string(payload)?;
    tx.prepare_cached(
        "INSERT INTO queue_outbox (topic, subject, payload, created_ms, due_ms) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?
    .execute((topic, subject, payload, now))?;
    Ok(())
}

/// Whether a message about `subject` has been published under `topic` and not yet delivered.
pub(crate) fn is_waiting(tx: &Transaction<'_>, topic: &str, subject: &str) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM queue_outbox WHERE topic = ?1 AND subject = ?2 AND delivered_ms IS NULL)";
    Ok(tx.prepare_cached(sql)?.query_row((topic, subject), |row| row.get(0))?)
}
