//! One zone: its limits, its memory, its counters.

use crate::disk::{Disk, DiskOptions, Mount, Owner, Size};
use crate::head::Head;
use crate::key::Slot;
use crate::labels::Labels;
use crate::memory::Memory;
use crate::memory::object::{Found, Object};
use crate::options::ZoneOptions;
use crate::purge::Purges;
use crate::stat::ZoneStat;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
use arc_swap::ArcSwapOption;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::prelude::Result;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

#[derive(Debug)]
pub(crate) struct Zone {
    name: Box<str>,
    max_object_bytes: AtomicU64,
    pub(crate) memory: Arc<Memory>,
    pub(crate) purges: Arc<Purges>,
    disk: ArcSwapOption<Mount>,
    /// The objects that are being copied from disk to memory.
    promoting: Mutex<HashSet<u64>>,
    /// Shared with the fills of the store: identities go on from what the disk has.
    last_id: Arc<AtomicU64>,
    pub(crate) counters: Counters,
}

/// What only the writing of objects counts; lookups are counted in [`Memory`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) followed: AtomicU64,
    pub(crate) admissions: AtomicU64,
    pub(crate) pass_throughs: AtomicU64,
    pub(crate) aborted_fills: AtomicU64,
}

impl Zone {
    /// With its disk tier, if it has one, which opens in the background.
    pub(crate) fn new(options: &ZoneOptions, last_id: &Arc<AtomicU64>) -> Self {
        let memory = Arc::new(Memory::new(options.memory_bytes));
        let zone = Zone {
            name: options.name.as_str().into(),
            max_object_bytes: AtomicU64::new(options.max_object_bytes),
            purges: Arc::new(Purges::new(memory.budget())),
            memory,
            disk: ArcSwapOption::empty(),
            promoting: Mutex::default(),
            last_id: Arc::clone(last_id),
            counters: Counters::default(),
        };
        zone.mount(options.disk.as_ref());
        zone
    }

    /// The zone of requests that name none there is: it finds nothing, and everything is passed through it.
    pub(crate) fn nowhere() -> Self {
        let options = ZoneOptions { name: String::new(), memory_bytes: 0, max_object_bytes: 0, disk: None };
        Zone::new(&options, &Arc::default())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn max_object_bytes(&self) -> u64 {
        self.max_object_bytes.load(Ordering::Relaxed)
    }

    /// The one door to what is stored in memory: whatever way a request came, purges are asked here.
    pub(crate) fn find(&self, slot: &Slot, primary: &[u8]) -> Option<Found> {
        self.memory.find(slot, primary, &self.purges)
    }

    /// The same door for whoever may find that it cannot use what is there: that is a hit only if it is used.
    pub(crate) fn find_live<T>(
        &self,
        slot: &Slot,
        primary: &[u8],
        use_it: impl FnOnce(Arc<Object>) -> Option<T>,
    ) -> Option<T> {
        self.memory.find_live(slot, primary, &self.purges, use_it)
    }

    /// The head of an answer that has come. Without labels, nobody can say when it was asked for but that it was by now.
    pub(crate) fn head(&self, key: &CacheKey, meta: &CacheMeta) -> Result<Head> {
        let now = || Labels { asked_at: self.purges.generation(), tags: Box::default() };
        let labels = meta.extensions().get::<Labels>().cloned().unwrap_or_else(now);
        Head::new(key, meta, labels, self.memory.budget())
    }

    /// The head of an answer that was revalidated. Without labels, those stay that are stored.
    pub(crate) fn revalidated_head(&self, key: &CacheKey, meta: &CacheMeta) -> Result<Head> {
        let stored = || self.find(&Slot::of(key), key.primary_key()).map(|found| found.object.head.labels().clone());
        let labels = meta.extensions().get::<Labels>().cloned().or_else(stored).unwrap_or_default();
        Head::new(key, meta, labels, self.memory.budget())
    }

    pub(crate) fn promoting(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.promoting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk tier, if there is one, in whatever state.
    pub(crate) fn disk(&self) -> Option<Arc<Disk>> {
        self.disk.load().as_ref().map(|mount| Arc::clone(mount.disk()))
    }

    /// Keeps the disk tier if it has the same folder, and is not released; else it is sealed, and another one is opened.
    fn mount(&self, options: Option<&DiskOptions>) {
        let max_object_bytes = self.max_object_bytes();
        let before = self.disk();
        self.purges.set_has_folder(options.is_some());
        match (before, options) {
            (Some(disk), Some(options)) if disk.path() == options.folder && !disk.is_to_release() => {
                disk.resize(Size { bytes: options.bytes, max_object_bytes });
            }
            (None, None) => {}
            (_, None) => self.disk.store(None),
            (before, Some(options)) => {
                let owner = Owner {
                    memory: Arc::clone(&self.memory),
                    purges: Arc::clone(&self.purges),
                    last_id: Arc::clone(&self.last_id),
                    before,
                };
                self.disk.store(None);
                self.disk.store(Some(Arc::new(Mount::new(options, max_object_bytes, owner))));
            }
        }
    }

    /// Takes other limits; what is stored stays, as far as it still fits.
    pub(crate) fn resize(&self, options: &ZoneOptions) {
        self.max_object_bytes.store(options.max_object_bytes, Ordering::Relaxed);
        self.memory.resize(options.memory_bytes);
        self.mount(options.disk.as_ref());
    }

    /// Lets go of every object. Fills that are under way for this zone go on as pass-throughs.
    pub(crate) fn close(&self) {
        self.max_object_bytes.store(0, Ordering::Relaxed);
        self.memory.resize(0);
        self.mount(None);
    }

    pub(crate) fn stat(&self) -> ZoneStat {
        let counts = self.memory.counts();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ZoneStat {
            zone: self.name.to_string(),
            objects: counts.objects,
            bytes: self.memory.budget().used(),
            limit_bytes: self.memory.budget().limit(),
            hits: counts.hits,
            followed: read(&self.counters.followed),
            misses: counts.misses,
            admissions: read(&self.counters.admissions),
            evictions: counts.evictions,
            pass_throughs: read(&self.counters.pass_throughs),
            aborted_fills: read(&self.counters.aborted_fills),
            purges: read(&self.purges.counters.purges),
            invalidations: read(&self.purges.counters.invalidations),
            purged_objects: read(&self.purges.counters.objects),
            purged_bytes: read(&self.purges.counters.bytes),
            purge_overflows: read(&self.purges.counters.overflows),
            purges_remembered: self.purges.remembered() as u64,
            disk: self.disk().map(|disk| disk.stat()),
        }
    }
}
