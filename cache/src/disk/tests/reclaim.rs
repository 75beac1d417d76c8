//! Budgets to the byte, and who stays when room is made.

use super::{SEGMENT_BYTES, World, size, until};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

#[tokio::test]
async fn the_files_never_take_more_than_they_may_and_what_is_used_stays() {
    let limit = 10 * SEGMENT_BYTES + 77;
    let world = World::start(1, limit).await;
    let mut random = StdRng::seed_from_u64(1);
    for number in 0..20 {
        world.put(number, 1, 1000);
    }
    for number in 100..2000 {
        world.put(number, 1, random.random_range(0..8000));
        world.flush();
        assert!(world.simulated.bytes() <= limit, "{} bytes", world.simulated.bytes());
        for number in 0..10 {
            if number < 5 || random.random_bool(0.05) {
                assert_eq!(world.version(number).await, Some(1), "{number} is asked for all the time");
            }
        }
    }
    let stat = world.stat();
    assert_eq!(stat.bytes, world.simulated.bytes());
    assert!(stat.bytes > limit - 3 * SEGMENT_BYTES, "and not much less: {stat:?}");
    assert_eq!((stat.writes_dropped, stat.reads_failed), (0, 0));
    for number in 10..20 {
        assert_eq!(world.version(number).await, None, "{number} was never asked for");
    }
    let objects = stat.objects;
    let world = world.kill().await;
    assert_eq!(world.stat().objects, objects, "the index holds just what is there");
    let mut found = 0;
    for number in 0..2000 {
        found += u64::from(world.version(number).await.is_some());
    }
    assert_eq!(found, objects);
}

#[tokio::test]
async fn what_is_in_memory_stays_on_disk_too() {
    let world = World::start(7, 6 * SEGMENT_BYTES).await;
    world.memory.insert(world.object(3, 1, 6000));
    for number in 0..300 {
        world.put(number, 1, 6000);
        world.flush();
    }
    assert_eq!((world.version(3).await, world.version(4).await), (Some(1), None));
}

#[tokio::test]
async fn everything_in_use_does_not_keep_room_from_being_made() {
    let world = World::start(2, 6 * SEGMENT_BYTES).await;
    for number in 0..300 {
        world.put(number, 1, 6000);
        world.flush();
        for number in number.saturating_sub(60)..=number {
            drop(world.find(number).await);
        }
    }
    assert_eq!(world.version(299).await, Some(1));
    assert_eq!(world.stat().writes_dropped, 0);
}

#[tokio::test]
async fn what_is_longer_than_a_segment_is_dropped_and_counted() {
    let world = World::start(3, 6 * SEGMENT_BYTES).await;
    world.put(1, 1, 100);
    world.flush();
    world.put(1, 2, SEGMENT_BYTES as usize);
    world.flush();
    world.flush();
    assert_eq!((world.version(1).await, world.stat().writes_dropped), (None, 1));
    let world = world.kill().await;
    assert_eq!(world.version(1).await, None, "nor is what it should have replaced");
}

#[tokio::test]
async fn a_smaller_budget_is_kept_at_once_and_a_larger_one_is_used() {
    let world = World::start(4, 20 * SEGMENT_BYTES).await;
    let fill = |from: u64| (from..from + 500).for_each(|number| world.put(number, 1, 5000));
    fill(0);
    world.flush();
    let before = world.stat();
    world.disk().resize(size(5 * SEGMENT_BYTES));
    until(|| world.simulated.bytes() <= 5 * SEGMENT_BYTES).await;
    until(|| world.stat().bytes == world.simulated.bytes()).await;
    assert!(world.stat().objects < before.objects / 3);
    assert_eq!(world.version(499).await, Some(1), "the newest stay");
    world.disk().resize(size(40 * SEGMENT_BYTES));
    fill(1000);
    world.flush();
    assert!(world.simulated.bytes() > 20 * SEGMENT_BYTES);
    assert_eq!(world.version(1000).await, Some(1));
}

#[tokio::test]
async fn a_reader_reads_on_in_a_segment_that_is_gone() {
    let world = World::start(5, 5 * SEGMENT_BYTES).await;
    world.put(1, 1, 50_000);
    world.flush();
    let mut answer = world.find(1).await.expect("there");
    let segment = world.disk().segments.oldest().expect("one");
    for number in 10..200 {
        world.put(number, 1, 10_000);
    }
    world.flush();
    assert!(world.disk().segments.oldest().expect("one").number > segment.number);
    let first = answer.body.read(0, 10).await.unwrap().unwrap();
    assert_eq!(first, super::body(1, 1, 10));
}

#[tokio::test]
async fn an_index_that_is_too_large_for_its_memory_gives_up_the_oldest() {
    let mut world = World::start(6, 400 * SEGMENT_BYTES).await;
    world.memory.resize(1 << 20);
    let mut before = 0;
    for number in 0..40_000 {
        world.put(number, 1, 10);
        if number % 50 == 0 {
            world.flush();
            let objects = world.stat().objects;
            assert!(objects + 1000 > before, "no more than a segment at a time: {before} and then {objects}");
            before = objects;
        }
    }
    world.flush();
    let stat = world.stat();
    // Half of the memory, and what it takes that tables of such a small index differ in how full they are.
    assert!(stat.index_bytes <= (1 << 19) * 9 / 8, "{stat:?}");
    assert!(stat.objects > 8_000, "{stat:?}");
    assert_eq!(world.version(39_999).await, Some(1));
    world.end().await;
    until(|| world.memory.budget().used() == 0).await;
}
