//! Validation in both directions (RFC 9110 s13, RFC 9111 s4.3).

use super::script::{Answer, Case, Framing, answer, case, date, fresh, get, head, not_modified, ok, stale};

const MONDAY: &str = "Mon, 07 Jul 2025 12:00:00 GMT";
const TUESDAY: &str = "Tue, 08 Jul 2025 12:00:00 GMT";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = clients();
    cases.extend(at_first());
    cases.extend(origins());
    cases.extend(merging());
    cases.extend(for_the_origin());
    cases
}

/// Something stored, then asked for on a condition.
fn asked(
    name: &str,
    rules: &[&'static str],
    stored: Answer,
    fields: &[(&'static str, &str)],
    is_current: bool,
) -> Case {
    let mut then = get();
    for (field, value) in fields {
        then = then.with(field, *value);
    }
    let then = if is_current { then.asked(0).status(304) } else { then.stored(0).status(200) };
    case(name, rules).then(get().origin(stored).fetched()).then(then)
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn clients() -> Vec<Case> {
    let tagged = |tag: &str| fresh().field("etag", tag);
    let strong = || tagged("\"a,b\"");
    let dated = || fresh().field("last-modified", MONDAY);
    let none_match = "9110-13.1.2-1";
    let mut cases = vec![
        asked("the same tag", &[none_match, "9111-4.3.2-2"], strong(), &[("if-none-match", "\"a,b\"")], true),
        asked("a weak tag of a strong one", &["9110-8.8.3.2-1"], strong(), &[("if-none-match", "W/\"a,b\"")], true),
        asked(
            "a strong tag of a weak one",
            &["9110-8.8.3.2-1"],
            tagged("W/\"a\""),
            &[("if-none-match", "\"a\"")],
            true,
        ),
        asked("a tag in a list", &[none_match], strong(), &[("if-none-match", "\"x\", \"a,b\",\"y\"")], true),
        asked(
            "a tag in a second line",
            &[none_match],
            strong(),
            &[("if-none-match", "\"x\""), ("if-none-match", "\"a,b\"")],
            true,
        ),
        asked("any tag", &[none_match], strong(), &[("if-none-match", "*")], true),
        asked("any tag of what has none", &[none_match], fresh(), &[("if-none-match", "*")], true),
        asked("another tag", &["9110-13.1.2-2"], strong(), &[("if-none-match", "\"b\"")], false),
        asked("half a tag", &["9110-13.1.2-2"], strong(), &[("if-none-match", "\"a\", \"b\"")], false),
        asked("a tag of what has none", &["9110-13.1.2-2"], fresh(), &[("if-none-match", "\"a\"")], false),
        asked("a tag in other case", &["9110-13.1.2-2"], tagged("\"a\""), &[("if-none-match", "\"A\"")], false),
        asked("unchanged since", &["9111-4.3.2-2"], dated(), &[("if-modified-since", MONDAY)], true),
        asked("unchanged since later", &["9111-4.3.2-2"], dated(), &[("if-modified-since", TUESDAY)], true),
        asked(
            "changed since",
            &["9111-4.3.2-2"],
            fresh().field("last-modified", TUESDAY),
            &[("if-modified-since", MONDAY)],
            false,
        ),
        asked(
            "unchanged since its date",
            &["9111-4.3.2-3"],
            fresh().field("date", MONDAY),
            &[("if-modified-since", TUESDAY)],
            true,
        ),
        asked(
            "changed since its date",
            &["9111-4.3.2-3"],
            fresh().field("date", TUESDAY),
            &[("if-modified-since", MONDAY)],
            false,
        ),
        asked(
            "another tag beside an old date",
            &["9110-13.1.3-1"],
            dated().field("etag", "\"a\""),
            &[("if-none-match", "\"b\""), ("if-modified-since", TUESDAY)],
            false,
        ),
        asked(
            "the same tag beside a changed date",
            &["9110-13.1.3-1"],
            fresh().field("last-modified", TUESDAY).field("etag", "\"a\""),
            &[("if-none-match", "\"a\""), ("if-modified-since", MONDAY)],
            true,
        ),
        asked("since when nobody knows", &["9110-13.1.3-2"], dated(), &[("if-modified-since", "yesterday")], false),
        asked(
            "since two dates",
            &["9110-13.1.3-2"],
            dated(),
            &[("if-modified-since", MONDAY), ("if-modified-since", TUESDAY)],
            false,
        ),
        asked(
            "since a date of rfc 850",
            &["9111-4.3.2-2"],
            dated(),
            &[("if-modified-since", "Monday, 07-Jul-25 12:00:00 GMT")],
            true,
        ),
        case("conditions on an error", &["9110-13.2.1-1"])
            .then(get().origin(answer(404).field("cache-control", "max-age=60").field("etag", "\"a\"")).fetched())
            .then(get().with("if-none-match", "\"a\"").stored(0).status(404)),
        case("conditions on a redirect", &["9110-13.2.1-1"])
            .then(
                get().origin(answer(301).field("cache-control", "max-age=60").field("last-modified", MONDAY)).fetched(),
            )
            .then(get().with("if-modified-since", TUESDAY).stored(0).status(301)),
        case("a head on condition", &["9110-13.1.2-1"])
            .then(get().origin(strong()).fetched())
            .then(head().with("if-none-match", "\"a,b\"").asked(0).status(304)),
    ];
    cases.push(
        case("a 304 out of the cache is whole", &["9110-15.4.5-1", "9110-15.4.5-2", "9110-15.4.5-3", "9111-4-2"])
            .then(
                get()
                    .origin(
                        ok("max-age=3600")
                            .field("etag", "\"1\"")
                            .field("date", MONDAY)
                            .field("expires", TUESDAY)
                            .field("vary", "x-a")
                            .field("content-location", "/there")
                            .field("content-type", "text/plain")
                            .field("content-encoding", "x"),
                    )
                    .fetched(),
            )
            .then(
                get()
                    .with("if-none-match", "\"1\"")
                    .asked(0)
                    .status(304)
                    .text("")
                    .says("etag", "\"1\"")
                    .says("date", MONDAY)
                    .says("expires", TUESDAY)
                    .says("vary", "x-a")
                    .says("content-location", "/there")
                    .says("cache-control", "max-age=3600")
                    .age(0)
                    .lacks("content-type")
                    .lacks("content-length")
                    .lacks("content-encoding"),
            ),
    );
    cases.push(
        case("a stale answer confirms nothing by itself", &["9111-4-1"])
            .then(get().origin(stale()).fetched())
            .then(get().with("if-none-match", "\"1\"").origin(not_modified()).asked(1).status(304))
            .then(get().stored(0)),
    );
    cases.push(
        case("a client that has the new one", &["9111-4.3.3-1"])
            .then(get().origin(stale()).fetched())
            .then(get().with("if-none-match", "\"2\"").origin(fresh().field("etag", "\"2\"")).asked(1).status(304))
            .then(get().stored(1)),
    );
    cases
}

/// Conditions when nothing is stored.
fn at_first() -> Vec<Case> {
    vec![
        case("a condition before anything is stored", &["9111-4.3.2-4"])
            .then(
                get()
                    .with("if-none-match", "\"1\"")
                    .origin(fresh().field("etag", "\"1\""))
                    .asked(1)
                    .origin_saw_no("if-none-match")
                    .status(304),
            )
            .then(get().stored(0).status(200)),
        case("a date before anything is stored", &["9111-4.3.2-4"])
            .then(
                get()
                    .with("if-modified-since", TUESDAY)
                    .origin(fresh().field("last-modified", MONDAY))
                    .asked(1)
                    .origin_saw_no("if-modified-since")
                    .status(304),
            )
            .then(get().stored(0).status(200)),
        case("a condition that does not hold before anything is stored", &["9111-4.3.2-4"])
            .then(get().with("if-none-match", "\"2\"").origin(fresh().field("etag", "\"1\"")).fetched().status(200)),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn origins() -> Vec<Case> {
    let both = || ok("max-age=60").field("age", "120").field("etag", "W/\"1\"").field("last-modified", MONDAY);
    let says = |tag: &str| answer(304).field("cache-control", "max-age=3600").field("etag", tag);
    let mut cases = vec![
        case("the origin is asked with both validators", &["9111-4.3.1-1", "9111-4.3.1-2"])
            .then(get().origin(both()).fetched())
            .then(
                get()
                    .origin(says("W/\"1\""))
                    .confirmed(0)
                    .origin_saw("if-none-match", "W/\"1\"")
                    .origin_saw("if-modified-since", MONDAY),
            ),
        case("the origin is asked with the date alone", &["9111-4.3.1-2"])
            .then(get().origin(ok("max-age=60").field("age", "120").field("last-modified", MONDAY)).fetched())
            .then(
                get()
                    .origin(answer(304).field("last-modified", MONDAY))
                    .confirmed(0)
                    .origin_saw("if-modified-since", MONDAY)
                    .origin_saw_no("if-none-match"),
            ),
        case("the client s own condition is not the edge s", &["9111-4.3.1-1"])
            .then(get().origin(stale()).fetched())
            .then(
                get()
                    .with("if-none-match", "\"9\"")
                    .origin(not_modified())
                    .confirmed(0)
                    .status(200)
                    .origin_saw("if-none-match", "\"1\""),
            ),
        case("without a validator the whole is fetched", &["9111-4-1"])
            .then(get().origin(ok("max-age=60, stale-if-error=600").field("age", "120")).fetched())
            .then(get().origin(fresh()).fetched().origin_saw_no("if-none-match").origin_saw_no("if-modified-since")),
        case("a full answer takes the place", &["9111-4.3.3-1"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(fresh().field("etag", "\"2\"")).fetched())
            .then(get().stored(1).says("etag", "\"2\"")),
        case("a full answer that may not be kept takes the place too", &["9111-4.3.3-1"])
            .then(
                get()
                    .origin(ok("max-age=60, stale-if-error=3600").field("age", "120").field("etag", "\"1\""))
                    .fetched(),
            )
            .then(get().origin(ok("no-store")).fetched())
            .then(get().origin(answer(503)).fetched().status(503)),
        case("a page that is gone is gone", &["9111-4.3.3-1"])
            .then(
                get()
                    .origin(ok("max-age=60, stale-if-error=3600").field("age", "120").field("etag", "\"1\""))
                    .fetched(),
            )
            .then(get().origin(answer(404)).fetched().status(404))
            .then(get().origin(answer(503)).fetched().status(503)),
        case("confirmed for head", &["9111-4.3.4-2"])
            .then(get().origin(stale()).fetched())
            .then(head().origin(not_modified()).confirmed(0).status(200))
            .then(get().stored(0)),
        case("confirmed by a hasty origin", &["9111-4.3.4-2"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(not_modified().framed(Framing::Close)).confirmed(0))
            .then(get().stored(0)),
    ];
    for (stored, told, rule) in [
        ("\"1\"", "\"1\"", "9111-4.3.4-2"),
        ("W/\"1\"", "W/\"1\"", "9111-4.3.4-2"),
        ("\"1\"", "W/\"1\"", "9111-4.3.4-2"),
    ] {
        cases.push(
            case(format!("{stored} confirmed by {told}"), &[rule])
                .then(get().origin(ok("max-age=60").field("age", "120").field("etag", stored)).fetched())
                .then(get().origin(says(told)).confirmed(0))
                .then(get().stored(0)),
        );
    }
    cases.push(
        case("confirmed without a validator", &["9111-4.3.4-3"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(answer(304).field("cache-control", "max-age=3600")).confirmed(0))
            .then(get().stored(0).says("etag", "\"1\"")),
    );
    cases.push(
        case("a 304 of another answer", &["9111-4.3.4-1"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(says("\"2\"")).asked(2).origin_saw_no("if-none-match").status(304))
            .then(get().origin(fresh().field("etag", "\"2\"")).fetched().says("etag", "\"2\"")),
    );
    cases
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn merging() -> Vec<Case> {
    let before = || stale().field("x-kept", "1").field("x-replaced", "1").field("content-type", "text/a");
    let mut cases = vec![
        case("a confirmation replaces what it has", &["9111-3.2-1", "9111-3.2-3"])
            .then(get().origin(before()).fetched())
            .then(
                get()
                    .origin(not_modified().field("x-replaced", "2").field("x-new", "3"))
                    .confirmed(0)
                    .says("x-replaced", "2")
                    .says("x-new", "3")
                    .says("x-kept", "1"),
            )
            .then(get().stored(0).says("x-replaced", "2").says("x-new", "3").says("x-kept", "1")),
        case("a confirmation replaces all lines of a field", &["9111-3.2-1"])
            .then(get().origin(stale().field("x-many", "1").field("x-many", "2")).fetched())
            .then(get().origin(not_modified().field("x-many", "3")).confirmed(0).says("x-many", "3"))
            .then(get().stored(0).says("x-many", "3")),
        case("a confirmation replaces the type", &["9111-3.2-1"])
            .then(get().origin(before()).fetched())
            .then(get().origin(not_modified().field("content-type", "text/b")).confirmed(0))
            .then(get().stored(0).says("content-type", "text/b")),
        case("a confirmation has another length", &["9111-3.2-2"])
            .then(get().origin(stale().body("hello").field("content-encoding", "x")).fetched())
            .then(
                get()
                    .origin(not_modified().field("content-length", "0").field("content-encoding", "y"))
                    .confirmed(0)
                    .says("content-length", "5"),
            )
            .then(get().stored(0).says("content-length", "5").says("content-encoding", "x")),
        case("a confirmation is dated anew", &["9111-3.2-1"])
            .then(get().origin(stale().field("date", MONDAY)).fetched())
            .then(get().origin(not_modified().field("date", TUESDAY)).confirmed(0).says("date", TUESDAY))
            .then(get().stored(0).says("date", TUESDAY)),
        case("a confirmation says a shorter lifetime", &["9111-3.2-1"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(answer(304).field("etag", "\"1\"").field("cache-control", "max-age=0")).confirmed(0))
            .then(get().origin(not_modified()).confirmed(0)),
        case("a confirmation says expires", &["9111-3.2-1"])
            .then(get().origin(answer(200).field("etag", "\"1\"").field("expires", date(-1))).fetched())
            .then(get().origin(answer(304).field("etag", "\"1\"").field("expires", date(3600))).confirmed(0))
            .then(get().stored(0)),
        case("a confirmation says no-store", &["9111-3-4"])
            .then(get().origin(stale()).fetched())
            .then(
                get()
                    .origin(answer(304).field("etag", "\"1\"").field("cache-control", "no-store"))
                    .confirmed(0)
                    .says("cache-control", "no-store"),
            )
            .then(get().origin(fresh()).fetched().origin_saw_no("if-none-match")),
        case("a confirmation has fields of one connection", &["9111-3.1-2"])
            .then(get().origin(stale()).fetched())
            .then(
                get()
                    .origin(not_modified().field("connection", "x-hop").field("x-hop", "1"))
                    .confirmed(0)
                    .lacks("x-hop"),
            )
            .then(get().stored(0).lacks("x-hop")),
        case("a confirmation adds vary", &["9111-3.2-1", "9111-4.1-1"])
            .then(get().with("x-a", "1").origin(stale()).fetched())
            .then(get().with("x-a", "1").origin(not_modified().field("vary", "x-a")).confirmed(0))
            .then(get().with("x-a", "2").origin(fresh().field("vary", "x-a")).fetched())
            .then(get().with("x-a", "1").stored(0)),
        case("a confirmation says vary star", &["9111-4.1-3"])
            .then(get().origin(stale()).fetched())
            .then(get().origin(not_modified().field("vary", "*")).confirmed(0))
            .then(get().origin(fresh()).fetched()),
    ];
    cases.push(
        case("a confirmation that the client asked not to store", &["9111-5.2.1.5-1"])
            .then(get().origin(stale()).fetched())
            .then(
                get()
                    .with("cache-control", "no-store")
                    .origin(not_modified().field("x-new", "1"))
                    .confirmed(0)
                    .says("x-new", "1"),
            )
            .then(get().origin(not_modified()).confirmed(0).lacks("x-new")),
    );
    cases
}

fn for_the_origin() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, value) in [("if-match", "\"1\""), ("if-match", "*"), ("if-unmodified-since", MONDAY)] {
        cases.push(
            case(format!("{name} {value} is left to the origin"), &["9111-4.3.2-1"])
                .then(get().origin(fresh().field("etag", "\"1\"")).fetched())
                .then(get().with(name, value).origin(answer(412)).fetched().status(412).origin_saw(name, value))
                .then(get().stored(0)),
        );
    }
    cases
}
