//! Rate limits, and who is turned away first when a pool is full.

use http::StatusCode;

use crate::{
    origin::Origin,
    world::{Edge, config, wait_until},
};

/// Key: routes[].rate[].per
/// Key: routes[].rate[].at
/// Key: routes[].rate[].burst
#[tokio::test]
async fn a_client_above_its_rate_is_told_when_to_come_back() {
    let origin = Origin::fixed("hello", &[]).await;
    let routes = r#"
  - {name: limited, match: {path: /limited}, pool: origin, class: core, rate: [{per: address, at: 1/m, burst: 3}]}
  - {name: free, match: {path: /free}, pool: origin, class: browse}
"#;
    let edge = Edge::start(&config(&[origin.address], "", routes));
    let client = edge.client().build().unwrap();
    for _ in 0..3 {
        assert_eq!(client.get(edge.secure("/limited")).send().await.unwrap().status(), StatusCode::OK);
    }
    let refused = client.get(edge.secure("/limited")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait_s: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait_s), "{wait_s}");
    assert_eq!(client.get(edge.secure("/free")).send().await.unwrap().status(), StatusCode::OK);
    // The counts survive a reload that leaves the limit as it is.
    edge.rewrite_config(|text| text.replace("name: free", "name: renamed"));
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");
    assert_eq!(client.get(edge.secure("/limited")).send().await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    edge.wait_for_metric(r#"floodgate_refusals_total{class="core",reason="rate_limited"} 2"#).await;
}

/// Key: classes
/// Key: routes[].class
/// Key: pools.*.limit
/// Key: pools.*.limit.in_flight
/// Key: pools.*.limit.headroom
#[tokio::test]
async fn a_full_pool_turns_the_lower_class_away_first() {
    let (origin, gate) = Origin::gated("served", &[]).await;
    let routes = r#"
  - {name: core, match: {path: /core}, pool: origin, class: core}
  - {name: browse, match: {path: /browse}, pool: origin, class: browse}
"#;
    let edge = Edge::start(&config(&[origin.address], "    limit: {in_flight: 4, headroom: 50%}", routes));
    let client = edge.client().http1_only().build().unwrap();
    let ask = |path: &str| {
        let (client, url) = (client.clone(), edge.secure(path));
        tokio::spawn(async move { client.get(url).send().await.unwrap() })
    };
    let held = [ask("/browse"), ask("/browse")];
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 2"#).await;
    let refused = ask("/browse").await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let core = [ask("/core"), ask("/core")];
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 4"#).await;
    assert_eq!(ask("/core").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE, "the limit itself");
    gate.open(4);
    for answer in held.into_iter().chain(core) {
        assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    }
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 0"#).await;
    edge.wait_for_metric(r#"floodgate_refusals_total{class="browse",reason="overloaded"} 1"#).await;
    edge.wait_for_metric(r#"floodgate_refusals_total{class="core",reason="overloaded"} 1"#).await;
}

#[tokio::test]
async fn a_full_pool_still_serves_what_is_cached_even_when_it_is_stale() {
    let (origin, gate) = Origin::gated("kept", &[("cache-control", "max-age=1, stale-if-error=600")]).await;
    gate.open(1);
    let routes = r#"
  - {name: page, match: {path: /page}, pool: origin, class: core, cache: {zone: pages}}
  - {name: other, match: {path: /other}, pool: origin, class: browse}
"#;
    let edge = Edge::start(&config(&[origin.address], "    limit: {in_flight: 1, headroom: 0%}", routes));
    let client = edge.client().build().unwrap();
    let get = async || client.get(edge.secure("/page")).send().await.unwrap();
    assert_eq!(get().await.text().await.unwrap(), "kept");
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 0"#).await;
    let (other, url) = (client.clone(), edge.secure("/other"));
    let held = tokio::spawn(async move { other.get(url).send().await.unwrap().status() });
    edge.wait_for_metric(r#"floodgate_pool_in_flight{pool="origin"} 1"#).await;
    wait_until("it is served stale", async || {
        let answer = get().await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.headers()["cache-status"].to_str().unwrap().contains("ttl=-")
    })
    .await;
    gate.open(100);
    assert_eq!(held.await.unwrap(), StatusCode::OK);
}
