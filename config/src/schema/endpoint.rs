//! Endpoints: the servers of a pool, in the configuration or in a file of their own.

use std::net::{IpAddr, SocketAddr};

use super::{
    describe::{Form, Shape},
    pattern::is_name,
    read::{Read, Written, mapping, refuse_kind, text},
};
use crate::{
    model::Address,
    problem::{At, Code, Report},
    tree::{Node, Value},
};

mapping! {
    /// One server in its long form.
    Endpoint {
        /// IP address and port, or name and port, such as `shop.internal:9101`. A name stands for a server at each of
        /// its addresses, which are looked up every `resolve_every`; all have what is said here. Live.
        required address: Written<Address>,

        /// Its share relative to the others, 1 to 1000. Default 1. Live.
        optional weight: Written<u16>,

        /// The zone that it stands in, such as `eu-1a`: where `process.zone` names the same, it is preferred. As much
        /// goes to the own zone as can be used there: all of it while at least 72 % of its weight can. Default: none;
        /// it is asked as those of other zones are. Live.
        optional zone: Written<String>,

        /// Whether it is only used while none of the others can be. Default `false`. Live.
        optional backup: bool,

        /// Whether it gets nothing new: only clients that `sticky` keeps there, until they are gone. Default `false`.
        /// `edge endpoint` does the same by hand, for a time. Live.
        optional drain: bool,

        /// Requests in flight that it takes from this process, 1 to 1000000; more go to another one. Where every one
        /// has as many as it takes, `503` and `Retry-After`. Default: no limit of its own; `limit.in_flight` is for the
        /// pool. Live.
        optional max_in_flight: Written<u32>,
    }
}

/// One server in either form.
#[derive(Debug)]
pub(crate) struct AnyEndpoint(pub(crate) Endpoint);

impl Read for AnyEndpoint {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let endpoint = match &node.value {
            Value::Text(_) => Endpoint {
                address: Written::read(node, at, report)?,
                weight: None,
                zone: None,
                backup: None,
                drain: None,
                max_in_flight: None,
            },
            Value::Map(_) => Endpoint::read(node, at, report)?,
            _ => {
                let expected = "an address such as `127.0.0.1:9101`, or a mapping with `address`";
                return refuse_kind(node, at, report, expected);
            }
        };
        Some(Self(endpoint))
    }

    fn shape() -> Shape {
        Shape::Either(vec![Address::shape(), Endpoint::shape()])
    }
}

const ADDRESS: Form = Form { what: "an address", example: "127.0.0.1:9101", pattern: "^.+:[0-9]+$" };

impl Read for Address {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let text = text(node, at, report, &ADDRESS.expected())?;
        let address = parse(text);
        if address.is_none() {
            let message = format!("expected {}, found `{text}`", ADDRESS.expected());
            report.refuse_with_hint(Code::WrongAddress, at, message, hint(text));
        }
        address
    }

    fn shape() -> Shape {
        Shape::Text(ADDRESS)
    }
}

/// `127.0.0.1:9101`, `[::1]:9101`, `shop.internal:9101`.
fn parse(text: &str) -> Option<Address> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(Address::Socket(address));
    }
    let (host, port) = text.rsplit_once(':')?;
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|_| digits)?;
    is_name(host).then(|| Address::Name { host: host.to_ascii_lowercase(), port })
}

fn hint(text: &str) -> String {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => return format!("write the address and the port, such as `{ip}:9101`"),
        // It may be meant with a port already.
        Ok(IpAddr::V6(_)) => return "write the address in brackets and the port, such as `[::1]:9101`".into(),
        Err(_other) => {}
    }
    if let Some((scheme @ ("http" | "https"), rest)) = text.split_once("://") {
        let port = if scheme == "https" { 443 } else { 80 };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let address = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
        return format!("write the address alone, such as `{address}`; `tls` says that TLS is spoken");
    }
    match text.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_err() => "a port is a number from 0 to 65535".into(),
        None if is_name(text) => format!("write the name and the port, such as `{text}:9101`"),
        _ => "write an IP address or a name, and a port".into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_an_ip_or_a_name_with_a_port() {
        for text in ["127.0.0.1:9101", "[::1]:9101", "shop:80", "shop.internal:9101", "a_b.x-1.example.:65535"] {
            assert_eq!(parse(text).map(|address| address.to_string()).as_deref(), Some(text));
        }
        assert_eq!(parse("Shop.Internal:80"), Some(Address::Name { host: "shop.internal".to_owned(), port: 80 }));
        for text in [
            "",
            ":",
            ":80",
            "shop",
            "shop:",
            "shop:+1",
            "shop:65536",
            "shop:80:80",
            "::1:80",
            "*.shop:80",
            "sh op:80",
            "-a:80",
            "a..b:80",
            "127.0.0:80",
            "127.0.0.256:80",
            "1.2.3.4.5:80",
            "10:80",
            "http://shop:80",
            "shop:80/",
            "ö:80",
            "[shop]:80",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_read_back(text in "[-_.:\\[\\]a-zA-Z0-9]{0,24}") {
            if let Some(address) = parse(&text) {
                prop_assert_eq!(parse(&address.to_string()), Some(address), "{}", text);
            }
        }
    }
}
