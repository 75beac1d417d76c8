//! How a body enters the store: Pingora's miss handler.

use crate::flight::{Flight, Flights};
use async_trait::async_trait;
use bytes::Bytes;
use pingora::cache::CacheEntryId;
use pingora::cache::storage::streaming_write::U64WriteId;
use pingora::cache::storage::{HandleMiss, MissFinishType};
use pingora::prelude::Result;
use std::sync::Arc;

/// The writer of one flight. Dropped before `finish`, it makes the flight fail.
#[derive(Debug)]
pub(crate) struct Fill {
    flight: Arc<Flight>,
    flights: &'static Flights,
    tag: U64WriteId,
    over: bool,
}

impl Fill {
    pub(crate) fn new(flight: Arc<Flight>, flights: &'static Flights) -> Self {
        Fill { tag: U64WriteId::from(flight.id()), flight, flights, over: false }
    }
}

#[async_trait]
impl HandleMiss for Fill {
    /// Never fails for want of room, and never waits for its own client (see [`crate::flight`]).
    async fn write_body(&mut self, data: Bytes, _eof: bool) -> Result<()> {
        self.flight.write(data).await
    }

    async fn finish(mut self: Box<Self>) -> Result<MissFinishType> {
        self.over = true;
        Ok(MissFinishType::Created(self.flight.complete()? as usize))
    }

    fn streaming_write_tag(&self) -> Option<&[u8]> {
        Some(self.tag.as_bytes())
    }

    fn entry_id(&self) -> Option<CacheEntryId> {
        Some(CacheEntryId::new(self.flight.id()))
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        if !self.over {
            self.flight.abort();
        }
        // Only now: until here a lookup finds the flight, or, from `complete` on, both it and the object.
        self.flights.end(&self.flight);
    }
}
