use std::path::Path;

use super::*;
use crate::Sources;

const TEXT: &str = r#"
version: 1
process: {workers: 2}
listeners:
  plain: {bind: "127.0.0.1:8080"}
  other: {bind: "127.0.0.1:8081"}
classes: [core, browse]
pools:
  shop:
    endpoints: ["127.0.0.1:9101", "127.0.0.1:9102"]
    health: {http: /healthz}
  reviews: {endpoints: ["127.0.0.1:9201"]}
zones: {pages: {memory: 64MiB}, media: {memory: 64MiB}}
routes:
  - name: pages
    match: {path: /**}
    pool: shop
    class: core
    cache: {zone: pages, query: all}
  - name: search
    match: {path: /search}
    pool: shop
    class: browse
    rate: [{per: address, at: 100/s, burst: 200}, {per: address, at: 10k/h}]
  - {name: media, match: {path: /media/**}, pool: reviews, class: core, cache: {zone: media}}
"#;

fn config(text: &str) -> Config {
    let sources = Sources::with_main(text.to_owned(), Path::new("edge.yaml")).unwrap_or_else(|p| panic!("{p}"));
    sources.interpret().unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is said of a change of the text above.
fn said(changes: &[(&str, &str)]) -> Vec<(Kind, String)> {
    let changed = changes.iter().fold(TEXT.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    });
    let (old, new) = (config(TEXT), config(&changed));
    let diff = diff(&old, &new);
    assert_eq!(diff.iter().any(|d| d.kind == Kind::NeedsRestart), old.boot != new.boot, "{diff:#?}");
    diff.iter().map(|difference| (difference.kind, format!("{}: {}", difference.path, difference.change))).collect()
}

fn one(old: &str, new: &str) -> (Kind, String) {
    let mut said = said(&[(old, new)]);
    assert_eq!(said.len(), 1, "{said:#?}");
    said.remove(0)
}

#[test]
fn what_means_the_same_is_no_difference() {
    assert_eq!(said(&[("workers: 2", "workers: 2, drain_timeout: 30s")]), []);
    assert_eq!(said(&[("query: all", "query: all, stale_if_error: 0s")]), []);
    assert_eq!(
        said(&[(
            "{pages: {memory: 64MiB}, media: {memory: 64MiB}}",
            "{media: {memory: 64MiB}, pages: {memory: 64MiB}}"
        )]),
        []
    );
}

#[test]
fn what_only_a_new_process_can_have_needs_a_restart() {
    let restart = |text: &str| (Kind::NeedsRestart, text.to_owned());
    assert_eq!(one("workers: 2", "workers: 3"), restart("process.workers: 2 -> 3"));
    assert_eq!(one("workers: 2", "workers: 2, watch: true"), restart("process.watch: false -> true"));
    assert_eq!(one("version: 1", "version: 1\nadmin: {bind: \"127.0.0.1:9999\"}").0, Kind::NeedsRestart);
}

#[test]
fn listeners_come_and_go_live() {
    let live = |text: &str| (Kind::Live, text.to_owned());
    // The port that clients see follows from it.
    let bind = said(&[("8081", "8082")]);
    assert_eq!(bind[0], live(r#"listeners.other.bind: ["127.0.0.1:8081"] -> ["127.0.0.1:8082"]"#));
    assert_eq!(bind[1], live("listeners.other.public_port: 8081 -> 8082"));
    assert_eq!(one("  other: {bind: \"127.0.0.1:8081\"}\n", ""), live("listeners.other: removed"));
    assert_eq!(one("8081\"}", "8081\", max_header: 16KiB}"), live("listeners.other.max_header: 32KiB -> 16KiB"));
}

#[test]
fn what_moves_answers_out_of_reach_says_so() {
    let orphans = |text: &str| (Kind::OrphansCache, text.to_owned());
    let query = "routes.pages.cache.query: all -> {drop: [utm]}";
    assert_eq!(one("query: all", "query: {drop: [utm]}"), orphans(query));
    let swapped = said(&[("zone: pages, query: all", "zone: media, query: all"), ("{zone: media}", "{zone: pages}")]);
    assert_eq!(swapped.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [Kind::OrphansCache; 2], "{swapped:?}");
    assert_eq!(one("pages: {memory: 64MiB}", "pages: {memory: 32MiB}"), orphans("zones.pages.memory: 64MiB -> 32MiB"));
    assert_eq!(one("pages: {memory: 64MiB}", "pages: {memory: 128MiB}").0, Kind::Live);
    assert_eq!(
        one("query: all", "query: all, default_ttl: 5s"),
        (Kind::Live, "routes.pages.cache.default_ttl: none -> 5s".to_owned())
    );
    let gone = said(&[("    cache: {zone: pages, query: all}\n", ""), ("pages: {memory: 64MiB}, ", "")]);
    let places: Vec<_> = gone.iter().map(|(kind, text)| (*kind, text.split(':').next().unwrap_or_default())).collect();
    assert_eq!(places, [(Kind::OrphansCache, "zones.pages"), (Kind::OrphansCache, "routes.pages.cache")]);
}

#[test]
fn what_forgets_counts_says_so() {
    let drops = |text: &str| (Kind::DropsCounters, text.to_owned());
    assert_eq!(one(", \"127.0.0.1:9102\"", ""), drops("pools.shop.endpoints: -127.0.0.1:9102"));
    assert_eq!(one("\"127.0.0.1:9101\", ", "\"127.0.0.1:9101\", \"127.0.0.1:9103\", ").0, Kind::Live);
    let weight = one("\"127.0.0.1:9101\"", "{address: \"127.0.0.1:9101\", weight: 3}");
    assert_eq!(weight, (Kind::Live, "pools.shop.endpoints: 127.0.0.1:9101 weight 1 -> 3".to_owned()));
    let (kind, rate) = one("at: 100/s", "at: 50/s");
    assert_eq!((kind, rate.split(':').next()), (Kind::DropsCounters, Some("routes.search.rate[0]")));
    assert_eq!(one(", {per: address, at: 10k/h}", "").0, Kind::DropsCounters);
    assert_eq!(one("name: search", "name: find"), drops("routes.search: renamed to find"));
    assert_eq!(one("name: pages", "name: page"), (Kind::Live, "routes.pages: renamed to page".to_owned()));
}

#[test]
fn endpoints_come_go_and_change_live() {
    let live = |text: &str| (Kind::Live, text.to_owned());
    let drained = one("\"127.0.0.1:9101\"", "{address: \"127.0.0.1:9101\", drain: true}");
    assert_eq!(drained, live("pools.shop.endpoints: 127.0.0.1:9101 drain false -> true"));
    let named = said(&[("[\"127.0.0.1:9201\"]", "[shop.internal:80]")]);
    let texts: Vec<_> = named.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "pools.reviews.endpoints: -127.0.0.1:9201",
            "pools.reviews.endpoints: +shop.internal:80",
            "pools.reviews.resolve_every: none -> 10s"
        ]
    );
}

#[test]
fn how_an_endpoint_is_chosen_changes_live() {
    let live = |text: &str| (Kind::Live, text.to_owned());
    let health = "health: {http: /healthz}";
    let with = |more: &str| format!("{health}\n    {more}");
    assert_eq!(one(health, &with("eject: off")).1.split(" -> ").last(), Some("off"));
    let hashed = said(&[(health, &with("balance: {hash: {by: path}}"))]);
    // Success rates are not compared then.
    assert_eq!(hashed[0], live("pools.shop.balance: least_requests -> {hash: {by: path, load: 125%}}"));
    assert!(hashed[1].1.ends_with("-> off") && hashed.len() == 2, "{hashed:?}");
    assert_eq!(
        one(health, &with("sticky: {cookie: a, key: \"env:A\"}")),
        live("pools.shop.sticky: none -> {cookie: a, key: env:A}")
    );
    let zone = said(&[
        ("workers: 2", "workers: 2, zone: \"env:ZONE\""),
        ("\"127.0.0.1:9101\"", "{address: \"127.0.0.1:9101\", zone: eu-1a}"),
    ]);
    assert_eq!(
        zone,
        [live("process.zone: none -> env:ZONE"), live("pools.shop.endpoints: 127.0.0.1:9101 zone none -> eu-1a")]
    );
}

#[test]
fn everything_else_is_live() {
    assert_eq!(
        one("path: /search", "path: /find"),
        (Kind::Live, "routes.search.match.path: [/search] -> [/find]".to_owned())
    );
    assert_eq!(one("http: /healthz", "http: /health").0, Kind::Live);
    assert_eq!(one("[core, browse]", "[core, browse]\ntrusted_proxies: [\"10.0.0.0/8\"]").0, Kind::Live);
    let other = "  - {name: new, match: {path: /new}, pool: shop, class: core}\n  - {name: media";
    assert_eq!(one("  - {name: media", other), (Kind::Live, "routes.new: added".to_owned()));
}
