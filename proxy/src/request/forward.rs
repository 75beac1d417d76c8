//! The request header as the origin gets it.

use config::model::IpNet;
use http::{HeaderMap, Version, header};
use pingora::http::RequestHeader;

use super::identify::{Facts, is_trusted};

/// What the origin is told about the request beyond what the client sent.
pub(crate) struct Forwarded<'a> {
    /// Who asks for what.
    pub(crate) facts: &'a Facts,
    /// The path that the origin is asked for, where it is not the client's.
    pub(crate) path: Option<&'a str>,
    /// The host that the origin is asked for, where it is not the client's.
    pub(crate) host: Option<&'a str>,
    /// The other end of the connection.
    pub(crate) peer: std::net::IpAddr,
    /// Networks whose own forwarding fields are kept.
    pub(crate) trusted: &'a [IpNet],
    /// Id of the request.
    pub(crate) request_id: &'a str,
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
    for name in reserved(&request.headers) {
        request.remove_header(&name);
    }
    let chain = match chain(&request.headers) {
        Some(chain) if is_trusted(forwarded.peer, forwarded.trusted) => format!("{chain}, {}", forwarded.peer),
        _ => forwarded.peer.to_string(),
    };
    request.insert_header("x-forwarded-for", chain)?;
    request.insert_header("x-forwarded-proto", if facts.secure { "https" } else { "http" })?;
    request.insert_header("x-forwarded-host", &facts.authority)?;
    request.insert_header("x-request-id", forwarded.request_id)?;
    request.insert_header("host", forwarded.host.unwrap_or(&facts.authority))?;
    request.append_header("via", "1.1 floodgate")?;
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

/// All hops of the field as one line; `None` if there are none. What is not text is left out.
fn chain(headers: &HeaderMap) -> Option<String> {
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Fields that only the edge itself may set: its own, and those by which it speaks to the origin.
fn reserved(headers: &HeaderMap) -> Vec<String> {
    let names = headers.keys().map(|name| name.as_str());
    let is_reserved =
        |name: &&str| name.starts_with("x-floodgate-") || matches!(*name, "forwarded" | "x-request-deadline-ms");
    names.filter(is_reserved).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
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
        let mut request = RequestHeader::build("GET", b"/b/../a?q=1", None).unwrap();
        for (name, value) in [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("x-floodgate-class", "core"),
            ("forwarded", "for=x"),
            ("x-request-deadline-ms", "0"),
        ] {
            request.append_header(name, value).unwrap();
        }
        let peer = "10.0.0.9".parse().unwrap();
        forward(&mut request, &Forwarded { facts: &facts(), path, host, peer, trusted, request_id: "id" }).unwrap();
        request
    }

    #[test]
    fn a_client_cannot_speak_in_the_edges_name() {
        let request = sent(&[]);
        for name in ["x-floodgate-class", "forwarded", "x-request-deadline-ms"] {
            assert!(!request.headers.contains_key(name), "{name}");
        }
        assert_eq!(request.headers["x-forwarded-for"], "10.0.0.9");
        assert_eq!(request.headers["x-forwarded-proto"], "https");
        assert_eq!(request.headers["host"], "shop:8443");
        assert_eq!(request.headers["via"], "1.1 floodgate");
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
        assert_eq!(sent(&["10.0.0.0/8".parse().unwrap()]).headers["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 10.0.0.9");
    }
}
