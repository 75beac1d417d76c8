//! Pools: sets of servers that can serve the same requests.

use std::time::Duration;

use super::{
    balance::{AnyBalance, Sticky},
    endpoint::AnyEndpoint,
    failure::{Ejection, Health, OrOff, Retry},
    path::{AuthoritiesPath, ChainPath, EndpointsPath, KeyPath},
    read::{Written, mapping},
};
use crate::model::{HostPattern, Percent, Protocol};

mapping! {
    /// One pool.
    Pool {
        /// Its servers, each `127.0.0.1:9101`, `shop.internal:9101` or `{address: "127.0.0.1:9101", weight: 2}`, up to
        /// 4096. Default: those of `endpoints_file` alone; without it at least one is needed. Live.
        optional endpoints: Written<Vec<AnyEndpoint>>,

        /// YAML file with a list of further servers, written as `endpoints`; a relative path starts from the folder of
        /// this file. For a program that knows which servers there are: it goes live within seconds after the file
        /// changes, without a reload, and those that stay, or come back within 10 minutes, keep their state. A file that
        /// is missing or wrong by then changes nothing, and the log says why; an edge that starts waits for it. Default:
        /// none. Live.
        optional endpoints_file: Written<EndpointsPath>,

        /// From one look-up of the servers' names to the next, `100ms` to `1h`; no request ever waits for one. While
        /// name servers fail, the last good answer is kept. A process that has just started knows none: it waits for one,
        /// and is handed nothing over where a pool would have nobody. Default `10s`: a server that has moved is found
        /// before anybody calls. Only where an endpoint has a name, or may have one in `endpoints_file`. Live.
        optional resolve_every: Written<Duration>,

        /// How one is chosen: `least_requests` takes the one with the fewest requests in flight for its weight (of 8
        /// drawn by chance where there are more than 64), `round_robin` takes them in turn by weight, `p2c_ewma` takes
        /// the faster of two drawn by chance, and `{hash: {by: ...}}` the same one for the same page or client. Default
        /// `least_requests`, because it sends less to a server that has become slow and needs no history. Live.
        optional balance: AnyBalance,

        /// Keep each client at the server that it came to first, by a cookie. Default: no; servers that keep nothing of
        /// their clients in memory are easier to replace. Live.
        optional sticky: Written<Sticky>,

        /// How long a server that comes into use takes to its full share, from a tenth of it, up to `1h`: after its
        /// checks have found it well again, after an ejection, after `down` by hand, and when it is new; not at the
        /// start of the edge. `0s` gives it at once. Default `10s`: its caches are cold, and as the one with the fewest
        /// requests in flight it would draw all that are new. Live.
        optional slow_start: Written<Duration>,

        /// While less than this share of the pool, by weight, can be used, servers that answer badly to checks are used
        /// again; those that cannot be connected to stay out. Backups do not count, nor what is taken out on purpose,
        /// by `drain` or by hand. `0%` never does. Default `50%`: when most servers fail a check, it is the check or
        /// the load, and fewer servers would make it worse. It shows in `floodgate_pool_panic` and in the log. Live.
        optional panic_below: Percent,

        /// Leave out a server for some time for what it does to requests; `off` never does. Default: as below, because
        /// checks do not see everything: a server can answer them well and fail every second request. Live.
        optional eject: OrOff<Ejection>,

        /// Speak TLS to its servers. Default: plain TCP, as within one host or a network that is trusted.
        optional tls: PoolTls,

        /// HTTP version spoken to its servers: `http/1.1`, or `h2` with up to 100 requests at a time on one connection.
        /// Default `http/1.1`, because every server speaks it; gRPC takes `h2`. With `tls`, `h2` is agreed on in the
        /// handshake, and a server that does not agree is answered for with `502`; without, the servers must speak it
        /// from the first byte. WebSocket needs `http/1.1`. Live.
        optional protocol: Protocol,

        /// Ask each server regularly whether it is well. Default: no checks; every server is taken for healthy. Live.
        optional health: Written<Health>,

        /// When a request is sent once more.
        optional retry: Retry,

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
    /// Time limits of one try against one server; each above zero. All tries together have `deadline` of the route.
    #[derive(Default)]
    Timeouts {
        /// Until the connection stands, TLS included, up to `1h`. Default `500ms`: a server in the same site answers in
        /// 1 ms or not at all. Past it another server is tried, or `504`; a connection that is refused is `502`. Live.
        optional connect: Written<Duration>,

        /// From the end of the request to the first byte of the answer, up to `header`. Default `10s`, or `header` if
        /// that is less: nobody waits longer for a page. Past it another server is tried where `retry` says so, or
        /// `504`. With `protocol: h2`, `header` bounds the whole wait. Live.
        optional first_byte: Written<Duration>,

        /// From the end of the request to the end of the answer's header, up to `read`; with `protocol: h2` also between
        /// two reads of its body. Default `10s`, or what `first_byte` and `read` leave: a header is a packet or two, so
        /// this ends a server that sends it byte by byte. Past it as with `first_byte`. Live.
        optional header: Written<Duration>,

        /// Between two reads of the answer, up to `1h`. Default `10s`, or `header` if that is more: a server that is
        /// silent in the middle of a page has forgotten it. Past it the answer ends where it is. A client that pauses
        /// for so long while it sends a body gets `504`, too. What stays open has `stream` instead, and `protocol: h2`
        /// has `header`. Live.
        optional read: Written<Duration>,

        /// Between two writes of the request body, up to `1h`. Default `10s`. Past it `504`. Live.
        optional write: Written<Duration>,

        /// How long an unused connection is kept for the next request, up to `1d`. Default `60s`; keep it below the
        /// server's own limit, or requests run into connections that it is just closing. Live.
        optional idle: Written<Duration>,

        /// How long an exchange that stays open may be silent, up to `1d`, on routes with `streams`: a WebSocket in
        /// both directions, server-sent events, and gRPC. It takes the place of `read` there, and with `protocol: h2`
        /// of `first_byte` and `header`, too: a gRPC server may send its header with its first message. Default `5m`:
        /// ten times the usual interval of pings. Past it both sides are closed, or `504` where nothing was answered.
        /// An open exchange counts as in flight until it ends, and against a rate limit once. Live.
        optional stream: Written<Duration>,
    }
}

mapping! {
    /// How many requests may be in flight.
    #[derive(Default)]
    Limit {
        /// Requests in flight of the most important class, 1 to 1000000. Default 512, or what all endpoints take by
        /// `max_in_flight` if that is less; more than they take is refused. More requests are answered with `503` and
        /// `Retry-After`. While less than `panic_below` of the pool can be used, the limit shrinks with what is left,
        /// so that a few servers are not run over by what all served before. Live.
        optional in_flight: Written<u32>,

        /// What each class leaves free for every class above it, as a share of `in_flight`. Default `10%`: with three
        /// classes the lowest may fill 80 %, the middle 90 %. Live.
        optional headroom: Written<Percent>,
    }
}
