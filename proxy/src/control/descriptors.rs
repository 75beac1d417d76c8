//! File descriptors: as many as the system allows, and a warning where the configuration may need more.

use config::model::Listener;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What an edge holds open beside connections: sockets, logs, connections of operators and health checks.
const BESIDE_CONNECTIONS: u64 = 1024;

/// Raises the soft limit to the hard one, as every server does that may have many clients (systemd leaves the soft one low
/// for the sake of select(2), which nothing here uses).
pub(super) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

/// Says so where connections could be refused for want of descriptors before the listeners are full.
pub(super) fn warn_if_few(listeners: &[Listener]) {
    // One for the client, one for the endpoint that it waits for.
    let connections: u64 = listeners.iter().map(|listener| u64::from(listener.connections.max)).sum();
    let needed = connections.saturating_mul(2).saturating_add(BESIDE_CONNECTIONS);
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "the limit of open files is too low for `listeners.*.connections.max`; \
             hint: raise it (`LimitNOFILE=` of systemd, `ulimit -Hn`), or lower that key"
        );
    }
}
