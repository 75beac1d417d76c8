//! Listeners: where clients and operators connect.

use std::{net::SocketAddr, time::Duration};

use super::path::{ChainPath, KeyPath};
use super::read::{OneOrMany, Written, mapping, words};
use crate::model::{ByteSize, HostPattern, Protocol, Secret};

mapping! {
    /// One listener.
    Listener {
        /// Addresses to listen on, such as `0.0.0.0:8080` or `[::]:8080`; one or a list. Port 0 takes a free one.
        /// Restart.
        required bind: Written<OneOrMany<Written<SocketAddr>>>,

        /// Name of a TLS listener that every request is sent on to with `308`. Default: requests are routed. Live.
        optional redirect_to: Written<String>,

        /// Speak TLS here. Default: plain HTTP.
        optional tls: Tls,

        /// Bytes of request line and header fields together, `1KiB` to `256KiB`. Default `32KiB`: twice what browsers
        /// with many cookies send. More is refused with `431`; far more (`1MiB` on HTTP/1, `64KiB` or twice this limit
        /// on HTTP/2, whichever is larger) ends the connection or stream before it is read whole. Restart.
        optional max_header: Written<ByteSize>,

        /// How long a connection may be silent between two requests, whole seconds up to `1h`. Default `60s`: keeps a reader of one
        /// page connected for the next click; after it the connection is closed. Restart.
        optional idle_timeout: Written<Duration>,

        /// The port that clients see in the address bar, for redirects. Default: the port of the first `bind`; write
        /// it where a port mapping stands before the edge. Live.
        optional public_port: Written<u16>,
    }
}

mapping! {
    /// TLS of one listener. Versions 1.2 and 1.3 are spoken.
    Tls {
        /// Certificates, chosen by the name that the client asks for; at least one. The first also serves clients that
        /// name none. Live.
        required certificates: Written<Vec<Certificate>>,

        /// HTTP versions offered, most wanted first: `h2`, `http/1.1`. Default: both in this order, because one h2
        /// connection per browser costs the edge less than six of h1. Restart.
        optional protocols: Written<Vec<Written<Protocol>>>,
    }
}

mapping! {
    /// One certificate chain with its key.
    Certificate {
        /// Names it is chosen for: `shop.example.com`, or `*.example.com` for any one label; one or a list. Live.
        required names: Written<OneOrMany<Written<HostPattern>>>,

        /// PEM file with the chain, leaf first; a relative path starts from the folder of this file. Live.
        required chain: Written<ChainPath>,

        /// PEM file with the private key; a relative path starts from the folder of this file. Live.
        required key: Written<KeyPath>,
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
    Protocol {
        "h2" => Protocol::H2,
        "http/1.1" => Protocol::Http1,
    }
}
