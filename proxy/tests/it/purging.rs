//! Purging: what goes, what stays, and what operators are told of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
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
    file: PathBuf,
    origin: Origin,
    client: reqwest::Client,
    text: String,
    secrets: TempDir,
}

impl World {
    async fn start() -> Self {
        Self::with("max_object: 1MiB").await
    }

    async fn with(zone: &str) -> Self {
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
        Self::before(origin, zone)
    }

    fn before(origin: Origin, zone: &str) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let token = secrets.path().join("token");
        fs::write(&token, TOKEN).unwrap();
        let admin = format!("admin: {{token: \"file:{}\", bind: \"127.0.0.1:0\"}}", token.display());
        let text = config(&[origin.address], "", ROUTES)
            .replace("admin: {bind: \"127.0.0.1:0\"}", &admin)
            .replace("max_object: 1MiB", zone);
        let edge = Edge::start(&text);
        let (file, client) = (edge.folder().join("edge.yaml"), edge.client().build().unwrap());
        Self { edge, file, origin, client, text, secrets }
    }

    /// The same edge after it was killed.
    async fn killed_and_started_again(self) -> Self {
        let Self { edge, file: _, origin, client: _, text, secrets } = self;
        let edge = Edge::start_in(edge.end_by("KILL").await, Path::new(env!("CARGO_BIN_EXE_edge")), &text);
        let (file, client) = (edge.folder().join("edge.yaml"), edge.client().build().unwrap());
        Self { edge, file, origin, client, text, secrets }
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

    fn run(&self, arguments: &[&str]) -> Output {
        let admin = self.edge.address("admin").to_string();
        let file = self.file.display().to_string();
        let arguments = arguments.iter().map(|argument| if *argument == "FILE" { file.as_str() } else { argument });
        let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
        command.args(arguments).args(["--admin", &admin]).output().unwrap()
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test]
async fn a_tag_a_url_a_prefix_and_everything() {
    let world = World::start().await;
    let paths = ["/a/1", "/a/2", "/a/2?x=1", "/b/1", "/b/10", "/b/2"];
    // By either name of the host: keys hold what the client wrote.
    for (order, goes) in [
        (json!({"tag": "a"}), &["/a/1", "/a/2", "/a/2?x=1"][..]),
        (json!({"tag": ["10", "none"]}), &["/b/10"]),
        (json!({"url": world.edge.secure("/a/2")}), &["/a/2"]),
        (json!({"url": world.edge.secure("/a/./2?utm_source=x&x=1").replace("https://", "")}), &["/a/2?x=1"]),
        (json!({"prefix": world.edge.secure("/b/1").to_uppercase().replace("/B/", "/b/")}), &["/b/1", "/b/10"]),
        (json!({"url": world.edge.secure("/a/1"), "tag": "10"}), &["/a/1", "/b/10"]),
        (json!({"prefix": "https://other.example/"}), &[]),
        (json!({"all": true, "zone": "pages"}), &paths),
    ] {
        let mut before = Vec::new();
        for path in paths {
            before.push(world.number(path).await);
        }
        assert_eq!(world.reached(order.clone()).await, goes.len() as u64, "{order}");
        for (path, before) in paths.iter().zip(before) {
            assert_eq!(world.number(path).await != before, goes.contains(path), "{path} after {order}");
        }
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

/// The origin was asked before the purge, and answers after it.
#[tokio::test]
async fn an_answer_that_was_asked_for_before_a_purge_is_not_served_after_it() {
    let fields = &[("cache-control", "max-age=600"), ("surrogate-key", "a")];
    let (origin, gate) = Origin::gated("hello", fields).await;
    let world = World::before(origin, "max_object: 1MiB");
    let get = || {
        let (client, url) = (world.client.clone(), world.edge.secure("/a/1"));
        tokio::spawn(async move { client.get(url).send().await.unwrap().status() })
    };
    let early = [get(), get()];
    wait_until("the origin is asked", async || !world.origin.asked().is_empty()).await;
    world.purge(json!({"tag": "a"})).await;
    gate.open(1);
    let late = get();
    wait_until("it is asked again", async || world.origin.asked().len() >= 2).await;
    gate.open(10);
    for asking in early.into_iter().chain([late]) {
        assert_eq!(asking.await.unwrap(), StatusCode::OK);
    }
    let asked = world.origin.asked().len();
    assert_eq!(get().await.unwrap(), StatusCode::OK);
    assert_eq!(world.origin.asked().len(), asked, "the later answer is stored");
}

/// A port would be part of the key, and differs each time.
async fn number_on_any_port(world: &World, path: &str) -> usize {
    let request = world.client.get(world.edge.plain(path)).header("host", "shop.example");
    request.send().await.unwrap().text().await.unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_was_purged_does_not_come_back_from_the_disk() {
    let serving = r#"floodgate_cache_disk_state{state="serving",zone="pages"} 1"#;
    let mut world = World::with("max_object: 1MiB, disk: {folder: cache, size: 16MiB}").await;
    world.edge.wait_for_metric(serving).await;
    let mut before = Vec::new();
    for path in ["/a/1", "/b/1", "/stale/a", "/kept/1"] {
        before.push(number_on_any_port(&world, path).await);
    }
    world.edge.wait_for_metric(r#"floodgate_cache_disk_writes_total{zone="pages"} 4"#).await;
    let receipt = world.purge(json!({"tag": "1", "prefix": "https://none.example", "soft": true})).await;
    assert_eq!(receipt["durable"], true);
    world.purge(json!({"url": "http://shop.example/a/1", "tag": "b"})).await;
    world.purge(json!({"prefix": "http://shop.example/stale", "soft": true})).await;
    for _ in 0..2 {
        world = world.killed_and_started_again().await;
        world.edge.wait_for_metric(serving).await;
    }
    let inspected = world.says(&["cache", "inspect", "FILE", "http://shop.example/stale/a"]);
    assert!(inspected.contains("on disk, not in memory"), "{inspected}");
    assert_eq!(number_on_any_port(&world, "/stale/a").await, before[2], "stale, and refreshed");
    assert_ne!(number_on_any_port(&world, "/kept/1").await, before[3], "stale, and without a window");
    assert_ne!(number_on_any_port(&world, "/a/1").await, before[0]);
    assert_ne!(number_on_any_port(&world, "/b/1").await, before[1]);
    let again = [number_on_any_port(&world, "/a/1").await, number_on_any_port(&world, "/kept/1").await];
    world = world.killed_and_started_again().await;
    world.edge.wait_for_metric(serving).await;
    let kept = [number_on_any_port(&world, "/a/1").await, number_on_any_port(&world, "/kept/1").await];
    assert_eq!(kept, again, "what came after the purges is not meant by them");
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

#[tokio::test]
async fn what_is_stored_can_be_looked_at_and_purged_from_a_terminal() {
    let world = World::start().await;
    for path in ["/a/1?utm_source=x", "/a/2", "/b/1"] {
        world.number(path).await;
    }
    let stat = world.says(&["cache", "stat", "FILE"]);
    assert!(stat.starts_with("ZONE ") && stat.lines().nth(1).unwrap().starts_with("pages        3"), "{stat}");
    let keys = world.says(&["cache", "keys", "FILE", "--limit", "2"]);
    let listed: Vec<_> = keys.lines().skip(1).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(listed, [&*world.edge.secure("/a/1"), &*world.edge.secure("/a/2"), "more:"], "{keys}");
    let after = world.says(&["cache", "keys", "FILE", "--after", &world.edge.secure("/a/2"), "--prefix", "https://"]);
    assert!(after.lines().count() == 2 && after.contains("/b/1"), "{after}");

    let inspected = world.says(&["cache", "inspect", "FILE", &world.edge.secure("/a/1?utm_source=y")]);
    for line in ["status      200", "purge       live", "tags        a 1", "because     cache-control: max-age=600"] {
        assert!(inspected.contains(line), "{line}\nin\n{inspected}");
    }
    let json = world.says(&["cache", "inspect", "FILE", &world.edge.secure("/a/1"), "--format", "json"]);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert!((590..=600).contains(&report["stored"][0]["fresh_for_s"].as_i64().unwrap()), "{json}");

    let receipt = world.says(&[
        "purge",
        "FILE",
        "--tag",
        "a",
        "--prefix",
        &world.edge.secure("/b"),
        "--soft",
        "--wait",
        "--by",
        "anna",
    ]);
    let row: Vec<_> = receipt.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[2], *row.last().unwrap()), ("pages", "3", "yes"), "{receipt}");
    let logged = world.edge.wait_for_log("purged").remove(0);
    assert!(logged.contains("by=\"anna\"") && logged.contains("tag a, prefix https://"), "{logged}");
    let softly = world.says(&["cache", "inspect", "FILE", &world.edge.secure("/b/1")]);
    assert!(softly.contains("purge       soft-purged") && softly.contains("stale for"), "{softly}");
    assert!(world.says(&["purge", "FILE", "--all"]).contains("not counted: --wait"));
    wait_until("the sweep is over", async || world.says(&["cache", "stat", "FILE"]).contains("pages        0")).await;
    assert!(world.says(&["cache", "inspect", "FILE", &world.edge.secure("/b/1")]).starts_with("nothing is stored for"));
    for refused in [&["purge", "FILE"][..], &["purge", "FILE", "--all", "--tag", "a"]] {
        assert_eq!(world.run(refused).status.code(), Some(2), "{refused:?}");
    }
    world.edge.wait_for_metric(r#"floodgate_cache_purges_total{kind="tag",mode="soft",zone="pages"} 1"#).await;
    world.edge.wait_for_metric(r#"floodgate_cache_purged_objects_total{zone="pages"} 6"#).await;
}
