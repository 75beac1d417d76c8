//! The rules at their edges, with scripted figures.

use super::*;
use crate::measure::{Counted, Failure, Fault, Lap, Measured};

const SLO: Slo = Slo { errors: Share(0.001), response_p99: Span(Duration::from_millis(500)) };
const IDLE: Share = Share(0.1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// `sent` requests that left `late` and were answered after `response`.
fn run(sent: u64, late: Duration, response: Duration) -> Measured {
    let mut measured = Measured::new(1);
    for _ in 0..sent {
        measured.planned(0);
        measured.sent(0, Some(late));
        measured.answered(0, Counted { status: 200, body_bytes: 0, cache_hit: None });
        measured.succeeded(0, Lap { service: response, response });
    }
    measured
}

fn verdict(measured: &Measured, cpu: Share) -> Verdict {
    conducted(measured, Conduct { interrupted: false, cpu })
}

fn conducted(measured: &Measured, conduct: Conduct) -> Verdict {
    judge(SLO, &[("page", &measured.interactions[0])], &measured.total(), conduct)
}

fn fail(measured: &mut Measured, count: usize, failure: Failure) {
    for _ in 0..count {
        measured.planned(0);
        measured.failed(0, &Fault::new(failure, ""), None);
    }
}

#[test]
fn a_good_run_is_met() {
    let verdict = verdict(&run(1000, Duration::from_micros(100), ms(499)), IDLE);
    assert_eq!((verdict.name(), verdict.exit_code(), verdict.reasons().len()), ("met", 0, 0));
}

#[test]
fn a_run_that_tried_nothing_is_void() {
    let void = verdict(&Measured::new(1), IDLE);
    assert_eq!((&void, void.exit_code()), (&Verdict::Void(vec![Limit::Empty]), 2));
}

#[test]
fn a_run_that_was_ended_early_is_void_however_good_or_bad_it_was() {
    for response in [ms(1), ms(600)] {
        let run = run(1000, Duration::ZERO, response);
        let void = conducted(&run, Conduct { interrupted: true, cpu: IDLE });
        assert_eq!((&void, void.exit_code()), (&Verdict::Void(vec![Limit::Interrupted]), 2));
    }
}

#[test]
fn slow_answers_miss_and_the_reason_names_the_interaction() {
    let verdict = verdict(&run(1000, Duration::ZERO, ms(600)), IDLE);
    assert_eq!(verdict.exit_code(), 1);
    assert!(verdict.reasons()[0].starts_with("page: p99 response 600."), "{:?}", verdict.reasons());
}

#[test]
fn one_error_in_a_thousand_is_allowed_and_two_are_not() {
    let mut measured = run(999, Duration::ZERO, ms(1));
    let refused = |measured: &mut Measured| {
        measured.sent(0, Some(Duration::ZERO));
        fail(measured, 1, Failure::Status(503));
    };
    refused(&mut measured);
    assert_eq!(verdict(&measured, IDLE), Verdict::Met);
    refused(&mut measured);
    let expected = Miss::Errors { failed: 2, planned: 1001, allowed: SLO.errors };
    assert_eq!(verdict(&measured, IDLE), Verdict::Missed(vec![expected]));
}

#[test]
fn an_interaction_that_was_never_answered_is_not_fast() {
    let mut measured = Measured::new(1);
    measured.sent(0, Some(Duration::ZERO));
    fail(&mut measured, 1, Failure::Connect);
    let Verdict::Missed(misses) = verdict(&measured, IDLE) else { panic!("not missed") };
    assert!(misses.contains(&Miss::Unanswered { interaction: "page".to_owned(), planned: 1 }), "{misses:?}");
}

#[test]
fn a_late_generator_voids_the_run() {
    // p99 of the response is 10 ms, 5 % of it 0.5 ms: the floor of 1 ms holds.
    assert_eq!(verdict(&run(100, ms(1), ms(10)), IDLE), Verdict::Met);
    let void = verdict(&run(100, Duration::from_micros(1100), ms(10)), IDLE);
    assert!(matches!(&void, Verdict::Void(limits) if matches!(limits[..], [Limit::Late { .. }])), "{void:?}");
    // 5 % of 400 ms is 20 ms.
    assert_eq!(verdict(&run(100, ms(19), ms(400)), IDLE), Verdict::Met);
    assert_eq!(verdict(&run(100, ms(21), ms(400)), IDLE).name(), "void");
}

#[test]
fn one_late_request_in_two_hundred_is_no_matter() {
    let mut measured = run(199, Duration::ZERO, ms(10));
    measured.planned(0);
    measured.sent(0, Some(ms(50)));
    assert_eq!(verdict(&measured, IDLE), Verdict::Met);
}

#[test]
fn requests_that_were_not_sent_void_the_run() {
    let mut measured = run(995, Duration::ZERO, ms(1));
    fail(&mut measured, 5, Failure::Unsent);
    assert_eq!(verdict(&measured, IDLE).name(), "missed", "99.5 % were sent: the failures count, the run stands");
    fail(&mut measured, 1, Failure::Unsent);
    let void = verdict(&measured, IDLE);
    assert_eq!(void, Verdict::Void(vec![Limit::Unsent { sent: 995, planned: 1001, invalid: 0 }]));
    let reason = &void.reasons()[0];
    assert!(reason.starts_with("only 995 of 1001 requests left: 6 came while too many were under way"), "{reason}");
}

#[test]
fn invalid_requests_are_not_blamed_on_the_bound_of_connections() {
    let mut measured = run(90, Duration::ZERO, ms(1));
    fail(&mut measured, 10, Failure::Request);
    let reasons = verdict(&measured, IDLE).reasons();
    assert_eq!(
        reasons,
        ["only 90 of 100 requests left: 10 were not valid; hint: the scenario, and the values it found"]
    );
    fail(&mut measured, 5, Failure::Unsent);
    let reason = &verdict(&measured, IDLE).reasons()[0];
    assert!(reason.contains("10 were not valid") && reason.contains("5 came while too many"), "{reason}");
}

/// All requests but one follow an answer at once: they do not hide that the one, when its visitor arrived, was late.
#[test]
fn requests_that_follow_an_answer_say_nothing_of_punctuality() {
    let mut measured = run(1, ms(50), ms(10));
    for _ in 0..999 {
        measured.planned(0);
        measured.sent(0, None);
        measured.succeeded(0, Lap { service: ms(10), response: ms(10) });
    }
    assert_eq!(verdict(&measured, IDLE).name(), "void");
}

#[test]
fn a_busy_generator_voids_the_run_and_says_nothing_of_the_target() {
    let slow = run(100, Duration::ZERO, ms(600));
    assert_eq!(verdict(&slow, Share(0.60)).name(), "missed");
    let void = verdict(&slow, Share(0.61));
    assert_eq!(void, Verdict::Void(vec![Limit::Cpu { used: Share(0.61) }]));
    assert_eq!(void.exit_code(), 2);
}
