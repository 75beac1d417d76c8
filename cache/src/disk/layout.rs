//! The bytes of a segment: its header, the records, the footer that names them. All numbers are little-endian.
//!
//! A folder holds `lock` (empty), `key` and the segments, `0000000000000001.seg` and so on by their number in hexadecimal.
//!
//! `key`, 32 bytes: what the hashes of keys are made with, so that nobody outside can choose keys that collide.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | `FLGKEY` and the version of the layout, 16 bits |
//! | 8 | 16 | random |
//! | 24 | 4 | zero |
//! | 28 | 4 | CRC-32 of the bytes before |
//!
//! A segment begins with a header of 32 bytes, and records follow, each at a multiple of 16.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | `FLGSEG` and the version, 16 bits |
//! | 8 | 8 | the segment's number |
//! | 16 | 8 | hash of that number: a segment of another folder has another |
//! | 24 | 4 | zero |
//! | 28 | 4 | CRC-32 of the bytes before |
//!
//! A record. Where a body is longer than 64 KiB each further 64 KiB of it has a checksum of its own, so that any part can
//! be read without the rest. Nothing in a record depends on where it lies: it can be copied.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 4 | CRC-32 of the head, but for these four bytes |
//! | 4 | 4 | bytes of the head: this table, the key, the response header, the checksums of the body |
//! | 8 | 1 | 1: an object, 2: what was stored under this key before is removed |
//! | 9 | 7 | zero |
//! | 16 | 8 | hash of the key |
//! | 24 | 8 | bytes of the body |
//! | 32 | 8 | identity of the object |
//! | 40 | 8 | generation: when the origin was asked |
//! | 48 | | see [`crate::disk::record`] |
//! | | 4 each | CRC-32 of each 64 KiB of the body |
//! | head | | body, and zeros up to a multiple of 16 |
//!
//! A sealed segment ends with its footer: 16 bytes for each record, and a trailer of 64 bytes. So a million objects are
//! opened by reading 16 MB. What has no footer, after a crash, is scanned.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | hash of the key |
//! | 8 | 4 | offset of the record, in units of 16 bytes, and in the highest bit whether it is a removal |
//! | 12 | 4 | bytes of the record, in units of 16 bytes |
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | `FLGEND` and the version |
//! | 8 | 8 | the segment's number |
//! | 16 | 8 | how many records |
//! | 24 | 8 | oldest generation of any object, or the largest number |
//! | 32 | 8 | newest generation, or 0 |
//! | 40 | 8 | greatest identity of any object, or 0 |
//! | 48 | 4 | CRC-32 of the table |
//! | 52 | 8 | zero |
//! | 60 | 4 | CRC-32 of the trailer before this |

use crate::disk::index::KeyHash;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Records begin at multiples of this.
pub(crate) const ALIGNMENT: u64 = 16;
/// What one checksum covers of a body.
pub(crate) const CHUNK_BYTES: u64 = 64 << 10;
/// Longer heads are not stored: a key and header of half of it, and the checksums of a segment full of body.
pub(crate) const HEAD_BYTES_MAX: u64 = 1 << 20;
pub(crate) const HEADER_BYTES: u64 = 32;
pub(crate) const FRAME_BYTES: u64 = 48;
pub(crate) const ENTRY_BYTES: u64 = 16;
pub(crate) const TRAILER_BYTES: u64 = 64;
pub(crate) const KEY_BYTES: u64 = 32;

const KEY_MAGIC: [u8; 8] = *b"FLGKEY\x01\x00";
const SEGMENT_MAGIC: [u8; 8] = *b"FLGSEG\x01\x00";
const TRAILER_MAGIC: [u8; 8] = *b"FLGEND\x01\x00";
const REMOVAL_BIT: u32 = 1 << 31;

/// The next multiple of [`ALIGNMENT`].
pub(crate) fn aligned(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNMENT)
}

/// The footer of so many records.
pub(crate) fn footer_bytes(records: u64) -> u64 {
    records * ENTRY_BYTES + TRAILER_BYTES
}

/// How many checksums a body has.
pub(crate) fn chunks(body_bytes: u64) -> u64 {
    body_bytes.div_ceil(CHUNK_BYTES)
}

/// The file that a segment is kept in.
pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:016x}.seg")
}

/// Names may hold greater numbers, but no segment has one: there is always a next number.
const NUMBER_MAX: u64 = 1 << 56;

/// The number of the segment that a file holds, if it is named like one.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().filter(|number| *number < NUMBER_MAX && segment_name(*number) == name)
}

/// What the hashes of a folder are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HashKey([u8; 16]);

impl HashKey {
    pub(crate) fn new(random: [u8; 16]) -> Self {
        HashKey(random)
    }

    /// The hash by which an object is found.
    pub(crate) fn hash(&self, primary: &[u8], variance: Option<&[u8]>) -> KeyHash {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_u64(primary.len() as u64);
        hasher.write(primary);
        hasher.write(variance.unwrap_or_default());
        KeyHash(hasher.finish())
    }

    fn mark(&self, segment: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_u64(segment);
        hasher.finish()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = KEY_MAGIC.to_vec();
        bytes.extend_from_slice(&self.0);
        bytes.resize(KEY_BYTES as usize - 4, 0);
        append_crc(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(without_crc(bytes)?);
        (fields.array()? == KEY_MAGIC).then_some(())?;
        fields.array().map(HashKey)
    }
}

/// The header of a segment.
pub(crate) fn encode_header(number: u64, key: &HashKey) -> Vec<u8> {
    let mut bytes = SEGMENT_MAGIC.to_vec();
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&key.mark(number).to_le_bytes());
    bytes.resize(HEADER_BYTES as usize - 4, 0);
    append_crc(bytes)
}

/// Whether these bytes are the header of this segment.
pub(crate) fn is_header(bytes: &[u8], number: u64, key: &HashKey) -> bool {
    bytes == encode_header(number, key)
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    /// What came before under this key is not to be found any more.
    Removal,
}

/// The first bytes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) hash: KeyHash,
    pub(crate) body_bytes: u64,
    pub(crate) id: u64,
    pub(crate) generation: u64,
}

impl Frame {
    pub(crate) fn removal(hash: KeyHash) -> Self {
        Frame { kind: Kind::Removal, hash, body_bytes: 0, id: 0, generation: 0 }
    }

    /// A whole head: this frame, the description of the object, the checksums of its body.
    pub(crate) fn encode(&self, description: &[u8], checksums: &[u32]) -> Vec<u8> {
        let head_bytes = FRAME_BYTES as usize + description.len() + checksums.len() * 4;
        let mut bytes = Vec::with_capacity(head_bytes);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&(head_bytes as u32).to_le_bytes());
        let kind = match self.kind {
            Kind::Object => 1,
            Kind::Removal => 2,
        };
        bytes.extend_from_slice(&[kind, 0, 0, 0, 0, 0, 0, 0]);
        for number in [self.hash.0, self.body_bytes, self.id, self.generation] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(description);
        checksums.iter().for_each(|crc| bytes.extend_from_slice(&crc.to_le_bytes()));
        let crc = crc32fast::hash(&bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The bytes of a head that begins with these, if they can be that: no claim is believed past [`HEAD_BYTES_MAX`].
    pub(crate) fn head_bytes(start: &[u8]) -> Option<u64> {
        let bytes = u64::from(u32::from_le_bytes(start.get(4..8)?.try_into().ok()?));
        (FRAME_BYTES..=HEAD_BYTES_MAX).contains(&bytes).then_some(bytes)
    }

    /// The frame of a whole head, its description, and the checksums; none if it is not what was written.
    pub(crate) fn decode(head: &[u8]) -> Option<(Self, &[u8], &[u8])> {
        let (crc, rest) = head.split_first_chunk()?;
        (crc32fast::hash(rest) == u32::from_le_bytes(*crc)).then_some(())?;
        let mut fields = Fields(rest);
        (u64::from(fields.u32()?) == head.len() as u64).then_some(())?;
        let kind = match fields.array()? {
            [1, 0, 0, 0, 0, 0, 0, 0] => Kind::Object,
            [2, 0, 0, 0, 0, 0, 0, 0] => Kind::Removal,
            _ => return None,
        };
        let (hash, body_bytes) = (KeyHash(fields.u64()?), fields.u64()?);
        let frame = Frame { kind, hash, body_bytes, id: fields.u64()?, generation: fields.u64()? };
        let checksums = usize::try_from(chunks(body_bytes).checked_mul(4)?).ok()?;
        let (description, checksums) = fields.0.split_at_checked(fields.0.len().checked_sub(checksums)?)?;
        Some((frame, description, checksums))
    }
}

/// Checksums as numbers.
pub(crate) fn numbers(checksums: &[u8]) -> Vec<u32> {
    checksums.as_chunks().0.iter().map(|checksum| u32::from_le_bytes(*checksum)).collect()
}

/// Where a record lies in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) hash: KeyHash,
    pub(crate) kind: Kind,
    pub(crate) offset: u64,
    /// With the zeros after it.
    pub(crate) bytes: u64,
}

/// What a footer says of its segment beside the records: enough to tell what could be older than a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) oldest_generation: u64,
    pub(crate) newest_generation: u64,
    pub(crate) newest_id: u64,
}

impl Span {
    pub(crate) const EMPTY: Span = Span { oldest_generation: u64::MAX, newest_generation: 0, newest_id: 0 };

    /// Takes one more record into account.
    pub(crate) fn include(&mut self, frame: &Frame) {
        if frame.kind == Kind::Object {
            self.oldest_generation = self.oldest_generation.min(frame.generation);
            self.newest_generation = self.newest_generation.max(frame.generation);
            self.newest_id = self.newest_id.max(frame.id);
        }
    }
}

/// The footer of a segment.
pub(crate) fn encode_footer(number: u64, entries: &[Entry], span: &Span) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(footer_bytes(entries.len() as u64) as usize);
    for entry in entries {
        let removal = if entry.kind == Kind::Removal { REMOVAL_BIT } else { 0 };
        bytes.extend_from_slice(&entry.hash.0.to_le_bytes());
        bytes.extend_from_slice(&((entry.offset / ALIGNMENT) as u32 | removal).to_le_bytes());
        bytes.extend_from_slice(&((entry.bytes / ALIGNMENT) as u32).to_le_bytes());
    }
    let table = crc32fast::hash(&bytes);
    let mut trailer = TRAILER_MAGIC.to_vec();
    let numbers = [
        number,
        entries.len() as u64,
        span.oldest_generation,
        span.newest_generation,
        span.newest_id,
        u64::from(table),
    ];
    numbers.iter().for_each(|number| trailer.extend_from_slice(&number.to_le_bytes()));
    trailer.resize(TRAILER_BYTES as usize - 4, 0);
    bytes.extend_from_slice(&append_crc(trailer));
    bytes
}

/// The end of a footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) records: u64,
    pub(crate) span: Span,
    table_crc: u32,
}

impl Trailer {
    /// What the last bytes of a segment's file say, if they are its trailer.
    pub(crate) fn decode(bytes: &[u8], number: u64) -> Option<Self> {
        let mut fields = Fields(without_crc(bytes)?);
        (fields.array()? == TRAILER_MAGIC && fields.u64()? == number).then_some(())?;
        let records = fields.u64()?;
        let span =
            Span { oldest_generation: fields.u64()?, newest_generation: fields.u64()?, newest_id: fields.u64()? };
        Some(Trailer { records, span, table_crc: fields.u32()? })
    }

    /// The table before the trailer, if it is the one that was written with it.
    pub(crate) fn entries(&self, table: &[u8]) -> Option<Vec<Entry>> {
        (crc32fast::hash(table) == self.table_crc).then_some(())?;
        table.chunks_exact(ENTRY_BYTES as usize).map(decode_entry).collect()
    }
}

fn decode_entry(bytes: &[u8]) -> Option<Entry> {
    let mut fields = Fields(bytes);
    let (hash, place, units) = (KeyHash(fields.u64()?), fields.u32()?, fields.u32()?);
    let kind = if place & REMOVAL_BIT == 0 { Kind::Object } else { Kind::Removal };
    let offset = u64::from(place & !REMOVAL_BIT) * ALIGNMENT;
    Some(Entry { hash, kind, offset, bytes: u64::from(units) * ALIGNMENT })
}

fn append_crc(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The bytes before their checksum, if that is right.
fn without_crc(bytes: &[u8]) -> Option<&[u8]> {
    let (rest, crc) = bytes.split_last_chunk()?;
    (crc32fast::hash(rest) == u32::from_le_bytes(*crc)).then_some(rest)
}

/// Numbers and slices, one after the other, from bytes that may end too early.
pub(crate) struct Fields<'bytes>(pub(crate) &'bytes [u8]);

impl<'bytes> Fields<'bytes> {
    pub(crate) fn take(&mut self, length: usize) -> Option<&'bytes [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
