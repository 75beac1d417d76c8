//! Listeners: where clients and operators connect.

use std::{net::SocketAddr, time::Duration};

use super::{
    read::{OneOrMany, Written, mapping},
    tls::Tls,
};
use crate::model::{ByteSize, Secret};

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

        /// Bytes of request line and header fields together, `1KiB` to `256KiB`. Default `32KiB`: twice what browsers
        /// with many cookies send. More is refused with `431`; far more (`1MiB` on HTTP/1, `64KiB` or twice this limit
        /// on HTTP/2, whichever is larger) ends the connection or stream before it is read whole. Live.
        optional max_header: Written<ByteSize>,

        /// How long a connection may be silent between two requests, whole seconds up to `1h`. Default `60s`: keeps a reader of one
        /// page connected for the next click; after it the connection is closed. Live, for connections from then on.
        optional idle_timeout: Written<Duration>,

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
