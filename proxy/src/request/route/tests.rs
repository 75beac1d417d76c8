//! Which route wins.

use config::model::{
    Action, Attribute, Condition, HeaderRules, PathPattern, Redirect, Segment, Template, TemplatePart, Test,
};
use http::{HeaderMap, HeaderName};

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
        conditions: Vec::new(),
        needs_client_certificate: false,
        action: Action::Redirect(Redirect {
            to: Template { raw: "/".to_owned(), parts: vec![TemplatePart::Text("/".to_owned())] },
            status: 308,
            keep_query: false,
        }),
        rate: Vec::new(),
        response_headers: HeaderRules::default(),
    }
}

/// A route with conditions, under a name of its own.
fn conditional(name: &str, path: &str, methods: &[&str], conditions: &[(Attribute, Test)]) -> Route {
    let conditions = conditions.iter().map(|(on, test)| Condition { on: on.clone(), test: test.clone() }).collect();
    Route { name: name.to_owned(), conditions, ..route(&[], path, methods) }
}

fn header(name: &str) -> Attribute {
    Attribute::Header(name.to_owned())
}

fn query(name: &str) -> Attribute {
    Attribute::Query(name.to_owned())
}

fn is(value: &str) -> Test {
    Test::Is(value.to_owned())
}

/// The path pattern of the route that wins, or what was found instead.
fn winner(routes: &[Route], host: &str, path: &str, method: &str) -> String {
    found(routes, &Asked { host, path, method, query: None, headers: &HeaderMap::new() })
}

/// The same with a query (after `?`) and header fields.
fn winner_of(routes: &[Route], method: &str, target: &str, fields: &[(&'static str, &str)]) -> String {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    found(routes, &Asked { host: "h", path, method, query, headers: &headers(fields) })
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn found(routes: &[Route], asked: &Asked<'_>) -> String {
    match Router::new(routes).find(asked) {
        Found::Route { id, .. } => routes[id.index()].name.clone(),
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

#[test]
fn every_test_of_a_header_and_a_query_parameter() {
    let text = |text: &str| text.to_owned();
    for (test, holds, fails) in [
        (is("yes"), "yes", vec!["no", "yes!", ""]),
        (Test::Prefix(text("Shop/")), "Shop/7", vec!["shop/7", "A Shop/7"]),
        (Test::Contains(text("bot")), "a bot.", vec!["Bot", "bo", ""]),
        (Test::Present, "", vec![]),
    ] {
        let routes = [
            conditional("header", "/h", &[], &[(header("x-a"), test.clone())]),
            conditional("query", "/q", &[], &[(query("a"), test.clone())]),
        ];
        let in_query = |value: &str| {
            format!("/q?b=1&a={}&a=else", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>())
        };
        assert_eq!(winner_of(&routes, "GET", "/h", &[("x-a", holds), ("x-a", "else")]), "header", "{test:?}");
        assert_eq!(winner_of(&routes, "GET", &in_query(holds), &[]), "query", "{test:?}");
        for value in fails {
            assert_eq!(winner_of(&routes, "GET", "/h", &[("x-a", value)]), "404", "{test:?} {value}");
            assert_eq!(winner_of(&routes, "GET", &in_query(value), &[]), "404", "{test:?} {value}");
        }
        assert_eq!(winner_of(&routes, "GET", "/h", &[]), "404", "{test:?}");
        assert_eq!(winner_of(&routes, "GET", "/q?b=1", &[]), "404", "{test:?}");
    }
    let absent = [conditional("h", "/h", &[], &[(header("x-a"), Test::Absent), (query("a"), Test::Absent)])];
    assert_eq!(winner_of(&absent, "GET", "/h?b=a", &[("x-b", "a")]), "h");
    assert_eq!(winner_of(&absent, "GET", "/h", &[("x-a", "")]), "404");
    assert_eq!(winner_of(&absent, "GET", "/h?a", &[]), "404");
    assert_eq!(winner_of(&absent, "GET", "/h?%61", &[]), "404", "a name hides behind no encoding");
}

#[test]
fn more_conditions_win_and_what_does_not_hold_falls_through() {
    let (beta, debug) = ((header("x-beta"), is("yes")), (query("debug"), Test::Present));
    let routes = [
        conditional("plain", "/p/{id}", &[], &[]),
        conditional("beta", "/p/{id}", &[], std::slice::from_ref(&beta)),
        conditional("both", "/p/{id}", &[], &[beta.clone(), debug]),
        conditional("post", "/p/{id}", &["POST"], &[]),
        conditional("rest", "/p/**", &[], &[]),
        conditional("exact", "/p/7", &[], &[beta]),
    ];
    let with = [("x-beta", "yes")];
    assert_eq!(winner_of(&routes, "GET", "/p/1?debug", &with), "both");
    assert_eq!(winner_of(&routes, "GET", "/p/1", &with), "beta");
    assert_eq!(winner_of(&routes, "GET", "/p/1?debug", &[]), "plain");
    assert_eq!(winner_of(&routes, "POST", "/p/1?debug", &with), "post", "the method counts before the conditions");
    assert_eq!(winner_of(&routes, "GET", "/p/7", &with), "exact", "the path counts before the number of conditions");
    assert_eq!(winner_of(&routes, "GET", "/p/7", &[]), "plain");
}

#[test]
fn only_what_fails_by_its_method_alone_is_offered() {
    let beta = (header("x-beta"), is("yes"));
    let routes = [conditional("post", "/p", &["POST"], &[beta]), conditional("put", "/p", &["PUT"], &[])];
    assert_eq!(winner_of(&routes, "GET", "/p", &[("x-beta", "yes")]), "405 POST, PUT");
    assert_eq!(winner_of(&routes, "GET", "/p", &[]), "405 PUT");
    assert_eq!(winner_of(&routes[..1], "GET", "/p", &[]), "404");
    assert_eq!(winner_of(&routes[..1], "POST", "/p", &[]), "404");
}

#[test]
fn the_path_that_matched_is_known() {
    let mut many = route(&[], "/a/{x}", &[]);
    many.paths.push(pattern("/b/**"));
    let no_fields = HeaderMap::new();
    let asked = |path| Asked { host: "h", path, method: "GET", query: None, headers: &no_fields };
    let router = Router::new(&[many]);
    assert_eq!(router.find(&asked("/a/1")), Found::Route { id: RouteId(0), pattern: 0 });
    assert_eq!(router.find(&asked("/b/1")), Found::Route { id: RouteId(0), pattern: 1 });
}

#[test]
fn an_explanation_names_every_candidate_and_what_speaks_against_it() {
    let beta = (header("x-beta"), is("yes"));
    let exact = [HostPattern::Exact("shop.example".to_owned())];
    let routes = [
        conditional("any", "/**", &[], &[]),
        Route { hosts: exact.to_vec(), ..conditional("served", "/p/{id}", &["GET"], &[(query("a"), Test::Present)]) },
        Route { hosts: exact.to_vec(), ..conditional("fewer", "/p/{id}", &["GET"], &[]) },
        Route { hosts: exact.to_vec(), ..conditional("all methods", "/p/{id}", &[], &[]) },
        Route { hosts: exact.to_vec(), ..conditional("wide", "/p/**", &[], &[]) },
        Route { hosts: exact.to_vec(), ..conditional("post", "/p/7", &["POST", "PUT"], &[]) },
        Route { hosts: exact.to_vec(), ..conditional("beta", "/p/7", &[], &[beta]) },
        conditional("elsewhere", "/x", &[], &[]),
    ];
    let router = Router::new(&routes);
    let no_fields = HeaderMap::new();
    let asked = Asked { host: "shop.example", path: "/p/7", method: "GET", query: Some("a=1"), headers: &no_fields };
    let said: Vec<_> = router
        .explain(&routes, &asked)
        .iter()
        .map(|candidate| format!("{} {}", candidate.route.name, candidate.verdict))
        .collect();
    assert_eq!(
        said,
        [
            "post takes POST, PUT only",
            "beta wants another request: header `x-beta` is not \"yes\"",
            "served serves the request",
            "fewer has fewer conditions, 0 against 1",
            "all methods takes every method, less specific than one that is named",
            "wide has the path `/p/**`, less specific than `/p/{id}`",
            "any takes every host, less specific than `shop.example`",
        ]
    );
    assert_eq!(router.find(&asked), Found::Route { id: RouteId(1), pattern: 0 });
}
