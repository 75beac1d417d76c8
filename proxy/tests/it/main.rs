//! The edge as its users meet it: a real process, real sockets, real TLS, scripted origins and the real shop.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may panic, and times out by the clock")]

mod world;
mod origin;
mod wire;
mod recording;
mod malformed;
mod framing;
mod front;
mod listening;
mod authority;
mod tls;
mod identity;
mod connections;
mod handover;
mod serving;
mod http2;
mod routing;
mod answering;
mod caching;
mod protection;
mod interim;
mod tls_origin;
mod upstream_tls;
mod upstream_http2;
mod streams;
mod endpoints;
mod retrying;
mod sticking;
mod operation;
mod reloading;
mod checking;
mod remote;
mod shop;
mod explain;
mod keys;
