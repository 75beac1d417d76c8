//! What becomes of messages on their way (RFC 9110 s7), and what is said of it (RFC 9211).

use std::time::Duration;

use super::script::{Case, answer, ask, case, fresh, get, head, not_modified, ok, stale};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = on_the_way();
    cases.extend(told());
    cases
}

fn on_the_way() -> Vec<Case> {
    vec![
        case("fields that a client nominates", &["9110-7.6.1-1"])
            .then(
                get()
                    .with("connection", "x-hop, keep-alive")
                    .with("x-hop", "1")
                    .with("x-end", "1")
                    .origin(fresh())
                    .fetched()
                    .origin_saw_no("x-hop")
                    .origin_saw("x-end", "1"),
            )
            .http1(),
        case("fields of a client s connection", &["9110-7.6.1-3"])
            .then(
                get()
                    .with("keep-alive", "timeout=5")
                    .with("proxy-connection", "keep-alive")
                    .with("te", "gzip")
                    .origin(fresh())
                    .fetched()
                    .origin_saw_no("keep-alive")
                    .origin_saw_no("proxy-connection")
                    .origin_saw_no("te"),
            )
            .http1(),
        case("fields of an origin s connection", &["9110-7.6.1-2", "9110-7.6.1-3"]).under("off").then(
            get()
                .origin(
                    answer(200)
                        .field("connection", "x-hop")
                        .field("x-hop", "1")
                        .field("keep-alive", "timeout=5")
                        .field("x-end", "1"),
                )
                .fetched()
                .lacks("x-hop")
                .lacks("keep-alive")
                .says("x-end", "1"),
        ),
        case("fields that nobody knows go to the origin", &["9110-5.1-1"])
            .then(get().with("x-strange", "1").origin(fresh()).origin_saw("x-strange", "1")),
        case("via to the origin", &["9110-7.6.3-1"]).then(get().origin(fresh()).origin_saw_part("via", " floodgate-")),
        case("via behind those before", &["9110-7.6.3-1"])
            .then(get().with("via", "1.0 fred").origin(fresh()).origin_saw_part("via", "1.0 fred, ")),
        case("via to the client", &["9110-7.6.3-2"])
            .then(get().origin(fresh().field("via", "1.1 inner")).contains("via", "1.1 inner, 1.1 floodgate-"))
            .then(get().stored(0).contains("via", "1.1 inner, 1.1 floodgate-")),
        case("via of another edge is no loop", &["9110-7.6.3-3"])
            .then(get().with("via", "1.1 floodgate-00000000, 1.1 floodgate").origin(fresh()).fetched()),
        case("head of what is not cached", &["9110-9.3.2-1"])
            .under("off")
            .then(head().origin(answer(200).body("hello")).fetched().text("").says("content-length", "5")),
    ]
}

fn told() -> Vec<Case> {
    let status = "cache-status";
    vec![
        case("tells a miss and a hit", &["9211-2.1-1", "9211-2.2-1", "9211-2.5-1", "9211-2.4-1"])
            .then(
                get()
                    .origin(fresh())
                    .contains(status, "floodgate; fwd=uri-miss; stored; ttl=3")
                    .without(status, "; hit"),
            )
            .then(get().stored(0).contains(status, "floodgate; hit; ttl=3").without(status, "fwd")),
        case("tells what is stale", &["9211-2.2-1", "9211-2.5-1"])
            .then(get().origin(stale()))
            .then(get().origin(fresh()).contains(status, "; fwd=stale; stored")),
        case("tells a confirmation", &["9211-2.3-1"])
            .then(get().origin(stale()))
            .then(get().origin(not_modified()).contains(status, "; fwd=stale; fwd-status=304; ttl=3")),
        case("tells that the client wanted it", &["9211-2.2-1"])
            .then(get().origin(fresh()))
            .then(get().with("cache-control", "no-cache").origin(fresh()).contains(status, "; fwd=request; stored")),
        case("tells that the variant is missing", &["9211-2.2-1"])
            .then(get().with("x-a", "1").origin(fresh().field("vary", "x-a")).contains(status, "; fwd=uri-miss"))
            .then(
                get().with("x-a", "2").origin(fresh().field("vary", "x-a")).contains(status, "; fwd=vary-miss; stored"),
            ),
        case("tells a method", &["9211-2.2-1"])
            .then(ask("POST").body("x").origin(fresh()).contains(status, "; fwd=method").without(status, "stored")),
        case("tells that there is no cache", &["9211-2.2-1"])
            .under("off")
            .then(get().origin(fresh()).contains(status, "; fwd=bypass").without(status, "ttl")),
        case("tells what is not kept", &["9211-2.5-1", "9211-2.4-1"])
            .then(
                get()
                    .origin(ok("no-store"))
                    .contains(status, "; fwd=uri-miss; detail=no-store")
                    .without(status, "stored")
                    .without(status, "ttl"),
            )
            .then(get().origin(ok("no-store")).contains(status, "; fwd=bypass")),
        case("what turns out uncacheable is tried again", &["9211-2.2-1"])
            .then(get().origin(ok("no-store")).fetched())
            .then(get().origin(fresh()).fetched().contains(status, "; fwd=bypass"))
            .then(get().origin(fresh()).fetched().contains(status, "; fwd=uri-miss; stored"))
            .then(get().stored(2)),
        case("tells what is left below zero", &["9211-2.4-1"]).then(get().origin(stale())).then(
            get()
                .with("cache-control", "max-stale")
                .stored(0)
                .contains(status, "; hit; ttl=-6")
                .contains(status, "detail=max-stale"),
        ),
        case("tells it behind the others", &["9211-2-1"])
            .then(
                get()
                    .origin(fresh().field("cache-status", "inner; hit"))
                    .contains(status, "inner; hit, floodgate; fwd=uri-miss"),
            )
            .then(get().stored(0).contains(status, "inner; hit, floodgate; hit")),
        case("tells nothing of its own answers", &["9211-2-2"])
            .then(get().with("cache-control", "only-if-cached").refused().lacks(status)),
        case("tells no key to strangers", &["9211-2.7-1"]).then(get().origin(fresh()).without(status, "key=")),
        case("an answer that takes long", &["9111-4-4"])
            .then(get().origin(fresh().late(Duration::from_millis(100))).fetched())
            .then(get().stored(0)),
    ]
}
