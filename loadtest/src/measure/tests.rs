//! Counting and merging, checked with known numbers.

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn lap(ms: u64) -> Lap {
    Lap { service: Duration::from_millis(ms), response: Duration::from_millis(ms) }
}

fn near(time: Duration, expected: Duration) -> bool {
    (time.as_secs_f64() / expected.as_secs_f64() - 1.0).abs() < 0.002
}

/// 99 fast requests beside 1 slow one, and 1 fast one beside 99 slow ones: the merged median lies between the two
/// halves, and p99 is slow; the average of the two p99s or medians would be neither.
#[test]
fn percentiles_come_from_merged_histograms() {
    let mut measured = Measured::new(2);
    for n in 0..100 {
        measured.succeeded(0, lap(if n < 99 { 1 } else { 1000 }));
        measured.succeeded(1, lap(if n < 1 { 1 } else { 1000 }));
    }
    let total = measured.total();
    assert_eq!(total.response.count(), 200);
    assert!(near(total.response.at(0.5), ms(1)), "{:?}", total.response.at(0.5));
    assert!(near(total.response.at(0.501), ms(1000)));
    assert!(near(measured.interactions[0].response.at(0.99), ms(1)));
    assert!(near(total.response.at(0.99), ms(1000)));
}

#[test]
fn merging_equals_measuring_at_one_place() {
    let mut parts = [Times::new(), Times::new()];
    let mut whole = Times::new();
    for micros in (1..200_000).step_by(7) {
        let time = Duration::from_micros(micros * micros % 1_000_003);
        parts[(micros % 2) as usize].record(time);
        whole.record(time);
    }
    let [mut merged, other] = parts;
    merged.add(&other);
    assert_eq!(merged.0, whole.0);
}

#[test]
fn counts_of_interactions_add_up() {
    let mut measured = Measured::new(2);
    for interaction in [0, 1, 1] {
        measured.planned(interaction);
    }
    measured.sent(0, None);
    measured.sent(1, Some(Duration::from_micros(10)));
    measured.answered(0, Counted { status: 200, body_bytes: 10, cache_hit: Some(true) });
    measured.succeeded(0, lap(1));
    measured.answered(1, Counted { status: 503, body_bytes: 5, cache_hit: None });
    measured.failed(1, &Fault::new(Failure::Status(503), "first"), Some(lap(1)));
    measured.failed(1, &Fault::new(Failure::Unsent, ""), None);
    let total = measured.total();
    assert_eq!((total.planned, total.sent, total.answered, total.failed()), (3, 2, 2, 2));
    assert_eq!((total.cache_told, total.cache_hits, total.body_bytes), (1, 1, 15));
    assert_eq!(total.statuses, BTreeMap::from([(200, 1), (503, 1)]));
    assert_eq!(total.failures[&Failure::Status(503)], Tally { count: 1, first: "first".to_owned() });
    assert_eq!(total.late.count(), 1, "of the one that was due at a time of its own");
}

#[test]
fn a_quick_error_does_not_flatter_and_a_timeout_does_not_vanish() {
    let mut measured = Measured::new(1);
    measured.succeeded(0, lap(100));
    measured.failed(0, &Fault::new(Failure::Connect, ""), Some(lap(1)));
    measured.failed(0, &Fault::new(Failure::Timeout, ""), Some(lap(10_000)));
    let response = &measured.interactions[0].response;
    assert_eq!(response.count(), 2);
    assert!(near(response.max(), ms(10_000)));
    assert!(near(response.at(0.01), ms(100)));
}

#[test]
fn an_interval_starts_anew_when_it_is_taken() {
    let mut measured = Measured::new(1);
    measured.planned(0);
    measured.sent(0, Some(Duration::ZERO));
    measured.succeeded(0, lap(3));
    let first = measured.take_interval();
    assert_eq!((first.planned, first.sent, first.response.count()), (1, 1, 1));
    assert_eq!(measured.take_interval().response.count(), 0);
    assert_eq!(measured.total().response.count(), 1);
}
