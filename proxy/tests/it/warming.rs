//! `edge warm`: a cache is filled from a list before clients come.

use std::process::{Command, Output};

use crate::{
    origin::Origin,
    world::{Edge, config},
};

const ROUTES: &str = r#"
  - {name: cached, match: {path: /c/**}, pool: origin, class: browse, cache: {zone: pages}}
  - {name: passed, match: {path: /p/**}, pool: origin, class: core}
  - {name: closed, match: {path: /closed}, respond: {status: 503, body: closed}}
"#;

async fn warm(edge: &Edge, list: &str, more: &[&str]) -> (Output, String) {
    let file = edge.folder().join("urls.txt");
    std::fs::write(&file, list).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge"));
    command.arg("warm").arg(&file).arg("--ca").arg(edge.folder().join("tls/ca.pem")).args(more);
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    (done, said)
}

#[tokio::test]
async fn what_was_warmed_is_a_hit_under_the_name_that_clients_use() {
    let origin = Origin::fixed("hello", &[("cache-control", "max-age=60")]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let to = edge.address("secure").to_string();
    let list = "# pages\nhttps://localhost/c/a\nhttps://localhost/c/b\n\nhttps://localhost/c/a?x\n";
    let more = ["--to", to.as_str(), "--rate", "1000", "-H", "accept-language: de"];
    let (done, said) = warm(&edge, list, &more).await;
    assert!(
        done.status.success() && said.contains("3  200, fwd=uri-miss; stored") && said.contains("15 bytes"),
        "{said}"
    );
    assert_eq!(origin.asked()[0].headers()["accept-language"], "de");
    let (done, said) = warm(&edge, list, &more).await;
    assert!(done.status.success() && said.contains("3  200, hit"), "{said}");
    // As a browser asks: the name without the port that only we have put the edge at.
    let client = edge.client().resolve("localhost", edge.address("secure")).build().unwrap();
    let answer = client.get("https://localhost/c/a").send().await.unwrap();
    assert!(answer.headers()["cache-status"].to_str().unwrap().contains("; hit"));
    assert_eq!(origin.asked().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_had_is_named_and_fails_the_command() {
    let origin = Origin::fixed("hello", &[("cache-control", "max-age=60")]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let (closed, fine) = (edge.plain("/closed"), edge.plain("/c/a"));
    let (done, said) = warm(&edge, &format!("{closed}\n{fine}\nhttp://127.0.0.1:1/nobody\n"), &[]).await;
    assert_eq!(done.status.code(), Some(1), "{said}");
    for line in
        ["1  200, fwd=uri-miss", &format!("{closed}: 503"), "127.0.0.1:1/nobody: ", "error: 2 of 3 could not be had"]
    {
        assert!(said.contains(line), "no {line:?} in\n{said}");
    }
    for (list, reason) in [("", "names no URL"), ("/path\n", "line 1: `/path` is no URL")] {
        let (done, said) = warm(&edge, list, &[]).await;
        assert!(!done.status.success() && said.contains(reason), "{said}");
    }
}
