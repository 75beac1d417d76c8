//! How endpoints are chosen: what each gets, what happens to keys when one leaves, and what a choice costs, beside plain
//! rivals.
//!
//! `cargo bench -p proxy --bench balance`, or `... -- cost` for the tables whose names hold that. Prints tables; nothing
//! here passes or fails. All but the costs are simulated on a clock of their own, and the same each time.

mod pools;
mod rivals;
mod shares;
mod keys;
mod cost;

const TABLES: [(&str, fn()); 8] = [
    ("shares, idle", shares::of_an_idle_pool),
    ("shares, slow endpoint", shares::with_a_slow_endpoint),
    ("shares, slow start", shares::in_slow_start),
    ("keys, spread", keys::spread),
    ("keys, churn", keys::churn),
    ("keys, hot", keys::hot_key),
    ("cost of a choice", cost::of_a_choice),
    ("cost of a change", cost::of_a_change),
];

fn main() {
    // `cargo bench` adds options of its own.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, print) in TABLES {
        if wanted.iter().all(|wanted| name.contains(wanted)) {
            print();
        }
    }
}
