//! Servers whose response times are known beforehand: does the generator measure them?
//!
//! The lower bounds are what a generator that waits for answers could not reach, and a busy machine only raises what is
//! measured. The upper bounds are wide, for machines that are busy with something else.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::program::{Program, one_page};
use crate::server::{Server, ok};

/// A server that stands still for the first 100 ms of every second, and otherwise answers at once.
///
/// Of visitors who come at any time, one in ten meets the stall and waits for what is left of it, evenly spread between
/// 0 and 100 ms. So 5 % wait longer than 50 ms and 1 % longer than 90 ms: p95 = 50 ms, p99 = 90 ms, and the median does
/// not notice. (The same stall of 1 s in 10 s gives 0.5 s and 0.9 s; this one fits into a test.)
///
/// A closed loop with one connection and answers of about 1 ms sends one request into each stall and about 900 beside
/// it: 0.1 % of its requests are slow, and it reports p95 = p99 = 1 ms. The lower bounds here refuse that by a factor
/// of more than thirty.
#[tokio::test(flavor = "multi_thread")]
async fn a_stall_is_felt_by_everybody_who_would_have_come_meanwhile() {
    let epoch = Instant::now();
    let server = Server::start(move |_| async move {
        let into_second = Duration::from_nanos(u64::from(epoch.elapsed().subsec_nanos()));
        if let Some(left) = Duration::from_millis(100).checked_sub(into_second) {
            sleep_until(Instant::now() + left).await;
        }
        ok("ok")
    })
    .await;
    let run = Program::run(&server.url(), &one_page("5s"), "200", "5s").finish_alone().await;
    assert_eq!(run.number("/total/planned"), 1000.0, "{}", run.stdout);
    assert_eq!(run.number("/total/failed"), 0.0, "{}", run.stdout);
    let at = |quantile: &str| run.number(&format!("/total/response_ms/{quantile}"));
    assert!(at("p50") < 250.0, "{}", run.stdout);
    assert!((35.0..500.0).contains(&at("p95")), "{}", run.stdout);
    assert!((80.0..1000.0).contains(&at("p99")), "{}", run.stdout);
}

/// Every answer takes 150 ms, and 100 visitors come per second: a driver that waited for answers could send 7 per
/// second over one connection. Little's law: 15 requests are under way at a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_target_does_not_slow_the_arrivals() {
    let server = Server::start(|_| async {
        sleep(Duration::from_millis(150)).await;
        ok("ok")
    })
    .await;
    let run = Program::run(&server.url(), &one_page("5s"), "100", "2s").finish_alone().await;
    assert_eq!(run.number("/total/answered"), 200.0, "{}", run.stdout);
    assert!(run.number("/total/response_ms/p50") >= 149.0, "{}", run.stdout);
    assert!(run.number("/generator/in_flight_peak") >= 10.0, "{}", run.stdout);
}

/// Over the objective of 500 ms, within the timeout: nothing failed, and yet the target did.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_over_its_objective_is_missed() {
    let server = Server::start(|_| async {
        sleep(Duration::from_millis(600)).await;
        ok("ok")
    })
    .await;
    let run = Program::run(&server.url(), &one_page("5s"), "20", "1s").finish_alone().await;
    assert_eq!((run.number("/total/answered"), run.number("/total/failed")), (20.0, 0.0), "{}", run.stdout);
    assert!(run.number("/total/response_ms/p99") >= 599.0, "{}", run.stdout);
    run.assert_missed_or_void();
    if run.code == 1 {
        assert!(run.report["reasons"][0].as_str().unwrap().starts_with("page: p99 response"), "{}", run.report);
    }
}
