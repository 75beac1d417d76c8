//! Where keys go.

use proxy::balancing::{Balancer, Try, Verdict, Wish, key};

use crate::pools::{Random, address, hash, index_of, members, plain};

const KEYS: u64 = 100_000;

fn keys() -> impl Iterator<Item = u64> {
    (0..KEYS).map(|number| key(format!("/product/{number}").as_bytes()))
}

fn choose(pool: &Balancer, key: u64) -> Try {
    pool.choose(&Wish { key: Some(key), ..Wish::default() }).expect("somebody is up")
}

/// Where all keys are, one request at a time.
fn homes(pool: &Balancer) -> Vec<usize> {
    keys().map(|key| index_of(choose(pool, key).endpoint.address)).collect()
}

/// How evenly keys are spread.
pub(crate) fn spread() {
    println!("\n{KEYS} keys over endpoints of equal weight: the most and the fewest, in parts of the fair share\n");
    println!("{:<26} {:>9} {:>8} {:>8} {:>10}", "rule", "endpoints", "most", "fewest", "deviation");
    for count in [4, 10, 100] {
        let fair = KEYS as f64 / count as f64;
        let print = |rule: &str, homes: &[usize]| {
            let mut counts = vec![0.0; count];
            homes.iter().for_each(|&home| counts[home] += 1.0 / fair);
            let deviation = (counts.iter().map(|share| (share - 1.0).powi(2)).sum::<f64>() / count as f64).sqrt();
            let most = counts.iter().copied().fold(0.0, f64::max);
            let fewest = counts.iter().copied().fold(f64::MAX, f64::min);
            println!("{rule:<26} {count:>9} {most:>8.2} {fewest:>8.2} {:>9.1}%", deviation * 100.0);
        };
        print("hash", &homes(&plain(hash(1_000), &vec![1; count])));
        print("modulo (rival)", &keys().map(|key| (key % count as u64) as usize).collect::<Vec<_>>());
    }
}

/// How many keys move when an endpoint leaves or comes.
pub(crate) fn churn() {
    println!("\nshare % of {KEYS} keys that move when one endpoint goes or comes\n");
    println!("{:<26} {:>9} {:>8} {:>8} {:>8}", "what happens", "endpoints", "hash", "modulo", "ideal");
    for count in [4, 10, 100] {
        let modulo = |count: usize| keys().map(|key| (key % count as u64) as usize).collect::<Vec<_>>();
        let moved = |before: &[usize], after: &[usize]| {
            let moved = before.iter().zip(after).filter(|(before, after)| before != after).count();
            moved as f64 * 100.0 / KEYS as f64
        };
        let pool = plain(hash(1_000), &vec![1; count]);
        let before = homes(&pool);
        let print = |what: &str, after: &[usize], rival: f64, ideal: f64| {
            println!("{what:<26} {count:>9} {:>8.2} {rival:>8.2} {ideal:>8.2}", moved(&before, after));
        };
        let last = address(count - 1);
        let rival = moved(&modulo(count), &modulo(count - 1));
        let own = before.iter().filter(|&&home| home == count - 1).count() as f64 * 100.0 / KEYS as f64;
        pool.checked(last, Verdict::Unreachable, 0);
        print("its checks fail", &homes(&pool), rival, own);
        pool.checked(last, Verdict::Well, 0);
        print("and pass again", &homes(&pool), 0.0, 0.0);
        pool.replace(&members(&vec![1; count - 1]), 0);
        print("it leaves the pool", &homes(&pool), rival, own);
        pool.replace(&members(&vec![1; count + 1]), 0);
        let rival = moved(&modulo(count), &modulo(count + 1));
        print("one more joins", &homes(&pool), rival, 100.0 / (count + 1) as f64);
    }
}

/// Half of all requests are for one key.
pub(crate) fn hot_key() {
    const HELD: usize = 1_000;
    println!("\nhalf of the requests for one key, the others for {KEYS}; 10 endpoints, {HELD} requests in flight");
    println!(
        "highest load ever in parts of the fair share, and share % of requests that find their key's own endpoint\n"
    );
    println!("{:<26} {:>8} {:>10} {:>10} {:>14}", "load_percent", "highest", "hot key", "others", "over the bound");
    let cold: Vec<_> = keys().collect();
    for load in [1_000, 200, 150, 125, 110] {
        let pool = plain(hash(load), &[1; 10]);
        let own: Vec<_> = homes(&pool);
        let hot = key(b"/sale");
        let own_of_hot = index_of(choose(&pool, hot).endpoint.address);
        let mut random = Random::new(5);
        let mut held = Vec::new();
        let (mut highest, mut found, mut asked, mut over) = (0.0_f64, [0_u32; 2], [0_u32; 2], 0_u32);
        for _ in 0..200_000 {
            let which = (random.next() >> 32) as usize % cold.len();
            let is_hot = random.fraction() < 0.5;
            if held.len() == HELD {
                held.swap_remove((random.next() >> 32) as usize % HELD);
            }
            let chosen = choose(&pool, if is_hot { hot } else { cold[which] });
            let home = if is_hot { own_of_hot } else { own[which] };
            found[usize::from(is_hot)] += u32::from(index_of(chosen.endpoint.address) == home);
            asked[usize::from(is_hot)] += 1;
            let in_flight = chosen.endpoint.in_flight();
            held.push(chosen);
            over += u32::from(in_flight > (u32::from(load) * held.len() as u32).div_ceil(1_000));
            if held.len() == HELD {
                highest = highest.max(f64::from(in_flight) * 10.0 / HELD as f64);
            }
        }
        let share = |of: usize| f64::from(found[of]) * 100.0 / f64::from(asked[of]);
        println!("{load:<26} {highest:>8.2} {:>10.1} {:>10.1} {over:>14}", share(1), share(0));
    }
}
