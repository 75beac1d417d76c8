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
pub mod action;
pub mod tls;

pub use action::{
    Action, Body, Destination, Files, Forward, HeaderRules, Redirect, Respond, Rewrite, Share, Split, SplitKey,
    Template, TemplatePart,
};
pub use condition::{Attribute, Condition, Test};
pub use id::{ClassId, ListenerId, PoolId, RouteId, ZoneId};
pub use pattern::{HostPattern, PathPattern, Segment};
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

/// A set of endpoints that can serve the same requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name, as written.
    pub name: String,
    /// Endpoints that the configuration names, in its order, addresses unique; at least one, unless there is a file.
    pub endpoints: Vec<Endpoint>,
    /// Where further endpoints stand.
    pub endpoints_file: Option<PathBuf>,
    /// From one resolution of the endpoints' names to the next.
    pub resolve_every: Duration,
    /// How one of them is chosen.
    pub balance: Balance,
    /// How a client is kept at its endpoint; `None` does not.
    pub sticky: Option<Sticky>,
    /// How long an endpoint that comes into use takes to its full share; zero gives it at once.
    pub slow_start: Duration,
    /// The share of the weights below which endpoints that answer badly to checks are used nevertheless.
    pub panic_below: Percent,
    /// When an endpoint is left out for what it does to requests; `None` never does.
    pub eject: Option<Ejection>,
    /// How TLS is spoken to them; `None` speaks none.
    pub tls: Option<UpstreamTls>,
    /// The HTTP version spoken to them.
    pub protocol: Protocol,
    /// Active health check; `None` takes every endpoint for healthy.
    pub health: Option<HealthCheck>,
    /// When a request is sent once more.
    pub retry: Retry,
    /// Time limits of one try.
    pub timeouts: Timeouts,
    /// Requests in flight.
    pub limit: PoolLimit,
}

/// TLS towards the endpoints of a pool. Their certificates are always verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The DNS name or IP address that their certificates are for; never empty.
    pub server_name: String,
    /// PEM file with the authorities trusted to vouch for them; `None` trusts those of the system.
    pub ca: Option<PathBuf>,
    /// What the edge shows of itself, if anything.
    pub certificate: Option<ClientCertificate>,
}

/// A certificate that the edge shows to endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM file, leaf first.
    pub chain: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// One server of a pool, or several behind one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: Address,
    /// Its share relative to the others, 1 to 1000.
    pub weight: u16,
    /// Where it stands; `None` is nowhere in particular.
    pub zone: Option<String>,
    /// Used only while none of the others can be.
    pub backup: bool,
    /// Gets nothing new: only clients that are kept at it.
    pub drain: bool,
    /// Requests in flight that it takes from this process, at least 1; `None` is no limit.
    pub max_in_flight: Option<u32>,
}

/// Where an endpoint listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// At one address.
    Socket(SocketAddr),
    /// At every address that a name has.
    Name {
        /// The name, in lower case.
        host: String,
        /// The port.
        port: u16,
    },
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// How an endpoint is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Smooth weighted round robin.
    RoundRobin,
    /// The endpoint with the fewest requests in flight for its weight.
    LeastRequests,
    /// Of two endpoints drawn by weight, the one with the smaller product of latency (peak-sensitive moving average)
    /// and requests in flight.
    P2cEwma,
    /// Consistent hashing with bounded loads.
    Hash(Hash),
}

/// Requests with the same key go to the same endpoint, as long as that one is not overloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash {
    /// What is hashed.
    pub by: HashKey,
    /// Requests in flight that an endpoint may have, in percent of its fair share; 101 to 1000.
    pub load_percent: u16,
}

/// What is hashed to find an endpoint. A request without it is drawn by chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// The path as the client asked for it, in the spelling of routing, without the query.
    Path,
    /// The client's address.
    Address,
    /// The value of a header field, its name in lower case.
    Header(String),
    /// The value of a cookie.
    Cookie(String),
}

/// Keeps clients at their endpoint by a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// Its name.
    pub cookie: String,
    /// With what it is signed; edges that share a pool share it.
    pub key: Secret,
    /// How long a client keeps it; `None` until it is closed.
    pub max_age: Option<Duration>,
}

/// When an endpoint is left out for what it does to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Errors in a row, at least 1: no connection, a broken one, a timeout, `502` or `504`.
    pub consecutive_errors: u32,
    /// How far its share of successes in a window may be below that of the others; `None` does not compare.
    pub success_rate: Option<SuccessRate>,
    /// How long at the first time; each further time in a row so much longer.
    pub base: Duration,
    /// How long at the most.
    pub longest: Duration,
    /// Share of the pool's endpoints that may be out at a time.
    pub at_most: Percent,
}

/// How endpoints are compared. Every 5xx but `503` counts as an error here, and what counts in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessRate {
    /// How far below that of the others it may be.
    pub below: Percent,
    /// Tries of an endpoint in a window that say anything, at least 1.
    pub requests: u32,
    /// Over which time.
    pub window: Duration,
}

/// An active health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// From one check to the next.
    pub interval: Duration,
    /// How far an interval may be longer or shorter by chance, as a share of it; at most half.
    pub jitter: Percent,
    /// Limit of one whole check.
    pub timeout: Duration,
    /// Failures in a row until an endpoint counts as down, at least 1.
    pub down_after: u32,
    /// Successes in a row until it counts as up again, at least 1.
    pub up_after: u32,
}

/// What a health check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether a `GET` of a path is answered with 2xx.
    Http {
        /// The path.
        path: String,
        /// The `Host` that is asked for; `None` is the endpoint's address, or the name of its certificate.
        host: Option<String>,
    },
    /// Whether it accepts connections, and speaks TLS where the pool does.
    Tcp,
}

/// When a request is sent once more, and to another endpoint. It never is once an answer has begun, or after a refusal
/// for overload (`429`, `503`); once it was sent, only if its method is idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries per request, at least 1.
    pub tries: u32,
    /// No connection could be made: nothing was sent.
    pub on_connect: bool,
    /// The connection broke before an answer.
    pub on_broken: bool,
    /// The answer did not begin in time.
    pub on_timeout: bool,
    /// Answers with one of these, each a 5xx other than `503`.
    pub on_status: Vec<u16>,
    /// Further tries as a share of the requests to the pool.
    pub budget: Percent,
}

/// Time limits of one try against one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included. Passing it is a `504`.
    pub connect: Duration,
    /// From the end of the request to the first byte of the answer. Passing it is a `504`.
    pub first_byte: Duration,
    /// From the end of the request to the end of the answer's header. Passing it is a `504`.
    pub header: Duration,
    /// Between two reads of the answer's body.
    pub read: Duration,
    /// Between two writes of the request body.
    pub write: Duration,
    /// How long an unused connection is kept for the next request.
    pub idle: Duration,
    /// How long a WebSocket, an event stream or a gRPC call may be silent, where a route has them.
    pub stream: Duration,
}

/// How many requests a pool may have in flight, and how much of that is kept for the more important classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimit {
    /// Requests in flight of the most important class, at least 1.
    pub in_flight: u32,
    /// What each class leaves free for every class above it, as a share of `in_flight`.
    pub headroom: Percent,
}

/// A part of the cache with a budget of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name, as written.
    pub name: String,
    /// Memory for bodies, headers, keys and index together.
    pub memory: ByteSize,
    /// Largest object kept; larger ones pass through.
    pub max_object: ByteSize,
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

/// How the answers of a route are cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// Where they are kept.
    pub zone: ZoneId,
    /// Lifetime of an answer that states none; `None` does not keep it.
    pub default_ttl: Option<Duration>,
    /// How long past its lifetime an answer may be served while one request refreshes it, where the origin says
    /// nothing.
    pub stale_while_revalidate: Duration,
    /// How long past its lifetime an answer may be served when the origin fails, where the origin says nothing.
    pub stale_if_error: Duration,
    /// Which parameters of the query belong to the key.
    pub query: QueryKey,
}

/// Which parameters of the query belong to the cache key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryKey {
    /// All, as sent.
    All,
    /// All but these, for parameters such as `utm_source` that change nothing.
    Drop(Vec<String>),
    /// These alone, sorted by name.
    Keep(Vec<String>),
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
