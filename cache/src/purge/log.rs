//! The purges of a zone on disk: a file that is appended to, and now and then written anew.
//!
//! ```text
//! file    "FLPURGE1" frame*
//! frame   length u32 | !length u32 | checksum u64 | records, `length` bytes of them     (numbers in little-endian order)
//! record  kind u8 | generation u64 | value
//!           0 floor    -                      1 all    -
//!           2 URL      hash u64               3 tag    hash u64
//!           4 prefix   length u16, text       5 none: a number that was given
//!           6 group    number u32: a URL of it
//!         kind + 128 for a soft purge: after the generation comes its time, u64 nanoseconds since 1970
//! ```
//!
//! **The file is there exactly as long as it is whole.** What an append has left behind when it failed is not known, so
//! the file is then written anew in another place, or else removed, which takes no room on a full disk. A folder without
//! it says that purges may have been lost: what else is in it must not be used. A frame that is cut off at the end of
//! the file was being written when the process ended, and nobody was told that it was; anything else that does not
//! agree with its checksum counts as a file that is not there.

use crate::labels::{Generation, Tag, UrlHash};
use crate::purge::Durability;
use crate::purge::records::{Mark, Record, Records};
use crate::purge::standing::nanos;
use bytes::{Buf, BufMut};
use siphasher::sip::SipHasher24;
use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const NAME: &str = "purges.log";
const NEW_NAME: &str = "purges.log.new";
/// What purges may keep in a folder.
pub(crate) const FILES: [&str; 2] = [NAME, NEW_NAME];
const MAGIC: &[u8; 8] = b"FLPURGE1";
const FRAME_HEAD: usize = 4 + 4 + 8;
const SOFT: u8 = 128;
/// A file that has grown by so much, and to twice what it need be, is written anew.
const SLACK_BYTES: u64 = 256 << 10;

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) records: Records,
    /// Of everything that may be found in the folder.
    pub(crate) newest: Generation,
}

/// The file, open for appending.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    /// None once it could not be written, until it is written anew.
    file: Option<File>,
    bytes: u64,
    bytes_when_new: u64,
}

impl Log {
    /// What a folder's file says; none if it is not there or not whole.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<Told>> {
        match fs::read(folder.join(NAME)) {
            Ok(bytes) => Ok(decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a new file, in the place of one that is there. It is on the disk when this returns.
    pub(crate) fn create(folder: &Path, records: &Records, newest: Generation) -> io::Result<Self> {
        let mut log = Log { folder: folder.to_owned(), file: None, bytes: 0, bytes_when_new: 0 };
        log.rewrite(records, newest)?;
        Ok(log)
    }

    /// Whether it says everything that it was told.
    pub(crate) fn is_whole(&self) -> bool {
        self.file.is_some()
    }

    /// Whether it is time to write it anew.
    pub(crate) fn is_to_be_rewritten(&self) -> bool {
        !self.is_whole() || self.bytes > (2 * self.bytes_when_new).max(self.bytes_when_new + SLACK_BYTES)
    }

    /// Adds records. With `sync` they, and all before them, are on the disk when this returns; without, they are with
    /// the system, and outlive this process. After an error, [`Log::rewrite`] or [`Log::remove`].
    pub(crate) fn append(&mut self, records: &[Record], sync: bool) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Err(io::Error::other("it could not be written before")) };
        let mut payload = Vec::new();
        records.iter().for_each(|record| encode(record, &mut payload));
        let frame = if records.is_empty() { Vec::new() } else { framed(&payload) };
        let appended = file.write_all(&frame);
        let synced = appended.and_then(|()| if sync { file.sync_data() } else { Ok(()) });
        match synced {
            Ok(()) => self.bytes += frame.len() as u64,
            Err(_) => self.file = None,
        }
        synced
    }

    /// Writes the file anew from all there is to say. If that fails the one that is there stays, as whole as it was.
    pub(crate) fn rewrite(&mut self, records: &Records, newest: Generation) -> io::Result<()> {
        let mut payload = Vec::new();
        put_head(&mut payload, 5, newest, None);
        put_head(&mut payload, 0, records.floor(), None);
        for (group, purged) in records.groups() {
            put_head(&mut payload, 6, purged, None);
            payload.put_u32_le(group as u32);
        }
        records.iter().for_each(|record| encode(&record, &mut payload));
        let bytes = [&MAGIC[..], &framed(&payload)].concat();
        let new = self.folder.join(NEW_NAME);
        let file = write_new(&new, &bytes).inspect_err(|_| {
            // It takes room where there may be none. It is tried again when the file has grown once more.
            fs::remove_file(&new).ok();
            self.bytes_when_new = self.bytes;
        })?;
        // From here on the old file may or may not be the one that has the name.
        self.file = None;
        fs::rename(&new, self.folder.join(NAME))?;
        sync_folder(&self.folder)?;
        self.file = Some(file);
        (self.bytes, self.bytes_when_new) = (bytes.len() as u64, bytes.len() as u64);
        Ok(())
    }

    /// Appends to another file from now on.
    #[cfg(test)]
    pub(crate) fn append_to(&mut self, file: File) {
        self.file = Some(file);
    }

    /// Removes the file, so that the next to open the folder knows that it must not use what is there.
    pub(crate) fn remove(&mut self) -> Durability {
        self.file = None;
        let removed = match fs::remove_file(self.folder.join(NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync_folder(&self.folder),
        };
        if removed.is_ok() { Durability::DiskForfeited } else { Durability::ThisProcess }
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Makes a rename or a removal outlive a loss of power.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_HEAD + payload.len());
    frame.put_u32_le(payload.len() as u32);
    frame.put_u32_le(!(payload.len() as u32));
    frame.put_u64_le(checksum(payload));
    frame.put_slice(payload);
    frame
}

fn checksum(payload: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(u64::from_le_bytes(*MAGIC), payload.len() as u64);
    hasher.write(payload);
    hasher.finish()
}

fn put_head(payload: &mut Vec<u8>, kind: u8, generation: Generation, softened: Option<SystemTime>) {
    payload.put_u8(kind | if softened.is_some() { SOFT } else { 0 });
    payload.put_u64_le(generation.0);
    if let Some(at) = softened {
        payload.put_u64_le(nanos(at));
    }
}

fn encode(record: &Record, payload: &mut Vec<u8>) {
    let mut head = |kind| put_head(payload, kind, record.generation, record.softened);
    match &record.mark {
        Mark::All => head(1),
        Mark::Url(url) => {
            head(2);
            payload.put_u64_le(url.0);
        }
        Mark::Tag(tag) => {
            head(3);
            payload.put_u64_le(tag.0);
        }
        Mark::Prefix(prefix) => {
            head(4);
            // Longer than any URL in a key: shorter means more.
            let prefix = &prefix[..prefix.len().min(usize::from(u16::MAX))];
            payload.put_u16_le(prefix.len() as u16);
            payload.put_slice(prefix);
        }
    }
}

/// All that a file says; none if it is not whole.
fn decode(file: &[u8]) -> Option<Told> {
    let mut rest = file.strip_prefix(MAGIC)?;
    let mut told = Told::default();
    let mut frames = 0;
    while let Some(payload) = next_frame(&mut rest)? {
        let mut payload = payload;
        while !payload.is_empty() {
            decode_record(&mut payload, &mut told)?;
        }
        frames += 1;
    }
    // The first was there before the file got its name.
    (frames > 0).then_some(told)
}

/// The next frame, or that there is none: at the end, and where one was cut off. None if it is not what was written.
#[expect(clippy::option_option, reason = "none within some is the end, and none at all a fault")]
fn next_frame<'b>(rest: &mut &'b [u8]) -> Option<Option<&'b [u8]>> {
    // A file may have got its new length before its last bytes; those are then zero.
    if rest.len() < FRAME_HEAD || rest.iter().all(|byte| *byte == 0) {
        return Some(None);
    }
    let (length, complement, expected) = (rest.get_u32_le(), rest.get_u32_le(), rest.get_u64_le());
    if length != !complement {
        return None;
    }
    let Some((payload, after)) = rest.split_at_checked(length as usize) else { return Some(None) };
    if checksum(payload) != expected {
        return if after.is_empty() { Some(None) } else { None };
    }
    *rest = after;
    Some(Some(payload))
}

fn decode_record(payload: &mut &[u8], told: &mut Told) -> Option<()> {
    let kind = payload.try_get_u8().ok()?;
    let generation = Generation(payload.try_get_u64_le().ok()?);
    let softened = match kind & SOFT {
        0 => None,
        _ => SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(payload.try_get_u64_le().ok()?)),
    };
    told.newest = told.newest.max(generation);
    let mark = match kind & !SOFT {
        0 => {
            told.records.raise_floor(generation);
            return Some(());
        }
        1 => Mark::All,
        2 => Mark::Url(UrlHash(payload.try_get_u64_le().ok()?)),
        3 => Mark::Tag(Tag(payload.try_get_u64_le().ok()?)),
        4 => {
            let length = usize::from(payload.try_get_u16_le().ok()?);
            let (prefix, rest) = payload.split_at_checked(length)?;
            *payload = rest;
            Mark::Prefix(prefix.into())
        }
        5 => return Some(()),
        6 => {
            told.records.add_group(payload.try_get_u32_le().ok()? as usize, generation);
            return Some(());
        }
        _ => return None,
    };
    told.records.add(&Record { mark, generation, softened });
    Some(())
}
