//! HTTP/1 on one connection: how long it may take, how often it may ask, and in what order it is answered.

use std::{fmt::Write as _, time::Instant};

use crate::{
    origin::Origin,
    recording::{Client, RawOrigin, ask, status},
    world::{Edge, LONG, config},
};

const ROUTES: &str = "  - {name: all, match: {path: /**}, pool: origin, class: core}\n  - {name: unused, match: {path: /unused}, pool: origin, class: browse}";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// An edge whose plain listener has these keys as well.
fn edge(origin: std::net::SocketAddr, keys: &str) -> Edge {
    Edge::start(&config(&[origin], "", ROUTES).replace("max_header: 16KiB", &format!("max_header: 16KiB, {keys}")))
}

/// Key: listeners.*.header_timeout
#[tokio::test]
async fn a_header_must_arrive_in_time_and_as_a_whole() {
    let origin = RawOrigin::start(&[OK]).await;
    let edge = edge(origin.address, "header_timeout: 300ms");
    let start = Instant::now();
    let nothing = ask(edge.address("plain"), "").await;
    assert_eq!(nothing.as_deref(), Ok(""), "a connection without a request has no answer");
    let part = ask(edge.address("plain"), "GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    assert_eq!(status(&part), Some(408), "{part}");
    // A byte now and then buys no time.
    let mut slow = Client::connect(edge.address("plain")).await;
    let mut sent = 0;
    let end = loop {
        slow.send(&GET[sent..=sent]).await;
        sent += 1;
        if let Some(end) = slow.read_for(std::time::Duration::from_millis(100)).await {
            break end;
        }
        assert!(sent + 1 < GET.len(), "it was let go on");
    };
    assert_eq!(status(&end), Some(408), "{end}");
    assert!(start.elapsed() < LONG);
    // The next request of a connection may be waited for longer than that, but not its header.
    let mut kept = Client::connect(edge.address("plain")).await;
    for _ in 0..2 {
        kept.send(GET).await;
        kept.read_until(|answer| answer.ends_with("\r\n\r\nok")).await;
        assert_eq!(kept.read_for(std::time::Duration::from_millis(500)).await, None, "idle, and open");
    }
    kept.send("GET / HT").await;
    let late = kept.read_to_end().await.unwrap();
    assert_eq!(status(&late), Some(408), "{late}");
    let line = r#"floodgate_refusals_total{class="-",reason="header_timeout"} 3"#;
    edge.wait_for_metric(line).await;
    edge.wait_for_metric(r#"floodgate_connections_closed_total{listener="plain",reason="no_request"} 1"#).await;
    let log = || std::fs::read_to_string(edge.folder().join("access.log")).unwrap();
    crate::world::wait_until("the log has it", async || log().contains(r#""refusal":"header_timeout""#)).await;
}

/// Key: listeners.*.max_headers
#[tokio::test]
async fn a_request_has_no_more_fields_than_allowed() {
    let origin = RawOrigin::start(&[OK]).await;
    let edge = edge(origin.address, "max_headers: 3");
    for (fields, expected) in [(2, 200), (3, 431)] {
        let request = format!("GET / HTTP/1.0\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(fields));
        let answer = ask(edge.address("plain"), request).await.unwrap();
        assert_eq!(status(&answer), Some(expected), "{answer}");
    }
}

/// Key: listeners.*.keepalive_requests
#[tokio::test]
async fn a_connection_carries_so_many_requests() {
    let origin = RawOrigin::start(&[OK]).await;
    let edge = edge(origin.address, "keepalive_requests: 3");
    let answers = ask(edge.address("plain"), GET.repeat(5)).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    let lower = answers.to_lowercase();
    let connection: Vec<_> = lower.match_indices("connection: ").map(|(at, _)| &lower[at + 12..at + 17]).collect();
    assert_eq!(connection, ["keep-", "keep-", "close"], "{answers}");
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order_even_after_the_client_has_finished() {
    let origin =
        Origin::start(|request| async move { crate::origin::response(200, request.uri().path().to_owned(), &[]) })
            .await;
    let edge = edge(origin.address, "keepalive_requests: 1000");
    let mut requests = String::new();
    for number in 0..50 {
        let length = number * 37;
        write!(
            requests,
            "POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{}",
            "x".repeat(length)
        )
        .unwrap();
        write!(requests, "POST /c{number} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\nT: v\r\n\r\n").unwrap();
    }
    let mut client = Client::connect(edge.address("plain")).await;
    client.send(&requests).await;
    client.finish().await;
    let answers = client.read_to_end().await.unwrap();
    let bodies: Vec<_> =
        answers.split("HTTP/1.1 ").skip(1).map(|answer| answer.split_once("\r\n\r\n").unwrap().1).collect();
    let expected: Vec<_> = (0..50).flat_map(|number| [format!("/{number}"), format!("/c{number}")]).collect();
    assert_eq!(bodies, expected);
    for (number, asked) in origin.asked().iter().enumerate() {
        let length = if number % 2 == 0 { number / 2 * 37 } else { 3 };
        assert_eq!(asked.body().len(), length, "{}", asked.uri());
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_not_answered() {
    let (origin, gate) = Origin::gated("hello", &[]).await;
    let edge = edge(origin.address, "keepalive_requests: 1000");
    let mut client = Client::connect(edge.address("plain")).await;
    client.send(GET).await;
    crate::world::wait_until("the origin is asked", async || !origin.asked().is_empty()).await;
    client.finish().await;
    assert_eq!(client.read_to_end().await.as_deref(), Ok(""));
    edge.wait_for_metric(r#"floodgate_requests_total{class="core",route="all",status_class="aborted"} 1"#).await;
    gate.open(1);
}

/// Key: listeners.*.min_rate
#[tokio::test]
async fn a_body_that_trickles_is_refused() {
    let origin = RawOrigin::start(&[OK]).await;
    let edge = edge(origin.address, "min_rate: 1MiB/s");
    let trickle = async |field: &str| {
        let mut client = Client::connect(edge.address("plain")).await;
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{field}Content-Length: 100000\r\n\r\nx")).await;
        let start = Instant::now();
        let answer = client.read_to_end().await.unwrap();
        assert!(start.elapsed().as_secs() >= 4, "there is a grace");
        answer
    };
    // Who begins to send does not wait to be told.
    let (answer, untold) = tokio::join!(trickle(""), trickle("Expect: 100-continue\r\n"));
    assert_eq!(status(&answer), Some(408), "{answer}");
    assert_eq!(status(&untold), Some(408), "{untold}");
    assert!(origin.settled().await.iter().all(|one| !one.is_complete()));
    edge.wait_for_metric(r#"floodgate_refusals_total{class="core",reason="body_timeout"} 2"#).await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_given_up() {
    let origin = Origin::fixed(Box::leak("x".repeat(32 << 20).into_boxed_str()), &[]).await;
    let edge = edge(origin.address, "min_rate: 1MiB/s");
    let mut client = Client::connect(edge.address("plain")).await;
    client.send(GET).await;
    edge.wait_for_metric(r#"floodgate_connections_closed_total{listener="plain",reason="slow_client"} 1"#).await;
    drop(client);
}

#[tokio::test]
async fn an_origins_date_is_kept_and_a_missing_one_filled_in() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (field, kept) in [(format!("dAtE: {DATE}\r\n"), true), (String::new(), false)] {
        let origin = RawOrigin::start(&[&format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nok")]).await;
        let edge = edge(origin.address, "keepalive_requests: 2");
        let answers = ask(edge.address("plain"), GET.repeat(2)).await.unwrap();
        assert_eq!(answers.matches(DATE).count(), if kept { 2 } else { 0 }, "{answers}");
        assert_eq!(answers.to_lowercase().matches("\r\ndate: ").count(), 2, "{answers}");
    }
}

#[tokio::test]
async fn a_drain_ends_idle_connections_and_lets_an_answer_say_so() {
    let (origin, gate) = Origin::gated("hello", &[]).await;
    let mut edge = edge(origin.address, "idle_timeout: 60s");
    let (mut busy, mut idle) =
        (Client::connect(edge.address("plain")).await, Client::connect(edge.address("plain")).await);
    gate.open(1);
    idle.send(GET).await;
    idle.read_until(|answer| answer.ends_with("hello")).await;
    busy.send(GET).await;
    crate::world::wait_until("the origin is asked", async || origin.asked().len() == 2).await;
    edge.signal("TERM");
    assert_eq!(idle.read_to_end().await.as_deref(), Ok(""), "closed at once");
    gate.open(1);
    let answer = busy.read_to_end().await.unwrap();
    assert!(answer.to_lowercase().contains("\r\nconnection: close") && answer.ends_with("hello"), "{answer}");
    assert!(edge.wait().await.success());
}

#[tokio::test]
async fn bytes_are_counted_exactly() {
    let origin = RawOrigin::start(&[OK]).await;
    let edge = edge(origin.address, "keepalive_requests: 3");
    let mut received = 0;
    let mut sent = 0;
    for request in [GET.repeat(3), "GET * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()] {
        received += ask(edge.address("plain"), &request).await.unwrap().len();
        sent += request.len();
    }
    for (direction, bytes) in [("in", sent), ("out", received)] {
        let line = format!("floodgate_connection_bytes_total{{direction=\"{direction}\",listener=\"plain\"}} {bytes}");
        edge.wait_for_metric(&line).await;
    }
}

/// Key: listeners.*.proxy_protocol
#[tokio::test]
async fn a_trusted_proxy_says_whom_a_connection_is_for() {
    let origin = RawOrigin::start(&[OK]).await;
    let get = "GET / HTTP/1.0\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n";
    let v1 = "PROXY TCP4 198.51.100.7 192.0.2.2 56324 443\r\n";
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x08\xc0\0\x02\x02\xdc\x04\x01\xbb";
    for (versions, trusted, header, seen) in [
        ("v1", "127.0.0.0/8", v1.as_bytes(), Some("198.51.100.7")),
        ("any", "127.0.0.0/8", v1.as_bytes(), Some("198.51.100.7")),
        ("any", "127.0.0.0/8", &v2[..], Some("198.51.100.8")),
        ("v2", "127.0.0.0/8", v1.as_bytes(), None),
        ("any", "127.0.0.0/8", b"", None),
        ("any", "10.0.0.0/8", v1.as_bytes(), None),
    ] {
        let text = config(&[origin.address], "", ROUTES)
            .replace("max_header: 16KiB", &format!("proxy_protocol: {versions}"))
            .replace("classes:", &format!("trusted_proxies: [\"{trusted}\"]\nclasses:"));
        let edge = Edge::start(&text);
        let before = origin.received().len();
        let answer = ask(edge.address("plain"), [header, get.as_bytes()].concat()).await;
        let Some(seen) = seen else {
            // A reset is as good: what follows was never read.
            assert!(!answer.is_ok_and(|answer| answer.starts_with("HTTP")), "{versions} {trusted}");
            assert_eq!(origin.received().len(), before);
            continue;
        };
        assert_eq!(answer.as_deref().map(status), Ok(Some(200)), "{versions}: {answer:?}");
        let asked = String::from_utf8(origin.received().pop().unwrap().bytes).unwrap().to_lowercase();
        assert!(asked.contains(&format!("x-forwarded-for: {seen}\r\n")), "{asked}");
        crate::world::wait_until("the log has it", async || {
            std::fs::read_to_string(edge.folder().join("access.log")).is_ok_and(|log| log.contains(seen))
        })
        .await;
    }
}
