//! Everything of an object but its body: the key, the response header, when it is fresh.

use crate::key::Slot;
use crate::labels::{BodyBound, Labels, UrlHash, url_part};
use crate::memory::budget::{Budget, Charge};
use crate::prepared::Forms;
use crate::purge::Standing;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use pingora::cache::key::HashBinary;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::ResponseHeader;
use pingora::prelude::{ErrorType, OrErr, Result};
use std::sync::Arc;
use std::time::SystemTime;

/// Bytes that one field takes in `http::HeaderMap` 1.x: a bucket of name (32), value (40), links (24) and hash (2), padded.
const FIELD_BYTES: usize = 104;
/// Bytes that each further value of one name takes: the value and two links.
const FURTHER_VALUE_BYTES: usize = 72;

/// What is known of an object before its body arrives.
///
/// **Why a hit clones the header.** `Storage::lookup` must return a `CacheMeta` by value, `CacheMeta` is not `Clone` and
/// owns its `ResponseHeader`. So a hit pays for one clone of the field table (two allocations, and a reference count for
/// each value); nothing is decoded. To keep it at that, the stored header has
/// - all values in one allocation of the right size: as Pingora parses them, they are slices of the connection's read
///   buffer, and a hundred bytes of header would hold 4 KiB;
/// - no table of the original letter case, which would double the clone: field names are case-insensitive (RFC 9110
///   s5.1), Pingora writes the usual capitals for the usual names, and HTTP/2 has none;
/// - no extensions, neither of the header nor of the `CacheMeta`: nobody could say what they weigh.
#[derive(Debug)]
pub(crate) struct Head {
    slot: Slot,
    primary: Box<[u8]>,
    header: ResponseHeader,
    fresh_until: SystemTime,
    created: SystemTime,
    stale_while_revalidate_sec: u32,
    stale_if_error_sec: u32,
    variance: Option<HashBinary>,
    epoch_override: Option<SystemTime>,
    lineage: Option<Box<Lineage>>,
    labels: Labels,
    body_bytes_max: u64,
    url: UrlHash,
    standing: Standing,
    forms: Forms,
    charge: Charge,
}

/// The encoded form of a `CacheMeta` whose times `CacheMeta::new` cannot express.
///
/// The constructor makes one time of `created`, `updated` and `provenance`, and the two latter have no setter outside
/// Pingora. They differ in what was revalidated or refreshed, and `provenance` decides which variants are still valid;
/// so for these few a hit decodes the times (some 80 bytes, with an empty header in place of the real one).
#[derive(Debug)]
struct Lineage {
    updated: SystemTime,
    provenance: SystemTime,
    times: Vec<u8>,
    empty_header: Vec<u8>,
}

impl Head {
    /// Copies what is worth keeping, and charges it whatever the limit says.
    pub(crate) fn new(key: &CacheKey, meta: &CacheMeta, labels: Labels, budget: &Arc<Budget>) -> Result<Self> {
        let header = compact(meta.response_header())?;
        let lineage = Lineage::of(meta)?;
        let primary: Box<[u8]> = key.primary_key().into();
        let bytes = size_of::<Head>()
            + header_bytes(&header)
            + primary.len()
            + size_of_val(&*labels.tags)
            + lineage.as_ref().map_or(0, |lineage| lineage.bytes());
        Ok(Head {
            slot: Slot::of(key),
            url: UrlHash::of_primary(&primary),
            primary,
            header,
            fresh_until: meta.fresh_until(),
            created: meta.created(),
            stale_while_revalidate_sec: meta.stale_while_revalidate_sec(),
            stale_if_error_sec: meta.stale_if_error_sec(),
            variance: meta.variance(),
            epoch_override: meta.epoch_override(),
            lineage,
            standing: Standing::of(labels.asked_at),
            labels,
            forms: Forms::default(),
            body_bytes_max: meta.extensions().get::<BodyBound>().map_or(u64::MAX, |bound| bound.0),
            charge: Charge::regardless(budget, bytes as u64),
        })
    }

    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    /// Whether this is an object of exactly this key; the slot alone says so only as far as a hash can.
    pub(crate) fn is_for(&self, slot: &Slot, primary: &[u8]) -> bool {
        self.slot == *slot && *self.primary == *primary
    }

    /// How long its body may be to be kept, beneath what the zone permits.
    pub(crate) fn body_bytes_max(&self) -> u64 {
        self.body_bytes_max
    }

    /// When it was asked for, and its tags.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The URL of its key, by which it is purged whatever its scope and variant.
    pub(crate) fn url(&self) -> UrlHash {
        self.url
    }

    /// The text of that URL.
    pub(crate) fn url_text(&self) -> &[u8] {
        url_part(&self.primary)
    }

    /// What purges have said of it so far.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The whole primary key.
    pub(crate) fn primary(&self) -> &[u8] {
        &self.primary
    }

    /// When the answer was first stored. It stays the same when the answer is revalidated.
    pub(crate) fn created(&self) -> SystemTime {
        self.created
    }

    /// Until when it may be served unasked.
    pub(crate) fn fresh_until(&self) -> SystemTime {
        self.fresh_until
    }

    /// Since when its age counts (`CacheMeta::epoch`).
    pub(crate) fn epoch(&self) -> SystemTime {
        let updated = self.lineage.as_ref().map_or(self.created, |lineage| lineage.updated);
        self.epoch_override.unwrap_or(updated)
    }

    /// Since when variants of it are valid (`CacheMeta::provenance`).
    pub(crate) fn provenance(&self) -> SystemTime {
        self.lineage.as_ref().map_or(self.created, |lineage| lineage.provenance)
    }

    /// Which variant it is.
    pub(crate) fn variance(&self) -> Option<HashBinary> {
        self.variance
    }

    pub(crate) fn header(&self) -> &ResponseHeader {
        &self.header
    }

    /// What was made of it to serve it faster.
    pub(crate) fn forms(&self) -> &Forms {
        &self.forms
    }

    /// Another thing of the same life, charged to the same zone.
    pub(crate) fn charge_beside(&self, bytes: u64) -> Charge {
        self.charge.beside(bytes)
    }

    /// The bytes of memory it is charged for.
    pub(crate) fn weight(&self) -> u64 {
        self.charge.bytes()
    }

    /// The length that the header promises, if it does.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header.headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// A `CacheMeta` that is equal in every field to the one stored.
    pub(crate) fn meta(&self) -> Result<CacheMeta> {
        if let Some(lineage) = &self.lineage {
            let mut meta = CacheMeta::deserialize(&lineage.times, &lineage.empty_header)?;
            *meta.response_header_mut() = self.header.clone();
            return Ok(meta);
        }
        let mut meta = CacheMeta::new(
            self.fresh_until,
            self.created,
            self.stale_while_revalidate_sec,
            self.stale_if_error_sec,
            self.header.clone(),
        );
        if let Some(variance) = self.variance {
            meta.set_variance(variance);
        }
        if let Some(epoch) = self.epoch_override {
            meta.set_epoch_override(epoch);
        }
        Ok(meta)
    }
}

impl Lineage {
    fn of(meta: &CacheMeta) -> Result<Option<Box<Self>>> {
        if meta.updated() == meta.created() && meta.provenance() == meta.created() {
            return Ok(None);
        }
        let (times, _) = meta.serialize()?;
        let (updated, provenance) = (meta.updated(), meta.provenance());
        Ok(Some(Box::new(Lineage { updated, provenance, times, empty_header: empty_header()? })))
    }

    fn bytes(&self) -> usize {
        size_of::<Lineage>() + self.times.capacity() + self.empty_header.capacity()
    }
}

/// A `CacheMeta` of a header, with times as Pingora has encoded them.
pub(crate) fn meta_with_times(times: &[u8], header: ResponseHeader) -> Result<CacheMeta> {
    let mut meta = CacheMeta::deserialize(times, &empty_header()?)?;
    *meta.response_header_mut() = header;
    Ok(meta)
}

/// What Pingora makes of a header that says nothing.
fn empty_header() -> Result<Vec<u8>> {
    let empty = ResponseHeader::build_no_case(200, Some(0))?;
    let (_, header) = CacheMeta::new(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH, 0, 0, empty).serialize()?;
    Ok(header)
}

/// The same header, in as little memory as it can have.
fn compact(header: &ResponseHeader) -> Result<ResponseHeader> {
    const TOO_LARGE: ErrorType = ErrorType::InvalidHTTPHeader;
    let mut values = BytesMut::with_capacity(header.headers.values().map(HeaderValue::len).sum());
    header.headers.values().for_each(|value| values.extend_from_slice(value.as_bytes()));
    let mut values: Bytes = values.freeze();
    let mut fields = HeaderMap::try_with_capacity(header.headers.keys_len()).or_err(TOO_LARGE, "too many fields")?;
    for (name, value) in &header.headers {
        let bytes = values.split_to(value.len());
        let mut copy = HeaderValue::from_maybe_shared(bytes).or_err(TOO_LARGE, "invalid value")?;
        copy.set_sensitive(value.is_sensitive());
        fields.try_append(name.clone(), copy).or_err(TOO_LARGE, "too many fields")?;
    }
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = header.status;
    parts.version = header.version;
    parts.headers = fields.clone(); // a clone has no spare capacity
    let mut compacted = ResponseHeader::from(parts);
    compacted.set_reason_phrase(header.get_reason_phrase())?;
    Ok(compacted)
}

/// The heap that a compacted header holds.
fn header_bytes(header: &ResponseHeader) -> usize {
    let fields = &header.headers;
    let index = (fields.capacity() * 4 / 3).next_power_of_two() * size_of::<u32>();
    let further = fields.len() - fields.keys_len();
    let names: usize = fields.keys().map(|name| name.as_str().len()).sum();
    let values: usize = fields.values().map(HeaderValue::len).sum();
    let reason = header.get_reason_phrase().filter(|phrase| Some(*phrase) != header.status.canonical_reason());
    fields.keys_len() * FIELD_BYTES
        + index
        + further * FURTHER_VALUE_BYTES
        + names
        + values
        + reason.map_or(0, str::len)
}
