//! Clients that stay at one endpoint: by a cookie, or by what is hashed.

use std::collections::HashSet;

use http::{HeaderMap, header};
use reqwest::Response;

use crate::{
    origin::{Origin, response},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: page, match: {path: /page}, pool: origin, class: browse, cache: {zone: pages, default_ttl: 1h}}
"#;
const STICKY: &str = r#"    sticky: {cookie: at, key: "file:sticky.key", max_age: 1h}"#;

async fn four() -> Vec<Origin> {
    let mut origins = Vec::new();
    for name in ["a", "b", "c", "d"] {
        origins.push(Origin::start(move |_| async move { response(200, name, &[]) }).await);
    }
    origins
}

fn edge(origins: &[Origin], rules: &str) -> Edge {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sticky.key"), "a-key-of-thirty-two-characters...").unwrap();
    let addresses: Vec<_> = origins.iter().map(|origin| origin.address).collect();
    Edge::start_in(folder, env!("CARGO_BIN_EXE_edge").as_ref(), &config(&addresses, rules, ROUTES))
}

async fn get(edge: &Edge, path: &str, fields: &[(&str, &str)]) -> Response {
    let client = edge.client().build().unwrap();
    let request =
        fields.iter().fold(client.get(edge.secure(path)), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

/// The edge's cookie in an answer, and its attributes.
fn cookie(headers: &HeaderMap) -> Option<(String, String)> {
    let line = headers.get(header::SET_COOKIE)?.to_str().unwrap();
    let (pair, attributes) = line.split_once(';').unwrap();
    Some((pair.to_owned(), attributes.to_owned()))
}

/// Key: pools.*.sticky
/// Key: pools.*.sticky.cookie
/// Key: pools.*.sticky.key
/// Key: pools.*.sticky.max_age
#[tokio::test]
async fn a_cookie_keeps_a_client_where_it_is() {
    let origins = four().await;
    let edge = edge(&origins, STICKY);
    let mut seen = HashSet::new();
    for _ in 0..8 {
        let first = get(&edge, "/", &[]).await;
        let (pair, attributes) = cookie(first.headers()).expect("a client without one gets one");
        assert!(pair.starts_with("at=") && !pair.contains("127.0.0.1"), "{pair}");
        for wanted in ["Max-Age=3600", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(attributes.contains(wanted), "{attributes}");
        }
        let at = first.text().await.unwrap();
        for _ in 0..5 {
            let again = get(&edge, "/", &[("cookie", &format!("x=y; {pair}"))]).await;
            assert_eq!(cookie(again.headers()), None, "it has one");
            assert_eq!(again.text().await.unwrap(), at);
        }
        seen.insert(at);
    }
    assert!(seen.len() > 1, "all of them were sent to {seen:?}");
}

#[tokio::test]
async fn a_cookie_that_the_edge_has_not_made_is_none() {
    let origins = four().await;
    let edge = edge(&origins, STICKY);
    for forged in ["at=AAAAAAAAAAAAAAAA", "at=127.0.0.1", "at=", "at=\"\""] {
        assert!(cookie(get(&edge, "/", &[("cookie", forged)]).await.headers()).is_some(), "{forged}");
    }
}

#[tokio::test]
async fn a_client_whose_endpoint_is_gone_moves_once() {
    let mut origins = four().await;
    let rules = format!("{STICKY}\n    health: {{http: /, interval: 1s, timeout: 1s, down_after: 3, up_after: 1}}");
    let edge = edge(&origins, &rules);
    let first = get(&edge, "/", &[]).await;
    let (pair, _) = cookie(first.headers()).unwrap();
    let at = first.text().await.unwrap();
    let index = ["a", "b", "c", "d"].iter().position(|name| *name == at).unwrap();
    drop(origins.remove(index));
    let mut moved = None;
    wait_until("it moves", async || {
        moved = cookie(get(&edge, "/", &[("cookie", &pair)]).await.headers());
        moved.is_some()
    })
    .await;
    let again = get(&edge, "/", &[("cookie", &moved.unwrap().0)]).await;
    assert_eq!(cookie(again.headers()), None);
    assert_ne!(again.text().await.unwrap(), at);
}

#[tokio::test]
async fn the_cache_keeps_no_cookie() {
    let origins = four().await;
    let edge = edge(&origins, STICKY);
    for _ in 0..2 {
        assert_eq!(cookie(get(&edge, "/page", &[]).await.headers()), None);
    }
}

/// Key: pools.*.balance.hash
/// Key: pools.*.balance.hash.by
#[tokio::test]
async fn what_is_hashed_alike_goes_to_one_endpoint() {
    let origins = four().await;
    for (by, vary) in [("path", "path"), ("\"header:x-user\"", "x-user"), ("\"cookie:sid\"", "cookie")] {
        let edge = edge(&origins, &format!("    balance: {{hash: {{by: {by}}}}}"));
        let asked = async |key: &str| {
            let text = match vary {
                "path" => get(&edge, &format!("/{key}"), &[]).await,
                "cookie" => get(&edge, "/", &[("cookie", &format!("sid={key}"))]).await,
                field => get(&edge, "/", &[(field, key)]).await,
            };
            text.text().await.unwrap()
        };
        let mut seen = HashSet::new();
        for key in ["one", "two", "three", "four", "five", "six", "seven", "eight"] {
            let at = asked(key).await;
            for _ in 0..3 {
                assert_eq!(asked(key).await, at, "{by}, {key}");
            }
            seen.insert(at);
        }
        assert!(seen.len() > 1, "{by}: all keys went to {seen:?}");
    }
    let edge = edge(&origins, "    balance: {hash: {by: address}}");
    let mut seen = HashSet::new();
    for path in ["/1", "/2", "/3", "/4", "/5", "/6"] {
        seen.insert(get(&edge, path, &[]).await.text().await.unwrap());
    }
    assert_eq!(seen.len(), 1, "one address: {seen:?}");
}
