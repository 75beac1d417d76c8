//! `edge explain` against what really happens: the answer, the log line and the origins' own records.

use std::{collections::HashSet, process::Command};

use http::Method;
use reqwest::{Client, Response, redirect::Policy};
use serde_json::Value;

use crate::{
    origin::{Origin, response},
    world::{Edge, LONG, wait_until},
};

/// Routes that nearly match each other, in an order that misleads a reader who takes the first.
const TRICKY: &str = r#"
version: 1
process: {workers: 2}
listeners:
  plain: {bind: ["127.0.0.1:0"], max_header: 2KiB}
admin: {bind: "127.0.0.1:0"}
classes: [core, browse]
pools:
  shop: {endpoints: ["SHOP"]}
  next: {endpoints: ["NEXT"]}
zones: {pages: {memory: 16MiB, max_object: 1MiB}}
telemetry: {access_log: {to: "file:access.log"}}
routes:
  - {name: rest, match: {path: /**}, pool: shop, class: browse}
  - name: product
    match: {path: "/product/{id}", method: [GET, HEAD]}
    pool: shop
    class: browse
    cache: {zone: pages, query: {keep: [page]}}
  - {name: product_new, match: {path: /product/new}, pool: shop, class: core, cache: {zone: pages, query: {drop: [utm_source]}}}
  - {name: product_write, match: {path: "/product/{id}", method: POST}, pool: shop, class: core, max_body: 64B}
  - {name: product_below, match: {path: /product/**}, pool: next, class: browse, cache: {zone: pages}}
  - name: reviews
    match: {path: "/product/{id}/reviews"}
    pool: next
    class: browse
    rewrite: {path: "/v2/reviews/{id}", host: "reviews.internal:81"}
  - {name: beta, match: {path: "/product/{id}", method: [GET, HEAD], headers: {x-beta: "yes"}}, pool: next, class: browse}
  - name: beta_page
    match: {path: "/product/{id}", method: [GET, HEAD], headers: {x-beta: "yes"}, query: {page: {present: true}}}
    pool: shop
    class: core
  - name: gamma
    match: {path: "/product/{id}", method: [GET, HEAD], headers: {x-beta: "no"}}
    redirect: {to: "/product/new?was={id}"}
  - {name: cookies, match: {path: /cookies, headers: {cookie: {contains: "beta=yes"}}}, pool: next, class: core}
  - {name: api, match: {host: api.test, path: /**}, pool: next, class: core, request_headers: {set: {x-api: "1"}}}
  - {name: api_any, match: {host: "*.test", path: "/v1/{what}"}, pool: shop, class: core}
  - {name: chat, match: {path: /chat}, pool: next, class: core, streams: true}
  - {name: old, match: {path: /old/**}, redirect: {to: "https://{host}/product/{rest}", status: 301}}
  - {name: gone, match: {path: "/old/{id}", method: DELETE}, respond: {status: 410, body: "gone\n"}}
  - {name: robots, match: {path: /robots.txt}, respond: {body: "User-agent: *\n"}}
  - {name: static, match: {path: /static/**}, files: {root: PUBLIC}}
  - name: canary
    match: {path: /canary}
    split: {pools: {shop: 50, next: 50}, by: "hash:header:x-user"}
    class: browse
    cache: {zone: pages}
  - {name: only_get, match: {host: strict.test, path: "/only/{x}", method: GET}, pool: shop, class: core}
  - {name: strict, match: {host: strict.test, path: /}, respond: {body: "strict\n"}}
"#;

/// Method, host, path with query, and header lines. The order counts: what is stored is asked for again further down.
const REQUESTS: [(&str, &str, &str, &[&str]); 57] = [
    ("GET", "a.test", "/product/7", &[]),
    ("GET", "a.test", "/product/7?utm_source=x", &[]),
    ("HEAD", "a.test", "/product/7", &[]),
    ("GET", "a.test", "/product/7?page=2", &[]),
    ("GET", "a.test", "/product/7?x=1&page=2", &[]),
    ("GET", "a.test", "/product/7?%70age=2", &[]),
    ("GET", "b.test", "/product/7", &[]),
    ("GET", "a.test", "/product/%37", &[]),
    ("GET", "a.test", "/x/../product/7", &[]),
    ("GET", "a.test", "/product/7/", &[]),
    ("GET", "a.test", "/product//", &[]),
    ("GET", "a.test", "/product", &[]),
    ("GET", "a.test", "/product/new", &[]),
    ("GET", "a.test", "/product/new?utm_source=y", &[]),
    ("GET", "a.test", "/product/new?b=1&utm_source=y", &[]),
    ("POST", "a.test", "/product/new", &[]),
    ("POST", "a.test", "/product/7", &[]),
    ("POST", "a.test", "/product/7", &["content-length: 65"]),
    ("PUT", "a.test", "/product/7", &[]),
    ("GET", "a.test", "/product/7/reviews", &[]),
    ("GET", "a.test", "/product/7/reviews?page=1", &[]),
    ("GET", "a.test", "/product/7/reviews/1", &[]),
    ("GET", "a.test", "/product/7", &["x-beta: yes"]),
    ("GET", "a.test", "/product/7", &["x-beta: YES"]),
    ("GET", "a.test", "/product/7", &["x-beta: yes", "x-beta: no"]),
    ("GET", "a.test", "/product/7?page=", &["x-beta: yes"]),
    ("GET", "a.test", "/product/7?page=1", &["x-beta: no"]),
    ("GET", "a.test", "/product/7", &["x-beta: no"]),
    ("GET", "api.test", "/product/7", &[]),
    ("GET", "api.test", "/v1/things", &[]),
    ("GET", "a.test", "/v1/things", &[]),
    ("GET", "a.test", "/v1/", &[]),
    ("GET", "b.a.test", "/v1/things", &[]),
    ("GET", "a.test", "/old/7?q=1", &[]),
    ("GET", "a.test", "/old//evil.test", &[]),
    ("DELETE", "a.test", "/old/7", &[]),
    ("DELETE", "a.test", "/old/7/8", &[]),
    ("GET", "a.test", "/robots.txt", &[]),
    ("GET", "a.test", "/static/a.css", &[]),
    ("GET", "a.test", "/static/none.css", &[]),
    ("GET", "a.test", "/static/link_out", &[]),
    ("GET", "a.test", "/static/link_in", &[]),
    ("GET", "a.test", "/static/folder?q=1", &[]),
    ("GET", "a.test", "/static/folder/", &[]),
    ("POST", "a.test", "/static/a.css", &[]),
    ("GET", "a.test", "/canary", &["x-user: 1"]),
    ("GET", "a.test", "/canary", &["x-user: 2"]),
    ("GET", "a.test", "/canary", &["x-user: 3"]),
    ("GET", "a.test", "/canary", &["x-user: 1"]),
    ("POST", "strict.test", "/only/1", &[]),
    ("GET", "a.test", "/%zz", &[]),
    ("GET", "a.test", "/", &["cookie: long"]),
    ("GET", "a.test", "/cookies", &["cookie: a=1", "cookie: beta=yes"]),
    ("GET", "a.test", "/chat", &["connection: upgrade", "upgrade: websocket"]),
    ("GET", "a.test", "/v1/chat", &["connection: upgrade", "upgrade: websocket"]),
    ("GET", "a.test", "/product/8", &["connection: upgrade", "upgrade: websocket"]),
    ("GET", "a.test", "/product/8", &["accept: text/event-stream"]),
];

struct World {
    edge: Edge,
    client: Client,
    shop: Origin,
    next: Origin,
    /// Keys under which something has been stored.
    stored: HashSet<String>,
    lines: usize,
}

#[tokio::test]
async fn what_is_explained_is_what_happens() {
    let answer = |_| async { response(200, "hello", &[("cache-control", "max-age=60")]) };
    let (shop, next) = (Origin::start(answer).await, Origin::start(answer).await);
    let text = TRICKY.replace("SHOP", &shop.address.to_string()).replace("NEXT", &next.address.to_string());
    let public = tempfile::tempdir().unwrap();
    std::fs::write(public.path().join("a.css"), "body {}").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", public.path().join("link_out")).unwrap();
    std::os::unix::fs::symlink("a.css", public.path().join("link_in")).unwrap();
    std::fs::create_dir(public.path().join("folder")).unwrap();
    std::fs::write(public.path().join("folder/index.html"), "a folder").unwrap();
    let edge = Edge::start(&text.replace("PUBLIC", &public.path().display().to_string()));
    let mut builder = Client::builder().redirect(Policy::none()).timeout(LONG);
    for (_, host, _, _) in REQUESTS {
        builder = builder.resolve(host, edge.address("plain"));
    }
    let client = builder.build().unwrap();
    let mut world = World { edge, client, shop, next, stored: HashSet::new(), lines: 0 };
    let mut kinds = Vec::new();
    for (method, host, path, fields) in REQUESTS {
        let long = format!("cookie: {}", "x".repeat(3000));
        let fields: Vec<&str> =
            fields.iter().map(|field| if *field == "cookie: long" { &*long } else { field }).collect();
        kinds.push(world.compare(method, host, path, &fields).await);
    }
    let count = |kind: &str| kinds.iter().filter(|had| *had == kind).count();
    println!(
        "{} requests, as explained: {} forwarded, {} redirected",
        kinds.len(),
        count("forwarded"),
        count("redirected")
    );
    for kind in ["forwarded", "refused", "redirected", "fixed", "file"] {
        assert!(count(kind) > 0, "no request was {kind}");
    }
}

#[tokio::test]
async fn a_running_edge_adds_what_only_it_knows() {
    let origin = Origin::fixed("hello", &[("cache-control", "max-age=60")]).await;
    let secrets = tempfile::tempdir().unwrap();
    let token = secrets.path().join("token");
    std::fs::write(&token, "correct-horse-battery-staple").unwrap();
    // Free now; nobody else asks for just this one.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let routes = r#"
  - name: pages
    match: {path: /**}
    pool: origin
    class: core
    cache: {zone: pages}
    rate: [{per: address, at: 3/h}]
  - {name: other, match: {path: /other}, pool: origin, class: browse}
"#;
    let text = crate::world::config(&[origin.address], "", routes).replace(
        "admin: {bind: \"127.0.0.1:0\"}",
        &format!("admin: {{token: \"file:{}\", bind: \"{free}\"}}", token.display()),
    );
    let edge = Edge::start(&text);
    let live = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
        command.args(["explain", "--live", "--listener", "plain", "--format", format]);
        let output = command.arg(edge.folder().join("edge.yaml")).arg(edge.plain("/a")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let state = || serde_json::from_str::<Value>(&live("json")).unwrap();
    let before = state();
    assert_eq!(before["limits"][0]["left"], 3, "asking counts nothing: {before:#}");
    assert_eq!(state(), before);
    assert_eq!(
        (&before["pools"][0]["in_flight"], &before["pools"][0]["endpoints"][0]["state"]["word"]),
        (&0.into(), &"up".into())
    );
    assert_eq!(before["cache"]["stored"][0], "nothing is stored");

    let client = edge.client().build().unwrap();
    for _ in 0..3 {
        assert_eq!(client.get(edge.plain("/a")).send().await.unwrap().status(), 200);
    }
    let after = state();
    assert!(after["cache"]["stored"][0].as_str().unwrap().starts_with("a 200 is stored, fresh for "), "{after:#}");
    assert_eq!((&after["limits"][0]["left"], &after["answer"]["status"]), (&0.into(), &429.into()), "{after:#}");
    assert_eq!(client.get(edge.plain("/a")).send().await.unwrap().status(), 429);
    let text = live("human");
    assert!(text.contains("3/h, burst 3; 0 left now") && text.contains("429 rate_limited"), "{text}");
}

impl World {
    /// Explains a request, sends it, and compares. Returns the kind of answer.
    async fn compare(&mut self, method: &str, host: &str, path: &str, fields: &[&str]) -> String {
        let url = format!("http://{host}:{}{path}", self.edge.address("plain").port());
        let said = self.explain(method, &url, fields);
        let asked_before = (self.shop.asked().len(), self.next.asked().len());
        let mut request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), &url);
        for (name, value) in fields.iter().filter_map(|field| field.split_once(": ")) {
            request = match name {
                "content-length" => request.body("x".repeat(value.parse().unwrap())),
                _ => request.header(name, value),
            };
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let what = format!("{method} {url} {fields:?}: explained {said:#}, got {answer:?}");
        let log = self.next_log_line().await;
        let asked: Vec<_> = [("shop", &self.shop, asked_before.0), ("next", &self.next, asked_before.1)]
            .into_iter()
            .flat_map(|(pool, origin, before)| origin.asked().into_iter().skip(before).map(move |asked| (pool, asked)))
            .collect();
        assert_eq!(log["status"], status, "{what}");
        assert_eq!(log["route"], said["route"]["name"], "{what}: {log}");
        assert_eq!(
            log["class"].as_str().unwrap_or("-"),
            said["class"]["name"].as_str().unwrap_or("-"),
            "{what}: {log}"
        );
        let kind = said["answer"]["kind"].as_str().unwrap().to_owned();
        if kind == "forwarded" {
            self.compare_forwarded(&said, &answer, &asked, &what);
            if !["GET", "HEAD"].contains(&method) {
                // What changes something invalidates what is stored there.
                self.stored.retain(|key| !key.ends_with(&format!("{url}\"")));
            }
        } else {
            assert!(asked.is_empty(), "{what}");
        }
        match kind.as_str() {
            "refused" => assert_eq!(
                (&said["answer"]["status"], &said["answer"]["reason"]),
                (&log["status"], &log["refusal"]),
                "{what}"
            ),
            "redirected" => {
                assert_eq!(said["answer"]["status"], status, "{what}");
                assert_eq!(said["answer"]["location"], answer.headers()["location"].to_str().unwrap(), "{what}");
            }
            "fixed" => {
                assert_eq!(said["answer"]["status"], status, "{what}");
                assert_eq!(
                    said["answer"]["content_type"],
                    answer.headers()["content-type"].to_str().unwrap(),
                    "{what}"
                );
            }
            "file" => {
                let content = std::fs::read_to_string(said["answer"]["path"].as_str().unwrap()).unwrap();
                assert_eq!(answer.text().await.unwrap(), content, "{what}");
            }
            _ => assert!(log["refusal"].is_null(), "{what}: {log}"),
        }
        kind
    }

    fn compare_forwarded(
        &mut self,
        said: &Value,
        answer: &Response,
        asked: &[(&str, http::Request<bytes::Bytes>)],
        what: &str,
    ) {
        let cache_status = answer.headers()["cache-status"].to_str().unwrap();
        if let Some(key) = said["cache"]["keys"].get(0) {
            let stored = !self.stored.insert(format!("{} {key}", said["cache"]["zone"]));
            assert_eq!(cache_status.contains("; hit"), stored, "{what}: key {key}");
            assert_eq!(asked.is_empty(), stored, "{what}");
        } else {
            let bypassed = cache_status.contains("fwd=bypass") || cache_status.contains("fwd=method");
            assert!(said["cache"]["not_asked"].is_string() && bypassed, "{what}");
            assert_eq!(asked.len(), 1, "{what}");
        }
        for (pool, request) in asked {
            assert_eq!(said["pools"][0]["name"], *pool, "{what}");
            assert_eq!(said["origin"]["target"], request.uri().to_string(), "{what}");
            assert_eq!(said["origin"]["host"], request.headers()["host"].to_str().unwrap(), "{what}");
            let changed = said["origin"]["header_changes"].as_array().unwrap().contains(&"with x-api: 1".into());
            assert_eq!(request.headers().contains_key("x-api"), changed, "{what}");
            let switches = said["stream"].as_str().is_some_and(|stream| stream.starts_with("WebSocket: may stay open"));
            assert_eq!(request.headers().contains_key("upgrade"), switches, "{what}");
        }
    }

    /// What `edge explain` says, from the file alone.
    fn explain(&self, method: &str, url: &str, fields: &[&str]) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
        command.args(["explain", "--format", "json", "--listener", "plain", "-X", method]);
        fields.iter().for_each(|field| {
            command.args(["-H", field]);
        });
        let output = command.arg(self.edge.folder().join("edge.yaml")).arg(url).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The log line of the request that was just answered.
    async fn next_log_line(&mut self) -> Value {
        let path = self.edge.folder().join("access.log");
        let mut found = None;
        wait_until("the request is logged", async || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            found = text.lines().nth(self.lines).filter(|_| text.ends_with('\n')).map(str::to_owned);
            found.is_some()
        })
        .await;
        self.lines += 1;
        serde_json::from_str(&found.unwrap()).unwrap()
    }
}
