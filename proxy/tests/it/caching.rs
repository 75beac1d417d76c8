//! What the cache serves, and what it must not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use reqwest::{Client, Response};

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - name: cached
    match: {path: /c/**}
    pool: origin
    class: browse
    cache: {zone: pages, stale_while_revalidate: 0s, stale_if_error: 1m, query: {drop: [utm_source]}}
  - {name: passed, match: {path: /**}, pool: origin, class: core}
"#;

async fn get(client: &Client, url: String, fields: &[(&str, &str)]) -> Response {
    let request = fields.iter().fold(client.get(url), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

fn cache_status(answer: &Response) -> String {
    let status = answer.headers()["cache-status"].to_str().unwrap();
    let without = |status: &str, parameter| status.split(parameter).next().unwrap().to_owned();
    without(&without(status, "; ttl"), "; detail").trim_start_matches("floodgate; ").to_owned()
}

/// Key: zones
/// Key: routes[].cache
/// Key: routes[].cache.zone
/// Key: routes[].cache.query.drop
#[tokio::test]
async fn the_second_request_is_a_hit_and_says_how_old_it_is() {
    let origin = Origin::fixed("hello", &[("cache-control", "max-age=60"), ("etag", "\"1\"")]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    let miss = get(&client, edge.secure("/c/a?utm_source=x"), &[]).await;
    assert_eq!((cache_status(&miss).as_str(), miss.headers().get("age")), ("fwd=uri-miss; stored", None));
    assert_eq!(miss.text().await.unwrap(), "hello");
    let hit = get(&client, edge.secure("/c/a"), &[]).await;
    assert_eq!(cache_status(&hit), "hit");
    assert!(hit.headers()["age"].to_str().unwrap().parse::<u32>().unwrap() < 60);
    assert_eq!(hit.text().await.unwrap(), "hello");
    let unchanged = get(&client, edge.secure("/c/a"), &[("if-none-match", "\"1\"")]).await;
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    let part = get(&client, edge.secure("/c/a"), &[("range", "bytes=1-2")]).await;
    assert_eq!((part.status(), part.text().await.unwrap().as_str()), (StatusCode::PARTIAL_CONTENT, "el"));
    let head = client.head(edge.secure("/c/a")).send().await.unwrap();
    assert_eq!((cache_status(&head).as_str(), head.headers()["content-length"].to_str().unwrap()), ("hit", "5"));
    assert_eq!(origin.asked().len(), 1);
    assert_eq!(cache_status(&get(&client, edge.secure("/not-cached"), &[]).await), "fwd=bypass");
    edge.wait_for_metric(r#"floodgate_cache_requests_total{result="hit",route="cached"} 4"#).await;
    edge.wait_for_metric(r#"floodgate_cache_objects{zone="pages"} 1"#).await;
}

#[tokio::test]
async fn hosts_queries_and_schemes_do_not_meet() {
    let origin = Origin::fixed("hello", &[("cache-control", "max-age=60")]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    for (path, host) in [("/c/a", "one"), ("/c/a", "two"), ("/c/a?x=1", "one"), ("/c/a?x=2", "one"), ("/c/A", "one")] {
        let answer = get(&client, edge.plain(path), &[("host", host)]).await;
        assert_eq!(cache_status(&answer), "fwd=uri-miss; stored", "{host}{path}");
    }
    assert_eq!(cache_status(&get(&client, edge.secure("/c/a"), &[]).await), "fwd=uri-miss; stored");
}

#[tokio::test]
async fn personal_answers_are_never_kept() {
    for (name, request, answered) in [
        ("set-cookie", &[][..], &[("cache-control", "max-age=60"), ("set-cookie", "sid=1")][..]),
        ("private", &[], &[("cache-control", "private, max-age=60")]),
        ("no-store", &[], &[("cache-control", "no-store")]),
        ("authorization", &[("authorization", "Basic eDp5")], &[("cache-control", "max-age=60")]),
        ("vary any", &[], &[("cache-control", "max-age=60"), ("vary", "*")]),
        ("no lifetime", &[], &[]),
    ] {
        let origin = Origin::fixed("mine", answered).await;
        let edge = Edge::start(&config(&[origin.address], "", ROUTES));
        let client = edge.client().build().unwrap();
        for _ in 0..2 {
            let status = cache_status(&get(&client, edge.secure("/c/a"), request).await);
            assert!(["fwd=uri-miss", "fwd=bypass"].contains(&status.as_str()), "{name}: {status}");
        }
        assert_eq!(origin.asked().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_body_or_a_hidden_parameter_never_poisons_a_page() {
    let origin = Origin::start(async |asked| {
        let answer = format!("{} {}", asked.uri(), String::from_utf8_lossy(asked.body()));
        response(200, answer, &[("cache-control", "max-age=60")])
    })
    .await;
    let routes = ROUTES.replace("query: {drop: [utm_source]}", "query: {keep: [page]}");
    let edge = Edge::start(&config(&[origin.address], "", &routes));
    for client in [edge.client().build().unwrap(), edge.client().http1_only().build().unwrap()] {
        let evil = client.get(edge.secure("/c/fat")).body("evil").send().await.unwrap();
        assert_eq!((cache_status(&evil).as_str(), evil.text().await.unwrap().as_str()), ("fwd=bypass", "/c/fat evil"));
    }
    let client = edge.client().build().unwrap();
    for path in ["/c/a?%70age=2", "/c/a?x;page=2"] {
        assert_eq!(get(&client, edge.secure(path), &[]).await.text().await.unwrap(), format!("{path} "));
    }
    for (path, expected) in [("/c/fat", "/c/fat "), ("/c/a", "/c/a ")] {
        assert_eq!(get(&client, edge.secure(path), &[]).await.text().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn expires_counts_from_the_date_of_the_confirmation() {
    let origin = Origin::start(async |asked| {
        let date = |ahead_s| httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(ahead_s));
        let fields = [("date", date(0)), ("expires", date(2)), ("etag", "\"1\"".to_owned())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        response(if asked.headers().contains_key("if-none-match") { 304 } else { 200 }, "", &fields)
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    get(&client, edge.secure("/c/a"), &[]).await;
    let mut confirmed = 0;
    wait_until("it was confirmed twice", async || {
        let answer = get(&client, edge.secure("/c/a"), &[]).await;
        let status = answer.headers()["cache-status"].to_str().unwrap().to_owned();
        let (_, ttl) = status.rsplit_once("ttl=").unwrap();
        assert!(ttl.parse::<i64>().unwrap() <= 2, "{status}");
        confirmed += u32::from(status.contains("fwd-status=304"));
        confirmed == 2
    })
    .await;
}

#[tokio::test]
async fn vary_keeps_the_variants_apart() {
    let origin = Origin::start(async |asked| {
        let language = asked.headers().get("accept-language").map(|v| v.to_str().unwrap().to_owned());
        let fields = [("cache-control", "max-age=60"), ("vary", "Accept-Language")];
        response(200, language.unwrap_or_default(), &fields)
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    for (language, status) in
        [("de", "fwd=uri-miss; stored"), ("en", "fwd=vary-miss; stored"), ("de", "hit"), ("en", "hit")]
    {
        let answer = get(&client, edge.secure("/c/a"), &[("accept-language", language)]).await;
        assert_eq!(cache_status(&answer), status, "{language}");
        assert_eq!(answer.text().await.unwrap(), language);
    }
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_request_to_the_origin() {
    let origin = Origin::start(async |_| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        response(200, vec![b'x'; 200_000], &[("cache-control", "max-age=60")])
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (client, url) = (client.clone(), edge.secure("/c/slow"));
        asking.spawn(async move { client.get(url).send().await.unwrap().bytes().await.unwrap().len() });
    }
    assert_eq!(asking.join_all().await, [200_000; 50]);
    assert_eq!(origin.asked().len(), 1);
}

/// Key: routes[].cache.stale_if_error
#[tokio::test]
async fn an_expired_answer_is_revalidated_and_outlives_a_failing_origin() {
    let failing = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&failing);
    let origin = Origin::start(move |asked| {
        let fails = fails.load(Ordering::Relaxed);
        let fields = [("cache-control", "max-age=1"), ("etag", "\"1\"")];
        let known = asked.headers().get("if-none-match").is_some_and(|tag| tag == "\"1\"");
        async move {
            match (fails, known) {
                (true, _) => response(500, "broken", &[]),
                (false, true) => response(304, "", &fields),
                (false, false) => response(200, "hello", &fields),
            }
        }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    get(&client, edge.secure("/c/a"), &[]).await;
    wait_until("the answer expires and is confirmed", async || {
        cache_status(&get(&client, edge.secure("/c/a"), &[]).await) == "fwd=stale; fwd-status=304"
    })
    .await;
    failing.store(true, Ordering::Relaxed);
    wait_until("the answer is served stale", async || {
        let answer = get(&client, edge.secure("/c/a"), &[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let stale = answer.headers()["cache-status"].to_str().unwrap().contains("ttl=-");
        stale && answer.text().await.unwrap() == "hello"
    })
    .await;
    assert!(edge.metrics().await.contains(r#"result="error_status"}"#), "what was hidden from clients is counted");
    let never_seen = get(&client, edge.secure("/c/b"), &[]).await;
    assert_eq!(never_seen.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_refresh_in_the_background_keeps_nobody_waiting() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let origin = Origin::start(move |_| {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let fields = [("cache-control", "max-age=1, stale-while-revalidate=60")];
        async move { response(200, before.to_string(), &fields) }
    })
    .await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    assert_eq!(get(&client, edge.secure("/c/a"), &[]).await.text().await.unwrap(), "0");
    wait_until("a stale answer was served", async || {
        let answer = get(&client, edge.secure("/c/a"), &[]).await;
        let stale = answer.headers()["cache-status"].to_str().unwrap().contains("ttl=-");
        let body = answer.text().await.unwrap();
        assert!(body == "0" || !stale, "what is stale is the old answer, got {body}");
        stale
    })
    .await;
    wait_until("it was refreshed", async || get(&client, edge.secure("/c/a"), &[]).await.text().await.unwrap() != "0")
        .await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_kept() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut tcp, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let mut request = [0; 4096];
            if tcp.read(&mut request).await.is_ok() {
                let half = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf";
                tcp.write_all(half).await.ok();
            }
        }
    });
    let edge = Edge::start(&config(&[address], "", ROUTES));
    let client = edge.client().build().unwrap();
    for asked in 1..=2 {
        let answer = client.get(edge.secure("/c/a")).send().await;
        // Depending on how much had been passed on, the client sees a refusal or an answer that breaks off.
        let whole = match answer {
            Ok(answer) if answer.status() == StatusCode::OK => answer.bytes().await.ok(),
            Ok(answer) => (answer.status() != StatusCode::BAD_GATEWAY).then(Default::default),
            Err(_broken) => None,
        };
        assert_eq!(whole, None, "half an answer is not an answer");
        assert_eq!(served.load(Ordering::Relaxed), asked);
    }
}

/// One route to `/c/**` with this policy.
fn cached(origin: &Origin, policy: &str) -> Edge {
    let routes = ROUTES.replace(
        "{zone: pages, stale_while_revalidate: 0s, stale_if_error: 1m, query: {drop: [utm_source]}}",
        &format!("{{zone: pages{policy}}}"),
    );
    assert_ne!(routes, ROUTES);
    Edge::start(&config(&[origin.address], "", &routes))
}

/// Key: routes[].cache.default_ttl
#[tokio::test]
async fn an_answer_that_states_no_lifetime_gets_the_routes() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = cached(&origin, ", default_ttl: 1h");
    let client = edge.client().build().unwrap();
    get(&client, edge.secure("/c/a"), &[]).await;
    let answer = get(&client, edge.secure("/c/a"), &[]).await;
    assert_eq!(cache_status(&answer), "hit");
    let (_, ttl_s) = answer.headers()["cache-status"].to_str().unwrap().rsplit_once("ttl=").unwrap();
    assert!((3_000..=3_600).contains(&ttl_s.parse::<i64>().unwrap()), "{ttl_s}");
}

/// Key: routes[].cache.stale_while_revalidate
#[tokio::test]
async fn an_answer_that_states_nothing_more_may_be_stale_as_long_as_the_route_says() {
    let origin = Origin::fixed("hello", &[("cache-control", "max-age=1")]).await;
    let edge = cached(&origin, ", stale_while_revalidate: 1h");
    let client = edge.client().build().unwrap();
    wait_until("it is served stale", async || {
        let answer = get(&client, edge.secure("/c/a"), &[]).await;
        let status = answer.headers()["cache-status"].to_str().unwrap();
        assert!(!status.contains("fwd=stale"), "nobody waits: {status}");
        status.contains("ttl=-")
    })
    .await;
}

/// Key: routes[].cache.query
/// Key: routes[].cache.query.keep
#[tokio::test]
async fn the_query_counts_as_the_route_says() {
    let origin = Origin::fixed("hello", &[("cache-control", "max-age=60")]).await;
    for (query, second) in [
        ("", "fwd=uri-miss; stored"),
        (", query: all", "fwd=uri-miss; stored"),
        (", query: {keep: [page]}", "hit"),
        (", query: {drop: [x]}", "hit"),
    ] {
        let edge = cached(&origin, query);
        let client = edge.client().build().unwrap();
        get(&client, edge.secure("/c/a?page=1&x=1"), &[]).await;
        let answer = get(&client, edge.secure("/c/a?x=2&page=1"), &[]).await;
        assert_eq!(cache_status(&answer), second, "{query}");
        let other = get(&client, edge.secure("/c/a?x=2&page=2"), &[]).await;
        assert_eq!(cache_status(&other), "fwd=uri-miss; stored", "{query}");
    }
}

/// Key: zones.*.memory
/// Key: zones.*.max_object
#[tokio::test]
async fn a_zone_keeps_no_more_and_nothing_larger_than_it_says() {
    let origin = Origin::start(async |asked| {
        let size = asked.uri().path().trim_start_matches("/c/").split('-').next().unwrap().parse().unwrap();
        response(200, vec![b'x'; size], &[("cache-control", "max-age=60")])
    })
    .await;
    let text = config(&[origin.address], "", ROUTES)
        .replace("{memory: 16MiB, max_object: 1MiB}", "{memory: 128KiB, max_object: 10KiB}");
    let edge = Edge::start(&text);
    let client = edge.client().build().unwrap();
    let status = async |path: &str| {
        let answer = get(&client, edge.secure(path), &[]).await;
        let status = cache_status(&answer);
        answer.bytes().await.unwrap();
        status
    };
    for (path, second) in [("/c/10000-fits", "hit"), ("/c/11000-does-not", "fwd=bypass")] {
        status(path).await;
        assert_eq!(status(path).await, second, "{path}");
    }
    for number in 0..40 {
        assert_eq!(status(&format!("/c/8000-{number}")).await, "fwd=uri-miss; stored");
    }
    let metrics = edge.metrics().await;
    let value = |name: &str| -> u64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    let (bytes, evicted) = (value("floodgate_cache_bytes"), value("floodgate_cache_evictions_total"));
    assert!(bytes <= 128 * 1024 && evicted >= 20, "{bytes} bytes, {evicted} evicted");
}

#[tokio::test]
async fn routes_that_only_the_method_tells_apart_keep_their_answers_apart() {
    let fields = &[("cache-control", "max-age=60")];
    let (for_get, for_head) = (Origin::fixed("get", fields).await, Origin::fixed("head", fields).await);
    let text = config(
        &[for_get.address],
        "",
        "  - {name: get, match: {path: /m/**, method: GET}, pool: origin, class: core, cache: {zone: pages}}\n  - {name: other, match: {path: /m/**}, pool: second, class: browse, cache: {zone: pages}}\n",
    );
    let second = format!("pools:\n  second: {{endpoints: [\"{}\"]}}", for_head.address);
    let edge = Edge::start(&text.replace("pools:", &second));
    let client = edge.client().build().unwrap();
    // Kept as the answer to a GET, because that is what is asked of the origin.
    client.head(edge.secure("/m/1")).send().await.unwrap();
    assert_eq!(for_head.asked().len(), 1);
    assert_eq!(client.get(edge.secure("/m/1")).send().await.unwrap().text().await.unwrap(), "get");
}
