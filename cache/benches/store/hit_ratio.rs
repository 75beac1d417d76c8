//! The share of requests that the store answers, beside other policies.

use crate::policies::{self, Ratio};
use crate::traces::{self, KEYS};
use crate::{BODY_BYTES, fill, find, key, open, weight_of_one};

type Policy = fn(&[u32], usize) -> Ratio;

const RIVALS: [(&str, Policy); 5] = [
    ("LRU", policies::lru),
    ("SIEVE", policies::sieve),
    ("TinyUFO", policies::tiny_ufo),
    ("moka", policies::moka),
    ("optimum", policies::belady),
];

/// Prints the table. The rivals hold as many objects as the store did at the end.
pub(crate) fn print() {
    println!("hit ratio, bodies of {BODY_BYTES} bytes; so many of {KEYS} objects fit\n");
    print!("{:<38} {:>8} {:>8}", "trace", "fit", "store");
    RIVALS.iter().for_each(|(name, _)| print!(" {name:>8}"));
    println!();
    for trace in traces::all() {
        for percent in [1, 5, 10, 25] {
            let (store, objects) = store_ratio(&trace.requests, KEYS * percent / 100);
            print!("{:<38} {objects:>8} {:>7.2}%", format!("{}, {percent} %", trace.name), store * 100.0);
            RIVALS.iter().for_each(|(_, policy)| print!(" {:>7.2}%", policy(&trace.requests, objects) * 100.0));
            println!();
        }
    }
    println!();
}

/// The store's hit ratio, and how many objects it held at the end.
fn store_ratio(trace: &[u32], objects: usize) -> (Ratio, usize) {
    let store = open(objects as u64 * weight_of_one());
    let mut hits = 0;
    for number in trace {
        if find(store, &key(*number)) {
            hits += 1;
        } else {
            fill(store, &key(*number));
        }
    }
    (f64::from(hits) / trace.len() as f64, store.stats()[0].objects as usize)
}
