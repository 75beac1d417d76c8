//! Purging: what goes, what stays, and what operators are told of it.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

const TOKEN: &str = "correct-horse-battery-staple";
const ROUTES: &str = r#"
  - name: cached
    match: {path: /**}
    pool: origin
    class: browse
    cache: {zone: pages, stale_while_revalidate: 0s, stale_if_error: 0s, query: {drop: [utm_source]}}
  - {name: other, match: {path: /other}, pool: origin, class: core}
"#;

/// An edge whose origin numbers its answers, and tags each with the segments of its path.
struct World {
    edge: Edge,
    _origin: Origin,
    client: reqwest::Client,
    _secrets: TempDir,
}

impl World {
    async fn start() -> Self {
        Self::with(ROUTES).await
    }

    async fn with(routes: &str) -> Self {
        let answers = Arc::new(AtomicUsize::new(0));
        let origin = Origin::start(move |asked| {
            let number = answers.fetch_add(1, Ordering::SeqCst).to_string();
            async move {
                let path = asked.uri().path();
                let tags = path.split('/').skip(1).collect::<Vec<_>>().join(" ");
                let (for_long, tags) = (("cache-control", "max-age=600"), ("surrogate-key", tags.as_str()));
                let windowed = ("cache-control", "max-age=600, stale-while-revalidate=600");
                match path {
                    "/stale/a" => response(200, number, &[windowed, tags]),
                    "/varying/a" => response(200, number, &[for_long, tags, ("vary", "accept-language")]),
                    _ => response(200, number, &[for_long, tags]),
                }
            }
        })
        .await;
        Self::before(origin, routes)
    }

    fn before(origin: Origin, routes: &str) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let token = secrets.path().join("token");
        fs::write(&token, TOKEN).unwrap();
        let admin = format!("admin: {{token: \"file:{}\", bind: \"127.0.0.1:0\"}}", token.display());
        let text = config(&[origin.address], "", routes).replace("admin: {bind: \"127.0.0.1:0\"}", &admin);
        let edge = Edge::start(&text);
        let client = edge.client().build().unwrap();
        Self { edge, _origin: origin, client, _secrets: secrets }
    }

    /// The number of the answer to a path.
    async fn number(&self, path: &str) -> usize {
        self.client.get(self.edge.secure(path)).send().await.unwrap().text().await.unwrap().parse().unwrap()
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.edge.address("admin"));
        let request = reqwest::Client::new().request(method, url).bearer_auth(TOKEN).body(body.to_string());
        let answer = request.send().await.unwrap();
        (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    /// Purges and waits for the receipt of the one zone.
    async fn purge(&self, order: Value) -> Value {
        let (status, receipts) = self.ask(Method::POST, "/purge", &order).await;
        assert_eq!(status, StatusCode::OK, "{receipts}");
        receipts[0].clone()
    }

    /// Objects that such a purge reached.
    async fn reached(&self, mut order: Value) -> u64 {
        order["wait"] = true.into();
        self.purge(order).await["objects"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn every_variant_goes_with_its_url() {
    let world = World::start().await;
    let url = world.edge.secure("/varying/a");
    let ask = async |language| {
        let answer = world.client.get(&url).header("accept-language", language).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let before = [ask("de").await, ask("en").await];
    assert_eq!([ask("de").await, ask("en").await], before);
    assert_eq!(world.reached(json!({"url": url})).await, 2);
    assert!(!before.contains(&ask("de").await) && !before.contains(&ask("en").await));
}

#[tokio::test]
async fn a_soft_purge_serves_on_while_it_asks_anew() {
    let world = World::start().await;
    let (stale, plain) = (world.number("/stale/a").await, world.number("/a/1").await);
    assert_eq!(world.reached(json!({"all": true, "soft": true})).await, 2);
    assert_ne!(world.number("/a/1").await, plain, "it has no window in which it may be served stale");
    assert_eq!(world.number("/stale/a").await, stale, "served while it is refreshed");
    wait_until("the refreshed one is served", async || world.number("/stale/a").await != stale).await;
    let refreshed = world.number("/stale/a").await;
    assert_eq!(world.number("/stale/a").await, refreshed);
    world.reached(json!({"all": true})).await;
    assert_ne!(world.number("/stale/a").await, refreshed);
}

#[tokio::test]
async fn a_purge_is_for_those_who_show_the_token_and_say_what_they_mean() {
    let world = World::start().await;
    let number = world.number("/a/1").await;
    let url = format!("http://{}/purge", world.edge.address("admin"));
    for token in ["", "wrong"] {
        let order = json!({"all": true}).to_string();
        let refused = reqwest::Client::new().post(&url).bearer_auth(token).body(order).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    }
    let many: Vec<_> = (0..1001).map(|number| number.to_string()).collect();
    for (order, says) in [
        (json!({}), "nothing is named"),
        (json!("all"), "expected {\"tag\""),
        (json!({"tags": "a"}), "unknown field `tags`"),
        (json!({"tag": {"a": 1}}), "expected a text or a list of texts"),
        (json!({"all": true, "tag": "a"}), "`all` is everything"),
        (json!({"tag": many}), "1001 things are named"),
        (json!({"tag": "a b"}), "holds a blank"),
        (json!({"tag": ""}), "a tag of 0 bytes"),
        (json!({"url": "/a/1"}), "names no host"),
        (json!({"url": "https://a/%00"}), "no URL of a request"),
        (json!({"prefix": "x".repeat(9000)}), "a prefix of 9000 bytes"),
        (json!({"all": true, "by": "a\u{1b}[2J"}), "`by` may have"),
    ] {
        let (status, answer) = world.ask(Method::POST, "/purge", &order).await;
        let said = answer["error"].as_str().unwrap();
        assert!(status == StatusCode::BAD_REQUEST && said.contains(says), "{order}: {status} {said}");
    }
    let (status, answer) = world.ask(Method::POST, "/purge", &json!({"all": true, "zone": "page"})).await;
    assert_eq!(
        (status, answer["error"].as_str()),
        (StatusCode::NOT_FOUND, Some("there is no zone `page`; known are `pages`"))
    );
    assert_eq!(world.number("/a/1").await, number, "nothing of all that has purged anything");
    let (status, _) = world.ask(Method::POST, "/cache", &json!({})).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}
