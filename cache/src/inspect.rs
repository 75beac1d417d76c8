//! What is stored, for people who look: it uses nothing, moves nothing, and holds no lock for long.

use crate::Store;
use crate::labels::{Generation, Tag, UrlHash};
use crate::memory::object::Object;
use crate::purge::Verdict;
use crate::zone::Zone;
use pingora::cache::CacheMeta;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Which keys of a zone are asked for: a page of them, in their order.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Of URLs that begin with this text.
    pub prefix: String,
    /// Those that come after this one.
    pub after: String,
    /// How many at most.
    pub most: usize,
}

/// A key under which something is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The primary key.
    pub key: String,
    /// How many variants are stored under it.
    pub variants: u64,
    /// The memory that they hold.
    pub bytes: u64,
}

/// One answer in memory.
#[derive(Debug)]
pub struct Inspected {
    /// Name of the zone.
    pub zone: String,
    /// The primary key: for whom it is, and the URL.
    pub key: String,
    /// Status, header and times. What purges have said of it is in its times.
    pub meta: CacheMeta,
    /// Bytes of the body.
    pub body_bytes: u64,
    /// Bytes of memory for all of it.
    pub bytes: u64,
    /// When its origin was asked.
    pub asked_at: Generation,
    /// By which it is purged.
    pub tags: Box<[Tag]>,
    /// What purges say of it.
    pub standing: Standing,
    /// Whether it is on disk too.
    pub on_disk: bool,
}

/// What purges say of a stored answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Live,
    /// It counts as stale since then.
    SoftPurged(SystemTime),
    /// It is not served any more, and about to be removed.
    Purged,
}

impl Store {
    /// A page of the keys of a zone; none if there is no such zone. It looks at everything that is stored: not for async
    /// threads.
    pub fn keys(&self, zone: &str, page: &Page) -> Option<Vec<Listed>> {
        let zone = self.zones().iter().find(|there| there.name() == zone).cloned()?;
        let mut listed: BTreeMap<Box<[u8]>, (u64, u64)> = BTreeMap::new();
        zone.look(|object, verdict| {
            let key = object.head.primary();
            let wanted = verdict != Verdict::Gone
                && object.head.url_text().starts_with(page.prefix.as_bytes())
                && key > page.after.as_bytes();
            if !wanted {
                return;
            }
            if !listed.contains_key(key) {
                if listed.len() >= page.most {
                    // Beyond the page as far as it is known; else the last of it gives way.
                    match listed.last_key_value() {
                        Some((last, _)) if **last > *key => drop(listed.pop_last()),
                        _ => return,
                    }
                }
                listed.insert(key.into(), (0, 0));
            }
            let (variants, bytes) = listed.get_mut(key).expect("it was put there if it was missing");
            (*variants, *bytes) = (*variants + 1, *bytes + object.weight());
        });
        let line = |(key, (variants, bytes)): (Box<[u8]>, (u64, u64))| Listed { key: text(&key), variants, bytes };
        Some(listed.into_iter().map(line).collect())
    }

    /// What is stored for any of these URLs, in every scope and variant, `most` at most. Of what was purged and not
    /// removed yet, it says so. It looks at everything that is stored: not for async threads.
    pub fn inspect(&self, zone: Option<&str>, urls: &[UrlHash], most: usize) -> Vec<Inspected> {
        let mut inspected = Vec::new();
        for zone in self.zones().iter().filter(|there| zone.is_none_or(|name| name == there.name())) {
            zone.look(|object, verdict| {
                if urls.contains(&object.head.url()) && inspected.len() < most {
                    inspected.extend(Inspected::of(zone, object, verdict));
                }
            });
        }
        inspected
    }
}

impl Store {
    /// Whether something is on the disk of a zone under exactly this key, which does not vary, or in its first variant.
    pub fn is_on_disk(&self, zone: &str, primary: &[u8]) -> bool {
        let zones = self.zones();
        let disk = zones.iter().find(|there| there.name() == zone).and_then(|zone| zone.disk());
        disk.is_some_and(|disk| disk.has(primary, None))
    }
}

impl Zone {
    fn look(&self, mut see: impl FnMut(&Object, Verdict)) {
        let look = |object: &Object| {
            see(object, self.purges.judge(&object.head));
            true
        };
        self.memory.visit(look, |_| ());
    }
}

impl Inspected {
    /// None if its header cannot be read, which it could when it was stored.
    fn of(zone: &Zone, object: &Object, verdict: Verdict) -> Option<Self> {
        let head = &object.head;
        let mut meta = head.meta().ok()?;
        let standing = match verdict {
            Verdict::Live => Standing::Live,
            Verdict::Soft { since } => {
                meta.expire_at(since);
                Standing::SoftPurged(since)
            }
            Verdict::Gone => Standing::Purged,
        };
        let on_disk = zone.disk().is_some_and(|disk| disk.has(head.primary(), head.slot().variance()));
        Some(Inspected {
            on_disk,
            zone: zone.name().to_owned(),
            key: text(head.primary()),
            meta,
            body_bytes: object.body.len(),
            bytes: object.weight(),
            asked_at: head.labels().asked_at,
            tags: head.labels().tags.clone(),
            standing,
        })
    }
}

/// Keys are made of text; what is none is shown as far as it is.
fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}
