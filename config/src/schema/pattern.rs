//! Host and path patterns as they are written.

use super::describe::{Form, Shape};
use super::read::{Read, text};
use crate::{
    model::{HostPattern, PathPattern, Segment},
    problem::{At, Code, Report},
    tree::Node,
};

const PATH_LENGTH_MAX: usize = 2048;
const PARAMETER_HINT: &str = "a parameter is a whole segment, such as `/product/{id}`, its name of a-z, 0-9 and _";

/// Why a pattern is refused.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    reason: String,
    hint: Option<String>,
}

fn fault<T>(reason: impl Into<String>, hint: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { reason: reason.into(), hint: Some(hint.into()) })
}

const HOST: Form = Form { what: "a host name", example: "shop.example.com", pattern: "^[^:/]+$|^\\[" };
const PATH: Form = Form { what: "a path", example: "/product/{id}", pattern: "^/" };

impl Read for HostPattern {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let text = text(node, at, report, &HOST.expected())?;
        accept(host(text), Code::WrongHost, "host", text, at, report)
    }

    fn shape() -> Shape {
        Shape::Text(HOST)
    }
}

impl Read for PathPattern {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let text = text(node, at, report, &PATH.expected())?;
        accept(path(text), Code::WrongPath, "path", text, at, report)
    }

    fn shape() -> Shape {
        Shape::Text(PATH)
    }
}

fn accept<T>(parsed: Result<T, Fault>, code: Code, what: &str, text: &str, at: &At, report: &mut Report) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(Fault { reason, hint: Some(hint) }) => {
            report.refuse_with_hint(code, at, format!("{what} `{text}` {reason}"), hint);
            None
        }
        Err(Fault { reason, hint: None }) => {
            report.refuse(code, at, format!("{what} `{text}` {reason}"));
            None
        }
    }
}

/// `shop.example.com`, `*.example.com`, `127.0.0.1`, `[::1]`.
fn host(text: &str) -> Result<HostPattern, Fault> {
    let host = text.to_ascii_lowercase();
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match inner.parse::<std::net::Ipv6Addr>() {
            Ok(address) => Ok(HostPattern::Exact(format!("[{address}]"))),
            Err(error) => Err(Fault { reason: format!("is no IPv6 address: {error}"), hint: None }),
        };
    }
    if host == "*" {
        return fault("is no host name", "leave `host` out to match every host");
    }
    if host.contains([':', '/']) {
        let name = host.split_once("://").map_or(host.as_str(), |(_, rest)| rest);
        let name = name.split([':', '/']).next().unwrap_or_default();
        return fault("is more than a host name", format!("write the name alone: `{name}`"));
    }
    if !host.is_ascii() {
        return fault("is not ASCII", "write the form that browsers send, such as `xn--bcher-kva.example`");
    }
    let (name, wildcard) = host.strip_prefix("*.").map_or((host.as_str(), false), |base| (base, true));
    if name.contains('*') {
        return fault("has `*` within a name", "`*.` stands at the front, for any one label");
    }
    if name.len() > 253 || !name.split('.').all(is_label) {
        return fault("is no host name", "labels of 1 to 63 letters, digits, - or _, with dots between them");
    }
    Ok(if wildcard { HostPattern::Wildcard(name.into()) } else { HostPattern::Exact(name.into()) })
}

/// Whether this is one host, perhaps with a port.
pub(crate) fn is_authority(text: &str) -> bool {
    let name = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => {
            if !port.bytes().all(|b| b.is_ascii_digit()) || !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return false;
            }
            name
        }
        _ => text,
    };
    matches!(host(name), Ok(HostPattern::Exact(_)))
}

/// Whether a name server could know it: its last label is no number, or it was meant for an address.
pub(crate) fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253 && name.split('.').all(is_label) && !last.bytes().all(|b| b.is_ascii_digit())
}

fn is_label(label: &str) -> bool {
    let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

/// `/cart`, `/product/{id}`, `/assets/**`.
fn path(text: &str) -> Result<PathPattern, Fault> {
    let Some(rest) = text.strip_prefix('/') else {
        return fault("does not start with `/`", format!("did you mean `/{}`?", text.trim_start()));
    };
    if text.len() > PATH_LENGTH_MAX {
        return Err(Fault { reason: format!("is longer than {PATH_LENGTH_MAX} bytes"), hint: None });
    }
    let parts: Vec<&str> = rest.split('/').collect();
    let mut segments = Vec::with_capacity(parts.len());
    for (n, part) in parts.iter().enumerate() {
        let last = n + 1 == parts.len();
        let segment = match *part {
            "**" if last => Segment::Rest,
            "**" => return fault("has `**` before its end", "`**` takes everything that is left"),
            "" if !last => return fault("has an empty segment", "several slashes are one to routing"),
            part if part.contains(['{', '}']) => parameter(part, &segments)?,
            part => literal(part)?,
        };
        segments.push(segment);
    }
    Ok(PathPattern { raw: text.to_owned(), segments })
}

fn parameter(part: &str, before: &[Segment]) -> Result<Segment, Fault> {
    let Some(name) = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return fault(format!("has `{part}`, a brace within a segment"), PARAMETER_HINT);
    };
    let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !well_formed {
        return fault(format!("has a parameter without a proper name, `{part}`"), PARAMETER_HINT);
    }
    if matches!(name, "host" | "rest") {
        return fault(
            format!("has a parameter `{part}`"),
            "in templates, this means the host, or what `**` took; rename it",
        );
    }
    let parameter = Segment::Parameter(name.into());
    if before.contains(&parameter) {
        return fault(format!("has two parameters `{part}`"), "give each its own name");
    }
    Ok(parameter)
}

/// A segment as it stands in a normalised path: dots resolved, unreserved characters plain, everything else that is no
/// `pchar` (RFC 3986 section 3.3) percent-encoded in upper case.
fn literal(part: &str) -> Result<Segment, Fault> {
    if matches!(part, "." | "..") {
        return fault(format!("has a segment `{part}`"), "requests reach routing with dots resolved");
    }
    if part.contains('*') {
        return fault("has `*` within a segment", "`{name}` takes one segment, `/**` at the end all that is left");
    }
    if part.contains(['?', '#']) {
        return fault("has a query or fragment", "a path ends before `?` and `#`");
    }
    let normal = normalised(part);
    if normal != part {
        return fault(format!("has `{part}`, which no request brings in this spelling"), format!("write `{normal}`"));
    }
    Ok(Segment::Literal(part.into()))
}

/// The one spelling of a segment.
fn normalised(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(from_hex);
        let byte = escaped.unwrap_or(*byte);
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || (escaped.is_none() && b"!$&'()+,;=:@".contains(&byte)) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

fn from_hex(digits: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segments(text: &str) -> Vec<Segment> {
        path(text).unwrap().segments
    }

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.into())
    }

    #[test]
    fn paths_are_cut_at_each_slash() {
        assert_eq!(segments("/"), [literal("")]);
        assert_eq!(segments("/cart"), [literal("cart")]);
        assert_eq!(segments("/cart/"), [literal("cart"), literal("")]);
        assert_eq!(segments("/product/{id}"), [literal("product"), Segment::Parameter("id".into())]);
        assert_eq!(segments("/assets/**"), [literal("assets"), Segment::Rest]);
        assert_eq!(segments("/**"), [Segment::Rest]);
        assert_eq!(segments("/a%2Fb/x:y@z"), [literal("a%2Fb"), literal("x:y@z")]);
    }

    #[test]
    fn paths_that_no_request_could_match_are_refused() {
        for text in [
            "", "cart", "/a//b", "/**/a", "/a/*", "/a/b*", "/{a}x", "/x{a}", "/{}", "/{A}", "/{1}", "/{host}",
            "/{rest}", "/{a}/{a}", "/{a", "/a}", "/.", "/a/../b", "/a?b", "/a#b", "/a b", "/%41", "/%2f", "/%", "/%zz",
            "/größe", "/a|b", "/a\\b", "/a\u{0}",
        ] {
            assert!(path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_hint_has_the_spelling_that_requests_bring() {
        let hint = |text| path(text).unwrap_err().hint.unwrap();
        assert_eq!(hint("/größe"), "write `gr%C3%B6%C3%9Fe`");
        assert_eq!(hint("/%41%2f"), "write `A%2F`");
        assert_eq!(hint("/50%"), "write `50%25`");
        assert_eq!(hint("cart"), "did you mean `/cart`?");
    }

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for text in ["a", "shop.internal:8080", "127.0.0.1:1", "[::1]", "[::1]:80"] {
            assert!(is_authority(text), "{text}");
        }
        for text in ["", "a:", "a:0", "a:x", "a:65536", "*.a", "a/b", "http://a", ":80", "::1", "a:1:2", "a:+1"] {
            assert!(!is_authority(text), "{text}");
        }
    }

    #[test]
    fn hosts_are_names_addresses_or_one_wildcard() {
        let exact = |name: &str| Ok(HostPattern::Exact(name.into()));
        assert_eq!(host("Shop.Example.com"), exact("shop.example.com"));
        assert_eq!(host("localhost"), exact("localhost"));
        assert_eq!(host("127.0.0.1"), exact("127.0.0.1"));
        assert_eq!(host("[::0001]"), exact("[::1]"));
        assert_eq!(host("*.example.com"), Ok(HostPattern::Wildcard("example.com".into())));
        for text in [
            "",
            "*",
            "*.",
            "a..b",
            "a.",
            ".a",
            "-a",
            "a-",
            "a.*.b",
            "*a.b",
            "a:80",
            "http://a",
            "a/b",
            "a b",
            "bücher.de",
            "[x]",
        ] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, nearly in "[/*{}.%a-f0-9ö:\\[\\]]{0,30}") {
            for text in [text, nearly] {
                host(&text).ok();
                path(&text).ok();
            }
        }

        #[test]
        fn a_normal_spelling_stays_as_it_is(text: String) {
            let normal = normalised(&text);
            prop_assert_eq!(normalised(&normal), normal);
        }
    }
}
