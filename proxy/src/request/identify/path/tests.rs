//! Paths have one spelling, and hide nothing.

use proptest::prelude::*;

use super::*;

#[test]
fn paths_have_one_spelling() {
    for (sent, meant) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/%61%2d%7E", "/a-~"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%5cb", "/a%5Cb"),
        ("/a;v=1/b;w", "/a;v=1/b;w"),
        ("/a%3bv", "/a%3Bv"),
        ("/%2561%252e%252e", "/%2561%252e%252e"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2E/b", "/b"),
        ("/../../etc", "/etc"),
        ("/a/..", "/"),
        ("/a/b/.", "/a/b/"),
        ("/a//b", "/a/b"),
        ("//a", "/a"),
        ("//", "/"),
        ("/a//", "/a/"),
        ("/a/.//../b//", "/b/"),
        ("/a|b[c]\"<>^`{d}", "/a%7Cb%5Bc%5D%22%3C%3E%5E%60%7Bd%7D"),
        ("/a%7cb", "/a%7Cb"),
        ("/.well-known/x", "/.well-known/x"),
        ("/...", "/..."),
        ("/..a/.%2Ea", "/..a/..a"),
        ("/%c3%a9%E9%c0", "/%C3%A9%E9%C0"),
    ] {
        assert_eq!(normalise(sent).unwrap(), meant, "{sent}");
        assert_eq!(normalise(meant).unwrap(), meant, "{meant} is stable");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (why, paths) in [
        ("a percent-encoding is broken", &["/%", "/%4", "/%zz", "/%é", "/%+1", "/%u002e"][..]),
        ("the path holds an encoded control character", &["/%00", "/%7f", "/a%0d%0aHost:%20b", "/a/%00/.."]),
        ("the path holds a character that must be encoded", &["/a\\b", "/a#b", "/..\\b"]),
        ("the path holds an overlong encoding", &["/%c0%af", "/%C0%AE%c0%ae/", "/%e0%80%af", "/%f0%80%80%af"]),
        (
            "the path hides a dot segment",
            &["/a/..%2fb", "/..%5cb", "/%2e%2e%2fb", "/a%2f..", "/a%2F.%2Fb", "/a/..;/b", "/.;x", "/a/..%3bx/b"],
        ),
    ] {
        for path in paths {
            assert_eq!(normalise(path), Err(Refusal::BadRequest(why)), "{path}");
        }
    }
}

/// Pieces of which every path worth trying is made.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-c]",
        Just("/".to_owned()),
        Just(".".to_owned()),
        Just(";".to_owned()),
        "%2[EeFf5]",
        "%[57][Cc]",
        "%3[Bb]",
        "%[c-fC-F89][0-9a-f]",
        "[ -~]",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// The names that a lax origin finds in a path: it decodes, takes backslashes for slashes, and cuts off parameters.
fn read_laxly(path: &str) -> Vec<String> {
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    let parts = decoded[1..].split(|byte| matches!(byte, b'/' | b'\\'));
    let name =
        |part: &[u8]| String::from_utf8_lossy(part.split(|byte| *byte == b';').next().unwrap_or(&[])).into_owned();
    parts.map(name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_spelling_is_its_own(path in path()) {
        if let Ok(once) = normalise(&path) {
            prop_assert_eq!(normalise(&once), Ok(Cow::Borrowed(&*once)));
        }
    }

    #[test]
    fn nobody_reads_dots_in_it(path in path()) {
        if let Ok(path) = normalise(&path) {
            prop_assert!(path.starts_with('/') && !path.contains("//"), "{path}");
            let names = read_laxly(&path);
            prop_assert!(!names.iter().any(|name| name == "." || name == ".."), "{path} is read as {names:?}");
        }
    }

    /// As many segments as whoever decodes each of them finds, and none is empty but the last.
    #[test]
    fn its_segments_are_those_that_were_sent(segments in prop::collection::vec("[a-c%;. -]{1,6}", 1..6)) {
        let encoded = |segment: &String| percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC).to_string();
        let sent = format!("/{}", segments.iter().map(encoded).collect::<Vec<_>>().join("/"));
        if let Ok(path) = normalise(&sent) && !segments.iter().any(|segment| segment == "." || segment == "..") {
            let read: Vec<_> = path[1..].split('/').map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()).collect();
            prop_assert_eq!(read, segments);
        }
    }

    /// However its characters are written: what is in the tree of routes is found, and what is stored is found again.
    #[test]
    fn another_spelling_is_the_same_path(path in "(/[a-z~._-]{1,3}){1,4}", coded in any::<u64>(), lower: bool) {
        let other: String = path.chars().enumerate().map(|(at, c)| match (c, coded >> at & 1, lower) {
            ('/', 1, _) => "/./".to_owned(),
            ('/', ..) | (_, 0, _) => c.to_string(),
            (_, _, true) => format!("%{:02x}", u32::from(c)),
            (_, _, false) => format!("%{:02X}", u32::from(c)),
        }).collect();
        prop_assert_eq!(normalise(&other), normalise(&path), "{}", other);
    }
}
