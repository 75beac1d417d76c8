//! What operators see of pools and set by hand: `edge pools`, `edge endpoint` and what they stand on.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Output},
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
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

/// A running edge, and its file.
struct World {
    edge: Edge,
    file: PathBuf,
    _secrets: TempDir,
}

impl World {
    fn start(endpoints: &[SocketAddr], pool: &str) -> Self {
        Self::with(&config(endpoints, pool, ROUTES))
    }

    fn with(text: &str) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let token = secrets.path().join("token");
        fs::write(&token, TOKEN).unwrap();
        let admin = format!("admin: {{token: \"file:{}\", bind: \"127.0.0.1:0\"}}", token.display());
        let edge = Edge::start(&text.replace("admin: {bind: \"127.0.0.1:0\"}", &admin));
        Self { file: edge.folder().join("edge.yaml"), edge, _secrets: secrets }
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Output {
        let admin = self.edge.address("admin").to_string();
        let mut command_line = Command::new(env!("CARGO_BIN_EXE_edge"));
        command_line.arg(command).arg(&self.file).args(arguments).args(["--admin", &admin]).output().unwrap()
    }

    /// What a command that succeeds prints.
    fn says(&self, command: &str, arguments: &[&str]) -> String {
        let output = self.run(command, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Endpoint `index` of the pool, as `edge pools` has it for programs.
    fn endpoint(&self, index: usize) -> Value {
        let pools: Value = serde_json::from_str(&self.says("pools", &["--format", "json"])).unwrap();
        pools[0]["endpoints"][index].clone()
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, String) {
        let url = format!("http://{}{path}", self.edge.address("admin"));
        let client = reqwest::Client::new();
        let request = client.request(method, url).bearer_auth(TOKEN).body(body.to_string());
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Bodies of so many requests, one after the other.
    async fn bodies(&self, count: usize) -> Vec<String> {
        let client = self.edge.client().build().unwrap();
        let mut bodies = Vec::new();
        for _ in 0..count {
            bodies.push(client.get(self.edge.secure("/")).send().await.unwrap().text().await.unwrap());
        }
        bodies
    }
}

async fn pair() -> (Origin, Origin) {
    (Origin::fixed("first", &[]).await, Origin::fixed("second", &[]).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_taken_out_by_hand_and_brought_back() {
    let (first, second) = pair().await;
    let world = World::start(&[first.address, second.address], "    balance: round_robin\n    slow_start: 0s");
    let address = first.address.to_string();
    assert_eq!(world.bodies(4).await.iter().filter(|body| *body == "first").count(), 2);

    let said = world.says("endpoint", &["origin", &address, "down", "--by", "anna", "--why", "new kernel"]);
    assert!(said.contains(&address) && said.contains("down by anna: new kernel"), "{said}");
    assert!(!said.contains(&second.address.to_string()), "{said}");
    assert_eq!(world.bodies(4).await, ["second"; 4]);
    let metric = format!(r#"floodgate_endpoint_state{{endpoint="{address}",pool="origin",state="down"}} 1"#);
    world.edge.wait_for_metric(&metric).await;
    let log = world.edge.wait_for_log("was set by hand").remove(0);
    for part in ["anna", "new kernel", &address, "down"] {
        assert!(log.contains(part), "{log}");
    }

    world.edge.rewrite_config(|text| text.replace("path: /unused", "path: /other"));
    world.edge.signal("HUP");
    world.edge.wait_for_log("configuration reloaded");
    assert_eq!(world.bodies(4).await, ["second"; 4], "a reload keeps it");
    assert_eq!(world.endpoint(0)["by_hand"]["by"], "anna");
    assert_eq!(world.endpoint(0)["by_hand"]["for_s"], Value::Null);

    let said = world.says("endpoint", &["origin", &address, "auto"]);
    assert!(!said.contains("anna"), "{said}");
    assert_eq!(world.bodies(4).await.iter().filter(|body| *body == "first").count(), 2);
    assert_eq!(world.endpoint(0)["by_hand"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_by_hand_ends_when_its_time_is_over() {
    let (first, second) = pair().await;
    let world = World::start(&[first.address, second.address], "    balance: round_robin\n    slow_start: 0s");
    world.says("endpoint", &["origin", &first.address.to_string(), "drain", "--for", "6s"]);
    let drained = world.endpoint(0);
    assert_eq!(drained["state"], "draining", "{drained:#}");
    let by_hand = &drained["by_hand"];
    assert!(by_hand["for_s"].as_f64().is_some_and(|left| left > 0.0 && left <= 6.0), "{drained:#}");
    assert!(by_hand["by"].as_str().is_some_and(|by| !by.is_empty()), "somebody is always named: {drained:#}");
    assert_eq!(world.bodies(4).await, ["second"; 4]);
    wait_until("it is over", async || world.bodies(2).await.contains(&"first".to_owned())).await;
    assert_eq!(world.endpoint(0)["by_hand"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_go_on_while_an_endpoint_is_down_by_hand_and_up_overrides_them() {
    let origin = Origin::start(async |asked| {
        let status = if asked.uri().path() == "/up" { 500 } else { 200 };
        response(status, "served", &[])
    })
    .await;
    let health = "    health: {http: /up, interval: 100ms, down_after: 2}\n    panic_below: 0%\n    slow_start: 0s";
    let world = World::start(&[origin.address], health);
    let address = origin.address.to_string();
    world.says("endpoint", &["origin", &address, "down"]);
    let checks = origin.asked().len();
    wait_until("it is checked", async || origin.asked().len() > checks + 5).await;
    assert_eq!(world.endpoint(0)["state"], "down");
    world.says("endpoint", &["origin", &address, "auto"]);
    assert_eq!(world.endpoint(0)["state"], "unwell", "as the checks have found meanwhile");
    assert_ne!(world.bodies(1).await, ["served"]);
    world.says("endpoint", &["origin", &address, "up"]);
    assert_eq!(world.bodies(1).await, ["served"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_are_shown_as_they_stand() {
    let (first, second) = pair().await;
    let endpoints = format!(
        "endpoints: [\"{}\", {{address: \"localhost:{}\", weight: 7, zone: eu-1b, backup: true, max_in_flight: 9}}]",
        first.address,
        second.address.port()
    );
    let text = config(&[], "    limit: {in_flight: 10, headroom: 0%}", ROUTES).replace("endpoints: []", &endpoints);
    let world = World::with(&text.replace("process: {", "process: {zone: eu-1b, "));
    world.bodies(3).await;
    let table = world.says("pools", &[]);
    assert!(!table.contains('\u{1b}'), "no colours in a file: {table:?}");
    for part in ["origin: least_requests; 100% usable", "0 of 10 in flight", "eu-1b backup", "standby", "0/9"] {
        assert!(table.contains(part), "no {part:?} in\n{table}");
    }
    let line = table.lines().find(|line| line.contains(&first.address.to_string())).unwrap();
    assert!(line.contains(" up ") && line.contains(" ms ") && line.contains(" 3 "), "{line}");
    let line = table.lines().find(|line| line.contains(&second.address.to_string())).unwrap();
    assert!(line.contains(&format!("localhost:{}", second.address.port())), "{line}");
    assert!(world.says("pools", &["--pool", "origin"]).contains(&first.address.to_string()));
    let unknown = world.run("pools", &["--pool", "orign"]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("known are `origin`"), "{unknown:?}");

    // All that is found behind the name.
    let name = format!("localhost:{}", second.address.port());
    world.says("endpoint", &["origin", &name, "drain", "--by", "anna"]);
    assert!(world.says("pools", &[]).contains("drain by anna"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_endpoints_has_nothing_to_use() {
    let file = config(&[], "", ROUTES).replace("endpoints: []", "endpoints_file: missing.yaml");
    let world = World::with(&file);
    let table = world.says("pools", &[]);
    for part in ["origin: least_requests; 0% usable", "missing.yaml is broken", "no endpoints"] {
        assert!(table.contains(part), "no {part:?} in\n{table}");
    }
    world.edge.wait_for_metric(r#"floodgate_pool_usable_ratio{pool="origin"} 0"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_clear_is_refused() {
    let origin = Origin::fixed("", &[]).await;
    let world = World::start(&[origin.address], "");
    let path = format!("/pools/origin/endpoints/{}", origin.address);
    let order = json!({"state": "down", "by": "anna"});
    for (path, body, status, says) in [
        (path.as_str(), json!({"state": "down"}), 400, "by"),
        (&path, json!({"state": "off", "by": "anna"}), 400, "unknown variant"),
        (&path, json!({"state": "down", "by": "anna", "for": "soon"}), 400, "`soon`"),
        (&path, json!({"state": "down", "by": "anna", "at": 1}), 400, "unknown field"),
        (&path, json!({"state": "down", "by": "a".repeat(5000)}), 413, "larger than"),
        ("/pools/orign/endpoints/127.0.0.1:1", order.clone(), 404, "known are `origin`"),
        ("/pools/origin/endpoints/127.0.0.1:1", order.clone(), 404, &origin.address.to_string()),
        ("/pools/origin/endpoints", order.clone(), 404, "there is"),
        ("/pools", order.clone(), 405, "only GET, HEAD"),
    ] {
        let (answered, text) = world.ask(Method::POST, path, &body).await;
        assert_eq!(answered.as_u16(), status, "{path} {body}: {text}");
        assert!(text.contains(says), "{path} {body}: {text}");
    }
    assert_eq!(world.ask(Method::GET, &path, &Value::Null).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let admin = world.edge.address("admin");
    for (method, path) in [(Method::GET, "/pools"), (Method::POST, path.as_str())] {
        let answer = reqwest::Client::new().request(method, format!("http://{admin}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(world.endpoint(0)["by_hand"], Value::Null, "nothing of all this was done");
    let (status, text) = world.ask(Method::POST, &path, &order).await;
    assert_eq!(status, StatusCode::OK);
    let now: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&now[0]["name"], &now[0]["endpoints"][0]["state"]), (&"origin".into(), &"down".into()), "{now:#}");
}

/// A pool with two endpoints in round robin: `first` and `second` are what is said of them beside the address.
fn two(origins: &(Origin, Origin), first: &str, second: &str) -> String {
    let endpoints = format!(
        "endpoints: [{{address: \"{}\"{first}}}, {{address: \"{}\"{second}}}]",
        origins.0.address, origins.1.address
    );
    config(&[], "    balance: round_robin\n    slow_start: 0s", ROUTES).replace("endpoints: []", &endpoints)
}

/// Key: process.zone
/// Key: pools.*.endpoints[].zone
#[tokio::test(flavor = "multi_thread")]
async fn requests_stay_in_the_zone_of_the_edge_while_they_can() {
    let origins = pair().await;
    let text = two(&origins, ", zone: a", ", zone: b");
    for (zone, own, other) in [("a", "first", "second"), ("b", "second", "first")] {
        let world = World::with(&text.replace("process: {", &format!("process: {{zone: {zone}, ")));
        assert_eq!(world.bodies(6).await, [own; 6], "in zone {zone}");
        let index = usize::from(own == "second");
        assert_eq!(world.endpoint(index)["zone"], zone);
        let address = world.endpoint(index)["address"].as_str().unwrap().to_owned();
        world.says("endpoint", &["origin", &address, "down"]);
        assert_eq!(world.bodies(6).await, [other; 6], "nobody is left in zone {zone}");
    }
}

/// Key: pools.*.endpoints[].backup
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_serves_when_nobody_else_can() {
    let origins = pair().await;
    let world = World::with(&two(&origins, "", ", backup: true"));
    assert_eq!(world.bodies(4).await, ["first"; 4]);
    assert_eq!((&world.endpoint(1)["state"], &world.endpoint(1)["backup"]), (&"standby".into(), &true.into()));
    world.says("endpoint", &["origin", &origins.0.address.to_string(), "down"]);
    assert_eq!(world.bodies(4).await, ["second"; 4]);
    assert_eq!(world.endpoint(1)["state"], "up");
}

/// Key: pools.*.endpoints[].drain
#[tokio::test(flavor = "multi_thread")]
async fn a_drained_endpoint_gets_nobody_new_until_the_configuration_says_so() {
    let origins = pair().await;
    let world = World::with(&two(&origins, "", ", drain: true"));
    assert_eq!(world.bodies(4).await, ["first"; 4]);
    let drained = world.endpoint(1);
    assert_eq!((&drained["state"], &drained["why"]), (&"draining".into(), &"drained in the configuration".into()));
    world.edge.rewrite_config(|text| text.replace(", drain: true", ""));
    world.edge.signal("HUP");
    world.edge.wait_for_log("configuration reloaded");
    assert!(world.bodies(4).await.contains(&"second".to_owned()));
}

/// Key: pools.*.endpoints[].max_in_flight
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_has_no_more_in_flight_than_it_takes() {
    let ((first, first_gate), (second, second_gate)) =
        (Origin::gated("first", &[]).await, Origin::gated("second", &[]).await);
    let origins = (first, second);
    let world = World::with(&two(&origins, ", max_in_flight: 1", ""));
    let client = world.edge.client().build().unwrap();
    let held: Vec<_> = (0..6).map(|_| tokio::spawn(client.get(world.edge.secure("/")).send())).collect();
    let asked = || (origins.0.asked().len(), origins.1.asked().len());
    wait_until("all are in flight", async || asked().0 + asked().1 == 6).await;
    assert_eq!(asked(), (1, 5));
    let now = world.endpoint(0);
    assert_eq!((&now["in_flight"], &now["max_in_flight"]), (&1.into(), &1.into()));
    first_gate.open(1);
    second_gate.open(5);
    for answer in held {
        assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    wait_until("nothing is in flight", async || world.endpoint(0)["in_flight"] == 0).await;
}
