//! Reload: load, compare, compile, publish; or keep the old configuration and say why.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use config::model::{Boot, Config};
use thiserror::Error;

use super::{
    compile::{CompileError, compile},
    probe::Prober,
};
use crate::{clock, edge::Edge};

/// Why a configuration was not taken over.
#[derive(Debug, Error)]
pub(crate) enum ReloadError {
    /// The file is not valid.
    #[error("{0}")]
    Config(config::Problems),
    /// Something that the file names is not as it should be.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The cache cannot be divided so.
    #[error(transparent)]
    Cache(#[from] cache::OptionsError),
    /// The change cannot be made while running.
    #[error("{what} cannot change while the edge runs; hint: undo that part, or restart the edge")]
    NeedsRestart { what: String },
}

/// Takes configurations over, one at a time.
pub(crate) struct Reloader {
    edge: Arc<Edge>,
    file: PathBuf,
    boot: Boot,
    prober: Prober,
}

impl Reloader {
    /// For an edge that was booted with `boot` from `file` and has published its first snapshot.
    pub(crate) fn new(edge: Arc<Edge>, file: &Path, boot: Boot) -> Self {
        let mut prober = Prober::default();
        prober.follow(&edge.published.load());
        Self { edge, file: file.to_owned(), boot, prober }
    }

    /// Reads the file again; all of it goes live, or nothing.
    pub(crate) fn reload(&mut self) {
        match self.try_reload() {
            Ok(hash) => tracing::info!(file = %self.file.display(), hash, "configuration reloaded"),
            Err(error) => {
                self.edge.metrics.reload_success.set(0);
                tracing::error!("reload refused, the old configuration stays live:\n{error}");
            }
        }
    }

    fn try_reload(&mut self) -> Result<String, ReloadError> {
        let Config { boot, live } = config::load(&self.file).map_err(ReloadError::Config)?;
        if let Some(what) = boot_change(&self.boot, &boot) {
            return Err(ReloadError::NeedsRestart { what });
        }
        let previous = self.edge.published.load();
        let compiled = compile(&live, &boot.listeners, &self.edge.metrics, Some(&previous))?;
        let hash = compiled.snapshot.hash.clone();
        self.edge.cache.store.configure(compiled.zones)?;
        self.edge.published.publish(compiled.snapshot);
        taken_over(&self.edge, &compiled.expiries);
        self.prober.follow(&self.edge.published.load());
        Ok(hash)
    }
}

/// Notes in the metrics what is live now.
pub(crate) fn taken_over(edge: &Edge, expiries: &[(String, String, i64)]) {
    let metrics = &edge.metrics;
    metrics.reload_success.set(1);
    let since_1970 = clock::wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    metrics.reload_time.set(since_1970.as_secs_f64());
    metrics.config_hash.reset();
    metrics.config_hash.with_label_values(&[&edge.published.load().hash]).set(1);
    metrics.certificate_expiry.reset();
    for (listener, name, expires_s) in expiries {
        metrics.certificate_expiry.with_label_values(&[listener, name]).set(*expires_s as f64);
    }
}

/// The first part of the boot configuration that differs, by name.
fn boot_change(old: &Boot, new: &Boot) -> Option<String> {
    let listener = || {
        let pairs = old.listeners.iter().zip(&new.listeners);
        let changed = pairs.into_iter().find(|(old, new)| old != new).map(|(_, new)| new);
        let changed = changed.or_else(|| new.listeners.get(old.listeners.len()));
        let changed = changed.or_else(|| old.listeners.get(new.listeners.len()));
        changed.map(|listener| {
            format!("listener `{}` (its addresses, TLS protocols, idle timeout or header limit)", listener.name)
        })
    };
    let part = |differs: bool, name: &str| differs.then(|| name.to_owned());
    listener()
        .or_else(|| part(old.admin != new.admin, "`admin`"))
        .or_else(|| part(old.workers != new.workers, "`process.workers`"))
        .or_else(|| part(old.drain_timeout != new.drain_timeout, "`process.drain_timeout`"))
        .or_else(|| part(old.watch != new.watch, "`process.watch`"))
}
