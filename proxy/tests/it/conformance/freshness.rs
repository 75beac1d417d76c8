//! How long answers are served (RFC 9111 s4.2, RFC 9213, RFC 8246).

use super::script::{Answer, Case, answer, case, date, get, ok};

/// An answer that is served again, or not.
fn twice(name: impl Into<String>, rules: &[&'static str], said: Answer, is_fresh: bool) -> Case {
    let first = case(name, rules).then(get().origin(said.clone()).fetched());
    first.then(if is_fresh { get().stored(0) } else { get().origin(said).fetched() })
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = directives();
    cases.extend(expires());
    cases.extend(guesses());
    cases.extend(ages());
    cases.extend(targeted());
    cases.extend(routes());
    cases
}

fn directives() -> Vec<Case> {
    let lists = [
        ("max-age=0", "9111-5.2.2.1-1", false),
        ("max-age=0, s-maxage=60", "9111-4.2.1-1", true),
        ("max-age=60, s-maxage=0", "9111-5.2.2.10-1", false),
        ("max-age=60, max-age=60", "9111-4.2.1-2", true),
        ("max-age=0, max-age=60", "9111-4.2.1-2", false),
        ("max-age=60, max-age=0", "9111-4.2.1-2", false),
        ("max-age=-1", "9111-4.2.1-3", false),
        ("max-age=1.5", "9111-4.2.1-3", false),
        ("max-age=", "9111-4.2.1-3", false),
        ("max-age", "9111-4.2.1-3", false),
        ("max-age=a60", "9111-4.2.1-3", false),
        ("max-age=60a", "9111-4.2.1-3", false),
        ("max-age='60'", "9111-4.2.1-3", false),
        ("max-age = 60", "9111-4.2.1-3", false),
        ("max-age=\"60", "9111-4.2.1-3", false),
        ("max-age=99999999999999999999", "9111-5.2.2.1-1", true),
        ("max-age=2147483648", "9111-5.2.2.1-1", true),
        ("max-age=4294967296", "9111-5.2.2.1-1", true),
        ("max-age=0060", "9111-5.2.2.1-1", true),
        ("s-maxage=x, max-age=60", "9111-4.2.1-3", false),
        ("max-age=60, immutable", "8246-2-1", true),
        ("max-age=0, immutable", "8246-2-2", false),
        ("no-cache", "9111-5.2.2.4-1", false),
        ("no-cache, max-age=60", "9111-5.2.2.4-1", false),
        ("No-Cache, max-age=60", "9111-5.2.2.4-1", false),
        ("max-age=60, no-cache=", "9111-5.2.2.4-1", false),
    ];
    let cases = lists
        .into_iter()
        .map(|(list, rule, is_fresh)| twice(format!("cc {list} in time"), &[rule], ok(list), is_fresh));
    let mut cases: Vec<_> = cases.collect();
    let expired = || date(-60);
    cases.push(twice(
        "max-age beside an expires in the past",
        &["9111-5.3-2"],
        ok("max-age=60").field("expires", expired()),
        true,
    ));
    cases.push(twice(
        "s-maxage beside an expires in the past",
        &["9111-5.3-2"],
        ok("s-maxage=60").field("expires", expired()),
        true,
    ));
    cases.push(twice(
        "max-age of zero beside an expires to come",
        &["9111-5.3-2"],
        ok("max-age=0").field("expires", date(60)),
        false,
    ));
    cases.push(
        case("immutable is validated for who asks", &["8246-2-1"])
            .then(get().origin(ok("max-age=60, immutable").field("etag", "\"1\"")).fetched())
            .then(get().with("cache-control", "no-cache").origin(answer(304).field("etag", "\"1\"")).confirmed(0)),
    );
    cases
}

fn expires() -> Vec<Case> {
    let now = || answer(200).field("date", date(0));
    let with = |expires: String| now().field("expires", expires);
    vec![
        twice("expires to come", &["9111-4.2.1-1"], with(date(60)), true),
        twice("expires in the past", &["9111-4.2.1-1"], with(date(-60)), false),
        twice("expires with the date", &["9111-4.2.1-1"], with(date(0)), false),
        twice("expires 0", &["9111-5.3-1"], with("0".to_owned()), false),
        twice("expires that is no date", &["9111-5.3-1"], with("tomorrow".to_owned()), false),
        twice("expires without a zone", &["9111-5.3-1"], with(date(60).replace(" GMT", "")), false),
        twice("expires twice", &["9111-4.2.1-2"], with(date(60)).field("expires", date(90)), false),
        twice(
            "expires long past beside a longer past date",
            &["9111-4.2.1-1"],
            answer(200).field("date", date(-7200)).field("expires", date(-3600)),
            true,
        ),
        twice(
            "expires in the format of rfc 850",
            &["9111-4.2.1-1"],
            answer(200)
                .field("date", "Monday, 07-Jul-25 12:00:00 GMT")
                .field("expires", "Monday, 07-Jul-25 13:00:00 GMT"),
            true,
        ),
        twice(
            "expires in the format of asctime",
            &["9111-4.2.1-1"],
            answer(200).field("date", "Mon Jul  7 12:00:00 2025").field("expires", "Mon Jul  7 13:00:00 2025"),
            true,
        ),
        twice("expires without a date", &["9111-4.2.1-1"], answer(200).undated().field("expires", date(60)), true),
    ]
}

fn guesses() -> Vec<Case> {
    let changed = |status, ago: i64| answer(status).field("date", date(0)).field("last-modified", date(-ago));
    let mut cases = vec![
        twice("changed a day ago", &["9111-4.2.2-3"], changed(200, 86_400), true),
        twice("changed just now", &["9111-4.2.2-3"], changed(200, 0), false),
        twice("changed in the future", &["9111-4.2.2-3"], answer(200).field("last-modified", date(60)), false),
        twice(
            "changed a day ago and max-age 0",
            &["9111-4.2.2-1"],
            changed(200, 86_400).field("cache-control", "max-age=0"),
            false,
        ),
        twice(
            "changed a day ago and expired",
            &["9111-4.2.2-1"],
            changed(200, 86_400).field("expires", date(-1)),
            false,
        ),
        twice(
            "changed a day ago and no-cache",
            &["9111-4.2.2-1"],
            changed(200, 86_400).field("cache-control", "no-cache"),
            false,
        ),
        twice(
            "changed a day ago and public",
            &["9111-4.2.2-2"],
            changed(302, 86_400).field("cache-control", "public"),
            true,
        ),
        twice("guesses end after a tenth", &["9111-4.2.2-3"], changed(200, 100).field("age", "20"), false),
        twice("guesses last a tenth", &["9111-4.2.2-3"], changed(200, 10_000).field("age", "20"), true),
        twice("guesses end after a day", &["9111-4.2.2-3"], changed(200, 86_400 * 100).field("age", "86500"), false),
    ];
    for status in [203, 300, 301, 308, 404, 405, 410, 414, 501] {
        cases.push(twice(format!("a guess about {status}"), &["9111-4.2.2-2"], changed(status, 86_400), true));
    }
    for status in [302, 303, 307] {
        cases.push(twice(format!("no guess about {status}"), &["9111-4.2.2-2"], changed(status, 86_400), false));
    }
    cases
}

fn ages() -> Vec<Case> {
    let aged = |age: &str| ok("max-age=60").field("age", age);
    let mut cases = vec![
        twice("age within the lifetime", &["9111-4.2.3-1"], aged("30"), true),
        twice("age beyond the lifetime", &["9111-4.2.3-1"], aged("90"), false),
        twice("age of zero", &["9111-4.2.3-1"], aged("0"), true),
        twice("age without digits", &["9111-5.1-2"], aged("old"), true),
        twice("age below zero", &["9111-5.1-2"], aged("-90"), true),
        twice("age of a half", &["9111-5.1-2"], aged("90.5"), true),
        twice("age of two values", &["9111-5.1-1"], aged("30, 90"), true),
        twice("age of two values the first too old", &["9111-5.1-1"], aged("90, 30"), false),
        twice("age of two lines", &["9111-5.1-1"], aged("90").field("age", "30"), false),
        twice("age that is too large", &["9111-5.1-3"], aged("99999999999999999999"), false),
        twice("age of 2 to the 32", &["9111-5.1-3"], aged("4294967296"), false),
        twice(
            "age beside expires",
            &["9111-4.2.3-1"],
            answer(200).field("expires", date(60)).field("age", "90"),
            false,
        ),
        twice("an old date beside an age", &["9111-4.2.3-2"], aged("1").field("date", date(-90)), false),
        twice(
            "an old date behind a hop of http 1.0",
            &["9111-4.2.3-2"],
            ok("max-age=60").field("date", date(-90)).field("via", "1.0 old"),
            false,
        ),
        twice(
            "an old date of http 1.0",
            &["9111-4.2.3-2"],
            ok("max-age=60").field("date", date(-90)).version("HTTP/1.0").framed(super::script::Framing::Close),
            false,
        ),
        twice("a clock that runs behind", &["9111-4.2.3-2"], ok("max-age=60").field("date", date(-90)), true),
    ];
    cases.push(
        case("age is told", &["9111-4-2"])
            .then(get().origin(ok("max-age=60")).fetched().lacks("age"))
            .then(get().stored(0).age(0)),
    );
    cases.push(
        case("age goes on from what it was", &["9111-4-2"])
            .then(get().origin(aged("20")).fetched().age(20))
            .then(get().stored(0).age(20)),
    );
    cases.push(
        case("age after a validation", &["9111-4-2"])
            .then(get().origin(aged("90").field("etag", "\"1\"")).fetched())
            .then(get().origin(answer(304).field("etag", "\"1\"").field("age", "5")).confirmed(0).age(5))
            .then(get().stored(0).age(5)),
    );
    cases
}

fn targeted() -> Vec<Case> {
    let both = |targeted: &str, list: &str| ok(list).field("cdn-cache-control", targeted);
    let mut cases: Vec<_> = [
        ("max-age=60", "no-store", "9213-2.2-1", true),
        ("max-age=60", "max-age=0", "9213-2.2-1", true),
        ("max-age=0", "max-age=60", "9213-2.2-1", false),
        ("no-store", "max-age=60", "9213-2.2-3", false),
        ("private", "max-age=60", "9213-2.2-3", false),
        ("private, max-age=60", "max-age=60", "9213-2.2-3", false),
        ("no-cache, max-age=60", "max-age=60", "9213-2.2-3", false),
        ("s-maxage=60, max-age=0", "max-age=0", "9213-2.2-3", true),
        ("max-age=60;x=y", "no-store", "9213-2.1-1", true),
        ("x, max-age=60", "no-store", "9213-2.1-1", true),
        ("max-age=0, max-age=60", "no-store", "9213-2.1-1", true),
        ("", "max-age=60", "9213-2.2-2", true),
        ("", "no-store", "9213-2.2-2", false),
        ("max-age=60, =", "no-store", "9213-2.1-1", false),
        ("max-age=60, &&", "max-age=60", "9213-2.1-1", true),
        ("MAX-AGE=60", "no-store", "9213-2.1-1", false),
        ("max-age=60,", "no-store", "9213-2.1-1", false),
        ("max-age==60", "no-store", "9213-2.1-1", false),
        ("max-age=\"60\"", "max-age=60", "9213-2.1-2", false),
        ("max-age=60.5", "max-age=60", "9213-2.1-2", false),
        ("max-age=-1", "max-age=60", "9213-2.1-2", false),
        ("max-age", "max-age=60", "9213-2.1-2", false),
        ("max-age=?1", "max-age=60", "9213-2.1-2", false),
        ("max-age=999999999999999", "no-store", "9213-2.1-2", true),
    ]
    .into_iter()
    .map(|(targeted, list, rule, fresh)| {
        twice(format!("targeted {targeted} beside {list}"), &[rule], both(targeted, list), fresh)
    })
    .collect();
    let expires = answer(200).field("cdn-cache-control", "stale-if-error=1").field("expires", date(60));
    cases.push(twice("targeted puts expires aside", &["9213-2.2-1"], expires, false));
    let lines = ok("no-store").field("cdn-cache-control", "x").field("cdn-cache-control", "max-age=60");
    cases.push(twice("targeted in two lines", &["9213-2.1-1"], lines, true));
    let other = ok("max-age=60").field("surrogate-control", "no-store").field("other-cache-control", "no-store");
    cases.push(twice("targeted at somebody else", &["9213-2.2-1"], other, true));
    cases
}

/// What a route says beyond the origin.
fn routes() -> Vec<Case> {
    let mut cases = vec![twice("the route s lifetime", &["9111-4.2.1-1"], answer(200), true).under("default")];
    cases.push(twice("the route s lifetime gives way", &["9111-4.2.1-1"], ok("max-age=0"), false).under("default"));
    for (list, is_stored) in [("max-age=0", true), ("no-cache", true), ("no-store", false), ("private", false)] {
        let name = format!("the route overrides {list}");
        cases.push(twice(name, &["9111-4.2.1-1"], ok(list), is_stored).under("override"));
    }
    cases
}
