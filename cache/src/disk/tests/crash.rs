//! The process dies at every single change that it makes to the disk, each write torn; the next one finds what was there.

use super::{SEGMENT_BYTES, Simulated, World};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

const KEYS: u64 = 6;
const OPERATIONS: u64 = 60;

#[derive(Debug, Clone, Copy)]
enum Operation {
    Put { number: u64, version: u64, length: usize },
    Remove { number: u64 },
    Find { number: u64 },
}

fn operations(seed: u64) -> Vec<Operation> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut operation = |version| {
        let number = random.random_range(0..KEYS);
        match random.random_range(0..10) {
            0..6 => {
                let length = [10, 500, 5_000, 30_000][random.random_range(0..4)];
                Operation::Put { number, version, length }
            }
            6..8 => Operation::Remove { number },
            _ => Operation::Find { number },
        }
    };
    (1..=OPERATIONS).map(&mut operation).collect()
}

/// What a disk should have of each key, and what the change in the middle of which it died may have made of one.
#[derive(Debug, Default)]
struct Model {
    stored: BTreeMap<u64, u64>,
    in_the_middle: Option<(u64, Option<u64>)>,
}

impl Model {
    fn permits(&self, number: u64, found: Option<u64>, some_is_lost: bool) -> bool {
        let before = self.stored.get(&number).copied();
        found == before
            || self.in_the_middle == Some((number, found))
            || (found.is_none() && (some_is_lost || self.in_the_middle.is_some_and(|(of, _)| of == number)))
    }
}

/// Runs until the process dies, or everything is done.
async fn run(world: &World, operations: &[Operation], model: &mut Model) {
    for operation in operations {
        match *operation {
            Operation::Put { number, version, length } => {
                model.in_the_middle = Some((number, Some(version)));
                world.put(number, version, length);
            }
            Operation::Remove { number } => {
                model.in_the_middle = Some((number, None));
                world.remove(number);
            }
            // Whatever it finds: it makes the object worth keeping.
            Operation::Find { number } => drop(world.find(number).await),
        }
        world.flush();
        if world.simulated.has_crashed() {
            return;
        }
        if let Some((number, version)) = model.in_the_middle.take() {
            match version {
                Some(version) => model.stored.insert(number, version),
                None => model.stored.remove(&number),
            };
        }
    }
}

/// Counts the changes of a run that is let be, and then makes it die at each of them.
async fn dies_everywhere(seed: u64, segments: u64) {
    let limit = segments * SEGMENT_BYTES * 64 / 63 + 100;
    let some_is_lost = segments < 12;
    let operations = operations(seed);
    let mut crash_at = 1;
    loop {
        let simulated = Simulated::new(seed * 1000 + crash_at);
        let mut world = World::on(simulated, limit).await;
        let mut model = Model::default();
        world.simulated.crash_after(crash_at);
        run(&world, &operations, &mut model).await;
        let has_crashed = world.simulated.has_crashed();
        if some_is_lost && !has_crashed {
            assert!(world.stat().segments < world.disk().segments.oldest().unwrap().number + segments, "it reclaims");
        }
        let next = world.simulated.restart();
        world.end().await;
        let next = World::on(next, limit).await;
        for number in 0..KEYS {
            let found = next.version(number).await;
            assert!(
                model.permits(number, found, some_is_lost),
                "seed {seed}, died at change {crash_at}: found {found:?} of {number}, {model:?}"
            );
        }
        assert_eq!(next.stat().reads_failed, 0, "what is torn is not even found");
        assert!(next.simulated.bytes() <= limit);
        if !has_crashed {
            assert!(crash_at > OPERATIONS / 2, "{crash_at} changes are too few to have tested anything");
            return;
        }
        crash_at += 1;
    }
}

#[tokio::test]
async fn whatever_was_written_is_there_and_nothing_else() {
    for seed in 1..=3 {
        dies_everywhere(seed, 40).await;
    }
}

#[tokio::test]
async fn nor_while_room_is_made() {
    for seed in 4..=6 {
        dies_everywhere(seed, 4).await;
    }
}

/// Without power, what was not synced is lost in part, whatever the order. No body may be wrong, though.
#[tokio::test]
async fn a_loss_of_power_loses_and_confuses_nothing() {
    for seed in 0..60 {
        let operations = operations(seed);
        let limit = 6 * SEGMENT_BYTES;
        let mut world = World::start(seed, limit).await;
        for round in 0..3 {
            let mut model = Model::default();
            world.simulated.crash_after(20 + seed % 40);
            run(&world, &operations, &mut model).await;
            let next = world.simulated.restart_without_power();
            world.end().await;
            world = World::on(next, limit).await;
            for number in 0..KEYS {
                // The bytes are checked in there.
                if let Some(version) = world.version(number).await {
                    let was_put = |operation: &Operation| {
                        matches!(operation, Operation::Put { number: of, version: it, .. }
                            if *of == number && *it == version)
                    };
                    assert!(operations.iter().any(was_put), "seed {seed}, round {round}");
                }
            }
        }
    }
}
