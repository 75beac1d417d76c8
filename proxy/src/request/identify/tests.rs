//! What is read from a request, and what is refused as ambiguous.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

/// Nobody speaks for others.
const NOBODY: Trust<'_> = Trust { proxies: &[], fields: ForwardingFields::XForwarded };

#[test]
fn nobody_claims_a_certificate() {
    let proven = http::HeaderValue::from_static(":cHJvdmVu:");
    for proven in [None, Some(&proven)] {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for name in ["client-cert", "Client-Cert", "client-cert-chain", "x-client-cert-subject", "x-client-certificate"]
        {
            request.append_header(name, ":Y2xhaW1lZA==:").unwrap();
        }
        request.append_header("client-version", "7").unwrap();
        tell_client_certificate(&mut request, proven).unwrap();
        let told: Vec<_> = request.headers.get_all("client-cert").iter().collect();
        assert_eq!(told, Vec::from_iter(proven));
        assert_eq!(request.headers.len(), 1 + told.len(), "{:?}", request.headers);
    }
}

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
}

fn facts(target: &str, fields: &[(&'static str, &'static str)]) -> Result<Facts, Refusal> {
    let headers = headers(fields);
    let peer = "10.0.0.9".parse().unwrap();
    let raw = Raw { peer, tls: true, target: target.as_bytes(), authority: None, headers: &headers };
    identify(&raw, Trust { proxies: &["10.0.0.0/8".parse().unwrap()], fields: ForwardingFields::XForwarded })
}

#[test]
fn host_is_lower_case_and_keeps_its_port_in_the_authority() {
    let facts = facts("/", &[("host", "Shop.Example:8443")]).unwrap();
    assert_eq!((facts.host.as_str(), facts.authority.as_str()), ("shop.example", "shop.example:8443"));
}

#[test]
fn hosts_that_are_not_hosts_are_refused() {
    for host in ["", "a/b", "a,b", "a b", "a:port", "a:+80", "a:99999", "[::1", "[::1]x", "[nonsense]", "a@b"] {
        let field = HeaderValue::from_str(host).unwrap();
        let headers = HeaderMap::from_iter([(http::header::HOST, field)]);
        let peer = "10.0.0.9".parse().unwrap();
        let raw = Raw { peer, tls: false, target: b"/", authority: None, headers: &headers };
        assert!(matches!(identify(&raw, NOBODY), Err(Refusal::BadRequest(_))), "{host:?}");
    }
    assert!(facts("/", &[]).is_err(), "no host at all");
    assert!(facts("/", &[("host", "a"), ("host", "b")]).is_err(), "two hosts");
    assert_eq!(facts("/", &[("host", "[::1]:80")]).unwrap().host, "[::1]");
}

#[test]
fn the_target_and_the_host_field_must_agree() {
    let headers = headers(&[("host", "b.example")]);
    let peer = "10.0.0.9".parse().unwrap();
    let raw = Raw { peer, tls: true, target: b"/", authority: Some("a.example"), headers: &headers };
    assert_eq!(identify(&raw, NOBODY), Err(Refusal::BadRequest("the host differs from the request target")));
}

#[test]
fn targets_that_are_not_paths_are_refused() {
    for target in ["*", "a", "", "?x=1", "/a b", "/é", "host:443", "/a?b#c"] {
        assert!(facts(target, &[("host", "a")]).is_err(), "{target:?}");
    }
    let no_path = facts("http://a?x=/cart", &[("host", "a")]).unwrap();
    assert_eq!((no_path.path.as_str(), no_path.query.as_deref()), ("/", Some("x=/cart")));
    let absolute = facts("https://a/x?y=1", &[("host", "a")]).unwrap();
    assert_eq!((absolute.path.as_str(), absolute.query.as_deref()), ("/x", Some("y=1")));
}

#[test]
fn only_a_trusted_proxy_names_a_request_and_only_plainly() {
    let id = |id: &'static str, peer: &str| {
        let headers = headers(&[("x-request-id", id)]);
        request_id(&headers, peer.parse().unwrap(), &["10.0.0.0/8".parse().unwrap()]).map(str::to_owned)
    };
    assert_eq!(id("a-1.B_2", "10.0.0.9").as_deref(), Some("a-1.B_2"));
    assert_eq!(id("a-1", "203.0.113.5"), None);
    assert_eq!(id("<script>", "10.0.0.9"), None);
    assert_eq!(id("", "10.0.0.9"), None);
}

#[test]
fn cookies_on_several_lines_become_one() {
    for (lines, joined) in
        [(&[][..], &[][..]), (&["a=1"], &["a=1"]), (&["a=1", "b=\u{e9}", "c=3; d=4"], &["a=1; b=\u{e9}; c=3; d=4"])]
    {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for line in lines {
            request.append_header("cookie", line.as_bytes()).unwrap();
        }
        join_cookies(&mut request).unwrap();
        let left: Vec<_> = request.headers.get_all("cookie").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(left, joined.iter().map(|line| line.as_bytes()).collect::<Vec<_>>());
    }
}
