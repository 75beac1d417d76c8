//! Random operations and faults beside a plain map of what may be found.
//!
//! `CACHE_MODEL_SECONDS=1800 cargo test -p cache --lib model -- --nocapture` goes on for half an hour; each seed is
//! printed before it runs, and `CACHE_MODEL_SEED` repeats one.

use super::{SEGMENT_BYTES, World, key, meta, size, whole};
use crate::disk::DiskState;
use crate::head::Head;
use crate::labels::Labels;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEYS: u64 = 12;
const OPERATIONS: u64 = 400;

/// What may be found of a key, beside nothing at all: room may have been made, or a disk have failed.
#[derive(Debug, Default)]
struct Possible {
    now: BTreeSet<u64>,
    /// After the process was killed: what the disk may have, as far as that is known to have been written.
    after_a_kill: BTreeSet<u64>,
    /// After the power was lost.
    ever: BTreeSet<u64>,
    rounds: u64,
}

struct Run {
    world: World,
    random: StdRng,
    model: BTreeMap<u64, Possible>,
    fails: bool,
    found: u64,
    version: u64,
}

impl Run {
    async fn new(seed: u64) -> Self {
        let world = World::start(seed, 8 * SEGMENT_BYTES).await;
        let random = StdRng::seed_from_u64(seed);
        Run { world, random, model: BTreeMap::new(), fails: false, found: 0, version: 0 }
    }

    async fn step(&mut self) {
        let number = self.random.random_range(0..KEYS);
        match self.random.random_range(0..100) {
            0..35 => self.put(number),
            35..65 => self.find(number).await,
            65..72 => self.remove(number),
            72..78 => self.rewrite(number),
            78..88 => self.flush(),
            88..91 => self.world.disk().resize(size(self.random.random_range(4..12) * SEGMENT_BYTES)),
            91..95 => self.fail_or_recover(),
            95..97 => self.restart(false).await,
            97..98 => self.restart(true).await,
            98..99 => self.reopen().await,
            _ => self.vanish().await,
        }
    }

    fn put(&mut self, number: u64) {
        self.version += 1;
        let length = [0, 90, 3_000, 20_000, 70_000][self.random.random_range(0..5)];
        self.world.put(number, self.version, length);
        let possible = self.model.entry(number).or_default();
        possible.now = BTreeSet::from([self.version]);
        possible.after_a_kill.insert(self.version);
        possible.ever.insert(self.version);
    }

    fn remove(&mut self, number: u64) {
        self.world.remove(number);
        self.model.entry(number).or_default().now.clear();
    }

    /// A new head for the version that may be there.
    fn rewrite(&mut self, number: u64) {
        let possible = self.model.entry(number).or_default();
        let Some(version) = possible.now.first().copied() else { return };
        possible.rounds += 1;
        let mut meta = meta(version);
        meta.response_header_mut().insert_header("X-Round", possible.rounds.to_string()).unwrap();
        let head = Head::new(&key(number), &meta, Labels::default(), self.world.memory.budget()).unwrap();
        self.world.disk().rewrite(&Arc::new(head), None);
    }

    async fn find(&mut self, number: u64) {
        let Some(answer) = self.world.find(number).await else { return };
        let round = answer.meta.headers().get("x-round").map_or(0, |round| round.to_str().unwrap().parse().unwrap());
        let Some(version) = whole(number, answer).await else {
            assert!(self.fails, "only a disk that fails breaks off");
            return;
        };
        let possible = self.model.entry(number).or_default();
        assert!(possible.now.contains(&version), "found version {version} of {number}: {possible:?}");
        assert!(round <= possible.rounds);
        self.found += 1;
    }

    /// After this, what is on disk is what can be found, if nothing failed meanwhile.
    fn flush(&mut self) {
        self.world.flush();
        if !self.fails && self.world.stat().state == DiskState::Serving {
            self.model.values_mut().for_each(|possible| possible.after_a_kill = possible.now.clone());
        }
    }

    fn fail_or_recover(&mut self) {
        self.fails = !self.fails;
        let (writes, reads) = (self.random.random_bool(0.5), self.random.random_bool(0.3));
        match self.fails {
            true if writes || reads => self.world.simulated.fail(writes, reads),
            true => self.world.simulated.set_room(Some(self.random.random_range(0..50_000))),
            false => {
                self.world.simulated.fail(false, false);
                self.world.simulated.set_room(None);
            }
        }
    }

    fn recover(&mut self) {
        self.fails = true;
        self.fail_or_recover();
    }

    /// Kills the process, perhaps in the middle of something, perhaps with all the power gone.
    async fn restart(&mut self, without_power: bool) {
        self.recover();
        if self.random.random_bool(0.5) {
            self.world.simulated.crash_after(self.random.random_range(1..6));
            (0..4).for_each(|number| self.put(number));
            self.world.flush();
        }
        let simulated = &self.world.simulated;
        let next = if without_power { simulated.restart_without_power() } else { simulated.restart() };
        self.world.end().await;
        self.world = World::on(next, 8 * SEGMENT_BYTES).await;
        for possible in self.model.values_mut() {
            if without_power {
                possible.after_a_kill = possible.ever.clone();
            }
            possible.now = possible.after_a_kill.clone();
        }
    }

    /// Ends the process as it should be, which writes all that was queued.
    async fn reopen(&mut self) {
        self.recover();
        self.world.comes_to("serving").await;
        self.world.flush();
        self.flush();
        self.world.end().await;
        self.world = World::on(self.world.simulated.restart(), 8 * SEGMENT_BYTES).await;
    }

    async fn vanish(&mut self) {
        self.recover();
        self.world.simulated.vanish();
        super::until(|| matches!(self.world.stat().state, DiskState::Unavailable { .. })).await;
        self.world.simulated.come_back();
        self.world.comes_to("serving").await;
        self.model.clear();
    }
}

async fn run(seed: u64) -> u64 {
    println!("seed {seed}");
    let mut run = Run::new(seed).await;
    for _ in 0..OPERATIONS {
        run.step().await;
        let (bytes, limit) = (run.world.simulated.bytes(), 12 * SEGMENT_BYTES);
        assert!(bytes <= limit, "{bytes} bytes");
    }
    run.found
}

#[tokio::test]
async fn nothing_is_found_but_what_was_put_last() {
    let (seconds, seed) = (number_of("CACHE_MODEL_SECONDS"), number_of("CACHE_MODEL_SEED"));
    if let Some(seed) = seed {
        run(seed).await;
        return;
    }
    let until = now() + Duration::from_secs(seconds.unwrap_or(0));
    let mut found = 0;
    for seed in 1.. {
        found += run(seed).await;
        if seed >= 10 && now() >= until {
            println!("{seed} runs of {OPERATIONS} operations found {found} objects");
            break;
        }
    }
    assert!(found > 200, "too little is found to tell anything: {found}");
}

#[expect(clippy::disallowed_methods, reason = "whoever wants a long run says so")]
fn number_of(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().expect("a number"))
}

#[expect(clippy::disallowed_methods, reason = "a long run has an end")]
fn now() -> Instant {
    Instant::now()
}
