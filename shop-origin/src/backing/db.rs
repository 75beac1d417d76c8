//! One SQLite file behind two bounded lanes: a single writer, and several readers that never wait for it.
//!
//! Write-ahead logging lets processes share the file: readers go on while one writes, and writers take turns under
//! `busy_timeout`. Every write is one short `BEGIN IMMEDIATE` transaction, so that it asks for the lock before its first
//! read and can never fail half-way for having read an old snapshot.

mod lane;
mod schema;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Transaction, TransactionBehavior};
use serde::de::DeserializeOwned;

use lane::Lane;
pub(crate) use schema::Schema;

/// Readers of one process. Reads are short and the page cache is warm: a few more than cores keep them busy.
const READERS: usize = 4;
/// How long a writer waits for the other processes' writers: far beyond any transaction of a request. A seed, which is one
/// transaction so that half a catalogue is never seen, can take longer; who waited in vain is told to come back.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests waiting for a lane beyond this are refused at once rather than served too late.
const WAITING_MAX: usize = 1024;
const CACHE_KIB: i64 = 16 * 1024;
const STATEMENTS_KEPT: usize = 128;

/// What a committed transaction survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Loss of power: the log is flushed before a commit returns (`synchronous=FULL`). An answer of success follows
    /// the commit, so an acknowledged order is on the disk (invariant I4).
    PowerLoss,
    /// The end of the process (`synchronous=NORMAL`): for what may be lost with the machine, such as sessions.
    ProcessCrash,
}

/// Why the database could not do its work; never anything that a client did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the database failed")]
    Sqlite(#[source] rusqlite::Error),
    #[error("another process has written for longer than {BUSY_TIMEOUT:?}")]
    Busy,
    #[error("{WAITING_MAX} requests wait for the database already")]
    Overloaded,
    #[error("a database task ended without an answer")]
    Interrupted,
    #[error("a value cannot be kept as JSON, or was not kept as such")]
    Json(#[from] serde_json::Error),
    #[error("a stored value does not make sense: {0}")]
    Corrupt(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => Fault::Busy,
            _ => Fault::Sqlite(error),
        }
    }
}

/// A handle on one database file, shared by all that use it.
#[derive(Clone)]
pub(crate) struct Db {
    lanes: Arc<Lanes>,
}

struct Lanes {
    writer: Lane,
    readers: Lane,
}

impl Db {
    /// Opens or creates the file and brings the tables of each schema up to date.
    ///
    /// Processes that start together take turns here, under a lock on a file beside the database.
    pub(crate) fn open(path: &Path, durability: Durability, schemas: &[Schema]) -> Result<Db, anyhow::Error> {
        let turn = File::create(path.with_extension("lock"))?;
        turn.lock()?;
        let mut writer = connect(path, durability)?;
        for schema in schemas {
            schema.apply(&mut writer)?;
        }
        let readers: Result<Vec<_>, _> = (0..READERS).map(|_| connect(path, durability)).collect();
        let lanes = Lanes { writer: Lane::new(vec![writer], WAITING_MAX), readers: Lane::new(readers?, WAITING_MAX) };
        turn.unlock()?;
        Ok(Db { lanes: Arc::new(lanes) })
    }

    /// Runs `work` on one snapshot of the data.
    pub(crate) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        self.lanes.readers.run(|connection| transact(connection, TransactionBehavior::Deferred, work)).await
    }

    /// Runs `work` in one transaction: committed when it returns `Ok`, else nothing has happened.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        self.lanes.writer.run(|connection| transact(connection, TransactionBehavior::Immediate, work)).await
    }
}

/// Ids are 64 bits without a sign here, and with one in SQLite; all that were stored are positive.
pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// A column of JSON text.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// Opens a database that is there for reading alone: for looking at a live shop from outside.
pub(crate) fn open_to_look(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    let synchronous = match durability {
        Durability::PowerLoss => "full",
        Durability::ProcessCrash => "normal",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

fn transact<T, E: From<Fault>>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.transaction_with_behavior(behavior).map_err(Fault::from)?;
    let value = work(&transaction)?; // dropped on an error, and so rolled back
    transaction.commit().map_err(Fault::from)?;
    Ok(value)
}
