//! Routing, TLS, both HTTP versions, and what is refused at the door.

use std::io::{Read, Write};

use http::{Method, StatusCode, Version};

use crate::{
    origin::Origin,
    world::{Edge, LONG, config},
};

const ROUTES: &str = r#"
  - {name: exact, match: {path: /exact, method: [GET, HEAD]}, pool: origin, class: core, max_body: 1KiB}
  - {name: below, match: {path: /below/**}, pool: origin, class: browse, max_body: 1KiB}
"#;

/// Sends bytes on a plain connection and reads until the other side closes or falls silent.
fn raw(edge: &Edge, bytes: &[u8]) -> String {
    let mut tcp = std::net::TcpStream::connect(edge.address("plain")).unwrap();
    tcp.set_read_timeout(Some(LONG)).unwrap();
    // The edge may refuse and close before everything is sent.
    tcp.write_all(bytes).ok();
    tcp.shutdown(std::net::Shutdown::Write).ok();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = tcp.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn both_http_versions_over_tls_reach_the_origin() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    for (client, version) in [
        (edge.client().build().unwrap(), Version::HTTP_2),
        (edge.client().http1_only().build().unwrap(), Version::HTTP_11),
    ] {
        let answer = client.get(edge.secure("/exact?q=1")).send().await.unwrap();
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, version));
        assert!(answer.headers()["via"].to_str().unwrap().starts_with("1.1 floodgate-"));
        let id = answer.headers()["x-request-id"].clone();
        assert_eq!(answer.text().await.unwrap(), "hello");
        let asked = origin.asked().pop().unwrap();
        assert_eq!(asked.uri().to_string(), "/exact?q=1");
        assert_eq!(asked.headers()["x-request-id"], id);
        assert_eq!(asked.headers()["x-forwarded-proto"], "https");
        assert_eq!(asked.headers()["x-forwarded-for"], "127.0.0.1");
        assert_eq!(asked.headers()["host"], edge.secure("").trim_start_matches("https://"));
    }
}

#[tokio::test]
async fn what_no_route_takes_is_refused_with_its_reason() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    let status =
        async |method: Method, url: String| client.request(method, url).send().await.unwrap().status().as_u16();
    assert_eq!(status(Method::GET, edge.plain("/nowhere")).await, 404);
    assert_eq!(status(Method::POST, edge.plain("/exact")).await, 405);
    assert_eq!(status(Method::POST, edge.plain("/below/x")).await, 200);
    assert_eq!(status(Method::GET, edge.plain("/below/../exact/%2e%2e/exact")).await, 200);
    let http1 = edge.client().http1_only().build().unwrap();
    let other_host = http1.get(edge.secure("/exact")).header("host", "other.example").send().await.unwrap();
    assert_eq!(other_host.status(), StatusCode::MISDIRECTED_REQUEST);
    let page = client.get(edge.plain("/nowhere")).header("accept", "text/html").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    edge.wait_for_metric(r#"floodgate_refusals_total{class="-",reason="no_route"} 2"#).await;
    edge.wait_for_metric(r#"floodgate_refusals_total{class="-",reason="misdirected"} 1"#).await;
}

/// Key: routes[].max_body
#[tokio::test]
async fn bodies_over_the_limit_are_refused_however_they_are_framed() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().http1_only().build().unwrap();
    let fits = client.post(edge.plain("/below/x")).body(vec![b'x'; 1024]).send().await.unwrap();
    assert_eq!(fits.status(), StatusCode::OK);
    assert_eq!(origin.asked().pop().unwrap().body().len(), 1024);
    let announced = client.post(edge.plain("/below/x")).body(vec![b'x'; 1025]).send().await.unwrap();
    assert_eq!(announced.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let http2 = edge.client().build().unwrap();
    let large = http2.post(edge.secure("/below/x")).body(vec![b'x'; 400_000]).send().await.unwrap();
    assert_eq!((large.status(), large.version()), (StatusCode::PAYLOAD_TOO_LARGE, Version::HTTP_2));
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let request =
        format!("POST /below/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    assert!(raw(&edge, request.as_bytes()).starts_with("HTTP/1.1 413 "));
}

/// Key: listeners.*.max_header
#[tokio::test]
async fn garbage_gets_a_clear_refusal_and_does_no_harm() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let long_header = format!("GET /exact HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20 * 1024));
    let huge_header = format!("GET /exact HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1024 * 1024));
    for (sent, status) in [
        ("GET /exact HTTP/1.1\r\n\r\n", "400"),
        ("GET /exact HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
        ("GET /exact HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("\u{1}\u{2}\u{3} nonsense\r\n\r\n", "400"),
        (&long_header, "431"),
        (&huge_header, "431"),
    ] {
        let answer = raw(&edge, sent.as_bytes());
        let shown: String = sent.chars().take(60).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown:?} got {answer:?}");
    }
    // Garbage instead of a TLS handshake ends that connection only.
    let mut tcp = std::net::TcpStream::connect(edge.address("secure")).unwrap();
    tcp.set_read_timeout(Some(LONG)).unwrap();
    tcp.write_all(&[0xff; 4096]).unwrap();
    while let Ok(1..) = tcp.read(&mut [0; 4096]) {}
    let answer = edge.client().build().unwrap().get(edge.secure("/exact")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!edge.log_text().contains("panic"), "{}", edge.log_text());
    assert_eq!(origin.asked().len(), 1, "nothing refused reached the origin");
}

/// Key: listeners.*.redirect_to
/// Key: listeners.*.public_port
#[tokio::test]
async fn a_plain_listener_sends_browsers_to_tls() {
    let origin = Origin::fixed("hello", &[]).await;
    let text = config(&[origin.address], "", ROUTES)
        .replace("max_header: 16KiB}", "redirect_to: secure}")
        .replace("    tls:\n", "    public_port: 9443\n    tls:\n");
    let edge = Edge::start(&text);
    let client = edge.client().build().unwrap();
    let url = format!("http://localhost:{}/exact?q=1", edge.address("plain").port());
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(answer.headers()["location"], "https://localhost:9443/exact?q=1");
    let elsewhere = client.get(edge.plain("/exact")).header("host", "evil.example").send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::MISDIRECTED_REQUEST, "never to a host that is not ours");
}
