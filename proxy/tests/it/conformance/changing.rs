//! What writes make of stored answers (RFC 9111 s4.4).

use super::script::{Case, answer, ask, case, fresh, get};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let stored_then = |name: String, rules: &[&'static str]| case(name, rules).then(get().origin(fresh()).fetched());
    for method in ["POST", "PUT", "DELETE", "PATCH", "FROBNICATE"] {
        for status in [200, 201, 202, 204, 301, 303] {
            if method != "POST" && !matches!(status, 200 | 204) {
                continue;
            }
            let rule = if method == "FROBNICATE" { "9111-4.4-5" } else { "9111-4.4-1" };
            cases.push(
                stored_then(format!("{method} that is answered {status}"), &[rule])
                    .then(ask(method).body("x").origin(answer(status)).asked(1).status(status))
                    .then(get().origin(fresh()).fetched()),
            );
        }
    }
    for method in ["POST", "DELETE"] {
        for status in [400, 404, 409, 500, 503] {
            cases.push(
                stored_then(format!("{method} that failed with {status}"), &["9111-4.4-4"])
                    .then(ask(method).body("x").origin(answer(status)).fetched())
                    .then(get().stored(0)),
            );
        }
    }
    for method in ["OPTIONS", "HEAD"] {
        cases.push(
            stored_then(format!("{method} changes nothing"), &["9111-4.4-5"])
                .then(ask(method).origin(answer(200)))
                .then(get().stored(0)),
        );
    }
    cases.extend(others());
    cases
}

/// Other URLs, as seen from a write to the case's own.
fn others() -> Vec<Case> {
    let named = |name: &str, rule: &'static str, field, value: &str, is_invalidated: bool| {
        let then = get().at("/other");
        case(name, &[rule])
            .then(get().at("/other").origin(fresh()).fetched())
            .then(ask("POST").at("/form").body("x").origin(answer(201).field(field, value)).asked(1))
            .then(if is_invalidated { then.origin(fresh()).fetched() } else { then.stored(0) })
    };
    vec![
        named("location", "9111-4.4-2", "location", "other", true),
        named("content-location", "9111-4.4-2", "content-location", "other", true),
        named("location in other words", "9111-4.4-2", "location", "./x/../other#part", true),
        named("location of another host", "9111-4.4-3", "location", "https://other.example/other", false),
        named("location of another scheme", "9111-4.4-3", "location", "http://localhost/other", false),
        named("location elsewhere", "9111-4.4-2", "location", "third", false),
        case("location of an error", &["9111-4.4-4"])
            .then(get().at("/other").origin(fresh()).fetched())
            .then(ask("POST").at("/form").body("x").origin(answer(500).field("location", "other")).asked(1))
            .then(get().at("/other").stored(0)),
        case("every variant of what is changed", &["9111-4.4-1"])
            .then(get().with("x-a", "1").origin(fresh().field("vary", "x-a")).fetched())
            .then(get().with("x-a", "2").origin(fresh().field("vary", "x-a")).fetched())
            .then(ask("POST").body("x").origin(answer(200)).asked(1))
            .then(get().with("x-a", "1").origin(fresh().field("vary", "x-a")).fetched())
            .then(get().with("x-a", "2").origin(fresh().field("vary", "x-a")).fetched()),
        case("the query of what is changed", &["9111-4.4-1"])
            .then(get().at("?a=1").origin(fresh()).fetched())
            .then(get().at("?a=2").origin(fresh()).fetched())
            .then(ask("POST").at("?a=1").body("x").origin(answer(200)).asked(1))
            .then(get().at("?a=1").origin(fresh()).fetched())
            .then(get().at("?a=2").stored(1)),
        case("a write by another route", &["9111-4.4-1"])
            .under("split")
            .then(get().origin(fresh()).fetched())
            .then(ask("POST").body("x").origin(answer(200)).asked(1))
            .then(get().origin(fresh()).fetched()),
    ]
}
