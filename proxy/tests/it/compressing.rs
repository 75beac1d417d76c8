//! Stored answers go out compressed, in the form that each client likes best.

use std::{io::Read, sync::Arc};

use http::StatusCode;
use reqwest::{Client, Response};
use tokio::sync::RwLock;

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: coded, match: {path: /c/**}, pool: origin, class: browse, cache: {zone: pages, compress: [zstd, br, gzip]}}
  - {name: plain, match: {path: /p/**}, pool: origin, class: core, cache: {zone: pages}}
"#;

fn page() -> String {
    (0..200).map(|number| format!("<li>product {number} of the catalogue</li>\n")).collect()
}

async fn started(fields: &[(&'static str, &'static str)]) -> (Origin, Edge, Client) {
    let fields = [&[("cache-control", "max-age=60"), ("etag", "\"1\"")], fields].concat();
    let origin = Origin::start(move |_| {
        let answer = response(200, page(), &fields);
        async move { answer }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    (origin, edge, client)
}

async fn get(client: &Client, url: &str, fields: &[(&str, &str)]) -> Response {
    let request = fields.iter().fold(client.get(url), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

fn field<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Asks until the form is made that a client with this header gets.
async fn coded(client: &Client, url: &str, accept: &str, coding: &str) -> Response {
    let mut found = None;
    wait_until(&format!("{coding} of {url}"), async || {
        let answer = get(client, url, &[("accept-encoding", accept)]).await;
        found = (field(&answer, "content-encoding") == coding).then_some(answer);
        found.is_some()
    })
    .await;
    found.unwrap()
}

fn decoded(coding: &str, coded: &[u8]) -> String {
    let mut text = String::new();
    match coding {
        "zstd" => zstd::stream::Decoder::new(coded).unwrap().read_to_string(&mut text),
        "br" => brotli::Decompressor::new(coded, 4096).read_to_string(&mut text),
        "gzip" => flate2::read::GzDecoder::new(coded).read_to_string(&mut text),
        other => panic!("no such coding: {other}"),
    }
    .unwrap();
    text
}

/// Key: routes[].cache.compress
#[tokio::test]
async fn each_client_gets_the_coding_that_it_likes_best() {
    let (origin, edge, client) = started(&[("content-type", "text/html; charset=utf-8")]).await;
    for url in [edge.secure("/c/a"), edge.plain("/c/a")] {
        let first = get(&client, &url, &[("accept-encoding", "gzip, deflate, br, zstd")]).await;
        assert_eq!((field(&first, "content-encoding"), field(&first, "vary")), ("", "accept-encoding"));
        assert_eq!(first.text().await.unwrap(), page());
        for (accept, coding) in [("gzip, deflate, br, zstd", "zstd"), ("gzip, br", "br"), ("gzip;q=0.1", "gzip")] {
            let answer = coded(&client, &url, accept, coding).await;
            assert_eq!((field(&answer, "etag"), field(&answer, "vary")), ("W/\"1\"", "accept-encoding"));
            let length: usize = field(&answer, "content-length").parse().unwrap();
            let body = answer.bytes().await.unwrap();
            assert_eq!(body.len(), length);
            assert!(length < page().len() / 4, "{coding} takes {length} of {}", page().len());
            assert_eq!(decoded(coding, &body), page());
        }
        for accept in ["identity", "deflate", "gzip;q=0, *;q=0"] {
            let answer = get(&client, &url, &[("accept-encoding", accept)]).await;
            assert_eq!((field(&answer, "content-encoding"), field(&answer, "etag")), ("", "\"1\""), "{accept}");
            assert_eq!(answer.text().await.unwrap(), page());
        }
    }
    assert_eq!(origin.asked().len(), 2, "once for each scheme, whatever clients accept");
    assert!(origin.asked().iter().all(|asked| asked.headers()["accept-encoding"] == "identity"));
}

#[tokio::test]
async fn any_form_confirms_any_other_and_ranges_are_of_the_answer_as_it_came() {
    let (_origin, edge, client) = started(&[("content-type", "text/html")]).await;
    let url = edge.secure("/c/a");
    get(&client, &url, &[]).await;
    coded(&client, &url, "br", "br").await;
    for tag in ["\"1\"", "W/\"1\""] {
        let confirmed = get(&client, &url, &[("accept-encoding", "br"), ("if-none-match", tag)]).await;
        assert_eq!((confirmed.status(), field(&confirmed, "etag")), (StatusCode::NOT_MODIFIED, "W/\"1\""));
        assert_eq!((field(&confirmed, "content-encoding"), field(&confirmed, "vary")), ("", "accept-encoding"));
    }
    let part = get(&client, &url, &[("accept-encoding", "br"), ("range", "bytes=4-10")]).await;
    assert_eq!((part.status(), field(&part, "content-encoding")), (StatusCode::PARTIAL_CONTENT, ""));
    assert_eq!(part.text().await.unwrap(), page()[4..=10]);
    let head = client.head(&url).header("accept-encoding", "br").send().await.unwrap();
    let whole = get(&client, &url, &[("accept-encoding", "br")]).await;
    assert_eq!(field(&head, "content-length"), field(&whole, "content-length"));
    assert_eq!(field(&head, "content-encoding"), "br");
}

/// An origin that confirms what it has said, or says something else, as it is told to.
async fn changing() -> (Origin, Arc<RwLock<(String, &'static str)>>) {
    let said = Arc::new(RwLock::new((page(), "max-age=0")));
    let now = Arc::clone(&said);
    let origin = Origin::start(move |request| {
        let now = Arc::clone(&now);
        async move {
            let (body, control) = now.read().await.clone();
            let tag = format!("\"{}\"", body.len());
            let fields = [("cache-control", control), ("etag", tag.as_str()), ("content-type", "text/html")];
            let known = request.headers().get("if-none-match").is_some_and(|known| known == tag.as_str());
            if known { response(304, "", &fields) } else { response(200, body, &fields) }
        }
    });
    (origin.await, said)
}

#[tokio::test]
async fn what_the_origin_says_with_a_confirmation_counts_at_once() {
    let (origin, said) = changing().await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    let url = edge.secure("/c/a");
    coded(&client, &url, "br", "br").await;
    said.write().await.1 = "max-age=60, no-transform";
    for _ in 0..3 {
        let answer = get(&client, &url, &[("accept-encoding", "br")]).await;
        assert_eq!(field(&answer, "content-encoding"), "");
        assert_eq!(answer.text().await.unwrap(), page());
    }
}

#[tokio::test]
async fn who_waited_for_another_answer_is_told_its_form_and_not_that_of_the_one_before() {
    let (origin, said) = changing().await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    let url = edge.secure("/c/a");
    coded(&client, &url, "br", "br").await;
    let asked = origin.asked().len();
    // As long as this is held, the origin does not answer.
    let mut said = said.write().await;
    let other = page().repeat(2);
    *said = (other.clone(), "max-age=60");
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move { get(&client, &url, &[("accept-encoding", "br")]).await })
        })
        .collect();
    wait_until("the origin is asked", async || origin.asked().len() > asked).await;
    drop(said);
    for client in clients {
        let answer = client.await.unwrap();
        assert_eq!(field(&answer, "content-encoding"), "");
        assert_eq!(answer.text().await.unwrap(), other);
    }
}

#[tokio::test]
async fn what_is_not_to_be_compressed_goes_out_as_it_came() {
    for fields in [
        &[("content-type", "image/png")][..],
        &[("content-type", "text/html"), ("cache-control", "no-transform")],
        &[("content-type", "text/html"), ("content-encoding", "x-made-up")],
        &[],
    ] {
        let (_origin, edge, client) = started(fields).await;
        let url = edge.secure("/c/a");
        for _ in 0..20 {
            let answer = get(&client, &url, &[("accept-encoding", "br")]).await;
            assert_ne!(field(&answer, "content-encoding"), "br", "{fields:?}");
            assert_eq!(field(&answer, "etag"), "\"1\"", "{fields:?}");
        }
    }
    let (origin, edge, client) = started(&[("content-type", "text/html")]).await;
    for _ in 0..20 {
        let answer = get(&client, &edge.secure("/p/a"), &[("accept-encoding", "br")]).await;
        assert_eq!(
            (field(&answer, "content-encoding"), field(&answer, "vary")),
            ("", ""),
            "the route compresses nothing"
        );
    }
    assert_eq!(origin.asked()[0].headers()["accept-encoding"], "br");
}
