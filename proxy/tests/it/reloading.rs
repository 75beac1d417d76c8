//! Ways for a configuration to go live, and back: the watched file, the admin listener, the history.

use std::{fs, io::Write, os::unix::fs::symlink, time::Duration};

use http::{Method, StatusCode, header};
use reqwest::Response;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    origin::Origin,
    world::{Edge, LONG, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: old, match: {path: /old}, pool: origin, class: core}
  - {name: other, match: {path: /other}, pool: origin, class: browse}
"#;
const TOKEN: &str = "correct-horse-battery-staple";

/// An edge whose admin listener asks for a token.
struct World {
    edge: Edge,
    text: String,
    _origin: Origin,
    secrets: TempDir,
}

impl World {
    async fn start(change: impl FnOnce(String) -> String) -> Self {
        let origin = Origin::fixed("hello", &[]).await;
        let secrets = tempfile::tempdir().unwrap();
        let token = secrets.path().join("token");
        fs::write(&token, format!("{TOKEN}\n")).unwrap();
        let admin = format!(r#"admin: {{token: "file:{}", bind"#, token.display());
        let text = change(config(&[origin.address], "", ROUTES).replace("admin: {bind", &admin));
        Self { edge: Edge::start(&text), text, _origin: origin, secrets }
    }

    /// The same configuration in which `/old` is reached under another path.
    fn with_path(&self, path: &str) -> String {
        self.text.replace("path: /old", &format!("path: {path}"))
    }

    async fn serves(&self, path: &str) -> bool {
        let client = self.edge.client().build().unwrap();
        client.get(self.edge.secure(path)).send().await.unwrap().status() == StatusCode::OK
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: impl Into<reqwest::Body>) -> Response {
        let url = format!("http://{}{path}", self.edge.address("admin"));
        let request = reqwest::Client::new().request(method, url).bearer_auth(token).body(body);
        request.timeout(LONG).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let answer = self.ask(Method::POST, path, TOKEN, body).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn history(&self) -> Vec<Value> {
        let answer = self.ask(Method::GET, "/config/history", TOKEN, "").await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }
}

fn watched(text: String) -> String {
    text.replace("process: {", "process: {watch: true, ")
}

/// Key: process.watch
#[tokio::test]
async fn a_watched_file_goes_live_when_it_is_written_or_replaced() {
    let world = World::start(watched).await;
    let file = world.edge.folder().join("edge.yaml");
    fs::write(&file, world.with_path("/written")).unwrap();
    wait_until("what was written is live", async || world.serves("/written").await).await;

    let beside = world.edge.folder().join("edge.yaml.new");
    fs::write(&beside, world.with_path("/renamed")).unwrap();
    fs::rename(&beside, &file).unwrap();
    wait_until("what was put in its place is live", async || world.serves("/renamed").await).await;

    // A bad one is refused, and the next good one is seen all the same.
    fs::write(&file, world.with_path("/bad").replace("version: 1", "version: 9")).unwrap();
    world.edge.wait_for_log("reload refused");
    assert!(world.serves("/renamed").await);
    fs::write(&file, world.with_path("/good")).unwrap();
    wait_until("the good one is live", async || world.serves("/good").await).await;
    world.edge.wait_for_metric(r#"floodgate_config_reloads_total{result="refused",source="watch"} 1"#).await;
    world.edge.wait_for_metric("floodgate_config_last_reload_success 1").await;
    assert_eq!(world.history().await[0]["cause"], "watch");
}

#[tokio::test]
async fn a_watched_file_goes_live_whatever_else_is_refused_meanwhile() {
    let world = World::start(watched).await;
    let file = world.edge.folder().join("edge.yaml");
    fs::write(&file, world.with_path("/first")).unwrap();
    wait_until("the watch is at work", async || world.serves("/first").await).await;
    fs::write(&file, world.with_path("/written")).unwrap();
    // Both look at the file, before the watch does.
    assert_eq!(world.post("/config", "version: 9").await.0, 422);
    assert_eq!(world.post("/config/rollback", r#"{"to": "0123456789abcdef"}"#).await.0, 404);
    wait_until("what was written is live", async || world.serves("/written").await).await;
}

#[tokio::test]
async fn half_a_file_does_not_go_live() {
    let world = World::start(watched).await;
    let file = world.edge.folder().join("edge.yaml");
    let held_back = || world.edge.log_text().matches("still being written").count();
    for (path, anew) in [("/in-place", false), ("/anew", true)] {
        let before = held_back();
        if anew {
            fs::remove_file(&file).unwrap();
        }
        let mut writer = fs::File::create(&file).unwrap();
        // Valid for itself, as the first part of a YAML file often is.
        writer.write_all(world.with_path(path).as_bytes()).unwrap();
        fs::write(world.edge.folder().join("neighbour"), "x").unwrap();
        wait_until("the first half is held back", async || held_back() > before).await;
        assert!(!world.serves(path).await);
        writer.write_all(b"# the end\n").unwrap();
        drop(writer);
        wait_until("the whole is live", async || world.serves(path).await).await;
    }
    world.edge.wait_for_metric(r#"floodgate_config_reloads_total{result="taken",source="watch"} 2"#).await;
    world.edge.wait_for_metric(r#"floodgate_config_reloads_total{result="refused",source="watch"} 0"#).await;
}

#[tokio::test]
async fn a_volume_that_is_swapped_as_a_whole_goes_live() {
    let world = World::start(watched).await;
    let folder = world.edge.folder();
    let version = |name: &str, path: &str| {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("edge.yaml"), world.with_path(path)).unwrap();
    };
    version("v1", "/first");
    version("v2", "/second");
    symlink("v1", folder.join("..data")).unwrap();
    symlink("..data/edge.yaml", folder.join("link")).unwrap();
    fs::rename(folder.join("link"), folder.join("edge.yaml")).unwrap();
    wait_until("the first is live", async || world.serves("/first").await).await;
    symlink("v2", folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    wait_until("the second is live", async || world.serves("/second").await).await;
}

#[tokio::test]
async fn a_file_that_appears_where_others_are_included_goes_live() {
    let world = World::start(watched).await;
    let routes = world.edge.folder().join("routes");
    fs::create_dir(&routes).unwrap();
    let route = |name: &str| format!("routes: [{{name: {name}, match: {{path: /{name}}}, pool: origin, class: core}}]");
    fs::write(routes.join("a.yaml"), route("one")).unwrap();
    world.edge.rewrite_config(|text| text.replace("version: 1", "version: 1\ninclude: routes/*.yaml"));
    wait_until("the included file is live", async || world.serves("/one").await).await;
    fs::write(routes.join("b.yaml"), route("two")).unwrap();
    wait_until("the file beside it is live", async || world.serves("/two").await).await;
    let live = world.ask(Method::GET, "/config", TOKEN, "").await.text().await.unwrap();
    assert!(live.contains("routes/b.yaml\n") && live.contains("path: /two"), "{live}");

    // What went live before is remembered with all of its files, whatever became of them.
    fs::remove_file(routes.join("a.yaml")).unwrap();
    wait_until("the file that is gone is not live", async || !world.serves("/one").await).await;
    let (status, said) = world.post("/config/rollback", "").await;
    assert_eq!(status, 200, "{said}");
    assert!(world.serves("/one").await && world.serves("/two").await);
}

/// The corrections of what was never live: it lies in a folder that no live configuration knows.
#[tokio::test]
async fn what_was_refused_is_read_again_when_it_is_corrected() {
    let world = World::start(|text| watched(text).replace("file:access.log", "off")).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, include) = (elsewhere.path().join("a.yaml"), elsewhere.path().join("*.yaml"));
    let route = |name: &str| format!("routes: [{{name: {name}, match: {{path: /{name}}}, pool: origin, class: core}}]");
    fs::write(&file, "routes: [").unwrap();
    world
        .edge
        .rewrite_config(|text| text.replace("version: 1", &format!("version: 1\ninclude: \"{}\"", include.display())));
    world.edge.wait_for_log("reload refused");
    fs::write(&file, route("one")).unwrap();
    wait_until("what was corrected is live", async || world.serves("/one").await).await;
    fs::write(elsewhere.path().join("b.yaml"), route("two")).unwrap();
    wait_until("what appeared beside it is live", async || world.serves("/two").await).await;

    // After a rollback to what knows nothing of that folder, the file still does.
    let first = world.history().await.last().unwrap()["hash"].clone();
    let (status, said) = world.post("/config/rollback", json!({"to": first}).to_string()).await;
    assert_eq!(status, 200, "{said}");
    assert!(!world.serves("/one").await);
    fs::write(&file, route("three")).unwrap();
    wait_until("what the file says is live", async || world.serves("/three").await).await;
}

#[tokio::test]
async fn what_is_the_same_is_not_taken_over_again() {
    let world = World::start(watched).await;
    let file = world.edge.folder().join("edge.yaml");
    fs::write(&file, &world.text).unwrap();
    // Longer than changes take to settle: had the first write been a reload, it would be counted before this one.
    tokio::time::sleep(Duration::from_millis(600)).await;
    fs::write(&file, world.with_path("/new")).unwrap();
    wait_until("the change is live", async || world.serves("/new").await).await;
    world.edge.wait_for_metric(r#"floodgate_config_reloads_total{result="taken",source="watch"} 1"#).await;
}

#[tokio::test]
async fn a_posted_configuration_goes_live_and_leaves_the_file_alone() {
    let world = World::start(|text| text).await;
    let before = world.history().await[0]["hash"].clone();
    world.edge.wait_for_metric("floodgate_config_differs_from_file 0").await;

    let (status, done) = world.post("/config", world.with_path("/posted")).await;
    assert_eq!((status, &done["previous"], &done["differs_from_file"]), (200, &before, &json!(true)), "{done}");
    assert_eq!(done["changed"][0]["path"], "routes.old.match.path", "{done}");
    assert!(world.serves("/posted").await && !world.serves("/old").await);
    assert_eq!(fs::read_to_string(world.edge.folder().join("edge.yaml")).unwrap(), world.text);
    world.edge.wait_for_log("what is live is not what the file holds");
    world.edge.wait_for_metric("floodgate_config_differs_from_file 1").await;
    let hash = done["hash"].as_str().unwrap();
    world.edge.wait_for_metric(&format!(r#"floodgate_config_hash_info{{hash="{hash}"}} 1"#)).await;
    let live = world.ask(Method::GET, "/config", TOKEN, "").await.text().await.unwrap();
    assert_eq!(live, world.with_path("/posted"));

    // Read from the file again, the two are the same.
    world.edge.signal("HUP");
    world.edge.wait_for_metric("floodgate_config_differs_from_file 0").await;
    assert!(world.serves("/old").await);
}

#[tokio::test]
async fn what_goes_live_is_counted_though_its_client_has_left() {
    let world = World::start(|text| text).await;
    let mut client = TcpStream::connect(world.edge.address("admin")).await.unwrap();
    let text = world.with_path("/posted");
    let head = format!("Host: admin\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}", text.len());
    client.write_all(format!("POST /config HTTP/1.1\r\n{head}\r\n\r\n{text}").as_bytes()).await.unwrap();
    drop(client);
    wait_until("it is live", async || world.serves("/posted").await).await;
    world.edge.wait_for_metric(r#"floodgate_config_reloads_total{result="taken",source="post"} 1"#).await;
    world.edge.wait_for_metric("floodgate_config_differs_from_file 1").await;
}

#[tokio::test]
async fn a_posted_configuration_that_cannot_go_live_is_answered_with_why() {
    let world = World::start(|text| text).await;
    let (status, said) = world.post("/config", world.text.replace("class: browse", "class: brows")).await;
    let problem = &said["problems"][0];
    assert_eq!((status, &problem["code"], &problem["name"]), (422, &json!("E0301"), &json!("unknown-name")), "{said}");
    assert!(problem["line"].as_u64() > Some(1) && problem["path"] == "routes[1].class", "{said}");
    assert!(problem["hint"].as_str().unwrap().contains("`browse`"), "{said}");

    let (status, said) = world.post("/config", world.text.replace("tls/localhost.pem", "tls/none.pem")).await;
    assert_eq!(status, 422);
    assert!(said.to_string().contains("tls/none.pem"), "{said}");

    let (status, said) = world.post("/config", world.text.replace("workers: 2", "workers: 3")).await;
    assert_eq!(status, 409);
    assert!(said["error"].as_str().unwrap().contains("process.workers"), "{said}");
    let expected = ("process.workers", "2 -> 3", "needs_restart");
    let needs = &said["needs_restart"][0];
    assert_eq!(
        (&needs["path"], &needs["change"], &needs["kind"]),
        (&json!(expected.0), &json!(expected.1), &json!(expected.2))
    );

    let client = reqwest::Client::new();
    let url = format!("http://{}/config", world.edge.address("admin"));
    let human = client.post(&url).bearer_auth(TOKEN).header(header::ACCEPT, "text/plain").body("version: 2\n");
    let human = human.send().await.unwrap().text().await.unwrap();
    assert!(human.contains("edge.yaml:1:10: ") && human.contains("\n  1 | version: 2\n"), "{human}");

    let (status, said) = world.post("/config", vec![b' '; (4 << 20) + 1]).await;
    assert_eq!(status, 413, "{said}");
    let (status, _) = world.post("/config", vec![0xff]).await;
    assert_eq!(status, 422);
    assert!(world.serves("/old").await);
    assert_eq!(world.history().await.len(), 1);
    // None of that says anything about the file.
    world.edge.wait_for_metric("floodgate_config_last_reload_success 1").await;
    world.edge.wait_for_metric(r#"floodgate_config_reloads_total{result="refused",source="post"} 4"#).await;
}

/// Key: admin.token
#[tokio::test]
async fn only_who_shows_the_token_reads_or_changes_the_configuration() {
    let world = World::start(|text| text).await;
    let resources = [
        (Method::GET, "/config"),
        (Method::POST, "/config"),
        (Method::GET, "/config/history"),
        (Method::POST, "/config/rollback"),
    ];
    for (method, path) in resources.clone() {
        let answer = world.ask(method, path, "correct-horse-battery-stapler", world.with_path("/new")).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert!(answer.text().await.unwrap().contains("hint: "));
    }
    assert!(world.serves("/old").await);

    // A reload takes a new token over.
    fs::write(world.secrets.path().join("token"), "another-horse-another-battery").unwrap();
    world.edge.signal("HUP");
    world.edge.wait_for_log("configuration reloaded");
    assert_eq!(world.ask(Method::GET, "/config", TOKEN, "").await.status(), StatusCode::UNAUTHORIZED);
    let answer = world.ask(Method::GET, "/config", "another-horse-another-battery", "").await;
    assert_eq!(answer.status(), StatusCode::OK);

    let open = Edge::start(&config(&["127.0.0.1:1".parse().unwrap()], "", ROUTES));
    for (method, path) in resources {
        let url = format!("http://{}{path}", open.address("admin"));
        let answer = reqwest::Client::new().request(method, url).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(answer.text().await.unwrap().contains("admin: {token: "));
    }
}

#[tokio::test]
async fn the_token_is_printed_nowhere() {
    let world = World::start(|text| text).await;
    let mut seen = String::new();
    for (method, path) in [(Method::GET, "/config"), (Method::GET, "/config/history"), (Method::GET, "/metrics")] {
        seen += &world.ask(method, path, TOKEN, "").await.text().await.unwrap();
    }
    // Pasted in where its place belongs, it is refused and not repeated.
    let place = format!("file:{}", world.secrets.path().join("token").display());
    let (status, said) = world.post("/config", world.text.replace(&place, TOKEN)).await;
    assert_eq!((status, &said["problems"][0]["code"]), (422, &json!("E0213")));
    fs::write(world.edge.folder().join("edge.yaml"), world.text.replace(&place, TOKEN)).unwrap();
    world.edge.signal("HUP");
    world.edge.wait_for_metric(r#"floodgate_config_reloads_total{result="refused",source="signal"} 1"#).await;
    world.ask(Method::GET, "/config", "correct-horse-battery-stapler", "").await;
    seen += &said.to_string();
    seen += &world.edge.log_text();
    assert!(seen.contains("E0213") && !seen.contains("correct-horse"), "{seen}");
}

#[tokio::test]
async fn a_rollback_brings_back_what_was_live_before() {
    let world = World::start(|text| text).await;
    let (status, said) = world.post("/config/rollback", "").await;
    assert_eq!(status, 404, "{said}");
    let first = world.history().await[0]["hash"].clone();
    world.post("/config", world.with_path("/second")).await;
    world.post("/config", world.with_path("/third")).await;

    let (status, done) = world.post("/config/rollback", "").await;
    assert_eq!(status, 200, "{done}");
    assert!(world.serves("/second").await && !world.serves("/third").await);
    let (status, done) = world.post("/config/rollback", json!({"to": first}).to_string()).await;
    assert_eq!((status, &done["hash"], &done["differs_from_file"]), (200, &first, &json!(false)));
    assert!(world.serves("/old").await);

    let (status, said) = world.post("/config/rollback", r#"{"to": "0123456789abcdef"}"#).await;
    assert_eq!(status, 404);
    assert!(said.to_string().contains("0123456789abcdef"), "{said}");
    assert_eq!(world.post("/config/rollback", r#"{"two": ""}"#).await.0, 400);
    let causes: Vec<_> = world.history().await.iter().map(|line| line["cause"].clone()).collect();
    assert_eq!(causes, ["rollback", "rollback", "post", "post", "boot"]);
}

#[tokio::test]
async fn ten_configurations_are_remembered() {
    let world = World::start(|text| text).await;
    let mut posted = Vec::new();
    for n in 0..12 {
        posted.push(world.post("/config", world.with_path(&format!("/path{n}"))).await.1["hash"].clone());
    }
    let history = world.history().await;
    let hashes: Vec<_> = history.iter().map(|line| line["hash"].clone()).collect();
    assert_eq!(hashes, posted.iter().rev().take(10).cloned().collect::<Vec<_>>());
    assert_eq!(history.iter().filter(|line| line["live"] == true).count(), 1);
    assert_eq!(history[0]["live"], true);
    let (status, _) = world.post("/config/rollback", json!({"to": posted[0]}).to_string()).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_reload_keeps_what_a_rate_limit_has_counted() {
    let world =
        World::start(|text| text.replace("path: /old}, ", "path: /old}, rate: [{per: address, at: 1/h, burst: 2}], "))
            .await;
    assert!(world.serves("/old").await && world.serves("/old").await && !world.serves("/old").await);
    let (status, said) = world.post("/config", world.text.replace("path: /other", "path: /another")).await;
    assert_eq!(status, 200, "{said}");
    assert!(world.serves("/another").await && !world.serves("/old").await);
    world.post("/config", world.text.replace("burst: 2", "burst: 3")).await;
    assert!(world.serves("/old").await, "another limit counts anew");
}

#[tokio::test]
async fn nobody_keeps_the_admin_listener_busy() {
    let world = World::start(|text| text).await;
    let address = world.edge.address("admin");
    // More than are served at a time, none of which asks for anything.
    let mut silent = Vec::new();
    for _ in 0..80 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(world.history().await.len(), 1, "they were hung up on");
}
