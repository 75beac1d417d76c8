//! Exchanges that stay open (WebSocket, server-sent events), and answers that do not end as they should.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, mpsc};

use crate::{
    wire::{RawOrigin, Wire},
    world::{Edge, LONG, config, wait_until},
};

const ROUTES: &str = r#"
  - name: all
    match: {path: /**}
    pool: origin
    class: core
    max_body: 1KiB
    streams: true
    rate: [{per: address, at: 1/h, burst: 50}]
  - {name: brief, match: {path: /brief/**}, pool: origin, class: core}
  - name: kept
    match: {path: /kept/**, method: [GET, HEAD]}
    pool: origin
    class: browse
    cache: {zone: pages, default_ttl: 1m}
"#;
const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An origin that switches, and hands the connection to the test.
async fn chat() -> (RawOrigin, mpsc::UnboundedReceiver<Wire>) {
    let (give, taken) = mpsc::unbounded_channel();
    let origin = RawOrigin::start(move |mut wire: Wire| {
        let give = give.clone();
        async move {
            if wire.head().await.to_lowercase().contains("upgrade: websocket\r\n") {
                wire.send(SWITCHED).await;
                give.send(wire).unwrap();
            } else {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    });
    (origin.await, taken)
}

/// A client and the origin's side of its tunnel.
async fn open(edge: &Edge, origins: &mut mpsc::UnboundedReceiver<Wire>) -> (Wire, Wire) {
    let mut client = Wire::connect(edge.address("plain")).await;
    client.send(HANDSHAKE).await;
    let head = client.head().await.to_lowercase();
    assert!(head.starts_with("http/1.1 101 ") && head.contains("sec-websocket-accept: s3ppl"), "{head}");
    (client, origins.recv().await.unwrap())
}

#[tokio::test]
async fn a_websocket_carries_bytes_both_ways_until_either_side_closes() {
    let (origin, mut origins) = chat().await;
    let pool = "    timeouts: {read: 200ms, write: 200ms, connect: 2s}\n    limit: {in_flight: 2, headroom: 0%}";
    let edge = Edge::start(&config(&[origin.address], pool, ROUTES));
    for closed_by_client in [true, false] {
        let (mut client, mut server) = open(&edge, &mut origins).await;
        // Silence for longer than an ordinary answer may be silent.
        tokio::time::sleep(Duration::from_millis(700)).await;
        let large = vec![b'x'; 100 << 10];
        for (from, to) in [(&mut client, &mut server)] {
            from.send(b"\x89\x00").await;
            assert_eq!(to.exactly(2).await, b"\x89\x00", "a ping");
            to.send(b"\x8a\x00").await;
            assert_eq!(from.exactly(2).await, b"\x8a\x00", "a pong");
            to.send(&large).await;
            assert_eq!(from.exactly(large.len()).await, large);
            from.send(&large).await;
            assert_eq!(to.exactly(large.len()).await, large, "no limit on bodies means this");
        }
        let (closing, mut other) = if closed_by_client { (client, server) } else { (server, client) };
        drop(closing);
        assert_eq!(other.rest().await, "");
    }
    let line = edge.wait_for_access(r#""status":101"#).await;
    assert!(line.contains(r#""cache":null"#) || line.contains(r#""cache":"off""#), "{line}");
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 0"#).await;
}

#[tokio::test]
async fn a_websocket_holds_its_place_in_the_pool_and_counts_once() {
    let (origin, mut origins) = chat().await;
    let edge = Edge::start(&config(&[origin.address], "    limit: {in_flight: 1, headroom: 0%}", ROUTES));
    let (client, _server) = open(&edge, &mut origins).await;
    let http = edge.client().build().unwrap();
    let status = async || http.get(edge.plain("/")).send().await.unwrap().status().as_u16();
    assert_eq!(status().await, 503);
    drop(client);
    wait_until("its place is free", async || status().await == 200).await;
}

/// Key: pools.*.timeouts.stream
#[tokio::test]
async fn a_tunnel_ends_when_both_sides_have_been_silent_for_too_long() {
    let (origin, mut origins) = chat().await;
    let edge = Edge::start(&config(&[origin.address], "    timeouts: {read: 5s, stream: 600ms}", ROUTES));
    let (mut client, mut server) = open(&edge, &mut origins).await;
    for from_client in [true, false].into_iter().flat_map(|side| [side; 5]) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (from, to) = if from_client { (&mut client, &mut server) } else { (&mut server, &mut client) };
        from.send("x").await;
        assert_eq!(to.exactly(1).await, b"x", "one side that speaks is enough");
    }
    let silent = std::time::Instant::now();
    assert_eq!(client.rest().await, "");
    assert_eq!(server.rest().await, "");
    assert!((Duration::from_millis(400)..Duration::from_secs(4)).contains(&silent.elapsed()), "{:?}", silent.elapsed());
}

#[tokio::test]
async fn the_answer_to_a_handshake_is_waited_for_as_for_any_other() {
    let origin = RawOrigin::start(async |mut wire: Wire| {
        wire.head().await;
        wire.rest().await;
    })
    .await;
    let edge = Edge::start(&config(
        &[origin.address],
        "    retry: {tries: 1}\n    timeouts: {read: 300ms, stream: 1h}",
        ROUTES,
    ));
    for request in [HANDSHAKE, "GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"] {
        let mut client = Wire::connect(edge.address("plain")).await;
        client.send(request).await;
        let answer = client.head().await;
        assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    }
}

/// The body takes its time, the origin does not.
#[tokio::test]
async fn the_wait_for_an_answer_begins_where_the_request_ends() {
    let origin = RawOrigin::start(async |mut wire: Wire| {
        wire.until("0\r\n\r\n").await;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        wire.until("0\r\n\r\n").await;
        wire.rest().await;
    })
    .await;
    let edge = Edge::start(&config(
        &[origin.address],
        "    retry: {tries: 1}\n    timeouts: {read: 500ms, stream: 1h}",
        ROUTES,
    ));
    let mut client = Wire::connect(edge.address("plain")).await;
    for (status, end) in [("200", "ok"), ("504", "\r\n\r\n")] {
        let head = "POST /shop.Cart/Fill HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n";
        client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n")).await;
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            client.send("1\r\nx\r\n").await;
        }
        client.send("0\r\n\r\n").await;
        let answer = client.until(end).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

/// What a client would have to say for an exchange that stays open, each on a path of its own.
fn asking_for_streams(path: &str) -> [String; 3] {
    let events = format!("GET {path}/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    let call = format!("GET {path}/call HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n\r\n");
    [HANDSHAKE.replace("/chat", &format!("{path}/chat")), events, call]
}

#[tokio::test]
async fn no_client_passes_by_the_cache_by_asking_for_a_stream() {
    let (asked, mut heads) = mpsc::unbounded_channel();
    let origin = RawOrigin::start(move |mut wire: Wire| {
        let asked = asked.clone();
        async move {
            asked.send(wire.head().await.to_lowercase()).unwrap();
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    for request in asking_for_streams("/kept") {
        for outcome in ["; fwd=uri-miss; stored", "; hit"] {
            let mut client = Wire::connect(edge.address("plain")).await;
            client.send(&request).await;
            let answer = client.until("\r\n\r\nok").await;
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(outcome), "{answer}");
        }
        let head = heads.recv().await.unwrap();
        assert!(!head.contains("upgrade"), "{head}");
    }
    assert!(heads.is_empty(), "asked once for each");
}

/// Key: routes[].streams
#[tokio::test]
async fn nothing_stays_open_where_the_route_does_not_say_so() {
    let (asked, mut heads) = mpsc::unbounded_channel();
    let origin = RawOrigin::start(move |mut wire: Wire| {
        let asked = asked.clone();
        async move {
            asked.send(wire.head().await.to_lowercase()).unwrap();
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok").await;
            wire.rest().await;
        }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "    timeouts: {read: 300ms, stream: 1h}", ROUTES));
    for request in asking_for_streams("/brief") {
        let mut client = Wire::connect(edge.address("plain")).await;
        client.send(&request).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
        assert_eq!(client.rest().await, "ok", "an answer that is silent for too long is cut off");
        let head = heads.recv().await.unwrap();
        assert!(!head.contains("upgrade"), "{head}");
    }
    // The same where it does.
    let mut client = Wire::connect(edge.address("plain")).await;
    client.send(HANDSHAKE).await;
    assert!(heads.recv().await.unwrap().contains("upgrade: websocket"));
}

#[tokio::test]
async fn a_server_may_decline_to_switch_and_no_other_protocol_is_switched_to() {
    let (asked, mut heads) = mpsc::unbounded_channel();
    let origin = RawOrigin::start(move |mut wire: Wire| {
        let asked = asked.clone();
        async move {
            asked.send(wire.head().await.to_lowercase()).unwrap();
            wire.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
        }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let mut client = Wire::connect(edge.address("plain")).await;
    client.send(HANDSHAKE).await;
    assert!(client.until("no").await.starts_with("HTTP/1.1 403 "));
    assert!(heads.recv().await.unwrap().contains("upgrade: websocket\r\n"));
    let mut client = Wire::connect(edge.address("plain")).await;
    let other = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
        HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    client.send(other).await;
    assert!(client.until("no").await.starts_with("HTTP/1.1 403 "));
    let head = heads.recv().await.unwrap();
    assert!(!head.contains("upgrade") && !head.contains("http2-settings"), "{head}");
    // A switch that nobody asked for is no answer.
    let eager = RawOrigin::answering(SWITCHED).await;
    let edge = Edge::start(&config(&[eager.address], "", ROUTES));
    let mut client = Wire::connect(edge.address("plain")).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.head().await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn each_event_is_passed_on_when_it_is_sent() {
    let go = Arc::new(Notify::new());
    let wait = Arc::clone(&go);
    let origin = RawOrigin::start(move |mut wire: Wire| {
        let wait = Arc::clone(&wait);
        async move {
            wire.head().await;
            wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n").await;
            for n in 0..3 {
                wait.notified().await;
                wire.send(format!("data: {n}\n\n")).await;
            }
            wire.rest().await;
        }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "    timeouts: {read: 200ms, stream: 1s}", ROUTES));
    let mut client = Wire::connect(edge.address("plain")).await;
    client.send("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    for n in 0..3 {
        // Longer than `read`.
        tokio::time::sleep(Duration::from_millis(500)).await;
        go.notify_one();
        assert!(client.until("\n\n").await.contains(&format!("data: {n}")), "before the next is sent");
    }
    let rest = client.rest().await;
    assert!(!rest.contains("0\r\n\r\n"), "cut off by `stream`, it must not look whole: {rest:?}");
}

#[tokio::test]
async fn an_answer_without_a_length_ends_where_the_origin_closes() {
    for answer in ["HTTP/1.0 200 OK\r\n\r\nhello", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"] {
        let origin = RawOrigin::start(move |mut wire: Wire| async move {
            wire.next_head().await;
            wire.send(answer).await;
        })
        .await;
        let edge = Edge::start(&config(&[origin.address], "", ROUTES));
        let client = edge.client().build().unwrap();
        for _ in 0..2 {
            let answer = client.get(edge.plain("/")).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "hello"));
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_looks_broken() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
    ] {
        let origin = RawOrigin::start(move |mut wire: Wire| async move {
            wire.next_head().await;
            wire.send(answer).await;
        })
        .await;
        let edge = Edge::start(&config(&[origin.address], "", ROUTES));
        for path in ["/", "/kept/x", "/kept/x"] {
            for http2 in [false, true] {
                let client = if http2 { edge.client() } else { edge.client().http1_only() }.build().unwrap();
                let whole = match client.get(edge.secure(path)).send().await {
                    Ok(answer) if answer.status() == 502 => continue,
                    Ok(answer) => answer.bytes().await,
                    Err(_) => continue,
                };
                assert!(whole.is_err(), "{answer:?} at {path} became {whole:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_can_be_read_in_two_ways_is_not_passed_on() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 6",
        "HTTP/1.1 200 OK\r\nContent-Length: -5",
        "HTTP/1.1 200 OK\r\nContent-Length: 5x",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5",
        "HTTP/1.1 2000 OK\r\nContent-Length: 5",
        "HTTP/1.1 099 Odd\r\nContent-Length: 5",
        "HTTP/3.1 200 OK\r\nContent-Length: 5",
        "nonsense",
    ] {
        let (closed, mut is_closed) = mpsc::unbounded_channel();
        let origin = RawOrigin::start(move |mut wire: Wire| {
            let closed = closed.clone();
            async move {
                wire.next_head().await;
                wire.send(format!("{head}\r\n\r\n5\r\nhello\r\n0\r\n\r\n")).await;
                wire.rest().await;
                closed.send(()).unwrap();
            }
        })
        .await;
        let edge = Edge::start(&config(&[origin.address], "    retry: {tries: 1}\n    timeouts: {read: 2s}", ROUTES));
        let mut client = Wire::connect(edge.address("plain")).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.head().await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{head:?} became {answer:?}");
        tokio::time::timeout(LONG, is_closed.recv()).await.expect("that connection is not used again").unwrap();
    }
}

#[tokio::test]
async fn an_origin_may_answer_before_it_has_the_whole_body() {
    let origin = RawOrigin::start(async |mut wire: Wire| {
        wire.head().await;
        wire.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await;
        wire.rest().await;
    })
    .await;
    let routes = ROUTES.replace("max_body: 1KiB", "max_body: 64MiB");
    let edge = Edge::start(&config(&[origin.address], "", &routes));
    let mut client = Wire::connect(edge.address("plain")).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n").await;
    let answer = client.until("no").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(client.rest().await, "");
}
