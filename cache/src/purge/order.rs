//! What somebody wants purged, and what they are told of it.

use crate::labels::{Generation, Tag, UrlHash};
use crate::purge::records::Mark;
use std::time::SystemTime;

/// An order to purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// What is meant: whatever is meant by any of them.
    pub subjects: Vec<Subject>,
    /// Whether it becomes stale rather than being gone: it may then be revalidated, and be served as long as its windows
    /// for stale answers, counted from the purge, allow.
    pub soft: bool,
    /// The last moment at which what becomes stale counts as fresh.
    pub at: SystemTime,
}

/// What a purge is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Every variant and scope of one URL, spelt as it is in keys.
    Url(String),
    /// Every answer of that tag.
    Tag(String),
    /// Every URL, spelt as it is in keys, that begins with this text.
    Prefix(String),
    /// The whole zone.
    All,
}

impl Subject {
    pub(crate) fn mark(&self) -> Mark {
        match self {
            Subject::Url(url) => Mark::Url(UrlHash::of(url)),
            Subject::Tag(tag) => Mark::Tag(Tag::of(tag)),
            Subject::Prefix(prefix) => Mark::Prefix(prefix.as_bytes().into()),
            Subject::All => Mark::All,
        }
    }
}

/// What a purge has done in one zone. From the moment of its generation on, nothing that was meant is served as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The zone's name.
    pub zone: String,
    /// Its number in the zone.
    pub generation: Generation,
    /// Whether it outlives this process.
    pub durability: Durability,
    /// What it reached, if that was waited for.
    pub reached: Option<Reached>,
}

/// Whether what was purged could come back from a disk after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It could not.
    Durable,
    /// It could not: the purge could not be written, so all that the zone has on disk is given up at the next start,
    /// unless writing succeeds again before.
    DiskForfeited,
    /// It could: the purge holds in this process alone, for the log cannot be written, or not yet, or another process has
    /// it. Writing it is tried again until it succeeds.
    ThisProcess,
}

/// What a purge has made invisible or stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// Stored objects, each variant being one.
    pub objects: u64,
    /// The memory that they held.
    pub bytes: u64,
}
