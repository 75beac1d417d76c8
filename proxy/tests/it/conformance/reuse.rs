//! What requests ask of the cache, and what may be stale (RFC 9111 s4.2.4, s5.2.1, RFC 5861).

use std::time::Duration;

use super::script::{Answer, Case, Framing, answer, case, fresh, get, head, not_modified, ok, stale};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = directives();
    cases.extend(deaf());
    cases.extend(refreshing());
    cases.extend(failing());
    cases.extend(never());
    cases
}

/// Stored, then asked for with a directive.
fn asked(name: &str, rule: &'static str, said: Answer, directive: &str, is_served: bool) -> Case {
    let first = case(format!("{name} with {directive}"), &[rule]).then(get().origin(said.clone()).fetched());
    let then = get().with("cache-control", directive);
    first.then(if is_served { then.stored(0) } else { then.origin(said).fetched() })
}

fn directives() -> Vec<Case> {
    let aged = || ok("max-age=3600").field("age", "100");
    let mut cases = vec![
        asked("fresh", "9111-5.2.1.4-1", fresh(), "no-cache", false),
        asked("fresh", "9111-5.2.1.4-1", fresh(), "No-Cache", false),
        asked("fresh", "9111-5.2.1.4-1", fresh(), "x, no-cache", false),
        asked("aged 100", "9111-5.2.1.1-1", aged(), "max-age=0", false),
        asked("aged 100", "9111-5.2.1.1-1", aged(), "max-age=99", false),
        asked("aged 100", "9111-5.2.1.1-1", aged(), "max-age=1000", true),
        asked("aged 100", "9111-5.2.1.1-1", aged(), "max-age=x", false),
        asked("aged 100", "9111-5.2.1.1-1", aged(), "max-age=99999999999999999999", true),
        asked("3500 left", "9111-5.2.1.3-1", aged(), "min-fresh=60", true),
        asked("3500 left", "9111-5.2.1.3-1", aged(), "min-fresh=3600", false),
        asked("3500 left", "9111-5.2.1.3-1", aged(), "min-fresh=x", false),
        asked("stale by 60", "9111-5.2.1.2-1", stale(), "max-stale", true),
        asked("stale by 60", "9111-5.2.1.2-1", stale(), "max-stale=3600", true),
        asked("stale by 60", "9111-5.2.1.2-1", stale(), "max-stale=30", false),
        asked("stale by 60", "9111-5.2.1.2-1", stale(), "max-stale=x", false),
        asked("stale by 60", "9111-5.2.1.2-1", stale(), "max-stale=3600, max-age=60", false),
        asked("stale by 60", "9111-5.2.1.2-1", stale(), "max-stale=3600, max-age=3600", true),
        asked("stale by 60", "9111-5.2.1.2-1", stale(), "max-stale=3600, min-fresh=1", false),
        asked("stale by 60", "9111-5.2.1.2-1", stale(), "max-stale=3600, no-cache", false),
        asked("fresh", "9111-5.2.1.7-1", fresh(), "only-if-cached", true),
        asked("aged 100", "9111-5.2.3-1", aged(), "x-unknown=0, max-ages=0", true),
    ];
    for list in ["must-revalidate", "proxy-revalidate", "no-cache"] {
        let said = ok(&format!("max-age=60, {list}")).field("age", "120").field("etag", "\"1\"");
        cases.push(asked(&format!("stale and {list}"), "9111-4.2.4-1", said, "max-stale", false));
    }
    let shared = ok("s-maxage=60").field("age", "120").field("etag", "\"1\"");
    cases.push(asked("stale and s-maxage", "9111-5.2.2.10-1", shared, "max-stale", false));
    cases.extend([
        case("only-if-cached of nothing", &["9111-5.2.1.7-1"])
            .then(get().with("cache-control", "only-if-cached").refused().status(504))
            .then(get().origin(fresh()).fetched())
            .then(get().with("cache-control", "only-if-cached").stored(1)),
        case("only-if-cached of what is stale", &["9111-5.2.1.7-1"])
            .then(get().origin(stale()).fetched())
            .then(get().with("cache-control", "only-if-cached").refused().status(504))
            .then(get().with("cache-control", "only-if-cached, max-stale").stored(0)),
        case("pragma", &["9111-5.4-1"])
            .then(get().origin(fresh()).fetched())
            .then(get().with("pragma", "no-cache").origin(fresh()).fetched())
            .then(get().with("pragma", "no-cache").with("cache-control", "max-age=60").stored(1)),
        case("pragma of an answer means nothing", &["9111-5.4-1"])
            .then(get().origin(fresh().field("pragma", "no-cache")).fetched())
            .then(get().stored(0)),
        case("no-cache is content with a confirmation", &["9111-5.2.1.4-1"])
            .then(get().origin(fresh().field("etag", "\"1\"")).fetched())
            .then(
                get()
                    .with("cache-control", "no-cache")
                    .origin(not_modified())
                    .confirmed(0)
                    .origin_saw("if-none-match", "\"1\""),
            )
            .then(get().stored(0)),
        case("no-cache replaces what is stored", &["9111-5.2.1.4-1", "9111-4.3.3-1"])
            .then(get().origin(fresh()).fetched())
            .then(get().with("cache-control", "no-cache").origin(fresh()).fetched())
            .then(get().stored(1)),
        case("no-cache is no way to make a page uncacheable", &["9111-5.2.1.4-1"])
            .then(get().origin(fresh()).fetched())
            .then(get().with("cache-control", "no-cache").origin(fresh().field("set-cookie", "a=b")).fetched())
            .then(get().stored(0)),
    ]);
    cases
}

fn deaf() -> Vec<Case> {
    let aged = || ok("max-age=3600").field("age", "100");
    let deaf = |name: &str, rule, said: Answer, directive| asked(name, rule, said, directive, true).under("deaf");
    vec![
        deaf("a deaf route", "9111-5.2.1.4-1", fresh(), "no-cache"),
        deaf("a deaf route", "9111-5.2.1.1-1", aged(), "max-age=0"),
        deaf("a deaf route", "9111-5.2.1.3-1", aged(), "min-fresh=99999"),
        case("a deaf route with pragma", &["9111-5.4-1"])
            .under("deaf")
            .then(get().origin(fresh()).fetched())
            .then(get().with("pragma", "no-cache").stored(0)),
        case("a deaf route with max-stale", &["9111-5.2.1.2-1"])
            .under("deaf")
            .then(get().origin(stale()).fetched())
            .then(get().with("cache-control", "max-stale").origin(stale()).fetched()),
        case("a deaf route with only-if-cached", &["9111-5.2.1.7-1"])
            .under("deaf")
            .then(get().with("cache-control", "only-if-cached").origin(fresh()).fetched()),
    ]
}

/// Stale for a minute, and with what may be served stale.
fn lately(list: &str) -> Answer {
    ok(&format!("max-age=60, {list}")).field("age", "120").field("etag", "\"1\"")
}

fn refreshing() -> Vec<Case> {
    let swr = || lately("stale-while-revalidate=3600");
    vec![
        case("swr serves what is stale and refreshes it", &["5861-3-1"])
            .then(get().origin(swr()).fetched())
            .then(get().origin(fresh()).text_with("answer 0").contains("cache-status", "; hit; ttl=-"))
            .then(get().origin(fresh()).in_the_end().asked(0).says("cache-control", "max-age=3600"))
            .then(get().asked(0).says("cache-control", "max-age=3600")),
        case("swr refreshes by validation", &["5861-3-1", "9111-4.3.4-2"])
            .then(get().origin(swr()).fetched())
            .then(get().origin(not_modified()).text_with("answer 0"))
            .then(get().origin(not_modified()).in_the_end().asked(0).contains("cache-status", "; hit; ttl=3"))
            .then(get().stored(0)),
        case("swr is over", &["5861-3-2"])
            .then(get().origin(lately("stale-while-revalidate=30")).fetched())
            .then(get().origin(fresh()).fetched()),
        case("swr of the route", &["5861-3-1"])
            .under("stale")
            .then(get().origin(stale()).fetched())
            .then(get().origin(fresh()).text_with("answer 0")),
        case("swr of zero", &["5861-3-2"])
            .under("stale")
            .then(get().origin(lately("stale-while-revalidate=0")).fetched())
            .then(get().origin(fresh()).fetched()),
        case("swr is not for who wants it newer", &["9111-5.2.1.4-1", "5861-3-1"])
            .then(get().origin(swr()).fetched())
            .then(get().with("cache-control", "no-cache").origin(fresh()).fetched()),
        case("swr is not for who names an age", &["9111-5.2.1.1-1", "5861-3-1"])
            .then(get().origin(swr()).fetched())
            .then(get().with("cache-control", "max-age=3600").origin(fresh()).fetched()),
        case("swr beside s-maxage", &["5861-3-1", "9111-5.2.2.10-1"])
            .then(get().origin(ok("s-maxage=60, stale-while-revalidate=3600").field("age", "120")).fetched())
            .then(get().origin(fresh()).text_with("answer 0")),
        case("swr serves head as well", &["5861-3-1"])
            .then(get().origin(swr()).fetched())
            .then(head().origin(fresh()).contains("cache-status", "; hit; ttl=-")),
    ]
}

fn failing() -> Vec<Case> {
    let sie = || lately("stale-if-error=3600");
    let hidden = |name: &str, failure: Answer| {
        case(format!("sie hides {name}"), &["5861-4-1", "9111-4.3.3-2"]).then(get().origin(sie()).fetched()).then(
            get()
                .origin(failure)
                .hidden(0)
                .status(200)
                .contains("cache-status", "floodgate; fwd=stale; ")
                .contains("cache-status", "ttl=-")
                .contains("cache-status", "detail=stale-if-error"),
        )
    };
    let mut cases: Vec<_> =
        [500, 502, 503, 504].into_iter().map(|status| hidden(&format!("a {status}"), answer(status))).collect();
    cases.push(hidden("a connection that breaks", answer(200).framed(Framing::HangUp)));
    cases.push(hidden("an origin that is silent", answer(200).framed(Framing::Silence)).under("hasty"));
    cases.push(hidden(
        "an answer that makes no sense",
        answer(200).field("transfer-encoding", "x").framed(Framing::Close),
    ));
    for status in [404, 410, 403, 501, 505] {
        cases.push(
            case(format!("sie does not hide a {status}"), &["5861-4-2"])
                .then(get().origin(sie()).fetched())
                .then(get().origin(answer(status)).fetched().status(status)),
        );
    }
    cases.extend([
        case("sie is over", &["5861-4-2"])
            .then(get().origin(lately("stale-if-error=30")).fetched())
            .then(get().origin(answer(500)).fetched().status(500)),
        case("sie of the route", &["5861-4-1"])
            .under("stale")
            .then(get().origin(lately("stale-while-revalidate=0")).fetched())
            .then(get().origin(answer(500)).hidden(0)),
        case("sie of zero", &["5861-4-2"])
            .under("stale")
            .then(get().origin(lately("stale-while-revalidate=0, stale-if-error=0")).fetched())
            .then(get().origin(answer(500)).fetched().status(500)),
        case("sie serves whoever wants it newer too", &["5861-4-1"])
            .then(get().origin(sie()).fetched())
            .then(get().with("cache-control", "no-cache").origin(answer(503)).hidden(0)),
        case("sie with a late answer", &["5861-4-1"])
            .under("hasty")
            .then(get().origin(sie()).fetched())
            .then(get().origin(fresh().late(Duration::from_secs(1))).hidden(0)),
        case("an error is passed on where nothing is stored", &["9111-4.3.3-2"])
            .then(get().origin(answer(500)).fetched().status(500))
            .then(get().origin(answer(200).framed(Framing::HangUp)).status(502)),
        case("an error is not kept in the place of a good answer", &["9111-4.3.3-2"])
            .then(get().origin(sie()).fetched())
            .then(get().origin(answer(503)).hidden(0))
            .then(get().origin(not_modified()).confirmed(0)),
    ]);
    cases
}

/// What forbids to serve what is stale stands above what allows it.
fn never() -> Vec<Case> {
    let mut cases = Vec::new();
    for (list, rule) in [
        ("must-revalidate", "9111-5.2.2.2-1"),
        ("proxy-revalidate", "9111-5.2.2.8-1"),
        ("no-cache", "9111-5.2.2.4-1"),
        ("s-maxage=60", "9111-5.2.2.10-1"),
    ] {
        let said = lately(list);
        cases.push(
            case(format!("{list} under a route that allows stale"), &[rule, "9111-4.2.4-1"])
                .under("stale")
                .then(get().origin(said.clone()).fetched())
                .then(get().origin(fresh()).fetched()),
        );
        cases.push(
            case(format!("{list} and a failing origin"), &[rule, "9111-4.2.4-1"])
                .under("stale")
                .then(get().origin(said.clone()).fetched())
                .then(get().origin(answer(503)).fetched().status(503)),
        );
        cases.push(
            case(format!("{list} and an origin that is gone"), &[rule, "9111-4.2.4-1"])
                .under("stale")
                .then(get().origin(said).fetched())
                .then(get().origin(answer(200).framed(Framing::HangUp)).status(502)),
        );
    }
    for list in ["must-revalidate, stale-while-revalidate=3600", "no-cache, stale-while-revalidate=3600"] {
        cases.push(
            case(format!("{list} at once"), &["9111-4.2.4-1"])
                .then(get().origin(lately(list)).fetched())
                .then(get().origin(fresh()).fetched()),
        );
    }
    cases.push(
        case("without leave nothing is served stale", &["9111-4.2.4-2", "9111-4-1"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(answer(503)).fetched().status(503)),
    );
    cases.push(
        case("without leave nothing is served stale while it is refreshed", &["9111-4.2.4-2", "9111-4-1"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(fresh()).fetched()),
    );
    cases
}
