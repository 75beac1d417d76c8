//! What one client asks for must not become the answer of others.

use http::StatusCode;

use crate::{
    origin::{Origin, response},
    wire::{RawOrigin, Wire},
    world::{Edge, config},
};

fn edge(address: std::net::SocketAddr, policy: &str) -> Edge {
    let routes = format!(
        "  - {{name: cached, match: {{path: /c/**}}, pool: origin, class: browse, cache: {{zone: pages{policy}}}}}\n\
         \x20 - {{name: passed, match: {{path: /**}}, pool: origin, class: core}}\n"
    );
    Edge::start(&config(&[address], "", &routes))
}

/// Sends a request with these further lines, and returns the whole answer.
async fn asked(edge: &Edge, lines: &str) -> String {
    let mut wire = Wire::connect(edge.address("plain")).await;
    // `Connection` is the test's own: the edge closes after so few requests all the same.
    wire.send(format!("GET /c/a HTTP/1.1\r\nHost: shop\r\n{lines}\r\n")).await;
    let head = wire.head().await;
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let body = wire.exactly(length.unwrap_or(0)).await;
    head + &String::from_utf8_lossy(&body)
}

/// Answers in the language and currency that it was asked in.
async fn local() -> Origin {
    Origin::start(|request| async move {
        let said = |name: &str| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        let body = format!("language {} store {} cookie {}.", said("accept-language"), said("x-store"), said("cookie"));
        response(200, body, &[("cache-control", "max-age=60"), ("vary", "accept-language")])
    })
    .await
}

#[tokio::test]
async fn what_a_client_keeps_from_the_origin_decides_nothing() {
    let origin = local().await;
    let edge = edge(origin.address, ", key: {headers: [x-store], cookies: [currency]}");
    let honest = "Accept-Language: de\r\nX-Store: 7\r\nCookie: currency=EUR\r\n";
    for hidden in ["accept-language", "x-store", "cookie", "Accept-Language, X-Store , COOKIE"] {
        let answer = asked(&edge, &format!("{honest}Connection: {hidden}\r\n")).await;
        assert!(answer.contains(" -"), "{hidden} was hidden from the origin: {answer}");
    }
    for _ in 0..2 {
        let answer = asked(&edge, honest).await;
        assert!(answer.ends_with("language de store 7 cookie currency=EUR."), "{answer}");
    }
}

#[tokio::test]
async fn the_routes_own_times_do_not_share_what_is_for_who_shows_credentials() {
    for control in ["max-age=0, must-revalidate", "s-maxage=0", "no-cache, must-revalidate"] {
        let origin = Origin::start(move |request| async move {
            let who = request.headers().get("authorization").map_or("nobody", |_| "somebody");
            response(200, format!("page of {who}"), &[("cache-control", control), ("etag", "\"1\"")])
        })
        .await;
        let edge = edge(origin.address, ", override: {ttl: 60s}");
        assert!(asked(&edge, "Authorization: Bearer a\r\n").await.ends_with("page of somebody"));
        assert!(asked(&edge, "").await.ends_with("page of nobody"), "{control}");
    }
}

#[tokio::test]
async fn an_origin_that_codes_unasked_is_believed_of_its_vary() {
    let origin = Origin::start(|request| async move {
        assert_eq!(request.headers()["accept-encoding"], "identity");
        let fields = [("cache-control", "max-age=60"), ("content-encoding", "gzip"), ("vary", "accept-encoding")];
        response(200, "coded", &fields)
    })
    .await;
    let edge = edge(origin.address, ", compress: [gzip]");
    asked(&edge, "Accept-Encoding: gzip\r\n").await;
    let other = asked(&edge, "Accept-Encoding: identity\r\n").await;
    assert!(!other.contains("; hit"), "what one client can read is not kept for another: {other}");
    assert!(asked(&edge, "Accept-Encoding: gzip\r\n").await.contains("; hit"));
}

#[tokio::test]
async fn a_faulty_confirmation_reaches_nobody() {
    let origin = RawOrigin::start(|mut wire| async move {
        let mut confirmed = false;
        while let Some(head) = wire.next_whole_head().await {
            if head.to_lowercase().contains("if-none-match") && !confirmed {
                confirmed = true;
                wire.send("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nTransfer-Encoding: gzip\r\n\r\n").await;
            } else {
                wire.send(
                    "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nCache-Control: max-age=0\r\nContent-Length: 4\r\n\r\npage",
                )
                .await;
            }
        }
    })
    .await;
    let edge = edge(origin.address, "");
    for number in 0..4 {
        let answer = asked(&edge, "").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("page"), "request {number}: {answer}");
    }
}

#[tokio::test]
async fn a_confirmation_says_by_what_the_answer_differs() {
    let origin = Origin::start(|_| async move {
        let fields = [("cache-control", "max-age=60"), ("content-type", "text/html"), ("etag", "\"1\"")];
        response(200, "x".repeat(5000), &fields)
    })
    .await;
    let edge = edge(origin.address, ", compress: [gzip]");
    asked(&edge, "").await;
    let client = edge.client().build().unwrap();
    for lines in ["If-None-Match: \"1\"\r\n", "If-None-Match: \"1\"\r\nCache-Control: max-stale\r\n"] {
        let confirmed = asked(&edge, lines).await.to_lowercase();
        assert!(confirmed.starts_with("http/1.1 304") && confirmed.contains("vary: accept-encoding"), "{confirmed}");
    }
    let whole = client.get(edge.plain("/c/a")).header("host", "shop").send().await.unwrap();
    assert_eq!((whole.status(), &whole.headers()["vary"]), (StatusCode::OK, &"accept-encoding".parse().unwrap()));
}
