//! Tests of fills and their followers, each step in an order that the test chooses.

use super::{
    FILL_ABORTED, Flights, JOIN_BYTES, NO_READER_LEFT, PACE_BYTES, PASS_BYTES, PATIENCE, READER_LEFT_BEHIND, Reader,
};
use crate::flight::Flight;
use crate::key::Slot;
use crate::options::ZoneOptions;
use crate::zone::Zone;
use bytes::Bytes;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::ResponseHeader;
use pingora::prelude::{ErrorType, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::{Duration, SystemTime};

const MIB: u64 = 1 << 20;

/// A zone, its flights, and the key that all of a test is about.
struct World {
    zone: Arc<Zone>,
    flights: Flights,
    key: CacheKey,
}

impl World {
    fn new(memory_bytes: u64, max_object_bytes: u64) -> Self {
        let options = ZoneOptions { name: "pages".into(), memory_bytes, max_object_bytes, disk: None };
        World {
            zone: Arc::new(Zone::new(&options, &Arc::default())),
            flights: Flights::new(Duration::ZERO),
            key: CacheKey::new("https|shop.example|/", "pages"),
        }
    }

    fn begin(&self, content_length: Option<u64>) -> Arc<Flight> {
        let mut header = ResponseHeader::build(200, None).unwrap();
        if let Some(length) = content_length {
            header.insert_header("Content-Length", length.to_string()).unwrap();
        }
        let meta = CacheMeta::new(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH, 0, 0, header);
        let head = self.zone.head(&self.key, &meta).unwrap();
        self.flights.begin(Arc::clone(&self.zone), head)
    }

    /// A fill and its leading reader, as Pingora takes them.
    fn lead(&self, content_length: Option<u64>) -> (Arc<Flight>, Reader) {
        let flight = self.begin(content_length);
        let reader = self.flights.lead(&self.slot(), flight.id).expect("has just begun");
        (flight, reader)
    }

    fn slot(&self) -> Slot {
        Slot::of(&self.key)
    }

    fn follow(&self) -> Option<Reader> {
        self.flights.follow(&self.zone, &self.slot(), self.key.primary_key())
    }

    fn stored(&self) -> Option<Bytes> {
        let object = self.zone.find(&self.slot(), self.key.primary_key())?.object;
        let mut at = 0;
        let read = std::iter::from_fn(|| {
            let read = object.body.read(at, u64::MAX)?;
            at += read.len() as u64;
            Some(read)
        });
        Some(Bytes::from(read.collect::<Vec<_>>().concat()))
    }
}

/// Bytes of a body that differ from place to place.
fn pattern(from: u64, length: u64) -> Bytes {
    static PERIODS: LazyLock<Bytes> = LazyLock::new(|| Bytes::from((0..251).collect::<Vec<u8>>().repeat(110_000)));
    let start = (from % 251) as usize;
    PERIODS.slice(start..start + length as usize)
}

/// One attempt to read: it is dropped if nothing is there.
async fn attempt(reader: &mut Reader) -> Poll<Result<Option<Bytes>>> {
    tokio::select! {
        biased;
        read = reader.read() => Poll::Ready(read),
        () = std::future::ready(()) => Poll::Pending,
    }
}

async fn read_rest(reader: &mut Reader) -> Result<Bytes> {
    let mut body = Vec::new();
    while let Some(read) = reader.read().await? {
        assert!(!read.is_empty());
        body.extend_from_slice(&read);
    }
    Ok(body.into())
}

async fn error_of(reader: &mut Reader) -> ErrorType {
    read_rest(reader).await.expect_err("must fail").etype
}

#[tokio::test(start_paused = true)]
async fn followers_get_the_bytes_as_they_come_and_all_get_the_same() {
    let world = World::new(MIB, MIB / 2);
    let (flight, mut leader) = world.lead(None);
    let mut early = world.follow().expect("open to all");
    assert!(attempt(&mut early).await.is_pending());
    flight.write(pattern(0, 1000)).await.unwrap();
    assert_eq!(early.read().await.unwrap(), Some(pattern(0, 1000)), "before the body has ended");
    assert!(attempt(&mut early).await.is_pending());

    let mut late = world.follow().expect("open to all");
    let waiting = tokio::spawn(async move { (read_rest(&mut early).await, early) });
    flight.write(pattern(1000, 200_000)).await.unwrap();
    assert_eq!(flight.complete().unwrap(), 201_000);
    world.flights.end(&flight);

    assert_eq!(read_rest(&mut leader).await.unwrap(), pattern(0, 201_000));
    assert_eq!(read_rest(&mut late).await.unwrap(), pattern(0, 201_000));
    assert_eq!(waiting.await.unwrap().0.unwrap(), pattern(1000, 200_000));
    assert_eq!(world.stored(), Some(pattern(0, 201_000)));
    assert!(world.follow().is_none());
    assert!(world.flights.under_way.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_gives_up_fails_its_followers() {
    let world = World::new(MIB, MIB / 2);
    let (flight, mut leader) = world.lead(None);
    let mut follower = world.follow().expect("open to all");
    flight.write(pattern(0, 1000)).await.unwrap();
    assert!(follower.read().await.unwrap().is_some());
    let waiting = tokio::spawn(async move { error_of(&mut follower).await });
    tokio::task::yield_now().await;
    flight.abort();
    assert_eq!(waiting.await.unwrap(), FILL_ABORTED);
    assert_eq!(error_of(&mut leader).await, FILL_ABORTED);
    assert!(world.follow().is_none(), "nobody else follows it");
    assert_eq!(world.stored(), None);
    assert_eq!(world.zone.stat().aborted_fills, 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_shorter_than_its_header_promised_is_not_stored_and_fails_its_followers() {
    let world = World::new(MIB, MIB / 2);
    let (flight, mut leader) = world.lead(Some(1001));
    flight.write(pattern(0, 1000)).await.unwrap();
    assert_eq!(flight.complete().unwrap_err().etype, FILL_ABORTED);
    assert_eq!(error_of(&mut leader).await, FILL_ABORTED);
    assert_eq!(world.stored(), None);
}

#[tokio::test(start_paused = true)]
async fn a_body_too_long_to_keep_reaches_leader_and_followers_whole() {
    let world = World::new(4 * MIB, MIB);
    let (flight, mut leader) = world.lead(None);
    let mut follower = world.follow().expect("its length is not known yet");
    let (mut led, mut followed) = (Vec::new(), Vec::new());
    for turn in 0..100 {
        flight.write(pattern(turn * 65_536, 65_536)).await.unwrap();
        led.extend_from_slice(&leader.read().await.unwrap().expect("there"));
        if turn % 4 == 3 {
            followed.extend_from_slice(&follower.read().await.unwrap().expect("there"));
        }
    }
    assert!(world.follow().is_none(), "its start has gone");
    flight.complete().unwrap();
    led.extend_from_slice(&read_rest(&mut leader).await.unwrap());
    followed.extend_from_slice(&read_rest(&mut follower).await.unwrap());
    assert!(led == pattern(0, 6_553_600) && followed == led);
    assert_eq!(world.stored(), None);
    assert_eq!(world.zone.stat().pass_throughs, 1);
}

/// The pace of Pingora's loop: each piece that a slow leading client takes lets four more in.
#[tokio::test(start_paused = true)]
async fn a_leader_that_is_let_read_once_in_four_writes_is_not_left_behind() {
    const PIECE: u64 = 65_536;
    let world = World::new(64 * MIB, MIB);
    let (flight, mut leader) = world.lead(None);
    let mut body = Vec::new();
    for turn in 0..100 {
        for piece in 0..4 {
            flight.write(pattern((turn * 4 + piece) * PIECE, PIECE)).await.unwrap();
        }
        body.extend_from_slice(&leader.read().await.unwrap().expect("there"));
        let held = flight.lock().buffer.cost();
        assert!(held <= MIB + PASS_BYTES, "{held} bytes held in turn {turn}");
    }
    let held = flight.lock().buffer.cost();
    assert!(held <= JOIN_BYTES, "the leader has caught up with all but {held} bytes");
    flight.complete().unwrap();
    body.extend_from_slice(&read_rest(&mut leader).await.unwrap());
    assert!(body == pattern(0, 400 * PIECE));
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_takes_nothing_is_cut_off_and_delays_the_others_little() {
    for piece in [65_536, 1024, 10] {
        takes_nothing_while_pieces_come_of(piece).await;
    }
}

async fn takes_nothing_while_pieces_come_of(piece: u64) {
    const LENGTH: u64 = 4 * MIB;
    let world = World::new(4 * MIB, MIB);
    let (flight, mut leader) = world.lead(None);
    let mut stuck = world.follow().expect("its length is not known yet");
    let (mut led, started) = (0, tokio::time::Instant::now());
    for at in (0..LENGTH).step_by(piece as usize) {
        flight.write(pattern(at, piece.min(LENGTH - at))).await.unwrap();
        led += leader.read().await.unwrap().expect("there").len();
        let held = flight.lock().buffer.cost();
        assert!(held <= MIB + PASS_BYTES + PACE_BYTES, "{held} bytes held, blocks included");
    }
    let held_up = started.elapsed();
    assert!(held_up >= PATIENCE && held_up < Duration::from_secs(1), "{held_up:?} with pieces of {piece} bytes");
    assert_eq!(error_of(&mut stuck).await, READER_LEFT_BEHIND);
    let held = flight.lock().buffer.cost();
    assert!(held < 2 * 65_536 + 1000, "{held} bytes are held for a reader that is there to take them");
    flight.complete().unwrap();
    assert_eq!((led + read_rest(&mut leader).await.unwrap().len()) as u64, LENGTH);
    world.flights.end(&flight);
    drop((leader, stuck, flight));
    let stat = world.zone.stat();
    assert!(stat.bytes < 2000, "{} bytes stay charged", stat.bytes);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_takes_enough_in_time_is_waited_for() {
    for piece in [65_536, 1024] {
        takes_enough_while_pieces_come_of(piece).await;
    }
}

async fn takes_enough_while_pieces_come_of(piece: u64) {
    const LENGTH: u64 = 200 * PACE_BYTES;
    let world = World::new(4 * MIB, MIB);
    let (flight, mut leader) = world.lead(None);
    let mut follower = world.follow().expect("its length is not known yet");
    let slow = tokio::spawn(async move {
        let mut body = Vec::new();
        while let Some(bytes) = follower.read().await.unwrap() {
            for taken in bytes.chunks(PACE_BYTES as usize) {
                tokio::time::sleep(PATIENCE * 3 / 4).await;
                body.extend_from_slice(taken);
            }
        }
        body
    });
    for at in (0..LENGTH).step_by(piece as usize) {
        flight.write(pattern(at, piece)).await.unwrap();
        assert!(leader.read().await.unwrap().is_some());
    }
    flight.complete().unwrap();
    assert!(slow.await.unwrap() == pattern(0, LENGTH));
}

#[tokio::test(start_paused = true)]
async fn a_body_known_to_be_too_long_is_its_own_clients_alone() {
    let world = World::new(MIB, 1000);
    let (flight, mut leader) = world.lead(Some(1001));
    assert!(world.follow().is_none());
    flight.write(pattern(0, 1001)).await.unwrap();
    assert_eq!(world.zone.memory.budget().used(), flight.head.weight(), "it is charged for no byte of the body");
    flight.complete().unwrap();
    assert_eq!(read_rest(&mut leader).await.unwrap(), pattern(0, 1001));
    assert_eq!(world.stored(), None);
}

#[tokio::test(start_paused = true)]
async fn a_fill_for_which_there_is_no_room_is_passed_through() {
    let world = World::new(200_000, 200_000);
    let (first, _reader) = world.lead(None);
    first.write(pattern(0, 150_000)).await.unwrap();
    let (second, mut leader) = world.lead(None);
    second.write(pattern(0, 100_000)).await.unwrap();
    second.complete().unwrap();
    assert_eq!(read_rest(&mut leader).await.unwrap(), pattern(0, 100_000));
    assert_eq!((world.stored(), world.zone.stat().pass_throughs), (None, 1));
    first.complete().unwrap();
    assert_eq!(world.stored(), Some(pattern(0, 150_000)), "the first was there before");
    assert!(world.zone.memory.budget().used() <= 200_000);
}

#[tokio::test(start_paused = true)]
async fn a_pass_through_that_nobody_reads_any_more_ends() {
    let world = World::new(4 * MIB, MIB);
    let (flight, leader) = world.lead(Some(100 * MIB));
    flight.write(pattern(0, 65_536)).await.unwrap();
    drop(leader);
    assert_eq!(flight.write(pattern(65_536, 65_536)).await.unwrap_err().etype, NO_READER_LEFT);

    let (kept, leader) = world.lead(None);
    drop(leader);
    kept.write(pattern(0, 1000)).await.unwrap();
    kept.complete().unwrap();
    assert_eq!(world.stored(), Some(pattern(0, 1000)), "what can be kept is fetched to its end");
}

#[tokio::test(start_paused = true)]
async fn of_two_fills_for_one_key_each_client_reads_its_own() {
    let world = World::new(MIB, MIB / 2);
    let (first, mut first_leader) = world.lead(None);
    let (second, mut second_leader) = world.lead(None);
    first.write(Bytes::from_static(b"first")).await.unwrap();
    second.write(Bytes::from_static(b"second")).await.unwrap();
    let mut follower = world.follow().expect("open to all");
    for flight in [&second, &first] {
        flight.complete().unwrap();
        world.flights.end(flight);
    }
    assert_eq!(read_rest(&mut first_leader).await.unwrap(), "first");
    assert_eq!(read_rest(&mut second_leader).await.unwrap(), "second");
    assert_eq!(read_rest(&mut follower).await.unwrap(), "second", "the newer one");
    assert_eq!(world.stored().unwrap(), "second", "though the older ended later");
    assert_eq!(world.zone.stat().admissions, 1, "and the older is not counted as stored");
}

#[tokio::test(start_paused = true)]
async fn what_is_purged_while_under_way_reaches_its_readers_and_is_not_stored() {
    let world = World::new(MIB, MIB / 2);
    let (flight, mut leader) = world.lead(None);
    flight.write(pattern(0, 1000)).await.unwrap();
    assert_eq!(world.flights.purge(&world.zone, &world.slot(), Some(flight.id + 1)), None, "another generation");
    assert!(world.follow().is_some());
    assert_eq!(world.flights.purge(&world.zone, &world.slot(), None), Some(flight.id));
    assert_eq!(world.flights.purge(&world.zone, &world.slot(), None), None, "it is gone already");
    assert!(world.follow().is_none());
    flight.write(pattern(1000, 1000)).await.unwrap();
    flight.complete().unwrap();
    assert_eq!(read_rest(&mut leader).await.unwrap(), pattern(0, 2000));
    assert_eq!(world.stored(), None);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_or_is_interrupted_loses_nothing_for_anybody() {
    let world = World::new(MIB, MIB / 2);
    let (flight, mut leader) = world.lead(None);
    let leaving = world.follow().expect("open to all");
    flight.write(pattern(0, 1000)).await.unwrap();
    drop(leaving);
    assert_eq!(leader.read().await.unwrap(), Some(pattern(0, 1000)));
    for _ in 0..3 {
        assert!(attempt(&mut leader).await.is_pending());
    }
    flight.write(pattern(1000, 1000)).await.unwrap();
    flight.complete().unwrap();
    assert_eq!(read_rest(&mut leader).await.unwrap(), pattern(1000, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_body_under_way_is_waited_for() {
    let world = World::new(MIB, MIB / 2);
    let (flight, mut leader) = world.lead(None);
    leader.seek(1500, Some(2500));
    flight.write(pattern(0, 1000)).await.unwrap();
    assert!(attempt(&mut leader).await.is_pending());
    flight.write(pattern(1000, 3000)).await.unwrap();
    assert_eq!(read_rest(&mut leader).await.unwrap(), pattern(1500, 1000), "without waiting for the end of the body");
}

/// Whatever the order of writes and reads: a reader that is told of an end has had the whole body.
#[tokio::test(start_paused = true)]
async fn no_reader_takes_a_part_for_the_whole() {
    let (mut served, mut cut_off) = (0, 0);
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let world = World::new(8 * MIB, random.random_range(1..3 * MIB));
        let length = random.random_range(0..6 * MIB);
        let gives_up = random.random_bool(0.2);
        let (flight, leader) = world.lead(random.random_bool(0.3).then_some(length));
        let mut readers = vec![(leader, Vec::new(), None)];
        let (mut written, mut over) = (0, false);
        while readers.iter().any(|(_, _, ended)| ended.is_none()) {
            if random.random_bool(0.5) && !over {
                let piece = random.random_range(0..100_000).min(length - written);
                over = flight.write(pattern(written, piece)).await.is_err();
                written += piece;
                if gives_up && random.random_bool(0.05) {
                    flight.abort();
                    over = true;
                } else if written == length && !over {
                    flight.complete().unwrap();
                    over = true;
                }
            }
            if readers.len() < 5 && random.random_bool(0.1) {
                readers.extend(world.follow().map(|reader| (reader, Vec::new(), None)));
            }
            let one = random.random_range(0..readers.len());
            let (reader, body, ended) = &mut readers[one];
            if ended.is_none() {
                match attempt(reader).await {
                    Poll::Pending => {}
                    Poll::Ready(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
                    Poll::Ready(Ok(None)) => *ended = Some(true),
                    Poll::Ready(Err(_)) => *ended = Some(false),
                }
            }
        }
        let whole = pattern(0, length);
        for (at, (_, body, ended)) in readers.iter().enumerate() {
            let told = format!("seed {seed}, reader {at}: {} of {length} bytes", body.len());
            let ended = ended.expect("the loop has ended");
            assert!(!ended || *body == whole, "{told}");
            assert!(whole.starts_with(body), "{told}, and not those");
            (served, cut_off) = (served + u32::from(ended), cut_off + u32::from(!ended));
        }
        assert!(world.stored().is_none_or(|stored| stored == whole), "seed {seed}");
    }
    assert!(served > 50 && cut_off > 5, "the seeds no longer try both: {served} served, {cut_off} cut off");
}
