//! The table of accounts.

use rusqlite::{OptionalExtension, Transaction, params};

use super::api::{Member, MemberId};
use super::rules::Email;
use crate::backing::db::{Fault, Schema};
use crate::clock::Timestamp;

pub(crate) const SCHEMA: Schema = Schema {
    owner: "membership",
    steps: &["
CREATE TABLE membership_account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    registered_ms INTEGER NOT NULL
) STRICT;
"],
};

/// Adds an account; `None` when the address has one already.
pub(super) fn register(
    tx: &Transaction<'_>,
    email: &Email,
    name: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<Option<MemberId>, Fault> {
    Ok(tx
        .prepare_cached(
            "INSERT INTO membership_account (email, name, password_hash, registered_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (email) DO NOTHING RETURNING id",
        )?
        .query_row(params![email.as_str(), name, password_hash, now], |row| row.get(0))
        .optional()?)
}

/// The account of an address, with its password's hash.
pub(super) fn by_email(tx: &Transaction<'_>, email: &Email) -> Result<Option<(Member, String)>, Fault> {
    Ok(tx
        .prepare_cached("SELECT id, name, email, password_hash FROM membership_account WHERE email = ?1")?
        .query_row([email.as_str()], |row| {
            Ok((Member { id: row.get(0)?, name: row.get(1)?, email: row.get(2)? }, row.get(3)?))
        })
        .optional()?)
}
