//! What one request's stages learn of the cache on the way, and tell each other.

use std::time::SystemTime;

use cache::Generation;
use http::HeaderMap;
use pingora::cache::CacheKey;

use super::{
    demands::Demands,
    status::{Found, Hidden},
};

/// From the request's header to the answer's.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    /// What the client asks of the cache, as far as the route hears it.
    pub(crate) demands: Demands,
    /// Under which key its answer is kept; `None` where the cache is not asked.
    pub(crate) key: Option<CacheKey>,
    /// What was there.
    pub(crate) found: Found,
    /// When the origin was asked; `None` if it was not.
    pub(crate) asked: Option<AskedAt>,
    /// The fields of a 304 that confirmed the stored answer.
    pub(crate) confirmation: Option<HeaderMap>,
    /// Whether the origin has spoken of another answer than the one that it was asked about.
    pub(crate) contradicted: bool,
    /// What the origin said instead of what is served.
    pub(crate) hidden: Option<Hidden>,
    /// The length of what was found, where the header may not say it; in bytes.
    pub(crate) length: Option<u64>,
    /// Fields that are for this client alone.
    pub(crate) unshared: HeaderMap,
    /// Why it was answered as it was, in a word.
    pub(crate) detail: Option<&'static str>,
}

/// The moment before the origin is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedAt {
    /// By the purges of its zone.
    pub(crate) generation: Generation,
    /// By the clock.
    pub(crate) time: SystemTime,
}
