//! Endpoints that are left out for what they do, and pools of which little is left.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Client;

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

/// An origin that answers with this status.
async fn always(status: u16) -> Origin {
    Origin::start(move |_| async move { response(status, "", &[]) }).await
}

/// An edge before these in turn, which tries nothing twice.
fn turns(origins: &[&Origin], rules: &str) -> (Edge, Client) {
    let addresses: Vec<_> = origins.iter().map(|origin| origin.address).collect();
    let edge = Edge::start(&config(
        &addresses,
        &format!("    balance: round_robin\n    retry: {{tries: 1}}\n    {rules}"),
        ROUTES,
    ));
    let client = edge.client().build().unwrap();
    (edge, client)
}

/// How many requests it got, beside checks.
fn requests(origin: &Origin) -> usize {
    origin.asked().iter().filter(|asked| asked.uri().path() == "/").count()
}

async fn ask(edge: &Edge, client: &Client, times: usize) {
    for _ in 0..times {
        client.get(edge.secure("/")).send().await.unwrap();
    }
}

/// Key: pools.*.eject
/// Key: pools.*.eject.consecutive_errors
#[tokio::test]
async fn so_many_errors_in_a_row_leave_an_endpoint_out() {
    let good = always(200).await;
    for (rule, asked) in [("eject: {consecutive_errors: 3, for: 1m}", 3), ("eject: off", 10)] {
        let bad = always(502).await;
        let (edge, client) = turns(&[&bad, &good], rule);
        ask(&edge, &client, 20).await;
        assert_eq!(bad.asked().len(), asked, "{rule}");
    }
}

#[tokio::test]
async fn neither_a_poisonous_url_nor_overload_empties_a_pool() {
    for status in [500, 503, 429, 404] {
        let (first, second) = (always(status).await, always(status).await);
        let (edge, client) = turns(&[&first, &second], "eject: {consecutive_errors: 2, for: 1m}");
        ask(&edge, &client, 20).await;
        assert_eq!((first.asked().len(), second.asked().len()), (10, 10), "{status}");
    }
}

/// Key: pools.*.eject.for
#[tokio::test]
async fn an_endpoint_comes_back_after_its_time() {
    let well = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&well);
    let bad = Origin::start(move |_| {
        let status = if says.load(Ordering::Relaxed) { 200 } else { 502 };
        async move { response(status, "", &[]) }
    })
    .await;
    let good = always(200).await;
    let (edge, client) = turns(&[&bad, &good], "eject: {consecutive_errors: 2, for: 300ms}");
    ask(&edge, &client, 6).await;
    well.store(true, Ordering::Relaxed);
    let (before, begun) = (bad.asked().len(), Instant::now());
    wait_until("it is asked again", async || {
        ask(&edge, &client, 1).await;
        bad.asked().len() > before
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(8), "not after the default of 10 s");
}

/// Key: pools.*.eject.longest
#[tokio::test]
async fn the_time_grows_to_the_longest_and_no_further() {
    let (bad, good) = (always(502).await, always(200).await);
    let (edge, client) = turns(&[&bad, &good], "eject: {consecutive_errors: 2, for: 300ms, longest: 300ms}");
    let begun = Instant::now();
    // One error is enough from the second time on; growing by 300 ms each time, twelve times would take 20 s.
    wait_until("it was left out twelve times", async || {
        ask(&edge, &client, 2).await;
        bad.asked().len() >= 13
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(18), "{:?}", begun.elapsed());
}

/// Key: pools.*.eject.at_most
#[tokio::test]
async fn no_more_than_a_share_is_left_out() {
    let good = always(200).await;
    for (share, left_out) in [("25%", 1), ("75%", 3)] {
        let bad = [always(502).await, always(502).await, always(502).await];
        let rule = format!("eject: {{consecutive_errors: 2, for: 1m, at_most: {share}}}");
        let (edge, client) = turns(&[&bad[0], &bad[1], &bad[2], &good], &rule);
        ask(&edge, &client, 60).await;
        let out = bad.iter().filter(|bad| bad.asked().len() == 2).count();
        assert_eq!(out, left_out, "{share}");
    }
}

/// Key: pools.*.eject.success_rate
/// Key: pools.*.eject.success_rate.below
/// Key: pools.*.eject.success_rate.requests
/// Key: pools.*.eject.success_rate.window
#[tokio::test]
async fn an_endpoint_that_fails_more_often_than_the_others_is_left_out() {
    let good = always(200).await;
    for (rule, is_left_out) in [
        ("{below: 10%, requests: 10, window: 1s}", true),
        ("{below: 90%, requests: 10, window: 1s}", false),
        ("{below: 10%, requests: 100000, window: 1s}", false),
        ("{below: 10%, requests: 10, window: 1h}", false),
    ] {
        let asked = AtomicUsize::new(0);
        let flaky = Origin::start(move |_| {
            let status = if asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { 500 } else { 200 };
            async move { response(status, "", &[]) }
        })
        .await;
        let rules = format!("eject: {{for: 1m, success_rate: {rule}}}");
        let (edge, client) = turns(&[&flaky, &good], &rules);
        let begun = Instant::now();
        let mut left_out = false;
        while begun.elapsed() < Duration::from_secs(if is_left_out { 15 } else { 3 }) && !left_out {
            let before = flaky.asked().len();
            ask(&edge, &client, 10).await;
            left_out = flaky.asked().len() == before;
        }
        assert_eq!(left_out, is_left_out, "{rule}");
    }
}

/// Key: pools.*.panic_below
#[tokio::test]
async fn with_too_few_left_those_that_check_badly_are_asked_too() {
    let unwell =
        || Origin::start(async |asked| response(if asked.uri().path() == "/healthz" { 500 } else { 200 }, "", &[]));
    let good = always(200).await;
    for (share, asked_too) in [("50%", true), ("10%", false)] {
        let (first, second) = (unwell().await, unwell().await);
        let health = "health: {http: /healthz, interval: 1s, timeout: 1s, down_after: 3}";
        let (edge, client) = turns(&[&first, &second, &good], &format!("{health}\n    panic_below: {share}"));
        for origin in [&first, &second] {
            let down = format!(r#"floodgate_endpoint_up{{endpoint="{}",pool="origin"}} 0"#, origin.address);
            edge.wait_for_metric(&down).await;
        }
        let before = requests(&first) + requests(&second);
        ask(&edge, &client, 12).await;
        let after = requests(&first) + requests(&second);
        assert_eq!(after - before, if asked_too { 8 } else { 0 }, "{share}");
    }
}

/// Key: pools.*.slow_start
#[tokio::test]
async fn an_endpoint_that_comes_back_begins_with_little() {
    let good = always(200).await;
    // A tenth, then half; turns are counted anew whenever the share has grown.
    for (slow_start, share) in [("1h", 1..=25), ("0s", 40..=60)] {
        let well = Arc::new(AtomicBool::new(false));
        let says = Arc::clone(&well);
        let returning = Origin::start(move |asked| {
            let fails = asked.uri().path() == "/healthz" && !says.load(Ordering::Relaxed);
            async move { response(if fails { 500 } else { 200 }, "", &[]) }
        })
        .await;
        let health = "health: {http: /healthz, interval: 1s, timeout: 1s, down_after: 3, up_after: 1}";
        let (edge, client) = turns(&[&returning, &good], &format!("{health}\n    slow_start: {slow_start}"));
        let up = |up| format!(r#"floodgate_endpoint_up{{endpoint="{}",pool="origin"}} {up}"#, returning.address);
        edge.wait_for_metric(&up(0)).await;
        well.store(true, Ordering::Relaxed);
        edge.wait_for_metric(&up(1)).await;
        let before = requests(&returning);
        ask(&edge, &client, 100).await;
        let asked = requests(&returning) - before;
        assert!(share.contains(&asked), "{slow_start}: {asked} of 100");
    }
}

/// Key: pools.*.balance.hash.load
#[tokio::test]
async fn a_hot_key_spreads_when_its_endpoint_has_enough() {
    for (load, most) in [("101%", 4..=5), ("1000%", 8..=8)] {
        let ((first, first_gate), (second, second_gate)) = (Origin::gated("", &[]).await, Origin::gated("", &[]).await);
        let rules = format!("    balance: {{hash: {{by: path, load: {load}}}}}");
        let edge = Edge::start(&config(&[first.address, second.address], &rules, ROUTES));
        let client = edge.client().build().unwrap();
        let asking: Vec<_> = (0..8).map(|_| tokio::spawn(client.get(edge.secure("/hot")).send())).collect();
        let asked = || [first.asked().len(), second.asked().len()];
        wait_until("all are there", async || asked().iter().sum::<usize>() == 8).await;
        let counts = asked();
        assert!(counts.iter().max().is_some_and(|count| most.contains(count)), "{load}: {counts:?}");
        first_gate.open(8);
        second_gate.open(8);
        for answer in asking {
            answer.await.unwrap().unwrap();
        }
    }
}
