//! Host, path, method, header and query -> route: the most specific match wins.
//!
//! Hosts: exact before wildcard before any. Paths, segment by segment: literal before parameter before rest. Then a
//! route that names the method before one that takes every method, then the one with more conditions. What does not
//! hold of a request falls through to what is less specific.
//!
//! The cost is in the length of the path, the depth of the patterns and the number of routes that share one pattern;
//! how many routes there are does not matter. Finding a route allocates nothing, but where a condition is asked of a query
//! that is percent-encoded.

use std::{collections::HashMap, sync::Arc};

use config::model::{HostPattern, Route, RouteId};
use foldhash::fast::FixedState;
use http::HeaderMap;

mod condition;
mod tree;
mod explain;

pub use explain::{Candidate, Verdict};
use tree::{Requirements, Target, Tree};

/// Names of the configuration -> what lies behind them. What clients ask for is only looked up and never inserted, so
/// nobody can fill a bucket, and a fast hash without a secret will do.
type Names<T> = HashMap<String, T, FixedState>;

/// All routes of one configuration, compiled.
#[derive(Debug, Default)]
pub struct Router {
    exact: Names<Tree>,
    /// By the domain below the wildcard label.
    wildcard: Names<Tree>,
    any: Tree,
}

/// What of a request decides about its route.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Host in lower case, without port.
    pub host: &'a str,
    /// Path in its one spelling; starts with `/`.
    pub path: &'a str,
    /// Method, as sent.
    pub method: &'a str,
    /// Query without `?`, as sent.
    pub query: Option<&'a str>,
    /// Header fields.
    pub headers: &'a HeaderMap,
}

/// What was found for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This route serves it.
    Route {
        /// Which one.
        id: RouteId,
        /// Which of its paths matched: a position in [`Route::paths`].
        pattern: usize,
    },
    /// All but the method fits; these would (comma-separated).
    OtherMethods(String),
    /// Nothing matches.
    Nothing,
}

impl Router {
    /// Compiles routes; their position is their id.
    pub fn new(routes: &[Route]) -> Self {
        let mut router = Self::default();
        for (index, route) in routes.iter().enumerate() {
            let id = RouteId(u16::try_from(index).expect("the configuration bounds the number of routes"));
            let requirements = Arc::new(Requirements::new(&route.methods, &route.conditions));
            for (pattern, path) in route.paths.iter().enumerate() {
                let target = || Target { route: id, pattern, requirements: Arc::clone(&requirements) };
                if route.hosts.is_empty() {
                    router.any.insert(path, target());
                }
                for host in &route.hosts {
                    let tree = match host {
                        HostPattern::Exact(name) => router.exact.entry(name.clone()).or_default(),
                        HostPattern::Wildcard(domain) => router.wildcard.entry(domain.clone()).or_default(),
                    };
                    tree.insert(path, target());
                }
            }
        }
        router
    }

    /// The route for a request.
    pub fn find(&self, asked: &Asked<'_>) -> Found {
        let mut candidates = 0;
        let found = self.walk(asked, |target| {
            candidates += 1;
            target.requirements.hold(asked).then_some(target)
        });
        match found {
            Some(target) => Found::Route { id: target.route, pattern: target.pattern },
            None if candidates == 0 => Found::Nothing,
            None => self.other_methods(asked),
        }
    }

    /// For a request that no route serves: would one with another method be served?
    fn other_methods(&self, asked: &Asked<'_>) -> Found {
        let mut allowed = Vec::new();
        self.walk(asked, |target| {
            if target.requirements.conditions_hold(asked) {
                allowed.extend(target.requirements.methods());
            }
            None::<()>
        });
        if allowed.is_empty() {
            return Found::Nothing;
        }
        allowed.sort_unstable();
        allowed.dedup();
        Found::OtherMethods(allowed.join(", "))
    }

    /// Shows every route whose host and path match, the most specific first, until `visit` returns something.
    fn walk<'r, T>(&'r self, asked: &Asked<'_>, mut visit: impl FnMut(&'r Target) -> Option<T>) -> Option<T> {
        self.trees(asked.host).into_iter().flatten().find_map(|tree| tree.walk(asked.path, &mut visit))
    }

    /// The trees for a host, the most specific first.
    fn trees(&self, host: &str) -> [Option<&Tree>; 3] {
        let below_wildcard = || host.split_once('.').and_then(|(_, domain)| self.wildcard.get(domain));
        // Most configurations have one kind or the other: an empty map costs no hash.
        let exact = if self.exact.is_empty() { None } else { self.exact.get(host) };
        let wildcard = if self.wildcard.is_empty() { None } else { below_wildcard() };
        [exact, wildcard, Some(&self.any)]
    }
}

#[cfg(test)]
mod tests;
