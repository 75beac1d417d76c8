//! The seam between the planes: one compiled configuration, published as a whole.
//!
//! The control plane builds a [`Snapshot`] and publishes it; a request loads it once and lives under it to its end.
//! So no request ever sees half of an old and half of a new configuration.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use config::model::{self, ByteSize, IpNet, ListenerId, RouteId};
use pingora::upstreams::peer::PeerOptions;

use crate::{
    listen::tls::Certificates,
    request::{admission::InFlight, balance::Balancer, limit::RateLimiter, route::Router},
    telemetry::{access::AccessLog, metric::RouteMetrics},
};

/// One configuration, ready to serve from.
pub(crate) struct Snapshot {
    /// Digest of the configuration it was compiled from.
    pub(crate) hash: String,
    /// By [`ListenerId`].
    pub(crate) listeners: Vec<Listener>,
    /// Networks whose forwarding fields are believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Finds a [`RouteId`].
    pub(crate) router: Router,
    /// By [`RouteId`].
    pub(crate) routes: Vec<Arc<Route>>,
    /// In the order of the configuration.
    pub(crate) pools: Vec<Arc<Pool>>,
    /// Where requests are logged.
    pub(crate) access_log: Arc<AccessLog>,
}

/// What a listener does before routing.
pub(crate) struct Listener {
    /// Its name, as configured.
    pub(crate) name: String,
    /// How long a connection may be silent between two requests.
    pub(crate) idle_timeout: Duration,
    /// Bytes of request line and header fields together.
    pub(crate) max_header: ByteSize,
    /// What was configured.
    pub(crate) model: model::Listener,
    /// Certificates by server name; empty on a plain listener.
    pub(crate) certificates: Certificates,
}

/// One route with everything that a request on it needs.
pub(crate) struct Route {
    /// What was configured.
    pub(crate) model: model::Route,
    /// Name of its class.
    pub(crate) class: String,
    /// Where it goes.
    pub(crate) pool: Arc<Pool>,
    /// Requests that the pool may have in flight for one of this class to be let in.
    pub(crate) ceiling: u32,
    /// Its rate limits, with their counts.
    pub(crate) limits: Vec<Arc<RateLimiter>>,
    /// Its cache zone, if it caches.
    pub(crate) zone: Option<model::Zone>,
    /// Its counters.
    pub(crate) metrics: RouteMetrics,
}

/// One pool: its endpoints, how they are chosen and connected to, and what is in flight.
pub(crate) struct Pool {
    /// What was configured.
    pub(crate) model: model::Pool,
    /// Endpoints and choice.
    pub(crate) balancer: Balancer,
    /// Requests in flight.
    pub(crate) in_flight: Arc<InFlight>,
    /// How an endpoint is connected to.
    pub(crate) peer_options: PeerOptions,
}

impl Snapshot {
    /// What a listener does.
    pub(crate) fn listener(&self, id: ListenerId) -> &Listener {
        &self.listeners[id.index()]
    }

    /// A route.
    pub(crate) fn route(&self, id: RouteId) -> &Arc<Route> {
        &self.routes[id.index()]
    }
}

/// Where the current snapshot is found.
pub(crate) struct Published(ArcSwap<Snapshot>);

impl Published {
    /// Publishes the first snapshot.
    pub(crate) fn new(first: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(first))
    }

    /// The current snapshot, for the whole of a request or connection.
    pub(crate) fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Replaces it for everything that starts from now on.
    pub(crate) fn publish(&self, next: Snapshot) {
        self.0.store(Arc::new(next));
    }
}
