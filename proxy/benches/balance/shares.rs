//! What each endpoint gets.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use proxy::balancing::{Balancer, Outcome, Try, Verdict, Wish};

use crate::{
    pools::{MS, Random, address, hash, index_of, members, plain, pool, rules},
    rivals::SmoothRoundRobin,
};

const CHOICES: usize = 110_000;
const SECOND: u64 = 1_000 * MS;

/// One request at a time: shares, the longest run of one endpoint, and how far any endpoint ever was from its due.
pub(crate) fn of_an_idle_pool() {
    println!("{CHOICES} choices, one after the other\n");
    println!("{:<26} {:<12} {:<34} {:>12} {:>14}", "rule", "weights", "shares %", "longest run", "off by at most");
    let sets: [(&str, Vec<u16>); 4] = [
        ("5:1:1", vec![5, 1, 1]),
        ("1:1:1:1", vec![1; 4]),
        ("1:2:...:10", (1..=10).collect()),
        ("100:50:1", vec![100, 50, 1]),
    ];
    for (name, weights) in &sets {
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let by_weight = |random: u64| {
            let mut left = random % total;
            let takes = |weight: &u16| {
                let takes = left < u64::from(*weight);
                left = left.saturating_sub(u64::from(*weight));
                takes
            };
            weights.iter().position(takes).unwrap_or_default()
        };
        let mut random = Random::new(1);
        row("weighted random (rival)", name, weights, || by_weight(random.next() >> 8));
        let smooth = SmoothRoundRobin::new(weights);
        row("nginx's smooth (rival)", name, weights, || smooth.choose());
        for (rule, balance) in rules() {
            let (pool, mut random) = (plain(balance, weights), Random::new(2));
            row(rule, name, weights, || {
                let chosen = pool.choose(&Wish { random: random.next(), ..Wish::default() });
                index_of(chosen.expect("all are up").endpoint.address)
            });
        }
    }
}

fn row(rule: &str, name: &str, weights: &[u16], mut choose: impl FnMut() -> usize) {
    let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
    let mut counts = vec![0_u32; weights.len()];
    let (mut last, mut run, mut longest, mut off) = (usize::MAX, 0, 0, 0.0_f64);
    for done in 1..=CHOICES {
        let chosen = choose();
        run = if chosen == last { run + 1 } else { 1 };
        (last, longest) = (chosen, run.max(longest));
        counts[chosen] += 1;
        for (&count, &weight) in counts.iter().zip(weights) {
            off = off.max((f64::from(count) - done as f64 * f64::from(weight) / total).abs());
        }
    }
    println!("{rule:<26} {name:<12} {:<34} {longest:>12} {off:>14.1}", in_percent(&counts));
}

fn in_percent(counts: &[u32]) -> String {
    let total: u32 = counts.iter().sum();
    let share = |&count: &u32| format!("{:.1}", f64::from(count) * 100.0 / f64::from(total));
    match counts {
        [first, .., last] if counts.len() > 4 => format!("{} ... {}", share(first), share(last)),
        _ => counts.iter().map(share).collect::<Vec<_>>().join(" "),
    }
}

/// What a simulated minute was like.
struct Minute {
    counts: Vec<u32>,
    times: Vec<f64>,
}

/// Requests come by chance at a rate; answers begin after 5 ms and by chance about 5 ms more, times what `slowness` says.
fn minute(pool: &Balancer, per_second: f64, slowness: &[f64]) -> Minute {
    let mut random = Random::new(3);
    let mut under_way = BinaryHeap::new();
    let mut tries: Vec<Option<Try>> = Vec::new();
    let (mut now, mut tended) = (0_u64, 0_u64);
    let mut minute = Minute { counts: vec![0; slowness.len()], times: Vec::new() };
    while now < 60 * SECOND {
        now += random.exponential(1e9 / per_second) as u64;
        while let Some(Reverse((at, index))) = under_way.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            under_way.pop();
            let over: Option<Try> = tries.get_mut(index).and_then(Option::take);
            pool.answered(&over.expect("each ends once"), Outcome::Answered(200), at);
        }
        if now - tended >= 100 * MS {
            pool.tend(now);
            tended = now;
        }
        let begun = pool.choose(&Wish { random: random.next(), now, ..Wish::default() }).expect("all are up");
        let index = index_of(begun.endpoint.address);
        let took = (5.0 + random.exponential(5.0)) * slowness[index];
        // The first ten seconds are for getting to know each other.
        if now > 10 * SECOND {
            minute.counts[index] += 1;
            minute.times.push(took);
        }
        under_way.push(Reverse((now + (took * MS as f64) as u64, tries.len())));
        tries.push(Some(begun));
    }
    minute
}

/// What clients and the slow one notice of it.
pub(crate) fn with_a_slow_endpoint() {
    println!("\none of four endpoints ten times slower (100 ms rather than 10 ms), simulated for a minute\n");
    let head = ("rule", "requests/s", "shares %", "mean ms", "p99 ms");
    println!("{:<26} {:>10}   {:<26} {:>8} {:>8}", head.0, head.1, head.2, head.3, head.4);
    for per_second in [40.0, 400.0, 4_000.0] {
        for (rule, balance) in rules() {
            let pool = plain(balance, &[1; 4]);
            print_minute(rule, per_second, &minute(&pool, per_second, &[10.0, 1.0, 1.0, 1.0]));
        }
    }
    println!("\nthe same with none slow; then with weights of 5:1:1\n");
    for weights in [&[1; 4][..], &[5, 1, 1]] {
        for (rule, balance) in rules() {
            let (pool, slowness) = (plain(balance, weights), vec![1.0; weights.len()]);
            print_minute(rule, 400.0, &minute(&pool, 400.0, &slowness));
        }
    }
}

fn print_minute(rule: &str, per_second: f64, minute: &Minute) {
    let mut times = minute.times.clone();
    times.sort_by(f64::total_cmp);
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let p99 = times[times.len() * 99 / 100];
    println!("{rule:<26} {per_second:>10.0}   {:<26} {mean:>8.1} {p99:>8.1}", in_percent(&minute.counts));
}

/// What an endpoint gets that has just come back.
pub(crate) fn in_slow_start() {
    println!(
        "\nshare % of one of four that came back so long ago, slow start 30 s, one request at a time; then 100 at a time\n"
    );
    let after = [0, 5, 10, 15, 20, 25, 30];
    print!("{:<26}", "rule");
    after.iter().for_each(|seconds| print!(" {:>6}", format!("{seconds} s")));
    println!();
    for held in [0, 100] {
        for (rule, balance) in rules().into_iter().chain([("hash, load 200%", hash(200))]) {
            let pool = pool(balance, Duration::from_secs(30), &members(&[1; 4]));
            pool.checked(address(0), Verdict::Unreachable, 0);
            pool.checked(address(0), Verdict::Well, 0);
            print!("{:<26}", format!("{rule}, {}", if held == 0 { "idle" } else { "busy" }));
            for seconds in after {
                let now = seconds * SECOND;
                pool.tend(now);
                print!(" {:>6.1}", share_of_first(&pool, held, now));
            }
            println!();
        }
    }
}

fn share_of_first(pool: &Balancer, held: usize, now: u64) -> f64 {
    const ROUNDS: usize = 20_000;
    let (mut random, mut first) = (Random::new(4), 0_u32);
    let mut under_way = Vec::new();
    for round in 0..ROUNDS {
        let chosen = pool.choose(&Wish { random: random.next(), now, ..Wish::default() }).expect("all are up");
        first += u32::from(chosen.endpoint.address == address(0));
        if held == 0 {
            continue;
        }
        // Who ends is drawn: each takes equally long.
        if round < held {
            under_way.push(chosen);
        } else {
            under_way[random.next() as usize % held] = chosen;
        }
    }
    f64::from(first) * 100.0 / ROUNDS as f64
}
