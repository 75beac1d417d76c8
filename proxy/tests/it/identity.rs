//! Who asks, under which id and in which trace: what trusted proxies say, what strangers say, and what the origin and the
//! access log are told.

use std::collections::HashMap;

use reqwest::RequestBuilder;

use crate::{
    origin::{Asked, Origin},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: other, match: {path: /other}, pool: origin, class: browse}
"#;
const TRUSTED: &str = r#"["127.0.0.0/8", "10.0.0.0/8"]"#;
const STRANGERS: &str = r#"["10.0.0.0/8"]"#;
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// An edge that trusts `proxies`; `more` is YAML of the top level.
fn edge(origin: &Origin, routes: &str, proxies: &str, more: &str) -> Edge {
    let text = config(&[origin.address], "", routes);
    Edge::start(&text.replace("classes:", &format!("trusted_proxies: {proxies}\n{more}\nclasses:")))
}

fn with(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    fields.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// What the origin is told by these fields of a request with those.
async fn told<const N: usize>(
    edge: &Edge,
    origin: &Origin,
    fields: &[(&str, &str)],
    names: [&str; N],
) -> [Option<String>; N] {
    let request = edge.client().build().unwrap().get(edge.plain("/told"));
    assert_eq!(with(request, fields).send().await.unwrap().status(), 200);
    let asked = origin.asked().pop().unwrap();
    names.map(|name| field(&asked, name))
}

fn field(asked: &Asked, name: &str) -> Option<String> {
    let mut lines = asked.headers().get_all(name).iter();
    let line = lines.next()?.to_str().unwrap().to_owned();
    assert_eq!(lines.next(), None, "one line of {name}");
    Some(line)
}

/// The access log, one object for each request.
async fn logged(edge: &Edge, count: usize) -> Vec<HashMap<String, serde_json::Value>> {
    let lines = || {
        let text = std::fs::read_to_string(edge.folder().join("access.log")).unwrap_or_default();
        text.lines().map_while(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>()
    };
    wait_until("the log is written", async || lines().len() >= count).await;
    lines()
}

#[tokio::test]
async fn a_chain_is_followed_through_trusted_proxies_alone() {
    let origin = Origin::fixed("hello", &[]).await;
    let chain = [
        ("x-forwarded-for", "1.1.1.1, [2001:db8::1]:4711, 10.0.0.1"),
        ("x-forwarded-for", "10.0.0.2"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-prefix", "/admin"),
        ("forwarded", "for=2.2.2.2"),
    ];
    let names = ["x-forwarded-for", "x-forwarded-prefix", "forwarded", "x-forwarded-host"];
    for (trusted, client, told_for, prefix) in [
        (TRUSTED, "2001:db8::1", "1.1.1.1, [2001:db8::1]:4711, 10.0.0.1, 10.0.0.2, 127.0.0.1", Some("/admin")),
        (STRANGERS, "127.0.0.1", "127.0.0.1", None),
    ] {
        let edge = edge(&origin, ROUTES, trusted, "");
        let [told_for_now, prefix_now, forwarded, host] = told(&edge, &origin, &chain, names).await;
        assert_eq!((told_for_now.as_deref(), prefix_now.as_deref()), (Some(told_for), prefix));
        assert_eq!((forwarded, host), (None, Some(edge.address("plain").to_string())));
        assert_eq!(logged(&edge, 1).await[0]["client"], client);
    }
}

/// Key: forwarding_fields
#[tokio::test]
async fn a_chain_in_forwarded_is_followed_where_that_is_what_proxies_speak() {
    let origin = Origin::fixed("hello", &[]).await;
    let chain = [
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "for=\"open, for=_hidden"),
        ("forwarded", "For=\"[2001:db8::1]:4711\";Proto=https;host=\"evil.example\", for=10.0.0.1"),
    ];
    let names = ["forwarded", "x-forwarded-for", "x-forwarded-proto"];
    for (trusted, client, kept, scheme) in [
        (
            TRUSTED,
            "2001:db8::1",
            "for=_hidden, For=\"[2001:db8::1]:4711\";Proto=https;host=\"evil.example\", for=10.0.0.1, ",
            "https",
        ),
        (STRANGERS, "127.0.0.1", "", "http"),
    ] {
        let edge = edge(&origin, ROUTES, trusted, "forwarding_fields: forwarded");
        let [forwarded, told_for, proto] = told(&edge, &origin, &chain, names).await.map(Option::unwrap);
        let own = format!("for=127.0.0.1;host=\"{}\";proto=http", edge.address("plain"));
        assert_eq!(forwarded, format!("{kept}{own}"));
        assert_eq!(told_for, if trusted == TRUSTED { "2001:db8::1, 127.0.0.1" } else { "127.0.0.1" });
        assert_eq!((proto.as_str(), &logged(&edge, 1).await[0]["client"]), (scheme, &client.into()));
    }
}

/// Key: telemetry.trace
/// Key: telemetry.trace.from
#[tokio::test]
async fn a_trace_goes_on_for_those_who_are_believed() {
    let origin = Origin::fixed("hello", &[]).await;
    let sent = [("traceparent", PARENT), ("tracestate", "a=1, b=2")];
    for (trusted, from, goes_on, flags, state) in [
        (TRUSTED, "trusted_proxies", true, "01", Some("a=1,b=2")),
        (STRANGERS, "trusted_proxies", false, "02", None),
        (STRANGERS, "anyone", true, "00", None),
    ] {
        let edge = edge(&origin, ROUTES, trusted, "");
        edge.rewrite_config(|text| {
            text.replace("access.log\"}", &format!("access.log\"}}, trace: {{from: {from}, sample: 0%}}"))
        });
        edge.signal("HUP");
        edge.wait_for_log("configuration reloaded");
        let [parent, told_state] = told(&edge, &origin, &sent, ["traceparent", "tracestate"]).await;
        let parent = parent.unwrap();
        let parts: Vec<_> = parent.split('-').collect();
        assert_eq!((parts.len(), parts[0], parts[1] == ID, parts[3]), (4, "00", goes_on, flags), "{parent}");
        assert_ne!(parts[2], "00f067aa0ba902b7", "the edge is a step of its own");
        assert_eq!(told_state.as_deref(), state);
        let line = &logged(&edge, 1).await[0];
        assert_eq!(line["trace"], parts[1]);
        assert_eq!(line["trace"] == line["id"], !goes_on, "what begins here has one name");
    }
}

/// Key: telemetry.trace.sample
#[tokio::test]
async fn so_many_of_the_traces_begun_here_are_recorded() {
    let origin = Origin::fixed("hello", &[]).await;
    for (sample, flags) in [("0%", "02"), ("100%", "03")] {
        let text = config(&[origin.address], "", ROUTES);
        let edge = Edge::start(&text.replace("access.log\"}", &format!("access.log\"}}, trace: {{sample: {sample}}}")));
        for broken in [&[][..], &[("traceparent", "00-junk")], &[("traceparent", PARENT), ("traceparent", PARENT)]] {
            let [parent] = told(&edge, &origin, broken, ["traceparent"]).await.map(Option::unwrap);
            assert!(parent.ends_with(flags) && !parent.contains(ID), "{parent}");
        }
    }
}

#[tokio::test]
async fn a_refresh_in_the_background_has_an_id_and_a_trace_of_its_own() {
    const CACHED: &[(&str, &str)] = &[("cache-control", "max-age=0, stale-while-revalidate=60")];
    let origin = Origin::fixed("hello", CACHED).await;
    let routes = ROUTES.replacen("class: core", "class: core, cache: {zone: pages}", 1);
    let edge = edge(&origin, &routes, TRUSTED, "");
    let client = edge.client().build().unwrap();
    for id in ["first", "second"] {
        let request = with(client.get(edge.plain("/page")), &[("x-request-id", id), ("traceparent", PARENT)]);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"], id);
        answer.text().await.unwrap();
    }
    wait_until("the refresh", async || origin.asked().len() == 2).await;
    let asked = origin.asked();
    assert_eq!(field(&asked[0], "x-request-id").as_deref(), Some("first"));
    assert!(field(&asked[0], "traceparent").unwrap().contains(ID));
    let (id, trace) = (field(&asked[1], "x-request-id").unwrap(), field(&asked[1], "traceparent").unwrap());
    assert!(id.len() == 32 && trace.contains(&id), "{id} {trace}");
    assert_eq!(logged(&edge, 2).await.len(), 2, "which nobody asked for, and nobody finds in the log");
}
