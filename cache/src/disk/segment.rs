//! The segments that are there, oldest first, each with its file open: whoever reads one that is removed reads on.

use crate::disk::files::Blob;
use crate::disk::index::short;
use crate::disk::layout::Span;
use crate::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) file: Arc<dyn Blob>,
    bytes: AtomicU64,
    oldest_generation: AtomicU64,
}

impl Segment {
    pub(crate) fn new(number: u64, file: Arc<dyn Blob>, bytes: u64, span: &Span) -> Self {
        let oldest_generation = AtomicU64::new(span.oldest_generation);
        Segment { number, file, bytes: AtomicU64::new(bytes), oldest_generation }
    }

    /// Bytes of its file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Notes that an object of this generation is in it, before it can be found.
    pub(crate) fn holds_generation(&self, generation: u64) {
        self.oldest_generation.fetch_min(generation, Ordering::AcqRel);
    }
}

/// All segments, by number.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    live: RwLock<BTreeMap<u64, Arc<Segment>>>,
}

impl Segments {
    /// The segment that a place in the index means.
    pub(crate) fn find(&self, short_number: u32) -> Option<Arc<Segment>> {
        let live = self.read();
        let first = *live.first_key_value()?.0;
        let after_first = short(u64::from(short_number).wrapping_sub(first));
        live.get(&(first + u64::from(after_first))).cloned()
    }

    pub(crate) fn insert(&self, segment: Arc<Segment>) {
        self.write().insert(segment.number, segment);
    }

    pub(crate) fn remove(&self, number: u64) {
        self.write().remove(&number);
    }

    pub(crate) fn clear(&self) {
        self.write().clear();
    }

    pub(crate) fn oldest(&self) -> Option<Arc<Segment>> {
        self.read().first_key_value().map(|(_, segment)| Arc::clone(segment))
    }

    pub(crate) fn len(&self) -> u64 {
        self.read().len() as u64
    }

    /// Bytes of all their files.
    pub(crate) fn bytes(&self) -> u64 {
        self.read().values().map(|segment| segment.bytes()).sum()
    }

    /// No object in any of them is of an older generation.
    pub(crate) fn oldest_generation(&self) -> u64 {
        let oldest = |segment: &Arc<Segment>| segment.oldest_generation.load(Ordering::Acquire);
        self.read().values().map(oldest).min().unwrap_or(u64::MAX)
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<u64, Arc<Segment>>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<u64, Arc<Segment>>> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }
}
