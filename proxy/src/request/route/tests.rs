//! Which route wins.

use config::model::{ByteSize, ClassId, PathPattern, PoolId, Segment};

use super::*;

fn pattern(raw: &str) -> PathPattern {
    let segments = raw[1..].split('/').map(|text| match text {
        "**" => Segment::Rest,
        text if text.starts_with('{') => Segment::Parameter(text.trim_matches(['{', '}']).to_owned()),
        text => Segment::Literal(text.to_owned()),
    });
    PathPattern { raw: raw.to_owned(), segments: segments.collect() }
}

fn route(hosts: &[HostPattern], path: &str, methods: &[&str]) -> Route {
    Route {
        name: path.to_owned(),
        hosts: hosts.to_vec(),
        paths: vec![pattern(path)],
        methods: methods.iter().map(|&m| m.to_owned()).collect(),
        pool: PoolId(0),
        class: ClassId(0),
        max_body: ByteSize(0),
        rate: Vec::new(),
        cache: None,
    }
}

/// The path pattern of the route that wins, or what was found instead.
fn winner(routes: &[Route], host: &str, path: &str, method: &str) -> String {
    match Router::new(routes).find(host, path, method) {
        Found::Route(id) => routes[id.index()].name.clone(),
        Found::OtherMethods(methods) => format!("405 {methods}"),
        Found::Nothing => "404".to_owned(),
    }
}

#[test]
fn literal_beats_parameter_beats_rest() {
    let routes = ["/**", "/product/**", "/product/{id}", "/product/new", "/product/{id}/reviews", "/"]
        .map(|path| route(&[], path, &[]));
    for (path, expected) in [
        ("/", "/"),
        ("/product", "/product/**"),
        ("/product/", "/product/**"),
        ("/product/new", "/product/new"),
        ("/product/7", "/product/{id}"),
        ("/product/7/reviews", "/product/{id}/reviews"),
        ("/product/new/reviews", "/product/{id}/reviews"),
        ("/product/7/other", "/product/**"),
        ("/else/where", "/**"),
    ] {
        assert_eq!(winner(&routes, "any", path, "GET"), expected, "{path}");
    }
}

#[test]
fn a_named_method_beats_every_method_and_others_fall_through() {
    let routes = [route(&[], "/cart", &["POST"]), route(&[], "/cart/**", &[]), route(&[], "/only", &["GET", "HEAD"])];
    assert_eq!(winner(&routes, "h", "/cart", "POST"), "/cart");
    assert_eq!(winner(&routes, "h", "/cart", "GET"), "/cart/**");
    assert_eq!(winner(&routes, "h", "/only", "DELETE"), "405 GET, HEAD");
    assert_eq!(winner(&routes, "h", "/nowhere", "GET"), "404");
}

#[test]
fn exact_host_beats_wildcard_beats_any() {
    let exact = [HostPattern::Exact("a.example.com".to_owned())];
    let wildcard = [HostPattern::Wildcard("example.com".to_owned())];
    let routes = [route(&exact, "/exact", &[]), route(&wildcard, "/**", &[]), route(&[], "/{any}", &[])];
    assert_eq!(winner(&routes, "a.example.com", "/exact", "GET"), "/exact");
    assert_eq!(winner(&routes, "a.example.com", "/other", "GET"), "/**");
    assert_eq!(winner(&routes, "b.example.com", "/exact", "GET"), "/**");
    assert_eq!(winner(&routes, "deep.b.example.com", "/x", "GET"), "/{any}", "a wildcard is one label");
    assert_eq!(winner(&routes, "example.com", "/x", "GET"), "/{any}", "a wildcard needs its label");
}

#[test]
fn a_long_path_costs_no_more_than_the_patterns_are_deep() {
    let routes = [route(&[], "/{a}/{b}/{c}", &[])];
    let long = "/x".repeat(100_000);
    assert_eq!(winner(&routes, "h", &long, "GET"), "404");
}
