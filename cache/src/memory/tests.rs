//! Tests of the memory tier: against a plain model, and of the order in which objects have to go.

use crate::body::{BLOCK_OVERHEAD, Block, Body};
use crate::head::Head;
use crate::key::Slot;
use crate::labels::Labels;
use crate::memory::Memory;
use crate::memory::budget::Charge;
use crate::memory::object::{OBJECT_OVERHEAD, Object};
use crate::purge::Purges;
use bytes::Bytes;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::ResponseHeader;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

fn key(number: u64) -> CacheKey {
    CacheKey::new(format!("https|shop.example|/product/{number}"), "pages")
}

fn head(memory: &Memory, number: u64, fresh_secs: u64) -> Head {
    let mut header = ResponseHeader::build(200, None).unwrap();
    header.insert_header("Content-Type", "text/html; charset=utf-8").unwrap();
    header.insert_header("ETag", format!("\"{number}-{fresh_secs}\"")).unwrap();
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let meta = CacheMeta::new(created + Duration::from_secs(fresh_secs), created, 0, 0, header);
    Head::new(&key(number), &meta, Labels::default(), memory.budget()).unwrap()
}

/// A body of `size` bytes that spells its id; none if there was no room.
fn body(memory: &Memory, id: u64, size: usize) -> Option<Arc<Body>> {
    let mut charge = Charge::regardless(memory.budget(), 0);
    let block = (size > 0).then(|| Block { end: size as u64, bytes: Bytes::from(vec![id as u8; size]) });
    let bytes = size as u64 + block.iter().len() as u64 * BLOCK_OVERHEAD + OBJECT_OVERHEAD;
    memory.charge(&mut charge, bytes).then(|| Arc::new(Body::new(block.into_iter().collect(), charge)))
}

/// Stores such a body; false if there was no room.
fn store(memory: &Memory, number: u64, id: u64, size: usize) -> bool {
    let body = body(memory, id, size);
    let stored = body.is_some();
    if let Some(body) = body {
        memory.insert(Arc::new(Object { id, head: Arc::new(head(memory, number, 60)), body }));
    }
    stored
}

fn find(memory: &Memory, number: u64) -> Option<Arc<Object>> {
    let key = key(number);
    memory.find(&Slot::of(&key), key.primary_key(), &Purges::new(memory.budget())).map(|found| found.object)
}

/// One random operation on both, and the comparison that belongs to it.
fn step(random: &mut StdRng, memory: &Memory, model: &mut HashMap<u64, (u64, usize)>, id: u64, told: &str) {
    let number = random.random_range(0..200);
    match random.random_range(0..100) {
        0..40 => {
            let size = random.random_range(0..20_000);
            match store(memory, number, id, size) {
                true => model.insert(number, (id, size)),
                false => None,
            };
        }
        40..80 => match (find(memory, number), model.get(&number).copied()) {
            (Some(found), Some((id, size))) => {
                assert_eq!((found.id, found.body.len()), (id, size as u64), "not what was stored last; {told}");
                let body = found.body.read(0, u64::MAX).unwrap_or_default();
                assert!(body.len() == size && body.iter().all(|byte| *byte == id as u8), "another body; {told}");
            }
            (Some(_), None) => panic!("found what was never stored, or was purged; {told}"),
            (None, evicted) => {
                evicted.map(|_| model.remove(&number));
            }
        },
        80..90 => {
            let removed = memory.remove(&Slot::of(&key(number)), None);
            let stored = model.remove(&number).map(|(id, _)| id);
            assert!(removed.is_none() || removed == stored, "removed {removed:?}, stored {stored:?}; {told}");
            assert!(find(memory, number).is_none(), "still there after its removal; {told}");
        }
        90..98 => {
            let replaced = memory.replace_head(Arc::new(head(memory, number, id)), key(number).primary_key());
            assert!(!replaced || model.contains_key(&number), "a new head for what was not there; {told}");
            if let Some(found) = find(memory, number).filter(|_| replaced) {
                let fresh = found.head.meta().unwrap().fresh_sec();
                assert_eq!((found.id, fresh), (model[&number].0, id), "the old head; {told}");
            }
        }
        _ => memory.resize(random.random_range(50_000..500_000)),
    }
}

#[test]
fn agrees_with_a_model_and_never_exceeds_its_budget() {
    for seed in 0..30 {
        let mut random = StdRng::seed_from_u64(seed);
        let memory = Memory::new(300_000);
        let mut model = HashMap::new();
        for round in 0..3000 {
            let told = format!("seed {seed}, round {round}");
            step(&mut random, &memory, &mut model, round, &told);
            let (used, limit) = (memory.budget().used(), memory.budget().limit());
            assert!(used <= limit, "holds {used} of {limit} bytes; {told}");
        }
        let alive: Vec<_> = (0..200).filter_map(|number| find(&memory, number)).collect();
        assert_eq!(alive.len() as u64, memory.counts().objects, "seed {seed}");
        let objects: u64 = alive.iter().map(|object| object.weight()).sum();
        let tables = memory.budget().used() - objects;
        assert!(tables < 30_000, "the tables of at most 200 objects are {tables} bytes; seed {seed}");
        assert!(memory.counts().evictions > 0, "the budget was never felt; seed {seed}");
    }
}

#[test]
fn many_threads_leave_the_accounts_in_order() {
    const LIMIT: u64 = 16 << 20;
    let memory = Memory::new(LIMIT);
    assert!(memory.shards.len() > 1);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let memory = &memory;
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(seed);
                for id in 0..20_000 {
                    let number = random.random_range(0..3000);
                    match random.random_range(0..10) {
                        0..3 => drop(store(memory, number, id, random.random_range(0..30_000))),
                        3 => drop(memory.remove(&Slot::of(&key(number)), None)),
                        _ => {
                            let found = find(memory, number);
                            assert!(found.is_none_or(|found| found.head.slot() == Slot::of(&key(number))));
                        }
                    }
                }
            });
        }
    });
    assert!(memory.budget().used() <= LIMIT);
    let objects: u64 = (0..3000).filter_map(|number| find(&memory, number)).map(|object| object.weight()).sum();
    let tables = memory.budget().used() - objects;
    assert!(tables < 1 << 20, "{tables} bytes are charged to no object");
}

#[test]
fn a_flood_of_objects_that_are_asked_for_once_leaves_the_proven_ones() {
    let memory = Memory::new(1 << 20);
    let hot = 0..20;
    for number in hot.clone() {
        assert!(store(&memory, number, number, 10_000));
        assert!(find(&memory, number).is_some());
    }
    // Ten times the budget, and no request for the hot ones in between: a least-recently-used order would lose them all.
    for number in 1000..2000 {
        assert!(store(&memory, number, number, 10_000));
    }
    assert_eq!(hot.filter(|number| find(&memory, *number).is_some()).count(), 20);
}

#[test]
fn what_comes_back_soon_after_its_eviction_skips_probation() {
    let memory = Memory::new(500_000);
    assert!(store(&memory, 1, 1, 10_000));
    let mut number = 100;
    while find_without_use(&memory, 1) {
        number += 1;
        assert!(store(&memory, number, number, 10_000));
    }
    assert!(store(&memory, 1, 2, 10_000));
    for number in 1000..1200 {
        assert!(store(&memory, number, number, 10_000));
    }
    assert!(find_without_use(&memory, 1), "it stands in the main queue, which a flood does not reach");
}

/// Whether it is there, without the hit that would prove it: a new head does not count as a use.
fn find_without_use(memory: &Memory, number: u64) -> bool {
    memory.replace_head(Arc::new(head(memory, number, 60)), key(number).primary_key())
}

#[test]
fn an_evicted_object_is_charged_until_its_last_reader_has_gone() {
    let memory = Memory::new(100_000);
    assert!(store(&memory, 1, 1, 60_000));
    let reading = find(&memory, 1).unwrap();
    let body = Arc::clone(&reading.body);
    drop(reading);
    assert!(!store(&memory, 2, 2, 60_000), "the first is evicted, but its bytes are not free");
    assert!(find(&memory, 1).is_none());
    assert!(memory.budget().used() > 60_000);
    drop(body);
    assert!(store(&memory, 2, 2, 60_000));
}

#[test]
fn what_is_being_read_is_spared_while_others_can_go() {
    let memory = Memory::new(200_000);
    let reading = body(&memory, 1, 50_000).unwrap();
    memory.insert(Arc::new(Object { id: 1, head: Arc::new(head(&memory, 1, 60)), body: Arc::clone(&reading) }));
    for number in 2..50 {
        assert!(store(&memory, number, number, 50_000));
    }
    assert!(find_without_use(&memory, 1));
    drop(reading);
    for number in 50..60 {
        assert!(store(&memory, number, number, 50_000));
    }
    assert!(!find_without_use(&memory, 1), "it was never asked for, only written and read on");
}

#[test]
fn an_older_fill_that_ends_later_does_not_replace_a_newer_one() {
    let memory = Memory::new(200_000);
    assert!(store(&memory, 1, 2, 10));
    assert!(store(&memory, 1, 1, 10));
    assert_eq!(find(&memory, 1).map(|object| object.id), Some(2));
    assert!(store(&memory, 1, 3, 10));
    assert_eq!(find(&memory, 1).map(|object| object.id), Some(3));
}

#[test]
fn tables_shrink_when_most_objects_have_gone() {
    let memory = Memory::new(4 << 20);
    for number in 0..2000 {
        assert!(store(&memory, number, number, 1));
    }
    for number in 0..2000 {
        memory.remove(&Slot::of(&key(number)), None);
    }
    let counts = memory.counts();
    assert_eq!((counts.objects, counts.evictions), (0, 0));
    let tables = memory.budget().used();
    assert!(tables < 10_000, "{tables} bytes for nothing");
    assert!(store(&memory, 1, 1, 1) && find(&memory, 1).is_some());
}

#[test]
fn two_keys_of_one_hash_never_meet() {
    let memory = Memory::new(1 << 20);
    let with_hash = |primary: &str| {
        let mut key = CacheKey::new(primary, "pages");
        key.set_primary_bin_override([7; 16]);
        key
    };
    let (ours, theirs) = (with_hash("https|shop.example|/"), with_hash("https|evil.example|/"));
    assert_eq!(Slot::of(&ours), Slot::of(&theirs));
    let meta = head(&memory, 1, 60).meta().unwrap();
    let stored = Arc::new(Head::new(&theirs, &meta, Labels::default(), memory.budget()).unwrap());
    let body = Arc::new(Body::new(Box::new([]), Charge::regardless(memory.budget(), 0)));
    memory.insert(Arc::new(Object { id: 1, head: stored, body }));
    let purges = Purges::new(memory.budget());
    assert!(memory.find(&Slot::of(&theirs), theirs.primary_key(), &purges).is_some());
    assert!(memory.find(&Slot::of(&ours), ours.primary_key(), &purges).is_none());
    let update = Head::new(&ours, &meta, Labels::default(), memory.budget()).unwrap();
    assert!(!memory.replace_head(Arc::new(update), ours.primary_key()));
}
