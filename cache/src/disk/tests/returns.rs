//! What was replaced or removed does not come back, whatever happens to the process, the folder, or a single file.

use super::{SEGMENT_BYTES, World, key, meta};
use crate::disk::Job;
use crate::head::Head;
use crate::labels::Labels;
use std::sync::Arc;

#[tokio::test]
async fn a_rewrite_that_comes_late_is_not_written_behind_what_is_newer() {
    let world = World::start(1, 40 * SEGMENT_BYTES).await;
    (1..=2).for_each(|number| world.put(number, 1, 100));
    world.flush();
    let disk = world.disk();
    for number in [1, 2] {
        // Two threads: one announces a rewrite, the other replaces or removes, and then the first queues its job.
        let hash = disk.hash(key(number).primary_key(), None).unwrap();
        let (ticket, place) = disk.index.intend_rewrite(hash).unwrap();
        if number == 1 {
            world.put(1, 2, 100)
        } else {
            world.remove(2)
        }
        let head = Head::new(&key(number), &meta(1), Labels::default(), world.memory.budget()).unwrap();
        disk.queue.push(Job::Rewrite { hash, ticket, place, head: Arc::new(head), labels: None });
    }
    world.flush();
    let world = world.kill().await;
    assert_eq!((world.version(1).await, world.version(2).await), (Some(2), None));
}

/// Two segments: of two keys, the first has a version that the second replaces or removes.
async fn two_segments() -> World {
    let world = World::start(1, 40 * SEGMENT_BYTES).await;
    (1..=3).for_each(|number| world.put(number, 1, 5000));
    world.flush();
    let world = world.reopen(false).await;
    world.put(1, 2, 5000);
    world.remove(2);
    world.put(4, 1, 100_000);
    world.flush();
    world
}

#[tokio::test]
async fn a_segment_for_which_there_is_no_room_takes_all_older_ones_with_it() {
    let mut world = two_segments().await;
    world.end().await;
    let world = World::on(world.simulated.restart(), SEGMENT_BYTES + 60_000).await;
    for number in 1..=4 {
        assert_eq!(world.version(number).await, None, "of {number}");
    }
    assert_eq!(world.stat().segments, 0);
}

#[tokio::test]
async fn a_segment_that_is_damaged_at_its_start_still_says_what_it_replaced() {
    let mut world = two_segments().await;
    world.end().await;
    let next = world.simulated.restart();
    next.damage("0000000000000002.seg", 0);
    let world = World::on(next, 40 * SEGMENT_BYTES).await;
    let found = [world.version(1).await, world.version(2).await, world.version(3).await, world.version(4).await];
    assert_eq!(found, [None, None, Some(1), None]);
}
