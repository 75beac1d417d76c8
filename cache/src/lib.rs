//! A production store for pingora-cache: memory over disk, with fills that stream to everybody who waits for them.
//!
//! [`Store`] implements Pingora's `Storage`. It knows neither configuration files nor routes. The way through it:
//!
//! | file | what |
//! |---|---|
//! | `store.rs` | Pingora's verbs, each delegating |
//! | `zone.rs` | one budget, its objects, its counters |
//! | `memory/` | sharded index, S3-FIFO eviction, a budget kept to the byte; pure and synchronous |
//! | `disk.rs`, `disk/` | segments in a folder, an index of them in memory; nothing waits for it without bound |
//! | `tier.rs` | which of the two, and what goes from one to the other |
//! | `flight.rs`, `flight/` | objects being written; readers follow the writer |
//! | `fill.rs`, `hit.rs` | Pingora's handlers: a body on its way in, a body on its way out |
//! | `peek.rs`, `prepared.rs` | what is stored without Pingora's state machine, and what was made of it to serve it so |
//! | `head.rs`, `body.rs` | the two immutable, shared parts of an object |
//! | `codings.rs` | the body in other content codings, each made once |
//! | `labels.rs`, `purge.rs`, `purge/` | what purges know an object by, what they say of it, and the log of them |
//! | `inspect.rs` | what is stored, for people who look |
//!
//! An object is charged for all it holds. One with eight header fields (262 bytes of text) and a body of 4 KiB takes some
//! 1,800 bytes beside body and key, two thirds of them Pingora's table of header fields with its text; what is charged
//! lies 2 to 4 % above what the allocator was asked for (`cargo bench -p cache --bench store`, 2026-11).
//!
//! What the proxy must know, from Pingora's sources:
//! - Give Pingora no eviction manager: the store evicts by itself. Give it a cache lock: the store streams a fill to all
//!   who follow it, but it is the lock that makes them wait for the response header.
//! - Do not set Pingora's own size limit (`set_max_file_size_bytes`): with streaming, a body of unknown length that
//!   exceeds it aborts the client's transfer. The store passes such a body through. Where `Content-Length` is known to
//!   exceed the zone's `max_object_bytes`, it is best refused in `response_cache_filter` (`ResponseTooLarge`), so that
//!   Pingora lets all those who wait go to the origin at once.
//! - Leave `set_proxy_tasks_enabled` off: it takes away the back-pressure that `flight.rs` relies on for pass-throughs.
//! - A purge reaches a request that still waits for the origin's response header only by what it says later of when it
//!   asked: read [`Store::generation`] before the origin is asked, and give it along as [`Labels::asked_at`]. Pingora's own
//!   `Storage::purge`, of one key, knows nothing of such a request, nor of an object that is on disk only: it brings a
//!   hash that is not the disk's. [`Store::purge_objects`] reaches both.
//! - Await [`Store::release_disk`] before the process ends or another one takes over: what is sealed opens in no time.
//! - Call [`Store::tend`] every few seconds.
//! - `created`, `updated`, `provenance`, the epoch, variance and stale windows of a `CacheMeta` come back exactly. The
//!   letter case of field names, and extensions, do not.

mod sync;
mod options;
mod store;
mod zone;
mod memory;
mod disk;
mod tier;
mod flight;
mod fill;
mod hit;
mod peek;
mod prepared;
mod head;
mod body;
mod codings;
mod key;
mod labels;
mod purge;
mod inspect;
mod stat;

pub use codings::{CODINGS, Uncoded, serve_as_stored, serve_coded, to_be_coded};
pub use disk::{DISK_READ_FAILED, DiskOptions, DiskStat, DiskState};
pub use flight::{FILL_ABORTED, NO_READER_LEFT, READER_LEFT_BEHIND};
pub use hit::length;
pub use inspect::{Inspected, Listed, Page, Standing};
pub use labels::{BodyBound, Generation, Labels, Tag, UrlHash};
pub use options::{Options, OptionsError, ZoneOptions};
pub use peek::{Stored, Wanted};
pub use prepared::{FORMS, Prepared};
pub use purge::{Durability, Purge, Reached, Receipt, Subject};
pub use stat::ZoneStat;
pub use store::Store;
