//! Opening a folder: what a process before this one has left there, read back.
//!
//! The newest segment first, and what is known of a key stands: so a later record wins, and where the index may not grow
//! any further it is the oldest that are given up. Of a sealed segment only the footer is read. One without a footer (its
//! writer was killed, or the disk failed) is walked from record to record, cut off where the first one is torn, and
//! sealed. Bodies are not read: whether they are whole is seen when they are.

use crate::disk::Disk;
use crate::disk::files::{Blob, Folder};
use crate::disk::index::KeyHash;
use crate::disk::layout::{ALIGNMENT, encode_footer, footer_bytes, is_header, segment_name, segment_number};
use crate::disk::layout::{
    Entry, FRAME_BYTES, Frame, HEADER_BYTES, HashKey, KEY_BYTES, Kind, Span, TRAILER_BYTES, Trailer, aligned,
};
use crate::disk::segment::Segment;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;

const KEY: &str = "key";

/// What a folder has.
pub(crate) struct Opened {
    pub(crate) key: HashKey,
    pub(crate) next_number: u64,
    pub(crate) span: Span,
}

/// The key that the folder has. Without a whole one nothing in it could be found: it gets a new one.
pub(crate) fn hash_key(folder: &dyn Folder) -> io::Result<HashKey> {
    match folder.open(KEY).and_then(|file| read(&*file, 0, KEY_BYTES)) {
        Ok(bytes) => {
            if let Some(key) = HashKey::decode(&bytes) {
                return Ok(key);
            }
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {}
        Err(error) => return Err(error),
    }
    let key = HashKey::new(rand::random());
    let file = folder.create(KEY)?;
    file.write_at(&key.encode(), 0)?;
    file.sync()?;
    folder.sync()?;
    Ok(key)
}

/// Removes every segment, unread. Returns how many there were.
pub(crate) fn remove_all(folder: &dyn Folder) -> io::Result<usize> {
    let names = folder.names()?;
    let segments = names.iter().filter(|name| segment_number(name).is_some());
    segments.map(|name| folder.remove(name)).collect::<io::Result<Vec<()>>>().map(|removed| removed.len())
}

/// Reads back every segment, as far as the budgets of disk and memory go. What is over is removed.
pub(crate) fn load(disk: &Disk, key: HashKey) -> io::Result<Opened> {
    let mut numbers: Vec<u64> = disk.folder.names()?.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    let next_number = numbers.first().map_or(1, |newest| newest + 1);
    let (mut span, mut removed, mut full) = (Span::EMPTY, HashSet::new(), false);
    for (at, number) in numbers.iter().enumerate() {
        let is_kept = !full && load_segment(disk, *number, &key, &mut span, &mut removed)?;
        if !is_kept {
            disk.folder.remove(&segment_name(*number))?;
        }
        full = full || disk.is_full();
        if (at + 1) % 16 == 0 {
            tracing::info!(folder = disk.name(), segments = at + 1, of = numbers.len(), "reading the cache on disk");
        }
    }
    Ok(Opened { key, next_number, span })
}

/// Enters one segment's objects into the index. False if it is not one of this folder, or holds nothing, or cannot be
/// read, or there is no room for it.
fn load_segment(
    disk: &Disk,
    number: u64,
    key: &HashKey,
    span: &mut Span,
    removed: &mut HashSet<KeyHash>,
) -> io::Result<bool> {
    let file = disk.folder.open(&segment_name(number))?;
    let listing = list(&*file, number, key).unwrap_or_else(|error| {
        tracing::warn!(folder = disk.name(), segment = number, %error, "a segment cannot be read and is given up");
        None
    });
    let Some(mut listing) = listing.filter(|listing| !listing.entries.is_empty()) else { return Ok(false) };
    if !listing.is_sealed {
        // If that fails, it is walked through again the next time.
        if let Err(error) = listing.seal(&*file, number) {
            tracing::warn!(folder = disk.name(), segment = number, %error, "a segment cannot be sealed");
            listing.bytes = file.length()?;
        }
    }
    if disk.segments.bytes() + listing.bytes > disk.limit_of_segments() {
        return Ok(false);
    }
    let segment = Segment::new(number, file, listing.bytes, &listing.span);
    disk.segments.insert(Arc::new(segment));
    for entry in listing.entries.iter().rev() {
        match entry.kind {
            Kind::Removal => {
                removed.insert(entry.hash);
            }
            Kind::Object if !removed.contains(&entry.hash) => disk.index.load(number, entry),
            Kind::Object => {}
        }
    }
    span.oldest_generation = span.oldest_generation.min(listing.span.oldest_generation);
    span.newest_generation = span.newest_generation.max(listing.span.newest_generation);
    span.newest_id = span.newest_id.max(listing.span.newest_id);
    Ok(true)
}

/// The records of a segment, in order.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    pub(crate) span: Span,
    pub(crate) is_sealed: bool,
    /// Bytes of the file that mean something.
    pub(crate) bytes: u64,
}

impl Listing {
    /// Cuts off what is torn, and adds the footer: the next time will be quick.
    fn seal(&mut self, file: &dyn Blob, number: u64) -> io::Result<()> {
        file.cut(self.bytes)?;
        file.write_at(&encode_footer(number, &self.entries, &self.span), self.bytes)?;
        file.sync()?;
        self.bytes += footer_bytes(self.entries.len() as u64);
        self.is_sealed = true;
        Ok(())
    }
}

/// What a segment holds, by its footer, or else by walking through it. None if it is not that segment.
pub(crate) fn list(file: &dyn Blob, number: u64, key: &HashKey) -> io::Result<Option<Listing>> {
    let length = file.length()?;
    if length < HEADER_BYTES || !is_header(&read(file, 0, HEADER_BYTES)?, number, key) {
        return Ok(None);
    }
    match footer(file, number, length)? {
        Some(listing) => Ok(Some(listing)),
        None => walk(file, length).map(Some),
    }
}

fn footer(file: &dyn Blob, number: u64, length: u64) -> io::Result<Option<Listing>> {
    let Some(at) = length.checked_sub(TRAILER_BYTES).filter(|at| *at >= HEADER_BYTES) else { return Ok(None) };
    let Some(trailer) = Trailer::decode(&read(file, at, TRAILER_BYTES)?, number) else { return Ok(None) };
    let table_bytes = footer_bytes(trailer.records) - TRAILER_BYTES;
    let Some(start) = at.checked_sub(table_bytes).filter(|start| *start >= HEADER_BYTES) else { return Ok(None) };
    let Some(entries) = trailer.entries(&read(file, start, table_bytes)?) else { return Ok(None) };
    let lies_within = |entry: &Entry| entry.offset >= HEADER_BYTES && entry.offset + entry.bytes <= start;
    if !entries.iter().all(lies_within) {
        return Ok(None);
    }
    Ok(Some(Listing { entries, span: trailer.span, is_sealed: true, bytes: length }))
}

/// Goes from head to head, up to the first that is not whole or whose body is not all there.
fn walk(file: &dyn Blob, length: u64) -> io::Result<Listing> {
    let mut listing = Listing { entries: Vec::new(), span: Span::EMPTY, is_sealed: false, bytes: HEADER_BYTES };
    while let Some((frame, bytes)) = read_frame(file, listing.bytes, length)? {
        listing.span.include(&frame);
        listing.entries.push(Entry { hash: frame.hash, kind: frame.kind, offset: listing.bytes, bytes });
        listing.bytes += bytes;
    }
    Ok(listing)
}

fn read_frame(file: &dyn Blob, offset: u64, length: u64) -> io::Result<Option<(Frame, u64)>> {
    debug_assert!(offset.is_multiple_of(ALIGNMENT));
    if offset + FRAME_BYTES > length {
        return Ok(None);
    }
    let start = read(file, offset, FRAME_BYTES)?;
    let Some(head_bytes) = Frame::head_bytes(&start).filter(|bytes| offset + bytes <= length) else { return Ok(None) };
    let head = read(file, offset, head_bytes)?;
    let Some((frame, _, _)) = Frame::decode(&head) else { return Ok(None) };
    let bytes = head_bytes.checked_add(frame.body_bytes).filter(|bytes| *bytes <= length).map(aligned);
    Ok(bytes.filter(|bytes| offset + bytes <= length).map(|bytes| (frame, bytes)))
}

/// So many bytes, which the caller knows the file to have or has bounded.
pub(crate) fn read(file: &dyn Blob, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    file.read_at(&mut bytes, offset)?;
    Ok(bytes)
}
