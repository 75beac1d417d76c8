//! Interim answers (1xx), `Expect: 100-continue`, and what follows on the connection.

use crate::{
    wire::{RawOrigin, Wire},
    world::{Edge, LONG, config},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - name: kept
    match: {path: /kept/**, method: [GET, HEAD]}
    pool: origin
    class: browse
    cache: {zone: pages, default_ttl: 1m}
"#;

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n";

/// The status lines of what comes up to the end of `body`.
async fn statuses(client: &mut Wire, body: &str) -> Vec<String> {
    let answer = client.until(body).await;
    answer.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).map(|line| line[..3].to_owned()).collect()
}

#[tokio::test]
async fn interim_answers_come_through_once_even_in_one_read_with_the_answer_and_where_it_is_cached() {
    const ANSWER: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
        HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let origin = RawOrigin::answering(ANSWER).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let mut client = Wire::connect(edge.address("plain")).await;
    for n in 0..100 {
        for path in ["other", "kept"] {
            client.send(format!("GET /{path}/{n} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            assert_eq!(statuses(&mut client, "hello").await, ["103", "102", "103", "200"], "/{path}/{n}");
        }
    }
    // What is kept is the answer alone.
    client.send("GET /kept/0 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&mut client, "hello").await, ["200"]);
    let mut old = Wire::connect(edge.address("plain")).await;
    old.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    let answer = old.rest().await;
    assert!(answer.ends_with("hello") && !answer.contains(" 103 "), "RFC 9110 s15.2: {answer}");
    edge.wait_for_metric(r#"floodgate_upstream_tries_total{endpoint="ENDPOINT",pool="origin",result="ok"} 201"#.replace("ENDPOINT", &origin.address.to_string()).as_str()).await;
}

#[tokio::test]
async fn hints_arrive_before_the_answer_does() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let wait = std::sync::Arc::clone(&go);
    let origin = RawOrigin::start(move |mut wire| {
        let wait = std::sync::Arc::clone(&wait);
        async move {
            wire.head().await;
            wire.send(HINTS).await;
            wait.notified().await;
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let mut client = Wire::connect(edge.address("plain")).await;
    client.send("GET /kept/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let hints = client.head().await.to_lowercase();
    assert!(hints.starts_with("http/1.1 103 ") && hints.contains("link: </a.css>; rel=preload"), "{hints}");
    assert!(!hints.contains("x-hop"), "what belongs to the origin's connection stays there: {hints}");
    go.notify_one();
    assert_eq!(statuses(&mut client, "ok").await, ["200"]);
}

#[tokio::test]
async fn after_a_hint_alone_another_server_is_tried_and_else_the_client_is_told() {
    // On a connection that was used before, the origin may just have been closing it: that is tried again.
    let broken = RawOrigin::start(async |mut wire: Wire| {
        wire.next_head().await;
        wire.try_send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        if wire.next_head().await {
            wire.try_send(HINTS).await;
        }
    })
    .await;
    let good = RawOrigin::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let pool = "    balance: round_robin\n    retry: {tries: 2}";
    let edge = Edge::start(&config(&[broken.address, good.address], pool, ROUTES));
    let mut client = Wire::connect(edge.address("plain")).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        seen.push(statuses(&mut client, "ok").await.join(" "));
    }
    assert_eq!(seen, ["200", "200", "103 200", "200"]);
    let alone = Edge::start(&config(&[broken.address], "    retry: {tries: 1}", ROUTES));
    let mut client = Wire::connect(alone.address("plain")).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&mut client, "ok").await, ["200"]);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(answer.contains("HTTP/1.1 103 ") && answer.contains("HTTP/1.1 502 "), "{answer}");
    alone.wait_for_metric(r#"floodgate_refusals_total{class="core",reason="origin_failed"} 1"#).await;
    alone.wait_for_access(r#""status":502"#).await;
}

const UPLOAD: &str = "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

#[tokio::test]
async fn a_client_that_waits_to_be_told_to_continue_is_told_by_the_origin() {
    let origin = RawOrigin::start(async |mut wire: Wire| {
        while wire.next_head().await {
            wire.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            assert_eq!(wire.exactly(5).await, b"hello");
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let mut client = Wire::connect(edge.address("plain")).await;
    for _ in 0..3 {
        client.send(UPLOAD).await;
        assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello").await;
        assert_eq!(statuses(&mut client, "ok").await, ["200"], "once, and the connection serves on");
    }
}

#[tokio::test]
async fn an_origin_that_never_says_continue_still_gets_the_body_that_comes() {
    let origin = RawOrigin::start(async |mut wire: Wire| {
        while wire.next_head().await {
            assert_eq!(wire.exactly(5).await, b"hello");
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let mut client = Wire::connect(edge.address("plain")).await;
    for _ in 0..2 {
        client.send(UPLOAD).await;
        client.send("hello").await;
        assert_eq!(statuses(&mut client, "ok").await, ["200"]);
    }
}

#[tokio::test]
async fn a_body_that_the_origin_does_not_want_is_never_taken_for_a_request() {
    for refusal in ["417 Expectation Failed", "413 Content Too Large"] {
        let origin = RawOrigin::start(move |mut wire: Wire| async move {
            while wire.next_head().await {
                wire.send(format!("HTTP/1.1 {refusal}\r\nContent-Length: 2\r\n\r\nno")).await;
            }
        })
        .await;
        let edge = Edge::start(&config(&[origin.address], "", ROUTES));
        let mut client = Wire::connect(edge.address("plain")).await;
        client.send(UPLOAD).await;
        let answer = client.until("no").await.to_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {}", refusal.to_lowercase())), "{answer}");
        assert!(answer.contains("connection: close"), "the rest of the body may come or not: {answer}");
        // A client that goes on with a request rather than with the body is not answered as if it had sent the body.
        client.try_send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let started = std::time::Instant::now();
        assert_eq!(client.rest().await, "", "the connection is closed");
        assert!(started.elapsed() < LONG / 2, "and soon");
    }
}
