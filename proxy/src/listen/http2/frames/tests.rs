use std::time::Duration;

use super::*;
use crate::clock;

const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags, 0, 0, 0, 1]);
    frame.extend(payload);
    frame
}

/// A connection after its preface.
fn frames(now: Instant) -> Frames {
    let mut frames = Frames::new(now);
    frames.received(PREFACE, now).unwrap();
    frames
}

/// How many of a frame are taken before it is a flood, and what flood it is.
fn taken(frames: &mut Frames, frame: &[u8], now: Instant) -> (usize, Flood) {
    (0..10_000).find_map(|count| frames.received(frame, now).err().map(|flood| (count, flood))).expect("it is bounded")
}

#[test]
fn each_kind_that_carries_nothing_is_bounded() {
    let now = clock::instant();
    for (kind, flags, payload) in [
        (PING, 0, &[0; 8][..]),
        (PING, 1, &[0; 8]),
        (SETTINGS, 0, &[]),
        (2, 0, &[0; 5]),
        (7, 0, &[0; 8]),
        (WINDOW_UPDATE, 0, &[0, 0, 0, 1]),
        (CONTINUATION, 0, &[]),
        (DATA, 0, &[]),
        (DATA, PADDED, &[3, 0, 0, 0]),
        (DATA, PADDED, &[255; PADDING_MAX]),
        (0x10, 0, b"u=1"),
        (0xbb, 0, &[]),
    ] {
        let flood = taken(&mut frames(now), &frame(kind, flags, payload), now);
        assert_eq!(flood, (1000, Flood::ControlFrames), "frame type {kind}");
    }
    assert_eq!(taken(&mut frames(now), &frame(RST_STREAM, 0, &[0, 0, 0, 8]), now), (200, Flood::Resets));
}

#[test]
fn requests_and_bodies_are_not_counted_here() {
    let now = clock::instant();
    let mut frames = frames(now);
    for _ in 0..10_000 {
        frames.received(&frame(HEADERS, END_HEADERS, b"x"), now).unwrap();
        frames.received(&frame(DATA, 0, b"x"), now).unwrap();
        frames.received(&frame(DATA, PADDED, &[0; PADDING_MAX + 1]), now).unwrap();
        frames.received(&frame(DATA, END_STREAM, b""), now).unwrap();
    }
}

#[test]
fn resets_are_not_bought_with_requests() {
    let now = clock::instant();
    let mut pair = frame(HEADERS, END_HEADERS, b"x");
    pair.extend(frame(RST_STREAM, 0, &[0, 0, 0, 8]));
    assert_eq!(taken(&mut frames(now), &pair, now), (200, Flood::Resets));
}

#[test]
fn what_is_sent_buys_window_updates() {
    let now = clock::instant();
    let mut frames = frames(now);
    for _ in 0..10_000 {
        frames.sent(&frame(DATA, 0, b"x"));
        for _ in 0..PER_DATA_SENT {
            frames.received(&frame(WINDOW_UPDATE, 0, &[0, 0, 0, 1]), now).unwrap();
        }
    }
}

#[test]
fn time_brings_tokens_back_up_to_the_burst() {
    let now = clock::instant();
    let mut bucket = Bucket::new(Allowance { burst: 10, per_second: 4 }, now);
    let mut taken = |after| (0..100).take_while(|_| bucket.take(now + Duration::from_millis(after)).is_some()).count();
    assert_eq!([taken(0), taken(1500), taken(1600), taken(1750), taken(3_600_000)], [10, 6, 0, 1, 10]);
}

#[test]
fn it_does_not_matter_in_which_pieces_the_bytes_come() {
    let now = clock::instant();
    let mut bytes = PREFACE.to_vec();
    for _ in 0..1000 {
        bytes.extend(frame(PING, 0, &[0; 8]));
        bytes.extend(frame(DATA, END_STREAM, b""));
    }
    for size in [1, 2, 3, 8, 9, 10, 26, 4096, bytes.len()] {
        let mut frames = Frames::new(now);
        // Each DATA frame brings a token back, so that pings never run out.
        bytes.chunks(size).for_each(|piece| frames.received(piece, now).unwrap());
        assert_eq!(taken(&mut frames, &frame(PING, 0, &[0; 8]), now).0, 1000, "in pieces of {size}");
    }
}

#[test]
fn a_header_block_is_open_until_its_last_byte() {
    let now = clock::instant();
    let later = now + Duration::from_secs(1);
    let mut frames = frames(now);
    frames.received(&frame(HEADERS, 0, b"begun"), now).unwrap();
    assert_eq!(frames.headers_since(), Some(now));
    let last = frame(CONTINUATION, END_HEADERS, b"end");
    let (head, end) = last.split_at(last.len() - 1);
    frames.received(head, later).unwrap();
    assert_eq!(frames.headers_since(), Some(now));
    frames.received(end, later).unwrap();
    assert_eq!(frames.headers_since(), None);
}
