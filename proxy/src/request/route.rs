//! Host, path and method -> route: the most specific match wins.
//!
//! Hosts: exact before wildcard before any. Paths, segment by segment: literal before parameter before rest. Then a
//! route that names the method before one that takes every method. The cost is in the length of the path and the
//! depth of the patterns, not in the number of routes.

use std::collections::HashMap;

use config::model::{HostPattern, Route, RouteId};

mod tree;

use tree::Tree;

/// All routes of one configuration, compiled.
#[derive(Debug, Default)]
pub(crate) struct Router {
    exact: HashMap<String, Tree>,
    /// By the domain below the wildcard label.
    wildcard: HashMap<String, Tree>,
    any: Tree,
}

/// What was found for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// This route serves it.
    Route(RouteId),
    /// Host and path are known, for these methods only (comma-separated).
    OtherMethods(String),
    /// Nothing matches.
    Nothing,
}

impl Router {
    /// Compiles routes; their position is their id.
    pub(crate) fn new(routes: &[Route]) -> Self {
        let mut router = Self::default();
        for (index, route) in routes.iter().enumerate() {
            let id = RouteId(u16::try_from(index).expect("the configuration bounds the number of routes"));
            for path in &route.paths {
                if route.hosts.is_empty() {
                    router.any.insert(path, &route.methods, id);
                }
                for host in &route.hosts {
                    let tree = match host {
                        HostPattern::Exact(name) => router.exact.entry(name.clone()).or_default(),
                        HostPattern::Wildcard(domain) => router.wildcard.entry(domain.clone()).or_default(),
                    };
                    tree.insert(path, &route.methods, id);
                }
            }
        }
        router
    }

    /// The route for a normalised host and path.
    pub(crate) fn find(&self, host: &str, path: &str, method: &str) -> Found {
        let below_wildcard = host.split_once('.').map(|(_, domain)| domain);
        let trees =
            [self.exact.get(host), below_wildcard.and_then(|domain| self.wildcard.get(domain)), Some(&self.any)];
        let mut allowed = Vec::new();
        for tree in trees.into_iter().flatten() {
            if let Some(id) = tree.find(path, method, &mut allowed) {
                return Found::Route(id);
            }
        }
        if allowed.is_empty() {
            return Found::Nothing;
        }
        allowed.sort_unstable();
        allowed.dedup();
        Found::OtherMethods(allowed.join(", "))
    }
}

#[cfg(test)]
mod tests;
