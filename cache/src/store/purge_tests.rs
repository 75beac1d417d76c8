//! Tests of purges through the store: of what is stored, of what is being written, and of what has not come yet.

use super::tests::{at, get, in_zone, key, meta, open, pages, put, read, trace};
use crate::{Durability, Generation, Labels, Listed, Page, Purge, Receipt, Standing, Store, Subject, Tag, UrlHash};
use bytes::Bytes;
use pingora::cache::{CacheMeta, Storage};
use std::time::Duration;

const URL: &str = "https://shop.example/";

fn order(subject: Subject, softened: Option<u64>) -> Purge {
    Purge { subjects: vec![subject], soft: softened.is_some(), at: at(softened.unwrap_or(0)) }
}

fn tag(text: &str) -> Subject {
    Subject::Tag(text.to_owned())
}

async fn purge(store: &'static Store, subject: Subject) -> Receipt {
    store.purge_objects(Some("pages"), &order(subject, None), true).await.remove(0)
}

/// A meta of an answer with a tag, asked for then.
fn labelled(asked_at: Generation) -> CacheMeta {
    let mut meta = meta();
    meta.extensions_mut().insert(Labels { asked_at, tags: [Tag::of("a")].into() });
    meta
}

#[tokio::test]
async fn a_receipt_says_what_was_done_in_each_zone() {
    let store = open(&[("pages", 1 << 20, 1 << 16), ("media", 1 << 20, 1 << 16)]);
    put(store, &key("/"), &labelled(store.generation("pages")), b"1").await;
    put(store, &in_zone("media", "/"), &labelled(store.generation("media")), b"2").await;
    let receipts = store.purge_objects(None, &order(tag("a"), None), true).await;
    let told: Vec<_> = receipts.iter().map(|receipt| (&*receipt.zone, receipt.durability)).collect();
    assert_eq!(told, [("pages", Durability::Durable), ("media", Durability::Durable)]);
    assert!(receipts.iter().all(|receipt| receipt.reached.is_some_and(|reached| reached.objects == 1)));
    assert_eq!(receipts[1].generation, store.generation("media"));
    assert!(get(store, &key("/")).await.is_none() && get(store, &in_zone("media", "/")).await.is_none());
    assert_eq!(store.purge_objects(Some("nowhere"), &order(Subject::All, None), true).await, []);
    let unwaited = store.purge_objects(Some("pages"), &order(Subject::All, None), false).await;
    assert_eq!(unwaited[0].reached, None);
}

#[tokio::test]
async fn a_url_is_purged_in_every_scope_and_variant_and_no_other_is() {
    let store = pages();
    let mut variant = key("/");
    variant.set_variance_key([1; 16]);
    let scoped = pingora::cache::CacheKey::new(format!("route=shop pool=blue {URL}"), "pages");
    let others = [key("/?a"), key("/a")];
    for key in [&key("/"), &variant, &scoped, &others[0], &others[1]] {
        put(store, key, &labelled(store.generation("pages")), b"1").await;
    }
    let key = key("/");
    let receipt = purge(store, Subject::Url(String::from_utf8_lossy(key.primary_key()).into_owned())).await;
    assert_eq!(receipt.reached.map(|reached| reached.objects), Some(2), "the key of these tests is no URL");
    assert!(get(store, &key).await.is_none() && get(store, &variant).await.is_none());
    assert!(get(store, &scoped).await.is_some());
    assert_eq!(purge(store, Subject::Url(URL.into())).await.reached.map(|reached| reached.objects), Some(1));
    assert!(get(store, &scoped).await.is_none());
    for other in &others {
        assert!(get(store, other).await.is_some());
    }
}

#[tokio::test]
async fn a_fill_under_way_is_neither_followed_nor_stored_after_a_purge() {
    let store = pages();
    for (path, softened) in [("/hard", None), ("/soft", Some(1010))] {
        let asked_at = store.generation("pages");
        let mut fill = store.get_miss_handler(&key(path), &labelled(asked_at), &trace()).await.unwrap();
        fill.write_body(Bytes::from_static(b"old"), false).await.unwrap();
        assert!(get(store, &key(path)).await.is_some(), "it is followed");
        store.purge_objects(Some("pages"), &order(tag("a"), softened), false).await;
        assert!(get(store, &key(path)).await.is_none());
        put(store, &key(path), &labelled(store.generation("pages")), b"new").await;
        fill.finish().await.unwrap();
        let (_, mut hit) = get(store, &key(path)).await.unwrap();
        assert_eq!(read(&mut hit).await, b"new");
    }
    let mut fill = store.get_miss_handler(&key("/b"), &labelled(store.generation("pages")), &trace()).await.unwrap();
    fill.write_body(Bytes::from_static(b"old"), true).await.unwrap();
    purge(store, tag("a")).await;
    let stored = store.stats()[0].objects;
    fill.finish().await.unwrap();
    assert_eq!(store.stats()[0].objects, stored, "it takes no room either");
}

/// The answer was asked for before the purge, and its header comes after it.
#[tokio::test]
async fn an_answer_that_comes_after_a_purge_is_judged_by_when_it_was_asked_for() {
    let store = pages();
    let asked_at = store.generation("pages");
    purge(store, tag("a")).await;
    put(store, &key("/old"), &labelled(asked_at), b"old").await;
    assert!(get(store, &key("/old")).await.is_none());
    put(store, &key("/new"), &labelled(store.generation("pages")), b"new").await;
    assert!(get(store, &key("/new")).await.is_some());
    put(store, &key("/untagged"), &meta(), b"1").await;
    assert!(get(store, &key("/untagged")).await.is_some(), "without labels it counts as asked for when it came");
}

#[tokio::test]
async fn a_soft_purge_makes_stale_until_it_was_revalidated() {
    let store = pages();
    let asked_at = store.generation("pages");
    put(store, &key("/"), &labelled(asked_at), b"1").await;
    store.purge_objects(Some("pages"), &order(tag("a"), Some(1010)), true).await;
    store.purge_objects(Some("pages"), &order(tag("a"), Some(1020)), true).await;
    let (stale, _) = get(store, &key("/")).await.unwrap();
    assert_eq!(stale.fresh_until(), at(1010), "of two purges the earlier counts");
    assert!(stale.serve_stale_while_revalidate(at(1010) + Duration::from_secs(30)));
    assert!(!stale.serve_stale_while_revalidate(at(1010) + Duration::from_secs(31)), "its window is 30 s");

    // Asked before the purges: it says nothing of what has changed since.
    assert!(store.update_meta(&key("/"), &labelled(asked_at), &trace()).await.unwrap());
    assert_eq!(get(store, &key("/")).await.unwrap().0.fresh_until(), at(1010));
    assert!(store.update_meta(&key("/"), &meta(), &trace()).await.unwrap());
    assert_eq!(get(store, &key("/")).await.unwrap().0.fresh_until(), at(1010), "without labels the old ones stay");

    let revalidated = labelled(store.generation("pages"));
    assert!(store.update_meta(&key("/"), &revalidated, &trace()).await.unwrap());
    assert_eq!(get(store, &key("/")).await.unwrap().0.fresh_until(), at(1060));
    purge(store, tag("a")).await;
    assert!(get(store, &key("/")).await.is_none());
}

#[tokio::test]
async fn what_expired_before_a_soft_purge_stays_expired_since_then() {
    let store = pages();
    put(store, &key("/"), &labelled(store.generation("pages")), b"1").await;
    store.purge_objects(None, &order(Subject::All, Some(5000)), true).await;
    assert_eq!(get(store, &key("/")).await.unwrap().0.fresh_until(), at(1060));
}

#[tokio::test]
async fn an_invalidation_takes_effect_at_once_and_is_counted() {
    let store = pages();
    let scoped = pingora::cache::CacheKey::new(format!("route=shop {URL}"), "pages");
    put(store, &scoped, &labelled(store.generation("pages")), b"1").await;
    store.invalidate("media", URL);
    assert!(get(store, &scoped).await.is_some(), "another zone");
    store.invalidate("pages", URL);
    assert!(get(store, &scoped).await.is_none());
    assert_eq!((store.stats()[0].invalidations, store.stats()[0].purges), (1, 0));
}

#[tokio::test]
async fn keys_are_listed_page_by_page_in_their_order() {
    let store = pages();
    for path in ["/c", "/a", "/b1", "/b2"] {
        let key = pingora::cache::CacheKey::new(format!("route=shop https://a{path}"), "pages");
        put(store, &key, &meta(), b"1").await;
    }
    let mut variant = pingora::cache::CacheKey::new("route=shop https://a/b1", "pages");
    variant.set_variance_key([1; 16]);
    put(store, &variant, &meta(), b"1").await;
    let page = |prefix: &str, after: &str, most| {
        let page = Page { prefix: prefix.into(), after: after.into(), most };
        let listed = store.keys("pages", &page).unwrap();
        listed.into_iter().map(|Listed { key, variants, .. }| format!("{key} {variants}")).collect::<Vec<_>>()
    };
    assert_eq!(page("", "", 2), ["route=shop https://a/a 1", "route=shop https://a/b1 2"]);
    assert_eq!(page("", "route=shop https://a/b1", 2), ["route=shop https://a/b2 1", "route=shop https://a/c 1"]);
    assert_eq!(page("https://a/b", "", 9), ["route=shop https://a/b1 2", "route=shop https://a/b2 1"]);
    assert_eq!(page("https://b", "", 9), [""; 0]);
    assert_eq!(store.keys("nowhere", &Page::default()), None);
}

#[tokio::test]
async fn what_is_inspected_is_neither_used_nor_changed() {
    let store = pages();
    let scoped = pingora::cache::CacheKey::new(format!("route=shop {URL}"), "pages");
    put(store, &scoped, &labelled(store.generation("pages")), b"1234").await;
    let inspect = || store.inspect(None, &[UrlHash::of(URL)], 10);
    let live = inspect().remove(0);
    assert_eq!((&*live.zone, &*live.key, live.body_bytes), ("pages", "route=shop https://shop.example/", 4));
    assert_eq!((&*live.tags, live.standing, live.meta.fresh_until()), (&[Tag::of("a")][..], Standing::Live, at(1060)));
    store.purge_objects(None, &order(tag("a"), Some(1010)), false).await;
    assert_eq!(inspect()[0].standing, Standing::SoftPurged(at(1010)));
    assert_eq!(inspect()[0].meta.fresh_until(), at(1010));
    assert_eq!(store.stats()[0].hits, 0);
    assert!(store.inspect(None, &[UrlHash::of("https://shop.example/b")], 10).is_empty());
}
