//! HTTP/2: what is passed on, what clients may not do, and how connections end.

use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use self::client::*;
use crate::{
    origin::Origin,
    wire::RawOrigin,
    world::{Edge, LONG, config},
};

pub(crate) mod client;

const ROUTES: &str = r#"
  - {name: one, match: {path: /one/**}, pool: origin, class: core, max_body: 1KiB}
  - {name: all, match: {path: /**}, pool: origin, class: browse}
"#;

/// An edge with changes to its TLS listener.
fn edge(origin: &Origin, listener: &str) -> Edge {
    Edge::start(&secure(&config(&[origin.address], "", ROUTES), listener))
}

fn secure(config: &str, listener: &str) -> String {
    config.replace("    tls:\n", &format!("{listener}    tls:\n"))
}

/// The status that somebody else gets.
async fn status(edge: &Edge) -> StatusCode {
    edge.client().build().unwrap().get(edge.secure("/")).send().await.unwrap().status()
}

fn closed(reason: &str, count: usize) -> String {
    format!(r#"floodgate_connections_closed_total{{listener="secure",reason="{reason}"}} {count}"#)
}

#[tokio::test]
async fn the_origins_date_is_kept_and_one_connections_fields_are_not() {
    const DATE: &str = "Mon, 07 Nov 1994 08:48:37 GMT";
    let origin = Origin::fixed("hello", &[("date", DATE), ("keep-alive", "timeout=5"), ("te", "x")]).await;
    let edge = edge(&origin, "");
    let answer = edge.client().build().unwrap().get(edge.secure("/")).send().await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(answer.headers()["date"], DATE);
    assert!(!answer.headers().contains_key("keep-alive") && !answer.headers().contains_key("te"));
    let refused = edge.client().build().unwrap().get(edge.secure("/%zz")).send().await.unwrap();
    assert!(refused.headers().contains_key("date"), "an answer of the edge's own has one, too");
}

#[tokio::test]
async fn what_the_edge_does_for_nobody_is_refused_in_every_version() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    for (client, version) in
        [(edge.client().http1_only(), http::Version::HTTP_11), (edge.client(), http::Version::HTTP_2)]
    {
        let client = client.build().unwrap();
        let trace = client.request(http::Method::TRACE, edge.secure("/")).send().await.unwrap();
        assert_eq!((trace.version(), trace.status()), (version, StatusCode::METHOD_NOT_ALLOWED));
        assert!(trace.headers()["allow"].to_str().unwrap().starts_with("GET, HEAD, "));
        let expecting = client.post(edge.secure("/")).header("expect", "200-ok").body("hello");
        let expecting = expecting.send().await.unwrap();
        assert_eq!((expecting.version(), expecting.status()), (version, StatusCode::EXPECTATION_FAILED));
    }
    assert!(origin.asked().is_empty());
}

#[tokio::test]
async fn an_origin_gets_one_host_and_one_line_of_cookies() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    let mut raw = Raw::connect(&edge).await;
    let fields = [&asking("/a?b")[..], &[("cookie", "a=1"), ("host", "localhost"), ("cookie", "b=2")]].concat();
    raw.send(&request(1, &fields)).await.unwrap();
    raw.wait_for(DATA).await.unwrap();
    let asked = origin.asked().pop().unwrap();
    let lines = |name| asked.headers().get_all(name).iter().map(|line| line.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!((lines("cookie"), lines("host")), (vec!["a=1; b=2"], vec!["localhost"]));
    assert_eq!(asked.uri(), "/a?b");
}

#[tokio::test]
async fn malformed_requests_end_their_stream_and_no_other() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    let get = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost")];
    let with = |more: &[(&'static str, &'static str)]| [&asking("/")[..], more].concat();
    for (what, fields) in [
        ("no :path", get.to_vec()),
        ("an empty :path", [&get[..], &[(":path", "")]].concat()),
        ("a :path that is none", [&get[..], &[(":path", "a")]].concat()),
        ("a URL in :path", [&get[..], &[(":path", "https://other/")]].concat()),
        ("no :method", asking("/")[1..].to_vec()),
        ("no :scheme", [(":method", "GET"), (":authority", "a"), (":path", "/")].to_vec()),
        ("a foreign :scheme", [(":method", "GET"), (":scheme", "ftp"), (":authority", "a"), (":path", "/")].to_vec()),
        ("two :path", with(&[(":path", "/b")])),
        ("a pseudo-header of answers", with(&[(":status", "200")])),
        ("a pseudo-header after a field", [&get[..], &[("a", "b"), (":path", "/")]].concat()),
        ("connection", with(&[("connection", "x-a")])),
        ("keep-alive", with(&[("keep-alive", "timeout=5")])),
        ("proxy-connection", with(&[("proxy-connection", "close")])),
        ("upgrade", with(&[("upgrade", "websocket")])),
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("te other than trailers", with(&[("te", "trailers, deflate")])),
        ("a length without a body", with(&[("content-length", "1")])),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "1")])),
        ("a list of lengths", with(&[("content-length", "0, 0")])),
        ("a signed length", with(&[("content-length", "+0")])),
        (":protocol", with(&[(":protocol", "websocket")])),
    ] {
        let mut raw = Raw::connect(&edge).await;
        raw.send(&[request(1, &fields), request(3, &asking("/"))].concat()).await.unwrap();
        let reset = raw.wait_for(RST_STREAM).await.unwrap_or_else(|| panic!("{what}: the connection was closed"));
        assert_eq!((reset.stream, reset.code()), (1, PROTOCOL_ERROR), "{what}");
        let body = raw.wait_for(DATA).await.unwrap_or_else(|| panic!("{what}: the other stream got no answer"));
        assert_eq!((body.stream, &body.payload[..]), (3, &b"hello"[..]), "{what}");
    }
    assert!(origin.asked().iter().all(|asked| asked.uri() == "/"), "nothing malformed reached the origin");
}

/// What the h2 crate cannot decode, it takes for a fault of the whole connection.
#[tokio::test]
async fn names_that_are_none_end_the_connection() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    for (count, name) in ["X-Upper", ":other", "a b", ""].into_iter().enumerate() {
        let mut raw = Raw::connect(&edge).await;
        raw.send(&request(1, &[&asking("/")[..], &[(name, "x")]].concat())).await.unwrap();
        let last = raw.wait_for(GOAWAY).await.unwrap_or_else(|| panic!("{name:?} ended it without a word"));
        assert_eq!(last.code(), PROTOCOL_ERROR, "{name:?}");
        edge.wait_for_metric(&closed("protocol_error", count + 1)).await;
    }
    assert!(origin.asked().is_empty());
}

#[tokio::test]
async fn a_body_is_as_long_as_it_says() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    let post = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")];
    for (sent, length) in [(&b"xx"[..], "1"), (b"x", "2")] {
        let head = block(&[&post[..], &[("content-length", length)]].concat());
        let mut raw = Raw::connect(&edge).await;
        let frames = [frame(HEADERS, END_HEADERS, 1, &head), frame(DATA, END_STREAM, 1, sent)].concat();
        raw.send(&frames).await.unwrap();
        let reset = raw.wait_for(RST_STREAM).await.unwrap();
        assert_eq!((reset.stream, reset.code()), (1, PROTOCOL_ERROR), "{length}");
    }
    assert!(origin.asked().iter().all(|asked| asked.body().is_empty()), "half a body is no body");
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused_with_a_page() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    for fields in [
        [&asking("/")[..], &[("host", "other")]].concat(),
        [&asking("/")[..], &[("host", "localhost"), ("host", "localhost")]].concat(),
        vec![(":method", "GET"), (":scheme", "https"), (":path", "/")],
        vec![(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "user@localhost")],
        asking("/%00").to_vec(),
    ] {
        let mut raw = Raw::connect(&edge).await;
        raw.send(&request(1, &fields)).await.unwrap();
        let body = raw.wait_for(DATA).await.unwrap_or_else(|| panic!("{fields:?} got no page"));
        assert!(String::from_utf8_lossy(&body.payload).contains("400"), "{fields:?}: {body:?}");
    }
    assert!(origin.asked().is_empty());
    edge.wait_for_metric(r#"floodgate_refusals_total{class="-",reason="bad_request"} 5"#).await;
}

#[tokio::test]
async fn too_many_malformed_requests_end_the_connection() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    let mut raw = Raw::connect(&edge).await;
    let foreign = [(":method", "GET"), (":scheme", "ftp"), (":authority", "localhost"), (":path", "/")];
    let requests: Vec<u8> = (0..40).flat_map(|at| request(2 * at + 1, &foreign)).collect();
    raw.send(&requests).await.unwrap();
    assert_eq!(raw.wait_for(GOAWAY).await.unwrap().code(), ENHANCE_YOUR_CALM);
    edge.wait_for_metric(&closed("malformed", 1)).await;
    let mut raw = Raw::connect(&edge).await;
    let requests: Vec<u8> =
        (0..200).flat_map(|at| request(2 * at + 1, &[&asking("/")[..], &[("connection", "x")]].concat())).collect();
    raw.send(&requests).await.unwrap();
    assert_eq!(raw.wait_for(GOAWAY).await.unwrap().code(), ENHANCE_YOUR_CALM);
    edge.wait_for_metric(&closed("excess", 1)).await;
    assert_eq!(status(&edge).await, StatusCode::OK);
}

#[tokio::test]
async fn floods_of_frames_end_their_connection_and_harm_nobody() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    for (count, (what, bytes)) in [
        ("pings", frame(PING, 0, 0, &[0; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[])),
        ("window updates", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("priorities", frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 9])),
        ("unknown frames", frame(0xbb, 0, 0, b"")),
    ]
    .iter()
    .enumerate()
    {
        let mut raw = Raw::connect(&edge).await;
        assert_eq!(raw.flood(bytes, 2_000).await, Some(ENHANCE_YOUR_CALM), "{what}");
        edge.wait_for_metric(&closed("frames", count + 1)).await;
    }
    assert_eq!(status(&edge).await, StatusCode::OK);
}

#[tokio::test]
async fn headers_that_never_end_end_their_connection() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    for (name, payload) in [("empty", vec![]), ("full", block(&[("x", &"y".repeat(8_000))]))] {
        let mut raw = Raw::connect(&edge).await;
        raw.send(&frame(HEADERS, END_STREAM, 1, &block(&asking("/")))).await.unwrap();
        assert_eq!(raw.flood(&frame(CONTINUATION, 0, 1, &payload), 400).await, Some(ENHANCE_YOUR_CALM), "{name}");
    }
    edge.wait_for_metric(&closed("excess", 2)).await;
    // Empty frames of a body, as well.
    let mut raw = Raw::connect(&edge).await;
    let post = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")];
    raw.send(&frame(HEADERS, END_HEADERS, 1, &block(&post))).await.unwrap();
    assert_eq!(raw.flood(&frame(DATA, 0, 1, b""), 400).await, Some(ENHANCE_YOUR_CALM));
    assert_eq!(status(&edge).await, StatusCode::OK);
}

#[tokio::test]
async fn a_rapid_reset_ends_the_connection() {
    let (origin, gate) = Origin::gated("hello", &[]).await;
    let edge = edge(&origin, "");
    // At once, before a request is looked at; and each after the edge has begun with it.
    let pair = |at: u32| [request(2 * at + 1, &asking("/")), frame(RST_STREAM, 0, 2 * at + 1, &8_u32.to_be_bytes())];
    let mut raw = Raw::connect(&edge).await;
    raw.send(&(0..300).flat_map(pair).flatten().collect::<Vec<_>>()).await.unwrap();
    assert_eq!(raw.wait_for(GOAWAY).await.unwrap().code(), ENHANCE_YOUR_CALM);
    let mut raw = Raw::connect(&edge).await;
    for at in 0..900 {
        let [request, reset] = pair(at);
        let ping = frame(PING, 0, 0, &[0; 8]);
        // The answer to the ping says that the request was read.
        if raw.send(&[request, ping].concat()).await.is_err() || raw.wait_for(PING).await.is_none() {
            break;
        }
        raw.send(&reset).await.ok();
    }
    edge.wait_for_metric(&closed("resets", 1)).await;
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 0"#).await;
    gate.open(1000);
    assert_eq!(status(&edge).await, StatusCode::OK);
}

/// Key: listeners.*.http2
/// Key: listeners.*.http2.streams
#[tokio::test]
async fn requests_above_the_limit_are_sent_back() {
    let (origin, gate) = Origin::gated("hello", &[]).await;
    let edge = edge(&origin, "    http2: {streams: 2}\n");
    let mut raw = Raw::connect(&edge).await;
    let settings = raw.wait_for(SETTINGS).await.unwrap();
    assert!(settings.payload.chunks(6).any(|one| one == [0, 3, 0, 0, 0, 2]), "it is said before: {settings:?}");
    raw.send(&[1, 3, 5].map(|stream| request(stream, &asking("/"))).concat()).await.unwrap();
    let reset = raw.wait_for(RST_STREAM).await.unwrap();
    assert_eq!((reset.stream, reset.code()), (5, REFUSED_STREAM));
    gate.open(2);
    let answered = [raw.wait_for(DATA).await.unwrap().stream, raw.wait_for(DATA).await.unwrap().stream];
    assert!(answered == [1, 3] || answered == [3, 1], "{answered:?}");
}

#[tokio::test]
async fn a_large_header_gets_a_page_and_a_huge_one_a_status() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    for (size, page) in [(40_000, true), (100_000, false)] {
        let mut raw = Raw::connect(&edge).await;
        let (value, path) = ("x".repeat(size), asking("/"));
        let block = block(&[&path[..], &[("x", &value)]].concat());
        let mut pieces = block.chunks(16_000).peekable();
        let mut frames = frame(HEADERS, END_STREAM, 1, pieces.next().unwrap());
        while let Some(piece) = pieces.next() {
            let last = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            frames.extend(frame(CONTINUATION, last, 1, piece));
        }
        raw.send(&frames).await.unwrap();
        let header = raw.wait_for(HEADERS).await.unwrap();
        assert_eq!(header.flags & END_STREAM == 0, page, "{size}");
        // Static index 8 to 14 are the statuses that have one; 431 is a literal behind index 8 (RFC 7541 A).
        assert!(header.payload.windows(3).any(|text| text == b"431") || header.payload[0] == 0x48, "{header:?}");
    }
    assert!(origin.asked().is_empty());
    assert_eq!(status(&edge).await, StatusCode::OK);
}

#[tokio::test]
async fn a_request_has_no_more_fields_than_allowed_and_cookies_are_one() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "    max_headers: 3\n");
    let cookies = [("cookie", "a=1"); 5];
    for (fields, body) in [(2, "hello"), (3, "431")] {
        let mut raw = Raw::connect(&edge).await;
        let asking = [&asking("/")[..], &cookies, &vec![("x", "y"); fields]].concat();
        raw.send(&request(1, &asking)).await.unwrap();
        let answer = raw.wait_for(DATA).await.unwrap();
        assert!(String::from_utf8_lossy(&answer.payload).contains(body), "{fields}: {answer:?}");
    }
}

#[tokio::test]
async fn a_connection_carries_so_many_requests_and_says_so() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "    keepalive_requests: 3\n");
    let mut raw = Raw::connect(&edge).await;
    let mut answered = Vec::new();
    for stream in [1, 3, 5] {
        raw.send(&request(stream, &asking("/"))).await.unwrap();
        if stream < 5 {
            answered.push(raw.wait_for(DATA).await.unwrap().stream);
        }
    }
    let mut told = None;
    while let Some(frame) = raw.next().await {
        match frame.kind {
            DATA if !frame.payload.is_empty() => answered.push(frame.stream),
            GOAWAY => told = Some(frame),
            _ => {}
        }
    }
    let told = told.expect("the client is told before the connection is closed");
    assert_eq!(told.code(), NO_ERROR);
    assert_eq!(told.payload[..4], 5_u32.to_be_bytes(), "the last stream that is served");
    assert_eq!(answered, [1, 3, 5]);
}

#[tokio::test]
async fn a_body_that_trickles_is_refused() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "    min_rate: 1MiB/s\n");
    let mut raw = Raw::connect(&edge).await;
    let post = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")];
    raw.send(&frame(HEADERS, END_HEADERS, 1, &block(&post))).await.unwrap();
    raw.send(&frame(DATA, 0, 1, b"x")).await.unwrap();
    let start = std::time::Instant::now();
    let body = raw.wait_for(DATA).await.unwrap();
    assert!(String::from_utf8_lossy(&body.payload).contains("408"), "{body:?}");
    assert!(start.elapsed().as_secs() >= 4, "there is a grace");
    raw.send(&request(3, &asking("/"))).await.unwrap();
    while raw.wait_for(DATA).await.unwrap().stream != 3 {}
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_request() {
    let (origin, _gate) = Origin::gated("hello", &[]).await;
    let edge = edge(&origin, "");
    let mut raw = Raw::connect(&edge).await;
    raw.send(&request(1, &asking("/"))).await.unwrap();
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 1"#).await;
    raw.send(&frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes())).await.unwrap();
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 0"#).await;
    raw.send(&request(3, &asking("/"))).await.unwrap();
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 1"#).await;
    drop(raw);
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 0"#).await;
}

#[tokio::test]
async fn half_an_answer_never_looks_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let broken = tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut request = [0; 1024];
            if matches!(tcp.read(&mut request).await, Ok(1..)) {
                tcp.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await.unwrap();
            }
        }
    });
    let edge = Edge::start(&config(&[address], "", ROUTES));
    let mut raw = Raw::connect(&edge).await;
    raw.send(&request(1, &asking("/"))).await.unwrap();
    loop {
        let frame = raw.next().await.expect("the stream ends, not the connection");
        assert!(frame.stream == 0 || frame.kind == RST_STREAM || frame.flags & END_STREAM == 0, "{frame:?}");
        if frame.kind == RST_STREAM {
            assert_eq!(frame.code(), 2, "INTERNAL_ERROR");
            break;
        }
    }
    broken.abort();
}

#[tokio::test]
async fn a_refused_body_gets_its_answer_and_then_an_end() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "");
    let mut raw = Raw::connect(&edge).await;
    let post = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/one/x")];
    raw.send(&frame(HEADERS, END_HEADERS, 1, &block(&post))).await.unwrap();
    raw.send(&frame(DATA, 0, 1, &[b'x'; 2000])).await.unwrap();
    let body = raw.wait_for(DATA).await.unwrap();
    assert!(String::from_utf8_lossy(&body.payload).contains("413"), "{body:?}");
    // What was under way is still taken, for a while.
    raw.send(&frame(DATA, 0, 1, &[b'x'; 2000])).await.unwrap();
    let reset = raw.wait_for(RST_STREAM).await.unwrap();
    assert_eq!((reset.stream, reset.code()), (1, NO_ERROR));
    raw.send(&request(3, &asking("/"))).await.unwrap();
    assert_eq!(raw.wait_for(DATA).await.unwrap().stream, 3, "the connection goes on");
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish() {
    let (origin, gate) = Origin::gated("hello", &[]).await;
    let mut edge = edge(&origin, "");
    let mut idle = Raw::connect(&edge).await;
    idle.wait_for(SETTINGS).await.unwrap();
    let (mut send, connection) = client(&edge, &h2::client::Builder::new()).await;
    let (answer, _) = send.send_request(get("/"), true).unwrap();
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 1"#).await;
    edge.signal("TERM");
    assert_eq!(idle.wait_for(GOAWAY).await.unwrap().code(), NO_ERROR);
    while idle.next().await.is_some() {}
    gate.open(1);
    let mut answer = tokio::time::timeout(LONG, answer).await.unwrap().unwrap();
    assert_eq!(answer.body_mut().data().await.unwrap().unwrap(), "hello");
    drop((answer, send));
    // Both sides close it now; who is later may find it closed.
    tokio::time::timeout(LONG, connection).await.unwrap().unwrap().ok();
    assert!(edge.wait().await.success());
    edge.wait_for_log("every request in flight was answered");
}

#[tokio::test]
async fn a_silent_connection_is_told_and_closed() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "    idle_timeout: 1s\n");
    let mut raw = Raw::connect(&edge).await;
    raw.send(&request(1, &asking("/"))).await.unwrap();
    assert_eq!(raw.wait_for(GOAWAY).await.unwrap().code(), NO_ERROR);
    while raw.next().await.is_some() {}
}

#[tokio::test]
async fn a_header_that_is_not_finished_ends_the_connection() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = edge(&origin, "    header_timeout: 300ms\n");
    let mut slow = Raw::connect(&edge).await;
    slow.send(&frame(HEADERS, END_STREAM, 1, &block(&asking("/")))).await.unwrap();
    let mut silent = connect(&edge).await;
    assert_eq!(slow.wait_for(GOAWAY).await.unwrap().code(), ENHANCE_YOUR_CALM);
    let mut rest = Vec::new();
    tokio::time::timeout(LONG, silent.read_to_end(&mut rest)).await.expect("it is closed in time").ok();
    edge.wait_for_metric(&closed("slow_header", 2)).await;
    assert_eq!(status(&edge).await, StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_takes_nothing_holds_nobody_up() {
    const LARGE: usize = 600_000;
    let origin = Origin::start(|_| async {
        crate::origin::response(200, vec![b'x'; LARGE], &[("cache-control", "max-age=60")])
    });
    let origin = origin.await;
    const CACHED: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core, cache: {zone: pages}}
  - {name: one, match: {path: /one}, pool: origin, class: browse}
"#;
    let edge = Edge::start(&config(&[origin.address], "", CACHED));
    // Its windows let nothing through: INITIAL_WINDOW_SIZE is 0.
    let mut stalled = Raw::with_settings(&edge, &[(4, 0)]).await;
    let authority = format!("localhost:{}", edge.address("secure").port());
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", &authority), (":path", "/a")];
    stalled.send(&request(1, &fields)).await.unwrap();
    stalled.wait_for(HEADERS).await.unwrap();
    let other = edge.client().build().unwrap();
    let answer = other.get(edge.secure("/a")).send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().len(), LARGE, "the fill goes on without the client that began it");
    assert_eq!(origin.asked().len(), 1);
    stalled.send(&frame(WINDOW_UPDATE, 0, 1, &10_u32.to_be_bytes())).await.unwrap();
    assert_eq!(stalled.wait_for(DATA).await.unwrap().payload.len(), 10, "and it still gets what it takes");
}

#[tokio::test]
async fn hints_come_through_once_even_in_one_read_with_the_answer_and_where_it_is_cached() {
    const ANSWER: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nKeep-Alive: timeout=5\r\n\r\n\
        HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const KEPT: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: kept, match: {path: /kept/**, method: GET}, pool: origin, class: browse, cache: {zone: pages, default_ttl: 1m}}
"#;
    let origin = RawOrigin::answering(ANSWER).await;
    let edge = Edge::start(&config(&[origin.address], "", KEPT));
    let (mut send, _connection) = client(&edge, &h2::client::Builder::new()).await;
    let mut ask = async |path: &str| {
        let (mut answer, _) = send.send_request(get(path), true).unwrap();
        let mut links = Vec::new();
        while let Some(hint) = std::future::poll_fn(|cx| answer.poll_informational(cx)).await {
            let hint = hint.unwrap();
            assert_eq!((hint.status(), hint.headers().get("keep-alive")), (StatusCode::EARLY_HINTS, None));
            links.push(hint.headers()["link"].to_str().unwrap()[2..7].to_owned());
        }
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.into_body().data().await.unwrap().unwrap(), "hello");
        links
    };
    for n in 0..50 {
        for path in ["other", "kept"] {
            assert_eq!(ask(&format!("/{path}/{n}")).await, ["a.css", "b.css"], "/{path}/{n}");
        }
    }
    assert!(ask("/kept/0").await.is_empty(), "what is kept is the answer alone");
}

#[tokio::test]
async fn without_tls_http2_is_told_by_its_first_bytes_where_it_is_allowed() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let origin = Origin::fixed("hello", &[]).await;
    let config = |keys| config(&[origin.address], "", ROUTES).replace("max_header: 16KiB", keys);
    let edge = Edge::start(&config("h2c: true, header_timeout: 1s"));
    // A byte at a time, and with everything else in one write.
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/")];
    let rest = [frame(SETTINGS, 0, 0, &[]), request(1, &fields)].concat();
    for pieces in [PREFACE.chunks(1).collect::<Vec<_>>(), vec![PREFACE]] {
        let mut raw = Raw::plain(&edge).await;
        let (last, first) = pieces.split_last().unwrap();
        for piece in first {
            raw.send(piece).await.unwrap();
        }
        raw.send(&[last, &rest[..]].concat()).await.unwrap();
        assert_eq!(raw.wait_for(DATA).await.unwrap().payload, "hello");
    }
    // What is shorter than the preface, and what begins like it, is read as what it is.
    for (sent, status) in [
        ("GET / HTTP/1.0\r\n\r\n", " 400 "),
        ("GET /a HTTP/1.0\r\nHost: a\r\n\r\n", " 200 "),
        ("P / HTTP/1.1\r\nHost:a\r\nConnection: close\r\n\r\n", " 200 "),
        ("PRI /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", " 200 "),
        ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", " 505 "),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n", " 408 "),
        ("P", " 408 "),
        // Never by Upgrade (RFC 9113 s3.1 has given it up).
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
            " 200 ",
        ),
    ] {
        let answer = crate::recording::ask(edge.address("plain"), sent).await.unwrap();
        assert_eq!(answer.get(8..13), Some(status), "{sent:?}: {answer:?}");
    }
    let refusing = Edge::start(&config("h2c: false"));
    let answer = crate::recording::ask(refusing.address("plain"), PREFACE).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
}

#[tokio::test]
async fn uploads_and_downloads_pass_whole_in_both_directions() {
    let origin = Origin::start(|asked| async move { crate::origin::response(200, asked.into_body(), &[]) }).await;
    const LARGE_BODIES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core, max_body: 8MiB}
  - {name: one, match: {path: /one}, pool: origin, class: browse}
"#;
    let edge = Edge::start(&config(&[origin.address], "", LARGE_BODIES));
    let client = edge.client().build().unwrap();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let answers = (0..3).map(|_| client.post(edge.secure("/echo")).body(sent.clone()).send());
    for answer in answers {
        let answer = answer.await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert!(answer.bytes().await.unwrap() == sent);
    }
}
