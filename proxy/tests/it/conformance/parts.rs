//! Parts of stored answers (RFC 9110 s14).

use super::script::{Answer, Case, Framing, answer, ask, case, date, fresh, get, head, stale};

const MONDAY: &str = "Mon, 07 Jul 2025 12:00:00 GMT";
const TUESDAY: &str = "Tue, 08 Jul 2025 12:00:00 GMT";

fn ten() -> Answer {
    fresh().body("0123456789").field("content-type", "text/plain").field("etag", "\"1\"")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = stored();
    cases.extend(conditions());
    cases.extend(unstored());
    cases
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn stored() -> Vec<Case> {
    let mut cases = Vec::new();
    for (range, part, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=5-99", "56789", "bytes 5-9/10"),
        ("Bytes=0-1", "01", "bytes 0-1/10"),
        ("bytes=0-1,50-60", "01", "bytes 0-1/10"),
        ("bytes=0-99999999999999999999", "0123456789", "bytes 0-9/10"),
    ] {
        let then = get().with("range", range).asked(0).status(206).text(part);
        let then = then.says("content-range", content_range).says("content-length", part.len().to_string());
        cases.push(
            case(format!("range {range}"), &["9110-14.2-1", "9110-15.3.7-1"]).then(get().origin(ten())).then(then),
        );
    }
    for range in ["bytes=10-", "bytes=-0", "bytes=99-100, 200-"] {
        let then = get().with("range", range).asked(0).status(416).says("content-range", "bytes */10");
        cases.push(
            case(format!("range {range} lies outside"), &["9110-15.5.17-1"]).then(get().origin(ten())).then(then),
        );
    }
    for (range, rule) in [
        ("lines=0-1", "9110-14.2-3"),
        ("bytes 0-1", "9110-14.2-4"),
        ("bytes=", "9110-14.2-4"),
        ("bytes=-", "9110-14.2-4"),
        ("bytes=a-b", "9110-14.2-4"),
        ("bytes=4-2", "9110-14.2-4"),
        ("bytes=0-1,x", "9110-14.2-4"),
        ("bytes=0-5,3-9", "9110-14.2-4"),
        ("bytes=99999999999999999999-5", "9110-14.2-4"),
    ] {
        let then = get().with("range", range).stored(0).status(200).lacks("content-range");
        cases.push(case(format!("range {range} is ignored"), &[rule]).then(get().origin(ten())).then(then));
    }
    let many = (0..100).map(|_| "0-0".to_owned()).collect::<Vec<_>>().join(",");
    cases.push(
        case("a hundred ranges", &["9110-14.2-4"])
            .then(get().origin(ten()))
            .then(get().with("range", format!("bytes={many}")).stored(0).status(200)),
    );
    cases.extend([
        case("several parts", &["9110-15.3.7-2"]).then(get().origin(ten())).then(
            get()
                .with("range", "bytes=0-1,8-")
                .asked(0)
                .status(206)
                .contains("content-type", "multipart/byteranges; boundary=")
                .lacks("content-range")
                .text_with("Content-Range: bytes 0-1/10\r\n\r\n01\r\n")
                .text_with("Content-Range: bytes 8-9/10\r\n\r\n89\r\n"),
        ),
        case("two lines of ranges", &["9110-14.2-4"])
            .then(get().origin(ten()))
            .then(get().with("range", "bytes=0-1").with("range", "bytes=3-4").stored(0).status(200)),
        case("a range of head", &["9110-14.2-2"])
            .then(get().origin(ten()))
            .then(head().with("range", "bytes=0-1").asked(0).status(200).says("content-length", "10")),
        case("a range of post", &["9110-14.2-2"])
            .then(ask("POST").with("range", "bytes=0-1").body("x").origin(ten()).fetched().status(200)),
        case("a whole says that there are parts", &["9110-14.3-1"])
            .then(get().origin(ten()))
            .then(get().stored(0).says("accept-ranges", "bytes")),
        case("a range of an error", &["9110-14.2-4"])
            .then(get().origin(answer(404).field("cache-control", "max-age=60").body("0123456789")))
            .then(get().with("range", "bytes=0-1").stored(0).status(404)),
        case("a part is whole but for its body", &["9110-15.3.7-3"])
            .then(
                get().origin(
                    ten()
                        .field("date", MONDAY)
                        .field("expires", TUESDAY)
                        .field("content-location", "/there")
                        .field("vary", "x-a"),
                ),
            )
            .then(
                get()
                    .with("range", "bytes=0-1")
                    .status(206)
                    .says("date", MONDAY)
                    .says("expires", TUESDAY)
                    .says("content-location", "/there")
                    .says("vary", "x-a")
                    .says("etag", "\"1\"")
                    .says("cache-control", "max-age=3600")
                    .age(0),
            ),
    ]);
    cases
}

fn conditions() -> Vec<Case> {
    let of = |name: &str, rules: &[&'static str], whole: Answer, condition: String, is_part: bool| {
        let then = get().with("range", "bytes=0-1").with("if-range", condition);
        let then = if is_part { then.asked(0).status(206).text("01") } else { then.stored(0).status(200) };
        case(name, rules).then(get().origin(whole)).then(then)
    };
    let dated = |date: &str| ten().field("last-modified", MONDAY).field("date", date);
    vec![
        of("if-range with the tag", &["9110-13.1.5-1"], ten(), "\"1\"".to_owned(), true),
        of("if-range with another tag", &["9110-13.1.5-1"], ten(), "\"2\"".to_owned(), false),
        of(
            "if-range with a weak tag",
            &["9110-13.1.5-2"],
            fresh().body("0123456789").field("etag", "W/\"1\""),
            "W/\"1\"".to_owned(),
            false,
        ),
        of("if-range with a weak tag of a strong one", &["9110-13.1.5-2"], ten(), "W/\"1\"".to_owned(), false),
        of(
            "if-range with a tag of what has none",
            &["9110-13.1.5-1"],
            fresh().body("0123456789"),
            "\"1\"".to_owned(),
            false,
        ),
        of("if-range with the date", &["9110-13.1.5-3"], dated(TUESDAY), MONDAY.to_owned(), true),
        of("if-range with a later date", &["9110-13.1.5-3"], dated(TUESDAY), TUESDAY.to_owned(), false),
        of("if-range with a date that is not strong", &["9110-13.1.5-3"], dated(MONDAY), MONDAY.to_owned(), false),
        of("if-range with no date", &["9110-13.1.5-3"], ten(), date(0), false),
        case("if-range of what the client has", &["9110-13.1.2-1"]).then(get().origin(ten())).then(
            get()
                .with("range", "bytes=0-1")
                .with("if-range", "\"1\"")
                .with("if-none-match", "\"1\"")
                .asked(0)
                .status(304),
        ),
    ]
}

fn unstored() -> Vec<Case> {
    vec![
        case("a part of what is not stored fetches the whole", &["9110-14.2-1", "9111-3-3"])
            .then(
                get().with("range", "bytes=2-4").origin(ten()).asked(1).status(206).text("234").origin_saw_no("range"),
            )
            .then(get().stored(0).status(200)),
        case("a part of what is stale", &["9111-4-1"])
            .then(get().origin(stale().body("0123456789")))
            .then(get().with("range", "bytes=2-4").origin(ten()).asked(1).status(206).text("234"))
            .then(get().stored(1)),
        case("a part of what is too large to keep", &["9110-14.2-1"])
            .under("small")
            .then(
                get()
                    .with("range", "bytes=0-1")
                    .origin(fresh().body("x".repeat(10_000)))
                    .asked(2)
                    .origin_saw("range", "bytes=0-1"),
            )
            .then(
                get()
                    .with("range", "bytes=0-1")
                    .origin(answer(206).field("content-range", "bytes 0-1/10000").body("xx"))
                    .asked(1)
                    .status(206)
                    .text("xx")
                    .origin_saw("range", "bytes=0-1"),
            ),
        case("a 206 is not stored", &["9111-3-3"])
            .then(
                get()
                    .with("range", "bytes=0-1")
                    .origin(
                        answer(206)
                            .field("cache-control", "max-age=60")
                            .field("content-range", "bytes 0-1/10")
                            .body("01"),
                    )
                    .asked(1),
            )
            .then(get().origin(ten()).fetched().status(200)),
        case("a part of what came in chunks", &["9110-14.2-1", "9110-15.3.7-1"])
            .then(get().origin(ten().framed(Framing::Chunks)).fetched().lacks("content-length"))
            .then(get().stored(0).says("content-length", "10"))
            .then(
                get().with("range", "bytes=2-4").asked(0).status(206).text("234").says("content-range", "bytes 2-4/10"),
            ),
        case("what comes in chunks and is too large to keep", &["9111-3-6"])
            .under("small")
            .then(get().origin(fresh().body("x".repeat(10_000)).framed(Framing::Chunks)).fetched())
            .then(get().origin(fresh()).fetched()),
    ]
}
