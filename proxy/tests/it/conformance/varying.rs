//! Keys and variants (RFC 9111 s2, s4.1).

use super::script::{Answer, Case, ask, case, fresh, get, head, ok};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = keys();
    cases.extend(fields());
    cases.extend(brought_down());
    cases
}

fn keys() -> Vec<Case> {
    let two = |name: &str, at| {
        case(name, &["9111-2-1"])
            .then(get().origin(fresh()).fetched())
            .then(get().at(at).origin(fresh()).fetched())
            .then(get().stored(0))
            .then(get().at(at).stored(1))
    };
    vec![
        two("a query", "?a=1"),
        two("an empty value", "?a="),
        two("a deeper path", "/b"),
        two("a slash at the end", "/"),
        two("an upper case path", "/B"),
        case("an encoded slash", &["9111-2-1"])
            .then(get().at("/a/b").origin(fresh()).fetched())
            .then(get().at("/a%2Fb").origin(fresh()).fetched())
            .then(get().at("/a%2fb").stored(1)),
        case("the order of a query", &["9111-2-1"])
            .then(get().at("?a=1&b=2").origin(fresh()).fetched())
            .then(get().at("?b=2&a=1").origin(fresh()).fetched()),
        case("spellings of one path", &["9111-2-1"])
            .then(get().at("/b").origin(fresh()).fetched())
            .then(get().at("/%62").stored(0))
            .then(get().at("/x/../b").stored(0)),
        case("a host", &["9111-2-1"])
            .then(get().origin(fresh()).fetched())
            .then(get().host("other.example").origin(fresh()).fetched())
            .then(get().stored(0))
            .then(get().host("other.example").stored(1))
            .then(get().host("OTHER.example").stored(1))
            .http1(),
        case("a port", &["9111-2-1"])
            .then(get().host("other.example").origin(fresh()).fetched())
            .then(get().host("other.example:81").origin(fresh()).fetched())
            .http1(),
        case("head out of what get has stored", &["9111-2-2", "9110-9.3.2-1", "9110-8.6-1"])
            .then(get().origin(fresh().body("hello")).fetched())
            .then(head().stored(0).text("").says("content-length", "5")),
        case("methods that nobody knows", &["9111-2-2", "9111-4-3"])
            .then(get().origin(fresh()).fetched())
            .then(ask("OPTIONS").origin(fresh()).fetched())
            .then(ask("REPORT").origin(fresh()).fetched()),
    ]
}

fn varies(by: &str) -> Answer {
    fresh().field("vary", by)
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn fields() -> Vec<Case> {
    let mut cases = vec![
        case("vary by one field", &["9111-4.1-1"])
            .then(get().with("x-a", "1").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "2").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "1").stored(0))
            .then(get().with("x-a", "2").stored(1))
            .then(get().with("x-a", "1").with("x-b", "9").stored(0)),
        case("vary by two fields", &["9111-4.1-1"])
            .then(get().with("x-a", "1").with("x-b", "1").origin(varies("x-a, x-b")).fetched())
            .then(get().with("x-a", "1").with("x-b", "2").origin(varies("x-a, x-b")).fetched())
            .then(get().with("x-b", "1").with("x-a", "1").stored(0)),
        case("vary in two lines", &["9111-4.1-1"])
            .then(get().with("x-b", "1").origin(varies("x-a").field("vary", "x-b")).fetched())
            .then(get().with("x-b", "2").origin(varies("x-a").field("vary", "x-b")).fetched()),
        case("vary in upper case", &["9111-4.1-1"])
            .then(get().with("x-a", "1").origin(varies("X-A")).fetched())
            .then(get().with("x-a", "2").origin(varies("X-A")).fetched())
            .then(get().with("x-a", "1").stored(0)),
        case("vary with spaces and empty members", &["9111-4.1-1"])
            .then(get().with("x-a", "1").origin(varies(" , x-a ,, ")).fetched())
            .then(get().with("x-a", "2").origin(varies(" , x-a ,, ")).fetched()),
        case("vary by what is absent", &["9111-4.1-2"])
            .then(get().origin(varies("x-a")).fetched())
            .then(get().with("x-a", "1").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "").origin(varies("x-a")).fetched())
            .then(get().stored(0)),
        case("vary by lines of one field", &["9111-4.1-1"])
            .then(get().with("x-a", "1").with("x-a", "2").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "2").with("x-a", "1").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "1").with("x-a", "2").stored(0)),
        case("vary by a cookie", &["9111-4.1-1"])
            .then(get().with("cookie", "a=1").origin(varies("cookie")).fetched())
            .then(get().with("cookie", "a=2").origin(varies("cookie")).fetched()),
        case("another vary of a later answer", &["9111-4.1-1"])
            .then(get().with("x-a", "1").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "2").with("x-b", "1").origin(varies("x-a, x-b")).fetched())
            .then(get().with("x-a", "2").with("x-b", "2").origin(varies("x-a, x-b")).fetched()),
        case("vary counts for head", &["9111-4.1-1"])
            .then(get().with("x-a", "1").origin(varies("x-a")).fetched())
            .then(head().with("x-a", "2").origin(varies("x-a")).fetched()),
        case("vary counts on a condition", &["9111-4.1-1"])
            .then(get().with("x-a", "1").origin(varies("x-a").field("etag", "\"1\"")).fetched())
            .then(
                get()
                    .with("x-a", "2")
                    .with("if-none-match", "\"1\"")
                    .origin(varies("x-a").field("etag", "\"2\""))
                    .fetched(),
            ),
        case("too many variants", &["9111-4.1-1"])
            .under("crowded")
            .then(get().with("x-a", "1").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "2").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "3").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "4").origin(varies("x-a")).fetched())
            .then(get().with("x-a", "4").stored(3))
            .then(get().with("x-a", "2").origin(varies("x-a")).fetched()),
    ];
    for by in ["*", "x-a, *", "*, *"] {
        cases.push(
            case(format!("vary {by}"), &["9111-4.1-3"])
                .then(get().origin(varies(by)).fetched())
                .then(get().origin(varies(by)).fetched()),
        );
    }
    let other = ok("max-age=3600").field("vary", "x-a").field("vary", "*");
    cases.push(
        case("vary star in a second line", &["9111-4.1-3"])
            .then(get().origin(other.clone()).fetched())
            .then(get().origin(other).fetched()),
    );
    cases
}

fn brought_down() -> Vec<Case> {
    vec![
        case("codings in other words", &["9111-4.1-4"])
            .then(
                get()
                    .with("accept-encoding", "gzip, deflate, br")
                    .origin(varies("accept-encoding"))
                    .fetched()
                    .origin_saw("accept-encoding", "br, gzip"),
            )
            .then(get().with("accept-encoding", "br;q=1.0, gzip;q=0.8").stored(0))
            .then(get().with("accept-encoding", "gzip").origin(varies("accept-encoding")).fetched())
            .then(
                get()
                    .with("accept-encoding", "gzip;q=0")
                    .origin(varies("accept-encoding"))
                    .fetched()
                    .origin_saw("accept-encoding", "identity"),
            ),
        case("languages in other words", &["9111-4.1-4"])
            .under("languages")
            .then(
                get()
                    .with("accept-language", "de-AT, en;q=0.5")
                    .origin(varies("accept-language"))
                    .fetched()
                    .origin_saw("accept-language", "de"),
            )
            .then(get().with("accept-language", "de").stored(0))
            .then(
                get()
                    .with("accept-language", "fr")
                    .origin(varies("accept-language"))
                    .fetched()
                    .origin_saw("accept-language", "en"),
            )
            .then(get().stored(2)),
        case("languages as they are", &["9111-4.1-1"])
            .then(
                get()
                    .with("accept-language", "de-AT")
                    .origin(varies("accept-language"))
                    .fetched()
                    .origin_saw("accept-language", "de-AT"),
            )
            .then(get().with("accept-language", "de").origin(varies("accept-language")).fetched()),
    ]
}
