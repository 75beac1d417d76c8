//! The facts of a request in one spelling: who asks, for which host and path, under which id.

use std::net::{IpAddr, Ipv6Addr};

use config::model::{ForwardingFields, Listener};
use http::HeaderMap;
use ipnet::IpNet;
use pingora::http::RequestHeader;

pub(crate) mod path;
pub(crate) mod forwarding;
pub(crate) mod trace;

use super::refusal::Refusal;

/// Whose word on others is taken, and in which fields they give it.
#[derive(Clone, Copy)]
pub(crate) struct Trust<'a> {
    pub(crate) proxies: &'a [IpNet],
    pub(crate) fields: ForwardingFields,
}

/// What is known of a request before any decision is made about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The client, behind trusted proxies.
    pub(crate) client: IpAddr,
    /// Whether the client speaks TLS, to us or to a trusted proxy.
    pub(crate) secure: bool,
    /// Host in lower case, without port.
    pub(crate) host: String,
    /// Host in lower case, with the port if one was sent.
    pub(crate) authority: String,
    /// Path with dot segments resolved and percent-encoding in one spelling; starts with `/`.
    pub(crate) path: String,
    /// Query without `?`, as sent.
    pub(crate) query: Option<String>,
}

/// What the connection and the request line say; the input of [`identify`].
pub(crate) struct Raw<'a> {
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// Whether the connection is TLS.
    pub(crate) tls: bool,
    /// Request target as sent: origin form, or absolute form.
    pub(crate) target: &'a [u8],
    /// Authority of the request target (`:authority` in HTTP/2), where there is one.
    pub(crate) authority: Option<&'a str>,
    /// Header fields.
    pub(crate) headers: &'a HeaderMap,
}

/// Reads the facts, or refuses what could be read in more than one way.
pub(crate) fn identify(raw: &Raw<'_>, trust: Trust<'_>) -> Result<Facts, Refusal> {
    let authority = authority(raw)?;
    let host = host_of(&authority)?.to_owned();
    let (path, query) = split_target(raw.target)?;
    let client = forwarding::client(raw.peer, raw.tls, raw.headers, trust);
    Ok(Facts {
        client: client.address,
        secure: client.secure,
        host,
        authority,
        path: path::normalise(path)?.into_owned(),
        query: query.map(str::to_owned),
    })
}

/// Takes away what the client says is for this hop alone (RFC 9110 s7.6.1): the origin is not sent it, so nothing here may be
/// decided by it either. Else a client could be given one answer, and have it kept as that to another request.
pub(crate) fn drop_nominated(request: &mut RequestHeader) {
    // What frames the message, or is looked at on its way to the origin.
    const KEPT: [&[u8]; 9] = [
        b"close",
        b"connection",
        b"content-length",
        b"host",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ];
    let lines = request.headers.get_all(http::header::CONNECTION).iter();
    let names = lines.flat_map(|line| line.as_bytes().split(|&b| b == b',')).map(<[u8]>::trim_ascii);
    let meant = names.filter(|name| !KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept)));
    let meant: Vec<_> = meant.filter_map(|name| http::HeaderName::from_bytes(name).ok()).collect();
    for name in &meant {
        request.remove_header(name);
    }
}

/// Makes one line of those that HTTP/2 clients may send for each cookie (RFC 9113 s8.2.3), so that what looks at the
/// field, here and in an HTTP/1 origin, sees all of them.
pub(crate) fn join_cookies(request: &mut RequestHeader) -> pingora::Result<()> {
    let lines: Vec<_> = request.headers.get_all(http::header::COOKIE).iter().map(|line| line.as_bytes()).collect();
    if lines.len() < 2 {
        return Ok(());
    }
    let joined = lines.join(&b"; "[..]);
    request.insert_header(http::header::COOKIE, joined)
}

/// Tells in `Client-Cert` who the client has proven to be (RFC 9440), and lets nobody claim it. Done to the request as it
/// came rather than on its way to the origin, so that an answer with `Vary: Client-Cert` is kept for this client alone.
pub(crate) fn tell_client_certificate(
    request: &mut RequestHeader,
    proven: Option<&http::HeaderValue>,
) -> pingora::Result<()> {
    let names = request.headers.keys().map(http::HeaderName::as_str);
    let claimed = names.filter(|name| name.starts_with("client-cert") || name.starts_with("x-client-cert"));
    let claimed: Vec<_> = claimed.map(str::to_owned).collect();
    for name in &claimed {
        request.remove_header(name.as_str());
    }
    proven.map_or(Ok(()), |certificate| request.insert_header("client-cert", certificate))
}

/// The host that the request is for, in lower case, with its port.
fn authority(raw: &Raw<'_>) -> Result<String, Refusal> {
    let mut hosts = raw.headers.get_all(http::header::HOST).iter();
    let host = hosts.next().map(|v| v.to_str().map_err(|_invalid| Refusal::BadRequest("the host is not text")));
    if hosts.next().is_some() {
        return Err(Refusal::BadRequest("more than one host"));
    }
    let host = match (raw.authority, host.transpose()?) {
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
            return Err(Refusal::BadRequest("the host differs from the request target"));
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Refusal::BadRequest("no host")),
    };
    Ok(host.to_ascii_lowercase())
}

/// The authority without its port; refuses what is not a host name, an IPv4 or a bracketed IPv6 address.
pub(crate) fn host_of(authority: &str) -> Result<&str, Refusal> {
    const INVALID: Refusal = Refusal::BadRequest("the host is not valid");
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(INVALID)?;
            address.parse::<Ipv6Addr>().map_err(|_invalid| INVALID)?;
            let host = &authority[..address.len() + 2];
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(INVALID),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let numeric = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if port.is_some_and(|port| !numeric(port)) {
        return Err(INVALID);
    }
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > 253 || !(host.starts_with('[') || host.bytes().all(name)) {
        return Err(INVALID);
    }
    Ok(host)
}

/// Path and query of a request target; the scheme and host of an absolute form are dropped.
fn split_target(target: &[u8]) -> Result<(&str, Option<&str>), Refusal> {
    let target = str::from_utf8(target).map_err(|_invalid| Refusal::BadRequest("the target is not ASCII"))?;
    if !target.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Refusal::BadRequest("the target holds a character that must be encoded"));
    }
    // An origin that cuts it off would answer to another query than the one that the answer is kept under.
    if target.contains('#') {
        return Err(Refusal::BadRequest("the target holds a fragment"));
    }
    let origin_form = match target.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    let (path, query) = match origin_form.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin_form, None),
    };
    match path {
        "" if query.is_some() && origin_form.len() < target.len() => Ok(("/", query)),
        path if path.starts_with('/') => Ok((path, query)),
        _ => Err(Refusal::BadRequest("the target is not a path")),
    }
}

/// An IPv4 address is the same client however the socket spells it.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The network that counts as one client: an IPv4 address, or the /64 of an IPv6 address, because a client is handed a
/// whole /64 and could use each address of it once.
pub(crate) fn network(client: IpAddr) -> u128 {
    match canonical(client) {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) | (1 << 64),
    }
}

/// Whether a header is larger, or has more fields, than a listener allows.
pub(crate) fn is_too_large(request: &RequestHeader, listener: &Listener) -> bool {
    header_bytes(request) > listener.max_header.0 || header_fields(&request.headers) > usize::from(listener.max_headers)
}

/// How many fields HTTP/1 would need: HTTP/2 may send each cookie in a field of its own (RFC 9113 s8.2.3).
fn header_fields(headers: &HeaderMap) -> usize {
    headers.len() - headers.get_all(http::header::COOKIE).iter().count().saturating_sub(1)
}

/// Bytes of the request line and the header fields as they would stand in HTTP/1.1.
fn header_bytes(request: &RequestHeader) -> u64 {
    let line = request.method.as_str().len() + request.raw_path().len() + " HTTP/1.1\r\n".len() + 1;
    let fields: usize =
        request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    (line + fields) as u64
}

/// The length of the body, where it is announced.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// A request id that a trusted proxy gave, if it is one that can be logged and echoed as it is.
pub(crate) fn request_id<'r>(headers: &'r HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> Option<&'r str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let usable = (1..=64).contains(&id.len()) && id.bytes().all(plain);
    (usable && is_trusted(peer, trusted)).then_some(id)
}

/// Whether a hop is one of our own proxies.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&canonical(address)))
}

/// The first value of a cookie (RFC 6265 s5.4), whichever line it stands on.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    cookies(headers, name).next()
}

/// All values of the cookies of one name, in the order in which they were sent.
pub(crate) fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(http::header::COOKIE).iter().map(|line| line.as_bytes());
    lines.flat_map(|line| line.split(|&b| b == b';')).filter_map(move |pair| {
        let pair = pair.trim_ascii();
        pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
    })
}

#[cfg(test)]
mod tests;
