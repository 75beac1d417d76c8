//! The state folder: which file lies where. All processes of one shop open the same one.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::blob::Blobs;
use super::db::{Db, Durability, Schema};
use super::kv::Kv;
use super::queue;
use super::secret::SharedKey;

/// A shop's folder on disk.
pub(crate) struct StateFolder {
    path: PathBuf,
}

impl StateFolder {
    /// Creates the folder if need be, for its owner alone: addresses and password hashes lie in it.
    pub(crate) fn open_or_create(path: &Path) -> Result<StateFolder, anyhow::Error> {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
        created.with_context(|| format!("cannot create the state folder {}", path.display()))?;
        Ok(StateFolder::of(path))
    }

    /// A folder that need not be there.
    pub(crate) fn of(path: &Path) -> StateFolder {
        StateFolder { path: path.to_owned() }
    }

    /// The business data: orders, stock, accounts, ledger and the outbox, in one file so that what belongs together
    /// commits together.
    pub(crate) fn database(&self, schemas: impl IntoIterator<Item = Schema>) -> Result<Db, anyhow::Error> {
        let path = self.database_path();
        let schemas: Vec<Schema> = std::iter::once(queue::SCHEMA).chain(schemas).collect();
        Db::open(&path, Durability::PowerLoss, &schemas).with_context(|| format!("cannot open {}", path.display()))
    }

    pub(crate) fn database_path(&self) -> PathBuf {
        self.path.join("shop.sqlite")
    }

    pub(crate) fn kv(&self) -> Result<Kv, anyhow::Error> {
        let path = self.path.join("kv.sqlite");
        Kv::open(&path).with_context(|| format!("cannot open {}", path.display()))
    }

    pub(crate) fn media(&self) -> Result<Blobs, anyhow::Error> {
        let path = self.path.join("media");
        Blobs::open(path.clone()).with_context(|| format!("cannot create {}", path.display()))
    }

    /// The key shared with the payment provider.
    pub(crate) fn payment_key(&self) -> Result<SharedKey, anyhow::Error> {
        SharedKey::read_or_create(&self.path.join("pay.key"))
    }
}
