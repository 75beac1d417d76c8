//! Reloading, stopping, checking: what operators do.

use std::process::Command;

use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    origin::Origin,
    world::{Edge, config},
};

const ROUTES: &str = r#"
  - {name: old, match: {path: /old}, pool: origin, class: core}
  - {name: other, match: {path: /other}, pool: origin, class: browse}
"#;

#[tokio::test]
async fn a_reload_changes_everything_live_and_drops_no_connection() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    // One connection, by hand: a client would quietly open another.
    let mut connection = TcpStream::connect(edge.address("plain")).await.unwrap();
    let mut status = async |path: &str| {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(connection.read_u8().await.unwrap());
        }
        String::from_utf8_lossy(&answer)["HTTP/1.1 ".len()..][..3].to_owned()
    };
    assert_eq!((status("/old").await, status("/new").await), ("200".to_owned(), "404".to_owned()));
    edge.rewrite_config(|text| text.replace("/old", "/new"));
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");
    assert_eq!((status("/old").await, status("/new").await), ("404".to_owned(), "200".to_owned()));
    edge.wait_for_metric("floodgate_config_last_reload_success 1").await;
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_where() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    edge.rewrite_config(|text| text.replace("path: /old", "pahts: /new"));
    edge.signal("HUP");
    edge.wait_for_log("reload refused");
    let place = edge.wait_for_log("edge.yaml:");
    let (_, position) = place[0].rsplit_once("edge.yaml:").unwrap();
    let mut numbers = position.split(':').map(|number| number.parse::<u32>());
    assert!(matches!((numbers.next(), numbers.next()), (Some(Ok(2..)), Some(Ok(2..)))), "{place:?}");
    assert_eq!(client.get(edge.secure("/old")).send().await.unwrap().status(), StatusCode::OK);
    edge.wait_for_metric("floodgate_config_last_reload_success 0").await;
}

#[tokio::test]
async fn what_needs_a_restart_is_refused_whole() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    edge.rewrite_config(|text| text.replace("workers: 2", "workers: 3").replace("/old", "/new"));
    edge.signal("HUP");
    edge.wait_for_log("`process.workers` (2 -> 3) cannot change while the edge runs");
    let client = edge.client().build().unwrap();
    assert_eq!(client.get(edge.secure("/old")).send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_certificate_is_replaced_by_a_reload() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let before = edge.client();
    std::fs::remove_dir_all(edge.folder().join("tls")).unwrap();
    edge.signal("HUP");
    edge.wait_for_log("cannot read");
    let still = before.build().unwrap();
    assert_eq!(still.get(edge.secure("/old")).send().await.unwrap().status(), StatusCode::OK);
    let made = Command::new(env!("CARGO_BIN_EXE_edge"))
        .args(["dev-certificate", "--name", "localhost", "--out"])
        .arg(edge.folder().join("tls"))
        .status()
        .unwrap();
    assert!(made.success());
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");
    let after = edge.client().build().unwrap();
    assert_eq!(after.get(edge.secure("/old")).send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_graceful_stop_answers_what_is_in_flight() {
    let (origin, gate) = Origin::gated("in time", &[]).await;
    for http2 in [false, true] {
        let mut edge = Edge::start(&config(&[origin.address], "", ROUTES));
        let client = edge.client();
        let client = if http2 { client } else { client.http1_only() }.build().unwrap();
        let url = edge.secure("/old");
        let waiting = tokio::spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() });
        edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 1"#).await;
        edge.signal("TERM");
        edge.wait_for_log("stopping");
        let ready = reqwest::get(format!("http://{}/readyz", edge.address("admin"))).await.unwrap();
        assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
        gate.open(1);
        assert_eq!(waiting.await.unwrap(), "in time");
        assert!(edge.wait().await.success());
        edge.wait_for_log("every request in flight was answered");
    }
}

/// Key: telemetry
/// Key: telemetry.access_log
/// Key: telemetry.access_log.to
#[tokio::test]
async fn every_request_leaves_one_line() {
    let origin = Origin::fixed("hello", &[]).await;
    let mut edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    client.get(edge.secure("/old?q=1")).header("user-agent", "test").send().await.unwrap().text().await.unwrap();
    client.get(edge.secure("/nowhere")).send().await.unwrap().text().await.unwrap();
    edge.signal("TERM");
    assert!(edge.wait().await.success());
    let text = std::fs::read_to_string(edge.folder().join("access.log")).unwrap();
    let mut lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line["path"].to_string())); // /old, /nowhere
    let fields =
        |at: usize, names: &[&str]| names.iter().map(|&n| lines[at][n].to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(
        fields(0, &["protocol", "method", "path", "query", "status", "bytes", "route", "class", "tries", "user_agent"]),
        r#""HTTP/2" "GET" "/old" "q=1" 200 5 "old" "core" 1 "test""#
    );
    assert_eq!(fields(1, &["status", "route", "refusal", "tries"]), r#"404 null "no_route" 0"#);
}

#[tokio::test]
async fn a_sink_that_nobody_reads_does_not_hold_up_the_end() {
    let origin = Origin::fixed("hello", &[]).await;
    let mut edge = Edge::start(&config(&[origin.address], "", ROUTES).replace("file:access.log", "file:/dev/full"));
    let client = edge.client().build().unwrap();
    assert_eq!(client.get(edge.secure("/old")).send().await.unwrap().status(), StatusCode::OK);
    edge.wait_for_metric("floodgate_access_log_dropped_total 1").await;
    edge.signal("TERM");
    assert!(edge.wait().await.success());
}

/// Key: listeners
/// Key: listeners.*.bind
#[tokio::test]
async fn both_families_listen_on_one_port() {
    let origin = Origin::fixed("hello", &[]).await;
    let Ok(free) = std::net::TcpListener::bind("[::1]:0") else {
        eprintln!("this machine has no IPv6: nothing to test");
        return;
    };
    let port = free.local_addr().unwrap().port();
    drop(free);
    let both = format!("bind: [\"0.0.0.0:{port}\", \"[::]:{port}\"], max_header");
    let text = config(&[origin.address], "", ROUTES).replacen("bind: [\"127.0.0.1:0\"], max_header", &both, 1);
    let edge = Edge::start(&text);
    let client = edge.client().build().unwrap();
    for host in ["127.0.0.1", "[::1]"] {
        let answer = client.get(format!("http://{host}:{port}/old")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{host}");
    }
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = config(&["127.0.0.1:1".parse().unwrap()], "", ROUTES)
        .replacen("127.0.0.1:0", &taken.local_addr().unwrap().to_string(), 1)
        .lines()
        .filter(|line| !line.contains("secure") && !line.contains("tls") && !line.contains("certificates"))
        .collect::<Vec<_>>()
        .join("\n");
    // One plain listener is left; its own address line belonged to the TLS listener.
    let text = text.replacen("    bind: [\"127.0.0.1:0\"]\n", "", 1);
    let file = folder.path().join("edge.yaml");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_edge")).arg("run").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("E0405 listeners.plain.bind[0]: cannot listen on") && said.contains("ss -ltnp"), "{said}");
}

/// Key: telemetry.access_log.sample
#[tokio::test]
async fn a_sample_leaves_out_what_went_well() {
    let origin = Origin::fixed("hello", &[]).await;
    let text = config(&[origin.address], "", ROUTES).replace("\"file:access.log\"", "\"file:access.log\", sample: 0%");
    let mut edge = Edge::start(&text);
    let client = edge.client().build().unwrap();
    for path in ["/old", "/nowhere", "/old"] {
        client.get(edge.secure(path)).send().await.unwrap().text().await.unwrap();
    }
    edge.signal("TERM");
    assert!(edge.wait().await.success());
    let text = std::fs::read_to_string(edge.folder().join("access.log")).unwrap();
    assert!(text.lines().count() == 1 && text.contains("/nowhere"), "{text}");
}

/// Key: process
/// Key: process.workers
#[tokio::test]
async fn as_many_threads_serve_as_the_process_has_workers() {
    let origin = Origin::fixed("hello", &[]).await;
    let threads = |workers: usize| {
        let text = config(&[origin.address], "", ROUTES).replace("workers: 2", &format!("workers: {workers}"));
        Edge::start(&text).threads()
    };
    let (few, many) = (threads(2), threads(62));
    // Threads for blocking work come and go.
    assert!((50..70).contains(&many.saturating_sub(few)), "{few} and {many}");
}

/// Key: process.drain_timeout
#[tokio::test]
async fn a_stop_waits_for_requests_as_long_as_the_process_says() {
    let (origin, _never) = Origin::gated("too late", &[]).await;
    let text = config(&[origin.address], "", ROUTES).replace("drain_timeout: 10s", "drain_timeout: 500ms");
    let mut edge = Edge::start(&text);
    let (client, url) = (edge.client().build().unwrap(), edge.secure("/old"));
    let waiting = tokio::spawn(async move { client.get(url).send().await.is_ok() });
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 1"#).await;
    edge.signal("TERM");
    // Before the default of 30 s, or this fails.
    edge.wait().await;
    assert!(!waiting.await.unwrap(), "it was cut off");
}

#[tokio::test]
async fn what_a_reload_removes_is_no_longer_shown() {
    let (one, two) = (Origin::fixed("hello", &[]).await, Origin::fixed("hello", &[]).await);
    let edge = Edge::start(&config(&[one.address, two.address], "", ROUTES));
    let client = edge.client().build().unwrap();
    for _ in 0..4 {
        assert_eq!(client.get(edge.secure("/old")).send().await.unwrap().status(), StatusCode::OK);
    }
    let gone = format!("endpoint=\"{}\"", two.address);
    let shown = edge.metrics().await;
    assert!(shown.contains("route=\"old\"") && shown.contains(&gone) && shown.contains("class=\"core\""), "{shown}");
    edge.rewrite_config(|text| {
        let text = text.replace("name: old", "name: new").replace("class: core", "class: browse");
        text.replace("classes: [core, browse]", "classes: [browse]").replace(&format!(", \"{}\"", two.address), "")
    });
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");
    let shown = edge.metrics().await;
    assert!(shown.contains("route=\"new\"") && shown.contains("route=\"other\""), "{shown}");
    assert!(!shown.contains("route=\"old\"") && !shown.contains(&gone) && !shown.contains("class=\"core\""), "{shown}");
}
