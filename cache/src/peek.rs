//! A look at what is stored, without Pingora: for answers that leave before its state machine begins.

use crate::Store;
use crate::key::Slot;
use crate::memory::object::Object;
use crate::prepared::Prepared;
use crate::zone::Zone;
use arc_swap::Guard;
use bytes::Bytes;
use http::HeaderMap;
use pingora::cache::key::HashBinary;
use pingora::http::ResponseHeader;
use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Name of the zone.
    pub zone: &'a str,
    /// The primary key.
    pub primary: &'a [u8],
    /// And its name, from [`Store::name`].
    pub name: HashBinary,
}

/// A stored answer, whole and in memory. Whoever holds it keeps it from being evicted.
#[derive(Debug, Clone)]
pub struct Stored(Arc<Object>);

impl Store {
    /// Finds what a lookup through Pingora would find, and shows it to `serve`; it is a hit if that serves it. Finds
    /// nothing while the key is being filled, for then a lookup would follow the writer.
    ///
    /// `variance` says which variant of a stored header is wanted, as Pingora's `cache_vary_filter` does.
    pub fn peek<T>(
        &self,
        wanted: &Wanted<'_>,
        variance: impl Fn(&HeaderMap) -> Option<HashBinary>,
        serve: impl FnOnce(Stored) -> Option<T>,
    ) -> Option<T> {
        let slot = Slot::new(wanted.name, None);
        if self.flights.has(&slot) {
            return None;
        }
        self.in_zone(wanted.zone, |zone| {
            let served = self.peek_in(zone, &slot, wanted, variance, serve);
            zone.memory.fit(); // what was prepared meanwhile is charged already
            served
        })
    }

    fn peek_in<T>(
        &self,
        zone: &Zone,
        slot: &Slot,
        wanted: &Wanted<'_>,
        variance: impl Fn(&HeaderMap) -> Option<HashBinary>,
        serve: impl FnOnce(Stored) -> Option<T>,
    ) -> Option<T> {
        let mut serve = Some(serve);
        let (mut variant, mut valid_after) = (None, None);
        let first = zone.find_live(slot, wanted.primary, |object| {
            let head = &object.head;
            let wanted = variance(&head.header().headers);
            if wanted.is_some() && wanted != head.variance() {
                (variant, valid_after) = (wanted, Some(head.provenance()));
                return None;
            }
            serve.take()?(Stored(object))
        });
        // Not in the first place: in the variant's own, if it is no older than what names the variants.
        let (Some(variant), Some(valid_after)) = (variant, valid_after) else { return first };
        let slot = Slot::new(wanted.name, Some(variant));
        if self.flights.has(&slot) {
            return None;
        }
        zone.find_live(&slot, wanted.primary, |object| {
            let is_valid = object.head.created() >= valid_after && object.head.variance() == Some(variant);
            serve.take().filter(|_| is_valid)?(Stored(object))
        })
    }
}

impl Stored {
    /// The header, as it was stored.
    pub fn header(&self) -> &ResponseHeader {
        self.0.head.header()
    }

    /// Until when it may be served without asking the origin.
    pub fn fresh_until(&self) -> SystemTime {
        self.0.head.fresh_until()
    }

    /// Since when its age counts.
    pub fn epoch(&self) -> SystemTime {
        self.0.head.epoch()
    }

    /// Bytes of the body, as it was stored.
    pub fn body_bytes(&self) -> u64 {
        self.0.body.len()
    }

    /// Bytes of the body in a coding; `None` if that form is not made.
    pub fn coded_bytes(&self, coding: usize) -> Option<u64> {
        self.0.body.codings_made()?.get(coding).map(|body| body.len())
    }

    /// Whether nobody has set out yet to make the body in a coding.
    pub fn may_be_coded(&self, coding: usize) -> bool {
        self.0.body.codings_made().is_none_or(|codings| !codings.is_begun(coding))
    }

    /// The body, piece by piece: in a coding in which it is made, or as it was stored.
    pub fn body(&self, coding: Option<usize>) -> impl ExactSizeIterator<Item = &Bytes> + Clone {
        let coded = coding.and_then(|coding| self.0.body.codings_made()?.get(coding));
        coded.unwrap_or(&self.0.body).pieces()
    }

    /// The form of the header that `maker` has made for a place below [`FORMS`](crate::FORMS), or makes now: it, and the
    /// bytes of memory that it takes. A place holds the last form, whoever made it.
    ///
    /// `None` if it cannot be made.
    pub fn prepared<T: Any + Send + Sync>(
        &self,
        place: usize,
        maker: u64,
        make: impl FnOnce(&ResponseHeader) -> Option<(T, usize)>,
    ) -> Option<Guard<Option<Arc<Prepared>>>> {
        let head = &self.0.head;
        if let Some(prepared) = head.forms().get(place, maker) {
            return Some(prepared);
        }
        let (form, bytes) = make(head.header())?;
        let charge = head.charge_beside((bytes + size_of::<Prepared>() + size_of::<T>()) as u64);
        head.forms().keep(place, maker, Box::new(form), charge);
        head.forms().get(place, maker)
    }
}
