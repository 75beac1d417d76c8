//! The body of one request, as fast as the client sends it and the origin takes it.

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use pingora::{Error, ErrorType, OrErr, Result};

use crate::{
    clock,
    listen::pace::{Pace, Patience},
};

/// What is kept of a body to send it again elsewhere; as much as Pingora keeps of other requests.
const RETRY_MAX: usize = 64 * 1024;

/// One body.
pub(super) struct RequestBody {
    stream: RecvStream,
    /// Its end was read; trailers, which Pingora cannot pass on, may still lie behind.
    over: bool,
    bytes: usize,
    pub(super) pace: Pace,
    kept: Kept,
}

/// What is kept of a body.
enum Kept {
    Nothing,
    /// All of it so far.
    All(BytesMut),
    /// It became too long.
    TooLong,
}

impl RequestBody {
    pub(super) fn new(stream: RecvStream, patience: Patience) -> Self {
        Self { stream, over: false, bytes: 0, pace: Pace::new(patience), kept: Kept::Nothing }
    }

    /// Bytes read.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is left to read.
    pub(super) fn is_over(&self) -> bool {
        self.over || self.stream.is_end_stream()
    }

    /// The next piece; `None` at the end.
    pub(super) async fn read(&mut self) -> Result<Option<Bytes>> {
        if self.over {
            return Ok(None);
        }
        let read = self.pace.wait_for(self.stream.data()).await;
        let read = read.map_err(|_too_slow| {
            let context = format!("the client sends its body too slowly: {}", self.pace);
            Error::explain(ErrorType::ReadTimedout, context).into_down()
        })?;
        let Some(data) = read else {
            self.over = true;
            return Ok(None);
        };
        let data = data.or_err(ErrorType::ReadError, "while reading a body").map_err(|error| error.into_down())?;
        self.bytes += data.len();
        self.pace.moved(data.len() as u64, clock::instant);
        self.keep(&data);
        // The client may send so much more; it fails only for a stream that is gone, and the next read says so.
        self.stream.flow_control().release_capacity(data.len()).ok();
        Ok(Some(data))
    }

    fn keep(&mut self, data: &Bytes) {
        let Kept::All(kept) = &mut self.kept else { return };
        if kept.len() + data.len() <= RETRY_MAX {
            kept.extend_from_slice(data);
        } else {
            self.kept = Kept::TooLong;
        }
    }

    /// Keeps what is read from now on.
    pub(super) fn keep_for_retry(&mut self) {
        if matches!(self.kept, Kept::Nothing) {
            self.kept = Kept::All(BytesMut::new());
        }
    }

    /// Whether it is too long to be sent again.
    pub(super) fn is_too_long_for_retry(&self) -> bool {
        matches!(self.kept, Kept::TooLong)
    }

    /// What was read so far, to be sent again.
    pub(super) fn for_retry(&self) -> Option<Bytes> {
        match &self.kept {
            Kept::All(kept) if !kept.is_empty() => Some(Bytes::copy_from_slice(kept)),
            _ => None,
        }
    }

    /// Reads on to the end and forgets it all.
    pub(super) async fn drain(&mut self) -> Result<()> {
        while self.read().await?.is_some() {}
        Ok(())
    }
}
