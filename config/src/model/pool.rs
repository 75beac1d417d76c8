//! Pools: the servers behind the edge, which of them a request goes to, and what happens when they fail.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use super::{Percent, Protocol, Secret};

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

impl Pool {
    /// Whether endpoints have names that are looked up, or may have them.
    pub fn looks_up_names(&self) -> bool {
        let named = |endpoint: &Endpoint| matches!(endpoint.address, Address::Name { .. });
        self.endpoints_file.is_some() || self.endpoints.iter().any(named)
    }
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
    /// Of two endpoints drawn by weight, the one with the smaller product of latency (a peak that fades) and requests
    /// in flight.
    P2cEwma,
    /// Consistent hashing with bounded loads.
    Hash(Hash),
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundRobin => f.write_str("round_robin"),
            Self::LeastRequests => f.write_str("least_requests"),
            Self::P2cEwma => f.write_str("p2c_ewma"),
            Self::Hash(Hash { by, load_percent }) => write!(f, "hash by {by}, load {load_percent}%"),
        }
    }
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

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str("path"),
            Self::Address => f.write_str("address"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
        }
    }
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
