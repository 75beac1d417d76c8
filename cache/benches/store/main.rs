//! Hit ratio of the store beside other policies and the optimum, what an object costs, and how fast a lookup is.
//!
//! `cargo bench -p cache --bench store`. Prints tables; nothing here passes or fails.

use bytes::Bytes;
use cache::{Options, Store, ZoneOptions};
use pingora::cache::key::hash_key;
use pingora::cache::trace::{Span, SpanHandle};
use pingora::cache::{CacheKey, CacheMeta, Storage};
use pingora::http::ResponseHeader;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

mod hit_ratio;
mod policies;
mod traces;

const BODY_BYTES: usize = 4096;
const LOOKUPS: u32 = 200_000;
const RUNS: usize = 10;

fn main() {
    hit_ratio::print();
    bytes_per_object();
    lookups_per_second();
}

fn bytes_per_object() {
    println!("{:<34} {:>8} {:>10} {:>10}", "bytes beside body and key", "objects", "charged", "allocated");
    for objects in [1_000, 10_000, 100_000] {
        COUNTING_IS_ON.store(true, Ordering::Relaxed);
        let before = ALLOCATED.load(Ordering::Relaxed);
        let store = open(4 << 30);
        for number in 0..objects {
            fill(store, &key(number));
        }
        let allocated = ALLOCATED.load(Ordering::Relaxed).wrapping_sub(before);
        COUNTING_IS_ON.store(false, Ordering::Relaxed);
        let content = BODY_BYTES + key(0).primary_key().len();
        let beside = |bytes: usize| bytes as f64 / f64::from(objects) - content as f64;
        let charged = store.stats()[0].bytes as usize;
        println!("{:<34} {objects:>8} {:>10.1} {:>10.1}", "8 header fields", beside(charged), beside(allocated));
    }
    println!("a header of 8 fields holds {} bytes of names and values\n", header_text_bytes());
}

/// The best of several runs each: on a machine that does other things too, the others say more of those.
fn lookups_per_second() {
    println!("{:<34} {:>12} {:>14}", "lookup and read of the body", "threads", "per second");
    for (name, keys) in [("one key", 1), ("10000 keys, Zipf 1.0", 10_000)] {
        let store = open(1 << 30);
        (0..keys).for_each(|number| fill(store, &key(number)));
        for threads in [1, 2] {
            let best = (0..RUNS).map(|_| rate(store, keys, threads)).fold(0.0, f64::max);
            println!("{name:<34} {threads:>12} {best:>14.0}");
        }
    }
    let clone = (0..RUNS).map(|_| time_of_a_header_clone()).min().unwrap_or_default();
    println!("of which Pingora's by-value header: a clone of 8 fields takes {clone:?}");
}

fn rate(store: &'static Store, keys: u32, threads: u64) -> f64 {
    let started = now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(thread);
                let keys: Vec<_> = (0..keys).map(hashed_key).collect();
                for _ in 0..LOOKUPS {
                    let rank = (keys.len() as f64).powf(random.random_range(0.0..1.0)) as usize;
                    assert!(find(store, &keys[rank.min(keys.len()) - 1]));
                }
            });
        }
    });
    (u64::from(LOOKUPS) * threads) as f64 / started.elapsed().as_secs_f64()
}

fn time_of_a_header_clone() -> Duration {
    let header = meta().response_header_copy();
    let started = now();
    for _ in 0..LOOKUPS {
        std::hint::black_box(std::hint::black_box(&header).clone());
    }
    started.elapsed() / LOOKUPS
}

fn open(memory_bytes: u64) -> &'static Store {
    let zone = ZoneOptions { name: "pages".into(), memory_bytes, max_object_bytes: memory_bytes, disk: None };
    Box::leak(Box::new(Store::new(Options { zones: vec![zone] }).expect("a valid zone")))
}

/// What one object of these benches is charged, its part of the tables included.
fn weight_of_one() -> u64 {
    const SAMPLE: u32 = 10_000;
    let store = open(1 << 30);
    (0..SAMPLE).for_each(|number| fill(store, &key(number)));
    store.stats()[0].bytes / u64::from(SAMPLE)
}

fn key(number: u32) -> CacheKey {
    CacheKey::new(format!("https|shop.example|/product/{number:08}"), "pages")
}

/// A key whose hash is computed once, as the proxy does it.
fn hashed_key(number: u32) -> CacheKey {
    let mut key = key(number);
    key.set_primary_bin_override(hash_key(key.primary_key()));
    key
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
    ("Content-Length", "4096"),
    ("Cache-Control", "public, max-age=60, stale-while-revalidate=30"),
    ("ETag", "\"5f3c1b2a9d8e7f60\""),
    ("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ("Date", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ("Vary", "Accept-Encoding"),
    ("Surrogate-Key", "product:42 category:7"),
];

fn header_text_bytes() -> usize {
    FIELDS.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn fill(store: &'static Store, key: &CacheKey) {
    static BODY: [u8; BODY_BYTES] = [b'x'; BODY_BYTES];
    let mut fill = at_once(store.get_miss_handler(key, &meta(), &trace())).expect("a fill");
    at_once(fill.write_body(Bytes::from_static(&BODY), true)).expect("room");
    at_once(fill.finish()).expect("a whole body");
}

/// Looks up and reads, as Pingora does for a hit.
fn find(store: &'static Store, key: &CacheKey) -> bool {
    let Some((meta, mut hit)) = at_once(store.lookup(key, &trace())).expect("a lookup") else { return false };
    std::hint::black_box(meta);
    while let Some(bytes) = at_once(hit.read_body()).expect("a body") {
        std::hint::black_box(bytes);
    }
    true
}

fn trace() -> SpanHandle {
    Span::inactive().handle()
}

/// The result of a future that has nothing to wait for.
fn at_once<Output>(future: impl Future<Output = Output>) -> Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the memory tier does not wait"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// Bytes that the program has asked for and not given back, while counting is on: it would slow down all the rest.
static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static COUNTING_IS_ON: AtomicBool = AtomicBool::new(false);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator that counts is the one way to check what the store charges")]
// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTING_IS_ON.load(Ordering::Relaxed) {
            ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if COUNTING_IS_ON.load(Ordering::Relaxed) {
            ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        unsafe { System.dealloc(at, layout) }
    }
}
