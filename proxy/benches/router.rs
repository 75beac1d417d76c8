//! How fast a route is found among few and many, beside a linear scan over the same patterns and beside `matchit`; what
//! it costs to compile them.
//!
//! `cargo bench -p proxy --bench router`. Prints tables; nothing here passes or fails. Times are those of the processor
//! for this thread, so that what else runs on the machine counts for little.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use config::model::{
    Action, Attribute, Condition, HeaderRules, HostPattern, PathPattern, Redirect, Route, Segment, Template, Test,
};
use http::HeaderMap;
use proxy::routing::{Asked, Found, Router};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::time::{ClockId, clock_gettime};

const SIZES: [usize; 3] = [10, 1_000, 10_000];
/// Different paths asked for, in random order: more than a processor's first cache holds.
const PATHS: usize = 8_192;
/// Lookups of one run; a linear scan over many routes gets fewer.
const LOOKUPS: usize = 400_000;
const RUNS: usize = 9;

fn main() {
    println!("lookups a second of one thread, best of {RUNS} runs; {PATHS} paths in random order\n");
    println!("{:<34} {:>8} {:>14} {:>14} {:>14}", "paths", "routes", "router", "matchit", "linear scan");
    for size in SIZES {
        let patterns = patterns(size);
        let router = Router::new(&routes(&patterns));
        let (matchit, linear) = (matchit_of(&patterns), linear_of(&patterns));
        for (name, paths) in [("each served by a route", hits(size)), ("none served", misses(size))] {
            let by_router = per_second(&paths, LOOKUPS, |path| find(&router, "shop.example", path));
            let by_matchit = per_second(&paths, LOOKUPS, |path| matchit.at(path).is_ok());
            let few = (LOOKUPS / size).max(2_000);
            let by_linear = per_second(&paths, few, |path| linear.iter().any(|pattern| matches(pattern, path)));
            println!("{name:<34} {size:>8} {by_router:>14.0} {by_matchit:>14.0} {by_linear:>14.0}");
        }
    }
    beyond_paths();
    compiling();
}

/// What the others cannot do: hosts, and conditions that fall through.
fn beyond_paths() {
    println!("\n{:<34} {:>8} {:>14}", "the router alone", "routes", "router");
    let patterns = patterns(10_000);
    let mut by_host = routes(&patterns);
    for (index, route) in by_host.iter_mut().enumerate() {
        route.hosts = vec![HostPattern::Exact(format!("shop{}.example", index / 100))];
    }
    let router = Router::new(&by_host);
    // The host of a path's route follows from its number.
    let asked: Vec<_> =
        (0..PATHS).map(|at| (format!("shop{}.example", at % 100), path_of(at % 100 * 100, at))).collect();
    let all = best(LOOKUPS, |times| {
        for (host, path) in asked.iter().cycle().take(times) {
            assert!(find(&router, host, path));
        }
    });
    println!("{:<34} {:>8} {all:>14.0}", "100 hosts", by_host.len());

    let mut conditional = routes(&patterns);
    for route in routes(&patterns) {
        let on = Attribute::Query("preview".to_owned());
        conditional.push(Route { conditions: vec![Condition { on, test: Test::Present }], ..route });
    }
    let router = Router::new(&conditional);
    let (paths, no_fields) = (hits(10_000), HeaderMap::new());
    for query in [None, Some("page=2&sort=price&colour=dark+red")] {
        let rate = per_second(&paths, LOOKUPS, |path| {
            let asked = Asked { host: "shop.example", path, method: "GET", query, headers: &no_fields };
            matches!(black_box(router.find(black_box(&asked))), Found::Route { .. })
        });
        let name = if query.is_some() { "a query condition, 3 parameters" } else { "a query condition, no query" };
        println!("{name:<34} {:>8} {rate:>14.0}", conditional.len());
    }
}

fn compiling() {
    println!("\n{:<34} {:>8} {:>14} {:>14}", "compiling", "routes", "time", "bytes a route");
    let patterns = patterns(10_000);
    let routes = routes(&patterns);
    let (router, time, bytes) = measured(|| Router::new(&routes));
    println!("{:<34} {:>8} {time:>14.1?} {:>14.0}", "router", routes.len(), bytes as f64 / routes.len() as f64);
    drop(router);
    let (matchit, time, bytes) = measured(|| matchit_of(&patterns));
    println!("{:<34} {:>8} {time:>14.1?} {:>14.0}", "matchit", patterns.len(), bytes as f64 / patterns.len() as f64);
    drop(matchit);
}

/// Patterns as a tier of services has them: each service a page, a template, a deeper template and everything below.
fn patterns(count: usize) -> Vec<String> {
    let shape = |index: usize| match index % 4 {
        0 => format!("/service-{}/list", index / 4),
        1 => format!("/service-{}/item/{{id}}", index / 4),
        2 => format!("/service-{}/item/{{id}}/reviews", index / 4),
        _ => format!("/service-{}/assets/**", index / 4),
    };
    (0..count).map(shape).collect()
}

/// A path that pattern `index` takes.
fn path_of(index: usize, salt: usize) -> String {
    let service = index / 4;
    match index % 4 {
        0 => format!("/service-{service}/list"),
        1 => format!("/service-{service}/item/{salt}"),
        2 => format!("/service-{service}/item/{salt}/reviews"),
        _ => format!("/service-{service}/assets/css/{salt}.css"),
    }
}

fn hits(routes: usize) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(1);
    (0..PATHS).map(|salt| path_of(random.random_range(0..routes), salt)).collect()
}

/// Half of them go wrong at once, half at the last segment.
fn misses(routes: usize) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(2);
    let mut path = |salt| match random.random_range(0..routes) {
        index if salt % 2 == 0 => format!("/service-{}/item/{salt}/prices", index / 4),
        index => format!("/nothing-{index}/item/{salt}"),
    };
    (0..PATHS).map(&mut path).collect()
}

fn routes(patterns: &[String]) -> Vec<Route> {
    let route = |raw: &String| Route {
        name: raw.clone(),
        hosts: Vec::new(),
        paths: vec![PathPattern { raw: raw.clone(), segments: segments(raw) }],
        methods: Vec::new(),
        conditions: Vec::new(),
        needs_client_certificate: false,
        action: Action::Redirect(Redirect {
            to: Template { raw: String::new(), parts: Vec::new() },
            status: 308,
            keep_query: false,
        }),
        rate: Vec::new(),
        response_headers: HeaderRules::default(),
    };
    patterns.iter().map(route).collect()
}

fn segments(raw: &str) -> Vec<Segment> {
    let segment = |text: &str| match text {
        "**" => Segment::Rest,
        _ if text.starts_with('{') => Segment::Parameter(text.trim_matches(['{', '}']).to_owned()),
        _ => Segment::Literal(text.to_owned()),
    };
    raw[1..].split('/').map(segment).collect()
}

fn matchit_of(patterns: &[String]) -> matchit::Router<usize> {
    let mut router = matchit::Router::new();
    for (index, pattern) in patterns.iter().enumerate() {
        router.insert(pattern.replace("**", "{*rest}"), index).expect("patterns of which none is another");
    }
    router
}

/// In the order of writing; these patterns exclude each other.
fn linear_of(patterns: &[String]) -> Vec<Vec<Segment>> {
    patterns.iter().map(|pattern| segments(pattern)).collect()
}

fn matches(pattern: &[Segment], path: &str) -> bool {
    let mut segments = path[1..].split('/');
    for wanted in pattern {
        match (wanted, segments.next()) {
            (Segment::Rest, _) => return true,
            (Segment::Literal(text), Some(segment)) if text == segment => {}
            (Segment::Parameter(_), Some(segment)) if !segment.is_empty() => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

fn find(router: &Router, host: &str, path: &str) -> bool {
    let no_fields = HeaderMap::new();
    let asked = Asked { host, path, method: "GET", query: None, headers: &no_fields };
    matches!(black_box(router.find(black_box(&asked))), Found::Route { .. })
}

fn per_second(paths: &[String], lookups: usize, find: impl Fn(&str) -> bool) -> f64 {
    let expected = find(&paths[0]);
    best(lookups, |times| {
        for path in paths.iter().cycle().take(times) {
            assert_eq!(black_box(find(black_box(path))), expected);
        }
    })
}

/// The best of several runs: on a machine that does other things too, the others say more of those.
fn best(times: usize, run: impl Fn(usize)) -> f64 {
    let time = |_| {
        let started = now();
        run(times);
        now() - started
    };
    times as f64 / (0..RUNS).map(time).min().unwrap_or_default().as_secs_f64()
}

fn measured<T>(make: impl Fn() -> T) -> (T, Duration, usize) {
    let time = |_| {
        let started = now();
        let made = make();
        (now() - started, made)
    };
    let fastest = (0..RUNS).map(time).map(|(time, _)| time).min().unwrap_or_default();
    let before = ALLOCATED.load(Ordering::Relaxed);
    let made = make();
    (made, fastest, ALLOCATED.load(Ordering::Relaxed).wrapping_sub(before))
}

/// Time that the processor has spent on this thread.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a clock that starts at zero")
}

/// Bytes that the program has asked for and not given back.
static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator that counts is the one way to see what a router holds")]
// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}
