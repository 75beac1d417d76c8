//! The tables of payments and the ledger.

use rusqlite::{OptionalExtension, Transaction, params};

use super::rules::{Journal, Terms};
use crate::backing::db::{Fault, Schema};
use crate::clock::Timestamp;
use crate::money::Cents;

pub(crate) const SCHEMA: Schema = Schema {
    owner: "payment",
    steps: &["
-- What was agreed with a provider when a buyer was sent there.
CREATE TABLE payment_session (
    provider TEXT NOT NULL,
    id TEXT NOT NULL,
    order_number TEXT NOT NULL,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    currency TEXT NOT NULL,
    opened_ms INTEGER NOT NULL,
    PRIMARY KEY (provider, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_session_of ON payment_session (order_number);
-- Cents that was taken; the provider may tell us of it any number of times (I5).
CREATE TABLE payment_capture (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    txn TEXT NOT NULL,
    session TEXT NOT NULL,
    order_number TEXT NOT NULL,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    captured_ms INTEGER NOT NULL,
    UNIQUE (provider, txn),
    FOREIGN KEY (provider, session) REFERENCES payment_session (provider, id)
) STRICT;
CREATE INDEX payment_capture_of ON payment_capture (order_number);
-- Captures that must be given back, each once.
CREATE TABLE payment_refund_due (
    capture INTEGER PRIMARY KEY REFERENCES payment_capture (id),
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    reason TEXT NOT NULL,
    since_ms INTEGER NOT NULL
) STRICT;
-- The ledger: postings of one journal sum to zero (I12); it is only ever added to.
CREATE TABLE payment_journal (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    capture INTEGER NOT NULL REFERENCES payment_capture (id),
    at_ms INTEGER NOT NULL,
    UNIQUE (kind, capture)
) STRICT;
CREATE TABLE payment_posting (
    journal INTEGER NOT NULL REFERENCES payment_journal (id),
    account TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    PRIMARY KEY (journal, account)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER payment_posting_kept BEFORE UPDATE ON payment_posting
BEGIN SELECT raise(ABORT, 'a posting is never changed; hint: post the opposite'); END;
CREATE TRIGGER payment_posting_stays BEFORE DELETE ON payment_posting
BEGIN SELECT raise(ABORT, 'a posting is never removed; hint: post the opposite'); END;
"],
};

/// A capture as the provider told of it.
pub(super) struct NewCapture<'a> {
    pub(super) provider: &'a str,
    pub(super) txn: &'a str,
    pub(super) session: &'a str,
    pub(super) order: &'a str,
    pub(super) amount: Cents,
}

pub(super) fn open_session(
    tx: &Transaction<'_>,
    provider: &str,
    id: &str,
    terms: &Terms,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO payment_session (provider, id, order_number, amount_cents, currency, opened_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (provider, id) DO NOTHING",
    )?
    .execute(params![provider, id, terms.order, terms.amount, terms.currency, now])?;
    Ok(())
}

/// What was agreed when this session was opened.
pub(super) fn agreed(tx: &Transaction<'_>, provider: &str, session: &str) -> Result<Option<Terms>, Fault> {
    let sql = "SELECT order_number, amount_cents, currency FROM payment_session WHERE provider = ?1 AND id = ?2";
    let found = tx.prepare_cached(sql)?.query_row([provider, session], |row| {
        Ok(Terms { order: row.get(0)?, amount: row.get(1)?, currency: row.get(2)? })
    });
    Ok(found.optional()?)
}

pub(super) fn sessions(tx: &Transaction<'_>, order: &str) -> Result<Vec<String>, Fault> {
    let mut statement = tx.prepare_cached("SELECT id FROM payment_session WHERE order_number = ?1")?;
    let ids = statement.query_map([order], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ids)
}

/// Notes a capture with its journal; `None` when it was noted before.
pub(super) fn capture(tx: &Transaction<'_>, capture: &NewCapture<'_>, now: Timestamp) -> Result<Option<i64>, Fault> {
    let id = tx
        .prepare_cached(
            "INSERT INTO payment_capture (provider, txn, session, order_number, amount_cents, captured_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (provider, txn) DO NOTHING RETURNING id",
        )?
        .query_row(params![capture.provider, capture.txn, capture.session, capture.order, capture.amount, now], |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(id) = id {
        post(tx, Journal::capture(capture.amount), id, now)?;
    }
    Ok(id)
}

/// Notes that a capture must be given back, once.
pub(super) fn refund_due(tx: &Transaction<'_>, capture: i64, reason: &str, now: Timestamp) -> Result<(), Fault> {
    let noted: Option<Cents> = tx
        .prepare_cached(
            "INSERT INTO payment_refund_due (capture, amount_cents, reason, since_ms)
             SELECT id, amount_cents, ?2, ?3 FROM payment_capture WHERE id = ?1
             ON CONFLICT (capture) DO NOTHING RETURNING amount_cents",
        )?
        .query_row(params![capture, reason, now], |row| row.get(0))
        .optional()?;
    match noted {
        Some(amount) => post(tx, Journal::refund_due(amount), capture, now),
        None => Ok(()),
    }
}

fn post(tx: &Transaction<'_>, journal: Journal, capture: i64, now: Timestamp) -> Result<(), Fault> {
    let id: i64 = tx
        .prepare_cached("INSERT INTO payment_journal (kind, capture, at_ms) VALUES (?1, ?2, ?3) RETURNING id")?
        .query_row(params![journal.kind, capture, now], |row| row.get(0))?;
    let mut insert =
        tx.prepare_cached("INSERT INTO payment_posting (journal, account, amount_cents) VALUES (?1, ?2, ?3)")?;
    for (account, amount) in journal.postings() {
        insert.execute(params![id, account.name(), amount])?;
    }
    Ok(())
}
