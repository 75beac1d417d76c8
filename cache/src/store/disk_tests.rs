//! Tests of memory and disk together, through Pingora's own interface and on a real folder.

use super::tests::{key, meta, purge, read, told, trace};
use crate::{DiskOptions, DiskStat, DiskState, Durability, Labels, Options, Purge, Store, Subject, Tag, ZoneOptions};
use bytes::Bytes;
use pingora::cache::{CacheMeta, HitHandler, PurgeOutcome, PurgeTarget, Storage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

const DISK_BYTES: u64 = 64 << 20;

fn options(memory_bytes: u64, disk: Option<&Path>) -> ZoneOptions {
    let disk = disk.map(|folder| DiskOptions { folder: folder.to_owned(), bytes: DISK_BYTES });
    ZoneOptions { name: "pages".into(), memory_bytes, max_object_bytes: memory_bytes, disk }
}

/// A store with a zone of little memory, whose disk is open.
async fn open(memory_bytes: u64, folder: &Path) -> &'static Store {
    let store = Store::new(Options { zones: vec![options(memory_bytes, Some(folder))] }).unwrap();
    let store: &'static Store = Box::leak(Box::new(store));
    until(|| stat(store).state == DiskState::Serving).await;
    store
}

fn stat(store: &Store) -> DiskStat {
    store.stats().remove(0).disk.expect("a zone with a disk")
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it becomes true");
}

/// Stores an answer, and waits until it is on disk.
async fn put(store: &'static Store, path: &str, meta: &CacheMeta, body: Vec<u8>) {
    let done = |stat: DiskStat| stat.writes + stat.writes_dropped;
    let before = done(stat(store));
    let mut fill = store.get_miss_handler(&key(path), meta, &trace()).await.unwrap();
    fill.write_body(Bytes::from(body), true).await.unwrap();
    fill.finish().await.unwrap();
    until(|| done(stat(store)) > before).await;
}

async fn get(store: &'static Store, path: &str) -> Option<(CacheMeta, HitHandler)> {
    store.lookup(&key(path), &trace()).await.unwrap()
}

async fn body(store: &'static Store, path: &str) -> Option<Vec<u8>> {
    let (_, mut hit) = get(store, path).await?;
    Some(read(&mut hit).await)
}

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at * (seed * 2 + 1) + (at >> 8)) as u8).collect()
}

#[tokio::test]
async fn what_memory_has_no_room_for_is_found_on_disk_and_comes_back_when_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(1 << 20, folder.path()).await;
    for number in 0..40 {
        put(store, &format!("/{number}"), &meta(), bytes(number, 100_000)).await;
    }
    let in_memory = store.stats()[0].objects;
    assert!(in_memory <= 10, "{in_memory}");
    let hits = |store: &Store| (store.stats()[0].hits, stat(store).hits, stat(store).promotions);
    assert_eq!(hits(store), (0, 0, 0));
    for expected in [(0, 1, 0), (0, 2, 1), (1, 2, 1), (2, 2, 1)] {
        let (found, mut hit) = get(store, "/3").await.expect("stored");
        assert_eq!(told(&found), told(&meta()));
        assert!(read(&mut hit).await == bytes(3, 100_000));
        assert_eq!(hits(store), expected);
    }
    let zone = store.stats().remove(0);
    assert!(zone.bytes <= zone.limit_bytes, "{zone:?}");
}

#[tokio::test]
async fn the_next_store_finds_it_all_and_none_of_what_was_purged() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(8 << 20, folder.path()).await;
    let tagged = |tag: &str| {
        let mut meta = meta();
        let labels = Labels { asked_at: first.generation("pages"), tags: Box::new([Tag::of(tag)]) };
        meta.extensions_mut().insert(labels);
        meta
    };
    for (number, tag) in (0..30).zip(["a", "b", "c"].iter().cycle()) {
        put(first, &format!("/{number}"), &tagged(tag), bytes(number, 300_000)).await;
    }
    let order = |subject: Subject| Purge { subjects: vec![subject], soft: false, at: SystemTime::UNIX_EPOCH };
    first.purge_objects(None, &order(Subject::Tag("b".into())), false).await;
    first.release_disk().await;
    assert_eq!(stat(first).state, DiskState::Released);

    let second = open(8 << 20, folder.path()).await;
    assert_eq!(stat(second).objects, 30, "nobody has looked at them yet");
    for number in 0..30 {
        let found = body(second, &format!("/{number}")).await;
        let expected = (number % 3 != 1).then(|| bytes(number, 300_000));
        assert!(found == expected, "/{number}");
    }
    assert_eq!(stat(second).objects, 20);
    second.purge_objects(None, &order(Subject::Tag("c".into())), false).await;
    // Killed, for all that the folder can tell.
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let third = open(8 << 20, copy.path()).await;
    for number in 0..30 {
        let found = body(third, &format!("/{number}")).await;
        assert_eq!(found.is_some(), number % 3 == 0, "/{number}");
    }
}

#[tokio::test]
async fn a_part_of_a_body_on_disk_is_read_from_where_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(2 << 20, folder.path()).await;
    put(store, "/", &meta(), bytes(1, 1_500_000)).await;
    store.release_disk().await;
    let store = open(2 << 20, folder.path()).await;
    let (_, mut hit) = get(store, "/").await.expect("stored");
    assert!(hit.can_seek());
    for (start, end) in [(1_000_000, Some(1_000_010)), (5, Some(700_000)), (1_499_999, None), (0, Some(9_999_999))] {
        hit.seek(start, end).unwrap();
        let expected = &bytes(1, 1_500_000)[start..end.unwrap_or(1_500_000).min(1_500_000)];
        assert!(read(&mut hit).await == expected, "{start} to {end:?}");
    }
    assert!(hit.seek(1_500_000, None).is_err());
}

#[tokio::test]
async fn a_revalidation_freshens_what_is_only_on_disk_and_a_purge_removes_it_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(8 << 20, folder.path()).await;
    put(store, "/", &meta(), bytes(1, 1000)).await;
    store.release_disk().await;
    let store = open(8 << 20, folder.path()).await;
    let mut fresher = meta();
    fresher.update_freshness(SystemTime::UNIX_EPOCH + Duration::from_secs(5000), 5, 6);
    let writes = stat(store).writes;
    assert!(store.update_meta(&key("/"), &fresher, &trace()).await.unwrap());
    until(|| stat(store).writes > writes).await;
    for _ in 0..3 {
        assert_eq!(told(&get(store, "/").await.expect("stored").0), told(&fresher));
        assert_eq!(body(store, "/").await, Some(bytes(1, 1000)));
    }
    assert_eq!(store.stats()[0].objects, 1, "it has come to memory by now, so that Pingora's verb can name it");
    let purged = purge(store, PurgeTarget::Active(&key("/").to_compact())).await;
    assert!(matches!(purged, PurgeOutcome::Purged(Some(_))));
    assert!(get(store, "/").await.is_none());
    assert_eq!(stat(store).objects, 0);
    assert!(!store.update_meta(&key("/"), &fresher, &trace()).await.unwrap());
}

#[tokio::test]
async fn a_reload_keeps_resizes_changes_and_drops_the_folder() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(8 << 20, one.path()).await;
    put(store, "/one", &meta(), bytes(1, 1000)).await;
    let configure = |zone: ZoneOptions| store.configure(Options { zones: vec![zone] }).unwrap();
    let mut larger = options(4 << 20, Some(one.path()));
    larger.disk.as_mut().unwrap().bytes = 128 << 20;
    configure(larger);
    assert_eq!((stat(store).limit_bytes, stat(store).objects), (128 << 20, 1), "the same disk");

    configure(options(8 << 20, Some(other.path())));
    until(|| stat(store).state == DiskState::Serving).await;
    assert_eq!(stat(store).objects, 0);
    put(store, "/other", &meta(), bytes(2, 1000)).await;
    configure(options(8 << 20, None));
    assert_eq!(store.stats()[0].disk, None);
    assert_eq!(body(store, "/other").await, Some(bytes(2, 1000)), "memory is as it was");

    configure(options(8 << 20, Some(one.path())));
    until(|| stat(store).state == DiskState::Serving).await;
    assert_eq!(stat(store).objects, 1);
    store.release_disk().await;
    put_nowhere(store, "/while-released").await;
    configure(options(8 << 20, Some(one.path())));
    until(|| stat(store).state == DiskState::Serving).await;
    assert_eq!(body(store, "/one").await, Some(bytes(1, 1000)));
}

async fn put_nowhere(store: &'static Store, path: &str) {
    let mut fill = store.get_miss_handler(&key(path), &meta(), &trace()).await.unwrap();
    fill.write_body(Bytes::from_static(b"memory only"), true).await.unwrap();
    fill.finish().await.unwrap();
    assert_eq!(body(store, path).await, Some(b"memory only".to_vec()));
}

/// What is stored last under each path: which round of bodies, how long, and the newest header.
type Model = BTreeMap<u64, (u64, usize, u64)>;

/// Random requests beside a plain map, for as long as `CACHE_MODEL_SECONDS` says, through a small memory over a disk.
#[tokio::test]
async fn memory_over_disk_agrees_with_a_plain_map() {
    let until = now() + Duration::from_secs(seconds());
    let mut found = 0;
    for seed in 1.. {
        println!("seed {seed}");
        found += run(seed).await;
        if seed >= 4 && now() >= until {
            println!("{seed} runs found {found} objects");
            break;
        }
    }
    assert!(found > 200, "too little is found to tell anything: {found}");
}

async fn run(seed: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let mut store = open(1 << 20, folder.path()).await;
    let (mut model, mut found) = (Model::new(), 0);
    for step in 1..=300 {
        let number = random.random_range(0..16);
        let path = format!("/{number}");
        match random.random_range(0..100) {
            0..30 => {
                let length = [0, 10, 5_000, 150_000, 400_000][random.random_range(0..5)];
                put(store, &path, &of_round(step, 0), bytes(step, length)).await;
                model.insert(number, (step, length, 0));
            }
            30..80 => found += u64::from(agrees(store, &path, model.get(&number), &mut random).await),
            80..88 => {
                if let Some((round, _, head)) = model.get_mut(&number) {
                    *head += 1;
                    store.update_meta(&key(&path), &of_round(*round, *head), &trace()).await.unwrap();
                }
            }
            88..94 => {
                let url = format!("https|shop.example|{path}");
                let purge = Purge { subjects: vec![Subject::Url(url)], soft: false, at: SystemTime::UNIX_EPOCH };
                store.purge_objects(Some("pages"), &purge, false).await;
                model.remove(&number);
            }
            94..96 => {
                let mut zone = options([1 << 20, 2 << 20][random.random_range(0..2)], Some(folder.path()));
                zone.disk.as_mut().unwrap().bytes = [16 << 20, 64 << 20][random.random_range(0..2)];
                store.configure(Options { zones: vec![zone] }).unwrap();
            }
            _ => {
                store.release_disk().await;
                store = open(1 << 20, folder.path()).await;
            }
        }
    }
    found
}

/// Compares what is found, in whole or in part, with the model. False if nothing is.
async fn agrees(store: &'static Store, path: &str, expected: Option<&(u64, usize, u64)>, random: &mut StdRng) -> bool {
    let Some((meta, mut hit)) = get(store, path).await else { return false };
    let (round, length, head) = expected.unwrap_or_else(|| panic!("{path} is not stored any more"));
    assert_eq!(meta.created(), of_round(*round, 0).created(), "{path} is another answer");
    // The newest header, or one from before that a full queue has not replaced on disk.
    assert!((0..=*head).any(|head| told(&meta) == told(&of_round(*round, head))), "{path} has another header");
    let body = bytes(*round, *length);
    if random.random_bool(0.3) && *length > 1 {
        let start = random.random_range(0..*length);
        let end = random.random_range(start..*length) + 1;
        hit.seek(start, Some(end)).unwrap();
        assert!(read(&mut hit).await == body[start..end], "{path} from {start} to {end}");
    } else {
        assert!(read(&mut hit).await == body, "{path}");
    }
    true
}

fn of_round(round: u64, head: u64) -> CacheMeta {
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(round);
    let mut header = meta().response_header_copy();
    header.insert_header("X-Head", head.to_string()).unwrap();
    CacheMeta::new(created + Duration::from_secs(60 + head), created, 1, 2, header)
}

#[expect(clippy::disallowed_methods, reason = "whoever wants a long run says so")]
fn seconds() -> u64 {
    std::env::var("CACHE_MODEL_SECONDS").map_or(0, |seconds| seconds.parse().expect("a number"))
}

#[expect(clippy::disallowed_methods, reason = "a long run has an end")]
fn now() -> Instant {
    Instant::now()
}

fn everything() -> Purge {
    Purge { subjects: vec![Subject::All], soft: false, at: SystemTime::UNIX_EPOCH }
}

#[tokio::test]
async fn a_purge_of_a_folder_that_is_not_there_yet_is_kept_once_it_is() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("mounted/later");
    let store = Store::new(Options { zones: vec![options(1 << 20, Some(&folder))] }).unwrap();
    until(|| matches!(stat(&store).state, DiskState::Unavailable { .. })).await;
    let durability = async || store.purge_objects(None, &everything(), true).await[0].durability;
    assert_eq!(durability().await, Durability::ThisProcess);
    std::fs::create_dir(parent.path().join("mounted")).unwrap();
    until(|| stat(&store).state == DiskState::Serving).await;
    assert_eq!(durability().await, Durability::Durable);
}

#[tokio::test]
async fn nobody_who_purges_waits_for_a_disk_that_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(1 << 20, folder.path()).await;
    let zones = store.zones();
    let hanging = zones[0].purges.hang();
    let purge = everything();
    let mut receipts = std::pin::pin!(store.purge_objects(None, &purge, false));
    tokio::time::pause();
    let receipt = loop {
        tokio::select! {
            receipts = &mut receipts => break receipts[0].durability,
            () = tokio::task::yield_now() => tokio::time::advance(Duration::from_secs(1)).await,
        }
    };
    assert_eq!(receipt, Durability::ThisProcess);
    drop(hanging);
}

#[tokio::test]
async fn many_who_ask_for_the_same_object_make_one_copy_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(8 << 20, folder.path()).await;
    put(store, "/", &meta(), bytes(1, 1 << 20)).await;
    store.release_disk().await;
    let store = open(8 << 20, folder.path()).await;
    drop(get(store, "/").await);
    let mut hits = Vec::new();
    for _ in 0..4 {
        hits.push(get(store, "/").await.expect("on disk").1);
    }
    for hit in &mut hits {
        assert!(hit.read_body().await.unwrap().is_some());
    }
    let used = store.stats()[0].bytes;
    assert!(used < 4 << 20, "{used} bytes for what is read ahead, and one piece of one copy");
    assert_eq!(store.zones()[0].promoting().len(), 1);
    for hit in &mut hits {
        while hit.read_body().await.unwrap().is_some() {}
    }
    assert_eq!((stat(store).promotions, store.zones()[0].promoting().len()), (1, 0));
}
