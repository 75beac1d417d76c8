//! Listeners: where clients and operators connect.

use std::{net::SocketAddr, time::Duration};

use super::{
    read::{OneOrMany, Written, mapping, words},
    tls::Tls,
};
use crate::model::{ByteRate, ByteSize, ProxyProtocol, Secret};

mapping! {
    /// One listener.
    Listener {
        /// Addresses to listen on, such as `0.0.0.0:8080` or `[::]:8080`; one or a list. Port 0 takes a free one.
        /// An address that a reload takes away is closed; its connections end after the request that they are at. Live.
        required bind: Written<OneOrMany<Written<SocketAddr>>>,

        /// Name of a TLS listener that every request is sent on to with `308`. Default: requests are routed. Live.
        optional redirect_to: Written<String>,

        /// Speak TLS here. Default: plain HTTP.
        optional tls: Tls,

        /// Whether a client may begin with HTTP/2 at once, as gRPC clients without TLS and some proxies do (h2c by prior
        /// knowledge; `Upgrade: h2c` is never followed). Only without `tls`, where HTTP/2 is agreed on in the handshake:
        /// see `tls.protocols`. HTTP/1 is spoken beside it. Default `false`: browsers never do it, and its beginning is
        /// refused with `505`. Live, for connections from then on.
        optional h2c: Written<bool>,

        /// Whether a proxy in front says by the PROXY protocol whom each connection is for: `off`, `v1`, `v2`, or
        /// `any` of the two. Needs `trusted_proxies`: a connection from another address is closed, as is one without a
        /// header of that version, or of more than 536 bytes, or whose header does not arrive within `header_timeout`.
        /// The address that the header names takes the place of the proxy's in everything, limits and `X-Forwarded-For`
        /// among them; a header that names none (`LOCAL`, `UNKNOWN`) leaves the proxy's. Default `off`. Live, for
        /// connections from then on.
        optional proxy_protocol: Written<ProxyProtocol>,

        /// Bytes of request line and header fields together, `1KiB` to `256KiB`. Default `32KiB`: twice what browsers
        /// with many cookies send. More is refused with `431`; far more (`64KiB` or twice this limit on HTTP/2,
        /// whichever is larger) ends the stream before it is read whole. Live, on HTTP/1 for connections from then on.
        optional max_header: Written<ByteSize>,

        /// How many header fields a request may have, 1 to 256; on HTTP/2 all cookies together are one. Default 100, as
        /// Apache has it: browsers send about 20, proxies add a few. More are refused with `431`. Live, on HTTP/1 for
        /// connections from then on.
        optional max_headers: Written<u16>,

        /// How long a request's header may take to arrive, from its first byte to its last and for the first
        /// request of a connection from accepting (after the TLS handshake), `100ms` to `1m`. Default `5s`: a header is
        /// a packet or two, and who cannot send that in five seconds is no browser. After it, the answer is `408` and
        /// the connection is closed; without an answer on HTTP/2, and where nothing had arrived. Live, for connections from then on.
        optional header_timeout: Written<Duration>,

        /// How long a connection may be silent between two requests, whole seconds up to `1h`. Default `60s`: keeps a reader of one
        /// page connected for the next click; after it the connection is closed. Live, for connections from then on.
        optional idle_timeout: Written<Duration>,

        /// How many requests a connection may carry, 1 to 1000000; the last answer says `Connection: close`, on HTTP/2
        /// a GOAWAY comes with it.
        /// Default 1000, as nginx has it: what each costs to open is spread over enough, and clients move to other edges
        /// now and then. Live, for connections from then on.
        optional keepalive_requests: Written<u32>,

        /// How slowly a client may send a request's body, or take an answer, up to `1MiB/s`; `0B/s` asks for
        /// nothing. Default `500B/s`: slower than any modem, and a body of one byte a minute holds a place in a pool for
        /// hours. Time counts while the edge waits for the client, which has five seconds' grace. What moves faster makes
        /// up for a pause later: of `idle_timeout` in a body, of thirty seconds in an answer, and of no more even with
        /// `0B/s`; a client that stops for good may last twice as long, as what has reached it is looked at only then.
        /// After it, a request is refused with `408`, and an answer that is not taken ends. Live, for connections from
        /// then on.
        optional min_rate: Written<ByteRate>,

        /// How many connections it may hold.
        optional connections: Connections,

        /// What a client may do on one connection of HTTP/2.
        optional http2: Http2,

        /// The port that clients see in the address bar, for redirects. Default: the port of the first `bind`; write
        /// it where a port mapping stands before the edge. Live.
        optional public_port: Written<u16>,
    }
}

mapping! {
    /// How many connections a listener may hold. More are closed as they come, and counted in
    /// `floodgate_connections_refused_total`.
    #[derive(Default)]
    Connections {
        /// In all, 1 to 10000000. Default 20000: about 1 GiB if each is in the middle of a request. The process needs
        /// twice as many file descriptors. Live.
        optional max: Written<u32>,

        /// From one client, 1 to `max`: an IPv4 address, or the /64 of an IPv6 address. Default 256, or `max` if that is
        /// less: a company behind one address has so many browsers, and no more is needed to flood. Connections of
        /// `trusted_proxies` are not counted here. Live.
        optional per_address: Written<u32>,
    }
}

mapping! {
    /// What a client may do on one connection of HTTP/2. Floods of frames that carry nothing end it; they are counted in
    /// `floodgate_connections_closed_total`.
    #[derive(Default)]
    Http2 {
        /// Requests under way at a time, 1 to 10000. Default 100: what RFC 9113 asks for at least, and as many as a
        /// browser uses. More are reset with `REFUSED_STREAM`, and a client may send them again. Live, for connections
        /// from then on.
        optional streams: Written<u32>,
    }
}

mapping! {
    /// The operators' listener. Metrics and readiness are for everybody who reaches it; the configuration is for those
    /// who show the token.
    #[derive(Default)]
    Admin {
        /// Address to listen on. Default `127.0.0.1:9901`: loopback, because whoever reaches it reads the metrics. Another
        /// address needs a `token`. Restart.
        optional bind: Written<SocketAddr>,

        /// Where the token stands that reading and changing the configuration takes: `env:` and the name of an
        /// environment variable, or `file:` and the path of a file, which starts from the folder of this file if it is
        /// relative. At least 16 characters. Default: none; what needs a token is refused with `403`. Live: a reload reads
        /// the file again, while the environment of a process cannot change.
        optional token: Written<Secret>,
    }
}

words! {
    ProxyProtocol {
        "off" => ProxyProtocol::Off,
        "v1" => ProxyProtocol::V1,
        "v2" => ProxyProtocol::V2,
        "any" => ProxyProtocol::Any,
    }
}
