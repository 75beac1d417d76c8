//! Narrow doors to what reads foreign bytes, for the fuzz targets alone: there is no such module in any other build.

use std::net::IpAddr;

use config::model::{ForwardingFields, IpNet};
use http::HeaderMap;

use crate::request::identify::{Trust, forwarding, path, trace::Trace};

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
