//! How a record describes its object: key, variance, times, tags and response header.
//!
//! Follows the frame (see [`crate::disk::layout`]). All numbers are little-endian; a time is 8 bytes of seconds since 1970
//! (signed, rounded down) and 4 of nanoseconds.
//!
//! | bytes | what |
//! |---:|---|
//! | 12 | fresh until |
//! | 12 | created |
//! | 4 | seconds that it may be served stale while it is revalidated |
//! | 4 | seconds that it may be served stale if the origin fails |
//! | 2 | status |
//! | 1 | HTTP version: 9, 10, 11, 20 or 30 |
//! | 1 | flags: 1 variance, 2 epoch, 4 further times, 8 reason phrase, 16 variance in the key |
//! | 16 | variance that the object was stored with, if there is one |
//! | 16 | variance in the key: it is found under that one only |
//! | 12 | epoch, if there is one |
//! | 2 + n | the times as Pingora encodes them, where they cannot be told by the above |
//! | 2 + n | reason phrase, if it is not the usual one |
//! | 4 + n | primary key |
//! | 4 + 8 n | tags |
//! | 2 | fields of the header, of which each is |
//! | 2 + n | name |
//! | 4 + n | value; the highest bit of its length says that it is sensitive |

use crate::disk::layout::Fields;
use crate::head::Head;
use crate::labels::Tag;
use http::{HeaderName, HeaderValue, StatusCode, Version};
use pingora::cache::CacheMeta;
use pingora::cache::key::HashBinary;
use pingora::http::ResponseHeader;
use pingora::prelude::Result;
use std::time::{Duration, SystemTime};

const VARIANCE: u8 = 1;
const EPOCH: u8 = 2;
const TIMES: u8 = 4;
const REASON: u8 = 8;
const KEY_VARIANCE: u8 = 16;
const SENSITIVE: u32 = 1 << 31;

/// Writes down everything of an object but its body.
pub(crate) fn encode(
    primary: &[u8],
    key_variance: Option<&HashBinary>,
    meta: &CacheMeta,
    tags: &[Tag],
) -> Result<Vec<u8>> {
    let header = meta.response_header();
    let reason = header.get_reason_phrase().filter(|phrase| Some(*phrase) != header.status.canonical_reason());
    let has_times = meta.updated() != meta.created() || meta.provenance() != meta.created();
    let times = if has_times { meta.serialize()?.0 } else { Vec::new() };
    let mut bytes = Vec::with_capacity(128 + primary.len() + tags.len() * 8 + header.headers.len() * 48);
    encode_time(&mut bytes, meta.fresh_until());
    encode_time(&mut bytes, meta.created());
    bytes.extend_from_slice(&meta.stale_while_revalidate_sec().to_le_bytes());
    bytes.extend_from_slice(&meta.stale_if_error_sec().to_le_bytes());
    bytes.extend_from_slice(&header.status.as_u16().to_le_bytes());
    bytes.push(version_number(header.version));
    let flag = |there: bool, flag: u8| if there { flag } else { 0 };
    bytes.push(
        flag(meta.variance().is_some(), VARIANCE)
            | flag(meta.epoch_override().is_some(), EPOCH)
            | flag(has_times, TIMES)
            | flag(reason.is_some(), REASON)
            | flag(key_variance.is_some(), KEY_VARIANCE),
    );
    bytes.extend_from_slice(meta.variance().as_ref().map_or(&[], HashBinary::as_slice));
    bytes.extend_from_slice(key_variance.map_or(&[], HashBinary::as_slice));
    if let Some(epoch) = meta.epoch_override() {
        encode_time(&mut bytes, epoch);
    }
    for part in [has_times.then_some(&*times), reason.map(str::as_bytes)].into_iter().flatten() {
        bytes.extend_from_slice(&(part.len() as u16).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes.extend_from_slice(&(primary.len() as u32).to_le_bytes());
    bytes.extend_from_slice(primary);
    bytes.extend_from_slice(&(tags.len() as u32).to_le_bytes());
    tags.iter().for_each(|tag| bytes.extend_from_slice(&tag.0.to_le_bytes()));
    bytes.extend_from_slice(&(header.headers.len() as u16).to_le_bytes());
    for (name, value) in &header.headers {
        bytes.extend_from_slice(&(name.as_str().len() as u16).to_le_bytes());
        bytes.extend_from_slice(name.as_str().as_bytes());
        let sensitive = if value.is_sensitive() { SENSITIVE } else { 0 };
        bytes.extend_from_slice(&(value.len() as u32 | sensitive).to_le_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    Ok(bytes)
}

/// What was written down.
#[derive(Debug)]
pub(crate) struct Description<'bytes> {
    pub(crate) primary: &'bytes [u8],
    pub(crate) key_variance: Option<HashBinary>,
    pub(crate) tags: Box<[Tag]>,
    pub(crate) meta: CacheMeta,
}

impl<'bytes> Description<'bytes> {
    /// None where the bytes cannot be what [`encode`] wrote.
    pub(crate) fn decode(bytes: &'bytes [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (fresh_until, created) = (decode_time(&mut fields)?, decode_time(&mut fields)?);
        let (while_revalidate, if_error) = (fields.u32()?, fields.u32()?);
        let status = StatusCode::from_u16(fields.u16()?).ok()?;
        let version = version(fields.u8()?)?;
        let flags = fields.u8()?;
        let when = |flag: u8| flags & flag != 0;
        let variance: Option<HashBinary> = if when(VARIANCE) { Some(fields.array()?) } else { None };
        let key_variance = if when(KEY_VARIANCE) { Some(fields.array()?) } else { None };
        let epoch = if when(EPOCH) { Some(decode_time(&mut fields)?) } else { None };
        let times = if when(TIMES) { Some(short_part(&mut fields)?) } else { None };
        let reason = if when(REASON) { Some(std::str::from_utf8(short_part(&mut fields)?).ok()?) } else { None };
        let primary = long_part(&mut fields)?;
        let tags = decode_tags(&mut fields)?;
        let header = decode_header(&mut fields, status, version, reason)?;
        let mut meta = match times {
            Some(times) => crate::head::meta_with_times(times, header).ok()?,
            None => CacheMeta::new(fresh_until, created, while_revalidate, if_error, header),
        };
        if let Some(variance) = variance {
            meta.set_variance(variance);
        }
        if let Some(epoch) = epoch {
            meta.set_epoch_override(epoch);
        }
        Some(Description { primary, key_variance, tags, meta })
    }

    /// Whether it was found under this very key: the hash that it was found by says so only as far as 64 bits can.
    pub(crate) fn is_for(&self, primary: &[u8], variance: Option<&HashBinary>) -> bool {
        *self.primary == *primary && self.key_variance.as_ref() == variance
    }

    /// Whether a head was made of a revalidation of this answer, and not of another one under the same key (see
    /// `Shard::replace_head` in the memory tier).
    pub(crate) fn is_same_answer(&self, head: &Head) -> bool {
        self.is_for(head.primary(), head.slot().variance()) && self.meta.created() == head.created()
    }
}

fn decode_tags(fields: &mut Fields<'_>) -> Option<Box<[Tag]>> {
    let bytes = fields.u32()?.checked_mul(8)?;
    let (tags, _) = fields.take(bytes as usize)?.as_chunks();
    Some(tags.iter().map(|tag| Tag(u64::from_le_bytes(*tag))).collect())
}

fn decode_header(
    fields: &mut Fields<'_>,
    status: StatusCode,
    version: Version,
    reason: Option<&str>,
) -> Option<ResponseHeader> {
    let count = fields.u16()?;
    let mut header = ResponseHeader::build_no_case(status, None).ok()?;
    header.set_version(version);
    header.set_reason_phrase(reason).ok()?;
    for _ in 0..count {
        let name = HeaderName::from_bytes(short_part(fields)?).ok()?;
        let length = fields.u32()?;
        let mut value = HeaderValue::from_bytes(fields.take((length & !SENSITIVE) as usize)?).ok()?;
        value.set_sensitive(length & SENSITIVE != 0);
        header.append_header(name, value).ok()?;
    }
    Some(header)
}

fn short_part<'bytes>(fields: &mut Fields<'bytes>) -> Option<&'bytes [u8]> {
    let length = fields.u16()?;
    fields.take(usize::from(length))
}

fn long_part<'bytes>(fields: &mut Fields<'bytes>) -> Option<&'bytes [u8]> {
    let length = fields.u32()?;
    fields.take(length as usize)
}

fn encode_time(bytes: &mut Vec<u8>, time: SystemTime) {
    let (seconds, nanoseconds) = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
        Err(error) => {
            let before = error.duration();
            match before.subsec_nanos() {
                0 => (-(before.as_secs() as i64), 0),
                nanoseconds => (-(before.as_secs() as i64) - 1, 1_000_000_000 - nanoseconds),
            }
        }
    };
    bytes.extend_from_slice(&seconds.to_le_bytes());
    bytes.extend_from_slice(&nanoseconds.to_le_bytes());
}

fn decode_time(fields: &mut Fields<'_>) -> Option<SystemTime> {
    let seconds = fields.array().map(i64::from_le_bytes)?;
    let nanoseconds = fields.u32().filter(|nanoseconds| *nanoseconds < 1_000_000_000)?;
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)?
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)?
    };
    time.checked_add(Duration::from_nanos(u64::from(nanoseconds)))
}

fn version_number(version: Version) -> u8 {
    match version {
        Version::HTTP_09 => 9,
        Version::HTTP_10 => 10,
        Version::HTTP_2 => 20,
        Version::HTTP_3 => 30,
        _ => 11,
    }
}

fn version(number: u8) -> Option<Version> {
    Some(match number {
        9 => Version::HTTP_09,
        10 => Version::HTTP_10,
        11 => Version::HTTP_11,
        20 => Version::HTTP_2,
        30 => Version::HTTP_3,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Description, Tag, encode};
    use pingora::cache::CacheMeta;
    use pingora::http::ResponseHeader;
    use std::time::{Duration, SystemTime};

    fn meta(before_1970: bool) -> CacheMeta {
        let mut header = ResponseHeader::build(203, None).unwrap();
        header.insert_header("ETag", "\"1\"").unwrap();
        header.append_header("Link", "</a.css>").unwrap();
        header.append_header("Link", &b"\xff\xfe not text"[..]).unwrap();
        header.set_reason_phrase(Some("Non-Standard")).unwrap();
        let after = Duration::from_nanos(1_000_000_000_123_456_789);
        let created = if before_1970 { SystemTime::UNIX_EPOCH - after } else { SystemTime::UNIX_EPOCH + after };
        CacheMeta::new(created + Duration::from_secs(60), created, 30, 40, header)
    }

    fn told(meta: &CacheMeta) -> String {
        let header = meta.response_header();
        let times = (meta.created(), meta.updated(), meta.provenance(), meta.epoch_override(), meta.fresh_until());
        let stale = (meta.stale_while_revalidate_sec(), meta.stale_if_error_sec(), meta.variance());
        let line = (header.version, header.status, header.get_reason_phrase());
        format!("{times:?} {stale:?} {line:?} {:?}", header.headers)
    }

    #[test]
    fn an_object_is_described_in_every_field() {
        let mut varied = meta(false);
        varied.set_variance([9; 16]);
        varied.set_epoch_override(SystemTime::UNIX_EPOCH + Duration::from_nanos(5));
        let mut revalidated = meta(false);
        revalidated.update_freshness(SystemTime::UNIX_EPOCH + Duration::from_secs(5000), 1, 2);
        let mut common = meta(false);
        common.response_header_mut().set_reason_phrase(None).unwrap();
        for meta in [meta(false), meta(true), varied, revalidated, common] {
            let bytes = encode(b"key \0\xff", Some(&[7; 16]), &meta, &[Tag(1), Tag(u64::MAX)]).unwrap();
            let description = Description::decode(&bytes).expect("whole");
            assert_eq!(description.primary, b"key \0\xff");
            assert_eq!(description.key_variance, Some([7; 16]));
            assert_eq!(*description.tags, [Tag(1), Tag(u64::MAX)]);
            assert_eq!(told(&description.meta), told(&meta));
        }
    }

    #[test]
    fn bytes_that_end_anywhere_or_are_changed_do_no_harm() {
        let mut meta = meta(false);
        meta.set_variance([9; 16]);
        meta.update_freshness(SystemTime::UNIX_EPOCH + Duration::from_secs(5000), 1, 2);
        let bytes = encode(b"key", Some(&[7; 16]), &meta, &[Tag(1), Tag(u64::MAX)]).unwrap();
        for end in 0..bytes.len() {
            assert!(Description::decode(&bytes[..end]).is_none(), "{end} of {} bytes", bytes.len());
        }
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                // It need not be seen here, where there is no checksum: it must only not panic.
                drop(Description::decode(&changed));
            }
        }
    }
}
