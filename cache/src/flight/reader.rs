//! One reader of a fill under way.

use crate::flight::{Flight, Position, Stage, State};
use crate::head::Head;
use bytes::Bytes;
use pingora::prelude::Result;
use std::sync::Arc;
use std::task::Poll;

/// Reads a body from its start, as it comes. The flight knows of it until it is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    flight: Arc<Flight>,
    id: u64,
    at: u64,
    until: u64,
}

impl Reader {
    /// For the client whose request writes the flight, whatever its state.
    pub(crate) fn leading(flight: &Arc<Flight>) -> Self {
        Self::join(flight, &mut flight.lock(), true)
    }

    /// For another client, if the flight is to have its whole body, for everybody.
    pub(crate) fn following(flight: &Arc<Flight>) -> Option<Self> {
        let mut state = flight.lock();
        let open = state.kept && !state.purged && !matches!(state.stage, Stage::Failed);
        open.then(|| Self::join(flight, &mut state, false))
    }

    fn join(flight: &Arc<Flight>, state: &mut State, leads: bool) -> Self {
        state.readers_ever += 1;
        let id = state.readers_ever;
        state.readers.insert(id, Position { at: 0, leads });
        Reader { flight: Arc::clone(flight), id, at: 0, until: u64::MAX }
    }

    pub(crate) fn head(&self) -> &Arc<Head> {
        &self.flight.head
    }

    pub(crate) fn flight_id(&self) -> u64 {
        self.flight.id
    }

    /// Narrows the reader to a part of the body. Bytes that have not come yet are waited for.
    pub(crate) fn seek(&mut self, start: u64, end: Option<u64>) {
        (self.at, self.until) = (start, end.unwrap_or(u64::MAX));
        self.flight.lock().move_reader(self.id, start);
    }

    /// The next bytes; none at the proper end. Dropping the future loses nothing.
    pub(crate) async fn read(&mut self) -> Result<Option<Bytes>> {
        loop {
            let progress = self.flight.progress.notified();
            tokio::pin!(progress);
            // Registered before the state is looked at, so that no progress can fall in between.
            progress.as_mut().enable();
            let read = self.flight.lock().read(self.id, self.at, self.until);
            match read {
                Poll::Ready(read) => {
                    let read = read?;
                    self.flight.relief.notify_waiters();
                    self.at += read.as_ref().map_or(0, Bytes::len) as u64;
                    return Ok(read);
                }
                Poll::Pending => progress.await,
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.flight.lock().readers.remove(&self.id);
        self.flight.relief.notify_waiters();
    }
}
