//! Keys with values that expire, in a database of their own: the seam behind which a cluster's Redis would stand.

use std::path::Path;
use std::time::Duration;

use rusqlite::OptionalExtension;

use super::db::{Db, Durability, Fault, Schema};
use crate::clock::Timestamp;

const SCHEMA: Schema = Schema {
    owner: "kv",
    steps: &["CREATE TABLE kv (
                  space TEXT NOT NULL,
                  key TEXT NOT NULL,
                  value TEXT NOT NULL,
                  expires_ms INTEGER NOT NULL,
                  PRIMARY KEY (space, key)
              ) STRICT, WITHOUT ROWID;
              CREATE INDEX kv_expiry ON kv (expires_ms);"],
};
/// Expired keys removed in one transaction, so that a purge never holds the lock for long.
const PURGE_MAX: u32 = 1000;

/// One store for all; every user has a space of its own.
#[derive(Clone)]
pub(crate) struct Kv {
    db: Db,
}

/// A value and the moment at which it ceases to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: String,
    pub(crate) expires: Timestamp,
}

impl Kv {
    pub(crate) fn open(path: &Path) -> Result<Kv, anyhow::Error> {
        Ok(Kv { db: Db::open(path, Durability::ProcessCrash, &[SCHEMA])? })
    }

    pub(crate) async fn get(&self, space: &'static str, key: String, now: Timestamp) -> Result<Option<Entry>, Fault> {
        self.db
            .read(move |tx| {
                let sql = "SELECT value, expires_ms FROM kv WHERE space = ?1 AND key = ?2 AND expires_ms > ?3";
                Ok(tx
                    .prepare_cached(sql)?
                    .query_row((space, key, now), |row| Ok(Entry { value: row.get(0)?, expires: row.get(1)? }))
                    .optional()?)
            })
            .await
    }

    pub(crate) async fn put(
        &self,
        space: &'static str,
        key: String,
        value: String,
        now: Timestamp,
        life: Duration,
    ) -> Result<(), Fault> {
        self.db
            .write(move |tx| {
                tx.prepare_cached(
                    "INSERT INTO kv (space, key, value, expires_ms) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms",
                )?
                .execute((space, key, value, now.plus(life)))?;
                Ok(())
            })
            .await
    }

    /// Lets a value live on, if it still does: one that was removed or has expired meanwhile does not come back.
    pub(crate) async fn extend(
        &self,
        space: &'static str,
        key: String,
        now: Timestamp,
        life: Duration,
    ) -> Result<bool, Fault> {
        self.db
            .write(move |tx| {
                let sql = "UPDATE kv SET expires_ms = ?4 WHERE space = ?1 AND key = ?2 AND expires_ms > ?3";
                Ok(tx.prepare_cached(sql)?.execute((space, key, now, now.plus(life)))? > 0)
            })
            .await
    }

    pub(crate) async fn remove(&self, space: &'static str, key: String) -> Result<(), Fault> {
        self.db
            .write(move |tx| {
                tx.prepare_cached("DELETE FROM kv WHERE space = ?1 AND key = ?2")?.execute((space, key))?;
                Ok(())
            })
            .await
    }

    /// Removes what has expired, a bounded number at a time; returns how many.
    pub(crate) async fn purge(&self, now: Timestamp) -> Result<usize, Fault> {
        self.db
            .write(move |tx| {
                let sql = "DELETE FROM kv WHERE (space, key) IN
                               (SELECT space, key FROM kv WHERE expires_ms <= ?1 LIMIT ?2)";
                Ok(tx.prepare_cached(sql)?.execute((now, PURGE_MAX))?)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_value_lives_until_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let kv = Kv::open(&folder.path().join("kv.sqlite")).unwrap();
        let (start, life) = (Timestamp::from_ms(1_000), Duration::from_secs(1));
        let get =
            async |ms| kv.get("a", "k".to_owned(), Timestamp::from_ms(ms)).await.unwrap().map(|entry| entry.value);

        kv.put("a", "k".to_owned(), "old".to_owned(), start, life).await.unwrap();
        kv.put("a", "k".to_owned(), "new".to_owned(), start, life).await.unwrap();
        kv.put("b", "k".to_owned(), "other space".to_owned(), start, life * 2).await.unwrap();
        assert_eq!(get(1_999).await.as_deref(), Some("new"));
        assert_eq!(get(2_000).await, None);

        assert_eq!(kv.purge(Timestamp::from_ms(2_000)).await.unwrap(), 1);
        assert_eq!(get(1_999).await, None);
        kv.remove("b", "k".to_owned()).await.unwrap();
        assert_eq!(kv.purge(Timestamp::from_ms(9_000)).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn an_extension_brings_nothing_back() {
        let folder = tempfile::tempdir().unwrap();
        let kv = Kv::open(&folder.path().join("kv.sqlite")).unwrap();
        let at = Timestamp::from_ms;
        let life = Duration::from_secs(1);
        for key in ["used", "removed", "expired"] {
            kv.put("a", key.to_owned(), "value".to_owned(), at(0), life).await.unwrap();
        }
        kv.remove("a", "removed".to_owned()).await.unwrap();
        for (key, moment, expires) in [("used", 999, Some(at(1_999))), ("removed", 999, None), ("expired", 1_000, None)]
        {
            let extended = kv.extend("a", key.to_owned(), at(moment), life).await.unwrap();
            assert_eq!(extended, expires.is_some(), "{key}");
            let found = kv.get("a", key.to_owned(), at(moment)).await.unwrap();
            assert_eq!(found, expires.map(|expires| Entry { value: "value".to_owned(), expires }), "{key}");
        }
    }
}
