//! Endpoints that die, hang and come back.

use std::{
    net::SocketAddr,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    origin::{Origin, response},
    world::{Edge, LONG, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;
const HEALTH: &str = "    health: {http: /healthz, interval: 100ms, timeout: 100ms, down_after: 10, up_after: 2}";

/// Key: pools
/// Key: pools.*.endpoints
/// Key: pools.*.health
#[tokio::test]
async fn a_dead_endpoint_costs_no_client_anything() {
    let (first, second) = (Origin::fixed("first", &[]).await, Origin::fixed("second", &[]).await);
    let dead = first.address;
    let edge = Edge::start(&config(&[first.address, second.address], HEALTH, ROUTES));
    let client = edge.client().build().unwrap();
    drop(first);
    for method in [Method::GET, Method::POST].into_iter().cycle().take(20) {
        let answer = client.request(method, edge.secure("/")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "second");
    }
    edge.wait_for_log("endpoint is down");
    edge.wait_for_metric(&format!(r#"floodgate_endpoint_up{{endpoint="{dead}",pool="origin"}} 0"#)).await;
    edge.wait_for_metric(&format!(r#"floodgate_endpoint_up{{endpoint="{}",pool="origin"}} 1"#, second.address)).await;
}

#[tokio::test]
async fn an_endpoint_comes_back_when_its_checks_pass() {
    let healthy = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let says = std::sync::Arc::clone(&healthy);
    let origin = Origin::start(move |asked| {
        let up = says.load(std::sync::atomic::Ordering::Relaxed);
        let status = if up || asked.uri().path() != "/healthz" { 200 } else { 503 };
        async move { response(status, "served", &[]) }
    })
    .await;
    // It is the only one: by default it would be used nevertheless.
    let pool = format!("{HEALTH}\n    panic_below: 0%");
    let edge = Edge::start(&config(&[origin.address], &pool, ROUTES));
    let client = edge.client().build().unwrap();
    let status = async || client.get(edge.secure("/")).send().await.unwrap().status();
    wait_until("it is down", async || status().await == StatusCode::SERVICE_UNAVAILABLE).await;
    healthy.store(true, std::sync::atomic::Ordering::Relaxed);
    wait_until("it is up", async || status().await == StatusCode::OK).await;
    assert!(edge.log_text().contains("endpoint is up"));
}

/// Key: pools.*.timeouts
/// Key: pools.*.timeouts.read
#[tokio::test]
async fn failures_have_their_own_status() {
    let silent = Origin::start(async |_| {
        tokio::time::sleep(Duration::from_secs(60)).await;
        response(200, "", &[])
    })
    .await;
    let edge = Edge::start(&config(&[silent.address], "    timeouts: {read: 200ms}", ROUTES));
    let client = edge.client().build().unwrap();
    let started = Instant::now();
    let answer = client.get(edge.secure("/")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(started.elapsed() < Duration::from_secs(8), "not after the default of 10 s");

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let edge = Edge::start(&config(&[nobody], "", ROUTES));
    let client = edge.client().build().unwrap();
    let answer = client.get(edge.secure("/")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    edge.wait_for_metric(r#"floodgate_refusals_total{class="core",reason="origin_failed"} 1"#).await;
}

#[tokio::test]
async fn a_stale_answer_instead_of_a_failure_is_no_refusal() {
    let origin = Origin::fixed("kept", &[("cache-control", "max-age=1, stale-if-error=600")]).await;
    let routes = r#"
  - {name: page, match: {path: /page}, pool: origin, class: core, cache: {zone: pages}}
  - {name: other, match: {path: /other}, pool: origin, class: browse}
"#;
    let edge = Edge::start(&config(&[origin.address], "", routes));
    let client = edge.client().build().unwrap();
    let get = async || client.get(edge.secure("/page")).send().await.unwrap();
    get().await;
    drop(origin);
    wait_until("it is served stale", async || {
        let answer = get().await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.headers()["cache-status"].to_str().unwrap().contains("ttl=-")
    })
    .await;
    edge.wait_for_metric(r#"floodgate_cache_requests_total{result="stale",route="page"} 1"#).await;
    edge.wait_for_metric(r#"floodgate_refusals_total{class="core",reason="origin_failed"} 0"#).await;
}

/// Key: pools.*.balance
/// Key: pools.*.endpoints[].address
/// Key: pools.*.endpoints[].weight
#[tokio::test]
async fn weights_share_the_load() {
    let (light, heavy) = (Origin::fixed("", &[]).await, Origin::fixed("", &[]).await);
    let text = config(&[light.address], "    balance: round_robin", ROUTES).replace(
        &format!("[\"{}\"]", light.address),
        &format!("[\"{}\", {{address: \"{}\", weight: 3}}]", light.address, heavy.address),
    );
    let edge = Edge::start(&text);
    let client = edge.client().build().unwrap();
    for _ in 0..40 {
        client.get(edge.secure("/")).send().await.unwrap();
    }
    assert_eq!((light.asked().len(), heavy.asked().len()), (10, 30));
}

/// A pool with other health checks than the rest of these tests have.
fn checked(origin: &Origin, health: &str) -> Edge {
    Edge::start(&config(&[origin.address], &format!("    health: {health}"), ROUTES))
}

/// An origin whose health check number `n`, from 0, succeeds if `healthy` says so.
async fn with_health(healthy: impl Fn(usize) -> bool + Send + Sync + 'static) -> Origin {
    let checks = Arc::new(AtomicUsize::new(0));
    Origin::start(move |asked| {
        let check = asked.uri().path() == "/up";
        let healthy = !check || healthy(checks.fetch_add(1, Ordering::Relaxed));
        async move { response(if healthy { 200 } else { 500 }, "", &[]) }
    })
    .await
}

/// Key: pools.*.health.http
/// Key: pools.*.health.down_after
/// Key: pools.*.health.up_after
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_down_and_up_after_as_many_checks_as_the_pool_says() {
    // Four failures in a row are not five; after the fifth, one success is enough, though a failure follows.
    let origin = with_health(|check| check == 4 || (check > 9 && check % 2 == 0)).await;
    let edge = checked(&origin, "{http: /up, interval: 300ms, timeout: 300ms, down_after: 5, up_after: 1}");
    edge.wait_for_log("endpoint is down");
    let checks = origin.asked().len();
    assert!((10..=12).contains(&checks), "{checks}");
    edge.wait_for_log("endpoint is up");
}

/// Key: pools.*.health.interval
#[tokio::test]
async fn checks_come_as_often_as_the_pool_says() {
    let origin = with_health(|_| true).await;
    let _edge = checked(&origin, "{http: /up, interval: 100ms, timeout: 100ms}");
    wait_until("there were more checks than by default", async || origin.asked().len() > 15).await;
}

/// Key: pools.*.health.timeout
#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_takes_too_long_has_failed() {
    let origin = Origin::start(async |_| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        response(200, "", &[])
    })
    .await;
    let edge = checked(&origin, "{http: /up, interval: 400ms, timeout: 100ms, down_after: 1}");
    edge.wait_for_log("endpoint is down");
}

/// Key: pools.*.timeouts.connect
#[tokio::test]
async fn a_connection_is_waited_for_as_long_as_the_pool_says() {
    // A socket whose queue is full answers no more connections.
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let wait = Duration::from_millis(200);
    let queued: Vec<_> =
        std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&address, wait).ok()).take(64).collect();
    assert!(queued.len() < 64, "the queue never fills here");
    let edge = Edge::start(&config(&[address], "    retry: {tries: 1}\n    timeouts: {connect: 2s}", ROUTES));
    let client = edge.client().build().unwrap();
    let started = Instant::now();
    let answer = client.get(edge.secure("/")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1_900), "not the default of 500 ms, but {took:?}");
}

/// Key: pools.*.timeouts.write
#[tokio::test]
async fn an_origin_that_takes_no_body_is_given_up() {
    // After the write has failed, an answer is still read: an origin may have refused the body.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let deaf = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    let routes = ROUTES.replacen("class: core", "class: core, max_body: 64MiB", 1);
    let edge = Edge::start(&config(&[address], "    timeouts: {write: 200ms, read: 300ms}", &routes));
    let client = edge.client().http1_only().build().unwrap();
    let started = Instant::now();
    let answer = client.post(edge.secure("/")).body(vec![b'x'; 32 << 20]).send().await;
    // The answer may be lost to the reset that the rest of the body causes; the log has it.
    assert!(answer.map_or(true, |answer| answer.status() == StatusCode::GATEWAY_TIMEOUT));
    edge.wait_for_metric(r#"floodgate_refusals_total{class="core",reason="origin_timeout"} 1"#).await;
    assert!(started.elapsed() < Duration::from_secs(8), "not after the default of 10 s");
    deaf.abort();
}

/// Key: pools.*.timeouts.idle
#[tokio::test]
async fn an_idle_connection_to_an_endpoint_is_kept_as_long_as_the_pool_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closed = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(connection.read(&mut request).await.unwrap() > 0);
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        assert_eq!(connection.read(&mut request).await.unwrap(), 0, "the edge sends nothing more");
    });
    let edge = Edge::start(&config(&[address], "    timeouts: {idle: 300ms}", ROUTES));
    let client = edge.client().build().unwrap();
    assert_eq!(client.get(edge.secure("/")).send().await.unwrap().status(), StatusCode::OK);
    tokio::time::timeout(LONG, closed).await.expect("it is closed before the default of 60 s").unwrap();
}
