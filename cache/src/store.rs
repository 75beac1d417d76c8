//! The store as Pingora sees it: one short method for each verb.

#[cfg(test)]
mod coded_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod purge_tests;
#[cfg(test)]
mod disk_tests;

use crate::fill::Fill;
use crate::flight::Flights;
use crate::hit::FollowingHit;
use crate::key::{Namer, Slot};
use crate::labels::{Generation, UrlHash};
use crate::options::{Options, OptionsError};
use crate::purge::{Durability, Purge, Reached, Receipt, Tally, blocking};
use crate::stat::ZoneStat;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::tier;
use crate::zone::Zone;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use pingora::cache::key::{CacheHashKey, HashBinary};
use pingora::cache::storage::streaming_write::U64WriteId;
use pingora::cache::trace::SpanHandle;
use pingora::cache::{CacheEntryId, CacheEntryKey, CacheKey, CacheMeta};
use pingora::cache::{HitHandler, MissHandler, PurgeOutcome, PurgeTarget, PurgeType, Storage};
use pingora::prelude::Result;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::task::{JoinHandle, spawn_blocking};

/// How long a disk may take to keep a purge. After that it is said not to be kept, which it may be soon.
const KEEP_PATIENCE: Duration = Duration::from_secs(5);

/// Everything one edge has cached, in zones.
///
/// Pingora wants `&'static`: whoever owns the edge leaks one store for the life of the process (`Box::leak`), and
/// replaces what is behind it with [`Store::configure`]. Which zone a request uses is said by its key's `user_tag`. A
/// request whose zone is not there, such as one that was under way when a reload dropped it, finds nothing, and what it
/// fetches is passed through.
#[derive(Debug)]
pub struct Store {
    zones: ArcSwap<Vec<Arc<Zone>>>,
    nowhere: Arc<Zone>,
    pub(crate) flights: Flights,
    namer: Namer,
    configuring: Mutex<()>,
}

impl Store {
    /// An empty store.
    ///
    /// # Errors
    /// When the options contradict themselves; see [`OptionsError`].
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let store = Store {
            zones: ArcSwap::default(),
            nowhere: Arc::new(Zone::nowhere()),
            flights: Flights::new(now_since_1970()),
            namer: Namer::new(),
            configuring: Mutex::new(()),
        };
        store.configure(options)?;
        Ok(store)
    }

    /// Replaces the zones. One that keeps its name keeps its objects, and evicts down at once if its memory shrinks. One
    /// whose name is gone is dropped with all its objects; fills under way for it go on as pass-throughs.
    ///
    /// # Errors
    /// When the options contradict themselves; nothing has been changed then.
    pub fn configure(&self, options: Options) -> Result<(), OptionsError> {
        options.check()?;
        let _one_at_a_time = self.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.zones.load_full();
        let zones: Vec<_> =
            options.zones.iter().map(|wanted| take_over(&before, wanted, &self.flights.last_id())).collect();
        let dropped: Vec<_> = before.iter().filter(|zone| !zones.iter().any(|kept| Arc::ptr_eq(kept, zone))).collect();
        self.zones.store(Arc::new(zones));
        dropped.into_iter().for_each(|zone| zone.close());
        Ok(())
    }

    /// The key of a request, under its cheaper name. Every key of this store must be made here, or what one finds the
    /// other does not.
    pub fn key(&self, primary: impl Into<Vec<u8>>, zone: impl Into<String>) -> CacheKey {
        let mut key = CacheKey::new(primary, zone);
        key.set_primary_bin_override(self.name(key.primary_key()));
        key
    }

    /// What a primary key is called in this store.
    pub fn name(&self, primary: &[u8]) -> HashBinary {
        self.namer.name(primary)
    }

    /// What each zone holds and has done, in the order of the options.
    pub fn stats(&self) -> Vec<ZoneStat> {
        self.zones.load().iter().map(|zone| zone.stat()).collect()
    }

    /// Has every disk tier write what is queued, seal it, and let go of its folder, so that the process that takes over can
    /// have it. From then on the zones serve from memory; [`Store::configure`] opens the folders again. It takes as long
    /// as the disks do.
    pub async fn release_disk(&self) {
        let disks: Vec<_> = self.zones.load().iter().filter_map(|zone| zone.disk()).collect();
        disks.iter().for_each(|disk| disk.release());
        for disk in disks {
            disk.released().await;
        }
    }

    /// The moment that an origin is asked at, as purges tell it: read it before, and put it into
    /// [`Labels::asked_at`](crate::Labels), so that an answer from before a purge is never served after it.
    pub fn generation(&self, zone: &str) -> Generation {
        self.zone(zone).purges.generation()
    }

    /// Purges in one zone, or in all. What it returns is true when it returns: no answer that was asked of its origin
    /// before is served as it was. The sweep that counts and frees is waited for if `wait` says so. Empty if there is no
    /// such zone.
    pub async fn purge_objects(&self, zone: Option<&str>, purge: &Purge, wait: bool) -> Vec<Receipt> {
        let zones = self.zones();
        let wanted = zones.iter().filter(|there| zone.is_none_or(|name| name == there.name()));
        // In all of them at once, before any disk is waited for; and to its end, whether or not anybody waits for it.
        let begun: Vec<_> = wanted.map(|zone| (Arc::clone(zone), zone.purges.begin(purge))).collect();
        let finishing: Vec<_> = begun.into_iter().map(|(zone, tally)| Finishing::begin(zone, tally)).collect();
        let mut receipts = Vec::with_capacity(finishing.len());
        for zone in finishing {
            receipts.push(zone.receipt(wait).await);
        }
        receipts
    }

    /// Purges every variant and scope of a URL, spelt as it is in keys, after an unsafe request to it has succeeded. It
    /// waits for nothing.
    pub fn invalidate(&'static self, zone: &str, url: &str) {
        let zone = self.zone(zone);
        if zone.purges.invalidate(UrlHash::of(url)) {
            let until = zone.purges.generation();
            blocking(move || zone.forget_purges(until, self.flights.heads(&zone)));
        }
    }

    /// Removes one variant of a key, where it stands in a place of its own. The first answer under a key does not: it
    /// says by which fields the others are found, and stays.
    pub fn remove_variant(&self, key: &CacheKey, variance: HashBinary) {
        let (zone, slot) = (self.zone(&key.user_tag), Slot::new(key.primary_bin(), Some(variance)));
        self.flights.purge(&zone, &slot, None);
        tier::remove(&zone, &slot, None);
    }

    /// What has to be done now and then: forgets purges that nothing can be older than, and writes to disk what could not
    /// be written. It may take long, and wait for a disk: not for async threads.
    pub fn tend(&self, now: SystemTime) {
        for zone in self.zones.load().iter() {
            zone.purges.mend();
            if let Some(until) = zone.purges.forgettable(now) {
                zone.forget_purges(until, self.flights.heads(zone));
            }
        }
    }

    /// All zones at this moment.
    pub(crate) fn zones(&self) -> Arc<Vec<Arc<Zone>>> {
        self.zones.load_full()
    }

    fn zone(&self, name: &str) -> Arc<Zone> {
        let zones = self.zones.load();
        Arc::clone(zones.iter().find(|zone| zone.name() == name).unwrap_or(&self.nowhere))
    }

    /// Shows a zone for a moment, without counting who holds it.
    pub(crate) fn in_zone<T>(&self, name: &str, look: impl FnOnce(&Arc<Zone>) -> Option<T>) -> Option<T> {
        look(self.zones.load().iter().find(|zone| zone.name() == name)?)
    }

    /// The flight first: while one is under way, what is stored under the same key is what it will replace.
    async fn find(&self, key: &CacheKey) -> Result<Option<(CacheMeta, HitHandler)>> {
        let (zone, slot) = (self.zone(&key.user_tag), Slot::of(key));
        if let Some(reader) = self.flights.follow(&zone, &slot, key.primary_key()) {
            zone.counters.followed.fetch_add(1, Ordering::Relaxed);
            return Ok(Some((reader.head().meta()?, Box::new(FollowingHit::new(reader)))));
        }
        tier::find(&zone, &slot, key).await
    }
}

/// A purge in one zone that holds already, and what remains to be done for it.
struct Finishing {
    zone: String,
    generation: Generation,
    kept: JoinHandle<Durability>,
    swept: JoinHandle<Reached>,
}

impl Finishing {
    fn begin(zone: Arc<Zone>, tally: Arc<Tally>) -> Self {
        let (name, generation) = (zone.name().to_owned(), tally.generation);
        let purges = Arc::clone(&zone.purges);
        Finishing {
            zone: name,
            generation,
            kept: spawn_blocking(move || purges.keep(generation)),
            swept: spawn_blocking(move || zone.sweep(&tally)),
        }
    }

    async fn receipt(self, wait: bool) -> Receipt {
        // A task that has not come to its end is held up by the disk, or has panicked: what it was to do is not done.
        let kept = tokio::time::timeout(KEEP_PATIENCE, self.kept).await;
        let durability = kept.ok().and_then(|kept| kept.ok()).unwrap_or(Durability::ThisProcess);
        let reached = if wait { self.swept.await.ok() } else { None };
        Receipt { zone: self.zone, generation: self.generation, durability, reached }
    }
}

#[expect(clippy::disallowed_methods, reason = "a store is made where a program starts")]
fn now_since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The zone of that name with its new limits, or a new one.
fn take_over(before: &[Arc<Zone>], wanted: &crate::ZoneOptions, last_id: &Arc<AtomicU64>) -> Arc<Zone> {
    match before.iter().find(|zone| zone.name() == wanted.name) {
        Some(zone) => {
            zone.resize(wanted);
            Arc::clone(zone)
        }
        None => Arc::new(Zone::new(wanted, last_id)),
    }
}

#[async_trait]
impl Storage for Store {
    async fn lookup(&'static self, key: &CacheKey, _: &SpanHandle) -> Result<Option<(CacheMeta, HitHandler)>> {
        self.find(key).await
    }

    /// The fill that the tag names, and no other: its own client must get the body whose header it has sent.
    async fn lookup_streaming_write(
        &'static self,
        key: &CacheKey,
        tag: Option<&[u8]>,
        _: &SpanHandle,
    ) -> Result<Option<(CacheMeta, HitHandler)>> {
        let Some(tag) = tag else { return self.find(key).await };
        let id = U64WriteId::try_from(tag).ok().map(u64::from);
        let Some(reader) = id.and_then(|id| self.flights.lead(&Slot::of(key), id)) else { return Ok(None) };
        Ok(Some((reader.head().meta()?, Box::new(FollowingHit::new(reader)))))
    }

    async fn get_miss_handler(&'static self, key: &CacheKey, meta: &CacheMeta, _: &SpanHandle) -> Result<MissHandler> {
        let zone = self.zone(&key.user_tag);
        let head = zone.head(key, meta)?;
        let flight = self.flights.begin(zone, head);
        Ok(Box::new(Fill::new(flight, &self.flights)))
    }

    /// Removes what is stored, and sees to it that what is being written is not stored. It knows nothing of a fill whose
    /// response header has not come: see the crate's page.
    async fn purge(&'static self, target: PurgeTarget<'_>, _: PurgeType, _: &SpanHandle) -> Result<PurgeOutcome> {
        let id = match target {
            PurgeTarget::Active(_) => None,
            PurgeTarget::Exact(CacheEntryKey::Identified { id, .. }) => Some(id.get()),
            // Every object here has an id, so none has this identity.
            PurgeTarget::Exact(CacheEntryKey::KeyOnly(_)) => return Ok(PurgeOutcome::NotFound),
        };
        let (zone, slot) = (self.zone(target.key().user_tag()), Slot::of(target.key()));
        let in_flight = self.flights.purge(&zone, &slot, id);
        let stored = tier::remove(&zone, &slot, id);
        let removed = stored.or(in_flight).map(CacheEntryId::new);
        Ok(removed.map_or(PurgeOutcome::NotFound, |id| PurgeOutcome::Purged(Some(id))))
    }

    async fn update_meta(&'static self, key: &CacheKey, meta: &CacheMeta, _: &SpanHandle) -> Result<bool> {
        let zone = self.zone(&key.user_tag);
        tier::replace_head(&zone, key, meta)
    }

    fn support_streaming_partial_write(&self) -> bool {
        true
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync + 'static) {
        self
    }
}
