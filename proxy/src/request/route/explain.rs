//! Why a request gets the route that it gets: every route whose host and path match, and what speaks against it.

use std::fmt;

use config::model::{Attribute, Condition, HostPattern, PathPattern, Route, RouteId, Test};

use super::{Asked, Router, Target};

/// A route whose host and path match a request.
#[derive(Clone, Debug)]
pub struct Candidate<'r> {
    /// Which one.
    pub id: RouteId,
    /// The route.
    pub route: &'r Route,
    /// The host that matches; `None` where the route takes every host.
    pub host: Option<&'r HostPattern>,
    /// The path that matches.
    pub path: &'r PathPattern,
    /// Whether it serves the request.
    pub verdict: Verdict<'r>,
}

/// Whether a route serves a request, or why not. Displayed, it completes the sentence "route x ...".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'r> {
    /// It does.
    Serves,
    /// It takes these methods only.
    OtherMethods(&'r [String]),
    /// This, the first of its conditions that does not hold.
    Fails(&'r Condition),
    /// The route that serves the request names the host more closely.
    HostLessSpecific(Option<&'r HostPattern>, &'r HostPattern),
    /// The route that serves the request has the second path, which is more specific than the first, its own.
    PathLessSpecific(&'r PathPattern, &'r PathPattern),
    /// The route that serves the request names the method; it does not.
    MethodLessSpecific,
    /// The route that serves the request has more conditions: its own number, and that one's.
    FewerConditions(usize, usize),
}

impl Router {
    /// Every route whose host and path match, whatever else they ask of a request; the most specific first.
    pub(crate) fn at(&self, host: &str, path: &str) -> Vec<RouteId> {
        let mut routes = Vec::new();
        for tree in self.trees(host).into_iter().flatten() {
            tree.walk(path, &mut |target: &Target| {
                if !routes.contains(&target.route) {
                    routes.push(target.route);
                }
                None::<()>
            });
        }
        routes
    }

    /// Every route whose host and path match, the most specific first; `routes` are those it was compiled from. Slow:
    /// for people.
    pub fn explain<'r>(&self, routes: &'r [Route], asked: &Asked<'_>) -> Vec<Candidate<'r>> {
        let mut candidates: Vec<Candidate<'r>> = Vec::new();
        for (closeness, tree) in self.trees(asked.host).into_iter().enumerate() {
            let Some(tree) = tree else { continue };
            tree.walk(asked.path, &mut |target| {
                if candidates.iter().all(|known| known.id != target.route) {
                    let route = &routes[target.route.index()];
                    let (path, host) = (&route.paths[target.pattern], host(route, asked.host, closeness));
                    let winner = candidates.iter().find(|known| known.verdict == Verdict::Serves);
                    let verdict = verdict(target, asked, route).unwrap_or_else(|| match winner {
                        None => Verdict::Serves,
                        Some(winner) => less_specific(winner, route, host, path),
                    });
                    candidates.push(Candidate { id: target.route, route, host, path, verdict });
                }
                None::<()>
            });
        }
        candidates
    }
}

/// What of a route does not hold.
fn verdict<'r>(target: &Target, asked: &Asked<'_>, route: &'r Route) -> Option<Verdict<'r>> {
    if !target.requirements.method_holds(asked) {
        return Some(Verdict::OtherMethods(&route.methods));
    }
    target.requirements.failing(asked).map(|at| Verdict::Fails(&route.conditions[at]))
}

/// Why a route that would serve a request comes after the one that does.
fn less_specific<'r>(
    winner: &Candidate<'r>,
    route: &Route,
    host: Option<&'r HostPattern>,
    path: &'r PathPattern,
) -> Verdict<'r> {
    match winner.host {
        Some(closer) if host != Some(closer) => Verdict::HostLessSpecific(host, closer),
        _ if winner.path.segments != path.segments => Verdict::PathLessSpecific(path, winner.path),
        _ if winner.route.methods.is_empty() == route.methods.is_empty() => {
            Verdict::FewerConditions(route.conditions.len(), winner.route.conditions.len())
        }
        _ => Verdict::MethodLessSpecific,
    }
}

/// The pattern of a route that a host matched so closely: 0 exactly, 1 as a wildcard, 2 as any.
fn host<'r>(route: &'r Route, asked: &str, closeness: usize) -> Option<&'r HostPattern> {
    route.hosts.iter().find(|host| match host {
        HostPattern::Exact(name) => closeness == 0 && name == asked,
        HostPattern::Wildcard(domain) => {
            closeness == 1 && asked.split_once('.').is_some_and(|(_, below)| below == domain)
        }
    })
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serves => f.write_str("serves the request"),
            Self::OtherMethods(methods) => write!(f, "takes {} only", methods.join(", ")),
            Self::Fails(condition) => fails(f, condition),
            Self::HostLessSpecific(Some(own), closer) => {
                write!(f, "has the host `{own}`, less specific than `{closer}`")
            }
            Self::HostLessSpecific(None, closer) => write!(f, "takes every host, less specific than `{closer}`"),
            Self::PathLessSpecific(own, closer) => {
                write!(f, "has the path `{}`, less specific than `{}`", own.raw, closer.raw)
            }
            Self::MethodLessSpecific => f.write_str("takes every method, less specific than one that is named"),
            Self::FewerConditions(own, winners) => write!(f, "has fewer conditions, {own} against {winners}"),
        }
    }
}

fn fails(f: &mut fmt::Formatter<'_>, condition: &Condition) -> fmt::Result {
    match &condition.on {
        Attribute::Header(name) => write!(f, "wants another request: header `{name}` ")?,
        Attribute::Query(name) => write!(f, "wants another request: query parameter `{name}` ")?,
    }
    match &condition.test {
        Test::Is(text) => write!(f, "is not {text:?}"),
        Test::Prefix(text) => write!(f, "does not start with {text:?}"),
        Test::Contains(text) => write!(f, "does not contain {text:?}"),
        Test::Present => f.write_str("is absent"),
        Test::Absent => f.write_str("is present"),
    }
}
