//! Narrow doors to what reads foreign bytes, for the fuzz targets alone: there is no such module in any other build.

use std::net::{IpAddr, SocketAddr};

use config::model::{ForwardingFields, IpNet, ProxyProtocol};
use http::HeaderMap;

use crate::{
    listen::{
        front::{
            chunked::Chunks,
            head::{Framing, Limits, Search},
        },
        proxy_protocol::{self, Source},
    },
    request::identify::{Trust, forwarding, path, trace::Trace},
};

/// A path in its one spelling; `None` if it is refused.
pub fn normalise_path(path: &str) -> Option<String> {
    path::normalise(path).ok().map(std::borrow::Cow::into_owned)
}

/// The client behind `proxies`, and whether it speaks TLS.
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet], fields: ForwardingFields) -> (IpAddr, bool) {
    let client = forwarding::client(peer, false, headers, Trust { proxies, fields });
    (client.address, client.secure)
}

/// What of `Forwarded` is sent on.
pub fn forwarded_elements(headers: &HeaderMap) -> Vec<&[u8]> {
    forwarding::readable_elements(headers)
}

/// `traceparent` and `tracestate` as they are sent on where those that came in are believed; `begun` if they are not.
pub fn trace(headers: &HeaderMap, begun: u128, span: u64) -> Option<(String, Option<String>)> {
    let mut trace = Trace::begin(begun.try_into().ok()?, span.try_into().ok()?, false);
    trace.join(headers);
    Some((trace.to_string(), trace.state().map(str::to_owned)))
}

/// The head of an HTTP/1 request that may be handed on.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'b> {
    /// All of it, with the empty line at its end.
    pub bytes: &'b [u8],
    /// The length of the body behind it; `None` if that is chunked.
    pub length: Option<u64>,
}

/// What the front loop makes of bytes that arrive in pieces of these sizes, over and over: `None` as long as the head
/// goes on, or the status with which it is refused.
pub fn head<'b>(
    bytes: &'b [u8],
    sizes: &[usize],
    bytes_max: usize,
    fields_max: usize,
) -> Result<Option<Head<'b>>, u16> {
    let mut search = Search::default();
    for arrived in arrivals(bytes, sizes) {
        let found = search.find(arrived, Limits { bytes: bytes_max, fields: fields_max });
        if let Some(head) = found.map_err(|refusal| refusal.status())? {
            let length = match head.framing {
                Framing::Length(length) => Some(length),
                Framing::Chunked => None,
            };
            return Ok(Some(Head { bytes: &arrived[head.start..head.end], length }));
        }
    }
    Ok(None)
}

/// Where a chunked body ends that arrives in such pieces; `None` if it goes on.
pub fn chunked_end(bytes: &[u8], sizes: &[usize]) -> Result<Option<usize>, &'static str> {
    let mut chunks = Chunks::default();
    let mut end = 0;
    for arrived in arrivals(bytes, sizes) {
        end += chunks.follow(&arrived[end..])?;
        if chunks.is_over() {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// What has arrived after each piece.
fn arrivals<'b>(bytes: &'b [u8], sizes: &[usize]) -> impl Iterator<Item = &'b [u8]> {
    let mut arrived = 0;
    sizes.iter().cycle().map_while(move |size| {
        let more = arrived < bytes.len();
        arrived = arrived.saturating_add((*size).max(1)).min(bytes.len());
        more.then(|| &bytes[..arrived])
    })
}

/// Length and client of a header of the PROXY protocol; `None` as long as it goes on, or if it is of nobody.
pub fn proxy_header(
    bytes: &[u8],
    expected: ProxyProtocol,
) -> Result<Option<(usize, Option<SocketAddr>)>, &'static str> {
    let found = proxy_protocol::parse(bytes, expected).map_err(|proxy_protocol::Fault(why)| why)?;
    Ok(found.map(|(length, source)| match source {
        Source::Client(address) => (length, Some(address)),
        Source::Proxy => (length, None),
    }))
}
