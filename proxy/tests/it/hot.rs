//! Answers that leave before Pingora is asked are those that would have left after it: two edges, one of which has no
//! such way, get the same random requests, and what they answer, log and count is compared.

use std::collections::BTreeMap;

use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;

mod origin;
mod request;
mod speak;

use self::{
    request::Request,
    speak::{Answer, Http1, Http2},
};
use crate::world::{Edge, config, wait_until};

const ROUTES: &str = r#"
  - name: ruled
    match: {path: /ruled/**}
    pool: origin
    class: browse
    cache: {zone: pages}
    response_headers: {remove: [x-odd, etag], set: {cache-control: max-age=5}, add: {link: <c>}}
  - name: split
    match: {path: /split/**}
    split: {pools: {origin: 100, other: 0}, by: "cookie:v"}
    class: browse
    cache: {zone: pages}
  - name: compressed
    match: {path: /compressed/**}
    pool: origin
    class: browse
    cache: {zone: pages, compress: [br, gzip]}
  - name: limited
    match: {path: /limited/**}
    pool: origin
    class: browse
    cache: {zone: pages}
    rate: [{per: address, at: 1/h, burst: 40}, {per: address, at: 2/h, burst: 60}]
  - name: conditional
    match: {path: /c/**, headers: {x-beta: {is: "1"}}}
    pool: other
    class: browse
    cache: {zone: pages, query: {keep: [page]}}
  - name: cached
    match: {path: /c/**}
    pool: origin
    class: browse
    cache: {zone: pages, query: {drop: [utm_source]}}
  - {name: passed, match: {path: /**}, pool: origin, class: core}
"#;

/// Both edges, and how each is spoken to.
struct Pair {
    edges: [Edge; 2],
    http1: [Http1; 2],
    http2: [Http2; 2],
}

impl Pair {
    async fn start(origin: &origin::Objects, other: &origin::Objects) -> Self {
        let pool = format!("  other:\n    endpoints: [\"{}\"]", other.address());
        let config = config(&[origin.address()], &pool, ROUTES).replace("workers: 2", "workers: 1");
        let edges = [Edge::start(&config), Edge::start_without_short_way(&config)];
        let http1 = [Http1::to(&edges[0]).await, Http1::to(&edges[1]).await];
        let http2 = [Http2::to(&edges[0]).await, Http2::to(&edges[1]).await];
        Self { edges, http1, http2 }
    }

    async fn ask(&mut self, request: &Request) -> [Answer; 2] {
        let [one, two] = if request.http2 {
            let [one, two] = &mut self.http2;
            [one.ask(request).await, two.ask(request).await]
        } else {
            let [one, two] = &mut self.http1;
            [one.ask(request).await, two.ask(request).await]
        };
        [one, two]
    }
}

#[tokio::test]
async fn what_is_answered_before_pingora_is_what_would_be_answered_after() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (origin, other) = (origin::Objects::start("origin").await, origin::Objects::start("other").await);
    let mut pair = Pair::start(&origin, &other).await;
    let count = 1500;
    let mut hits = 0;
    for number in 0..count {
        let request = Request::draw(&mut random, number);
        let [short, whole] = pair.ask(&request).await;
        hits += usize::from(short.is_hit());
        assert_eq!(short.compared(), whole.compared(), "seed {seed}, request {number}: {request:#?}");
    }
    assert!(hits > count / 5, "only {hits} of {count} were hits, which says little");
    pair.ask(&Request::last(count)).await;
    let [short, whole] = [&pair.edges[0], &pair.edges[1]];
    let mut logs = [BTreeMap::new(), BTreeMap::new()];
    wait_until("both have logged the same requests", async || {
        logs = [log(short), log(whole)];
        logs.iter().all(|log| log.contains_key(&count)) && logs[0].len() == logs[1].len()
    })
    .await;
    assert!(logs[0].len() > count / 2, "only {} of {count} are in the log", logs[0].len());
    for (number, expected) in &logs[1] {
        assert_eq!(logs[0].get(number), Some(expected), "seed {seed}, request {number}");
    }
    assert_eq!(counters(short).await, counters(whole).await, "seed {seed}");
}

/// The access log by the number of the request, without what is each edge's own. What could not be read has no number.
fn log(edge: &Edge) -> BTreeMap<usize, Value> {
    let text = std::fs::read_to_string(edge.folder().join("access.log")).unwrap_or_default();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter_map(|line| numbered(serde_json::from_str(line).unwrap())).collect()
}

fn numbered(mut line: Value) -> Option<(usize, Value)> {
    let number = line["user_agent"].as_str()?.strip_prefix("request ")?.parse().ok()?;
    for own in ["time", "duration_ms"] {
        assert!(!line[own].take().is_null(), "{line}");
    }
    if !line["error"].is_null() {
        // How much of an answer had gone out before the client gave it up.
        line["bytes"] = Value::Null;
    }
    for drawn in ["id", "trace"] {
        // One that the client has given stays.
        let text = line[drawn].as_str().unwrap_or_default().to_owned();
        if !text.contains("given") && !text.starts_with("0af7651916cd43dd") {
            line[drawn] = Value::Null;
        }
    }
    Some((number, line))
}

/// What is counted, but for times, for what is measured rather than counted, and for bytes: dates are as long, ages not.
async fn counters(edge: &Edge) -> Vec<String> {
    let own = ["_seconds", "bytes", "config_", "endpoint_", "open", "uptime"];
    let text = edge.metrics().await;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !own.iter().any(|own| line.contains(own)));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.extend(text.lines().filter(|line| line.starts_with("floodgate_request_seconds_count")).map(str::to_owned));
    lines
}
