//! What a disk tier takes and gives: time to open, bytes beside an object in memory and on disk, and what a hit in memory
//! feels of the disk being written.
//!
//! `cargo bench -p cache --bench disk -- [OBJECTS [FOLDER]]`, by default a million objects in a temporary folder: some
//! 5 GB. Prints tables; nothing here passes or fails. Opening is measured with what the kernel has cached, and so is a
//! read: it is the store that is measured, not the disk.

use bytes::Bytes;
use cache::{DiskOptions, DiskStat, DiskState, Options, Store, ZoneOptions};
use pingora::cache::trace::{Span, SpanHandle};
use pingora::cache::{CacheKey, CacheMeta, Storage};
use pingora::http::ResponseHeader;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

const BODY_BYTES: usize = 4096;
const MEMORY_BYTES: u64 = 256 << 20;
const HOT: u32 = 10_000;
const HITS: usize = 400_000;
/// What is written at full speed while hits are measured.
const WRITTEN_BYTES: usize = 64 << 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let objects: u32 = arguments.next().map_or(1_000_000, |objects| objects.parse().expect("a number of objects"));
    let parent = tempfile::tempdir().expect("a temporary folder");
    let folder = arguments.next().map_or_else(|| parent.path().join("cache"), PathBuf::from);
    let disk_bytes = (u64::from(objects) * 6000).max(256 << 20);

    let store = open(&folder, disk_bytes).await;
    write(store, objects).await;
    store.release_disk().await;
    reopen(&folder, disk_bytes, objects).await;
    hits_while_writing(&folder, disk_bytes).await;
}

/// Fills the disk as fast as it takes it, without anything being dropped.
async fn write(store: &'static Store, objects: u32) {
    let done = |stat: &DiskStat| stat.writes + stat.writes_dropped;
    let started = now();
    for number in 0..objects {
        fill(store, number, BODY_BYTES).await;
        while number % 64 == 0 && u64::from(number).saturating_sub(done(&disk(store))) > 4096 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    until(|| done(&disk(store)) == u64::from(objects)).await;
    let seconds = started.elapsed().as_secs_f64();
    let stat = disk(store);
    let content = (BODY_BYTES + key(0).primary_key().len() + header_text_bytes()) as u64;
    println!("{:<52} {:>12}", "objects of 4 KiB, 8 header fields", stat.objects);
    println!("{:<52} {:>12.0}", "written a second", f64::from(objects) / seconds);
    println!("{:<52} {:>12}", "dropped", stat.writes_dropped);
    let beside = stat.bytes as f64 / stat.objects as f64 - content as f64;
    println!("{:<52} {beside:>12.1}", "bytes on disk beside key, header text and body");
    let index = stat.index_bytes as f64 / stat.objects as f64;
    println!("{:<52} {index:>12.1}", "bytes of memory in the index, each");
}

async fn reopen(folder: &Path, disk_bytes: u64, objects: u32) {
    let started = now();
    let store = open(folder, disk_bytes).await;
    let seconds = started.elapsed().as_secs_f64();
    println!("{:<52} {seconds:>12.2}", format!("seconds to open {} sealed objects", disk(store).objects));
    let started = now();
    const READS: u32 = 20_000;
    for number in 0..READS {
        let number = number.wrapping_mul(2_654_435_761) % objects;
        assert!(hit(store, number).await, "{number} was written");
    }
    let each = started.elapsed() / READS;
    println!("{:<52} {:>12.1}", "microseconds for a hit on disk, one at a time", each.as_secs_f64() * 1e6);
    store.release_disk().await;
}

/// Hits in memory, alone and while another thread fills the disk as fast as it can.
async fn hits_while_writing(folder: &Path, disk_bytes: u64) {
    println!(
        "\n{:<34} {:>8} {:>8} {:>8} {:>10} {:>10}",
        "a hit in memory, microseconds", "p50", "p99", "p99.9", "max", "MB/s"
    );
    for (name, writes, stores) in
        [("alone", false, false), ("fills, no disk", true, false), ("fills, disk written", true, true)]
    {
        let disk_of = stores.then(|| DiskOptions { folder: folder.to_owned(), bytes: disk_bytes });
        let store = with(disk_of);
        if stores {
            until(|| disk(store).state == DiskState::Serving).await;
        }
        for number in 0..HOT {
            fill(store, number, BODY_BYTES).await;
        }
        let (stop, started) = (&*Box::leak(Box::new(AtomicBool::new(false))), now());
        let before = if stores { disk(store).writes } else { 0 };
        let writer = writes.then(|| tokio::spawn(write_until(store, stop)));
        let mut times = measure(store).await;
        let seconds = started.elapsed().as_secs_f64();
        let written = if stores { disk(store).writes - before } else { 0 };
        stop.store(true, Ordering::Relaxed);
        if let Some(writer) = writer {
            writer.await.expect("it does not panic");
        }
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
        let rate = written as f64 * WRITTEN_BYTES as f64 / seconds / 1e6;
        println!("{name:<34} {:>8.2} {:>8.2} {:>8.2} {:>10.0} {rate:>10.0}", at(0.5), at(0.99), at(0.999), at(1.0));
        store.release_disk().await;
    }
}

async fn measure(store: &'static Store) -> Vec<Duration> {
    let mut times = Vec::with_capacity(HITS);
    for request in 0..HITS as u32 {
        let key = key(request.wrapping_mul(2_654_435_761) % HOT);
        let started = now();
        let found = find(store, &key).await;
        times.push(started.elapsed());
        if !found {
            fill(store, request.wrapping_mul(2_654_435_761) % HOT, BODY_BYTES).await;
        }
    }
    times
}

async fn write_until(store: &'static Store, stop: &'static AtomicBool) {
    let mut number = 1 << 30;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        fill(store, number, WRITTEN_BYTES).await;
        tokio::task::yield_now().await;
    }
}

async fn open(folder: &Path, bytes: u64) -> &'static Store {
    let store = with(Some(DiskOptions { folder: folder.to_owned(), bytes }));
    until(|| disk(store).state == DiskState::Serving).await;
    store
}

fn with(disk: Option<DiskOptions>) -> &'static Store {
    let zone = ZoneOptions { name: "pages".into(), memory_bytes: MEMORY_BYTES, max_object_bytes: 1 << 20, disk };
    Box::leak(Box::new(Store::new(Options { zones: vec![zone] }).expect("a valid zone")))
}

fn disk(store: &Store) -> DiskStat {
    store.stats().remove(0).disk.expect("a zone with a disk")
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn fill(store: &'static Store, number: u32, length: usize) {
    static BODY: [u8; WRITTEN_BYTES] = [b'x'; WRITTEN_BYTES];
    let mut fill = store.get_miss_handler(&key(number), &meta(), &trace()).await.expect("a fill");
    fill.write_body(Bytes::from_static(&BODY[..length]), true).await.expect("room");
    fill.finish().await.expect("a whole body");
}

async fn hit(store: &'static Store, number: u32) -> bool {
    find(store, &key(number)).await
}

/// Looks up and reads, as Pingora does for a hit.
async fn find(store: &'static Store, key: &CacheKey) -> bool {
    let Some((meta, mut hit)) = store.lookup(key, &trace()).await.expect("a lookup") else { return false };
    std::hint::black_box(meta);
    while let Some(bytes) = hit.read_body().await.expect("a body") {
        std::hint::black_box(bytes);
    }
    true
}

fn key(number: u32) -> CacheKey {
    CacheKey::new(format!("shop https://shop.example/product/{number:08}"), "pages")
}

fn meta() -> CacheMeta {
    let mut header = ResponseHeader::build(200, None).expect("a valid status");
    for (name, value) in FIELDS {
        header.insert_header(name, value).expect("a valid field");
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    CacheMeta::new(now + Duration::from_secs(60), now, 0, 0, header)
}

const FIELDS: [(&str, &str); 8] = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Vary", "Accept-Encoding"),
    ("Cache-Control", "public, max-age=60, stale-while-revalidate=30"),
    ("ETag", "\"5f3c1b2a9d8e7f60\""),
    ("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ("Date", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ("X-Served-By", "shop-origin-1"),
    ("Surrogate-Key", "product:42 category:7"),
];

fn header_text_bytes() -> usize {
    FIELDS.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn trace() -> SpanHandle {
    Span::inactive().handle()
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn now() -> Instant {
    Instant::now()
}
