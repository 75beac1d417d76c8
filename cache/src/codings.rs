//! A body in other content codings: compressed once, by whoever asks first, and kept for as long as the body is.
//!
//! The coded forms hang off the body they were made from. So they are found where it is found, are purged and evicted
//! with it, and need no key, no header and no index of their own; what was revalidated keeps them.

use crate::body::{BLOCK_OVERHEAD, Block, Body};
use crate::hit::StoredHit;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::zone::Zone;
use bytes::Bytes;
use pingora::cache::HitHandler;
use std::sync::{Arc, OnceLock};

/// How many codings there may be; which is which is the caller's affair.
pub const CODINGS: usize = 3;

/// What a coded form takes beside its bytes.
const OVERHEAD: u64 = BLOCK_OVERHEAD + size_of::<Body>() as u64 + size_of::<Codings>() as u64;

/// The coded forms of one body.
#[derive(Debug, Default)]
pub(crate) struct Codings {
    made: [OnceLock<Arc<Body>>; CODINGS],
    /// A bit for each that somebody has set out to make, and that nobody need try again.
    begun: AtomicU8,
}

impl Codings {
    pub(crate) fn get(&self, coding: usize) -> Option<&Arc<Body>> {
        self.made.get(coding)?.get()
    }

    /// Whether somebody has set out to make a form.
    pub(crate) fn is_begun(&self, coding: usize) -> bool {
        self.begun.load(Ordering::Relaxed) & (1 << coding) != 0
    }

    /// True for one caller only, ever.
    fn begin(&self, coding: usize) -> bool {
        let bit = 1 << coding;
        self.begun.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

/// A stored body that is to be coded, which nobody else does meanwhile or later.
#[derive(Debug)]
pub struct Uncoded {
    zone: Arc<Zone>,
    body: Arc<Body>,
    coding: usize,
}

impl Uncoded {
    pub(crate) fn claim(zone: &Arc<Zone>, body: &Arc<Body>, coding: usize) -> Option<Self> {
        let claimed = coding < CODINGS && body.codings().begin(coding);
        claimed.then(|| Uncoded { zone: Arc::clone(zone), body: Arc::clone(body), coding })
    }

    /// Its bytes, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.body.pieces()
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.body.len()
    }

    /// Keeps what came of it. False if the zone has no room for it, not even by evicting: then it is not tried again
    /// either, as long as this body is stored.
    pub fn keep(self, coded: Vec<u8>) -> bool {
        let coded = Bytes::from(coded.into_boxed_slice());
        let mut charge = self.zone.memory.budget().nothing();
        if coded.is_empty() || !self.zone.memory.charge(&mut charge, coded.len() as u64 + OVERHEAD) {
            return false;
        }
        let block = Block { end: coded.len() as u64, bytes: coded };
        let body = Arc::new(Body::new(Box::new([block]), charge));
        self.body.codings().made[self.coding].set(body).is_ok()
    }
}

/// A coded form of a stored body; none if it is not made yet.
pub(crate) fn coded(body: &Body, coding: usize) -> Option<&Arc<Body>> {
    body.codings_made()?.get(coding)
}

/// Makes a hit give out the body in a coding, from its start, and returns the length of that; none if the hit is not of
/// a stored object in memory, or that form is not made.
pub fn serve_coded(hit: &mut HitHandler, coding: usize) -> Option<u64> {
    hit.as_any_mut().downcast_mut::<StoredHit>()?.serve_coded(coding)
}

/// Makes a hit give out the body as it is stored, from its start, whatever was chosen before.
pub fn serve_as_stored(hit: &mut HitHandler) {
    if let Some(hit) = hit.as_any_mut().downcast_mut::<StoredHit>() {
        hit.serve_as_stored();
    }
}

/// The body of a hit, to be coded. `Some` once for each body and coding.
pub fn to_be_coded(hit: &mut HitHandler, coding: usize) -> Option<Uncoded> {
    hit.as_any_mut().downcast_mut::<StoredHit>()?.to_be_coded(coding)
}
