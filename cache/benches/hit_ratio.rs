//! Hit ratio of the store beside a plain LRU and the optimum, what an object costs, and how fast a lookup is.
//!
//! `cargo bench -p cache`. Prints tables; nothing here passes or fails.

use bytes::Bytes;
use cache::{Options, Store, ZoneOptions};
use pingora::cache::key::hash_key;
use pingora::cache::trace::{Span, SpanHandle};
use pingora::cache::{CacheKey, CacheMeta, Storage};
use pingora::http::ResponseHeader;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

const KEYS: usize = 100_000;
const REQUESTS: usize = 1_000_000;
const BODY_BYTES: usize = 4096;
const LOOKUPS: u32 = 200_000;
const RUNS: usize = 10;

fn main() {
    println!("{REQUESTS} requests for {KEYS} keys, bodies of {BODY_BYTES} bytes, each object weighs the same\n");
    hit_ratios();
    bytes_per_object();
    lookups_per_second();
}

/// Requests as an independent reference model draws them.
fn zipf(exponent: f64, with_one_hit_wonders: bool) -> Vec<u32> {
    let mut sums = Vec::with_capacity(KEYS);
    let mut sum = 0.0;
    for rank in 1..=KEYS {
        sum += (rank as f64).powf(-exponent);
        sums.push(sum);
    }
    let mut random = StdRng::seed_from_u64(42);
    let mut never_again = KEYS as u32;
    let draw = |_| {
        if with_one_hit_wonders && random.random_bool(0.2) {
            never_again += 1;
            return never_again;
        }
        let point = random.random_range(0.0..sum);
        sums.partition_point(|below| *below <= point) as u32
    };
    (0..REQUESTS).map(draw).collect()
}

fn hit_ratios() {
    println!("{:<34} {:>8} {:>8} {:>8} {:>8}", "trace, objects that fit", "store", "LRU", "optimum", "fits");
    for (name, exponent, wonders) in
        [("Zipf 0.8", 0.8, false), ("Zipf 1.0", 1.0, false), ("Zipf 1.0, 20 % asked for once", 1.0, true)]
    {
        let trace = zipf(exponent, wonders);
        for percent in [1, 5, 10, 25] {
            let (store, objects) = store_ratio(&trace, KEYS * percent / 100);
            let (lru, best) = (lru_ratio(&trace, objects), belady_ratio(&trace, objects));
            let label = format!("{name}, {percent} %");
            println!("{label:<34} {:>7.2}% {:>7.2}% {:>7.2}% {objects:>8}", store * 100.0, lru * 100.0, best * 100.0);
        }
    }
    println!();
}

/// The store's hit ratio, and how many objects it held at the end: the rivals get as many.
fn store_ratio(trace: &[u32], objects: usize) -> (f64, usize) {
    let store = open(objects as u64 * weight_of_one());
    let trace: Vec<_> = trace.to_vec();
    let mut hits = 0;
    for number in &trace {
        if find(store, &key(*number)) {
            hits += 1;
        } else {
            fill(store, &key(*number));
        }
    }
    (f64::from(hits) / trace.len() as f64, store.stats()[0].objects as usize)
}

fn lru_ratio(trace: &[u32], capacity: usize) -> f64 {
    let (mut last_use, mut by_age) = (HashMap::new(), BTreeMap::new());
    let mut hits = 0;
    for (now, number) in trace.iter().enumerate() {
        match last_use.insert(*number, now) {
            Some(before) => {
                hits += 1;
                by_age.remove(&before);
            }
            None if last_use.len() > capacity => {
                let (_, oldest) = by_age.pop_first().expect("as many as in the other map");
                last_use.remove(&oldest);
            }
            None => {}
        }
        by_age.insert(now, *number);
    }
    f64::from(hits) / trace.len() as f64
}

/// Belady's optimum: what is asked for last of all has to go, even if it is the new one.
fn belady_ratio(trace: &[u32], capacity: usize) -> f64 {
    let mut next_use = vec![usize::MAX; trace.len()];
    let mut seen = HashMap::new();
    for (at, number) in trace.iter().enumerate().rev() {
        next_use[at] = seen.insert(*number, at).unwrap_or(usize::MAX - *number as usize);
    }
    let (mut held, mut by_next_use) = (HashMap::new(), BTreeSet::new());
    let mut hits = 0;
    for (at, number) in trace.iter().enumerate() {
        if let Some(due) = held.remove(number) {
            hits += 1;
            by_next_use.remove(&due);
        }
        held.insert(*number, next_use[at]);
        by_next_use.insert(next_use[at]);
        if held.len() > capacity {
            let last = by_next_use.pop_last().expect("as many as in the other map");
            let leaving = if last > trace.len() { (usize::MAX - last) as u32 } else { trace[last] };
            held.remove(&leaving);
        }
    }
    f64::from(hits) / trace.len() as f64
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
    let zone = ZoneOptions { name: "pages".into(), memory_bytes, max_object_bytes: memory_bytes };
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
