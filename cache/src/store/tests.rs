//! Tests of the store through Pingora's own interface.

use crate::{Options, OptionsError, Store, ZoneOptions};
use bytes::Bytes;
use pingora::cache::key::CompactCacheKey;
use pingora::cache::trace::{Span, SpanHandle};
use pingora::cache::{CacheEntryId, CacheEntryKey, CacheKey, CacheMeta};
use pingora::cache::{HitHandler, PurgeOutcome, PurgeTarget, PurgeType, Storage};
use pingora::http::ResponseHeader;
use std::time::{Duration, SystemTime};

const BODY: &[u8] = b"0123456789";

fn zones(zones: &[(&str, u64, u64)]) -> Options {
    let zone = |(name, memory_bytes, max_object_bytes): &(&str, u64, u64)| ZoneOptions {
        name: (*name).to_owned(),
        memory_bytes: *memory_bytes,
        max_object_bytes: *max_object_bytes,
        disk: None,
    };
    Options { zones: zones.iter().map(zone).collect() }
}

pub(super) fn open(options: &[(&str, u64, u64)]) -> &'static Store {
    Box::leak(Box::new(Store::new(zones(options)).unwrap()))
}

pub(super) fn pages() -> &'static Store {
    open(&[("pages", 1 << 20, 1 << 16)])
}

pub(super) fn key(path: &str) -> CacheKey {
    CacheKey::new(format!("https|shop.example|{path}"), "pages")
}

pub(super) fn in_zone(zone: &str, path: &str) -> CacheKey {
    CacheKey::new(key(path).primary_key(), zone)
}

pub(super) fn trace() -> SpanHandle {
    Span::inactive().handle()
}

pub(super) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(super) fn meta() -> CacheMeta {
    let mut header = ResponseHeader::build(203, None).unwrap();
    header.insert_header("ETag", "\"1\"").unwrap();
    header.append_header("Link", "</a.css>").unwrap();
    header.append_header("Link", "</b.css>").unwrap();
    header.set_reason_phrase(Some("Non-Standard")).unwrap();
    CacheMeta::new(at(1060), at(1000), 30, 40, header)
}

pub(super) async fn put(store: &'static Store, key: &CacheKey, meta: &CacheMeta, body: &'static [u8]) -> CacheEntryId {
    let mut fill = store.get_miss_handler(key, meta, &trace()).await.unwrap();
    fill.write_body(Bytes::from_static(body), true).await.unwrap();
    let id = fill.entry_id().unwrap();
    fill.finish().await.unwrap();
    id
}

pub(super) async fn get(store: &'static Store, key: &CacheKey) -> Option<(CacheMeta, HitHandler)> {
    store.lookup(key, &trace()).await.unwrap()
}

pub(super) async fn read(hit: &mut HitHandler) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(bytes) = hit.read_body().await.unwrap() {
        body.extend_from_slice(&bytes);
    }
    body
}

pub(super) async fn purge(store: &'static Store, target: PurgeTarget<'_>) -> PurgeOutcome {
    store.purge(target, PurgeType::Invalidation, &trace()).await.unwrap()
}

/// Everything a `CacheMeta` says of itself but the letter case of its fields.
pub(super) fn told(meta: &CacheMeta) -> String {
    let header = meta.response_header();
    let times = (meta.created(), meta.updated(), meta.provenance(), meta.epoch_override(), meta.fresh_until());
    let stale = (meta.stale_while_revalidate_sec(), meta.stale_if_error_sec(), meta.variance());
    let line = (header.version, header.status, header.get_reason_phrase());
    format!("{times:?} {stale:?} {line:?} {:?}", header.headers)
}

#[tokio::test]
async fn a_stored_answer_comes_back_in_every_field() {
    let store = pages();
    let plain = meta();
    let mut varied = meta();
    varied.set_variance([9; 16]);
    varied.set_epoch_override(at(900));
    let mut revalidated = meta();
    revalidated.update_freshness(at(5000), 1, 2);
    assert_ne!(revalidated.updated(), revalidated.created(), "which the constructor cannot express");
    for (path, meta) in [("/plain", plain), ("/varied", varied), ("/revalidated", revalidated)] {
        put(store, &key(path), &meta, BODY).await;
        let (found, mut hit) = get(store, &key(path)).await.unwrap();
        assert_eq!(told(&found), told(&meta));
        assert_eq!(read(&mut hit).await, BODY);
    }
}

#[tokio::test]
async fn a_stored_body_can_be_read_in_parts_and_again() {
    let store = pages();
    put(store, &key("/"), &meta(), BODY).await;
    let (_, mut hit) = get(store, &key("/")).await.unwrap();
    assert!(hit.can_seek() && hit.can_seek_multipart());
    for (start, end, part) in [(2, Some(5), &BODY[2..5]), (0, Some(1), &BODY[..1]), (7, None, &BODY[7..])] {
        hit.seek_multipart(start, end).unwrap();
        assert_eq!(read(&mut hit).await, part);
    }
    hit.seek(9, Some(1000)).unwrap();
    assert_eq!(read(&mut hit).await, &BODY[9..], "an end past the body is its end");
    assert!(hit.seek(10, None).is_err());
}

#[tokio::test]
async fn variants_zones_and_keys_do_not_meet() {
    let store = open(&[("pages", 1 << 20, 1 << 16), ("media", 1 << 20, 1 << 16)]);
    put(store, &key("/a"), &meta(), b"a").await;
    let mut variant = key("/a");
    variant.set_variance_key([1; 16]);
    for other in [variant, key("/b"), in_zone("media", "/a")] {
        assert!(get(store, &other).await.is_none(), "{other:?}");
        put(store, &other, &meta(), b"other").await;
    }
    let (_, mut hit) = get(store, &key("/a")).await.unwrap();
    assert_eq!(read(&mut hit).await, b"a");
}

#[tokio::test]
async fn an_updated_header_keeps_body_and_identity() {
    let store = pages();
    let id = put(store, &key("/"), &meta(), BODY).await;
    let fresher = CacheMeta::new(at(9000), at(1000), 0, 0, ResponseHeader::build(200, None).unwrap());
    assert!(store.update_meta(&key("/"), &fresher, &trace()).await.unwrap());
    let (found, mut hit) = get(store, &key("/")).await.unwrap();
    assert_eq!((told(&found), hit.entry_id()), (told(&fresher), Some(id)));
    assert_eq!(read(&mut hit).await, BODY);
    assert!(!store.update_meta(&key("/gone"), &fresher, &trace()).await.unwrap());
}

/// An answer is revalidated, and while that is under way, another is stored in its place.
#[tokio::test]
async fn a_header_revalidated_for_another_body_is_refused() {
    let store = pages();
    let created =
        |at| CacheMeta::new(at + Duration::from_secs(60), at, 0, 0, ResponseHeader::build(200, None).unwrap());
    let (first, second) = (created(at(1000)), created(at(1000) + Duration::from_nanos(1)));
    put(store, &key("/"), &first, BODY).await;
    let (mut revalidated, _) = get(store, &key("/")).await.unwrap();
    revalidated.update_freshness(at(9000), 0, 0);
    put(store, &key("/"), &second, b"another").await;
    assert!(!store.update_meta(&key("/"), &revalidated, &trace()).await.unwrap());
    let (found, mut hit) = get(store, &key("/")).await.unwrap();
    assert_eq!((told(&found), read(&mut hit).await), (told(&second), b"another".to_vec()));
}

#[tokio::test]
async fn a_header_can_be_updated_again_and_again() {
    let store = pages();
    put(store, &key("/"), &meta(), BODY).await;
    for fresh_until in [at(2000), at(3000), at(4000)] {
        let (mut revalidated, _) = get(store, &key("/")).await.unwrap();
        revalidated.update_freshness(fresh_until, 0, 0);
        assert!(store.update_meta(&key("/"), &revalidated, &trace()).await.unwrap());
        let (found, _) = get(store, &key("/")).await.unwrap();
        assert_eq!(told(&found), told(&revalidated));
    }
}

#[tokio::test]
async fn a_purge_removes_what_it_names_and_nothing_else() {
    let store = pages();
    let compact = key("/").to_compact();
    let id = put(store, &key("/"), &meta(), BODY).await;
    let exactly = |id| CacheEntryKey::identified(compact.clone(), id);
    let another = exactly(CacheEntryId::new(id.get() + 1));
    assert_eq!(purge(store, PurgeTarget::Exact(&another)).await, PurgeOutcome::NotFound);
    let without_id = CacheEntryKey::key_only(compact.clone());
    assert_eq!(purge(store, PurgeTarget::Exact(&without_id)).await, PurgeOutcome::NotFound);
    assert!(get(store, &key("/")).await.is_some());
    assert_eq!(purge(store, PurgeTarget::Exact(&exactly(id))).await, PurgeOutcome::Purged(Some(id)));
    assert!(get(store, &key("/")).await.is_none());

    let id = put(store, &key("/"), &meta(), BODY).await;
    assert_eq!(purge(store, PurgeTarget::Active(&compact)).await, PurgeOutcome::Purged(Some(id)));
    assert_eq!(purge(store, PurgeTarget::Active(&compact)).await, PurgeOutcome::NotFound);
    let elsewhere = CompactCacheKey { user_tag: "nowhere".into(), ..compact };
    assert_eq!(purge(store, PurgeTarget::Active(&elsewhere)).await, PurgeOutcome::NotFound);
}

#[tokio::test]
async fn a_purge_during_a_fill_keeps_it_from_being_stored() {
    let store = pages();
    let mut fill = store.get_miss_handler(&key("/"), &meta(), &trace()).await.unwrap();
    fill.write_body(Bytes::from_static(BODY), true).await.unwrap();
    let outcome = purge(store, PurgeTarget::Active(&key("/").to_compact())).await;
    assert_eq!(outcome, PurgeOutcome::Purged(fill.entry_id()));
    fill.finish().await.unwrap();
    assert!(get(store, &key("/")).await.is_none());
}

#[tokio::test]
async fn a_writer_that_is_dropped_fails_its_readers_and_leaves_nothing() {
    let store = pages();
    let mut fill = store.get_miss_handler(&key("/"), &meta(), &trace()).await.unwrap();
    fill.write_body(Bytes::from_static(BODY), false).await.unwrap();
    let (_, mut hit) = get(store, &key("/")).await.expect("a fill under way is a hit");
    assert_eq!(hit.read_body().await.unwrap().unwrap(), BODY);
    drop(fill);
    assert_eq!(hit.read_body().await.unwrap_err().etype, crate::FILL_ABORTED);
    assert!(get(store, &key("/")).await.is_none());
}

#[tokio::test]
async fn a_zone_that_is_not_there_finds_nothing_and_passes_everything_through() {
    let store = pages();
    let key = in_zone("dropped", "/");
    let mut fill = store.get_miss_handler(&key, &meta(), &trace()).await.unwrap();
    let tag = fill.streaming_write_tag().map(<[u8]>::to_vec);
    let (_, mut leader) = store.lookup_streaming_write(&key, tag.as_deref(), &trace()).await.unwrap().unwrap();
    assert!(get(store, &key).await.is_none());
    fill.write_body(Bytes::from_static(BODY), true).await.unwrap();
    fill.finish().await.unwrap();
    assert_eq!(read(&mut leader).await, BODY);
    assert!(get(store, &key).await.is_none());
    assert!(!store.update_meta(&key, &meta(), &trace()).await.unwrap());
    let garbage = store.lookup_streaming_write(&key, Some(b"not a tag"), &trace()).await.unwrap();
    assert!(garbage.is_none());
}

#[tokio::test]
async fn configure_keeps_adds_shrinks_and_drops_zones() {
    let store = open(&[("pages", 1 << 20, 1 << 16), ("media", 1 << 20, 1 << 16)]);
    for number in 0..100 {
        put(store, &key(&format!("/{number}")), &meta(), &[7; 4096]).await;
    }
    put(store, &in_zone("media", "/"), &meta(), BODY).await;
    let mut dropped_mid_fill = store.get_miss_handler(&in_zone("media", "/m"), &meta(), &trace()).await.unwrap();
    dropped_mid_fill.write_body(Bytes::from_static(BODY), false).await.unwrap();

    let refused = store.configure(zones(&[("pages", 1, 1), ("pages", 1, 1)]));
    assert_eq!(refused, Err(OptionsError::DuplicateZone { zone: "pages".into() }));
    assert_eq!(store.stats().iter().map(|zone| zone.objects).collect::<Vec<_>>(), [100, 1], "nothing has changed");

    store.configure(zones(&[("new", 1 << 20, 10), ("pages", 200_000, 1 << 16)])).unwrap();
    let stats = store.stats();
    assert_eq!([&*stats[0].zone, &*stats[1].zone], ["new", "pages"]);
    assert!(stats[1].bytes <= 200_000 && stats[1].objects > 20, "{:?}", stats[1]);
    assert_eq!((stats[1].admissions, stats[1].evictions), (100, 100 - stats[1].objects));
    assert!(get(store, &in_zone("media", "/")).await.is_none());

    dropped_mid_fill.write_body(Bytes::from_static(BODY), true).await.unwrap();
    dropped_mid_fill.finish().await.unwrap();
    store.configure(zones(&[("pages", 200_000, 1 << 16), ("media", 1 << 20, 1 << 16)])).unwrap();
    assert_eq!(store.stats()[1].objects, 0, "a zone of the same name later is another zone");
    assert!(get(store, &in_zone("media", "/m")).await.is_none());
}

#[tokio::test]
async fn lookups_are_counted_by_what_they_found() {
    let store = pages();
    assert!(get(store, &key("/")).await.is_none());
    let mut fill = store.get_miss_handler(&key("/"), &meta(), &trace()).await.unwrap();
    drop(get(store, &key("/")).await);
    fill.write_body(Bytes::from_static(BODY), true).await.unwrap();
    fill.finish().await.unwrap();
    drop(get(store, &key("/")).await);
    let stat = store.stats().remove(0);
    assert_eq!((stat.misses, stat.followed, stat.hits), (1, 1, 1));
    assert_eq!(
        (stat.objects, stat.admissions, stat.evictions, stat.pass_throughs, stat.aborted_fills),
        (1, 1, 0, 0, 0)
    );
}
