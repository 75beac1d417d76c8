//! How long reading and checking a large file takes and how much memory its model needs, beside parsing alone.
//!
//! `cargo bench -p config`. Prints a table; nothing here passes or fails.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

const RUNS: usize = 9;

/// Counts the bytes that are allocated now, and their peak.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts and hands on")]
// SAFETY: each call is handed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    println!("{:>8} {:>9} {:>11} {:>11} {:>10} {:>10}", "routes", "file", "check", "parse only", "peak", "model");
    for routes in [10, 1_000, 10_000] {
        let text = file(routes);
        let checked = median(|| drop(config::load_str(&text, Path::new("edge.yaml")).expect("a good file")));
        let parsed = median(|| drop(serde_yaml::from_str::<serde_yaml::Value>(&text).expect("YAML")));
        let before = NOW.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let config = config::load_str(&text, Path::new("edge.yaml")).expect("a good file");
        let (peak, model) = (PEAK.load(Ordering::Relaxed) - before, NOW.load(Ordering::Relaxed) - before);
        assert_eq!(config.live.routes.len(), routes);
        println!(
            "{routes:>8} {:>6} KiB {:>8.1} ms {:>8.1} ms {:>6} KiB {:>6} KiB",
            text.len() >> 10,
            checked.as_secs_f64() * 1e3,
            parsed.as_secs_f64() * 1e3,
            peak >> 10,
            model >> 10,
        );
    }
    println!("\ncheck: all of `edge check` but the certificates; parse only: serde_yaml into a tree without places");
}

/// A file as a large shop has it: a few kinds of routes, many of each.
fn file(routes: usize) -> String {
    let mut text = String::from(
        "version: 1\nlisteners: {plain: {bind: \"127.0.0.1:0\"}}\nclasses: [core, browse]\n\
         pools:\n  shop: {endpoints: [\"127.0.0.1:9101\"]}\nzones:\n  pages: {memory: 64MiB}\nroutes:\n\
         - {name: other, match: {path: /**}, pool: shop, class: browse, cache: {zone: pages}}\n",
    );
    for n in 1..routes {
        text.push_str(&match n % 4 {
            0 => format!("- {{name: r{n}, match: {{path: [/s{n}, /s{n}/**]}}, pool: shop, class: browse}}\n"),
            1 => format!(
                "- {{name: r{n}, match: {{path: \"/s{n}/{{id}}\", method: GET}}, pool: shop, class: core, \
                 cache: {{zone: pages, stale_if_error: 10m}}}}\n"
            ),
            2 => format!(
                "- {{name: r{n}, match: {{host: h{n}.example.com, path: /**}}, pool: shop, class: core, \
                 rate: [{{per: address, at: 50/s}}]}}\n"
            ),
            _ => format!("- {{name: r{n}, match: {{path: \"/old{n}/{{id}}\"}}, redirect: {{to: \"/s{n}/{{id}}\"}}}}\n"),
        });
    }
    text
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let began = now();
            run();
            now().duration_since(began)
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn now() -> Instant {
    Instant::now()
}
