//! `edge reload`, `edge history` and `edge rollback`: commands that ask the edge that runs.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::world::{Edge, config};

const ROUTES: &str = r#"
  - {name: old, match: {path: /old}, pool: origin, class: core}
  - {name: other, match: {path: /other}, pool: origin, class: browse}
"#;

/// A running edge whose file names the port of its admin listener.
struct World {
    edge: Edge,
    secrets: TempDir,
    text: String,
}

impl World {
    fn start() -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let token = secrets.path().join("token");
        fs::write(&token, "correct-horse-battery-staple").unwrap();
        // Free now; nobody else asks for just this one.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let admin = format!("admin: {{token: \"file:{}\", bind: \"{free}\"}}", token.display());
        let text = config(&["127.0.0.1:1".parse().unwrap()], "", ROUTES);
        let text = text.replace("admin: {bind: \"127.0.0.1:0\"}", &admin);
        Self { edge: Edge::start(&text), secrets, text }
    }

    /// A file beside the one that the edge was started with.
    fn file(&self, text: &str) -> PathBuf {
        let file = self.edge.folder().join("beside.yaml");
        fs::write(&file, text).unwrap();
        file
    }
}

fn edge(arguments: &[&str], file: &PathBuf) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edge")).args(arguments).arg(file).output().unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

#[test]
fn what_was_live_is_listed_and_brought_back() {
    let world = World::start();
    let file = world.file(&world.text);
    let first = said(&edge(&["history"], &file));
    assert!(first.contains("boot") && first.contains("<- live"), "{first}");

    let nothing = edge(&["rollback"], &file);
    assert!(!nothing.status.success());
    assert!(said(&nothing).contains("no other configuration was live before"), "{}", said(&nothing));

    let unknown = edge(&["rollback", "--to", "0123456789abcdef"], &file);
    assert!(said(&unknown).contains("0123456789abcdef"), "{}", said(&unknown));

    world.edge.rewrite_config(|text| text.replace("/old", "/new"));
    world.edge.signal("HUP");
    world.edge.wait_for_log("configuration reloaded");
    let back = edge(&["rollback"], &file);
    assert!(back.status.success(), "{}", said(&back));
    let (live, _) = first.split_once(' ').unwrap();
    assert!(said(&back).starts_with(&format!("live: {live} (before: ")), "{}", said(&back));
    assert!(said(&back).contains("note: the file holds something else"), "{}", said(&back));
    let listed = edge(&["history", "--format", "json"], &file);
    let lines: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(
        lines.iter().map(|line| line["cause"].as_str().unwrap()).collect::<Vec<_>>(),
        ["rollback", "signal", "boot"]
    );
}

#[test]
fn whoever_has_to_go_back_needs_no_good_file() {
    let world = World::start();
    world.edge.rewrite_config(|text| text.replace("/old", "/new"));
    world.edge.signal("HUP");
    world.edge.wait_for_log("configuration reloaded");
    let half = world.file(&world.text.replace("routes:", "routes: [{name:").replace("pool: origin", "pool: orig"));
    let back = edge(&["rollback"], &half);
    assert!(back.status.success() && said(&back).starts_with("live: "), "{}", said(&back));

    let address = world.edge.address("admin").to_string();
    let token = world.secrets.path().join("token");
    let listed = said(&edge(&["history", "--admin", &address, "--token"], &token));
    assert!(listed.contains("rollback  <- live"), "{listed}");
    let nowhere = world.file(&world.text.replace(&address, "127.0.0.1:1").replace("routes:", "routes: ["));
    let explained = edge(&["explain", "--admin", &address, nowhere.to_str().unwrap()], &"http://a/old".into());
    assert!(said(&explained).contains("old"), "{}", said(&explained));
    assert!(explained.status.success(), "the token is that of the file: {}", said(&explained));
    assert_eq!(edge(&["history", "--token"], &token).status.code(), Some(2), "where?");
}

#[test]
fn a_file_that_cannot_go_live_is_answered_with_why() {
    let world = World::start();
    let restart = edge(&["reload"], &world.file(&world.text.replace("workers: 2", "workers: 3")));
    assert_eq!(restart.status.code(), Some(1));
    assert!(said(&restart).contains("409") && said(&restart).contains("restart"), "{}", said(&restart));
    let bad = edge(&["reload"], &world.file(&world.text.replace("names: [localhost]", "names: [other.example]")));
    assert!(said(&bad).contains("422") && said(&bad).contains("E0401 listeners.secure"), "{}", said(&bad));
    let mistyped = edge(&["reload"], &world.file(&world.text.replace("class: core", "class: cor")));
    assert!(said(&mistyped).contains("E0301"), "{}", said(&mistyped));
    let good = edge(&["reload"], &world.file(&world.text.replace("/old", "/new")));
    assert!(good.status.success() && said(&good).starts_with("live: "), "{}", said(&good));
}

#[test]
fn an_edge_that_cannot_be_asked_is_named() {
    let world = World::start();
    let file = world.file(&world.text);
    fs::write(world.secrets.path().join("token"), "another-horse-another-battery").unwrap();
    let wrong = said(&edge(&["history"], &file));
    assert!(wrong.contains("does not take the token"), "{wrong}");
    assert!(!wrong.contains("horse"), "{wrong}");

    let no_token = world.edge.folder().join("no_token.yaml");
    fs::write(&no_token, config(&["127.0.0.1:1".parse().unwrap()], "", ROUTES)).unwrap();
    let none = said(&edge(&["history"], &no_token));
    assert!(none.contains("names no token") && none.contains("hint: "), "{none}");

    let address = world.edge.address("admin");
    let kept = world.secrets.path().join("edge.yaml");
    fs::copy(&file, &kept).unwrap();
    drop(world.edge);
    let gone = said(&edge(&["history"], &kept));
    assert!(gone.contains(&format!("no edge answers at {address}")) && gone.contains("hint: is it running?"), "{gone}");
}
