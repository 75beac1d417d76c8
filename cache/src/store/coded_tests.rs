//! Coded forms of stored bodies, through Pingora's own interface.

use super::tests::{get, key, meta, open, pages, purge, put, read};
use crate::{CODINGS, serve_as_stored, serve_coded, to_be_coded};
use pingora::cache::{PurgeTarget, Storage};
use std::sync::Arc;

const BODY: &[u8] = b"a body that is the same again and again and again";

#[tokio::test]
async fn a_coded_form_is_made_once_and_served_from_then_on() {
    let store = pages();
    put(store, &key("/"), &meta(), BODY).await;
    let (_, mut hit) = get(store, &key("/")).await.unwrap();
    assert_eq!(serve_coded(&mut hit, 0), None, "nobody has made it");
    let uncoded = to_be_coded(&mut hit, 0).unwrap();
    assert!(to_be_coded(&mut hit, 0).is_none(), "somebody is at it");
    assert!(to_be_coded(&mut hit, 1).is_some(), "another one");
    assert!(to_be_coded(&mut hit, CODINGS).is_none(), "there is no such");
    assert_eq!((uncoded.length(), uncoded.pieces().flat_map(|piece| piece.to_vec()).collect()), (49, BODY.to_vec()));
    assert!(uncoded.keep(b"coded".to_vec()));
    assert!(to_be_coded(&mut hit, 0).is_none(), "it is made");
    assert_eq!(read(&mut hit).await, BODY, "who has begun goes on with what it has");

    let (_, mut hit) = get(store, &key("/")).await.unwrap();
    assert_eq!(serve_coded(&mut hit, 0), Some(5));
    assert_eq!(read(&mut hit).await, b"coded");
    hit.seek(1, Some(3)).unwrap();
    assert_eq!(read(&mut hit).await, b"od", "a range is one of the coded form");
    serve_as_stored(&mut hit);
    assert_eq!(read(&mut hit).await, BODY);
}

#[tokio::test]
async fn a_coded_form_lives_and_is_charged_as_long_as_its_body() {
    let store = pages();
    let target = key("/");
    put(store, &target, &meta(), BODY).await;
    let before = store.stats()[0].bytes;
    let (_, mut hit) = get(store, &target).await.unwrap();
    assert!(to_be_coded(&mut hit, 2).unwrap().keep(vec![1; 1000]));
    drop(hit);
    let with = store.stats()[0].bytes;
    assert!((1000..1400).contains(&(with - before)), "{} bytes more", with - before);

    let mut other = meta();
    other.update_freshness(super::tests::at(9000), 0, 0);
    assert!(store.update_meta(&target, &other, &super::tests::trace()).await.unwrap());
    let (_, mut hit) = get(store, &target).await.unwrap();
    assert_eq!(serve_coded(&mut hit, 2), Some(1000), "what was revalidated is the same body");

    let target = target.to_compact();
    purge(store, PurgeTarget::Active(&target)).await;
    drop(hit);
    assert!(store.stats()[0].bytes < before, "{} bytes are left", store.stats()[0].bytes);
}

#[tokio::test]
async fn a_coded_form_without_room_is_not_kept() {
    let store = open(&[("pages", 64 << 10, 32 << 10)]);
    put(store, &key("/"), &meta(), BODY).await;
    let (_, mut hit) = get(store, &key("/")).await.unwrap();
    assert!(!to_be_coded(&mut hit, 0).unwrap().keep(vec![1; 65 << 10]));
    let (_, mut hit) = get(store, &key("/")).await.unwrap();
    assert_eq!((serve_coded(&mut hit, 0), to_be_coded(&mut hit, 0).is_none()), (None, true));
    assert!(!to_be_coded(&mut hit, 1).unwrap().keep(Vec::new()), "an empty form is none");
}

#[test]
fn many_at_once_make_a_form_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = pages();
    runtime.block_on(put(store, &key("/"), &meta(), BODY));
    let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let made = Arc::clone(&made);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let (_, mut hit) = runtime.block_on(get(store, &key("/"))).unwrap();
                if let Some(uncoded) = to_be_coded(&mut hit, 0) {
                    made.fetch_add(usize::from(uncoded.keep(vec![1])), std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(made.load(std::sync::atomic::Ordering::Relaxed), 1);
}
