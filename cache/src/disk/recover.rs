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
    let mut loading = Loading { disk, key, span: Span::EMPTY, shadowed: HashSet::new(), is_over: false };
    for (at, number) in numbers.iter().enumerate() {
        let is_kept = !loading.is_over && loading.load_segment(*number)?;
        if !is_kept {
            disk.folder.remove(&segment_name(*number))?;
        }
        loading.is_over |= disk.is_full();
        if (at + 1) % 16 == 0 {
            tracing::info!(folder = disk.name(), segments = at + 1, of = numbers.len(), "reading the cache on disk");
        }
    }
    Ok(Opened { key, next_number, span: loading.span })
}

/// What is known of the segments that were read back so far: of all that are newer than the next one.
struct Loading<'disk> {
    disk: &'disk Disk,
    key: HashKey,
    span: Span,
    /// Keys of which nothing older may be found: they were removed, or what they have is in a segment that was given up.
    shadowed: HashSet<KeyHash>,
    /// Nothing older may be kept: there is no room for it, or a segment was given up of which nobody knows what it held.
    is_over: bool,
}

impl Loading<'_> {
    /// Enters one segment's objects into the index. False if it is not one of this folder, or holds nothing, or cannot be
    /// read, or there is no room for it.
    fn load_segment(&mut self, number: u64) -> io::Result<bool> {
        let disk = self.disk;
        let file = disk.folder.open(&segment_name(number))?;
        let listing = match list(&*file, number, &self.key) {
            Ok(listing) => listing.filter(|listing| !listing.entries.is_empty()),
            Err(error) => {
                tracing::warn!(folder = disk.name(), segment = number, %error, "a segment cannot be read and is given up");
                None
            }
        };
        let Some(mut listing) = listing else {
            self.shadow_all_of(&*file, number);
            return Ok(false);
        };
        if !listing.is_sealed {
            // If that fails, it is walked through again the next time.
            if let Err(error) = listing.seal(&*file, number) {
                tracing::warn!(folder = disk.name(), segment = number, %error, "a segment cannot be sealed");
                listing.bytes = file.length()?;
            }
        }
        if disk.segments.bytes() + listing.bytes > disk.limit_of_segments() {
            self.is_over = true;
            return Ok(false);
        }
        disk.segments.insert(Arc::new(Segment::new(number, file, listing.bytes, &listing.span)));
        self.enter(number, &listing);
        Ok(true)
    }

    fn enter(&mut self, number: u64, listing: &Listing) {
        for entry in listing.entries.iter().rev() {
            match entry.kind {
                Kind::Removal => {
                    self.shadowed.insert(entry.hash);
                }
                Kind::Object if !self.shadowed.contains(&entry.hash) => self.disk.index.load(number, entry),
                Kind::Object => {}
            }
        }
        self.span.oldest_generation = self.span.oldest_generation.min(listing.span.oldest_generation);
        self.span.newest_generation = self.span.newest_generation.max(listing.span.newest_generation);
        self.span.newest_id = self.span.newest_id.max(listing.span.newest_id);
    }

    /// Of a segment that is given up, for its start is not what it should be: its footer still says what it held. One
    /// without a footer was never sealed, so that what it held was not certain to be there.
    fn shadow_all_of(&mut self, file: &dyn Blob, number: u64) {
        match file.length().and_then(|length| footer(file, number, length)) {
            Ok(Some(listing)) => self.shadowed.extend(listing.entries.iter().map(|entry| entry.hash)),
            Ok(None) => {}
            Err(_) => self.is_over = true,
        }
    }
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
