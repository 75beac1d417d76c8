//! Health checks: what is asked, when, and what follows.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use http::StatusCode;
use tokio::net::TcpListener;

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

/// Key: pools.*.health.host
#[tokio::test]
async fn a_check_asks_for_the_host_that_the_pool_says() {
    let origin = Origin::fixed("", &[]).await;
    let health = "    health: {http: /up, interval: 100ms, host: shop.internal}";
    let _edge = Edge::start(&config(&[origin.address], health, ROUTES));
    wait_until("it is checked", async || !origin.asked().is_empty()).await;
    assert_eq!(origin.asked()[0].headers()["host"], "shop.internal");
}

/// Key: pools.*.health.tcp
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_no_http_is_checked_by_connecting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let health = "    health: {tcp: true, interval: 100ms, down_after: 3, up_after: 1}\n    slow_start: 0s";
    let edge = Edge::start(&config(&[address], health, ROUTES));
    for _ in 0..8 {
        let (connection, _) = listener.accept().await.unwrap();
        let mut nothing = [0];
        connection.readable().await.unwrap();
        assert!(matches!(connection.try_read(&mut nothing), Ok(0) | Err(_)), "nothing is sent");
    }
    let state =
        |state: &str| format!(r#"floodgate_endpoint_state{{endpoint="{address}",pool="origin",state="{state}"}} 1"#);
    edge.wait_for_metric(&state("up")).await;
    drop(listener);
    edge.wait_for_metric(&state("unreachable")).await;
    edge.wait_for_metric(&format!(r#"floodgate_endpoint_up{{endpoint="{address}",pool="origin"}} 0"#)).await;
    edge.wait_for_log("endpoint is down");
    let _back = TcpListener::bind(address).await.unwrap();
    edge.wait_for_metric(&state("up")).await;
}

/// Key: pools.*.health.jitter
#[tokio::test]
async fn checks_are_as_irregular_as_the_pool_says() {
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let noted = Arc::clone(&times);
    let origin = Origin::start(move |_| {
        noted.lock().unwrap().push(Instant::now());
        async { response(200, "", &[]) }
    })
    .await;
    let health = "    health: {http: /healthz, interval: 600ms, jitter: 50%}";
    let _edge = Edge::start(&config(&[origin.address], health, ROUTES));
    // By the default of 10 % no two would be less than 540 ms apart.
    wait_until("two checks in quick succession", async || {
        let times = times.lock().unwrap();
        times.windows(2).any(|pair| pair[1] - pair[0] < Duration::from_millis(430))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_answer_badly_are_used_when_all_do_and_those_that_are_gone_are_not() {
    let bad = Origin::start(async |asked| {
        let status = if asked.uri().path() == "/up" { 500 } else { 200 };
        response(status, "served", &[])
    })
    .await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let pool = "    health: {http: /up, interval: 100ms, down_after: 2}\n    balance: round_robin\n    retry: {tries: 1}\n    eject: off";
    let edge = Edge::start(&config(&[bad.address, nobody], pool, ROUTES));
    let state = |address, state: &str| {
        format!(r#"floodgate_endpoint_state{{endpoint="{address}",pool="origin",state="{state}"}} 1"#)
    };
    edge.wait_for_metric(&state(nobody, "unreachable")).await;
    edge.wait_for_metric(&state(bad.address, "panic")).await;
    edge.wait_for_metric(r#"floodgate_pool_panic{pool="origin"} 1"#).await;
    let client = edge.client().build().unwrap();
    for _ in 0..6 {
        let answer = client.get(edge.secure("/")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "none goes where nobody is");
    }
}
