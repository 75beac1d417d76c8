//! What others would have kept of the same requests: each holds so many objects, and all weigh the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The share of requests that a policy has answered.
pub(crate) type Ratio = f64;

pub(crate) fn lru(trace: &[u32], capacity: usize) -> Ratio {
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
    ratio(hits, trace)
}

/// SIEVE (Zhang et al., NSDI 2024): one queue, one bit, and a hand that goes from the oldest to the newest.
pub(crate) fn sieve(trace: &[u32], capacity: usize) -> Ratio {
    // By time of arrival, the oldest first.
    let mut queue: BTreeMap<usize, (u32, bool)> = BTreeMap::new();
    let mut place = HashMap::new();
    let (mut hand, mut hits) = (0, 0);
    for (now, number) in trace.iter().enumerate() {
        if let Some(at) = place.get(number) {
            hits += 1;
            queue.get_mut(at).expect("as in the other map").1 = true;
            continue;
        }
        while queue.len() >= capacity {
            let at = queue.range(hand..).next().or_else(|| queue.iter().next()).map(|(at, _)| *at).expect("it is full");
            hand = at + 1;
            let (number, used) = queue.get_mut(&at).expect("just found");
            if std::mem::take(used) {
                continue;
            }
            place.remove(number);
            queue.remove(&at);
        }
        queue.insert(now, (*number, false));
        place.insert(*number, now);
    }
    ratio(hits, trace)
}

/// TinyUFO, of the makers of Pingora.
pub(crate) fn tiny_ufo(trace: &[u32], capacity: usize) -> Ratio {
    let cache = tinyufo::TinyUfo::new(capacity, capacity);
    let mut hits = 0;
    for number in trace {
        if cache.get(number).is_some() {
            hits += 1;
        } else {
            cache.put(*number, (), 1);
        }
    }
    ratio(hits, trace)
}

/// moka: window TinyLFU. It evicts behind its callers' backs, so it is told to after each request, or it would hold more.
pub(crate) fn moka(trace: &[u32], capacity: usize) -> Ratio {
    let cache = moka::sync::Cache::new(capacity as u64);
    let mut hits = 0;
    for number in trace {
        if cache.get(number).is_some() {
            hits += 1;
        } else {
            cache.insert(*number, ());
            cache.run_pending_tasks();
        }
    }
    ratio(hits, trace)
}

/// Belady's optimum: what is asked for last of all has to go, even if it is the new one.
pub(crate) fn belady(trace: &[u32], capacity: usize) -> Ratio {
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
    ratio(hits, trace)
}

fn ratio(hits: u32, trace: &[u32]) -> Ratio {
    f64::from(hits) / trace.len() as f64
}
