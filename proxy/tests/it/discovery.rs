//! Endpoints behind names and in files of their own: found, kept, and replaced while requests go on.

use std::{collections::HashSet, fs, process::Command, time::Duration};

use http::StatusCode;
use reqwest::Client;

use crate::{
    origin::Origin,
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

/// A configuration whose pool has these endpoints, written as YAML.
fn pool(endpoints: &str, more: &str) -> String {
    config(&[], more, ROUTES).replace("endpoints: []", endpoints)
}

/// Who answers several requests in a row: bodies, or statuses of what is no success.
async fn who_answers(client: &Client, edge: &Edge) -> HashSet<String> {
    let mut bodies = HashSet::new();
    for _ in 0..8 {
        let answer = client.get(edge.secure("/")).send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        bodies.insert(if status == StatusCode::OK { body } else { status.as_str().to_owned() });
    }
    bodies
}

fn all<const N: usize>(bodies: [&str; N]) -> HashSet<String> {
    bodies.map(str::to_owned).into()
}

/// The value of the first line of the metrics that begins so.
async fn metric(edge: &Edge, name: &str) -> Option<f64> {
    let page = edge.metrics().await;
    let line = page.lines().find(|line| line.starts_with(name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test]
async fn a_name_stands_for_its_addresses() {
    let origin = Origin::fixed("found", &[]).await;
    let named = format!("endpoints: [\"localhost:{}\"]", origin.address.port());
    // A host may have ::1 for it too, where nobody listens.
    let edge = Edge::start(&pool(&named, "    retry: {tries: 3, budget: 100%}"));
    let client = edge.client().build().unwrap();
    assert_eq!(who_answers(&client, &edge).await, all(["found"]));
    let shown = format!(r#"floodgate_endpoint_up{{endpoint="{}",pool="origin"}} 1"#, origin.address);
    edge.wait_for_metric(&shown).await;
    edge.wait_for_metric(r#"floodgate_resolve_failures_total{pool="origin"} 0"#).await;
}

/// Key: pools.*.resolve_every
#[tokio::test]
async fn names_are_looked_up_as_often_as_the_pool_says() {
    let edge = Edge::start(&pool("endpoints: [\"localhost:1\"]", "    resolve_every: 100ms"));
    // With the default of 10 s there would be two at the most while this waits.
    let (mut last, mut answers) = (0.0, 0);
    wait_until("the answer was new for the tenth time", async || {
        let age = metric(&edge, r#"floodgate_resolve_age_seconds{pool="origin"}"#).await.unwrap();
        answers += u32::from(age < last);
        last = age;
        answers >= 10
    })
    .await;
}

#[tokio::test]
async fn a_name_without_an_address_keeps_nothing_else_from_starting() {
    let origin = Origin::fixed("served", &[]).await;
    let endpoints = format!("endpoints: [\"nowhere.invalid:80\", \"{}\"]", origin.address);
    let edge = Edge::start(&pool(&endpoints, ""));
    let client = edge.client().build().unwrap();
    assert_eq!(who_answers(&client, &edge).await, all(["served"]));
    edge.wait_for_log("a name cannot be resolved");
    wait_until("the failure is counted", async || {
        metric(&edge, r#"floodgate_resolve_failures_total{pool="origin"}"#).await.is_some_and(|count| count >= 1.0)
    })
    .await;
}

/// Key: pools.*.endpoints_file
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_endpoints_is_followed_and_a_broken_one_changes_nothing() {
    let (first, second) = (Origin::fixed("first", &[]).await, Origin::fixed("second", &[]).await);
    let health = "    health: {http: /up, interval: 100ms}\n    slow_start: 0s\n    balance: round_robin";
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("shop.yaml");
    fs::write(&list, format!("- \"{}\"\n", first.address)).unwrap();
    let edge = Edge::start(&pool(&format!("endpoints_file: \"{}\"", list.display()), health));
    let client = edge.client().build().unwrap();
    let follows = async |expected: HashSet<String>| {
        wait_until("the file is followed", async || who_answers(&client, &edge).await == expected).await;
    };
    assert_eq!(who_answers(&client, &edge).await, all(["first"]));
    edge.wait_for_metric(r#"floodgate_endpoints_file_good{pool="origin"} 1"#).await;

    // Both, by another file in the place of the first: as a deployment does it.
    let new = folder.path().join("shop.new");
    fs::write(&new, format!("- \"{}\"\n- {{address: \"{}\", zone: b}}\n", first.address, second.address)).unwrap();
    fs::rename(&new, &list).unwrap();
    follows(all(["first", "second"])).await;
    let checks = || second.asked().iter().filter(|asked| asked.uri().path() == "/up").count();
    wait_until("the new one is checked", async || checks() > 3).await;

    fs::write(&list, "- \"127.0.0.1:1\"\n- {address: \"127.0.0.1:2\", wait: 2}\n").unwrap();
    edge.wait_for_log("a list of endpoints is broken");
    edge.wait_for_log("shop.yaml:2:");
    let checked = Command::new(env!("CARGO_BIN_EXE_edge")).arg("check").arg(edge.folder().join("edge.yaml")).output();
    let checked = checked.unwrap();
    assert!(
        !checked.status.success() && String::from_utf8_lossy(&checked.stderr).contains("shop.yaml:2:"),
        "{checked:?}"
    );
    edge.wait_for_metric(r#"floodgate_endpoints_file_good{pool="origin"} 0"#).await;
    assert_eq!(who_answers(&client, &edge).await, all(["first", "second"]));

    fs::write(&list, format!("- \"{}\"\n", second.address)).unwrap();
    follows(all(["second"])).await;
    edge.wait_for_metric(r#"floodgate_endpoints_file_good{pool="origin"} 1"#).await;
    let gone = format!("endpoint=\"{}\"", first.address);
    wait_until("the series are gone", async || !edge.metrics().await.contains(&gone)).await;
    // Whoever was asked after it left the file would be asked for ever.
    let asked = first.asked().len();
    let checked = checks();
    wait_until("others are checked on", async || checks() > checked + 3).await;
    assert_eq!(first.asked().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_missing_is_waited_for_and_refused_in_a_reload() {
    let origin = Origin::fixed("served", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("later/shop.yaml");
    let edge = Edge::start(&pool(&format!("endpoints_file: \"{}\"", list.display()), ""));
    edge.wait_for_log("a list of endpoints is broken; starting without");
    let client = edge.client().build().unwrap();
    assert_eq!(who_answers(&client, &edge).await, all(["503"]));

    // A reload that has nothing to do with it is not held up.
    edge.rewrite_config(|text| text.replace("path: /unused", "path: /nothing"));
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");

    fs::create_dir(folder.path().join("later")).unwrap();
    fs::write(&list, format!("- \"{}\"\n", origin.address)).unwrap();
    wait_until("the file is found", async || who_answers(&client, &edge).await == all(["served"])).await;

    edge.rewrite_config(|text| text.replace("later/shop.yaml", "nowhere/shop.yaml"));
    edge.signal("HUP");
    edge.wait_for_log("reload refused");
    edge.wait_for_log("pools.origin.endpoints_file");
    assert_eq!(who_answers(&client, &edge).await, all(["served"]));
    fs::write(&list, format!("- \"{}\"\n- \"127.0.0.1:1\"\n", origin.address)).unwrap();
    edge.wait_for_metric(r#"floodgate_endpoint_up{endpoint="127.0.0.1:1",pool="origin"} 1"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_finds_nobody_changes_nothing() {
    let origin = Origin::fixed("served", &[]).await;
    let edge = Edge::start(&pool(&format!("endpoints: [\"{}\"]", origin.address), ""));
    let client = edge.client().build().unwrap();
    let address = origin.address.to_string();
    edge.rewrite_config(|text| text.replace(&address, "nowhere.invalid:80"));
    edge.signal("HUP");
    edge.wait_for_log("reload refused");
    edge.wait_for_log("E0406 pools.origin.endpoints: pool `origin` would have no endpoint: `nowhere.invalid`");
    assert_eq!(who_answers(&client, &edge).await, all(["served"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_handed_over_to_a_process_that_finds_nobody() {
    let origin = Origin::fixed("served", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("shop.yaml");
    let good = format!("- \"{}\"\n", origin.address);
    fs::write(&list, &good).unwrap();
    let edge = Edge::start(&pool(&format!("endpoints_file: \"{}\"", list.display()), ""));
    let client = edge.client().build().unwrap();
    fs::write(&list, "nothing\n").unwrap();
    edge.wait_for_log("a list of endpoints is broken, what it held before is kept");
    edge.signal("QUIT");
    edge.wait_for_log("hand-over failed, this process goes on");
    edge.wait_for_log("pool `origin` would have no endpoint");
    assert_eq!(who_answers(&client, &edge).await, all(["served"]), "by what the first process still knows");
    fs::write(&list, good).unwrap();
    edge.signal("QUIT");
    edge.wait_for_log("handed over; this process answers what is in flight");
    assert_eq!(who_answers(&edge.client().build().unwrap(), &edge).await, all(["served"]));
}

#[tokio::test]
async fn a_reload_knows_who_belongs_to_a_new_pool() {
    let (old, new) = (Origin::fixed("old", &[]).await, Origin::fixed("new", &[]).await);
    let edge = Edge::start(&pool(&format!("endpoints: [\"{}\"]", old.address), "    retry: {budget: 100%}"));
    let client = edge.client().build().unwrap();
    assert_eq!(who_answers(&client, &edge).await, all(["old"]));
    let asking = tokio::spawn({
        let (client, url) = (client.clone(), edge.secure("/"));
        async move {
            let mut bodies = HashSet::new();
            while !bodies.contains("new") {
                let answer = client.get(&url).send().await.unwrap();
                bodies.insert(answer.text().await.unwrap());
            }
            bodies
        }
    });
    let named =
        format!("  named: {{endpoints: [\"localhost:{}\"], retry: {{budget: 100%}}}}\nroutes:", new.address.port());
    edge.rewrite_config(|text| text.replace("routes:", &named).replacen("pool: origin", "pool: named", 1));
    edge.signal("HUP");
    let bodies = tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it goes live").unwrap();
    assert_eq!(bodies, all(["old", "new"]), "nobody was turned away between the two");
}
