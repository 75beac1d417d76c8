//! Who is believed to speak for whom.

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

const PEER: &str = "10.0.0.9";

fn headers(name: &str, lines: &[&str]) -> HeaderMap {
    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
    lines.iter().map(|line| (name.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect()
}

fn believed(peer: &str, headers: &HeaderMap, fields: ForwardingFields) -> (String, bool) {
    let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    let found = client(peer.parse().unwrap(), false, headers, Trust { proxies: &proxies, fields });
    (found.address.to_string(), found.secure)
}

fn x_forwarded(lines: &[&str]) -> String {
    believed(PEER, &headers("x-forwarded-for", lines), ForwardingFields::XForwarded).0
}

fn forwarded(lines: &[&str]) -> (String, bool) {
    believed(PEER, &headers("forwarded", lines), ForwardingFields::Forwarded)
}

#[test]
fn the_client_is_the_first_from_the_right_that_is_no_proxy() {
    for (lines, client) in [
        (&[][..], PEER),
        (&["198.51.100.7"], "198.51.100.7"),
        (&["1.1.1.1, 198.51.100.7, 10.1.1.1"], "198.51.100.7"),
        (&["1.1.1.1", "198.51.100.7", "10.1.1.1 , 10.2.2.2"], "198.51.100.7"),
        (&["198.51.100.7:4711"], "198.51.100.7"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["[2001:DB8::1]:4711, fd00::1"], "2001:db8::1"),
        (&["[2001:db8::1]"], "2001:db8::1"),
        (&["::ffff:198.51.100.7"], "198.51.100.7"),
        (&["198.51.100.7,, ,", ""], "198.51.100.7"),
        (&["10.1.1.1"], "10.1.1.1"),
    ] {
        assert_eq!(x_forwarded(lines), client, "{lines:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_walk() {
    for hop in [
        "garbage",
        "unknown",
        "_hidden",
        "198.51.100",
        "198.51.100.7:",
        "198.51.100.7:123456",
        "198.51.100.7:x",
        "010.1.1.1",
        "[2001:db8::1",
        "[2001:db8::1]4711",
        "2001:db8::1%eth0",
        "\"198.51.100.7\"",
        "é",
    ] {
        assert_eq!(x_forwarded(&[&format!("203.0.113.1, {hop}")]), PEER, "{hop}");
        assert_eq!(x_forwarded(&[&format!("203.0.113.1, {hop}, 10.1.1.1")]), "10.1.1.1", "{hop}");
    }
    let far = ["10.0.0.1,".repeat(32), "198.51.100.7".to_owned()];
    assert_eq!(x_forwarded(&[&far[1], &far[0]]), "10.0.0.1", "it is not followed for ever");
}

#[test]
fn elements_are_read_however_they_are_spelt() {
    for (lines, client) in [
        (&["for=198.51.100.7"][..], "198.51.100.7"),
        (&["For=\"198.51.100.7:4711\";Proto=https;by=10.0.0.1"], "198.51.100.7"),
        (&["for=\"[2001:db8::1]:4711\""], "2001:db8::1"),
        (&["for=[2001:db8::1]:_port"], "2001:db8::1"),
        (&["for=\"\\198.51.100.\\7\""], "198.51.100.7"),
        (&["for=1.1.1.1, for=198.51.100.7; host=\"a,b;c=\\\"d\";x=y , for=10.1.1.1"], "198.51.100.7"),
        (&["for=1.1.1.1", "host=a;;for=198.51.100.7;"], "198.51.100.7"),
        (&["for=198.51.100.7, , "], "198.51.100.7"),
        // What is left open on the left swallows nothing.
        (&["for=\"1.1.1.1, for=198.51.100.7"], "198.51.100.7"),
        (&["for=1.1.1.1;x=\", for=\"[2001:db8::7]\""], "2001:db8::7"),
    ] {
        assert_eq!(forwarded(lines).0, client, "{lines:?}");
    }
}

#[test]
fn elements_that_hide_an_address_or_are_broken_end_the_walk() {
    for element in [
        "for=unknown",
        "for=_hidden",
        "for=\"_hidden:_port\"",
        "by=203.0.113.2",
        "for=\"203.0.113.2",
        "for=",
        "for =203.0.113.2",
        "for= 203.0.113.2",
        "=203.0.113.2",
        "203.0.113.2",
        "for=203.0.113.2;for=203.0.113.3",
        "for=203.0.113.2 x",
        "for=\"203.0.113.2\"x",
        "for=203.0.113.2;é",
        "for=203.0.113.2;proto=a;proto=b",
    ] {
        assert_eq!(forwarded(&[&format!("for=203.0.113.1, {element}")]).0, PEER, "{element}");
        assert_eq!(forwarded(&[&format!("for=203.0.113.1, {element}, for=10.1.1.1")]).0, "10.1.1.1", "{element}");
    }
}

#[test]
fn the_scheme_is_what_the_last_proxy_that_is_believed_says() {
    for (line, secure) in [
        ("for=198.51.100.7;proto=https", true),
        ("for=198.51.100.7;proto=HTTPS, for=10.1.1.1;proto=http", true),
        ("for=1.1.1.1;proto=https, for=198.51.100.7;proto=http", false),
        ("for=1.1.1.1;proto=https, for=198.51.100.7", false),
        ("for=_hidden;proto=https", true),
        ("for=198.51.100.7;proto=https, for=10.1.1.1;proto=wss", true),
        ("for=198.51.100.7;proto=https;broken", false),
    ] {
        assert_eq!(forwarded(&[line]).1, secure, "{line}");
    }
    for (lines, secure) in [
        (&["https"][..], true),
        (&["HTTPS"], true),
        (&["http"], false),
        (&["http, https"], true),
        (&["https", "http"], false),
        (&["wss"], false),
        (&[""], false),
    ] {
        let headers = headers("x-forwarded-proto", lines);
        assert_eq!(believed(PEER, &headers, ForwardingFields::XForwarded).1, secure, "{lines:?}");
    }
}

#[test]
fn nobody_else_is_believed_and_no_other_field() {
    let both = |peer: &str, fields| {
        let mut all = headers("x-forwarded-for", &["1.1.1.1"]);
        all.extend(headers("x-forwarded-proto", &["https"]));
        all.extend(headers("forwarded", &["for=2.2.2.2;proto=https"]));
        believed(peer, &all, fields)
    };
    use ForwardingFields::{Forwarded, XForwarded};
    for fields in [XForwarded, Forwarded] {
        assert_eq!(both("203.0.113.5", fields), ("203.0.113.5".to_owned(), false));
    }
    assert_eq!(both(PEER, XForwarded).0, "1.1.1.1");
    assert_eq!(both("::ffff:10.0.0.9", Forwarded).0, "2.2.2.2");
    let other = headers("forwarded", &["for=2.2.2.2;proto=https"]);
    assert_eq!(believed(PEER, &other, XForwarded), (PEER.to_owned(), false));
}

#[test]
fn what_is_sent_on_ends_at_what_cannot_be_read() {
    let kept = |lines: &[&str]| readable_elements(&headers("forwarded", lines)).join(&b", "[..]);
    assert_eq!(kept(&["for=a", "for=b;host=\"x,y\" ,for=c"]), b"for=a, for=b;host=\"x,y\", for=c");
    assert_eq!(kept(&["for=a, for=\"b, for=c", "for=d"]), b"for=c, for=d");
    assert_eq!(kept(&["\""]), b"");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever a client wrote before, the address that a trusted proxy adds is the one that counts.
    #[test]
    fn a_client_cannot_pass_for_another(sent in "[ -~]{0,40}", lines: bool) {
        for added in ["for=198.51.100.7", "for=\"198.51.100.7:80\";host=\"a\\\"\\\\,b\""] {
            let (one, two) = (format!("{sent}, {added}"), [sent.as_str(), added]);
            let line = [one.as_str()];
            prop_assert_eq!(&forwarded(if lines { &two } else { &line }).0, "198.51.100.7", "{}", one);
        }
        prop_assert_eq!(x_forwarded(&[&format!("{sent}, 198.51.100.7")]), "198.51.100.7");
    }

    #[test]
    fn elements_come_back_as_they_were(names in prop::collection::vec("[ -~]{0,8}", 1..5)) {
        let escape = |name: &String| format!("x=\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        let elements: Vec<String> = names.iter().map(escape).collect();
        let line = elements.join(", ");
        let mut back: Vec<_> = element::from_right(line.as_bytes()).collect();
        back.reverse();
        prop_assert_eq!(back, elements.iter().map(String::as_bytes).collect::<Vec<_>>());
    }
}
