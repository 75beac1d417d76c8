//! Tests of the disk tier on a disk that is simulated, and on a real one.

mod crash;
mod fault;
mod model;
mod reclaim;
mod returns;

use crate::body::{BLOCK_OVERHEAD, Block, Body};
use crate::disk::files::Folder;
use crate::disk::files::simulated::Simulated;
use crate::disk::index::KeyHash;
use crate::disk::queue::Queue;
use crate::disk::{Answer, Disk, DiskStat, DiskState, Job, Mount, Owner, Pace, Size};
use crate::head::Head;
use crate::key::Slot;
use crate::labels::{Generation, Labels, Tag};
use crate::memory::Memory;
use crate::memory::budget::Charge;
use crate::memory::object::Object;
use crate::purge::Purges;
use bytes::Bytes;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::ResponseHeader;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

const SEGMENT_BYTES: u64 = 128 << 10;

/// A disk tier on a simulated disk.
struct World {
    simulated: Simulated,
    memory: Arc<Memory>,
    mount: Option<Mount>,
    limit: u64,
}

impl World {
    async fn start(seed: u64, limit: u64) -> Self {
        Self::on(Simulated::new(seed), limit).await
    }

    async fn on(simulated: Simulated, limit: u64) -> Self {
        let memory = Arc::new(Memory::new(64 << 20));
        let mount = Some(mount(Box::new(simulated.clone()), limit, &memory));
        let world = World { simulated, memory, mount, limit };
        world.comes_to("serving").await;
        world
    }

    fn disk(&self) -> &Arc<Disk> {
        self.mount.as_ref().expect("mounted").disk()
    }

    fn stat(&self) -> DiskStat {
        self.disk().stat()
    }

    async fn comes_to(&self, state: &str) {
        let mut states = self.disk().health.watch();
        let waiting = states.wait_for(|now| now.name() == state);
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap_or_else(|_| panic!("it is {} and not {state}", self.stat().state))
            .unwrap();
    }

    /// Waits until everything that was queued is written, or given up.
    fn flush(&self) {
        flush(self.disk());
    }

    /// Ends the process: properly, or as the simulated disk says. The next one begins.
    async fn end(&mut self) {
        let mount = self.mount.take().expect("mounted");
        let disk = Arc::clone(mount.disk());
        drop(mount);
        tokio::time::timeout(Duration::from_secs(20), disk.released()).await.unwrap();
    }

    async fn reopen(mut self, without_power: bool) -> Self {
        self.end().await;
        let next = if without_power { self.simulated.restart_without_power() } else { self.simulated.restart() };
        Self::on(next, self.limit).await
    }

    /// Kills the process here and now.
    async fn kill(mut self) -> Self {
        let next = self.simulated.restart();
        self.end().await;
        Self::on(next, self.limit).await
    }

    fn object(&self, number: u64, version: u64, length: usize) -> Arc<Object> {
        let labels = Labels { asked_at: Generation(version), tags: Box::new([Tag(number), Tag(version)]) };
        let head = Head::new(&key(number), &meta(version), labels, self.memory.budget()).unwrap();
        let bytes = body(number, version, length);
        let charge = Charge::regardless(self.memory.budget(), length as u64 + BLOCK_OVERHEAD);
        let blocks: Box<[Block]> = match length {
            0 => Box::new([]),
            _ => Box::new([Block { end: length as u64, bytes: Bytes::from(bytes) }]),
        };
        Arc::new(Object { id: version, head: Arc::new(head), body: Arc::new(Body::new(blocks, charge)) })
    }

    fn put(&self, number: u64, version: u64, length: usize) {
        self.disk().put(&self.object(number, version, length));
    }

    fn remove(&self, number: u64) {
        let key = key(number);
        self.disk().remove(key.primary_key(), Slot::of(&key).variance());
    }

    async fn find(&self, number: u64) -> Option<Answer> {
        self.disk().find(key(number).primary_key(), None).await
    }

    /// The version that is found, whose whole body and labels must be right; none if none is.
    async fn version(&self, number: u64) -> Option<u64> {
        let answer = self.find(number).await?;
        Some(whole(number, answer).await.expect("nothing fails"))
    }
}

/// Waits for what nobody announces.
async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it becomes true");
}

fn owner(memory: &Arc<Memory>) -> Owner {
    let purges = Arc::new(Purges::new(memory.budget()));
    Owner { memory: Arc::clone(memory), purges, last_id: Arc::default(), before: None }
}

fn size(bytes: u64) -> Size {
    Size { bytes, max_object_bytes: 1 << 20 }
}

fn mount(folder: Box<dyn Folder>, limit: u64, memory: &Arc<Memory>) -> Mount {
    let pace = Pace {
        retry: Duration::from_millis(5),
        retry_lock: Duration::from_millis(1),
        segment_bytes: Some(SEGMENT_BYTES),
    };
    Mount::start(Path::new("simulated"), folder, size(limit), pace, owner(memory))
}

fn flush(disk: &Disk) {
    let (done, wait) = mpsc::channel();
    disk.queue.push(Job::Flush(done));
    // It is given up with everything else where the folder is lost.
    let answer = wait.recv_timeout(Duration::from_secs(20));
    assert_ne!(answer, Err(mpsc::RecvTimeoutError::Timeout), "the writer hangs");
}

fn key(number: u64) -> CacheKey {
    CacheKey::new(format!("shop https://shop.example/product/{number}"), "pages")
}

fn meta(version: u64) -> CacheMeta {
    let mut header = ResponseHeader::build(200, None).unwrap();
    header.insert_header("ETag", format!("\"{version}\"")).unwrap();
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(version);
    CacheMeta::new(created + Duration::from_secs(60), created, 1, 2, header)
}

fn body(number: u64, version: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (number * 31 + version * 7 + at * (1 + version % 5)) as u8 ^ (at >> 8) as u8).collect()
}

/// Reads an answer to its end; its version. None if the reading fails.
async fn whole(number: u64, answer: Answer) -> Option<u64> {
    let etag = answer.meta.headers()["etag"].to_str().unwrap();
    let version: u64 = etag.trim_matches('"').parse().unwrap();
    assert_eq!(answer.meta.created(), meta(version).created());
    assert_eq!(answer.labels.tags[0], Tag(number));
    let mut disk_body = answer.body;
    let mut read = Vec::new();
    while let Some(bytes) = disk_body.read(read.len() as u64, u64::MAX).await.ok()? {
        read.extend_from_slice(&bytes);
    }
    assert_eq!(read.len() as u64, disk_body.len());
    // The id says which version the body is of: a head may have been replaced since.
    assert!(read == body(number, answer.id, read.len()), "product {number} of version {version} is not what was put");
    Some(version)
}

#[tokio::test]
async fn what_is_put_is_found_here_and_after_each_kind_of_end() {
    let mut world = World::start(1, 4 << 20).await;
    let lengths = [0, 1, 700, 65_535, 65_536, 65_537, 100_000];
    for (number, length) in lengths.iter().enumerate() {
        world.put(number as u64, 10 + number as u64, *length);
    }
    world.flush();
    for ending in 0..4 {
        for (number, length) in (0..).zip(lengths) {
            let answer = world.find(number).await.unwrap_or_else(|| panic!("{number} after {ending} ends"));
            assert_eq!(answer.body.len(), length as u64);
            assert_eq!(answer.labels.asked_at, Generation(10 + number));
            assert_eq!(whole(number, answer).await, Some(10 + number));
        }
        assert_eq!(world.version(99).await, None);
        let stat = world.stat();
        assert_eq!((stat.objects, stat.reads_failed, stat.writes_dropped), (7, 0, 0), "{stat:?}");
        assert_eq!(stat.bytes, world.simulated.bytes());
        assert_eq!(world.disk().oldest_generation(), Generation(10));
        world = match ending {
            0 => world.kill().await,
            1 => world.reopen(false).await,
            _ => world.reopen(true).await,
        };
    }
}

#[tokio::test]
async fn the_later_one_wins_and_what_is_removed_is_gone_also_after_a_kill() {
    let world = World::start(2, 4 << 20).await;
    for number in 0..6 {
        world.put(number, 1, 3000);
    }
    world.flush();
    world.put(1, 2, 2000);
    world.remove(2);
    world.put(3, 2, 10);
    world.remove(3);
    world.remove(4);
    world.put(4, 3, 10);
    world.put(5, 2, 20);
    world.put(5, 3, 30);
    assert_eq!(world.find(2).await.map(|_| ()), None, "at once");
    world.flush();
    let expected = [Some(1), Some(2), None, None, Some(3), Some(3)];
    let mut world = world;
    for _ in 0..3 {
        for (number, version) in (0..).zip(expected) {
            assert_eq!(world.version(number).await, version, "of {number}");
        }
        assert_eq!(world.stat().objects, 4);
        world = world.kill().await;
    }
}

#[tokio::test]
async fn a_new_head_is_written_with_the_old_body_and_only_to_the_same_answer() {
    let world = World::start(3, 4 << 20).await;
    world.put(1, 5, 100_000);
    world.put(2, 5, 10);
    world.flush();
    let revalidated = |number: u64, version: u64| {
        let mut meta = meta(version);
        meta.update_freshness(SystemTime::UNIX_EPOCH + Duration::from_secs(9000), 7, 8);
        meta.response_header_mut().insert_header("X-Round", "2").unwrap();
        Arc::new(Head::new(&key(number), &meta, Labels::default(), world.memory.budget()).unwrap())
    };
    let new = revalidated(1, 5);
    assert!(world.disk().rewrite(&new, None));
    assert!(world.disk().rewrite(&revalidated(2, 4), None), "of another answer, which is seen when it is read");
    assert!(!world.disk().rewrite(&revalidated(3, 5), None));
    world.flush();
    let world = world.kill().await; // the head is still charged to the budget that it was made with
    let first = world.find(1).await.expect("there");
    assert_eq!(first.meta.headers()["x-round"], "2");
    assert_eq!(first.meta.updated(), new.meta().unwrap().updated());
    assert_ne!(first.meta.updated(), first.meta.created());
    assert_eq!((first.labels.asked_at, &*first.labels.tags), (Generation(5), &[Tag(1), Tag(5)][..]), "as they were");
    assert_eq!(whole(1, first).await, Some(5));
    assert!(world.find(2).await.expect("there").meta.headers().get("x-round").is_none());
}

#[tokio::test]
async fn a_part_is_read_without_what_is_before_it_and_damage_elsewhere_does_not_matter() {
    let world = World::start(4, 4 << 20).await;
    world.put(1, 1, 120_000);
    world.flush();
    let answer = world.find(1).await.expect("there");
    let mut disk_body = answer.body;
    assert_eq!(disk_body.ahead.1.len(), 120_000, "it was small enough to be read at once");
    assert_eq!(disk_body.read(70_000, 70_010).await.unwrap().unwrap(), body(1, 1, 70_010)[70_000..]);
    assert_eq!(disk_body.read(119_999, u64::MAX).await.unwrap().unwrap().len(), 1);
    assert_eq!(disk_body.read(120_000, u64::MAX).await.unwrap(), None);

    // The first byte of the body of the only record.
    let name = "0000000000000001.seg";
    let at = world.simulated.content(name).windows(16).position(|bytes| *bytes == body(1, 1, 16)).unwrap();
    world.simulated.damage(name, at);
    assert!(world.find(1).await.is_none());
    let stat = world.stat();
    assert_eq!((stat.reads_failed, stat.objects), (1, 0));
    world.flush();
    world.simulated.damage(name, at);
    let world = world.kill().await;
    assert!(world.find(1).await.is_none(), "what was once found damaged is removed");
}

#[tokio::test]
async fn a_long_body_is_read_piece_by_piece_and_damage_aborts_it_where_it_is() {
    let simulated = Simulated::new(5);
    let memory = Arc::new(Memory::new(64 << 20));
    let pace = Pace { retry: Duration::from_millis(5), retry_lock: Duration::from_millis(1), segment_bytes: None };
    let folder = Box::new(simulated.clone());
    let mount = Mount::start(Path::new("simulated"), folder, size(64 << 20), pace, owner(&memory));
    let world = World { simulated, memory, mount: Some(mount), limit: 64 << 20 };
    world.comes_to("serving").await;
    world.put(1, 1, 1 << 20);
    world.flush();
    assert_eq!(world.version(1).await, Some(1));
    let name = "0000000000000001.seg";
    let length = world.simulated.content(name).len();
    world.simulated.damage(name, length - 100_000);
    let mut answer = world.find(1).await.expect("its head is whole");
    assert_eq!(answer.body.ahead.1.len(), 0);
    let mut at = 0;
    let failure = loop {
        match answer.body.read(at, u64::MAX).await {
            Ok(Some(bytes)) => at += bytes.len() as u64,
            Ok(None) => panic!("it came to its end"),
            Err(error) => break error,
        }
    };
    assert_eq!(failure.etype, crate::DISK_READ_FAILED);
    assert_eq!(at, 3 << 18, "what is before the damaged piece was right");
    assert!(world.find(1).await.is_none());
}

#[tokio::test]
async fn another_process_has_the_folder_until_it_is_released() {
    let first = World::start(6, 4 << 20).await;
    first.put(1, 1, 100);
    let memory = Arc::new(Memory::new(1 << 20));
    let second = World {
        simulated: first.simulated.clone(),
        mount: Some(mount(Box::new(first.simulated.clone()), 4 << 20, &memory)),
        memory,
        limit: 4 << 20,
    };
    second.comes_to("held").await;
    second.put(2, 2, 100);
    assert!(second.find(1).await.is_none());
    assert_eq!(second.stat().writes_dropped, 1);
    second.remove(3);
    let mut first = first;
    first.put(3, 1, 100);
    first.end().await;
    second.comes_to("serving").await;
    assert_eq!(second.version(1).await, Some(1), "what was queued is sealed");
    assert_eq!(second.version(3).await, None, "removed before it was open");
    second.flush();
    let second = second.kill().await;
    assert_eq!((second.version(1).await, second.version(3).await), (Some(1), None));
}

#[tokio::test]
async fn a_queue_that_is_full_takes_no_more_objects_but_every_removal() {
    let world = World::start(7, 4 << 20).await;
    let put = |number| Job::Put {
        hash: KeyHash(number),
        ticket: number,
        object: world.object(number, 1, 1000),
        shadows: false,
    };
    let queue = Queue::new(3 * world.object(1, 1, 1000).weight());
    assert_eq!([1, 2, 3, 4].map(|number| queue.push(put(number))), [true, true, true, false]);
    assert!(queue.push(Job::Remove { hash: KeyHash(5), ticket: 5 }));
    assert_eq!(queue.oldest_generation(), 1);
    queue.resize(0);
    for _ in 0..4 {
        assert!(queue.pop(Duration::ZERO).is_some());
        assert_eq!(queue.oldest_generation(), 1, "what was taken is not done yet");
    }
    queue.is_done();
    assert_eq!((queue.oldest_generation(), queue.pop(Duration::ZERO).is_none()), (u64::MAX, true));
    assert!(queue.push(put(6)), "it is the only one");
    assert!(!queue.push(put(7)));
}

#[tokio::test]
async fn reads_past_what_may_wait_are_refused_and_leave_no_trace() {
    let readers = crate::disk::reader::Readers::new();
    let gate = Arc::new(std::sync::Mutex::new(()));
    let closed = gate.lock().unwrap();
    let patience = Duration::from_secs(20);
    let reads = (0..1000).map(|_| {
        let gate = Arc::clone(&gate);
        let read = move || {
            drop(gate.lock());
            Ok(())
        };
        Box::pin(readers.run(patience, read))
    });
    let mut reads: Vec<_> = reads.collect();
    let mut refused = 0;
    for read in &mut reads {
        if let std::task::Poll::Ready(read) = futures_now(read.as_mut()) {
            assert!(read.is_err());
            refused += 1;
        }
    }
    assert_eq!(refused, 1000 - 32 - 256);
    drop(closed);
    drop(reads);
    assert!(readers.run(patience, || Ok(())).await.is_ok());
}

fn futures_now<Work: Future>(work: std::pin::Pin<&mut Work>) -> std::task::Poll<Work::Output> {
    work.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test]
async fn a_real_folder_is_made_locked_and_opened_again() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("cache");
    let open = |memory: &Arc<Memory>| mount(Box::new(crate::disk::files::OnDisk::new(&path)), 4 << 20, memory);
    let memory = Arc::new(Memory::new(64 << 20));
    let world =
        World { simulated: Simulated::new(0), mount: Some(open(&memory)), memory: Arc::clone(&memory), limit: 0 };
    world.comes_to("serving").await;
    for number in 0..40 {
        world.put(number, 1, 9000);
    }
    world.flush();
    let on_disk = || {
        let files = std::fs::read_dir(&path).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>()
    };
    assert_eq!(world.stat().bytes, on_disk());
    let other = open(&memory);
    let mut states = other.disk().health.watch();
    states.wait_for(|state| *state == DiskState::Held).await.unwrap();
    drop(world);
    states.wait_for(|state| *state == DiskState::Serving).await.unwrap();
    let world = World { simulated: Simulated::new(0), mount: Some(other), memory, limit: 0 };
    for number in 0..40 {
        assert_eq!(world.version(number).await, Some(1));
    }
    std::fs::remove_dir_all(&path).unwrap();
    until(|| world.stat().objects == 0 && world.stat().state == DiskState::Serving).await;
    assert_eq!((world.stat().objects, world.stat().bytes), (0, on_disk()));
    world.put(1, 2, 100);
    world.flush();
    assert_eq!(world.version(1).await, Some(2));
}

#[test]
fn a_segment_holds_the_largest_object_and_three_fit_into_any_budget() {
    for (bytes, max_object_bytes, expected) in [
        (16 << 20, 1 << 20, 4 << 20),
        (16 << 20, 4 << 20, (5 << 20) + 256),
        (16 << 20, 16 << 20, ((16 << 20) - (16 << 14) - 32) / 3),
        (1 << 30, 8 << 20, 32 << 20),
        (1 << 40, 8 << 20, 256 << 20),
        (1 << 40, 8 << 30, 4 << 30),
    ] {
        let segment_bytes = Size { bytes, max_object_bytes }.segment_bytes();
        assert_eq!(segment_bytes, expected, "{bytes} {max_object_bytes}");
        assert!(segment_bytes * 3 <= bytes);
    }
}
