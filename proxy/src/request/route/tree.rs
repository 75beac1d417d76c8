//! Paths of one host as a tree of segments.

use std::collections::HashMap;

use config::model::{PathPattern, RouteId, Segment};

/// A node: what may follow the path so far, and which routes end here.
#[derive(Debug, Default)]
pub(super) struct Tree {
    literal: HashMap<String, Tree>,
    parameter: Option<Box<Tree>>,
    /// Routes whose pattern ends here.
    here: Vec<Target>,
    /// Routes whose pattern takes everything from here.
    rest: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    /// Empty takes every method.
    methods: Vec<String>,
    route: RouteId,
}

impl Tree {
    pub(super) fn insert(&mut self, path: &PathPattern, methods: &[String], route: RouteId) {
        let target = Target { methods: methods.to_vec(), route };
        let mut node = self;
        for segment in &path.segments {
            node = match segment {
                Segment::Literal(text) => node.literal.entry(text.clone()).or_default(),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
                Segment::Rest => return node.rest.push(target),
            };
        }
        node.here.push(target);
    }

    /// The most specific route for a path; methods of routes that match but for the method are added to `allowed`.
    pub(super) fn find<'t>(&'t self, path: &str, method: &str, allowed: &mut Vec<&'t str>) -> Option<RouteId> {
        self.descend(Some(path.strip_prefix('/').unwrap_or(path)), method, allowed)
    }

    /// `left` is the path still to match, without its first slash; `None` at its end.
    fn descend<'t>(&'t self, left: Option<&str>, method: &str, allowed: &mut Vec<&'t str>) -> Option<RouteId> {
        let Some(left) = left else {
            return pick(&self.here, method, allowed).or_else(|| pick(&self.rest, method, allowed));
        };
        let (segment, after) = match left.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (left, None),
        };
        let literal = self.literal.get(segment).and_then(|tree| tree.descend(after, method, allowed));
        literal
            .or_else(|| {
                let parameter = self.parameter.as_deref().filter(|_| !segment.is_empty());
                parameter.and_then(|tree| tree.descend(after, method, allowed))
            })
            .or_else(|| pick(&self.rest, method, allowed))
    }
}

/// A route that names the method, else one that takes every method.
fn pick<'t>(targets: &'t [Target], method: &str, allowed: &mut Vec<&'t str>) -> Option<RouteId> {
    let named = targets.iter().find(|target| target.methods.iter().any(|name| name == method));
    let found = named.or_else(|| targets.iter().find(|target| target.methods.is_empty()));
    if found.is_none() {
        allowed.extend(targets.iter().flat_map(|target| target.methods.iter().map(String::as_str)));
    }
    found.map(|target| target.route)
}
