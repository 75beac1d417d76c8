//! Which route a request takes, which pool that is, and what the origin and the client see of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::StatusCode;
use reqwest::{Client, Response};

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

/// What is left of the requests, so that both classes are used.
const REST: &str = r#"
  - {name: rest, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

/// A configuration with a second pool, `next`.
fn with_next(origin: &Origin, next: &Origin, routes: &str) -> String {
    let pools = format!("pools:\n  next: {{endpoints: [\"{}\"]}}\n", next.address);
    config(&[origin.address], "", &format!("{routes}{REST}")).replace("pools:\n", &pools)
}

async fn get(client: &Client, url: String, fields: &[(&str, &str)]) -> Response {
    let request = fields.iter().fold(client.get(url), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

async fn body(client: &Client, url: String, fields: &[(&str, &str)]) -> String {
    get(client, url, fields).await.text().await.unwrap()
}

fn cache_status(answer: &Response) -> String {
    let status = answer.headers()["cache-status"].to_str().unwrap();
    status.split("; ttl").next().unwrap().trim_start_matches("floodgate; ").to_owned()
}

/// Key: routes
/// Key: routes[].match
/// Key: routes[].match.headers
/// Key: routes[].match.headers.*.is
/// Key: routes[].match.headers.*.prefix
/// Key: routes[].match.headers.*.contains
/// Key: routes[].match.headers.*.present
/// Key: routes[].match.query
/// Key: routes[].match.query.*.is
/// Key: routes[].match.query.*.prefix
/// Key: routes[].match.query.*.contains
/// Key: routes[].match.query.*.present
#[tokio::test]
async fn conditions_choose_among_routes_of_one_path() {
    let (origin, next) = (Origin::fixed("rest", &[]).await, Origin::fixed("next", &[]).await);
    for (condition, holds, fails) in [
        (r#"x-a: "yes""#, &["yes"][..], &["no", "yes.", ""][..]),
        ("x-a: {is: \"yes\"}", &["yes"], &["YES"]),
        ("x-a: {prefix: Shop/}", &["Shop/7", "Shop/"], &["Shop", "a Shop/"]),
        ("x-a: {contains: bot}", &["a bot", "bot"], &["robo"]),
        ("x-a: {present: true}", &["anything", ""], &[]),
    ] {
        let routes = format!(
            "
  - {{name: header, match: {{path: /h/**, headers: {{{condition}}}}}, pool: next, class: core}}
  - {{name: query, match: {{path: /q/**, query: {{{condition}}}}}, pool: next, class: core}}"
        );
        let edge = Edge::start(&with_next(&origin, &next, &routes));
        let client = edge.client().build().unwrap();
        let query = |value: &str| edge.secure(&format!("/q/x?b=1&x%2da={}", value.replace(' ', "+")));
        for (values, expected) in [(holds, "next"), (fails, "rest")] {
            for value in values {
                let header = body(&client, edge.secure("/h/x"), &[("x-a", value)]).await;
                assert_eq!((header.as_str(), *value), (expected, *value), "{condition}");
                assert_eq!(body(&client, query(value), &[]).await, expected, "{condition} {value}");
            }
        }
        assert_eq!(body(&client, edge.secure("/h/x?x-a=yes"), &[]).await, "rest", "{condition}");
        assert_eq!(body(&client, edge.secure("/q/x"), &[("x-a", "yes")]).await, "rest", "{condition}");
    }
    let routes = "
  - {name: absent, match: {path: /x, headers: {x-a: {present: false}}, query: {a: {present: false}}}, pool: next, class: core}";
    let edge = Edge::start(&with_next(&origin, &next, routes));
    let client = edge.client().build().unwrap();
    assert_eq!(body(&client, edge.secure("/x?b"), &[("x-b", "1")]).await, "next");
    assert_eq!(body(&client, edge.secure("/x"), &[("x-a", "")]).await, "rest");
    assert_eq!(body(&client, edge.secure("/x?a"), &[]).await, "rest");
}

/// Key: routes[].match.host
/// Key: routes[].match.path
/// Key: routes[].match.method
/// Key: routes[].name
/// Key: routes[].pool
/// Key: routes
/// Key: routes[].match
#[tokio::test]
async fn a_condition_sees_every_cookie() {
    let (origin, next) = (Origin::fixed("rest", &[]).await, Origin::fixed("next", &[]).await);
    let routes = r#"
  - {name: beta, match: {path: /h, headers: {cookie: {contains: "beta=yes"}}}, pool: next, class: core}"#;
    let edge = Edge::start(&with_next(&origin, &next, routes));
    let client = edge.client().build().unwrap();
    // HTTP/2 lets a client send a line for each; sent so over HTTP/1, it means the same.
    for url in [edge.secure("/h"), edge.plain("/h")] {
        assert_eq!(body(&client, url.clone(), &[("cookie", "a=1"), ("cookie", "beta=yes")]).await, "next");
        assert_eq!(body(&client, url, &[("cookie", "a=1"), ("cookie", "beta=no")]).await, "rest");
    }
    let asked = next.asked();
    assert!(asked.iter().all(|asked| asked.headers().get_all("cookie").iter().eq(["a=1; beta=yes"])));
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn the_most_specific_route_serves() {
    let (origin, next) = (Origin::fixed("rest", &[]).await, Origin::fixed("next", &[]).await);
    let routes = r#"
  - {name: host, match: {host: shop.example, path: /a/**}, pool: next, class: core}
  - {name: wildcard, match: {host: "*.example", path: /b/**}, pool: next, class: core}
  - {name: template, match: {path: "/c/{id}"}, pool: next, class: core}
  - {name: method, match: {path: /d, method: POST}, pool: next, class: core}"#;
    let edge = Edge::start(&with_next(&origin, &next, routes));
    let client = edge.client().build().unwrap();
    for (host, path, expected) in [
        ("shop.example", "/a/x", "next"),
        ("shop.example:81", "/a/x", "next"),
        ("other.example", "/a/x", "rest"),
        ("any.example", "/b", "next"),
        ("deep.any.example", "/b", "rest"),
        ("h", "/c/7", "next"),
        ("h", "/c/7/8", "rest"),
        ("h", "/d", "rest"),
    ] {
        assert_eq!(body(&client, edge.plain(path), &[("host", host)]).await, expected, "{host}{path}");
    }
    assert_eq!(client.post(edge.plain("/d")).send().await.unwrap().text().await.unwrap(), "next");
    edge.wait_for_metric(r#"floodgate_requests_total{class="core",route="template",status_class="2xx"} 1"#).await;
}

/// How many of these clients the pool `next` served.
async fn clients_of_next(
    edge: &Edge,
    path: &str,
    clients: usize,
    field: impl Fn(usize) -> (&'static str, String),
) -> Vec<bool> {
    let http = edge.client().build().unwrap();
    let mut of_next = Vec::with_capacity(clients);
    for number in 0..clients {
        let (name, value) = field(number);
        of_next.push(body(&http, edge.plain(path), &[(name, &value)]).await == "next");
    }
    of_next
}

const CLIENTS: usize = 2_000;

fn address(number: usize) -> (&'static str, String) {
    ("x-forwarded-for", format!("198.18.{}.{}", number / 256, number % 256))
}

fn from_anywhere(text: String) -> String {
    text.replace("pools:\n", "trusted_proxies: [\"127.0.0.0/8\"]\npools:\n")
}

/// Key: routes[].split
/// Key: routes[].split.pools
#[tokio::test]
async fn a_split_deals_clients_by_weight_and_keeps_each_where_it_is() {
    let (origin, next) = (Origin::fixed("origin", &[]).await, Origin::fixed("next", &[]).await);
    let split = |stable: u32, canary: u32| {
        let routes = format!(
            "
  - {{name: split, match: {{path: /s}}, split: {{pools: {{origin: {stable}, next: {canary}}}}}, class: core}}"
        );
        from_anywhere(with_next(&origin, &next, &routes))
    };
    let edge = Edge::start(&split(80, 20));
    let before = clients_of_next(&edge, "/s", CLIENTS, address).await;
    let count = before.iter().filter(|next| **next).count();
    assert!((310..490).contains(&count), "20 % of {CLIENTS} is 400, got {count}");
    assert_eq!(before[..200], clients_of_next(&edge, "/s", 200, address).await, "each stays");
    // Another process with other weights: only those move who make the difference.
    let edge = Edge::start(&split(70, 30));
    let after = clients_of_next(&edge, "/s", CLIENTS, address).await;
    let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert!((140..270).contains(&moved), "10 % of {CLIENTS} is 200, got {moved}");
    assert!(before.iter().zip(&after).all(|(before, after)| !before || *after), "nobody goes back");
}

/// Key: routes[].split.by
#[tokio::test]
async fn a_split_tells_clients_apart_by_what_it_is_told() {
    let (origin, next) = (Origin::fixed("origin", &[]).await, Origin::fixed("next", &[]).await);
    let routes = r#"
  - {name: address, match: {path: /address}, split: {pools: {origin: 1, next: 1}, by: "hash:address"}, class: core}
  - {name: cookie, match: {path: /cookie}, split: {pools: {origin: 1, next: 1}, by: "hash:cookie:sid"}, class: core}
  - {name: header, match: {path: /header}, split: {pools: {origin: 1, next: 1}, by: "hash:header:x-tenant"}, class: core}"#;
    let edge = Edge::start(&from_anywhere(with_next(&origin, &next, routes)));
    let cookie = |number: usize| ("cookie", format!("a=b; sid={number}"));
    let tenant = |number: usize| ("x-tenant", number.to_string());
    let both = |of_next: &[bool]| of_next.contains(&true) && of_next.contains(&false);
    for (path, own) in [("/address", &address as &dyn Fn(usize) -> _), ("/cookie", &cookie), ("/header", &tenant)] {
        let mut varied = Vec::new();
        for field in [&address as &dyn Fn(usize) -> _, &cookie, &tenant] {
            varied.push(both(&clients_of_next(&edge, path, 40, field).await));
        }
        assert!(both(&clients_of_next(&edge, path, 40, own).await), "{path}");
        // Without cookie or field, the address counts.
        let expected = match path {
            "/address" => [true, false, false],
            "/cookie" => [true, true, false],
            _ => [true, false, true],
        };
        assert_eq!(varied, expected, "{path}");
    }
}

/// Key: routes[].split.by
#[tokio::test]
async fn a_drawn_client_is_told_and_followed() {
    let (origin, next) = (Origin::fixed("origin", &[]).await, Origin::fixed("next", &[]).await);
    let routes = |stable: u32, canary: u32| {
        format!(
            "
  - {{name: split, match: {{path: /s}}, split: {{pools: {{origin: {stable}, next: {canary}}}, by: \"cookie:v\"}}, class: core}}"
        )
    };
    let edge = Edge::start(&with_next(&origin, &next, &routes(80, 20)));
    let client = edge.client().build().unwrap();
    let mut of_next = 0;
    for _ in 0..CLIENTS {
        let answer = get(&client, edge.plain("/s"), &[]).await;
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        let pool = answer.text().await.unwrap();
        assert_eq!(cookie, format!("v={pool}; Path=/; HttpOnly; SameSite=Lax"));
        of_next += usize::from(pool == "next");
    }
    assert!((310..490).contains(&of_next), "20 % of {CLIENTS} is 400, got {of_next}");
    let secure = get(&client, edge.secure("/s"), &[]).await;
    assert!(secure.headers()["set-cookie"].to_str().unwrap().contains("; Secure; "));
    for pool in ["origin", "next"] {
        for _ in 0..20 {
            let answer = get(&client, edge.plain("/s"), &[("cookie", &format!("a=b; v={pool}"))]).await;
            assert!(!answer.headers().contains_key("set-cookie"), "it knows");
            assert_eq!(answer.text().await.unwrap(), pool);
        }
    }
    let unknown = get(&client, edge.plain("/s"), &[("cookie", "v=gone")]).await;
    assert!(unknown.headers().contains_key("set-cookie"), "what it does not know is drawn again");
    // Turned off: nobody new, and who is there stays there.
    edge.rewrite_config(|text| text.replace("{origin: 80, next: 20}", "{origin: 1, next: 0}"));
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");
    assert_eq!(body(&client, edge.plain("/s"), &[("cookie", "v=next")]).await, "next");
    for _ in 0..50 {
        assert_eq!(body(&client, edge.plain("/s"), &[]).await, "origin");
    }
}

#[tokio::test]
async fn a_cookie_of_a_split_is_for_one_client_and_for_a_pool_that_works() {
    let public = &[("cache-control", "public, max-age=60"), ("cdn-cache-control", "max-age=60")];
    let origin = Origin::fixed("origin", public).await;
    let failing = Origin::start(|_| async { crate::origin::response(503, "no", &[]) }).await;
    let routes = r#"
  - {name: good, match: {path: /good}, split: {pools: {origin: 1, next: 0}, by: "cookie:v"}, class: core}
  - {name: bad, match: {path: /bad}, split: {pools: {origin: 0, next: 1}, by: "cookie:v"}, class: core}"#;
    let edge = Edge::start(&with_next(&origin, &failing, routes));
    let client = edge.client().build().unwrap();
    let drawn = get(&client, edge.plain("/good"), &[]).await;
    assert!(drawn.headers().contains_key("set-cookie") && !drawn.headers().contains_key("cdn-cache-control"));
    assert_eq!(
        (&drawn.headers()["cache-control"], &drawn.headers()["vary"]),
        (&"private, no-store".parse().unwrap(), &"cookie".parse().unwrap())
    );
    let known = get(&client, edge.plain("/good"), &[("cookie", "v=origin")]).await;
    assert_eq!(
        (&known.headers()["cache-control"], &known.headers()["vary"]),
        (&"public, max-age=60".parse().unwrap(), &"cookie".parse().unwrap())
    );
    let failed = get(&client, edge.plain("/bad"), &[]).await;
    assert!(failed.status() == StatusCode::SERVICE_UNAVAILABLE && !failed.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn a_rule_about_cookies_does_not_mean_that_of_the_split() {
    let (origin, next) = (Origin::fixed("origin", &[("set-cookie", "sid=1")]).await, Origin::fixed("next", &[]).await);
    let routes = r#"
  - {name: removed, match: {path: /r}, split: {pools: {origin: 1, next: 0}, by: "cookie:v"}, class: core,
     response_headers: {remove: [set-cookie]}}
  - {name: replaced, match: {path: /s}, split: {pools: {origin: 1, next: 0}, by: "cookie:v"}, class: core,
     response_headers: {set: {set-cookie: "own=1"}}}"#;
    let edge = Edge::start(&with_next(&origin, &next, routes));
    let client = edge.client().build().unwrap();
    let own = "v=origin; Path=/; HttpOnly; SameSite=Lax";
    for (path, cookies) in [("/r", &[own][..]), ("/s", &["own=1", own])] {
        let answer = get(&client, edge.plain(path), &[]).await;
        assert!(answer.headers().get_all("set-cookie").iter().eq(cookies), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn the_cache_keeps_the_answers_of_a_canary_apart() {
    let (origin, next) = (
        Origin::fixed("origin", &[("cache-control", "max-age=60")]).await,
        Origin::fixed("next", &[("cache-control", "max-age=60")]).await,
    );
    let routes = r#"
  - {name: split, match: {path: /s}, split: {pools: {origin: 1, next: 1}, by: "cookie:v"}, class: core, cache: {zone: pages}}
  - {name: stable, match: {path: /c}, pool: origin, class: core, cache: {zone: pages}}
  - {name: beta, match: {path: /c, headers: {x-beta: "yes"}}, pool: next, class: core, cache: {zone: pages}}
  - name: beta_of_a_query_that_is_not_in_the_key
    match: {path: /c, query: {beta: "1"}, headers: {x-beta: {present: true}}}
    pool: next
    class: core
    cache: {zone: pages, query: {keep: []}}"#;
    let edge = Edge::start(&with_next(&origin, &next, routes));
    let client = edge.client().build().unwrap();
    for round in ["fwd=uri-miss; stored", "hit"] {
        for (path, field, expected) in [
            ("/s", ("cookie", "v=origin"), "origin"),
            ("/s", ("cookie", "v=next"), "next"),
            ("/c", ("x-beta", "no"), "origin"),
            ("/c", ("x-beta", "yes"), "next"),
            ("/c?beta=1", ("x-beta", "no"), "next"),
        ] {
            let answer = get(&client, edge.secure(path), &[field]).await;
            assert_eq!(cache_status(&answer), round, "{path} {field:?}");
            assert_eq!(answer.text().await.unwrap(), expected, "{path} {field:?}");
        }
    }
    let drawn = get(&client, edge.secure("/s"), &[]).await;
    assert_eq!(cache_status(&drawn), "hit");
    let cookie = drawn.headers()["set-cookie"].to_str().unwrap().to_owned();
    let pool = drawn.text().await.unwrap();
    assert!(cookie.starts_with(&format!("v={pool};")), "{cookie} for {pool}");
    let told = get(&client, edge.secure("/s"), &[("cookie", "v=next")]).await;
    assert!(!told.headers().contains_key("set-cookie"), "a cookie of one client is not kept for another");
}

#[tokio::test]
async fn a_refresh_in_the_background_asks_what_the_client_asked_for() {
    let asked = Arc::new(AtomicUsize::new(0));
    let start = async |name: &'static str| {
        let asked = Arc::clone(&asked);
        Origin::start(move |request| {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            let fields = [("cache-control", "max-age=1, stale-while-revalidate=60")];
            async move { response(200, format!("{name} {} {number}", request.uri()), &fields) }
        })
        .await
    };
    let (origin, next) = (start("origin").await, start("next").await);
    let routes = r#"
  - name: split
    match: {path: "/s/{id}"}
    split: {pools: {origin: 1, next: 1}, by: "cookie:v"}
    rewrite: {path: "/v2/{id}"}
    class: core
    cache: {zone: pages}"#;
    let edge = Edge::start(&with_next(&origin, &next, routes));
    for client in [edge.client().build().unwrap(), edge.client().http1_only().build().unwrap()] {
        let mut stale = false;
        wait_until("it was refreshed several times", async || {
            for cookie in ["v=origin", "v=next", "none=1"] {
                let answer = get(&client, edge.secure("/s/7"), &[("cookie", cookie)]).await;
                stale |= answer.headers()["cache-status"].to_str().unwrap().contains("ttl=-");
                let drawn = answer.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
                let pool = drawn.as_deref().unwrap_or(cookie).trim_start_matches("v=").split(';').next().unwrap();
                let text = answer.text().await.unwrap();
                assert!(text.starts_with(&format!("{pool} /v2/7 ")), "{pool} got {text}");
            }
            stale && asked.load(Ordering::Relaxed) > 6
        })
        .await;
        asked.store(0, Ordering::Relaxed);
    }
    for asked in origin.asked().iter().chain(&next.asked()) {
        assert!(!asked.headers().keys().any(|name| name.as_str().starts_with("x-floodgate")));
    }
}

/// Key: routes[].rewrite
/// Key: routes[].rewrite.path
/// Key: routes[].rewrite.host
#[tokio::test]
async fn the_origin_is_asked_for_what_the_rewrite_says() {
    let origin = Origin::start(async |asked| {
        let said = format!("{} {}", asked.headers()["host"].to_str().unwrap(), asked.uri());
        response(200, said, &[("cache-control", "max-age=60")])
    })
    .await;
    let routes = format!(
        r#"
  - name: rewritten
    match: {{path: ["/p/{{id}}/{{colour}}", "/long/{{colour}}/{{id}}/x"]}}
    pool: origin
    class: core
    rewrite: {{path: "/v2/{{colour}}-{{id}}", host: "inner.example:81"}}
  - {{name: rest_of, match: {{path: /old/**}}, pool: origin, class: core, rewrite: {{path: "/new/{{rest}}"}}, cache: {{zone: pages}}}}
  - {{name: host_only, match: {{path: /host}}, pool: origin, class: core, rewrite: {{host: inner.example}}}}{REST}"#
    );
    let edge = Edge::start(&config(&[origin.address], "", &routes));
    let client = edge.client().build().unwrap();
    let host = [("host", "shop.example")];
    for (path, seen) in [
        ("/p/7/red?q=1", "inner.example:81 /v2/red-7?q=1"),
        ("/long/red/7/x", "inner.example:81 /v2/red-7"),
        ("/p/%7e7/a%2fb", "inner.example:81 /v2/a%2Fb-~7"),
        ("/old/a/b/?q", "shop.example /new/a/b/?q"),
        ("/old", "shop.example /new/"),
        ("/host", "inner.example /host"),
    ] {
        assert_eq!(body(&client, edge.plain(path), &host).await, seen, "{path}");
        assert_eq!(origin.asked().pop().unwrap().headers()["x-forwarded-host"], "shop.example");
    }
    // The key is what the client asked for.
    let again = get(&client, edge.plain("/old"), &host).await;
    assert_eq!(cache_status(&again), "hit");
    assert_eq!(again.text().await.unwrap(), "shop.example /new/");
}

/// Key: routes[].request_headers
/// Key: routes[].request_headers.remove
/// Key: routes[].request_headers.set
/// Key: routes[].request_headers.add
#[tokio::test]
async fn the_origin_gets_the_header_that_the_route_says() {
    let origin = Origin::fixed("", &[]).await;
    let routes = format!(
        r#"
  - name: changed
    match: {{path: /c}}
    pool: origin
    class: core
    request_headers: {{remove: [x-debug], set: {{x-shop: "1"}}, add: {{x-more: edge}}}}{REST}"#
    );
    let edge = Edge::start(&config(&[origin.address], "", &routes));
    let client = edge.client().build().unwrap();
    let sent = [("x-debug", "1"), ("x-shop", "mine"), ("x-more", "client")];
    let lines = |name: &str| {
        let asked = origin.asked().pop().unwrap();
        asked.headers().get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    get(&client, edge.secure("/c"), &sent).await;
    assert_eq!([lines("x-debug"), lines("x-shop"), lines("x-more")], ["", "1", "client edge"]);
    get(&client, edge.secure("/other"), &sent).await;
    assert_eq!([lines("x-debug"), lines("x-shop"), lines("x-more")], ["1", "mine", "client"]);
}

/// Key: routes[].response_headers
/// Key: routes[].response_headers.remove
/// Key: routes[].response_headers.set
/// Key: routes[].response_headers.add
#[tokio::test]
async fn every_answer_of_a_route_gets_the_header_that_it_says_and_none_is_stored() {
    let answered = &[("cache-control", "max-age=60"), ("server", "x"), ("x-more", "origin"), ("etag", "\"1\"")];
    let origin = Origin::fixed("hello", answered).await;
    let changes = r#"response_headers: {remove: [server], set: {x-set: "1"}, add: {x-more: edge}}"#;
    let routes = format!(
        r#"
  - {{name: cached, match: {{path: /c}}, pool: origin, class: core, cache: {{zone: pages}}, {changes}}}
  - {{name: limited, match: {{path: /limited}}, pool: origin, class: core, rate: [{{per: address, at: 1/h, burst: 1}}], {changes}}}
  - {{name: large, match: {{path: /large}}, pool: origin, class: core, max_body: 1B, {changes}}}
  - {{name: moved, match: {{path: /moved}}, redirect: {{to: /c}}, {changes}}}
  - {{name: fixed, match: {{path: /fixed}}, respond: {{body: x}}, {changes}}}
  - {{name: files, match: {{path: /files/**}}, files: {{root: tls}}, {changes}}}{REST}"#
    );
    let edge = Edge::start(&config(&[origin.address], "", &routes));
    let client = edge.client().build().unwrap();
    get(&client, edge.secure("/limited"), &[]).await;
    let lines = |answer: &Response, name: &str| {
        answer.headers().get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let changed = |answer: &Response| ["server", "x-set", "x-more"].map(|name| lines(answer, name)).join(",");
    for (what, path, status, fields, seen) in [
        ("miss", "/c", 200, &[][..], ",1,origin edge"),
        ("hit", "/c", 200, &[], ",1,origin edge"),
        ("not modified", "/c", 304, &[("if-none-match", "\"1\"")], ",1,origin edge"),
        ("rate limit", "/limited", 429, &[], ",1,edge"),
        ("redirect", "/moved", 307, &[], ",1,edge"),
        ("fixed answer", "/fixed", 200, &[], ",1,edge"),
        ("file", "/files/ca.pem", 200, &[], ",1,edge"),
        ("no file", "/files/none", 404, &[], ",1,edge"),
    ] {
        let answer = get(&client, edge.secure(path), fields).await;
        assert_eq!((answer.status().as_u16(), changed(&answer).as_str()), (status, seen), "{what}");
    }
    let refused = client.post(edge.secure("/large")).body("xx").send().await.unwrap();
    assert_eq!((refused.status(), changed(&refused).as_str()), (StatusCode::PAYLOAD_TOO_LARGE, ",1,edge"));
    // Without the changes, the stored answer is what the origin said.
    edge.rewrite_config(|text| text.replace(&format!(", {changes}"), ""));
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");
    let hit = get(&client, edge.secure("/c"), &[]).await;
    assert_eq!((cache_status(&hit).as_str(), changed(&hit).as_str()), ("hit", "x,,origin"));
}

#[tokio::test]
async fn a_failing_origin_and_a_full_pool_are_answers_of_the_route_too() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let routes = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core, response_headers: {set: {x-set: "1"}}}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}"#;
    let edge = Edge::start(&config(&[nobody], "", routes));
    let client = edge.client().build().unwrap();
    let failed = get(&client, edge.secure("/"), &[]).await;
    assert_eq!((failed.status(), &failed.headers()["x-set"]), (StatusCode::BAD_GATEWAY, &"1".parse().unwrap()));
}
