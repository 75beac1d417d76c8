//! The seam between the planes: one compiled configuration, published as a whole.
//!
//! The control plane builds a [`Snapshot`] and publishes it; a request loads it once and lives under it to its end.
//! So no request ever sees half of an old and half of a new configuration.

use std::{collections::HashMap, fmt, ops::Deref, sync::Arc};

use arc_swap::ArcSwap;
use config::model::{self, ForwardingFields, IpNet, ListenerId, RouteId};

use crate::{
    listen::{admit::Places, connection::Connection, door::DoorKey, tls::Tls},
    request::{
        admission::{InFlight, for_what_is_left},
        balance::{Balancer, peer::Connector},
        header_rules::HeaderRules,
        identify::Trust,
        limit::RateLimiter,
        respond::Fixed,
        route::Router,
        split::Split,
        template::Template,
    },
    telemetry::{
        access::AccessLog,
        metric::{PoolMetrics, RouteMetrics},
    },
};

/// One configuration, ready to serve from.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// Digest of the configuration it was compiled from.
    pub(crate) hash: String,
    /// By [`ListenerId`].
    pub(crate) listeners: Vec<Arc<Listener>>,
    /// Which listener a door belongs to.
    pub(crate) doors: HashMap<DoorKey, ListenerId>,
    /// Networks of proxies that are believed whom they speak for.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// In which fields they say so.
    pub(crate) forwarding_fields: ForwardingFields,
    /// Which traces requests belong to.
    pub(crate) trace: model::Trace,
    /// Finds a [`RouteId`].
    pub(crate) router: Arc<Router>,
    /// By [`RouteId`].
    pub(crate) routes: Vec<Arc<Route>>,
    /// Whether any of them caches.
    pub(crate) caches: bool,
    /// In the order of the configuration.
    pub(crate) pools: Vec<Arc<Pool>>,
    /// Where requests are logged.
    pub(crate) access_log: Arc<AccessLog>,
}

/// One listener, ready to serve connections.
pub(crate) struct Listener {
    /// What was configured.
    pub(crate) model: model::Listener,
    /// `Some` where TLS is spoken.
    pub(crate) tls: Option<Tls>,
    /// The connections that it holds.
    pub(crate) places: Arc<Places>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("model", &self.model).finish_non_exhaustive()
    }
}

/// One route with everything that a request on it needs.
pub(crate) struct Route {
    /// Tells it from every other route that was ever compiled, in whatever snapshot.
    pub(crate) number: u64,
    /// What was configured.
    pub(crate) model: model::Route,
    /// Its rate limits, with their counts.
    pub(crate) limits: Vec<Arc<RateLimiter>>,
    /// What happens.
    pub(crate) action: Action,
    /// Changes to the header of each answer.
    pub(crate) response_headers: HeaderRules,
    /// Its counters.
    pub(crate) metrics: RouteMetrics,
}

impl Route {
    /// How it caches, and where; `None` if it does not.
    pub(crate) fn caching(&self) -> Option<(&model::CachePolicy, &model::Zone)> {
        match &self.action {
            Action::Forward(forward) => forward.model.cache.as_ref().zip(forward.zone.as_ref()),
            Action::Redirect { .. } | Action::Respond(_) | Action::Files(_) => None,
        }
    }
}

/// What happens to the requests of a route.
pub(crate) enum Action {
    /// A pool is asked, or the cache before it.
    Forward(Box<Forward>),
    /// The client is sent elsewhere; where to, by the path that matched.
    Redirect { model: model::Redirect, to: Vec<Template> },
    /// The edge gives an answer that is always the same.
    Respond(Fixed),
    /// The edge answers with files.
    Files(model::Files),
}

/// How a pool is asked.
pub(crate) struct Forward {
    /// What was configured.
    pub(crate) model: model::Forward,
    /// Name of its class.
    pub(crate) class: String,
    /// Where it goes: the pools of a split in its order, or the one pool.
    pub(crate) arms: Vec<Arm>,
    /// Which of them; `None` with one pool.
    pub(crate) split: Option<Split>,
    /// Its cache zone, if it caches.
    pub(crate) zone: Option<model::Zone>,
    /// The tags that its answers get, by the path that matched.
    pub(crate) tags: Vec<Vec<Template>>,
    /// The path that the origin is asked for, by the path that matched; empty where it is the client's.
    pub(crate) rewrite: Vec<Template>,
    /// Changes to the header on its way to the origin.
    pub(crate) request_headers: HeaderRules,
}

/// A pool as one route uses it.
pub(crate) struct Arm {
    /// The pool.
    pub(crate) pool: Arc<Pool>,
    /// Requests that the whole pool may have in flight for one of the route's class to be let in.
    pub(crate) ceiling: u32,
    /// What tells its answers in the cache from others to the same URL.
    pub(crate) key_scope: String,
}

impl Arm {
    /// The same for what is left of the pool now.
    pub(crate) fn ceiling_now(&self) -> u32 {
        self.pool.for_what_is_left(self.ceiling)
    }
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
    pub(crate) connector: Connector,
    /// Its counters.
    pub(crate) metrics: PoolMetrics,
}

impl Pool {
    /// A ceiling of its requests in flight, for what is left of it now.
    pub(crate) fn for_what_is_left(&self, ceiling: u32) -> u32 {
        for_what_is_left(ceiling, self.balancer.left(), self.model.panic_below)
    }
}

impl Snapshot {
    /// The same configuration, whose listeners' files hold something else.
    pub(crate) fn with_listeners(&self, listeners: Vec<Arc<Listener>>) -> Self {
        Self { listeners, ..self.clone() }
    }

    /// A listener.
    pub(crate) fn listener(&self, id: ListenerId) -> &Arc<Listener> {
        &self.listeners[id.index()]
    }

    /// The listener that a door belongs to; `None` if it is no longer configured.
    pub(crate) fn listener_at(&self, door: &DoorKey) -> Option<&Arc<Listener>> {
        self.doors.get(door).map(|id| self.listener(*id))
    }

    /// The listener that a connection's door belongs to now, whatever it is called. A door that is closing belongs to
    /// none: what still comes in by it is for the listener of the same name, or else for that of before.
    pub(crate) fn listener_of<'a>(&'a self, connection: &'a Connection) -> &'a Arc<Listener> {
        let was = &connection.listener;
        let of_that_name = || self.listeners.iter().find(|now| now.model.name == was.model.name);
        self.listener_at(&connection.door.key).or_else(of_that_name).unwrap_or(was)
    }

    /// Whose word on others is taken.
    pub(crate) fn trust(&self) -> Trust<'_> {
        Trust { proxies: &self.trusted_proxies, fields: self.forwarding_fields }
    }

    /// A route.
    pub(crate) fn route(&self, id: RouteId) -> &Arc<Route> {
        &self.routes[id.index()]
    }
}

/// Where the current snapshot is found, or another value that the control plane replaces as a whole.
pub(crate) struct Published<T = Snapshot>(ArcSwap<T>);

impl<T> Published<T> {
    /// Publishes the first one.
    pub(crate) fn new(first: T) -> Self {
        Self(ArcSwap::from_pointee(first))
    }

    /// The current one, for the whole of a request or connection.
    pub(crate) fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// The current one, for a moment: without counting who holds it, which workers would contend for.
    pub(crate) fn peek(&self) -> impl Deref<Target = Arc<T>> + use<T> {
        self.0.load()
    }

    /// Replaces it for everything that starts from now on.
    pub(crate) fn publish(&self, next: T) {
        self.0.store(Arc::new(next));
    }
}
