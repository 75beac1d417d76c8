//! Checked configuration -> snapshot. Parts whose model is equal keep their counts, health and requests in flight.

use std::{collections::HashMap, io, path::PathBuf, sync::Arc};

use cache::{DiskOptions, Options, ZoneOptions};
use config::model::{self, ListenerId, Live, Place};
use thiserror::Error;

use super::{
    certs::{CertificateError, prints::Prints, ticket_keys::TicketKeyError},
    discover::Discovery,
    secret::{self, SecretError, Token},
    upstream_tls::{self, UpstreamTlsError},
};

pub(super) mod tls;
pub(super) mod route;

use self::tls::Broken;
use crate::{
    clock,
    listen::{admit::Places, door::DoorKey, tls::Tls},
    request::{
        balance::{Balancer, Member, peer::Connector},
        route::Router,
    },
    snapshot::{Listener, Pool, Snapshot},
    telemetry::{access::AccessLog, metric::Metrics},
};

/// Why a checked configuration still cannot go live: something outside the file is not as it says.
#[derive(Debug, Error)]
pub(crate) enum CompileError {
    /// A certificate cannot be served.
    #[error("listener `{listener}`")]
    Certificate {
        listener: String,
        /// Its place in the listener's list.
        index: usize,
        #[source]
        cause: CertificateError,
    },
    /// The authorities of clients' certificates cannot be used.
    #[error("listener `{listener}`")]
    ClientCa {
        listener: String,
        #[source]
        cause: CertificateError,
    },
    /// The keys of session tickets cannot be used.
    #[error("listener `{listener}`")]
    TicketKeys {
        listener: String,
        #[source]
        cause: TicketKeyError,
    },
    /// TLS cannot be spoken to the endpoints of a pool.
    #[error("pool `{pool}`")]
    UpstreamTls {
        pool: String,
        #[source]
        cause: UpstreamTlsError,
    },
    /// The cookies of a pool cannot be signed.
    #[error("pool `{pool}`")]
    StickyKey {
        pool: String,
        #[source]
        cause: SecretError,
    },
    /// Where this edge stands is not said.
    #[error(
        "the environment variable `{variable}` of `process.zone` names no zone; hint: set it where the edge is started, \
         to a-z, 0-9, _ and -, starting with a letter"
    )]
    Zone { variable: String },
    /// A file that a route answers with cannot be read.
    #[error("cannot answer with {}", path.display())]
    Answer {
        /// Its route's place in the list.
        index: usize,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// A folder that a route serves from cannot be opened.
    #[error("cannot serve files from {}", path.display())]
    Folder {
        /// Its route's place in the list.
        index: usize,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The access log cannot be written.
    #[error("cannot open the access log `{target}`")]
    AccessLog {
        target: model::LogTarget,
        #[source]
        cause: io::Error,
    },
}

/// A snapshot, and what else follows from its configuration.
pub(crate) struct Compiled {
    pub(crate) snapshot: Snapshot,
    /// The cache's zones.
    pub(crate) zones: Options,
    pub(crate) expiries: Expiries,
    /// What the files of listeners looked like before they were read.
    pub(crate) files: Prints,
}

/// Compiles a configuration whose sources have the digest `hash`; nothing has changed if it fails.
pub(crate) fn compile(
    live: &Live,
    hash: &str,
    metrics: &Metrics,
    discovery: &Discovery,
    previous: Option<&Snapshot>,
) -> Result<Compiled, CompileError> {
    let files = Prints::of(&live.listeners);
    let mut expiries = Vec::new();
    let listeners = listeners(live, previous, &mut expiries)?;
    live.listeners.iter().for_each(|listener| metrics.connections.listener(&listener.name));
    live.classes.iter().for_each(|class| metrics.class(class));
    let previous_log = previous.map(|previous| &*previous.access_log);
    let access_log = AccessLog::open(&live.access_log, previous_log)
        .map_err(|cause| CompileError::AccessLog { target: live.access_log.to.clone(), cause })?;
    let zone = local_zone(live.zone.as_ref())?;
    let compile_pool = |pool| compile_pool(pool, zone.as_deref(), metrics, discovery, previous).map(Arc::new);
    let pools = live.pools.iter().map(compile_pool);
    let pools: Vec<_> = pools.collect::<Result<_, _>>()?;
    zone.iter().for_each(|zone| warn_if_nobody_is_near(zone, &pools));
    let limits = live.routes.iter().map(|route| route.rate.len()).sum();
    let around = route::Around { live, pools: &pools, limits, metrics, previous };
    let routes =
        live.routes.iter().enumerate().map(|(index, model)| route::compile(index, model, &around).map(Arc::new));
    let routes = routes.collect::<Result<_, _>>()?;
    let caches =
        |route: &model::Route| matches!(&route.action, model::Action::Forward(forward) if forward.cache.is_some());
    let snapshot = Snapshot {
        hash: hash.to_owned(),
        doors: doors(&live.listeners),
        listeners,
        trusted_proxies: live.trusted_proxies.clone(),
        forwarding_fields: live.forwarding_fields,
        trace: live.trace,
        router: Arc::new(Router::new(&live.routes)),
        routes,
        caches: live.routes.iter().any(caches),
        pools,
        access_log: Arc::new(access_log),
    };
    let zones = live.zones.iter().map(|zone| ZoneOptions {
        name: zone.name.clone(),
        memory_bytes: zone.memory.0,
        max_object_bytes: zone.max_object.0,
        disk: zone.disk.as_ref().map(|disk| DiskOptions { folder: disk.folder.clone(), bytes: disk.size.0 }),
    });
    Ok(Compiled { snapshot, zones: Options { zones: zones.collect() }, expiries, files })
}

/// Ends of validity: listener, name, seconds since 1970.
type Expiries = Vec<(String, String, i64)>;

fn listeners(
    live: &Live,
    previous: Option<&Snapshot>,
    expiries: &mut Expiries,
) -> Result<Vec<Arc<Listener>>, CompileError> {
    let compile = |model: &model::Listener| {
        let before = previous.and_then(|previous| previous.listeners.iter().find(|old| old.model.name == model.name));
        let places = before.map_or_else(Arc::default, |before| Arc::clone(&before.places));
        listener(model, before.and_then(|before| before.tls.as_ref()), places, &mut Broken::Refused, expiries)
    };
    live.listeners.iter().map(compile).collect()
}

fn listener(
    model: &model::Listener,
    tls_before: Option<&Tls>,
    places: Arc<Places>,
    broken: &mut Broken<'_>,
    expiries: &mut Expiries,
) -> Result<Arc<Listener>, CompileError> {
    let tls = model.tls.as_ref().map(|tls| tls::compile(&model.name, tls, tls_before, broken)).transpose()?;
    let served = tls.iter().flat_map(|tls| tls.certificates.iter());
    for (certificate, served) in model.certificates().iter().zip(served) {
        let expires_s = served.certificate.expires_s;
        expiries.extend(certificate.names.iter().map(|host| (model.name.clone(), host.to_string(), expires_s)));
    }
    Ok(Arc::new(Listener { model: model.clone(), tls, places }))
}

/// Listeners with what their files hold now.
pub(crate) struct Renewed {
    pub(crate) listeners: Vec<Arc<Listener>>,
    pub(crate) expiries: Expiries,
}

/// Reads the files of all listeners anew; what is wrong with one goes into `broken`, and what it held before is kept.
pub(crate) fn renew(previous: &Snapshot, broken: &mut Vec<CompileError>) -> Result<Renewed, CompileError> {
    let mut expiries = Vec::new();
    let mut broken = Broken::Kept(broken);
    let renew = |old: &Arc<Listener>| {
        listener(&old.model, old.tls.as_ref(), Arc::clone(&old.places), &mut broken, &mut expiries)
    };
    let listeners = previous.listeners.iter().map(renew).collect::<Result<_, _>>()?;
    Ok(Renewed { listeners, expiries })
}

fn doors(listeners: &[model::Listener]) -> HashMap<DoorKey, ListenerId> {
    let ids = (0..).map(ListenerId);
    ids.zip(listeners).flat_map(|(id, listener)| DoorKey::of(listener).map(move |(key, _)| (key, id))).collect()
}

fn compile_pool(
    model: &model::Pool,
    local_zone: Option<&str>,
    metrics: &Metrics,
    discovery: &Discovery,
    previous: Option<&Snapshot>,
) -> Result<Pool, CompileError> {
    let failed = |cause| CompileError::UpstreamTls { pool: model.name.clone(), cause };
    let tls = model.tls.as_ref().map(|tls| upstream_tls::load(tls, model.protocol)).transpose().map_err(failed)?;
    let sticky_key = model.sticky.as_ref().map(|sticky| sticky_key(&model.name, sticky)).transpose()?;
    let before = previous.and_then(|previous| previous.pools.iter().find(|pool| pool.model.name == model.name));
    let members = discovery.members(model).members;
    let sticky_key = sticky_key.as_ref().map(Token::bytes);
    let balancer = before.map(|before| &before.balancer);
    Ok(Pool {
        model: model.clone(),
        balancer: Balancer::new(model, local_zone, sticky_key, &members, balancer, clock::nanos()),
        in_flight: before.map_or_else(Arc::default, |pool| Arc::clone(&pool.in_flight)),
        connector: Connector::new(model, tls.map(|loaded| loaded.tls)),
        metrics: metrics.upstream.of(&model.name),
    })
}

/// The key with which a pool's cookies are signed.
pub(crate) fn sticky_key(pool: &str, model: &model::Sticky) -> Result<Token, CompileError> {
    let failed = |cause| CompileError::StickyKey { pool: pool.to_owned(), cause };
    Token::read("`sticky.key`", &model.key).map_err(failed)
}

/// The name of the zone that this edge stands in.
fn local_zone(zone: Option<&Place>) -> Result<Option<String>, CompileError> {
    match zone {
        None => Ok(None),
        Some(Place::Zone(name)) => Ok(Some(name.clone())),
        Some(Place::Env(variable)) => zone_of_variable(variable, secret::variable(variable)).map(Some),
    }
}

fn zone_of_variable(variable: &str, value: Option<String>) -> Result<String, CompileError> {
    let zone = value.filter(|name| config::is_name(name));
    zone.ok_or_else(|| CompileError::Zone { variable: variable.to_owned() })
}

/// The variable may be another's, or the file that lists endpoints may not have come yet.
fn warn_if_nobody_is_near(zone: &str, pools: &[Arc<Pool>]) {
    let is_near = |member: &Member| member.from.zone.as_deref() == Some(zone);
    if !pools.iter().any(|pool| pool.balancer.members().iter().any(is_near)) {
        tracing::warn!(
            zone,
            "no endpoint stands in the zone of this edge (`process.zone`): all are as far as each other"
        );
    }
}

#[cfg(test)]
mod tests;
