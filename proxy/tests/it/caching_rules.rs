//! What a route says of its cache, each key with the difference that it makes.

use std::{net::SocketAddr, time::Duration};

use http::StatusCode;
use reqwest::{Client, Response};

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

fn text(origin: SocketAddr, route: &str) -> String {
    config(&[origin], "", route).replace("classes: [core, browse]", "classes: [core]")
}

/// An edge with one route, whose cache is set up so.
fn edge(origin: SocketAddr, cache: &str) -> Edge {
    let route = format!(
        "  - {{name: all, match: {{path: \"/**\"}}, pool: origin, class: core, cache: {{zone: pages{cache}}}}}"
    );
    Edge::start(&text(origin, &route))
}

async fn get(client: &Client, edge: &Edge, path: &str, fields: &[(&str, &str)]) -> Response {
    let request = client.get(edge.secure(path));
    fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

fn status(answer: &Response) -> &str {
    answer.headers()["cache-status"].to_str().unwrap()
}

fn is_hit(answer: &Response) -> bool {
    status(answer).starts_with("floodgate; hit")
}

/// Whether a second request is served out of the cache.
async fn is_kept(origin: &Origin, cache: &str) -> bool {
    let edge = edge(origin.address, cache);
    let client = edge.client().build().unwrap();
    get(&client, &edge, "/a", &[]).await.bytes().await.unwrap();
    is_hit(&get(&client, &edge, "/a", &[]).await)
}

/// Key: routes[].cache.override
/// Key: routes[].cache.override.ttl
/// Key: routes[].cache.negative
/// Key: routes[].cache.max_object
/// Key: routes[].cache.set_cookie
#[tokio::test]
async fn what_a_route_keeps_beyond_what_is_usual() {
    for (status, fields, body, cache) in [
        (200, &[("cache-control", "max-age=0")][..], "x", ", override: {ttl: 1h}"),
        (503, &[], "x", ", negative: {503: 1h}"),
        (200, &[("cache-control", "max-age=60"), ("set-cookie", "a=b")], "x", ", set_cookie: strip"),
    ] {
        let origin = Origin::start(move |_| async move { response(status, body, fields) }).await;
        assert!(!is_kept(&origin, "").await, "{cache}");
        assert!(is_kept(&origin, cache).await, "{cache}");
    }
    let origin = Origin::start(|_| async { response(200, vec![0; 2_000], &[("cache-control", "max-age=60")]) }).await;
    assert!(is_kept(&origin, "").await);
    assert!(!is_kept(&origin, ", max_object: 1KiB").await);
}

/// Key: routes[].cache.override.stale_while_revalidate
/// Key: routes[].cache.override.stale_if_error
#[tokio::test]
async fn what_a_route_says_of_stale_answers_holds_whatever_the_origin_says() {
    let origin = Origin::start(|asked| {
        let known = asked.headers().contains_key("if-none-match");
        let fields = [("cache-control", "max-age=60, must-revalidate"), ("age", "120"), ("etag", "\"1\"")];
        async move { if known { response(500, "", &[]) } else { response(200, "hello", &fields) } }
    })
    .await;
    for (cache, expected) in [
        ("", StatusCode::INTERNAL_SERVER_ERROR),
        (", override: {stale_while_revalidate: 1h}", StatusCode::OK),
        (", override: {stale_if_error: 1h}", StatusCode::OK),
    ] {
        let edge = edge(origin.address, cache);
        let client = edge.client().build().unwrap();
        get(&client, &edge, "/a", &[]).await;
        let asked = origin.asked().len();
        let answer = get(&client, &edge, "/a", &[]).await;
        assert_eq!(answer.status(), expected, "{cache}");
        if cache.contains("revalidate") {
            assert!(status(&answer).ends_with("detail=stale-while-revalidate"), "{answer:?}");
        } else {
            assert_eq!(origin.asked().len(), asked + 1, "{cache}");
        }
    }
}

/// Key: routes[].cache.sort_query
/// Key: routes[].cache.key
/// Key: routes[].cache.key.headers
/// Key: routes[].cache.key.cookies
#[tokio::test]
async fn what_belongs_to_the_key() {
    let origin = Origin::fixed("x", &[("cache-control", "max-age=60")]).await;
    for (cache, path, fields, is_the_same) in [
        ("", "/a?b=1&a=2", &[][..], false),
        (", sort_query: true", "/a?b=1&a=2", &[], true),
        ("", "/a?a=2&b=1", &[("x-country", "de"), ("cookie", "ab=1")], true),
        (", key: {headers: [x-country]}", "/a?a=2&b=1", &[("x-country", "de")], false),
        (", key: {headers: [x-country]}", "/a?a=2&b=1", &[("cookie", "ab=1")], true),
        (", key: {cookies: [ab]}", "/a?a=2&b=1", &[("cookie", "x=1; ab=1")], false),
        (", key: {cookies: [ab]}", "/a?a=2&b=1", &[("cookie", "x=1")], true),
    ] {
        let edge = edge(origin.address, cache);
        let client = edge.client().build().unwrap();
        get(&client, &edge, "/a?a=2&b=1", &[]).await;
        let answer = get(&client, &edge, path, fields).await;
        assert_eq!(is_hit(&answer), is_the_same, "{cache} {path} {fields:?}");
        assert!(is_hit(&get(&client, &edge, path, fields).await), "{cache} {path} {fields:?}");
    }
}

/// Key: routes[].cache.vary
/// Key: routes[].cache.vary.accept_language
/// Key: routes[].cache.vary.accept_encoding
/// Key: routes[].cache.vary.max
#[tokio::test]
async fn how_variants_are_told_apart() {
    let fields = &[("cache-control", "max-age=60"), ("vary", "accept-language, accept-encoding, x-a")];
    let origin = Origin::fixed("x", fields).await;
    let (german, austrian) = (("accept-language", "de"), ("accept-language", "de-AT, en;q=0.1"));
    let (gzip, in_other_words) = (("accept-encoding", "gzip"), ("accept-encoding", "deflate, gzip;q=0.5"));
    for (cache, first, second, is_the_same) in [
        ("", german, austrian, false),
        (", vary: {accept_language: [en, de]}", german, austrian, true),
        ("", gzip, in_other_words, true),
        (", vary: {accept_encoding: false}", gzip, in_other_words, false),
    ] {
        let edge = edge(origin.address, cache);
        let client = edge.client().build().unwrap();
        get(&client, &edge, "/a", &[first]).await;
        assert_eq!(is_hit(&get(&client, &edge, "/a", &[second]).await), is_the_same, "{cache} {second:?}");
    }
    let edge = edge(origin.address, ", vary: {max: 1}");
    let client = edge.client().build().unwrap();
    get(&client, &edge, "/a", &[("x-a", "1")]).await;
    get(&client, &edge, "/a", &[("x-a", "2")]).await;
    assert!(is_hit(&get(&client, &edge, "/a", &[("x-a", "2")]).await));
    get(&client, &edge, "/a", &[("x-a", "3")]).await;
    assert!(is_hit(&get(&client, &edge, "/a", &[("x-a", "3")]).await), "it comes in, and the second goes");
    assert!(!is_hit(&get(&client, &edge, "/a", &[("x-a", "2")]).await));
}

/// Key: routes[].cache.ignore_client
#[tokio::test]
async fn which_clients_are_heard() {
    let origin = Origin::fixed("x", &[("cache-control", "max-age=60")]).await;
    for (cache, directive, is_served) in [
        ("", "no-cache", false),
        (", ignore_client: all", "no-cache", true),
        (", ignore_client: [no_cache]", "no-cache", true),
        (", ignore_client: [no_cache]", "min-fresh=999", false),
        (", ignore_client: [min_fresh]", "min-fresh=999", true),
        (", ignore_client: all", "min-fresh=999", true),
    ] {
        let edge = edge(origin.address, cache);
        let client = edge.client().build().unwrap();
        get(&client, &edge, "/a", &[]).await;
        let answer = get(&client, &edge, "/a", &[("cache-control", directive)]).await;
        assert_eq!(is_hit(&answer), is_served, "{cache} {directive}");
    }
}

/// Key: routes[].cache.uncacheable_for
#[tokio::test]
async fn what_is_not_kept_is_remembered_for_a_while() {
    let origin = Origin::fixed("x", &[("cache-control", "no-store")]).await;
    for (cache, second) in [(", uncacheable_for: 1h", "fwd=bypass"), (", uncacheable_for: 0s", "fwd=uri-miss")] {
        let edge = edge(origin.address, cache);
        let client = edge.client().build().unwrap();
        assert!(status(&get(&client, &edge, "/a", &[]).await).contains("fwd=uri-miss"));
        assert!(status(&get(&client, &edge, "/a", &[]).await).contains(second), "{cache}");
    }
}

/// Nobody waits for an answer that turned out to be for nobody else.
#[tokio::test]
async fn what_cannot_be_kept_is_not_waited_for() {
    let (origin, gate) = Origin::gated("x", &[("cache-control", "private")]).await;
    let edge = edge(origin.address, "");
    let client = edge.client().build().unwrap();
    gate.open(1);
    get(&client, &edge, "/a", &[]).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (client, url) = (client.clone(), edge.secure("/a"));
        asking.spawn(async move { client.get(url).send().await.unwrap().status() });
    }
    wait_until("all five are at the origin at once", async || origin.asked().len() == 6).await;
    gate.open(5);
    assert_eq!(asking.join_all().await, [StatusCode::OK; 5]);
}

/// RFC 5861 s3: what is stale goes on being served; an origin that refuses to be asked so often has withdrawn nothing.
#[tokio::test]
async fn a_refresh_that_is_refused_takes_nothing_away() {
    let origin = Origin::start(|asked| {
        let known = asked.headers().contains_key("if-none-match");
        let lifetime = "max-age=60, stale-while-revalidate=3600";
        let fields = [("cache-control", lifetime), ("etag", "\"1\""), ("age", "120")];
        async move { if known { response(429, "", &[]) } else { response(200, "hello", &fields) } }
    })
    .await;
    let edge = edge(origin.address, "");
    let client = edge.client().build().unwrap();
    get(&client, &edge, "/a", &[]).await;
    wait_until("the refresh was refused, and tried again, and again", async || {
        let answer = get(&client, &edge, "/a", &[]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        assert!(status(&answer).ends_with("detail=stale-while-revalidate"), "{answer:?}");
        origin.asked().len() >= 4
    })
    .await;
}

#[tokio::test]
async fn a_request_that_has_been_here_before_is_refused() {
    let origin = Origin::fixed("x", &[]).await;
    let edge = edge(origin.address, "");
    for client in [edge.client().build().unwrap(), edge.client().http1_only().build().unwrap()] {
        let first = get(&client, &edge, "/a", &[]).await;
        let via = first.headers()["via"].to_str().unwrap().to_owned();
        let second = get(&client, &edge, "/a", &[("via", &format!("1.1 fred, {via}, 1.0 x"))]).await;
        assert_eq!(second.status(), StatusCode::LOOP_DETECTED);
    }
    edge.wait_for_metric(r#"floodgate_refusals_total{class="-",reason="loop"} 2"#).await;
}

#[tokio::test]
async fn the_key_is_told_to_proxies_of_our_own_alone() {
    let origin = Origin::fixed("x", &[("cache-control", "max-age=60")]).await;
    let route = "  - {name: all, match: {path: \"/**\"}, pool: origin, class: core, cache: {zone: pages}}";
    let text = text(origin.address, route);
    for (text, is_told) in
        [(text.clone(), false), (text.replace("classes:", "trusted_proxies: [127.0.0.1/32]\nclasses:"), true)]
    {
        let edge = Edge::start(&text);
        let client = edge.client().build().unwrap();
        let answer = get(&client, &edge, "/a?b", &[]).await;
        assert_eq!(status(&answer).contains("/a?b\""), is_told, "{answer:?}");
    }
}

#[tokio::test]
async fn one_refresh_however_many_ask() {
    let origin = Origin::start(|asked| {
        let known = asked.headers().contains_key("if-none-match");
        let lifetime = "max-age=60, stale-while-revalidate=3600";
        let fields = [("cache-control", lifetime), ("etag", "\"1\""), ("age", "120")];
        async move {
            if known {
                tokio::time::sleep(Duration::from_millis(300)).await;
                return response(304, "", &[("etag", "\"1\""), ("age", "0")]);
            }
            response(200, "hello", &fields)
        }
    })
    .await;
    let edge = edge(origin.address, "");
    let client = edge.client().build().unwrap();
    get(&client, &edge, "/a", &[]).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (client, url) = (client.clone(), edge.secure("/a"));
        asking.spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() });
    }
    assert_eq!(asking.join_all().await, ["hello"; 30]);
    wait_until("it is refreshed", async || !status(&get(&client, &edge, "/a", &[]).await).contains("ttl=-")).await;
    assert_eq!(origin.asked().len(), 2);
}

/// Key: routes[].cache.tags
/// Key: routes[].cache.tags.headers
/// Key: routes[].cache.tags.add
#[tokio::test]
async fn what_answers_can_be_purged_by() {
    let fields = &[("cache-control", "max-age=60"), ("x-tags", "red,blue"), ("surrogate-key", "green")];
    let origin = Origin::fixed("x", fields).await;
    let secrets = tempfile::tempdir().unwrap();
    std::fs::write(secrets.path().join("token"), "correct-horse-battery-staple").unwrap();
    let token = format!("admin: {{token: \"file:{}/token\", bind: \"127.0.0.1:0\"}}", secrets.path().display());
    for (cache, tag, is_purged) in [
        ("", "green", true),
        ("", "red", false),
        (", tags: {headers: [x-tags]}", "red", true),
        (", tags: {headers: [x-tags]}", "green", false),
        (", tags: {add: [\"product:{id}\"]}", "product:7", true),
        (", tags: {add: [\"product:{id}\"]}", "product:8", false),
    ] {
        let route = format!(
            "  - {{name: all, match: {{path: \"/p/{{id}}\"}}, pool: origin, class: core, cache: {{zone: pages{cache}}}}}"
        );
        let edge = Edge::start(&text(origin.address, &route).replace("admin: {bind: \"127.0.0.1:0\"}", &token));
        let client = edge.client().build().unwrap();
        get(&client, &edge, "/p/7", &[]).await;
        let purge = Client::new().post(format!("http://{}/purge", edge.address("admin")));
        let purge = purge.bearer_auth("correct-horse-battery-staple").body(format!("{{\"tag\": \"{tag}\"}}"));
        assert_eq!(purge.send().await.unwrap().status(), StatusCode::OK);
        let answer = get(&client, &edge, "/p/7", &[]).await;
        assert_eq!(is_hit(&answer), !is_purged, "{cache} {tag}");
        let listed = if cache.contains("x-tags") { "x-tags" } else { "surrogate-key" };
        assert!(!answer.headers().contains_key(listed), "{answer:?}");
    }
}
