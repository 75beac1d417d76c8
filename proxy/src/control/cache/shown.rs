//! What is said of the cache: receipts, zones, keys and stored objects.

use std::time::SystemTime;

use cache::{DiskStat, Durability, Inspected, Listed, Receipt, Standing, Tag, ZoneStat};
use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a purge has done in one zone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReceiptOfZone {
    pub(crate) zone: String,
    /// Its number there: later purges have greater ones.
    pub(crate) id: u64,
    /// Whether it outlives the process.
    pub(crate) durable: bool,
    /// What to know about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<String>,
    /// Stored objects that it reached; `None` if that was not waited for.
    pub(crate) objects: Option<u64>,
    /// And the memory that they held.
    pub(crate) bytes: Option<u64>,
}

impl From<Receipt> for ReceiptOfZone {
    fn from(receipt: Receipt) -> Self {
        let notice = match receipt.durability {
            Durability::Durable => None,
            Durability::DiskForfeited => Some(
                "the disk does not take it, so all that the zone has there is given up at the next start; \
                 hint: make room on it, or look at its health",
            ),
            Durability::ThisProcess => Some(
                "the disk takes nothing, so what was purged may come back from it after a restart; \
                 hint: purge again after the restart, or empty the zone's folder before it",
            ),
        };
        Self {
            zone: receipt.zone,
            id: receipt.generation.number(),
            durable: receipt.durability != Durability::ThisProcess,
            notice: notice.map(str::to_owned),
            objects: receipt.reached.map(|reached| reached.objects),
            bytes: receipt.reached.map(|reached| reached.bytes),
        }
    }
}

/// One zone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ZoneState {
    pub(crate) zone: String,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) limit_bytes: u64,
    /// Lookups; a request may take several.
    pub(crate) hits: u64,
    pub(crate) followed: u64,
    pub(crate) misses: u64,
    pub(crate) admissions: u64,
    pub(crate) evictions: u64,
    pub(crate) pass_throughs: u64,
    pub(crate) aborted_fills: u64,
    pub(crate) purges: u64,
    pub(crate) invalidations: u64,
    pub(crate) purged_objects: u64,
    pub(crate) purged_bytes: u64,
    /// Purges that something older than them could still be left of.
    pub(crate) purges_remembered: u64,
    pub(crate) purge_overflows: u64,
    /// What it has on disk; `None` where it keeps nothing there.
    pub(crate) disk: Option<DiskTier>,
}

/// The disk tier of a zone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DiskTier {
    /// What it does.
    pub(crate) state: String,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) limit_bytes: u64,
    /// Memory that finding things there takes.
    pub(crate) index_bytes: u64,
    pub(crate) hits: u64,
    pub(crate) promotions: u64,
    pub(crate) writes: u64,
    pub(crate) writes_dropped: u64,
    pub(crate) reads_refused: u64,
    pub(crate) reads_failed: u64,
}

impl From<DiskStat> for DiskTier {
    fn from(stat: DiskStat) -> Self {
        Self {
            state: stat.state.to_string(),
            objects: stat.objects,
            bytes: stat.bytes,
            limit_bytes: stat.limit_bytes,
            index_bytes: stat.index_bytes,
            hits: stat.hits,
            promotions: stat.promotions,
            writes: stat.writes,
            writes_dropped: stat.writes_dropped,
            reads_refused: stat.reads_refused,
            reads_failed: stat.reads_failed,
        }
    }
}

impl From<ZoneStat> for ZoneState {
    fn from(stat: ZoneStat) -> Self {
        Self {
            zone: stat.zone,
            objects: stat.objects,
            bytes: stat.bytes,
            limit_bytes: stat.limit_bytes,
            hits: stat.hits,
            followed: stat.followed,
            misses: stat.misses,
            admissions: stat.admissions,
            evictions: stat.evictions,
            pass_throughs: stat.pass_throughs,
            aborted_fills: stat.aborted_fills,
            purges: stat.purges,
            invalidations: stat.invalidations,
            purged_objects: stat.purged_objects,
            purged_bytes: stat.purged_bytes,
            purges_remembered: stat.purges_remembered,
            purge_overflows: stat.purge_overflows,
            disk: stat.disk.map(DiskTier::from),
        }
    }
}

/// A page of keys.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyList {
    pub(crate) zone: String,
    pub(crate) keys: Vec<Key>,
    /// What to ask for as `after` to see more; `None` if there is no more.
    pub(crate) next: Option<String>,
}

/// A key under which something is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) key: String,
    pub(crate) variants: u64,
    pub(crate) bytes: u64,
}

impl From<Listed> for Key {
    fn from(listed: Listed) -> Self {
        Self { key: listed.key, variants: listed.variants, bytes: listed.bytes }
    }
}

/// All that is stored for one URL.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UrlReport {
    /// How keys spell it.
    pub(crate) spellings: Vec<String>,
    /// In memory.
    pub(crate) stored: Vec<StoredObject>,
    /// Keys under which something is on disk and not in memory, as far as they can be told from the URL.
    pub(crate) on_disk_alone: Vec<String>,
}

/// One stored answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredObject {
    pub(crate) zone: String,
    pub(crate) url: String,
    /// For which requests beside others to the same URL, where it is not for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    /// Which variant, as a digest; `None` where answers do not vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
    pub(crate) status: u16,
    /// Where it is stored.
    pub(crate) tiers: Vec<String>,
    pub(crate) body_bytes: u64,
    /// Memory for all of it.
    pub(crate) bytes: u64,
    /// When it came, in RFC 3339.
    pub(crate) stored_at: String,
    pub(crate) age_s: u64,
    /// Until when it is served unasked, in RFC 3339.
    pub(crate) fresh_until: String,
    /// For how long still; less than 0 where it is stale.
    pub(crate) fresh_for_s: i64,
    /// What the answer says of that: the fields that were there to decide by.
    pub(crate) because: Vec<String>,
    pub(crate) stale_while_revalidate_s: u32,
    pub(crate) stale_if_error_s: u32,
    /// The tags whose text the answer shows, and the others by number.
    pub(crate) tags: Vec<String>,
    /// `live`, `soft-purged` or `purged`.
    pub(crate) purge: String,
    /// As stored.
    pub(crate) headers: Vec<(String, String)>,
}

/// The fields that say how long an answer may be served, the one that counts first.
const SAYING: [&str; 4] = ["cdn-cache-control", "cache-control", "expires", "last-modified"];
/// The fields that may show tags.
const TAGGING: [&str; 2] = ["surrogate-key", "cache-tag"];

impl StoredObject {
    /// What is known of it at `now`.
    pub(crate) fn of(inspected: &Inspected, now: SystemTime) -> Self {
        let Inspected { zone, key, meta, body_bytes, bytes, tags, standing, on_disk, .. } = inspected;
        let header = &meta.response_header().headers;
        let (scope, url) = key.rsplit_once(' ').unwrap_or_default();
        let url = if url.is_empty() { key } else { url };
        let left = match meta.fresh_until().duration_since(now) {
            Ok(left) => left.as_secs().cast_signed(),
            Err(past) => -past.duration().as_secs().cast_signed() - 1,
        };
        Self {
            zone: zone.clone(),
            url: url.to_owned(),
            scope: (!scope.is_empty()).then(|| scope.to_owned()),
            variant: meta.variance().map(|variance| variance.iter().map(|byte| format!("{byte:02x}")).collect()),
            status: meta.response_header().status.as_u16(),
            tiers: if *on_disk { vec!["memory".to_owned(), "disk".to_owned()] } else { vec!["memory".to_owned()] },
            body_bytes: *body_bytes,
            bytes: *bytes,
            stored_at: stamp(meta.created()),
            age_s: now.duration_since(meta.epoch()).unwrap_or_default().as_secs(),
            fresh_until: stamp(meta.fresh_until()),
            fresh_for_s: left,
            because: because(header, *standing),
            stale_while_revalidate_s: meta.stale_while_revalidate_sec(),
            stale_if_error_s: meta.stale_if_error_sec(),
            tags: tag_texts(header, tags),
            purge: match standing {
                Standing::Live => "live",
                Standing::SoftPurged(_) => "soft-purged",
                Standing::Purged => "purged",
            }
            .to_owned(),
            headers: header.iter().map(|(name, value)| (name.to_string(), lossy(value))).collect(),
        }
    }
}

fn because(header: &HeaderMap, standing: Standing) -> Vec<String> {
    let purged = match standing {
        Standing::SoftPurged(since) => Some(format!("purged softly at {}", stamp(since))),
        Standing::Live | Standing::Purged => None,
    };
    let said =
        SAYING.iter().flat_map(|name| header.get_all(*name).iter().map(move |v| format!("{name}: {}", lossy(v))));
    let mut because: Vec<_> = purged.into_iter().chain(said).collect();
    if because.is_empty() {
        because.push("the answer says nothing: what the route says".to_owned());
    }
    because
}

/// The texts that the header shows, of these tags; a tag whose text it does not show, by its number.
fn tag_texts(header: &HeaderMap, tags: &[Tag]) -> Vec<String> {
    let mut unknown = tags.to_vec();
    let lines = TAGGING.iter().flat_map(|name| header.get_all(*name)).filter_map(|value| value.to_str().ok());
    let texts = lines.flat_map(|line| line.split([' ', ',', '\t'])).filter(|text| !text.is_empty());
    let mut shown: Vec<_> = texts
        .filter(|text| {
            let at = unknown.iter().position(|tag| *tag == Tag::of(text));
            at.map(|at| unknown.swap_remove(at)).is_some()
        })
        .map(str::to_owned)
        .collect();
    shown.extend(unknown.iter().map(|tag| format!("#{:016x}", tag.number())));
    shown
}

fn stamp(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or_else(|_| String::new(), |at| format!("{at:.0}"))
}

fn lossy(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
