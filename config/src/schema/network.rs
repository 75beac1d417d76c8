//! Numbers, addresses and networks as they are written.

use std::net::{IpAddr, SocketAddr};

use super::describe::{Form, Shape};
use super::read::{Read, found, refuse_kind, text};
use crate::{
    model::IpNet,
    problem::{At, Code, Report},
    tree::{Node, Value},
};

impl Read for u32 {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        whole_number(node, at, report, Self::MAX)
    }

    fn shape() -> Shape {
        Shape::Number { most: Self::MAX.into() }
    }
}

impl Read for u16 {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        whole_number(node, at, report, Self::MAX)
    }

    fn shape() -> Shape {
        Shape::Number { most: Self::MAX.into() }
    }
}

fn whole_number<T>(node: &Node, at: &At, report: &mut Report, max: T) -> Option<T>
where
    T: TryFrom<i128> + std::fmt::Display,
{
    let Value::Integer(value) = node.value else { return refuse_kind(node, at, report, "a whole number") };
    let number = T::try_from(value).ok();
    if number.is_none() {
        report.refuse(
            Code::OutOfRange,
            at,
            format!("expected a whole number from 0 to {max}, found {}", found(&node.value)),
        );
    }
    number
}

const ADDRESS: Form = Form { what: "an address", example: "127.0.0.1:8080", pattern: "^.+:[0-9]+$" };
const NETWORK: Form = Form { what: "a network", example: "10.0.0.0/8", pattern: "^[0-9a-fA-F.:]+/[0-9]+$" };

impl Read for SocketAddr {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let text = text(node, at, report, &ADDRESS.expected())?;
        let address = text.parse().ok();
        if address.is_none() {
            let message = format!("expected {}, found `{text}`", ADDRESS.expected());
            report.refuse_with_hint(Code::WrongAddress, at, message, address_hint(text));
        }
        address
    }

    fn shape() -> Shape {
        Shape::Text(ADDRESS)
    }
}

fn address_hint(text: &str) -> String {
    if let Ok(ip) = text.parse::<IpAddr>() {
        let example = if ip.is_ipv6() { "[::1]:8080".into() } else { format!("{ip}:8080") };
        return format!("write the address and the port, such as `{example}`");
    }
    match text.rsplit_once(':') {
        Some(("" | "*", port)) => format!("write `0.0.0.0:{port}` for every address of this machine"),
        Some((_, port)) if port.parse::<u16>().is_err() => "a port is a number from 0 to 65535".into(),
        Some((host, port)) if host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains(':') => {
            format!("host names are not looked up: write the address, such as `127.0.0.1:{port}`")
        }
        _ => "write an IP address and a port".into(),
    }
}

impl Read for IpNet {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let text = text(node, at, report, &NETWORK.expected())?;
        let message = format!("expected {}, found `{text}`", NETWORK.expected());
        match (text.parse::<Self>(), text.parse::<IpAddr>()) {
            (Ok(net), _) if net.trunc() == net => return Some(net),
            (Ok(net), _) => {
                report.refuse_with_hint(Code::WrongNetwork, at, message, format!("did you mean `{}`?", net.trunc()))
            }
            (_, Ok(ip)) => {
                report.refuse_with_hint(Code::WrongNetwork, at, message, format!("did you mean `{}`?", Self::from(ip)))
            }
            _ => report.refuse(Code::WrongNetwork, at, message),
        }
        None
    }
    fn shape() -> Shape {
        Shape::Text(NETWORK)
    }
}
