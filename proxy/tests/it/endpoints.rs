//! Endpoints that die, hang and come back.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;
const HEALTH: &str = "    health: {http: /healthz, interval: 100ms, timeout: 100ms, down_after: 10, up_after: 2}";

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
    let edge = Edge::start(&config(&[origin.address], HEALTH, ROUTES));
    let client = edge.client().build().unwrap();
    let status = async || client.get(edge.secure("/")).send().await.unwrap().status();
    wait_until("it is down", async || status().await == StatusCode::SERVICE_UNAVAILABLE).await;
    healthy.store(true, std::sync::atomic::Ordering::Relaxed);
    wait_until("it is up", async || status().await == StatusCode::OK).await;
    assert!(edge.log_text().contains("endpoint is up"));
}

#[tokio::test]
async fn failures_have_their_own_status() {
    let silent = Origin::start(async |_| {
        tokio::time::sleep(Duration::from_secs(60)).await;
        response(200, "", &[])
    })
    .await;
    let edge = Edge::start(&config(&[silent.address], "    timeouts: {read: 200ms}", ROUTES));
    let client = edge.client().build().unwrap();
    let answer = client.get(edge.secure("/")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);

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
