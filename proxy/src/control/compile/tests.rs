use std::{collections::BTreeSet, path::Path};

use config::{Kind, Sources, diff, model::Config};

use super::*;
use crate::{
    request::{balance::Endpoint, limit::RateLimiter},
    snapshot::{Action, Forward},
    telemetry::metric::Reasons,
};

const TEXT: &str = r#"
version: 1
listeners: {plain: {bind: "127.0.0.1:8080"}}
classes: [core, browse]
pools:
  shop: {endpoints: ["127.0.0.1:9101", "127.0.0.1:9102"], health: {http: /healthz}}
  next: {endpoints: ["127.0.0.1:9201"]}
zones: {pages: {memory: 64MiB}, media: {memory: 64MiB}}
routes:
  - name: pages
    match: {path: /**}
    pool: shop
    class: core
    cache: {zone: pages, query: all}
  - name: canary
    match: {path: /canary/**, headers: {x-beta: "yes"}}
    split: {pools: {shop: 90, next: 10}}
    class: core
    cache: {zone: media}
    rate: [{per: address, at: 1k/s}]
  - name: search
    match: {path: /search}
    pool: shop
    class: browse
    rate: [{per: address, at: 100/s, burst: 200}, {per: address, at: 10k/h}]
telemetry: {access_log: {to: off}}
"#;

/// Changes of the text above: one at a time, and then two by two.
const CHANGES: [(&str, &str); 26] = [
    ("{plain: {", "{plain: {public_port: 80, "),
    ("[core, browse]", "[core, other, browse]\ntrusted_proxies: [\"10.0.0.0/8\"]"),
    (", \"127.0.0.1:9102\"", ""),
    ("\"127.0.0.1:9101\", ", "\"127.0.0.1:9103\", \"127.0.0.1:9101\", "),
    ("\"127.0.0.1:9101\"", "{address: \"127.0.0.1:9101\", weight: 5}"),
    ("http: /healthz", "http: /health"),
    ("endpoints: [\"127.0.0.1:9201\"]", "endpoints: [\"127.0.0.1:9202\"], retry: {tries: 3}"),
    ("media: {memory: 64MiB}", "media: {memory: 128MiB, max_object: 1MiB}"),
    ("match: {path: /**}", "match: {path: /**, headers: {x-a: b}}"),
    ("match: {path: /**}", "match: {path: /pages/**}"),
    ("match: {path: /canary/**, headers: {x-beta: \"yes\"}}", "match: {path: /canary/**, headers: {x-beta: \"no\"}}"),
    ("match: {path: /canary/**, headers: {x-beta: \"yes\"}}", "match: {path: /canary/**}"),
    ("    pool: shop\n    class: core", "    pool: next\n    class: core"),
    ("    pool: shop\n    class: core", "    split: {pools: {shop: 1, next: 1}}\n    class: core"),
    ("{shop: 90, next: 10}", "{shop: 80, next: 20}"),
    ("split: {pools: {shop: 90, next: 10}}", "pool: next"),
    ("query: all", "query: {keep: [page]}"),
    ("query: all", "query: all, default_ttl: 5s, stale_if_error: 1m"),
    ("cache: {zone: media}", "cache: {zone: media, query: {drop: [utm]}}"),
    ("at: 100/s", "at: 50/s"),
    ("burst: 200", "burst: 300"),
    (", {per: address, at: 10k/h}", ""),
    ("rate: [{per: address, at: 100/s, burst: 200}, ", "rate: ["),
    ("at: 1k/s", "at: 2k/s"),
    ("name: search", "name: find"),
    ("name: canary", "name: bird"),
];

fn config(text: &str) -> Option<Config> {
    Sources::with_main(text.to_owned(), Path::new("edge.yaml")).ok()?.interpret().ok()
}

fn snapshot(config: &Config, metrics: &Metrics, previous: Option<&Snapshot>) -> Snapshot {
    compile(&config.live, "", metrics, &Discovery::default(), previous).unwrap().snapshot
}

fn forward(route: &crate::snapshot::Route) -> Option<&Forward> {
    match &route.action {
        Action::Forward(forward) => Some(forward),
        Action::Redirect { .. } | Action::Respond(_) | Action::Files(_) => None,
    }
}

/// Where a route's answers are kept: zone, query and scope decide whether one that is stored is found again. In words,
/// one for each pool that may have given it.
fn homes(snapshot: &Snapshot) -> BTreeSet<String> {
    let routes = snapshot.routes.iter().filter_map(|route| Some((route, forward(route)?)));
    let homes =
        routes.filter_map(|(_, forward)| Some((forward, forward.zone.as_ref()?, forward.model.cache.as_ref()?)));
    let homes = homes.flat_map(|(forward, zone, cache)| {
        forward.arms.iter().map(move |arm| format!("{} {:?} {:?}", zone.name, cache.query, arm.key_scope))
    });
    homes.collect()
}

fn limiters(snapshot: &Snapshot) -> Vec<Arc<RateLimiter>> {
    snapshot.routes.iter().flat_map(|route| route.limits.iter().cloned()).collect()
}

fn endpoints(snapshot: &Snapshot) -> Vec<Arc<Endpoint>> {
    snapshot.pools.iter().flat_map(|pool| pool.balancer.endpoints()).collect()
}

fn all_kept<T>(before: &[Arc<T>], after: &[Arc<T>]) -> bool {
    before.iter().all(|old| after.iter().any(|new| Arc::ptr_eq(old, new)))
}

/// `edge diff` promises what it costs to go from one configuration to another; this is what it really costs.
#[test]
fn a_change_costs_what_the_difference_says() {
    let metrics = Metrics::new(&[], &[], Reasons { refused: &[], closed: [&[], &[]] });
    let old = config(TEXT).unwrap();
    let before = snapshot(&old, &metrics, None);
    let mut compared = 0;
    for first in CHANGES {
        for second in [("", "")].into_iter().chain(CHANGES) {
            let (once, twice) =
                (TEXT.replacen(first.0, first.1, 1), |text: String| text.replacen(second.0, second.1, 1));
            assert_ne!(once, TEXT, "{first:?}");
            // Some two cannot be combined.
            let Some(new) = config(&twice(once)) else { continue };
            let difference = diff(&old, &new);
            let after = snapshot(&new, &metrics, Some(&before));
            let says = |kind| difference.of_kind(kind).next().is_some();
            let context = format!("{first:?} and {second:?}: {difference:#?}");

            let kept =
                all_kept(&limiters(&before), &limiters(&after)) && all_kept(&endpoints(&before), &endpoints(&after));
            let words = |difference: &config::Difference| {
                ["count anew", "counted is forgotten"].iter().any(|words| difference.effect.contains(words))
            };
            let drops = says(Kind::DropsCounters) || difference.iter().any(words);
            assert_eq!(!kept, drops, "counters: {context}");
            assert_eq!(!homes(&before).is_subset(&homes(&after)), says(Kind::OrphansCache), "answers: {context}");
            assert_eq!(difference.is_empty(), old == new, "{context}");
            assert!(!says(Kind::NeedsRestart), "{context}");
            compared += 1;
        }
    }
    assert!(compared > 400, "{compared}");
}

#[test]
fn the_zone_of_a_variable_is_a_name() {
    let zone = |value: &str| zone_of_variable("ZONE", Some(value.to_owned()));
    assert_eq!(zone("eu-1b").unwrap(), "eu-1b");
    for wrong in ["", "eu 1b", "EU", "eu-1b\n"] {
        assert!(zone(wrong).unwrap_err().to_string().contains("`ZONE` of `process.zone`"), "{wrong:?}");
    }
    assert!(zone_of_variable("ZONE", None).is_err());
}
