//! Whom a request is for, where trusted proxies stand in front: `X-Forwarded-For` and `X-Forwarded-Proto`, or `Forwarded`
//! (RFC 7239).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use config::model::{ForwardingFields, IpNet};
use http::HeaderMap;

mod element;

use super::{Trust, canonical, is_trusted};
use element::Element;

/// Hops that are followed: more proxies stand in no row, and a header must not buy more work than that.
const HOPS_MAX: usize = 32;

/// Who asks, and how they reached the first proxy that is trusted, or us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Whether over TLS.
    pub(crate) secure: bool,
}

/// The client behind trusted proxies.
///
/// Each proxy adds whom it was asked by at the right, so the fields are read from there, all lines as one list, and the
/// first address that is no trusted proxy is the client: what stands left of it is anybody's word. A hop that cannot be
/// read ends it, and the last address so far counts: `unknown`, a name made up to hide an address (RFC 7239 s6.3), a
/// broken spelling. So does the 32nd hop. Only the configured kind of fields is read: proxies replace the one that they
/// know and pass on the other one as any client sent it.
///
/// The host is never taken from these fields: it chooses the route, the key and the certificate, and is that of the
/// request itself.
pub(crate) fn client(peer: IpAddr, tls: bool, headers: &HeaderMap, trust: Trust<'_>) -> Client {
    let client = Client { address: canonical(peer), secure: tls };
    if !is_trusted(client.address, trust.proxies) {
        return client;
    }
    match trust.fields {
        ForwardingFields::XForwarded => by_x_forwarded(client, headers, trust.proxies),
        ForwardingFields::Forwarded => by_forwarded(client, headers, trust.proxies),
    }
}

fn by_x_forwarded(mut client: Client, headers: &HeaderMap, trusted: &[IpNet]) -> Client {
    let from_right = |name| {
        let lines = headers.get_all(name).iter().rev();
        lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii).take(HOPS_MAX)
    };
    // The last is the nearest proxy's own.
    let scheme = from_right("x-forwarded-proto").next();
    client.secure = scheme.and_then(is_https).unwrap_or(client.secure);
    // Empty items count for nothing (RFC 9110 s5.6.1.2).
    for hop in from_right("x-forwarded-for").filter(|hop| !hop.is_empty()) {
        let Some(address) = node(hop).filter(|_| is_trusted(client.address, trusted)) else { break };
        client.address = address;
    }
    client
}

fn by_forwarded(mut client: Client, headers: &HeaderMap, trusted: &[IpNet]) -> Client {
    for (_, element) in elements(headers) {
        if !is_trusted(client.address, trusted) {
            break;
        }
        client.secure = element.proto.and_then(|proto| is_https(proto.as_bytes())).unwrap_or(client.secure);
        let Some(address) = element.node.and_then(|name| node(name.as_bytes())) else { break };
        client.address = address;
    }
    client
}

/// What stands in `Forwarded`, as it was sent and in order, from the first element on that has none behind it that
/// cannot be read: a quote that somebody left open must not swallow what proxies add.
pub(crate) fn readable_elements(headers: &HeaderMap) -> Vec<&[u8]> {
    let mut texts: Vec<_> = elements(headers).map(|(text, _)| text).collect();
    texts.reverse();
    texts
}

/// The elements of `Forwarded` from the right, up to one that cannot be read.
fn elements(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], Element)> {
    let lines = headers.get_all(http::header::FORWARDED).iter().rev();
    let texts = lines.flat_map(|line| element::from_right(line.as_bytes())).take(HOPS_MAX);
    texts.filter(|text| !text.is_empty()).map_while(|text| Some((text, element::read(text)?)))
}

/// `None` where it is neither of the two, as for `wss`.
fn is_https(scheme: &[u8]) -> Option<bool> {
    let is = |name: &[u8]| scheme.eq_ignore_ascii_case(name);
    if is(b"https") { Some(true) } else { is(b"http").then_some(false) }
}

/// The address of a hop: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`; the port
/// may be a made-up name (RFC 7239 s6). `None` for all else. An address in IPv6 form that stands for an IPv4 address is
/// that address.
fn node(name: &[u8]) -> Option<IpAddr> {
    let name = str::from_utf8(name).ok()?;
    if let Ok(address) = name.parse::<IpAddr>() {
        return Some(canonical(address));
    }
    let (address, port) = match name.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']')?;
            (IpAddr::from(address.parse::<Ipv6Addr>().ok()?), after)
        }
        None => {
            let (address, port) = name.split_at(name.find(':')?);
            (IpAddr::from(address.parse::<Ipv4Addr>().ok()?), port)
        }
    };
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(canonical(address))
}

fn is_port(port: &str) -> bool {
    let made_up = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match port.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.chars().all(made_up),
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests;
