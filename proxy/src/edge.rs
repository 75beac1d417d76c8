//! What one running edge consists of, shared by its listeners and its control plane.

use cache::Store;
use pingora::cache::lock::CacheKeyLockImpl;

use crate::{
    request::{
        caching::{uncacheable::Uncacheable, variants::Variants},
        coding::compress::Compressor,
        via::Pseudonym,
    },
    snapshot::Published,
    telemetry::metric::Metrics,
};

/// One edge. Two of them can live in one process.
pub(crate) struct Edge {
    /// The live configuration.
    pub(crate) published: Published,
    /// Counters.
    pub(crate) metrics: Metrics,
    /// The cache.
    pub(crate) cache: Cache,
    /// Makes the compressed forms of what is in it.
    pub(crate) compressor: Compressor,
    /// Whether fresh stored answers take the short way; tests take it away to compare.
    pub(crate) hot: bool,
    /// By what name it knows itself in `Via`.
    pub(crate) pseudonym: Pseudonym,
}

impl Edge {
    /// Whether it is worth looking for the answer of a request before Pingora does.
    pub(crate) fn answers_hits(&self) -> bool {
        self.hot && self.published.peek().caches
    }
}

/// The cache and what Pingora wants beside it; each lives as long as the process, because Pingora takes `&'static`.
#[derive(Clone, Copy)]
pub(crate) struct Cache {
    /// Stored answers.
    pub(crate) store: &'static Store,
    /// Collapses requests for one missing object into one request to the origin.
    pub(crate) lock: &'static CacheKeyLockImpl,
    /// Remembers what turned out uncacheable, so that it is not serialised again.
    pub(crate) uncacheable: &'static Uncacheable,
    /// Counts the answers under each key.
    pub(crate) variants: &'static Variants,
}
