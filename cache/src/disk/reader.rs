//! Reading what is stored: by position, on threads that may block, so many at a time.
//!
//! An object that is small is read at once, head and body. Of a longer one the head comes first, and then the body in
//! pieces while it is sent. Each checksum is compared before a byte is handed on.

use crate::disk::index::Found;
use crate::disk::layout::{CHUNK_BYTES, FRAME_BYTES, Frame, Kind, chunks};
use crate::disk::recover::read;
use crate::disk::segment::Segment;
use crate::sync::atomic::{AtomicUsize, Ordering};
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Reads of one zone at the same time. A disk has a queue of its own, which more of them would not make any faster.
const READS_MAX: usize = 32;
/// Requests that may wait for their turn to read. Whoever comes then is told that nothing was found.
const WAITING_MAX: usize = 256;
/// What a first read takes at most: an object that fits is read at once.
const FIRST_BYTES: u64 = 128 << 10;
/// What each further read takes of a body.
pub(crate) const PIECE_BYTES: u64 = 4 * CHUNK_BYTES;

/// Runs what blocks, within bounds.
#[derive(Debug)]
pub(crate) struct Readers {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Too many want to read, or the disk takes too long.
    Busy,
    /// The disk says no.
    Broken(io::Error),
    /// It is not what was written.
    Damaged,
}

impl Readers {
    pub(crate) fn new() -> Self {
        Readers { permits: Arc::new(Semaphore::new(READS_MAX)), waiting: AtomicUsize::new(0) }
    }

    /// Does the work on a thread that may block, if its turn comes and it ends in time. It ends some time even when it is
    /// not waited for any more, and its turn lasts until then: a disk that hangs is soon asked nothing.
    pub(crate) async fn run<Output: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> Result<Output, Failure> + Send + 'static,
    ) -> Result<Output, Failure> {
        let waiting = Waiting::enter(&self.waiting).ok_or(Failure::Busy)?;
        let permits = Arc::clone(&self.permits);
        let worked = tokio::time::timeout(patience, async move {
            let permit = permits.acquire_owned().await.map_err(|_closed| Failure::Busy)?;
            drop(waiting);
            let work = move || {
                let output = work();
                drop(permit);
                output
            };
            tokio::task::spawn_blocking(work).await.map_err(|_ended| Failure::Busy)?
        });
        worked.await.unwrap_or(Err(Failure::Busy))
    }
}

struct Waiting<'count>(&'count AtomicUsize);

impl<'count> Waiting<'count> {
    fn enter(count: &'count AtomicUsize) -> Option<Self> {
        let one_more = |waiting| (waiting < WAITING_MAX).then_some(waiting + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Waiting(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A head that was read, and the body where it came along.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) frame: Frame,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Option<Bytes>,
}

/// Reads the head of a record, and all of a small one. Blocks.
pub(crate) fn open(segment: &Segment, found: &Found) -> Result<Opening, Failure> {
    let offset = found.place.offset;
    let there = segment.bytes().checked_sub(offset).ok_or(Failure::Damaged)?;
    let mut bytes = read_up_to(segment, offset, found.bytes.min(FIRST_BYTES).min(there))?;
    let head_bytes = Frame::head_bytes(&bytes).filter(|head_bytes| *head_bytes <= there).ok_or(Failure::Damaged)?;
    if head_bytes > bytes.len() as u64 {
        bytes = read_up_to(segment, offset, head_bytes)?;
    }
    let rest = Bytes::from(bytes.split_off(head_bytes as usize));
    let (frame, _, checksums) = Frame::decode(&bytes).ok_or(Failure::Damaged)?;
    if frame.kind != Kind::Object {
        return Err(Failure::Damaged);
    }
    let body = (frame.body_bytes <= rest.len() as u64).then(|| rest.slice(..frame.body_bytes as usize));
    if body.as_ref().is_some_and(|body| !are_right(body, checksums)) {
        return Err(Failure::Damaged);
    }
    Ok(Opening { frame, head: bytes, body })
}

/// Reads whole chunks of a body: those from `first` on, up to [`PIECE_BYTES`] of them. Blocks.
pub(crate) fn read_piece(
    segment: &Segment,
    body_at: u64,
    body_bytes: u64,
    checksums: &[u8],
    first: u64,
) -> Result<Bytes, Failure> {
    let start = first * CHUNK_BYTES;
    let bytes = Bytes::from(read_up_to(segment, body_at + start, PIECE_BYTES.min(body_bytes - start))?);
    let checksums = checksums.get(first as usize * 4..).ok_or(Failure::Damaged)?;
    if are_right(&bytes, checksums) { Ok(bytes) } else { Err(Failure::Damaged) }
}

/// The head of a record, and its frame. None where it cannot be read, or is not what was written, or would be longer than
/// `most`.
pub(crate) fn read_head(segment: &Segment, offset: u64, most: u64) -> Option<(Vec<u8>, Frame)> {
    let start = read(&*segment.file, offset, FRAME_BYTES).ok()?;
    let head_bytes = Frame::head_bytes(&start).filter(|bytes| *bytes <= most)?;
    let head = read(&*segment.file, offset, head_bytes).ok()?;
    let (frame, _, _) = Frame::decode(&head)?;
    (head_bytes.checked_add(frame.body_bytes)? <= most).then_some((head, frame))
}

fn read_up_to(segment: &Segment, offset: u64, bytes: u64) -> Result<Vec<u8>, Failure> {
    read(&*segment.file, offset, bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::Damaged,
        _ => Failure::Broken(error),
    })
}

/// Compares each chunk with its checksum; further checksums are of chunks that are not there.
fn are_right(bytes: &[u8], checksums: &[u8]) -> bool {
    let (checksums, _) = checksums.as_chunks::<4>();
    bytes.len() as u64 <= checksums.len() as u64 * CHUNK_BYTES
        && chunks(bytes.len() as u64) <= checksums.len() as u64
        && bytes
            .chunks(CHUNK_BYTES as usize)
            .zip(checksums)
            .all(|(chunk, checksum)| crc32fast::hash(chunk) == u32::from_le_bytes(*checksum))
}
