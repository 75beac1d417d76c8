//! Checked configuration: what the rest of the edge may rely on without looking again.
//!
//! Everything here has been read, checked and resolved: names have become ids, defaults are filled in, every number
//! is in range. [`Boot`] is fixed for the life of the process; [`Live`] can be replaced while requests are in flight.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

pub use ipnet::IpNet;

pub mod id;
pub mod quantity;
pub mod pattern;
pub mod condition;
pub mod pool;
pub mod action;
pub mod cache;
pub mod tls;

pub use action::{
    Action, Body, Destination, Files, Forward, HeaderRules, Redirect, Respond, Rewrite, Share, Split, SplitKey,
    Template, TemplatePart,
};
pub use cache::{
    CachePolicy, ClientDirective, Coding, KeyParts, Negative, Overrides, QueryKey, SetCookie, TagRules, VaryRules,
    Zone, ZoneDisk,
};
pub use condition::{Attribute, Condition, Test};
pub use id::{ClassId, ListenerId, PoolId, RouteId, ZoneId};
pub use pattern::{HostPattern, PathPattern, Segment};
pub use pool::{
    Address, Balance, ClientCertificate, Ejection, Endpoint, Hash, HashKey, HealthCheck, Pool, PoolLimit, Probe, Retry,
    Sticky, SuccessRate, Timeouts, UpstreamTls,
};
pub use quantity::{ByteRate, ByteSize, Percent, Rate};
pub use tls::{Certificate, ClientAuth, Protocol, Tls, TlsVersion};

/// One whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What needs a restart to change.
    pub boot: Boot,
    /// What a reload replaces.
    pub live: Live,
}

/// The part of a configuration that is fixed for the life of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The operators' listener: metrics and readiness.
    pub admin: Admin,
    /// Worker threads that serve requests, at least 1.
    pub workers: usize,
    /// How long connections are still accepted after readiness has gone, when the edge is told to stop.
    pub drain_delay: Duration,
    /// How long a graceful stop then waits for requests in flight.
    pub drain_timeout: Duration,
    /// Whether the file is read again when it changes.
    pub watch: bool,
}

/// The operators' listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Address to bind; loopback by default.
    pub bind: SocketAddr,
}

/// The part of a configuration that a reload replaces as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Where clients connect, by [`ListenerId`]; at least one.
    pub listeners: Vec<Listener>,
    /// What the admin listener asks of those who read or change the configuration; `None` lets nobody.
    pub admin_token: Option<Secret>,
    /// Networks of proxies that are believed whom they speak for.
    pub trusted_proxies: Vec<IpNet>,
    /// In which fields they say so.
    pub forwarding_fields: ForwardingFields,
    /// Names of the classes, by [`ClassId`]: the most important first.
    pub classes: Vec<String>,
    /// Where this edge stands; `None` is nowhere in particular.
    pub zone: Option<Place>,
    /// Pools, by [`PoolId`].
    pub pools: Vec<Pool>,
    /// Cache zones, by [`ZoneId`].
    pub zones: Vec<Zone>,
    /// Routes, by [`RouteId`], as written.
    pub routes: Vec<Route>,
    /// Where requests are logged.
    pub access_log: AccessLog,
    /// Which traces requests belong to.
    pub trace: Trace,
}

/// The fields by which trusted proxies say whom they speak for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardingFields {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl fmt::Display for ForwardingFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::XForwarded => "x-forwarded",
            Self::Forwarded => "forwarded",
        })
    }
}

/// Where a secret stands. The configuration never holds the secret itself, so that it can be shown to anyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(PathBuf),
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// Where this edge stands: the name of a zone, or where that name is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this zone.
    Zone(String),
    /// In the zone that this environment variable names.
    Env(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone(name) => f.write_str(name),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

/// Where clients connect, what is spoken there, and what happens before routing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name, as written.
    pub name: String,
    /// Addresses to bind, at least one.
    pub bind: Vec<SocketAddr>,
    /// Every request is sent on to this listener (`308`).
    pub redirect_to: Option<ListenerId>,
    /// The port that clients see in the address bar; differs from the bound one behind a port mapping.
    pub public_port: u16,
    /// `Some` where TLS is spoken.
    pub tls: Option<Tls>,
    /// Whether a client may begin with HTTP/2; only where no TLS is spoken.
    pub h2c: bool,
    /// Whether a proxy says whom a connection is for; not `Off` only with trusted proxies.
    pub proxy_protocol: ProxyProtocol,
    /// Bytes of request line and header fields together; more is refused with `431`.
    pub max_header: ByteSize,
    /// Header fields of a request, 1 to 256; more are refused with `431`.
    pub max_headers: u16,
    /// How long a header may take to arrive.
    pub header_timeout: Duration,
    /// How long a connection may be silent between two requests, in whole seconds.
    pub idle_timeout: Duration,
    /// Requests of a connection, at least 1.
    pub keepalive_requests: u32,
    /// How slowly a client may send a body or take an answer; zero for as slowly as it likes.
    pub min_rate: ByteRate,
    /// How many connections it may hold.
    pub connections: Connections,
    /// What a client may do on one connection of HTTP/2.
    pub http2: Http2,
}

impl Listener {
    /// Its certificates; none where no TLS is spoken.
    pub fn certificates(&self) -> &[Certificate] {
        self.tls.as_ref().map_or(&[], |tls| &tls.certificates)
    }
}

/// The version of the PROXY protocol in which a proxy says whom a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// None does.
    Off,
    /// The one of text.
    V1,
    /// The binary one.
    V2,
    /// Either.
    Any,
}

impl fmt::Display for ProxyProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Any => "any",
        })
    }
}

/// How many connections a listener may hold; more are closed as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// In all, at least 1.
    pub max: u32,
    /// From one client: an IPv4 address, or the /64 of an IPv6 address; at least 1. Trusted proxies are not counted.
    pub per_address: u32,
}

/// What a client may do on one connection of HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// Requests under way at a time, at least 1.
    pub streams: u32,
}

/// Which requests are meant, and what happens to them.
///
/// No two routes are equally specific for one request. What is more specific: first by host (exact, wildcard, any),
/// then by path (see [`PathPattern`]), then by method (named, any), then by the number of conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name, as written.
    pub name: String,
    /// Hosts; empty matches every host.
    pub hosts: Vec<HostPattern>,
    /// Paths, at least one.
    pub paths: Vec<PathPattern>,
    /// Methods in upper case; empty matches every method.
    pub methods: Vec<String>,
    /// What else must hold, all of it.
    pub conditions: Vec<Condition>,
    /// Whether it is only for clients that have shown a certificate.
    pub needs_client_certificate: bool,
    /// What happens.
    pub action: Action,
    /// Rate limits; a request must be within each.
    pub rate: Vec<RateLimit>,
    /// Changes to the header of every answer on its way to the client, the edge's own included.
    pub response_headers: HeaderRules,
}

impl Route {
    /// Whether a URL alone says that it is this route's. If not, another route may answer to the same URL: to requests
    /// that meet no conditions, or to `HEAD` where this one takes `GET` alone.
    pub fn is_told_by_url(&self) -> bool {
        let takes = |method: &str| self.methods.is_empty() || self.methods.iter().any(|own| own == method);
        self.conditions.is_empty() && takes("GET") && takes("HEAD")
    }

    /// What is asked of a pool; `None` where the edge answers by itself.
    pub fn forward(&self) -> Option<&Forward> {
        match &self.action {
            Action::Forward(forward) => Some(forward),
            Action::Redirect(_) | Action::Respond(_) | Action::Files(_) => None,
        }
    }
}

/// A limit on how often something may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What is counted.
    pub per: RateKey,
    /// The sustained rate.
    pub at: Rate,
    /// Requests above the rate that are let through at once, at least 1.
    pub burst: u32,
}

/// What a rate limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateKey {
    /// The client's address; IPv6 by its /64.
    Address,
}

/// Where requests are logged, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// The sink.
    pub to: LogTarget,
    /// Share of the requests that is logged; refusals and errors always are.
    pub sample: Percent,
}

/// Which traces requests belong to (W3C Trace Context).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Whose traces go on.
    pub from: TraceFrom,
    /// Share of the traces begun here that are to be recorded.
    pub sample: Percent,
}

/// Whose traces go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFrom {
    /// Those of trusted proxies alone.
    TrustedProxies,
    /// Those of all clients.
    Anyone,
}

impl fmt::Display for TraceFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TrustedProxies => "trusted_proxies",
            Self::Anyone => "anyone",
        })
    }
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Appended to a file, opened anew at each reload.
    File(PathBuf),
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Stdout => f.write_str("stdout"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}
