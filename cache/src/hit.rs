//! How a body leaves the store: Pingora's hit handlers.

use crate::body::Body;
use crate::codings::{self, Uncoded};
use crate::disk::DiskBody;
use crate::flight::Reader;
use crate::memory::object::Object;
use crate::tier::Promotion;
use crate::zone::Zone;
use async_trait::async_trait;
use bytes::Bytes;
use pingora::cache::storage::HandleHit;
use pingora::cache::trace::SpanHandle;
use pingora::cache::{CacheEntryId, CacheKey, HitHandler, Storage};
use pingora::prelude::{Error, ErrorType, Result};
use std::any::Any;
use std::sync::Arc;

/// Reads a stored body, by reference.
#[derive(Debug)]
pub(crate) struct StoredHit {
    id: u64,
    weight: u64,
    zone: Arc<Zone>,
    body: Arc<Body>,
    /// The form that goes out in place of it.
    coded: Option<Arc<Body>>,
    at: u64,
    until: u64,
}

impl StoredHit {
    pub(crate) fn new(object: &Object, zone: Arc<Zone>) -> Self {
        StoredHit {
            id: object.id,
            weight: object.weight(),
            zone,
            body: Arc::clone(&object.body),
            coded: None,
            at: 0,
            until: object.body.len(),
        }
    }

    /// See [`codings::serve_coded`].
    pub(crate) fn serve_coded(&mut self, coding: usize) -> Option<u64> {
        self.coded = Some(Arc::clone(codings::coded(&self.body, coding)?));
        (self.at, self.until) = (0, self.served().len());
        Some(self.until)
    }

    /// See [`codings::serve_as_stored`].
    pub(crate) fn serve_as_stored(&mut self) {
        self.coded = None;
        (self.at, self.until) = (0, self.body.len());
    }

    fn served(&self) -> &Body {
        self.coded.as_ref().unwrap_or(&self.body)
    }

    /// See [`codings::to_be_coded`].
    pub(crate) fn to_be_coded(&self, coding: usize) -> Option<Uncoded> {
        Uncoded::claim(&self.zone, &self.body, coding)
    }
}

/// The length of the body that a hit gives out, if it is whole; none while it is still being written.
pub fn length(hit: &HitHandler) -> Option<u64> {
    let stored = hit.as_any().downcast_ref::<StoredHit>().map(|hit| hit.body.len());
    stored.or_else(|| hit.as_any().downcast_ref::<DiskHit>().map(|hit| hit.body.len()))
}

#[async_trait]
impl HandleHit for StoredHit {
    async fn read_body(&mut self) -> Result<Option<Bytes>> {
        let read = self.served().read(self.at, self.until);
        self.at += read.as_ref().map_or(0, Bytes::len) as u64;
        Ok(read)
    }

    async fn finish(self: Box<Self>, _: &'static (dyn Storage + Sync), _: &CacheKey, _: &SpanHandle) -> Result<()> {
        Ok(())
    }

    fn can_seek(&self) -> bool {
        true
    }

    /// To any part, any number of times. An end past the body is its end.
    fn seek(&mut self, start: usize, end: Option<usize>) -> Result<()> {
        (self.at, self.until) = part_of(self.served().len(), start, end)?;
        Ok(())
    }

    fn get_eviction_weight(&self) -> usize {
        self.weight as usize
    }

    fn entry_id(&self) -> Option<CacheEntryId> {
        Some(CacheEntryId::new(self.id))
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn as_any_mut(&mut self) -> &mut (dyn Any + Send + Sync) {
        self
    }
}

/// Reads a body from disk while it is sent, and may take a copy of it for memory.
#[derive(Debug)]
pub(crate) struct DiskHit {
    id: u64,
    body: DiskBody,
    at: u64,
    until: u64,
    promotion: Option<Promotion>,
}

impl DiskHit {
    pub(crate) fn new(id: u64, body: DiskBody, promotion: Option<Promotion>) -> Self {
        let mut hit = DiskHit { id, at: 0, until: body.len(), body, promotion };
        hit.promote_if_whole();
        hit
    }

    fn promote_if_whole(&mut self) {
        if let Some(promotion) = self.promotion.take_if(|promotion| promotion.has(self.body.len())) {
            promotion.finish(&self.body);
        }
    }
}

#[async_trait]
impl HandleHit for DiskHit {
    async fn read_body(&mut self) -> Result<Option<Bytes>> {
        let read = self.body.read(self.at, self.until).await?;
        if let Some(bytes) = &read {
            self.promotion = self.promotion.take().and_then(|promotion| promotion.add(self.at, bytes));
            self.at += bytes.len() as u64;
            self.promote_if_whole();
        }
        Ok(read)
    }

    async fn finish(self: Box<Self>, _: &'static (dyn Storage + Sync), _: &CacheKey, _: &SpanHandle) -> Result<()> {
        Ok(())
    }

    fn can_seek(&self) -> bool {
        true
    }

    /// To any part, any number of times, without reading what is before. An end past the body is its end.
    fn seek(&mut self, start: usize, end: Option<usize>) -> Result<()> {
        (self.at, self.until) = part_of(self.body.len(), start, end)?;
        Ok(())
    }

    fn get_eviction_weight(&self) -> usize {
        self.body.len() as usize
    }

    fn entry_id(&self) -> Option<CacheEntryId> {
        Some(CacheEntryId::new(self.id))
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn as_any_mut(&mut self) -> &mut (dyn Any + Send + Sync) {
        self
    }
}

/// Where a part begins and ends.
fn part_of(length: u64, start: usize, end: Option<usize>) -> Result<(u64, u64)> {
    if start as u64 >= length {
        return Error::e_explain(ErrorType::InternalError, format!("seek to {start} in a body of {length} bytes"));
    }
    Ok((start as u64, end.map_or(length, |end| length.min(end as u64))))
}

/// Reads a body that is still being written.
#[derive(Debug)]
pub(crate) struct FollowingHit {
    reader: Reader,
}

impl FollowingHit {
    pub(crate) fn new(reader: Reader) -> Self {
        FollowingHit { reader }
    }
}

#[async_trait]
impl HandleHit for FollowingHit {
    async fn read_body(&mut self) -> Result<Option<Bytes>> {
        self.reader.read().await
    }

    async fn finish(self: Box<Self>, _: &'static (dyn Storage + Sync), _: &CacheKey, _: &SpanHandle) -> Result<()> {
        Ok(())
    }

    /// To one part, which is waited for.
    fn can_seek(&self) -> bool {
        true
    }

    /// Not to several: going back is impossible once the body is no longer kept. Pingora then cuts the parts out itself.
    fn can_seek_multipart(&self) -> bool {
        false
    }

    fn seek(&mut self, start: usize, end: Option<usize>) -> Result<()> {
        self.reader.seek(start as u64, end.map(|end| end as u64));
        Ok(())
    }

    fn should_count_access(&self) -> bool {
        false
    }

    fn entry_id(&self) -> Option<CacheEntryId> {
        Some(CacheEntryId::new(self.reader.flight_id()))
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn as_any_mut(&mut self) -> &mut (dyn Any + Send + Sync) {
        self
    }
}
