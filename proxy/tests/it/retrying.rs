//! What is tried once more, how often in all, and how long a request may take.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use reqwest::Client;

use crate::{
    origin::{Origin, response},
    wire::RawOrigin,
    world::{Edge, LONG, config},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An origin that closes each connection as soon as it is asked something.
async fn breaking() -> RawOrigin {
    RawOrigin::start(async |mut wire| {
        wire.next_head().await;
    })
    .await
}

/// An origin that never answers.
async fn silent() -> RawOrigin {
    RawOrigin::start(async |mut wire| {
        wire.next_head().await;
        std::future::pending().await
    })
    .await
}

async fn statuses(client: &Client, edge: &Edge, method: Method, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(client.request(method.clone(), edge.secure("/")).send().await.unwrap().status().as_u16());
    }
    statuses
}

/// An edge before `bad` and a good origin in turn.
fn turns(bad: SocketAddr, good: &Origin, retry: &str) -> Edge {
    let rules = format!("    balance: round_robin\n    eject: off\n    retry: {retry}");
    Edge::start(&config(&[bad, good.address], &rules, ROUTES))
}

/// Key: pools.*.retry
/// Key: pools.*.retry.tries
#[tokio::test]
async fn a_request_is_tried_as_often_as_the_pool_says() {
    let origin = Origin::fixed("served", &[]).await;
    let endpoints = [nobody(), nobody(), origin.address];
    for (tries, refused) in [(3, false), (1, true)] {
        let rules = format!("    balance: round_robin\n    eject: off\n    retry: {{tries: {tries}, budget: 100%}}");
        let edge = Edge::start(&config(&endpoints, &rules, ROUTES));
        let statuses = statuses(&edge.client().build().unwrap(), &edge, Method::GET, 9).await;
        assert_eq!(statuses.contains(&502), refused, "{tries} tries: {statuses:?}");
    }
}

/// Key: pools.*.retry.on
#[tokio::test]
async fn only_what_the_pool_names_is_tried_again() {
    let good = Origin::fixed("", &[]).await;
    let failing = Origin::start(async |_| response(500, "", &[])).await;
    let (breaking, silent) = (breaking().await, silent().await);
    let wait = "timeouts: {first_byte: 200ms}";
    for (bad, on, status) in [
        (nobody(), "connect", 502),
        (breaking.address, "broken", 502),
        (silent.address, "timeout", 504),
        (failing.address, "500", 500),
    ] {
        for named in [true, false] {
            let on = if named { on } else { "504" };
            let edge = turns(bad, &good, &format!("{{on: [{on}], budget: 100%}}\n    {wait}"));
            let statuses = statuses(&edge.client().build().unwrap(), &edge, Method::GET, 4).await;
            let failed = statuses.iter().filter(|failed| **failed == status).count();
            assert_eq!(failed, if named { 0 } else { 2 }, "{on}: {statuses:?}");
        }
    }
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_not_done_again() {
    let good = Origin::fixed("", &[]).await;
    let breaking = breaking().await;
    let failing = Origin::start(async |_| response(502, "", &[])).await;
    let all = "{on: [connect, broken, timeout, 502], budget: 100%}";
    for (bad, method, failed) in [
        (nobody(), Method::POST, 0),
        (breaking.address, Method::POST, 2),
        (failing.address, Method::PATCH, 2),
        (breaking.address, Method::PUT, 0),
        (failing.address, Method::DELETE, 0),
    ] {
        let edge = turns(bad, &good, all);
        let statuses = statuses(&edge.client().build().unwrap(), &edge, method.clone(), 4).await;
        assert_eq!(statuses.iter().filter(|status| **status == 502).count(), failed, "{method}: {statuses:?}");
        if failed > 0 {
            edge.wait_for_metric(r#"floodgate_upstream_retries_withheld_total{pool="origin",reason="unsafe"} 2"#).await;
        }
    }
}

#[tokio::test]
async fn a_refusal_for_overload_is_passed_on_as_it_is() {
    for status in [503, 429] {
        let full = Origin::start(move |_| async move { response(status, "", &[("retry-after", "7")]) }).await;
        let good = Origin::fixed("", &[]).await;
        let edge = turns(full.address, &good, "{tries: 5, budget: 100%}");
        let client = edge.client().build().unwrap();
        let mut passed_on = 0;
        for _ in 0..4 {
            let answer = client.get(edge.secure("/")).send().await.unwrap();
            passed_on += usize::from(answer.status() == status && answer.headers()["retry-after"] == "7");
        }
        assert_eq!((passed_on, full.asked().len(), good.asked().len()), (2, 2, 2));
    }
}

/// Key: pools.*.retry.budget
#[tokio::test]
async fn a_pool_that_fails_gets_few_requests_twice() {
    let failing = Origin::start(async |_| response(502, "", &[])).await;
    for (budget, least, most) in [("20%", 28, 30), ("1%", 10, 11)] {
        let before = failing.asked().len();
        let rules = format!("    retry: {{tries: 5, budget: {budget}}}");
        let edge = Edge::start(&config(&[failing.address], &rules, ROUTES));
        let statuses = statuses(&edge.client().build().unwrap(), &edge, Method::GET, 100).await;
        assert!(statuses.iter().all(|status| *status == 502));
        let twice = failing.asked().len() - before - 100;
        // Ten are saved up at first, and no more can be.
        assert!((least..=most).contains(&twice), "{budget}: {twice}");
        let counted = format!(r#"floodgate_upstream_retries_total{{pool="origin",reason="status"}} {twice}"#);
        edge.wait_for_metric(&counted).await;
    }
}

/// Key: pools.*.timeouts.first_byte
/// Key: pools.*.timeouts.header
#[tokio::test]
async fn a_header_that_drips_has_an_end() {
    let dripping = RawOrigin::start(async |mut wire| {
        wire.next_head().await;
        wire.send("HTTP/1.1 200 OK\r\nX: ").await;
        while wire.try_send("x").await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let silent = silent().await;
    for (origin, limits, least) in [
        (silent.address, "first_byte: 300ms, header: 9s", 300),
        (dripping.address, "first_byte: 300ms, header: 1200ms", 1_200),
    ] {
        let rules = format!("    timeouts: {{{limits}}}\n    retry: {{tries: 1}}");
        let edge = Edge::start(&config(&[origin], &rules, ROUTES));
        let begun = Instant::now();
        let answer = edge.client().build().unwrap().get(edge.secure("/")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(least) && took < Duration::from_secs(8), "{took:?}");
        edge.wait_for_access("origin_timeout").await;
    }
}

/// Key: routes[].deadline
#[tokio::test]
async fn all_tries_together_have_the_time_of_the_route() {
    let (first, second) = (silent().await, silent().await);
    let routes = ROUTES.replacen("class: core", "class: core, deadline: 1500ms", 1);
    let rules = "    retry: {tries: 5, on: [timeout], budget: 100%}\n    timeouts: {first_byte: 1s}";
    let edge = Edge::start(&config(&[first.address, second.address], rules, &routes));
    let begun = Instant::now();
    let answer = edge.client().build().unwrap().get(edge.secure("/")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(1_490), "{took:?}");
    let line = edge.wait_for_access("deadline").await;
    assert!(line.contains(r#""tries":2"#), "{line}");
}

#[tokio::test]
async fn what_is_left_of_the_time_goes_along() {
    let origin = Origin::fixed("", &[]).await;
    let text = config(&[origin.address], "", &ROUTES.replacen("class: core", "class: core, deadline: 9s", 1));
    let stranger = Edge::start(&text);
    let known = Edge::start(&text.replace("classes:", "trusted_proxies: [\"127.0.0.0/8\"]\nclasses:"));
    for (edge, said, most) in [(&stranger, "1000", 9_000), (&known, "1000", 1_000), (&known, "60000", 9_000)] {
        let request = edge.client().build().unwrap().get(edge.secure("/")).header("x-request-deadline-ms", said);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        let asked = origin.asked().pop().unwrap();
        let told: Vec<_> = asked.headers().get_all("x-request-deadline-ms").iter().collect();
        let left: u64 = told[0].to_str().unwrap().parse().unwrap();
        assert!(told.len() == 1 && left <= most && left > most / 2, "{said}: {told:?}");
    }
}

#[tokio::test]
async fn a_failed_try_makes_room_for_the_next() {
    let breaking = breaking().await;
    let text = config(&[breaking.address], "    limit: {headroom: 0%}", ROUTES);
    let only = format!("[\"{}\"]", breaking.address);
    let one = format!("[{{address: \"{}\", max_in_flight: 1}}]", breaking.address);
    let edge = Edge::start(&text.replace(&only, &one));
    assert_eq!(statuses(&edge.client().build().unwrap(), &edge, Method::GET, 3).await, [502; 3]);
    edge.wait_for_metric(r#"floodgate_upstream_retries_total{pool="origin",reason="broken"} 3"#).await;
}

/// Or anybody could have it left out.
#[tokio::test]
async fn a_client_that_pauses_its_upload_is_not_the_endpoints_fault() {
    let (first, second) = (Origin::fixed("", &[]).await, Origin::fixed("", &[]).await);
    let rules = "    balance: round_robin\n    eject: {consecutive_errors: 1, for: 1m}\n    timeouts: {read: 100ms}";
    let edge = Edge::start(&config(&[first.address, second.address], rules, ROUTES));
    for _ in 0..4 {
        let mut wire = crate::wire::Wire::connect(edge.address("plain")).await;
        wire.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbo").await;
        let head = tokio::time::timeout(LONG, wire.head()).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 504"), "{head}");
    }
    let client = edge.client().build().unwrap();
    for _ in 0..4 {
        assert_eq!(client.get(edge.secure("/")).send().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!((first.asked().len(), second.asked().len()), (4, 4), "both are asked");
}

#[tokio::test]
async fn an_upload_may_take_longer_than_the_deadline() {
    let origin = Origin::fixed("taken", &[]).await;
    let routes = ROUTES.replacen("class: core", "class: core, deadline: 400ms", 1);
    let edge = Edge::start(&config(&[origin.address], "", &routes));
    let mut wire = crate::wire::Wire::connect(edge.address("plain")).await;
    wire.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n").await;
    for byte in ["b", "o", "d", "y"] {
        tokio::time::sleep(Duration::from_millis(200)).await;
        wire.send(byte).await;
    }
    let head = tokio::time::timeout(LONG, wire.head()).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}
