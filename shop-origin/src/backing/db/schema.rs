//! Tables, brought up to date in numbered steps; each subsystem owns its tables and their steps.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

/// The tables of one owner: `steps[n]` leads from version `n` to `n + 1`. Steps are appended, never edited.
pub(crate) struct Schema {
    pub(crate) owner: &'static str,
    pub(crate) steps: &'static [&'static str],
}

impl Schema {
    /// Takes the steps that this file has not taken yet, each in its own transaction.
    pub(super) fn apply(&self, connection: &mut Connection) -> Result<(), anyhow::Error> {
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_version (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
        )?;
        let taken = self.version(connection)?;
        let known = self.steps.len();
        anyhow::ensure!(
            taken <= known,
            "the tables of {} are of version {taken}, this program knows {known}; hint: start the newer program",
            self.owner
        );
        for (version, step) in self.steps.iter().enumerate().skip(taken) {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(step)?;
            transaction.execute(
                "INSERT INTO schema_version (owner, version) VALUES (?1, ?2)
                 ON CONFLICT (owner) DO UPDATE SET version = excluded.version",
                (self.owner, version as u32 + 1),
            )?;
            transaction.commit()?;
        }
        Ok(())
    }

    fn version(&self, connection: &Connection) -> rusqlite::Result<usize> {
        let found = connection
            .query_row("SELECT version FROM schema_version WHERE owner = ?1", [self.owner], |row| row.get::<_, u32>(0))
            .optional()?;
        Ok(found.unwrap_or(0) as usize)
    }
}
