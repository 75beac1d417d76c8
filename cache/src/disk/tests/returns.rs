//! What was replaced or removed does not come back, whatever happens to the process, the folder, or a single file.

use super::{SEGMENT_BYTES, Simulated, World, key, meta, mount};
use crate::disk::Job;
use crate::disk::files::{Blob, Folder, Lease, OnDisk};
use crate::head::Head;
use crate::labels::Labels;
use crate::memory::Memory;
use crate::sync::atomic::{AtomicU32, Ordering};
use std::io;
use std::path::Path;
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

/// A folder in which something goes wrong with the first file that is to be removed.
#[derive(Debug)]
struct Stubborn<Of> {
    folder: Of,
    panics: bool,
    removals: AtomicU32,
}

impl<Of: Folder> Folder for Stubborn<Of> {
    fn take(&self) -> io::Result<Box<dyn Lease>> {
        self.folder.take()
    }

    fn names(&self) -> io::Result<Vec<String>> {
        self.folder.names()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn Blob>> {
        self.folder.create(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn Blob>> {
        self.folder.open(name)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match self.removals.fetch_add(1, Ordering::Relaxed) {
            0 if self.panics => panic!("as a fault in the program would"),
            0 => Err(io::Error::other("input/output error")),
            _ => self.folder.remove(name),
        }
    }

    fn bytes_of(&self, name: &str) -> u64 {
        self.folder.bytes_of(name)
    }

    fn path(&self) -> Option<&Path> {
        self.folder.path()
    }

    fn sync(&self) -> io::Result<()> {
        self.folder.sync()
    }
}

fn stubborn(folder: impl Folder + 'static, panics: bool) -> Box<dyn Folder> {
    Box::new(Stubborn { folder, panics, removals: AtomicU32::new(0) })
}

#[tokio::test]
async fn a_folder_without_a_log_of_purges_gets_one_only_when_it_is_empty() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("cache");
    let memory = Arc::new(Memory::new(64 << 20));
    let start = |folder| Some(mount(folder, 4 << 20, &memory));
    let simulated = Simulated::new(0); // which has no path, and so no purges
    let mut world =
        World { simulated, mount: start(Box::new(OnDisk::new(&path))), memory: Arc::clone(&memory), limit: 0 };
    world.comes_to("serving").await;
    world.put(1, 1, 100);
    world.flush();
    world.end().await;
    std::fs::remove_file(path.join("purges.log")).unwrap();
    world.mount = start(stubborn(OnDisk::new(&path), false));
    world.comes_to("serving").await;
    assert_eq!(world.version(1).await, None);
}

#[tokio::test]
async fn a_panic_is_outlived_and_costs_what_is_on_disk() {
    let mut world = two_segments().await;
    world.end().await;
    let simulated = world.simulated.restart();
    simulated.create("00000000000000ff.seg").unwrap();
    world.mount = Some(mount(stubborn(simulated.clone(), true), 40 * SEGMENT_BYTES, &world.memory));
    world.comes_to("serving").await;
    assert_eq!((world.stat().objects, world.version(3).await), (0, None));
    world.put(3, 2, 100);
    world.flush();
    assert_eq!(world.version(3).await, Some(2));
    world.end().await;
}

#[tokio::test]
async fn a_file_with_the_last_of_all_numbers_is_not_ours() {
    let mut world = two_segments().await;
    world.end().await;
    let next = world.simulated.restart();
    next.create("ffffffffffffffff.seg").unwrap();
    let world = World::on(next, 40 * SEGMENT_BYTES).await;
    assert_eq!(world.version(1).await, Some(2));
    world.put(1, 3, 100);
    world.flush();
    assert_eq!(world.kill().await.version(1).await, Some(3));
}

#[tokio::test]
async fn what_is_removed_while_its_segment_is_reclaimed_is_gone() {
    let mut puts_until_reclaimed = u64::MAX;
    // The second time it stops shortly before, while room is made by and by for what is used.
    for _ in 0..2 {
        let world = World::start(1, 5 * SEGMENT_BYTES).await;
        world.put(1, 1, 100);
        world.put(2, 1, 60_000);
        world.flush();
        assert!(world.find(2).await.is_some(), "it is used");
        let first_segment = world.disk().segments.oldest().unwrap().number;
        let mut puts = 0;
        while puts + 20 < puts_until_reclaimed && world.disk().segments.oldest().unwrap().number == first_segment {
            puts += 1;
            world.put(10 + puts, 1, 600);
            world.flush();
        }
        puts_until_reclaimed = puts;
        world.remove(1);
        world.flush();
        let world = world.kill().await;
        assert_eq!((world.version(1).await, world.version(2).await), (None, Some(1)), "after {puts}");
    }
}
