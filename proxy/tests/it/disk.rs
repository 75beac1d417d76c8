//! A zone with a disk: what it keeps beyond its memory and beyond the process.

use std::path::Path;

use http::StatusCode;
use reqwest::Client;

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: cached, match: {path: /c/**}, pool: origin, class: browse, cache: {zone: pages}}
  - {name: passed, match: {path: /**}, pool: origin, class: core}
"#;

/// A configuration whose zone has little memory and a disk in a folder.
fn with_disk(origin: &Origin, folder: &str, size: &str) -> String {
    let text = config(&[origin.address], "", ROUTES);
    let disk = format!("memory: 1MiB, max_object: 256KiB, disk: {{folder: {folder}, size: {size}}}");
    let changed = text.replace("memory: 16MiB, max_object: 1MiB", &disk);
    assert_ne!(changed, text);
    changed
}

/// An origin whose answers are 32 KiB and say which path they are for.
async fn origin() -> Origin {
    Origin::start(|request| async move {
        let mut body = request.uri().path().repeat(32 << 10);
        body.truncate(32 << 10);
        response(200, body, &[("cache-control", "max-age=3600"), ("surrogate-key", "all")])
    })
    .await
}

/// Asks for a path and says what the cache did.
async fn asked(client: &Client, edge: &Edge, path: &str) -> String {
    // A port would be part of what it is kept under, and that differs each time.
    let answer = client.get(edge.plain(path)).header("host", "shop.example").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let did = answer.headers()["cache-status"].to_str().unwrap().to_owned();
    let body = answer.text().await.unwrap();
    assert!(body.len() == 32 << 10 && body.starts_with(path), "{path}: {}", &body[..20]);
    did
}

async fn fill(client: &Client, edge: &Edge, objects: usize) {
    for number in 0..objects {
        asked(client, edge, &format!("/c/{number}")).await;
    }
    edge.wait_for_metric(&format!(r#"floodgate_cache_disk_writes_total{{zone="pages"}} {objects}"#)).await;
}

fn bytes_in(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// Key: zones.*.disk
/// Key: zones.*.disk.folder
#[tokio::test]
async fn what_memory_has_no_room_for_is_on_the_disk_and_still_there_after_a_crash() {
    let origin = origin().await;
    let text = with_disk(&origin, "cache", "64MiB");
    let edge = Edge::start(&text);
    edge.wait_for_metric(r#"floodgate_cache_disk_state{state="serving",zone="pages"} 1"#).await;
    let client = edge.client().build().unwrap();
    fill(&client, &edge, 100).await;
    for number in 0..100 {
        let did = asked(&client, &edge, &format!("/c/{number}")).await;
        assert!(did.contains("; hit"), "3 MiB fit into 1 MiB of memory and the disk: {did}");
    }
    assert_eq!(origin.asked().len(), 100);

    let folder = edge.end_by("KILL").await;
    let edge = Edge::start_in(folder, Path::new(env!("CARGO_BIN_EXE_edge")), &text);
    edge.wait_for_metric(r#"floodgate_cache_disk_state{state="serving",zone="pages"} 1"#).await;
    let client = edge.client().build().unwrap();
    let mut hits = 0;
    for number in 0..100 {
        hits += usize::from(asked(&client, &edge, &format!("/c/{number}")).await.contains("; hit"));
    }
    assert_eq!((hits, origin.asked().len()), (100, 100));
}

/// Key: zones.*.disk.size
#[tokio::test]
async fn the_files_never_take_more_than_they_may() {
    let origin = origin().await;
    let edge = Edge::start(&with_disk(&origin, "cache", "16MiB"));
    edge.wait_for_metric(r#"floodgate_cache_disk_state{state="serving",zone="pages"} 1"#).await;
    let client = edge.client().build().unwrap();
    for number in 0..700 {
        asked(&client, &edge, &format!("/c/{number}")).await;
        let bytes = bytes_in(&edge.folder().join("cache"));
        assert!(bytes <= 16 << 20, "{bytes} bytes after {number} objects");
    }
    wait_until("most were written", async || {
        let text = edge.metrics().await;
        let line = text.lines().find(|line| line.starts_with("floodgate_cache_disk_writes_total")).unwrap();
        line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap() > 550
    })
    .await;
    // Of so small a disk, segments that are being written and made room for are more than half.
    let bytes = bytes_in(&edge.folder().join("cache"));
    assert!(bytes > 5 << 20, "{bytes} bytes are kept");
}

#[tokio::test]
async fn a_disk_that_cannot_be_used_costs_no_answer_and_is_used_once_it_can_be() {
    let origin = origin().await;
    // Its parent is not there.
    let edge = Edge::start(&with_disk(&origin, "missing/cache", "16MiB"));
    edge.wait_for_metric(r#"floodgate_cache_disk_state{state="unavailable",zone="pages"} 1"#).await;
    let client = edge.client().build().unwrap();
    asked(&client, &edge, "/c/a").await;
    assert!(asked(&client, &edge, "/c/a").await.contains("; hit"), "from memory");
    std::fs::create_dir(edge.folder().join("missing")).unwrap();
    edge.wait_for_metric(r#"floodgate_cache_disk_state{state="serving",zone="pages"} 1"#).await;
    fill(&client, &edge, 3).await;
}
