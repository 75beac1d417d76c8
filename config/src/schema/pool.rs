//! Pools: sets of servers that can serve the same requests.

use std::{net::SocketAddr, time::Duration};

use super::describe::Shape;
use super::path::{AuthoritiesPath, ChainPath, KeyPath};
use super::read::{Read, Written, mapping, refuse_kind, words};
use crate::{
    model::{Balance, HostPattern, Percent, Protocol},
    problem::{At, Report},
    tree::{Node, Value},
};

mapping! {
    /// One pool.
    Pool {
        /// Its servers, each `127.0.0.1:9101` or `{address: "127.0.0.1:9101", weight: 2}`; at least one. Live.
        required endpoints: Written<Vec<AnyEndpoint>>,

        /// How one is chosen: `least_requests` takes the one with the fewest requests in flight for its weight,
        /// `round_robin` takes them in turn by weight. Default `least_requests`, because it sends less to a server
        /// that has become slow. Live.
        optional balance: Balance,

        /// Speak TLS to its servers. Default: plain TCP, as within one host or a network that is trusted.
        optional tls: PoolTls,

        /// HTTP version spoken to its servers: `http/1.1`, or `h2` with up to 100 requests at a time on one connection.
        /// Default `http/1.1`, because every server speaks it; gRPC takes `h2`. With `tls`, `h2` is agreed on in the
        /// handshake, and a server that does not agree is answered for with `502`; without, the servers must speak it
        /// from the first byte. WebSocket needs `http/1.1`. Live.
        optional protocol: Protocol,

        /// Ask each server regularly whether it is well. Default: no checks; every server is taken for healthy. Live.
        optional health: Health,

        /// Tries per request, 1 to 5; further ones go to another server, and only while nothing was sent or the
        /// request is idempotent. Default 2: survives one dead server, and cannot more than double the load. Live.
        optional tries: Written<u32>,

        /// Time limits of one try.
        optional timeouts: Timeouts,

        /// Requests in flight.
        optional limit: Limit,
    }
}

mapping! {
    /// TLS towards the servers of a pool, health checks included. Their certificates are always verified: one that is
    /// expired, of another name or of an unknown authority is `502`, with the reason in the access log. Versions 1.2
    /// and 1.3 are spoken.
    PoolTls {
        /// The name that the servers' certificates are for, and that they are asked for (SNI): `shop.internal`, or an
        /// IP address. Without it a certificate says nothing. Live.
        required server_name: Written<HostPattern>,

        /// PEM file with the certificates of the authorities that are trusted to vouch for the servers; a relative
        /// path starts from the folder of this file. Default: those of the system, at the start of the process. With
        /// it they are not trusted: only your own authority may vouch for your own servers. Live.
        optional ca: Written<AuthoritiesPath>,

        /// Certificate that the edge shows to servers that ask for one. Default: none. Live.
        optional certificate: ClientCertificate,
    }
}

mapping! {
    /// A certificate that the edge shows to servers.
    ClientCertificate {
        /// PEM file with the chain, leaf first; a relative path starts from the folder of this file. Live.
        required chain: Written<ChainPath>,

        /// PEM file with the private key; a relative path starts from the folder of this file. Live.
        required key: Written<KeyPath>,
    }
}

mapping! {
    /// One server in its long form.
    Endpoint {
        /// IP address and port.
        required address: Written<SocketAddr>,

        /// Its share relative to the others, 1 to 1000. Default 1. Live.
        optional weight: Written<u16>,
    }
}

/// One server in either form.
#[derive(Debug)]
pub(crate) struct AnyEndpoint(pub(crate) Endpoint);

impl Read for AnyEndpoint {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let endpoint = match &node.value {
            Value::Text(_) => Endpoint { address: Written::read(node, at, report)?, weight: None },
            Value::Map(_) => Endpoint::read(node, at, report)?,
            _ => {
                return refuse_kind(
                    node,
                    at,
                    report,
                    "an address such as `127.0.0.1:9101`, or a mapping with `address`",
                );
            }
        };
        Some(Self(endpoint))
    }

    fn shape() -> Shape {
        Shape::Either(vec![SocketAddr::shape(), Endpoint::shape()])
    }
}

mapping! {
    /// A health check by HTTP.
    Health {
        /// Path asked for with `GET`; any 2xx is well.
        required http: Written<String>,

        /// From one check to the next, `10ms` to `1h`. Default `2s`. Live.
        optional interval: Written<Duration>,

        /// Limit of one whole check, at most `interval`, so that checks of one server never overlap. Default `500ms`,
        /// or `interval` if that is less: a server that needs longer for this is not well. Live.
        optional timeout: Written<Duration>,

        /// Failures in a row until a server gets no more requests, 1 to 100. Default 3: one lost packet is no outage.
        /// Live.
        optional down_after: Written<u32>,

        /// Successes in a row until it gets requests again, 1 to 100. Default 2. Live.
        optional up_after: Written<u32>,
    }
}

mapping! {
    /// Time limits of one try against one server; each above zero.
    #[derive(Default)]
    Timeouts {
        /// Until the connection stands, up to `1h`. Default `500ms`: a server in the same site answers in 1 ms or not
        /// at all. Past it another server is tried, or `504`. Live.
        optional connect: Written<Duration>,

        /// From the request sent to the response header, and between two reads of the body, up to `1h`. Default
        /// `10s`: nobody waits longer for a page. Past it `504`, or the end of an answer that has begun. What stays open
        /// has `stream` instead. Live.
        optional read: Written<Duration>,

        /// Between two writes of the request body, up to `1h`. Default `10s`. Past it `504`. Live.
        optional write: Written<Duration>,

        /// How long an unused connection is kept for the next request, up to `1d`. Default `60s`; keep it below the
        /// server's own limit, or requests run into connections that it is just closing. Live.
        optional idle: Written<Duration>,

        /// How long an exchange that stays open may be silent, up to `1d`, on routes with `streams`: a WebSocket in both
        /// directions, server-sent events, and gRPC. `read` then bounds only the wait for the response header, from the
        /// end of the request, and with `protocol: h2` not even that: a gRPC server may send it with its first message.
        /// Default `5m`: ten times the usual interval of pings. Past it both sides are closed, or `504` where nothing
        /// was answered. An open exchange counts as in flight until it ends, and against a rate limit once. Live.
        optional stream: Written<Duration>,
    }
}

mapping! {
    /// How many requests may be in flight.
    #[derive(Default)]
    Limit {
        /// Requests in flight of the most important class, 1 to 1000000. Default 512. More is refused with `503` and
        /// `Retry-After`. Live.
        optional in_flight: Written<u32>,

        /// What each class leaves free for every class above it, as a share of `in_flight`. Default `10%`: with three
        /// classes the lowest may fill 80 %, the middle 90 %. Live.
        optional headroom: Written<Percent>,
    }
}

words! {
    Balance {
        "least_requests" => Balance::LeastRequests,
        "round_robin" => Balance::RoundRobin,
    }
}
