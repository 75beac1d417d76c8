//! Metrics of what a reload has removed: shown no longer, or they would grow with every renamed route.

use std::collections::HashSet;

use crate::{
    snapshot::{Action, Snapshot},
    telemetry::metric::{Metrics, NONE},
};

/// Forgets what was before and is no more.
pub(super) fn forget(metrics: &Metrics, before: &Snapshot, now: &Snapshot) {
    let kept: HashSet<_> = routes(now).collect();
    let gone = routes(before).filter(|old| !kept.contains(old));
    gone.for_each(|(route, class)| metrics.forget_route_in_class(route, class));
    let kept: HashSet<_> = routes(now).map(|(route, _)| route).collect();
    let gone = routes(before).map(|(route, _)| route).filter(|route| !kept.contains(route));
    gone.for_each(|route| metrics.forget_route(route));
    let kept: HashSet<_> = routes(now).map(|(_, class)| class).collect();
    let classes: HashSet<_> = routes(before).map(|(_, class)| class).filter(|class| *class != NONE).collect();
    classes.difference(&kept).for_each(|class| metrics.forget_class(class));
    let kept: HashSet<_> = pools(now).collect();
    pools(before).filter(|old| !kept.contains(old)).for_each(|pool| metrics.upstream.forget(pool));
    let kept: HashSet<_> = listeners(now).collect();
    listeners(before).filter(|old| !kept.contains(old)).for_each(|listener| metrics.connections.forget(listener));
}

fn listeners(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    snapshot.listeners.iter().map(|listener| listener.model.name.as_str())
}

/// Name and class of each route.
fn routes(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &str)> {
    snapshot.routes.iter().map(|route| {
        let class = match &route.action {
            Action::Forward(forward) => forward.class.as_str(),
            Action::Redirect { .. } | Action::Respond(_) | Action::Files(_) => NONE,
        };
        (route.model.name.as_str(), class)
    })
}

fn pools(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    snapshot.pools.iter().map(|pool| pool.model.name.as_str())
}
