//! What is stored, and what of it (RFC 9111 s3).

use super::script::{Answer, Case, Framing, answer, ask, case, date, fresh, get, head, not_modified, ok, stale};

/// A second GET is served out of the cache, or asks the origin again.
fn twice(name: impl Into<String>, rules: &[&'static str], answer: Answer, is_stored: bool) -> Case {
    let first = case(name, rules).then(get().origin(answer.clone()).fetched());
    first.then(if is_stored { get().stored(0) } else { get().origin(answer).fetched() })
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let cache_control = [
        ("max-age=60", &["9111-3-6", "9111-5.2.2.1-1"][..], true),
        ("s-maxage=60", &["9111-3-6", "9111-5.2.2.10-1"], true),
        ("public, max-age=60", &["9111-5.2.2.9-1"], true),
        ("no-store", &["9111-3-4"], false),
        ("no-store, max-age=60", &["9111-3-4"], false),
        ("max-age=60, no-store", &["9111-3-4"], false),
        ("NO-STORE, max-age=60", &["9111-3-4", "9111-5.2-2"], false),
        ("no-store=x, max-age=60", &["9111-3-4"], false),
        ("private, max-age=60", &["9111-3-5"], false),
        ("Private, max-age=60", &["9111-3-5", "9111-5.2-2"], false),
        ("private, s-maxage=60", &["9111-3-5"], false),
        ("private, public, max-age=60", &["9111-3-5"], false),
        ("private=, max-age=60", &["9111-3-5"], false),
        ("private=\"two words\", max-age=60", &["9111-3-5"], false),
        ("must-understand, no-store, max-age=60", &["9111-5.2.2.3-1"], true),
        ("max-age=60, x-unknown, y=\"no-store\"", &["9111-5.2.3-1"], true),
        ("x=\"a, no-store, b\", max-age=60", &["9111-5.2-3"], true),
        ("x=\"a, no-store, max-age=60", &["9111-3-4"], false),
        ("max-age=60,", &["9111-5.2-3"], true),
        (",,max-age=60", &["9111-5.2-3"], true),
        ("max-age=\"60\"", &["9111-5.2-3"], true),
        ("MAX-AGE=60", &["9111-5.2-2"], true),
    ];
    for (list, rules, is_stored) in cache_control {
        cases.push(twice(format!("cc {list}"), rules, ok(list), is_stored));
    }
    let two_lines = answer(200).field("cache-control", "max-age=60").field("cache-control", "no-store");
    cases.push(twice("cc in two lines", &["9111-3-4"], two_lines, false));
    cases.extend(statuses());
    cases.extend(credentials_and_cookies());
    cases.extend(whole());
    cases.extend(fields());
    cases
}

fn statuses() -> Vec<Case> {
    let explicit = [
        (200, true),
        (203, true),
        (300, true),
        (301, true),
        (302, true),
        (303, true),
        (307, true),
        (308, true),
        (404, true),
        (405, true),
        (410, true),
        (414, true),
        (501, true),
        (206, false),
        (400, false),
        (403, false),
        (418, false),
        (429, false),
        (500, false),
        (502, false),
        (503, false),
        (504, false),
        (299, false),
        (599, false),
    ];
    let mut cases: Vec<_> = explicit
        .into_iter()
        .map(|(status, is_stored)| {
            let rule = if status == 206 { "9111-3-3" } else { "9111-3-6" };
            let mut said = answer(status).field("cache-control", "max-age=60");
            if status == 206 {
                said = said.field("content-range", "bytes 0-9/100");
            }
            twice(format!("status {status} with a lifetime"), &[rule], said, is_stored)
        })
        .collect();
    let no_content = answer(204).field("cache-control", "max-age=60");
    cases.push(
        case("status 204 with a lifetime", &["9111-3-6"])
            .then(get().origin(no_content).fetched().status(204))
            .then(get().stored(0).status(204)),
    );
    for status in [200, 301, 404, 410, 302, 303] {
        cases.push(twice(format!("status {status} says nothing"), &["9111-3-7"], answer(status), false));
    }
    for (status, is_stored) in [(404, true), (503, true), (500, false), (403, false)] {
        let said =
            twice(format!("status {status} of errors that the route keeps"), &["9111-3-6"], answer(status), is_stored);
        cases.push(said.under("negative"));
    }
    let private = answer(503).field("cache-control", "private");
    cases.push(twice("an error that is private", &["9111-3-5"], private, false).under("negative"));
    for (status, stored) in [(200, true), (404, true), (302, false), (500, false)] {
        let name = format!("status {status} with the route s lifetime");
        cases.push(twice(name, &["9111-3-6"], answer(status), stored).under("default"));
    }
    let unknown = answer(299).field("cache-control", "must-understand, max-age=60");
    cases.push(twice("must-understand of a status that nobody knows", &["9111-5.2.2.3-2"], unknown, false));
    let unstored = answer(299).field("cache-control", "must-understand, no-store, max-age=60");
    cases.push(twice("must-understand and no-store of such", &["9111-5.2.2.3-2"], unstored, false));
    cases
}

fn credentials_and_cookies() -> Vec<Case> {
    let mut cases = Vec::new();
    for (list, is_shared) in [
        ("max-age=60", false),
        ("public, max-age=60", true),
        ("s-maxage=60", true),
        ("must-revalidate, max-age=60", true),
        ("proxy-revalidate, max-age=60", false),
        ("private, max-age=60", false),
    ] {
        let rule = if is_shared { "9111-3.5-2" } else { "9111-3.5-1" };
        let own = || get().with("authorization", "Basic eDp5");
        let own_first = case(format!("authorization {list}"), &[rule]).then(own().origin(ok(list)).fetched());
        cases.push(own_first.then(if is_shared { get().stored(0) } else { get().origin(ok(list)).fetched() }));
    }
    cases.push(
        case("authorization is served what is there for all", &["9111-3.5-2"])
            .then(get().origin(fresh()).fetched())
            .then(get().with("authorization", "Basic eDp5").stored(0)),
    );
    cases.push(
        case("authorization that must not be shared leaves the others alone", &["9111-3.5-1"])
            .then(get().with("authorization", "Basic eDp5").origin(fresh()).fetched())
            .then(get().origin(fresh()).fetched())
            .then(get().stored(1)),
    );
    let cookie = || fresh().field("set-cookie", "sid=1");
    cases.push(
        case("a cookie is passed on and not stored", &["9111-3-8"])
            .then(get().origin(cookie()).fetched().says("set-cookie", "sid=1"))
            .then(get().origin(cookie()).fetched()),
    );
    cases.push(twice(
        "a cookie beside public",
        &["9111-3-8"],
        ok("public, max-age=60").field("set-cookie", "a=b"),
        false,
    ));
    cases.push(
        case("a cookie that the route drops", &["9111-3-8"])
            .under("strip")
            .then(get().origin(cookie()).fetched().lacks("set-cookie"))
            .then(get().stored(0).lacks("set-cookie")),
    );
    cases.push(
        case("a cookie in a confirmation is for who asked", &["9111-3-8"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(not_modified().field("set-cookie", "sid=2")).confirmed(0))
            .then(get().stored(0).lacks("set-cookie")),
    );
    cases
}

fn whole() -> Vec<Case> {
    let broken = |framing| fresh().framed(framing);
    vec![
        case("an answer that ends before its length", &["9111-3.3-1", "9111-3.3-2"])
            .then(get().origin(broken(Framing::CutOff)).breaks_off())
            .then(get().origin(fresh()).fetched()),
        case("an answer that ends between chunks", &["9111-3.3-1", "9111-3.3-2"])
            .then(get().origin(broken(Framing::CutOffChunks)).breaks_off())
            .then(get().origin(fresh()).fetched()),
        case("an answer in chunks", &["9111-3-6"])
            .then(get().origin(broken(Framing::Chunks)).fetched())
            .then(get().stored(0)),
        case("an answer without a body", &["9111-3-6"])
            .then(get().origin(fresh().body("")).fetched())
            .then(get().stored(0)),
        case("an answer until the end of its connection", &["9111-3-6"])
            .then(get().origin(broken(Framing::Close)).fetched())
            .then(get().stored(0)),
        case("an interim answer is none", &["9111-3-2", "9110-15.2-1"])
            .then(
                get().origin(fresh().after("HTTP/1.1 103 X\r\nlink: </a>\r\n\r\n")).fetched().status(200).lacks("link"),
            )
            .then(get().stored(0).status(200).lacks("link")),
        case("a 304 that nobody asked for", &["9111-3-3"])
            .then(get().origin(answer(304).field("cache-control", "max-age=60")).asked(1))
            .then(get().origin(fresh()).fetched().status(200)),
        case("head makes a get of itself", &["9111-4.3.5-1", "9110-8.6-1"])
            .then(head().origin(fresh().body("hello")).fetched().says("content-length", "5"))
            .then(get().stored(0).text("hello")),
        case("post is not stored", &["9111-3-1", "9111-2-2", "9111-4-3"])
            .then(ask("POST").body("x").origin(fresh()).fetched())
            .then(get().origin(fresh()).fetched())
            .then(ask("POST").body("x").origin(fresh()).fetched()),
        case("put is not stored", &["9111-3-1", "9111-4-3"])
            .then(ask("PUT").body("x").origin(fresh()).fetched())
            .then(get().origin(fresh()).fetched()),
        case("options is not stored", &["9111-3-1"])
            .then(ask("OPTIONS").origin(fresh()).fetched())
            .then(ask("OPTIONS").origin(fresh()).fetched())
            .then(get().origin(fresh()).fetched()),
        case("delete goes to the origin", &["9111-4-3"])
            .then(get().origin(fresh()).fetched())
            .then(ask("DELETE").origin(answer(500)).fetched())
            .then(get().stored(0)),
        case("a get with a body", &["9110-9.3.5-1"])
            .then(get().body("evil").origin(fresh()).fetched())
            .then(get().origin(fresh()).fetched()),
        case("the client asks not to store", &["9111-5.2.1.5-1"])
            .then(get().with("cache-control", "no-store").origin(fresh()).fetched())
            .then(get().origin(fresh()).fetched())
            .then(get().with("cache-control", "no-store").stored(1)),
        case("a route that does not hear it stores", &["9111-5.2.1.5-1"])
            .under("deaf")
            .then(get().with("cache-control", "no-store").origin(fresh()).fetched())
            .then(get().stored(0)),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn fields() -> Vec<Case> {
    vec![
        case("fields that nobody knows", &["9111-3.1-1", "9110-5.1-1"])
            .then(get().origin(fresh().field("x-strange", "1").field("test-header", "a b")).says("x-strange", "1"))
            .then(get().stored(0).says("x-strange", "1").says("test-header", "a b")),
        case("several lines of one field", &["9111-3.1-1", "9110-5.3-1"])
            .then(
                get()
                    .origin(fresh().field("x-many", "1").field("x-other", "0").field("x-many", "2"))
                    .says("x-many", "1, 2"),
            )
            .then(get().stored(0).says("x-many", "1, 2")),
        case("fields of one connection", &["9111-3.1-2", "9110-7.6.1-2"])
            .then(
                get()
                    .origin(
                        fresh()
                            .field("connection", "x-hop, close")
                            .field("x-hop", "1")
                            .field("keep-alive", "timeout=5"),
                    )
                    .fetched()
                    .lacks("x-hop")
                    .lacks("keep-alive"),
            )
            .then(get().stored(0).lacks("x-hop").lacks("keep-alive")),
        case("fields that are private", &["9111-3.1-3"])
            .then(
                get()
                    .origin(ok("max-age=60, private=\"x-user\"").field("x-user", "jo").field("x-all", "1"))
                    .fetched()
                    .says("x-user", "jo"),
            )
            .then(get().stored(0).lacks("x-user").says("x-all", "1")),
        case("fields that are not for two uses", &["9111-3.1-3"])
            .then(
                get()
                    .origin(
                        ok("max-age=60, no-cache=\"set-cookie, x-once\"")
                            .field("set-cookie", "a=b")
                            .field("x-once", "1"),
                    )
                    .fetched()
                    .says("set-cookie", "a=b"),
            )
            .then(get().stored(0).lacks("set-cookie").lacks("x-once")),
        case("authentication towards a proxy", &["9111-3.1-4"])
            .then(get().origin(fresh().field("proxy-authenticate", "Basic").field("proxy-authentication-info", "x")))
            .then(get().stored(0).lacks("proxy-authenticate").lacks("proxy-authentication-info")),
        case("a date of its own", &["9110-6.6.1-2"])
            .then(get().origin(fresh().field("date", date(-100))).fetched().says("date", date(-100)))
            .then(get().stored(0)),
        case("no date", &["9110-6.6.1-1"])
            .then(get().origin(fresh().undated()).fetched().contains("date", " GMT"))
            .then(get().stored(0).contains("date", " GMT")),
        case("a date out of the cache", &["9110-6.6.1-2"])
            .then(get().origin(fresh().field("date", "Mon, 07 Jul 2025 12:00:00 GMT")).fetched())
            .then(get().stored(0).says("date", "Mon, 07 Jul 2025 12:00:00 GMT")),
        case("tags are not for clients", &["9111-3.1-1"])
            .then(
                get()
                    .origin(fresh().field("surrogate-key", "a b").field("cache-tag", "c"))
                    .lacks("surrogate-key")
                    .lacks("cache-tag"),
            )
            .then(get().stored(0).lacks("surrogate-key").lacks("cache-tag")),
        case("directives are passed on", &["9111-5.2-1"])
            .then(
                get()
                    .with("cache-control", "max-age=99, x=y")
                    .origin(ok("max-age=60, immutable, x=\"y\"").field("cdn-cache-control", "max-age=9"))
                    .says("cache-control", "max-age=60, immutable, x=\"y\"")
                    .origin_saw("cache-control", "max-age=99, x=y"),
            )
            .then(get().stored(0).says("cache-control", "max-age=60, immutable, x=\"y\"")),
        case("what must not be transformed", &["9110-7.7-1"])
            .under("compressing")
            .then(
                get()
                    .with("accept-encoding", "gzip")
                    .origin(ok("max-age=60, no-transform").field("content-type", "text/plain").body("x".repeat(4096)))
                    .lacks("content-encoding"),
            )
            .then(get().with("accept-encoding", "gzip").stored(0).lacks("content-encoding").text("x".repeat(4096))),
    ]
}
