//! One stored answer: immutable, reference-counted, of a known weight.

use crate::body::Body;
use crate::head::Head;
use pingora::cache::CacheMeta;
use pingora::prelude::Result;
use std::sync::Arc;
use std::time::SystemTime;

/// What an object takes beside its head, the blocks of its body, and its place in the index: itself, the body's frame, and
/// the two counters before each of three shared allocations.
pub(crate) const OBJECT_OVERHEAD: u64 = (size_of::<Object>() + size_of::<Body>() + 3 * 2 * size_of::<usize>()) as u64;

/// A head and its body under one identity.
#[derive(Debug)]
pub(crate) struct Object {
    /// Tells this answer from every other that was ever stored under the same key.
    pub(crate) id: u64,
    pub(crate) head: Arc<Head>,
    pub(crate) body: Arc<Body>,
}

impl Object {
    /// Bytes of memory that go when the object goes: all but its place in the index, which is charged by the table.
    pub(crate) fn weight(&self) -> u64 {
        self.head.weight() + self.body.weight()
    }

    /// Whether somebody has the body at this moment, beside the object itself.
    pub(crate) fn is_being_read(&self) -> bool {
        Arc::strong_count(&self.body) > 1
    }
}

/// An object that may be used.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) object: Arc<Object>,
    /// It was purged softly: it counts as stale from then on, if it is not stale for longer.
    pub(crate) expired_at: Option<SystemTime>,
}

impl Found {
    /// What is stored of it, with what purges have made of that.
    pub(crate) fn meta(&self) -> Result<CacheMeta> {
        let mut meta = self.object.head.meta()?;
        if let Some(since) = self.expired_at {
            meta.expire_at(since);
        }
        Ok(meta)
    }
}
