//! The request header as the origin gets it.

use std::{net::IpAddr, time::Duration};

use config::model::ForwardingFields;
use http::{HeaderMap, HeaderValue, Version, header};
use pingora::http::RequestHeader;

use super::{
    deadline,
    identify::{Facts, Trust, canonical, forwarding, is_trusted, trace::Trace},
};

/// What the origin is told about the request beyond what the client sent.
pub(crate) struct Forwarded<'a> {
    /// Who asks for what.
    pub(crate) facts: &'a Facts,
    /// The path that the origin is asked for, where it is not the client's.
    pub(crate) path: Option<&'a str>,
    /// The host that the origin is asked for, where it is not the client's.
    pub(crate) host: Option<&'a str>,
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// Whether the connection is TLS.
    pub(crate) tls: bool,
    /// Whose own forwarding fields are kept.
    pub(crate) trust: Trust<'a>,
    /// Id of the request.
    pub(crate) request_id: &'a str,
    /// The trace that it belongs to.
    pub(crate) trace: &'a Trace,
    /// What this edge adds to `Via`.
    pub(crate) via: &'a HeaderValue,
    /// For how long anybody waits for its answer, where that is known.
    pub(crate) left: Option<Duration>,
}

/// Rewrites the header in place: the path in its one spelling, forwarding fields that the origin may rely on, and
/// nothing that a client could use to speak in the edge's name.
pub(crate) fn forward(request: &mut RequestHeader, forwarded: &Forwarded<'_>) -> pingora::Result<()> {
    let facts = forwarded.facts;
    let path = forwarded.path.unwrap_or(&facts.path);
    let target = match &facts.query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if request.raw_path() != target.as_bytes() {
        request.set_raw_path(target.as_bytes())?;
    }
    let stranger = !is_trusted(forwarded.peer, forwarded.trust.proxies);
    for name in reserved(&request.headers, stranger) {
        request.remove_header(&name);
    }
    tell_whom_for(request, forwarded, stranger)?;
    request.insert_header("x-forwarded-proto", if facts.secure { "https" } else { "http" })?;
    request.insert_header("x-forwarded-host", &facts.authority)?;
    request.insert_header("x-request-id", forwarded.request_id)?;
    request.insert_header("traceparent", forwarded.trace.to_string())?;
    match forwarded.trace.state() {
        Some(state) => request.insert_header("tracestate", state)?,
        None => drop(request.remove_header("tracestate")),
    }
    if let Some(left) = forwarded.left {
        request.insert_header(deadline::FIELD, left.as_millis().to_string())?;
    }
    request.insert_header("host", forwarded.host.unwrap_or(&facts.authority))?;
    request.append_header(header::VIA, forwarded.via)?;
    Ok(())
}

/// Says to an origin on HTTP/2 that trailers are welcome, if the client said so. Pingora takes `TE` from what comes over
/// another version, and gRPC servers insist on it.
pub(crate) fn keep_trailers(request: &mut RequestHeader, client: &RequestHeader) -> pingora::Result<()> {
    let tokens = client.headers.get_all(header::TE).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let welcome = tokens.map(<[u8]>::trim_ascii).any(|token| token.eq_ignore_ascii_case(b"trailers"));
    if welcome && request.version == Version::HTTP_2 {
        request.insert_header(header::TE, "trailers")?;
    }
    Ok(())
}

/// `X-Forwarded-For`, and `Forwarded` where that is what proxies speak: what a trusted peer said, and the peer. Where its
/// chain is in `Forwarded`, the other one is made of the client found in it and the peer.
fn tell_whom_for(request: &mut RequestHeader, forwarded: &Forwarded<'_>, stranger: bool) -> pingora::Result<()> {
    let Forwarded { facts, trust, .. } = forwarded;
    let peer = canonical(forwarded.peer);
    let before = match trust.fields {
        ForwardingFields::XForwarded => chain(&request.headers),
        ForwardingFields::Forwarded => (facts.client != peer).then(|| facts.client.to_string().into_bytes()),
    };
    let hops: Vec<_> = before.into_iter().chain([peer.to_string().into_bytes()]).collect();
    request.insert_header("x-forwarded-for", hops.join(&b", "[..]))?;
    if trust.fields == ForwardingFields::XForwarded {
        request.remove_header(&header::FORWARDED);
        return Ok(());
    }
    let kept = if stranger { Vec::new() } else { forwarding::readable_elements(&request.headers) };
    let own = element(peer, forwarded.tls, &facts.authority);
    let elements = [kept, vec![own.as_bytes()]].concat().join(&b", "[..]);
    request.insert_header(header::FORWARDED, elements)
}

/// Our own element of `Forwarded` (RFC 7239 s4): an IPv6 address in brackets, and so in quotes.
fn element(peer: IpAddr, tls: bool, authority: &str) -> String {
    let node = match peer {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    format!("for={node};host=\"{authority}\";proto={}", if tls { "https" } else { "http" })
}

/// All hops of the field as one line; `None` if there are none.
fn chain(headers: &HeaderMap) -> Option<Vec<u8>> {
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes).collect();
    (!lines.is_empty()).then(|| lines.join(&b", "[..]))
}

/// Fields that only the edge itself may set: its own, and those by which it speaks to the origin. And of a stranger those
/// that many an origin takes for a proxy's word on who asks for what, which would be ours.
fn reserved(headers: &HeaderMap, stranger: bool) -> Vec<String> {
    let own = |name: &str| name.starts_with("x-floodgate-") || name == deadline::FIELD;
    let believed = |name: &str| {
        name.starts_with("x-forwarded-") || matches!(name, "x-real-ip" | "x-original-url" | "x-rewrite-url")
    };
    let is_reserved = |name: &str| own(name) || (stranger && believed(name));
    // CGI and its heirs take `_` for `-`: by the other spelling, anybody could say what only the edge says.
    let forges = |name: &str| {
        let meant = name.replace('_', "-");
        let set_by_edge = matches!(&*meant, "forwarded" | "x-request-id" | "client-cert" | "client-cert-chain");
        own(&meant) || believed(&meant) || set_by_edge || meant.starts_with("x-client-cert")
    };
    let names = headers.keys().map(|name| name.as_str());
    names.filter(|name| is_reserved(name) || (name.contains('_') && forges(name))).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU64, NonZeroU128};

    use config::model::IpNet;

    use super::*;

    fn facts() -> Facts {
        Facts {
            client: "198.51.100.7".parse().unwrap(),
            secure: true,
            host: "shop".to_owned(),
            authority: "shop:8443".to_owned(),
            path: "/a".to_owned(),
            query: Some("q=1".to_owned()),
        }
    }

    fn sent(trusted: &[IpNet]) -> RequestHeader {
        rewritten(trusted, None, None)
    }

    fn rewritten(trusted: &[IpNet], path: Option<&str>, host: Option<&str>) -> RequestHeader {
        forwarded(Trust { proxies: trusted, fields: ForwardingFields::XForwarded }, "10.0.0.9", path, host)
    }

    fn forwarded(trust: Trust<'_>, peer: &str, path: Option<&str>, host: Option<&str>) -> RequestHeader {
        let mut request = RequestHeader::build("GET", b"/b/../a?q=1", None).unwrap();
        for (name, value) in [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("x-forwarded-prefix", "/x"),
            ("x-real-ip", "1.1.1.1"),
            ("x_forwarded_for", "6.6.6.6"),
            ("client_cert", ":forged:"),
            ("x_of_its_own", "kept"),
            ("x-floodgate-class", "core"),
            ("forwarded", "for=\"1.1.1.1"),
            ("forwarded", "for=2.2.2.2;proto=https"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("traceparent", "junk"),
            ("tracestate", "junk"),
            ("x-request-deadline-ms", "0"),
        ] {
            request.append_header(name, value).unwrap();
        }
        let trace = Trace::begin(NonZeroU128::MIN, NonZeroU64::MIN, true);
        let facts = facts();
        let (peer, tls) = (peer.parse().unwrap(), false);
        let (request_id, via) = ("id", HeaderValue::from_static("1.1 floodgate-0"));
        let told =
            Forwarded { facts: &facts, path, host, peer, tls, trust, request_id, trace: &trace, via: &via, left: None };
        forward(&mut request, &told).unwrap();
        request
    }

    #[test]
    fn a_client_cannot_speak_in_the_edges_name() {
        let request = sent(&[]);
        for name in [
            "x-floodgate-class",
            "forwarded",
            "x-request-deadline-ms",
            "x-forwarded-prefix",
            "x-real-ip",
            "x_forwarded_for",
            "client_cert",
        ] {
            assert!(!request.headers.contains_key(name), "{name}");
        }
        assert_eq!(request.headers["x_of_its_own"], "kept");
        assert_eq!(request.headers["x-forwarded-for"], "10.0.0.9");
        assert_eq!(request.headers["x-forwarded-proto"], "https");
        assert_eq!(request.headers["host"], "shop:8443");
        assert_eq!(request.headers["via"], "1.1 floodgate-0");
        assert_eq!(request.raw_path(), b"/a?q=1");
    }

    #[test]
    fn a_rewrite_changes_path_and_host_and_nothing_else() {
        let request = rewritten(&[], Some("/v2/a"), Some("inner:81"));
        assert_eq!(request.raw_path(), b"/v2/a?q=1");
        assert_eq!(request.headers["host"], "inner:81");
        assert_eq!(request.headers["x-forwarded-host"], "shop:8443");
    }

    #[test]
    fn a_trusted_proxys_chain_is_continued() {
        let request = sent(&["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(request.headers["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 10.0.0.9");
        assert_eq!(request.headers["x-forwarded-prefix"], "/x");
        assert!(!request.headers.contains_key("forwarded"), "which nobody looked at");
    }
    #[test]
    fn a_chain_in_forwarded_is_continued_there_as_far_as_it_can_be_read() {
        let told = |proxies: &[IpNet], peer: &str| {
            let request = forwarded(Trust { proxies, fields: ForwardingFields::Forwarded }, peer, None, None);
            ["forwarded", "x-forwarded-for"].map(|name| request.headers[name].to_str().unwrap().to_owned())
        };
        assert_eq!(
            told(&["10.0.0.0/8".parse().unwrap()], "::ffff:10.0.0.9"),
            ["for=2.2.2.2;proto=https, for=10.0.0.9;host=\"shop:8443\";proto=http", "198.51.100.7, 10.0.0.9"]
        );
        assert_eq!(told(&[], "2001:db8::1")[0], "for=\"[2001:db8::1]\";host=\"shop:8443\";proto=http");
    }

    #[test]
    fn the_trace_is_told_once_and_only_as_the_edge_sees_it() {
        let request = sent(&[]);
        let parents: Vec<_> = request.headers.get_all("traceparent").iter().collect();
        assert_eq!(parents, ["00-00000000000000000000000000000001-0000000000000001-03"]);
        assert!(!request.headers.contains_key("tracestate"));
    }
}
